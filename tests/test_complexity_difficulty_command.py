"""Reading somebody's data, and what `algorism difficulty` prints about it."""

import json
import math

import numpy as np
import pytest

from algorism.commands.difficulty import Options, read, run_difficulty
from algorism.complexity.difficulty import PUBLISHED
from algorism.complexity.difficulty.files import Examples, read_examples, unit_columns
from algorism.errors import AlgorismError, DataError, UsageError

FAST = {"queries": 200, "pairs": 5_000}


@pytest.fixture
def table(tmp_path):
    """A CSV of three classes in the plane, with a column in another unit."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    x = 3 * np.array([[0, 0], [1, 0], [0, 1]])[labels] + rng.normal(size=(240, 2)) / 3
    lines = [f"{a},{1000 * b},{'abc'[label]}" for (a, b), label in zip(x, labels)]
    path = tmp_path / "flowers.csv"
    path.write_text("wide,long,kind\n" + "\n".join(lines) + "\n")
    return path


def printed(capsys, data, json_wanted=False, **options):
    run_difficulty(str(data), Options(**{**FAST, **options}), json_wanted)
    return capsys.readouterr().out


def test_a_csv_is_told_in_words(table, capsys):
    text = printed(capsys, table, error=0.05)
    assert text.startswith(f"{table}: telling 3 classes of 'kind' apart")
    for words in ("Difficulty: ", "bits of inductive bias", "dimension m", "resolution δ", "0.05", "counted", "chosen"):
        assert words in text
    assert "Every column was stretched" in text
    assert "\x1b" not in text


def test_json_holds_everything_and_nothing_else(table, capsys):
    found = json.loads(printed(capsys, table, True))
    assert found["kind"] == "classification"
    assert found["inputs"]["dimension"]["value"] == 2
    assert found["inputs"]["samples"]["value"] == 240
    assert {s["name"] for s in found["sensitivities"]} == set(found["inputs"])
    assert found["log10_low"] <= found["difficulty"]["log10_bits"] <= found["log10_high"]
    assert 10 ** found["difficulty"]["log10_bits"] == pytest.approx(found["difficulty"]["bits"])


def test_options_reach_the_formula(table, capsys):
    found = json.loads(printed(capsys, table, True, samples=10**6, dimension=3.5, resolution=0.01, error=0.2))
    values = {name: entry["value"] for name, entry in found["inputs"].items()}
    assert (values["samples"], values["dimension"], values["resolution"], values["error"]) == (10**6, 3.5, 0.01, 0.2)


def test_another_target_of_numbers_is_regression(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(300, 2))
    path = tmp_path / "a.csv"
    path.write_text("y,a,b\n" + "\n".join(f"{a * b},{a},{b}" for a, b in x))
    found = json.loads(printed(capsys, path, True, target="y", error=0.1))
    assert found["kind"] == "regression"
    assert found["inputs"]["outputs"]["value"] == 1
    assert "predicting 'y'" in printed(capsys, path, target="y", error=0.1)


def test_images_in_an_npz(tmp_path, capsys):
    rng = np.random.default_rng(0)
    path = tmp_path / "images.npz"
    images = rng.integers(0, 256, (200, 4, 4)).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(200) % 2)
    found = json.loads(printed(capsys, path, True))
    largest = np.linalg.norm(images.reshape(200, -1) / 255, axis=1).max()
    assert found["inputs"]["radius"]["value"] == pytest.approx(largest)
    assert "stretched" not in printed(capsys, path)


def test_the_embedded_digits_need_no_file(capsys):
    text = printed(capsys, "digits")
    assert text.startswith("digits, train: telling 10 classes")
    assert "e10 bits" in text or "e9 bits" in text or "e11 bits" in text


def test_the_papers_ladder(capsys):
    text = printed(capsys, "published").splitlines()
    assert [line.split("  ")[1] for line in text[1:]][:2] == ["MNIST", "Reacher"]
    assert text[-1].endswith("1.79e145 bits")
    found = json.loads(printed(capsys, "published", True))["tasks"]
    assert set(found) == set(PUBLISHED)
    assert found["MNIST"]["bits"] == pytest.approx(1.4848e16, rel=1e-3)


def test_nothing_left_open_is_said_in_words(table, capsys):
    text = printed(capsys, table, samples=10**15, resolution=1.0)
    assert "Difficulty: 0 bits" in text
    assert "nothing is left open" in text
    assert json.loads(printed(capsys, table, True, samples=10**15, resolution=1.0))["difficulty"]["log10_bits"] is None


def test_unit_columns_and_kinds():
    x = np.array([[1.0, -5], [3, 5], [2, 0]])
    assert unit_columns(x).min() == 0
    assert unit_columns(x).max() == 1
    assert unit_columns(x)[2].tolist() == [0.5, 0.5]
    for targets, kind in (
        (np.arange(40) % 4, "classification"),
        (np.array(list("ab") * 20), "classification"),
        (np.arange(40), "regression"),  # whole numbers that never recur
        (np.arange(40) % 4 + 0.5, "regression"),
        (np.zeros((40, 2)), "regression"),
    ):
        assert Examples(np.zeros((40, 2)), targets, "y").kind == kind


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


BAD_CSV = {
    "empty": ("", "expected a header"),
    "one column": ("a\n1\n2\n", "expected a header"),
    "one row": ("a,b\n1,2\n", "two rows"),
    "no header": ("1,2\n3,4\n5,6\n", "names of the columns"),
    "uneven": ("a,b\n1,2\n3\n", "row 2 has 1 cells"),
    "words": ("a,b\n1,2\nx,4\n", "column 'a', row 2: expected a number, got 'x'"),
    "gap": ("a,b\n1,2\n,4\n", "got nothing"),
    "NaN": ("a,b\n1,2\nnan,4\n", "expected a number, got 'nan'"),
    "not UTF-8": (b"a,b\n1,\xff\xfe\n", "not a CSV file"),
    "quote": ('a,b\n1,"2\n', "not a CSV file"),
}


@pytest.mark.parametrize(("text", "words"), BAD_CSV.values(), ids=BAD_CSV)
def test_bad_csv(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_examples(write(tmp_path / "x.csv", text))


def test_bad_files(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.csv or \.npz"):
        read_examples(tmp_path / "x.txt")
    with pytest.raises(DataError, match="no such file"):
        read_examples(tmp_path / "x.csv")
    with pytest.raises(DataError, match="plain arrays"):
        read_examples(write(tmp_path / "x.npz", "nothing"))
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DataError, match="plain arrays"):
        read_examples(tmp_path / "one.npz")
    np.savez(tmp_path / "o.npz", x=np.array([{}, []], dtype=object), y=np.zeros(2))
    with pytest.raises(DataError, match="plain arrays"):
        read_examples(tmp_path / "o.npz")
    np.savez(tmp_path / "n.npz", a=np.zeros(2))
    with pytest.raises(DataError, match="expected inputs named"):
        read_examples(tmp_path / "n.npz")
    np.savez(tmp_path / "l.npz", x=np.zeros((3, 2)), y=np.zeros(2))
    with pytest.raises(DataError, match="differ in length"):
        read_examples(tmp_path / "l.npz")
    with pytest.raises(UsageError, match="no array 'z'"):
        read_examples(tmp_path / "l.npz", "z")
    with pytest.raises(UsageError, match=r"no column 'd'\. Known"):
        read_examples(write(tmp_path / "x.csv", "alpha,beta\n1,2\n3,4\n"), "d")


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ("mnits", {}, "Nearest known: 'mnist'"),
        ("digits", {"split": "valid"}, "split is"),
        ("digits", {"kind": "ranking"}, "--kind"),
        ("digits", {"error": 0.0}, "target error"),
        ("digits", {"error": math.nan}, "target error"),
        ("digits", {"neighbours": 1}, "needs k ≥ 2"),
        ("digits", {"queries": 1}, "At least 2 queries"),
    ],
)
def test_wrong_usage(data, options, words):
    with pytest.raises(AlgorismError, match=words):
        run_difficulty(data, Options(**{**FAST, **options}), False)


def test_named_sets_are_read_as_bytes():
    name, examples, scaled = read("digits", Options())
    assert (name, scaled) == ("digits, train", False)
    assert examples.inputs.dtype == np.uint8
    assert examples.kind == "classification"
