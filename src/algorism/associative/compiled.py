"""The inner loop of sequential updates, compiled by numba where it is installed (`pip install algorism[fast]`).

Plain functions on arrays, all with the same arguments; `kernel` compiles the one that an order needs. Loops over
patterns are innermost and free of branches, so that they become vector instructions.

Shape letters: b replica, k pattern, l power, n neuron.
"""

import functools
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import UsageError

Array = NDArray[Any]
_STEP, _TERM = 5e-5, 2e-9  # seconds of the torch sweeper for a step, and in it for each replica and pattern
_COMPILING = 1.0  # seconds
_REASSOCIATE = {"reassoc", "contract", "nsz"}  # a sum over patterns may be added up in any order; NaNs stay NaNs


def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def pays(order: int, dtypes: tuple[object, ...], steps: int, terms: int) -> bool:
    """Whether to compile for so many steps of replicas times patterns terms; what is compiled already always pays."""
    if not available():
        return False
    return (_python_kernel(order), dtypes) in _ready or steps * (_STEP + _TERM * terms) > _COMPILING


def kernel(order: int, dtypes: tuple[object, ...] = ()) -> Callable[..., None]:
    """The compiled sweep of an order; `dtypes` of patterns and sums only say what `pays` may count as compiled.

    Raises:
        UsageError: if numba is not installed.
    """
    if not available():
        raise UsageError("backend='compiled' needs numba. Install algorism[fast], or use backend='torch'.")
    _ready.add((_python_kernel(order), dtypes))
    return _compile(_python_kernel(order))


_ready: set[tuple[Callable[..., None], tuple[object, ...]]] = set()


@functools.cache
def _compile(function: Callable[..., None]) -> Callable[..., None]:
    import numba

    return numba.njit(function, nogil=True, fastmath=_REASSOCIATE, error_model="numpy")


def _python_kernel(order: int) -> Callable[..., None]:
    return {2: pairwise, 4: quartic}.get(order, any_order)


def pairwise(
    v_nk: Array,
    weights_k: Array,
    even_lk: Array,
    odd_blk: Array,
    sigma_bn: Array,
    order_n: Array,
    noise_nb: Array,
    half_temperature: float,
    scale: float,
    order: int,
    first: int,
    last: int,
) -> None:
    """P = 2: h_i = (1/N) Σ_k c_k v_i (p_1 − v_i σ_i). Changes `odd_blk` and `sigma_bn` of replicas first … last − 1."""
    neurons, patterns = v_nk.shape
    weighted_k, twice_k = np.empty_like(weights_k), np.empty_like(weights_k)
    for step in range(neurons):
        i = order_n[step]
        own = 0.0
        for k in range(patterns):
            weighted_k[k] = weights_k[k] * v_nk[i, k]
            twice_k[k] = v_nk[i, k] + v_nk[i, k]
            own += weighted_k[k] * v_nk[i, k]
        for b in range(first, last):
            sums_k = odd_blk[b, 0]
            total = weighted_k[0] * 0
            for k in range(patterns):
                total += weighted_k[k] * sums_k[k]
            spin = sigma_bn[b, i]
            x = scale / neurons * (total - own * spin) + half_temperature * noise_nb[step, b]
            if x == 0:
                x = noise_nb[step, b]
            if x > 0 and spin < 0:
                sigma_bn[b, i] = 1
                for k in range(patterns):
                    sums_k[k] += twice_k[k]
            elif x <= 0 and spin > 0:
                sigma_bn[b, i] = -1
                for k in range(patterns):
                    sums_k[k] -= twice_k[k]


def quartic(
    v_nk: Array,
    weights_k: Array,
    even_lk: Array,
    odd_blk: Array,
    sigma_bn: Array,
    order_n: Array,
    noise_nb: Array,
    half_temperature: float,
    scale: float,
    order: int,
    first: int,
    last: int,
) -> None:
    """P = 4: h_i = (2/N³) Σ_k c_k v_i (q_1³ − 3 q_1 q_2 + 2 q_3), q_l = p_l − u_i^l."""
    neurons, patterns = v_nk.shape
    cubes = odd_blk.shape[1] - 1  # 0 where p_3 is p_1
    weighted_k, v_k = np.empty_like(weights_k), np.empty_like(weights_k)
    cube_k, triple_k = np.empty_like(weights_k), np.empty_like(weights_k)
    factor = scale * 2.0 / (float(neurons) * neurons * neurons)
    for step in range(neurons):
        i = order_n[step]
        for k in range(patterns):
            v_k[k] = v_nk[i, k]
            weighted_k[k] = weights_k[k] * v_k[k]
            cube_k[k] = v_k[k] * v_k[k] * v_k[k]
            triple_k[k] = 3 * (even_lk[0, k] - v_k[k] * v_k[k])
        for b in range(first, last):
            p1_k, p3_k = odd_blk[b, 0], odd_blk[b, cubes]
            spin = sigma_bn[b, i]
            total = weighted_k[0] * 0
            if spin > 0:
                for k in range(patterns):
                    q1, q3 = p1_k[k] - v_k[k], p3_k[k] - cube_k[k]
                    total += weighted_k[k] * ((q1 * q1 - triple_k[k]) * q1 + (q3 + q3))
            else:
                for k in range(patterns):
                    q1, q3 = p1_k[k] + v_k[k], p3_k[k] + cube_k[k]
                    total += weighted_k[k] * ((q1 * q1 - triple_k[k]) * q1 + (q3 + q3))
            x = factor * total + half_temperature * noise_nb[step, b]
            if x == 0:
                x = noise_nb[step, b]
            if x > 0 and spin < 0:
                sigma_bn[b, i] = 1
                for k in range(patterns):
                    p1_k[k] += v_k[k] + v_k[k]
                if cubes:
                    for k in range(patterns):
                        p3_k[k] += cube_k[k] + cube_k[k]
            elif x <= 0 and spin > 0:
                sigma_bn[b, i] = -1
                for k in range(patterns):
                    p1_k[k] -= v_k[k] + v_k[k]
                if cubes:
                    for k in range(patterns):
                        p3_k[k] -= cube_k[k] + cube_k[k]


def any_order(
    v_nk: Array,
    weights_k: Array,
    even_lk: Array,
    poly_bjk: Array,
    sigma_bn: Array,
    order_n: Array,
    noise_nb: Array,
    half_temperature: float,
    scale: float,
    order: int,
    first: int,
    last: int,
) -> None:
    """Any even P. The state is not power sums but e_1 … e_{P−1} of u/N: leaving a neuron out of them is O(P).

    E(t) = F(t)(1 + u t/N) with F of the others, hence f_j = e_j − (u/N) f_{j−1}; with the neuron flipped, e_j is
    f_j − (u/N) f_{j−1}.
    """
    neurons, patterns = v_nk.shape
    u_k, f_k, weighted_k = np.empty(patterns), np.empty(patterns), np.empty(patterns)
    factor = scale * math.gamma(order + 1.0) / 2
    for step in range(neurons):
        i = order_n[step]
        for k in range(patterns):
            weighted_k[k] = weights_k[k] * v_nk[i, k]
        for b in range(first, last):
            spin = sigma_bn[b, i]
            for k in range(patterns):
                u_k[k] = spin * float(v_nk[i, k]) / neurons
                f_k[k] = 1.0
            for j in range(order - 1):
                e_k = poly_bjk[b, j]
                for k in range(patterns):
                    f_k[k] = e_k[k] - u_k[k] * f_k[k]
            total = 0.0
            for k in range(patterns):
                total += weighted_k[k] * f_k[k]
            x = factor * total + half_temperature * noise_nb[step, b]
            if x == 0:
                x = noise_nb[step, b]
            if (x > 0) == (spin > 0):
                continue
            sigma_bn[b, i] = -spin
            for k in range(patterns):
                f_k[k] = 1.0
            for j in range(order - 1):
                e_k = poly_bjk[b, j]
                for k in range(patterns):
                    without = e_k[k] - u_k[k] * f_k[k]
                    e_k[k] = without - u_k[k] * f_k[k]
                    f_k[k] = without
