"""IDX files: what is written with `struct` is read back, and whatever is not whole is refused by name."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from algorism.datasets import read_idx
from algorism.errors import DataError

BYTES = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9))


def idx(array, kind=8, shape=None):
    """The format as its publisher describes it."""
    shape = array.shape if shape is None else shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + array.tobytes()


@given(array=BYTES, packed=st.booleans())
def test_what_was_written_is_read(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / ("a-ubyte.gz" if packed else "a-ubyte")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    for shape in (None, array.shape):
        found = read_idx(path, shape)
        assert found.dtype == np.uint8
        assert found.flags.writeable
        np.testing.assert_array_equal(found, array)


@given(array=BYTES, data=st.data())
def test_no_prefix_is_taken_for_the_whole(tmp_path_factory, array, data):
    whole = idx(array)
    cut = data.draw(st.integers(0, len(whole) - 1))
    folder = tmp_path_factory.mktemp("idx")
    for name, content in (
        ("plain", whole[:cut]),
        ("inside.gz", gzip.compress(whole[:cut])),
        ("outside.gz", gzip.compress(whole)[: data.draw(st.integers(0, len(gzip.compress(whole)) - 1))]),
    ):
        (folder / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            read_idx(folder / name)


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = idx(IMAGES)
LIE = idx(IMAGES, shape=(2**32 - 1, 2**32 - 1, 2**32 - 1))
flipped = bytearray(gzip.compress(WHOLE))
flipped[-5] ^= 1  # in the checksum

HOSTILE = {
    "empty": (b"", "no IDX file"),
    "two bytes": (b"\0\0", "no IDX file"),
    "a text": (b"<html>not found</html>", "begins with 3c68746d"),
    "packed, but not named so": (gzip.compress(WHOLE), "begins with 1f8b"),
    "little-endian magic": (WHOLE[3::-1] + WHOLE[4:], "not an IDX file"),
    "signed bytes": (idx(IMAGES, kind=9), "type 0x09"),
    "floats": (idx(IMAGES, kind=0x0D), "type 0x0d"),
    "no type": (idx(IMAGES, kind=0), "type 0x00"),
    "no dimension": (b"\0\0\x08\0" + b"\1", "0 dimensions"),
    "5 dimensions": (idx(IMAGES, shape=(1, 1, 2, 3, 4)), "5 dimensions"),
    "255 dimensions": (b"\0\0\x08\xff" + bytes(1020), "255 dimensions"),
    "cut in the sizes": (WHOLE[:11], "within its header"),
    "header only": (WHOLE[:16], "announce 24 bytes, but 0"),
    "one byte short": (WHOLE[:-1], "announce 24 bytes, but 23"),
    "one byte more": (WHOLE + b"\0", "announce 24 bytes, but 25"),
    "sizes beyond 64 bits": (LIE, "announce 79,228,162,458,924,105,385,300,197,375"),
    "a size of nothing": (idx(IMAGES, shape=(0, 3, 4)), "announce 0 bytes, but 24"),
    "gz: not gzip": (WHOLE, "damaged gzip"),
    "gz: empty": (b"", "no IDX file"),
    "gz: of nothing": (gzip.compress(b""), "no IDX file"),
    "gz: cut": (gzip.compress(WHOLE)[:20], "gz"),
    "gz: without trailer": (gzip.compress(WHOLE)[:-8], "no end"),
    "gz: trailer cut": (gzip.compress(WHOLE)[:-1], "no end"),
    "gz: checksum wrong": (bytes(flipped), "damaged gzip"),
    "gz: one byte short": (gzip.compress(WHOLE[:-1]), "only 23"),
    "gz: one byte more": (gzip.compress(WHOLE + b"\0"), "more bytes than its header"),
    "gz: two streams": (gzip.compress(WHOLE) + gzip.compress(WHOLE), "follow the end"),
    "gz: zeros appended": (gzip.compress(WHOLE) + bytes(9), "9 bytes follow"),
    "gz: sizes beyond 64 bits": (gzip.compress(LIE), "the most that a gzip file"),
    "gz: of gzip": (gzip.compress(gzip.compress(WHOLE)), "begins with 1f8b"),
    "gz: deflate without gzip": (zlib.compress(WHOLE), "damaged gzip"),
    "gz: floats": (gzip.compress(idx(IMAGES, kind=0x0D)), "type 0x0d"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused(tmp_path, case):
    content, said = HOSTILE[case]
    path = tmp_path / ("file.gz" if case.startswith("gz") else "file")
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_the_shape_of_the_row_is_demanded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(WHOLE)
    for other in [(2, 4, 3), (3, 3, 4), (24,), (2, 3, 4, 1)]:
        with pytest.raises(DataError, match="holds 2×3×4, expected"):
            read_idx(path, other)


@pytest.mark.parametrize("announced", [16, 300_000_000, 2**32 - 1])
def test_a_bomb_takes_no_more_memory_than_it_announces_or_holds(tmp_path, announced):
    """40 MB of zeros in 40 kB, behind a header that tells less, or more."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, announced) + bytes(40_000_000)))
    assert path.stat().st_size < 50_000
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_idx(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_plain_lie_takes_no_memory(tmp_path):
    path = tmp_path / "lie"
    path.write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 2**31) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="announce 2,147,483,648"):
            read_idx(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_an_absurdly_large_file_is_not_opened(tmp_path):
    path = tmp_path / "sparse.gz"
    with path.open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    with pytest.raises(DataError, match="at most 1,073,741,824"):
        read_idx(path)
