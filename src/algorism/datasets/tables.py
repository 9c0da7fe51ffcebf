"""Tables by name: columns of numbers and words."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, nearest
from .content import read_content
from .downloading import fetch_missing
from .places import find
from .sources import TableSource, source_by_name
from .table_sources import TABLES

_ROWS = 1000  # held as Python strings at a time; longer blocks only keep the garbage collector busy


@dataclass(frozen=True, eq=False)
class Table:
    """A table by columns.

    Args:
        name: of the data set.
        columns: float64 with NaN for unknown values, or strings with "" for them.
    """

    name: str
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, column: str) -> NDArray[Any]:
        """One column."""
        if column not in self.columns:
            raise UsageError(f"{self.name} has no column {column!r}. {nearest(column, self.columns)}")
        return self.columns[column]

    def numbers(self, *columns: str) -> NDArray[np.float64]:
        """The named columns side by side, (rows, columns); all columns of numbers if none is named."""
        chosen = columns or [name for name, values in self.columns.items() if values.dtype == np.float64]
        words = [name for name in chosen if self[name].dtype != np.float64]
        if words:
            raise UsageError(f"{self.name}: column {words[0]!r} holds words, not numbers.")
        return np.stack([self[name] for name in chosen], axis=1)

    def unknown(self) -> dict[str, int]:
        """How many values each column lacks."""
        return {
            name: int((np.isnan(values) if values.dtype == np.float64 else values == "").sum())
            for name, values in self.columns.items()
        }


def table(name: str, *, folder: Path | str | None = None, download: bool = False) -> Table:
    """Read a table.

    Args:
        name: a name of `TABLES`.
        folder: as for `load`.
        download: as for `load`.

    Raises:
        UsageError: no table of that name.
        DataError: the file is not there, is damaged, or has other columns or another number of rows.
    """
    source = source_by_name(name, TABLES, "table")
    if download:
        fetch_missing(source, folder)
    (path,) = find(source, folder)
    most = 2 * source.file.bytes  # a copy may have other line ends or quotes
    try:
        content = read_content(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason} at byte {error.start:,}).") from error
    return Table(name, _columns(source, csv.reader(io.StringIO(content, newline=""), strict=True), path))


def _columns(source: TableSource, reader: Any, path: Path) -> dict[str, NDArray[Any]]:
    rows = _rows(reader, path)
    header = next(rows, [])
    if tuple(header) != source.columns:
        raise DataError(f"{path}: expected the columns {', '.join(source.columns)}; got {', '.join(header)[:200]}.")
    pieces: dict[str, list[NDArray[Any]]] = {column: [] for column in header}
    first = 0
    while block := list(islice(rows, _ROWS)):
        uneven = next((i for i, row in enumerate(block) if len(row) != len(header)), None)
        if uneven is not None:
            raise DataError(
                f"{path}: row {first + uneven + 1:,} has {len(block[uneven])} cells, expected {len(header)}."
            )
        for column, cells in zip(header, zip(*block, strict=True), strict=True):
            words = column in source.text
            pieces[column].append(np.array(cells) if words else _numbers(cells, source, f"{path}, {column}", first))
        first += len(block)
    if first != source.rows:
        raise DataError(
            f"{path}: {first:,} rows, expected {source.rows:,}.{' Is it cut short?' if first < source.rows else ''}"
        )
    return {column: np.concatenate(arrays) for column, arrays in pieces.items()}


def _rows(reader: Any, path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num:,}: {error}.") from error


def _numbers(cells: tuple[str, ...], source: TableSource, where: str, first: int) -> NDArray[np.float64]:
    try:
        values = np.array([float(cell or "nan") for cell in cells])
    except ValueError:
        row = next(i for i, cell in enumerate(cells) if not _is_number(cell))
        raise DataError(f"{where}, row {first + row + 1:,}: expected a number, got {cells[row][:40]!r}.") from None
    if source.missing is not None:
        values[values == source.missing] = np.nan
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
