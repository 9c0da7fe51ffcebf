"""The exact grader against tables decided by hand, and against Python's own numbers."""

import json
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from algorism.errors import UsageError
from algorism.evaluation.grading import LEVELS, grade, grade_both, grade_many

TABLE = Path(__file__).parent / "data" / "adversarial_answers.tsv"


def rows():
    lines = TABLE.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "gold\tkind\tstrict\tlenient\tresponse"
    for line in lines[1:]:
        if line:
            gold, kind, strict, lenient, response = line.split("\t")
            yield gold, kind, strict == "1", lenient == "1", json.loads(response)


@pytest.mark.parametrize("level", LEVELS)
def test_table_of_adversarial_answers(level):
    table = list(rows())
    assert len(table) >= 700
    wrong = []
    for gold, kind, strict, lenient, response in table:
        expected = strict if level == "strict" else lenient
        if grade(response, gold, kind=kind, level=level).correct != expected:
            wrong.append((response, gold, kind, f"expected {expected}"))
    assert wrong == []


def test_table_has_both_verdicts_for_every_kind_and_strict_implies_lenient():
    table = list(rows())
    for kind in ("integer", "decimal", "fraction", "sequence"):
        verdicts = {(strict, lenient) for _, k, strict, lenient, _ in table if k == kind}
        assert verdicts == {(True, True), (False, True), (False, False)}


# What other graders accept (gold, response): none of it may pass at either level.
FALSE_ACCEPTS = [
    (123456, "123457"),  # compared at five significant digits
    (12345678, "12345679"),  # relative tolerance
    (42, "4200"),  # times a hundred
    (42, "0.42"),
    (1_000_000, "1,009,000"),  # one per cent
    (12, "112"),  # part of a string
    (579, "123+456"),  # the question itself
    (15, r"$3\times 5$"),
    (8, "2^3"),
    (42, "42%"),
    (56088, "56088 (I think it may be 56087)"),
    (56087, "56088 (I think it may be 56087)"),
    (1, "1e3"),
    (3, "5 4 3"),
]


@pytest.mark.parametrize(("gold", "response"), FALSE_ACCEPTS)
def test_false_accepts_of_other_graders_are_refused(gold, response):
    both = grade_both(response, gold)
    assert not both.strict.correct
    assert not both.lenient.correct


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("579", "equal"),
        ("580", "different value"),
        ("", "no answer found"),
        ("123+456", "unevaluated expression"),
        ("42%", "a percentage"),
        ("579 or 580", "several answers"),
        ("at least 579", "a bound or a negation"),
        ("The answer is 579. That is wrong.", "answer taken back"),
        ("abc579", "not a number that can be read"),
    ],
)
def test_reason_says_what_happened(response, reason):
    assert grade(response, 579, level="lenient").reason == reason


def test_grade_reports_text_and_value():
    found = grade("The answer is $1,234.50$.", "1234.5", kind="decimal", level="lenient")
    assert (found.correct, found.extracted, found.value) == (True, "1,234.50", Decimal("1234.50"))
    assert isinstance(grade("1/2", "0.5", kind="fraction").value, Fraction)
    assert isinstance(grade("2/1", 2, kind="fraction").value, int)
    missing = grade("no", 1)
    assert (missing.correct, missing.extracted, missing.value) == (False, None, None)


@pytest.mark.parametrize(
    ("response", "marker", "strict"),
    [
        ("Answer: 579", "Answer:", True),
        ("3+6=9\nAnswer: 579\n", "Answer:", True),
        ("123+456=579", "=", True),
        ("work\n#### 579", "####", True),
        ("579", "Answer:", True),
        ("Answer: 579.", "Answer:", False),
        ("Answer: 579 or 580", "Answer:", False),
        ("Answer: 123+456", "Answer:", False),
        ("Answer: 5\nAnswer: 579", "Answer:", False),
        ("Wrong Answer: 579", "Answer:", False),
        ("answer: 579", "Answer:", False),
        ("x!=579", "=", False),
        ("x is not = 579", "=", False),
        ("580<=579", "=", False),
        ("Answer: 579\nNo, 580", "Answer:", False),
        ("<answer>579</answer> no, 580", None, False),
        ("<answer>579</answer><answer>579</answer>", None, False),
        ("<answer>579</answer>", "<answer>", True),
        ("Answer:", "Answer:", False),
        ("579", "5", True),
        ("5579", "5", False),
    ],
)
def test_strict_marker(response, marker, strict):
    assert grade(response, 579, marker=marker).correct == strict


def test_lenient_marker_overrides_later_text():
    response = "RESULT>> **579**\nThe first operand was 123."
    assert grade(response, 579, level="lenient", marker="RESULT>>").correct
    assert grade(response, 579, level="lenient", marker="result>>").correct
    assert not grade(response, 123, level="lenient", marker="RESULT>>").correct


def test_a_fraction_that_repeats_the_question_is_no_answer():
    assert grade("84/2", 42, level="lenient").correct
    assert not grade("84/2", 42, level="lenient", question="What is 84 / 2?").correct
    assert grade("84/2", 42, level="lenient", question="What is 126 - 84?").correct
    assert grade("42", 42, level="lenient", question="What is 42 + 0?").correct


@pytest.mark.parametrize(
    ("response", "correct"),
    [
        ("0.8414", True),
        ("0.8424", True),
        ("0.84240001", False),
        ("0.8404", True),
        ("0.84039", False),
        ("-0.8414", False),
    ],
)
def test_tolerance_is_absolute_exact_and_inclusive(response, correct):
    assert grade(response, "0.8414", kind="decimal", tolerance=Decimal("0.001")).correct == correct
    assert not grade("0.8415", "0.8414", kind="decimal").correct


def test_tolerance_with_fractions():
    assert grade("1/3", "0.3333", kind="fraction", tolerance=Decimal("0.0001")).correct
    assert not grade("1/3", "0.3333", kind="fraction", tolerance=Decimal("0.00003")).correct


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        (0.5, "decimal"),
        (True, "integer"),
        ("abc", "integer"),
        ("1/2", "integer"),
        ("0.5", "integer"),
        (None, "integer"),
        ("", "integer"),
        ("1/0", "fraction"),
        (Decimal("NaN"), "decimal"),
        ([1, 0.5], "sequence"),
        ("x" * 10**6, "decimal"),
    ],
)
def test_a_right_answer_that_is_not_exact_is_refused(gold, kind):
    with pytest.raises(UsageError) as caught:
        grade("1", gold, kind=kind)
    assert len(str(caught.value)) < 200


def test_usage_errors_name_what_is_known():
    with pytest.raises(UsageError, match="Nearest known: 'integer'"):
        grade("1", 1, kind="integr")
    with pytest.raises(UsageError, match="Nearest known: 'lenient'"):
        grade("1", 1, level="lenint")
    with pytest.raises(UsageError, match=r"Decimal\('0.001'\)"):
        grade("1", 1, tolerance=0.001)
    with pytest.raises(UsageError, match="must be str"):
        grade(None, 1)
    with pytest.raises(UsageError, match="2 responses but 1 right answers"):
        grade_many(["1", "2"], [1])


def test_right_answers_of_every_type():
    assert grade("579", np.int64(579)).correct
    assert grade("0.50", Decimal("0.5"), kind="decimal").correct
    assert grade("2/4", Fraction(1, 2), kind="fraction").correct
    assert grade("1, 1/2, 0.25", [1, Fraction(1, 2), "0.25"], kind="sequence").correct
    assert grade("3", Decimal("3.0"), kind="integer").correct


def test_integers_beyond_the_limit_of_int():
    long = "123456789" * 20_000
    other = long[:-1] + "8"
    for level in LEVELS:
        assert grade(long, long, level=level).correct
        assert not grade(other, long, level=level).correct
        assert not grade(long + "0", long, level=level).correct
    for dress in ("Answer: {}", "**{}**", "\\boxed{{{}}}", "The answer is {}."):
        assert grade(dress.format(long), long, level="lenient").correct
        assert not grade(dress.format(other), long, level="lenient").correct
        assert not grade(dress.format(long), long[1:], level="lenient").correct
    assert not grade("The answer is 0" + "," + "123," * 9000 + "579", 579, level="lenient").correct


MEGABYTE = 1_000_000
JUNK = [
    "1 ",
    "1,,",
    "1. ",
    "a",
    "{",
    "**a",
    "\\boxed{",
    "<b",
    "wait 1 wrong ",
    "or 1 ",
    "maybe 1. ",
    "\n1",
    "½",
    "twenty-",
    ":",
]
JUNK += [
    "one million ",
    "1/",
    "1 1/1 ",
    "\\frac{",
    "~~",
    "= ",
    "is ",
    "answer is 1 ",
    "((1",
    "1e",
    "<answer>",
    "١",
    "-",
    "1 x 10 ^",
]


@pytest.mark.parametrize("piece", JUNK)
@pytest.mark.parametrize("kind", ["integer", "sequence"])
def test_a_megabyte_of_junk_is_refused_fast(piece, kind):
    response = piece * (MEGABYTE // len(piece))
    for level in LEVELS:
        start = time.process_time()
        found = grade(response, 579 if kind == "integer" else [579], kind=kind, level=level)
        assert time.process_time() - start < 3  # a tenth of a second on a quiet core; hours if it were quadratic
        assert not found.correct


def test_answer_after_and_inside_a_megabyte():
    junk = "Let me think about 12 and 13. " * (MEGABYTE // 30)
    assert grade(junk + "The answer is 579.", 579, level="lenient").correct
    assert grade(junk + "\\boxed{579}" + junk, 579, level="lenient").correct
    assert not grade(junk + "The answer is 580.", 579, level="lenient").correct


def test_grade_many_agrees_with_grade_on_the_table():
    table = list(rows())
    for kind in ("integer", "decimal", "fraction", "sequence"):
        chosen = [(r, g) for g, k, _, _, r in table if k == kind]
        responses, golds = [r for r, _ in chosen], [g for _, g in chosen]
        for level in LEVELS:
            one_by_one = [grade(r, g, kind=kind, level=level).correct for r, g in chosen]
            assert grade_many(responses, golds, kind, level).tolist() == one_by_one


def test_grade_many_is_fast():
    random = np.random.default_rng(0)
    golds = random.integers(-(10**12), 10**12, 100_000).tolist()
    responses = [str(g + int(i % 2)) for i, g in enumerate(golds)]
    for level in LEVELS:
        seconds = []
        for _ in range(3):
            start = time.process_time()
            correct = grade_many(responses, golds, level=level)
            seconds.append(time.process_time() - start)
        assert correct.tolist() == [True, False] * 50_000
        assert len(golds) / min(seconds) > 200_000


def test_importing_the_grader_does_not_import_torch():
    code = "import sys, algorism.evaluation.grading; print('torch' in sys.modules, 'transformers' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
