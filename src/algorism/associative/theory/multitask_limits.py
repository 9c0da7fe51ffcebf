"""Closed forms for multitasking networks: zero temperature, one step, names for what a state is, and starting points.

Shape letters: k pattern.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError, UsageError, nearest

from .checks import Floats, checked, checked_patterns
from .multitask_equations import GAUSSIAN, Settings, kinds, state

REGIMES = ("hierarchical", "hybrid", "parallel", "single", "ergodic")
_RANDOM_STARTS = 10


def hierarchical_overlaps(dilution: float, patterns: int) -> Floats:
    """m_k = (1 − d) d^{k−1}: every neuron follows the first of its entries that is not blank.

    At zero temperature and ρ = 0 it is a fixed point as long as 1 − 2d + d^K > 0 (`critical_dilution`).

    >>> hierarchical_overlaps(0.5, 3).tolist()
    [0.5, 0.25, 0.125]
    """
    d = float(checked("dilution", dilution, 0, 1, below=True))
    return np.asarray((1 - d) * d ** np.arange(checked_patterns(patterns)), dtype=np.float64)


def symmetric_overlap(dilution: float, patterns: int) -> float:
    """Overlap where every neuron follows the majority of its entries, at zero temperature and ρ = 0.

    It is m = E ξ^1 sign(Σ ξ^k), ties 0. With j other entries that are not blank, the mean sign is the chance that they
    sum to 0 or 1: C(j, ⌈j/2⌉)/2^j.

    >>> symmetric_overlap(0.5, 3)
    0.3125
    """
    d, others = float(checked("dilution", dilution, 0, 1, below=True)), checked_patterns(patterns) - 1
    terms = (
        math.comb(others, j) * (1 - d) ** j * d ** (others - j) * math.comb(j, (j + 1) // 2) / 2**j
        for j in range(others + 1)
    )
    return (1 - d) * sum(terms)


def critical_dilution(patterns: int) -> float:
    """d_c, above which the hierarchical state is no fixed point at zero temperature: the root of 1 − 2d + d^K below 1.

    1 for one or two patterns, whose hierarchy always holds; (√5 − 1)/2 for three; towards ½ for many.

    >>> round(critical_dilution(3), 6), critical_dilution(2)
    (0.618034, 1.0)
    """
    from scipy.optimize import brentq

    number = checked("patterns", patterns, 1)
    if number.ndim or number % 1:
        raise UsageError(f"patterns must be a whole number, got {patterns!r}.")
    if number <= 2:
        return 1.0
    # Divided by 1 − d the polynomial is 1 − d − d² − … − d^{K−1}, which falls, and has only the root wanted.
    return float(brentq(lambda d: 1 - sum(d**j for j in range(1, int(number))), 0.5, 0.999, xtol=1e-14))


def patterns_supported(neurons: int, dilution: float) -> int:
    """How many patterns a hierarchy can hold: the last K with d^{K−1} above the fluctuations 1/√N, ½ ln N/ln(1/d).

    >>> patterns_supported(10_000, 0.3)
    4
    """
    n, d = checked("neurons", neurons, 1, below=True), checked("dilution", dilution, 0, 1, below=True)
    return 1 if d == 0 else 1 + int(np.log(n) / 2 / np.log(1 / d))


def one_step(start: ArrayLike, dilution: float, rho: ArrayLike = 0.0) -> Floats:
    """Signal to noise: overlaps after one noiseless parallel step from a state that follows the archetypes alone.

    m_k′ = E ξ^k erf(Σ ξ^j n_j/√(2 Σ ρ_j n_j² (ξ^j)²)) with n_j = m_j/(1 + ρ_j) of the start.

    Args:
        start: overlap m of the start with each pattern.
        dilution: d in [0, 1).
        rho: dataset entropy, one or one for each pattern.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> one_step([1.0], 0.0, 0.5).round(6).tolist()
    [0.842701]
    """
    m_k, rho_all = np.atleast_1d(checked("start", start)), checked("rho", rho, 0, below=True)
    patterns = checked_patterns(len(m_k))
    if rho_all.shape not in ((), (1,), (patterns,)):
        raise ShapeError(f"rho must be one number or {patterns}, one for each pattern; got shape {rho_all.shape}.")
    rho_k = np.broadcast_to(rho_all, m_k.shape).astype(np.float64)
    settings = Settings(np.zeros(1), checked("dilution", dilution, 0, 1, below=True).reshape(1), rho_k[None])
    return state(kinds((GAUSSIAN,) * patterns, spread=bool(rho_k.any())), settings, (m_k / (1 + rho_k))[None]).m[0]


def examples_needed(quality: ArrayLike, confidence: float = 1.0) -> Floats:
    """How many examples one noiseless step needs at one pattern to keep a share erf(Θ): M = 2Θ²(1 − r²)/r².

    >>> float(examples_needed(0.1).round(6))
    198.0
    """
    r = checked("quality", quality, 0, 1, above=True)
    return 2 * checked("confidence", confidence, 0, above=True, below=True) ** 2 * (1 - r**2) / r**2


def regime(m: ArrayLike, dilution: ArrayLike, *, tolerance: float = 0.02) -> Any:
    """Name what a state is, from its overlaps in units of their largest possible value, x_k = m_k/(1 − d).

    In this order, with tolerance τ:
    "ergodic": all x ≤ τ. "parallel": at least two patterns, largest and smallest x differ by at most τ.
    "single": the second largest x ≤ τ. "hierarchical": each x_k within τ of x_1 d^{k−1}. "hybrid": all others.

    Args:
        m: overlaps along the last axis, in any order and of any sign.
        dilution: d, one for each state.
        tolerance: τ.

    Returns:
        a name, or an array of names.

    Raises:
        UsageError, ShapeError: for NaN, a dilution outside [0, 1), or shapes that do not fit.

    >>> [regime(x, 0.5) for x in ([0.5, 0.25, 0.125], [0.3, 0.3, 0.3], [0.4, 0.31, 0.2], [0.5, 0.0], [0.0, 0.0])]
    ['hierarchical', 'parallel', 'hybrid', 'single', 'ergodic']
    """
    given, d = np.abs(checked("m", m)), checked("dilution", dilution, 0, 1, below=True)
    tau = float(checked("tolerance", tolerance, 0, 1))
    if given.ndim == 0 or d.shape not in ((), given.shape[:-1]):
        raise ShapeError(f"Overlaps of shape {given.shape} do not fit dilutions of shape {d.shape}.")
    x = -np.sort(-given / (1 - d[..., None]), axis=-1)
    ladder = x[..., :1] * d[..., None] ** np.arange(x.shape[-1])
    second = x[..., 1] if x.shape[-1] > 1 else np.zeros(x.shape[:-1])
    names: NDArray[np.str_] = np.select(
        [
            x[..., 0] <= tau,
            (x[..., 0] - x[..., -1] <= tau) & (x.shape[-1] > 1),
            second <= tau,
            (np.abs(x - ladder) <= tau).all(-1),
        ],
        ["ergodic", "parallel", "single", "hierarchical"],
        "hybrid",
    )
    return str(names) if names.ndim == 0 else names


def starting_points(
    starts: Sequence[str | ArrayLike], patterns: int, dilution: float, seed: int
) -> tuple[list[str], Floats]:
    """Labels and vectors n of starts that are named ("random" is ten of them) or given.

    Raises:
        UsageError, ShapeError: for unknown names, vectors of another length, or none at all.
    """
    k = np.arange(patterns)
    named = {
        "hierarchical": dilution ** k[None] if dilution else (k == 0)[None].astype(float),
        "symmetric": np.full((1, patterns), 0.5),
        "spread": 0.5 - 0.02 * k[None],
        "single": (k == 0)[None].astype(float),
        "random": -np.sort(-np.random.default_rng(seed).random((_RANDOM_STARTS, patterns)), axis=1),
    }
    labels, rows = [], []
    for start in [starts] if isinstance(starts, str) else starts:
        if isinstance(start, str):
            if start not in named:
                raise UsageError(f"There is no start {start!r}. {nearest(start, named)}")
            block = (1 - dilution) * named[start]
        else:
            block = checked("starts", start)[None]
            if block.shape != (1, patterns):
                raise ShapeError(
                    f"A start needs {patterns} numbers, one for each pattern; got shape {block.shape[1:]}."
                )
        labels += [start if isinstance(start, str) else "given"] * len(block)
        rows.append(block)
    if not rows:
        raise UsageError("starts is empty; give at least one.")
    return labels, np.concatenate(rows)
