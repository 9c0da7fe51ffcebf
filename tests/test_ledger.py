"""The ledger keeps whole runs, joins ledgers without doubling, and refuses what is damaged."""

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import algorism
from algorism.claims import Measurement
from algorism.errors import DataError, UsageError
from algorism.ledger import Ledger, Run, locate, locate_for_reading

RUN = Run("r1", "sums", "cpu", seed=3, date="2024-01-01T00:00:00Z", device="a cpu", version="0.1.0", commit="c0ffee")


def numbers(*names, value=0.5):
    return [Measurement(name, value, value - 0.1, value + 0.1, n=10, seeds=5, details={"each": [1]}) for name in names]


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


def test_what_goes_in_comes_out_with_its_provenance(ledger):
    ledger.add(RUN, numbers("b", "a"))
    assert ledger.runs() == [RUN]
    found = ledger.latest("sums", "cpu")
    assert list(found) == ["b", "a"]
    origin = {"scale": "cpu", "device": "a cpu", "date": RUN.date, "version": "0.1.0"}
    assert found["a"] == replace(numbers("a")[0], **origin)
    assert not ledger.latest("sums", "gpu")
    assert not ledger.latest("other", "cpu")


def test_a_measurement_may_name_its_own_device(ledger):
    ledger.add(RUN, [replace(numbers("a")[0], device="a gpu"), *numbers("b")])
    assert [m.device for m in ledger.latest("sums", "cpu").values()] == ["a gpu", "a cpu"]


def test_latest_goes_by_date_and_then_by_entry(ledger):
    ledger.add(replace(RUN, id="new", date="2024-03-01T00:00:00Z"), numbers("a", value=0.3))
    ledger.add(replace(RUN, id="old", date="2024-02-01T00:00:00Z"), numbers("a", value=0.2))
    assert ledger.latest("sums", "cpu")["a"].value == 0.3
    ledger.add(replace(RUN, id="same second", date="2024-03-01T00:00:00Z"), numbers("a", value=0.4))
    assert ledger.latest("sums", "cpu")["a"].value == 0.4
    assert [run.id for run in ledger.runs()] == ["same second", "new", "old"]


def test_a_run_enters_whole_or_not_at_all(ledger):
    ledger.add(RUN, numbers("a"))
    second = replace(RUN, id="r2")
    with pytest.raises(UsageError, match="yielded twice"):
        ledger.add(second, numbers("a", "b", "a"))
    with pytest.raises(TypeError):  # a set is not JSON; found out only while the rows are made
        ledger.add(second, [*numbers("a"), replace(numbers("b")[0], details={"x": {1}})])
    with pytest.raises(UsageError, match="no measurements"):
        ledger.add(second, [])
    with pytest.raises(UsageError, match="already"):
        ledger.add(RUN, numbers("z"))
    assert [run.id for run in ledger.runs()] == ["r1"]
    rows = sqlite3.connect(ledger.path).execute("SELECT run, name FROM measurements").fetchall()
    assert rows == [("r1", "a")]


def test_one_file_is_complete_between_transactions(ledger):
    ledger.add(RUN, numbers("a"))
    assert [p.name for p in ledger.path.parent.iterdir()] == ["ledger.sqlite"]
    assert sqlite3.connect(ledger.path).execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_merge_is_idempotent_and_keeps_provenance(tmp_path, ledger):
    other, third = Ledger(tmp_path / "other.sqlite"), Ledger(tmp_path / "third.sqlite")
    ledger.add(RUN, numbers("a"))
    other.add(replace(RUN, id="r2", scale="gpu", device="a gpu"), numbers("a", "b"))
    third.add(replace(RUN, id="r3"), numbers("c"))
    assert ledger.merge([other.path, third.path]) == 2
    before = list(sqlite3.connect(ledger.path).iterdump())
    assert ledger.merge([other.path, third.path, ledger.path]) == 0
    assert list(sqlite3.connect(ledger.path).iterdump()) == before
    assert ledger.latest("sums", "gpu")["b"].device == "a gpu"
    assert third.merge([ledger.path]) == 2
    assert {run.id for run in third.runs()} == {"r1", "r2", "r3"}


def test_merge_into_nothing_creates_the_ledger(tmp_path, ledger):
    ledger.add(RUN, numbers("a"))
    target = Ledger(tmp_path / "new" / "ledger.sqlite")
    assert target.merge([ledger.path]) == 1
    assert target.runs() == [RUN]


def test_the_same_run_with_other_numbers_is_refused(tmp_path, ledger):
    ledger.add(RUN, numbers("a"))
    altered = Ledger(tmp_path / "altered.sqlite")
    altered.add(RUN, numbers("a", value=0.6))
    with pytest.raises(DataError, match="other numbers"):
        ledger.merge([altered.path])
    with pytest.raises(DataError, match="other numbers"):
        Ledger(tmp_path / "empty.sqlite").merge([ledger.path, altered.path])
    assert ledger.latest("sums", "cpu")["a"].value == 0.5


def damaged(path, kind):
    good = Ledger(path)
    long = {"each": "0" * 3000}  # several pages, so that a truncated file still has a header
    for i in range(3):
        good.add(replace(RUN, id=f"g{i}"), [replace(m, details=long) for m in numbers(*"abcdef")])
    data = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "text":
        path.write_text("not a database\n" * 100)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "scribbled":
        path.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    elif kind == "foreign":
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE runs (id TEXT)")
    elif kind == "newer":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
    return path


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "scribbled", "foreign", "newer"])
def test_a_damaged_or_foreign_file_is_refused_and_nothing_is_merged(tmp_path, ledger, kind):
    ledger.add(RUN, numbers("a"))
    fine = Ledger(tmp_path / "fine.sqlite")
    fine.add(replace(RUN, id="fine"), numbers("a"))
    bad = damaged(tmp_path / "bad.sqlite", kind)
    with pytest.raises(DataError, match=r"bad\.sqlite"):
        ledger.merge([fine.path, bad])
    assert [run.id for run in ledger.runs()] == ["r1"]
    if kind != "empty":  # an empty file reads as a new ledger; only as a source it is suspect
        with pytest.raises(DataError, match=r"bad\.sqlite"):
            Ledger(bad).check()


def test_a_file_that_is_not_there_is_a_usage_error_for_merge_and_empty_for_reading(tmp_path, ledger):
    with pytest.raises(UsageError, match="no ledger at"):
        ledger.merge([tmp_path / "nowhere.sqlite"])
    assert ledger.runs() == []
    assert not ledger.path.exists()


WRITER = """
import sys
from algorism.claims import Measurement
from algorism.ledger import Ledger, Run
for i in range(10):
    run = Run(f"{sys.argv[2]}-{i}", "sums", "cpu", 0, "2024-01-01T00:00:00Z", "d", "1")
    Ledger(sys.argv[1]).add(run, [Measurement(n, 0.5, 0.4, 0.6, n=1) for n in "ab"])
"""


def test_concurrent_writers_lose_nothing(ledger):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(ledger.path), str(w)]) for w in range(4)]
    assert [w.wait(timeout=120) for w in writers] == [0] * 4
    assert {run.id for run in ledger.runs()} == {f"{w}-{i}" for w in range(4) for i in range(10)}
    assert all(len(ledger.measurements(run)) == 2 for run in ledger.runs())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be used"):
        Ledger(tmp_path / "file" / "ledger.sqlite").check()


def test_locating_the_ledger(tmp_path, monkeypatch, ledger):
    monkeypatch.delenv("ALGORISM_LEDGER", raising=False)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "results").mkdir()
    ledger.add(RUN, numbers("a"))
    shutil.move(ledger.path, tmp_path / "results" / "ledger.sqlite")
    assert locate(deep) == tmp_path / "results" / "ledger.sqlite"
    monkeypatch.setenv("ALGORISM_LEDGER", str(tmp_path / "named.sqlite"))
    assert locate(deep) == tmp_path / "named.sqlite"


def test_without_any_ledger_a_new_one_is_made_here_and_the_shipped_one_is_read(tmp_path, monkeypatch):
    monkeypatch.delenv("ALGORISM_LEDGER", raising=False)
    package = tmp_path / "site-packages" / "algorism"
    package.mkdir(parents=True)
    monkeypatch.setattr(algorism, "__file__", str(package / "__init__.py"))
    here = tmp_path / "here"
    assert locate(here) == locate_for_reading(here) == here / "results" / "ledger.sqlite"
    Ledger(package / "results" / "ledger.sqlite").add(RUN, numbers("a"))
    assert locate(here) == here / "results" / "ledger.sqlite"
    assert locate_for_reading(here) == package / "results" / "ledger.sqlite"


def test_a_checkout_is_used_even_before_it_has_a_ledger(tmp_path, monkeypatch):
    monkeypatch.delenv("ALGORISM_LEDGER", raising=False)
    package = tmp_path / "checkout" / "src" / "algorism"
    package.mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").write_text("")
    monkeypatch.setattr(algorism, "__file__", str(package / "__init__.py"))
    assert locate(tmp_path) == Path(tmp_path / "checkout" / "results" / "ledger.sqlite")
