"""Intervals that stay valid although the answers decide what is asked next and when asking stops.

A Wilson interval covers 95 % if the number of questions was fixed beforehand. Here it is not: a level gets more
questions because of the answers to earlier ones. What is used instead are confidence sequences, which hold at all
sample sizes at once (Robbins 1970; Waudby-Smith and Ramdas 2020, arXiv 2006.04347): for the true accuracy p, the
likelihood of the answers mixed over all accuracies, divided by their likelihood under p, is a martingale that starts at
1, so by Ville's inequality it ever reaches 1/alpha with probability at most alpha.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from algorism.errors import UsageError
from algorism.evaluation.statistics import Interval

ALPHA = 0.05


@lru_cache(maxsize=100_000)
def sequence_interval(right: int, n: int, alpha: float = ALPHA) -> Interval:
    """Confidence sequence for an accuracy: all p whose mixture likelihood ratio is below 1/alpha.

    Mixed over a uniform accuracy, the ratio is B(right + 1, wrong + 1) / (p^right (1 - p)^wrong). It is convex in
    log p, so the interval's ends are found by bisection.

    Args:
        right: right answers.
        n: all answers; without any the interval is [0, 1] and the value is NaN.
        alpha: probability that the interval is wrong at any time.

    Raises:
        UsageError: unless 0 <= right <= n.

    >>> print(sequence_interval(20, 20))
    1.000 [0.739, 1.000]
    """
    if not 0 <= right <= n:
        raise UsageError(f"sequence_interval: {right} right answers of {n}; expected 0 <= right <= n.")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    value = right / n
    mixed = _log_beta(right + 1, n - right + 1)

    def inside(p: float) -> bool:
        return mixed - _log_likelihood(p, right, n - right) < -math.log(alpha)

    low = 0.0 if right == 0 else _edge(inside, value, 0.0)
    high = 1.0 if right == n else _edge(inside, value, 1.0)
    return Interval(value, low, high, n)


@lru_cache(maxsize=200_000)
def log_evidence_above(right: int, n: int, threshold: float) -> float:
    """Logarithm of the evidence that an accuracy is above a threshold: against all accuracies up to it.

    The likelihood ratio q : threshold, mixed over q uniform on (threshold, 1). Each answer multiplies it by a number
    whose mean is at most 1 whenever that answer's own accuracy is at most the threshold. So it is a supermartingale
    even if the answers come from several levels, none of them above the threshold.

    >>> log_evidence_above(20, 20, 0.5) > 0 > log_evidence_above(2, 20, 0.5)
    True
    """
    if n == 0:
        return 0.0
    from scipy.special import betainc

    a, b = right + 1, n - right + 1
    tail = float(betainc(b, a, 1 - threshold))  # of Beta(a, b) above the threshold
    if tail <= 0.0:
        return -math.inf
    mixed = _log_beta(a, b) + math.log(tail) - math.log(1 - threshold)
    return mixed - _log_likelihood(threshold, right, n - right)


def log_evidence_below(right: int, n: int, threshold: float) -> float:
    """Logarithm of the evidence that an accuracy is below a threshold.

    >>> log_evidence_below(0, 20, 0.5) == log_evidence_above(20, 20, 0.5)
    True
    """
    return log_evidence_above(n - right, n, 1 - threshold)


def _edge(inside: Callable[[float], bool], value: float, outer: float) -> float:
    near, far = value, outer
    for _ in range(60):
        middle = (near + far) / 2
        near, far = (middle, far) if inside(middle) else (near, middle)
    return far


def _log_beta(a: int, b: int) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_likelihood(p: float, right: int, wrong: int) -> float:
    if (p <= 0 and right) or (p >= 1 and wrong):
        return -math.inf
    return (right * math.log(p) if right else 0.0) + (wrong * math.log1p(-p) if wrong else 0.0)
