"""Numbers as digits, most significant first, and what all functions here agree on about sums.

A sum of k numbers of l digits is written in l + 1 places: a *lead*, then l digits. The lead is the carry out of the
most significant place, 0 … k − 1: for up to as many numbers as the base, an ordinary digit.

Shape letters: b any leading dimensions, k number, l place, s place of a sum (l + 1).
"""

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError


def to_digits(numbers: list[int], length: int, base: int = 10) -> Tensor:
    """Digits of whole numbers of any size, (n, l).

    Raises:
        DataError: a number is negative or needs more digits.
        UsageError: no length, or a base below 2.

    >>> to_digits([42, 7], length=3).tolist()
    [[0, 4, 2], [0, 0, 7]]
    """
    if length < 1 or base < 2:
        raise UsageError(f"Digits need a length of at least 1 and a base of at least 2, got {length} and {base}.")
    rows = []
    for number in numbers:
        rest, row = number, []
        for _ in range(length):
            rest, digit = divmod(rest, base)
            row.append(digit)
        if rest:  # also -1, of a negative number
            raise DataError(f"{number} is no number of {length} digits in base {base}.")
        rows.append(row[::-1])
    return torch.tensor(rows, dtype=torch.long).view(len(rows), length)


def from_digits(digits_ns: Tensor, base: int = 10) -> list[int]:
    """The whole numbers, of any size, that rows of digits stand for. The first may be a lead of more than one digit.

    >>> from_digits(torch.tensor([[0, 4, 2], [12, 0, 7]]))
    [42, 1207]
    """
    found = []
    for row in digits_ns.tolist():
        number = 0
        for digit in row:
            number = number * base + digit
        found.append(number)
    return found


def digits_of_sum(digits_bkl: Tensor, base: int = 10) -> Tensor:
    """Add numbers digit by digit: lead and digits of their sum, (b, l + 1).

    Raises:
        ShapeError: no numbers or no places.
        DataError: something that is no digit of the base.

    >>> digits_of_sum(torch.tensor([[[3, 8], [4, 5]]])).tolist()
    [[0, 8, 3]]
    """
    if digits_bkl.dim() < 2 or 0 in digits_bkl.shape[-2:]:
        raise ShapeError(f"Numbers to add have shape (…, numbers, places), got {tuple(digits_bkl.shape)}.")
    if digits_bkl.is_floating_point() or bool(((digits_bkl < 0) | (digits_bkl >= base)).any()):
        raise DataError(f"Digits in base {base} are whole numbers from 0 to {base - 1}.")
    totals_bl = digits_bkl.long().sum(-2)
    carry_b = torch.zeros_like(totals_bl[..., 0])
    found = []
    for total_b in totals_bl.flip(-1).unbind(-1):
        carry_b, digit_b = (total_b + carry_b) // base, (total_b + carry_b) % base
        found.append(digit_b)
    return torch.stack([carry_b, *found[::-1]], -1)
