"""Problems on lists as columns, and one of them as a person would hold it. Knows nothing of text."""

from collections.abc import Sequence as PySequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from algorism.errors import ShapeError
from algorism.tasks.sequences.lists import Lists


@dataclass(frozen=True)
class Sequence:
    """One problem: the list, what is asked of it, what the question is about (hints only), and the answer."""

    asked: str
    question: tuple[int, ...]
    argument: tuple[int, ...]
    answer: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Sequences:
    """n problems of one rule, some of which may ask a hint of the rule instead.

    Args:
        rule: name of the rule.
        question: the lists.
        argument: what is asked about: a key for "recall", a symbol for most hints; often empty.
        answer: the right answers.
        asked: names of what is asked; the first is the rule.
        asked_n: int8 (n,), place in `asked`.
        size_n: int32 (n,), the length of the problem as its rule counts it.
    """

    rule: str
    question: Lists
    argument: Lists
    answer: Lists
    asked: tuple[str, ...]
    asked_n: NDArray[np.int8]
    size_n: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.question)

    @overload
    def __getitem__(self, rows: int) -> Sequence: ...
    @overload
    def __getitem__(self, rows: slice | NDArray[Any] | PySequence[int]) -> "Sequences": ...
    def __getitem__(self, rows: int | slice | NDArray[Any] | PySequence[int]) -> "Sequence | Sequences":
        """One problem for an integer; problems for a slice, an index array or a mask."""
        if isinstance(rows, (int, np.integer)):
            row = int(rows)
            if not -len(self) <= row < len(self):
                raise IndexError(f"Sequences: row {row} of {len(self)}")
            one = self[[row % len(self)]]
            lists = [tuple(part.to_lists()[0]) for part in (one.question, one.argument, one.answer)]
            return Sequence(self.asked[int(one.asked_n[0])], *lists)
        return Sequences(
            self.rule,
            self.question[rows],
            self.argument[rows],
            self.answer[rows],
            self.asked,
            self.asked_n[rows],
            self.size_n[rows],
        )

    def keys(self) -> NDArray[np.uint64]:
        """A 64-bit mix of each problem's question, kind and argument: uint64 (n,); equal problems have equal keys.

        Two different problems share a key with probability 2^-64, and then count as the same.
        """
        key_n = self.asked_n.astype(np.uint64) + np.uint64(1)
        for lists in (self.question, self.argument):
            for place in range(lists.symbols_nt.shape[1]):
                symbol_n = lists.symbols_nt[:, place]
                there_n = symbol_n >= 0
                mixed_n = _mix(key_n * np.uint64(0x9E3779B97F4A7C15) + symbol_n.astype(np.uint64) + np.uint64(2))
                key_n = np.where(there_n, mixed_n, key_n)  # filling does not count
            key_n = _mix(key_n + np.uint64(0xD6E8FEB86659FD93))
        return key_n

    @staticmethod
    def concat(parts: PySequence["Sequences"]) -> "Sequences":
        """All problems, in order.

        Raises:
            ShapeError: if there are none, or their rules differ.
        """
        if len({(p.rule, p.asked) for p in parts}) != 1:
            raise ShapeError(f"Sequences.concat: expected one rule, got {[p.rule for p in parts]}.")
        return Sequences(
            parts[0].rule,
            Lists.concat([p.question for p in parts]),
            Lists.concat([p.argument for p in parts]),
            Lists.concat([p.answer for p in parts]),
            parts[0].asked,
            np.concatenate([p.asked_n for p in parts]),
            np.concatenate([p.size_n for p in parts]),
        )


def _mix(x_n: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finishing steps of splitmix64 (Steele, Lea and Flood 2014)."""
    x_n = (x_n ^ (x_n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x_n = (x_n ^ (x_n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x_n ^ (x_n >> np.uint64(31))
