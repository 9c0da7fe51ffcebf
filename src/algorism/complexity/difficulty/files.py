"""Somebody's data as a table of inputs and what is to be predicted from them: CSV with a header, and NumPy's .npz.

Shape letters: n row, d column.
"""

import csv
import zipfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, UsageError, nearest

Kind = Literal["classification", "regression"]
INPUTS = ("x", "X", "images", "data", "inputs", "pixels")
TARGETS = ("y", "Y", "labels", "target", "targets")
_MOST_CLASSES = 1_000


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs and targets.

    Attributes:
        inputs: (n, …), bytes for images, else floats.
        targets_n: (n, …) numbers or words.
        target: name of what is predicted.
    """

    inputs: NDArray[Any]
    targets_n: NDArray[Any]
    target: str

    @property
    def kind(self) -> Kind:
        """Classification where the targets are words, or whole numbers that recur; else regression."""
        if self.targets_n.dtype.kind not in "buif":
            return "classification"
        if self.targets_n.ndim > 1 or not np.array_equal(self.targets_n, np.round(self.targets_n)):
            return "regression"
        classes = len(np.unique(self.targets_n))
        return "classification" if classes <= min(_MOST_CLASSES, len(self.targets_n) // 2) else "regression"


def read_examples(path: Path | str, target: str | None = None) -> Examples:
    """Read a .csv or .npz file.

    Args:
        path: the file.
        target: the column, or array, to be predicted; by default a CSV's last column, and in an .npz the array named y,
            labels or target.

    Raises:
        UsageError: another kind of file, or no such column.
        DataError: the file is not there, is damaged, or holds words where numbers are needed.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".npz"):
        raise UsageError(f"{path}: expected a file that ends in .csv or .npz.")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    return _read_csv(path, target) if path.suffix == ".csv" else _read_npz(path, target)


def unit_columns(table: NDArray[Any]) -> NDArray[np.float64]:
    """Each column moved and stretched to run from 0 to 1, so that none counts more because of its unit.

    >>> unit_columns(np.array([[1.0, 5], [3, 5], [2, 5]])).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]]
    """
    values_nd = table.astype(np.float64)
    low_d, high_d = values_nd.min(axis=0), values_nd.max(axis=0)
    return (values_nd - low_d) / np.where(high_d > low_d, high_d - low_d, 1)


def _read_csv(path: Path, target: str | None) -> Examples:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [row for row in islice(reader, None) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV file in UTF-8: {error}.") from error
    if len(header) < 2 or len(rows) < 2:
        raise DataError(
            f"{path}: expected a header, two columns and two rows; got {len(header)} columns, {len(rows)} rows."
        )
    if all(_is_number(cell) for cell in header):
        raise DataError(f"{path}: the first line holds numbers only. Put the names of the columns there.")
    uneven = next((i for i, row in enumerate(rows) if len(row) != len(header)), None)
    if uneven is not None:
        raise DataError(f"{path}: row {uneven + 1:,} has {len(rows[uneven])} cells, expected {len(header)}.")
    name = header[-1] if target is None else target
    if name not in header:
        raise UsageError(f"{path} has no column {name!r}. {nearest(name, header)}")
    columns = dict(zip(header, zip(*rows)))
    inputs = [_numbers(path, key, cells) for key, cells in columns.items() if key != name]
    cells = columns[name]
    targets_n = np.array([float(c) for c in cells]) if all(map(_is_number, cells)) else np.array(cells)
    return Examples(np.stack(inputs, axis=1), targets_n, name)


def _numbers(path: Path, name: str, cells: tuple[str, ...]) -> NDArray[np.float64]:
    bad = next((i for i, cell in enumerate(cells) if not _is_number(cell)), None)
    if bad is not None:
        got = repr(cells[bad][:40]) if cells[bad].strip() else "nothing"
        raise DataError(
            f"{path}, column {name!r}, row {bad + 1:,}: expected a number, got {got}. "
            "Fill the gaps and write words as numbers, or leave the column out."
        )
    return np.array([float(cell) for cell in cells])


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _read_npz(path: Path, target: str | None) -> Examples:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not an .npz file of plain arrays: {error}.") from error
    if target is not None and target not in arrays:
        raise UsageError(f"{path} has no array {target!r}. {nearest(target, arrays)}")
    answer = target or next((name for name in TARGETS if name in arrays), None)
    asked = next((name for name in INPUTS if name in arrays and name != answer), None)
    if answer is None or asked is None:
        raise DataError(
            f"{path}: expected inputs named one of {', '.join(INPUTS)} and targets named one of {', '.join(TARGETS)}; "
            f"got {', '.join(arrays) or 'nothing'}."
        )
    if arrays[asked].ndim < 1 or arrays[asked].shape[:1] != arrays[answer].shape[:1]:
        raise DataError(f"{path}: {asked} {arrays[asked].shape} and {answer} {arrays[answer].shape} differ in length.")
    return Examples(arrays[asked], arrays[answer], answer)
