"""What a person hands to a study beyond its scale: a model to ask, a file to read."""

import csv
import json

import pytest
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import DataError, UsageError
from algorism.ledger import Ledger
from algorism.studies import _tokenization_counts_rows as rows
from algorism.studies import runner, tokenization_counts
from algorism.studies._given_model import answers
from algorism.studies.registry import find


def test_a_study_that_takes_nothing_says_so(tmp_path):
    result = CliRunner().invoke(app, ["study", "l-mul", "--scale", "quick", "--model", "scripted:oracle"])
    assert result.exit_code == 2
    assert "takes no --model; it takes nothing of that kind" in result.stderr
    with pytest.raises(UsageError, match="--file: the authors'"):
        runner.check_options(find("tokenization-counts"), {"data": "x"})


def test_a_model_is_asked_and_its_claims_are_judged(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    study = find("tokenization-counts")
    shortened = {"model": "scripted:oracle"}
    finished = runner.run_study(study, "quick", ledger=ledger, options=shortened)
    assert finished.measurements["model: nosep"].value == 1
    assert finished.measurements["model: comma_r2l mismatch"].value == 1
    verdicts = {c.id: c.judge(finished.measurements).verdict for c in study.claims}
    assert verdicts["a-model: separators"] == "reproduced"  # all are right, so that none differs
    assert verdicts["a-model: direction"] == "partly"
    assert verdicts["published-figures"] == "not measured"
    (run,) = ledger.runs("tokenization-counts", "quick")
    assert json.loads(run.settings)["given"] == shortened


def test_outside_a_run_there_is_no_model():
    assert runner.given("model") is None
    assert runner.work_folder() is None
    assert answers([], None) is None


def test_the_authors_file_gives_the_measurements_of_its_claim(tmp_path):
    path = tmp_path / "r.csv"
    sums = [(3529456, 8302080), (8464327, 1470761)]  # longer than both addends, and not
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["num1", "num2", "response", "problem_number_format", "answer_number_format", "num_shots"])
        for a, b in sums:
            out.writerow([a, b, a + b - 10**5, "nosep", "nosep", 8])
            out.writerow([a, b, f"{a + b + 10**3:,}", "comma_r2l", "comma_r2l", 8])
            out.writerow([a, b, f"{a + b:,}", "comma_r2l", "comma_r2l", 8])
            out.writerow([a, b, a + b, "nosep", "nosep", 1])  # other numbers of examples are left out
    found = {m.name: m.value for m in rows.published(str(path))}
    claim = next(c for c in tokenization_counts.STUDY.claims if c.id == "published-figures")
    assert set(claim.paper) == set(found)
    assert (found["csv: l2r match"], found["csv: r2l match"]) == (0, 0.5)
    # 10^5 is the second digit of seven, and the third of eight; 10^3 ends a token that is counted from the right.
    assert (found["csv: l2r off by one"], found["csv: l2r at boundary"]) == (1, 0)
    assert (found["csv: r2l off by one"], found["csv: r2l at boundary"]) == (2, 2)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="are missing"):
        list(rows.published(str(path)))
