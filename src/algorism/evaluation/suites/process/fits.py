"""Curves through accuracy by number of samples, and what they say about the ceiling.

Two forms: the exponentiated power law of the repeated-sampling literature (arXiv 2407.21787), accuracy = exp(-a·k^-b),
whose ceiling is 1; and a saturating one, c·(1 - (1 + k/t)^-a), with a ceiling c of its own.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError
from algorism.evaluation.statistics import Interval

_DECADES = 1.5


@dataclass(frozen=True)
class PowerLaw:
    """Accuracy of k samples as exp(-a·k^-b)."""

    a: float
    b: float

    def at(self, k: float) -> float:
        """The fitted accuracy."""
        return float(np.exp(-self.a * k**-self.b))


@dataclass(frozen=True)
class Saturating:
    """Accuracy of k samples as c·(1 - (1 + k/t)^-a); c is the ceiling, with a 95 % interval."""

    ceiling: Interval
    t: float
    a: float

    def at(self, k: float) -> float:
        """The fitted accuracy."""
        return float(self.ceiling.value * (1 - (1 + k / self.t) ** -self.a))


def _points(ks: Sequence[int], shares: Sequence[float], least: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k, share = np.asarray(ks, dtype=float), np.asarray(shares, dtype=float)
    if len(k) != len(share) or len(k) < least or (k < 1).any() or ((share < 0) | (share > 1)).any():
        raise DataError(f"A fit needs at least {least} points with k >= 1 and accuracies from 0 to 1, got {len(k)}.")
    if np.log10(k.max() / k.min()) < _DECADES:
        warnings.warn(f"k from {k.min():g} to {k.max():g}: under {_DECADES} decades a fit says little.", stacklevel=3)
    return k, np.clip(share, 1e-6, 1 - 1e-6)


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    share = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(share / (1 - share)))


def power_law(ks: Sequence[int], shares: Sequence[float]) -> PowerLaw:
    """Fit exp(-a·k^-b) by least squares on logits.

    Raises:
        DataError: fewer than two points, or values out of range.

    >>> fit = power_law([1, 10, 100], [0.1, 0.5, 0.8])
    >>> 0.05 < fit.at(1) < 0.2
    True
    """
    from scipy.optimize import least_squares

    k, share = _points(ks, shares, 2)

    def miss(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return _logit(np.exp(-np.exp(x[0]) * k ** -np.exp(x[1]))) - _logit(share)

    found = least_squares(miss, [np.log(-np.log(share[0])), np.log(0.5)])
    return PowerLaw(float(np.exp(found.x[0])), float(np.exp(found.x[1])))


def saturating(ks: Sequence[int], shares: Sequence[float]) -> Saturating:
    """Fit c·(1 - (1 + k/t)^-a) by least squares on logits; the interval of c follows from the curvature there.

    Raises:
        DataError: fewer than four points, or values out of range.
    """
    from scipy.optimize import least_squares

    k, share = _points(ks, shares, 4)

    def parts(x: NDArray[np.float64]) -> tuple[float, float, float]:
        return float(1 / (1 + np.exp(-x[0]))), float(np.exp(x[1])), float(np.exp(x[2]))

    def miss(x: NDArray[np.float64]) -> NDArray[np.float64]:
        c, t, a = parts(x)
        return _logit(c * (1 - (1 + k / t) ** -a)) - _logit(share)

    top = float(_logit(np.array([min(0.999, share.max() * 1.02)]))[0])
    starts = [[top, np.log(t), np.log(a)] for t in (1.0, 10.0) for a in (0.3, 1.0)]
    bounds = ([-20, -8, -4], [20, 12, 4])
    found = min((least_squares(miss, start, bounds=bounds) for start in starts), key=lambda f: f.cost)
    c, t, a = parts(found.x)
    spare = max(1, len(k) - 3)
    spread = np.linalg.pinv(found.jac.T @ found.jac) * (2 * found.cost / spare)
    half = 1.96 * float(np.sqrt(max(spread[0, 0], 0.0)))
    low, high = (float(1 / (1 + np.exp(-np.clip(found.x[0] + side * half, -30, 30)))) for side in (-1, 1))
    return Saturating(Interval(c, min(low, c), max(high, c), len(k)), t, a)
