"""Random digits, fast: several digits from one 16-bit draw. Shape letters: d decimal place, n row.

Rows are independent and every number in range is equally likely; the same generator state gives the same digits.
"""

import numpy as np
from numpy.random import MT19937, Generator
from numpy.typing import NDArray

from algorism.errors import UsageError
from algorism.tasks.numbers import U8, Bools, Numbers

_AT_ONCE = 3  # digits per draw: of 2^16 values only 536 are left over by 10^3, but 5536 by 10^4
_DIRECT = 4  # digits up to which a whole number is one draw


def digits(rng: Generator, places: int, n: int) -> U8:
    """Uniform digits, uint8 (places, n).

    >>> digits(np.random.default_rng(0), 20, 3).shape
    (20, 3)
    """
    out_dn = np.empty((places, n), dtype=np.uint8)
    for start in range(0, places, _AT_ONCE):
        _split(_below(rng, 10 ** min(_AT_ONCE, places - start), n), out_dn[start:][:_AT_ONCE])
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
    if high <= _DIRECT:
        out_dn = np.empty((high, n), dtype=np.uint8)
        first = 10 ** (low - 1) if low > 1 else 0
        value_n = _below(rng, 10**high - first, n)
        if first:
            value_n += np.uint16(first)
        _split(value_n, out_dn)
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


def _below(rng: Generator, bound: int, n: int) -> NDArray[np.uint16]:
    """Uniform integers in [0, bound), bound <= 10^4: remainders of 16 random bits, those left over drawn again.

    Half the time of `rng.integers`, which is most of the time of a batch of short problems.
    """
    if isinstance(rng.bit_generator, MT19937):  # its raw words hold 32 bits, not 64
        return rng.integers(0, bound, n, dtype=np.uint16)
    bits_n = rng.bit_generator.random_raw(n // 4 + 1).view(np.uint16)[:n]
    divisor, fair = np.uint16(bound), 65536 - 65536 % bound
    value_n = bits_n - bits_n // divisor * divisor
    if fair < 65536:
        rows = np.flatnonzero(bits_n >= np.uint16(fair))
        if len(rows):
            value_n[rows] = rng.integers(0, bound, len(rows), dtype=np.uint16)
    return value_n


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
