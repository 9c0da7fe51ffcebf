"""Leaving numbers or digits out of the operands (Lee et al. 2023, exclusion experiments)."""

from collections.abc import Collection

import numpy as np
from numpy.random import Generator

from algorism.errors import DataError
from algorism.tasks.numbers import Bools, Numbers
from algorism.tasks.problem import Problems


def forbidden(operand: Numbers, numbers: Collection[int] = (), digit: tuple[int, int] | None = None) -> Bools:
    """Which rows are one of `numbers` (in units), or have `digit[0]` at place `digit[1]` (1 = units): bool (n,).

    A zero above a number's first digit is no digit of it.

    >>> forbidden(Numbers.from_ints([5, 15, 50, 7]), [7], (5, 1)).tolist()
    [True, True, False, True]
    """
    hit_n = np.zeros(len(operand), dtype=np.bool_)
    if len(numbers):
        if operand.places <= 18:
            hit_n |= np.isin(operand.small(), [v for v in numbers if abs(v) < 10**18])
        else:
            wanted = set(numbers)
            hit_n |= np.fromiter((v in wanted for v in operand.to_ints()), dtype=np.bool_, count=len(operand))
    if digit is not None and digit[1] <= operand.places:
        value, place = digit
        hit_n |= (operand.digits_dn[place - 1] == value) & (operand.length_n >= place)
    return hit_n


def exclude_numbers(problems: Problems, numbers: Collection[int]) -> Problems:
    """The problems none of whose operands is one of `numbers`."""
    return problems[~touches(problems, numbers)]


def exclude_digits(problems: Problems, digit: int, place: int) -> Problems:
    """The problems none of whose operands has `digit` at `place` (1 = units)."""
    return problems[~touches(problems, (), (digit, place))]


def touches(problems: Problems, numbers: Collection[int] = (), digit: tuple[int, int] | None = None) -> Bools:
    """Which problems have a forbidden operand: the rows an exclusion experiment is tested on."""
    hits = [forbidden(operand, numbers, digit) for operand in problems.operands]
    return np.logical_or.reduce(hits)


def redraw(
    rng: Generator,
    problems: Problems,
    lengths: tuple[int, int],
    numbers: Collection[int] = (),
    digit: tuple[int, int] | None = None,
) -> Problems:
    """Change one random digit of every forbidden operand until none is left, as the paper does; answers follow.

    A number keeps at least lengths[0] digits (no leading zero is put in front of a longer one).

    Raises:
        DataError: if no allowed number is found that way.
    """
    operands = []
    for operand in problems.operands:
        digits_dn = operand.digits_dn.copy()
        bad_n = forbidden(operand, numbers, digit)
        for _ in range(1000):
            rows = np.flatnonzero(bad_n)
            if not len(rows):
                break
            length_n = Numbers(digits_dn[:, rows], None, operand.decimals).length_n
            place_n = rng.integers(0, length_n)
            fresh_n = rng.integers(0, 10, len(rows))
            leading_n = (place_n == length_n - 1) & (length_n > 1) & (length_n > operand.decimals + 1)
            fresh_n = np.where(leading_n & (fresh_n == 0), rng.integers(1, 10, len(rows)), fresh_n)
            digits_dn[place_n, rows] = fresh_n
            negative_n = None if operand.negative_n is None else operand.negative_n[rows]
            bad_n[rows] = forbidden(Numbers(digits_dn[:, rows], negative_n, operand.decimals), numbers, digit)
        else:
            raise DataError(f"exclusion: no operand of {lengths} digits is left that avoids what was excluded.")
        operands.append(Numbers(digits_dn, operand.negative_n, operand.decimals))
    return Problems.solve(problems.operator, tuple(operands))


def count_removed(first: int, count: int, numbers: Collection[int], digit: tuple[int, int] | None) -> int:
    """How many of the integers first..first+count-1 an exclusion removes.

    >>> count_removed(0, 1000, [5, 7], (5, 2)), sum(str(v)[-2:-1] == "5" or v in (5, 7) for v in range(1000))
    (102, 102)
    """
    last = first + count - 1
    inside = {v for v in numbers if first <= v <= last}
    if digit is None:
        return len(inside)
    value, place = digit
    extra = [v for v in inside if not _has_digit(abs(v), value, place)]
    if first >= 0:
        return len(extra) + _digit_below(last + 1, value, place) - _digit_below(first, value, place)
    below_zero = _digit_below(-first + 1, value, place) - _digit_below(max(1, -last), value, place)
    return len(extra) + below_zero + (_digit_below(last + 1, value, place) if last >= 0 else 0)


def _has_digit(number: int, value: int, place: int) -> bool:
    written = place == 1 or number >= 10 ** (place - 1)
    return written and number // 10 ** (place - 1) % 10 == value


def _digit_below(end: int, value: int, place: int) -> int:
    """How many integers in 0..end-1 have `value` at `place` as a written digit."""
    unit = 10 ** (place - 1)
    cycles, rest = divmod(end, unit * 10)
    total = cycles * unit + min(max(rest - value * unit, 0), unit)
    if value == 0 and place > 1:
        total -= min(end, unit)  # 0..unit-1 are too short to show that place
    return total
