"""Lines of the phase diagram of dense Hebbian networks, without iterating towards them.

At a spinodal the iteration becomes infinitely slow, because two solutions merge. But the equations that are hard to
solve for the order parameters are easy to solve for the control parameters: fix n instead of the load, and the field's
mean a is known; the one s with (1 + ρ) n = m + ρ a C follows by bisection (the right side falls with s), and
γ = (s² − ρa²)/((P/2) q^{P−1}) is explicit. The branch is then a curve γ(n) that rises from γ = 0 as n falls, and
simply passes its top, which is the spinodal. (At low n the curve may rise again: those states are unstable.) The other
lines have such curves in a/T or s/T, with nothing to solve.

Shape letters: b point, n place on the curve.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import Floats, checked, checked_orders, checked_temperature, together
from .dense_equations import Points, signal
from .quadrature import thermal

_PLACES = 65  # on a curve, each time the search zooms in
_HALVINGS = 48


def critical_load(order: ArrayLike, rho: ArrayLike, beta: ArrayLike = np.inf, *, precision: float = 1e-7) -> Floats:
    """The load above which there is no retrieval state: the spinodal.

    At low temperature the value is that of the replica-symmetric theory, whose line bends back: γ_c may be larger at
    β = 2 than at β = ∞.

    Args:
        order: P, even.
        rho: dataset entropy ≥ 0.
        beta: inverse temperature; broadcast with the others.
        precision: the search ends when making its steps 16 times finer gains no more than this.

    Returns:
        γ_c, 0 where nothing is retrieved at any load.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> critical_load(4, [0.0, 0.2]).round(4).tolist(), float(critical_load(2, 0.0).round(4))
    ([0.3957, 0.1974], 0.1379)
    """
    shape, rows = together(checked_temperature(beta), checked_orders(order), checked("rho", rho, 0, below=True), 0.0)
    t_b, p_b, rho_b, _ = (row[:, None] for row in rows)
    points = Points(t_b, p_b, rho_b, np.zeros_like(t_b))

    def load(n_bn: Floats) -> Floats:
        return _load_of(points, n_bn)

    # m ≤ 1 and a C ≤ √(2/π)/√ρ bound n from above.
    highest_b = (1 + 0.8 * np.sqrt(rho_b)) / (1 + rho_b)
    found_b = _largest(load, highest_b, np.zeros_like(highest_b), first=True, precision=precision)
    return np.maximum(0.0, found_b).reshape(shape)


def highest_temperature(order: ArrayLike, rho: ArrayLike) -> Floats:
    """The temperature 1/β above which nothing is retrieved, at zero load. For P = 2 it is 1, where m goes to 0.

    On the curve in b = a/T everything is explicit: n = (E tanh + ρ b E sech²)/(1 + ρ), then a(n), and T = a/b.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> highest_temperature(4, [0.0, 1.0]).round(4).tolist()
    [0.9916, 0.5086]
    """
    shape, (p_b, rho_b) = together(checked_orders(order), checked("rho", rho, 0, below=True))
    zero_b = np.zeros_like(p_b)
    points = Points(*(x[:, None] for x in (zero_b + 1, p_b, rho_b, zero_b)))

    def temperature(log_bn: Floats) -> Floats:
        b_bn = np.exp(log_bn)
        found = thermal(b_bn, np.sqrt(points.rho) * b_bn, 1.0, free=False)
        n_bn = (found.tanh + points.rho * b_bn * found.response) / (1 + points.rho)
        return signal(points, n_bn) / b_bn

    found_b = _largest(temperature, zero_b[:, None] - 7, zero_b[:, None] + 7)
    return np.where(p_b == 2, 1.0, found_b).reshape(shape)


def glass_temperature(order: ArrayLike, load: ArrayLike) -> Floats:
    """The temperature below which the equations have a solution with m = 0 and q > 0.

    On the curve in y = s/T, q = E tanh²(yZ) and T = √(γ(P/2) q^{P−1})/y. For P = 2 it is 1 + √γ.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> float(glass_temperature(2, 0.25)), float(glass_temperature(4, 1.0).round(4))
    (1.5, 0.375)
    """
    shape, (p_b, load_b) = together(checked_orders(order), checked("load", load, 0, below=True))

    def temperature(log_bn: Floats) -> Floats:
        y_bn = np.exp(log_bn)
        q_bn = thermal(0.0, y_bn, 1.0, free=False).square
        return np.sqrt(p_b[:, None] / 2 * q_bn ** (p_b[:, None] - 1)) / y_bn

    scale_b = _largest(temperature, np.full((len(p_b), 1), -7.0), np.full((len(p_b), 1), 7.0))
    return np.where(p_b == 2, 1 + np.sqrt(load_b), np.sqrt(load_b) * scale_b).reshape(shape)


def _load_of(points: Points, n_bn: Floats) -> Floats:
    """γ(n) on the retrieval branch; −∞ where no load gives this n."""
    t, p, rho, _ = points
    n_bn = np.maximum(n_bn, 1e-12)
    a_bn = signal(points, n_bn)

    def enough(s_bn: Floats) -> NDArray[np.bool_]:
        found = thermal(a_bn, s_bn, t, free=False)
        return found.tanh + rho * a_bn * found.response >= (1 + rho) * n_bn

    low_bn = np.sqrt(rho) * a_bn
    there_bn = enough(low_bn)
    high_bn = np.maximum(low_bn, np.sqrt(2 / np.pi) * a_bn / n_bn)  # tanh and response are at most √(2/π) a/s, √(2/π)/s
    for _ in range(_HALVINGS):
        middle_bn = (low_bn + high_bn) / 2
        yes_bn = enough(middle_bn)
        low_bn, high_bn = np.where(yes_bn, middle_bn, low_bn), np.where(yes_bn, high_bn, middle_bn)
    found = thermal(a_bn, low_bn, t, free=False)
    variance_bn = np.maximum(low_bn**2 - rho * a_bn**2, 0.0)
    per_load_bn = np.where(p == 2, found.square / (1 - found.response) ** 2, p / 2 * found.square ** (p - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(there_bn, variance_bn / per_load_bn, -np.inf)


def _largest(
    curve: Callable[[Floats], Floats],
    start_b1: Floats,
    end_b1: Floats,
    *,
    first: bool = False,
    precision: float = 1e-9,
) -> Floats:
    """The largest value of each curve, or its first top from `start` on: on a grid, then on finer ones around it."""
    checked("precision", precision, 0, above=True)
    share_n = np.linspace(0, 1, _PLACES)
    best_b, gained = np.full(len(start_b1), -np.inf), np.inf
    while gained > precision:
        place_bn = start_b1 + (end_b1 - start_b1) * share_n
        value_bn = curve(place_bn)
        at_b = value_bn.argmax(1)[:, None]
        if first:
            falls_bn = (value_bn[:, 1:] < value_bn[:, :-1]) & (value_bn[:, :-1] > 0)
            at_b = np.where(falls_bn.any(1), falls_bn.argmax(1), at_b[:, 0])[:, None]
            first = False
        before_b, best_b = best_b, np.take_along_axis(value_bn, at_b, 1)[:, 0]
        gained = max((new - old for new, old in zip(best_b, before_b) if np.isfinite(new)), default=0.0)
        step_b1, middle_b1 = (end_b1 - start_b1) / (_PLACES - 1), np.take_along_axis(place_bn, at_b, 1)
        start_b1, end_b1 = middle_b1 - 2 * step_b1, middle_b1 + 2 * step_b1
    return best_b
