"""The partition of a domain by sets: values that lie in the same sets are one cell, and share every degree.

There are never more cells than values, and only cells that hold a value are made: the power set of the rules, 2^n sign
vectors, is never walked through. Rules are also divided by what their premises speak about; each group has few cells
of its own, and a cell of the whole is one cell of each group, so that a minimum over rules is one over groups.

Shape letters: v value, n rule, c cell, g cell of a group, k rule of a group, w member.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .rule_base import RuleSet

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """Cells of a domain.

    Args:
        cell_v: the cell of each value; cells are numbered by their first value.
        sign_cn: whether the cell lies in each of the n sets.
    """

    cell_v: Ints
    sign_cn: Bools

    @property
    def is_finest(self) -> bool:
        """Whether every value is its own cell, so that values and cells are the same thing."""
        return len(self.sign_cn) == len(self.cell_v)


def partition(member_vn: Bools) -> Partition:
    """Divide a domain into cells, one set after the other: each splits every cell that it cuts.

    Args:
        member_vn: which values lie in which sets.

    >>> parts = partition(np.array([[1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool))
    >>> parts.cell_v.tolist(), parts.sign_cn.tolist()
    ([0, 1, 2, 1], [[True, False], [True, True], [False, True]])
    """
    cell_v = np.zeros(len(member_vn), dtype=np.int64)
    for inside_v in member_vn.T:
        _, cell_v = np.unique(2 * cell_v + inside_v, return_inverse=True)
    _, first_c, cell_v = np.unique(cell_v, return_index=True, return_inverse=True)
    order_c = np.argsort(first_c)
    return Partition(np.argsort(order_c)[cell_v], member_vn[first_c[order_c]])


def members(sets: Sequence[frozenset[int]], size: int) -> Bools:
    """Which of `size` values lie in which sets, (v, n)."""
    member_vn = np.zeros((size, len(sets)), dtype=np.bool_)
    for n, inside in enumerate(sets):
        member_vn[list(inside), n] = True
    return member_vn


@dataclass(frozen=True)
class Group:
    """Rules whose premises speak about the same attributes, and the cells that these alone make.

    Args:
        rules_k: their places in the rule set.
        sign_gk: whether a cell of the group lies in the conclusion of each of them.
        cell_c: for each cell of the whole set, its cell in this group.
    """

    rules_k: Ints
    sign_gk: Bools
    cell_c: Ints


def groups(rule_set: RuleSet, sign_cn: Bools) -> list[Group]:
    """Divide the rules of a set by the attributes in their premises.

    Args:
        rule_set: the rules.
        sign_cn: their signs on the cells of the whole set.
    """
    by_attributes: dict[tuple[str, ...], list[int]] = {}
    for n, premise in enumerate(rule_set.premises):
        by_attributes.setdefault(tuple(sorted(premise)), []).append(n)
    found = []
    for rules in by_attributes.values():
        parts = partition(sign_cn[:, rules])
        found.append(Group(np.array(rules), parts.sign_cn, parts.cell_v))
    return found


def padded(member_wn: Bools) -> Ints:
    """Places of the members of each column, (n, most members), short rows filled up by repeating a member."""
    rows = [np.flatnonzero(inside_w) for inside_w in member_wn.T]
    width = max(map(len, rows))
    return np.stack([np.resize(row, width) for row in rows])
