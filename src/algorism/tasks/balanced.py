"""The training sets of Lee et al. 2023 (arXiv 2307.03381): balanced in digits and carries, and of many lengths.

These samplers build a whole set of n problems; rows depend on each other.
"""

import numpy as np
from numpy.random import Generator

from algorism.errors import UsageError
from algorism.tasks import draws
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problems
from algorism.tasks.samplers import Digits, capped, most_carries, require_carries, sampler, too_rare

FULL = 10_000  # size of the paper's set; smaller ones are taken out of such a set, larger ones made directly
SHARE = 0.09  # share of problems drawn among two-digit numbers


@sampler("balanced")
def balanced(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """The paper's balanced set: all one-digit pairs, 9 % two-digit pairs, carry classes capped at a quarter each.

    All 100 pairs of one-digit numbers; then 0.09·n pairs with operands uniform in 0..99; then pairs uniform in
    0..10^d-1 (d = digits[1]). A drawn pair is refused while its number of carries (0 to d) has reached
    ceil(n/(d+1)). Below 10,000 a full set is made first: all one-digit pairs stay, with 0.09·n random ones of the
    two-digit pairs and random others. With d = 3 and n = 10,000 every class has exactly 2,500.
    The class of "-" is its number of borrows (0 to d-1); an operator without carries ("*") gets no cap.

    Raises:
        DataError: if a carry class is too rare to be filled (many digits).
        UsageError: for one-digit tasks, or fewer problems than the 100 one-digit pairs and their share of two digits.
    """
    if digits[1] < 2 or digits[0] != 1 or operator_named(operator).arity != 2:
        raise UsageError(
            f"sampler 'balanced': expected two operands of 1 to d >= 2 digits, got {operator!r} with {digits}."
        )
    two = round(SHARE * n)
    if n < 100 + two:
        raise UsageError(f"sampler 'balanced': expected at least 110 problems (100 are the one-digit pairs), got {n}.")
    size = max(n, FULL)
    ones = _one_digit_pairs(operator)
    room = _room(size, digits[1], ones)
    pairs = _fill(rng, round(SHARE * size), operator, (1, 2), room)
    others = _fill(rng, size - len(ones) - len(pairs), operator, digits, room)
    if n < FULL:
        pairs = pairs[rng.permutation(len(pairs))[:two]]
        others = others[rng.permutation(len(others))[: n - len(ones) - two]]
    everything = Problems.concat([ones, pairs, others])
    return everything[rng.permutation(len(everything))]


@sampler("multi_digit")
def multi_digit(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """The paper's set for up to k digits: longer lengths get more problems, both lengths vary.

    All 100 one-digit pairs; with d = floor((n-100)/(k(k+1)/2 - 1)) there are i·d problems whose longer operand has i
    digits, i = 2..k, split evenly over 1..i digits of the other; the remainder goes to i = 2, of which at most 10,000
    are made. Operands change places with probability 1/2. Carries are not balanced.

    Raises:
        UsageError: if n is too small for one problem per length, or k < 2.
    """
    k = digits[1]
    if k < 2 or digits[0] != 1 or operator_named(operator).arity != 2:
        raise UsageError(
            f"sampler 'multi_digit': expected two operands of 1 to k >= 2 digits, got {operator!r} {digits}."
        )
    unit, remainder = divmod(n - 100, k * (k + 1) // 2 - 1)
    if n < 100 or unit < 1:
        raise UsageError(
            f"sampler 'multi_digit': {k} digits need at least {100 + k * (k + 1) // 2 - 1} problems, got {n}."
        )
    counts = {i: i * unit for i in range(2, k + 1)}
    counts[2] += remainder
    # What two digits cannot take (there are 10,000 pairs) goes to the longest numbers, so that n problems come out.
    if k > 2:
        counts[k] += max(0, counts[2] - 10_000)
        counts[2] = min(counts[2], 10_000)
    long_n, short_n = [], []
    for length, count in counts.items():
        long_n.append(np.full(count, length))
        short_n.append(np.arange(count) % length + 1)
    first, second = np.concatenate(long_n), np.concatenate(short_n)
    swap_n = rng.random(len(first)) < 0.5
    a = draws.of_lengths(rng, np.where(swap_n, second, first), k)
    b = draws.of_lengths(rng, np.where(swap_n, first, second), k)
    everything = Problems.concat([_one_digit_pairs(operator), Problems.solve(operator, (a, b))])
    return everything[rng.permutation(len(everything))]


def _one_digit_pairs(operator: str) -> Problems:
    values = np.arange(10)
    pair = (Numbers.from_small(np.repeat(values, 10)), Numbers.from_small(np.tile(values, 10)))
    return Problems.solve(operator, pair)


def _room(size: int, places: int, start: Problems) -> np.ndarray | None:
    """How many more problems each carry class takes; None where the operator has no carries."""
    if start.carries_n is None:
        return None
    classes = most_carries(start.operator, places) + 1
    room = np.full(classes, -(-size // classes))
    return room - np.bincount(start.carries_n, minlength=classes)


def _fill(rng: Generator, n: int, operator: str, digits: Digits, room: np.ndarray | None) -> Problems:
    """Draw n problems, refusing those whose carry class is full; `room` is counted down."""
    kept: list[Problems] = []
    missing = n
    for _ in range(1000):
        if not missing:
            break
        count = max(256, 2 * missing)
        batch = Problems.solve(operator, (draws.between(rng, digits, count), draws.between(rng, digits, count)))
        if room is not None:
            # Taking the first of each class up to its room, cut after `missing`, is refusing one by one.
            batch = batch[capped(require_carries(batch), room)]
        batch = batch[:missing]
        if room is not None:
            room -= np.bincount(require_carries(batch), minlength=len(room))
        kept.append(batch)
        missing -= len(batch)
    else:
        raise too_rare("balanced", np.zeros(0) if room is None else room, digits)
    return Problems.concat(kept) if kept else Problems.of(operator, [], [])
