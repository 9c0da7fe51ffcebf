"""95 % intervals hold the truth in 93 to 97 % of data sets where theory says so; where it does not, that is stated."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorism.errors import UsageError
from algorism.evaluation.coverage import CASES, wilson_coverage

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("coverage_page", ROOT / "benchmarks" / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured(pages):
    return [(case, case.coverage(pages.REPEATS)) for case in CASES]


def test_the_level_is_kept_where_theory_says_so(pages, measured):
    assert pages.REPEATS >= 2000
    kept = {(case.method, case.data): found.value for case, found in measured if case.nominal}
    assert {method for method, _ in kept} >= {
        "wilson",
        "bootstrap",
        "cluster bootstrap",
        "pass@k by bootstrap",
        "seeds",
    }
    assert all(0.93 <= share <= 0.97 for share in kept.values()), kept


def test_where_it_is_not_kept_the_page_is_right_to_warn(measured):
    missed = {(case.method, case.data): found for case, found in measured if not case.nominal}
    assert len(missed) >= 5
    assert all(found.high < 0.93 for found in missed.values()), missed


def test_the_page_is_what_is_measured(pages, measured):
    assert (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8") == pages.page(measured)


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_exact_coverage_of_wilson_by_scipy(n, p):
    counts = np.arange(n + 1)
    ends = [stats.binomtest(int(k), n).proportion_ci(0.95, "wilson") for k in counts] if n < 12 else None
    if ends is not None:
        inside = np.array([end.low <= p <= end.high for end in ends])
        assert wilson_coverage(n, p) == pytest.approx(stats.binom.pmf(counts, n, p)[inside].sum(), abs=1e-9)
    # Wilson's interval holds p exactly where the score test does not reject it (Wilson 1927).
    z = stats.norm.ppf(0.975)
    gap = np.abs(np.abs(counts - n * p) - z * np.sqrt(n * p * (1 - p)))
    if gap.min() > 1e-6:  # else rounding decides
        held = np.abs(counts - n * p) <= z * np.sqrt(n * p * (1 - p))
        assert wilson_coverage(n, p) == pytest.approx(stats.binom.pmf(counts, n, p)[held].sum(), abs=1e-9)


def test_what_the_page_says_about_wilson_s_swings():
    for n in (50, 100, 200):
        shares = np.linspace(5 / n, 1 - 5 / n, 301)
        found = [wilson_coverage(n, p) for p in shares]
        assert 0.93 <= min(found) <= max(found) <= 0.975
    for n in (10, 50, 200):
        dip = min(wilson_coverage(n, 1 - errors / n) for errors in np.linspace(0.16, 0.2, 81))
        assert 0.83 < dip < 0.85


def test_the_simulation_agrees_with_the_binomial():
    for case, n, p in ((CASES[0], 100, 0.5), (CASES[1], 200, 0.9), (CASES[10], 10, 0.983)):
        assert case.data == f"{n} problems, accuracy {p}"
        found = case.coverage(4000, seed=1)
        assert abs(found.value - wilson_coverage(n, p)) < 4 * np.sqrt(0.05 * 0.95 / 4000) + 0.01


def test_wrong_use_is_refused():
    for n, p in ((0, 0.5), (10, 1.5)):
        with pytest.raises(UsageError, match="wilson_coverage"):
            wilson_coverage(n, p)
