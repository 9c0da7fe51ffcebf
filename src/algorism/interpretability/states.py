"""Hidden states of a causal language model, layer by layer: what each block leaves in the residual stream.

Shape letters: l layer (0 before the first block), n text, b batch, t token, m model width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorism.errors import DataError, ShapeError
from algorism.models.transformer import Transformer

Span = tuple[int, int]


@torch.no_grad()
def layer_states(model: Any, ids_bt: Tensor, mask_bt: Tensor | None = None) -> Tensor:
    """The residual stream before the first block and after each, (l, b, t, m), in single precision.

    Args:
        model: a transformer of ours, or a causal language model of `transformers`; of the latter's states the last ones
            have passed the final norm.
        ids_bt: token ids, filled up on the right.
        mask_bt: 1 at tokens, 0 at padding; None for no padding. Ours needs none: a token sees no later one.

    >>> from algorism.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab=9, context=8, layers=3, heads=2, width=8))
    >>> layer_states(model, torch.tensor([[1, 2, 3]])).shape
    torch.Size([4, 1, 3, 8])
    """
    was_training = model.training
    model.eval()
    try:
        if not isinstance(model, Transformer):
            found = model(input_ids=ids_bt, attention_mask=mask_bt, output_hidden_states=True, use_cache=False)
            return torch.stack([x_btm.float() for x_btm in found.hidden_states])
        seen: list[Tensor] = []
        hooks = [model.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))]
        hooks += [block.register_forward_hook(lambda _, args, out: seen.append(out)) for block in model.blocks]
        try:
            model(ids_bt)
        finally:
            for hook in hooks:
                hook.remove()
    finally:
        model.train(was_training)
    expected = model.config.layers * model.config.loops + 1
    if model.config.loops > 1:  # the first block is entered once more in each loop
        seen = seen[:1] + [x for at, x in enumerate(seen[1:]) if (at + 1) % (model.config.layers + 1)]
    if len(seen) != expected:
        raise ShapeError(f"layer_states: expected {expected} states, got {len(seen)}; is a block called elsewhere?")
    return torch.stack([x_btm.float() for x_btm in seen])


def span_states(
    model: Any, tokenizer: Any, texts: Sequence[str], spans: Sequence[Span], batch: int = 64
) -> NDArray[np.float32]:
    """Mean hidden state over the tokens of a place in each text, (l, n, m).

    A token belongs to the place if it shares a character with it.

    Args:
        model: as for `layer_states`.
        tokenizer: a fast one of `transformers`, which tells where in the text each token stands.
        texts: to read.
        spans: first character and the one behind the last, for each text.
        batch: most texts at once.

    Raises:
        DataError: as many spans as texts are wanted; a place that no token covers.
    """
    if len(spans) != len(texts) or not texts:
        raise DataError(f"span_states: {len(texts)} texts but {len(spans)} spans; give one for each, at least one.")
    device = next(model.parameters()).device
    found: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), batch):
        coded = tokenizer(list(texts[start : start + batch]), return_offsets_mapping=True)
        inside = [
            [first < end and last > begin for first, last in offsets]
            for offsets, (begin, end) in zip(coded["offset_mapping"], spans[start : start + batch], strict=True)
        ]
        for at, row in enumerate(inside):
            if not any(row):
                raise DataError(f"span_states: no token covers {spans[start + at]} of {texts[start + at]!r}.")
        ids_bt, mask_bt = _padded(coded["input_ids"]), _padded([[1] * len(ids) for ids in coded["input_ids"]])
        states_lbtm = layer_states(model, ids_bt.to(device), mask_bt.to(device))
        weight_bt = _padded(inside).to(device).float()
        weight_bt /= weight_bt.sum(1, keepdim=True)
        found.append(torch.einsum("lbtm,bt->lbm", states_lbtm, weight_bt).cpu().numpy())
    return np.concatenate(found, 1)


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*map(int, row), *[0] * (longest - len(row))] for row in rows])
