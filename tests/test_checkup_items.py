"""The check-up's questions: exact, numbered, never twice, and well put in every style."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.evaluation.backends.protocol import as_text
from algorism.evaluation.checkup.arms import ARMS
from algorism.evaluation.checkup.calibration import SUMS
from algorism.evaluation.checkup.contrasts import CONTRASTS, level_of, paired_difference, verdict
from algorism.evaluation.checkup.items import carrying, copying, in_words, letters, rewritten, sorting, sum_of
from algorism.evaluation.checkup.probes import PROBES, Stream, blind
from algorism.evaluation.checkup.styles import STYLES, worked_examples
from algorism.evaluation.reading import Reading
from algorism.evaluation.statistics import Interval


def carries(a, b):
    """Columns that carry, by hand."""
    count = carry = 0
    while a or b:
        carry = (a % 10 + b % 10 + carry) > 9
        count, a, b = count + carry, a // 10, b // 10
    return count


@pytest.mark.parametrize("name", PROBES)
def test_streams_repeat_nothing_and_do_not_depend_on_how_they_are_cut(name):
    probe = PROBES[name]
    for level in (probe.levels[0], probe.levels[-1]):
        whole = Stream(probe, level, seed=1).take(12)
        cut = Stream(probe, level, seed=1)
        parts = [*cut.take(5), *cut.take(4), *cut.take(3)]
        assert [(i, item) for i, item in whole] == parts
        assert len({item.formula for _, item in whole}) == len(whole)
        assert all(i < j for (i, _), (j, _) in pairwise(whole))
    assert Stream(probe, probe.levels[1], 1).take(4) != Stream(probe, probe.levels[1], 2).take(4)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(0, 200))
def test_sums_with_every_carry_and_with_none(level, index):
    for every in (True, False):
        item = carrying(every)(level, index, 0)
        a, b = map(int, item.numbers)
        assert carries(a, b) == (level if every else 0)
        assert int(item.answer) == a + b
        assert max(len(str(a)), len(str(b))) == level


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 32), st.integers(0, 50))
def test_lists_and_letters(level, index):
    asked = sorting(level, index, 0)
    assert asked.answer == ", ".join(map(str, sorted(map(int, asked.formula.split(", ")))))
    assert copying(level, index, 0).answer == copying(level, index, 0).formula
    text = letters(level, index, 0)
    assert int(text.answer) == sum(letter == "a" for letter in text.formula.removeprefix("number of a in "))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**25), st.integers(0, 10**25))
def test_writings_are_undone_by_reading(a, b):
    for writing in ("grouped from the right", "grouped from the left", "digit by digit"):
        item = rewritten(sum_of(a, b), writing)
        assert item.answer == str(a + b)
        assert Reading(separated=item.separated).text(item.shown) == str(a + b)
        assert item.formula.replace(",", "").replace(" ", "") == f"{a}+{b}"
    assert rewritten(sum_of(a, b), "grouped from the right").formula == f"{a:,} + {b:,}"


def test_styles_write_what_they_say():
    item = sum_of(12, 34)
    examples = (sum_of(1, 2), sum_of(3, 4), sum_of(5, 6), sum_of(7, 8))
    prompts = {name: as_text(style.write(item, examples[: style.examples])) for name, style in STYLES.items()}
    assert prompts["bare"] == "12+34="
    assert prompts["spaced"] == "12 + 34 ="
    assert prompts["dollar"] == prompts["dollar-backwards"] == "$12+34="
    assert prompts["question"] == "Question: Add two numbers: 12 + 34 =\nAnswer:"
    assert prompts["examples"] == "1 + 2 = 3\n3 + 4 = 7\n5 + 6 = 11\n7 + 8 = 15\n12 + 34 ="
    assert prompts["chat"].endswith("like 123. Add two numbers: 12 + 34 =")
    larger = PROBES["max-integer"].make(2, 0, 0)
    for name in ("bare", "spaced", "dollar", "question", "chat"):
        assert larger.task in as_text(STYLES[name].write(larger, ()))
    assert STYLES["bare"].write(in_words(item), ()) == "The sum of 12 and 34 is"
    assert as_text(STYLES["chat"].write(in_words(item), ())).endswith("What is the sum of 12 and 34?")


@pytest.mark.parametrize("name", ["add-integer", "count-integer", "sort-list"])
def test_worked_examples_never_hold_the_question(name):
    probe, style = PROBES[name], STYLES["examples"]
    level = probe.levels[0]
    for _, item in Stream(probe, level, 0).take(30):
        shown = worked_examples(probe.make, level, style, item, 0)
        assert len({example.formula for example in shown}) == style.examples
        assert item.formula not in {example.formula for example in shown}


def test_the_sums_of_the_calibration_show_the_order_of_digits():
    assert not [a + b for a, b in SUMS if str(a + b) == str(a + b)[::-1]]


def test_room_for_answers_grows_with_them():
    for style in STYLES.values():
        assert style.tokens(sum_of(10**19, 1)) >= 2 * 20
        assert style.tokens(sum_of(10**39, 1)) > style.tokens(sum_of(1, 1))


def test_blind_answers():
    assert blind(PROBES["max-integer"], 20, 0).share == pytest.approx(0.5, abs=0.03)
    assert blind(PROBES["length-integer"], 6, 0).share == 1
    assert blind(PROBES["add-integer"], 12, 0).share <= 0.02
    assert blind(PROBES["get_digit-integer"], 20, 0).share < 0.3


def test_arms_of_a_contrast_ask_for_the_same_or_a_matching_sum():
    for contrast in CONTRASTS:
        a, b = ARMS[contrast.a](8, 3, 0), ARMS[contrast.b](8, 3, 0)
        assert (a.formula, a.sentence, a.task) != (b.formula, b.sentence, b.task)
        if contrast.name not in ("carries", "length", "unequal", "longer", "round", "rule"):  # other numbers
            assert a.answer == b.answer
        assert contrast.better
        assert contrast.worse
        assert contrast.least <= level_of(contrast, 0, (1, 2, 3)) <= contrast.most


def test_the_interval_of_a_paired_difference_covers():
    import random

    rng, covered, runs = random.Random(1), 0, 600
    for _ in range(runs):
        pairs = [(rng.random() < 0.8, rng.random() < 0.6) for _ in range(50)]
        only_b, only_a = sum(b > a for a, b in pairs), sum(a > b for a, b in pairs)
        found = paired_difference(only_b, only_a, 50)
        covered += found.low <= -0.2 <= found.high
    assert 0.93 <= covered / runs <= 0.985


def test_small_or_unsure_effects_are_not_shown():
    assert verdict(Interval(0.2, 0.1, 0.3, 50), 0.01) == "better"
    assert verdict(Interval(-0.2, -0.3, -0.1, 50), 0.01) == "worse"
    assert verdict(Interval(0.2, -0.1, 0.3, 50), 0.06) == "no"
    assert verdict(Interval(0.02, 0.01, 0.03, 5000), 0.001) == "no"
