"""A tensor to integers in one call: range, grid, rounding, all as the spec says.

Shape letters: o rows, n values of a row, g groups of a row, b blocks with a scale each.
"""

from torch import Tensor

from .layout import as_rows, checked, per_block
from .ranges import RANGES
from .spec import QuantSpec
from .uniform import Quantized, grid_of_range, quantize_on


def block_ranges(x_on: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """Ends (o, g) of the range of every group of every row, by the spec's method."""
    low_og, high_og = per_block(x_on, spec, lambda x_bn: RANGES[spec.range](x_bn, spec))
    return low_og, high_og


def grid_for(x: Tensor, spec: QuantSpec, what: str = "tensor") -> tuple[Tensor, Tensor]:
    """Scale and zero point (o, g) for a tensor, by the spec's range method."""
    return grid_of_range(*block_ranges(as_rows(checked(x, what), spec), spec), spec)


def quantize(x: Tensor, spec: QuantSpec, *, seed: int = 0, what: str = "tensor") -> Quantized:
    """Quantize a tensor with the range of its own values.

    Args:
        x: any shape that `spec.granularity` fits; computed in float32 whatever its type.
        spec: the quantizer.
        seed: for stochastic rounding.
        what: how errors call `x`.

    Raises:
        DataError: NaN, infinity, or no values.
        ShapeError: no such axis.

    >>> import torch
    >>> w = torch.tensor([[1.0, -0.6], [0.0, 0.0]])
    >>> quantize(w, QuantSpec(bits=4, granularity="channel")).q.tolist()
    [[7, -4], [0, 0]]
    """
    return quantize_on(x, *grid_for(x, spec, what), spec, seed=seed, what=what)


def fake_quantize(x: Tensor, spec: QuantSpec, *, seed: int = 0) -> Tensor:
    """`quantize(x, spec).dequantize()` in the type of `x`: what is left of a tensor after a trip through the grid."""
    return quantize(x, spec, seed=seed).dequantize(x.dtype)
