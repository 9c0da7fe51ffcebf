"""Patterns, energies and fields of associative networks, against brute force and dense matrices."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorism.associative import (
    Couplings,
    archetypes,
    average_examples,
    dataset_entropy,
    examples,
    examples_from_entropy,
    normalised_weights,
    quality_from_entropy,
    second_moment,
    stored,
    supervised,
    unsupervised,
)
from algorism.associative.patterns import _binomial
from algorism.associative.symmetric import elementary

ODDS = {"real": 1.0, "ternary": 0.3}


def vectors(kind, patterns, neurons, rng):
    """Real patterns, or some of −1, 0 and +1 in int8, which take another path."""
    if kind == "real":
        return rng.normal(size=(patterns, neurons))
    return rng.choice(np.array([-1, 0, 1], dtype=np.int8), size=(patterns, neurons), p=[0.35, 0.3, 0.35])


def tensor_energy(v_kn, c_k, sigma_n, order):
    """The definition: a sum over all groups of different neurons."""
    groups = [list(g) for g in itertools.combinations(range(len(sigma_n)), order)]
    total = sum(c * np.prod(v[g] * sigma_n[g]) for v, c in zip(np.asarray(v_kn, float), c_k) for g in groups)
    return -math.factorial(order) / (2 * len(sigma_n) ** (order - 1)) * total


def tensor_field(v_kn, c_k, sigma_n, order, i):
    """The definition: all groups of P − 1 neurons other than i."""
    others = [j for j in range(len(sigma_n)) if j != i]
    groups = [list(g) for g in itertools.combinations(others, order - 1)]
    total = sum(c * v[i] * np.prod(v[g] * sigma_n[g]) for v, c in zip(np.asarray(v_kn, float), c_k) for g in groups)
    return math.factorial(order) / (2 * len(sigma_n) ** (order - 1)) * total


@pytest.mark.parametrize("kind", ["real", "ternary"])
@pytest.mark.parametrize("order", [2, 4, 6])
def test_energy_and_fields_equal_the_tensor(order, kind):
    rng = np.random.default_rng(order)
    v_kn, c_k = vectors(kind, 3, 8, rng), rng.random(3) + 0.1
    sigma_bn = rng.choice([-1, 1], size=(4, 8))
    net = Couplings(v_kn, order, c_k, dtype=torch.float64)
    energy_b = [tensor_energy(v_kn, c_k, sigma_n.astype(float), order) for sigma_n in sigma_bn]
    h_bn = [[tensor_field(v_kn, c_k, s.astype(float), order, i) for i in range(8)] for s in sigma_bn]
    assert np.allclose(net.energy(net.states(sigma_bn)).numpy(), energy_b, rtol=0, atol=1e-13)
    assert np.allclose(net.fields(net.states(sigma_bn)).numpy(), h_bn, rtol=0, atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    order=st.sampled_from([2, 4, 6, 8]),
    kind=st.sampled_from(["real", "ternary"]),
    neurons=st.integers(8, 40),
    patterns=st.integers(1, 6),
)
def test_flip_identity(seed, order, kind, neurons, patterns):
    """H with i flipped − H = 2 σ_i h_i, for every i."""
    rng = np.random.default_rng(seed)
    net = Couplings(vectors(kind, patterns, neurons, rng), order, dtype=torch.float64)
    sigma_n = net.states(rng.choice([-1, 1], size=neurons))
    flipped_nn = sigma_n.repeat(neurons, 1) * (1 - 2 * torch.eye(neurons, dtype=torch.int8))
    change_n = net.energy(flipped_nn) - net.energy(sigma_n)
    scale = float(change_n.abs().max()) + 1e-9
    assert torch.allclose(change_n, 2 * (sigma_n * net.fields(sigma_n))[0], rtol=0, atol=1e-9 * scale + 1e-12)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=7))
def test_newton_identities_equal_the_sum_over_groups(numbers):
    powers = [torch.tensor([float(sum(x**power for x in numbers))]).double() for power in range(1, 8)]
    for order, value in enumerate(elementary(powers, 7)):
        exact = sum(math.prod(group) for group in itertools.combinations(numbers, order))
        assert float(value) == pytest.approx(exact, abs=1e-6 * max(1, abs(exact)))


def test_pairwise_fields_equal_dense_matrices():
    """Unit test 6 of the note on arXiv 2308.04106: J with a zero diagonal, N = 30, both protocols."""
    xi_kn = archetypes(30, 3, dilution=0.3, seed=1)
    eta_kmn = examples(xi_kn, 0.6, 7, seed=2).astype(float)
    r2 = 0.36 + 0.64 / 7
    sigma_bn = np.random.default_rng(3).choice([-1, 1], size=(5, 30))
    w_kn = eta_kmn.mean(1) / np.sqrt(r2)
    for net, j_nn in (
        (supervised(eta_kmn.mean(1), 0.6, 7, dtype=torch.float64), w_kn.T @ w_kn / 30),
        (
            unsupervised(eta_kmn, 0.6, dtype=torch.float64),
            np.einsum("kmi,kmj->ij", eta_kmn, eta_kmn) / (7 * r2) / 30,
        ),
    ):
        np.fill_diagonal(j_nn, 0)
        assert np.allclose(net.fields(net.states(sigma_bn)).numpy(), sigma_bn @ j_nn, atol=1e-7)


@pytest.mark.parametrize("order", [2, 4])
def test_unsupervised_is_the_sum_over_examples(order):
    eta_kmn = examples(archetypes(9, 2, seed=1), 0.5, 4, seed=2)
    weights = [1 / (4 * (0.25 + 0.75 / 4) ** (order / 2))] * 8
    sigma_n = np.array([1, -1, 1, 1, -1, -1, 1, 1, 1])
    net = unsupervised(eta_kmn, 0.5, order, dtype=torch.float64)
    exact = tensor_energy(eta_kmn.reshape(8, 9), weights, sigma_n.astype(float), order)
    assert float(net.energy(net.states(sigma_n))) == pytest.approx(exact, abs=1e-12)


def test_single_precision_suffices_at_the_highest_orders():
    """P = 16 on 300 neurons: N^15 and 15! stay out of the numbers that are added."""
    v_kn = np.random.default_rng(0).normal(size=(5, 300))
    sigma_bn = np.sign(v_kn[:1])
    exact, single = (Couplings(v_kn, 16, dtype=d) for d in (torch.float64, torch.float32))
    h_bn, near_bn = exact.fields(exact.states(sigma_bn)), single.fields(single.states(sigma_bn)).double()
    assert float((h_bn - near_bn).abs().max() / h_bn.abs().max()) < 1e-4


def test_blocks_of_neurons_add_up(monkeypatch):
    v_kn = vectors("ternary", 4, 50, np.random.default_rng(1))
    sigma_bn = np.random.default_rng(2).choice([-1, 1], size=(3, 50))
    whole = Couplings(v_kn, 4)
    monkeypatch.setattr("algorism.associative.couplings._BLOCK", 4 * 7)
    parts = Couplings(v_kn, 4)
    for net in (whole, parts):
        net.h_bn, net.e_b = net.fields(net.states(sigma_bn)), net.energy(net.states(sigma_bn))
    assert torch.allclose(whole.h_bn, parts.h_bn, atol=1e-7)
    assert torch.allclose(whole.e_b, parts.e_b)


def test_hierarchical_overlaps():
    """Unit test 3 of the note: σ_i the first non-zero entry of the patterns has overlaps (1 − d) d^{μ−1}."""
    d, neurons = 0.3, 4000
    xi_kn = archetypes(neurons, 3, dilution=d, seed=5)
    fill_n = archetypes(neurons, 1, seed=6)[0]
    sigma_n = np.where(xi_kn[0] != 0, xi_kn[0], np.where(xi_kn[1] != 0, xi_kn[1], np.where(xi_kn[2], xi_kn[2], fill_n)))
    m_k = stored(xi_kn).alignments(torch.tensor(sigma_n[None]))[0].numpy()
    assert np.all(np.abs(m_k - (1 - d) * d ** np.arange(3)) < 3 / np.sqrt(neurons))


@pytest.mark.parametrize("dilution", [0.0, 0.4])
def test_energy_is_the_squared_error_loss(dilution):
    """Unit test 5 of the note: H = (N/2) Σ [L⁺L⁻ − (1 − d/2)²] up to the diagonal; d is each pattern's own."""
    xi_kn = archetypes(200, 4, dilution=dilution, seed=1)
    sigma_n = archetypes(200, 1, seed=2)[0]
    plus_k, minus_k = (((xi_kn - sign * sigma_n) ** 2).sum(1) / 400 for sign in (1, -1))
    zeros_k = (xi_kn == 0).mean(1)
    from_losses = 100 * (plus_k * minus_k - (1 - zeros_k / 2) ** 2).sum()
    diagonal = (1 - zeros_k).sum() / 2
    net = stored(xi_kn)
    assert float(net.energy(net.states(sigma_n))) == pytest.approx(from_losses + diagonal, abs=1e-10)


def test_archetypes_and_examples_have_their_moments():
    xi_kn = archetypes(50_000, 2, dilution=0.25, seed=1)
    assert xi_kn.dtype == np.int8
    assert np.abs((xi_kn == 0).mean(1) - 0.25).max() < 0.01
    assert np.abs(xi_kn.mean(1)).max() < 0.02
    eta_kmn = examples(xi_kn, [0.4, 0.8], [3, 5], seed=2)
    assert eta_kmn.shape == (2, 5, 50_000)
    assert eta_kmn.dtype == np.int8
    assert not eta_kmn[0, 3:].any()  # rows beyond the first pattern's three examples
    for k, (r, m) in enumerate(((0.4, 3), (0.8, 5))):
        agreement_m = (eta_kmn[k, :m] * xi_kn[k]).mean(1) / 0.75
        assert np.abs(agreement_m - r).max() < 0.02
        assert np.array_equal(eta_kmn[k, :m] == 0, np.broadcast_to(xi_kn[k] == 0, (m, 50_000)))


def test_binomials_from_the_table_are_exact():
    """Three million draws against the distribution; the table alone, without its second look, would be seen."""
    rng = np.random.default_rng(0)
    for trials, chance in ((1, 0.6), (25, 0.7), (300, 0.53)):
        drawn = _binomial(trials, chance, draws=10**6)(rng, (1000, 3000))
        counts = np.bincount(drawn.ravel(), minlength=trials + 1)
        expected = 3e6 * stats.binom.pmf(np.arange(trials + 1), trials, chance)
        common = expected > 10
        rest = [counts[~common].sum()], [expected[~common].sum()]
        found, wanted = np.append(counts[common], rest[0]), np.append(expected[common], rest[1])
        keep = wanted > 0
        assert stats.chisquare(found[keep], wanted[keep] * found[keep].sum() / wanted[keep].sum()).pvalue > 1e-3


def test_averages_are_distributed_as_means_of_examples():
    xi_kn = archetypes(40_000, 1, seed=3)
    drawn = np.sort((examples(xi_kn, 0.3, 6, seed=4).mean(1) * xi_kn)[0])
    direct = np.sort((average_examples(xi_kn, 0.3, 6, seed=5) * xi_kn)[0])
    values = np.linspace(-1, 1, 7)
    counts = [np.histogram(x, bins=np.append(values - 0.1, 1.1))[0] / 40_000 for x in (drawn, direct)]
    assert np.abs(counts[0] - counts[1]).max() < 0.012
    assert (direct**2).mean() == pytest.approx(float(second_moment(0.3, 6)), abs=0.01)
    w_kn = normalised_weights(average_examples(xi_kn, 0.3, 6, seed=5), 0.3, 6)
    assert (w_kn**2).mean() == pytest.approx(1, abs=0.03)


@given(st.floats(0.01, 1), st.integers(1, 500))
def test_entropy_and_its_inverses(quality, number):
    rho = float(dataset_entropy(quality, number))
    assert float(quality_from_entropy(rho, number)) == pytest.approx(quality, rel=1e-9)
    assert float(second_moment(quality, number)) == pytest.approx(quality**2 * (1 + rho), rel=1e-9)
    if rho > 0:
        assert float(examples_from_entropy(rho, quality)) == pytest.approx(number, rel=1e-6)


def test_seeds_decide_and_the_global_generator_is_left_alone():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002
    xi_kn = archetypes(100, 2, dilution=0.2, seed=7)
    assert np.array_equal(xi_kn, archetypes(100, 2, dilution=0.2, seed=7))
    assert not np.array_equal(xi_kn, archetypes(100, 2, dilution=0.2, seed=8))
    assert np.array_equal(examples(xi_kn, 0.5, 3, seed=1), examples(xi_kn, 0.5, 3, seed=1))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
