"""Random archetypes, noisy examples of them, and how much the examples tell.

Shape letters: k pattern, m example, n neuron.

An example shows an archetype ξ with each entry right with probability (1 + r)/2; r is the *quality*. M examples of one
archetype are summed up by the *dataset entropy* ρ = (1 − r²)/(M r²), through which alone quality and quantity act on
retrieval when M is large (arXiv 2212.00606 and 2308.04106). Diluted archetypes have zeros, which stay zeros.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from algorism.errors import ShapeError, UsageError

from .checks import checked_count, checked_rows, checked_spins, per_pattern, require_memory

_BLOCK = 1 << 22  # random numbers drawn at a time: 16 MB
_ARCHETYPES, _EXAMPLES, _AVERAGES = range(3)  # streams of their own: noise must not repeat the bits of its archetypes


def archetypes(neurons: int, patterns: int, dilution: float = 0.0, seed: int = 0) -> NDArray[np.int8]:
    """Independent entries: 0 with probability `dilution`, otherwise −1 or +1 with equal probability.

    Args:
        neurons: N.
        patterns: K.
        dilution: share of zeros d, in [0, 1); 0 gives Rademacher patterns.
        seed: of the draw.

    Returns:
        xi_kn, int8.

    Raises:
        UsageError: for sizes below 1, a dilution outside [0, 1), or more than fits in memory.

    >>> archetypes(5, 2, seed=1).shape, float(abs(archetypes(10_000, 1, dilution=0.5)).mean().round(1))
    ((2, 5), 0.5)
    """
    neurons, patterns = checked_count("neurons", neurons), checked_count("patterns", patterns)
    if not 0 <= dilution < 1:
        raise UsageError(f"dilution must lie in [0, 1), got {dilution}; it is the share of zeros.")
    require_memory(neurons * patterns, f"{patterns} patterns of {neurons} neurons")
    rng = _generator(seed, _ARCHETYPES)
    xi_kn = np.empty((patterns, neurons), dtype=np.int8)
    for rows in _blocks(patterns, neurons):
        block = rng.integers(0, 2, xi_kn[rows].shape, dtype=np.int8) * 2 - 1
        if dilution:
            block *= rng.random(block.shape, dtype=np.float32) >= dilution
        xi_kn[rows] = block
    return xi_kn


def examples(xi_kn: ArrayLike, quality: ArrayLike, number: ArrayLike, seed: int = 0) -> NDArray[np.int8]:
    """Noisy copies: every entry of an archetype keeps its sign with probability (1 + quality)/2, zeros stay.

    Args:
        xi_kn: archetypes of −1, +1 and 0.
        quality: r in [0, 1], one or one for each pattern.
        number: M ≥ 1, one or one for each pattern.
        seed: of the draw.

    Returns:
        eta_kmn, int8, m up to the largest M. Rows beyond a pattern's own M are zeros, which add nothing to any sum.

    Raises:
        UsageError, ShapeError: for other entries, qualities or numbers, or more than fits in memory.

    >>> bool((examples(archetypes(9, 2), quality=1.0, number=3) == archetypes(9, 2)[:, None]).all())
    True
    """
    xi_kn = checked_spins("xi_kn", xi_kn, zeros=True).numpy()
    patterns, neurons = xi_kn.shape
    quality_k = per_pattern("quality", quality, patterns, 0, 1)
    number_k = _numbers(number, patterns)
    require_memory(patterns * int(number_k.max()) * neurons, f"{int(number_k.sum())} examples of {neurons} neurons")
    rng = _generator(seed, _EXAMPLES)
    eta_kmn = np.zeros((patterns, int(number_k.max()), neurons), dtype=np.int8)
    for k, (r, m) in enumerate(zip(quality_k, number_k)):
        for rows in _blocks(int(m), neurons):
            block = eta_kmn[k, rows]
            wrong = rng.random(block.shape, dtype=np.float32) >= (1 + r) / 2
            np.multiply(xi_kn[k], 1 - 2 * wrong.view(np.int8), out=block)
    return eta_kmn


def average_examples(xi_kn: ArrayLike, quality: ArrayLike, number: ArrayLike, seed: int = 0) -> NDArray[np.float32]:
    """The mean of M examples of each archetype, drawn as a binomial without drawing the examples.

    Args:
        xi_kn: archetypes of −1, +1 and 0.
        quality: r in [0, 1], one or one for each pattern.
        number: M ≥ 1, one or one for each pattern.
        seed: of the draw.

    Returns:
        mean_kn, float32: ξ (2B − M)/M with B ~ Binomial(M, (1 + r)/2).

    Raises:
        UsageError, ShapeError: as `examples`.

    >>> average_examples([[1, -1, 0]], quality=1.0, number=7).tolist()
    [[1.0, -1.0, 0.0]]
    """
    xi_kn = checked_spins("xi_kn", xi_kn, zeros=True).numpy()
    patterns, neurons = xi_kn.shape
    quality_k = per_pattern("quality", quality, patterns, 0, 1)
    number_k = _numbers(number, patterns)
    require_memory(4 * patterns * neurons, f"{patterns} averages of {neurons} neurons")
    rng = _generator(seed, _AVERAGES)
    mean_kn = np.empty((patterns, neurons), dtype=np.float32)
    for r, m in sorted(set(zip(quality_k.tolist(), number_k.tolist()))):
        alike = np.flatnonzero((quality_k == r) & (number_k == m))
        draw = _binomial(m, (1 + r) / 2, draws=len(alike) * neurons)
        for rows in _blocks(len(alike), neurons):
            some = alike[rows]
            right_kn = draw(rng, (len(some), neurons))
            mean_kn[some] = xi_kn[some] * ((2 * right_kn - m) / np.float32(m))
    return mean_kn


def dataset_entropy(quality: ArrayLike, number: ArrayLike) -> NDArray[np.float64]:
    """ρ = (1 − r²)/(M r²): 0 where the examples tell everything, infinite where r = 0.

    >>> float(dataset_entropy(0.5, 3)), float(dataset_entropy(1.0, 1))
    (1.0, 0.0)
    """
    r, m = _quality_and_number(quality, number)
    with np.errstate(divide="ignore"):
        return (1 - r**2) / (m * r**2)


def quality_from_entropy(entropy: ArrayLike, number: ArrayLike) -> NDArray[np.float64]:
    """The quality at which M examples have dataset entropy ρ: r = 1/√(1 + ρM).

    >>> [round(float(quality_from_entropy(0.2, m)), 3) for m in (25, 50, 100)]
    [0.408, 0.302, 0.218]
    """
    rho, m = np.asarray(entropy, dtype=np.float64), np.asarray(number, dtype=np.float64)
    _require("entropy", rho, rho >= 0, "ρ ≥ 0")
    _require("number", m, m >= 1, "M ≥ 1")
    return 1 / np.sqrt(1 + rho * m)


def examples_from_entropy(entropy: ArrayLike, quality: ArrayLike) -> NDArray[np.float64]:
    """How many examples of quality r have dataset entropy ρ: M = (1 − r²)/(r² ρ), not rounded.

    >>> round(float(examples_from_entropy(1.0, 0.5)), 6)
    3.0
    """
    rho, r = np.asarray(entropy, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    _require("entropy", rho, rho > 0, "ρ > 0")
    _require("quality", r, (r > 0) & (r <= 1), "0 < r ≤ 1")
    return (1 - r**2) / (r**2 * rho)


def second_moment(quality: ArrayLike, number: ArrayLike) -> NDArray[np.float64]:
    """R = E[mean²] = r² + (1 − r²)/M of one entry's average over M examples.

    >>> float(second_moment(0.5, 3))
    0.5
    """
    r, m = _quality_and_number(quality, number)
    return r**2 + (1 - r**2) / m


def normalised_weights(mean_kn: ArrayLike, quality: ArrayLike, number: ArrayLike) -> NDArray[np.float32]:
    """Average examples scaled to unit variance, w = mean/√R: the vectors of the supervised network.

    >>> normalised_weights([[1.0, -1.0]], quality=1.0, number=5).tolist()
    [[1.0, -1.0]]
    """
    rows_kn = checked_rows("mean_kn", mean_kn).numpy().astype(np.float32)
    quality_k = per_pattern("quality", quality, len(rows_kn), 0, 1)
    number_k = _numbers(number, len(rows_kn))
    return rows_kn / np.sqrt(second_moment(quality_k, number_k)).astype(np.float32)[:, None]


def _quality_and_number(quality: ArrayLike, number: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r, m = np.asarray(quality, dtype=np.float64), np.asarray(number, dtype=np.float64)
    _require("quality", r, (r >= 0) & (r <= 1), "0 ≤ r ≤ 1")
    _require("number", m, m >= 1, "M ≥ 1")
    return r, m


def _require(name: str, values: NDArray[np.float64], legal: NDArray[np.bool_], rule: str) -> None:
    if not np.all(legal):
        raise UsageError(f"{name}: expected {rule}, got {values[~legal].ravel()[0] if values.ndim else float(values)}.")


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([checked_count("seed", seed, least=0), stream])


def _binomial(
    trials: int, chance: float, draws: int
) -> Callable[[np.random.Generator, tuple[int, int]], NDArray[np.int32]]:
    """Exact binomial draws, by table where there are many: some ten times as fast as NumPy's own.

    Sixteen random bits say in which 65,536th of [0, 1) the uniform lies. Where all of it has one value of the inverse
    distribution function, that is the draw; in the few other places (at most one for each value) more bits decide.
    """
    if draws < 1 << 18 or trials >= 1 << 14:
        return lambda rng, shape: rng.binomial(trials, chance, shape).astype(np.int32)
    below = binom.cdf(np.arange(trials), trials, chance)
    ends = np.searchsorted(below, np.arange(65_537) / 65_536, side="right").astype(np.int32)
    value, undecided = ends[:-1], ends[:-1] != ends[1:]

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int32]:
        cell = rng.integers(0, 65_536, shape, dtype=np.uint16)
        found = value[cell]
        open_n = np.flatnonzero(undecided[cell])
        u = (cell.ravel()[open_n] + rng.random(len(open_n))) / 65_536
        found.ravel()[open_n] = np.searchsorted(below, u, side="right")
        return found

    return draw


def _numbers(number: ArrayLike, patterns: int) -> NDArray[np.int64]:
    number_k = per_pattern("number", number, patterns, 1, float("inf"))
    if not np.all(np.isfinite(number_k)) or np.any(number_k != np.floor(number_k)):
        raise UsageError(f"number of examples must be whole, got {number!r}.")
    return number_k.astype(np.int64)


def _blocks(rows: int, width: int) -> list[slice]:
    if width < 1:
        raise ShapeError("A pattern needs at least one neuron.")
    step = max(1, _BLOCK // width)
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]
