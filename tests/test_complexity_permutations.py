"""Closed forms against quadrature and dense Gaussian algebra, simulated ensembles against published runs."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.stats import norm

from algorism.complexity.permutations import (
    Descent,
    GaussianEnsemble,
    all_inputs,
    basis_gram,
    basis_gram_inverse,
    bound,
    covariance,
    ensemble_accuracy,
    expected_accuracy,
    function_rate,
    hot_inputs,
    kernel,
    lambda_max,
    midway,
    moments,
    networks_for,
    networks_needed,
    nngp_kernel,
    trained_passages,
    weights,
)
from algorism.errors import ShapeError, UsageError

REGIMES = {"ntk": 1.0, "last-layer": 0.0}

# (k, n): μ1, μ0, σ², to the digits that are known; None where an input has no bit that should be 0
KNOWN = {
    "ntk": {
        (5, 2): ("0.56063", "-0.01464", "0.013235"),
        (10, 2): ("0.56542", "-0.00985", "0.006519"),
        (30, 2): ("0.57101", "-0.004267", "0.002140"),
        (5, 3): ("0.41108", "-0.03202", "0.019086"),
        (5, 5): ("0.26393", None, "0.027597"),
        (30, 30): ("0.04602", None, "0.008406"),
    },
    "last-layer": {
        (5, 2): ("0.60166", "-0.03954", "0.012877"),
        (10, 2): ("0.61794", "-0.02326", "0.006282"),
        (30, 2): ("0.63241", "-0.008786", "0.002047"),
    },
}
SIZES = np.arange(1, 51)
PLOTTED_BOUND = {2: 6_695, 5: 5_709, 10: 6_532, 20: 9_439, 30: 12_562}  # read from the paper's figure


@cache
def relu_moment(cosine: float, order: int) -> float:
    """E[r(u) r(v)] of standard normals with a correlation, r relu (order 1) or step (0): quadrature over u.

    Given u, v is normal with mean ρu and variance 1 − ρ²; the expectation over it is the textbook one.
    """
    spread = math.sqrt(max(0.0, 1 - cosine**2))

    def given_u(u: float) -> float:
        mean = cosine * u
        if spread < 1e-9:
            inner = max(mean, 0.0) if order else float(mean > 0)
        elif order:
            inner = mean * norm.cdf(mean / spread) + spread * norm.pdf(mean / spread)
        else:
            inner = norm.cdf(mean / spread)
        return (u if order else 1.0) * inner * norm.pdf(u)

    return quad(given_u, 0, 12, epsabs=1e-13, epsrel=1e-12)[0]


def dense_kernel(x_sk: np.ndarray, y_tk: np.ndarray, weight: float, sigma_w: float = 1.0) -> np.ndarray:
    """Σ over both layers of products of gradients, at infinite width, by quadrature."""
    k = x_sk.shape[1]
    table = np.zeros((len(x_sk), len(y_tk)))
    for s, x in enumerate(x_sk):
        for t, y in enumerate(y_tk):
            lengths = math.sqrt(x @ x) * math.sqrt(y @ y)
            cosine = round(float(x @ y / lengths), 12)
            last = sigma_w**2 / k * lengths * relu_moment(cosine, 1)
            first = sigma_w**2 / k * (x @ y) * relu_moment(cosine, 0)
            table[s, t] = sigma_w**2 * (last + weight * first)
    return table


@pytest.mark.parametrize("regime", REGIMES)
def test_kernels_are_the_expectations_they_stand_for(regime):
    random = np.random.default_rng(0)
    x_sk, y_tk = random.normal(size=(3, 4)), random.normal(size=(4, 4))
    y_tk[0] = 2.5 * x_sk[1]  # the same direction, where the tangent kernel has its kink
    ours = kernel(x_sk, y_tk, regime, sigma_w=1.3)
    assert ours == pytest.approx(dense_kernel(x_sk, y_tk, REGIMES[regime], 1.3), rel=1e-9)
    assert kernel(x_sk, np.zeros((1, 4)), regime) == pytest.approx(np.zeros((3, 1)))


def test_last_layer_kernel_is_the_covariance_of_sampled_networks():
    random = np.random.default_rng(1)
    x_sk = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [-1, 0.2, 0.5]])
    hidden = np.maximum(random.normal(size=(400_000, 3)) @ x_sk.T / math.sqrt(3), 0)
    assert nngp_kernel(x_sk, x_sk) == pytest.approx(hidden.T @ hidden / len(hidden), rel=0.02, abs=5e-4)


@given(st.integers(1, 40), st.sampled_from([*REGIMES, 0.3]), st.floats(0.3, 3))
def test_sherman_morrison_inverts_the_gram_matrix(bits, regime, sigma_w):
    gram = basis_gram(bits, regime, sigma_w)
    assert gram == pytest.approx(kernel(np.eye(bits), np.eye(bits), regime, sigma_w), rel=1e-12)
    assert basis_gram_inverse(bits, regime, sigma_w) @ gram == pytest.approx(np.eye(bits), abs=1e-10)


@pytest.mark.parametrize(("regime", "k", "n"), [(r, *kn) for r in KNOWN for kn in KNOWN[r]])
def test_moments_are_the_known_ones(regime, k, n):
    m = moments(k, n, regime)
    for ours, known in zip((m.ones, m.zeros, m.variance), KNOWN[regime][k, n]):
        if known is not None:
            digits = len(known.split(".")[1])
            assert float(ours) == pytest.approx(float(known), abs=0.500001 * 10**-digits)


@settings(deadline=None, max_examples=25)
@given(st.data(), st.sampled_from(list(REGIMES)), st.floats(0.5, 2))
def test_moments_are_those_of_the_dense_gaussian_process(data, regime, sigma_w):
    k = data.draw(st.integers(2, 30))
    n = data.draw(st.integers(1, k))
    x_1k = np.zeros((1, k))
    x_1k[0, :n] = 1 / math.sqrt(n)
    train, weight = np.eye(k), REGIMES[regime]
    w_1k = np.linalg.solve(dense_kernel(train, train, weight), dense_kernel(train, x_1k, weight)).T
    prior = [dense_kernel(a, b, 0.0, sigma_w) for a, b in ((x_1k, x_1k), (train, train), (train, x_1k))]
    variance = prior[0] + w_1k @ prior[1] @ w_1k.T - 2 * w_1k @ prior[2]
    m = moments(k, n, regime, sigma_w)
    assert float(m.ones) == pytest.approx(w_1k[0, 0], abs=1e-9)
    if n < k:
        assert float(m.zeros) == pytest.approx(w_1k[0, -1], abs=1e-9)
    assert float(m.variance) == pytest.approx(variance.item(), abs=1e-9)


@pytest.mark.parametrize(("k", "networks", "released"), [(10, 69, 0.002114), (20, 117, 0.000801), (30, 175, 0.000468)])
def test_released_errors_are_those_of_the_last_layer_regime(k, networks, released):
    """The released log holds the mean squared error of the ensemble mean against P x/√n."""

    def error(regime):
        m = moments(k, 2, regime)
        off = 2 * (m.ones - 1 / math.sqrt(2)) ** 2 + (k - 2) * m.zeros**2
        return float(off / k + m.variance / networks)

    assert error("last-layer") == pytest.approx(released, rel=0.03)
    assert error("ntk") > 1.5 * released


@pytest.mark.parametrize("regime", REGIMES)
def test_covariance_between_inputs_is_that_of_the_dense_gaussian_process(regime):
    x_tk = all_inputs(4) / np.sqrt(all_inputs(4).sum(axis=1, keepdims=True))
    train, weight = np.eye(4), REGIMES[regime]
    w_tk = np.linalg.solve(dense_kernel(train, train, weight), dense_kernel(train, x_tk, weight)).T
    prior_tk = dense_kernel(x_tk, train, 0.0)
    cross_tt = w_tk @ prior_tk.T
    expected = dense_kernel(x_tk, x_tk, 0.0) + w_tk @ dense_kernel(train, train, 0.0) @ w_tk.T - cross_tt - cross_tt.T
    ours = covariance(x_tk, regime)
    assert ours == pytest.approx(expected, abs=1e-9)
    assert np.diag(ours) == pytest.approx(moments(4, all_inputs(4).sum(axis=1), regime).variance, abs=1e-12)
    assert weights(x_tk, regime) == pytest.approx(w_tk, abs=1e-9)


@pytest.mark.parametrize("regime", REGIMES)
def test_training_that_has_not_ended(regime):
    k, n, rate = 6, 3, 0.7
    x_1k = np.array([[1.0, 1, 1, 0, 0, 0]]) / math.sqrt(n)
    train, weight = np.eye(k), REGIMES[regime]
    theta, row = dense_kernel(train, train, weight), dense_kernel(x_1k, train, weight)
    stepped, left = np.zeros((1, k)), np.eye(k)
    for _ in range(5):  # what five steps on the residual add to the prediction
        stepped = stepped + rate * row @ left
        left = left - rate * theta @ left
    flowed = row @ np.linalg.solve(theta, np.eye(k) - expm(-rate * 5 * theta))
    for descent, expected in ((Descent(rate, 5), stepped), (Descent(rate, 5, flow=True), flowed)):
        assert weights(x_1k, regime, descent) == pytest.approx(expected, abs=1e-9)
        m = moments(k, n, regime, after=descent)
        assert (float(m.ones), float(m.zeros)) == pytest.approx((expected[0, 0], expected[0, -1]), abs=1e-9)
        assert float(m.variance) == pytest.approx(covariance(x_1k, regime, after=descent).item(), abs=1e-12)


@pytest.mark.parametrize("regime", REGIMES)
def test_signs_carry_the_permutation(regime):
    for k in range(2, 31):
        pairs_tk = hot_inputs(k)
        w_tk = weights(pairs_tk, regime)
        assert ((w_tk > 0) == pairs_tk).all(), k
    for k in range(2, 13):
        inputs_tk = all_inputs(k)
        assert ((weights(inputs_tk, regime) > 1e-10) == inputs_tk).all(), k
    for k in range(2, 101):
        m = moments(k, np.arange(2, k + 1), regime)
        assert (m.ones > 0).all(), k
        assert (m.zeros[:-1] < 0).all(), k


def test_training_inputs_are_answered_exactly():
    for regime in REGIMES:
        m = moments(np.arange(2, 60), 1, regime)
        assert m.ones == pytest.approx(np.ones(58), abs=1e-14)
        assert m.zeros == pytest.approx(np.zeros(58), abs=1e-14)
        assert m.variance == pytest.approx(np.zeros(58), abs=1e-14)


def test_bound_is_the_plotted_curve():
    for k, plotted in PLOTTED_BOUND.items():
        assert bound(k, 1e-4) == pytest.approx(plotted, rel=0.01)
    curve = {k: bound(k, 1e-4) for k in range(2, 31)}
    assert min(curve, key=curve.get) in (4, 5)
    for k in (10, 40, 100):  # two ones are the hardest
        assert bound(k, 1e-4) == max(bound(k, 1e-4, ones=n) for n in range(2, k))
    assert bound(10**6, 1e-4, every=True) / 10**12 == pytest.approx(15.5, rel=0.005)


@given(st.integers(3, 40), st.sampled_from(list(REGIMES)), st.sampled_from([0.3, 1e-2, 1e-6, 1e-9]))
@settings(max_examples=30, deadline=None)
def test_networks_for_is_the_smallest_that_is_enough(k, regime, delta):
    needed = networks_for(k, delta, regime)
    m = moments(k, 2, regime)

    def wrong(count):  # SciPy's tails, added up to first order; δ is small or the sum is of two and k − 2 equal tails
        one, zero = (norm.sf(mean * math.sqrt(count / m.variance)) for mean in (m.ones, -m.zeros))
        return -math.expm1(2 * math.log1p(-one) + (k - 2) * math.log1p(-zero))

    assert wrong(needed) <= delta * (1 + 1e-9)
    assert needed == 1 or wrong(needed - 1) > delta * (1 - 1e-9)
    assert needed <= bound(k, delta, regime)
    assert needed <= networks_for(k, delta, regime, every=True) <= bound(k, delta, regime, every=True)


@pytest.mark.parametrize(
    ("k", "wanted", "published", "trials"),
    [(10, 0.9, 69, 60), (20, 0.9, 117, 40), (30, 0.9, 175, 40), (10, 0.999, 129, 60), (15, 0.999, 163, 40)],
)
def test_published_runs_lie_among_simulated_ones(k, wanted, published, trials):
    passages = GaussianEnsemble(hot_inputs(k), "last-layer").first_reaching(wanted, trials=trials, seed=4)
    assert passages.low <= published <= passages.high
    assert passages.high < 2.5 * passages.low  # so that the interval says something


def test_tangent_regime_needs_several_times_more():
    few, many = (
        GaussianEnsemble(hot_inputs(10), regime).first_reaching(0.9, trials=40, seed=1).median for regime in KNOWN
    )
    assert 4 < few / many < 7.5


@pytest.mark.parametrize("regime", REGIMES)
def test_simulated_accuracy_has_the_expected_mean(regime):
    inputs_tk = np.concatenate([hot_inputs(7, 2), hot_inputs(7, 4)])
    simulated_rn = GaussianEnsemble(inputs_tk, regime, sigma_w=0.8).accuracy([1, 2, 10, 60], trials=300, seed=2)
    for i, n in enumerate((1, 2, 10, 60)):
        expected = (21 * expected_accuracy(n, 7, 2, regime, 0.8) + 35 * expected_accuracy(n, 7, 4, regime, 0.8)) / 56
        error = simulated_rn[:, i].std() / math.sqrt(300)
        assert simulated_rn[:, i].mean() == pytest.approx(expected, abs=4.5 * error + 5e-4)


def test_simulation_is_seeded_and_counts_repeated_inputs():
    ensemble = GaussianEnsemble(hot_inputs(5), "ntk")
    assert (ensemble.accuracy(SIZES, seed=3) == ensemble.accuracy(SIZES, seed=3)).all()
    assert (ensemble.accuracy(SIZES, seed=3) != ensemble.accuracy(SIZES, seed=4)).any()
    twice = GaussianEnsemble(np.repeat(hot_inputs(5), 2, axis=0), "ntk")
    assert (twice.accuracy(SIZES, seed=3) == ensemble.accuracy(SIZES, seed=3)).all()
    never = ensemble.first_reaching(0.999, trials=3, most=2)
    assert never.median == math.inf


def test_a_passage_is_where_the_path_first_reaches():
    """The two walk the same noise: one size after the other, and only as far as needed."""
    ensemble = GaussianEnsemble(hot_inputs(6), "last-layer")
    path_rn = ensemble.accuracy(np.arange(1, 400), trials=5, draws=1_000, seed=6)
    expected = [int(np.argmax(path_n >= 0.9)) + 1 for path_n in path_rn]
    assert ensemble.first_reaching(0.9, trials=5, seed=6).networks_r.tolist() == expected


def test_expected_accuracy_follows_thresholds():
    single = expected_accuracy(1, 30, 2, "last-layer")
    m = moments(30, 2, "last-layer")
    sd = math.sqrt(m.variance)
    assert float(single) == pytest.approx(norm.cdf(m.ones / sd) ** 2 * norm.cdf(-m.zeros / sd) ** 28, rel=1e-9)
    assert expected_accuracy(1, 30, 2, "last-layer", threshold=midway(30, 2, "last-layer")) > 0.9999
    assert float(expected_accuracy(1, 30, 1)) == 1


def test_networks_needed_says_the_same_three_ways():
    needed = networks_needed(10, 0.9, "last-layer", trials=30, seed=5)
    accuracies = expected_accuracy(np.array([needed.estimate - 1, needed.estimate]), 10, 2, "last-layer")
    assert accuracies[0] < 0.9 <= accuracies[1]
    assert needed.simulated.low <= needed.estimate <= needed.simulated.high
    assert needed.bound == pytest.approx(bound(10, 1e-4, "last-layer"))
    assert networks_needed(100_000, trials=0).simulated is None


def test_accuracy_of_given_outputs():
    random = np.random.default_rng(0)
    targets_to = np.array([[1, 0, 1], [0, 1, 1]])
    outputs_nto = targets_to + random.normal(size=(30, 2, 3)) - 0.4
    slow = [((outputs_nto[:n].mean(axis=0) > 0.1) == targets_to).all(axis=1) @ [0.25, 0.75] for n in range(1, 31)]
    fast = ensemble_accuracy(outputs_nto, targets_to, threshold=0.1, weights_t=np.array([0.25, 0.75]))
    assert fast == pytest.approx(slow)
    steady = np.broadcast_to(targets_to - 0.5, (4, 2, 3))
    assert (trained_passages(steady, targets_to, 1.0, trials=3).networks_r == 1).all()
    assert trained_passages(-steady, targets_to, 0.5, trials=3).low == math.inf


def test_released_rate_was_too_large_for_two_and_three_bits():
    products = [1e-3 * lambda_max(k, "standard", 50_000) for k in (2, 3, 4)]
    assert products[:2] == pytest.approx([8.2, 3.0], abs=0.05)
    assert products[2] < 2
    assert lambda_max(5, "ntk") == pytest.approx(2 / 25 * np.linalg.eigvalsh(basis_gram(5)).max())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernel([[1, 2]], [[1, 2, 3]]), ShapeError, "equally many"),
        (lambda: kernel([1, 2], [[1, 2]]), ShapeError, "one input a row"),
        (lambda: kernel([[math.nan]], [[1]]), UsageError, "finite"),
        (lambda: kernel([[1]], [[1]], "nkt"), UsageError, "'ntk'"),
        (lambda: kernel([[1]], [[1]], -0.5), UsageError, ">= 0"),
        (lambda: basis_gram(0), UsageError, ">= 1"),
        (lambda: basis_gram(3, sigma_w=0), UsageError, "sigma_w"),
        (lambda: lambda_max(3, "standart"), UsageError, "'standard'"),
        (lambda: function_rate(0.1, 3, "standard", 0), UsageError, "width"),
        (lambda: moments(5, 6), UsageError, "ones <= bits"),
        (lambda: moments(5, 1.5), UsageError, "whole"),
        (lambda: moments([5, 5], [2, 0]), UsageError, "ones <= bits"),
        (lambda: Descent(-1, 3), UsageError, "rate > 0"),
        (lambda: hot_inputs(4, 5), UsageError, "ones <= 4"),
        (lambda: hot_inputs(60, 30), UsageError, "5,000,000"),
        (lambda: all_inputs(40), UsageError, "20 bits"),
        (lambda: expected_accuracy(0, 5), UsageError, "at least one network"),
        (lambda: bound(5, 0), UsageError, "between 0 and 1"),
        (lambda: networks_for(5, 1), UsageError, "between 0 and 1"),
        (lambda: networks_needed(5, 1.0), UsageError, "between 0 and 1"),
        (lambda: networks_needed(5, ones=1), UsageError, "training input"),
        (lambda: networks_needed(200), UsageError, "distinct test inputs"),
        (lambda: GaussianEnsemble(np.eye(4)), UsageError, "two ones"),
        (lambda: GaussianEnsemble([[1, 2, 0]]), UsageError, "0 and 1"),
        (lambda: GaussianEnsemble([1, 1]), ShapeError, "one input a row"),
        (lambda: GaussianEnsemble([[1, 1, 0]]).first_reaching(0), UsageError, "accuracy"),
        (lambda: GaussianEnsemble([[1, 1, 0]]).accuracy([0, 1]), UsageError, "increasing"),
        (lambda: GaussianEnsemble([[1, 1, 0]]).accuracy([2, 2]), UsageError, "increasing"),
        (lambda: GaussianEnsemble([[1, 1, 0]]).accuracy([1], draws=0), UsageError, "draws"),
        (lambda: ensemble_accuracy(np.zeros((2, 3, 4)), np.zeros((4, 3))), ShapeError, "expected"),
    ],
)
def test_bad_input_is_refused_with_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
