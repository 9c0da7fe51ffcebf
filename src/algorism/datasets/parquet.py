"""Parquet files of encoded images: the layout in which image sets are commonly passed on.

Columns: `image`, a struct whose `bytes` hold a JPEG or PNG, and `label`, a whole number.
Shape letters: n image, h row, w column, c colour.
"""

from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError

_ROWS = 1024  # decoded at a time: what is held besides the result stays small
_ALLOWANCE = 1 << 16  # bytes by which an encoded image may exceed its pixels: metadata


def read_parquet(
    path: Path | str, shape: tuple[int, ...], count: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode the images of a parquet file.

    The number of rows, their types and their announced size are checked before anything is read, and the size of each
    image before it is decoded.

    Args:
        path: the file.
        shape: (h, w, 3), which every image must have.
        count: how many rows there must be; None for any number.

    Returns:
        Pixels (n, h, w, 3) and labels (n,).

    Raises:
        DataError: another layout, count or image size; an image that cannot be decoded.
        UsageError: pyarrow or Pillow is not installed.
    """
    arrow, parquet, image = _libraries()
    path = Path(path)
    damaged = (arrow.ArrowException, OSError, ValueError, KeyError)
    try:
        with parquet.ParquetFile(path) as table:
            n = _checked_rows(table, arrow.types, path, shape, count)
            pixels_nhwc = np.empty((n, *shape), dtype=np.uint8)
            labels_n = np.empty(n, dtype=np.int64)
            for first, encoded, labels in _batches(table, path, n):
                labels_n[first : first + len(labels)] = labels
                for place, data in enumerate(encoded, first):
                    pixels_nhwc[place] = _decode(image, data, shape, f"{path}, image {place:,}")
    except damaged as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's; Arrow raises those without a number, for damaged files
        raise DataError(f"{path}: not a readable parquet file ({_first_line(error)}). Fetch the file again.") from error
    return pixels_nhwc, labels_n


def _libraries() -> tuple[Any, Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet"), import_module("PIL.Image")
    except ImportError as error:
        raise UsageError(
            f"Reading parquet files needs {error.name}, which is not installed: pip install 'algorism[data]'"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _checked_rows(table: Any, types: Any, path: Path, shape: tuple[int, ...], count: int | None) -> int:
    schema, n = table.schema_arrow, table.metadata.num_rows
    names = schema.names
    image: Any = schema.field("image").type if "image" in names else None
    if (
        sorted(names) != ["image", "label"]
        or not types.is_struct(image)
        or image.get_field_index("bytes") < 0
        or not types.is_binary(image.field("bytes").type)
        or not types.is_integer(schema.field("label").type)
    ):
        raise DataError(
            f"{path}: expected the columns image (a struct with bytes) and label (a whole number), got "
            + ", ".join(f"{field.name} ({field.type})" for field in schema)
            + "."
        )
    if count is not None and n != count:
        raise DataError(f"{path}: {n:,} rows, expected {count:,}. Is it another set's file, or cut short?")
    groups = [table.metadata.row_group(i) for i in range(table.metadata.num_row_groups)]
    announced, most = sum(group.total_byte_size for group in groups), n * _largest(shape)
    if sum(group.num_rows for group in groups) != n or n < 0:
        raise DataError(f"{path}: its row groups do not add up to {n:,} rows.")
    if announced > most:
        raise DataError(
            f"{path}: announces {announced:,} bytes for {n:,} images of {shape}; at most {most:,} are read."
        )
    return n


def _largest(shape: tuple[int, ...]) -> int:
    return 2 * int(np.prod(shape)) + _ALLOWANCE


def _batches(table: Any, path: Path, n: int) -> Iterator[tuple[int, list[bytes], NDArray[np.int64]]]:
    """Yield the place of the first row, the encoded images and the labels, a batch at a time."""
    first = 0
    for batch in table.iter_batches(batch_size=_ROWS, columns=["image.bytes", "label"], use_threads=False):
        encoded, labels = batch.column("image").field("bytes"), batch.column("label")
        if encoded.null_count or labels.null_count or batch.column("image").null_count:
            raise DataError(f"{path}: an empty cell among rows {first:,} to {first + len(batch) - 1:,}.")
        if first + len(batch) > n:
            raise DataError(f"{path}: more rows than the {n:,} it announces.")
        yield first, encoded.to_pylist(), labels.to_numpy(zero_copy_only=False).astype(np.int64)
        first += len(batch)
    if first != n:
        raise DataError(f"{path}: announces {n:,} rows, but holds {first:,}.")


def _decode(image: Any, data: bytes, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    # Threads are no gain: at 32×32 Pillow spends more time under the interpreter's lock than outside it.
    try:
        picture = image.open(BytesIO(data), formats=("JPEG", "PNG"))
        if picture.size != shape[1::-1]:  # known from its header: nothing was decoded yet
            raise DataError(f"{where}: {picture.width}×{picture.height} pixels, expected {shape[1]}×{shape[0]}.")
        rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
        return np.frombuffer(rgb.tobytes(), dtype=np.uint8).reshape(shape)
    except (OSError, SyntaxError, ValueError, EOFError, image.DecompressionBombError) as error:
        raise DataError(f"{where}: cannot be decoded ({_first_line(error)}).") from error
