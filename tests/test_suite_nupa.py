"""The cookbook's scores against a slower reading of their definition, and the suite from question to profile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.errors import UsageError
from algorism.evaluation.backends import scripted
from algorism.evaluation.interview import interview
from algorism.evaluation.statistics import Interval
from algorism.evaluation.suites.nupa import RANGES, Profile, extract, profile, question, questions, score
from algorism.tasks.numeracy import COMBINATIONS, combination

DIGITS = st.text("0123456789", min_size=1, max_size=12)
FORMS = {
    "integer": "{}",
    "float": "{}.{}",
    "fraction": "{}/{}",
    "scientific": "{}.{}e{}",
}


def slow_share(answer: list[str], gold: list[str], from_left: list[bool]) -> float:
    right = total = 0
    for mine, wanted, left in zip(answer, gold, from_left, strict=True):
        total += len(wanted)
        for place in range(len(wanted)):
            at = place if left else -1 - place
            inside = -len(mine) <= at < len(mine)
            right += inside and mine[at] == wanted[at]
    return right / total


@pytest.mark.parametrize("representation", FORMS)
@given(data=st.data())
def test_scores_follow_their_definition(representation, data):
    count = FORMS[representation].count("{")
    answer, gold = ([data.draw(DIGITS) for _ in range(count)] for _ in range(2))
    if data.draw(st.booleans()):
        answer = gold
    found = score(FORMS[representation].format(*answer), FORMS[representation].format(*gold), representation)
    from_left = [at == 1 and representation in ("float", "scientific") for at in range(count)]
    assert found.exact == (answer == gold)
    assert found.digits == pytest.approx(slow_share(answer, gold, from_left))
    assert found.length == abs(sum(map(len, answer)) - sum(map(len, gold)))
    assert 0 <= found.digits <= 1
    if found.exact:
        assert (found.digits, found.length) == (1.0, 0)
    nothing = score("", FORMS[representation].format(*gold), representation)
    assert (nothing.exact, nothing.digits, nothing.length) == (False, 0.0, sum(map(len, gold)))


def test_worked_examples():
    assert score("99999999", "99", "integer").digits == 1.0  # too many digits show in the length alone
    assert score("99999999", "99", "integer").length == 6
    assert score("188.7", "188.71", "float").digits == pytest.approx(4 / 5)
    assert score("88.71", "188.71", "float").digits == pytest.approx(4 / 5)
    assert score("1/1", "1/2", "fraction") == score("1/3", "1/2", "fraction")


@pytest.mark.parametrize(
    ("text", "representation", "found"),
    [
        (" 3883 apples", "integer", "3883"),
        ("= 3883", "integer", ""),
        ("-5", "integer", ""),
        ("12", "float", ""),
        ("12.50.", "float", "12.50"),
        ("1/2/3", "fraction", "1/2"),
        ("1.5E+07", "scientific", "1.5e07"),
        ("1.5e", "scientific", ""),
        ("", "integer", ""),
    ],
)
def test_answers_are_read_at_the_beginning_only(text, representation, found):
    assert extract(text, representation) == found


def test_an_oracle_is_exact_everywhere_and_a_constant_is_not(tmp_path):
    asked = questions(lengths=[3, 8], n=4)
    assert len({q.facts["combination"] for q in asked}) == len(COMBINATIONS)
    for script in ("oracle", "constant"):
        found = interview(scripted(script), asked, tmp_path / script)
        by_row: dict = {}
        for answer in found.answers:
            facts = answer.question.facts
            row = (facts["length"], answer.reply.text, answer.question.gold)
            by_row.setdefault(facts["combination"], []).append(row)
        for name, rows in by_row.items():
            made = profile(combination(name), rows)
            if script == "oracle":
                assert made.well_learned() == made.well_learned(unbroken=True) == 8
                assert all(v.value == 1.0 for v in made.digits.values())
                assert all(v.value == 0.0 for v in made.length.values())
            else:
                assert made.well_learned() == 0


def test_the_strict_grader_agrees_that_right_answers_are_right(tmp_path):
    asked = [q for q in questions(lengths=[4], n=3) if q.facts["answer"] != "scientific"]
    assert interview(scripted("oracle"), asked, tmp_path / "r").accuracy().value == 1.0


def test_both_readings_of_a_digit_score():
    row = combination("add-integer")
    exact = {k: Interval(v, v, v, 10) for k, v in {1: 1.0, 2: 0.95, 3: 0.5, 4: 0.92, 9: 0.2, 15: 0.0}.items()}
    made = Profile(row, exact, exact, exact)
    assert (made.well_learned(), made.well_learned(unbroken=True)) == (4, 2)
    assert (made.preserving(), made.preserving(unbroken=True)) == (9, 9)
    assert made.in_range("S") == pytest.approx((1 + 0.95 + 0.5 + 0.92) / 4)
    assert made.in_range("M") is None
    with pytest.raises(UsageError, match="Ranges are S, M, L, XL"):
        made.in_range("XXL")


def test_ranges_cover_every_length_once():
    for longest, ranges in RANGES.items():
        covered = [length for low, high in ranges.values() for length in range(low, high + 1)]
        assert covered == list(range(1, longest + 1))


def test_questions_have_keys_of_their_own():
    asked = questions(n=2, lengths=[2, 5]) + questions(n=2, lengths=[2, 5], seed=1)
    assert len({q.key for q in asked}) == len(asked)
    item = combination("max-float").item(4, 0)
    assert question(item).prompt.endswith(item.body)
