"""The laws behind the required inductive bias, against closed forms, SciPy, exact decimal sums and Monte Carlo."""

from decimal import Decimal, getcontext
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.special import ive, log_ndtr

from algorism.complexity.inductive_bias import GaussianLoss, Ncx2, fit, log_probability, sankaran
from algorism.complexity.inductive_bias.fitting import compress, fit_many
from algorism.complexity.inductive_bias.ncx2 import log_bessel_ratio, log_gamma_cdf
from algorism.errors import DataError, ShapeError, UsageError

# ε, nc, exact −ln CDF, saddlepoint of χ²₁₀(nc)/10: the brief's table, computed independently of this package
TABLE = [
    (0.5, 0, 2.21804, 2.21769),
    (0.1, 0, 8.66734, 8.66387),
    (0.01, 0, 19.80779, 19.79894),
    (0.001, 0, 31.28324, 31.27113),
    (0.5, 2.5, 2.99906, 2.99927),
    (0.1, 2.5, 9.81520, 9.81151),
    (0.01, 2.5, 21.04740, 21.03813),
]
SANKARAN = {0.5: 0.762, 0.1: 5.936, 0.01: 13.076, 0.001: 17.336}


def ten_directions(nc: float) -> GaussianLoss:
    return GaussianLoss(np.ones(10), np.array([nc] + [0.0] * 9), outputs=1, points=10)


def spread_out(seed: int, outputs: int = 2) -> GaussianLoss:
    """A law like that of a kernel space: variances over several decades, some directions fixed."""
    random = np.random.default_rng(seed)
    variances = np.exp(-np.arange(30) / 3.0)
    variances[27:] = 0
    return GaussianLoss(variances, 0.3 * random.exponential(size=30) * (variances + 0.2), outputs, points=40)


def exact_log_cdf(y: str, df: int, nc: str) -> float:
    """Decimal sum for even df: P(a, x) = e^−x Σ_{k ≥ a} x^k/k! for whole a, mixed with Poisson weights."""
    getcontext().prec = 60
    half, rate = Decimal(y) / 2, Decimal(nc) / 2
    reach = df // 2 + 60 + int(4 * (half + rate))
    term, terms = Decimal(1), []
    for k in range(2 * reach):
        terms.append(term)
        term = term * half / (k + 1)
    above = [Decimal(0)] * (2 * reach + 1)
    for k in range(2 * reach - 1, -1, -1):
        above[k] = above[k + 1] + terms[k]
    weight, total = (-rate).exp(), Decimal(0)
    for j in range(reach):
        total += weight * above[df // 2 + j]
        weight = weight * rate / (j + 1)
    return float((total * (-half).exp()).ln())


@pytest.mark.parametrize(("error", "nc", "exact", "saddlepoint"), TABLE)
def test_the_tables_of_the_brief(error, nc, exact, saddlepoint):
    assert -float(Ncx2(10, nc, 0.1).log_cdf(error)) == pytest.approx(exact, abs=6e-6)
    assert -log_probability(error, ten_directions(nc)) == pytest.approx(saddlepoint, abs=6e-6)
    if nc == 0:
        closed = -stats.chi2.logcdf(10 * error, 10)
        assert -float(Ncx2(10, nc, 0.1).log_cdf(error)) == pytest.approx(closed, rel=1e-12)
        assert sankaran(error, Ncx2(10, nc, 0.1)) == pytest.approx(SANKARAN[error], abs=6e-4)


def test_the_check_value_of_the_brief():
    assert float(Ncx2(10, 3).log_cdf(5)) == pytest.approx(-3.1583019, abs=6e-8)


@settings(max_examples=150, deadline=None)
@given(st.floats(0.3, 300), st.floats(0, 300), st.floats(0.01, 900))
def test_density_and_cdf_agree_with_scipy_where_scipy_is_finite(df, nc, x):
    theirs = stats.ncx2.logpdf(x, df, nc)
    if np.isfinite(theirs):
        assert float(Ncx2(df, nc).log_pdf(x)) == pytest.approx(theirs, rel=1e-9, abs=1e-9)
    share = stats.ncx2.cdf(x, df, nc)
    if 1e-12 < share < 1:  # deeper down SciPy's own digits go: see the closed form of one degree of freedom below
        assert float(Ncx2(df, nc).log_cdf(x)) == pytest.approx(np.log(share), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("y", "df", "nc"),
    [("5", 10, "3"), ("0.001", 120, "40"), ("1", 600, "7"), ("20", 40, "900"), ("0.5", 2, "2000"), ("300", 200, "100")],
)
def test_cdf_agrees_with_decimal_sums_where_doubles_underflow(y, df, nc):
    ours = float(Ncx2(df, float(nc)).log_cdf(float(y)))
    assert ours == pytest.approx(exact_log_cdf(y, df, nc), rel=1e-11, abs=1e-13)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 400), st.floats(0.01, 400))
def test_one_degree_of_freedom_is_a_shifted_normal(nc, x):
    upper, lower = log_ndtr(np.sqrt(x) - np.sqrt(nc)), log_ndtr(-np.sqrt(x) - np.sqrt(nc))
    closed = upper + np.log1p(-np.exp(lower - upper))
    assert float(Ncx2(1, nc).log_cdf(x)) == pytest.approx(closed, rel=1e-9, abs=1e-10)


def test_some_of_those_cases_are_out_of_reach_of_doubles():
    assert exact_log_cdf("1", 600, "7") < -1500
    assert stats.ncx2.cdf(1, 600, 7) == 0


@pytest.mark.parametrize("nu", [-0.4, 0.0, 3.3, 59.0, 60.0, 75.5])
def test_bessel_ratio_in_its_three_ranges(nu):
    z = np.geomspace(1.0, 2e3, 40)
    theirs = np.log(ive(nu, z)) + z - nu * np.log(z / 2)
    np.testing.assert_allclose(log_bessel_ratio(nu, z), theirs, rtol=1e-12, atol=2e-11)


def test_bessel_ratio_is_continuous_where_the_ranges_meet():
    for nu in (0.5, 20.0, 200.0):
        seam = 2 * np.sqrt(1e-5 * (nu + 1))
        below, above = log_bessel_ratio(nu, np.array([seam * (1 - 1e-9), seam * (1 + 1e-9)]))
        assert below == pytest.approx(above, abs=1e-11 * max(1, abs(below)))


@pytest.mark.parametrize("a", [0.5, 3.0, 400.0])
def test_incomplete_gamma_is_finite_far_below(a):
    y = np.array([1e-300, 1e-30, 1e-3])
    found = [log_gamma_cdf(a, v) for v in y]
    leading = a * np.log(y) - np.array([float(np.sum(np.log(np.arange(1, 401))))] * 3) if a == 400 else None
    assert np.isfinite(found).all()
    if leading is not None:
        np.testing.assert_allclose(found, leading, rtol=1e-6)


def test_cumulants_are_those_of_a_large_sample():
    law = spread_out(0)
    losses = law.sample(200_000, seed=1)
    first, second, third = law.cumulants()
    assert losses.mean() == pytest.approx(first, abs=5 * np.sqrt(second / 200_000))
    assert losses.var() == pytest.approx(second, rel=0.05)
    assert stats.skew(losses) == pytest.approx(third / second**1.5, rel=0.08)


def test_cumulants_of_one_chi_square_are_the_closed_ones():
    law = GaussianLoss(np.full(4, 0.5), np.array([1.0, 0, 0, 0]), outputs=3, points=4)  # 0.5 χ²₁₂(2) / 12
    df, nc, scale = 12, 2.0, 0.5 / 12
    closed = (scale * (df + nc), 2 * scale**2 * (df + 2 * nc), 8 * scale**3 * (df + 3 * nc))
    assert law.cumulants() == pytest.approx(closed)


@pytest.mark.parametrize("seed", range(3))
def test_saddlepoint_agrees_with_monte_carlo_in_the_bulk(seed):
    law = spread_out(seed)
    losses = law.sample(100_000, seed=seed)
    for share in (0.01, 0.1, 0.5, 0.9):
        error = float(np.quantile(losses, share))
        assert np.exp(log_probability(error, law)) == pytest.approx(share, rel=0.03 + 4 / np.sqrt(1e5 * share))


def test_saddlepoint_is_smooth_through_the_mean():
    law = spread_out(3)
    mean = law.cumulants()[0]
    values = [log_probability(mean * (1 + d), law) for d in (-1e-3, -1e-6, 0.0, 1e-6, 1e-3)]
    assert np.diff(values).min() > 0
    assert values[3] - values[1] < 1e-4


def test_a_target_below_the_fixed_part_is_impossible():
    law = GaussianLoss(np.array([1.0, 0.0]), np.array([0.0, 0.2]), outputs=1, points=2)
    assert log_probability(0.1, law) == -np.inf
    assert np.isfinite(log_probability(0.11, law))
    assert log_probability(5.0, GaussianLoss(np.zeros(2), np.ones(2), 1, 2)) == 0.0
    assert log_probability(1e9, law) == 0.0


def test_a_floor_turns_small_variances_into_fixed_offsets():
    law = GaussianLoss(np.array([1.0, 1e-12]), np.array([0.0, 0.2]), outputs=1, points=2)
    assert log_probability(0.05, law, floor=1e-10) == -np.inf
    assert np.isfinite(log_probability(0.05, law))


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 3.0), st.integers(0, 5))
def test_scaling_outputs_scales_errors(factor, error, seed):
    law = spread_out(seed)
    scaled = GaussianLoss(law.variances_i * factor, law.offsets_i * factor, law.outputs, law.points)
    base = log_probability(error, law)
    assert log_probability(error * factor, scaled) == pytest.approx(base, rel=1e-6, abs=1e-9)
    one = Ncx2(7, 3, 0.2)
    assert float(Ncx2(7, 3, 0.2 * factor).log_cdf(error * factor)) == pytest.approx(float(one.log_cdf(error)), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-4, 5.0), min_size=2, max_size=6), st.integers(0, 5))
def test_no_law_needs_more_bias_for_a_larger_error(errors, seed):
    ordered = sorted(errors)
    for values in ([log_probability(e, spread_out(seed)) for e in ordered], list(Ncx2(3, 8, 0.1).log_cdf(ordered))):
        assert all(a <= b + 1e-9 for a, b in pairwise(values))  # −∞ where impossible
        assert max(values) <= 0


@pytest.mark.parametrize(
    ("law", "number"),
    [(Ncx2(20, 30, 0.1), 2000), (Ncx2(200, 3, 0.1), 300), (Ncx2(1, 5, 0.1), 2000), (Ncx2(3, 0, 1.0), 500)],
)
def test_the_fit_is_a_maximum_that_another_search_does_not_beat(law, number):
    losses = law.sample(number, seed=1)
    found = fit(losses)

    def mean_loss(p):
        return -Ncx2(np.exp(p[0]), p[1] ** 2, np.exp(p[2])).log_pdf(losses).mean()

    starts = [(np.log(found.law.df) * 1.02, root, np.log(found.law.scale)) for root in (0.1, found.law.nc**0.5 + 1)]
    options = {"maxiter": 400, "fatol": 1e-10}
    beaten = min(optimize.minimize(mean_loss, s, method="Nelder-Mead", options=options).fun for s in starts)
    assert found.converged
    # The search settles within 1e-9; the first case runs to df = 0, where ours is stopped at a thousandth of nc.
    assert found.log_likelihood >= -beaten - (1e-5 if found.law.df < 0.01 * found.law.nc else 1e-8)


def test_the_fit_does_not_stick_at_no_offset():
    found = fit(Ncx2(5, 40, 0.1).sample(20_000, seed=0))
    assert found.law.nc > 20
    assert found.law.mean == pytest.approx(4.5, rel=0.01)
    assert found.acceptable


def test_a_law_with_an_atom_at_zero_is_not_acceptable():
    found = fit(Ncx2(20, 30, 0.1).sample(2000, seed=1))  # whose likelihood rises towards df = 0
    assert found.law.df < 0.01 * found.law.nc
    assert found.ks < found.ks_limit
    assert not found.acceptable
    assert -float(found.law.log_cdf(1e-6)) < 1.1 * found.law.nc / 2


def test_moments_fit_meets_three_moments():
    losses = Ncx2(6, 9, 0.1).sample(50_000, seed=2)
    law = fit(losses, "ncx2-moments").law
    assert law.mean == pytest.approx(losses.mean(), rel=1e-9)
    assert law.variance == pytest.approx(losses.var(), rel=1e-9)
    third = 8 * law.scale**3 * (law.df + 3 * law.nc)
    assert third == pytest.approx(((losses - losses.mean()) ** 3).mean(), rel=1e-6)


def test_moments_without_a_solution_give_no_offset():
    found = fit(np.random.default_rng(0).lognormal(0, 1.0, 2000), "ncx2-moments")  # far more skewed than any χ²
    assert found.law.nc == pytest.approx(0)
    assert not found.acceptable


def test_compressed_sums_are_the_sums():
    losses = Ncx2(3, 2, 0.3).sample(3000, seed=0)
    nodes, weights = compress(np.log(losses), np.full((1, 3000), 1 / 3000), 64)
    for law in (Ncx2(3, 2, 0.3), Ncx2(150, 0, 0.01), Ncx2(0.7, 30, 0.05)):
        direct = law.log_pdf(losses).mean()
        assert float(weights[0] @ law.log_pdf(nodes)) == pytest.approx(direct, rel=1e-9)


def test_fitting_many_is_fitting_each():
    losses = Ncx2(12, 4, 0.1).sample(400, seed=3)
    counts = np.random.default_rng(0).multinomial(400, np.full(400, 1 / 400), 3)
    together, done = fit_many(losses, counts)
    assert done.all()
    for law, row in zip(together, counts):
        alone = fit(np.repeat(losses, row)).law
        assert float(law.log_cdf(0.5)) == pytest.approx(float(alone.log_cdf(0.5)), rel=2e-3)


def test_goodness_of_fit_is_the_kolmogorov_smirnov_distance():
    losses = Ncx2(4, 1, 0.5).sample(800, seed=5)
    found = fit(losses)
    theirs = stats.kstest(losses, lambda x: stats.ncx2.cdf(x / found.law.scale, found.law.df, found.law.nc))
    assert found.ks == pytest.approx(theirs.statistic, abs=1e-4)
    wrong = fit(np.concatenate([losses, losses + 20]))  # two humps
    assert wrong.ks > 3 * wrong.ks_limit
    assert not wrong.acceptable


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: Ncx2(0, 1), UsageError, "df > 0"),
        (lambda: Ncx2(1, -1), UsageError, "nc >= 0"),
        (lambda: Ncx2(1e12, 1), UsageError, "constant"),
        (lambda: fit([1.0, 1.0 + 1e-7]), DataError, "varies"),
        (lambda: Ncx2(1, 1, np.nan), UsageError, "scale > 0"),
        (lambda: GaussianLoss(np.ones(2), np.ones(3), 1, 5), ShapeError, "one per direction"),
        (lambda: GaussianLoss(np.array([-1.0]), np.ones(1), 1, 5), DataError, "not negative"),
        (lambda: GaussianLoss(np.ones(5), np.ones(5), 1, 4), ShapeError, "no fewer points"),
        (lambda: ten_directions(0).sample(0), UsageError, "at least 1"),
        (lambda: log_probability(0.0, ten_directions(0)), UsageError, "above 0"),
        (lambda: sankaran(2.0, Ncx2(10, 0, 0.1)), UsageError, "not below the median"),
        (lambda: fit([0.0, 1.0, 2.0]), DataError, "exactly 0"),
        (lambda: fit([1.0, 1.0, 1.0]), DataError, "varies"),
    ],
)
def test_bad_input_is_refused_with_words(act, error, words):
    with pytest.raises(error, match=words):
        act()
