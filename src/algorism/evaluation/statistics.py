"""Intervals and tests for accuracies. Knows counts and arrays; knows nothing of models."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError, UsageError


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value with a confidence interval.

    Attributes:
        value: the estimate.
        low, high: ends of the interval.
        n: independent observations behind it (problems, or seeds where the interval is over seeds).
    """

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Write "0.950 [0.888, 0.978]"."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's exact test on paired outcomes: counts of problems, and the two-sided p-value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1, got {level}; 0.95 gives a 95 % interval.")
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion (Wilson 1927, J. Am. Stat. Assoc. 22); sensible at 0 and n too.

    Args:
        successes: how many were right.
        n: out of how many, at least 1.
        level: confidence level.

    Raises:
        UsageError: unless 0 ≤ successes ≤ n and n ≥ 1.

    >>> print(wilson(95, 100))
    0.950 [0.888, 0.978]
    """
    if n < 1 or not 0 <= successes <= n:
        raise UsageError(f"wilson: {successes} successes of {n}; expected 0 <= successes <= n and n >= 1.")
    low, high = _wilson_ends(np.array([successes]), np.array([n]), _z(level))
    return Interval(successes / n, float(low[0]), float(high[0]), int(n))


def wilson_many(successes: ArrayLike, n: ArrayLike, level: float = 0.95) -> list[Interval]:
    """Wilson intervals for many cells at once; a cell with n = 0 has value NaN and the interval 0 to 1.

    >>> [round(i.high, 3) for i in wilson_many([1, 2], [2, 2])]
    [0.905, 1.0]
    """
    successes_c, n_c = np.asarray(successes), np.asarray(n)
    low_c, high_c = _wilson_ends(successes_c, np.maximum(n_c, 1), _z(level))
    rows = zip(successes_c.tolist(), n_c.tolist(), low_c.tolist(), high_c.tolist())
    return [Interval(s / m, low, high, m) if m else Interval(math.nan, 0.0, 1.0, 0) for s, m, low, high in rows]


def _wilson_ends(successes: NDArray[Any], n: NDArray[Any], z: float) -> tuple[NDArray[Any], NDArray[Any]]:
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # Rounding leaves ends such as 1e-17 or 0.9999999999999999 where the formula gives exactly 0 and 1.
    return np.where(successes == 0, 0.0, centre - half), np.where(successes == n, 1.0, centre + half)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval for the mean of independent values, such as one per seed.

    Args:
        values: (n,) floats; a single value gets the interval from -inf to inf.
        level: confidence level.

    >>> print(mean_interval([0.9, 0.95, 1.0]))
    0.950 [0.826, 1.074]
    """
    values_n = np.asarray(values, dtype=float).ravel()
    _z(level)
    if len(values_n) == 0 or not np.isfinite(values_n).all():
        raise UsageError("mean_interval: expected at least one value, all finite.")
    mean = float(values_n.mean())
    if len(values_n) == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    from scipy.special import stdtrit

    half = float(stdtrit(len(values_n) - 1, (1 + level) / 2) * values_n.std(ddof=1) / math.sqrt(len(values_n)))
    return Interval(mean, mean - half, mean + half, len(values_n))


def seeds_interval(successes_per_seed: Sequence[int], n_per_seed: int | Sequence[int], level: float = 0.95) -> Interval:
    """Interval for the accuracy of a method over training seeds, from the accuracy of each seed.

    The spread of per-seed accuracies contains both what differs between trained networks and what the finite test set
    adds, so a t interval over seeds covers both. When all seeds agree (or there is one) there is no spread to use, and
    only the sampling is covered: Wilson's interval of the pooled answers.

    Args:
        successes_per_seed: right answers, one count per seed.
        n_per_seed: problems asked of each seed: one number, or one per seed.
        level: confidence level.

    Returns:
        The mean per-seed accuracy, its interval within [0, 1], and n: the seeds (for Wilson the pooled problems).

    >>> print(seeds_interval([90, 94, 92], 100)), print(seeds_interval([100, 100, 100], 100))
    0.920 [0.870, 0.970]
    1.000 [0.987, 1.000]
    (None, None)
    """
    successes = [int(s) for s in successes_per_seed]
    sizes = (
        [int(n_per_seed)] * len(successes) if isinstance(n_per_seed, int | np.integer) else [int(n) for n in n_per_seed]
    )
    if not successes or len(sizes) != len(successes) or any(n < 1 or not 0 <= s <= n for s, n in zip(successes, sizes)):
        raise UsageError(
            f"seeds_interval: {successes} successes of {sizes}; expected one count 0..n and n >= 1 per seed."
        )
    accuracies = [s / n for s, n in zip(successes, sizes)]
    if len(set(accuracies)) == 1:
        return wilson(sum(successes), sum(sizes), level)
    interval = mean_interval(accuracies, level)
    return Interval(interval.value, max(0.0, interval.low), min(1.0, interval.high), interval.n)


def bootstrap(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    seed: int = 0,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
    draws: int = 2000,
) -> Interval:
    """Percentile bootstrap interval (Efron 1979), resampling observations or whole clusters.

    Args:
        values: (n,) floats.
        statistic: function of an array that takes `axis`, like np.mean or np.median.
        seed: of the resampling.
        level: confidence level.
        cluster: (n,) labels; observations of one cluster (samples of one problem) are drawn together.
        draws: resamples.

    Returns:
        The statistic of `values`, its interval, and the number of observations or clusters.

    >>> print(bootstrap([0, 1, 1, 1] * 25, seed=1))
    0.750 [0.660, 0.830]
    """
    values_n = np.asarray(values, dtype=float).ravel()
    _z(level)
    if len(values_n) == 0 or draws < 1:
        raise UsageError("bootstrap: expected at least one value and one draw.")
    random = np.random.default_rng(seed)
    groups: list[NDArray[Any]] | None = None
    n = len(values_n)
    if cluster is not None:
        labels = np.asarray(cluster).ravel()
        if len(labels) != len(values_n):
            raise UsageError(f"bootstrap: {len(values_n)} values but {len(labels)} cluster labels; give one for each.")
        _, inverse = np.unique(labels, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
        n = len(groups)
    rows = max(1, min(draws, 4_000_000 // len(values_n)))  # 32 MB of resampled values at a time
    results: list[NDArray[Any]] = []
    table = np.stack(groups) if groups is not None and len({len(g) for g in groups}) == 1 else None
    for start in range(0, draws, rows):
        picks = random.integers(0, n, (min(rows, draws - start), n))
        if groups is None:
            results.append(statistic(values_n[picks], axis=-1))
        elif table is not None:
            results.append(statistic(values_n[table[picks].reshape(len(picks), -1)], axis=-1))
        else:
            samples = [np.concatenate([groups[g] for g in row]) for row in picks]
            results.append(np.array([statistic(values_n[sample], axis=-1) for sample in samples]))
    low, high = np.quantile(np.concatenate(results), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(values_n, axis=-1)), float(low), float(high), n)


def paired_bootstrap(a: ArrayLike, b: ArrayLike, seed: int = 0, level: float = 0.95, draws: int = 2000) -> Interval:
    """Interval for mean(a) - mean(b) when a and b are outcomes on the same problems; problems are resampled.

    >>> print(paired_bootstrap([1, 1, 1, 0] * 50, [1, 0, 1, 0] * 50, seed=0))
    0.250 [0.190, 0.310]
    """
    a_n, b_n = np.asarray(a, dtype=float).ravel(), np.asarray(b, dtype=float).ravel()
    if len(a_n) != len(b_n):
        raise UsageError(f"paired_bootstrap: {len(a_n)} outcomes against {len(b_n)}; give both for every problem.")
    return bootstrap(a_n - b_n, np.mean, seed, level, draws=draws)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that k samples hold a right one, estimated without bias from n of which c are right.

    1 - C(n-c, k) / C(n, k), Chen et al. 2021, arXiv 2107.03374, equation 1.

    >>> pass_at_k(4, 1, 2), pass_at_k(10, 0, 5), pass_at_k(10, 6, 5)
    (0.5, 0.0, 1.0)
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise UsageError(f"pass_at_k: n={n}, c={c}, k={k}; expected 0 <= c <= n and 1 <= k <= n.")
    whole = math.comb(n, k)
    return (whole - math.comb(n - c, k)) / whole


def mcnemar(a_correct: ArrayLike, b_correct: ArrayLike) -> McNemar:
    """McNemar's exact test of whether a and b, asked the same problems, differ in accuracy.

    Args:
        a_correct: (n,) bool, outcomes of a.
        b_correct: (n,) bool, outcomes of b on the same problems in the same order.

    Returns:
        Counts, and the two-sided binomial p-value over the problems on which they differ (1 if there are none).

    >>> mcnemar([1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1])
    McNemar(both=0, only_a=6, only_b=1, neither=1, p=0.125)
    """
    a_n, b_n = np.asarray(a_correct, dtype=bool).ravel(), np.asarray(b_correct, dtype=bool).ravel()
    if len(a_n) != len(b_n):
        raise UsageError(f"mcnemar: {len(a_n)} outcomes against {len(b_n)}; give both for every problem.")
    from scipy.special import bdtr

    both, only_a, only_b = int((a_n & b_n).sum()), int((a_n & ~b_n).sum()), int((~a_n & b_n).sum())
    p = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5))) if only_a + only_b else 1.0
    return McNemar(both, only_a, only_b, len(a_n) - both - only_a - only_b, p)


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Holm 1979): compare each with the level to keep the family-wise error below it.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if any(not 0 <= p <= 1 for p in pvalues):
        raise DataError(f"holm: p-values lie between 0 and 1, got {list(pvalues)}.")
    adjusted, largest = [0.0] * len(pvalues), 0.0
    for rank, at in enumerate(sorted(range(len(pvalues)), key=lambda i: pvalues[i])):
        largest = max(largest, min(1.0, (len(pvalues) - rank) * pvalues[at]))
        adjusted[at] = largest
    return adjusted


def minimum_detectable_difference(n: int, p: float, level: float = 0.95, power: float = 0.8) -> float:
    """Smallest difference from accuracy p that two independent runs of n problems show with the given power.

    Solves d = z₁·sqrt(2·m(1-m)/n) + z₂·sqrt((p(1-p) + q(1-q))/n), q = p ± d towards one half, m = (p + q)/2 (Fleiss,
    Statistical Methods for Rates and Proportions, two-sided test). With fewer than some 10 problems nothing short of
    everything is seen: the answer is then the whole distance to 0 or 1.

    >>> round(minimum_detectable_difference(1000, 0.9), 3)
    0.041
    """
    if n < 1 or not 0 <= p <= 1 or not 0 < power < 1:
        raise UsageError(f"minimum_detectable_difference: n={n}, p={p}, power={power}; expected n >= 1, 0 <= p <= 1.")
    z_level, z_power = _z(level), NormalDist().inv_cdf(power)
    direction = -1 if p >= 0.5 else 1
    low, high = 0.0, max(p, 1 - p)
    for _ in range(60):
        d = (low + high) / 2
        q = p + direction * d
        m = (p + q) / 2
        needed = z_level * math.sqrt(2 * m * (1 - m) / n) + z_power * math.sqrt((p * (1 - p) + q * (1 - q)) / n)
        low, high = (d, high) if d < needed else (low, d)
    return high
