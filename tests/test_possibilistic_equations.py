"""Min-max systems against brute force on a grid that holds every optimum."""

import importlib.util
import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import AlgorismError
from algorism.symbolic.possibilistic import equations as eq

_spec = importlib.util.spec_from_file_location(
    "_possibilistic_definitions", Path(__file__).with_name("_possibilistic_definitions.py")
)
definition = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(definition)

SYSTEMS = 2_160


def random_systems(n, m, count, seed):
    g = torch.Generator().manual_seed(seed)
    gamma, b = torch.randint(0, 11, (count, n, m), generator=g), torch.randint(0, 11, (count, n), generator=g)
    return gamma.double() / 10, b.double() / 10


@pytest.mark.parametrize(("n", "m"), list(itertools.product((1, 2, 3), (1, 2, 3))))
def test_brute_force(n, m):
    """Entries lie on a grid of 0.1; some best x then lies on the grid of 0.05, so that trying all of it finds ∇."""
    axis = torch.linspace(0, 1, 21, dtype=torch.float64)
    x = torch.cartesian_prod(*[axis] * m).view(-1, m)
    for gamma, b in zip(*(part.split(20) for part in random_systems(n, m, SYSTEMS // 9, seed=10 * n + m))):
        reached = torch.maximum(gamma[:, None], x[:, None]).amin(-1)  # system, x, row
        away = (reached - b[:, None]).abs().amax(-1)
        nabla = away.amin(1)
        assert torch.allclose(eq.chebyshev_distance(gamma, b), nabla, atol=1e-9)
        assert torch.equal(eq.is_consistent(gamma, b), nabla < 1e-9)
        best = away <= nabla[:, None] + 1e-9
        lowest = torch.where(best[..., None], x, 2).amin(1)
        assert torch.allclose(eq.lowest_approximate_solution(gamma, b), lowest, atol=1e-9)
        assert torch.allclose(
            eq.lowest_approximation(gamma, b), torch.where(best[..., None], reached, 2).amin(1), atol=1e-9
        )
        solvable = nabla < 1e-9
        assert torch.allclose(eq.lowest_solution(gamma, b)[solvable], lowest[solvable], atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sorted_rows_give_the_closed_form(dtype):
    g = torch.Generator().manual_seed(0)
    for n, m in ((1, 1), (2, 5), (7, 3), (40, 12)):
        for levels in (3, 1000):
            gamma = torch.randint(0, levels, (n, m), generator=g).to(dtype) / levels
            b = torch.randint(0, levels + 1, (n,), generator=g).to(dtype) / levels
            expected = definition.distances(gamma, b)
            assert torch.allclose(eq.row_distances(gamma, b), expected, atol=4 * eq.rounding(dtype))
            assert torch.allclose(eq.row_distances(gamma[None], b[None])[0], expected, atol=4 * eq.rounding(dtype))


GRID = st.integers(0, 20).map(lambda k: k / 20)


@settings(deadline=None, max_examples=200)
@given(st.data(), st.integers(1, 4), st.integers(1, 4), GRID, GRID)
def test_consistency_is_monotone_in_the_tolerance(data, n, m, first, second):
    gamma = torch.tensor(data.draw(st.lists(GRID, min_size=n * m, max_size=n * m)), dtype=torch.float64).view(n, m)
    b = torch.tensor(data.draw(st.lists(GRID, min_size=n, max_size=n)), dtype=torch.float64)
    low, high = sorted((first, second))
    assert bool(eq.is_consistent(gamma, b, low)) <= bool(eq.is_consistent(gamma, b, high))
    nabla = float(eq.chebyshev_distance(gamma, b))  # and it begins at the distance
    assert eq.is_consistent(gamma, b, nabla)
    assert nabla < 0.01 or not eq.is_consistent(gamma, b, nabla - 0.01)
    assert eq.is_consistent(gamma, eq.lowest_approximation(gamma, b))


def test_solutions_made_solvable_are_found():
    g = torch.Generator().manual_seed(0)
    gamma, x = torch.rand(500, 6, 4, generator=g), torch.rand(500, 4, generator=g)
    b = eq.min_max_product(gamma, x)
    lowest = eq.lowest_solution(gamma, b)
    assert (lowest <= x + 1e-6).all()
    assert torch.allclose(eq.min_max_product(gamma, lowest), b, atol=1e-5)
    assert (eq.chebyshev_distance(gamma, b) < 1e-5).all()


ONES = torch.ones(2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eq.chebyshev_distance(torch.ones(2), torch.ones(2)), r"rows and columns, got shape \(2,\)"),
        (lambda: eq.chebyshev_distance(torch.ones(2, 0), torch.ones(2)), r"rows and columns, got shape \(2, 0\)"),
        (lambda: eq.row_distances(ONES, torch.ones(3)), r"right-hand side of shape \(2,\), got \(3,\)"),
        (lambda: eq.row_distances(ONES, torch.tensor([1, torch.nan])), "right-hand side must hold degrees"),
        (lambda: eq.lowest_approximation(ONES * torch.nan, torch.ones(2)), "matrix must hold degrees"),
        (lambda: eq.lowest_solution(2 * ONES, torch.ones(2)), "matrix must hold degrees"),
        (lambda: eq.lowest_solution(ONES.long(), torch.ones(2)), "matrix must be of floating point, got torch.int64"),
        (lambda: eq.is_consistent(ONES, torch.ones(2), -0.1), "tolerance is at least 0, got -0.1"),
        (lambda: eq.is_consistent(ONES, torch.ones(2), float("nan")), "tolerance is at least 0, got nan"),
    ],
)
def test_bad_systems(call, message):
    with pytest.raises(AlgorismError, match=message):
        call()
