"""Kernels: how alike a hypothesis' values at two inputs are before any data is seen.

Shape letters: n, m points; d inputs; r random features.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from algorism.errors import UsageError

from .losses import Floats


class Kernel(Protocol):
    """A positive definite function of two inputs, for whole tables of them."""

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        ...


def _positive(name: str, **values: float | None) -> None:
    for key, value in values.items():
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"{name}: {key} must be above 0, got {value!r}.")


def squared_distances(x_nd: Floats, z_md: Floats) -> Floats:
    """‖x − z‖² for all pairs, never negative.

    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    middle = z_md.mean(axis=0)  # distances do not change, and the products below lose fewer digits
    x, z = x_nd - middle, z_md - middle
    return np.maximum((x * x).sum(1)[:, None] + (z * z).sum(1) - 2 * x @ z.T, 0.0)


def median_distance(x_nd: Floats) -> float:
    """The median distance between two of the points (of 2,000 at most), a common choice of length-scale.

    >>> median_distance(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    some = x_nd[:2000]
    upper = np.triu_indices(len(some), k=1)
    middle = float(np.median(np.sqrt(squared_distances(some, some)[upper]))) if len(some) > 1 else 0.0
    if middle == 0:
        raise UsageError("The median distance of the training inputs is 0; give the kernel's length in numbers.")
    return middle


@dataclass(frozen=True)
class RBF:
    """exp(−‖x − z‖²/(2 length²)). The paper's kernel with length 1.

    Args:
        length: in units of the inputs; None for the median distance between training inputs.
    """

    length: float | None = 1.0

    def __post_init__(self) -> None:
        _positive("RBF", length=self.length)

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        return np.exp(-squared_distances(x_nd, z_md) / (2 * _known(self) ** 2))


@dataclass(frozen=True)
class Laplace:
    """exp(−‖x − z‖/length): continuous functions without a derivative, a larger space than RBF's.

    Args:
        length: in units of the inputs; None for the median distance between training inputs.
    """

    length: float | None = 1.0

    def __post_init__(self) -> None:
        _positive("Laplace", length=self.length)

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        return np.exp(-np.sqrt(squared_distances(x_nd, z_md)) / _known(self))


def _known(kernel: Any) -> float:
    if kernel.length is None:
        raise UsageError(f"{kernel} has no length yet; `with_length(kernel, x_train)` sets it.")
    return float(kernel.length)


def with_length(kernel: Any, x_nd: Floats) -> Any:
    """The kernel itself, or where its length is None, one with the median distance of these inputs.

    >>> with_length(RBF(None), np.array([[0.0], [1.0], [3.0]]))
    RBF(length=2.0)
    """
    if getattr(kernel, "length", 1.0) is None:
        return replace(kernel, length=median_distance(x_nd))
    return kernel


@dataclass(frozen=True)
class NNGP:
    """Covariance of an infinitely wide ReLU network at initialisation (arXiv 1711.00165; Cho and Saul 2009).

    Args:
        depth: hidden layers.
        weight: variance of the weights times the fan-in; 2 keeps the scale of the signal from layer to layer.
        bias: variance of the biases.
    """

    depth: int = 1
    weight: float = 2.0
    bias: float = 0.1

    def __post_init__(self) -> None:
        _check_network(self)

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        return _infinite_network(x_nd, z_md, self.depth, self.weight, self.bias)[0]


@dataclass(frozen=True)
class NTK:
    """Neural tangent kernel of an infinitely wide ReLU network, all layers trained (arXiv 1806.07572).

    Args:
        depth, weight, bias: as of `NNGP`, in the parameterisation in which the network divides by √fan-in.
    """

    depth: int = 1
    weight: float = 2.0
    bias: float = 0.1

    def __post_init__(self) -> None:
        _check_network(self)

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        return _infinite_network(x_nd, z_md, self.depth, self.weight, self.bias)[1]


def _check_network(kernel: NNGP | NTK) -> None:
    name = type(kernel).__name__
    _positive(name, weight=kernel.weight)
    if kernel.depth < 1 or kernel.bias < 0:
        raise UsageError(f"{name}: expected at least 1 hidden layer and no negative bias variance, got {kernel}.")


def _infinite_network(x_nd: Floats, z_md: Floats, depth: int, weight: float, bias: float) -> tuple[Floats, Floats]:
    """Covariance and tangent kernel by the arc-cosine recursion."""
    inputs = x_nd.shape[1]
    own_n, own_m = (bias + weight * (v * v).sum(axis=1) / inputs for v in (x_nd, z_md))
    covariance = bias + weight * (x_nd @ z_md.T) / inputs
    tangent = covariance
    for _ in range(depth):
        norm = np.sqrt(np.outer(own_n, own_m))
        # Inputs of norm 0 without a bias give 0/0: such a unit is always 0, and any angle will do.
        cosine = np.clip(np.divide(covariance, norm, out=np.ones_like(norm), where=norm > 0), -1.0, 1.0)
        open_angle = math.pi - np.arccos(cosine)
        covariance = bias + weight * norm * (np.sqrt(1 - cosine**2) + open_angle * cosine) / (2 * math.pi)
        tangent = covariance + tangent * weight * open_angle / (2 * math.pi)
        own_n, own_m = bias + weight * own_n / 2, bias + weight * own_m / 2
    return covariance, tangent


@dataclass(frozen=True)
class RandomFeatures:
    """A kernel of finitely many random features: hypotheses are f(x) = φ(x)·w with Gaussian w, φ drawn once by seed.

    Args:
        number: features; fewer than there are training points cannot fit them.
        of: "rbf", random Fourier features (Rahimi and Recht 2007), or "relu", a network whose first layer
            is fixed, with the kernel `NNGP(1, bias=0)` in the limit.
        length: length-scale of "rbf"; None for the median distance between training inputs. "relu" ignores it.
        seed: of the features.

    >>> x_nd = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> np.round(RandomFeatures(20_000)(x_nd, x_nd), 1).tolist()  # e^(-1/2) = 0.61
    [[1.0, 0.6], [0.6, 1.0]]
    """

    number: int = 2000
    of: str = "rbf"
    length: float | None = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        _positive("RandomFeatures", length=self.length)
        if self.number < 1 or self.of not in ("rbf", "relu"):
            raise UsageError(f"RandomFeatures: expected at least 1 feature, of 'rbf' or 'relu', got {self}.")

    def features(self, x_nd: Floats) -> Floats:
        """φ(x), (n, r), scaled so that φ(x)·φ(z) estimates the kernel."""
        random = np.random.default_rng(self.seed)
        weights_dr = random.standard_normal((x_nd.shape[1], self.number))
        if self.of == "relu":
            return np.maximum(x_nd @ weights_dr / math.sqrt(x_nd.shape[1]), 0.0) * math.sqrt(4 / self.number)
        shift_r = random.uniform(0, 2 * math.pi, self.number)
        return np.cos(x_nd @ weights_dr / _known(self) + shift_r) * math.sqrt(2 / self.number)

    def __call__(self, x_nd: Floats, z_md: Floats) -> Floats:
        """The table (n, m)."""
        return self.features(x_nd) @ self.features(z_md).T
