"""Properties of the grader: every accepted way to write the right number is accepted, a different number never is."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.evaluation.grading import grade, grade_many
from algorism.evaluation.number_words import read_words
from algorism.evaluation.values import read_run

NAMES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
ONES = NAMES.split()[:20]
TENS = ["", "", *NAMES.split()[20:]]


def words(n, joiner=" "):
    """English words of 0 <= n < 10**9, written here independently of the reader."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("-" + ONES[n % 10] if n % 10 else "")
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = n % size
            glue = joiner if size == 100 else " "
            return f"{words(n // size, joiner)} {name}" + (glue + words(rest, joiner) if rest else "")
    raise AssertionError


NOTATIONS = [
    str,
    lambda n: f"{n:,}",
    lambda n: f"{n:,}".replace(",", "\u202f"),
    lambda n: f"{n:,}".replace(",", "'"),
    lambda n: f"{n:_}",
    lambda n: str(n).replace("-", "\u2212"),
    lambda n: "".join(chr(0xFF10 + int(c)) if c.isdigit() else c for c in str(n)),
    lambda n: "".join(chr(0x0660 + int(c)) if c.isdigit() else c for c in str(n)),
    lambda n: f"{n}.00",
    lambda n: f"{'-' * (n < 0)}000{abs(n)}",
    lambda n: f"{n:,}".replace(",", "{,}"),
]
FRAMES = [
    "{}",
    "{}.",
    "**{}**",
    "$\\boxed{{{}}}$",
    "The answer is {}.",
    "Answer: {}",
    "12 + 13 = {}",
    "Adding 12 to 13 we get {}",
    "First 2 + 3 = 5, then 1 + 1 = 2. So the answer is {}.",
    "{}\n\nExplanation: 2+3=5, 1+1=2",
    "It costs {} dollars",
    "<answer>{}</answer>",
    "I first thought 7, but the final answer is {}.",
    "Step 1: 2+3=5\nStep 2: 1+1=2\nResult: {}",
]

integers = st.one_of(st.integers(-2000, 2000), st.integers(-(10**40), 10**40))


@settings(max_examples=300, deadline=None)
@given(integers, st.sampled_from(NOTATIONS), st.sampled_from(FRAMES))
def test_a_right_answer_in_any_notation_and_frame_is_accepted(n, notation, frame):
    assert grade(frame.format(notation(n)), n, level="lenient").correct


@settings(max_examples=400, deadline=None)
@given(integers, st.data(), st.sampled_from(NOTATIONS), st.sampled_from(FRAMES))
def test_a_different_number_is_never_accepted(gold, data, notation, frame):
    power = st.integers(0, 41).map(lambda k: 10**k)
    near = st.one_of(
        power.map(lambda p: gold + p),
        power.map(lambda p: gold - p),
        power.map(lambda p: gold * p),
        power.map(lambda p: gold // p),
        st.just(-gold),
        st.just(int(str(abs(gold))[::-1])),
        st.just(int(str(abs(gold)) + "1")),
        st.just(int("1" + str(abs(gold)))),
        integers,
    )
    other = data.draw(near.filter(lambda m: m != gold))
    for level in ("strict", "lenient"):
        assert not grade(frame.format(notation(other)), gold, level=level).correct


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="0123456789 .,-+*/^=()%{}\\$boxedr\n\u2212\u00bd\u0661", max_size=30), st.integers(-99, 999))
def test_strict_accepts_only_the_literal(text, gold):
    found = grade(text, gold)
    assert found.correct == (text.strip(" \t\r\n\f\v") == str(gold))
    if found.correct:
        assert grade(text, gold, level="lenient").correct


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["integer", "decimal", "fraction", "sequence"]))
def test_any_text_gets_a_grade(text, kind):
    for level in ("strict", "lenient"):
        found = grade(text, "7", kind=kind, level=level, marker=text[:2] or None)
        assert (found.value is None) == (found.extracted is None)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("+-*×÷^"), st.sampled_from(["", " "]))
def test_an_expression_is_never_accepted(a, b, operator, space):
    result = {"+": a + b, "-": a - b, "*": a * b, "×": a * b, "÷": a // b if b else 0, "^": a ** (b % 7)}[operator]
    b = b % 7 if operator == "^" else b
    text = f"{a}{space}{operator}{space}{b}"
    for gold in {result, a, b}:
        for frame in ("{}", "${}$", "\\boxed{{{}}}", "The answer is {}.", "{} ="):
            assert not grade(frame.format(text), gold, level="lenient").correct


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9 - 1), st.sampled_from([" ", " and "]))
def test_number_words_are_read(n, joiner):
    text = words(n, joiner)
    assert grade(text, n, level="lenient").correct
    assert grade(f"The answer is {text}.".replace("-", " "), n, level="lenient").correct
    assert not grade(text, n + 1, level="lenient").correct


def test_every_number_word_below_ten_thousand():
    for n in range(10_000):
        split = words(n).replace("-", " ").split()
        assert read_words(split) == (n, len(split))


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(0, 20), st.sampled_from(["decimal", "fraction"]))
def test_decimals_are_exact(digits, places, kind):
    padded = str(abs(digits)).zfill(places + 1)
    text = (
        "-" * (digits < 0) + padded[: len(padded) - places] + ("." + padded[len(padded) - places :] if places else "")
    )
    value = Decimal(text)
    assert grade(text, value, kind="decimal").correct
    assert grade(f"x = {text}0", value, kind=kind, level="lenient").correct == ("." in text or digits == 0)
    assert not grade(text, Fraction(value) + Fraction(1, 10 ** (places + 1)), kind="decimal").correct


@settings(max_examples=200, deadline=None)
@given(st.fractions(), st.integers(1, 50))
def test_fractions_are_exact_and_need_no_lowest_terms(value, factor):
    top, bottom = value.numerator * factor, value.denominator * factor
    sign = "-" if top < 0 else ""
    for text in (f"{top}/{bottom}", f"${sign}\\frac{{{abs(top)}}}{{{bottom}}}$", f"The answer is {top}/{bottom}."):
        assert grade(text, value, kind="fraction", level="lenient").correct
        assert not grade(text, value + Fraction(1, bottom), kind="fraction", level="lenient").correct


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=8), st.sampled_from([", ", ",", "; ", "\n"]))
def test_sequences_are_compared_item_by_item(items, separator):
    text = separator.join(map(str, items))
    assert grade(text, items, kind="sequence", level="lenient").correct
    assert grade(f"The list is [{text}].", items, kind="sequence", level="lenient").correct
    assert not grade(text, [*items, 0], kind="sequence", level="lenient").correct
    assert not grade(text, items[:-1], kind="sequence", level="lenient").correct
    assert grade(text, items[::-1], kind="sequence", level="lenient").correct == (items == items[::-1])


@given(st.integers(1, 10**12))
def test_grouping_is_read_only_when_regular(n):
    grouped = f"{n:,}"
    assert read_run(grouped) == n
    if "," in grouped:
        assert read_run(grouped.replace(",", ",0", 1)) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(integers, integers), max_size=6), st.sampled_from(["strict", "lenient"]))
def test_grade_many_is_grade(pairs, level):
    responses, golds = [str(a) for a, _ in pairs], [b for _, b in pairs]
    assert grade_many(responses, golds, level=level).tolist() == [a == b for a, b in pairs]
