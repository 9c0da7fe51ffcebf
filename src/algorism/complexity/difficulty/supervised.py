"""The difficulty of classification and regression, from somebody's data.

Shape letters: n example, p different point, d coordinate, o output.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ShapeError
from .estimate import Estimate
from .measured import DEFAULT, Measured, Settings, dimension_of, error_of, given, put_together, radius, samples_of
from .points import Points, digest, distinct, numbers
from .resolution import class_resolution, value_resolution
from .tasks import ClassificationTask, RegressionTask


def measure_classification(
    table: ArrayLike,
    labels: ArrayLike,
    *,
    error: float = 0.01,
    samples: int | None = None,
    dimension: float | None = None,
    resolution: float | None = None,
    settings: Settings = DEFAULT,
) -> Measured:
    """The difficulty of telling the classes of some data apart.

    Args:
        table: (n, …) images as bytes, which are divided by 255, or a table of numbers.
        labels: (n,) classes: whole numbers or words.
        error: the error rate wanted. It is chosen, not estimated.
        samples: size of the training set, if the data is only a part of it; the resolution is extrapolated to it.
        dimension: instead of the estimate.
        resolution: instead of the estimate.
        settings: of the estimators.

    Raises:
        ShapeError: as many labels as rows are expected.
        DataError: one class only, or data that has no dimension; see `likelihood_dimension`.
    """
    points = distinct(table)
    labels_n = np.asarray(labels)
    n = len(np.asarray(table))
    if labels_n.shape != (n,):
        raise ShapeError(f"Expected one label for each of {n:,} rows, got labels of shape {labels_n.shape}.")
    names, class_n = np.unique(labels_n, return_inverse=True)
    if len(names) < 2:
        raise DataError(f"There is only one class ({names[0]}): nothing to tell apart.")
    found_error, found_samples = error_of(error, "share of wrong answers"), samples_of(n, samples)
    found_dimension, notes = dimension_of(points, dimension, settings)
    class_p = class_n[points.kept_p]
    found_resolution = given(resolution) or class_resolution(
        points,
        class_p,
        pairs=settings.pairs,
        samples=samples,
        seed=settings.seed,
        device=settings.device,
    )
    inputs = {
        "samples": found_samples,
        "dimension": found_dimension,
        "radius": radius(table),
        "classes": Estimate.exact(len(names), "counted"),
        "resolution": found_resolution,
        "error": found_error,
    }
    return put_together(ClassificationTask, inputs, _contradictions(points, table, class_n) + notes)


def measure_regression(
    table: ArrayLike,
    outputs: ArrayLike,
    *,
    error: float = 0.01,
    samples: int | None = None,
    dimension: float | None = None,
    resolution: float | None = None,
    settings: Settings = DEFAULT,
) -> Measured:
    """The difficulty of predicting numbers.

    The outputs are centred and divided by their largest deviation, so that the bound B is 1.

    Args:
        table: as for `measure_classification`.
        outputs: (n,) or (n, D) numbers.
        error: the error wanted, as a share of the largest deviation; outputs closer than it need not be told apart.
        samples: as for `measure_classification`.
        dimension: instead of the estimate.
        resolution: instead of the estimate.
        settings: of the estimators.
    """
    points = distinct(table)
    outputs_no = numbers(outputs)
    n = len(np.asarray(table))
    if len(outputs_no) != n:
        raise ShapeError(f"Expected outputs for each of {n:,} rows, got {len(outputs_no):,}.")
    outputs_no = outputs_no - outputs_no.mean(axis=0, dtype=np.float64)
    largest = float(np.abs(outputs_no).max())
    if largest == 0:
        raise DataError("The output is the same in every row: nothing to predict.")
    found_error = error_of(error, "share of the largest deviation of an output from its mean")
    found_samples = samples_of(n, samples)
    found_dimension, notes = dimension_of(points, dimension, settings)
    found_resolution = given(resolution) or value_resolution(
        points,
        outputs_no[points.kept_p] / largest,
        error,
        pairs=settings.pairs,
        samples=samples,
        seed=settings.seed,
    )
    inputs = {
        "samples": found_samples,
        "dimension": found_dimension,
        "radius": radius(table),
        "outputs": Estimate.exact(outputs_no.shape[1], "counted"),
        "resolution": found_resolution,
        "error": found_error,
        "bound": Estimate.exact(1.0, f"outputs are centred and divided by their largest deviation, {largest:.4g}"),
    }
    return put_together(RegressionTask, inputs, notes)


def _contradictions(points: Points, table: ArrayLike, class_n: NDArray[np.int64]) -> tuple[str, ...]:
    """Say so if copies of one input carry different labels: no resolution could tell them apart."""
    if points.duplicates == 0:
        return ()
    labels_of: dict[bytes, set[int]] = {}
    for row_d, label in zip(numbers(table), class_n.tolist()):
        labels_of.setdefault(digest(row_d), set()).add(label)
    contradicted = sum(len(labels) > 1 for labels in labels_of.values())
    if not contradicted:
        return ()
    return (f"{contradicted:,} inputs occur with different labels: nothing can tell these apart.",)
