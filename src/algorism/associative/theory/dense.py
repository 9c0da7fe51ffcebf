"""Retrieval by Hebbian networks of even order P from noisy examples: order parameters, limits, thresholds.

Everything is stated with the inverse temperature β of exp(−βH), H = −(P!/2N^{P−1}) Σ_k Σ_{i1<…<iP} Π w_i^k σ_i, the
dataset entropy ρ = (1 − r²)/(M r²), and the load γ = P! K/(2N^{P−1}); P = 2 is the Hopfield network with γ = K/N.
`dense_equations` states the equations. Arguments broadcast; β = ∞ is zero temperature.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from algorism.errors import UsageError, nearest

from .checks import Floats, checked, checked_orders, checked_temperature, together
from .dense_equations import (
    Points,
    averages,
    binomial_averages,
    binomial_equations,
    binomial_values,
    crosstalk,
    equations,
    free_energies,
    signal,
)
from .fixed_point import Roots, Solution, fixed_points, last_true
from .lines import critical_load, glass_temperature, highest_temperature
from .quadrature import thermal

__all__ = [
    "Start",
    "critical_load",
    "finite_examples",
    "free_energy",
    "glass_temperature",
    "highest_temperature",
    "learning_threshold",
    "replicon",
    "signal_to_noise",
    "solve",
    "zero_temperature",
]

Start = Literal["retrieval", "archetype", "spin_glass", "ergodic"]


def solve(
    beta: ArrayLike,
    order: ArrayLike,
    rho: ArrayLike,
    load: ArrayLike,
    start: Start | Solution = "retrieval",
    *,
    damping: float = 0.5,
    tolerance: float = 1e-11,
    sweeps: int = 5_000,
) -> Solution:
    """Solve the replica-symmetric equations by damped iteration, for all points at once.

    Args:
        beta: inverse temperature, above 0; ∞ is allowed.
        order: P, even.
        rho: dataset entropy ≥ 0.
        load: γ ≥ 0.
        start: "retrieval": the sign of the average example, which is the state retrieved at γ = T = 0.
            "archetype": n, q = 1/(1+ρ), 1. It may lie below the retrieval state and miss it: at P = 6, ρ = 1 it leads
            to zero from T = 0.3750 on, while the state exists up to 0.3865. "spin_glass": 0, 1. "ergodic": 0, 0.
            Or a solution to go on from.
        damping: share of the old values kept at each sweep.
        tolerance: largest residual of a converged point.
        sweeps: at most (`fixed_point.fixed_points`).

    Returns:
        arrays of the arguments' common shape, numbers where all are numbers.

    Raises:
        UsageError, ShapeError: for arguments out of range, an unknown start, or shapes that do not broadcast.

    >>> found = solve(beta=2, order=4, rho=0.2, load=0.1)
    >>> found.converged, round(found.m, 6), round(found.n, 6), round(found.q, 6)
    (True, 0.872888, 0.789426, 0.842419)
    """
    shape, points = _points(beta, order, rho, load)
    roots = fixed_points(
        lambda rows: equations(points.at(rows)),
        _start(points, start, shape),
        damping=damping,
        tolerance=tolerance,
        sweeps=sweeps,
    )
    found = averages(points, roots.x_bv, free=True)
    label = start if isinstance(start, str) else "solution"
    return _solution(shape, found.tanh, roots, free_energies(points, roots.x_bv, found.free), label)


def zero_temperature(order: ArrayLike, rho: ArrayLike, load: ArrayLike) -> Solution:
    """The retrieval state at β = ∞, where the averages are error functions.

    >>> found = zero_temperature(order=4, rho=0.5, load=0.0)
    >>> round(found.m, 6), found.q
    (0.842701, 1.0)
    """
    return solve(np.inf, order, rho, load)


def finite_examples(
    beta: ArrayLike, order: int, quality: float, examples: int, load: ArrayLike = 0.0, *, start: Start = "retrieval"
) -> Solution:
    """The equations for a finite number of examples, whose average is binomial instead of Gaussian.

    Args:
        beta: inverse temperature.
        order: P.
        quality: r in (0, 1].
        examples: M ≥ 1.
        load: γ ≥ 0.
        start: as for `solve`.

    Raises:
        UsageError: for arguments out of range.

    >>> found = finite_examples(beta=2, order=4, quality=(1 + 0.5 * 20) ** -0.5, examples=20)
    >>> round(found.m, 4), round(found.n, 4)
    (0.7444, 0.6593)
    """
    checked("quality", quality, 0, 1, above=True)
    if int(checked("examples", examples, 1, below=True)) != examples:
        raise UsageError(f"examples must be a whole number, got {examples!r}.")
    rho = (1 - quality**2) / (examples * quality**2)
    shape, points = _points(beta, order, rho, load)
    value_x, weight_x = binomial_values(float(quality), int(examples))
    w_x = value_x / (quality * np.sqrt(1 + rho))
    roots = fixed_points(lambda rows: binomial_equations(points.at(rows), w_x, weight_x), _start(points, start, shape))
    found = binomial_averages(points, w_x, roots.x_bv, free=True)
    f_b = free_energies(points, roots.x_bv, found.free @ weight_x)
    return _solution(shape, found.tanh @ weight_x, roots, f_b, start)


def free_energy(
    beta: ArrayLike, order: ArrayLike, rho: ArrayLike, load: ArrayLike, n: ArrayLike, q: ArrayLike
) -> Floats:
    """The free energy per neuron at any (n, q), at a finite temperature; solutions are its stationary points.

    Raises:
        UsageError, ShapeError: for arguments out of range; at β = ∞ take `free_energy` of a `Solution`.
    """
    if np.isinf(checked("beta", beta, 0, above=True)).any():
        raise UsageError("free_energy needs a finite beta: at β = ∞ q alone does not tell the state.")
    shape, (n_b, q_b, *rest) = together(n, q, beta, order, rho, load)
    _, points = _points(*rest)
    x_bv = np.stack([n_b, q_b, (1 - q_b) / points.temperature], axis=1)
    return free_energies(points, x_bv, averages(points, x_bv, free=True).free).reshape(shape)


def signal_to_noise(order: ArrayLike, rho: ArrayLike, load: ArrayLike) -> Floats:
    """Overlap after one noiseless step from the archetype: erf([2(ρ + (2γ/P)(1+ρ)^P)]^{−1/2}).

    >>> signal_to_noise(4, [0.1, 0.2], 0.1).round(4).tolist()
    [0.9837, 0.9304]
    """
    p, rho, load = checked_orders(order), checked("rho", rho, 0), checked("load", load, 0)
    with np.errstate(divide="ignore"):
        return np.asarray(erf((2 * (rho + 2 * load / p * (1 + rho) ** p)) ** -0.5))


def learning_threshold(order: int, quality: ArrayLike, load: float, confidence: float = 1.0) -> Floats:
    """How many examples one noiseless step needs to keep an overlap of erf(confidence); ∞ where no number suffices.

    The largest ρ with ρ + (2γ/P)(1+ρ)^P ≤ 1/(2Θ²) is found by bisection; then M = (1 − r²)/(r² ρ), not rounded.

    Args:
        order: P.
        quality: r in (0, 1].
        load: γ.
        confidence: Θ > 0.

    Raises:
        UsageError: for arguments out of range.

    >>> round(float(learning_threshold(4, 0.1, 0.0)), 6)  # 2Θ²(1 − r²)/r²
    198.0
    """
    p, r = checked_orders(order), checked("quality", quality, 0, 1, above=True)
    gamma = checked("load", load, 0, below=True)
    bound = 1 / (2 * checked("confidence", confidence, 0, above=True, below=True) ** 2)

    def enough(rho_b: Floats) -> Any:
        return rho_b + 2 * gamma / p * (1 + rho_b) ** p <= bound

    if not enough(np.zeros(1)).all():
        return np.full(r.shape, np.inf)
    rho = last_true(enough, np.zeros(1), np.full(1, bound + 1e-9), 1e-13 * float(bound))[0][0]
    return (1 - r**2) / (r**2 * rho) if rho > 0 else np.where(r < 1, np.inf, 0.0)


def replicon(beta: ArrayLike, order: ArrayLike, load: ArrayLike, rho: ArrayLike, solution: Solution) -> Floats:
    """The eigenvalue of de Almeida and Thouless at a solution; replica symmetry is unstable where it is negative.

    Give each neuron's local field a small random shift of variance ε. The cavity magnetisation answers with
    (1/T) sech², and so the overlap between differently shifted replicas changes by ε T^{−2} E sech⁴. That overlap feeds
    back through the variance of the other classes' fields, v(q) = γ(P/2)q^{P−1}, v′(q) = γ(P(P−1)/2) q^{P−2}, so that
    the response is the geometric series of v′(q) T^{−2} E sech⁴, which converges while

        λ = 1 − γ (P(P−1)/2) q^{P−2} T^{−2} E sech⁴((a + sZ)/T) > 0.

    The examples' noise ρa² is the same in all replicas and does not depend on q, hence it only enters the average. For
    P = 2, v′ is γ/(1 − C)² (Amit, Gutfreund and Sompolinsky 1985).

    Raises:
        UsageError: at β = ∞, where E sech⁴/T² is infinite.
    """
    if np.isinf(checked("beta", beta, 0, above=True)).any():
        raise UsageError("replicon needs a finite beta; at β = ∞ replica symmetry is always unstable at a load.")
    shape, (n_b, q_b, *rest) = together(solution.n, solution.q, beta, order, rho, load)
    _, points = _points(*rest)
    t, p, rho_b, load_b = points
    c_b = (1 - q_b) / t
    a_b = signal(points, n_b)
    s_b = np.sqrt(rho_b * a_b**2 + crosstalk(points, q_b, c_b))
    slope_b = load_b * np.where(p == 2, (1 - c_b) ** -2.0, p * (p - 1) / 2 * q_b ** (p - 2))
    return (1 - slope_b * _fourth_power(a_b, s_b, t)).reshape(shape)


def _fourth_power(a_b: Floats, s_b: Floats, t_b: Floats) -> Floats:
    """T^{−2} E sech⁴(u), u = (a + sZ)/T, from sech⁴ = (2/3) sech² − (1/6)(sech²)″, the derivatives those in a."""
    step_b = 1e-3 * np.maximum(s_b, t_b)
    below, here, above = (thermal(a_b + k * step_b, s_b, t_b, free=False).response for k in (-1, 0, 1))
    return (2 / 3 * here / t_b) - t_b / 6 * (below - 2 * here + above) / step_b**2


def _points(beta: ArrayLike, order: ArrayLike, rho: ArrayLike, load: ArrayLike) -> tuple[tuple[int, ...], Points]:
    shape, rows = together(
        checked_temperature(beta),
        checked_orders(order),
        checked("rho", rho, 0, below=True),
        checked("load", load, 0, below=True),
    )
    return shape, Points(*rows)


def _start(points: Points, start: Start | Solution, shape: tuple[int, ...] = ()) -> Floats:
    if isinstance(start, Solution):
        parts = [np.broadcast_to(x, shape).ravel() for x in (start.n, start.q, start.susceptibility)]
        return np.stack(parts, axis=1).astype(np.float64)
    t_b, rho_b, zero_b = points.temperature, points.rho, np.zeros_like(points.temperature)
    with np.errstate(divide="ignore"):
        free_b = np.where(t_b > 0, 1 / t_b, 0.0)
    still = thermal(1.0, np.sqrt(rho_b), 0.0, free=False)  # C scales with 1/a, hence a = 1 is no loss
    starts = {
        "retrieval": ((still.tanh + rho_b * still.response) / (1 + rho_b), zero_b + 1, zero_b),
        "archetype": (1 / (1 + rho_b), zero_b + 1, zero_b),
        "spin_glass": (zero_b, zero_b + 1, zero_b),
        "ergodic": (zero_b, zero_b, free_b),
    }
    if start not in starts:
        raise UsageError(f"There is no start {start!r}. {nearest(str(start), starts)}")
    return np.stack(starts[start], axis=1)


def _solution(shape: tuple[int, ...], m_b: Floats, roots: Roots, f_b: Floats, start: str) -> Solution:
    n_b, q_b, c_b = roots.x_bv.T
    parts: list[Any] = [m_b, n_b, q_b.clip(0, 1), f_b, roots.residual_b, roots.converged_b, roots.iterations_b, c_b]
    m, n, q, f, residual, converged, iterations, c = (x.reshape(shape) if shape else x[0].item() for x in parts)
    return Solution(m, n, q, f, residual, converged, iterations, c, start=start)
