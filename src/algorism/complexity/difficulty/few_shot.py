"""The difficulty of learning to learn, from classes that come in groups.

Shape letters: n example, p different point, g group, c class.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ShapeError
from .dimension import Dimension, from_distances
from .estimate import Estimate
from .measured import DEFAULT, Measured, Settings, dimension_of, error_of, given, put_together, radius, rounded
from .neighbours import nearest
from .points import Points, distinct
from .resolution import class_resolution
from .tasks import FewShotTask, few_shot_samples


def measure_few_shot(
    table: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    way: int = 20,
    error: float = 0.01,
    resolution: float | None = None,
    settings: Settings = DEFAULT,
) -> Measured:
    """The difficulty of learning to learn classes from one example each.

    Args:
        table: (n, …) images as bytes, or numbers.
        labels: (n,) class of each.
        groups: (n,) group of each; the classes to be told apart come from one group (an alphabet).
        way: how many classes are told apart.
        error: the error rate wanted. It is chosen, not estimated.
        resolution: instead of the estimate.
        settings: of the estimators.
    """
    points = distinct(table)
    n = len(np.asarray(table))
    class_n, group_n = np.asarray(labels), np.asarray(groups)
    if class_n.shape != (n,) or group_n.shape != (n,):
        raise ShapeError(f"Expected a label and a group for each of {n:,} rows, got {class_n.shape}, {group_n.shape}.")
    found_error = error_of(error, "share of wrong answers")
    class_n, group_n = (np.unique(column_n, return_inverse=True)[1] for column_n in (class_n, group_n))
    pairs_gc = np.unique(np.stack([group_n, class_n]), axis=1)
    across, notes = dimension_of(points, None, settings)
    found_within = _within(points, group_n[points.kept_p], settings)
    sets = few_shot_samples(np.bincount(pairs_gc[0]).tolist(), way, max(1, n // pairs_gc.shape[1]))
    inputs = {
        "samples": Estimate.exact(sets, f"sets of {way} images that can be drawn, counted"),
        "way": Estimate.exact(way, "chosen"),
        "within": rounded(found_within, "inside the groups, "),
        "across": across,
        "radius": radius(table),
        "resolution": given(resolution)
        or class_resolution(points, class_n[points.kept_p], pairs=settings.pairs, seed=settings.seed),
        "error": found_error,
    }
    return put_together(FewShotTask, inputs, notes)


def _within(points: Points, group_p: NDArray[np.int64], settings: Settings) -> Dimension:
    """The dimension inside groups: neighbours are looked for in the query's own group, and all queries pooled."""
    distances = []
    for group in np.unique(group_p):
        members = np.flatnonzero(group_p == group)
        if len(members) > settings.k:
            distances.append(nearest(points.values_pd, members, settings.k, among=members).distances_qk)
    if not distances:
        raise DataError(f"No group has more than {settings.k} different points. Use a smaller k.")
    return from_distances(np.concatenate(distances), seed=settings.seed, points=len(points))
