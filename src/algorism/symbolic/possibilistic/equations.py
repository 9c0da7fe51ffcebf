"""Systems of min-max equations Γ □ x = b: whether they can be solved, and by how little they must change if not.

(Γ □ x)_i = min_j max(Γ_ij, x_j), everything in [0, 1]. The Chebyshev distance ∇ of a system is how far the farthest b_i
must move, at best, to make it solvable. Its closed form looks at all pairs of rows; here the rows of each column are
sorted once, and the same numbers take n log n instead of n² steps.

Shape letters: s any leading dimensions (systems), n row, m column (unknown).

Source: Π-NeSy (arXiv 2504.07055), with I. Baaj's closed form of the distance.
"""

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError


def min_max_product(gamma_snm: Tensor, x_sm: Tensor) -> Tensor:
    """Γ □ x: for each row the minimum over columns of max(Γ_ij, x_j); (s, n).

    >>> min_max_product(torch.tensor([[0.5, 1.0], [0.0, 0.25]]), torch.tensor([0.75, 0.0])).tolist()
    [0.75, 0.25]
    """
    return torch.maximum(gamma_snm, x_sm.unsqueeze(-2)).amin(-1)


def rounding(dtype: torch.dtype) -> float:
    """The difference below which two degrees that were computed differently count as equal."""
    return 16 * torch.finfo(dtype).eps


def lowest_solution(gamma_snm: Tensor, b_sn: Tensor, tolerance: float = 0.0) -> Tensor:
    """The lowest x with Γ □ x ≥ b − tolerance; if the system can be solved within the tolerance, its lowest solution.

    x_j = max_i of (b_i − tolerance) over the rows where Γ_ij is smaller, 0 if there are none.

    Args:
        gamma_snm: the matrices.
        b_sn: the right-hand sides.
        tolerance: how far a solution may be from b, in any row.

    Returns:
        (s, m).

    Raises:
        ShapeError, DataError, UsageError: the system or the tolerance is not one; see `check_system`.

    >>> lowest_solution(torch.tensor([[0.5, 1.0], [0.0, 0.25]]), torch.tensor([0.75, 0.25]))
    tensor([0.7500, 0.0000])
    """
    check_system(gamma_snm, b_sn, tolerance)
    return _lowest(gamma_snm, (b_sn - tolerance).clamp(min=0))


def is_consistent(gamma_snm: Tensor, b_sn: Tensor, tolerance: float = 0.0) -> Tensor:
    """Whether some x gives every b_i up to the tolerance (and rounding); boolean, (s,).

    Decided by trying the lowest candidate, not through the distance.

    >>> is_consistent(torch.tensor([[0.5], [0.5]]), torch.tensor([0.75, 1.0]), tolerance=0.125)
    tensor(True)
    """
    x_sm = lowest_solution(gamma_snm, b_sn, tolerance)
    return (min_max_product(gamma_snm, x_sm) <= b_sn + tolerance + rounding(b_sn.dtype)).all(-1)


def row_distances(gamma_snm: Tensor, b_sn: Tensor) -> Tensor:
    """∇_i of each row: how much b must change because of it, (s, n); the system's distance is the greatest.

    ∇_i = min_j max((Γ_ij − b_i)⁺, f_j(b_i)), with f_j(z) = max_k min((b_k − z)⁺ / 2, (b_k − Γ_kj)⁺).

    Raises:
        ShapeError, DataError: see `check_system`.
    """
    check_system(gamma_snm, b_sn)
    gamma_smn = gamma_snm.mT
    b_smn = b_sn.unsqueeze(-2).expand(gamma_smn.shape)
    pull_smn = Envelope(b_smn, gamma_smn)(b_smn)
    return torch.maximum((gamma_smn - b_smn).clamp(min=0), pull_smn).amin(-2)


def chebyshev_distance(gamma_snm: Tensor, b_sn: Tensor) -> Tensor:
    """∇ = the smallest max_i |b_i − b'_i| over all b' for which Γ □ x = b' has a solution; (s,).

    Raises:
        ShapeError, DataError: see `check_system`.

    >>> chebyshev_distance(torch.tensor([[0.5], [0.5]]), torch.tensor([0.75, 1.0]))
    tensor(0.1250)
    """
    return row_distances(gamma_snm, b_sn).amax(-1)


def lowest_approximate_solution(gamma_snm: Tensor, b_sn: Tensor, distance_s: Tensor | None = None) -> Tensor:
    """The lowest x for which Γ □ x is as near to b as it can be; (s, m).

    Args:
        gamma_snm: the matrices.
        b_sn: the right-hand sides.
        distance_s: the Chebyshev distances, if they are known.

    Raises:
        ShapeError, DataError: see `check_system`.
    """
    distance_s = chebyshev_distance(gamma_snm, b_sn) if distance_s is None else distance_s
    return _lowest(gamma_snm, (b_sn - distance_s.unsqueeze(-1)).clamp(min=0))


def lowest_approximation(gamma_snm: Tensor, b_sn: Tensor) -> Tensor:
    """The lowest right-hand side that can be reached and lies at the Chebyshev distance from b; (s, n).

    Raises:
        ShapeError, DataError: see `check_system`.

    >>> lowest_approximation(torch.tensor([[0.5], [0.5]]), torch.tensor([0.75, 1.0]))
    tensor([0.8750, 0.8750])
    """
    return min_max_product(gamma_snm, lowest_approximate_solution(gamma_snm, b_sn))


class Envelope:
    """f(z) = max_k min((b_k − z)⁺ / 2, (b_k − g_k)⁺) for one column of a system, at any number of places z.

    Term k is its constant up to z = b_k − 2 (b_k − g_k)⁺ and falls after it. Sorted by that place, the constants that
    still count are a suffix and the falling terms a prefix, so that two running maxima answer every z.

    Args:
        b_sk: right-hand sides.
        g_sk: the column's entries.
    """

    def __init__(self, b_sk: Tensor, g_sk: Tensor) -> None:
        flat_sk = (b_sk - g_sk).clamp(min=0)
        turn_sk, order_sk = (b_sk - 2 * flat_sk).sort(-1)
        self.turn_sk = turn_sk.contiguous()
        flat_sk, b_sk = flat_sk.gather(-1, order_sk), b_sk.gather(-1, order_sk)
        nothing_s1 = torch.zeros_like(b_sk[..., :1])
        self.flat_sk = torch.cat((flat_sk.flip(-1).cummax(-1).values.flip(-1), nothing_s1), -1)
        self.falling_sk = torch.cat((nothing_s1, b_sk.cummax(-1).values), -1)

    def __call__(self, z_sq: Tensor) -> Tensor:
        """Values of f at the places z, (s, q)."""
        at_sq = torch.searchsorted(self.turn_sk, z_sq.contiguous())
        falling_sq = (self.falling_sk.gather(-1, at_sq) - z_sq).clamp(min=0) / 2
        return torch.maximum(self.flat_sk.gather(-1, at_sq), falling_sq)


def check_system(gamma_snm: Tensor, b_sn: Tensor, tolerance: float = 0.0) -> None:
    """Refuse what is no system of min-max equations.

    Raises:
        ShapeError: no rows, no columns, or sides that do not fit.
        DataError: NaN, or entries outside [0, 1].
        UsageError: a negative tolerance.
    """
    if gamma_snm.dim() < 2 or 0 in gamma_snm.shape[-2:]:
        raise ShapeError(f"A system needs a matrix with rows and columns, got shape {tuple(gamma_snm.shape)}.")
    if b_sn.shape != gamma_snm.shape[:-1]:
        raise ShapeError(
            f"A matrix of shape {tuple(gamma_snm.shape)} needs a right-hand side of shape "
            f"{tuple(gamma_snm.shape[:-1])}, got {tuple(b_sn.shape)}."
        )
    for name, x in (("matrix", gamma_snm), ("right-hand side", b_sn)):
        if not x.is_floating_point():
            raise DataError(f"The {name} must be of floating point, got {x.dtype}; convert it with .float().")
        if not bool(((x >= 0) & (x <= 1)).all()):  # NaN fails both comparisons
            raise DataError(f"The {name} must hold degrees in [0, 1] and no NaN.")
    if not tolerance >= 0:
        raise UsageError(f"A tolerance is at least 0, got {tolerance}.")


def _lowest(gamma_snm: Tensor, y_sn: Tensor) -> Tensor:
    y_snm = y_sn.unsqueeze(-1)
    # Without room for rounding, an entry equal to y could pass for smaller, and its column be raised for nothing.
    return torch.where(gamma_snm < y_snm - rounding(y_sn.dtype), y_snm, 0).amax(-2)
