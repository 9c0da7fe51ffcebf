"""Indices: the whole number by which a model is told where each token stands.

By default that is its place in the text. An indexing may start anywhere, leave gaps, or give digits of one significance
the same number, which it learns from the format that wrote the text. Shape letters: n row, t token.
"""

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from algorism.errors import DataError, ShapeError, UsageError, nearest
from algorism.text.planes import NO_PLACE, Lengths, Part

Indices = NDArray[np.int64]
KINDS = {
    "absolute": "place in the text; with a reach, from a random start",
    "randomized": "a sorted random choice of so many numbers below the reach (arXiv 2305.16843)",
    "coupled": "a digit's place value, the same in operands and answer (position coupling, arXiv 2405.20671)",
    "abacus": "a digit's place value, 0 for all that is no digit (arXiv 2405.17399)",
}


class Placed(Protocol):
    """Texts that may know what each of their tokens is: `planes.Texts`, `words.WordTexts`."""

    @property
    def n(self) -> int:
        """Number of rows."""

    @property
    def length_n(self) -> Lengths:
        """Tokens per row."""

    @property
    def facts_nw(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Part and place of every token."""


@dataclass(frozen=True)
class Indexing:
    """A way of numbering tokens; made by `indexing_by_name`.

    Args:
        kind: a key of KINDS.
        reach: numbers stay below this; rows are moved or spread at random below it in training. None: never moved.
    """

    kind: str = "absolute"
    reach: int | None = None

    @property
    def needs_facts(self) -> bool:
        """Whether the format must say what each character is."""
        return self.kind in ("coupled", "abacus")

    def of(self, texts: Placed, width: int) -> Indices:
        """Numbers of all rows without any random move, (n, width); behind a row's end they count on.

        Raises:
            DataError: text with a scratchpad, whose digits have no place value, or not written by a format.

        >>> from algorism.tasks import Problems
        >>> from algorism.text import format_by_name
        >>> texts = format_by_name("pad+reverse+dollar").write(Problems.of("+", [54], [37]))
        >>> texts.strings(), indexing_by_name("coupled").of(texts, 13).tolist()
        (['$54+37=190$'], [[4, 2, 1, 0, 2, 1, 0, 1, 2, 3, 4, 5, 6]])
        """
        if not self.needs_facts:
            return np.tile(np.arange(width), (texts.n, 1))
        part_nt, place_nt = texts.facts_nw
        if (part_nt == Part.WORK).any():
            raise DataError(f"index {self.kind!r}: the digits of a scratchpad have no place value. Use 'absolute'.")
        index_nt = np.zeros((texts.n, max(width, part_nt.shape[1])), dtype=np.int64)
        index_nt[:, : part_nt.shape[1]] = np.where(place_nt == NO_PLACE, 0, place_nt + 1)
        if self.kind == "coupled":  # the ends follow the highest digit, by the rule by which digits follow each other
            ends_nt = np.isin(part_nt, (Part.OPENING, Part.CLOSING))
            index_nt[:, : part_nt.shape[1]] += ends_nt * (index_nt.max(axis=1, keepdims=True) + 1)
        behind_nt = np.arange(index_nt.shape[1]) - (texts.length_n[:, None] - 1)
        last_n = index_nt[np.arange(texts.n), texts.length_n - 1]
        return np.where(behind_nt > 0, last_n[:, None] + behind_nt, index_nt)[:, :width]

    def moved(self, index_nt: Indices, rng: Generator) -> Indices:
        """Numbers for training: every row moved or spread at random below the reach.

        Raises:
            ShapeError: the reach is too short for the rows.
        """
        if self.reach is None:
            return index_nt
        longest = int(index_nt.max()) + 1
        if longest > self.reach:
            raise ShapeError(
                f"text.index: '{self.kind}{self.reach}' cannot number {longest} tokens. "
                f"Use '{self.kind}{longest}' or more."
            )
        n = len(index_nt)
        if self.kind == "randomized":
            return _subsets(rng, n, longest, self.reach)[np.arange(n)[:, None], index_nt]
        start_n1 = rng.integers(0, self.reach - index_nt.max(axis=1, keepdims=True))
        return index_nt + start_n1 * ((index_nt > 0) | (self.kind != "abacus"))


def _subsets(rng: Generator, n: int, size: int, reach: int) -> Indices:
    """Uniformly random subsets of 0 … reach − 1, sorted, one per row."""
    if size * size > reach:  # too likely to draw a number twice
        return np.sort(rng.random((n, reach)).argpartition(size - 1, axis=1)[:, :size], axis=1)
    drawn_nk = np.sort(rng.integers(0, reach, (n, size)), axis=1)
    while len(twice := np.flatnonzero((drawn_nk[:, 1:] == drawn_nk[:, :-1]).any(axis=1))):
        drawn_nk[twice] = np.sort(rng.integers(0, reach, (len(twice), size)), axis=1)
    return drawn_nk


def indexing_by_name(name: str) -> Indexing:
    """Make an indexing from its name: a key of KINDS and, where rows shall be moved, a reach.

    Raises:
        UsageError: an unknown name, with the nearest known one.

    >>> indexing_by_name("coupled220")
    Indexing(kind='coupled', reach=220)
    """
    match = re.fullmatch(r"([a-z]+)(\d*)", name)
    kind = match.group(1) if match else name
    if kind not in KINDS or match is None:
        raise UsageError(f"text.index: unknown {name!r}. {nearest(kind, KINDS)}")
    if kind == "randomized" and not match.group(2):
        raise UsageError("text.index: 'randomized' needs a reach, as in 'randomized400'.")
    return Indexing(kind, int(match.group(2)) if match.group(2) else None)
