"""Images in memory, splits made by us, the embedded digits, and where files are looked for."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.datasets import DATASETS, SOURCES, File, Images, ImageSource, Part, available, load, omniglot
from algorism.datasets.places import cache_folder, data_folders
from algorism.datasets.splits import random_test, tail_test
from algorism.errors import DataError, ShapeError, UsageError


def pets(n=12, seed=0, shape=(2, 3)):
    rng = np.random.default_rng(seed)
    return Images(rng.integers(0, 256, (n, *shape), np.uint8), np.arange(n) % 3, ("cat", "dog", "emu"), "pets")


# Images


def test_floats_are_shares_of_255():
    images = Images(np.array([[[0, 51, 255]]], np.uint8), None, (), "x")
    np.testing.assert_allclose(images.as_float(), [[[0, 0.2, 1]]], rtol=1e-7)
    assert images.as_float().dtype == np.float32
    assert images.as_float()[0, 0, 2] == 1
    colour = pets(shape=(2, 3, 3))
    np.testing.assert_array_equal(colour.as_float(flat=True)[4], colour.as_float()[4].ravel())


def test_subsets_keep_pixels_and_labels_together():
    images = pets()
    for chosen in ([5, 0, 5], np.arange(12) > 7, np.array([-1]), [], range(3)):
        part = images.subset(chosen)
        rows = np.arange(12)[np.array(chosen, dtype=bool if np.asarray(chosen).dtype == bool else int)]
        np.testing.assert_array_equal(part.pixels, images.pixels[rows])
        np.testing.assert_array_equal(part.labels_n, images.labels_n[rows])
    assert images.of_classes(["emu", 0]).counts() == {"cat": 4, "dog": 0, "emu": 4}
    assert images.counts() == {"cat": 4, "dog": 4, "emu": 4}


@given(n=st.integers(0, 40), seed=st.integers(0, 2**32), balanced=st.booleans())
def test_samples_are_distinct_seeded_and_balanced(n, seed, balanced):
    labels_n = np.repeat([0, 1, 2], [14, 14, 40])
    images = Images(np.arange(68, dtype=np.uint8).reshape(68, 1, 1), labels_n, ("a", "b", "c", "never"), "x")
    drawn = images.sample(n, seed, balanced)
    again = images.sample(n, seed, balanced)
    np.testing.assert_array_equal(drawn.pixels, again.pixels)
    assert len(np.unique(drawn.pixels)) == len(drawn) == n
    np.testing.assert_array_equal(drawn.labels_n, labels_n[drawn.pixels.ravel()])
    if balanced:
        counts = list(drawn.counts().values())
        assert max(counts[:3]) - min(counts[:3]) <= 1
        assert counts[3] == 0


def test_samples_differ_between_seeds_and_touch_no_global_generator():
    images = pets(300)
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    assert (images.sample(50, 0).pixels != images.sample(50, 1).pixels).any()
    assert np.random.rand() == expected  # noqa: NPY002


@pytest.mark.parametrize(
    ("error", "said", "call"),
    [
        (ShapeError, "expected", lambda: Images(np.zeros((2, 2), np.uint8), None, (), "x")),
        (ShapeError, "expected", lambda: Images(np.zeros((2, 2, 2, 4), np.uint8), None, (), "x")),
        (ShapeError, "float64", lambda: Images(np.zeros((2, 2, 2)), None, (), "x")),
        (ShapeError, "as many", lambda: Images(np.zeros((2, 2, 2), np.uint8), np.zeros(3, np.int64), ("a",), "x")),
        (ShapeError, "int64", lambda: Images(np.zeros((2, 2, 2), np.uint8), np.zeros(2), ("a",), "x")),
        (DataError, "label 1 of image 1", lambda: Images(np.zeros((2, 2, 2), np.uint8), np.arange(2), ("a",), "x")),
        (DataError, "label -1", lambda: Images(np.zeros((2, 2, 2), np.uint8), np.arange(-1, 1), ("a",), "x")),
        (UsageError, "13 of the 12", lambda: pets().sample(13, 0)),
        (UsageError, "cannot be drawn", lambda: pets().sample(-1, 0)),
        (UsageError, "class 'cat'", lambda: pets().subset([0, 1, 2, 4, 5, 7, 8]).sample(6, 0, balanced=True)),
        (UsageError, "no labels", lambda: replace(pets(), labels_n=None).sample(2, 0, balanced=True)),
        (UsageError, "no labels", lambda: replace(pets(), labels_n=None).counts()),
        (UsageError, "no labels", lambda: replace(pets(), labels_n=None).of_classes([0])),
        (UsageError, "no class 'cow'", lambda: pets().of_classes(["cow"])),
        (UsageError, "no class 3", lambda: pets().of_classes([3])),
        (UsageError, "out of bounds", lambda: pets().subset([12])),
        (UsageError, "boolean", lambda: pets().subset(np.ones(3, bool))),
        (UsageError, "float64", lambda: pets().subset([0.5])),
        (UsageError, "a list of places", lambda: pets().subset([[0]])),
    ],
)
def test_misuse_is_named(error, said, call):
    with pytest.raises(error, match=said):
        call()


# Splits


@given(seed=st.integers(-(2**63), 2**63 - 1), data=st.data())
def test_identical_images_stand_on_one_side(seed, data):
    n = data.draw(st.integers(1, 60))
    pixels = np.array(data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n)), np.uint8).reshape(n, 1, 1)
    labels_n = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    test_n = random_test(pixels, labels_n, seed)
    assert test_n.shape == (n,)
    assert not set(pixels[test_n].ravel()) & set(pixels[~test_n].ravel())


def test_the_split_follows_the_images_not_their_order():
    rng = np.random.default_rng(0)
    pixels, labels_n, order = rng.integers(0, 256, (200, 4, 4), np.uint8), np.arange(200) % 4, rng.permutation(200)
    test_n = random_test(pixels, labels_n)
    np.testing.assert_array_equal(random_test(pixels[order], labels_n[order]), test_n[order])
    assert np.bincount(labels_n[test_n]).tolist() == [10] * 4
    assert (random_test(pixels, labels_n, seed=1) != test_n).any()


def test_the_tail_is_the_end_of_each_class():
    labels_n = np.tile(np.arange(5), 20)
    assert tail_test(labels_n).nonzero()[0].tolist() == list(range(80, 100))


def test_digits_are_divided_completely_and_without_overlap():
    train, test, whole = load("digits", "train"), load("digits", "test"), load("digits")
    assert (len(train), len(test), len(whole)) == (1438, 359, 1797)
    assert (train.split, test.split, whole.split) == ("train", "test", "all")
    rows = [{(p.tobytes(), int(c)) for p, c in zip(part.pixels, part.labels_n)} for part in (train, test, whole)]
    assert rows[0] | rows[1] == rows[2]
    assert not rows[0] & rows[1]
    from sklearn.datasets import load_digits

    original = load_digits()
    np.testing.assert_array_equal(np.rint(whole.pixels / 255 * 16), original.images)
    np.testing.assert_array_equal(whole.labels_n, original.target)
    assert whole.pixels.max() == 255


# The table


def test_rows_are_consistent():
    assert list(SOURCES) == [source.name for source in SOURCES.values()]
    for source in SOURCES.values():
        assert source.title
        assert source.licence
        assert source.origin
        for file in source.files:
            assert len(file.sha256) == 64
            assert set(file.sha256) <= set("0123456789abcdef")
            assert file.bytes > 0
            assert not Path(file.path).is_absolute()
            assert ".." not in file.path
        if source.base is not None:
            assert source.base.startswith("https://")
            assert source.base.endswith("/")
    for images in DATASETS.values():
        assert set(images.parts) == ({"train", "test"} if images.split == "given" else {"whole"})
        assert len(set(images.classes)) == len(images.classes)
        assert images.shape[2:] in [(), (3,)]
        if images.format == "idx":  # the sizes follow from shape and count: header, then one byte per element
            for part in images.parts.values():
                assert [file.bytes for file in part.files] == [
                    4 + 4 * (1 + len(images.shape)) + part.count * int(np.prod(images.shape)),
                    8 + part.count,
                ]


# Where files are looked for


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A set of two images and one label file, whose folder and cache lie in tmp_path; nothing is there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ALGORISM_DATA", raising=False)
    files = (File("images.gz", 16 + 8, "0" * 64), File("labels.gz", 8 + 2, "0" * 64))
    source = ImageSource(
        "tiny", "Tiny", "none", "us", shape=(2, 2), classes=("a", "b"), parts={"whole": Part(2, files)}, split="test"
    )
    monkeypatch.setitem(DATASETS, "tiny", source)
    monkeypatch.setitem(SOURCES, "tiny", source)
    return source


def bring(folder, labels=(0, 1), packed=True):
    folder.mkdir(parents=True)
    pack, end = (gzip.compress, ".gz") if packed else (bytes, "")
    (folder / f"images{end}").write_bytes(pack(struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + bytes(range(8))))
    (folder / f"labels{end}").write_bytes(pack(struct.pack(">4BI", 0, 0, 8, 1, 2) + bytes(labels)))


def test_absent_data_is_explained(tiny, tmp_path, monkeypatch):
    with pytest.raises(DataError) as caught:
        load("tiny")
    said = str(caught.value)
    assert str(tmp_path / "cache" / "algorism" / "data" / "tiny") in said
    assert "ALGORISM_DATA" in said
    assert "cannot be downloaded" in said
    monkeypatch.setitem(DATASETS, "tiny", replace(tiny, base="https://example.org/"))
    monkeypatch.setenv("ALGORISM_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine" / "tiny").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        load("tiny")
    said = str(caught.value)
    assert f"{tmp_path / 'mine' / 'tiny'} lacks images.gz, labels.gz" in said
    assert "algorism data tiny --download" in said


def test_the_folder_comes_before_the_variable_before_the_cache(tiny, tmp_path, monkeypatch):
    bring(cache_folder() / "tiny")
    assert load("tiny").labels_n.tolist() == [0, 1]
    bring(tmp_path / "mine" / "tiny", labels=(1, 1))
    monkeypatch.setenv("ALGORISM_DATA", str(tmp_path / "mine"))
    assert load("tiny").labels_n.tolist() == [1, 1]
    assert available()["tiny"] == tmp_path / "mine" / "tiny"
    bring(tmp_path / "given" / "tiny", labels=(0, 0), packed=False)
    assert load("tiny", "test", folder=tmp_path / "given").labels_n.tolist() == [0, 0]
    with pytest.raises(DataError, match="nowhere"):
        load("tiny", folder=tmp_path / "nowhere")
    monkeypatch.setenv("ALGORISM_DATA", str(tmp_path / "empty"))  # what is not there is looked for in the cache
    assert load("tiny").labels_n.tolist() == [0, 1]
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the convention says to ignore
    assert data_folders()[-1] == Path.home() / ".cache" / "algorism" / "data"
    assert available()["tiny"] is None
    assert available()["digits"] is not None


def test_a_label_outside_the_classes_is_named(tiny, tmp_path):
    bring(tmp_path / "tiny", labels=(0, 2))
    with pytest.raises(DataError, match=r"labels\.gz: .*label 2 of image 1"):
        load("tiny", folder=tmp_path)


def test_files_of_another_set_are_named(tiny, tmp_path, monkeypatch):
    bring(tmp_path / "tiny")
    monkeypatch.setitem(DATASETS, "tiny", replace(tiny, shape=(2, 3)))
    with pytest.raises(DataError, match="holds 2×2×2, expected 2×2×3"):
        load("tiny", folder=tmp_path)


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("Nearest known: 'mnist'", lambda: load("mnits")),
        ("'train', 'test' or None", lambda: load("mnist", "valid")),
        ("nothing to train on", lambda: load("dig_mnist", "train")),
        ("28 or 105", lambda: omniglot(size=64)),
    ],
)
def test_wrong_names_are_answered(said, call):
    with pytest.raises(UsageError, match=said):
        call()
