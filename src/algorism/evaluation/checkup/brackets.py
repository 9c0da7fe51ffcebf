"""Between which levels accuracy falls below 90, 50, 10 %, and which question would tell most next.

Knows levels and counts only. It is assumed that a higher level is not easier. Then every answer at a level or above it
speaks for "at least so accurate here", every answer at it or below it for "less accurate here". A statement about one
level is made once its evidence reaches (number of levels) / alpha, so that all statements about one threshold are right
together with probability 1 - alpha, whenever asking stops and whichever rule chose the questions.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from algorism.evaluation.checkup.confidence import ALPHA, log_evidence_above, log_evidence_below

THRESHOLDS = (0.9, 0.5, 0.1)
WEIGHTS = {0.9: 0.7, 0.5: 1.0, 0.1: 0.4}  # what a sample is worth: half is cheap to find, and says most
CHUNK = 4  # questions that a level gets at once


@dataclass(frozen=True, slots=True)
class Count:
    """What is known of one level.

    Attributes:
        right: right answers.
        n: answers.
        pending: questions that are already going to be asked.
        closed: nothing more can be asked.
    """

    right: int = 0
    n: int = 0
    pending: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Bracket:
    """Where a threshold is crossed.

    Attributes:
        threshold: the accuracy.
        holds: index of the highest level that is shown to have at least this accuracy; -1 for none.
        fails: index of the lowest level that is shown to have less; the number of levels for none.
        estimate: index of the highest level that seems to have it, from the pooled accuracies; -1 for none.
    """

    threshold: float
    holds: int
    fails: int
    estimate: int

    @property
    def undecided(self) -> range:
        """Levels of which neither is shown."""
        return range(self.holds + 1, self.fails)

    @property
    def consistent(self) -> bool:
        """False if a level is shown to fail below one that is shown to hold: a higher level is easier there."""
        return self.holds < self.fails

    def to_json(self, levels: Sequence[int]) -> dict[str, Any]:
        """With levels in place of their indices; None for "no level"."""
        at = {-1: None, len(levels): None} | dict(enumerate(levels))
        words = {"holds_up_to": at[self.holds], "fails_from": at[self.fails], "estimate": at[self.estimate]}
        return {"threshold": self.threshold} | words | {"consistent": self.consistent}


def bracket(counts: Sequence[Count], threshold: float, alpha: float = ALPHA) -> Bracket:
    """Bracket the highest level whose accuracy is at least the threshold.

    Args:
        counts: of each level, easiest first.
        threshold: between 0 and 1.
        alpha: probability that the bracket is wrong.

    >>> counts = [Count(40, 40), Count(38, 40), Count(2, 40), Count(0, 40)]
    >>> found = bracket(counts, 0.5)
    >>> found.holds, found.fails, found.estimate
    (1, 2, 1)
    """
    needed, size = math.log(len(counts) / alpha), len(counts)
    # Only the first level to be shown matters, from above and from below.
    from_above = (k for k in reversed(range(size)) if _pooled(counts[k:], threshold, log_evidence_above) >= needed)
    from_below = (k for k in range(size) if _pooled(counts[k::-1], threshold, log_evidence_below) >= needed)
    holds, fails = next(from_above, -1), next(from_below, size)
    curve = falling(counts)
    estimate = max((k for k, share in enumerate(curve) if share is not None and share >= threshold), default=-1)
    return Bracket(threshold, holds, fails, estimate)


def falling(counts: Sequence[Count]) -> list[float | None]:
    """The accuracies that fit best among those that never rise (pool adjacent violators); None where nothing is known.

    >>> falling([Count(3, 4), Count(), Count(4, 4), Count(0, 4)])
    [0.875, None, 0.875, 0.0]
    """
    blocks: list[tuple[int, int, list[int]]] = []
    for at, count in enumerate(counts):
        if not count.n:
            continue
        block = (count.right, count.n, [at])
        while blocks and blocks[-1][0] * block[1] <= block[0] * blocks[-1][1]:
            right, n, places = blocks.pop()
            block = (right + block[0], n + block[1], places + block[2])
        blocks.append(block)
    found: list[float | None] = [None] * len(counts)
    for right, n, places in blocks:
        for at in places:
            found[at] = right / n
    return found


def start(size: int) -> list[int]:
    """Levels that are asked first: the lowest, the middle, the highest."""
    return sorted({0, (size - 1) // 2, size - 1})


def wanted(counts: Sequence[Count], alpha: float = ALPHA) -> tuple[float, int] | None:
    """The level whose next questions tell most, and what they are worth; None if nothing is left to find out.

    A question is worth the levels that its level would settle, times the evidence that an answer is expected to bring,
    weighed by threshold, less the more the probe was asked already. Levels that seem to hold above one that fails, or
    to fail below one that holds, are settled as well: there harder questions are easier.
    """
    spent = sum(count.n + count.pending for count in counts)
    expected = _expected(counts)
    best: tuple[float, int] | None = None
    for threshold in THRESHOLDS:
        found = bracket(counts, threshold, alpha)
        for level in [*found.undecided, *_surprising(counts, found)]:
            if counts[level].closed:
                continue
            # A little towards the threshold, the more the less is known; so no level is given up or taken for sure.
            share, n = expected[level]
            share = (share * n + threshold) / (n + 1)
            settled = max(1, level - found.holds if share >= threshold else found.fails - level)
            worth = WEIGHTS[threshold] * settled * (_divergence(share, threshold) + 1e-6) / (spent + CHUNK)
            if best is None or worth > best[0]:
                best = (worth, level)
    return best


def _surprising(counts: Sequence[Count], found: Bracket) -> list[int]:
    """Levels that seem to hold above one that is shown to fail, or to fail below one that is shown to hold.

    Both would mean that harder questions are easier, which is said only once it is shown.

    >>> counts = [Count(0, 40), Count(), Count(4, 4), Count(0, 4)]
    >>> _surprising(counts, bracket(counts, 0.5))
    [2]
    """
    beyond, below = range(max(found.fails, found.holds) + 1, len(counts)), range(min(found.holds, found.fails))
    seems = [count.n and count.right >= found.threshold * count.n for count in counts]
    return [at for at in beyond if seems[at]] + [at for at in below if counts[at].n and not seems[at]]


def _expected(counts: Sequence[Count]) -> list[tuple[float, int]]:
    """What accuracy each level seems to have, and on how many answers that rests.

    A level without answers is taken to lie between its neighbours, as if it had two.
    """
    curve, found = falling(counts), []
    for at, (count, share) in enumerate(zip(counts, curve, strict=True)):
        if share is not None:
            found.append((share, count.n))
            continue
        before = next((value for value in reversed(curve[:at]) if value is not None), 1.0)
        after = next((value for value in curve[at:] if value is not None), 0.0)
        found.append(((before + after) / 2, 2))
    return found


def _divergence(p: float, q: float) -> float:
    """Evidence, in nats, that an answer of accuracy p brings on average against accuracy q (Kullback and Leibler)."""
    right = p * math.log(p / q) if p > 0 else 0.0
    return right + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)


def _pooled(counts: Sequence[Count], threshold: float, evidence: Callable[[int, int, float], float]) -> float:
    """Logarithm of the evidence about the first level from it and those behind it, each at least as telling.

    The mean of the evidence from the first level, the first two, the first three, ...: a mean of supermartingales is
    one. The first m together weigh 1/(m (m + 1)), and the whole the rest, so that levels far away cost little when they
    say nothing.
    """
    right = n = 0
    terms = []
    for m, count in enumerate(counts, 1):
        right, n = right + count.right, n + count.n
        weight = 1 / m if m == len(counts) else 1 / (m * (m + 1))
        terms.append(math.log(weight) + evidence(right, n, threshold))
    most = max(terms)
    return most + math.log(sum(math.exp(term - most) for term in terms)) if most > -math.inf else most
