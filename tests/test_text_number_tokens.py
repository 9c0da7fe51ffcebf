"""Numbers as tokens: the brief's examples, exact inverses for every way of writing, hints that mark equal places."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import ShapeError, UsageError
from algorism.tasks.numeracy import COMBINATIONS, combination
from algorism.text.number_tokens import CUTS, EOS, REVERSALS, NumberTokens, Writing

WRITINGS = st.builds(
    Writing,
    st.integers(1, 3),
    st.sampled_from(CUTS),
    st.sampled_from(REVERSALS),
    st.booleans(),
    st.booleans(),
)
TOKENS = NumberTokens(3, places=30)


def shown(text: str, **writing) -> str:
    ids = NumberTokens(writing.get("chunk", 1)).question([text], Writing(**writing))
    return NumberTokens(writing.get("chunk", 1)).show(ids).removeprefix("<bos> ").removesuffix(" <op0> =")


@pytest.mark.parametrize(
    ("reverse", "text"),
    [("no", "12.19"), ("int", "21.19"), ("dec", "12.91"), ("each", "21.91"), ("total", "91.21")],
)
def test_reversal_as_the_paper_shows_it(reverse, text):
    assert shown("12.19", reverse=reverse).replace(" ", "") == text


def test_chunks_are_cut_from_the_point():
    assert shown("1234567", chunk=3) == "1 234 567"
    assert shown("1234567", chunk=3, cut="left") == "123 456 7"
    assert shown("12345.6789", chunk=3) == "12 345 . 678 9"
    assert shown("1234567", chunk=2, reverse="int") == "67 45 23 1"


@pytest.mark.parametrize(("chunk", "numbers"), [(1, 10), (2, 110), (3, 1110)])
def test_the_vocabulary_has_the_paper_s_size(chunk, numbers):
    assert NumberTokens(chunk).vocab_size == 6 + numbers
    assert NumberTokens(chunk, places=30).vocab_size == 6 + numbers + 90
    assert NumberTokens(chunk, operators=41).vocab_size == 46 + numbers


@pytest.mark.parametrize("name", [n for n, row in COMBINATIONS.items() if not row.variant])
@settings(max_examples=15, deadline=None)
@given(WRITINGS, st.integers(0, 10**6), st.integers(2, 9))
def test_answers_are_read_back(name, writing, index, length):
    item = combination(name).item(length, index)
    ids, prompt = TOKENS.line(item, writing, random.Random(index))
    assert TOKENS.read(ids[prompt:], item.combination.answer, writing) == item.answer
    assert ids[-1] == EOS
    assert max(ids) < TOKENS.vocab_size


@settings(max_examples=80, deadline=None)
@given(WRITINGS, st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 99))
def test_padding_makes_operands_equally_long_and_hints_mark_equal_places(writing, a, b, seed):
    text = TOKENS.show(TOKENS.question([str(a), str(b)], writing, random.Random(seed)))
    first, second = (re.findall(r"(<a\d+> )?\b(\d+)", half) for half in text.split("<op0>"))
    sides = []
    for side, number in ((first, a), (second, b)):
        digits = [d for _, d in side]
        turned = digits[::-1] if writing.reverse in ("int", "each", "total") else digits
        assert int("".join(turned)) == number
        assert all(bool(h) == writing.hints for h, _ in side)
        sides.append([h for h, _ in (side[::-1] if turned is not digits else side)])
        if writing.pad:
            assert len("".join(digits)) == max(len(str(a)), len(str(b)))
    if writing.hints:  # counted from the last token
        short = min(map(len, sides))
        assert sides[0][-short:] == sides[1][-short:]


def test_decimals_are_padded_and_hinted_from_the_point():
    tokens = NumberTokens(1, places=4)
    text = tokens.show(tokens.question(["1.5", "23.125"], Writing(pad=True, hints=True), random.Random(0)))
    left, right = (re.findall(r"<[abc]\d+>", half) for half in text.split("<op0>"))
    assert left == right
    assert re.sub(r"<[abc]\d+>| ", "", text) == "<bos>01.500<op0>23.125="


def test_what_is_no_number_reads_as_nothing():
    tokens, way = NumberTokens(1), Writing()
    five = tokens.answer("5", way)[0]
    assert tokens.read([five, EOS, five], "integer", way) == "5"
    for ids in ([EOS], [five, 4, EOS], [five, 1, EOS]):
        assert tokens.read(ids, "integer", way) == ""
    assert tokens.read([five, 4, five], "fraction", way) == "5/5"


def test_wrong_use_is_refused():
    for call in (
        lambda: Writing(4),
        lambda: Writing(reverse="all"),
        lambda: NumberTokens(1).question(["12"], Writing(2)),
        lambda: NumberTokens(2).question(["12"], Writing(2, "random")),
    ):
        with pytest.raises(UsageError):
            call()
    with pytest.raises(ShapeError, match="3 places"):
        NumberTokens(1, places=2).question(["123", "1"], Writing(hints=True), random.Random(0))
