"""Parquet files of encoded images: decoded as Pillow does it, and refused where they are not what they should be."""

from io import BytesIO

import numpy as np
import pytest

from algorism.datasets import read_parquet
from algorism.errors import DataError, UsageError

pa = pytest.importorskip("pyarrow", reason="needs the extra algorism[data]")
pq = pytest.importorskip("pyarrow.parquet")
Image = pytest.importorskip("PIL.Image")

SHAPE = (6, 8, 3)


def encoded(pixels, format="PNG"):
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def picture(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write(path, cells, labels, struct=True, **options):
    images = [{"bytes": cell, "path": None} for cell in cells] if struct else cells
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if struct else pa.binary()
    pq.write_table(pa.table({"image": pa.array(images, kind), "label": labels}), path, **options)
    return path


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_images_are_decoded(tmp_path, format):
    pictures = [picture(seed) for seed in range(7)]
    cells = [encoded(pixels, format) for pixels in pictures]
    path = write(tmp_path / "a.parquet", cells, list(range(7)), row_group_size=3, compression="zstd")
    pixels, labels_n = read_parquet(path, SHAPE, 7)
    expected = pictures if format == "PNG" else [np.asarray(Image.open(BytesIO(cell))) for cell in cells]
    np.testing.assert_array_equal(pixels, expected)
    assert labels_n.tolist() == list(range(7))
    assert labels_n.dtype == np.int64


def test_many_rows_keep_their_order(tmp_path):
    cells = [encoded(np.full(SHAPE, i % 251, np.uint8)) for i in range(2500)]
    path = write(tmp_path / "a.parquet", cells, pa.array(np.arange(2500) % 251, pa.int32()))
    pixels, labels_n = read_parquet(path, SHAPE)
    np.testing.assert_array_equal(pixels[:, 3, 3, 1], labels_n)


def test_grey_images_become_colour(tmp_path):
    grey = picture(0, (6, 8))
    pixels, _ = read_parquet(write(tmp_path / "a.parquet", [encoded(grey)], [0]), SHAPE)
    np.testing.assert_array_equal(pixels[0], np.repeat(grey[:, :, None], 3, 2))


GOOD = encoded(picture(0))
LARGE = encoded(np.zeros((3000, 3000, 3), np.uint8))  # 27 MB of zeros in 27 kB

HOSTILE = {
    "too few rows": ([GOOD], [0], {}, r"1 rows, expected 2"),
    "too many rows": ([GOOD] * 3, [0] * 3, {}, r"3 rows, expected 2"),
    "another size": ([GOOD, encoded(picture(1, (8, 6, 3)))], [0, 0], {}, r"image 1: 6×8 pixels, expected 8×6"),
    "a large image": ([GOOD, LARGE], [0, 0], {}, r"image 1: 3000×3000 pixels"),
    "not an image": ([GOOD, b"GIF89a"], [0, 0], {}, r"image 1: cannot be decoded"),
    "a format not asked for": ([GOOD, encoded(picture(1), "BMP")], [0, 0], {}, r"image 1: cannot be decoded"),
    "no bytes": ([GOOD, b""], [0, 0], {}, r"image 1: cannot be decoded"),
    "cut PNG": ([GOOD, GOOD[: len(GOOD) // 2]], [0, 0], {}, r"image 1: cannot be decoded"),
    "cut JPEG": ([GOOD, encoded(picture(0), "JPEG")[:-20]], [0, 0], {}, r"image 1: cannot be decoded"),
    "empty image": ([GOOD, None], [0, 0], {}, r"an empty cell"),
    "empty label": ([GOOD, GOOD], [0, None], {}, r"an empty cell"),
    "labels in words": ([GOOD, GOOD], ["a", "b"], {}, r"expected the columns .* label \(string\)"),
    "real labels": ([GOOD, GOOD], [0.5, 1.0], {}, r"label \(double\)"),
    "image no struct": ([GOOD, GOOD], [0, 0], {"struct": False}, r"image \(binary\)"),
    "padded": ([GOOD, GOOD + bytes(2_000_000)], [0, 0], {}, r"announces 2,000,\d\d\d bytes for 2 images"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused(tmp_path, case):
    cells, labels, options, said = HOSTILE[case]
    path = write(tmp_path / "a.parquet", cells, labels, **options)
    with pytest.raises(DataError, match=said) as caught:
        read_parquet(path, SHAPE, 2)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("rows", [{"image": [b""]}, {"label": [1]}, {"image": [1], "label": [1], "more": [1]}, {}])
def test_other_columns_are_refused(tmp_path, rows):
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="expected the columns image"):
        read_parquet(tmp_path / "a.parquet", SHAPE)


def test_no_prefix_and_no_noise_is_read(tmp_path):
    path = write(tmp_path / "a.parquet", [GOOD] * 5, [0] * 5)
    whole = path.read_bytes()
    for cut in [0, 3, 4, 100, len(whole) // 2, len(whole) - 9, len(whole) - 4, len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="not a readable parquet file"):
            read_parquet(path, SHAPE)
    rng = np.random.default_rng(0)
    for _ in range(200):  # a flipped byte either does no harm or is refused; nothing else
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            pixels, _ = read_parquet(path, SHAPE, 5)
        except DataError:
            continue
        assert pixels.shape == (5, *SHAPE)


def test_an_absent_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "none.parquet", SHAPE)


def test_an_absent_library_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"pyarrow.*pip install 'algorism\[data\]'"):
        read_parquet(tmp_path / "a.parquet", SHAPE)
