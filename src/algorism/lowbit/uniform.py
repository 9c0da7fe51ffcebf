"""Uniform affine quantizers: the grid of a range, values to integers and back.

The zero point follows PyTorch, gemmlowp and ONNX: q = round(r / S) + zero_point. The survey subtracts it instead:
Q(r) = Int(r / S) − Z; its Z is `Quantized.survey_zero_point`.

Shape letters: o rows, n values of a row, g groups of a row (see `layout`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .layout import as_rows, checked, from_rows, groups_of, rows_of, spread
from .spec import QuantSpec

# Only so that 1 / S stays finite. The survey's 1e-8 would turn a tensor of values near 1e-9 into zeros.
SMALLEST_SCALE = 2.0**-126


def grid_of_range(low: Tensor, high: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """Scale and zero point for ranges [low, high], one each.

    Args:
        low: lower ends. 0 is taken into each range, since it must be exact.
        high: upper ends, shaped as `low`.
        spec: the grid.

    Returns:
        Scale (float32) and zero point (int32), shaped as `low`. Source: arXiv 2103.13630, equations 3 to 5.

    Raises:
        DataError: an end is NaN or infinite, or low > high.

    >>> scale, zero = grid_of_range(torch.tensor([-1.0]), torch.tensor([3.0]), QuantSpec(bits=2, symmetric=False))
    >>> scale.tolist(), zero.tolist()
    ([1.3333333730697632], [-1])
    """
    low, high = low.double(), high.double()  # high − low may exceed float32's largest value
    if not bool(torch.isfinite(low).all() and torch.isfinite(high).all()) or bool((low > high).any()):
        raise DataError("Quantization: a range needs finite ends with low ≤ high. Look at what the observer was shown.")
    low, high = low.clamp(max=0), high.clamp(min=0)
    if spec.symmetric:
        reach = torch.maximum(-low, high) if spec.signed else high
        intervals = float(spec.qmax)
        if spec.signed and not spec.restricted:
            intervals = (spec.qmax - spec.qmin) / 2  # full range: 2a / (2^b − 1)
        scale = (reach / intervals).to(torch.float32).clamp(min=SMALLEST_SCALE)
        return scale, torch.zeros_like(scale, dtype=torch.int32)
    scale = ((high - low) / (spec.qmax - spec.qmin)).to(torch.float32).clamp(min=SMALLEST_SCALE)
    zero = torch.round(spec.qmin - low / scale.double()).clamp(spec.qmin, spec.qmax)
    return scale, zero.to(torch.int32)


def to_integers(
    x: Tensor, scale: Tensor, zero_point: Tensor, spec: QuantSpec, generator: torch.Generator | None = None
) -> Tensor:
    """Integers on the grid, as float32 (exact up to 16 bits), for shapes that broadcast.

    As PyTorch, x is multiplied by the rounded 1 / S; dividing by S would end elsewhere on some ties.
    """
    inverse = 1.0 / scale
    if spec.rounding == "torch" and not spec.binary:
        return torch.round(_shifted(x, inverse, zero_point, spec)).clamp(spec.qmin, spec.qmax)
    position = x * inverse
    if spec.binary:
        if spec.rounding == "stochastic":
            up = torch.rand(x.shape, generator=generator, device=x.device) < (position + 1) / 2
        else:
            up = position >= 0
        return torch.where(up, 1.0, -1.0)
    if spec.rounding == "stochastic":
        noise = torch.rand(x.shape, generator=generator, device=x.device)
        position = torch.floor(position + noise)
    else:
        position = torch.round(position)
    return (position + zero_point).clamp(spec.qmin, spec.qmax)


def _shifted(x: Tensor, inverse: Tensor, zero_point: Tensor, spec: QuantSpec) -> Tensor:
    """X / S + zero point as torch's kernels add it: per tensor with one rounding (FMA), per channel with two."""
    if spec.granularity == "tensor":
        return (x.double() * inverse.double() + zero_point).to(torch.float32)
    return x * inverse + zero_point


def to_values(q: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """The values that integers stand for: S · (q − zero_point)."""
    return (q.to(torch.float32) - zero_point) * scale


def storage_dtype(spec: QuantSpec) -> torch.dtype:
    """The smallest of torch's integer types that holds the grid."""
    if spec.bits <= 8:
        return torch.int8 if spec.signed else torch.uint8
    return torch.int16 if spec.signed or spec.bits < 16 else torch.int32


@dataclass(frozen=True, eq=False)
class Quantized:
    """A tensor as integers, with all that is needed to read them.

    Args:
        q: integers, in the tensor's own shape.
        scale_og: float32 step of each group of each row.
        zero_point_og: int32; the integer that stands for 0.
        spec: the grid.

    Raises:
        ShapeError: scales or zero points do not fit the integers.
    """

    q: Tensor
    scale_og: Tensor
    zero_point_og: Tensor
    spec: QuantSpec

    def __post_init__(self) -> None:
        o, n = rows_of(self.q.shape, self.spec)
        expected = (o, groups_of(n, self.spec))
        for name, value in (("scale", self.scale_og), ("zero point", self.zero_point_og)):
            if tuple(value.shape) != expected:
                raise ShapeError(
                    f"Quantized: {name} of shape {tuple(value.shape)} for integers of shape {tuple(self.q.shape)}; "
                    f"granularity {self.spec.granularity!r} expects {expected} (rows, groups)."
                )

    @property
    def survey_zero_point_og(self) -> Tensor:
        """Z of the survey, which is subtracted: −zero_point."""
        return -self.zero_point_og

    @property
    def bits_per_weight(self) -> float:
        """Bits of packed storage per value, with float32 scales and zero points (if any) of `bits` bits."""
        extra = 32 if self.spec.symmetric else 32 + self.spec.bits
        return self.spec.bits + extra * self.scale_og.numel() / self.q.numel()

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The values that the integers stand for, in the tensor's own shape."""
        q_on = as_rows(self.q, self.spec)
        n = q_on.shape[1]
        x_on = to_values(q_on, spread(self.scale_og, n, self.spec), spread(self.zero_point_og, n, self.spec))
        return from_rows(x_on, self.q.shape, self.spec).to(dtype)


def quantize_on(
    x: Tensor, scale_og: Tensor, zero_point_og: Tensor, spec: QuantSpec, *, seed: int = 0, what: str = "tensor"
) -> Quantized:
    """Quantize on a given grid.

    Args:
        x: any shape that `spec.granularity` fits.
        scale_og: one row per row of `as_rows(x, spec)`, one column per group.
        zero_point_og: int32, likewise.
        spec: the grid.
        seed: for stochastic rounding.
        what: how errors call `x`.

    Raises:
        DataError: NaN, infinity, or no values.

    >>> one = torch.ones(1, 1)
    >>> quantize_on(torch.tensor([0.5, 1.5, 300.0]), one, one.int(), QuantSpec(symmetric=False)).q.tolist()
    [1, 3, 127]
    """
    x_on = as_rows(checked(x, what), spec)
    n = x_on.shape[1]
    generator = None
    if spec.rounding == "stochastic":
        generator = torch.Generator(device=x.device).manual_seed(seed)
    q_on = to_integers(x_on, spread(scale_og, n, spec), spread(zero_point_og, n, spec), spec, generator)
    q = from_rows(q_on, x.shape, spec).to(storage_dtype(spec)).contiguous()
    return Quantized(q, scale_og, zero_point_og, spec)
