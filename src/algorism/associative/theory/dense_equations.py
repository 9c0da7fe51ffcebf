"""The replica-symmetric equations of Hebbian networks of order P that learn noisy examples with a teacher.

With a = (P/2)(1+ρ)^{P/2−1} n^{P−1} the field of the retrieved class on a neuron has mean a along the archetype and
variance s² = ρ a² + γ (P/2) q^{P−1}: the first term from the examples' noise, the second from the other classes. For
P = 2 the second is γ q/(1 − C)², C = (1 − q)/T, as in Amit, Gutfreund and Sompolinsky (1985). Then

    m = E tanh((a + sZ)/T),   q = E tanh²((a + sZ)/T),   n = (m + ρ a C)/(1 + ρ)

(arXiv 2212.00606; derived for H = −(P!/2N^{P−1}) Σ_k Σ_{i1<…<iP} Π w_i^k σ_i and K = 2γN^{P−1}/P! classes.) All of it
holds at T = 0, where q = 1 and C stays finite, so that one function serves every temperature.

Shape letters: b point, v variable (n, q, C), x value of an average example.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .checks import Floats
from .fixed_point import Update
from .quadrature import Thermal, thermal


class Points(NamedTuple):
    """Control parameters of many points, each an array (b,): temperature T, order P, dataset entropy ρ, load γ."""

    temperature: Floats
    order: Floats
    rho: Floats
    load: Floats

    def at(self, rows: Any) -> "Points":
        """Some of the points."""
        return Points(*(values[rows] for values in self))


def signal(points: Points, n_b: Floats) -> Floats:
    """Mean field a along the archetype."""
    p = points.order
    return p / 2 * (1 + points.rho) ** (p / 2 - 1) * n_b ** (p - 1)


def crosstalk(points: Points, q_b: Floats, c_b: Floats) -> Floats:
    """Variance of the field of the classes that are not retrieved."""
    pair = q_b / np.maximum((1 - c_b) ** 2, 1e-24)
    return points.load * np.where(points.order == 2, pair, points.order / 2 * np.abs(q_b) ** (points.order - 1))


def averages(points: Points, x_bv: Floats, *, free: bool = False) -> Thermal:
    """The spin's averages in the field that (n, q, C) produce."""
    n_b, q_b, c_b = x_bv.T
    a_b = signal(points, n_b)
    s_b = np.sqrt(points.rho * a_b**2 + crosstalk(points, q_b, c_b))
    return thermal(a_b, s_b, points.temperature, free=free)


def equations(points: Points) -> Update:
    """F with (n, q, C) = F(n, q, C), for a Gaussian average example (many examples of each class)."""

    def update(x_bv: Floats) -> Floats:
        found = averages(points, x_bv)
        stein_b = points.rho * signal(points, x_bv[:, 0]) * found.response
        n_b = (found.tanh + stein_b) / (1 + points.rho)
        # Zero stays zero: for P = 2 rounding would grow into a retrieval state of either sign.
        n_b = np.where(np.abs(n_b) < 1e-15, 0.0, n_b)
        return np.stack([n_b, found.square, _susceptibility(points, x_bv[:, 2], found.response)], axis=1)

    return update


def binomial_equations(points: Points, w_x: Floats, weight_x: Floats) -> Update:
    """The same for finite M: the average example takes the values w (unit variance) with given weights.

    A = E w tanh((a w + sZ)/T) with a = (P/2) A^{P−1}, s² the other classes' alone, and n = A/√(1 + ρ).
    """

    def update(x_bv: Floats) -> Floats:
        found = binomial_averages(points, w_x, x_bv)
        n_b = (found.tanh * w_x) @ weight_x / np.sqrt(1 + points.rho)
        c_b = _susceptibility(points, x_bv[:, 2], found.response @ weight_x)
        return np.stack([n_b, found.square @ weight_x, c_b], axis=1)

    return update


def _susceptibility(points: Points, c_b: Floats, response_b: Floats) -> Floats:
    """The next C: the response R itself, but for P = 2 the C with C/(1 − C) = R/(1 − C before).

    Both have the same fixed points. At low temperature R is inversely proportional to the noise √(γq)/(1 − C), and
    C = R would swing ever wider and across the pole at C = 1; the second form does not move.
    """
    return np.where(points.order == 2, response_b / (1 - c_b + response_b), response_b)


def binomial_averages(points: Points, w_x: Floats, x_bv: Floats, *, free: bool = False) -> Thermal:
    """Averages (b, x) for each value of the average example."""
    n_b, q_b, c_b = x_bv.T
    a_b = points.order / 2 * (np.sqrt(1 + points.rho) * n_b) ** (points.order - 1)
    s_b = np.sqrt(crosstalk(points, q_b, c_b))
    return thermal(a_b[:, None] * w_x, s_b[:, None], points.temperature[:, None], free=free)


def free_energies(points: Points, x_bv: Floats, free_b: Floats) -> Floats:
    """The free energy per neuron whose stationary points solve the equations.

    −f = T E ln 2cosh((a + sZ)/T) − ((P−1)/2)(1+ρ)^{P/2} n^P + (γ/4T)[1 − P q^{P−1} + (P−1) q^P]; the last bracket
    vanishes at T = 0. For P = 2 the last term is −(γ/2)[1 + T ln(1 − C) − q/(1 − C) + q C/(1 − C)²].

    Args:
        points: control parameters.
        x_bv: n, q, C.
        free_b: T E ln 2cosh((a + sZ)/T) there.
    """
    t, p, rho, load = points
    n_b, q_b, c_b = x_bv.T
    kept_b = (p - 1) / 2 * (1 + rho) ** (p / 2) * n_b**p
    with np.errstate(divide="ignore", invalid="ignore"):
        bracket_b = np.where(t > 0, (1 - p * q_b ** (p - 1) + (p - 1) * q_b**p) / (4 * t), 0.0)
        log_b = np.where(t > 0, t * np.log(np.abs(1 - c_b)), 0.0)
        pair_b = -(1 + log_b - q_b / (1 - c_b) + q_b * c_b / (1 - c_b) ** 2) / 2
    other_b = np.where(load > 0, load * np.where(p == 2, pair_b, bracket_b), 0.0)
    return kept_b - other_b - free_b


def binomial_values(quality: float, examples: int) -> tuple[Floats, Floats]:
    """Values ξη̄ of an average of M examples with their probabilities; those below 1e-18 are left out.

    >>> values, weights = binomial_values(0.5, 2)
    >>> values.tolist(), weights.round(4).tolist()
    ([-1.0, 0.0, 1.0], [0.0625, 0.375, 0.5625])
    """
    from scipy.special import gammaln, xlog1py, xlogy

    right: NDArray[np.float64] = np.arange(examples + 1.0)
    p = (1 + quality) / 2
    choose = gammaln(examples + 1) - gammaln(right + 1) - gammaln(examples - right + 1)
    weight = np.exp(choose + xlogy(right, p) + xlog1py(examples - right, -p))
    kept = weight > 1e-18
    return (2 * right[kept] - examples) / examples, weight[kept] / weight[kept].sum()
