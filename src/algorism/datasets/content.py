"""The content of a file, packed or not, and whether it is what was published; never more of it than was asked for."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import DataError
from .sources import File

_BLOCK = 1 << 20


def read_content(path: Path, most: int) -> bytes:
    """What the file holds, unpacked if its name ends in .gz.

    Raises:
        DataError: more than `most` bytes, or damaged gzip data.
    """
    return b"".join(_blocks(path, most))


def mismatch(path: Path, file: File) -> str | None:
    """How a file differs from what was published; None if it does not.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_bytes(b"ab")
    >>> mismatch(path, File("a.txt", 3, hashlib.sha256(b"abc").hexdigest()))
    '2 bytes instead of 3: cut short'
    """
    checksum, size = hashlib.sha256(), 0
    try:
        for block in _blocks(path, file.bytes):
            checksum.update(block)
            size += len(block)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    if size < file.bytes:
        return f"{size:,} bytes instead of {file.bytes:,}: cut short"
    return None if checksum.hexdigest() == file.sha256 else f"its SHA-256 is {checksum.hexdigest()}, not {file.sha256}"


def _blocks(path: Path, most: int) -> Iterator[bytes]:
    with path.open("rb") as raw:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        size = 0
        while True:
            try:
                block = stream.read(min(_BLOCK, most + 1 - size))
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise DataError(f"{path}: damaged gzip data ({error}). Fetch the file again.") from error
            if not block:
                return
            size += len(block)
            if size > most:
                raise DataError(f"{path}: more than the {most:,} bytes that were expected")
            yield block
