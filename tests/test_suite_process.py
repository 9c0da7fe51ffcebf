"""The exact checker of chains: every right solution passes, every single slip is found where it is."""

import re
import time
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from algorism.errors import UsageError
from algorism.evaluation.suites.process.chains import (
    Chain,
    Step,
    chain,
    chain_of,
    question,
    questions,
    solution,
)
from algorism.evaluation.suites.process.checker import check
from algorism.evaluation.suites.process.equations import equations
from algorism.evaluation.suites.process.expressions import evaluate, numbers, operands

CHAINS = st.builds(
    chain,
    st.integers(0, 10**6),
    steps=st.integers(1, 6),
    largest=st.integers(2, 500),
    remainder=st.sampled_from([None, 2, 5, 10, 100]),
    signs=st.sampled_from(["+", "+-", "+-*", "+-*/"]),
)
EXAMPLE = Chain(
    0, Fraction(7), (Step("+", Fraction(5)), Step("*", Fraction(3)), Step("-", Fraction(4)), Step("mod", Fraction(5)))
)
RIGHT = "7 + 5 = 12\n12 * 3 = 36\n36 - 4 = 32\n32 mod 5 = 2\nAnswer: 2"


@settings(max_examples=60, deadline=None)
@given(CHAINS)
def test_every_solution_we_write_is_accepted(problem):
    found = check(problem, solution(problem))
    assert found.correct
    assert found.valid
    assert found.first is None
    assert len(found.lines) == len(problem.steps) + 1
    assert [line.value for line in found.lines[:-1]] == list(problem.values[1:])
    assert chain_of(question(problem)) == problem


@settings(max_examples=60, deadline=None)
@given(CHAINS, st.data())
def test_any_single_changed_number_is_found_at_its_line(problem, data):
    text = solution(problem)
    found = list(re.finditer(r"\d+", text))
    spot = data.draw(st.sampled_from(found))
    other = data.draw(st.integers(0, 2000))
    assume(other != int(spot[0]))
    changed = text[: spot.start()] + str(other) + text[spot.end() :]
    signs = "-0"  # minus nought is nought
    assume(not (int(spot[0]) == 0 and other == 0) and f"{signs}" not in changed.split("=")[-1])
    verdict = check(problem, changed)
    line = text[: spot.start()].count("\n")
    assert not verdict.valid
    assert verdict.first == line, changed


@settings(max_examples=60, deadline=None)
@given(CHAINS, st.data())
def test_a_line_left_out_is_a_jump_or_other_numbers(problem, data):
    lines = solution(problem).split("\n")
    assume(len(lines) > 2)
    at = data.draw(st.integers(0, len(lines) - 2))
    value = problem.values
    assume(value[at] != value[at + 1])  # a step that changes nothing leaves no trace in the next line's numbers
    found = check(problem, "\n".join(lines[:at] + lines[at + 1 :]))
    assert found.correct
    assert not found.valid
    assert found.first == at
    if at == len(lines) - 2:
        assert found.kind == "jump"


def test_the_four_kinds_of_error():
    def kind(text):
        found = check(EXAMPLE, text)
        assert found.correct
        return found.first, found.kind

    assert kind(RIGHT) == (None, None)
    assert kind(RIGHT.replace("12 * 3 = 36", "12 * 3 = 46")) == (1, "calculation")
    assert kind(RIGHT.replace("12 * 3 = 36", "12 + 3 = 15")) == (1, "conceptual")
    assert kind(RIGHT.replace("12 * 3 = 36", "9 * 4 = 36")) == (1, "logical")
    assert kind(RIGHT.replace("12 * 3 = 36\n", "")) == (1, "jump")
    assert kind("Answer: 2") == (0, "jump")
    assert kind(RIGHT.replace("32 mod 5 = 2", "32 mod 5 = 3")) == (3, "calculation")
    assert check(EXAMPLE, RIGHT.replace("Answer: 2", "Answer: 3")).kind == "logical"
    assert not check(EXAMPLE, RIGHT.replace("Answer: 2", "Answer: 3")).correct


@pytest.mark.parametrize(
    "text",
    [
        "Step 1: 7 + 5 = 12\nStep 2: 12 × 3 = 36\nStep 3: 36 − 4 = 32\nStep 4: 32 % 5 = 2\n**Answer:** 2",
        "1. Add: $7 + 5 = 12$.\n2. So \\(12 \\times 3 = 36\\).\n3. 36 - 4 = 32, and 32 mod 5 = 2.\nAnswer: \\boxed{2}",
        "(7 + 5) * 3 - 4 = 32\n32 mod 5 = 2\nAnswer: 2",
        "5 + 7 = 12\n3 * 12 = 36\n36 - 4 = 32\n32 mod 5 = 2\nSo 7 + 5 = 12 was first.\nAnswer: 2",
        "7 + 5 = 12\n12 * 3 = 35\nWait, 12 * 3 = 36\n36 - 4 = 32\n32 mod 5 = 2\nAnswer: 2",
        "7 + 5 = 13\n13 * 3 = 39\nCorrection: 7 + 5 = 12\n12 * 3 = 36\n36 - 4 = 32\n32 mod 5 = 2\nAnswer: 2",
        "7 + 5 = 12 = 12\n12*3=36\n36-4=32\n32 mod 5=2\nAnswer: 2.",
    ],
)
def test_right_solutions_in_other_words(text):
    found = check(EXAMPLE, text)
    assert found.valid, found


def test_a_slip_that_is_not_taken_back_stays():
    text = "7 + 5 = 13\n13 * 3 = 36\n36 - 4 = 32\n32 mod 5 = 2\nAnswer: 2"
    found = check(EXAMPLE, text)
    assert found.false_positive
    assert (found.first, found.kind) == (0, "calculation")
    assert [line.kind for line in found.lines] == ["calculation", "calculation", None, None, None]
    taken_back = check(EXAMPLE, "7 + 5 = 13\nWait, 7 + 5 = 12\n" + RIGHT.split("\n", 1)[1])
    assert taken_back.valid
    assert taken_back.retracted == 1


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from("+-*/"), part).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(part, st.sampled_from("+-*"), part).map(lambda t: f"{t[0]}{t[1]}{t[2]}"),
        part.map(lambda x: f"-({x})"),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS)
def test_expressions_have_python_s_value(text):
    source = re.sub(r"\d+", lambda m: f"Fraction({m[0]})", text)
    tree = compile_expression(source)
    assert evaluate(text) == tree
    assert numbers(text) == [Fraction(n) for n in re.findall(r"\d+", text)]


def compile_expression(source):
    """Python's own parser and precedence, walked by hand: no code is run."""
    import ast
    import operator

    signs = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

    def value(node):
        if isinstance(node, ast.BinOp):
            return signs[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand)
        return Fraction(node.args[0].value)

    try:
        return value(ast.parse(source, mode="eval").body)
    except ZeroDivisionError:
        return None


def test_expressions_of_other_forms():
    assert evaluate("2^10") == evaluate("2**10") == 1024
    assert evaluate("-2^2") == -4
    assert evaluate("1,234 + 0.5") == Fraction(2469, 2)
    assert evaluate("17 mod 5") == evaluate("17 % 5") == 2
    assert evaluate("-7 mod 5") == 3  # as Python, and as a remainder is defined: never negative
    for broken in ("", "2 +", "2 3", "x + 1", "9^9^9", "1/0", "5.5 mod 2", "(" * 300, "2" * 500, ")("):
        assert evaluate(broken) is None, broken
    assert operands("-7 + 5") == (-7, "+", 5)
    assert operands("(1/2) * 3") == (Fraction(1, 2), "*", 3)
    assert operands("7 - -5") == (7, "-", -5)
    assert operands("7") is None


def test_long_texts_take_no_long_time():
    for text in ("1" * 10**6, "1 + " * 250_000, "= " * 500_000, "(" * 10**6, "1=" * 500_000, "1,1" * 300_000):
        started = time.process_time()
        equations(text)
        check(EXAMPLE, text)
        assert time.process_time() - started < 20  # quadratic time would take hours


def test_chains_are_numbered_and_their_answers_are_few_where_they_should_be():
    assert chain(5, 1) == chain(5, 1) != chain(5, 2)
    asked = questions(40, steps=(3,), remainders=(None, 10, 2))
    assert len({q.key for q in asked}) == 120
    by_remainder = {r: [q for q in asked if q.facts["remainder"] == r] for r in (0, 10, 2)}
    assert {q.gold for q in by_remainder[2]} == {"0", "1"}
    assert len({q.gold for q in by_remainder[10]}) <= 10
    for value, digit in zip(by_remainder[0], by_remainder[10], strict=True):
        assert int(value.gold) % 10 == int(digit.gold)  # the same chains
    divided = [chain(i, steps=4, signs="+-*/") for i in range(300)]
    assert all(value.denominator == 1 for problem in divided for value in problem.values)
    assert Counter(s.sign for problem in divided for s in problem.steps).keys() == set("+-*/")
    with pytest.raises(UsageError, match="at least one step"):
        Chain(0, Fraction(1), ())
    with pytest.raises(UsageError, match="expected whole numbers"):
        Step("mod", Fraction(2)).of(Fraction(1, 2))
