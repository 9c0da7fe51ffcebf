"""Dense Hebbian networks: the tables of the note, the equations as it writes them, limits and bad input."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import erf

from algorism.associative.theory import continuation, dense, transition_load, uniform
from algorism.errors import ShapeError, UsageError

GRID = uniform(8_001)
# β, P, ρ, γ → m, n, q
ROWS = {
    (2, 4, 0, 0.1): (0.996613, 0.996613, 0.993400),
    (2, 4, 0.2, 0.1): (0.872888, 0.789426, 0.842419),
    (3, 4, 0.1, 0.2): (0.933569, 0.873243, 0.938568),
    (5, 4, 0.1, 0.3): (0.857974, 0.816201, 0.933380),
    (2, 6, 0.1, 0.1): (0.973586, 0.898455, 0.965381),
    (3, 4, 1, 0): (0.643526, 0.561828, 0.774385),
}
SPINODAL = {  # P → γ_c at T = 0 for ρ = 0, 0.05, 0.1, 0.2, 0.5
    4: (0.3957, 0.3149, 0.2612, 0.1974, 0.1275),
    6: (0.4730, 0.3213, 0.2313, 0.1396, 0.0628),
    8: (0.5588, 0.3306, 0.2096, 0.1029, 0.0332),
}


def test_table_of_solutions():
    found = dense.solve(*np.array(list(ROWS)).T)
    assert found.converged.all()
    assert np.abs(np.stack([found.m, found.n, found.q], axis=1) - np.array(list(ROWS.values()))).max() < 1e-6


def literally(beta, order, rho, load, n, q):
    """The note's equations on a fine uniform grid: m, q, n."""
    a = order / 2 * (1 + rho) ** (order / 2 - 1) * n ** (order - 1)
    noise = load * q / (1 - beta * (1 - q)) ** 2 if order == 2 else load * order / 2 * q ** (order - 1)
    s = math.sqrt(rho * a**2 + noise)
    m = GRID.mean(lambda z: np.tanh(beta * (a + s * z)))
    q_new = GRID.mean(lambda z: np.tanh(beta * (a + s * z)) ** 2)
    stein = beta * order / 2 * rho * (1 + rho) ** (order / 2 - 2) * (1 - q) * n ** (order - 1)
    return m, q_new, m / (1 + rho) + stein


@settings(max_examples=40, deadline=None)
@given(
    beta=st.floats(0.3, 20),
    order=st.sampled_from([2, 4, 6, 8]),
    rho=st.floats(0, 2),
    load=st.floats(0, 0.5),
    start=st.sampled_from(["retrieval", "archetype", "spin_glass", "ergodic"]),
)
def test_solutions_solve_the_equations_as_written(beta, order, rho, load, start):
    found = dense.solve(beta, order, rho, load, start)
    # For P = 2 the equations have a pole at C = 1, where the state without order loses its meaning.
    assume(found.converged and (order > 2 or abs(1 - beta * (1 - found.q)) > 1e-3))
    m, q, n = literally(beta, order, rho, load, found.n, found.q)
    assert abs(m - found.m) < 1e-8
    assert abs(q - found.q) < 1e-8
    assert abs(n - found.n) < 1e-7


def test_storing_is_the_case_without_noise_in_the_examples():
    m, q, load, beta = 0.9, 0.9, 0.2, 2.0
    for _ in range(400):
        tanh_g = np.tanh(beta * (2 * m**3 + GRID.z_g * math.sqrt(load * 2 * q**3)))
        m, q = tanh_g @ GRID.weight_g, tanh_g**2 @ GRID.weight_g
    found = dense.solve(beta, 4, 0.0, load)
    assert abs(found.m - m) < 1e-9
    assert abs(found.n - m) < 1e-9


def test_spinodals_at_zero_temperature():
    orders = np.array(list(SPINODAL))[:, None]
    found = dense.critical_load(orders, [0, 0.05, 0.1, 0.2, 0.5])
    assert np.abs(found - np.array(list(SPINODAL.values()))).max() < 6e-5
    assert abs(dense.critical_load(2, 0.0) - 0.1379) < 1e-4  # 0.138 of Amit, Gutfreund and Sompolinsky


def test_spinodals_at_finite_temperature():
    found = dense.critical_load(4, np.array([0, 0.1, 0.2])[:, None], [5, 2, 1.25])
    known = [[0.4353, 0.4590, 0.2732], [0.3142, 0.3679, 0.0308], [0.2573, 0.3086, 0.0]]
    assert np.abs(found - known).max() < 1.1e-4  # the note cuts the fifth digit off


def retrieved(beta, order, rho, load, start="retrieval"):
    return dense.solve(beta, order, rho, load, start, tolerance=1e-8).m > 0.05


@pytest.mark.parametrize(("beta", "order", "rho"), [(math.inf, 4, 0.2), (5, 4, 0.1), (math.inf, 2, 0.05), (3, 6, 0.1)])
def test_spinodal_is_where_the_iteration_loses_the_state(beta, order, rho):
    line = dense.critical_load(order, rho, beta)
    assert retrieved(beta, order, rho, np.array([0.99, 1.01]) * line).tolist() == [True, False]


def test_highest_temperatures():
    rho = [0, 0.1, 0.2, 0.5, 1]
    four, six = dense.highest_temperature([[4], [6]], rho)
    assert np.abs(four - [0.9916, 0.8174, 0.7147, 0.5781, 0.5086]).max() < 1.1e-4
    assert np.abs(six[:4] - [1.2682, 0.9121, 0.7163, 0.4865]).max() < 1.1e-4
    assert dense.highest_temperature(2, 0.3) == 1


def test_highest_temperature_of_very_noisy_data_needs_a_start_above_the_state():
    """The note's 0.3750 for P = 6, ρ = 1 is where its start, the archetype, misses a state that exists up to 0.3865."""
    assert abs(dense.highest_temperature(6, 1) - 0.3865) < 1e-4
    at = 1 / np.array([0.3749, 0.3752, 0.3864, 0.3867])
    assert retrieved(at, 6, 1, 0, "archetype").tolist() == [True, False, False, False]
    assert retrieved(at, 6, 1, 0).tolist() == [True, True, True, False]


def test_zero_load_and_temperature_do_not_depend_on_the_order():
    found = dense.zero_temperature([2, 4, 6, 8], [[0.1], [0.5], [1.0]], 0)
    assert np.abs(found.m - [[0.998435], [0.842701], [0.682689]]).max() < 1e-6
    assert np.abs(found.m[1] - erf(1)).max() < 1e-9


@pytest.mark.parametrize(("order", "load"), [(2, 0.05), (4, 0.1), (6, 0.0)])
def test_zero_temperature_is_the_limit_of_low_ones(order, load):
    cold, frozen = (dense.solve(beta, order, 0.1, load) for beta in (1e5, math.inf))
    for name in ("m", "n", "free_energy", "susceptibility"):
        assert abs(getattr(cold, name) - getattr(frozen, name)) < 1e-5
    a, s2 = order / 2 * 1.1 ** (order / 2 - 1) * frozen.n ** (order - 1), 0.0
    s2 = 0.1 * a**2 + load * (1 / (1 - frozen.susceptibility) ** 2 if order == 2 else order / 2)
    assert abs(frozen.m - erf(a / math.sqrt(2 * s2))) < 1e-9


@pytest.mark.parametrize(
    ("number", "rho", "beta", "m", "n"), [(50, 0.2, 3, 0.9519, 0.8317), (100, 1, 3, 0.6435, 0.5630)]
)
def test_finite_examples(number, rho, beta, m, n):
    found = dense.finite_examples(beta, 4, (1 + rho * number) ** -0.5, number)
    assert abs(found.m - m) < 6e-5
    assert abs(found.n - n) < 6e-5
    quality = (1 + 0.5 * 20) ** -0.5
    few, gaussian = dense.finite_examples(2, 4, quality, 20), dense.solve(2, 4, 0.5, 0)
    assert np.allclose([few.m, few.n, gaussian.m, gaussian.n], [0.7444, 0.6593, 0.7415, 0.6509], atol=6e-5)


def test_many_examples_are_gaussian_and_perfect_ones_are_stored():
    r = (1 + 0.2 * 40_000) ** -0.5
    few, many = (dense.finite_examples(2, 4, q, k, [0.0, 0.1]) for q, k in ((1.0, 3), (r, 40_000)))
    assert np.abs(many.m - dense.solve(2, 4, 0.2, [0, 0.1]).m).max() < 1e-4
    assert np.abs(few.m - dense.solve(2, 4, 0, [0, 0.1]).m).max() < 1e-9


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("start", ["retrieval", "spin_glass"])
def test_free_energy_is_stationary(order, start):
    at = {"beta": np.array([1.5, 3.0, 6.0]), "order": order, "rho": 0.1, "load": 0.08 if order > 2 else 0.03}
    found, step = dense.solve(**at, start=start), 2e-6
    assert found.converged.all()
    assert np.allclose(dense.free_energy(**at, n=found.n, q=found.q), found.free_energy)
    for dn, dq in ((step, 0), (0, step)):
        up, down = (dense.free_energy(**at, n=found.n + k * dn, q=found.q + k * dq) for k in (1, -1))
        assert np.abs(up - down).max() / (2 * step) < 1e-6


def test_signal_to_noise_and_threshold():
    assert np.abs(dense.signal_to_noise(4, [0.1, 0.2], 0.1) - [0.9837, 0.9304]).max() < 6e-5
    assert dense.signal_to_noise(4, 0, 0) == 1
    number = dense.learning_threshold(4, [0.1, 0.2, 0.5], 0.05, 1.2)
    rho = (1 - np.array([0.1, 0.2, 0.5]) ** 2) / (number * np.array([0.1, 0.2, 0.5]) ** 2)
    assert np.allclose(dense.signal_to_noise(4, rho, 0.05), erf(1.2))
    assert np.isinf(dense.learning_threshold(4, 0.3, 5.0))
    assert dense.learning_threshold(4, 1.0, 0.05) == 0


def test_glass_appears_where_the_line_says():
    line = dense.glass_temperature([4, 6], 0.5)
    q = dense.solve(1 / (np.array([[0.99], [1.01]]) * line), [4, 6], 0, 0.5, "spin_glass").q
    assert (q[0] > 0.1).all()
    assert (q[1] < 1e-6).all()


def test_replicon_is_the_average_of_sech4():
    found = dense.solve(2.0, 4, 0.1, 0.2)
    a = 2 * 1.1 * found.n**3
    s = math.sqrt(0.1 * a**2 + 0.2 * 2 * found.q**3)
    sech4 = GRID.mean(lambda z: np.cosh(2 * (a + s * z)) ** -4.0)
    assert abs(dense.replicon(2.0, 4, 0.2, 0.1, found) - (1 - 0.2 * 6 * found.q**2 * 4 * sech4)) < 1e-5
    # The paramagnet of the Hopfield model becomes unstable at 1 + √γ, which is also its glass temperature.
    ergodic = dense.solve(1 / np.array([1.31, 1.29]), 2, 0, 0.09, "ergodic")
    assert (dense.replicon(1 / np.array([1.31, 1.29]), 2, 0.09, 0, ergodic) > 0).tolist() == [True, False]


def test_global_line_lies_below_the_spinodal_and_free_energies_cross_there():
    line = transition_load(4, [0.0, 0.2], 3.0)
    assert (line < dense.critical_load(4, [0.0, 0.2], 3.0)).all()
    f = [dense.solve(3.0, 4, [0.0, 0.2], line, start).free_energy for start in ("retrieval", "spin_glass")]
    assert np.abs(f[0] - f[1]).max() < 1e-4


def test_branch_is_followed_and_not_found_again_on_the_way_back():
    loads = [0.1, 0.3, 0.5, 0.3, 0.1]

    def at(load, start):
        return dense.solve(4.0, 4, 0.0, load, start)

    m = [round(float(one.m), 2) for one in continuation(at, loads, "retrieval")]
    assert m[0] > m[1] > 0.9
    assert m[2:] == [0, 0, 0]


def test_what_does_not_converge_says_so():
    found = dense.solve(2, 4, 0.1, 0.1, sweeps=3)
    assert not found.converged
    assert found.residual > 1e-6
    assert found.iterations == 3


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "beta": [0, -1, math.nan, "warm"],
        "order": [3, 0, 66, 2.5],
        "rho": [-0.1, math.inf],
        "load": [-1, math.nan],
        "start": ["elsewhere"],
        "damping": [1.0, -0.1],
        "tolerance": [0],
        "sweeps": [0],
    }.items(),
)
def test_bad_input(name, values):
    for value in values:
        with pytest.raises(UsageError, match=name):
            dense.solve(**{"beta": 2, "order": 4, "rho": 0.1, "load": 0.1, name: value})


def test_more_bad_input():
    with pytest.raises(ShapeError, match="broadcast"):
        dense.solve([1, 2], 4, [0, 0.1, 0.2], 0)
    for call in (
        lambda: dense.finite_examples(2, 4, 0.0, 10),
        lambda: dense.finite_examples(2, 4, 0.5, 0),
        lambda: dense.finite_examples(2, 4, 0.5, 2.5),
        lambda: dense.free_energy(math.inf, 4, 0, 0, 1, 1),
        lambda: dense.learning_threshold(4, 0.5, 0.1, -1),
        lambda: dense.critical_load(4, -1),
        lambda: dense.replicon(math.inf, 4, 0.1, 0, dense.zero_temperature(4, 0, 0.1)),
    ):
        with pytest.raises(UsageError):
            call()
