"""Fitting the scaled non-central chi-square to a sample of losses: by moments, by maximum likelihood, many at once.

**Coordinates.** Mean M, variance V, and h = nc/(df + 2 nc) between 0 and 1/2 give

    scale = V (1 − h)/(2M),  df = M (1 − 2h)/(scale (1 − h)),  nc = M h/(scale (1 − h)),

and the skewness satisfies M κ₃/V² = 2 (1 − h²). So every sample's mean and variance can be met, its skewness only
within a band, and nc = 0 is a stationary point of the likelihood at which a search started there stays.

**Speed.** A log likelihood is linear in the sample's distribution. The log density is interpolated at Chebyshev nodes
of ln x, which turns 10,000 losses, or any resample of them, into some 64 weights.

Shape letters: s loss, k node, b sample (bootstrap), p parameter, q parameter point.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from algorism.errors import DataError

from .losses import Floats, checked_losses
from .ncx2 import Ncx2, log_density

_MOST = 4.0  # |p| in h = tanh|p| / 2: h ≤ 0.4997, where df is a thousandth of nc
_STEP = 2e-3  # of finite differences, in coordinates that are of order one
_ROUNDS = 60
_CONSTANT = 1e-9  # variance over squared mean: losses that agree to four digits are one number, not a sample
# Of the mean log likelihood: a hundred-thousandth of a nat per 10,000 losses, which moves no estimate visibly.
_SETTLED = 1e-9

Chosen = NDArray[np.intp]
Objective = Callable[[Floats, Chosen], Floats]


class TailCheck(NamedTuple):
    """A quantile of the sample: its surprise −ln share, what the law says there, and how far these may differ.

    The tolerance is half a nat, or where the sample is small two standard errors of the share's logarithm.
    """

    share: float
    sample: float
    law: float
    tolerance: float


@dataclass(frozen=True)
class Fit:
    """A fitted law and how well it describes the sample it was fitted to.

    Args:
        law: the fitted law.
        method: "ncx2" (maximum likelihood) or "ncx2-moments".
        log_likelihood: mean per loss.
        converged: whether the maximum was found; always true for moments.
        ks: Kolmogorov–Smirnov distance between sample and law.
        ks_limit: 1.36/√s, the 5 % limit for a law not fitted to the sample; a fitted law above it is a bad fit.
        tail: the sample's 1, 5 and 10 % quantiles, as far as it has them.
    """

    law: Ncx2
    method: str
    log_likelihood: float
    converged: bool
    ks: float
    ks_limit: float
    tail: tuple[TailCheck, ...]

    @property
    def acceptable(self) -> bool:
        """Converged, a KS distance within its limit, tail quantiles within their tolerances, and no atom at loss 0.

        A law with df ≈ 0 puts e^(−nc/2) on a loss of 0: no bias above nc/2 can come out of it, whatever the error.
        """
        close = self.ks <= self.ks_limit and all(abs(t.sample - t.law) <= t.tolerance for t in self.tail)
        return self.converged and close and self.law.df > 0.01 * self.law.nc


def fit(losses: ArrayLike, method: str = "ncx2") -> Fit:
    """Fit the law and say how well it fits.

    Args:
        losses: (s,) losses above 0, at least 2 different ones; 100 or more for a fit that means something.
        method: "ncx2" for maximum likelihood, started from the moments, or "ncx2-moments".

    Raises:
        DataError: losses that are not a sample, that are all the same, or that hold a 0.

    >>> found = fit(Ncx2(df=20, nc=5, scale=0.1).sample(5000, seed=1))
    >>> round(found.law.mean, 1), found.converged, found.acceptable
    (2.5, True, True)
    """
    losses_s = _positive(losses)
    if method == "ncx2-moments":
        law, converged = _laws(*_moments(losses_s[None]))[0], True
    else:
        laws, done_b = fit_many(losses_s, np.ones((1, len(losses_s))))
        law, converged = laws[0], bool(done_b[0])
    ks, tail = _goodness(losses_s, law)
    likelihood = float(law.log_pdf(losses_s).mean())
    return Fit(law, method, likelihood, converged, ks, 1.36 / len(losses_s) ** 0.5, tail)


def fit_many(losses: ArrayLike, counts_bs: NDArray, method: str = "ncx2") -> tuple[list[Ncx2], NDArray[np.bool_]]:
    """Fit many resamples of one sample at once.

    Args:
        losses: (s,) losses above 0.
        counts_bs: how often each loss occurs in each resample.
        method: "ncx2" or "ncx2-moments".

    Returns:
        One law per resample, and which are good (b,): the search converged, and the resample is not one loss repeated.
    """
    losses_s = _positive(losses)
    shares_bs = counts_bs / counts_bs.sum(axis=1, keepdims=True)
    mean_b, variance_b, h_b = _moments(losses_s[None], shares_bs)
    varied_b = variance_b > _CONSTANT * mean_b**2  # a small sample's resample may hold one loss only
    laws = _laws(mean_b, variance_b, h_b)
    searched = np.flatnonzero(varied_b)
    if method == "ncx2-moments" or not len(searched):
        return laws, varied_b
    mean_b, h_b, spread_b = mean_b[searched], h_b[searched], np.sqrt(variance_b[searched])
    u_s = np.log(losses_s)
    nodes = 64 if u_s.max() - u_s.min() < 6 else 192  # the log density varies on the scale of 1 in ln x, or slower
    x_k, weights_bk = compress(u_s, shares_bs[searched], nodes)

    def parameters(theta_bqp: Floats, which: Chosen) -> tuple[Floats, Floats, Floats]:
        middle, spread = mean_b[which, None], spread_b[which, None]
        mean = np.maximum(middle + spread * theta_bqp[..., 0], 1e-3 * middle)
        return mean, spread**2 * np.exp(theta_bqp[..., 1]), np.tanh(np.abs(theta_bqp[..., 2])) / 2

    def likelihood(theta_bqp: Floats, which: Chosen) -> Floats:
        df, nc, scale = _shape(*parameters(theta_bqp, which))
        density_bqk = log_density(x_k, df[..., None], nc[..., None], scale[..., None])
        return np.einsum("bqk,bk->bq", density_bqk, weights_bk[which])

    # nc = 0 is stationary, so a start there would stay there: moments that give it start a little beside it.
    start_bp = np.stack([np.zeros_like(h_b), np.zeros_like(h_b), np.arctanh(2 * np.clip(h_b, 0.1, 0.45))], axis=-1)
    best_bp, found_b = _maximise(likelihood, start_bp)
    best = parameters(best_bp[:, None], np.arange(len(best_bp)))
    for place, law in zip(searched, _laws(*(part[:, 0] for part in best))):
        laws[place] = law
    done_b = varied_b.copy()
    done_b[searched] = found_b
    return laws, done_b


def compress(u_s: Floats, shares_bs: Floats, nodes: int) -> tuple[Floats, Floats]:
    """Nodes x_k and weights with Σ_s share_bs f(u_s) = Σ_k w_bk f(ln x_k) for smooth f: barycentric interpolation.

    Args:
        u_s: ln of the losses.
        shares_bs: weight of each loss in each sample, each row summing to 1.
        nodes: number of Chebyshev nodes.
    """
    low, high = u_s.min(), u_s.max()
    angle_k = np.pi * np.arange(nodes) / (nodes - 1)
    node_k = (low + high) / 2 + (high - low) / 2 * np.cos(angle_k)
    node_k[[0, -1]] = high, low  # exactly, so that rounding leaves no loss outside
    sign_k = (-1.0) ** np.arange(nodes)
    sign_k[[0, -1]] /= 2
    basis_sk = np.empty((len(u_s), nodes))
    for start in range(0, len(u_s), 65_536):
        distance_sk = u_s[start : start + 65_536, None] - node_k
        exact_sk = distance_sk == 0
        hit_s = exact_sk.any(axis=1)
        part_sk = sign_k / np.where(exact_sk, 1.0, distance_sk)
        part_sk[hit_s] = exact_sk[hit_s]
        basis_sk[start : start + 65_536] = part_sk / part_sk.sum(axis=1, keepdims=True)
    return np.exp(node_k), shares_bs @ basis_sk


def _maximise(objective: Objective, start_bp: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Damped Newton steps (Levenberg and Marquardt) with finite differences, all samples side by side.

    Args:
        objective: (points (b, q, p), numbers of the samples (b,)) → values (b, q).
        start_bp: one start per sample.

    Returns:
        The best points (b, p), and which searches converged (b,).
    """
    best_bp = start_bp.copy()
    damping_b, done_b = np.full(len(best_bp), 1e-3), np.zeros(len(best_bp), bool)
    for _ in range(_ROUNDS):
        active = np.flatnonzero(~done_b)
        if not len(active):
            break
        theta_bp = best_bp[active]
        here_b, slope_bp, curve_bpp = _differences(objective, theta_bp, active)
        # Away from the maximum the curvature may have the wrong sign: its absolute value still points uphill.
        rate_bp, axis_bpp = np.linalg.eigh(curve_bpp)
        along_bp = np.einsum("bij,bi->bj", axis_bpp, slope_bp) / (np.abs(rate_bp) + damping_b[active, None] + 1e-9)
        step_bp = np.clip(np.einsum("bij,bj->bi", axis_bpp, along_bp), -0.5, 0.5)
        trial_bp = theta_bp + step_bp
        trial_bp[:, -1] = np.clip(trial_bp[:, -1], -_MOST, _MOST)
        gain_b = objective(trial_bp[:, None], active)[:, 0] - here_b
        better_b = gain_b > 0
        best_bp[active[better_b]] = trial_bp[better_b]
        damping_b[active] *= np.where(better_b, 0.25, 8.0)
        done_b[active] = (np.abs(gain_b) < _SETTLED) | (np.abs(step_bp).max(axis=1) < 1e-5)
    return best_bp, done_b


def _differences(objective: Objective, theta_bp: Floats, which: Chosen) -> tuple[Floats, Floats, Floats]:
    """Value, slope and curvature by central differences; the mixed ones from points along both axes at once."""
    p = theta_bp.shape[1]
    pairs = [(i, j) for i in range(p) for j in range(i)]
    unit = _STEP * np.eye(p)
    both = [sign * (unit[i] + unit[j]) for i, j in pairs for sign in (1, -1)]
    value_bq = objective(theta_bp[:, None] + np.stack([np.zeros(p), *unit, *-unit, *both]), which)
    here_b, up_bp, down_bp, mixed_bq = np.split(value_bq, [1, 1 + p, 1 + 2 * p], axis=1)
    curve_bpp = np.zeros((len(theta_bp), p, p))
    second_bp = up_bp + down_bp - 2 * here_b
    for i in range(p):
        curve_bpp[:, i, i] = second_bp[:, i] / _STEP**2
    for k, (i, j) in enumerate(pairs):
        along_b = mixed_bq[:, 2 * k] + mixed_bq[:, 2 * k + 1] - 2 * here_b[:, 0]
        curve_bpp[:, i, j] = curve_bpp[:, j, i] = (along_b - second_bp[:, i] - second_bp[:, j]) / (2 * _STEP**2)
    return here_b[:, 0], (up_bp - down_bp) / (2 * _STEP), curve_bpp


def _moments(losses_1s: Floats, shares_bs: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and h of each resample."""
    if shares_bs is None:
        shares_bs = np.full(losses_1s.shape, 1 / losses_1s.shape[1])
    mean_b = shares_bs @ losses_1s[0]
    second_b, third_b = (
        np.array([shares @ (losses_1s[0] - mean) ** n for shares, mean in zip(shares_bs, mean_b)]) for n in (2, 3)
    )
    second_b = np.maximum(second_b, _CONSTANT * mean_b**2)
    # κ₁κ₃/κ₂² = 2 (1 − h²); above 2 the skewness is too large for any nc, and nc = 0 comes nearest.
    h_b = np.sqrt(np.clip(1 - mean_b * third_b / second_b**2 / 2, 0.0, None))
    return mean_b, second_b, np.minimum(h_b, np.tanh(_MOST) / 2)


def _shape(mean: Floats, variance: Floats, h: Floats) -> tuple[Floats, Floats, Floats]:
    scale = variance * (1 - h) / (2 * mean)
    return mean * (1 - 2 * h) / (scale * (1 - h)), mean * h / (scale * (1 - h)), scale


def _laws(mean_b: Floats, variance_b: Floats, h_b: Floats) -> list[Ncx2]:
    return [Ncx2(float(df), float(nc), float(s)) for df, nc, s in zip(*_shape(mean_b, variance_b, h_b))]


def _goodness(losses_s: Floats, law: Ncx2) -> tuple[float, tuple[TailCheck, ...]]:
    """Kolmogorov–Smirnov distance, and the tail quantiles. The CDF is interpolated: it is smooth, and dear."""
    ordered_s = np.sort(losses_s)
    grid = np.unique(np.quantile(ordered_s, (1 - np.cos(np.linspace(0, np.pi, 201))) / 2))
    cdf_s = PchipInterpolator(grid, np.exp(law.log_cdf(grid)))(ordered_s)
    n = len(ordered_s)
    ks = max((np.arange(1, n + 1) / n - cdf_s).max(), (cdf_s - np.arange(n) / n).max())
    tail = []
    for share in (0.01, 0.05, 0.10):
        if share * n >= 1:
            nats = -float(law.log_cdf(np.quantile(ordered_s, share)))
            tail.append(TailCheck(share, -float(np.log(share)), nats, max(0.5, 2 / (share * n) ** 0.5)))
    return float(ks), tuple(tail)


def _positive(losses: ArrayLike) -> Floats:
    losses_s = checked_losses(losses)
    if losses_s.min() == 0:
        raise DataError("losses: a loss of exactly 0 has no density under a chi-square law; use method='empirical'.")
    if losses_s.var() <= _CONSTANT * losses_s.mean() ** 2:
        raise DataError(f"losses: all {len(losses_s)} are {losses_s[0]:g}; a law needs a sample that varies.")
    return losses_s
