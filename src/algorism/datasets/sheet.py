"""Contact sheets: many small images in one PNG, written without any library for images.

Shape letters: h row, w column, c colour.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError, UsageError
from ..files import write_atomic
from .images import Images

_GAP, _PAPER = 2, 128


def contact_sheet(images: Images, columns: int = 12, rows: int = 20, seed: int = 0) -> NDArray[np.uint8]:
    """Lay out images in one picture: a row per class, as many classes as fit, or any images if there are no labels.

    Args:
        images: drawn from.
        columns: at most so many images in a row.
        rows: at most so many rows.
        seed: the same seed draws the same images.

    Returns:
        (h, w) or (h, w, 3), each image enlarged to at least 48 pixels of height.
    """
    if len(images) == 0:
        raise UsageError(f"contact_sheet: there are no images in {images.name!r}.")
    lines = _lines(images, columns, rows, np.random.default_rng(seed))
    height, width, *colour = images.pixels.shape[1:]
    enlarge = max(1, -(-48 // height))
    step_h, step_w = enlarge * height + _GAP, enlarge * width + _GAP
    across = max(len(line) for line in lines)
    sheet = np.full((len(lines) * step_h + _GAP, across * step_w + _GAP, *colour), _PAPER, dtype=np.uint8)
    for row, line in enumerate(lines):
        for column, place in enumerate(line):
            tile = images.pixels[place].repeat(enlarge, 0).repeat(enlarge, 1)
            top, left = _GAP + row * step_h, _GAP + column * step_w
            sheet[top : top + len(tile), left : left + tile.shape[1]] = tile
    return sheet


def _lines(images: Images, columns: int, rows: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    order_n = rng.permutation(len(images))
    if images.labels_n is None:
        return [order_n[i : i + columns] for i in range(0, min(len(order_n), rows * columns), columns)]
    return [order_n[images.labels_n[order_n] == label][:columns] for label in np.unique(images.labels_n)[:rows]]


def write_png(path: Path | str, pixels: NDArray[np.uint8]) -> None:
    """Write bytes (h, w) or (h, w, 3) as a PNG.

    Source:
        W3C, "Portable Network Graphics (PNG) Specification": signature, then the chunks IHDR, IDAT and IEND.
    """
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ShapeError(f"write_png: expected bytes (h, w) or (h, w, 3), got {pixels.shape} {pixels.dtype}.")
    height, width = pixels.shape[:2]
    unfiltered = np.zeros((height, 1 + pixels[0].size), dtype=np.uint8)  # each row begins with its filter: 0, none
    unfiltered[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes(), 6)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    write_atomic(path, lambda stream: stream.write(data))
