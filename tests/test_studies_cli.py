"""Discovery and running of studies, through the commands. The study here counts; nothing is trained."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import algorism.studies
from algorism.claims import Measurement
from algorism.commands import studies as commands
from algorism.commands.readme import BEGIN, END, papers_table, readme
from algorism.errors import DataError, UsageError
from algorism.ledger import Ledger, Run
from algorism.studies import registry, runner

APP = typer.Typer()
APP.command()(commands.study)
APP.command()(commands.studies)
APP.command()(readme)
APP.add_typer(commands.ledger_app, name="ledger")

COUNTING = Path(__file__).parent / "example_studies" / "counting_things.py"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the study and a ledger's place; the study is found like those of the package."""
    folder = tmp_path / "studies"
    folder.mkdir()
    shutil.copy(COUNTING, folder)
    (folder / "helper.py").write_text("x = 1\n")
    (folder / "_private.py").write_text("raise RuntimeError('must not be imported')\n")
    monkeypatch.setattr(algorism.studies, "__path__", [*algorism.studies.__path__, str(folder)])
    for name in ("counting_things", "helper"):
        monkeypatch.delitem(sys.modules, f"algorism.studies.{name}", raising=False)
        monkeypatch.delattr(algorism.studies, name, raising=False)
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal"))
    monkeypatch.delenv("BREAK", raising=False)
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(APP, [str(a) for a in arguments])


def journal(place):
    path = place / "journal"
    return path.read_text().split() if path.exists() else []


NUMBERS = ["value", "low", "high", "seeds", "device", "date", "version"]
EXPECTED = {"up": "reproduced", "half": "partly", "never": "not reproduced", "far": "not measured"}


def test_json_of_a_run_is_the_agreed_shape_and_nothing_else_is_on_stdout(place):
    result = call("study", "counting-things", "--scale", "quick", "--seed", 7, "--ledger", place / "l.sqlite", "--json")
    assert result.exit_code == 0, result.output
    (study,) = json.loads(result.stdout)["studies"]
    assert list(study) == ["slug", "title", "paper", "claims"]
    assert study["paper"] == {"authors": "C. Ounter", "year": 1999, "arxiv": "9901.00001"}
    assert {c["id"]: c["scales"]["quick"]["verdict"] for c in study["claims"]} == EXPECTED
    up = study["claims"][0]
    assert list(up) == ["id", "text", "source", "paper", "scales"]
    entry = up["scales"]["quick"]
    assert list(up["scales"]) == ["quick"]
    assert list(entry) == ["verdict", *NUMBERS]
    assert (entry["value"], entry["low"], entry["high"], entry["seeds"]) == (10, 9.6, 10.4, 2)
    assert entry["version"] == algorism.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["date"])
    assert "first = 8 [7.6, 8.4] steps" in result.stderr


def test_a_run_is_recorded_with_pictures_and_its_folder_is_the_last_line(place):
    result = call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite")
    assert result.exit_code == 0, result.output
    folder = Path(result.stdout.splitlines()[-1])
    assert folder == place / "counting-things" / "quick"
    assert sorted(p.name for p in folder.iterdir()) == ["climb.json", "climb.png", "climb.svg", "run.json"]
    assert (folder / "climb.png").read_bytes().startswith(b"\x89PNG")
    for words in ("reproduced", "not measured", "missing: far", "- sings: fails", "paper 3", "ours 3 [2.6, 3.4]"):
        assert words in result.stdout
    (run,) = Ledger(place / "l.sqlite").runs("counting-things", "quick")
    assert (run.seed, run.version, json.loads(run.settings)["steps"]) == (0, algorism.__version__, 3)
    assert run.torch.startswith("2.")
    kept = json.loads((folder / "run.json").read_text())
    assert [m["name"] for m in kept["measurements"]] == ["first", "last"]
    assert kept["claims"]["far"] == {"verdict": "not measured", "parts": {"holds": "not measured"}, "missing": ["far"]}
    assert not list((place / ".work").iterdir())


def test_out_names_the_folder_and_the_environment_the_ledger(place, monkeypatch):
    monkeypatch.setenv("ALGORISM_LEDGER", str(place / "mine.sqlite"))
    result = call("study", "counting-things", "--scale", "quick", "--out", place / "shown")
    assert result.stdout.splitlines()[-1] == str(place / "shown")
    assert (place / "shown" / "climb.svg").exists()
    assert len(Ledger(place / "mine.sqlite").runs()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["counting-thing"], "Nearest known: 'counting-things'"),
        (["counting-things", "--scale", "cup"], "Nearest known: 'cpu'"),
        (["counting-things", "--seed", "x"], "seed"),
        ([], "SLUG"),
    ],
)
def test_wrong_usage_is_status_2_and_writes_nothing(place, arguments, words):
    result = call("study", *arguments, *(["--ledger", str(place / "l.sqlite")] if arguments else []))
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (place / "l.sqlite").exists()


@pytest.mark.parametrize(("kind", "words"), [("bug", "ZeroDivisionError: no"), ("ours", "Error: no")])
def test_a_study_that_fails_is_status_1_and_leaves_no_measurement(place, monkeypatch, kind, words):
    monkeypatch.setenv("BREAK", kind)
    result = call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert Ledger(place / "l.sqlite").runs() == []
    assert journal(place) == ["1", "2"]
    monkeypatch.delenv("BREAK")
    assert call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite").exit_code == 0
    assert journal(place) == ["1", "2", "3"]


def test_a_damaged_ledger_is_found_out_before_anything_is_measured(place):
    (place / "l.sqlite").write_text("no ledger " * 100)
    result = call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite")
    assert result.exit_code == 1
    assert "l.sqlite" in result.stderr
    assert journal(place) == []


def test_a_scale_that_needs_a_gpu_is_refused_without_one(place, monkeypatch):
    monkeypatch.setattr(runner, "_gpu", lambda: False)
    result = call("study", "counting-things", "--scale", "gpu", "--ledger", place / "l.sqlite")
    assert result.exit_code == 1
    assert "needs a GPU" in result.stderr


DRIVER = """
import sys, algorism.studies
algorism.studies.__path__.append(sys.argv[1])
import typer
from algorism.commands.studies import study
app = typer.Typer()
app.command()(study)
app(sys.argv[2:])
"""


def test_a_killed_run_continues_where_it_stopped(place):
    ledger = place / "l.sqlite"
    command = [sys.executable, "-c", DRIVER, str(place / "studies"), "counting-things", "--ledger", str(ledger)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HANG": "3"})
    deadline = time.monotonic() + 60
    while len(journal(place)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert journal(place) == ["1", "2", "3"]  # the third had begun and was not finished
    assert Ledger(ledger).runs() == []
    finished = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert journal(place) == ["1", "2", "3", "3", "4", "5", "6"]
    assert finished.stderr.count("kept from an earlier start") == 2
    (study,) = json.loads(finished.stdout)["studies"]
    assert study["claims"][0]["scales"]["cpu"]["value"] == 6
    assert not list((place / ".work").iterdir())


def test_what_is_kept_belongs_to_scale_seed_and_key(place, monkeypatch):
    monkeypatch.setenv("BREAK", "bug")
    book = place / "l.sqlite"
    call("study", "counting-things", "--scale", "quick", "--ledger", book)
    call("study", "counting-things", "--scale", "quick", "--ledger", book)
    assert journal(place) == ["1", "2"]
    call("study", "counting-things", "--scale", "quick", "--ledger", book, "--seed", 1)
    assert journal(place) == ["1", "2"] * 2
    call("study", "counting-things", "--scale", "quick", "--ledger", book, "--fresh")
    assert journal(place) == ["1", "2"] * 3


def test_a_kept_result_that_cannot_be_read_is_computed_again(place, monkeypatch):
    monkeypatch.setenv("BREAK", "bug")
    call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite")
    for path in (place / ".work").rglob("*.json"):
        path.write_text('{"result":')
    call("study", "counting-things", "--scale", "quick", "--ledger", place / "l.sqlite")
    assert journal(place) == ["1", "2"] * 2


def test_studies_lists_the_newest_verdicts_of_every_scale(place):
    book = place / "l.sqlite"
    call("study", "counting-things", "--scale", "quick", "--ledger", book)
    result = call("studies", "--json", "--ledger", book)
    assert result.exit_code == 0, result.output
    listed = {s["slug"]: s for s in json.loads(result.stdout)["studies"]}
    claims = listed["counting-things"]["claims"]
    assert {c["id"]: c["scales"]["quick"]["verdict"] for c in claims} == EXPECTED
    assert [list(c["scales"]) for c in claims] == [["quick", "cpu", "gpu"]] * 4
    assert claims[0]["scales"]["cpu"] == {
        "verdict": "not measured",
        **dict.fromkeys(NUMBERS),
    }
    assert call("studies", "--ledger", book).exit_code == 0
    assert call("studies", "--ledger", place / "nowhere.sqlite").exit_code == 2


def test_merging_twice_changes_nothing_and_errors_have_their_status(place):
    here, there = place / "l.sqlite", place / "there.sqlite"
    call("study", "counting-things", "--scale", "quick", "--ledger", there)
    first = call("ledger", "merge", there, "--into", here)
    assert (first.exit_code, first.stdout) == (0, f"{here}\n")
    again = call("ledger", "merge", there, there, "--ledger", here)
    assert "0 new runs; 1 in all." in again.stderr
    assert Ledger(here).runs() == Ledger(there).runs()
    assert call("ledger", "merge", place / "nowhere.sqlite", "--into", here).exit_code == 2
    assert call("ledger", "merge", there, "--into", here, "--ledger", there).exit_code == 2
    there.write_text("no ledger " * 100)
    assert call("ledger", "merge", there, "--into", here).exit_code == 1


def test_discovery_is_by_file_and_finding_one_study_does_not_import_the_others(place):
    assert "_private" not in registry.module_names()
    assert "helper" in registry.module_names()
    found = [s.slug for s in registry.all_studies()]
    assert "counting-things" in found
    assert found == sorted(found)
    study = registry.find("counting-things")
    assert study.title == "Counting | Things"
    assert study.text == "Counting, in **Markdown**."
    (place / "studies" / "aaa_broken.py").write_text("raise RuntimeError('imported')\n")
    assert registry.find("counting-things") is study


def test_a_study_without_measurements_or_function_is_refused(place):
    study = registry.find("counting-things")
    book = Ledger(place / "l.sqlite")
    study.measure = lambda scale, seed: iter(())
    with pytest.raises(DataError, match="measured nothing"):
        runner.run_study(study, "quick", ledger=book)
    study.measure = lambda scale, seed: iter([Measurement.exact("a", 1, unit="x")] * 2)
    with pytest.raises(UsageError, match="twice"):
        runner.run_study(study, "quick", ledger=book)
    assert book.runs() == []


LISTING = """
import sys, time
sys.modules["torch"] = sys.modules["transformers"] = sys.modules["altair"] = None
import algorism.commands.studies as commands
commands.studies(as_json=True)
print(time.process_time(), file=sys.stderr)
"""


def test_listing_imports_no_torch_and_is_fast():
    result = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    assert "studies" in json.loads(result.stdout)
    assert float(result.stderr) < 1.0  # seconds of processor time, so that a busy machine does not fail it


def test_remember_and_note_work_outside_a_run():
    assert runner.remember({"a": 1}, lambda: {"b": (1, 2)}) == {"b": [1, 2]}
    runner.note("nobody listens")


def test_readme_table_counts_verdicts_and_is_put_between_its_marks(place):
    book = Ledger(place / "l.sqlite")
    study = registry.find("counting-things")
    run = Run("r", study.slug, "cpu", 0, "2024-01-01T00:00:00Z", "a cpu", "1")
    book.add(run, [Measurement("first", 1, 1, 1, n=1), Measurement("last", 3, 3, 3, n=1)])
    line = papers_table(book, [study]).splitlines()[2]
    counts = "1 reproduced, 1 partly, 1 not reproduced, 1 not measured"
    title = r"[Counting \| Things](https://arxiv.org/abs/9901.00001) (1999)"
    assert line == f"| {title} | `counting-things` | not run | {counts} | not run |"
    text = place / "README.md"
    text.write_text(f"# A\n{BEGIN}\n{END}\nend\n")
    assert call("readme", text, "--ledger", book.path, "--check").exit_code == 1
    assert text.read_text() == f"# A\n{BEGIN}\n{END}\nend\n"
    assert call("readme", text, "--ledger", book.path).stdout == f"{text}\n"
    assert call("readme", text, "--ledger", book.path, "--check").exit_code == 0
    assert line in text.read_text()
    assert text.read_text().endswith(f"{END}\nend\n")
    text.write_text("# A\n")
    without_marks = call("readme", text, "--ledger", book.path)
    assert (without_marks.exit_code, text.read_text()) == (1, "# A\n")
    assert "once each" in without_marks.stderr
    assert call("readme", place / "nowhere.md").exit_code == 2
