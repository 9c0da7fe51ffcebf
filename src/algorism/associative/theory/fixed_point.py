"""Damped iteration of self-consistency equations, for many points of a diagram at once.

A root is called converged only if applying the equations once more changes it by less than the tolerance; the change
itself, the residual, is always returned.

Shape letters: b point, v variable.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError

from .checks import Floats, checked

_NEWTON_FIRST, _NEWTON_EVERY = 60, 100  # sweeps
_NEWTON_STEPS = 6
_DIFFERENCE = 1e-6

Update = Callable[[Floats], Floats]
Family = Callable[[NDArray[np.intp]], Update]  # the equations of some of the points, by their numbers


@dataclass(frozen=True)
class Solution:
    """A solution of the replica-symmetric equations; numbers for one point, arrays for many.

    Attributes:
        m: overlap with the archetype; in multitasking networks one for each pattern.
        n: overlap with the average example, (1/N) Σ η̄σ / (r (1 + ρ)).
        q: Edwards and Anderson's overlap, the mean of tanh².
        free_energy: f; of several solutions at one point the lowest is stable.
        residual: largest change when the equations are applied once more (relative for variables above 1).
        converged: residual at most the tolerance. If not, the other numbers are where the iteration stood.
        iterations: sweeps of the iteration.
        susceptibility: (1 − q)/T, which stays finite at T = 0, where q = 1.
        stable: whether the iteration returns after a small push; None where that was not asked.
        start: where the iteration began.
    """

    m: Any
    n: Any
    q: Any
    free_energy: Any
    residual: Any
    converged: Any
    iterations: Any
    susceptibility: Any = None
    stable: bool | None = None
    start: str = ""


class Roots(NamedTuple):
    """Where the iteration ended for each point, with its residual and number of sweeps."""

    x_bv: Floats
    residual_b: Floats
    converged_b: NDArray[np.bool_]
    iterations_b: NDArray[np.int64]


def fixed_points(
    family: Family,
    start_bv: ArrayLike,
    *,
    damping: float = 0.5,
    tolerance: float = 1e-11,
    sweeps: int = 5_000,
    leap: bool = True,
    abandon: Callable[[Floats], NDArray[np.bool_]] | None = None,
) -> Roots:
    """Solve x = F(x) for many points, x ← x + (1 − damping)(F(x) − x); points that are done cost nothing more.

    Near a phase boundary the iteration crawls. Every 100 sweeps the root ahead is therefore tried by Newton's method
    (v + 1 applications of F a step), and taken only if the iteration, damped enough, would have ended there: every
    eigenvalue of F′ at the root has real part below 1, and the root is no further than the present speed suggests.

    Args:
        family: takes the numbers of the points still at work, and returns F for those, on an array (b, v).
        start_bv: where each point starts.
        damping: share of the old value kept, in [0, 1).
        tolerance: largest residual |F(x) − x| / max(1, |x|) of a converged point.
        sweeps: most sweeps of the iteration.
        leap: whether Newton's method is tried; not for many variables.
        abandon: says for x_bv which points have left the branch sought; they end there, not converged.

    Returns:
        the points reached. One that became NaN or infinite has residual ∞.

    Raises:
        UsageError, ShapeError: for settings out of range or a start that is no matrix.

    >>> roots = fixed_points(lambda rows: np.cos, np.zeros((1, 1)))
    >>> bool(roots.converged_b[0]), round(float(roots.x_bv[0, 0]), 9)
    (True, 0.739085133)
    >>> fixed_points(lambda rows: lambda x: x + 1, np.zeros((1, 1)), sweeps=9).converged_b.tolist()
    [False]
    """
    checked("damping", damping, 0, 1, below=True)
    checked("tolerance", tolerance, 0, above=True, below=True)
    checked("sweeps", sweeps, 1, below=True)
    x_bv = np.array(start_bv, dtype=np.float64)
    if x_bv.ndim != 2:
        raise ShapeError(f"start_bv must be a matrix, one row for each point; got shape {x_bv.shape}.")
    residual_b = np.full(len(x_bv), np.inf)
    iterations_b = np.zeros(len(x_bv), dtype=np.int64)
    rows = np.arange(len(x_bv))
    now_bv, update = x_bv.copy(), family(rows)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for sweep in range(1, int(sweeps) + 1):
            change_bv = update(now_bv) - now_bv
            gap_b = (np.abs(change_bv) / np.maximum(1, np.abs(now_bv))).max(1)
            ended_b = ~(gap_b > tolerance) | ~np.isfinite(gap_b)
            if abandon is not None:
                ended_b |= abandon(now_bv)
            if ended_b.any() or sweep == sweeps:
                x_bv[rows], residual_b[rows], iterations_b[rows] = now_bv, gap_b, sweep
                rows, now_bv, change_bv = rows[~ended_b], now_bv[~ended_b], change_bv[~ended_b]
                if not len(rows):
                    break
                update = family(rows)
            now_bv = now_bv + (1 - damping) * change_bv
            if leap and sweep % _NEWTON_EVERY == _NEWTON_FIRST:
                now_bv = _leap(update, now_bv, tolerance)
    residual_b[~np.isfinite(residual_b)] = np.inf
    return Roots(x_bv, residual_b, residual_b <= tolerance, iterations_b)


def _leap(update: Update, x_bv: Floats, tolerance: float) -> Floats:
    """Each point, or the root that its iteration is crawling towards, where Newton's method finds that one."""
    gap_b = np.abs(update(x_bv) - x_bv).max(1)
    root_bv, same_vv = x_bv, np.eye(x_bv.shape[1])
    for step in range(_NEWTON_STEPS):
        change_bv = update(root_bv) - root_bv
        slope_bvv = np.stack(
            [(update(root_bv + _DIFFERENCE * e) - root_bv - change_bv) / _DIFFERENCE for e in same_vv], 2
        )
        finite_b = np.isfinite(slope_bvv).all((1, 2)) & np.isfinite(change_bv).all(1)
        slope_bvv[~finite_b] = 0.0
        if step == _NEWTON_STEPS - 1:
            break
        # pinv, because at a bifurcation 1 − F′ is singular; a bad step is refused below.
        root_bv = root_bv + (np.linalg.pinv(same_vv - slope_bvv) @ np.nan_to_num(change_bv)[:, :, None])[:, :, 0]
    residual_b = (np.abs(change_bv) / np.maximum(1, np.abs(root_bv))).max(1)
    largest_b = np.linalg.eigvals(slope_bvv).real.max(1)
    near_b = np.abs(root_bv - x_bv).max(1) * (1 - largest_b) <= 3 * gap_b
    # Where two roots meet Newton's method is slow as well; a large part of the way is taken too.
    taken_b = finite_b & (residual_b <= np.maximum(tolerance, gap_b / 10)) & (largest_b < 1) & near_b
    return np.where(taken_b[:, None], root_bv, x_bv)


def continuation(solve: Callable[[Any, Any], Solution], values: Iterable[Any], start: Any) -> list[Solution]:
    """Follow a branch: solve at each value of a control parameter from the solution at the value before.

    Args:
        solve: takes a value and a start, which is `start` at first and then the last converged solution.
        values: of the control parameter, in the order in which it changes.
        start: of the first.

    Returns:
        one solution for each value. Where the branch ends the iteration falls onto another one, and the solutions
        stay there: following back from there shows hysteresis.
    """
    found = []
    for value in values:
        found.append(solve(value, start))
        if np.all(found[-1].converged):
            start = found[-1]
    return found


def last_true(
    holds: Callable[[Floats], NDArray[np.bool_]], low_b: Floats, high_b: Floats, precision: float
) -> tuple[Floats, Floats]:
    """Bisection of many intervals at once: holds at each `low`, fails at each `high`; the ends it was narrowed to.

    >>> low, high = last_true(lambda x: x**2 < 2, np.zeros(1), np.full(1, 2.0), 1e-9)
    >>> round(float(low[0]), 6), bool(high - low <= 1e-9)
    (1.414214, True)
    """
    low_b, high_b = low_b.copy(), high_b.copy()
    while (high_b - low_b).max(initial=0.0) > precision:
        middle_b = (low_b + high_b) / 2
        yes_b = holds(middle_b)
        low_b, high_b = np.where(yes_b, middle_b, low_b), np.where(yes_b, high_b, middle_b)
    return low_b, high_b
