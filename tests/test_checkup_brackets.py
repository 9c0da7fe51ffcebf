"""The check-up's statistics: evidence that holds at any stopping, and brackets that contain the truth."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from algorism.errors import UsageError
from algorism.evaluation.checkup.brackets import CHUNK, THRESHOLDS, Bracket, Count, bracket, falling, start, wanted
from algorism.evaluation.checkup.confidence import log_evidence_above, log_evidence_below, sequence_interval

LEVELS = (1, 2, 3, 4, 6, 8, 12, 16, 20)
LOGISTIC = [1 / (1 + math.exp((level - 7) / 1.5)) for level in LEVELS]
STEP = [0.98] * 4 + [0.02] * 5
NEAR = [0.93, 0.92, 0.91, 0.89, 0.52, 0.49, 0.12, 0.11, 0.09]


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (3, 11), (40, 50)])
def test_the_interval_is_where_the_posterior_density_exceeds_alpha(right, n):
    found = sequence_interval(right, n)
    inside = [p / 2000 for p in range(1, 2000) if stats.beta.pdf(p / 2000, right + 1, n - right + 1) > 0.05]
    assert found.low == pytest.approx(inside[0] if right else 0, abs=1e-3)
    assert found.high == pytest.approx(inside[-1] if right < n else 1, abs=1e-3)


@pytest.mark.parametrize(("right", "n", "threshold"), [(5, 6, 0.5), (2, 9, 0.1), (30, 31, 0.9), (0, 4, 0.5)])
def test_evidence_is_the_mixed_likelihood_ratio(right, n, threshold):
    def ratio(q):
        return (q / threshold) ** right * ((1 - q) / (1 - threshold)) ** (n - right)

    mean = integrate.quad(ratio, threshold, 1)[0] / (1 - threshold)
    assert math.exp(log_evidence_above(right, n, threshold)) == pytest.approx(mean, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.95), st.floats(0, 1))
def test_evidence_does_not_grow_on_average_where_there_is_nothing_to_find(right, wrong, threshold, part):
    n, p = right + wrong, part * threshold
    now = math.exp(log_evidence_above(right, n, threshold))
    later = p * math.exp(log_evidence_above(right + 1, n + 1, threshold))
    later += (1 - p) * math.exp(log_evidence_above(right, n + 1, threshold))
    assert later <= now * (1 + 1e-9)
    assert log_evidence_below(wrong, n, 1 - threshold) == pytest.approx(log_evidence_above(right, n, threshold))


def test_intervals_hold_at_all_times_at_once():
    rng, paths, missed_once, missed_by_wilson = random.Random(3), 300, 0, 0
    for _ in range(paths):
        right, missed, wilson_missed = 0, False, False
        for n in range(1, 101):
            right += rng.random() < 0.7
            found = sequence_interval(right, n)
            missed |= not found.low <= 0.7 <= found.high
            half = 1.96 * math.sqrt(0.7 * 0.3 / n)
            wilson_missed |= n >= 5 and abs(right / n - 0.7) > half
        missed_once, missed_by_wilson = missed_once + missed, missed_by_wilson + wilson_missed
    assert missed_once / paths <= 0.05
    assert missed_by_wilson / paths > 0.15  # what a fixed-size interval does when it is looked at again and again


def simulated(curve, budget, seed):
    rng, counts = random.Random(seed), [Count()] * len(curve)

    def ask(level):
        right = sum(rng.random() < curve[level] for _ in range(CHUNK))
        counts[level] = replace(counts[level], right=counts[level].right + right, n=counts[level].n + CHUNK)

    for level in start(len(curve)):
        ask(level)
    while sum(count.n for count in counts) < budget:
        choice = wanted(counts)
        if choice is None:
            break
        ask(choice[1])
    return counts


@pytest.mark.parametrize("curve", [LOGISTIC, STEP, NEAR], ids=["logistic", "step", "near the thresholds"])
def test_brackets_contain_the_truth_and_narrow(curve):
    runs, inside, open_levels = 40, dict.fromkeys(THRESHOLDS, 0), 0
    for seed in range(runs):
        counts = simulated(curve, 100, seed)
        for threshold in THRESHOLDS:
            found = bracket(counts, threshold)
            truth = max((k for k, p in enumerate(curve) if p >= threshold), default=-1)
            inside[threshold] += found.holds <= truth < found.fails
        open_levels += len(bracket(counts, 0.5).undecided)
    assert min(inside.values()) >= 0.95 * runs
    assert open_levels / runs < (1 if curve is STEP else 4.5)  # of nine


def test_one_length_alone_decides_nothing_about_easier_ones_that_fail():
    # The hardest level is easy here: the assumption is broken, and that is said.
    found = bracket([Count(0, 60), Count(0, 60), Count(60, 60)], 0.5)
    assert (found.holds, found.fails, found.consistent) == (2, 0, False)


def test_a_bracket_in_words():
    assert Bracket(0.5, 1, 3, 2).to_json((1, 2, 4, 8)) == {
        "threshold": 0.5,
        "holds_up_to": 2,
        "fails_from": 8,
        "estimate": 4,
        "consistent": True,
    }
    assert Bracket(0.9, -1, 4, -1).to_json((1, 2, 4, 8))["holds_up_to"] is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8))
def test_the_falling_curve_is_least_squares_among_falling_ones(rows):
    from scipy.optimize import isotonic_regression

    counts = [Count(right, right + wrong) for right, wrong in rows]
    known = [count for count in counts if count.n]
    if not known:
        assert falling(counts) == [None] * len(counts)
        return
    best = isotonic_regression([c.right / c.n for c in known], weights=[c.n for c in known], increasing=False).x
    assert [value for value in falling(counts) if value is not None] == pytest.approx(list(best))


def test_asking_ends_when_all_is_known_or_nothing_can_be_asked():
    assert wanted([Count(500, 500)] * 3) is None
    assert wanted([Count(0, 0, closed=True)] * 3) is None
    assert wanted([Count(0, 0, closed=True), Count()])[1] == 1


def test_impossible_counts_are_refused():
    with pytest.raises(UsageError, match="3 right answers of 2"):
        sequence_interval(3, 2)
