"""What the estimators work on: a table of points, checked, without copies and constant columns, which are counted.

Shape letters: p point, d coordinate.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ShapeError


@dataclass(frozen=True, eq=False)
class Points:
    """Different points, in the order in which they were given.

    Attributes:
        values_pd: bytes as they came, or floats.
        kept_p: place of each in the given table.
        duplicates: rows left out because they repeat an earlier one exactly.
        constant_columns: columns left out because they are the same in every row.
    """

    values_pd: NDArray[Any]
    kept_p: NDArray[np.int64]
    duplicates: int
    constant_columns: int

    @property
    def unit(self) -> float:
        """Length of one step of the values: bytes are pixels, of which 255 make 1."""
        return 1 / 255 if self.values_pd.dtype == np.uint8 else 1.0

    def __len__(self) -> int:
        """Number of different points."""
        return len(self.values_pd)


def distinct(table: ArrayLike) -> Points:
    """Check a table, flatten images, drop constant columns and exact copies.

    A point that occurs twice has a neighbour at distance 0, whose logarithm no estimator survives.

    Args:
        table: (n, …): one row per point; bytes, whole numbers or floats.

    Raises:
        ShapeError: no rows, or no columns.
        DataError: values that are not finite numbers; all rows the same.

    >>> points = distinct([[0, 5, 1], [1, 5, 2], [0, 5, 1]])
    >>> points.values_pd.tolist(), points.duplicates, points.constant_columns
    ([[0.0, 1.0], [1.0, 2.0]], 1, 1)
    """
    values_pd = numbers(table)
    varies_d = (values_pd != values_pd[:1]).any(axis=0)
    if not varies_d.any():
        raise DataError(
            f"All {len(values_pd):,} points are the same: every column is constant. There is nothing to measure."
        )
    constant = int((~varies_d).sum())
    if constant:
        values_pd = np.ascontiguousarray(values_pd[:, varies_d])
    places: dict[bytes, int] = {}
    for place, row_d in enumerate(values_pd):
        places.setdefault(digest(row_d), place)
    kept_p = np.fromiter(places.values(), dtype=np.int64, count=len(places))
    duplicates = len(values_pd) - len(kept_p)
    return Points(values_pd[kept_p] if duplicates else values_pd, kept_p, duplicates, constant)


def digest(row_d: NDArray[Any]) -> bytes:
    """A short name of a row: equal bytes have equal names, and others never meet in practice."""
    return blake2b(row_d.tobytes(), digest_size=16).digest()


def numbers(table: ArrayLike) -> NDArray[Any]:
    """The table as (n, d), bytes as they are and everything else in float64.

    Raises:
        ShapeError: no rows, or no columns.
        DataError: values that are not finite numbers.
    """
    values = np.asarray(table)
    if values.ndim < 1 or values.size == 0:
        raise ShapeError(f"Expected a table with rows and columns, got an array of shape {values.shape}.")
    if values.dtype.kind not in "buif":
        raise DataError(f"Expected numbers, got an array of {values.dtype}. Encode words as numbers first.")
    flat = values.reshape(len(values), -1)
    if flat.dtype == np.uint8:
        return flat
    flat = flat.astype(np.float64) + 0.0  # −0 becomes 0, so that equal rows have equal bytes
    bad = ~np.isfinite(flat)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"Row {row:,}, column {column:,} is {flat[row, column]}: expected finite numbers. "
            f"Fill in or drop the {int(bad.any(axis=1).sum()):,} rows concerned."
        )
    largest = float(np.abs(flat).max())
    if largest > 1e150:
        raise DataError(f"The largest value is {largest:.3g}, whose square overflows. Choose a larger unit.")
    return flat
