"""Mean and variance of an infinitely wide network trained on the basis vectors e_1 … e_k alone, with targets P e_i.

On any other input the trained network is Gaussian over initialisations, independently for each output bit. Asked a 0/1
vector with n ones, scaled to length 1, each output bit that should be 1 has mean `ones`, each that should be 0 has mean
`zeros`, and all have the same variance. `ones` > 0 >= `zeros`: the sign of the mean is the permutation's answer.

Derived from the two-layer kernels of `kernels` (arXiv 2502.16763 states the tangent-kernel case). Means do not depend
on σ_w; variances are proportional to σ_w⁴.

Shape letters: t test inputs; k bits, which is also the number of basis vectors trained on.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import UsageError
from .kernels import (
    OFF_DIAGONAL,
    Floats,
    Regime,
    angular,
    basis_eigenvalues,
    checked_sigma,
    diagonal_excess,
    first_layer_weight,
    kernel,
    nngp_kernel,
)


@dataclass(frozen=True)
class Moments:
    """Means and variance of the output bits, each of the shape that `bits` and `ones` broadcast to."""

    ones: Floats
    zeros: Floats
    variance: Floats


@dataclass(frozen=True)
class Descent:
    """Training that has not ended: so many steps of gradient descent at a rate that multiplies the kernel at σ_w = 1.

    Args:
        rate: of descent in function space; `kernels.function_rate` gives it for a learning rate.
        steps: how many, for a flow any time >= 0.
        flow: gradient flow, which is the limit of many small steps, instead of steps.

    >>> round(float(Descent(0.1, 10, flow=True).left(2.0)), 6), round(float(Descent(0.1, 10).left(2.0)), 6)
    (0.135335, 0.107374)
    """

    rate: float
    steps: float
    flow: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self.rate > 0 and math.isfinite(self.steps) and self.steps >= 0):
            raise UsageError(f"Descent: expected a rate > 0 and steps >= 0, got {self.rate} and {self.steps}.")

    def left(self, eigenvalue: Any) -> Any:
        """Share of the initial error that is left on an eigenvector of the kernel."""
        if self.flow:
            return np.exp(-self.rate * self.steps * np.asarray(eigenvalue))
        return (1 - self.rate * np.asarray(eigenvalue)) ** self.steps


def moments(
    bits: ArrayLike,
    ones: ArrayLike,
    regime: Regime | float = "ntk",
    sigma_w: float = 1.0,
    after: Descent | None = None,
) -> Moments:
    """Means and variance of the output bits for inputs with `ones` ones among `bits` bits, in closed form.

    Args:
        bits: k; numbers of any shape.
        ones: whole numbers with 1 <= ones <= bits, of a shape that broadcasts with it.
        regime: "ntk", "last-layer", or the weight of the first layer's gradients.
        sigma_w: standard deviation of the weights before scaling.
        after: how long training went on; None for ever.

    Raises:
        UsageError: for numbers of bits or ones out of range.

    >>> m = moments(5, 2)
    >>> print(f"{m.ones:.5f} {m.zeros:.5f} {m.variance:.6f}")
    0.56063 -0.01464 0.013235
    """
    k, n = _checked_counts(bits, ones)
    on, off = coefficients(k, n, regime, after)
    # Var f(x) = K(x,x) + w K_XX wᵀ − 2 w K_Xx: the untrained output less what training on its errors takes away.
    squares, total = n * on**2 + (k - n) * off**2, n * on + (k - n) * off
    cross = n * angular(1 / np.sqrt(n), 0.0) * on + (k - n) * off
    variance = (0.5 + diagonal_excess(0.0) * squares + OFF_DIAGONAL * (total**2 - 2 * cross)) / k
    # For n = 1 the four terms cancel, and rounding leaves ±1e-17.
    return Moments(on, off, checked_sigma(sigma_w) ** 4 * np.maximum(variance, 0.0))


def coefficients(
    bits: ArrayLike, ones: ArrayLike, regime: Regime | float = "ntk", after: Descent | None = None
) -> tuple[Floats, Floats]:
    """How much the target of basis vector e_i enters the mean on an input: with its bit set, and with it not set.

    The row Θ_xX Θ_XX⁻¹ (I − D) takes only these two values, because the Gram matrix has one eigenvector of ones and is
    a multiple of the identity on the rest. D is what `after` leaves of the initial error.
    """
    k, n = _checked_counts(bits, ones)
    weight = first_layer_weight(regime)
    low, high = basis_eigenvalues(k, weight)
    learned_low, learned_high = (1.0, 1.0) if after is None else (1 - after.left(low), 1 - after.left(high))
    excess = OFF_DIAGONAL / k * (angular(1 / np.sqrt(n), weight) - 1)  # of Θ(x, e_i) with the bit over without it
    shared = OFF_DIAGONAL / k + excess * n / k
    contrast = excess * learned_low / low
    off = shared * learned_high / high - contrast * n / k
    return off + contrast, off


def weights(x_tk: ArrayLike, regime: Regime | float = "ntk", after: Descent | None = None) -> Floats:
    """The rows Θ_xX Θ_XX⁻¹ (I − D) for any real inputs: the mean output is `weights @ targets`.

    Args:
        x_tk: real inputs, not necessarily of length 1 (the mean is proportional to the length).
        regime: "ntk", "last-layer", or the weight of the first layer's gradients.
        after: how long training went on; None for ever.

    Returns:
        (t, k).

    >>> weights([[1, 0], [0, 1]]).round(9).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    x_tk = np.asarray(x_tk, dtype=float)
    rows_tk = kernel(x_tk, np.eye(x_tk.shape[-1]), regime)
    low, high = basis_eigenvalues(x_tk.shape[1], regime)
    learned_low, learned_high = (1.0, 1.0) if after is None else (1 - after.left(low), 1 - after.left(high))
    mean_t1 = rows_tk.mean(axis=1, keepdims=True)
    return mean_t1 * learned_high / high + (rows_tk - mean_t1) * learned_low / low


def covariance(
    x_tk: ArrayLike, regime: Regime | float = "ntk", sigma_w: float = 1.0, after: Descent | None = None
) -> Floats:
    """Covariance, over initialisations, of one output bit between test inputs.

    K(x,x') + W K_XX W'ᵀ − W K_Xx' − K_xX W'ᵀ, with K the covariance of untrained outputs and W as in `weights`.

    Returns:
        (t, t), symmetric.

    >>> c = covariance([[1, 1, 0, 0, 0]] / np.sqrt([[2.0]]))
    >>> round(c.item(), 6)
    0.013235
    """
    x_tk = np.asarray(x_tk, dtype=float)
    weights_tk = weights(x_tk, regime, after)
    k = x_tk.shape[1]
    prior_tk = nngp_kernel(x_tk, np.eye(k))
    gram_product_tk = (diagonal_excess(0.0) * weights_tk + OFF_DIAGONAL * weights_tk.sum(axis=1, keepdims=True)) / k
    crossed_tt = weights_tk @ prior_tk.T
    learned_tt = weights_tk @ gram_product_tk.T
    total_tt = nngp_kernel(x_tk, x_tk) + learned_tt - crossed_tt - crossed_tt.T
    return checked_sigma(sigma_w) ** 4 * (total_tt + total_tt.T) / 2


def _checked_counts(bits: ArrayLike, ones: ArrayLike) -> tuple[Floats, Floats]:
    k, n = np.asarray(bits, dtype=float), np.asarray(ones, dtype=float)
    if not (np.isfinite(k).all() and (k == np.floor(k)).all() and (n == np.floor(n)).all()):
        raise UsageError(f"Numbers of bits and ones must be whole, got {bits!r} and {ones!r}.")
    if not ((n >= 1) & (n <= k)).all():
        raise UsageError(f"Expected 1 <= ones <= bits, got {ones!r} ones among {bits!r} bits.")
    return k, n
