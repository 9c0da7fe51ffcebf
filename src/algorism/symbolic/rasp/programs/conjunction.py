"""AND of bits: the answer is one token, and there are no special tokens."""

from collections.abc import Sequence

import numpy as np

from ..core import kqv
from ..functions import equals
from ..graph import Seq, tokens
from .example import Example


def and_program() -> Seq:
    """Give 1 unless a 0 has been seen."""
    return kqv(tokens(), 0, 0, equals, default=1)


class Conjunction:
    """Bits."""

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """All ones, one zero at either end or anywhere, all zeros, random bits."""
        rows = [[1] * length, [0] + [1] * (length - 1), [1] * (length - 1) + [0], [0] * length]
        for place in rng.integers(0, length, number).tolist():
            rows.append([int(i != place) for i in range(length)])
        return rows + rng.integers(0, 2, (number, length)).tolist()

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return whether all are 1."""
        return [int(all(prompt))]


def conjunction() -> Example:
    """Build the AND example.

    >>> from algorism.symbolic.rasp import run
    >>> run(conjunction().program, [1, 1, 0, 1]).tolist()
    [1, 1, 0, 0]
    """
    return Example("AND of bits", and_program(), Conjunction(), (0, 1), eos=None)
