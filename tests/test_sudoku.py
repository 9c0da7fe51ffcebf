"""Puzzles against Sudoku's rules written out anew; the checker against the rule base and against plain counting."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.symbolic.possibilistic import RuleInference, learn, normalise
from algorism.symbolic.possibilistic.sudoku import SudokuChecker, sudoku_rules
from algorism.tasks.sudoku import is_right, random_grid, sudoku_pairs, sudoku_parts

SOLVED_9 = [
    int(digit) - 1 for digit in "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
]  # the solution of the puzzle in Wikipedia's article on Sudoku


def units(size: int) -> list[list[int]]:
    """Rows, columns and blocks as lists of cells."""
    block, n = int(size**0.5), range(size)
    rows = [[size * r + c for c in n] for r in n]
    columns = [list(column) for column in zip(*rows)]
    starts = [size * block * i + block * j for i in range(block) for j in range(block)]
    return rows + columns + [[s + size * r + c for r in range(block) for c in range(block)] for s in starts]


def right(grid: list[int], size: int) -> bool:
    return all(len({grid[cell] for cell in unit}) == size for unit in units(size))


@pytest.mark.parametrize(("size", "count"), [(4, 56), (9, 810)])
def test_pairs_are_those_of_the_units(size, count):
    wanted = {pair for unit in units(size) for pair in itertools.combinations(sorted(unit), 2)}
    assert {tuple(pair) for pair in sudoku_pairs(size).tolist()} == wanted
    assert len(wanted) == count


def test_is_right_by_units():
    rng = np.random.default_rng(0)
    grids = [random_grid(4, rng) for _ in range(20)] + rng.integers(0, 4, (200, 16)).tolist()
    assert is_right(grids, 4).tolist() == [right(grid, 4) for grid in grids]
    assert is_right([SOLVED_9, SOLVED_9[::-1], [0] * 81], 9).tolist() == [True, True, False]


def test_all_288_small_grids_are_drawn():
    rng = np.random.default_rng(1)
    assert len({tuple(random_grid(4, rng)) for _ in range(6000)}) == 288


def test_large_grids_are_right():
    assert right(random_grid(9, np.random.default_rng(2)), 9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 0.9]))
def test_parts_keep_the_recipe(seed, chance):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(10), 40))
    parts = sudoku_parts(labels, 4, {"train": 5, "valid": 2, "test": 3}, seed, chance=chance)
    assert [len(part) for part in parts.values()] == [10, 4, 6]
    used = [set(part.things_pc.flatten().tolist()) for part in parts.values()]
    assert len(set.union(*used)) == sum(map(len, used))  # no image in two parts
    for part in parts.values():
        assert (labels[part.things_pc] == part.labels_pc).all()
        assert (
            [right(grid, 4) for grid in part.labels_pc.tolist()]
            == part.right_p.tolist()
            == [True, False] * (len(part) // 2)
        )
        solved = part.things_pc[part.right_p]
        assert len(np.unique(solved)) == solved.size  # each cell of a right puzzle has an image of its own
        for index in range(0, len(part), 2):
            kind, changes = part.notes[index + 1][:-1].split("(")
            moved = (part.labels_pc[index] != part.labels_pc[index + 1]).sum()
            if kind == "replace":
                assert moved == int(changes)
            else:  # swapped cells hold what stood there before; equal labels may be swapped
                assert moved <= 2 * int(changes)
                assert Counter(part.things_pc[index].tolist()) == Counter(part.things_pc[index + 1].tolist())
            assert int(changes) <= (1 if chance == 0 else 8 if kind == "swap" else 10)


def test_the_same_seed_gives_the_same_puzzles():
    labels = np.arange(400) % 4
    one, same, other = (sudoku_parts(labels, 4, {"train": 5}, seed)["train"] for seed in (1, 1, 2))
    assert np.array_equal(one.things_pc, same.things_pc)
    assert not np.array_equal(one.things_pc, other.things_pc)


@pytest.mark.parametrize("classes", [4, 6])
@pytest.mark.parametrize(("share", "levels"), [(0.0, 4), (0.4, 4), (0.4, 10**6)])
def test_checker_equals_the_rule_base_to_the_bit(share, levels, classes):
    generator = torch.Generator().manual_seed(classes)
    pi = normalise(torch.randint(0, levels, (12, 16, classes), generator=generator).double() / (levels - 1))
    inference = RuleInference(sudoku_rules(4, classes))
    for part in inference.parts:
        n = len(part.s_n)
        part.set_parameters(*(torch.rand(n, generator=generator) * (torch.rand(n) < share) for _ in "sr"))
    wanted = inference({f"cell{c}": pi[:, c] for c in range(16)})["right"]
    assert torch.equal(SudokuChecker(4, inference)(pi), wanted)


def test_certain_cells_are_checked_exactly():
    grids = torch.tensor([SOLVED_9, SOLVED_9[1:] + SOLVED_9[:1]])
    for classes in (9, 10):
        found = SudokuChecker(9)(torch.nn.functional.one_hot(grids, classes).double())
        assert found.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_learning_from_five_and_five_certain_puzzles_leaves_no_doubt():
    parts = sudoku_parts(np.arange(200) % 4, 4, {"train": 5}, seed=0)["train"]
    cells = torch.nn.functional.one_hot(torch.from_numpy(parts.labels_pc), 4).double()
    labels = {f"pair{i}_{j}": torch.from_numpy(parts.labels_pc[:, [i, j]]) for i, j in sudoku_pairs(4)}
    labels["right"] = torch.from_numpy(parts.right_p.astype(int))
    learned = learn(sudoku_rules(4), {f"cell{c}": cells[:, c] for c in range(16)}, labels)
    found = SudokuChecker(4, learned.inference)(cells)
    assert (found.argmax(-1) == labels["right"]).all()


LABELS = np.arange(100) % 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sudoku_pairs(5), UsageError, "got 5"),
        (lambda: sudoku_pairs(1), UsageError, "got 1"),
        (lambda: sudoku_pairs(-4), UsageError, "got -4"),
        (lambda: sudoku_parts(LABELS, 6, {"train": 1}, 0), UsageError, "got 6"),
        (lambda: sudoku_parts(LABELS, 4, {"train": 0}, 0), UsageError, "at least one puzzle"),
        (lambda: sudoku_parts(LABELS, 4, {}, 0), UsageError, "at least one puzzle"),
        (lambda: sudoku_parts(LABELS, 4, {"train": 1}, 0, chance=1.0), UsageError, "chance below 1"),
        (lambda: sudoku_parts(LABELS, 4, {"train": 4, "test": 3}, 0), DataError, "need 28 things of each label"),
        (lambda: sudoku_parts(LABELS, 9, {"train": 1}, 0), DataError, "label 4"),
        (lambda: sudoku_rules(9, classes=8), UsageError, "only 8 classes"),
        (lambda: SudokuChecker(4)(torch.ones(1, 15, 4)), ShapeError, "16, at least 4"),
        (lambda: SudokuChecker(4)(torch.ones(1, 16, 3)), ShapeError, "16, at least 4"),
        (lambda: SudokuChecker(4)(torch.zeros(1, 16, 4)), DataError, "not normalised"),
        (lambda: SudokuChecker(4, RuleInference(sudoku_rules(4))).forward(torch.ones(16, 4)), ShapeError, "puzzles"),
        (lambda: SudokuChecker(9, RuleInference(sudoku_rules(4))), UsageError, "sudoku_rules"),
    ],
)
def test_what_is_no_sudoku_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
