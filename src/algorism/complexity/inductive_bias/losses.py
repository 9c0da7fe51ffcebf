"""The one loss of this folder, and its exact law for a Gaussian hypothesis.

A loss is always the mean squared error over test points *and* outputs (class labels one-hot), so that losses of tasks
with different numbers of points or classes are on one scale. The released network script divides by the batch size
once more, and a sum over outputs is larger by their number: errors taken from elsewhere have to be converted.

Shape letters: t test point, c output, s hypothesis, i direction (eigenvector of the covariance), e error.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError, ShapeError, UsageError

Floats = NDArray[np.float64]


def mean_squared_error(f_stc: ArrayLike, y_tc: ArrayLike) -> Floats:
    """Mean over points and outputs of (f − y)², one number per hypothesis.

    Args:
        f_stc: (..., t, c), values of each hypothesis.
        y_tc: (t, c), targets.

    Returns:
        (...,) losses.

    Raises:
        ShapeError: if the last two axes differ.

    >>> mean_squared_error([[[1.0, 0.0]], [[0.0, 0.0]]], [[0.0, 0.0]]).tolist()
    [0.5, 0.0]
    """
    values, targets = np.asarray(f_stc, dtype=float), np.asarray(y_tc, dtype=float)
    if targets.ndim != 2 or values.shape[-2:] != targets.shape:
        raise ShapeError(
            f"mean_squared_error: hypotheses of shape {values.shape} against targets of shape {targets.shape}; "
            "expected (..., points, outputs) and (points, outputs)."
        )
    return np.mean((values - targets) ** 2, axis=(-2, -1))


def checked_losses(losses: ArrayLike) -> Floats:
    """A sample of losses as (s,) floats.

    Raises:
        DataError: fewer than two, or one that is negative or not finite.
    """
    losses_s = np.asarray(losses, dtype=float)
    if losses_s.ndim != 1 or len(losses_s) < 2:
        raise DataError(
            f"losses: expected one number per hypothesis and at least 2 of them, got shape {losses_s.shape}."
        )
    if not np.isfinite(losses_s).all():
        bad = int((~np.isfinite(losses_s)).sum())
        raise DataError(f"losses: {bad} of {len(losses_s)} are not finite. Exclude failed hypotheses by a rule first.")
    if losses_s.min() < 0:
        raise DataError(f"losses: a mean squared error is never negative, got {losses_s.min():g}.")
    return losses_s


def checked_error(error: Any) -> float:
    """A target error, refused unless it is a positive number."""
    if not isinstance(error, int | float | np.number) or not 0 < error < np.inf:
        raise UsageError(f"error: expected a mean squared error above 0, got {error!r}.")
    return float(error)


@dataclass(frozen=True)
class GaussianLoss:
    """The law of the loss of a hypothesis that is Gaussian on the test points: a generalised chi-square.

    With the covariance C = V diag(λ) Vᵀ, the same for all outputs, and b = Vᵀ(mean − target),

        loss · points · outputs = Σ_i Σ_j (√λ_i z_ij + b_ij)²,  z_ij standard normal.

    Args:
        variances_i: λ_i ≥ 0.
        offsets_i: B_i = Σ_j b_ij² ≥ 0.
        outputs: c, numbers per point.
        points: test points; directions without variance or offset may be left out of the arrays.

    Source: arXiv 2406.15941, kernel hypothesis space.

    >>> law = GaussianLoss(np.ones(10), np.zeros(10), outputs=1, points=10)  # χ²₁₀ / 10
    >>> [round(k, 3) for k in law.cumulants()]
    [1.0, 0.2, 0.08]
    """

    variances_i: Floats
    offsets_i: Floats
    outputs: int
    points: int

    def __post_init__(self) -> None:
        variances, offsets = (np.asarray(a, dtype=float) for a in (self.variances_i, self.offsets_i))
        if variances.ndim != 1 or variances.shape != offsets.shape or not len(variances):
            raise ShapeError(
                f"GaussianLoss: {variances.shape} variances but {offsets.shape} offsets; expected one per direction."
            )
        if not (np.isfinite(variances).all() and np.isfinite(offsets).all()) or min(variances.min(), offsets.min()) < 0:
            raise DataError("GaussianLoss: variances and squared offsets must be finite and not negative.")
        if self.outputs < 1 or self.points < len(variances):
            raise ShapeError(
                f"GaussianLoss: {self.outputs} outputs and {self.points} points; expected at least 1 output, "
                f"and no fewer points than directions ({len(variances)})."
            )
        object.__setattr__(self, "variances_i", variances)
        object.__setattr__(self, "offsets_i", offsets)

    @property
    def terms(self) -> int:
        """How many squares the mean is taken over: points × outputs."""
        return self.points * self.outputs

    def cumulants(self) -> tuple[float, float, float]:
        """Mean, variance and third central moment of the loss, exactly.

        The n-th cumulant is 2ⁿ⁻¹ (n−1)! (c Σ λⁿ + n Σ λⁿ⁻¹ B) / (points · outputs)ⁿ.
        """
        lam, b, c, total = self.variances_i, self.offsets_i, self.outputs, self.terms
        first = (c * lam.sum() + b.sum()) / total
        second = 2 * (c * (lam**2).sum() + 2 * (lam * b).sum()) / total**2
        third = 8 * (c * (lam**3).sum() + 3 * (lam**2 * b).sum()) / total**3
        return float(first), float(second), float(third)

    def sample(self, number: int, seed: int = 0) -> Floats:
        """Losses of `number` independent hypotheses, (s,), drawn direction by direction: no function is made."""
        if number < 1:
            raise UsageError(f"GaussianLoss.sample: expected at least 1 hypothesis, got {number}.")
        random = np.random.default_rng(seed)
        moving = self.variances_i > 0
        lam_i, b_i = self.variances_i[moving], self.offsets_i[moving]
        sums_s = np.full(number, self.offsets_i[~moving].sum())
        rows = max(1, 4_000_000 // max(1, len(lam_i)))  # 32 MB at a time
        for start in range(0, number if len(lam_i) else 0, rows):
            part = sums_s[start : start + rows]
            # The c squares of one direction share λ, so their sum is λ times one non-central chi-square.
            part += random.noncentral_chisquare(self.outputs, b_i / lam_i, (len(part), len(lam_i))) @ lam_i
        return sums_s / self.terms
