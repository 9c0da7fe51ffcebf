"""How often 95 % intervals hold the truth: exactly for proportions, otherwise in simulated data sets of known truth.

A user who wonders about a sample size and an accuracy of their own can ask `wilson_coverage`, or add a `Case`.
Shape letters: n problem, s sample or seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from algorism.errors import UsageError
from algorism.evaluation.statistics import (
    Interval,
    bootstrap,
    mean_interval,
    paired_bootstrap,
    pass_at_k,
    seeds_interval,
    wilson,
    wilson_many,
)

Random = np.random.Generator
_DRAWS = 300  # resamples of each bootstrap: enough for a quantile, and thousands of data sets take seconds


def wilson_coverage(n: int, p: float, level: float = 0.95) -> float:
    """Probability that Wilson's interval holds p, from the binomial distribution, without simulation.

    Args:
        n: problems.
        p: accuracy.
        level: of the interval.

    Raises:
        UsageError: n < 1, or p outside 0 to 1.

    >>> round(wilson_coverage(200, 0.9), 3), round(wilson_coverage(20, 0.99), 3)
    (0.956, 0.983)
    """
    if n < 1 or not 0 <= p <= 1:
        raise UsageError(f"wilson_coverage: expected n >= 1 and 0 <= p <= 1, got n={n}, p={p}.")
    from scipy.special import gammaln, xlog1py, xlogy

    k = np.arange(n + 1)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    inside = [found.low <= p <= found.high for found in wilson_many(k, np.full(n + 1, n), level)]
    return float(np.exp(logs)[inside].sum())


@dataclass(frozen=True)
class Case:
    """One kind of data set whose truth is known.

    Args:
        method: which interval.
        data: the data sets, in words.
        truth: what the interval should hold.
        interval: draws one data set and gives its interval; it is passed a generator and the number of the data set.
        nominal: whether theory promises about 95 % there.
    """

    method: str
    data: str
    truth: float
    interval: Callable[[Random, int], Interval]
    nominal: bool = True

    def coverage(self, repeats: int, seed: int = 0) -> Interval:
        """Share of simulated data sets whose interval holds the truth.

        Args:
            repeats: data sets.
            seed: of all.
        """
        rng = np.random.default_rng([seed, *self.method.encode(), *self.data.encode()])
        hits = 0
        for at in range(repeats):
            found = self.interval(rng, at)
            hits += found.low <= self.truth <= found.high
        return wilson(hits, repeats)


def _proportion(n: int, p: float, nominal: bool = True) -> Case:
    return Case("wilson", f"{n} problems, accuracy {p}", p, lambda rng, at: wilson(int(rng.binomial(n, p)), n), nominal)


def _bootstrap(n: int, p: float, nominal: bool = True) -> Case:
    def interval(rng: Random, at: int) -> Interval:
        return bootstrap(rng.random(n) < p, seed=at, draws=_DRAWS)

    return Case("bootstrap", f"{n} problems, accuracy {p}", p, interval, nominal)


def _paired(n: int) -> Case:
    def interval(rng: Random, at: int) -> Interval:
        hard_n, luck_n = rng.random(n), rng.random((2, n))
        a_n, b_n = (hard_n < 0.7) & (luck_n[0] < 0.95), (hard_n < 0.7) & (luck_n[1] < 0.85)
        return paired_bootstrap(a_n, b_n, seed=at, draws=_DRAWS)

    return Case("paired bootstrap", f"{n} problems asked of two models, 7 points apart", 0.07, interval)


def _clusters(problems: int, samples: int, together: bool) -> Case:
    """Samples of one problem agree: the chance of a right one is drawn per problem from Beta(1/2, 1/2)."""
    cluster = np.repeat(np.arange(problems), samples) if together else None

    def interval(rng: Random, at: int) -> Interval:
        skill_n = rng.beta(0.5, 0.5, problems)
        right_ns = rng.random((problems, samples)) < skill_n[:, None]
        return bootstrap(right_ns, seed=at, cluster=cluster, draws=_DRAWS)

    name = "cluster bootstrap" if together else "bootstrap, clusters ignored"
    return Case(name, f"{problems} problems of unlike difficulty, {samples} samples of each", 0.5, interval, together)


def _pass(problems: int, samples: int, k: int) -> Case:
    """pass@k where the chance of a right sample is Beta(1, 3): 1 - E[(1 - p)^k] = 1 - 3/(3 + k)."""
    table_s = np.array([pass_at_k(samples, c, k) for c in range(samples + 1)])

    def interval(rng: Random, at: int) -> Interval:
        right_n = rng.binomial(samples, rng.beta(1, 3, problems))
        return bootstrap(table_s[right_n], seed=at, draws=_DRAWS)

    return Case("pass@k by bootstrap", f"{problems} problems, pass@{k} of {samples} samples", 1 - 3 / (3 + k), interval)


def _seeds(seeds: int, n: int, spread: float, p: float = 0.8, nominal: bool = True) -> Case:
    def interval(rng: Random, at: int) -> Interval:
        skill_s = np.clip(rng.normal(p, spread, seeds), 0, 1)
        return seeds_interval(rng.binomial(n, skill_s).tolist(), n)

    return Case("seeds", f"{seeds} seeds, {100 * spread:g} points apart, {n} problems", p, interval, nominal)


def _failing_seeds(seeds: int, n: int) -> Case:
    """One network in ten never learns: no bell curve, and seeds that agree say nothing about it."""

    def interval(rng: Random, at: int) -> Interval:
        skill_s = np.where(rng.random(seeds) < 0.1, 0.0, 0.99)
        return seeds_interval(rng.binomial(n, skill_s).tolist(), n)

    return Case("seeds", f"{seeds} seeds, one in ten never learns, {n} problems", 0.9 * 0.99, interval, False)


def _normal(n: int) -> Case:
    return Case("mean", f"{n} values of a bell curve", 0.3, lambda rng, at: mean_interval(rng.normal(0.3, 2, n)))


CASES: tuple[Case, ...] = (
    _proportion(100, 0.5),
    _proportion(200, 0.9),
    _proportion(1000, 0.97),
    _bootstrap(100, 0.7),
    _paired(120),
    _clusters(60, 3, together=True),
    _pass(80, 8, 4),
    _seeds(5, 500, 0.05),
    _seeds(3, 200, 0.02),
    _normal(5),
    _proportion(10, 0.983, nominal=False),
    _proportion(100, 0.9983, nominal=False),
    _bootstrap(100, 0.99, nominal=False),
    _bootstrap(10, 0.9, nominal=False),
    _clusters(60, 3, together=False),
    _failing_seeds(5, 200),
)
