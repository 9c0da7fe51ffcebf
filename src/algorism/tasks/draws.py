"""Random digits, fast: several digits from one 16-bit draw. Shape letters: d decimal place, n row.

Rows are independent and every number in range is equally likely; the same generator state gives the same digits.
"""

import numpy as np
from numpy.random import Generator

from algorism.errors import UsageError
from algorism.tasks.numbers import U8, Bools, Numbers

_AT_ONCE = 4  # digits per draw: 10^4 values fit uint16


def digits(rng: Generator, places: int, n: int) -> U8:
    """Uniform digits, uint8 (places, n).

    >>> digits(np.random.default_rng(0), 20, 3).shape
    (20, 3)
    """
    out_dn = np.empty((places, n), dtype=np.uint8)
    for start in range(0, places, _AT_ONCE):
        _split(rng.integers(0, 10 ** min(_AT_ONCE, places - start), n, dtype=np.uint16), out_dn[start:][:_AT_ONCE])
    return out_dn


def between(rng: Generator, lengths: tuple[int, int], n: int) -> Numbers:
    """Uniform integers among all those written with lengths[0] to lengths[1] digits (0 has one digit).

    Raises:
        UsageError: for an impossible range of lengths.

    >>> between(np.random.default_rng(0), (3, 3), 4).length_n.tolist()
    [3, 3, 3, 3]
    """
    low, high = lengths
    if not 1 <= low <= high:
        raise UsageError(f"digits: expected 1 <= shortest <= longest, got {low} and {high}.")
    if high <= _AT_ONCE:
        out_dn = np.empty((high, n), dtype=np.uint8)
        _split(rng.integers(10 ** (low - 1) if low > 1 else 0, 10**high, n, dtype=np.uint16), out_dn)
        return Numbers(out_dn)
    if low == high:
        out_dn = digits(rng, high, n)
        out_dn[-1] = rng.integers(1, 10, n, dtype=np.uint8)
        return Numbers(out_dn)
    out_dn = digits(rng, high, n)
    # Rejection keeps the distribution exact: at most one draw in ten is too short, so few rounds are needed.
    if low == 1:
        return Numbers(out_dn)
    short_n: Bools = ~np.any(out_dn[low - 1 :], axis=0)
    while short_n.any():
        rows = np.flatnonzero(short_n)
        fresh_dn = digits(rng, high, len(rows))
        out_dn[:, rows] = fresh_dn
        short_n[rows] = ~fresh_dn[low - 1 :].any(axis=0)
    return Numbers(out_dn)


def of_lengths(rng: Generator, length_n: np.ndarray, places: int | None = None) -> Numbers:
    """For each row a uniform integer with exactly that many digits (0 counts as one digit).

    >>> of_lengths(np.random.default_rng(0), np.array([1, 5, 30])).length_n.tolist()
    [1, 5, 30]
    """
    width = int(length_n.max()) if places is None else places
    out_dn = digits(rng, width, len(length_n))
    lead_n = rng.integers(1, 10, len(length_n), dtype=np.uint8)
    for place in range(width):
        out_dn[place] *= length_n > place
        if place:
            np.copyto(out_dn[place], lead_n, where=length_n == place + 1)
    return Numbers(out_dn)


def _split(value_n: np.ndarray, out_dn: U8) -> None:
    """Write the decimal digits of uint16 values below 10^len(out_dn) into out_dn, last digit first."""
    places = len(out_dn)
    if places > 2:
        # Once below 100 a value fits uint8, where division by a constant is fastest.
        upper_n = value_n // np.uint16(100)
        _split_pair((value_n - upper_n * np.uint16(100)).astype(np.uint8), out_dn[:2])
        _split_pair(upper_n.astype(np.uint8), out_dn[2:])
    else:
        _split_pair(value_n.astype(np.uint8), out_dn)


def _split_pair(value_n: U8, out_dn: U8) -> None:
    if len(out_dn) == 1:
        out_dn[0] = value_n
        return
    np.floor_divide(value_n, np.uint8(10), out=out_dn[1])
    np.subtract(value_n, out_dn[1] * np.uint8(10), out=out_dn[0])
