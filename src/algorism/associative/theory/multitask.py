"""Several patterns retrieved at once: order parameters of Hebbian networks with diluted patterns at low load.

β is the inverse temperature of exp(−βH) with H = −(1/2N) Σ_k Σ_{i≠j} w_i^k w_j^k σ_i σ_j; overlaps m_k reach 1 − d at
most. `multitask_equations` states the equations, `multitask_limits` the closed forms at zero temperature.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError, UsageError

from .checks import Floats, checked, checked_patterns, checked_temperature, together
from .fixed_point import Roots, Solution, fixed_points
from .multitask_equations import GAUSSIAN, Kinds, Settings, binomial_alphabet, equations, kinds, state
from .multitask_limits import (
    critical_dilution,
    examples_needed,
    hierarchical_overlaps,
    one_step,
    patterns_supported,
    regime,
    starting_points,
    symmetric_overlap,
)

__all__ = [
    "STARTS",
    "critical_dilution",
    "examples_needed",
    "finite_examples",
    "free_energy",
    "ground_states",
    "hierarchical_overlaps",
    "one_step",
    "patterns_supported",
    "regime",
    "solve",
    "symmetric_overlap",
]

STARTS = ("hierarchical", "symmetric", "spread", "single", "random")
_PUSH = 1e-3  # of 1 − d, by which a solution is tried
_SAME = 1e-5  # of 1 − d: closer solutions are one


def solve(
    beta: float,
    dilution: float,
    patterns: int,
    rho: ArrayLike = 0.0,
    starts: Sequence[str | ArrayLike] = STARTS,
    *,
    seed: int = 0,
    sweeps: int = 4_000,
    tolerance: float = 1e-11,
) -> list[Solution]:
    """All distinct solutions reached from several starts, lowest free energy first; what did not converge comes last.

    Args:
        beta: inverse temperature, above 0; ∞ is zero temperature.
        dilution: d in [0, 1).
        patterns: K, at most 10.
        rho: dataset entropy, one or one for each pattern.
        starts: names, or vectors n. "hierarchical" (d^{k−1}), "symmetric" (all equal), "spread" (nearly equal),
            "single" (one pattern), "random" (ten of them).
        seed: of the random starts and of the pushes.
        sweeps: at most, from each start.
        tolerance: of the iteration.

    Returns:
        solutions with m and n of each pattern, non-negative, and in falling order where all patterns have the same ρ:
        changing ξ^k to −ξ^k, or the order of equal patterns, changes nothing. `stable` says whether the iteration
        returns after small pushes in four directions.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> best = solve(beta=100 / 0.5, dilution=0.5, patterns=3)[0]
    >>> (best.m / 0.5).round(3).tolist(), round(best.free_energy, 5), best.stable
    ([1.0, 0.5, 0.25], -0.1645, True)
    """
    patterns = checked_patterns(patterns)
    rho_k = _per_pattern("rho", checked("rho", rho, 0, below=True), patterns)
    of = kinds((GAUSSIAN,) * patterns, spread=bool(rho_k.any()))
    return _solutions(of, *_one(beta, dilution), rho_k, starts, seed, sweeps, tolerance)


def finite_examples(
    beta: float,
    dilution: float,
    patterns: int,
    quality: ArrayLike,
    examples: ArrayLike,
    starts: Sequence[str | ArrayLike] = STARTS,
    *,
    seed: int = 0,
    sweeps: int = 4_000,
    tolerance: float = 1e-11,
) -> list[Solution]:
    """The same for finite numbers of examples, whose averages are binomial instead of Gaussian.

    Args:
        beta: inverse temperature.
        dilution: d.
        patterns: K.
        quality: r in (0, 1], one or one for each pattern.
        examples: M, one or one for each pattern; about (M + 1)^K kinds of neurons are enumerated.
        starts: as for `solve`.
        seed: as for `solve`.
        sweeps: at most, from each start.
        tolerance: of the iteration.

    Raises:
        UsageError, ShapeError: for arguments out of range, or too many kinds of neurons.

    >>> r = (1 + 0.2 * 20) ** -0.5
    >>> finite_examples(20, 0.3, 3, r, 20, starts=["hierarchical"])[0].m.round(2).tolist()
    [0.62, 0.25, 0.11]
    """
    patterns = checked_patterns(patterns)
    r_k = _per_pattern("quality", checked("quality", quality, 0, 1, above=True), patterns)
    number_k = _per_pattern("examples", checked("examples", examples, 1, below=True), patterns)
    if (number_k % 1 != 0).any():
        raise UsageError(f"examples must be whole numbers, got {examples!r}.")
    of = kinds(tuple(binomial_alphabet(float(r), int(m)) for r, m in zip(r_k, number_k)), spread=False)
    rho_k = (1 - r_k**2) / (number_k * r_k**2)
    return _solutions(of, *_one(beta, dilution), rho_k, starts, seed, sweeps, tolerance)


def ground_states(
    beta: ArrayLike,
    dilution: ArrayLike,
    patterns: int,
    rho: ArrayLike = 0.0,
    starts: Sequence[str | ArrayLike] = STARTS,
    *,
    seed: int = 0,
    sweeps: int = 4_000,
    tolerance: float = 1e-11,
) -> Solution:
    """The solution of lowest free energy at each of many points, all of them iterated together.

    Args:
        beta: inverse temperature; broadcast with dilution and rho.
        dilution: d.
        patterns: K.
        rho: dataset entropy, here the same for all patterns.
        starts: as for `solve`; with one start, the solution it leads to is shown.
        seed: of the random starts.
        sweeps: at most, from each start.
        tolerance: of the iteration.

    Returns:
        arrays: m and n of shape (…, K), the others (…). A point is converged if the solution shown is; one that has not
        converged is shown if it lies lowest.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> ground_states(np.inf, [0.2, 0.5], patterns=2).m.round(3).tolist()
    [[0.8, 0.16], [0.5, 0.25]]
    """
    patterns = checked_patterns(patterns)
    shape, (t_b, d_b, rho_b) = together(
        checked_temperature(beta),
        checked("dilution", dilution, 0, 1, below=True),
        checked("rho", rho, 0, below=True),
    )
    of = kinds((GAUSSIAN,) * patterns, spread=bool(rho_b.any()))
    settings = Settings(t_b, d_b, np.repeat(rho_b[:, None], patterns, 1))
    begin = [starting_points(starts, patterns, float(d), seed)[1] for d in d_b]
    each = len(begin[0])
    many = settings.at(np.repeat(np.arange(len(t_b)), each))
    roots = fixed_points(
        lambda rows: equations(of, many.at(rows)), np.concatenate(begin), sweeps=sweeps, tolerance=tolerance
    )
    found = state(of, many, roots.x_bv)
    ranked = np.nan_to_num(found.free_energy, nan=np.inf).reshape(-1, each)
    # Equal solutions from several starts differ by rounding: take the first within it.
    at_b = (ranked <= ranked.min(1, keepdims=True) + 1e-12).argmax(1) + each * np.arange(len(t_b))
    order_bk = np.argsort(-np.abs(found.m[at_b]), axis=1, kind="stable")
    m_bk, n_bk = (np.take_along_axis(np.abs(x[at_b]), order_bk, 1) for x in (found.m, roots.x_bv))
    q_b, f_b = found.q[at_b], found.free_energy[at_b]
    parts = (q_b, f_b, roots.residual_b[at_b], roots.converged_b[at_b], roots.iterations_b[at_b], _response(q_b, t_b))
    overlaps: Any = [x.reshape(*shape, patterns) for x in (m_bk, n_bk)]
    return Solution(*overlaps, *(x.reshape(shape)[()] for x in parts))


def free_energy(beta: float, dilution: float, n: ArrayLike, rho: ArrayLike = 0.0) -> float:
    """The free energy per neuron at any n; solutions are its stationary points.

    Raises:
        UsageError, ShapeError: for arguments out of range.
    """
    n_k = np.atleast_1d(checked("n", n))
    patterns = checked_patterns(len(n_k))
    rho_k = _per_pattern("rho", checked("rho", rho, 0, below=True), patterns)
    t, d = _one(beta, dilution)
    of = kinds((GAUSSIAN,) * patterns, spread=bool(rho_k.any()))
    return float(state(of, Settings(np.array([t]), np.array([d]), rho_k[None]), n_k[None]).free_energy[0])


def _solutions(
    of: Kinds,
    temperature: float,
    dilution: float,
    rho_k: Floats,
    starts: Sequence[str | ArrayLike],
    seed: int,
    sweeps: int,
    tolerance: float,
) -> list[Solution]:
    labels, begin_bk = starting_points(starts, len(rho_k), dilution, seed)

    def iterate(from_bk: Floats) -> tuple[Roots, Settings]:
        number = len(from_bk)
        same = Settings(np.full(number, temperature), np.full(number, dilution), np.tile(rho_k, (number, 1)))
        family = fixed_points(lambda rows: equations(of, same.at(rows)), from_bk, sweeps=sweeps, tolerance=tolerance)
        return family, same

    roots, same = iterate(begin_bk)
    found = state(of, same, roots.x_bv)
    exchangeable = bool((rho_k == rho_k[0]).all())
    kept: list[Solution] = []
    ranked = sorted(
        range(len(labels)), key=lambda b: (not roots.converged_b[b], round(float(found.free_energy[b]), 11))
    )
    for b in ranked:
        m_k, n_k = np.abs(found.m[b]), np.abs(roots.x_bv[b])
        order = np.argsort(-m_k, kind="stable") if exchangeable else np.arange(len(m_k))
        one = Solution(
            m_k[order],
            n_k[order],
            float(found.q[b]),
            float(found.free_energy[b]),
            float(roots.residual_b[b]),
            bool(roots.converged_b[b]),
            int(roots.iterations_b[b]),
            float(_response(found.q[b], temperature)),
            start=labels[b],
        )
        if all(np.abs(one.n - other.n).max() > _SAME * (1 - dilution) for other in kept):
            kept.append(one)

    rng = np.random.default_rng(seed)
    pushes_pk = rng.standard_normal((4, len(rho_k)))
    pushes_pk *= _PUSH * (1 - dilution) / np.abs(pushes_pk).max(1, keepdims=True)
    pushed, _ = iterate(np.concatenate([one.n + pushes_pk for one in kept]))
    ends_spk = pushed.x_bv.reshape(len(kept), 4, -1)
    return [
        Solution(**{**one.__dict__, "stable": one.converged and bool(np.abs(ends - one.n).max() < _PUSH / 10)})
        for one, ends in zip(kept, ends_spk)
    ]


def _one(beta: float, dilution: float) -> tuple[float, float]:
    t, d = checked_temperature(beta), checked("dilution", dilution, 0, 1, below=True)
    if t.ndim or d.ndim:
        raise ShapeError("solve takes one beta and one dilution; ground_states takes arrays.")
    return float(t), float(d)


def _per_pattern(name: str, values: NDArray[Any], patterns: int) -> Floats:
    if values.shape not in ((), (1,), (patterns,)):
        raise ShapeError(f"{name} must be one number or {patterns}, one for each pattern; got shape {values.shape}.")
    return np.broadcast_to(values, (patterns,)).astype(np.float64)


def _response(q: ArrayLike, temperature: ArrayLike) -> Any:
    """(1 − q)/T where T > 0; not meant at T = 0, where blank neurons stay free."""
    t = np.asarray(temperature)
    return np.where(t > 0, (1 - np.asarray(q)) / np.where(t > 0, t, 1), np.nan)
