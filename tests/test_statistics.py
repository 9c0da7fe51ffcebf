"""Intervals and tests against SciPy, brute force and simulated coverage."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorism.errors import DataError, UsageError
from algorism.evaluation import compare
from algorism.evaluation import statistics as ours


@given(st.integers(1, 2000), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_equals_scipy(n, data, level):
    successes = data.draw(st.integers(0, n))
    mine = ours.wilson(successes, n, level)
    theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert (mine.value, mine.n) == (successes / n, n)
    assert 0 <= mine.low <= mine.value <= mine.high <= 1


def test_wilson_many_equals_wilson_and_marks_empty_cells():
    many = ours.wilson_many([0, 3, 10, 0], [10, 10, 10, 0])
    assert many[:3] == [ours.wilson(s, 10) for s in (0, 3, 10)]
    assert math.isnan(many[3].value)
    assert (many[3].low, many[3].high, many[3].n) == (0, 1, 0)


def test_mean_interval_equals_scipy():
    values = np.random.default_rng(1).normal(0.9, 0.05, 7)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    mine = ours.mean_interval(values, 0.9)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    single = ours.mean_interval([0.5])
    assert (single.low, single.high) == (-math.inf, math.inf)


def test_coverage_of_wilson():
    # Coverage averaged over accuracies, each weighed alike; exact binomial probabilities, no simulation noise.
    n = 200
    ends = ours.wilson_many(np.arange(n + 1), np.full(n + 1, n))
    low, high = np.array([i.low for i in ends]), np.array([i.high for i in ends])
    for p in (0.05, 0.3, 0.5, 0.9, 0.97):
        inside = (low <= p) & (p <= high)
        assert 0.93 <= stats.binom.pmf(np.arange(n + 1), n, p)[inside].sum() <= 0.97


def test_coverage_of_the_interval_over_seeds():
    random = np.random.default_rng(2)
    truth, seeds, n, repeats = 0.8, 5, 500, 2000
    skill = np.clip(random.normal(truth, 0.05, (repeats, seeds)), 0, 1)  # networks differ, and the test set is finite
    counts = random.binomial(n, skill)
    intervals = [ours.seeds_interval(row.tolist(), n) for row in counts]
    assert 0.93 <= np.mean([i.low <= truth <= i.high for i in intervals]) <= 0.97


def test_coverage_of_the_bootstrap():
    random = np.random.default_rng(3)
    mean, repeats = 0.7, 600
    samples = random.random((repeats, 100)) < mean
    intervals = [ours.bootstrap(row, seed=i, draws=1000) for i, row in enumerate(samples)]
    assert 0.92 <= np.mean([i.low <= mean <= i.high for i in intervals]) <= 0.98  # ± 2.4 standard errors around 93-97


def test_coverage_of_the_cluster_bootstrap_where_the_plain_one_fails():
    random = np.random.default_rng(4)
    problems, samples, repeats = 50, 6, 200
    cluster = np.repeat(np.arange(problems), samples)
    hits = {"cluster": 0, "plain": 0}
    for repeat in range(repeats):
        skill = random.beta(0.5, 0.5, problems)  # mean 0.5; samples of a problem agree strongly
        values = (random.random((problems, samples)) < skill[:, None]).ravel()
        by_cluster = ours.bootstrap(values, seed=repeat, cluster=cluster, draws=400)
        plain = ours.bootstrap(values, seed=repeat, draws=400)
        hits["cluster"] += by_cluster.low <= 0.5 <= by_cluster.high
        hits["plain"] += plain.low <= 0.5 <= plain.high
    assert 0.90 <= hits["cluster"] / repeats <= 0.99
    assert hits["plain"] / repeats < 0.8


def test_cluster_bootstrap_with_unequal_clusters_and_other_statistics():
    values, cluster = np.arange(10.0), [0, 0, 0, 1, 1, 2, 2, 2, 2, 3]
    found = ours.bootstrap(values, np.median, seed=0, cluster=cluster)
    assert (found.value, found.n) == (4.5, 4)
    assert 0 <= found.low <= found.value <= found.high <= 9
    # Resampling whole clusters of equal members is resampling their values.
    equal = ours.bootstrap(np.repeat([0.0, 1.0, 5.0], 4), seed=3, cluster=np.repeat([0, 1, 2], 4))
    assert equal == ours.bootstrap([0.0, 1.0, 5.0], seed=3)


def test_bootstrap_agrees_with_scipy_and_is_seeded():
    values = np.random.default_rng(5).exponential(size=300)
    mine = ours.bootstrap(values, seed=1, draws=5000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=1, n_resamples=5000).confidence_interval
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
    assert mine == ours.bootstrap(values, seed=1, draws=5000)
    assert mine != ours.bootstrap(values, seed=2, draws=5000)


def test_seeds_interval_falls_back_to_wilson_of_the_pool():
    assert ours.seeds_interval([50, 50, 50], 50) == ours.wilson(150, 150)
    assert ours.seeds_interval([30], 50) == ours.wilson(30, 50)
    assert ours.seeds_interval([30, 60], [50, 100]) == ours.wilson(90, 150)


def test_seeds_interval_is_students_t_clipped():
    found = ours.seeds_interval([90, 95, 100], 100)
    theirs = stats.ttest_1samp([0.9, 0.95, 1.0], 0).confidence_interval(0.95)
    assert found.low == pytest.approx(theirs.low)
    assert (found.high, found.n) == (1.0, 3)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_by_enumeration(n):
    for c in range(n + 1):
        outcomes = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            picks = list(itertools.combinations(outcomes, k))
            assert ours.pass_at_k(n, c, k) == pytest.approx(sum(map(any, picks)) / len(picks))


def test_pass_at_k_is_unbiased():
    n, k, p = 12, 4, 0.2
    expected = sum(stats.binom.pmf(c, n, p) * ours.pass_at_k(n, c, k) for c in range(n + 1))
    assert expected == pytest.approx(1 - (1 - p) ** k)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_equals_the_binomial_test(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    found = ours.mcnemar(a, b)
    assert (found.both, found.only_a, found.only_b, found.neither) == tuple(
        pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))
    )
    n = found.only_a + found.only_b
    assert found.p == pytest.approx(stats.binomtest(found.only_a, n).pvalue if n else 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_by_its_definition(pvalues):
    ranked = sorted(pvalues)
    steps = [min(1.0, (len(ranked) - i) * p) for i, p in enumerate(ranked)]
    expected = {p: max(steps[: i + 1]) for i, p in enumerate(ranked)}
    assert ours.holm(pvalues) == pytest.approx([expected[p] for p in pvalues])


def test_holm_against_known_numbers():
    assert ours.holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])


@pytest.mark.parametrize(("n", "p"), [(500, 0.9), (2000, 0.5), (1000, 0.99), (300, 0.2)])
def test_minimum_detectable_difference_has_the_power_it_claims(n, p):
    d = ours.minimum_detectable_difference(n, p)
    q = p - d if p >= 0.5 else p + d
    random = np.random.default_rng(6)
    a, b = random.binomial(n, p, 20_000) / n, random.binomial(n, q, 20_000) / n
    pooled = (a + b) / 2
    detected = np.abs(a - b) > 1.959964 * np.sqrt(2 * pooled * (1 - pooled) / n)
    assert 0.77 <= detected.mean() <= 0.83


def test_paired_bootstrap_uses_the_pairing():
    random = np.random.default_rng(7)
    easy = random.random(400) < 0.5
    a, b = easy | (random.random(400) < 0.05), easy
    found = ours.paired_bootstrap(a, b, seed=0)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.low > 0
    assert found.high - found.low < 0.06  # unpaired, it would be about 0.14


def test_wrong_use_is_refused():
    for call in (
        lambda: ours.wilson(5, 4),
        lambda: ours.wilson(0, 0),
        lambda: ours.wilson(1, 2, 95),
        lambda: ours.mean_interval([]),
        lambda: ours.mean_interval([math.nan]),
        lambda: ours.bootstrap([]),
        lambda: ours.bootstrap([1, 2], cluster=[1]),
        lambda: ours.pass_at_k(3, 4, 1),
        lambda: ours.pass_at_k(3, 1, 4),
        lambda: ours.mcnemar([1], [1, 0]),
        lambda: ours.paired_bootstrap([1], [1, 0]),
        lambda: ours.seeds_interval([], 5),
        lambda: ours.seeds_interval([6], 5),
        lambda: ours.minimum_detectable_difference(0, 0.5),
    ):
        with pytest.raises(UsageError):
            call()
    with pytest.raises(DataError):
        ours.holm([1.5])


def test_compare_pairs_by_key():
    a = [{"key": str(i), "correct": i % 4 != 0} for i in range(200)]
    b = [{"key": str(i), "correct": i % 2 == 0} for i in reversed(range(10, 210))]
    found = compare(a, b)
    assert (found.a.n, found.b.n, found.unmatched_a, found.unmatched_b) == (190, 190, 10, 10)
    shared = range(10, 200)
    assert set(found.wins) == {str(i) for i in shared if i % 4 != 0 and i % 2 != 0}
    assert set(found.losses) == {str(i) for i in shared if i % 4 == 0}
    assert (found.test.only_a, found.test.only_b) == (len(found.wins), len(found.losses))
    assert found.test.p == pytest.approx(stats.binomtest(len(found.wins), len(found.wins) + len(found.losses)).pvalue)
    assert found.difference.value == pytest.approx(found.a.value - found.b.value)
    assert found.to_json()["test"]["only_a"] == len(found.wins)


def test_compare_refuses_what_cannot_be_paired():
    good = [{"prompt": "1+1", "correct": True}]
    for other, message in (
        ([{"prompt": "2+2", "correct": True}], "share no problem"),
        (good * 2, "occurs twice in the second run"),
        ([{"prompt": "1+1"}], "Record 0 of the second run"),
        ([{"correct": True}], "needs 'correct' and 'key'"),
    ):
        with pytest.raises(DataError, match=message):
            compare(good, other)
