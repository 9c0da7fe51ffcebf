"""Count from one number to another: `SOS a b` is continued by a, a+1, …, b, EOS."""

from collections.abc import Sequence

import numpy as np

from ..core import indices, where
from ..graph import Seq, tokens
from ..library import index_select, lasts
from .example import EOS, SOS, Example


def count_program() -> Seq:
    """Count up from the number after SOS to the one after that.

    The last SOS is looked for, so that many examples may stand in one context.
    """
    x = tokens()
    sos = lasts(x, SOS)
    first, last = index_select(x, sos + 1), index_select(x, sos + 2)
    return where(indices(x) == sos + 2, first, where(x == last, EOS, x + 1))


class Counting:
    """Counting over `length` numbers from 0..largest."""

    def __init__(self, largest: int) -> None:
        self.largest = largest

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Start at 0, as high as possible, and anywhere."""
        highest = self.largest + 1 - length
        starts = [0, highest, *rng.integers(0, highest + 1, number).tolist()]
        return [[SOS, start, start + length - 1] for start in starts]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return the numbers and EOS."""
        return [*range(prompt[1], prompt[2] + 1), EOS]


def count(largest: int = 99) -> Example:
    """Build the counting example; `largest` may be up to 126, because one more must be an int8.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(count().program, [SOS, 4, 6], EOS)
    [4, 5, 6, -3]
    """
    vocab = (EOS, SOS, *range(largest + 1))
    return Example("count from a to b", count_program(), Counting(largest), vocab)
