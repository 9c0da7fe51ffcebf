"""The question of this folder: how many nats of inductive bias a target error asks for.

    I(ε) = −ln P(test loss of a hypothesis that fits the training data ≤ ε)

Source: arXiv 2406.15941, definition of the required inductive bias.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from algorism.errors import DataError, UsageError, nearest

from .fitting import Fit, fit, fit_many
from .hypotheses import Sample
from .losses import Floats, GaussianLoss, checked_error, checked_losses
from .ncx2 import Ncx2
from .tail import log_probability

Method = Literal["empirical", "ncx2", "ncx2-moments", "saddlepoint"]
METHODS = {
    "empirical": "the share of sampled hypotheses; knows nothing below the smallest loss",
    "ncx2": "scaled non-central chi-square by maximum likelihood, as in the paper",
    "ncx2-moments": "the same law from the sample's first three moments",
    "saddlepoint": "the exact law of a kernel space; no sample, no fit",
}
UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}
FAR = 10.0  # nats beyond the smallest sample from which on an extrapolation is warned of


class ExtrapolationWarning(UserWarning):
    """A fitted law is read far below every loss that it was fitted to."""


@dataclass(frozen=True)
class RequiredBias:
    """Required inductive bias at one error.

    Args:
        error: target mean squared error.
        value: the estimate in `unit`; inf where no hypothesis of the sample, or of the space, gets there.
        low, high: interval at `level`: Clopper–Pearson for "empirical", percentile bootstrap for the fits (of sampling
            only, not of a law that does not fit), the value itself for "saddlepoint".
        floor, ceiling: Clopper–Pearson bounds from the sample alone. They hold whatever the law is.
        beyond: nats between the estimate and the deepest event that the sample resolves, ln s; 0 within it.
        unit, method, level, hypotheses: how it was made.
        fit: the fitted law with its goodness of fit, where there is one.
    """

    error: float
    value: float
    low: float
    high: float
    floor: float
    ceiling: float
    beyond: float
    unit: str
    method: str
    level: float
    hypotheses: int
    fit: Fit | None = None

    def __str__(self) -> str:
        """Write "20.1 [18.9, 21.4] nats at error 0.1 (ncx2, 10000 hypotheses)"."""
        interval = "" if self.low == self.high else f" [{self.low:.3g}, {self.high:.3g}]"
        made = f"{self.method}, {self.hypotheses} hypotheses" if self.hypotheses else self.method
        return f"{self.value:.4g}{interval} {self.unit} at error {self.error:g} ({made})"


def required_inductive_bias(
    losses: ArrayLike | Sample | GaussianLoss,
    error: float | Sequence[float],
    method: Method | str = "ncx2",
    unit: str = "nats",
    *,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> RequiredBias | list[RequiredBias]:
    """How much information must be added to a hypothesis space to reach an error, given that it fits the training data.

    Args:
        losses: (s,) test losses of hypotheses that fit the training data; a `Sample` of a space; or, for "saddlepoint",
            the law itself.
        error: target MSE above 0, averaged over points and outputs; or several.
        method: a key of `METHODS`.
        unit: "nats" or "bits".
        level: of the intervals.
        draws: bootstrap resamples; 0 for no interval of a fit.
        seed: of the bootstrap.

    Returns:
        One result, or a list for several errors. I is never negative and never rises with the error.

    Raises:
        UsageError: unknown method or unit, an error that is not above 0, "saddlepoint" without a law.
        DataError: losses that are no sample.

    Warns:
        ExtrapolationWarning: a fit read more than 10 nats beyond the deepest event that the sample resolves.

    >>> losses = Ncx2(df=10, nc=0, scale=0.1).sample(10_000, seed=0)  # I(0.1) = 8.667
    >>> found = required_inductive_bias(losses, 0.1, draws=50)
    >>> found.low < 8.667 < found.high, found.floor > 6
    (True, True)
    >>> print(required_inductive_bias(losses, 1e9, "empirical"))
    0 [0, 0.000369] nats at error 1e+09 (empirical, 10000 hypotheses)
    """
    if method not in METHODS:
        raise UsageError(f"required_inductive_bias: unknown method {method!r}. {nearest(str(method), METHODS)}")
    if unit not in UNITS:
        raise UsageError(f"required_inductive_bias: unknown unit {unit!r}. {nearest(str(unit), UNITS)}")
    if not 0 < level < 1 or draws < 0:
        raise UsageError(f"required_inductive_bias: expected 0 < level < 1 and draws >= 0, got {level} and {draws}.")
    single = bool(np.isscalar(error))
    errors = [checked_error(e) for e in np.atleast_1d(error)]
    law, losses_s = _parts(losses)
    fitted = None
    if method == "saddlepoint":
        if law is None:
            raise UsageError("required_inductive_bias: 'saddlepoint' needs the exact law, which kernel spaces have.")
        exact = [-log_probability(e, law) for e in errors]
        estimates = [(value, value, value) for value in exact]
    elif losses_s is None:
        raise UsageError(f"required_inductive_bias: {method!r} needs losses; use law.sample(10_000) or 'saddlepoint'.")
    elif method == "empirical":
        estimates = [(_surprise((losses_s <= e).mean()), *sample_bounds(losses_s, e, level)) for e in errors]
    else:
        fitted = fit(losses_s, method)
        resampled = bootstrap_laws(losses_s, draws, method, seed)
        estimates = [_percentiles(fitted.law, resampled, e, level) for e in errors]

    size, factor, results = 0 if losses_s is None else len(losses_s), UNITS[unit], []
    for e, (value, low, high) in zip(errors, estimates):
        floor, ceiling = (0.0, math.inf) if losses_s is None else sample_bounds(losses_s, e, level)
        results.append(
            RequiredBias(
                error=e,
                value=factor * abs(value),  # −0.0 becomes 0.0
                low=factor * abs(low),
                high=factor * abs(high),
                floor=factor * abs(floor),
                ceiling=factor * abs(ceiling),
                beyond=factor * max(0.0, value - math.log(size)) if fitted else 0.0,
                unit=unit,
                method=method,
                level=level,
                hypotheses=size,
                fit=fitted,
            )
        )
    _warn(results)
    return results[0] if single else results


def _surprise(share: float) -> float:
    return -math.log(share) if share else math.inf


def sample_bounds(losses: ArrayLike, error: float, level: float = 0.95) -> tuple[float, float]:
    """Bounds on I(error) in nats that assume nothing of the law: Clopper and Pearson's, from the count below `error`.

    With none below, the upper bound is inf and the lower one the most that can be known: ln(s / 3.7) at 95 %.

    >>> [round(b, 3) for b in sample_bounds([0.1] * 50 + [0.9] * 50, 0.5)]
    [0.508, 0.92]
    """
    losses_s = checked_losses(losses)
    n, k = len(losses_s), int((losses_s <= error).sum())
    rest = (1 - level) / 2
    largest = float(betaincinv(k + 1, n - k, 1 - rest)) if k < n else 1.0
    smallest = float(betaincinv(k, n - k + 1, rest)) if k else 0.0
    return _surprise(largest), _surprise(smallest)


def bootstrap_laws(losses: ArrayLike, draws: int, method: str, seed: int = 0) -> list[Ncx2]:
    """The law fitted to `draws` resamples of the losses (Efron 1979); resamples that cannot be fitted are left out.

    Raises:
        DataError: these are more than a tenth.
    """
    losses_s = checked_losses(losses)
    random = np.random.default_rng(seed)
    n = len(losses_s)
    rows = max(1, 2_000_000 // n)  # 16 MB of counts at a time
    laws: list[Ncx2] = []
    for start in range(0, draws, rows):
        counts_bs = random.multinomial(n, np.full(n, 1 / n), min(rows, draws - start))
        found, done_b = fit_many(losses_s, counts_bs, method)
        laws += [law for law, done in zip(found, done_b) if done]
    if len(laws) < 0.9 * draws:
        raise DataError(
            f"bootstrap: {len(laws)} of {draws} resamples of {n} losses could be fitted. Sample more hypotheses, use "
            "method='ncx2-moments', or look at the losses: failed hypotheses among them ruin a likelihood fit."
        )
    return laws


def _percentiles(law: Ncx2, resampled: list[Ncx2], error: float, level: float) -> tuple[float, float, float]:
    value = -float(law.log_cdf(error))
    if not resampled:
        return value, 0.0, math.inf
    ends = np.quantile([-float(one.log_cdf(error)) for one in resampled], [(1 - level) / 2, (1 + level) / 2])
    return value, min(value, float(ends[0])), max(value, float(ends[1]))


def _parts(losses: ArrayLike | Sample | GaussianLoss) -> tuple[GaussianLoss | None, Floats | None]:
    if isinstance(losses, GaussianLoss):
        return losses, None
    if isinstance(losses, Sample):
        return losses.law, losses.losses_s
    return None, checked_losses(losses)


def _warn(results: list[RequiredBias]) -> None:
    far = [r for r in results if r.beyond > FAR * UNITS[r.unit]]
    if far:
        worst = max(far, key=lambda r: r.beyond)
        warnings.warn(
            f"I({worst.error:g}) = {worst.value:.4g} {worst.unit} lies {worst.beyond:.3g} {worst.unit} beyond the "
            f"deepest event that {worst.hypotheses} hypotheses resolve: it follows from the fitted law alone. On "
            "kernel spaces such values came out up to a factor of 2 too small; use 'saddlepoint' where there is a law.",
            ExtrapolationWarning,
            stacklevel=3,
        )
