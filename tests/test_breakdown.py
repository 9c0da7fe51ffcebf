"""Breakdowns against straightforward counting with Python integers."""

import json
import random
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.errors import DataError
from algorism.evaluation.breakdown import ERROR_KINDS, breakdown, error_kind
from algorism.evaluation.statistics import wilson


@pytest.mark.parametrize(
    ("answer", "gold", "kind"),
    [
        ("579", "579", "correct"),
        (None, "579", "unparsed"),
        ("", "579", "unparsed"),
        ("5a9", "579", "unparsed"),
        ("-579", "579", "wrong sign"),
        ("579", "-579", "wrong sign"),
        ("79", "579", "missing digits"),
        ("999", "1000", "missing digits"),
        ("0579", "579", "extra digits"),
        ("5790", "579", "extra digits"),
        ("975", "579", "reversed"),
        ("21", "12", "reversed"),
        ("569", "579", "off by one carry"),
        ("679", "579", "off by one carry"),
        ("580", "579", "off by one carry"),
        ("2000", "1999", "off by one carry"),
        ("1900", "2000", "off by one carry"),
        ("759", "579", "digits swapped"),
        ("5432", "5234", "digits swapped"),
        ("509", "579", "one digit wrong"),
        ("549", "579", "one digit wrong"),
        ("509", "589", "one digit wrong"),
        ("123", "579", "several digits wrong"),
        ("-578", "579", "several digits wrong"),
        ("0.841", "0.842", "off by one carry"),
        ("0.841", "08.41", "several digits wrong"),
        ("0.84", "0.841", "missing digits"),
    ],
)
def test_kinds_of_error(answer, gold, kind):
    assert error_kind(answer, gold) == kind
    assert kind in ERROR_KINDS


@given(st.integers(1, 10**30), st.integers(0, 30), st.sampled_from([-1, 1]))
def test_off_by_a_power_of_ten_is_found_exactly(gold, power, sign):
    answer = gold + sign * 10**power
    if answer <= 0 or len(str(answer)) != len(str(gold)) or str(answer) == str(gold)[::-1]:
        return
    assert error_kind(str(answer), str(gold)) == "off by one carry"


@given(st.integers(10**5, 10**6 - 1), st.integers(10**5, 10**6 - 1))
def test_no_other_difference_is_called_a_carry(answer, gold):
    if error_kind(str(answer), str(gold)) == "off by one carry":
        assert abs(answer - gold) in {10**k for k in range(6)}


def sample(n, seed):
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        digits = rng.randint(1, 6)
        a, b = rng.randrange(10**digits), rng.randrange(10**digits)
        gold = a - b if rng.random() < 0.3 else a + b
        choice = rng.random()
        answer = str(gold) if choice < 0.5 else None if choice < 0.55 else str(gold + rng.choice([1, -10, 100, 3, 77]))
        if choice > 0.9:
            answer = str(gold)[:-1] or None
        rows.append((answer, str(gold), digits, rng.randint(0, digits)))
    return rows


def test_parts_equal_counting_one_by_one():
    rows = sample(3000, 0)
    answers, gold, digits, carries = map(list, zip(*rows))
    parts = breakdown(answers, gold, digits, carries)
    right = [a == g for a, g in zip(answers, gold)]
    assert parts.overall == wilson(sum(right), len(rows))
    for d in range(1, 7):
        mine = [ok for ok, (_, _, row, _) in zip(right, rows) if row == d]
        assert parts.by_digits[d] == wilson(sum(mine), len(mine))
    for c in range(7):
        mine = [ok for ok, (_, _, _, row) in zip(right, rows) if row == c]
        assert parts.by_carries[c] == wilson(sum(mine), len(mine))
    cells = Counter((d, c) for _, _, d, c in rows)
    assert {(cell.digits, cell.carries): cell.accuracy.n for cell in parts.table} == cells
    for place, interval in enumerate(parts.by_place):
        asked = [(a or "", g.lstrip("-")) for a, g, _, _ in rows if len(g.lstrip("-")) > place]
        hits = 0
        for a, g in asked:
            a = a.lstrip("-")
            hits += len(a) > place and a[-1 - place] == g[-1 - place]
        assert interval == wilson(hits, len(asked))
    assert len(parts.by_place) == max(len(g.lstrip("-")) for g in gold)


def test_every_answer_has_exactly_one_kind_and_examples_are_real():
    rows = sample(2000, 1)
    answers, gold, digits, carries = map(list, zip(*rows))
    parts = breakdown(answers, gold, digits, carries)
    assert {k: e.count for k, e in parts.errors.items() if e.count} == Counter(map(error_kind, answers, gold))
    assert sum(e.count for e in parts.errors.values()) == 2000
    assert tuple(parts.errors) == ERROR_KINDS
    for kind in parts.errors.values():
        assert len(kind.examples) == min(5, kind.count)
        for at, answer, right in kind.examples:
            assert (answers[at], gold[at]) == (answer, right)
            assert error_kind(answer, right) == kind.name


def test_json_is_plain_and_complete():
    answers, gold, digits, carries = map(list, zip(*sample(50, 2)))
    written = json.loads(json.dumps(breakdown(answers, gold, digits, carries).to_json(), allow_nan=False))
    assert set(written) == {"overall", "by_digits", "by_carries", "table", "by_place", "errors"}
    assert sum(cell["n"] for cell in written["table"]) == 50
    assert set(written["table"][0]) == {"digits", "carries", "value", "low", "high", "n"}


def test_all_unparsed():
    parts = breakdown([None, None], ["12", "3"], [2, 1], [0, 0])
    assert (parts.overall.value, parts.errors["unparsed"].count) == (0.0, 2)
    assert [(i.value, i.n) for i in parts.by_place] == [(0.0, 2), (0.0, 1)]


def test_ten_thousand_answers_take_less_than_a_fifth_of_a_second():
    answers, gold, digits, carries = map(list, zip(*sample(10_000, 3)))
    seconds = []
    for _ in range(3):
        start = time.process_time()
        breakdown(answers, gold, digits, carries)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.2


def test_unequal_lengths_and_nothing_are_refused():
    with pytest.raises(DataError, match="one of each per problem"):
        breakdown(["1"], ["1", "2"], [1, 1], [0, 0])
    with pytest.raises(DataError):
        breakdown([], [], [], [])
