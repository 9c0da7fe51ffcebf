"""Sampling by seed, splits without overlap, refusals, exclusions, grading."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import chisquare

from algorism.errors import DataError, UsageError
from algorism.tasks import TASKS, Task, exclude_digits, exclude_numbers, task
from algorism.tasks.filters import count_removed, touches
from algorism.tasks.space import every_problem


@pytest.mark.parametrize("name", sorted(TASKS))
def test_same_seed_same_problems(name: str) -> None:
    one, two, other = (TASKS[name].sample(500, seed) for seed in ((3, 1), (3, 1), (3, 2)))
    assert (one.keys() == two.keys()).all()
    assert (one.keys() != other.keys()).any()


def test_sampling_in_blocks_is_one_stream() -> None:
    whole = task("addition").sample(20_000, 5)
    parts = list(task("addition").blocks(20_000, 5))
    assert len(parts) > 1
    assert (np.concatenate([p.keys() for p in parts]) == whole.keys()).all()


@pytest.mark.parametrize(
    ("digits", "low", "high"), [(2, 0, 99), ((2, 2), 10, 99), ((2, 3), 10, 999), ((4, 6), 1000, 999999)]
)
def test_uniform_is_uniform(digits: int | tuple[int, int], low: int, high: int) -> None:
    values = np.concatenate([o.small() for o in Task("+", digits=digits).sample(40_000, 0).operands])
    assert values.min() >= low
    assert values.max() <= high
    bins = np.linspace(low, high + 1, 91 if (high + 1 - low) % 90 == 0 else 101)
    counts, _ = np.histogram(values, np.ceil(bins))
    expected = np.diff(np.ceil(bins)) * len(values) / (high + 1 - low)
    assert chisquare(counts, expected).pvalue > 1e-4


def test_interval_covers_the_papers_range() -> None:
    sine = TASKS["sine"].sample(200_000, 0).operands[0].small()
    assert (sine.min(), sine.max()) == (-15708, 15707)
    root = TASKS["sqrt"].sample(200_000, 0).operands[0].small()
    assert root.min() >= 10_000
    assert 99_990 <= root.max() <= 99_999
    assert chisquare(np.histogram(sine, bins=[*range(-15708, 15708, 748), 15708])[0]).pvalue > 1e-4


def test_split_shares_nothing_and_repeats_nothing() -> None:
    for name, digits in (("addition", 2), ("subtraction", 3), ("multiplication", 2), ("sqrt", 1)):
        train, test = task(name, digits=digits).split(3000, 2000, seed=1)
        assert len(train) == 3000
        assert len(set(test.keys().tolist())) == 2000
        assert not set(test.keys().tolist()) & set(train.keys().tolist())


def test_split_can_use_every_problem_that_is_left() -> None:
    small = Task("+", digits=1, sampler="digits")
    train, test = small.split(30, 100 - len(set(small.sample(30, (0, 0)).keys().tolist())), seed=0)
    questions = {p.question for p in (*map(train.__getitem__, range(30)), *map(test.__getitem__, range(len(test))))}
    assert questions == {f"{a}+{b}" for a, b in itertools.product(range(10), repeat=2)}


def test_split_refuses_more_than_there_is() -> None:
    with pytest.raises(DataError, match=r"test set of 9000 .* only \d+ distinct .* of 10000"):
        task("addition", digits=2).split(5000, 9000, seed=0)


def test_split_with_repeats_still_avoids_training_problems() -> None:
    train, test = Task("+", digits=1).split(60, 1000, seed=0, distinct_test=False)
    assert len(test) == 1000
    assert not set(test.keys().tolist()) & set(train.keys().tolist())


def test_split_of_a_set_sampler_tests_uniformly() -> None:
    train, test = task("addition", sampler="balanced").split(1000, 2000, seed=0)
    assert len(test) == 2000
    assert (test.digits_n == 3).mean() > 0.95
    assert not set(test.keys().tolist()) & set(train.keys().tolist())


def test_a_task_of_one_length_at_a_time_is_tested_on_its_own_kind() -> None:
    products = Task("*", digits=4, sampler="by", params={"second": 2})
    train, test = products.split(500, 400, seed=0)
    assert max(test.operands[1].to_ints()) < 100
    assert 900 < max(test.operands[0].to_ints()) < 10_000
    assert not set(test.keys().tolist()) & set(train.keys().tolist())
    _, differences = Task("-", digits=3, sampler="falling").split(500, 400, seed=0)
    assert all(p.answer >= 0 for p in differences)


def test_what_is_held_out_is_replaced_by_its_own_kind() -> None:
    products = Task("*", digits=(2, 2), sampler="by", params={"second": 1})
    banned = products.sample(300, seed=1).keys()
    for step in range(20):
        batch = products.batch(step, 200, exclude=banned)
        assert max(batch.operands[1].to_ints()) < 10
        assert not set(batch.keys().tolist()) & set(banned.tolist())


def test_stream_resumes_anywhere_and_excludes() -> None:
    adding = Task("+", digits=1)
    _, test = adding.split(10, 20, seed=4)
    banned = test.keys()
    first = list(itertools.islice(adding.stream(64, 9, exclude=banned), 5))
    again = next(adding.stream(64, 9, exclude=banned, start=3))
    assert (first[3].keys() == again.keys()).all()
    assert (adding.batch(3, 64, 9, banned).keys() == again.keys()).all()
    assert not np.isin(np.concatenate([b.keys() for b in first]), banned).any()
    # What is not excluded stays where it was.
    plain = adding.batch(3, 64, 9)
    kept = ~np.isin(plain.keys(), banned)
    assert (plain.keys()[kept] == again.keys()[kept]).all()


def test_excluding_everything_is_an_error() -> None:
    adding = Task("+", digits=1)
    everything = every_problem(adding).keys()
    with pytest.raises(DataError, match="excluded"):
        adding.sample(10, 0, exclude=everything)


@pytest.mark.parametrize("sampler", ["uniform", "balanced"])
def test_exclusions(sampler: str) -> None:
    banned = tuple(range(100, 400, 3))
    without = Task("+", 3, sampler, without_numbers=banned, without_digit=(5, 2)).sample(3000, 0)
    for numbers in without.operands:
        for value in numbers.to_ints():
            assert value not in banned
            assert str(value)[-2:-1] != "5"
    assert without.answer.to_ints() == [a + b for a, b in zip(*(o.to_ints() for o in without.operands), strict=True)]


def test_exclusion_space_is_counted_exactly() -> None:
    allowed = [v for v in range(1000) if v not in (5, 250, 7) and str(v)[-2:-1] != "5"]
    excluding = Task("+", 3, without_numbers=(5, 250, 7), without_digit=(5, 2))
    assert excluding.space() == len(allowed) ** 2
    for first, count, digit in itertools.product(
        (0, 10, -30, -500), (1, 77, 1000), ((0, 1), (0, 2), (5, 2), (9, 3), (0, 3))
    ):
        value, place = digit
        span = range(first, first + count)
        brute = sum(str(abs(v))[-place:][:1] == str(value) and len(str(abs(v))) >= place for v in span)
        assert count_removed(first, count, (), digit) == brute, (first, count, digit)


def test_filters_split_seen_from_unseen() -> None:
    problems = Task("+", 2).sample(500, 0)
    hit = touches(problems, (5, 17), (3, 1))
    brute = [
        any(v in (5, 17) or v % 10 == 3 for v in pair)
        for pair in zip(*(o.to_ints() for o in problems.operands), strict=True)
    ]
    assert hit.tolist() == brute
    assert len(exclude_digits(exclude_numbers(problems, [5, 17]), 3, 1)) == 500 - sum(brute)


def test_grading_is_exact() -> None:
    adding = task("addition")
    problem = adding.sample(1, 0)[0]
    assert adding.grade(problem, str(problem.operands[0] + problem.operands[1]))
    assert not adding.grade(problem, str(problem.answer) + " ")
    assert not adding.grade(problem, None)


def test_errors_name_the_nearest() -> None:
    with pytest.raises(UsageError, match="'addition'"):
        task("adition")
    with pytest.raises(UsageError, match="'digits'"):
        task("addition", digit=3)
    with pytest.raises(UsageError, match="'balanced'"):
        task("addition", sampler="balance")
    with pytest.raises(UsageError, match="'same_length'"):
        Task("+", sampler="digits", params={"same_lenght": True})
    with pytest.raises(UsageError, match="shortest <= longest"):
        Task("+", digits=(3, 2))
    with pytest.raises(UsageError, match="interval"):
        Task("sin", digits=3).sample(1)


def test_importing_data_does_not_import_torch() -> None:
    code = (
        "import sys, algorism.tasks, algorism.text; heavy = {'torch', 'transformers', 'tokenizers'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
