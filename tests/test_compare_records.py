"""Records graded again and compared, against counts made by hand and SciPy's binomial test."""

import json
from dataclasses import replace

import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends import Failure, Reply, scripted
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question
from algorism.evaluation.records import Record
from algorism.evaluation.rescoring import compare_records, rescore

RUN = CliRunner()
QUESTIONS = [Question(f"q{i}", f"{i}+1=", str(i + 1)) for i in range(30)]


def record(path, answers, questions=QUESTIONS):
    """A record with these responses; None for a request that failed."""
    with Record(path, {"model": path.name}) as file:
        for question, text in zip(questions, answers):
            outcome = Failure(question.key, 0, "no answer") if text is None else Reply(question.key, 0, text)
            file.add(question, outcome)
    return path


def test_rescoring_finds_what_the_interview_found(tmp_path):
    found = interview(scripted("format-breaker"), QUESTIONS, tmp_path / "r")
    again = rescore(tmp_path / "r")
    for level in ("strict", "lenient"):
        assert again.accuracy[level] == found.accuracy(level)
    assert again.disagree == sum(graded.both.disagree for graded in found.graded())
    assert again.spec == found.spec


def test_every_count_is_what_was_written(tmp_path):
    answers = ["1", "The sum is 2.", "no idea", "5", None, None, *["0"] * 24]
    path = record(tmp_path / "r", answers)
    with Record(path, {"model": "r"}) as file:
        file.add(QUESTIONS[4], Reply("q4", 0, "5", "length"))  # the second try of a failed request
    found = rescore(path)
    assert (len(found.rows), found.failures, found.cut, found.unread, found.disagree) == (29, 1, 1, 1, 1)
    assert found.accuracy["strict"].value == pytest.approx(2 / 29)
    assert found.accuracy["lenient"].value == pytest.approx(3 / 29)
    reasons = {row["key"]: row["lenient"]["reason"] for row in found.rows}
    assert (reasons["q2"], reasons["q3"]) == ("no answer found", "different value")


def test_a_paired_comparison(tmp_path):
    right = [q.gold for q in QUESTIONS]
    a = record(tmp_path / "a", [*right[:20], *["0"] * 10])
    b = record(tmp_path / "b", [*["0"] * 12, *right[12:25], *["0"] * 5])
    found = compare_records(a, b)
    assert (found.test.both, found.test.only_a, found.test.only_b, found.test.neither) == (8, 12, 5, 5)
    assert found.test.p == pytest.approx(binomtest(5, 17).pvalue)
    assert found.difference.value == pytest.approx((20 - 13) / 30)
    assert found.difference.low < 7 / 30 < found.difference.high
    same = compare_records(a, a)
    assert (same.test.p, same.difference.value, same.wins) == (1.0, 0.0, ())


def test_only_shared_questions_are_compared_and_levels_differ(tmp_path):
    right = [q.gold for q in QUESTIONS]
    a = record(tmp_path / "a", [None, *(f"It is {text}." for text in right[1:])])
    b = record(tmp_path / "b", right[:28])
    lenient, strict = compare_records(a, b), compare_records(a, b, level="strict")
    assert (lenient.a.n, lenient.unmatched_a, lenient.unmatched_b) == (27, 2, 1)
    assert (lenient.a.value, lenient.b.value) == (1.0, 1.0)
    assert (strict.a.value, strict.b.value) == (0.0, 1.0)
    changed = record(tmp_path / "c", right, [replace(q, gold=q.gold + "0") for q in QUESTIONS])
    with pytest.raises(DataError, match="share no problem"):
        compare_records(a, changed)  # the same keys, other right answers: other questions


def test_what_is_no_record_is_explained(tmp_path):
    (tmp_path / "x").write_text("{}\n")
    with pytest.raises(CheckpointError, match="no record"):
        rescore(tmp_path / "x")
    with pytest.raises(DataError, match="holds no answer yet"):
        rescore(record(tmp_path / "empty", []))


def test_the_commands(tmp_path):
    right = [q.gold for q in QUESTIONS]
    a, b = record(tmp_path / "a", right), record(tmp_path / "b", ["0", *right[1:]])
    out = tmp_path / "rows.jsonl"
    text = RUN.invoke(app, ["rescore", str(b), "--out", str(out), "--show", "2"]).stdout
    assert "q0: expected 1, got '0' (different value)" in text
    assert text.splitlines()[-1] == str(out)
    assert [json.loads(line)["strict"]["correct"] for line in out.read_text().splitlines()] == [False] + [True] * 29
    values = json.loads(RUN.invoke(app, ["rescore", str(b), "--json"]).stdout)
    assert (values["answers"], values["lenient"]["value"]) == (30, pytest.approx(29 / 30))
    text = RUN.invoke(app, ["compare", str(a), str(b), "--show", "1"]).stdout
    assert "Only A right: 1; only B right: 0" in text
    assert "only A right: q0#0=1" in text
    values = json.loads(RUN.invoke(app, ["compare", str(a), str(b), "--json", "--level", "strict"]).stdout)
    assert values["comparison"]["test"]["only_a"] == 1
    failed = RUN.invoke(app, ["compare", str(a), str(b), "--level", "strct"])
    assert isinstance(failed.exception, UsageError)
    assert "Nearest known: 'strict'" in str(failed.exception)
