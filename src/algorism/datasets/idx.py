"""IDX files, plain or gzipped: the format of MNIST. Nothing is believed about a file that was not counted first.

A header of two zero bytes, a type byte, the number of dimensions and their sizes (big-endian, 32 bits) is followed by
the elements in C order. Image sets use unsigned bytes only, and so does this reader.
"""

import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_UNSIGNED_BYTE = 0x08
_MOST_DIMENSIONS = 4
_DEFLATE_RATIO = 1032  # deflate packs at most 258 bytes into 2 bits
_LARGEST_FILE = 1 << 30


class _Inflated:
    """A gzip file that hands out at most as many bytes as are asked for, whatever it would expand to."""

    def __init__(self, packed: bytes, path: Path) -> None:
        self._rest, self._path = packed, path
        self._machine = zlib.decompressobj(wbits=31)
        self.at_most = _DEFLATE_RATIO * len(packed)

    def read(self, n: int) -> bytes:
        if n == 0 or self._machine.eof:
            return b""  # to zlib, 0 means without limit
        try:
            data = self._machine.decompress(self._rest, n)
        except zlib.error as error:
            raise DataError(f"{self._path}: damaged gzip data ({error}). Fetch the file again.") from error
        self._rest = self._machine.unconsumed_tail
        return data

    def expect_end(self) -> None:
        """Check that the stream, whose checksum comes last, is whole and that nothing follows."""
        surplus = self.read(1)
        if surplus:
            raise DataError(f"{self._path}: expands to more bytes than its header announces. It is not used.")
        if not self._machine.eof:
            raise DataError(f"{self._path}: cut short: the gzip stream has no end. Fetch the file again.")
        if self._machine.unused_data:
            raise DataError(
                f"{self._path}: {len(self._machine.unused_data):,} bytes follow the end of the gzip stream."
            )


def read_idx(path: Path | str, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes; a name that ends in .gz is unpacked.

    Memory is taken for no more bytes than the file holds: sizes that announce more are refused before.

    Args:
        path: the file.
        shape: what its header must say; None accepts any shape.

    Returns:
        The elements, in the announced shape; writable.

    Raises:
        DataError: another format, element type or shape; fewer or more bytes than announced; damaged gzip data.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a-idx1-ubyte"
    >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    >>> read_idx(file)
    array([7, 8, 9], dtype=uint8)
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise DataError(f"{path}: {size:,} bytes; an IDX file of at most {_LARGEST_FILE:,} was expected.")
    with path.open("rb") as stream:
        return _read_gzip(stream, path, shape) if path.suffix == ".gz" else _read_plain(stream, path, size, shape)


def _read_plain(stream: BinaryIO, path: Path, size: int, shape: tuple[int, ...] | None) -> NDArray[np.uint8]:
    found = _header(stream, path, shape)
    n, held = math.prod(found), size - stream.tell()
    if n != held:
        raise DataError(f"{path}: {_sizes(found)} announce {n:,} bytes, but {held:,} follow the header.")
    data = np.fromfile(stream, dtype=np.uint8, count=n)
    if data.size != n:
        raise DataError(f"{path}: ended after {data.size:,} of {n:,} bytes: it was cut while it was read.")
    return data.reshape(found)


def _read_gzip(stream: BinaryIO, path: Path, shape: tuple[int, ...] | None) -> NDArray[np.uint8]:
    content = _Inflated(stream.read(), path)
    found = _header(content, path, shape)
    n = math.prod(found)
    if n > content.at_most:
        raise DataError(
            f"{path}: {_sizes(found)} announce {n:,} bytes, more than {content.at_most:,}, the most that a gzip file "
            "of this size can hold."
        )
    data = bytearray(content.read(n))  # a bytearray, because an array over bytes could not be written to
    if len(data) != n:
        raise DataError(f"{path}: {_sizes(found)} announce {n:,} bytes, but only {len(data):,} are there: cut short.")
    content.expect_end()
    return np.frombuffer(data, dtype=np.uint8).reshape(found)


def _header(stream: Any, path: Path, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise DataError(f"{path}: {len(magic)} bytes are no IDX file; its header alone has at least 8.")
    if magic[:2] != b"\0\0":
        raise DataError(f"{path}: not an IDX file: it begins with {magic.hex()}, expected 0000 and a type.")
    if magic[2] != _UNSIGNED_BYTE:
        raise DataError(f"{path}: elements of IDX type 0x{magic[2]:02x}; only unsigned bytes (0x08) are read.")
    if not 1 <= magic[3] <= _MOST_DIMENSIONS:
        raise DataError(f"{path}: {magic[3]} dimensions; expected 1 to {_MOST_DIMENSIONS}.")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{path}: ended within its header, after {4 + len(sizes)} bytes.")
    found = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    if shape is not None and found != shape:
        raise DataError(f"{path}: holds {_sizes(found)}, expected {_sizes(shape)}. Is it another set's file?")
    return found


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(f"{size:,}" for size in shape) + (" elements" if len(shape) == 1 else "")
