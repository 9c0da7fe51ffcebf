"""What both theories stand on: averages over noise, fixed points, phase diagrams; and one network's magnetisations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from algorism.associative.theory import (
    dense,
    energy_from_losses,
    fixed_points,
    gauss_hermite,
    hierarchical_state,
    phase_diagram,
    plefka,
    squared_losses,
    thermal,
    transition_load,
    uniform,
)
from algorism.associative.theory.fixed_point import last_true
from algorism.errors import ShapeError, UsageError

FINE = uniform(40_001)


@settings(max_examples=60, deadline=None)
@given(a=st.floats(-5, 5), s=st.floats(0, 5), t=st.floats(0.02, 10))
def test_thermal_averages_equal_a_fine_grid(a, s, t):
    def mean(function):
        return FINE.mean(lambda z: function((a + s * z) / t))

    found = thermal(a, s, t)
    assert abs(found.tanh - mean(np.tanh)) < 2e-12
    assert abs(found.square - mean(lambda u: np.tanh(u) ** 2)) < 2e-12
    assert abs(t * found.response - mean(lambda u: 1 - np.tanh(u) ** 2)) < 2e-12
    assert abs(found.free - t * mean(lambda u: np.logaddexp(u, -u))) < 1e-11


def test_thermal_averages_at_zero_temperature_are_closed_and_the_limit():
    a, s = np.array([0.3, -2.0, 0.3, 0.0]), np.array([1.0, 0.5, 0.0, 0.0])
    cold, frozen = thermal(a, s, 1e-9), thermal(a, s, 0.0)
    for one, other in zip(cold, frozen):
        assert np.abs(one - other)[:3].max() < 1e-6
    assert np.allclose(frozen.tanh[:2], erf(a[:2] / s[:2] / math.sqrt(2)))
    assert frozen.tanh[2:].tolist() == [1, 0]
    assert frozen.square.tolist() == [1, 1, 1, 0]
    assert np.allclose(frozen.free[:1], FINE.mean(lambda z: np.abs(0.3 + z)), atol=1e-6)


def test_thermal_broadcasts_and_works_in_blocks():
    a, t = np.linspace(-1, 1, 2_001)[:, None], np.array([0.0, 0.1, 1.0])
    found = thermal(a, 0.7, t)
    assert found.tanh.shape == (2_001, 3)
    assert found.tanh[1_500, 1] == pytest.approx(float(thermal(a[1_500, 0], 0.7, 0.1).tanh), abs=1e-13)


def test_rules_and_what_they_are_good_for():
    for rule in (uniform(), gauss_hermite()):
        assert [float(rule.mean(lambda z, k=k: z**k)) for k in (0, 2, 4, 6)] == pytest.approx([1, 1, 3, 15], rel=1e-9)
    steep = 30.0
    exact = FINE.mean(lambda z: np.tanh(9 + steep * z))
    assert abs(uniform().mean(lambda z: np.tanh(9 + steep * z)) - exact) < 1e-12
    assert abs(gauss_hermite().mean(lambda z: np.tanh(9 + steep * z)) - exact) > 1e-3
    for wrong in (lambda: uniform(2), lambda: uniform(100, 0), lambda: gauss_hermite(0), lambda: gauss_hermite(400)):
        with pytest.raises(UsageError):
            wrong()


def test_fixed_points_of_many_equations_at_once():
    c_b = np.linspace(0.5, 1.5, 7)
    roots = fixed_points(lambda rows: lambda x: np.cos(c_b[rows, None] * x), np.zeros((7, 1)))
    assert roots.converged_b.all()
    assert np.abs(np.cos(c_b * roots.x_bv[:, 0]) - roots.x_bv[:, 0]).max() < 1e-11
    assert np.unique(roots.iterations_b).size > 1  # each stops when it is done


def test_crawling_iterations_are_finished_and_unstable_roots_are_left():
    def family(rows):
        return lambda x: np.tanh(np.array([1.0002, 1.2])[rows, None] * x)

    start_bv = np.array([[0.1], [1e-6]])  # 0 is a root too, and unstable
    roots = fixed_points(family, start_bv, sweeps=3_000)
    assert roots.converged_b.all()
    assert abs(roots.x_bv[0, 0] - math.sqrt(3 * 0.0002)) < 1e-4
    assert roots.x_bv[1, 0] > 0.5
    slow = fixed_points(family, start_bv, sweeps=3_000, leap=False)
    assert slow.converged_b.tolist() == [False, True]


@pytest.mark.parametrize(
    "update", [lambda x: x + 1, lambda x: 2 * x + 1e300, lambda x: np.full_like(x, np.nan), lambda x: -9 * x + 1]
)
def test_what_does_not_converge_is_never_called_converged(update):
    roots = fixed_points(lambda rows: update, np.ones((2, 1)), sweeps=3_000, leap=False)
    assert not roots.converged_b.any()
    assert (roots.residual_b > 1e-4).all()


def test_residual_belongs_to_the_point_returned():
    roots = fixed_points(lambda rows: np.cos, np.zeros((1, 1)), sweeps=7)
    assert roots.residual_b[0] == abs(np.cos(roots.x_bv[0, 0]) - roots.x_bv[0, 0])
    assert roots.iterations_b[0] == 7


def test_abandoned_points_end_where_they_left():
    roots = fixed_points(lambda rows: lambda x: x / 2, np.ones((1, 1)), abandon=lambda x: x[:, 0] < 0.5)
    assert not roots.converged_b[0]
    assert 0.3 < roots.x_bv[0, 0] < 0.5


def test_bisection():
    low, high = last_true(lambda x: x**2 < np.array([2, 3]), np.zeros(2), np.full(2, 4.0), 1e-10)
    assert np.abs(low - np.sqrt([2, 3])).max() < 1e-9
    assert (low < high).all()


def test_phase_diagram_has_its_phases_where_the_lines_are():
    loads, temperatures = np.linspace(0.02, 1, 25), np.linspace(0.02, 1.2, 24)
    found = phase_diagram(4, 0.1, loads, temperatures)
    assert found.converged.all()
    spinodal, glass = dense.critical_load(4, 0.1, 1 / temperatures), dense.glass_temperature(4, loads)
    there = np.char.startswith(found.label, "R")
    assert ((loads < spinodal[:, None]) == there).all()
    assert ((temperatures[:, None] < glass) == (found.label == "SG"))[~there].all()
    rows = [3, 10]
    lowest = transition_load(4, 0.1, 1 / temperatures[rows])
    assert ((loads < lowest[:, None]) == (found.label[rows] == "R")).all()
    assert set(np.unique(found.label)) == {"R", "R, metastable", "SG", "E"}
    assert len(found.rows()) == found.label.size
    with pytest.raises(ShapeError, match="loads"):
        phase_diagram(4, 0.1, 0.1, [0.1])
    with pytest.raises(UsageError, match="temperatures"):
        phase_diagram(4, 0.1, [0.1], [-0.1])


@pytest.mark.parametrize("order", [2, 4, 6])
def test_plefka_fields_equal_their_sums(order):
    rng = np.random.default_rng(order)
    w, x = rng.standard_normal((3, 7)), rng.uniform(-1, 1, 7)
    scale = math.factorial(order) / (2 * 7.0 ** (order - 1))
    brute = np.zeros(7)
    for i in range(7):
        others = [j for j in range(7) if j != i]
        for chosen in itertools.combinations(others, order - 1):
            brute[i] += scale * sum(w[k, i] * np.prod(w[k, chosen] * x[list(chosen)]) for k in range(3))
    plain = order / 2 * ((w @ x / 7) ** (order - 1)) @ w
    # One undamped sweep at β = 1e-4 reads the field off: tanh(βh) is βh there.
    for fields, known in (("distinct", brute), ("plain", plain)):
        found = plefka(w, order, 1e-4, x, expansion="first", fields=fields, damping=0.0, sweeps=2).x_bn[0] * 1e4
        assert np.abs(found - known).max() < 1e-5 * max(1, np.abs(known).max())
    if order == 4:  # Hermite of order 3: A³ − 3 v A
        a, v = w @ x / 7, (w**2 @ x**2) / 49
        found = plefka(w, 4, 1e-4, x, expansion="first", fields="hermite", damping=0.0, sweeps=2).x_bn[0] * 1e4
        assert np.abs(found - 2 * (a**3 - 3 * v * a) @ w).max() < 1e-5


def test_both_expansions_are_the_theory_at_low_load():
    xi = np.where(np.random.default_rng(1).random((3, 4_000)) < 0.5, 1.0, -1.0)
    theory = dense.solve(1.5, 4, 0, 0).m
    for expansion in ("first", "second"):
        for fields in ("plain", "hermite", "distinct"):
            found = plefka(xi, 4, 1.5, xi, expansion=expansion, fields=fields)
            assert found.converged_b.all()
            assert np.abs((found.x_bn * xi).mean(1) - theory).max() < 5e-3


def test_the_second_order_is_the_theory_at_high_load():
    xi = np.where(np.random.default_rng(2).random((90, 1_500)) < 0.5, 1.0, -1.0)
    theory = dense.solve(2.5, 2, 0, 0.06).m
    first, second = ((plefka(xi, 2, 2.5, xi[:8], expansion=e).x_bn * xi[:8]).mean() for e in ("first", "second"))
    assert abs(second - theory) < 0.01
    assert abs(first - theory) > abs(second - theory)


@pytest.mark.parametrize(("order", "beta", "patterns"), [(2, 2.0, 3), (4, 1.5, 300)])
def test_the_second_order_is_solved_as_written(order, beta, patterns):
    neurons = 40
    xi = np.where(np.random.default_rng(order).random((patterns, neurons)) < 0.5, 1.0, -1.0)
    found = plefka(xi, order, beta, xi[0])
    assert found.converged_b.all()
    x, gamma = found.x_bn[0], math.factorial(order) * patterns / (2 * neurons ** (order - 1))
    q = (x**2).mean()
    if order == 2:
        couplings = xi.T @ xi / neurons - np.eye(neurons) * patterns / neurons
        c = beta * (1 - q)
        known = np.tanh(beta * (couplings @ x) - beta * gamma * c / (1 - c) * x)
    else:
        field = np.array([plefka_field(xi, x, i) for i in range(neurons)])
        known = np.tanh(beta * field - beta**2 * gamma * 6 * q**2 * (1 - q) * x)
    assert 0.3 < q < 0.99
    assert np.abs(known - x).max() < 1e-7


def plefka_field(xi, x, i):
    """(4!/2N³) Σ ξ_i e_3 of the other neurons: the polynomial with roots −u is multiplied out, term by term."""
    total = 0.0
    for row in xi:
        e = np.array([1.0, 0.0, 0.0, 0.0])
        for u in np.delete(row * x, i):
            e[1:] += u * e[:-1].copy()
        total += row[i] * e[3]
    return 12 * total / len(x) ** 3


def test_plefka_reports_and_refuses():
    xi = np.where(np.random.default_rng(3).random((9, 30)) < 0.5, 1.0, -1.0)
    assert not plefka(xi, 2, 5.0, xi, sweeps=2).converged_b.all()
    for wrong in (
        {"order": 3},
        {"beta": math.inf},
        {"beta": 0},
        {"expansion": "third"},
        {"fields": "magnetic"},
        {"fields": "plain"},
        {"start_bn": 2 * xi},
        {"weights_kn": xi * math.nan},
    ):
        with pytest.raises(UsageError):
            plefka(**{"weights_kn": xi, "order": 2, "beta": 2.0, "start_bn": xi, **wrong})
    with pytest.raises(ShapeError):
        plefka(xi, 2, 2.0, xi[:, 1:])


def test_losses_are_the_energy():
    rng = np.random.default_rng(4)
    xi, sigma = rng.choice([-1, 0, 1], (4, 500), p=[0.3, 0.4, 0.3]), rng.choice([-1, 1], (6, 500))
    losses = squared_losses(xi, sigma)
    m_bk, zeros_k = sigma @ xi.T / 500, (xi == 0).mean(1)
    assert np.abs(losses.plus_bk - (1 - zeros_k / 2 - m_bk)).max() < 1e-12
    assert np.abs(losses.minus_bk - (1 - zeros_k / 2 + m_bk)).max() < 1e-12
    assert np.abs(500 * energy_from_losses(losses) + 250 * (m_bk**2).sum(1)).max() < 1e-10
    with pytest.raises(ShapeError):
        squared_losses(xi, sigma[:, 1:])


def test_hierarchical_state_has_the_overlaps_of_the_hierarchy():
    neurons = 20_000
    for d in (0.3, 0.6):
        rng = np.random.default_rng(5)
        xi = rng.choice([-1, 0, 1], (4, neurons), p=[(1 - d) / 2, d, (1 - d) / 2])
        m = xi @ hierarchical_state(xi, seed=1).astype(float) / neurons
        assert np.abs(m - (1 - d) * d ** np.arange(4)).max() < 3 / math.sqrt(neurons)
    blank = hierarchical_state(np.zeros((2, 1_000)), seed=2)
    assert set(blank.tolist()) == {-1, 1}
    assert abs(blank.mean()) < 0.15
