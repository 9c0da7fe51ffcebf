"""Addition with index hints, the answer reversed or forward.

Every digit follows a hint that names its place, the same in both operands and in the answer. Both operands are padded
with zeros to one digit more than the longer one. 54 + 37 with first hint −60:

    SOS −60 0 −61 5 −62 4 + −60 0 −61 3 −62 7 =    reverse: −62 1 −61 9 −60 0 EOS    forward: −60 0 −61 9 −62 1 EOS

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), section 5, where hints start at −100. That leaves
28 hints before int8 ends; from −60 there are 69.
"""

from collections.abc import Sequence

import numpy as np

from ....errors import UsageError, nearest
from ..core import kqv, where
from ..functions import equals
from ..graph import Seq, tokens
from ..library import cumsum, firsts, has_seen, index_select, induct, shift_right
from .example import EOS, EQUALS, PLUS, SOS, Example

ORDERS = ("reverse", "forward")
FIRST_HINT = -60
NO_PLACE = 1  # stands where a hint is looked for and there is none; hints are negative


def addition_program(order: str, first_hint: int = FIRST_HINT) -> Seq:
    """Add digit by digit.

    Args:
        order: "reverse" or "forward", of the answer's digits.
        first_hint: of the leftmost digit; the next places have the next smaller tokens.

    Reverse: the carry into a place follows from the pair sum of the place before and the digit just written. Forward:
    it comes from the nearest place to the right whose pair sum is not 9, which is found by numbering those places.
    """
    x = tokens()
    before = shift_right(x, 1)
    is_hint, is_digit = x <= first_hint, (x >= 0) & (x <= 9)
    # The latest separator: EQUALS is the smaller token and comes later.
    separator = kqv((x == PLUS) | (x == EQUALS), 1, x, equals, reduction="min")
    second = (separator == PLUS) & is_digit

    # At a digit of the second operand: the digit of the first operand after the same hint, and the sum of both.
    # Masked before they are added, because elsewhere both may be hints, whose sum is no int8.
    aligned = induct(x, before, 1)
    pair = where(second, aligned, 0) + where(second, x, 0)

    # At a hint: where its digit stands in the second operand, and the pair sum there.
    place = firsts(where(separator == PLUS, x, NO_PLACE), x, default=-2) + 1
    here = index_select(pair, place)

    start: Seq | int
    if order == "reverse":
        # At the first hint, two back stands a digit, for which `here` is 0.
        last = shift_right(here, 2)
        carry = (last > 9) | ((last == 9) & (before == 0))
        start = shift_right(x, 2)
        following = where(before == first_hint, EOS, before + 1)
    else:
        breaks = where(second, pair != 9, 0)
        number = cumsum(breaks)
        sender = index_select(number, place) + 1
        carry = kqv(where(breaks, number, 0), sender, pair > 9, equals)
        start = first_hint
        following = where(has_seen(x, before - 1), before - 1, EOS)
    digit = (here + carry) % 10
    return where(is_hint, digit, where(x == EQUALS, start, following))


class Addition:
    """Two operands, the longer one with `length` digits."""

    def __init__(self, order: str, first_hint: int) -> None:
        self.order, self.first_hint = order, first_hint

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Zeros, nines, nine pair sums with a carry into their chain or without, chains anywhere, random digits."""
        nines, one = "9" * length, "1".rjust(length, "0")
        pairs = [("0" * length, "0" * length), (nines, one), (one, nines), (nines, nines), (nines, "0" * length)]
        for _ in range(number):
            a = rng.integers(0, 10, length)
            b = 9 - a  # every pair sum is 9 but where a digit is drawn again
            again = rng.integers(0, length, rng.integers(1, 4))
            b[again] = rng.integers(0, 10, len(again))
            pairs.append(("".join(map(str, a)), "".join(map(str, 9 - a))))
            pairs.append(("".join(map(str, a)), "".join(map(str, b))))
            a, b = rng.integers(0, 10, (2, length))
            pairs.append(("".join(map(str, a)), "".join(map(str, b))[: rng.integers(1, length + 1)]))
        return [self.prompt(int(a), int(b), length) for a, b in pairs]

    def prompt(self, a: int, b: int, length: int) -> list[int]:
        """Write a question; `length` digits must suffice for both operands."""
        return [SOS, *self.hinted(a, length + 1), PLUS, *self.hinted(b, length + 1), EQUALS]

    def hinted(self, value: int, places: int) -> list[int]:
        """Write a number with its hints, the most significant digit first."""
        digits = [int(d) for d in str(value).rjust(places, "0")]
        return [token for i, d in enumerate(digits) for token in (self.first_hint - i, d)]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Add with Python's integers."""
        plus = list(prompt).index(PLUS)
        a, b = prompt[2:plus:2], prompt[plus + 2 : -1 : 2]
        total = int("".join(map(str, a))) + int("".join(map(str, b)))
        forward = self.hinted(total, len(a))
        if self.order == "forward":
            return [*forward, EOS]
        return [token for i in range(len(a))[::-1] for token in forward[2 * i : 2 * i + 2]] + [EOS]


def addition(order: str = "reverse", digits: int = 60, first_hint: int = FIRST_HINT) -> Example:
    """Build the addition example.

    Args:
        order: "reverse" or "forward", of the answer's digits.
        digits: most digits of an operand.
        first_hint: hints are first_hint, first_hint − 1, …, one for each digit and one more.

    Raises:
        UsageError: an unknown order; hints that do not fit int8, or would be mistaken for other tokens.

    >>> from algorism.symbolic.rasp import sample
    >>> prompt = [SOS, -60, 0, -61, 5, -62, 4, PLUS, -60, 0, -61, 3, -62, 7, EQUALS]
    >>> sample(addition("reverse").program, prompt, EOS)
    [-62, 1, -61, 9, -60, 0, -3]
    """
    if order not in ORDERS:
        raise UsageError(f"addition: unknown order {order!r}. {nearest(str(order), ORDERS)}")
    if not EQUALS > first_hint >= digits - 127:
        raise UsageError(
            f"addition: {digits} digits need hints {first_hint}..{first_hint - digits}; expected them between -127 and "
            f"{EQUALS - 1}. Use at most {first_hint + 127} digits or a first_hint of {digits - 127} or more."
        )
    hints = range(first_hint - digits, first_hint + 1)
    vocab = (*hints, EQUALS, PLUS, EOS, SOS, *range(10))
    summary = f"addition with index hints, {order} answer"
    return Example(summary, addition_program(order, first_hint), Addition(order, first_hint), vocab)
