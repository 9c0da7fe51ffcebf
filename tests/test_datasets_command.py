"""`algorism data`, and the contact sheets it writes."""

import json

import numpy as np
import pytest
import typer

from algorism.commands.data import run_data
from algorism.datasets import DATASETS, SOURCES, Images, contact_sheet, load, write_png
from algorism.errors import DataError, ShapeError, UsageError


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ALGORISM_DATA", raising=False)


def test_every_set_is_listed(capsys):
    run_data()
    lines = capsys.readouterr().out.splitlines()
    listed = {line.split()[0]: line for line in lines[1 : 1 + len(SOURCES)]}
    assert set(listed) == set(SOURCES)
    assert "here" in listed["digits"]
    assert "download" in listed["mnist"]
    assert "70,000 × 28×28" in listed["mnist"]
    assert "bring it" in listed["cifar10"]
    run_data(json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(SOURCES)
    assert rows[0] | {"origin": ""} == {
        "name": "mnist",
        "title": "MNIST, handwritten digits",
        "megabytes": 55.0,
        "licence": "none stated",
        "origin": "",
        "note": "",
        "downloadable": True,
        "folder": None,
        "images": 70000,
        "shape": [28, 28],
    }


def test_a_set_is_shown_with_its_classes(capsys, tmp_path):
    run_data("digits", "test", picture=tmp_path / "a.png")
    lines = capsys.readouterr().out.splitlines()
    assert "  test     359 × 8×8, 10 classes" in lines
    assert lines[-1] == str(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    run_data("digits", json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["counts"] == load("digits").counts()
    assert facts["differs"] == {}


def test_a_file_that_differs_fails_the_command(capsys, tmp_path):
    source = DATASETS["quickdraw3"]
    (tmp_path / "quickdraw3").mkdir()
    for part in source.parts.values():
        images, labels = part.files
        n = part.count
        header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (n, 28, 28))
        (tmp_path / "quickdraw3" / images.path.removesuffix(".gz")).write_bytes(header + bytes(n * 784))
        header = bytes([0, 0, 8, 1]) + n.to_bytes(4, "big")
        (tmp_path / "quickdraw3" / labels.path.removesuffix(".gz")).write_bytes(header + bytes(n))
    with pytest.raises(typer.Exit) as stop:
        run_data("quickdraw3", folder=tmp_path)
    assert stop.value.exit_code == 1
    assert capsys.readouterr().out.count("differs from what was published") == 4


@pytest.mark.parametrize(
    ("error", "said", "call"),
    [
        (UsageError, "Nearest known: 'mnist'", lambda: run_data("mnits")),
        (UsageError, "need the NAME", lambda: run_data(download=True)),
        (UsageError, "holds no images", lambda: run_data("titanic", "train")),
        (DataError, "algorism data mnist --download", lambda: run_data("mnist")),
        (DataError, "no public place", lambda: run_data("cifar10", download=True)),
        (UsageError, "no images", lambda: contact_sheet(load("digits").subset([]))),
        (ShapeError, "float64", lambda: write_png("a.png", np.zeros((2, 2)))),
        (ShapeError, "expected bytes", lambda: write_png("a.png", np.zeros((2, 2, 4), np.uint8))),
    ],
)
def test_misuse_is_named(error, said, call):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1), (64, 300)])
def test_pillow_reads_what_was_written(tmp_path, shape):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    write_png(tmp_path / "a.png", pixels)
    with image.open(tmp_path / "a.png") as found:
        np.testing.assert_array_equal(np.asarray(found), pixels)


@pytest.mark.parametrize("colour", [(), (3,)])
def test_a_sheet_has_a_row_for_each_class(colour):
    shades = np.array([10, 20, 30], np.uint8)
    labels_n = np.repeat(np.arange(3), [1, 4, 9])
    pixels = np.ones((14, 20, 30, *colour), np.uint8) * shades[labels_n].reshape(-1, 1, 1, *(1 for _ in colour))
    sheet = contact_sheet(Images(pixels, labels_n, ("a", "b", "c"), "x"), columns=6)
    tiles = sheet[2:, 2:].reshape(-1, sheet.shape[1] - 2, *colour)[20 :: 3 * 20 + 2][:, 30 :: 3 * 30 + 2]
    seen = tiles[..., 0] if colour else tiles
    assert seen.tolist() == [[10, 128, 128, 128, 128, 128], [20] * 4 + [128] * 2, [30] * 6]
    assert contact_sheet(Images(pixels, None, (), "x"), columns=5, rows=2).shape[:2] == (2 * 62 + 2, 5 * 92 + 2)
