"""`algorism suite`, as it is typed."""

import json

import pytest
from typer.testing import CliRunner

from algorism.cli import app
from algorism.commands.suite import spans
from algorism.errors import UsageError

RUN = CliRunner()
ASK = ["suite", "nupa", "scripted:oracle", "--tasks", "add,max-float", "--lengths", "2,5-6", "-n", "3"]


def asked(folder, *more):
    result = RUN.invoke(app, [*ASK, "--record", str(folder / "r.jsonl"), *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_oracle_knows_everything(tmp_path):
    found = json.loads(asked(tmp_path, "--json"))
    assert found["answers"] == 5 * 3 * 3
    assert set(found["combinations"]) == {"add-integer", "add-float", "add-fraction", "add-scientific", "max-float"}
    for row in found["combinations"].values():
        assert row["well_learned"] == {"largest": 6, "unbroken": 6}
        assert [v["value"] for v in row["exact"].values()] == [1.0] * 3
    before = (tmp_path / "r.jsonl").read_bytes()
    assert json.loads(asked(tmp_path, "--json")) == found
    assert (tmp_path / "r.jsonl").read_bytes() == before  # nothing was asked again


def test_the_table_names_every_task_and_where_the_answers_are(tmp_path):
    text = asked(tmp_path)
    assert "max-float" in text
    assert "45 answers, 0 cut short, 0 requests failed" in text
    assert "r.jsonl" in text.replace("\n", "")


def test_looking_before_asking(tmp_path):
    found = json.loads(asked(tmp_path, "--dry-run", "--json"))
    assert found["requests"] == 45
    text = asked(tmp_path, "--show", "2")
    assert text.count(" =\n    ") == 2
    assert "45 requests" in text
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["suite", "nuqa", "scripted:oracle"], "Nearest known: 'nupa'"),
        (["suite", "nupa", "scripted:oracle", "--tasks", "ad"], "Nearest known: 'add'"),
        (["suite", "nupa", "scripted:oracle", "--tasks", "add", "--lengths", "50"], "none of these tasks"),
        (["suite", "nupa", "scripted:oracle", "--lengths", "8-3"], "numbers and ranges"),
        (["suite", "nupa", "oracle"], "expected KIND:NAME"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    result = RUN.invoke(app, arguments)
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)


def test_spans():
    assert spans("1-3,20,2") == [1, 2, 3, 20]
    assert spans(None) is None
