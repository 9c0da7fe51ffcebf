"""Dyadic numbers m / 2^e: rescaling an integer by a real factor with integers only. Source: HAWQ-V3, section 3."""

import math
from typing import Literal

import torch
from torch import Tensor

from ..errors import DataError

MANTISSA = 31  # bits of m
MOST_SHIFT = 62  # so that acc · m plus half a unit fits into 64 bits, for 32-bit acc

DyadicRounding = Literal["half-up", "half-even"]


def dyadic(factor: float) -> tuple[int, int]:
    """The dyadic number m / 2^e that is nearest to a factor.

    With factor = f · 2^t and f in [½, 1): m = ⌊f · 2^31 + ½⌋ and e = 31 − t. Factors below 2^−31 lose bits of m instead
    of shifting farther than 62.

    Raises:
        DataError: a factor that is not above 0, not finite, or 2^31 or more.

    >>> dyadic(0.75)
    (1610612736, 31)
    >>> dyadic(1 / 3)
    (1431655765, 32)
    """
    if not (math.isfinite(factor) and 0 < factor < 2.0**MANTISSA):
        raise DataError(f"Dyadic rescaling: a factor above 0 and below 2^31; got {factor}. Look at the scales.")
    fraction, exponent = math.frexp(factor)
    shift = MANTISSA - exponent
    excess = max(shift - MOST_SHIFT, 0)
    return math.floor(math.ldexp(fraction, MANTISSA - excess) + 0.5), shift - excess


def rescale(acc: Tensor, m: Tensor, e: Tensor, rounding: DyadicRounding = "half-up") -> Tensor:
    """round(acc · m / 2^e), by an integer product and a shift.

    Args:
        acc: int64, each of at most 31 bits and sign.
        m: int64, of shapes that broadcast with acc.
        e: int64, likewise.
        rounding: where the half goes: up, or to the even neighbour (as `torch.round` in the released HAWQ code).

    >>> acc, m, e = torch.tensor([5, 6, 7, -5]), torch.tensor(1), torch.tensor(1)
    >>> rescale(acc, m, e).tolist(), rescale(acc, m, e, "half-even").tolist()
    ([3, 3, 4, -2], [2, 3, 4, -2])
    """
    product = acc * m
    one = torch.ones_like(e)
    half = torch.where(e > 0, one << (e - 1).clamp(min=0), torch.zeros_like(e))
    rounded = (product + half) >> e
    if rounding == "half-up":
        return rounded
    tie = (e > 0) & ((product & ((one << e) - 1)) == half)
    return rounded - (tie & (rounded % 2 == 1)).to(rounded.dtype)
