"""The example programs against plain Python at every length from 1 to 60, and the rival account of AND."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from algorism.errors import DataError, ShapeError, UsageError
from algorism.symbolic.rasp import cost, min_degree_interpolator, run, sample, tokens, verify, where
from algorism.symbolic.rasp.programs import END, EOS, EQUALS, MINUS, PLUS, PROGRAMS, SOS, Addition, addition


@pytest.mark.parametrize("name", PROGRAMS)
def test_exact_at_every_length(name):
    example = PROGRAMS[name]
    found = verify(example.program, example.reference, range(1, 61), number=2, seed=3)
    assert found.counterexample is None
    assert found.checked >= 60 * 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_greedy_decoding_gives_the_answer(name):
    example = PROGRAMS[name]
    rng = np.random.default_rng(5)
    for length in (1, 2, 5, 9):
        for prompt in example.reference.prompts(length, rng, 1):
            answer = example.reference.answer(prompt)
            most = 100 if example.eos is not None else 1
            assert sample(example.program, prompt, example.eos, most) == answer
            assert set(prompt + answer) <= set(example.vocab)


def test_conventions_are_the_papers():
    """54 + 37 and the parity of 011, as the paper writes them; hints from −100."""
    prompt = [SOS, -100, 0, -101, 5, -102, 4, PLUS, -100, 0, -101, 3, -102, 7, EQUALS]
    for order, answer in [
        ("reverse", [-102, 1, -101, 9, -100, 0, EOS]),
        ("forward", [-100, 0, -101, 9, -102, 1, EOS]),
    ]:
        example = addition(order, digits=27, first_hint=-100)
        assert Addition(order, -100).prompt(54, 37, 2) == prompt
        assert example.reference.answer(prompt) == answer
        assert sample(example.program, prompt, EOS) == answer
    bits = [SOS, 10, 0, 11, 1, 12, 1, END]
    assert sample(PROGRAMS["parity"].program, bits, EOS) == [PLUS, 11, MINUS, 12, PLUS, EOS]
    assert sample(PROGRAMS["count"].program, [SOS, 3, 5], EOS) == [3, 4, 5, EOS]
    assert sample(PROGRAMS["mode"].program, [SOS, 4, 2, 4, END], EOS) == [4, EOS]


@pytest.mark.parametrize("order", ["reverse", "forward"])
def test_addition_of_all_pairs_up_to_two_digits(order):
    example = addition(order)
    task = Addition(order, -60)
    rows = [task.prompt(a, b, 2) for a in range(100) for b in range(100)]
    answers = [task.answer(row) for row in rows]
    for start in range(0, len(rows), 2500):
        ids = np.array([r + a for r, a in zip(rows, answers)][start : start + 2500])
        out = run(example.program, ids)
        assert (out[:, 14:-1] == ids[:, 15:]).all()


def test_count_uses_the_most_recent_example_of_a_packed_context():
    first = [SOS, 7, 8, 7, 8, EOS]
    assert sample(PROGRAMS["count"].program, [*first, SOS, 2, 4], EOS) == [2, 3, 4, EOS]


def test_ties_of_the_mode_go_to_the_largest():
    assert sample(PROGRAMS["mode"].program, [SOS, 1, 0, 0, 1, END], EOS) == [1, EOS]
    assert sample(PROGRAMS["mode"].program, [SOS, 1, 0, 1, 0, END], EOS) == [1, EOS]


def test_the_first_wrong_answer_is_shown():
    x = tokens()
    never_stops = PROGRAMS["sort"].program
    wrong = where(x == 3, 9, never_stops)
    found = verify(wrong, PROGRAMS["sort"].reference, [3, 4, 5], number=0)
    assert not found
    assert found.counterexample.prompt == (SOS, 0, 1, 2, 3, END)
    assert found.counterexample.expected == (0, 1, 2, 3, EOS)
    assert found.counterexample.got == (0, 1, 2, 3, 9)


def test_copying_repeats_fails():
    prompt = [SOS, 4, 5, 4, 6, END]
    assert sample(PROGRAMS["copy"].program, prompt, EOS, most=8) != [4, 5, 4, 6, EOS]


def test_counting_makes_sorting_longer():
    plain, repeats = cost(PROGRAMS["sort"].program), cost(PROGRAMS["sort-repeats"].program)
    assert (plain.heads, plain.depth) == (1, 1)
    assert (repeats.heads, repeats.depth) == (4, 2)
    assert cost(PROGRAMS["addition-reverse"].program).heads < cost(PROGRAMS["addition-forward"].program).heads


def test_hints_must_fit():
    with pytest.raises(UsageError, match="at most 27 digits"):
        addition(digits=28, first_hint=-100)
    with pytest.raises(UsageError, match="Nearest known: 'reverse'"):
        addition("revers")
    with pytest.raises(DataError, match="int8"):
        run(addition(digits=27, first_hint=-100).program, Addition("reverse", -100).prompt(1, 1, 40))


# The rival account: AND and the polynomial of minimum degree


def conjunction(x):
    return int(all(x))


def test_the_interpolator_fits_and_ignores_frozen_bits():
    bits, frozen = 12, {9: 1, 10: 1, 11: 1}
    found = min_degree_interpolator(bits, frozen, conjunction)
    assert found.degree == 9
    assert not any(subset & {9, 10, 11} for subset in found.coefficients)
    for x in [(1,) * 12, (0,) + (1,) * 11, (1, 0) * 4 + (1,) * 4]:
        assert found(x) == conjunction(x)
    for last in product((0, 1), repeat=3):
        x = (1,) * 9 + last
        assert found(x) == 1  # right only for last = 1 1 1
        assert run(PROGRAMS["and"].program, x)[-1] == conjunction(x)


@pytest.mark.parametrize("frozen", [{}, {0: 1}, {1: 0, 3: 1}, {0: 1, 1: 1, 2: 0, 3: 1}])
def test_the_interpolator_is_of_minimum_degree_profile(frozen):
    """Least squares over all monomials, a degree more weighing 1000 times as much, ends at the same coefficients."""
    rng = np.random.default_rng(2)
    table = {x: int(v) for x, v in zip(product((0, 1), repeat=4), rng.integers(-3, 4, 16))}
    found = min_degree_interpolator(4, frozen, lambda x: table[tuple(x)])
    inputs = [x for x in table if all(x[i] == v for i, v in frozen.items())]
    subsets = [frozenset(s) for size in range(5) for s in combinations(range(4), size)]
    scale = np.array([1000.0 ** -len(s) for s in subsets])
    matrix = np.array([[(-1) ** sum(x[i] for i in s) for s in subsets] for x in inputs])
    solution = scale * np.linalg.lstsq(matrix * scale, np.array([table[x] for x in inputs]), rcond=None)[0]
    for x in inputs:
        assert found(x) == table[x]
    for subset, coefficient in zip(subsets, solution):
        assert abs(float(found.coefficients.get(subset, Fraction(0))) - coefficient) < 1e-4


def test_the_interpolator_refuses_what_it_cannot_do():
    with pytest.raises(UsageError, match="1 to 12 bits"):
        min_degree_interpolator(13, {}, conjunction)
    with pytest.raises(UsageError, match=r"places 0\.\.2"):
        min_degree_interpolator(3, {3: 1}, conjunction)
    with pytest.raises(ShapeError, match="expected 3 bits"):
        min_degree_interpolator(3, {}, conjunction)([1])
