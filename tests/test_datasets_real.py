"""The published data itself, where ALGORISM_DATA names a folder that holds it."""

import os

import numpy as np
import pytest

from algorism.datasets import DATASETS, SOURCES, TABLES, available, find, load, mismatch, omniglot, table, text

pytestmark = pytest.mark.skipif(not os.environ.get("ALGORISM_DATA"), reason="ALGORISM_DATA names no data folder")


def needed(name):
    if available()[name] is None:
        pytest.skip(f"{name} is not in the data folder")
    if name in DATASETS and DATASETS[name].format == "parquet":
        pytest.importorskip("pyarrow")
        pytest.importorskip("PIL")


# Published: counts of the test digits of MNIST and USPS; the others are equal shares.
TEST_COUNTS = {
    "mnist": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    "fashion_mnist": [1000] * 10,
    "kmnist": [200] * 10,
    "kannada_mnist": [200] * 10,
    "dig_mnist": [1024] * 10,
    "usps": [359, 264, 198, 166, 200, 160, 170, 147, 166, 177],
    "ahcd": [120] * 28,
    "omniglot": [4] * 242,
    "cifar10": [1000] * 10,
    "eurosat": [150] * 10,
    "dtd10": [40] * 10,
    "rsscn7": [100] * 7,
}


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "digits"])
def test_images(name):
    needed(name)
    source = DATASETS[name]
    images = load(name, "test")
    expected = source.parts["test"].count if source.split == "given" else source.count / 5
    assert len(images) == pytest.approx(expected, rel=0.03) or source.split == "test"
    assert images.pixels.shape[1:] == source.shape
    assert images.labels_n.dtype == np.int64
    counts = list(images.counts().values())
    assert min(counts) > 0
    assert counts == TEST_COUNTS.get(name, counts)
    if source.format == "idx" and name != "notmnist":  # dark corners, bright ink
        assert np.median(images.pixels[:, 0, 0]) == 0
    assert 10 < images.pixels.mean() < 200
    for cls, group in zip(images.classes, range(len(images.classes)), strict=True):
        assert images.pixels[images.labels_n == group].std() > 0, cls


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "notmnist", "usps", "omniglot", "quickdraw3"])
def test_train_and_test_make_the_whole(name):
    needed(name)
    train, test, whole = load(name, "train"), load(name, "test"), load(name)
    assert len(train) + len(test) == len(whole) == DATASETS[name].count
    assert train.pixels.sum() + test.pixels.sum() == whole.pixels.sum()
    if name in ("kmnist", "notmnist"):
        seen = {image.tobytes() for image in train.pixels}
        assert not any(image.tobytes() in seen for image in test.pixels)


def test_the_first_digits_of_mnist():
    needed("mnist")
    train = load("mnist", "train")
    assert train.labels_n[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert train.as_float().mean() == pytest.approx(0.1307, abs=1e-4)  # the mean and deviation everybody normalises by
    assert train.as_float().std() == pytest.approx(0.3081, abs=1e-4)


def test_omniglot():
    needed("omniglot")
    small, large = omniglot(28), omniglot(105)
    assert large.pixels_nhw.shape == (4840, 105, 105)
    assert set(np.unique(large.pixels_nhw)) == {0, 255}
    assert len(small.alphabets) == 8
    classes, counts = np.unique(np.stack([small.alphabet_n, small.character_n]), axis=1, return_counts=True)
    assert classes.shape[1] == 242
    assert set(counts) == {20}
    assert set(load("omniglot", "test").counts().values()) == {4}
    assert small.runs.train_rihw.shape == small.runs.test_rihw.shape == (20, 20, 28, 28)
    np.testing.assert_array_equal(np.sort(small.runs.answer_ri, axis=1), np.tile(np.arange(20), (20, 1)))
    # The nearest of the 20 examples, with both images shifted by a pixel at most, is right far above chance (0.05).
    train, test = (x.astype(float) / 255 for x in (small.runs.train_rihw, small.runs.test_rihw))
    blurred = [sum(np.roll(x, (i, j), (2, 3)) for i in (-1, 0, 1) for j in (-1, 0, 1)) for x in (train, test)]
    distance = ((blurred[0][:, None] - blurred[1][:, :, None]) ** 2).sum((-1, -2))
    assert (distance.argmin(2) == small.runs.answer_ri).mean() > 0.2


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    needed(name)
    found = table(name)
    assert len(found) == TABLES[name].rows
    known = {
        "heart_disease": lambda t: sorted(np.unique(t["site"], return_counts=True)[1]) == [123, 200, 294, 303],
        "air_quality": lambda t: t.unknown()["NMHC_GT"] == 8443,
        "nyc_weather": lambda t: (t.unknown()["wind_gust"], t.unknown()["pressure"]) == (20778, 2729),
        "titanic": lambda t: t["Survived"].sum() == 342,
        "student_mat": lambda t: not any(t.unknown().values()) and t["G3"].max() == 20,
        "student_por": lambda t: not any(t.unknown().values()),
        "physionet2012": lambda t: (len(set(t["RecordID"])), len(set(t["parameter"]))) == (4000, 41),
        "physionet2012_outcomes": lambda t: t["In-hospital_death"].sum() == 554,
    }
    assert known[name](found)


def test_texts():
    needed("wikitext2")
    assert text("wikitext2", "valid").count("<unk>") > 10_000
    assert text("wikitext2", "test").split()[:3] == ["=", "Robert", "<unk>"]
    needed("tinyshakespeare")
    assert text("tinyshakespeare").startswith("First Citizen:\nBefore we proceed any further, hear me speak.")
    needed("warpeace")
    assert "Well, Prince" in text("warpeace")[:2000]


@pytest.mark.parametrize("name", SOURCES)
def test_checksums(name):
    needed(name)
    source = SOURCES[name]
    assert [mismatch(path, file) for path, file in zip(find(source), source.files, strict=True)] == [None] * len(
        source.files
    )


def test_class_names_are_those_that_come_with_the_data():
    for name, source in DATASETS.items():
        place = available()[name]
        if place is not None and (place / "classes.txt").is_file():
            assert (place / "classes.txt").read_text(encoding="utf-8").split() == list(source.classes)
