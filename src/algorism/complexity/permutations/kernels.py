"""Kernels of infinitely wide two-layer ReLU networks without biases, in closed form.

The network is f(x) = (σ_w/√h) V relu((σ_w/√k) U x) with standard normal entries, and its kernels depend on two unit
inputs through their angle θ alone. How it trains is decided by how much the first layer's gradients weigh:

    Θ_ω(x, x') = σ_w⁴ |x||x'| / (2πk) · [sin θ + (1 + ω)(π − θ) cos θ]

ω = 1 is the neural tangent kernel. ω = 0 leaves the last layer's gradients only; that kernel is also the covariance of
the untrained outputs (NNGP). A network of h units in the *standard* parameterisation (weights drawn with variance
σ_w²/fan-in, one learning rate for both layers) has ω = k/h, so that a wide one trains as a last-layer model.

Shape letters: s, t inputs; k bits, which is also the number of basis vectors.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError, UsageError, nearest

Floats = NDArray[np.float64]
Regime = Literal["ntk", "last-layer"]
Parameterisation = Literal["ntk", "standard"]

REGIMES: dict[Regime, float] = {"ntk": 1.0, "last-layer": 0.0}  # the weight ω of the first layer's gradients
PARAMETERISATIONS = ("ntk", "standard")

OFF_DIAGONAL = 1 / (2 * math.pi)  # 2πk·k·Θ of two different basis vectors is 1 in every regime; called b below


def first_layer_weight(regime: Regime | float) -> float:
    """The weight ω of the first layer's gradients: of a named regime, or a number ≥ 0 as it is.

    Raises:
        UsageError: for an unknown name, or a number that is negative or not finite.

    >>> first_layer_weight("ntk"), first_layer_weight("last-layer"), first_layer_weight(30 / 50_000)
    (1.0, 0.0, 0.0006)
    """
    if isinstance(regime, str):
        if regime not in REGIMES:
            raise UsageError(f"There is no regime {regime!r}. {nearest(regime, REGIMES)}")
        return REGIMES[regime]
    weight = float(regime)
    if not (math.isfinite(weight) and weight >= 0):
        raise UsageError(f"The weight of the first layer's gradients must be a finite number >= 0, got {regime}.")
    return weight


def kernel(x_sk: ArrayLike, y_tk: ArrayLike, regime: Regime | float = "ntk", sigma_w: float = 1.0) -> Floats:
    """The training kernel Θ_ω between two sets of inputs of any length; all zeros count as an input with kernel 0.

    Args:
        x_sk: real inputs, one a row.
        y_tk: the others.
        regime: "ntk", "last-layer", or the weight ω itself.
        sigma_w: standard deviation of the weights before scaling.

    Returns:
        (s, t) kernel values.

    Raises:
        ShapeError: unless both are matrices with equally many columns.
        UsageError: for inputs that are not finite, or sigma_w that is not positive.

    >>> kernel([[1, 0]], [[1, 0], [0, 1]]).round(6).tolist()
    [[0.5, 0.079577]]
    """
    weight, scale = first_layer_weight(regime), checked_sigma(sigma_w) ** 4
    x_sk, y_tk = _matrix(x_sk), _matrix(y_tk)
    if x_sk.shape[1] != y_tk.shape[1]:
        raise ShapeError(f"kernel: inputs of {x_sk.shape[1]} and of {y_tk.shape[1]} bits; both must have equally many.")
    lengths_st = np.linalg.norm(x_sk, axis=1)[:, None] * np.linalg.norm(y_tk, axis=1)
    cosine_st = np.divide(x_sk @ y_tk.T, lengths_st, out=np.zeros_like(lengths_st), where=lengths_st > 0)
    # arccos turns a rounding error of 1e-16 beside 1 into an angle of 1e-8, and the tangent kernel has a kink there.
    cosine_st[cosine_st > 1 - 1e-15 * x_sk.shape[1]] = 1.0
    return scale * OFF_DIAGONAL / x_sk.shape[1] * lengths_st * angular(cosine_st, weight)


def nngp_kernel(x_sk: ArrayLike, y_tk: ArrayLike, sigma_w: float = 1.0) -> Floats:
    """Covariance of an untrained network's output between inputs (Cho and Saul 2009); the last-layer kernel.

    Args, returns, raises: as `kernel`.

    >>> nngp_kernel([[1, 0]], [[1, 0], [0, 1]]).round(6).tolist()
    [[0.25, 0.079577]]
    """
    return kernel(x_sk, y_tk, "last-layer", sigma_w)


def angular(cosine: Any, weight: float) -> Any:
    """The bracket sin θ + (1 + ω)(π − θ) cos θ, for cosines of any shape; 1 at a right angle.

    >>> float(angular(0.0, 1.0)), round(float(angular(1.0, 1.0)) / np.pi, 6)
    (1.0, 2.0)
    """
    cosine = np.clip(cosine, -1.0, 1.0)
    return np.sqrt(1 - cosine**2) + (1 + weight) * (np.pi - np.arccos(cosine)) * cosine


def diagonal_excess(weight: float) -> float:
    """The number a for which the Gram matrix on the basis vectors is (a I + b 11ᵀ)/k, b = 1/(2π), at σ_w = 1.

    >>> round(diagonal_excess(1.0), 6), round(diagonal_excess(0.0), 6)
    (0.840845, 0.340845)
    """
    return (1 + weight) / 2 - OFF_DIAGONAL


def basis_gram(bits: int, regime: Regime | float = "ntk", sigma_w: float = 1.0) -> Floats:
    """The kernel on the training set, the basis vectors e_1 … e_k: (σ_w⁴/k)(a I + b 11ᵀ).

    Returns:
        (k, k) kernel values.

    >>> bool(np.allclose(basis_gram(3), kernel(np.eye(3), np.eye(3))))
    True
    """
    bits, excess = checked_bits(bits), diagonal_excess(first_layer_weight(regime))
    return checked_sigma(sigma_w) ** 4 / bits * (excess * np.eye(bits) + OFF_DIAGONAL)


def basis_gram_inverse(bits: int, regime: Regime | float = "ntk", sigma_w: float = 1.0) -> Floats:
    """Inverse of `basis_gram` by the Sherman-Morrison formula: (k/σ_w⁴ a)(I − b/(a + k b) 11ᵀ).

    Returns:
        (k, k).

    >>> bool(np.allclose(basis_gram_inverse(5, "last-layer") @ basis_gram(5, "last-layer"), np.eye(5)))
    True
    """
    bits, excess = checked_bits(bits), diagonal_excess(first_layer_weight(regime))
    pulled = OFF_DIAGONAL / (excess + bits * OFF_DIAGONAL)
    return bits / (checked_sigma(sigma_w) ** 4 * excess) * (np.eye(bits) - pulled)


def basis_eigenvalues(bits: ArrayLike, regime: Regime | float = "ntk") -> tuple[Floats, Floats]:
    """Eigenvalues of `basis_gram` at σ_w = 1: a/k (k − 1 times) and (a + k b)/k (on the vector of ones).

    >>> low, high = basis_eigenvalues(5)
    >>> bool(np.allclose(np.linalg.eigvalsh(basis_gram(5)), [low] * 4 + [high]))
    True
    """
    k, excess = np.asarray(bits, dtype=float), diagonal_excess(first_layer_weight(regime))
    return excess / k, (excess + k * OFF_DIAGONAL) / k


def regime_of(parameterisation: Parameterisation, bits: int, width: int) -> float:
    """The weight ω of the first layer's gradients in a network of finite width.

    >>> regime_of("ntk", 30, 50_000), regime_of("standard", 30, 50_000)
    (1.0, 0.0006)
    """
    _check_parameterisation(parameterisation)
    return 1.0 if parameterisation == "ntk" else checked_bits(bits) / _checked_width(width)


def function_rate(
    learning_rate: float,
    bits: int,
    parameterisation: Parameterisation = "standard",
    width: int = 50_000,
    *,
    outputs: int | None = None,
    sigma_w: float = 1.0,
) -> float:
    """What multiplies the kernel at σ_w = 1 in one step of descent on f, if the loss is the mean squared error.

    The mean runs over the k examples and all outputs, so its gradient in f is 2/(k·outputs) times the residual.

    Args:
        learning_rate: of both layers.
        bits: k, the number of basis vectors trained on.
        parameterisation: "ntk" or "standard".
        width: hidden units; matters in the standard parameterisation only.
        outputs: of the network; k by default.
        sigma_w: standard deviation of the weights before scaling.
    """
    _check_parameterisation(parameterisation)
    sigma_w = checked_sigma(sigma_w)
    scale = sigma_w**4 if parameterisation == "ntk" else sigma_w**2 * _checked_width(width)
    return learning_rate * scale * 2 / (checked_bits(bits) * checked_bits(bits if outputs is None else outputs))


def lambda_max(
    bits: int,
    parameterisation: Parameterisation = "standard",
    width: int = 50_000,
    *,
    outputs: int | None = None,
    sigma_w: float = 1.0,
) -> float:
    """Largest eigenvalue of the loss's curvature at the start; descent is stable for learning rates below 2/λ_max.

    Args: as `function_rate`.

    >>> [round(1e-3 * lambda_max(k), 1) for k in (2, 3, 4)]  # the released rate: unstable for k = 2 and 3
    [8.2, 3.0, 1.5]
    """
    _, high = basis_eigenvalues(bits, regime_of(parameterisation, bits, width))
    return float(high) * function_rate(1.0, bits, parameterisation, width, outputs=outputs, sigma_w=sigma_w)


def checked_bits(bits: int) -> int:
    """A number of bits as it is, or a UsageError."""
    if isinstance(bits, bool) or int(bits) != bits or bits < 1:
        raise UsageError(f"The number of bits must be a whole number >= 1, got {bits!r}.")
    return int(bits)


def checked_sigma(sigma_w: float) -> float:
    """A positive finite σ_w as it is, or a UsageError."""
    if not (math.isfinite(sigma_w) and sigma_w > 0):
        raise UsageError(f"sigma_w must be a finite number > 0, got {sigma_w}.")
    return float(sigma_w)


def _checked_width(width: int) -> int:
    if int(width) != width or width < 1:
        raise UsageError(f"The width must be a whole number >= 1, got {width!r}.")
    return int(width)


def _check_parameterisation(name: str) -> None:
    if name not in PARAMETERISATIONS:
        raise UsageError(f"There is no parameterisation {name!r}. {nearest(name, PARAMETERISATIONS)}")


def _matrix(x: ArrayLike) -> Floats:
    x_sk = np.asarray(x, dtype=float)
    if x_sk.ndim != 2 or x_sk.shape[1] == 0:
        raise ShapeError(f"kernel: inputs must be a matrix with one input a row, got shape {x_sk.shape}.")
    if not np.isfinite(x_sk).all():
        raise UsageError("kernel: every entry of an input must be finite.")
    return x_sk
