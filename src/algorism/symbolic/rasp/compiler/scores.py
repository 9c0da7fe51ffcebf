"""Attention scores that make softmax select: which numbers a head compares.

The score of key j for query i is Σ query_d(i) · key_d(j). It is `scale` where the predicate holds and at most 0 where
it does not, plus the value's rank if the largest value is wanted. The BOS position gets a score of its own, between
those, and gives the default where nothing is selected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..functions import MULTIPLY, Function, Ints, Predicate, equals
from ..graph import Aggregate, Seq, Width, apply

Weighted = tuple[tuple[float, Seq], ...]
FEW_GROUPS = 4  # up to as many dimensions, indicators are cheaper than squares


@dataclass(frozen=True)
class Scoring:
    """A head's score and value.

    Attributes:
        dims: query and key sequence of each dimension, and a weight; a query of None is the constant 1.
        base: what each key gets on top whatever the query, and a constant.
        bos: score of the BOS position.
        value: the value sequence; None for "is BOS", whose mean is the share of attention on BOS.
        default: the value at the BOS position.
    """

    dims: tuple[tuple[float, Seq, Seq | None], ...]
    base: Weighted
    constant: float
    bos: float
    value: Seq | None
    default: float

    def parts(self) -> list[Seq]:
        """Every sequence the head reads."""
        read = [query for _, query, _ in self.dims] + [key for _, _, key in self.dims if key is not None]
        return read + [part for _, part in self.base] + ([] if self.value is None else [self.value])


@dataclass(frozen=True)
class Member:
    """Whether a value is one of these."""

    values: frozenset[int]

    def __call__(self, x: Ints) -> NDArray[np.bool_]:
        """Apply to an array."""
        return np.isin(x, list(self.values))


def scoring(node: Aggregate | Width, key_values: Ints, query_values: Ints, values: Ints) -> Scoring:
    """Choose the numbers by which a head selects.

    Args:
        node: the head.
        key_values: what its keys can be.
        query_values: what its queries can be.
        values: what its values can be.
    """
    selection = node.selection
    base: list[tuple[float, Seq]] = []
    if isinstance(node, Width):
        scale, constant, bos, value, default = 1.0, 0.0, 1.0, None, 1.0
    elif node.reduction == "mean":
        scale, constant, bos, value, default = 1.0, 0.0, 0.5, node.values, float(node.default)
    else:
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        sign = 1.0 if node.reduction == "max" else -1.0
        scale, value, default = float(high - low + 1), node.values, float(node.default)
        # The rank of a value is 0..scale − 1: it decides among the selected, and lifts nobody over BOS.
        base, constant, bos = [(sign, node.values)], float(-low if sign > 0 else high), scale - 0.5
    groups = by_indicators(selection.predicate, selection.key, selection.query, key_values, query_values)
    dims: list[tuple[float, Seq, Seq | None]]
    if selection.predicate is equals and len(groups) > FEW_GROUPS:
        # 1 − (q − k)², with both shifted to keep the squares small.
        middle = int(key_values.min() + key_values.max()) // 2
        key, query = selection.key - middle, selection.query - middle
        dims = [(2 * scale, query, key), (-scale, apply(MULTIPLY, query, query), None)]
        base.append((-scale, apply(MULTIPLY, key, key)))
        constant += scale
    else:
        dims = [(scale, query, key) for query, key in groups]
    return Scoring(tuple(dims), tuple(base), constant, bos, value, default)


def by_indicators(
    predicate: Predicate, key: Seq, query: Seq, key_values: Ints, query_values: Ints
) -> list[tuple[Seq, Seq]]:
    """Write a predicate as a sum of products of indicators of query and key.

    Queries that select the same keys form one group, or keys selected by the same queries, whichever are fewer.
    """
    table_qk = predicate(key_values[None, :], query_values[:, None])
    by_query = _groups(table_qk, query_values, key_values)
    by_key = _groups(table_qk.T, key_values, query_values)
    if len(by_query) <= len(by_key):
        return [(_member(query, group), _member(key, chosen)) for group, chosen in by_query]
    return [(_member(query, chosen), _member(key, group)) for group, chosen in by_key]


def _groups(table: NDArray[np.bool_], rows: Ints, columns: Ints) -> list[tuple[frozenset[int], frozenset[int]]]:
    patterns, inverse = np.unique(table, axis=0, return_inverse=True)
    return [
        (frozenset(rows[inverse.reshape(-1) == i].tolist()), frozenset(columns[pattern].tolist()))
        for i, pattern in enumerate(patterns)
        if pattern.any()
    ]


def _member(x: Seq, values: frozenset[int]) -> Seq:
    return apply(Function("member", Member(values)), x)
