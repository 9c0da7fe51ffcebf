"""Square root and sine of fixed-point numbers, floored exactly to the same number of decimals.

A number x is the integer x·10^d (d decimals). Floor means towards minus infinity, also below zero: sin(-0.00001)
with 4 decimals is -0.0001 (Lee et al. 2023, arXiv 2307.03381). Floating point only proposes; integers decide.
"""

import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from algorism.errors import UsageError
from algorism.tasks.numbers import Numbers


def sqrt_units(units: int, decimals: int) -> int:
    """floor(sqrt(x)·10^d) for x = units·10^-d.

    Raises:
        UsageError: for a negative number.

    >>> sqrt_units(27174, 4)
    16484
    """
    if units < 0:
        raise UsageError(f"sqrt: expected a number that is not negative, got {Decimal(units).scaleb(-decimals)}.")
    return math.isqrt(units * 10**decimals)


def sin_units(units: int, decimals: int) -> int:
    """floor(sin(x)·10^d) for x = units·10^-d in radians.

    A Taylor sum in integers with guard digits; when the error bound leaves the floor undecided the guard is doubled.
    That ends, because the sine of a rational number other than 0 is irrational.

    >>> sin_units(10313, 4), sin_units(-1, 4), sin_units(0, 4)
    (8579, -1, 0)
    """
    if units == 0:
        return 0
    # Terms grow up to e^|x| before they shrink; their digits are needed on top of the guard.
    guard = 10 + int(abs(units) // 10**decimals / math.log(10)) + 1
    while True:
        total, error = _sin_fixed(units, decimals, guard)
        low, high = (total - error) // 10**guard, (total + error) // 10**guard
        if low == high:
            return low
        guard *= 2


def _sin_fixed(units: int, decimals: int, guard: int) -> tuple[int, int]:
    """sin(x)·10^(d+guard) and a bound on the error, in units of the last place."""
    one = 10 ** (decimals + guard)
    x = units * 10**guard
    square = x * x // one
    term, total, k, error, step = x, x, 1, 0, 0
    while term:
        k += 2
        # Each step multiplies the previous term's error by square/((k-1)k) and adds at most 3 for two floors.
        step = step * square // one // ((k - 1) * k) + 3 + abs(term) // one
        term = -(term * square // one) // ((k - 1) * k)
        if abs(term) <= 1:
            break
        total += term
        error += step
    return total, error + step + 4


def sqrt_numbers(x: Numbers) -> Numbers:
    """Column version of `sqrt_units`: float64 proposes, int64 corrects; Python integers where 18 digits do not do."""
    if x.places + x.decimals > 18 or x.negative_n is not None:
        return Numbers.from_ints([sqrt_units(v, x.decimals) for v in x.to_ints()], x.decimals, x.places)
    target_n = x.small() * 10**x.decimals
    root_n = np.sqrt(target_n.astype(np.float64)).astype(np.int64)
    root_n -= root_n * root_n > target_n
    root_n += (root_n + 1) * (root_n + 1) <= target_n
    return Numbers.from_small(root_n, x.decimals, x.places)


def sin_numbers(x: Numbers) -> Numbers:
    """Column version of `sin_units`: float64 where its error cannot change the floor, integers for the other rows."""
    places = x.decimals + 1
    if x.decimals > 12 or x.places > 15:
        return Numbers.from_ints([sin_units(v, x.decimals) for v in x.to_ints()], x.decimals, places)
    units_n = x.small()
    scale = 10.0**x.decimals
    radians_n = units_n / scale
    value_n = np.sin(radians_n) * scale
    floor_n = np.floor(value_n)
    # Half an ulp in x, an ulp or so in sin, half in the product: 4 ulp of max(1, |x|) are plenty.
    doubt_n = scale * 4 * np.finfo(np.float64).eps * np.maximum(1.0, np.abs(radians_n))
    undecided_n = (value_n - floor_n < doubt_n) | (floor_n + 1 - value_n < doubt_n)
    result_n: NDArray[np.int64] = floor_n.astype(np.int64)
    for row in np.flatnonzero(undecided_n):
        result_n[row] = sin_units(int(units_n[row]), x.decimals)
    return Numbers.from_small(result_n, x.decimals, places)
