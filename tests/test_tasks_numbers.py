"""Digit planes against Python's integers and Decimals; operators against Python; carries against schoolbook loops."""

import math
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import ShapeError, UsageError
from algorism.tasks import OPERATORS, Numbers, Problems, operator
from algorism.tasks.functions import sin_units, sqrt_units

INTS = st.lists(st.integers(-(10**40), 10**40), min_size=1, max_size=20)
NATURAL = st.integers(0, 10**45)
PAIRS = st.lists(
    st.tuples(NATURAL, NATURAL) | st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30
)


@given(INTS, st.integers(0, 6))
def test_numbers_round_trip(values: list[int], decimals: int) -> None:
    column = Numbers.from_ints(values, decimals)
    assert column.to_ints() == values
    expected = [f"{Decimal(v).scaleb(-decimals, Context(prec=60)):f}" for v in values]
    assert column.strings() == expected
    assert column.length_n.tolist() == [len(s.strip("-").replace(".", "")) for s in expected]
    assert Numbers.concat([column, column])[len(values) :].to_ints() == values
    assert column[::-1].to_ints() == values[::-1]
    assert column[np.array([0, 0])].to_ints() == [values[0]] * 2


def test_numbers_longer_than_python_converts_at_once() -> None:
    value = 10**9000 + 7
    assert Numbers.from_ints([value, -value]).to_ints() == [value, -value]
    problem = Problems.of("+", [value], [1])[0]
    assert problem.answer_text == "1" + "0" * 8999 + "8"


def test_numbers_from_small_and_small() -> None:
    values = np.array([0, -5, 123456789012345678])
    column = Numbers.from_small(values)
    assert column.to_ints() == values.tolist()
    assert column.small().tolist() == values.tolist()
    with pytest.raises(ShapeError, match="to_ints"):
        Numbers.from_ints([10**20]).small()
    with pytest.raises(ShapeError, match="does not fit in 2"):
        Numbers.from_small(np.array([123]), places=2)


def test_numbers_refuse_wrong_planes() -> None:
    with pytest.raises(ShapeError, match="uint8"):
        Numbers(np.zeros((2, 3), dtype=np.int64))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="5 planes"):
        Numbers(np.zeros((2, 3), dtype=np.uint8), decimals=4)
    with pytest.raises(ShapeError, match="3 digit planes are needed"):
        Numbers.from_ints([123], places=2)


@pytest.mark.parametrize("symbol", ["+", "-", "*"])
@given(pairs=PAIRS)
def test_columns_equal_python(symbol: str, pairs: list[tuple[int, int]]) -> None:
    a, b = (list(column) for column in zip(*pairs, strict=True))
    python = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[symbol]
    problems = Problems.of(symbol, a, b)
    expected = [python(x, y) for x, y in pairs]
    assert problems.answer.to_ints() == expected
    assert [OPERATORS[symbol].exact(pair, 0) for pair in pairs] == expected
    assert problems.answer.strings() == [str(v) for v in expected]
    digits = max(len(str(v)) for pair in pairs for v in pair)
    assert max(len(str(abs(v))) for v in expected) <= OPERATORS[symbol].answer_digits(digits)


@pytest.mark.parametrize("symbol", ["+", "-", "*"])
def test_signed_operands_take_the_scalar_route(symbol: str) -> None:
    problems = Problems.of(symbol, [-5, 7], [3, -9])
    python = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[symbol]
    assert problems.answer.to_ints() == [python(-5, 3), python(7, -9)]


def test_products_of_decimals() -> None:
    assert Problems.of("*", [12], [5], decimals=1).answer.strings() == ["0.60"]


def test_long_products() -> None:
    a, b = 10**720 - 1, 10**705 - 7  # beyond what 16-bit columns could add up
    assert Problems.of("*", [a], [b]).answer.to_ints() == [a * b]


@given(st.integers(0, 10**30), st.integers(0, 20))
def test_square_root_is_the_floor(units: int, decimals: int) -> None:
    root = sqrt_units(units, decimals)
    assert root * root <= units * 10**decimals < (root + 1) ** 2
    assert Problems.of("sqrt", [units, 0], decimals=decimals).answer.to_ints() == [root, 0]


def test_square_roots_of_squares_and_their_neighbours() -> None:
    units = [v for k in range(1, 400) for v in (k * k * 10**4 - 1, k * k * 10**4, k * k * 10**4 + 1)]
    answers = Problems.of("sqrt", units, decimals=4).answer.to_ints()
    assert answers == [math.isqrt(u * 10**4) for u in units]


def test_every_four_decimal_sine() -> None:
    units = np.arange(-15708, 15708)
    answers = Problems.of("sin", units.tolist(), decimals=4).answer.to_ints()
    # Independent: Decimal arithmetic with 40 digits.
    with localcontext() as context:
        context.prec = 40
        for u, got in zip(units[::37].tolist(), answers[::37], strict=True):
            x = Decimal(u).scaleb(-4)
            assert got == math.floor(_decimal_sine(x).scaleb(4)), u
    doubles = np.floor(np.sin(units / 1e4) * 1e4)
    assert (np.abs(np.array(answers) - doubles) <= 1).all()
    assert (np.array(answers) == doubles).mean() > 0.9999


@settings(max_examples=30)
@given(st.integers(-(2 * 10**25), 2 * 10**25))
def test_sine_with_25_decimals(units: int) -> None:
    with localcontext() as context:
        context.prec = 60
        assert sin_units(units, 25) == math.floor(_decimal_sine(Decimal(units).scaleb(-25)).scaleb(25))


def test_floor_goes_down_below_zero() -> None:
    assert Problems.of("sin", [-1], decimals=4).answer.strings() == ["-0.0001"]
    # sin(10^-4) is a little less than 10^-4.
    assert Problems.of("sin", [1], decimals=4).answer.strings() == ["0.0000"]


def test_large_sine() -> None:
    for x in (10, 100, 355):
        assert sin_units(x * 10**6, 6) == math.floor(math.sin(x) * 1e6)


def test_sqrt_refuses_negative() -> None:
    with pytest.raises(UsageError, match="not negative"):
        Problems.of("sqrt", [-1], decimals=2)


def test_unknown_operator_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="'sqrt'"):
        operator("sqr")
    with pytest.raises(ShapeError, match="takes 2 operands"):
        Problems.of("+", [1])


def _decimal_sine(x: Decimal) -> Decimal:
    term, total, k = x, x, 1
    while abs(term) > Decimal(10) ** -55:
        k += 2
        term = -term * x * x / (k * (k - 1))
        total += term
    return total


def _schoolbook(symbol: str, a: int, b: int) -> tuple[int, int]:
    """Carries and longest chain, digit by digit on strings."""
    if symbol == "-" and b > a:
        a, b = b, a
    width = max(len(str(a)), len(str(b)))
    carry, carries, run, chain = 0, 0, 0, 0
    for x, y in zip(reversed(str(a).zfill(width)), reversed(str(b).zfill(width)), strict=True):
        total = int(x) + int(y) + carry if symbol == "+" else int(x) - int(y) - carry
        carry = int(total > 9 or total < 0)
        carries += carry
        run = run + 1 if carry else 0
        chain = max(chain, run)
    return carries, chain


@pytest.mark.parametrize("symbol", ["+", "-"])
@given(pairs=PAIRS)
def test_carries_equal_schoolbook(symbol: str, pairs: list[tuple[int, int]]) -> None:
    problems = Problems.of(symbol, *(list(c) for c in zip(*pairs, strict=True)))
    expected = [_schoolbook(symbol, a, b) for a, b in pairs]
    assert problems.carries_n is not None
    assert problems.carry_chain_n is not None
    assert list(zip(problems.carries_n.tolist(), problems.carry_chain_n.tolist(), strict=True)) == expected
    if symbol == "+":  # the paper's formula
        sums = [sum(map(int, str(v))) for pair in pairs for v in (*pair, sum(pair))]
        assert problems.carries_n.tolist() == [
            (sums[i] + sums[i + 1] - sums[i + 2]) // 9 for i in range(0, len(sums), 3)
        ]


def test_keys_are_exact_for_short_problems() -> None:
    values = np.arange(300)
    a, b = np.repeat(values, 300), np.tile(values, 300)
    problems = Problems.solve("+", (Numbers.from_small(a), Numbers.from_small(b)))
    assert len(np.unique(problems.keys())) == 90_000


@given(st.lists(st.tuples(NATURAL, NATURAL), min_size=2, max_size=40, unique=True))
def test_keys_tell_long_problems_apart_whatever_the_planes(pairs: list[tuple[int, int]]) -> None:
    together = Problems.of("+", *(list(c) for c in zip(*pairs, strict=True))).keys()
    assert len(np.unique(together)) == len(pairs)
    alone = [int(Problems.of("+", [a], [b]).keys()[0]) for a, b in pairs]
    assert together.tolist() == alone


def test_problem_views() -> None:
    problems = Problems.of("-", [128, 3], [367, 3])
    assert problems[0].facts == {"digits": 3, "carries": 1, "carry_chain": 1}
    assert (problems[0].question, problems[0].answer_text) == ("128-367", "-239")
    assert problems[-1].answer == 0
    sine = Problems.of("sin", [10313], decimals=4)[0]
    assert (sine.question, sine.answer_text, sine.facts) == ("sin(1.0313)", "0.8579", {"digits": 5})
    assert Problems.of("*", [2], [3]).carries_n is None
    with pytest.raises(IndexError):
        problems[2]
    with pytest.raises(ShapeError, match="one operator"):
        Problems.concat([problems, Problems.of("+", [1], [1])])
