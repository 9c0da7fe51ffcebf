"""Test inputs: 0/1 vectors by their ones, and inputs scaled to length 1. Shape letters: t inputs; k bits."""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError, UsageError
from .kernels import Floats, checked_bits


def hot_inputs(bits: int, ones: int = 2) -> NDArray[np.bool_]:
    """Every input with exactly so many ones, in lexicographic order of their places.

    Returns:
        (bits choose ones, bits) booleans.

    Raises:
        UsageError: for more ones than bits, or more than five million inputs.

    >>> hot_inputs(3).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    bits = checked_bits(bits)
    if not 1 <= ones <= bits or comb(bits, ones) > 5_000_000:
        raise UsageError(
            f"hot_inputs: expected 1 <= ones <= {bits} and at most 5,000,000 inputs, got {ones} ones and "
            f"{comb(bits, max(0, ones)):,} inputs."
        )
    places_tn = np.array(list(combinations(range(bits), ones)))
    inputs_tk = np.zeros((len(places_tn), bits), dtype=bool)
    np.put_along_axis(inputs_tk, places_tn, True, axis=1)
    return inputs_tk


def all_inputs(bits: int) -> NDArray[np.bool_]:
    """All 2^k − 1 inputs that are not zero, counting up with the last bit fastest.

    Raises:
        UsageError: for more than 20 bits.

    >>> all_inputs(2).astype(int).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    if checked_bits(bits) > 20:
        raise UsageError(f"all_inputs: {bits} bits have 2^{bits} inputs; at most 20 bits can be listed.")
    numbers_t = np.arange(1, 1 << bits)
    return (numbers_t[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(bool)


def unit_rows(x_tk: ArrayLike) -> Floats:
    """Inputs scaled to length 1.

    Raises:
        ShapeError: unless they are a matrix.
        UsageError: for an input of zeros, which has no direction.

    >>> unit_rows([[3, 4]]).tolist()
    [[0.6, 0.8]]
    """
    x_tk = np.asarray(x_tk, dtype=float)
    if x_tk.ndim != 2 or 0 in x_tk.shape:
        raise ShapeError(f"Expected inputs as a matrix with one input a row, got shape {x_tk.shape}.")
    length_t1 = np.linalg.norm(x_tk, axis=1, keepdims=True)
    if not np.isfinite(length_t1).all() or (length_t1 == 0).any():
        raise UsageError("Every test input must be finite and have at least one entry that is not 0.")
    return x_tk / length_t1
