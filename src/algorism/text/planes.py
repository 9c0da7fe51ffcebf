"""Texts as character planes: plane k holds the k-th character of every row, 0 where a row has none ("a hole").

A plane is an int (the same character in all rows) or a uint8 array (n,). Holes are squeezed out to the left only when
the rows are needed, for all rows at once. Shape letters: n row, w character, t token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError
from algorism.tasks.numbers import U8

Plane = int | U8
NO_PLACE = -1


class Part(IntEnum):
    """The parts of a written problem."""

    OPENING = 0
    FIRST = 1
    SYMBOL = 2
    SECOND = 3
    EQUALS = 4
    WORK = 5
    ANSWER = 6
    CLOSING = 7


Fact = tuple[Part, int]  # part of the row, and place of the digit (NO_PLACE for none)
Lengths = NDArray[np.int32]

_BUBBLE_LIMIT = 100  # hole planes up to which shifting planes is faster than a boolean mask (measured, n = 8192)


@dataclass(frozen=True, eq=False)
class Texts:
    """n texts, each a prompt and a completion.

    Args:
        planes: the characters, prompt first.
        prompt_planes: how many of the planes belong to the prompt.
        n: number of rows.
        facts: gives what each plane is, when asked; None where nobody knows.

    >>> texts = Texts([ord("a"), np.array([0, 98], dtype=np.uint8), ord("=")], 2, 2)
    >>> texts.strings(), texts.prompts(), texts.completions()
    (['a=', 'ab='], ['a', 'ab'], ['=', '='])
    """

    planes: Sequence[Plane]
    prompt_planes: int
    n: int
    facts: Callable[[], Sequence[Fact]] | None = None

    @cached_property
    def holes(self) -> list[int]:
        """Indices of the planes in which some row has no character."""
        return [k for k, (low, _) in enumerate(self.bounds) if low == 0 and self.n]

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """Lowest and highest code of each plane; all-digit blocks are looked at once and give wider bounds."""
        found: list[tuple[int, int]] = []
        blocks: dict[int, tuple[int, int] | None] = {}  # by identity of the array that a plane is a row of
        for plane in self.planes:
            if isinstance(plane, int):
                found.append((plane, plane))
                continue
            block = plane.base
            if id(block) not in blocks:
                blocks[id(block)] = _digit_bounds(block, plane)
            found.append(blocks[id(block)] or _bounds(plane))
        return found

    @cached_property
    def chars_nw(self) -> U8:
        """Code points, uint8 (n, w), each row from the left, filled up with 0; w is the longest row."""
        return pack(squeeze(self.planes, self.holes, self.n), self.n)

    @cached_property
    def length_n(self) -> Lengths:
        """Characters per row: int32 (n,)."""
        return self._filled(len(self.planes))

    @cached_property
    def prompt_n(self) -> Lengths:
        """Characters of the prompt per row: int32 (n,)."""
        return self._filled(self.prompt_planes)

    @cached_property
    def facts_nw(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Part and place of every character, int32 (n, w) each; -1 behind a row's end.

        Raises:
            DataError: for texts that were not written by a format.
        """
        if self.facts is None:
            raise DataError("facts: these texts were not written by a format, so nobody knows what each character is.")
        full_np = pack(self.planes, self.n) != 0
        kept_nw = np.arange(int(self.length_n.max(initial=0))) < self.length_n[:, None]
        tables = []
        for column in zip(*self.facts(), strict=True):
            table_nw = np.full(kept_nw.shape, -1, dtype=np.int32)
            table_nw[kept_nw] = np.broadcast_to(np.array(column, dtype=np.int32), full_np.shape)[full_np]
            tables.append(table_nw)
        return tables[0], tables[1]

    def strings(self) -> list[str]:
        """Whole rows."""
        return self._cut(np.zeros(self.n, dtype=np.int32), self.length_n)

    def prompts(self) -> list[str]:
        """The prompt of each row."""
        return self._cut(np.zeros(self.n, dtype=np.int32), self.prompt_n)

    def completions(self) -> list[str]:
        """What follows the prompt in each row."""
        return self._cut(self.prompt_n, self.length_n)

    def __len__(self) -> int:
        return self.n

    def _filled(self, end: int) -> Lengths:
        length_n = np.full(self.n, end, dtype=np.int32)
        for k in self.holes:
            plane = self.planes[k]
            if k < end and not isinstance(plane, int):
                length_n -= plane == 0
        return length_n

    def _cut(self, start_n: Lengths, end_n: Lengths) -> list[str]:
        width, raw = self.chars_nw.shape[1], self.chars_nw.tobytes().decode("latin-1")
        starts, ends = start_n.tolist(), end_n.tolist()
        return [raw[i * width + s : i * width + e] for i, (s, e) in enumerate(zip(starts, ends, strict=True))]


def _bounds(codes: U8) -> tuple[int, int]:
    # The reductions run many bytes at a time; all() does not, and the methods min() and max() add a call.
    return (int(np.minimum.reduce(codes, None)), int(np.maximum.reduce(codes, None))) if codes.size else (1, 0)


def _digit_bounds(block: object, plane: U8) -> tuple[int, int] | None:
    """Bounds of the whole array that a plane is a row of, if it holds digits only; None if not."""
    if not isinstance(block, np.ndarray) or block.dtype != np.uint8 or block.shape[-1:] != plane.shape:
        return None
    low, high = _bounds(block)
    return (low, high) if low >= 48 and high <= 57 else None


def constant(text: str, present_n: NDArray[np.bool_] | None = None) -> list[Plane]:
    """Planes that write `text` in every row, or only in the rows where `present_n` is true."""
    if present_n is None:
        return list(text.encode("latin-1"))
    return [present_n * np.uint8(ord(c)) for c in text]


def masked(planes: Sequence[Plane], present_n: NDArray[np.bool_]) -> list[Plane]:
    """The same planes with holes wherever `present_n` is false."""
    return [np.uint8(p) * present_n if isinstance(p, int) else p * present_n for p in planes]


def squeeze(planes: Sequence[Plane], holes: Sequence[int], n: int) -> list[Plane]:
    """Move every row's characters left over its holes; trailing planes that end up empty are dropped.

    Args:
        planes: any planes in which 0 means "nothing here" (characters or token ids).
        holes: indices of the planes that have holes.
        n: number of rows.
    """
    if not holes or not n:
        return list(planes)
    if len(holes) <= _BUBBLE_LIMIT:
        return _bubble(planes, holes, n)
    return _mask(planes, n)


def _bubble(planes: Sequence[Plane], holes: Sequence[int], n: int) -> list[Plane]:
    """Close one plane of holes after the other, last first, by byte-wise selection: three fast passes for each."""
    first = holes[0]
    head, w = list(planes[:first]), len(planes) - first
    work_wn = np.empty((w + 1, n), dtype=np.uint8)
    work_wn[w] = 0
    for k, plane in enumerate(planes[first:]):
        work_wn[k] = plane
    swap_wn = np.empty((w, n), dtype=np.uint8)
    for hole in reversed(holes):
        at = hole - first
        # 0xFF where this plane is empty: there, everything behind moves one to the left.
        move_n = (work_wn[at] == 0).view(np.uint8) * np.uint8(255)
        here_wn, swap = work_wn[at:w], swap_wn[at:w]
        np.bitwise_xor(here_wn, work_wn[at + 1 : w + 1], out=swap)
        np.bitwise_and(swap, move_n, out=swap)
        np.bitwise_xor(here_wn, swap, out=here_wn)
    while w and work_wn[w - 1].max() == 0:
        w -= 1
    return [*head, *work_wn[:w]]


def _mask(planes: Sequence[Plane], n: int) -> list[Plane]:
    """Squeeze by a boolean mask over the whole (n, w) table: cost does not grow with the number of holes."""
    table_nw = pack(planes, n)
    full_nw = table_nw != 0
    length_n = full_nw.sum(axis=1)
    width = int(length_n.max(initial=0))
    out_nw = np.zeros((n, width), dtype=table_nw.dtype)
    out_nw[np.arange(width) < length_n[:, None]] = table_nw[full_nw]
    return list(out_nw.T)


def pack(planes: Sequence[Plane], n: int, into_nw: U8 | None = None) -> U8:
    """Store planes side by side as rows: uint8 (n, w), in the first w columns of `into_nw` if it has as many."""
    width = len(planes)
    fits = into_nw is not None and into_nw.shape[1] >= width
    table_nw = into_nw[:, :width] if into_nw is not None and fits else np.empty((n, width), dtype=np.uint8)
    for k, plane in enumerate(planes):
        table_nw[:, k] = plane
    return table_nw
