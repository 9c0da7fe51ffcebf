"""More answers whose verdicts were decided by hand, by what makes them hard, and a megabyte of each sort of noise."""

import json
from collections import Counter
from pathlib import Path

import pytest

from algorism.evaluation.grading import LEVELS, grade, grade_both

TABLE = Path(__file__).parent / "data" / "grader_cases.tsv"
OLDER = Path(__file__).parent / "data" / "adversarial_answers.tsv"


def cases():
    head, *lines = TABLE.read_text(encoding="utf-8").split("\n")
    assert head == "category\tgold\tkind\tstrict\tlenient\tresponse"
    for line in filter(None, lines):
        category, gold, kind, strict, lenient, response = line.split("\t")
        yield category, gold, kind, {"strict": strict == "1", "lenient": lenient == "1"}, json.loads(response)


@pytest.mark.parametrize("level", LEVELS)
def test_verdicts_are_those_of_the_table(level):
    wrong = [
        (category, response, gold, f"expected {expected[level]}")
        for category, gold, kind, expected, response in cases()
        if grade(response, gold, kind=kind, level=level).correct != expected[level]
    ]
    assert wrong == []


def test_the_table_adds_to_the_older_one_and_covers_every_sort():
    older = {tuple(line.split("\t")[i] for i in (0, 1, 4)) for line in OLDER.read_text("utf-8").split("\n")[1:] if line}
    fresh = [case for case in cases() if (case[1], case[2], json.dumps(case[4])) not in older]
    assert len(fresh) >= 500
    sorts = Counter(category for category, *_ in cases())
    assert len(sorts) == 18
    assert min(sorts.values()) >= 10
    for category in sorts:
        if category != "nothing":
            assert {expected["lenient"] for c, _, _, expected, _ in cases() if c == category} == {True, False}
    assert all(expected["lenient"] for *_, expected, _ in cases() if expected["strict"])


@pytest.mark.parametrize(
    ("response", "gold", "lenient"),
    [
        ("912? No, 913.", 913, True),
        ("912? No, 913.", 912, False),
        ("I am sure of 912. See page 7.", 912, True),
        ("I did it in step 2.", 2, False),
        ("The answer on line 3 is 912", 912, True),
        (r"$x \le 5$", 5, False),
        (r"$\left( 5 \right)$", 5, True),
        ("$4!$", 4, False),
        ("It is 24!", 24, True),
        ("x₂ = 5", 5, True),
        ("25 pct", 25, False),
    ],
)
def test_readings_that_were_once_wrong(response, gold, lenient):
    both = grade_both(response, gold)
    assert not both.strict.correct
    assert both.lenient.correct == lenient


@pytest.mark.parametrize("piece", ["12 ", "no ", "{", "12! $", "_{", "? no ", "line 9\n", "\\le", "9e9 ", "∞"])
def test_a_megabyte_of_noise_hides_no_answer_and_invents_none(piece):
    noise = piece * (1_000_000 // len(piece))
    for kind in ("integer", "scientific"):
        assert not grade(noise, 579, kind=kind, level="strict").correct
        assert not grade(noise, 579, kind=kind, level="lenient").correct
    assert grade(noise + "\n\nThe answer is 579.", 579, level="lenient").correct


def test_scientific_answers_in_the_form_that_was_asked():
    for text in ("9.92e16", "1.0e0", "-2.5e-3", "9e2"):
        assert grade(text, text, kind="scientific").correct
    for text in ("99.2e15", "9.92E16", "9.92e+16", "09.92e16", "9.92e016", "9.92e", "99200000000000000"):
        assert not grade(text, "9.92e16", kind="scientific").correct
    assert not grade("1.0e99999", 1, kind="scientific").correct
