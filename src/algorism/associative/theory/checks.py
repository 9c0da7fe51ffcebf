"""What the theory asks of its arguments. NumPy only; numbers and arrays alike."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError, UsageError

Floats = NDArray[np.float64]
LARGEST_ORDER = 64
LARGEST_PATTERNS = 10  # 3^10 = 59,049 kinds of neurons are enumerated; each further pattern triples them


def checked(
    name: str, value: ArrayLike, low: float = -np.inf, high: float = np.inf, *, above: bool = False, below: bool = False
) -> Floats:
    """Numbers in [low, high]; `above` and `below` leave out the ends. An infinite end that is not left out is allowed.

    Raises:
        UsageError: otherwise, or for NaN and what is no number.
    """
    try:
        given = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{name} must be a number or an array of numbers, got {value!r}.") from None
    right = (given > low if above else given >= low) & (given < high if below else given <= high)
    if not right.all():
        span = f"{'(' if above else '['}{low:g}, {high:g}{')' if below else ']'}"
        raise UsageError(f"{name} must lie in {span}, got {given[~right].ravel()[0]:g}.")
    return given


def checked_temperature(beta: ArrayLike) -> Floats:
    """T = 1/β for inverse temperatures β > 0; β = ∞ is the noiseless limit.

    Raises:
        UsageError: otherwise.
    """
    return 1 / checked("beta", beta, 0, above=True)


def checked_orders(order: ArrayLike) -> Floats:
    """Even interaction orders P from 2 to 64.

    Raises:
        UsageError: otherwise.
    """
    given = checked("order", order, 2, LARGEST_ORDER)
    if (given % 2 != 0).any():
        raise UsageError(f"order must be even (an odd one has no σ → −σ symmetry), got {given[given % 2 != 0][0]:g}.")
    return given


def checked_patterns(patterns: int) -> int:
    """A number of patterns K from 1 to 10.

    Raises:
        UsageError: otherwise.
    """
    number = checked("patterns", patterns, 1)
    if number.ndim or number != np.floor(number):
        raise UsageError(f"patterns must be a whole number, got {patterns!r}.")
    if number > LARGEST_PATTERNS:
        raise UsageError(
            f"patterns must be at most {LARGEST_PATTERNS}, got {patterns}: the 3^K kinds of neurons are enumerated. "
            "Beyond that use Monte Carlo (associative.dynamics)."
        )
    return int(number)


def together(*arrays: Any) -> tuple[tuple[int, ...], list[Floats]]:
    """The common shape of some arrays, and each of them as one row of that many numbers.

    Raises:
        ShapeError: if they do not broadcast.
    """
    try:
        whole = np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(np.shape(a)) for a in arrays)
        raise ShapeError(f"These arguments do not broadcast to one shape: {shapes}.") from None
    return whole[0].shape, [np.array(a, dtype=np.float64).ravel() for a in whole]
