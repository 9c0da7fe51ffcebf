"""`algorism checkup`, as it is typed."""

import json

import pytest
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import UsageError
from algorism.evaluation.checkup import BUDGET, VERSION, smallest_budget

RUN = CliRunner()
BUDGETED = ["--budget", str(smallest_budget())]


def run(*arguments):
    result = RUN.invoke(app, ["checkup", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_page_a_file_and_all_answers(tmp_path):
    out = tmp_path / "a"
    lines = run("scripted:dropped-carry", "--out", str(out), *BUDGETED).strip().splitlines()
    assert lines[-1] == str(out / "checkup.html")
    assert any("Carries get lost" in line for line in lines)
    assert {path.name for path in out.iterdir()} == {"answers.jsonl", "checkup.html", "checkup.json"}
    kept = json.loads((out / "checkup.json").read_text())
    assert kept["checkup"] == VERSION
    assert kept["model"] == "scripted:dropped-carry"
    again = json.loads(run("scripted:dropped-carry", "--out", str(out), *BUDGETED, "--json"))
    assert again.pop("page") == str(out / "checkup.html")
    assert again["method"].pop("new_requests") == 0
    kept["method"].pop("new_requests")
    assert again == kept


def test_looking_before_asking(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run("openai:any-model", "--dry-run")
    assert "$120+317=" in text
    assert f"At most {BUDGET:,} requests" in text
    values = json.loads(run("hf:nowhere", "--dry-run", "--json", "--budget", "600"))
    assert values["requests"] == 600
    assert values["smallest"] == smallest_budget()
    assert values["examples"]["bare"] == "120+317="
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scripted:oracle", "--budget", "10"], "expected at least"),
        (["oracle"], "expected KIND:NAME"),
        (["scripted:orcale"], "Nearest known: 'oracle'"),
        (["scripted:oracle", "--chat"], "have no option 'chat'"),
    ],
)
def test_mistakes_are_explained(arguments, words, tmp_path):
    result = RUN.invoke(app, ["checkup", *arguments, "--out", str(tmp_path / "a")])
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)
    assert not (tmp_path / "a").exists()
