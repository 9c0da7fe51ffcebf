"""Exact sums, differences and products of whole columns of numbers, digit plane by digit plane.

Cost is linear in the digits for + and -, quadratic for *; no Python integer per row. Operands here are not negative
(signed ones take the scalar route of `operators`). Shape letters: d decimal place, n row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.tasks.numbers import U8, Bools, Numbers


def add(a: Numbers, b: Numbers) -> Numbers:
    """Sums, with one digit plane more than the longer operand (zero where no carry came out).

    >>> add(Numbers.from_ints([128, 999]), Numbers.from_ints([367, 1])).to_ints()
    [495, 1000]
    """
    long, short = (a.digits_dn, b.digits_dn) if a.places >= b.places else (b.digits_dn, a.digits_dn)
    d, n = long.shape
    out_dn = np.empty((d + 1, n), dtype=np.uint8)
    carry_n = np.zeros(n, dtype=np.uint8)
    for place in range(d):
        row_n = out_dn[place]
        np.add(long[place], carry_n, out=row_n)
        if place < len(short):
            row_n += short[place]
        # A bool viewed as uint8 is the carry itself: no copy.
        carry_n = (row_n > 9).view(np.uint8)
        row_n -= carry_n * np.uint8(10)
    out_dn[d] = carry_n
    return Numbers(out_dn, None, a.decimals)


def subtract(a: Numbers, b: Numbers) -> Numbers:
    """Differences a - b, negative where b is larger.

    >>> subtract(Numbers.from_ints([128, 367]), Numbers.from_ints([367, 128])).to_ints()
    [-239, 239]
    """
    a_dn, b_dn = a.widened(b.places).digits_dn, b.widened(a.places).digits_dn
    out_dn, borrow_n = _borrowing(a_dn, b_dn)
    negative_n = borrow_n.view(np.bool_)
    if not negative_n.any():
        return Numbers(out_dn, None, a.decimals)
    # Where the last borrow stays open, out_dn holds 10^d - |a - b|: take the ten's complement of those rows.
    carry_n = borrow_n.copy()
    for row_n in out_dn:
        flipped_n = np.uint8(9) - row_n + carry_n
        carry_n = carry_n & (flipped_n > 9).view(np.uint8)
        row_n[:] = np.where(negative_n, np.where(flipped_n > 9, 0, flipped_n), row_n)
    return Numbers(out_dn, negative_n, a.decimals)


def multiply(a: Numbers, b: Numbers) -> Numbers:
    """Products, schoolbook by columns; decimals add up.

    >>> multiply(Numbers.from_ints([12, 99]), Numbers.from_ints([36, 99])).to_ints()
    [432, 9801]
    """
    n, places = len(a), a.places + b.places
    # A column holds at most 81 per digit pair plus its carry (< 9 per pair), so uint16 is enough below 728 digits.
    wide = np.uint16 if min(a.places, b.places) < 700 else np.uint64
    a_wide_dn, b_wide_dn = a.digits_dn.astype(wide), b.digits_dn.astype(wide)
    out_dn = np.zeros((places, n), dtype=np.uint8)
    carry_n: NDArray[Any] = np.zeros(n, dtype=wide)
    product_n: NDArray[Any] = np.empty(n, dtype=wide)
    for place in range(places):
        total_n = carry_n
        for i in range(max(0, place - b.places + 1), min(place, a.places - 1) + 1):
            np.multiply(a_wide_dn[i], b_wide_dn[place - i], out=product_n)
            total_n += product_n
        carry_n = total_n // wide(10)
        out_dn[place] = total_n - carry_n * wide(10)
    return Numbers(out_dn, None, a.decimals + b.decimals)


def carry_flags(operator: str, a: Numbers, b: Numbers) -> U8:
    """Per column, whether a carry (+) or borrow (-, larger minus smaller) leaves it: uint8 (d, n) of 0 and 1.

    >>> carry_flags("+", Numbers.from_ints([95, 12]), Numbers.from_ints([5, 9])).T.tolist()
    [[1, 1], [1, 0]]
    """
    a_dn, b_dn = a.widened(b.places).digits_dn, b.widened(a.places).digits_dn
    if operator == "-":
        _, open_n = _borrowing(a_dn, b_dn)
        swap_n = open_n.view(np.bool_)
        a_dn, b_dn = np.where(swap_n, b_dn, a_dn), np.where(swap_n, a_dn, b_dn)
    flags_dn = np.empty(a_dn.shape, dtype=np.uint8)
    carry_n = np.zeros(a_dn.shape[1], dtype=np.uint8)
    for place in range(len(a_dn)):
        if operator == "-":
            carry_n = (a_dn[place] < b_dn[place] + carry_n).view(np.uint8)
        else:
            carry_n = (a_dn[place] + b_dn[place] + carry_n > 9).view(np.uint8)
        flags_dn[place] = carry_n
    return flags_dn


def longest_run(flags_dn: U8 | Bools) -> NDArray[np.int32]:
    """Length of the longest run of ones down each column of planes: int32 (n,)."""
    run_n = np.zeros(flags_dn.shape[1], dtype=np.int32)
    best_n = run_n.copy()
    for flag_n in flags_dn:
        run_n = (run_n + 1) * flag_n
        np.maximum(best_n, run_n, out=best_n)
    return best_n


def _borrowing(a_dn: U8, b_dn: U8) -> tuple[U8, U8]:
    """(a - b) mod 10^d by planes, and the borrow that stays open at the top (1 where b > a)."""
    out_dn = np.empty_like(a_dn)
    borrow_n = np.zeros(a_dn.shape[1], dtype=np.uint8)
    for place in range(len(a_dn)):
        taken_n = b_dn[place] + borrow_n
        borrow_n = (a_dn[place] < taken_n).view(np.uint8)
        np.subtract(a_dn[place] + borrow_n * np.uint8(10), taken_n, out=out_dn[place])
    return out_dn, borrow_n
