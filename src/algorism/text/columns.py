"""Column-by-column working of a sum or difference, as planes: what the scratchpads print.

Shape letters: n row. Column 0 is the units. `Steps` holds, per column, the digits, the carry that goes in, the digit
and the carry that come out; rows with fewer columns have holes in the texts made from it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorism.tasks.numbers import U8, Bools, Numbers
from algorism.text.draft import Written
from algorism.text.planes import Plane, constant

Lengths = NDArray[np.int32]


@dataclass(frozen=True)
class Steps:
    """A sum or difference worked out column by column.

    Attributes:
        a_dn: digits of the first operand, 0 where it has none.
        b_dn: digits of the second.
        carry_in_dn: carry (or borrow, as 1) that a column takes in.
        carry_out_dn: carry or borrow it gives on; at the top of a difference 1 says that the digit is negative.
        digit_dn: the digit written; at the top of a difference its magnitude (up to 10).
        length_n: columns per row, that of the longer operand.
    """

    a_dn: U8
    b_dn: U8
    carry_in_dn: U8
    carry_out_dn: U8
    digit_dn: U8
    length_n: Lengths

    @property
    def places(self) -> int:
        """Columns of the longest row."""
        return int(self.length_n.max(initial=1))

    def top(self, place: int) -> Bools:
        """Rows whose last column this is."""
        return self.length_n == place + 1

    def present(self, place: int) -> Bools | None:
        """Rows that have this column; None for all of them."""
        return None if int(self.length_n.min(initial=1)) > place else self.length_n > place


def written_length(written: Written) -> Lengths:
    """Digits of each number as written, zero padding included."""
    if written.width:
        return np.full(len(written.numbers), written.width, dtype=np.int32)
    return written.numbers.length_n


def steps(operator: str, a: Written, b: Written) -> Steps:
    """Work out a + b, or a - b in which the top column does not borrow, as the paper's scratchpads do."""
    length_n = np.maximum(written_length(a), written_length(b))
    d = int(length_n.max(initial=1))
    a_dn, b_dn = a.numbers.widened(d).digits_dn[:d], b.numbers.widened(d).digits_dn[:d]
    carry_n = np.zeros(a_dn.shape[1], dtype=np.uint8)
    ins, outs, digits = [], [], []
    for place in range(d):
        ins.append(carry_n)
        if operator == "+":
            total_n = a_dn[place] + b_dn[place] + carry_n
            carry_n = (total_n > 9).view(np.uint8)
            digits.append(total_n - carry_n * np.uint8(10))
        else:
            total_s = a_dn[place].astype(np.int8) - b_dn[place].astype(np.int8) - carry_n.astype(np.int8)
            carry_n = (total_s < 0).view(np.uint8)
            borrowed_s = total_s + carry_n.view(np.int8) * np.int8(10)
            # A top digit is left below zero; its magnitude is kept and carry_out says the sign.
            digits.append(np.where(length_n == place + 1, np.abs(total_s), borrowed_s).astype(np.uint8))
        outs.append(carry_n)
    return Steps(a_dn, b_dn, np.stack(ins), np.stack(outs), np.stack(digits), length_n)


def one_digit(value_n: U8, present_n: Bools | None) -> Plane:
    """The character of a digit 0-9 per row."""
    char_n = value_n + np.uint8(48)
    return char_n if present_n is None else char_n * present_n


def small_number(value_n: NDArray[np.integer], present_n: Bools | None, minus_n: Bools | None = None) -> list[Plane]:
    """Planes of a number per row, as many digits as the largest needs, with a minus where `minus_n`."""
    numbers = Numbers.from_small(value_n.astype(np.int64))
    shown_n = np.ones(len(value_n), dtype=np.bool_) if present_n is None else present_n
    planes: list[Plane] = []
    if minus_n is not None and minus_n.any():
        planes += constant("-", minus_n & shown_n)
    for place in range(numbers.places - 1, -1, -1):
        written_n = shown_n & (numbers.length_n > place)
        planes.append((numbers.digits_dn[place] + np.uint8(48)) * written_n)
    return planes


def list_planes(numbers: Numbers, length_n: Lengths, start: int = 0, present_n: Bools | None = None) -> list[Plane]:
    """Digits of each row's number as a list, "[1,2,8]", without the last `start` places; "[]" if none is left."""
    shown_n = length_n if present_n is None else np.where(present_n, length_n, 0)
    planes = constant("[", present_n)
    digits_dn = numbers.widened(int(length_n.max(initial=1))).digits_dn
    for place in range(int(length_n.max(initial=1)) - 1, start - 1, -1):
        here_n = shown_n > place
        planes.append((digits_dn[place] + np.uint8(48)) * here_n)
        if place > start:
            planes += constant(",", here_n)
    return [*planes, *constant("]", present_n)]


def answer_list(worked: Steps, done: int, signed_top: bool, present_n: Bools | None = None) -> list[Plane]:
    """The digits found after `done` columns as a list, latest first: "[9,5]".

    With `signed_top` the last column of a difference shows its sign, "[-3,6,1]".
    """
    everyone_n = np.ones(len(worked.length_n), dtype=np.bool_) if present_n is None else present_n
    planes = constant("[", present_n)
    for place in range(done - 1, -1, -1):
        here_n = everyone_n & (worked.length_n > place)
        if signed_top:
            minus_n = worked.top(place) & (worked.carry_out_dn[place] == 1)
            planes += small_number(worked.digit_dn[place], here_n, minus_n)
        else:
            planes.append(one_digit(worked.digit_dn[place], here_n))
        if place:
            planes += constant(",", here_n)
    return [*planes, *constant("]", present_n)]
