"""L-Mul of any format, told in float32: four whole numbers that a matrix kernel needs, whatever the operands' type.

Every value of the other formats is a float32 as well, and a float32 pattern is the format's own, shifted by the
mantissa bits that it lacks and moved by the difference of the biases. Both survive addition, so one float32 kernel
computes bfloat16, float16, e4m3 and e5m2 bit by bit, if it is told where the format's range ends.
"""

import math
import struct
from dataclasses import dataclass

import torch
from torch import Tensor

from .formats import FORMATS, FloatFormat, LMulSpec, format_of
from .multiply import cut

FLOAT32 = FORMATS["float32"]
NO_SIGN = 0x7FFFFFFF


@dataclass(frozen=True)
class Adder:
    """What a kernel does to two float32 patterns without sign, fx and fy: fx + fy − offset, and what follows.

    Args:
        offset: see `LMulSpec.offset_of`.
        low: a result below it, or an operand below it, is zero: the format's smallest normal number.
        high: a result from here on is too large.
        cap: the pattern that it becomes: infinity, or the largest finite number.
        bits: mantissa bits that are kept of each operand.
        spec: as asked for.
        layout: of the operands.

    >>> hex(Adder.of(torch.float16, LMulSpec()).offset)  # that of float32
    '0x3f780000'
    """

    offset: int
    low: int
    high: int
    cap: int
    bits: int
    spec: LMulSpec
    layout: FloatFormat

    @classmethod
    def of(cls, dtype: torch.dtype, spec: LMulSpec) -> "Adder":
        """The adder for operands of this type."""
        layout = format_of(dtype)
        exponent = spec.l_in(layout)
        largest, saturates = spec.largest_in(layout), spec.saturates(layout)
        return cls(
            offset=(FLOAT32.bias << 23) - (0 if exponent is None else 1 << (23 - exponent)),
            low=in_float32(layout.smallest_normal, layout),
            high=in_float32(largest, layout) + 1 if saturates else in_float32(layout.infinity, layout),
            cap=in_float32(largest, layout) if saturates else FLOAT32.infinity,
            bits=spec.bits_in(layout),
            spec=spec,
            layout=layout,
        )

    def cut(self, f: Tensor) -> Tensor:
        """Patterns without sign, with only the kept bits."""
        return cut(f, FLOAT32, LMulSpec(self.bits, self.spec.rounding))


@dataclass(frozen=True)
class Operand:
    """A tensor as kernels take it.

    Args:
        pattern: int32, with sign; flushed to zero where it was subnormal, then cut.
        least: the least F that is not zero; 2^31 − 1 if there is none.
        largest: the largest F.
        zeros: whether there is a zero.
        finite: whether every number is; if not, nothing else here means anything.
    """

    pattern: Tensor
    least: int
    largest: int
    zeros: bool
    finite: bool


def operand(x: Tensor, adder: Adder) -> Operand:
    """Cut a tensor of the adder's type and look at its range, in as few passes as it takes."""
    x = x.detach().float().contiguous()
    pattern = x.view(torch.int32)
    if not x.numel():
        return Operand(pattern, NO_SIGN, 0, zeros=False, finite=True)
    size = x.abs()
    least, largest = (float(bound) for bound in size.aminmax())
    if not math.isfinite(largest):  # aminmax hands a NaN on
        return Operand(pattern, 0, 0, zeros=False, finite=False)
    zeros = f_of(least) < adder.low
    if zeros:
        gone = size.view(torch.int32) < adder.low
        pattern = torch.where(gone, 0, pattern)
        size.masked_fill_(gone, math.inf)
        least = float(size.min())
        largest = 0.0 if math.isinf(least) else largest
    if adder.bits < FLOAT32.mantissa:
        pattern = adder.cut(pattern & NO_SIGN) | (pattern & ~NO_SIGN)
    # Cutting never changes the order of sizes, so the bounds may be cut instead of looked for again.
    bounds = adder.cut(torch.tensor([f_of(least), f_of(largest)]))
    return Operand(pattern, NO_SIGN if math.isinf(least) else int(bounds[0]), int(bounds[1]), zeros, finite=True)


def f_of(value: float) -> int:
    """F of a float32 number that is not negative.

    >>> hex(f_of(1.0))
    '0x3f800000'
    """
    return int.from_bytes(struct.pack("<f", value), "little")


def in_float32(f: int, layout: FloatFormat) -> int:
    """The float32 pattern of the number whose pattern in `layout`, without sign, is f; the number is normal.

    >>> hex(in_float32(0x3C00, FORMATS["float16"]))
    '0x3f800000'
    """
    return (f << (23 - layout.mantissa)) + ((FLOAT32.bias - layout.bias) << 23)
