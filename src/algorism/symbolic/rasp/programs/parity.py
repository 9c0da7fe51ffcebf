"""Parity with a scratchpad and index hints.

A hint stands before every bit. The answer names the ones in order, by their hints, and flips a sign at each; the last
sign is the parity, `−` for odd. Bits 0 1 1 with hints 10, 11, 12:

    SOS 10 0 11 1 12 1 >    + 11 − 12 + EOS

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), section 5.
"""

from collections.abc import Sequence

import numpy as np

from ..core import indices, kqv, where
from ..functions import gt
from ..graph import Seq, tokens
from ..library import firsts, index_select, shift_right
from .example import END, EOS, MINUS, PLUS, SOS, Example

FIRST_HINT = 10


def parity_program() -> Seq:
    """After a sign, name the next one; after a hint, flip the sign before it."""
    x = tokens()
    before = shift_right(x, 1)
    # Position of the bit that the last hint named; 0 before the first, where `>` stands instead of a hint.
    done = where(before == END, 0, firsts(x, before) + 1)
    one = kqv(where(x == 1, indices(x), -1), done, indices(x), gt, default=-1, reduction="min")
    hint = index_select(x, one - 1, default=EOS)
    sign = where(before == PLUS, MINUS, PLUS)
    return where(x == END, PLUS, where(x >= FIRST_HINT, sign, hint))


class Parity:
    """Bits, with a run of hints from a random start."""

    def __init__(self, hints: int) -> None:
        self.hints = hints

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """No ones, all ones, one at either end, alternating, random bits."""
        rows = [[0] * length, [1] * length, [1] + [0] * (length - 1), [0] * (length - 1) + [1]]
        rows += [[i % 2 for i in range(length)], *rng.integers(0, 2, (number, length)).tolist()]
        starts = rng.integers(0, self.hints - length + 1, len(rows)).tolist()
        return [
            [SOS, *(token for i, bit in enumerate(row) for token in (FIRST_HINT + start + i, bit)), END]
            for row, start in zip(rows, starts)
        ]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Walk through the bits."""
        out, odd = [PLUS], False
        for hint, bit in zip(prompt[1:-1:2], prompt[2:-1:2]):
            if bit:
                odd = not odd
                out += [hint, MINUS if odd else PLUS]
        return [*out, EOS]


def parity(hints: int = 80) -> Example:
    """Build the parity example; `hints` must exceed the longest input and may be up to 118.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(parity().program, [SOS, 10, 0, 11, 1, 12, 1, END], EOS)
    [-4, 11, -5, 12, -4, -3]
    """
    vocab = (MINUS, PLUS, EOS, END, SOS, 0, 1, *range(FIRST_HINT, FIRST_HINT + hints))
    return Example("parity with scratchpad and index hints", parity_program(), Parity(hints), vocab)
