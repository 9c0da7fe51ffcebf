"""The bit layouts that L-Mul works on, as one table, and the two constants of the algorithm: l(m) and the offset.

A pattern is sign, exponent field, mantissa field, from the top. F(x), the pattern without its sign, is a whole number;
for positive finite values it grows with the value, which is what lets one integer addition stand for a product.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from ...errors import UsageError

Rounding = Literal["trunc", "rne"]
Offset = Literal["paper", "optimal", "none"] | int

ROUNDINGS: tuple[Rounding, ...] = ("trunc", "rne")
OFFSETS = ("paper", "optimal", "none")


@dataclass(frozen=True)
class FloatFormat:
    """One layout of floating-point numbers.

    Args:
        name: as people write it.
        dtype: torch's type.
        exponent: bits of the exponent field.
        mantissa: bits of the mantissa field.
        nan: F of the NaN that a product gives.
        largest: F of the largest finite value.
        infinite: whether there is an infinity. Where there is none, F = `nan` is the only NaN, the highest exponent
            field holds ordinary values as well, and a product that is too large becomes the largest finite value.
    """

    name: str
    dtype: torch.dtype
    exponent: int
    mantissa: int
    nan: int
    largest: int
    infinite: bool = True

    @property
    def width(self) -> int:
        """Bits of a pattern."""
        return 1 + self.exponent + self.mantissa

    @property
    def bias(self) -> int:
        """What the exponent field holds for 2^0."""
        return (1 << (self.exponent - 1)) - 1

    @property
    def infinity(self) -> int:
        """F of infinity; where there is none, the first F beyond the largest finite value."""
        return ((1 << self.exponent) - 1) << self.mantissa if self.infinite else self.largest + 1

    @property
    def smallest_normal(self) -> int:
        """F of the smallest value that is not subnormal: an exponent field of 1."""
        return 1 << self.mantissa


FORMATS: dict[str, FloatFormat] = {
    row.name: row
    for row in (
        FloatFormat("float32", torch.float32, 8, 23, nan=0x7FC00000, largest=0x7F7FFFFF),
        FloatFormat("bfloat16", torch.bfloat16, 8, 7, nan=0x7FC0, largest=0x7F7F),
        FloatFormat("float16", torch.float16, 5, 10, nan=0x7E00, largest=0x7BFF),
        FloatFormat("e4m3", torch.float8_e4m3fn, 4, 3, nan=0x7F, largest=0x7E, infinite=False),
        FloatFormat("e5m2", torch.float8_e5m2, 5, 2, nan=0x7E, largest=0x7B),
    )
}

BY_DTYPE: dict[torch.dtype, FloatFormat] = {row.dtype: row for row in FORMATS.values()}

# Which l has the least mean squared error for operands rounded to nearest; None for no offset at all. Measured by
# `precision.best_l` and checked against it by a test. Truncated operands have the paper's l as their best.
BEST_L_ROUNDED: dict[int, int | None] = {1: None, 2: None, 3: None}
BEST_L_ROUNDED_FROM_4 = 4


def format_of(dtype: torch.dtype) -> FloatFormat:
    """The layout of a torch type.

    Raises:
        UsageError: L-Mul is not defined on it.

    >>> format_of(torch.bfloat16).mantissa
    7
    """
    if dtype not in BY_DTYPE:
        known = ", ".join(str(known).removeprefix("torch.") for known in BY_DTYPE)
        raise UsageError(f"L-Mul works on {known}; got {str(dtype).removeprefix('torch.')}. Convert the tensor first.")
    return BY_DTYPE[dtype]


def offset_exponent(mantissa_bits: int) -> int:
    """The paper's l(m): the product of two mantissas is replaced by 2^−l(m). Source: arXiv 2410.00907, equation 2.

    >>> [offset_exponent(m) for m in (1, 2, 3, 4, 5, 7, 23)]
    [1, 2, 3, 3, 4, 4, 4]
    """
    if mantissa_bits <= 3:
        return mantissa_bits
    return 3 if mantissa_bits == 4 else 4


@dataclass(frozen=True)
class LMulSpec:
    """Which L-Mul: how operands are cut, and what stands for the product of mantissas.

    Args:
        bits: mantissa bits kept of each operand; None for all.
        rounding: "trunc" drops the others, as the paper's offsets presume; "rne" rounds to nearest, ties to even.
        offset: "paper" is 2^−l(bits); "optimal" has the least mean squared error for this rounding; "none" is
            Mitchell's logarithmic product (1962). A whole number is l itself.
        saturate: a product that is too large becomes the largest finite value instead of infinity.

    Raises:
        UsageError: an unknown word, or fewer than 1 bit.

    >>> hex(LMulSpec().offset_of(FORMATS["bfloat16"]))
    '0x3f78'
    """

    bits: int | None = None
    rounding: Rounding = "trunc"
    offset: Offset = "paper"
    saturate: bool = False

    def __post_init__(self) -> None:
        if self.bits is not None and (isinstance(self.bits, bool) or not isinstance(self.bits, int) or self.bits < 1):
            raise UsageError(f"L-Mul: bits is a whole number of mantissa bits ≥ 1, or None for all; got {self.bits!r}.")
        if self.rounding not in ROUNDINGS:
            raise UsageError(f"L-Mul: rounding is 'trunc' or 'rne'; got {self.rounding!r}.")
        is_l = isinstance(self.offset, int) and not isinstance(self.offset, bool) and self.offset >= 1
        if not is_l and self.offset not in OFFSETS:
            raise UsageError(f"L-Mul: offset is 'paper', 'optimal', 'none' or an l ≥ 1; got {self.offset!r}.")

    def bits_in(self, layout: FloatFormat) -> int:
        """Mantissa bits kept of an operand in this layout.

        Raises:
            UsageError: more than the layout has.
        """
        if self.bits is not None and self.bits > layout.mantissa:
            raise UsageError(
                f"L-Mul: {layout.name} has {layout.mantissa} mantissa bits, so {self.bits} cannot be kept. "
                f"Give bits from 1 to {layout.mantissa}, or None for all."
            )
        return layout.mantissa if self.bits is None else self.bits

    def l_in(self, layout: FloatFormat) -> int | None:
        """The l whose 2^−l is added to the mantissas; None for no offset.

        Raises:
            UsageError: 2^−l is less than the layout's last mantissa bit.
        """
        bits = self.bits_in(layout)
        if isinstance(self.offset, int):
            if self.offset > layout.mantissa:
                raise UsageError(
                    f"L-Mul: 2^−{self.offset} is below the last mantissa bit of {layout.name}; give an l up to "
                    f"{layout.mantissa}, or 'none'."
                )
            return self.offset
        if self.offset == "none":
            return None
        # All bits of a narrow format: whoever stored the value rounded it, so the rounded operands' best applies.
        rounded = self.rounding == "rne" or self.bits is None
        if self.offset == "optimal" and rounded:
            return BEST_L_ROUNDED.get(bits, BEST_L_ROUNDED_FROM_4)
        return offset_exponent(bits)

    def offset_of(self, layout: FloatFormat) -> int:
        """The whole number that F(x) + F(y) is lessened by: bias · 2^M − 2^(M − l)."""
        exponent = self.l_in(layout)
        return (layout.bias << layout.mantissa) - (0 if exponent is None else 1 << (layout.mantissa - exponent))

    def largest_in(self, layout: FloatFormat) -> int:
        """F of the largest finite value with this many mantissa bits."""
        return layout.largest & -(1 << (layout.mantissa - self.bits_in(layout)))

    def saturates(self, layout: FloatFormat) -> bool:
        """Whether a product that is too large stays finite."""
        return self.saturate or not layout.infinite
