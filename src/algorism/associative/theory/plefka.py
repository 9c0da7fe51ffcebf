"""Mean magnetisations of one given network, from Plefka's expansion: what Monte Carlo averages, without its noise.

First order, "naive" mean field: x_i = tanh(β h_i(x)), the field of a state taken at the magnetisations. Second order
adds the reaction of the other neurons on neuron i (Thouless, Anderson, Palmer 1977; for p-spin models in the
replica-symmetric form): x_i = tanh[β h_i(x) − β²γ (P(P−1)/2) q^{P−2} (1 − q) x_i], q the mean of x². For P = 2 the
reaction is summed to all orders, β γ C/(1 − C), C = β(1 − q) (Mézard, Parisi, Virasoro 1987).

The fields come in three kinds. "plain" takes −(N/2) Σ A^P, coincident neurons left in: right at low load, ruinous at
K ~ N^{P−1}. "hermite" removes pairs of coincident neurons on average: A^{P−1} becomes the Hermite polynomial of A with
variance (1/N²) Σ w²x², which for magnetisations of ±1 is N^{−(P−1)/2} He_{P−1}(√N A). "distinct" leaves out all
coincidences, i itself among them, exactly, through Newton's identities.

Shape letters: b start, k pattern, n neuron.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError, UsageError, nearest

from .checks import Floats, checked, checked_orders
from .fixed_point import fixed_points

Fields = Literal["plain", "hermite", "distinct"]
_BLOCK = 1 << 21  # numbers held at a time by the exact fields


@dataclass(frozen=True)
class Magnetisations:
    """Where the iteration ended.

    Attributes:
        x_bn: mean of every spin.
        residual_b: largest change of a spin when the equations are applied once more.
        converged_b: whether that is at most the tolerance.
        iterations_b: sweeps.
    """

    x_bn: Floats
    residual_b: Floats
    converged_b: NDArray[np.bool_]
    iterations_b: NDArray[np.int64]


def plefka(
    weights_kn: ArrayLike,
    order: int,
    beta: float,
    start_bn: ArrayLike,
    *,
    expansion: Literal["first", "second"] = "second",
    fields: Fields = "distinct",
    damping: float = 0.5,
    tolerance: float = 1e-8,
    sweeps: int = 1_000,
) -> Magnetisations:
    """Iterate the mean-field equations of a network from given states.

    Args:
        weights_kn: w, archetypes or normalised average examples (unit variance).
        order: P.
        beta: inverse temperature, finite.
        start_bn: magnetisations in [−1, 1], such as an archetype; one may stand alone.
        expansion: "first" or "second" order.
        fields: "plain", "hermite" or "distinct"; the second order needs "distinct" for P = 2.
        damping: share of the old values kept at each sweep.
        tolerance: largest residual of a converged point.
        sweeps: at most.

    Raises:
        UsageError, ShapeError: for arguments out of range or shapes that do not fit.

    >>> xi_kn = np.where(np.random.default_rng(0).random((3, 2_000)) < 0.5, 1, -1)
    >>> found = plefka(xi_kn, order=2, beta=2.0, start_bn=xi_kn[0], expansion="first")
    >>> bool(found.converged_b[0]), bool(abs((found.x_bn[0] @ xi_kn[0]) / 2_000 - 0.9575) < 0.01)  # m = tanh 2m
    (True, True)
    """
    p = int(checked_orders(order))
    inverse = float(checked("beta", beta, 0, above=True, below=True))
    w_kn, x_bn = checked("weights_kn", weights_kn), np.atleast_2d(checked("start_bn", start_bn, -1, 1))
    if w_kn.ndim != 2 or x_bn.ndim != 2 or x_bn.shape[1] != w_kn.shape[1]:
        raise ShapeError(f"weights_kn {w_kn.shape} and start_bn {x_bn.shape} must be matrices of equal width.")
    for name, known, what in (("expansion", ("first", "second"), expansion), ("fields", tuple(_FIELDS), fields)):
        if what not in known:
            raise UsageError(f"There is no {name} {what!r}. {nearest(str(what), known)}")
    if expansion == "second" and fields != "distinct" and p == 2:
        raise UsageError("The second order for P = 2 needs fields='distinct': the reaction replaces the self-coupling.")
    patterns, neurons = w_kn.shape
    gamma = math.factorial(p) * patterns / (2 * float(neurons) ** (p - 1))
    field = _FIELDS[fields]

    def update(now_bn: Floats) -> Floats:
        h_bn = field(w_kn, now_bn, p)
        if expansion == "second":
            h_bn = h_bn - _reaction(now_bn, p, inverse, gamma)[:, None] * now_bn
        return np.tanh(inverse * h_bn)

    roots = fixed_points(lambda rows: update, x_bn, damping=damping, tolerance=tolerance, sweeps=sweeps, leap=False)
    return Magnetisations(*roots)


def _reaction(x_bn: Floats, p: int, beta: float, gamma: float) -> Floats:
    q_b = (x_bn**2).mean(1)
    c_b = beta * (1 - q_b)
    return gamma * (c_b / (1 - c_b) if p == 2 else p * (p - 1) / 2 * q_b ** (p - 2) * c_b)


def _plain(w_kn: Floats, x_bn: Floats, p: int) -> Floats:
    """(P/2) Σ w A^{P−1}."""
    return p / 2 * (x_bn @ w_kn.T / x_bn.shape[1]) ** (p - 1) @ w_kn


def _hermite(w_kn: Floats, x_bn: Floats, p: int) -> Floats:
    """The same with H_{k+1} = A H_k − k v H_{k−1}, v = Σ w²x²/N², in the place of powers."""
    neurons = x_bn.shape[1]
    a_bk = x_bn @ w_kn.T / neurons
    v_bk = x_bn**2 @ (w_kn**2).T / neurons**2
    before_bk, now_bk = np.ones_like(a_bk), a_bk
    for k in range(1, p - 1):
        before_bk, now_bk = now_bk, a_bk * now_bk - k * v_bk * before_bk
    return p / 2 * now_bk @ w_kn


def _distinct(w_kn: Floats, x_bn: Floats, p: int) -> Floats:
    """(P!/2N^{P−1}) Σ w e_{P−1} of u_j = w_j x_j over j ≠ i."""
    neurons = x_bn.shape[1]
    out_bn = np.zeros_like(x_bn)
    step = max(1, _BLOCK // w_kn.size * len(w_kn))
    for b, x_n in enumerate(x_bn):
        for first in range(0, len(w_kn), step):
            w_in = w_kn[first : first + step]
            u_in = w_in * x_n / neurons  # divided early: high orders would overflow
            sums = [(u_in**k).sum(1) for k in range(1, p)]
            e = [np.ones(len(w_in))]
            for k in range(1, p):
                e.append(sum((-1) ** (j - 1) * e[k - j] * sums[j - 1] for j in range(1, k + 1)) / k)
            without_in = np.ones_like(u_in)  # e_k over all but i: e_k − u_i e_{k−1}(without i)
            for k in range(1, p):
                without_in = e[k][:, None] - u_in * without_in
            out_bn[b] += (w_in * without_in).sum(0)
    return math.factorial(p) / 2 * out_bn


_FIELDS: dict[str, Callable[[Floats, Floats, int], Floats]] = {
    "plain": _plain,
    "hermite": _hermite,
    "distinct": _distinct,
}
