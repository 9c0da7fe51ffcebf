"""What is wrong with a wrong sum, digit by digit and token by token (arXiv 2402.14903, section 4).

Digits are counted from the left, 1 for the leading one, and compared only if the answer is as long as the right one.
"""

from dataclasses import dataclass
from itertools import zip_longest

from algorism.evaluation.suites.tokenization.reading import Answered
from algorism.evaluation.suites.tokenization.sums import Sum, carries
from algorism.evaluation.suites.tokenization.writing import Direction, form, groups


@dataclass(frozen=True)
class Errors:
    """What is wrong with one answer.

    Attributes:
        length: whether the answer is as long as the right one.
        digits: numbers of the wrong digits; empty if the length is wrong.
        guess: (digit − right digit) mod 10 of the first digit behind the first whole group; None if there is none, or
            the length is wrong.
        off_by_one: number of the digit in which it is off by one, carries included; None if it is not.
        at_boundary: whether that digit is the last one of a token: a carry between tokens missed, or invented.
        dropped: the answer is the sum with one digit of one addend left out.
        left_aligned: the answer is the sum with the shorter addend written under the left end of the longer.
        chunked: groups were added each by itself and the sums joined, aligned at the left or the right.
        carry_in, carry_out: how many wrong digits stand where a carry comes in, and where one goes out to the left.
    """

    length: bool
    digits: tuple[int, ...]
    guess: int | None
    off_by_one: int | None
    at_boundary: bool
    dropped: bool
    left_aligned: bool
    chunked: bool
    carry_in: int = 0
    carry_out: int = 0

    @property
    def any(self) -> bool:
        """Whether the answer is wrong."""
        return not self.length or bool(self.digits)


def errors(value: int, answered: Answered) -> Errors:
    """Compare an answer with the right one.

    >>> given = Answered((3529456, 8302080), "", "nosep", "nosep", "nosep")
    >>> found = errors(11801536, given)
    >>> found.digits, found.guess, found.off_by_one
    ((4,), 7, None)
    """
    written, right = str(value), str(answered.truth)
    length, size = len(written) == len(right), answered.size
    wrong = tuple(at for at, (ours, theirs) in enumerate(zip(written, right), 1) if ours != theirs) if length else ()
    guess = (int(written[size]) - int(right[size])) % 10 if length and len(right) > size else None
    digit = off_by_one(value, answered.truth)
    direction = form(answered.answer, size).direction
    into, out = _carries(answered.operands, len(right))
    return Errors(
        length=length,
        digits=wrong,
        guess=guess,
        off_by_one=digit,
        at_boundary=digit is not None and ends_token(digit, len(written), direction, size),
        dropped=value != answered.truth and value in _without_a_digit(answered.operands),
        left_aligned=value == _left_aligned(answered.operands),
        chunked=value != answered.truth and value in _chunked(answered),
        carry_in=sum(into[at - 1] for at in wrong),
        carry_out=sum(out[at - 1] for at in wrong),
    )


def off_by_one(value: int, truth: int) -> int | None:
    """The digit, counted from the left of the answer, in which it is off by one; None if the error is no power of ten.

    >>> off_by_one(8365772, 8365772), off_by_one(8364772, 8365772), off_by_one(8363772, 8365772)
    (None, 4, None)
    """
    gap = str(abs(value - truth))
    return len(str(value)) - (len(gap) - 1) if gap.startswith("1") and not gap.strip("0")[1:] else None


def ends_token(digit: int, length: int, direction: Direction, size: int = 3) -> bool:
    """Whether a digit, counted from the left, is the last one of a whole token.

    >>> [digit for digit in range(1, 9) if ends_token(digit, 8, "l2r")]
    [3, 6]
    >>> [digit for digit in range(1, 9) if ends_token(digit, 8, "r2l")]
    [2, 5, 8]
    """
    return (digit if direction == "l2r" else length - digit) % size == 0


def longest_chain(operands: Sum) -> int:
    """Length of the longest run of columns that all carry.

    >>> longest_chain((1995, 5))
    3
    """
    return max(map(len, "".join(map(str, carries(*operands))).split("0")))


def _carries(operands: Sum, length: int) -> tuple[list[int], list[int]]:
    """Of each digit of the sum: whether a carry comes into its column, and whether one goes out."""
    out = carries(*operands)
    into, room = [*out, 0], [0] * length
    return [*room, *into][-length:], [*room, *out][-length:]


def _without_a_digit(operands: Sum) -> set[int]:
    first, second = operands
    return {int("0" + cut) + second for cut in _cuts(first)} | {first + int("0" + cut) for cut in _cuts(second)}


def _cuts(value: int) -> list[str]:
    text = str(value)
    return [text[:at] + text[at + 1 :] for at in range(len(text))]


def _left_aligned(operands: Sum) -> int | None:
    short, long = sorted(operands, key=lambda value: len(str(value)))
    more = len(str(long)) - len(str(short))
    return short * 10**more + long if more else None


def _chunked(answered: Answered) -> set[int]:
    """Sums of groups, joined; only where the question shows groups."""
    written = form(answered.query, answered.size)
    if not written.separator:
        return set()
    first, second = (groups(str(value), written.direction, answered.size) for value in answered.operands)
    left = [int(a) + int(b) for a, b in zip_longest(first, second, fillvalue="0")]
    right = [int(a) + int(b) for a, b in zip_longest(first[::-1], second[::-1], fillvalue="0")][::-1]
    return {int("".join(map(str, sums))) for sums in (left, right)}
