"""Writes a layout into the weights of a transformer.

Shape letters: v vocabulary, m model width, d head width, n hidden units.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....errors import UsageError
from ....models import TransformerConfig
from .forms import Atom, Form
from .layout import Layout

if TYPE_CHECKING:
    from ....models import Transformer

SHARPNESS = 100.0  # a score that is lower by 1/2, the least difference, gets a share of e⁻⁵⁰
MOST_WEIGHTS = 100_000_000
Floats = NDArray[np.float64]


def shape(layout: Layout) -> TransformerConfig:
    """Return the smallest transformer that holds a layout.

    Raises:
        UsageError: more than a hundred million weights.
    """
    blocks = layout.blocks.values()
    heads = max([1, *(len(block.heads) for block in blocks)])
    dims = max([1, *(len(head.dims) for block in blocks for head in block.heads)])
    hidden = max([1, *(len(block.units) for block in blocks)])
    channels = len(layout.channels())
    width = heads * max(dims, -(-channels // heads))
    layers = max(layout.blocks, default=0) + 1
    weights = layers * width * (4 * width + 2 * hidden)
    if weights > MOST_WEIGHTS:
        raise UsageError(
            f"compile: {layers} blocks of width {width} ({channels} channels; {heads} heads in a block, with {dims} "
            f"dimensions in the largest) and {hidden} hidden units are {weights:,} weights; {MOST_WEIGHTS:,} are the "
            f"most. Use fewer than {len(layout.vocab)} tokens or a longest input below {layout.longest}."
        )
    return TransformerConfig(
        vocab=1 + len(np.union1d(layout.vocab, layout.outputs)),
        context=layout.longest + 1,
        layers=layers,
        heads=heads,
        width=width,
        hidden=hidden,
        norm="none",
        activation="relu",
        positions="learned",
        tie=False,
        bias=True,
    )


def build(layout: Layout) -> "tuple[Transformer, list[int]]":
    """Return the network and the tokens of its ids from 1; id 0 is BOS."""
    import torch

    from ....models import Transformer

    config = shape(layout)
    values = [*layout.vocab.tolist(), *np.setdiff1d(layout.outputs, layout.vocab).tolist()]
    place = {atom: i for i, atom in enumerate(layout.channels())}
    model = Transformer(config).double().eval().requires_grad_(False)
    state = {name: np.zeros(tuple(tensor.shape)) for name, tensor in model.state_dict().items()}

    state["embed.weight"][0, place[layout.bos]] = 1.0
    for atom, numbers in layout.tokens.items():
        state["embed.weight"][1 : 1 + len(numbers), place[atom]] = numbers
    for atom, numbers in layout.positions.items():
        state["position.weight"][1 : 1 + len(numbers), place[atom]] = numbers
    for number, block in layout.blocks.items():
        prefix = f"blocks.{number}."
        _write_heads(state, prefix + "attention.", config, layout, number, place)
        for unit, (form, targets) in enumerate(block.units.items()):
            _write(state[prefix + "mlp.up.weight"][unit], form, place)
            state[prefix + "mlp.up.bias"][unit] = form.constant
            for atom, weight in targets:
                state[prefix + "mlp.down.weight"][place[atom], unit] += weight
    for value, form in zip(layout.outputs, layout.logits):
        row = state["head.weight"][1 + values.index(value)]
        _write(row, form, place)
        row[place[layout.one]] += form.constant
    model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return model, values


def _write_heads(
    state: dict[str, Floats],
    prefix: str,
    config: TransformerConfig,
    layout: Layout,
    number: int,
    place: dict[Atom, int],
) -> None:
    m, d, bos = config.width, config.head_width, place[layout.bos]
    weight, bias = state[prefix + "qkv.weight"], state[prefix + "qkv.bias"]
    # Attention divides scores by the root of the head width.
    sharp = SHARPNESS * d**0.5
    for slot, head in enumerate(layout.blocks[number].heads):
        for dim, (query, key, at_bos) in enumerate(head.dims):
            q, k = slot * d + dim, m + slot * d + dim
            _write(weight[q], query, place, sharp)
            bias[q] = query.constant * sharp
            _write(weight[k], key, place)
            bias[k] = key.constant
            weight[k, bos] += at_bos - key.at_bos
        v = 2 * m + slot * d
        _write(weight[v], head.value, place)
        bias[v] = head.value.constant
        weight[v, bos] += head.default - head.value.at_bos
        state[prefix + "out.weight"][place[head.into], slot * d] = 1.0


def _write(row: Floats, form: Form, place: dict[Atom, int], scale: float = 1.0) -> None:
    for atom, weight in form.terms:
        row[place[atom]] += scale * weight
