"""Hints: easier questions about the same lists, trained beside the rule itself (arXiv 2310.00726).

A hint is for some rules. It draws what it asks about from the question, and knows the answer. With repetitions the
successor is defined on values (strictly larger), as it would otherwise not be a function of list and symbol.

Shape letters: n row, t place, s symbol.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from algorism.tasks.sequences.draws import counts
from algorism.tasks.sequences.lists import EMPTY, Lists, packed

# (generator, question, number of symbols) → (argument, answer, rows for which there is such a question)
Ask = Callable[[Generator, Lists, int], tuple[Lists, Lists, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Hint:
    """One hint: its name, the rules it helps, how it is asked, and its definition for one list.

    Attributes:
        exact: (question, argument) → answer, on Python lists.
    """

    name: str
    summary: str
    rules: tuple[str, ...]
    ask: Ask
    exact: Callable[[list[int], list[int]], list[int]]


def _pick(rng: Generator, allowed_ns: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A uniformly random allowed symbol per row; any where none is allowed."""
    return np.where(allowed_ns, rng.random(allowed_ns.shape), -1.0).argmax(axis=1)


def _successor(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    there_ns = counts(question.symbols_nt, values) > 0
    largest_n = values - 1 - there_ns[:, ::-1].argmax(axis=1)
    symbol_s = np.arange(values)
    asked_n = _pick(rng, there_ns & (symbol_s != largest_n[:, None]))
    answer_n = (there_ns & (symbol_s > asked_n[:, None])).argmax(axis=1)
    return Lists.single(asked_n), Lists.single(answer_n), there_ns.sum(axis=1) > 1


def _predecessor(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    there_ns = counts(question.symbols_nt, values) > 0
    symbol_s = np.arange(values)
    asked_n = _pick(rng, there_ns & (symbol_s != there_ns.argmax(axis=1)[:, None]))
    answer_n = values - 1 - (there_ns & (symbol_s < asked_n[:, None]))[:, ::-1].argmax(axis=1)
    return Lists.single(asked_n), Lists.single(answer_n), there_ns.sum(axis=1) > 1


def _count(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    counts_ns = counts(question.symbols_nt, values)
    asked_n = _pick(rng, counts_ns > 0)
    answer_n = counts_ns[np.arange(len(question)), asked_n]
    return Lists.single(asked_n), Lists.single(answer_n), answer_n < values  # the answer is written as a symbol


def _fill(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    last = np.iinfo(np.int16).max
    sorted_nt = np.sort(np.where(question.filled_nt, question.symbols_nt, last), axis=1)
    missing_n = rng.integers(0, np.maximum(question.length_n, 1))
    missing_nt = np.arange(sorted_nt.shape[1]) == missing_n[:, None]
    return packed(sorted_nt, (sorted_nt != last) & ~missing_nt), packed(sorted_nt, missing_nt), question.length_n > 1


def _first(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    return Lists.nothing(len(question)), Lists.single(question.symbols_nt[:, 0]), question.length_n > 0


def _after(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    at_n = rng.integers(0, np.maximum(question.length_n - 1, 1))
    row_n = np.arange(len(question))
    padded_nt = np.pad(question.symbols_nt, ((0, 0), (0, 1)), constant_values=EMPTY)
    return Lists.single(padded_nt[row_n, at_n]), Lists.single(padded_nt[row_n, at_n + 1]), question.length_n > 1


def _nines(rng: Generator, question: Lists, values: int) -> tuple[Lists, Lists, NDArray[np.bool_]]:
    nine_nt = (question.symbols_nt == values - 1) | ~question.filled_nt
    run_nt = np.logical_and.accumulate(nine_nt[:, ::-1], axis=1)[:, ::-1] & question.filled_nt
    return Lists.nothing(len(question)), packed(question.symbols_nt, run_nt), np.ones(len(question), dtype=np.bool_)


def _trailing(x: list[int]) -> list[int]:
    run = 0
    while run < len(x) and x[-1 - run] == 9:
        run += 1
    return [9] * run


SORTS = ("sort", "sort-distinct")
HINTS: dict[str, Hint] = {
    hint.name: hint
    for hint in (
        Hint(
            "successor",
            "the smallest element above a given one",
            SORTS,
            _successor,
            lambda x, a: [min(s for s in x if s > a[0])],
        ),
        Hint(
            "predecessor",
            "the largest element below a given one",
            SORTS,
            _predecessor,
            lambda x, a: [max(s for s in x if s < a[0])],
        ),
        Hint("count-of", "how often a given element stands in the list", SORTS, _count, lambda x, a: [x.count(a[0])]),
        Hint(
            "fill",
            "the element that is missing in the sorted list",
            SORTS,
            _fill,
            lambda x, a: [next(s for s in sorted(x) if x.count(s) > a.count(s))],
        ),
        Hint("first", "the first element: a hint that does not help", SORTS, _first, lambda x, a: x[:1]),
        Hint(
            "after",
            "the symbol after a given one",
            ("copy-distinct", "reverse-distinct"),
            _after,
            lambda x, a: [x[x.index(a[0]) + 1]],
        ),
        Hint("nines", "the run of nines at the end", ("increment",), _nines, lambda x, a: _trailing(x)),
    )
}
