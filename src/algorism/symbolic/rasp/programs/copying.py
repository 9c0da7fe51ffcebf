"""Copy a sequence of distinct tokens: `SOS a b c >` is continued by a, b, c, EOS."""

from collections.abc import Sequence

import numpy as np

from ..core import where
from ..graph import Seq, tokens
from ..library import induct
from .example import END, EOS, SOS, Example


def copy_program() -> Seq:
    """Give the token after the first occurrence of the current one; `>` starts as if it were SOS.

    With repeated tokens the first occurrence may be the wrong one; no short program is known for those.
    """
    x = tokens()
    following = induct(x, where(x == END, SOS, x), 1)
    return where(following == END, EOS, following)


class Copying:
    """Distinct tokens from 0..values − 1."""

    def __init__(self, values: int) -> None:
        self.values = values

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Rising, falling and random orders."""
        draws = [rng.permutation(self.values)[:length].tolist() for _ in range(number)]
        rows = [list(range(length)), list(range(self.values))[::-1][:length], *draws]
        return [[SOS, *row, END] for row in rows]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return what stands between SOS and `>`, and EOS."""
        return [*prompt[1:-1], EOS]


def copy(values: int = 100) -> Example:
    """Build the copying example.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(copy().program, [SOS, 7, 2, 9, END], EOS)
    [7, 2, 9, -3]
    """
    return Example("copy distinct tokens", copy_program(), Copying(values), (EOS, END, SOS, *range(values)))
