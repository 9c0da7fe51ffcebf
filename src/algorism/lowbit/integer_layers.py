"""Linear layers of any network that compute with integers: between two floats, everything is done on grids.

Inputs are rounded to integers, multiplied by integer weights, summed in 32 bits, rescaled by a dyadic number and
clamped to the output's grid. What a network does between its linear layers (norms, softmax, the products of attention,
activations, sums with the residual stream) stays in float; `float_parts` names it.

Shape letters: o outputs, i inputs, n samples.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import DataError, UsageError
from ..models.transformer import Attention
from .integer import ActivationGrid, IntegerLinear
from .lmul.modules import LMulAttention
from .methods.blocks import run
from .methods.layers import transposed
from .observers import Observer, observer
from .spec import QuantSpec
from .uniform import Quantized

GRIDS = ".activation_grids"


class IntegerModule(nn.Module):
    """A linear layer that computes with integers.

    Args:
        layer: `nn.Linear`, or transformers' Conv1D; its weight and bias stay, as floats.
        weight: its weight as integers, in the layer's own shape.
        input: the inputs' grid.
        output: the outputs' grid.
        scale_i: what inputs are divided by to meet the integers (AWQ); None for nothing.
    """

    def __init__(
        self,
        layer: nn.Module,
        weight: Quantized,
        input: ActivationGrid,
        output: ActivationGrid,
        scale_i: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.weight = cast(nn.Parameter, layer.weight)
        bias_o = cast(nn.Parameter | None, layer.bias)
        self.register_parameter("bias", bias_o)
        self.scale_i = scale_i
        rows = weight
        if transposed(layer):
            spec = QuantSpec.from_dict(weight.spec.to_dict() | {"axis": 0})
            rows = Quantized(weight.q.T.contiguous(), weight.scale_og, weight.zero_point_og, spec)
        self.integer = IntegerLinear.build(rows, bias_o, input, output)

    def forward(self, x: Tensor) -> Tensor:
        """Floats in, floats out, integers between."""
        if self.scale_i is not None:
            x = x / self.scale_i
        q_ni = self.integer.input.quantize(x.reshape(-1, x.shape[-1]))
        y_no = self.integer.output.dequantize(self.integer(q_ni))
        return y_no.reshape(*x.shape[:-1], -1).to(x.dtype)

    def grids(self) -> Tensor:
        """Scale and zero point of inputs and outputs, (2, 2)."""
        both = (self.integer.input, self.integer.output)
        return torch.tensor([[float(grid.scale), float(grid.zero_point)] for grid in both])


def integer_layers(
    model: nn.Module,
    weights: Mapping[str, Quantized],
    batches: Iterable[Any],
    activations: QuantSpec,
    input_scales: Mapping[str, Tensor] | None = None,
) -> list[str]:
    """Let the quantized linear layers of a network compute with integers, in place.

    Args:
        model: with quantized weights, as `quantize_model` leaves it.
        weights: integers by name of the weight, per tensor or channel.
        batches: inputs of the model, from which the static ranges of activations are taken.
        activations: per tensor, static.
        input_scales: of AWQ, by name of the weight.

    Returns:
        Names of the layers that compute with integers; convolutions stay as they are.

    Raises:
        UsageError: weights in groups, or a spec that integer layers cannot have.
        DataError: an empty calibration set, or a layer that it does not reach.
    """
    check_activations(activations)
    scales = dict(input_scales or {})
    names = [name.removesuffix(".weight") for name in weights]
    names = [name for name in names if not isinstance(model.get_submodule(name), nn.Conv2d)]
    seen = {name: (observer(activations), observer(activations)) for name in names}
    handles = [
        model.get_submodule(name).register_forward_hook(_observing(pair, scales.get(f"{name}.weight")))
        for name, pair in seen.items()
    ]
    try:
        for batch in batches:
            run(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    for name, (before, after) in seen.items():
        if not before.batches:
            raise DataError(f"Activations: the calibration set is empty, or does not reach {name!r}.")
        grids = [ActivationGrid(*watch.grid(), activations) for watch in (before, after)]
        put(model, name, weights[f"{name}.weight"], grids[0], grids[1], scales.get(f"{name}.weight"))
    call_layers(model)
    return names


def check_activations(spec: QuantSpec) -> None:
    """Refuse what integer layers cannot have.

    Raises:
        UsageError: more than one scale per tensor, or scales that change from call to call.
    """
    if spec.granularity != "tensor" or spec.dynamic:
        raise UsageError("Integer layers: activations need one static scale per tensor.")


def _observing(pair: tuple[Observer, Observer], scale_i: Tensor | None) -> Any:
    def note(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        pair[0].observe(arguments[0] if scale_i is None else arguments[0] / scale_i)
        pair[1].observe(output)

    return note


def put(
    model: nn.Module,
    name: str,
    weight: Quantized,
    before: ActivationGrid,
    after: ActivationGrid,
    scale_i: Tensor | None,
) -> None:
    """Replace one layer."""
    parent, _, child = name.rpartition(".")
    new = IntegerModule(model.get_submodule(name), weight, before, after, scale_i)
    setattr(model.get_submodule(parent), child, new)


def call_layers(model: nn.Module) -> None:
    """Our attention reads the weights of its layers past their `forward`; let it call them instead."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Attention):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, LMulAttention(module, None))


def float_parts(model: nn.Module) -> list[str]:
    """What of a network whose layers compute with integers is still done in float, in words.

    >>> from algorism.models import Transformer, TransformerConfig
    >>> float_parts(Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8)))[1]
    'the products Q·Kᵀ and P·V, and softmax'
    """
    parts = ["rounding of each layer's inputs to integers, and integers back to floats"]
    if any("attention" in type(module).__name__.lower() for module in model.modules()):
        parts.append("the products Q·Kᵀ and P·V, and softmax")
    kinds = {type(module).__name__ for module in model.modules()}
    norms = sorted(kind for kind in kinds if "norm" in kind.lower())
    if norms:
        parts.append(f"norms ({', '.join(norms)})")
    parts.append("activations and the sums of the residual stream")
    if any(isinstance(module, nn.Embedding) for module in model.modules()):
        parts.append("embeddings, and an output layer that is tied to them")
    return parts
