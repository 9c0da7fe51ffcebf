"""Sums of two numbers with chosen numbers of digits, drawn by name: no other sum changes if some are left out.

Shape letter: n sums.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import UsageError
from algorism.tasks.numeracy.draws import Draws

Sum = tuple[int, int]
Lengths = tuple[int, ...]  # of both addends; of a triple also of their sum


def pairs(digits: Sequence[int] = (7, 8, 9)) -> list[Lengths]:
    """All ordered pairs of lengths (the paper's first set).

    >>> len(pairs())
    9
    """
    return list(product(digits, repeat=2))


def triples(digits: Sequence[int] = (7, 8, 9)) -> list[Lengths]:
    """Lengths of both addends and of their sum, all among `digits` (the paper's second set, 13 of them for 7 to 9).

    >>> len(triples()), (8, 7, 9) in triples(), (9, 9, 10) in triples()
    (13, True, False)
    """
    return [
        (first, second, longest)
        for first, second in product(digits, repeat=2)
        for longest in (max(first, second), max(first, second) + 1)
        if longest in digits and _possible(first, second, longest)
    ]


def _possible(first: int, second: int, longest: int) -> bool:
    smallest, largest = 10 ** (first - 1) + 10 ** (second - 1), 10**first + 10**second - 2
    return smallest < 10**longest and largest >= 10 ** (longest - 1)


def draw(lengths: Lengths, name: str) -> Sum:
    """One sum.

    With two lengths, each addend is uniform among the numbers of its length. With three, the shorter addend is uniform
    among those that can be part of such a sum, then the sum among those that the shorter addend allows.

    Args:
        lengths: of the first and the second addend and, if given, of the sum.
        name: of the draw; the same name gives the same sum.

    Raises:
        UsageError: there is no such sum.

    >>> [len(str(x)) for x in draw((7, 8), "a")]
    [7, 8]
    >>> first, second = draw((8, 7, 9), "a")
    >>> len(str(first)), len(str(second)), len(str(first + second))
    (8, 7, 9)
    """
    draws = Draws(name)
    if len(lengths) == 2:
        first, second = (draws.between(10 ** (n - 1), 10**n - 1) for n in lengths)
        return first, second
    first_length, second_length, length = lengths
    if length not in (max(lengths[:2]), max(lengths[:2]) + 1) or not _possible(first_length, second_length, length):
        raise UsageError(f"No sum of {length} digits has addends of {first_length} and {second_length}.")
    short, long = sorted(lengths[:2])
    shorter = draws.between(10 ** (short - 1), min(10**short, 10**length - 10 ** (long - 1)) - 1)
    least = max(10 ** (length - 1), shorter + 10 ** (long - 1))
    most = min(10**long + shorter, 10**length) - 1
    longer = draws.between(least, most) - shorter
    return (shorter, longer) if first_length < second_length else (longer, shorter)


def draw_many(lengths: Lengths, n: int, rng: np.random.Generator) -> NDArray[Any]:
    """Many sums at once, distributed as those of `draw`; (n, 2). For training.

    Args:
        lengths: of the addends and the sum, at most 17 digits each.
        n: how many.
        rng: draws them.

    >>> draw_many((3, 4, 4), 2, np.random.default_rng(0)).shape
    (2, 2)
    """
    first_length, second_length, length = lengths
    if length not in (max(lengths[:2]), max(lengths[:2]) + 1) or length > 17:
        raise UsageError(f"No sum of {length} digits (at most 17) has addends of {first_length} and {second_length}.")
    short, long = sorted(lengths[:2])
    shorter_n = rng.integers(10 ** (short - 1), min(10**short, 10**length - 10 ** (long - 1)), n)
    least_n = np.maximum(10 ** (length - 1), shorter_n + 10 ** (long - 1))
    sum_n = rng.integers(least_n, np.minimum(10**long + shorter_n, 10**length))
    columns = [shorter_n, sum_n - shorter_n]
    return np.stack(columns if first_length < second_length else columns[::-1], 1)


def distinct(lengths: Lengths, n: int, name: str, without: Iterable[Sum] = ()) -> list[Sum]:
    """The first n different sums of these lengths; fewer if there are hardly more.

    Args:
        lengths: as for `draw`.
        n: how many.
        name: of the set.
        without: sums that must not be among them.
    """
    found: dict[Sum, None] = {}
    excluded = set(without)
    for index in range(4 * n + 40):
        if len(found) == n:
            break
        drawn = draw(lengths, f"{name}/{lengths}/{index}")
        if drawn not in excluded:
            found.setdefault(drawn)
    return list(found)


def matched(first: int, second: int) -> bool:
    """Whether the sum is as long as at least one addend (the paper's "length match").

    >>> matched(95, 3), matched(95, 7)
    (True, False)
    """
    return len(str(first + second)) == len(str(max(first, second)))


def carries(first: int, second: int) -> list[int]:
    """Carry out of every column, 1 or 0, leftmost column first.

    >>> carries(95, 17)
    [1, 1]
    """
    found, carry = [], 0
    for place in range(len(str(max(first, second)))):
        carry = int(first // 10**place % 10 + second // 10**place % 10 + carry > 9)
        found.append(carry)
    return found[::-1]
