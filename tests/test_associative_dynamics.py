"""Monte Carlo of associative networks against exact enumeration, closed forms and the tables of the two notes."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from algorism.associative import (
    Couplings,
    annealing,
    archetypes,
    average_examples,
    examples,
    glauber,
    normalised_weights,
    over_disorder,
    quality_from_entropy,
    sample,
    stored,
    supervised,
    unsupervised,
)
from algorism.associative.compiled import available

BACKENDS = ["torch", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="numba not installed"))]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("order", "temperature"), [(2, 0.8), (4, 0.2), (6, 0.2)])
def test_stationary_distribution_equals_enumeration(order, temperature, backend):
    """N = 8: all 256 states, with Boltzmann weights, against 20,000 independent chains."""
    v_kn = np.random.default_rng(order).normal(size=(2, 8))
    net = Couplings(v_kn, order, dtype=torch.float64)
    states = np.array(list(itertools.product([-1, 1], repeat=8)))
    weight = np.exp(-net.energy(net.states(states)).numpy() / temperature)
    start = np.random.default_rng(1).choice([-1, 1], size=(20_000, 8))
    end = glauber(net, start, temperature, 100, seed=3, backend=backend).numpy()
    counts = np.bincount(((end > 0) * 2 ** np.arange(7, -1, -1)).sum(1), minlength=256)
    expected = 20_000 * weight / weight.sum()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    keep = expected > 0
    assert stats.chisquare(counts[keep], expected[keep]).pvalue > 1e-3
    # The test can fail: a temperature a fifth off is seen by it.
    wrong = np.exp(-net.energy(net.states(states)).numpy() / (1.2 * temperature))
    wrong = 20_000 * wrong / wrong.sum()
    wrong = np.append(wrong[~rare], wrong[rare].sum())
    assert stats.chisquare(counts[keep], wrong[keep] * counts[keep].sum() / wrong[keep].sum()).pvalue < 1e-6


@pytest.mark.skipif(not available(), reason="numba not installed")
@pytest.mark.parametrize(("order", "kind"), [(2, "real"), (2, "ternary"), (4, "real"), (4, "ternary"), (6, "ternary")])
def test_backends_walk_the_same_path(order, kind):
    rng = np.random.default_rng(order)
    v_kn = archetypes(60, 7, dilution=0.2, seed=1) if kind == "ternary" else rng.normal(size=(7, 60))
    net = Couplings(v_kn, order, rng.random(7), dtype=torch.float64)
    start = archetypes(60, 5, seed=2)
    for temperature in (0.0, 0.5):
        paths = [glauber(net, start, temperature, 40, seed=3, backend=name) for name in ("torch", "compiled")]
        assert torch.equal(*paths)
    assert not torch.equal(paths[0], glauber(net, start, 0.5, 40, seed=4, backend="torch"))


@pytest.mark.parametrize("update", ["sequential", "parallel"])
def test_one_pattern_gives_tanh(update):
    """Unit tests 1 and 8 of the note on arXiv 2308.04106: K = 1 has m = tanh(βm), 0.957504 at β = 2."""
    xi_kn = archetypes(4000, 1, seed=1)
    net = stored(xi_kn)
    found = sample(net, xi_kn, xi_kn, 0.5, burn_in=5, sweeps=10, update=update)
    assert abs(found.overlaps_bk[0, 0] - 0.957504) < 3 / np.sqrt(4000)
    assert found.energy_b[0] == pytest.approx(-(0.957504**2) / 2, abs=0.02)


def test_sequential_and_parallel_agree_at_low_load():
    xi_kn = archetypes(2000, 3, seed=1)
    net = stored(xi_kn, order=4)
    start = np.repeat(xi_kn[:1], 8, 0)
    found = [
        sample(net, start, xi_kn[:1], 0.7, burn_in=5, sweeps=8, update=u).overlaps_bk
        for u in ("sequential", "parallel")
    ]
    assert 0.9 < found[0].mean() < 0.999
    assert abs(found[0].mean() - found[1].mean()) < 0.004


def test_parallel_updates_may_alternate_and_sequential_ones_go_downhill():
    """Two neurons with a negative coupling: in parallel both flip for ever; one after the other they settle."""
    net = Couplings([[1.0, 1.0]], 2, [-1.0])
    assert glauber(net, [[1, 1]], 0.0, 7, update="parallel").tolist() == [[-1, -1]]
    assert glauber(net, [[1, 1]], 0.0, 7, update="sequential").sum() == 0


def test_energy_never_rises_at_zero_temperature():
    net = Couplings(np.random.default_rng(0).normal(size=(60, 40)), 4, dtype=torch.float64)
    energies = []
    glauber(net, archetypes(40, 6, seed=1), 0.0, 10, observe=lambda s: energies.append(net.energy(s).numpy()))
    assert len(energies) == 10
    assert np.all(np.diff(energies, axis=0) <= 1e-12)


@pytest.mark.parametrize("update", ["sequential", "parallel"])
def test_ties_are_broken_at_random(update):
    xi_kn = archetypes(3000, 2, dilution=0.5, seed=1)
    blank_n = ~xi_kn.any(0)
    end_bn = glauber(stored(xi_kn), np.ones((1, 3000)), 0.0, 1, update=update, seed=5, backend="torch").numpy()
    assert blank_n.sum() > 500
    assert abs(end_bn[0, blank_n].mean()) < 5 / np.sqrt(blank_n.sum())


def test_annealing_finds_a_pattern_from_random_states():
    xi_kn = archetypes(200, 2, seed=1)
    schedule = annealing(1.5, 0.0, 40)
    net = stored(xi_kn)
    end_bn = glauber(net, archetypes(200, 6, seed=2), schedule, 40, seed=3)
    assert float(net.alignments(end_bn).abs().amax(1).min()) > 0.98


@pytest.mark.parametrize(
    ("rho", "number", "temperature", "m", "n"),
    [(0.2, 50, 1 / 3, 0.9519, 0.8317), (1.0, 100, 1 / 3, 0.6435, 0.5630), (0.5, 20, 1 / 2, 0.7444, 0.6593)],
)
def test_low_load_table(rho, number, temperature, m, n):
    """The note on arXiv 2212.00606: binomial theory at N = 20,000, K = 3, P = 4, within 0.003."""
    quality = float(quality_from_entropy(rho, number))

    def overlaps(seed):
        xi_kn = archetypes(20_000, 3, seed=seed)
        mean_kn = average_examples(xi_kn, quality, number, seed=seed + 1)
        w_kn = normalised_weights(mean_kn, quality, number)
        references = np.stack([xi_kn[0], w_kn[0] / np.sqrt(1 + rho)])
        net = supervised(mean_kn, quality, number, order=4)
        return sample(net, xi_kn[:1], references, temperature, burn_in=10, sweeps=15, update="parallel").overlaps_bk[0]

    found = over_disorder(overlaps, samples=16, seed=1)
    assert np.abs(found.mean - [m, n]).max() < 0.003


def test_high_load_and_ultra_storage():
    """P = 4 keeps K = 2185 patterns in 64 neurons, 34 each (0.992 ± 0.005 in the note); P = 2 loses them."""

    def overlap(order):
        def one(seed):
            xi_kn = archetypes(64, 2185, seed=seed)
            net = stored(xi_kn, order=order)
            return abs(sample(net, xi_kn[:3], xi_kn[:3], 0.5, burn_in=10, sweeps=10).overlaps_bk.diagonal()).mean()

        return over_disorder(one, samples=5, seed=2)

    dense, pairwise = overlap(4), overlap(2)
    assert abs(dense.mean - 0.992) < 0.012
    assert pairwise.mean < 0.3


def test_high_load_agrees_with_theory():
    """P = 4, γ = 0.1, β′ = 2 at N = 96 (K = 7373), far from the line γ_c = 0.459: 0.996613 in the note's table."""

    def one(seed):
        xi_kn = archetypes(96, 7373, seed=seed)
        return sample(stored(xi_kn, 4), xi_kn[:3], xi_kn[:3], 0.5, burn_in=6, sweeps=8).overlaps_bk.diagonal().mean()

    assert abs(over_disorder(one, samples=5, seed=4).mean - 0.996613) < 0.02


def test_repeated_indices_would_destroy_retrieval():
    """The same patterns, with all neurons of a group allowed to be equal: 0.61 instead of 0.99 in the note."""
    xi_kn = archetypes(64, 2185, seed=1).astype(float)
    sigma_n, rng = xi_kn[0].copy(), np.random.default_rng(0)
    for _ in range(10):
        for i in rng.permutation(64):
            a_k = xi_kn @ sigma_n / 64
            change = 32 * (((a_k - 2 * xi_kn[:, i] * sigma_n[i] / 64) ** 4) - a_k**4).sum()
            sigma_n[i] *= 1 if rng.random() < 1 / (1 + np.exp(2 * change)) else -1
    assert sigma_n @ xi_kn[0] / 64 < 0.9


def test_supervised_equals_unsupervised():
    """The note on arXiv 2308.04106, first row of its Monte Carlo table: d = 0.3, ρ = 0.2, β = 20."""
    quality = float(quality_from_entropy(0.2, 20))

    def both(seed):
        xi_kn = archetypes(4000, 3, dilution=0.3, seed=seed)
        eta_kmn = examples(xi_kn, quality, 20, seed=seed + 1)
        first = np.where(xi_kn[0], xi_kn[0], np.where(xi_kn[1], xi_kn[1], xi_kn[2]))
        start = np.where(first, first, archetypes(4000, 1, seed=seed + 2)[0])
        return [
            sample(net, start, xi_kn, 0.05, burn_in=20, sweeps=10, update="parallel").overlaps_bk[0]
            for net in (supervised(eta_kmn.mean(1), quality, 20), unsupervised(eta_kmn, quality))
        ]

    found = over_disorder(both, samples=5, seed=3)
    assert np.abs(found.mean[0] - found.mean[1]).max() < 0.02
    assert np.abs(found.mean - [0.626, 0.247, 0.111]).max() < 0.03
