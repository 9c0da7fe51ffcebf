"""Chains of rules: each we write verifies, and any single change is found at its line."""

import random
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, UsageError
from algorism.evaluation.suites.rules import (
    MARKER,
    RULES,
    Problem,
    chain,
    check,
    problem_of,
    question,
    questions,
    tally,
)
from algorism.evaluation.suites.rules.chains import problem
from algorism.tasks.numeracy import combination


@st.composite
def items(draw):
    name = draw(st.sampled_from(sorted(RULES)))
    row = combination(name)
    length = draw(st.integers(row.shortest, min(RULES[name].longest, 9)))
    return row.item(length, draw(st.integers(0, 10**6)))


@settings(max_examples=150, deadline=None)
@given(items())
def test_every_chain_we_write_verifies_and_has_the_exact_answer(item):
    asked = problem(item)
    assert asked.answer == item.answer  # of tasks.numeracy, which computes with whole numbers
    found = check(asked, chain(asked))
    assert found.valid
    assert not found.false_positive
    assert (found.first, found.kind, found.lines) == (None, None, len(asked.steps))
    assert problem_of(question(item)) == asked


@settings(max_examples=150, deadline=None)
@given(items(), st.data())
def test_any_single_changed_character_is_found_at_its_line(item, data):
    asked = problem(item)
    text = chain(asked)
    spots = [k for k, c in enumerate(text[: text.rindex(MARKER)]) if not c.isspace()]
    at = data.draw(st.sampled_from(spots))
    other = data.draw(st.sampled_from("0123456789abcxyz+-*#=:,."))
    assume(other != text[at])
    found = check(asked, text[:at] + other + text[at + 1 :])
    assert found.first == text[:at].count("\n")
    assert found.kind in ("value", "line")
    assert found.false_positive
    assert found.wanted == str(asked.steps[found.first])


@settings(max_examples=80, deadline=None)
@given(items(), st.data())
def test_lines_left_out_doubled_or_cut_off_are_found(item, data):
    asked = problem(item)
    lines = chain(asked).split("\n")
    at = data.draw(st.integers(0, len(lines) - 2))
    doubled = check(asked, "\n".join([*lines[: at + 1], *lines[at:]]))
    without = check(asked, "\n".join(lines[:at] + lines[at + 1 :]))
    cut = check(asked, "\n".join(lines[:at]))
    # A line that equals its neighbour may be either of the two.
    assert doubled.first == at + 1 or lines[at] == lines[at + 1]
    assert without.first == at or lines[at] == lines[at + 1]
    assert without.false_positive
    assert (cut.first, cut.kind) == (at, "missing")
    swapped = [*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]]
    if at < len(lines) - 2 and lines[at] != lines[at + 1]:
        assert check(asked, "\n".join(swapped)).first == (at or 1)  # what stands before the head is forgiven


@given(items(), st.integers(0, 10**9))
@settings(max_examples=40, deadline=None)
def test_a_wrong_answer_behind_a_right_chain(item, other):
    asked = problem(item)
    said = f"{other}.5" if "." in asked.answer else str(other)
    assume(float(said) != float(asked.answer))
    found = check(asked, chain(asked).replace(f"{MARKER} {asked.answer}", f"{MARKER} {said}"))
    assert (found.first, found.kind, found.correct) == (len(asked.steps), "answer", False)


def test_a_worked_chain():
    asked = Problem("sub-integer", ("52", "7"))
    assert chain(asked) == "\n".join(
        [
            "def subtract(a: str, b: str) -> str:  # a = '52', b = '7'",
            "answer = \"\"  # answer = ''",
            "borrow = 0  # borrow = 0",
            "while a:",
            "digit = int(a[-1:]) - int(b[-1:] or 0) - borrow  # digit = -5",
            "borrow = int(digit < 0)  # borrow = 1",
            "answer = str(digit % 10) + answer  # answer = '5'",
            "a = a[:-1]  # a = '5'",
            "b = b[:-1]  # b = ''",
            "while a:",
            "digit = int(a[-1:]) - int(b[-1:] or 0) - borrow  # digit = 4",
            "borrow = int(digit < 0)  # borrow = 0",
            "answer = str(digit % 10) + answer  # answer = '45'",
            "a = a[:-1]  # a = ''",
            "b = b[:-1]  # b = ''",
            "while a:",
            'return answer.lstrip("0") or "0"  # \'45\'',
            "So the answer is 45",
        ]
    )


def test_manner_does_not_count():
    asked = Problem("add-float", ("9.5", "0.75"))
    text = chain(asked)
    lines = text.split("\n")
    body = "\n\n   ".join(lines[:-1]).replace("'", '"')
    for other in (f"Sure! The rule gives:\n```python\n{body}\n```\n{MARKER}: **10.25**.", text + ".", "\n" + text):
        assert check(asked, other).valid, other
    assert check(asked, "10.25").kind == "line"  # what is no chain
    assert check(asked, "10.25").false_positive
    assert check(asked, f"{MARKER} 10.25").kind == "missing"
    assert check(asked, "").first == 0
    assert check(asked, "\n".join(lines[:-1])).kind == "answer"
    assert check(asked, "\n".join([*lines[:-1], "print(answer)", lines[-1]])).kind == "extra"
    assert check(asked, text * 1_500).first == len(lines) - 1  # over a megabyte


def test_recording_leaves_another_tracer_in_place():
    calls = []

    def tracer(frame, event, arg):
        calls.append(event)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        Problem("length-integer", ("123",)).steps  # noqa: B018
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_questions_show_the_rule_and_an_example_and_the_sum_of_verdicts():
    asked = questions(lengths=[2, 7, 20], n=2)
    assert len({q.key for q in asked}) == len(asked)
    assert {q.facts["combination"] for q in asked} == set(RULES)
    for one in asked:
        assert RULES[one.facts["combination"]].text in one.prompt
        assert one.facts["length"] <= RULES[one.facts["combination"]].longest
        assert problem_of(one).answer == one.gold
    random.Random(0).shuffle(asked)
    chains = [chain(problem_of(q)) for q in asked]
    chains[0] = chains[0].replace("# ", "# x", 1)
    chains[1] = f"{MARKER} 0.5"
    made = tally([check(problem_of(q), text) for q, text in zip(asked, chains, strict=True)])
    n = len(asked)
    assert (made.correct.value, made.valid.value) == ((n - 1) / n, (n - 2) / n)
    assert made.false_positives.value == 1 / (n - 1)
    assert made.kinds == {"value": 1, "missing": 1}


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="no rule for 'add-intege'"):
        Problem("add-intege", ("1", "2"))
    with pytest.raises(DataError):
        tally([])


def test_the_command_asks_by_rule_and_says_which_line_is_wrong(tmp_path):
    import json

    from typer.testing import CliRunner

    from algorism.cli import app

    ask = ["suite", "nupa", "scripted:oracle", "--tasks", "rule-add,max-float", "--lengths", "3", "-n", "2"]
    done = CliRunner().invoke(app, [*ask, "--record", str(tmp_path / "r.jsonl"), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["combinations"]) == {"max-float"}
    assert set(found["rules"]) == {"add-integer", "add-float"}
    for row in found["rules"].values():  # right answers, and nothing of a chain
        assert (row["correct"]["value"], row["valid"]["value"], row["false_positives"]["value"]) == (1.0, 0.0, 1.0)
        assert row["first_wrong"] == {"line": 2}
    table = CliRunner().invoke(app, [*ask, "--record", str(tmp_path / "r.jsonl")])
    assert "following a rule line by line" in table.output
    wrong = CliRunner().invoke(app, [*ask[:4], "rule-ad"])
    assert "Nearest known: 'rule-add'" in str(wrong.output) + str(wrong.exception)
