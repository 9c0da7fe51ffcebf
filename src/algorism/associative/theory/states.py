"""States that given patterns define, and the identity that makes their squared errors the energy.

Shape letters: b state, k pattern, n neuron.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError

from .checks import Floats, checked


def hierarchical_state(xi_kn: ArrayLike, seed: int = 0) -> NDArray[np.int8]:
    """Every neuron takes the first of its entries that is not blank; where all are, −1 or +1 at random.

    Its overlaps are (1 − d) d^{k−1}, up to 1/√N: neurons that the first pattern leaves free serve the second, and on.

    >>> hierarchical_state([[1, 0, -1, 0], [-1, -1, 1, 1]]).tolist()
    [1, -1, -1, 1]
    """
    xi = np.atleast_2d(checked("xi_kn", xi_kn))
    first_n = (xi != 0).argmax(0)
    state_n = np.sign(np.take_along_axis(xi, first_n[None], 0)[0])
    random_n = np.random.default_rng(seed).integers(0, 2, len(state_n)) * 2 - 1
    return np.where(state_n == 0, random_n, state_n).astype(np.int8)


class Losses(NamedTuple):
    """L± = ‖ξ ∓ σ‖²/2N of each state on each pattern, and the mean square of each pattern's entries."""

    plus_bk: Floats
    minus_bk: Floats
    square_k: Floats


def squared_losses(xi_kn: ArrayLike, sigma_bn: ArrayLike) -> Losses:
    """L±_k = (1/2N) ‖ξ^k ∓ σ‖² = ½(1 + ⟨ξ²⟩) ∓ m_k, computed as written.

    Raises:
        ShapeError: if patterns and states differ in width.

    >>> [x.tolist() for x in squared_losses([[1, -1, 0, 0]], [[1, 1, 1, 1]])]
    [[[0.75]], [[0.75]], [0.5]]
    """
    xi, sigma = np.atleast_2d(checked("xi_kn", xi_kn)), np.atleast_2d(checked("sigma_bn", sigma_bn))
    if xi.shape[-1] != sigma.shape[-1]:
        raise ShapeError(f"Patterns of {xi.shape[-1]} neurons do not fit states of {sigma.shape[-1]}.")
    plus, minus = (np.array([((xi - sign * s) ** 2).sum(1) for s in sigma]) / (2 * xi.shape[1]) for sign in (1, -1))
    return Losses(plus, minus, (xi**2).mean(1))


def energy_from_losses(losses: Losses) -> Floats:
    """H/N = ½ Σ_k [L⁺L⁻ − ¼(1 + ⟨ξ²⟩)²], which is −½ Σ m_k²: the pairwise energy with its constant diagonal.

    Whatever lowers the energy therefore lowers the product of the two losses, summed over patterns. (For entries 0
    and ±1 with a share d of zeros, ¼(1 + ⟨ξ²⟩)² is (1 − d/2)².)

    >>> xi_kn, sigma_n = np.array([[1, -1, 0, 1], [0, 1, 1, 1]]), np.array([1, -1, 1, 1])
    >>> energy_from_losses(squared_losses(xi_kn, sigma_n)).tolist(), -0.5 * float(((xi_kn @ sigma_n / 4) ** 2).sum())
    ([-0.3125], -0.3125)
    """
    return (losses.plus_bk * losses.minus_bk - (1 + losses.square_k) ** 2 / 4).sum(1) / 2
