"""The paper's training sets, the hard sets, and the completion yardstick against brute force."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from algorism.errors import DataError, UsageError
from algorism.tasks import HARD_SETS, SAMPLERS, Task, completion_probability, draws, hard, task
from algorism.tasks.completion import RULES, completes, fill, random_mask, spread_adjacent, spread_minors


@pytest.mark.parametrize("symbol", ["+", "-"])
def test_balanced_set_of_the_paper(symbol: str) -> None:
    problems = Task(symbol, 3, "balanced").sample(10_000, 0)
    a, b = (o.small() for o in problems.operands)
    one_digit = {(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True) if x < 10 and y < 10}
    assert len(one_digit) == 100
    assert problems.carries_n is not None
    counts = np.bincount(problems.carries_n, minlength=4)
    assert counts.max() == (2500 if symbol == "+" else 3334)
    if symbol == "+":
        assert counts.tolist() == [2500] * 4
        # 900 of the two-digit draw and about 0.9 % of the rest, less those with one digit.
        assert 870 < (problems.digits_n == 2).sum() < 1080
        assert 9800 < len(np.unique(problems.keys())) < 10_000


def test_smaller_and_larger_balanced_sets() -> None:
    small = task("addition", sampler="balanced").sample(500, 0)
    assert len(small) == 500
    assert ((small.operands[0].small() < 10) & (small.operands[1].small() < 10)).sum() >= 100
    assert 45 <= (small.digits_n == 2).sum() <= 60
    large = task("addition", sampler="balanced").sample(20_000, 0)
    assert np.bincount(large.carries_n).tolist() == [5000] * 4
    with pytest.raises(UsageError, match="at least 110"):
        task("addition", sampler="balanced").sample(50)
    with pytest.raises(UsageError, match="two operands"):
        Task("sqrt", 3, "balanced", decimals=4).sample(500)


@pytest.mark.parametrize(("k", "n"), [(4, 5000), (7, 10_000), (10, 1001), (2, 2000)])
def test_multi_digit_set(k: int, n: int) -> None:
    problems = Task("+", k, "multi_digit").sample(n, 1)
    assert len(problems) == n
    unit, rest = divmod(n - 100, k * (k + 1) // 2 - 1)
    expected = [100, 2 * unit + rest, *(i * unit for i in range(3, k + 1))]
    assert np.bincount(problems.digits_n, minlength=k + 1)[1:].tolist() == expected
    longest = problems.digits_n == k
    short = np.minimum(problems.operands[0].length_n, problems.operands[1].length_n)[longest]
    spread = np.bincount(short, minlength=k + 1)[1:]
    assert spread.max() - spread.min() <= 1
    first_longer = problems.operands[0].length_n > problems.operands[1].length_n
    second_longer = problems.operands[0].length_n < problems.operands[1].length_n
    assert 0.7 < first_longer.sum() / second_longer.sum() < 1.4


def test_balanced_digits_and_carries() -> None:
    lengths = Task("+", (2, 5), "digits").sample(20_000, 0).operands[0].length_n
    assert (np.abs(np.bincount(lengths)[2:] / 20_000 - 0.25) < 0.02).all()
    together = Task("+", 30, "digits", params={"same_length": True}).sample(500, 0)
    assert (together.operands[0].length_n == together.operands[1].length_n).all()
    carries = Task("+", 3, "carries").sample(1002, 0).carries_n
    assert np.bincount(carries).tolist() == [251, 251, 250, 250]
    with pytest.raises(UsageError, match="no carry count"):
        Task("*", 2, "carries").sample(10)
    with pytest.raises(DataError, match="stratified"):
        Task("+", (25, 25), "carries").sample(60)
    with pytest.raises(DataError, match="too rare"):
        Task("+", 25, "balanced").sample(200)


@pytest.mark.parametrize("make", [np.random.SFC64, np.random.PCG64, np.random.MT19937])
def test_drawn_digits_are_uniform_and_independent(make: type[np.random.BitGenerator]) -> None:
    drawn = draws.digits(np.random.Generator(make(1)), 10, 60_000)
    for place in range(10):
        assert chisquare(np.bincount(drawn[place], minlength=10)).pvalue > 1e-4
        for other in range(place):
            table = np.bincount(drawn[place].astype(int) * 10 + drawn[other], minlength=100)
            assert chisquare(table).pvalue > 1e-6
    values = draws.between(np.random.Generator(make(2)), (2, 3), 99_000).small()
    assert chisquare(np.bincount(values, minlength=1000)[10:]).pvalue > 1e-4
    assert values.min() == 10


def test_every_sampler_is_seeded_and_summed_up() -> None:
    for name, entry in SAMPLERS.items():
        decimals, symbol = (4, "sin") if name == "interval" else (0, "+")
        make = Task(symbol, 3, name, decimals=decimals)
        assert (make.sample(400, 7).keys() == make.sample(400, 7).keys()).all()
        assert (make.sample(400, 7).keys() != make.sample(400, 8).keys()).any()
        assert entry.summary.endswith(".")


@pytest.mark.parametrize("symbol", ["+", "-"])
@pytest.mark.parametrize("digits", [3, 25])
def test_stratified_has_every_cell_equally(symbol: str, digits: int) -> None:
    cells = [(d, c) for d in range(1, digits + 1) for c in range(d + 1) if symbol == "+" or c < d]
    problems = hard("stratified", 3 * len(cells), symbol, digits, seed=2)
    assert problems.carries_n is not None
    found, counts = np.unique(np.stack([problems.digits_n, problems.carries_n]), axis=1, return_counts=True)
    assert {tuple(c) for c in found.T.tolist()} == set(cells)
    assert (counts == 3).all()


@pytest.mark.parametrize("name", sorted(HARD_SETS))
@pytest.mark.parametrize("symbol", ["+", "-"])
def test_hard_sets_are_what_they_say(name: str, symbol: str) -> None:
    problems = hard(name, 60, symbol, (1, 12), seed=1)
    a, b = (o.to_ints() for o in problems.operands)
    python = int.__add__ if symbol == "+" else int.__sub__
    assert problems.answer.to_ints() == [python(x, y) for x, y in zip(a, b, strict=True)]
    assert problems.digits_n.max() <= 12
    if name == "longest_carry":
        assert set(problems.carry_chain_n if problems.carry_chain_n is not None else []) == {
            12 if symbol == "+" else 11
        }
    if name == "all_nines":
        assert all(set(str(x)) == {"9"} or set(str(y)) == {"9"} for x, y in zip(a, b, strict=True))
    if name == "zero_operands":
        assert all(0 in pair for pair in zip(a, b, strict=True))
        assert (0, 0) in set(zip(a, b, strict=True))
    if symbol == "+" and name != "zero_operands":
        assert len(set(zip(a, b, strict=True))) > 10


def test_hard_set_errors() -> None:
    with pytest.raises(UsageError, match="'all_nines'"):
        hard("all_nine", 3)
    with pytest.raises(UsageError, match="carry"):
        hard("stratified", 3, "*")
    assert hard("all_nines", 9, "+", (3, 5)).digits_n.min() >= 3


def _by_minors(revealed: NDArray[np.bool_], adjacent: bool) -> NDArray[np.bool_]:
    """Algorithm 1 as written: try every minor, fill, start again."""
    known = revealed.copy()
    rows, columns = known.shape
    changed = True
    while changed:
        changed = False
        for i in range(rows):
            for other_i in range(i + 1, i + 2 if adjacent else rows):
                for j in range(columns):
                    for other_j in range(j + 1, j + 2 if adjacent else columns):
                        if other_i >= rows or other_j >= columns:
                            continue
                        cells = [(i, j), (i, other_j), (other_i, j), (other_i, other_j)]
                        if sum(known[c] for c in cells) == 3:
                            for c in cells:
                                known[c] = True
                            changed = True
    return known


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_union_find_equals_filling_minors(n: int) -> None:
    rng = np.random.default_rng(n)
    outcomes = set()
    for _ in range(25):
        mask = random_mask(rng, n, int(rng.integers(0, n * n + 1)))
        full, adjacent = _by_minors(mask, False), _by_minors(mask, True)
        assert (spread_minors(mask) == full).all() or not mask.any()
        assert (spread_adjacent(mask) == adjacent).all()
        assert completes(mask, "minors") == full.all()
        assert completes(mask, "adjacent") == adjacent.all()
        outcomes.add(bool(full.all()))
        table = fill(n, np.argwhere(mask))
        truth = np.add.outer(np.arange(n), np.arange(n))
        assert (np.isnan(table) == ~full).all()
        assert (table[full] == truth[full]).all()
    assert outcomes == {True, False}


def test_completion_thresholds_and_speed() -> None:
    start = time.process_time()
    curve = [completion_probability(100, m, 100, seed=1) for m in (300, 500, 1000)]
    assert time.process_time() - start < 2
    assert curve[0] < 0.05 < curve[1] < 0.6 < 0.97 < curve[2]
    # The authors' neighbouring-minors rule: 7 % at 1,200, 81 % at 1,500, 100 % at 1,800 in their notebook.
    assert completion_probability(100, 1000, 20, rule="adjacent") <= 0.1
    assert completion_probability(100, 1800, 20, rule="adjacent") == 1.0
    assert RULES == ("minors", "adjacent")
    with pytest.raises(UsageError, match="0 to 100"):
        completion_probability(10, 101)
    with pytest.raises(UsageError, match="'adjacent'"):
        completion_probability(10, 11, rule="adjacnt")  # type: ignore[arg-type]


def test_falling_differences_are_not_negative_and_all_pairs_come():
    problems = Task("-", digits=(1, 1), sampler="falling").sample(5000, seed=1)
    pairs = set(zip(problems.operands[0].to_ints(), problems.operands[1].to_ints()))
    assert pairs == {(a, b) for a in range(10) for b in range(a + 1)}
    long = Task("-", digits=(2, 30), sampler="falling").sample(300, seed=2)
    values = [o.to_ints() for o in long.operands]
    assert all(a >= b and a - b == c for a, b, c in zip(*values, long.answer.to_ints()))
    assert long.operands[0].places == long.operands[1].places  # one length for the batch


def test_by_draws_a_second_operand_of_its_own_length():
    for seed in range(5):
        problems = Task("*", digits=(3, 9), sampler="by", params={"second": 2}).sample(200, seed=seed)
        assert problems.operands[1].places == 2
        assert 3 <= problems.operands[0].places <= 9
        a, b, c = (x.to_ints() for x in (*problems.operands, problems.answer))
        assert all(x * y == z for x, y, z in zip(a, b, c))
    with pytest.raises(UsageError, match="second >= 1"):
        Task("*", sampler="by", params={"second": 0}).sample(1)
