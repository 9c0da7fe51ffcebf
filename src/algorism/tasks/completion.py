"""The matrix-completion yardstick: how many entries of an addition table must be seen to know all of it.

The table M[i, j] = x_i + x_j has rank 2. Algorithm 1 of Lee et al. 2023 (arXiv 2307.03381) fills an unknown entry
from the three others of a 2×2 minor until nothing changes. That fills everything if and only if the bipartite graph
of rows and columns, with the revealed entries as edges, is connected; so union-find decides it. The authors' released
notebook looks only at minors of neighbouring rows and columns, which needs more entries. Both rules are here.
"""

from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from algorism.errors import UsageError, nearest

Rule = Literal["minors", "adjacent"]
Mask = NDArray[np.bool_]

RULES: tuple[Rule, ...] = ("minors", "adjacent")


def completes(revealed_nn: Mask, rule: Rule = "minors") -> bool:
    """Whether the revealed entries determine the whole table under a rule.

    Args:
        revealed_nn: bool (rows, columns).
        rule: "minors": any 2×2 minor may be used (decided by connectivity); "adjacent": neighbouring ones only.

    >>> completes(np.array([[True, True], [True, False]])), completes(np.eye(2, dtype=bool))
    (True, False)
    """
    _check(rule)
    if rule == "adjacent":
        return bool(spread_adjacent(revealed_nn).all())
    rows, columns = revealed_nn.shape
    i, j = np.nonzero(revealed_nn)
    edges = coo_array((np.ones(len(i), dtype=np.int8), (i, rows + j)), shape=(rows + columns,) * 2)
    return bool(connected_components(edges, directed=False, return_labels=False) == 1)


def spread_minors(revealed_nn: Mask) -> Mask:
    """The entries known in the end when any 2×2 minor with three known entries gives its fourth.

    Those are exactly the entries whose row and column lie in one component of the bipartite graph.
    """
    rows, columns = revealed_nn.shape
    i, j = np.nonzero(revealed_nn)
    edges = coo_array((np.ones(len(i), dtype=np.int8), (i, rows + j)), shape=(rows + columns,) * 2)
    _, label = connected_components(edges, directed=False)
    return label[:rows, None] == label[None, rows:]


def spread_adjacent(revealed_nn: Mask) -> Mask:
    """The entries known in the end when only minors of neighbouring rows and columns are used."""
    known = revealed_nn.copy()
    while True:
        # Each minor is four shifted views; one with three known entries makes the fourth known.
        corners = [known[:-1, :-1], known[:-1, 1:], known[1:, :-1], known[1:, 1:]]
        count = np.add.reduce([c.astype(np.int8) for c in corners])
        ready = count == 3
        if not ready.any():
            return known
        for corner in corners:
            corner |= ready


def completion_probability(n: int, revealed: int, trials: int = 100, seed: int = 0, rule: Rule = "minors") -> float:
    """Share of random sets of `revealed` distinct entries of an n×n table that determine all of it.

    Args:
        n: rows and columns.
        revealed: entries seen, drawn uniformly without repetition.
        trials: random sets.
        seed: of the draws.
        rule: see `completes`.

    Raises:
        UsageError: if more entries are to be revealed than the table has.

    >>> completion_probability(100, 300, trials=20), completion_probability(100, 1500, trials=20)
    (0.0, 1.0)
    """
    _check(rule)
    if not 0 <= revealed <= n * n:
        raise UsageError(f"completion: expected 0 to {n * n} revealed entries of a {n}x{n} table, got {revealed}.")
    rng = np.random.default_rng(seed)
    return sum(completes(random_mask(rng, n, revealed), rule) for _ in range(trials)) / trials


def random_mask(rng: Generator, n: int, revealed: int) -> Mask:
    """A uniform choice of `revealed` entries of an n×n table: bool (n, n)."""
    mask = np.zeros(n * n, dtype=np.bool_)
    mask[rng.choice(n * n, revealed, replace=False, shuffle=False)] = True
    return mask.reshape(n, n)


def fill(n: int, revealed_pairs: NDArray[np.integer] | list[tuple[int, int]]) -> NDArray[np.float64]:
    """The addition table i + j as completed from the revealed pairs: float (n, n), NaN where it stays unknown.

    Values spread along the edges of a spanning tree: each component has one free constant, which cancels in sums.

    >>> fill(2, [(0, 0), (0, 1), (1, 0)]).tolist()
    [[0.0, 1.0], [1.0, 2.0]]
    """
    pairs = np.asarray(revealed_pairs, dtype=np.int64).reshape(-1, 2)
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= n):
        raise UsageError(f"completion: pairs must lie in 0..{n - 1}, got {pairs.min()} to {pairs.max()}.")
    row_value, column_value = np.full(n, np.nan), np.full(n, np.nan)
    component = np.full((2, n), -1)
    neighbours: tuple[list[list[int]], list[list[int]]] = ([[] for _ in range(n)], [[] for _ in range(n)])
    for i, j in pairs.tolist():
        neighbours[0][i].append(j)
        neighbours[1][j].append(i)
    values = (row_value, column_value)
    for start in range(n):
        if component[0, start] >= 0:
            continue
        # Only M itself is used: a row's value is any constant, its columns follow from M[i, j] - row value.
        row_value[start], component[0, start] = 0.0, start
        todo = [(0, start)]
        while todo:
            side, node = todo.pop()
            for other in neighbours[side][node]:
                if component[1 - side, other] < 0:
                    component[1 - side, other] = start
                    values[1 - side][other] = (node + other) - values[side][node]
                    todo.append((1 - side, other))
    table = row_value[:, None] + column_value[None, :]
    table[(component[0][:, None] != component[1][None, :]) | (component[1][None, :] < 0)] = np.nan
    return table


def _check(rule: str) -> None:
    if rule not in RULES:
        raise UsageError(f"Unknown completion rule {rule!r}. {nearest(rule, RULES)}")
