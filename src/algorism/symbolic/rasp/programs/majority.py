"""Mode: `SOS a b b >` is continued by the most frequent token, and EOS."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..core import kqv, where
from ..functions import equals
from ..graph import Seq, tokens
from ..library import maximum, num_prev
from .example import END, EOS, SOS, Example


def mode_program() -> Seq:
    """Give, after `>`, the token whose running count is the largest; of several, the largest token."""
    x = tokens()
    counts = where(x < 0, 0, num_prev(x, x))
    winner = kqv(counts, maximum(counts), x, equals, reduction="max")
    return where(x == END, winner, EOS)


class Majority:
    """Tokens from 0..values − 1."""

    def __init__(self, values: int) -> None:
        self.values = values

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """All equal, a tie of two, a narrow majority that comes first or last, and random tokens."""
        half = length // 2
        rows = [[0] * length, [self.values - 1] * length, [0, 1] * half + [0] * (length % 2)]
        rows += [[0] * (half + 1) + [1] * (length - half - 1), [1] * (length - half - 1) + [0] * (half + 1)]
        rows += [rng.integers(0, self.values, length).tolist() for _ in range(number)]
        return [[SOS, *row, END] for row in rows]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return the most frequent token, the largest of several, and EOS."""
        counts = Counter(prompt[1:-1])
        return [max(counts, key=lambda v: (counts[v], v)), EOS]


def mode(values: int = 8) -> Example:
    """Build the mode example.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(mode().program, [SOS, 5, 2, 5, END], EOS)
    [5, -3]
    """
    return Example("most frequent token", mode_program(), Majority(values), (EOS, END, SOS, *range(values)))
