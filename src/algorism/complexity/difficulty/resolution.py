"""The distance at which a task must still tell inputs apart: the smallest between inputs with different answers.

All pairs of a large training set cannot be looked at. So some millions are drawn, and the smallest distance among all
pairs is extrapolated from the tail of the drawn ones by extreme value theory.

Source: arXiv 2305.01034; Dekkers, Einmahl, de Haan 1989 (the moment estimator of the tail index).

Shape letters: p point, d coordinate, i pair, t pair in the tail.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, UsageError
from .estimate import Estimate
from .neighbours import nearest
from .points import Points

_PAIRS_PER_TAIL = 2_000  # the paper keeps 2,000 of 4,000,000
_BLOCK = 32 << 20  # bytes


@dataclass(frozen=True)
class Tail:
    """An extrapolated smallest distance.

    Attributes:
        distance: the extrapolation, never above the smallest distance seen.
        index: of the tail of 1/distance; negative where 1/distance has an end, and so the distance a positive minimum.
        low, high: 95 % bootstrap interval of `distance`, over the pairs of the tail.
    """

    distance: float
    index: float
    low: float
    high: float


def extreme_distance(distances_i: NDArray[np.float64], tail: int, pairs: float, seed: int = 0) -> Tail:
    """The smallest distance to expect among `pairs` pairs, from a sample of them.

    Args:
        distances_i: of randomly drawn pairs, above 0.
        tail: k, how many of the smallest are used; the next one is the threshold.
        pairs: how many pairs there are in all.
        seed: of the bootstrap.

    Raises:
        UsageError: not 2 ≤ tail < number of distances.
        DataError: a distance that is not above 0.

    >>> rng = np.random.default_rng(0)
    >>> found = extreme_distance(1 + rng.exponential(size=100_000), 500, 1e9)  # the distances begin at 1
    >>> 0.98 < found.distance <= found.high < 1.01
    True
    """
    if not 2 <= tail < len(distances_i):
        raise UsageError(f"extreme_distance: the tail must hold from 2 to {len(distances_i) - 1} pairs, got {tail}.")
    if not distances_i.min() > 0:
        raise DataError("extreme_distance: expected distances above 0.")
    smallest_t = np.sort(np.partition(distances_i, tail)[: tail + 1])
    threshold = float(smallest_t[-1])
    excess_t = np.log(threshold / smallest_t[:-1])  # ln x − ln X_k for x = 1/distance
    growth = math.log(tail / len(distances_i) * pairs)
    distance, index = _extrapolate(excess_t, threshold, growth)
    smallest = float(smallest_t[0])
    rng = np.random.default_rng([seed, 2])
    again = [_extrapolate(rng.choice(excess_t, tail), threshold, growth)[0] for _ in range(500)]
    low, high = (min(smallest, float(end)) for end in np.quantile(again, [0.025, 0.975]))
    distance = min(smallest, distance)
    return Tail(distance, index, min(low, distance), max(high, distance))


def _extrapolate(excess_t: NDArray[np.float64], threshold: float, growth: float) -> tuple[float, float]:
    """1 / (X_k + X_k·M1·(a^g − 1)/g) and g. The public code has no factor 1 − min(g, 0); nor has this."""
    first, second = float(excess_t.mean()), float((excess_t**2).mean())
    if second == 0 or first**2 / second > 1 - 1e-12:  # all ties: there is no tail to continue
        return threshold * math.exp(-first), 0.0
    index = first + 1 - 0.5 / (1 - first**2 / second)
    rise = growth if abs(index) < 1e-9 else math.expm1(min(700.0, index * growth)) / index
    return threshold / (1 + first * rise), index


def class_resolution(
    points: Points,
    labels_p: NDArray[np.int64],
    *,
    pairs: int = 4_000_000,
    samples: int | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Estimate:
    """Smallest distance between inputs of different classes.

    Args:
        points: different points; copies that carry different labels are at distance 0, which no resolution resolves.
        labels_p: class of each point.
        pairs: how many are drawn, if there are more; else all are looked at.
        samples: size of the training set to extrapolate to; the number of points by default.
        seed: of the draw.
        device: for the exact search.

    Raises:
        DataError: fewer than two classes.
    """
    classes, counts = np.unique(labels_p, return_counts=True)
    if len(classes) < 2:
        raise DataError(f"There is only one class ({classes[0]}): nothing to tell apart.")
    n = len(points)
    share = 1 - float(((counts / n) ** 2).sum())  # of ordered pairs, the ones of different classes
    if (samples is None or samples <= n) and share * n * n / 2 <= pairs:
        smallest = closest_classes(points, labels_p, device=device)
        return Estimate.exact(smallest, "smallest distance between inputs of different classes, all pairs looked at")

    def differ(a_i: NDArray[np.int64], b_i: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(labels_p[a_i] != labels_p[b_i])

    words = "inputs of different classes"
    return _by_extremes(points, differ, words, pairs=pairs, samples=samples or n, share=share, seed=seed)


def closest_classes(
    points: Points,
    labels_p: NDArray[np.int64],
    *,
    subset: int | None = None,
    floor: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
) -> float:
    """The smallest distance between points of different classes, exactly, among all of them or a random subset.

    Args:
        points: different points.
        labels_p: class of each.
        subset: how many points to draw (the paper: 30,000); None for all.
        floor: distances below it are passed over, as near-copies or wrong labels (the paper: 1).
        seed: of the draw.
        device: for the search.

    >>> from .points import distinct
    >>> closest_classes(distinct([[0.0, 0], [3, 4], [0, 1]]), np.array([0, 1, 0]))
    4.242640687119285
    """
    chosen_n = np.arange(len(points))
    if subset is not None and subset < len(points):
        chosen_n = np.random.default_rng(seed).choice(len(points), subset, replace=False)
    best = math.inf
    for label in np.unique(labels_p[chosen_n])[:-1]:  # the last class has been compared with all others by then
        of_class = labels_p[chosen_n] == label
        later = labels_p[chosen_n] > label
        k = min(8 if floor > 0 else 1, int(later.sum()))
        found = nearest(points.values_pd, chosen_n[of_class], k, among=chosen_n[later], device=device)
        distances_qk = found.distances_qk * points.unit
        best = min(best, float(distances_qk[distances_qk >= floor].min(initial=math.inf)))
    if math.isinf(best):
        raise DataError(f"No two of {len(chosen_n):,} points of different classes are {floor:g} or more apart.")
    return best


def value_resolution(
    points: Points,
    outputs_po: NDArray[np.float64],
    tolerance: float,
    *,
    pairs: int = 4_000_000,
    samples: int | None = None,
    seed: int = 0,
) -> Estimate:
    """Smallest distance between inputs whose outputs differ by more than `tolerance` in some component.

    The paper defines δ for classes; this is the same for numbers: inputs that must get different answers.

    Args:
        points: different points.
        outputs_po: (n, D).
        tolerance: outputs closer than this need not be told apart.
        pairs: how many are drawn.
        samples: size of the training set to extrapolate to.
        seed: of the draw.
    """

    def differ(a_i: NDArray[np.int64], b_i: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(np.abs(outputs_po[a_i] - outputs_po[b_i]).max(axis=1) > tolerance)

    words = f"inputs whose outputs differ by more than {tolerance:.4g}"
    n = len(points)
    return _by_extremes(points, differ, words, pairs=pairs, samples=samples or n, share=None, seed=seed)


def _by_extremes(
    points: Points,
    differ: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]],
    words: str,
    *,
    pairs: int,
    samples: int,
    share: float | None,
    seed: int,
) -> Estimate:
    """Draw pairs with different answers, and extrapolate to all pairs of a training set of `samples`."""
    n = len(points)
    wanted = min(pairs, max(100, n * (n - 1) // 4))  # of a small set, half of the pairs: repeats would be ties
    a_i, b_i, found_share = _draw(n, differ, words, wanted, np.random.default_rng(seed))
    distances_i = pair_distances(points, a_i, b_i)
    everything = max(float(len(a_i)), float(samples) ** 2 * (found_share if share is None else share))
    tail = max(min(50, len(a_i) // 2), len(a_i) // _PAIRS_PER_TAIL)
    found = extreme_distance(distances_i, tail, everything, seed)
    how = (
        f"extrapolated to all pairs of {words}: {len(a_i):,} pairs drawn, the {tail:,} closest of them used; "
        f"closest pair drawn {float(distances_i.min()):.4g}"
    )
    return Estimate(found.distance, found.low, found.high, how)


def _draw(
    n: int,
    differ: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]],
    words: str,
    wanted: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Pairs of places with different answers, and which share of all pairs they are."""
    kept: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    drawn = accepted = 0
    while accepted < wanted:
        a_i, b_i = rng.integers(0, n, (2, max(1_000, wanted)))
        good_i = differ(a_i, b_i)
        kept.append((a_i[good_i], b_i[good_i]))
        drawn, accepted = drawn + len(a_i), accepted + int(good_i.sum())
        if drawn >= 50 * max(1_000, wanted) and accepted < wanted:
            break
    if accepted < 100:
        raise DataError(f"Of {drawn:,} pairs drawn, {accepted} are {words}; 100 are needed to estimate the resolution.")
    a_i, b_i = (np.concatenate(side)[:wanted] for side in zip(*kept))
    return a_i, b_i, accepted / drawn


def pair_distances(points: Points, a_i: NDArray[np.int64], b_i: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distances of pairs of points, from differences, block by block."""
    values_pd = points.values_pd
    # Differences of bytes are exact in float32, and a sum of squares loses nothing to cancellation.
    kind: Any = np.float32 if values_pd.dtype == np.uint8 else np.float64
    found_i = np.empty(len(a_i))
    step = max(1, _BLOCK // (4 * values_pd.shape[1]))
    for first in range(0, len(a_i), step):
        part = slice(first, first + step)
        difference_id = np.subtract(values_pd[a_i[part]], values_pd[b_i[part]], dtype=kind)
        found_i[part] = np.einsum("id,id->i", difference_id, difference_id)
    return np.sqrt(found_i) * points.unit
