"""Sudoku puzzles that are right or nearly so, made of labelled things such as images of digits.

A right puzzle is a full grid; each of its cells takes a thing of its label that no other puzzle has. Every right puzzle
has a corrupted copy, in which labels are replaced or cells swapped until two equal labels stand in one row, column or
block. Parts (for training, testing …) share no thing.

Shape letters: p puzzle, c cell (row by row), n thing, f pair of cells that must differ.

Source: the recipe of the Visual Sudoku puzzles (Augustine et al., NeSy 2022), read in its released generator.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError, UsageError

Ints = NDArray[np.int64]
MOST_CHANGES = 10


@dataclass(frozen=True, eq=False)
class SudokuPuzzles:
    """Full grids, each right one followed by its corrupted copy.

    Args:
        size: rows, columns and different labels.
        labels_pc: label of each cell, 0 … size − 1.
        things_pc: which thing stands in each cell.
        right_p: whether the puzzle is right.
        notes: for each puzzle "solved", "replace(k)" or "swap(k)", with the number of changes.
    """

    size: int
    labels_pc: Ints
    things_pc: Ints
    right_p: NDArray[np.bool_]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Number of puzzles."""
        return len(self.labels_pc)


def sudoku_pairs(size: int) -> Ints:
    """Pairs of cells in one row, column or block, (f, 2): 56 for 4 × 4, 810 for 9 × 9.

    Raises:
        UsageError: the size is not 4, 9, 16 or another square from 4 on.

    >>> len(sudoku_pairs(4)), len(sudoku_pairs(9))
    (56, 810)
    """
    return np.array(_pairs(size))


def is_right(labels_pc: ArrayLike, size: int) -> NDArray[np.bool_]:
    """Whether no row, column or block holds a label twice, (p,)."""
    cells_pc = np.asarray(labels_pc)
    first_f, second_f = sudoku_pairs(size).T
    return np.asarray((cells_pc[..., first_f] != cells_pc[..., second_f]).all(-1))


def random_grid(size: int, rng: np.random.Generator) -> list[int]:
    """A right grid: cells filled in order with a random label that is still allowed, from the start at a dead end.

    >>> grid = random_grid(4, np.random.default_rng(0))
    >>> bool(is_right([grid], 4)[0])
    True
    """
    before = [[] for _ in range(size * size)]  # type: list[list[int]]
    for first, second in _pairs(size):
        before[second].append(first)
    while True:
        grid: list[int] = []
        chances = rng.random(size * size).tolist()
        for cell, chance in enumerate(chances):
            taken = {grid[other] for other in before[cell]}
            allowed = [label for label in range(size) if label not in taken]
            if not allowed:
                break
            grid.append(allowed[int(chance * len(allowed))])
        if len(grid) == size * size:
            return grid


def sudoku_parts(
    labels_n: ArrayLike, size: int, counts: Mapping[str, int], seed: int, *, chance: float = 0.5
) -> dict[str, SudokuPuzzles]:
    """Puzzles for each part.

    Args:
        labels_n: labels of the things; those from `size` on are not used.
        size: 4, 9, ….
        counts: right puzzles of each part; as many corrupted ones are added.
        seed: the same seed gives the same puzzles.
        chance: that one more change is made after each change of a corrupted puzzle, at most 10 in all.

    Raises:
        UsageError: a size or count that cannot be, or a chance outside 0 to 1 (1 excluded).
        DataError: too few things of a label.

    >>> parts = sudoku_parts([0, 1, 2, 3] * 100, 4, {"train": 5, "test": 2}, seed=0)
    >>> len(parts["train"]), parts["test"].right_p.tolist()
    (10, [True, False, True, False])
    """
    if not counts or min(counts.values()) < 1 or not 0 <= chance < 1:
        raise UsageError(f"Each part needs at least one puzzle, and a chance below 1; got {dict(counts)} and {chance}.")
    _pairs(size)
    rng = np.random.default_rng(seed)
    labels_n = np.asarray(labels_n)
    by_label = [rng.permutation(np.flatnonzero(labels_n == label)) for label in range(size)]
    needed = size * sum(counts.values())
    for label, things in enumerate(by_label):
        if len(things) < needed:
            raise DataError(
                f"{sum(counts.values())} puzzles of size {size} need {needed} things of each label, but there are "
                f"{len(things)} of label {label}; ask for fewer puzzles."
            )
    parts, start = {}, 0
    for name, count in counts.items():
        parts[name] = _part(size, [things[start : start + size * count] for things in by_label], count, chance, rng)
        start += size * count
    return parts


def _part(size: int, things: list[Ints], count: int, chance: float, rng: np.random.Generator) -> SudokuPuzzles:
    labels, chosen, notes = [], [], []
    unused = [iter(of_label.tolist()) for of_label in things]
    for _ in range(count):
        grid = np.array(random_grid(size, rng))
        used = np.array([next(unused[label]) for label in grid])
        labels.append(grid)
        chosen.append(used)
        notes.append("solved")
        wrong_grid, wrong_used, note = _corrupted(size, grid, used, things, chance, rng)
        labels.append(wrong_grid)
        chosen.append(wrong_used)
        notes.append(note)
    right_p = np.arange(2 * count) % 2 == 0
    return SudokuPuzzles(size, np.stack(labels), np.stack(chosen), right_p, tuple(notes))


def _corrupted(
    size: int, grid: Ints, used: Ints, things: list[Ints], chance: float, rng: np.random.Generator
) -> tuple[Ints, Ints, str]:
    swaps = bool(rng.random() < 0.5)
    cells = size * size
    most = min(MOST_CHANGES, cells // 2 if swaps else cells)
    while True:
        changes = 1
        while changes < most and rng.random() < chance:
            changes += 1
        wrong, taken = grid.copy(), used.copy()
        at = rng.permutation(cells)[: changes * (1 + swaps)]  # no cell is changed twice
        if swaps:
            one, other = at[:changes], at[changes:]
            wrong[one], wrong[other] = grid[other], grid[one]
            taken[one], taken[other] = used[other], used[one]
        else:
            wrong[at] = (grid[at] + rng.integers(1, size, changes)) % size
            taken[at] = [rng.choice(things[label]) for label in wrong[at]]
        if not is_right(wrong, size):
            return wrong, taken, f"{'swap' if swaps else 'replace'}({changes})"


@lru_cache
def _pairs(size: int) -> tuple[tuple[int, int], ...]:
    block = math.isqrt(max(size, 0))
    if size < 4 or block * block != size:
        raise UsageError(f"A Sudoku has a square number of rows from 4 on, such as 4 or 9, got {size}.")

    def meet(one: int, other: int) -> bool:
        (row, column), (row_2, column_2) = divmod(one, size), divmod(other, size)
        same_block = (row // block, column // block) == (row_2 // block, column_2 // block)
        return row == row_2 or column == column_2 or same_block

    cells = range(size * size)
    return tuple((one, other) for one in cells for other in cells if one < other and meet(one, other))
