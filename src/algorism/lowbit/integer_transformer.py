"""Our transformer on integers alone, from token ids to logits: nothing is computed in float.

Weights and the inputs of every product have few bits; the residual stream and the logits have 16; sums have 32, and
rescaling takes 64. Softmax and norms are I-BERT's, an activation is a table with one entry for each integer. Tensors
between modules are float32 only as carriers: they hold whole numbers below 2^24, so that the key-value cache and the
rest of the package take them as they are.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, o outputs, i inputs.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import CheckpointError, DataError, UsageError
from ..models.cache import Cache
from ..models.transformer import Block, Positions, Transformer
from .dyadic import dyadic, rescale
from .integer import ActivationGrid, IntegerLinear
from .integer_functions import SHARES, IntegerNorm, integer_softmax, score_factor
from .integer_layers import check_activations
from .methods.blocks import run
from .observers import observer
from .quantizer import quantize
from .spec import QuantSpec
from .uniform import Quantized, quantize_on

WIDE = QuantSpec(bits=16)  # of the residual stream and the logits
HEADROOM = 2.0  # how much farther than on the calibration set the residual stream may reach
RESIDUAL = "residual"
TABLES = ("embed.weight", "position.weight")
OF_A_BLOCK = ("norm_attention", "q", "k", "v", "mixed", "norm_mlp", "up", "hidden")
Grids = Mapping[str, ActivationGrid]


def unsupported(model: nn.Module) -> str | None:
    """What of a model has no integer form here; None if all has.

    >>> from algorism.models import TransformerConfig
    >>> unsupported(Transformer(TransformerConfig(vocab=16, context=8, positions="alibi")))
    "positions 'alibi' (there are 'learned' and 'none')"
    """
    if not isinstance(model, Transformer):
        return f"a {type(model).__name__} (only our own transformer has one)"
    c = model.config
    if c.positions not in ("learned", "none"):
        return f"positions {c.positions!r} (there are 'learned' and 'none')"
    if c.activation == "swiglu":
        return "activation 'swiglu', a product of two activations"
    if c.norm == "none" or c.norm_place != "before":
        return f"norm {c.norm!r} placed {c.norm_place!r}"
    return "loops, which add embeddings again" if c.loops > 1 else None


def observe_grids(model: Transformer, batches: Iterable[Any], activations: QuantSpec) -> dict[str, ActivationGrid]:
    """Static grids of everything that is rounded, from a network whose weights are on their grids already.

    Args:
        model: in evaluation mode.
        batches: inputs of the model.
        activations: per tensor, static.

    Raises:
        UsageError: a spec that integer layers cannot have, or a network that has no integer form.
        DataError: an empty calibration set.
    """
    check_activations(activations)
    reason = unsupported(model)
    if reason is not None:
        raise UsageError(f"Integer transformer: no integer form of {reason}.")
    even = QuantSpec(bits=activations.bits)  # queries, keys and values: symmetric, so that their products need no sums
    seen = {RESIDUAL: observer(WIDE), "logits": observer(WIDE)}

    def watch(name: str, module: nn.Module, spec: QuantSpec, inputs: bool = False) -> Any:
        seen.setdefault(name, observer(spec))

        def note(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name].observe(arguments[0] if inputs else output)

        return module.register_forward_hook(note)

    def parts(at: int, module: nn.Module) -> Any:
        names = [f"{at}.{part}" for part in "qkv"]
        seen.update({name: observer(even) for name in names})

        def note(_: nn.Module, __: Any, output: Tensor) -> None:
            for name, part in zip(names, output.chunk(3, -1), strict=True):
                seen[name].observe(part)

        return module.register_forward_hook(note)

    handles = [watch(RESIDUAL, model.norm, WIDE, inputs=True), watch("norm", model.norm, activations)]
    handles.append(watch("logits", model, WIDE))
    for at, block in enumerate(cast(list[Block], model.blocks)):
        attention, mlp = block.attention, block.mlp
        handles += [watch(RESIDUAL, norm, WIDE, inputs=True) for norm in (block.norm_attention, block.norm_mlp)]
        handles += [watch(f"{at}.norm_attention", block.norm_attention, activations), parts(at, attention.qkv)]
        handles += [watch(f"{at}.mixed", attention.heads_out, activations)]
        handles += [watch(f"{at}.norm_mlp", block.norm_mlp, activations), watch(f"{at}.up", mlp.up, activations)]
        handles += [watch(f"{at}.hidden", mlp.down, activations, inputs=True)]
    try:
        for batch in batches:
            run(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    if not seen["logits"].batches:
        raise DataError("Integer transformer: the calibration set is empty. Give at least one batch.")
    grids = {name: ActivationGrid(*each.grid(), each.spec) for name, each in seen.items()}
    wide = grids[RESIDUAL]
    return grids | {RESIDUAL: ActivationGrid(wide.scale * HEADROOM, wide.zero_point, wide.spec)}


def quantize_tables(model: Transformer, spec: QuantSpec) -> dict[str, Quantized]:
    """Round the embeddings of tokens and positions, in place; integers by name of the weight."""
    found = {}
    for name in TABLES:
        table = getattr(model.get_submodule(name.removesuffix(".weight")), "weight", None)
        if isinstance(table, nn.Parameter):
            found[name] = quantize(table, spec, what=name)
            table.data = found[name].dequantize()
    return found


def integer_transformer(model: Transformer, weights: Mapping[str, Quantized], grids: Grids) -> None:
    """Let a transformer compute with integers from beginning to end, in place.

    Args:
        model: as `quantize_model` and `quantize_tables` leave it.
        weights: integers of linear layers and embeddings by name of the weight, per tensor or channel.
        grids: of `observe_grids`.

    Raises:
        UsageError: a matrix without integers, weights in groups, or sums that leave 32 bits.
        CheckpointError: a grid that is missing.
    """
    matrices = [name for name, parameter in model.named_parameters() if parameter.dim() == 2]
    missing = [name for name in matrices if name not in weights]
    if missing:
        raise UsageError(f"Integer transformer: every matrix needs integers; {missing[0]!r} has none.")
    names = {RESIDUAL, "norm", "logits", *(f"{at}.{name}" for at in range(len(model.blocks)) for name in OF_A_BLOCK)}
    if not names <= set(grids):
        raise CheckpointError(f"Integer transformer: the grid of {min(names - set(grids))!r} is missing.")
    residual, c = grids[RESIDUAL], model.config
    head = weights["embed.weight" if model.head is None else "head.weight"]
    for at, block in enumerate(cast(list[Block], model.blocks)):
        model.blocks[at] = IntegerBlock(block, weights, grids, at, c.heads)
    scale = float(residual.scale)
    norm = IntegerNorm.build(cast(nn.LayerNorm, model.norm), scale, grids["norm"])
    model.norm = Carried(model.norm, norm)
    model.head = cast(Any, Carried(None, IntegerLinear.build(head, None, grids["norm"], grids["logits"])))
    for name in TABLES:
        if name in weights:
            whole = quantize_on(
                weights[name].dequantize(), residual.scale, residual.zero_point, residual.spec
            ).q.float()
            parameter = nn.Parameter(whole, requires_grad=False)
            model.get_submodule(name.removesuffix(".weight")).register_parameter("weight", parameter)
    model.eval()


class Carried(nn.Module):
    """A function of integers behind tensors of floats that hold whole numbers.

    Args:
        original: whose parameters are kept, for the state dictionary.
        function: int64 to int64.
    """

    def __init__(self, original: nn.Module | None, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        for name, parameter in original.named_parameters() if original is not None else ():
            self.register_parameter(name, parameter)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to the last axis."""
        return self.function(x.long().flatten(0, -2)).float().unflatten(0, x.shape[:-1])


class IntegerBlock(nn.Module):
    """A block on integers: residual stream in, residual stream out.

    Args:
        block: the float one.
        weights: integers by name of the weight.
        grids: of `observe_grids`.
        at: number of the block.
        heads: attention heads.
    """

    def __init__(self, block: Block, weights: Mapping[str, Quantized], grids: Grids, at: int, heads: int) -> None:
        super().__init__()
        attention, mlp = block.attention, block.mlp
        residual, self.heads = grids[RESIDUAL], heads
        self.limits = residual.spec.qmin, residual.spec.qmax
        own = {name: grids[f"{at}.{name}"] for name in OF_A_BLOCK}
        scale = float(residual.scale)
        self.norm_attention = IntegerNorm.build(cast(nn.LayerNorm, block.norm_attention), scale, own["norm_attention"])
        self.norm_mlp = IntegerNorm.build(cast(nn.LayerNorm, block.norm_mlp), scale, own["norm_mlp"])

        def linear(name: str, layer: nn.Linear, before: ActivationGrid, after: ActivationGrid) -> IntegerLinear:
            return IntegerLinear.build(weights[f"blocks.{at}.{name}.weight"], layer.bias, before, after)

        qkv, bias = weights[f"blocks.{at}.attention.qkv.weight"], attention.qkv.bias
        self.qkv = [
            IntegerLinear.build(
                _rows(qkv, part), None if bias is None else bias.chunk(3)[part], own["norm_attention"], own[name]
            )
            for part, name in enumerate("qkv")
        ]
        self.factor = score_factor(own["q"], own["k"], len(qkv.q) // 3 // heads)
        self.mixed = own["mixed"]
        self.mixing_m, self.mixing_e = (
            torch.tensor(n) for n in dyadic(float(own["v"].scale) / SHARES / float(self.mixed.scale))
        )
        self.out = linear("attention.out", attention.out, own["mixed"], residual)
        self.up = linear("mlp.up", mlp.up, own["norm_mlp"], own["up"])
        self.table = _table(mlp.activation, own["up"], own["hidden"])
        self.lowest = own["up"].spec.qmin
        self.down = linear("mlp.down", mlp.down, own["hidden"], residual)

    def forward(
        self,
        x_btm: Tensor,
        at: Positions,
        cache: Cache | None,
        layer: int,
        first: int = 0,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """As `Block.forward`."""
        x = x_btm.long()
        b, s, m = x.shape
        normal_nm = self.norm_attention(x.reshape(-1, m))
        q, k, v = (linear(normal_nm).view(b, s, self.heads, -1).transpose(1, 2) for linear in self.qkv)
        q = q[:, :, first:]
        if cache is not None:
            kept_k, kept_v = cache.append(layer, k.float(), v.float())
            k, v = kept_k.long(), kept_v.long()
        x = self.added(x[:, first:], self.out(self.attend(q, k, v).reshape(-1, m)))
        hidden_nk = self.table[self.up(self.norm_mlp(x.reshape(-1, m))) - self.lowest]
        return self.added(x, self.down(hidden_nk)).float()

    def attend(self, q_bhtd: Tensor, k_bhsd: Tensor, v_bhsd: Tensor) -> Tensor:
        """Causal attention on integers; (b, t, m) on the grid of `mixed`."""
        t, s = q_bhtd.shape[2], k_bhsd.shape[2]
        # Products and sums are whole numbers below 2^53, which float64's matrix product gives exactly.
        scores_bhts = (q_bhtd.double() @ k_bhsd.double().transpose(-1, -2)).long()
        seen_ts = torch.ones(t, s, dtype=torch.bool).tril(s - t)
        shares_bhts = integer_softmax(scores_bhts, self.factor, seen_ts)
        total_bhtd = (shares_bhts.double() @ v_bhsd.double()).long()
        y_bhtd = rescale(total_bhtd, self.mixing_m, self.mixing_e) + self.mixed.zero_point.reshape(())
        y_bhtd = y_bhtd.clamp(self.mixed.spec.qmin, self.mixed.spec.qmax)
        return y_bhtd.transpose(1, 2).flatten(2)

    def added(self, x: Tensor, y_nm: Tensor) -> Tensor:
        """The residual stream with what a sublayer gave, which is on the same grid."""
        return (x + y_nm.view(x.shape)).clamp(*self.limits)


def _rows(weight: Quantized, part: int) -> Quantized:
    """A third of a weight's outputs."""
    pieces = [weight.q.chunk(3)[part].contiguous()]
    for value in (weight.scale_og, weight.zero_point_og):
        pieces.append(value if len(value) == 1 else value.chunk(3)[part])
    return Quantized(pieces[0], pieces[1], pieces[2], weight.spec)


def _table(activation: Callable[[Tensor], Tensor], before: ActivationGrid, after: ActivationGrid) -> Tensor:
    """The integer that each integer becomes."""
    q = torch.arange(before.spec.qmin, before.spec.qmax + 1)
    return after.quantize(activation(before.dequantize(q).reshape(-1)))
