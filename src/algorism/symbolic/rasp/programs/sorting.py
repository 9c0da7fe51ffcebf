"""Sort numbers: `SOS 5 2 9 >` is continued by 2, 5, 9, EOS. One head does it, unless repeats must be counted."""

from collections.abc import Sequence

import numpy as np

from ..core import kqv, where
from ..functions import gt
from ..graph import Seq, tokens
from ..library import has_seen, num_prev
from .example import END, EOS, SOS, Example

HIDDEN = SOS  # replaces a token in a count: below every number, and never asked for where the count matters


def sort_program() -> Seq:
    """Give the smallest number above the current one."""
    x = tokens()
    return kqv(x, where(x == END, -1, x), x, gt, default=EOS, reduction="min")


def sort_repeats_program() -> Seq:
    """Repeat the current number as often as the prompt holds it, then give the next larger one.

    Identity and successor, the two primitives of sorting: see also Task Hinting (arXiv 2310.00726).
    """
    x = tokens()
    answering = has_seen(x, END)
    asked, answered = where(answering, HIDDEN, x), where(answering, x, HIDDEN)
    successor = kqv(asked, where(x == END, -1, x), asked, gt, default=EOS, reduction="min")
    return where(num_prev(answered, x) < num_prev(asked, x), x, successor)


class Sorting:
    """Numbers from 0..values − 1, distinct or not."""

    def __init__(self, values: int, repeats: bool) -> None:
        self.values, self.repeats = values, repeats

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Sorted, reversed, random; with repeats also all equal, two values, few values."""
        top = self.values - 1
        rows = [list(range(length)), [top - i for i in range(length)]]
        rows += [rng.permutation(self.values)[:length].tolist() for _ in range(number)]
        if self.repeats:
            rows += [[0] * length, [top] * length, [top, 0] * (length // 2) + [top] * (length % 2)]
            rows += [rng.integers(0, min(few, self.values), length).tolist() for few in (3, 8, 30)]
        return [[SOS, *row, END] for row in rows]

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return the sorted numbers and EOS."""
        return [*sorted(prompt[1:-1]), EOS]


def sort(values: int = 100) -> Example:
    """Build the example that sorts distinct numbers.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(sort().program, [SOS, 5, 2, 9, END], EOS)
    [2, 5, 9, -3]
    """
    return Example("sort distinct numbers", sort_program(), Sorting(values, False), (EOS, END, SOS, *range(values)))


def sort_repeats(values: int = 100) -> Example:
    """Build the example that sorts numbers with repeats.

    >>> from algorism.symbolic.rasp import sample
    >>> sample(sort_repeats().program, [SOS, 5, 2, 5, END], EOS)
    [2, 5, 5, -3]
    """
    vocab = (EOS, END, SOS, *range(values))
    return Example("sort numbers, with repeats", sort_repeats_program(), Sorting(values, True), vocab)
