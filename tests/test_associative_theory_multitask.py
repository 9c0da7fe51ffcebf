"""Multitasking networks: the tables of the note, the equations as it writes them, closed forms and bad input."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.associative.theory import dense, multitask, multitask_diagram, uniform
from algorism.errors import ShapeError, UsageError

GRID = uniform(4_001, 7)
# d, ρ → m/(1 − d), f of the lowest state at β(1 − d) = 100, K = 3
THREE = {
    (0.3, 0.0): ((1.000, 0.300, 0.090), -0.26917),
    (0.5, 0.0): ((1.000, 0.500, 0.250), -0.16450),
    (0.6, 0.0): ((0.920, 0.680, 0.440), -0.12079),
    (0.75, 0.0): ((0.969, 0.781, 0.594), -0.06015),
    (0.9, 0.0): ((0.995, 0.905, 0.815), -0.01287),
    (0.3, 0.3): ((0.738, 0.447, 0.256), -0.22463),
    (0.5, 0.3): ((0.587,) * 3, -0.14797),
    (0.6, 0.3): ((0.641,) * 3, -0.10877),
    (0.75, 0.3): ((0.737,) * 3, -0.05282),
    (0.9, 0.3): ((0.848,) * 3, -0.01081),
}


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_table_of_three_patterns(rho):
    rows = {d: row for (d, r), row in THREE.items() if r == rho}
    d = np.array(list(rows))
    found = multitask.ground_states(100 / (1 - d), d, 3, rho, ("hierarchical", "spread", "single"))
    assert found.converged.all()
    assert np.abs(found.m / (1 - d)[:, None] - [row[0] for row in rows.values()]).max() < 6e-4
    assert np.abs(found.free_energy - [row[1] for row in rows.values()]).max() < 6e-6


def test_hierarchy_is_metastable_beyond_its_dilution():
    states = multitask.solve(100 / 0.4, 0.6, 3)
    hierarchical = next(s for s in states if np.allclose(s.m / 0.4, [1, 0.6, 0.36], atol=1e-3))
    assert abs(hierarchical.free_energy + 0.11977) < 6e-6
    assert states[0].free_energy < hierarchical.free_energy
    assert states[0].stable
    assert not next(s for s in states if s.start == "symmetric").stable


def test_table_of_five_patterns():
    known = {
        (0.3, 0.0): (1, 0.3, 0.09, 0.027, 0),
        (0.3, 0.3): (0.727, 0.422, 0.246, 0.157, 0.092),
        (0.5, 0.3): (0.452,) * 5,
        (0.7, 0.0): (0.862, 0.714, 0.608, 0.479, 0.363),
        (0.7, 0.3): (0.570,) * 5,
    }
    for (d, rho), m in known.items():
        found = multitask.ground_states(100 / (1 - d), d, 5, rho, ("hierarchical",))
        assert np.abs(found.m / (1 - d) - m).max() < 6e-4
    # At d = 0.7, ρ = 0 the note's state is not the lowest.
    lowest = multitask.solve(100 / 0.3, 0.7, 5, starts=("hierarchical", "spread"))
    assert np.abs(lowest[0].m / 0.3 - [0.838, 0.716, 0.608, 0.502, 0.382]).max() < 6e-4
    assert lowest[0].free_energy < lowest[1].free_energy - 2e-5
    assert all(s.stable for s in lowest)


def test_raw_overlaps_at_one_temperature():
    known = [(0.900, 0.090, 0.000), (0.500, 0.250, 0.125), (0.368, 0.272, 0.176), (0.0905,) * 3]
    found = multitask.ground_states(60, [0.1, 0.5, 0.6, 0.9], 3, 0.0, ("hierarchical", "spread", "single"))
    assert np.abs(found.m - known).max() < 6e-4


def test_theory_columns_of_the_monte_carlo_tables():
    for (d, rho, beta), m, n in (
        ((0.3, 0.2, 20), (0.626, 0.247, 0.111), (0.564, 0.234, 0.106)),
        ((0.3, 0.5, 20), (0.327,) * 3, (0.312,) * 3),
        ((0.75, 0.2, 30), (0.189,) * 3, (0.173,) * 3),
    ):
        found = multitask.ground_states(beta, d, 3, rho, ("hierarchical", "spread"))
        assert np.abs(found.m - m).max() < 6e-4
        assert np.abs(found.n - n).max() < 6e-4
    number = np.array([5, 10, 20, 40, 80, 160])
    rho = (1 - 0.3**2) / (number * 0.3**2)
    found = multitask.ground_states(20, 0.3, 2, rho, ("hierarchical",))
    known = [(0.392,) * 2, (0.496,) * 2, (0.583,) * 2, (0.853, 0.408), (0.969, 0.324), (0.996, 0.302)]
    assert np.abs(rho - [2.022, 1.011, 0.506, 0.253, 0.126, 0.063]).max() < 6e-4
    assert np.abs(found.m / 0.7 - known).max() < 6e-4


def test_finite_examples_split_what_gaussian_ones_leave_equal():
    """The note's Monte Carlo at M = 10 gives (0.546, 0.434); its Gaussian theory twice 0.496."""
    few = multitask.finite_examples(20, 0.3, 2, 0.3, 10, starts=("hierarchical",))[0]
    assert np.abs(few.m / 0.7 - [0.546, 0.434]).max() < 0.02
    assert abs(few.m.mean() / 0.7 - 0.496) < 0.012
    many = multitask.finite_examples(20, 0.3, 2, (1 + 0.2 * 300) ** -0.5, 300, starts=("hierarchical",))[0]
    assert np.abs(many.m - multitask.solve(20, 0.3, 2, 0.2, ("hierarchical",))[0].m).max() < 2e-3
    stored = multitask.finite_examples(20, 0.3, 2, 1.0, [3, 4], starts=("hierarchical",))[0]
    assert np.abs(stored.m - multitask.solve(20, 0.3, 2, 0.0, ("hierarchical",))[0].m).max() < 1e-9


def literally(beta, d, rho_k, n_k):
    """The note's equations, all 3^K kinds of neurons, each on a grid of the noise; and f."""
    m_k, new_k, logs = np.zeros(len(n_k)), np.zeros(len(n_k)), 0.0
    for xi in itertools.product((-1, 0, 1), repeat=len(n_k)):
        xi_k = np.array(xi)
        weight = math.prod(d if x == 0 else (1 - d) / 2 for x in xi)
        h = xi_k @ n_k + GRID.z_g * math.sqrt((rho_k * n_k**2 * xi_k**2).sum())
        tanh, square = np.tanh(beta * h) @ GRID.weight_g, np.tanh(beta * h) ** 2 @ GRID.weight_g
        m_k += weight * xi_k * tanh
        new_k += weight * rho_k * beta * n_k * xi_k**2 * (1 - square)
        logs += weight * np.logaddexp(beta * h, -beta * h) @ GRID.weight_g
    return m_k, (m_k + new_k) / (1 + rho_k), ((1 + rho_k) * n_k**2).sum() / 2 - logs / beta


@settings(max_examples=12, deadline=None)
@given(
    beta=st.floats(0.5, 30), d=st.floats(0, 0.9), rho=st.lists(st.floats(0, 1), min_size=1, max_size=3).map(np.array)
)
def test_solutions_solve_the_equations_as_written(beta, d, rho):
    for one in multitask.solve(beta, d, len(rho), rho, ("hierarchical", "spread")):
        if one.converged:
            rho_k = rho if len(set(rho)) > 1 else np.full(len(rho), rho[0])
            m_k, n_k, f = literally(beta, d, rho_k, one.n)
            assert np.abs(m_k - one.m).max() < 1e-7
            assert np.abs(n_k - one.n).max() < 1e-7
            assert abs(f - one.free_energy) < 1e-7


def test_one_pattern():
    assert abs(multitask.solve(2, 0, 1)[0].m[0] - 0.957504) < 1e-6
    for d in (0.0, 0.5, 0.8):  # the critical β is 1/(1 − d)
        m = multitask.ground_states(np.array([0.98, 1.02]) / (1 - d), d, 1).m[:, 0]
        assert m[0] < 1e-4
        assert m[1] > 0.1 * (1 - d)
    frozen = [multitask.solve(math.inf, 0, 1, rho)[0].m[0] for rho in (0.5, 1, 0.1)]
    assert np.abs(np.array(frozen) - [0.842701, 0.682689, 0.998435]).max() < 1e-6
    pairwise = dense.solve(3.0, 2, 0.4, 0.0)  # the same network by the other paper's equations
    one = multitask.solve(3.0, 0, 1, 0.4)[0]
    assert np.allclose([one.m[0], one.n[0], one.q], [pairwise.m, pairwise.n, pairwise.q])


def test_energies_at_zero_temperature():
    for (patterns, d), energy in {(3, 0.2): -0.3333, (3, 0.5): -0.1641, (3, 0.8): -0.0410, (2, 0.5): -0.1562}.items():
        m = multitask.hierarchical_overlaps(d, patterns)
        assert abs(-0.5 * (m**2).sum() - energy) < 6e-5
        if d < multitask.critical_dilution(patterns):
            found = multitask.solve(math.inf, d, patterns)[0]
            assert np.allclose(found.m, m)
            assert found.stable
            assert abs(found.free_energy - energy) < 6e-5
    for (patterns, d), energy in {(3, 0.2): -0.2596, (3, 0.5): -0.1465, (3, 0.8): -0.0403, (2, 0.5): -0.1406}.items():
        found = multitask.solve(math.inf, d, patterns, starts=("symmetric",))[0]
        assert np.allclose(found.m, multitask.symmetric_overlap(d, patterns))
        assert not found.stable
        assert abs(found.free_energy - energy) < 6e-5
    known = {(3, 0.2): 0.416, (3, 0.5): 0.3125, (3, 0.8): 0.164, (3, 0.9): 0.0905}
    known |= {(2, 0.2): 0.480, (2, 0.5): 0.375, (2, 0.8): 0.180, (2, 0.9): 0.095}
    assert all(abs(multitask.symmetric_overlap(d, k) - m) < 1e-4 for (k, d), m in known.items())


def test_critical_dilutions():
    known = {2: 1, 3: 0.6180, 4: 0.5437, 5: 0.5188, 6: 0.5087, 10: 0.5005}
    assert all(abs(multitask.critical_dilution(k) - d) < 6e-5 for k, d in known.items())
    assert abs(multitask.critical_dilution(3) - (math.sqrt(5) - 1) / 2) < 1e-12
    for patterns in (3, 4, 6):
        below, above = (multitask.critical_dilution(patterns) + e for e in (-0.01, 0.01))
        for d, stays in ((below, True), (above, False)):
            found = multitask.solve(math.inf, d, patterns, starts=("hierarchical",))[0]
            assert np.allclose(found.m, multitask.hierarchical_overlaps(d, patterns)) == stays


def test_free_energy_is_stationary():
    for rho in (0.0, [0.1, 0.3, 0.6]):
        found = multitask.solve(15, 0.4, 3, rho, ("hierarchical",))[0]
        for step_k in 1e-5 * np.eye(3):
            up, down = (multitask.free_energy(15, 0.4, found.n + k * step_k, rho) for k in (1, -1))
            assert abs(up - down) / 2e-5 < 1e-6


def test_one_noiseless_step():
    assert np.allclose(multitask.one_step([0.6, 0.24, 0.096], 0.4), multitask.hierarchical_overlaps(0.4, 3))
    rng = np.random.default_rng(0)
    rho, d, start = 0.3, 0.4, np.array([0.5, 0.2])
    xi = rng.choice([-1, 0, 1], p=[0.3, 0.4, 0.3], size=(400_000, 2))
    noisy = xi * (1 + math.sqrt(rho) * rng.standard_normal(xi.shape))
    drawn = (xi * np.sign(noisy @ start)[:, None]).mean(0)
    assert np.abs(multitask.one_step(start, d, rho) - drawn).max() < 4e-3
    r = np.array([0.1, 0.3])
    rho = (1 - r**2) / (multitask.examples_needed(r, 1.3) * r**2)
    assert np.allclose([multitask.one_step([1.0], 0, x)[0] for x in rho], math.erf(1.3))


def test_patterns_of_their_own_quality():
    pairs = (([0.1, 0.6], [0.2, 0.1]), ([0.6, 0.1], [0.1, 0.2]))
    better, worse = (multitask.solve(20, 0.6, 2, rho, [start])[0] for rho, start in pairs)
    assert better.n[0] > better.n[1] + 0.01
    assert np.allclose(better.n, worse.n[::-1], atol=1e-9)
    assert np.allclose(better.m, worse.m[::-1], atol=1e-9)


def test_regimes():
    table = {(1, 0.3, 0.09): "hierarchical", (0.92, 0.68, 0.44): "hybrid", (0.6, 0.6, 0.59): "parallel"}
    table |= {(0.01, 0.9, 0.0): "single", (0.01, -0.01, 0.0): "ergodic", (0.09, 1, -0.3): "hierarchical"}
    for x, name in table.items():
        assert multitask.regime(np.array(x) * 0.7, 0.3) == name
    assert multitask.regime([[0.7, 0.21], [0.4, 0.4]], [0.3, 0.6]).tolist() == ["hierarchical", "parallel"]
    assert multitask.regime([0.5], 0.5) == "single"
    labels = multitask_diagram(3, [0.3, 0.85], [0.02, 0.5, 1.2]).label
    assert labels.tolist() == [["hierarchical", "hybrid"], ["single", "parallel"], ["ergodic", "ergodic"]]


def test_ten_patterns():
    found = multitask.solve(math.inf, 0.3, 10, starts=("hierarchical",))[0]
    assert np.allclose(found.m, multitask.hierarchical_overlaps(0.3, 10))


def test_what_does_not_converge_says_so_and_comes_last():
    states = multitask.solve(5, 0.5, 3, 0.2, sweeps=2)
    assert not any(s.converged or s.stable for s in states)
    assert min(s.residual for s in states) > 1e-6


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "dilution": [1.0, -0.1, math.nan],
        "patterns": [11, 0, 2.5],
        "rho": [-1, math.nan],
        "beta": [0, math.nan],
        "starts": [["elsewhere"], []],
    }.items(),
)
def test_bad_input(name, values):
    for value in values:
        with pytest.raises(UsageError, match=name.rstrip("s")):
            multitask.solve(**{"beta": 2, "dilution": 0.3, "patterns": 2, name: value})


def test_more_bad_input():
    for call in (
        lambda: multitask.solve([1, 2], 0.3, 2),
        lambda: multitask.solve(2, 0.3, 2, [0.1, 0.2, 0.3]),
        lambda: multitask.solve(2, 0.3, 2, starts=[[0.1, 0.2, 0.3]]),
        lambda: multitask.regime([[0.1, 0.2]], [0.3, 0.4, 0.5]),
    ):
        with pytest.raises(ShapeError):
            call()
    for call in (
        lambda: multitask.finite_examples(2, 0.3, 2, 0.0, 5),
        lambda: multitask.finite_examples(2, 0.3, 6, 0.3, 500),
        lambda: multitask.regime([math.nan, 0.1], 0.3),
        lambda: multitask.critical_dilution(0),
    ):
        with pytest.raises(UsageError):
            call()
