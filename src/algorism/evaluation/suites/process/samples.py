"""Several samples of each problem, by answer alone and by process: what sampling gains, and what of it is real.

Every quantity comes twice: automatic (the answer is right) and checked (and so is every step). Estimators are unbiased
for k of the n samples there are; intervals resample problems, whose samples belong together (Efron 1979).

Shape letters: p problem, n sample, d draw.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import UsageError
from algorism.evaluation.statistics import Interval, bootstrap, pass_at_k


@dataclass(frozen=True)
class Samples:
    """The samples of one problem.

    Args:
        key: of the problem.
        answers: n answers; None where none could be read, which never wins a vote.
        correct: n; whether the answer is right.
        valid: n; whether every step is right as well; only where the answer is.
        scores: n rewards for best-of-k, larger is better; None for none.

    Raises:
        UsageError: no samples, different lengths, or a valid sample that is not correct.
    """

    key: str
    answers: tuple[str | None, ...]
    correct: tuple[bool, ...]
    valid: tuple[bool, ...]
    scores: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check the lengths."""
        sizes = {len(self.answers), len(self.correct), len(self.valid)} | ({len(self.scores)} if self.scores else set())
        if len(sizes) != 1 or not self.answers:
            raise UsageError(f"Samples of {self.key!r}: expected as many answers, verdicts and scores, got {sizes}.")
        if any(v and not c for v, c in zip(self.valid, self.correct, strict=True)):
            raise UsageError(f"Samples of {self.key!r}: a solution with a wrong answer cannot be valid.")

    @property
    def n(self) -> int:
        """How many."""
        return len(self.answers)


def pass_of(one: Samples, k: int, checked: bool) -> float:
    """Probability that k of the samples hold a right one (Chen et al. 2021), without false positives if checked."""
    return pass_at_k(one.n, sum(one.valid if checked else one.correct), k)


def first_of(one: Samples, k: int, checked: bool) -> float:
    """Whether the first k samples hold a right one: what the paper plots; unbiased too, but of more variance."""
    return float(any((one.valid if checked else one.correct)[:k]))


def best_of(one: Samples, k: int, checked: bool) -> float:
    """Probability that the best-scored of k samples is right; of equal scores each is taken equally often.

    The exact mean over all subsets: a group of m equal scores with r better ones is chosen in
    C(n-r, k) - C(n-r-m, k) of C(n, k).

    Raises:
        UsageError: samples without scores, or k out of range.

    >>> one = Samples("a", ("1", "2"), (True, False), (True, False), (0.1, 0.9))
    >>> best_of(one, 1, checked=False), best_of(one, 2, checked=False)
    (0.5, 0.0)
    """
    if one.scores is None or not 1 <= k <= one.n:
        raise UsageError(f"best_of: samples of {one.key!r} have {'no' if one.scores is None else one.n} scores, k={k}.")
    right = one.valid if checked else one.correct
    groups: dict[float, list[bool]] = {}
    for score, good in zip(one.scores, right, strict=True):
        groups.setdefault(score, []).append(good)
    left, total = one.n, 0.0
    for score in sorted(groups, reverse=True):
        some = groups[score]
        ways = math.comb(left, k) - math.comb(left - len(some), k)
        total += ways * sum(some) / len(some)
        left -= len(some)
    return total / math.comb(one.n, k)


def majority_of(one: Samples, k: int, checked: bool, draws: int = 200, seed: int = 0) -> float:
    """Probability that the commonest answer of k samples is right (self-consistency), from random subsets.

    The solution that is shown is the first with that answer; of equally common answers the one that came first wins.

    Args:
        one: the samples.
        k: how many vote.
        checked: whether the shown solution must be right in every step.
        draws: random orders, of which the first k samples vote.
        seed: of the orders; which orders there are depends on it and the problem's key alone.

    >>> majority_of(Samples("a", ("1", "1", "2"), (True, True, False), (True, True, False)), 3, checked=True)
    1.0
    """
    right = one.valid if checked else one.correct
    rng = np.random.default_rng([seed, *one.key.encode()])
    wins = 0
    for _ in range(draws):
        votes: dict[str, list[int]] = {}
        for at in rng.permutation(one.n)[:k]:
            answer = one.answers[at]
            if answer is not None:
                votes.setdefault(answer, []).append(int(at))
        if votes:
            wins += right[max(votes.values(), key=len)[0]]
    return wins / draws


METHODS: dict[str, Callable[[Samples, int, bool], float]] = {
    "pass": pass_of,
    "first": first_of,
    "best": best_of,
    "majority": majority_of,
}


@dataclass(frozen=True)
class Point:
    """One point of two scaling curves.

    Attributes:
        k: samples.
        automatic: mean over problems, by answer.
        checked: the same without false positives.
        gap: automatic minus checked, paired by problem.
    """

    k: int
    automatic: Interval
    checked: Interval
    gap: Interval


def curve(some: Sequence[Samples], method: str, ks: Sequence[int], seed: int = 0) -> list[Point]:
    """How accuracy grows with the number of samples.

    Args:
        some: samples of each problem, at least max(ks) each.
        method: of METHODS.
        ks: numbers of samples.
        seed: of the bootstrap.

    Raises:
        UsageError: no problems, or too few samples.
    """
    if not some or min(one.n for one in some) < max(ks):
        raise UsageError(f"curve: expected problems with at least {max(ks)} samples each.")
    found = []
    for k in ks:
        auto_p, checked_p = (np.array([METHODS[method](one, k, flag) for one in some]) for flag in (False, True))
        parts = [bootstrap(values, seed=seed) for values in (auto_p, checked_p, auto_p - checked_p)]
        found.append(Point(k, *parts))
    return found


def ratio(part_p: Sequence[float], whole_p: Sequence[float], seed: int = 0, draws: int = 2000) -> Interval | None:
    """Sum of parts over sum of wholes, problems resampled; None if there is nothing to divide by.

    >>> ratio([1, 1], [2, 2])
    Interval(value=0.5, low=0.5, high=0.5, n=2)
    """
    part, whole = np.asarray(part_p, dtype=float), np.asarray(whole_p, dtype=float)
    if not whole.sum():
        return None
    picks = np.random.default_rng(seed).integers(0, len(part), (draws, len(part)))
    tops, bottoms = part[picks].sum(1), whole[picks].sum(1)
    drawn: NDArray[Any] = tops[bottoms > 0] / bottoms[bottoms > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(part.sum() / whole.sum()), float(low), float(high), len(part))


def false_positive_rate(some: Sequence[Samples], seed: int = 0) -> Interval | None:
    """Share of false positives among the samples with a right answer; None if there is none."""
    right_p = [sum(one.correct) for one in some]
    return ratio([c - sum(one.valid) for c, one in zip(right_p, some, strict=True)], right_p, seed)
