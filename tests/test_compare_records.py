"""Records graded again and compared, against counts made by hand and SciPy's binomial test."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends import Failure, Reply, scripted
from algorism.evaluation.checkup import checkup, smallest_budget
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question
from algorism.evaluation.reading import Reading
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


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**12), st.booleans(), st.booleans(), st.sampled_from([None, "12 + 34", "6/7"]))
def test_how_an_answer_is_read_is_kept_with_its_question(number, backwards, separated, repeated):
    reading = Reading(backwards, separated, repeated=repeated)
    question = Question("a", "?", str(number), reading=reading)
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question
    said = f"{number:,}" if separated else str(number)
    said = said[::-1] if backwards else said
    assert question.grade(said).strict.correct
    assert not question.grade(str(number + 1)[::-1] if backwards else str(number + 1)).lenient.correct


def test_readings_of_other_versions_are_refused():
    with pytest.raises(DataError, match="read 'sideways'"):
        Reading.from_json({"sideways": True})


def test_an_exact_text_is_asked_for():
    question = Question("a", "?", "1.50e2", "scientific", reading=Reading(exact_text=True))
    assert question.grade("1.50e2").strict.correct
    assert not question.grade("1.5e2").strict.correct
    assert question.grade("1.5e2").lenient.correct


def test_a_checkup_is_rescored_as_it_was_graded(tmp_path):
    """In the style that this model answers best: its answers are written from the last digit."""

    class Backwards:
        name = "backwards"

        def fingerprint(self):
            return {"kind": "backwards"}

        def generate(self, requests, sampling):
            for request in requests:
                known = str(request.prompt).startswith("$") and len(request.prompt) % 7
                yield Reply(request.key, request.sample, str(request.facts["gold"])[::-1] if known else "none")

    found = checkup(Backwards(), tmp_path / "r", budget=smallest_budget())
    assert found.style.name == "dollar-backwards"
    rows = {row["key"]: row for row in rescore(tmp_path / "r").rows}
    asked = [outcome for outcome in found.outcomes if outcome.reply is not None]
    assert {rows[o.asked.key]["lenient"]["correct"] for o in asked} == {True, False}
    for outcome in asked:
        row = rows[outcome.asked.key]
        assert (row["strict"]["correct"], row["lenient"]["correct"]) == (outcome.strict, outcome.right)
