"""Lists of symbols in one rectangle: short rows are filled up with −1. Shape letters: n row, t place in a list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import ShapeError

EMPTY = -1
Symbols = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Lists:
    """n lists of symbols, which are whole numbers from 0.

    Args:
        symbols_nt: int16 (n, t), each row from the left, −1 behind its end.

    >>> Lists.of([[3, 1], [2]]).symbols_nt.tolist(), Lists.of([[3, 1], [2]]).length_n.tolist()
    ([[3, 1], [2, -1]], [2, 1])
    """

    symbols_nt: Symbols

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> "Lists":
        """From Python lists.

        Raises:
            ShapeError: a symbol that is negative, or too large for 16 bits.
        """
        kept = [list(row) for row in rows]
        width = max(map(len, kept), default=0)
        wrong = next((s for row in kept for s in row if not 0 <= s < 2**15), None)
        if wrong is not None:
            raise ShapeError(f"Lists: symbols are whole numbers from 0 to 32767, got {wrong}.")
        filled = [row + [EMPTY] * (width - len(row)) for row in kept]
        return cls(np.array(filled, dtype=np.int16).reshape(len(kept), width))

    @cached_property
    def length_n(self) -> NDArray[np.int32]:
        """Symbols per row: int32 (n,)."""
        return self.filled_nt.sum(axis=1, dtype=np.int32)

    @cached_property
    def filled_nt(self) -> NDArray[np.bool_]:
        """Where a symbol stands."""
        return self.symbols_nt != EMPTY

    def __len__(self) -> int:
        return len(self.symbols_nt)

    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> "Lists":
        return Lists(self.symbols_nt[rows])

    def to_lists(self) -> list[list[int]]:
        """Python lists."""
        return [row[:length] for row, length in zip(self.symbols_nt.tolist(), self.length_n.tolist(), strict=True)]

    def strings(self) -> list[str]:
        """Each list as text, symbols separated by a space."""
        return [" ".join(map(str, row)) for row in self.to_lists()]

    @staticmethod
    def concat(parts: Sequence["Lists"]) -> "Lists":
        """All rows, in order."""
        width = max((p.symbols_nt.shape[1] for p in parts), default=0)
        return Lists(np.concatenate([_widened(p.symbols_nt, width) for p in parts]))

    @staticmethod
    def single(symbols_n: NDArray[Any]) -> "Lists":
        """One symbol per row; a row with −1 is empty."""
        return Lists(np.asarray(symbols_n, dtype=np.int16)[:, None])

    @staticmethod
    def nothing(n: int) -> "Lists":
        """Empty lists, n of them."""
        return Lists(np.empty((n, 0), dtype=np.int16))


def packed(symbols_nt: NDArray[Any], keep_nt: NDArray[np.bool_]) -> Lists:
    """The kept symbols of each row, moved together to the left.

    >>> packed(np.array([[5, 6, 7]]), np.array([[True, False, True]])).to_lists()
    [[5, 7]]
    """
    length_n = keep_nt.sum(axis=1)
    out_nt = np.full((len(symbols_nt), int(length_n.max(initial=0))), EMPTY, dtype=np.int16)
    out_nt[np.arange(out_nt.shape[1]) < length_n[:, None]] = symbols_nt[keep_nt]
    return Lists(out_nt)


def _widened(symbols_nt: Symbols, width: int) -> Symbols:
    return np.pad(symbols_nt, ((0, 0), (0, width - symbols_nt.shape[1])), constant_values=EMPTY)
