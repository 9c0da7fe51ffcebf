"""The table of rules on lists: what is asked, its definition on Python lists, and the same for whole columns.

Shape letters: n row, t place, s symbol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from algorism.errors import UsageError, nearest
from algorism.tasks.sequences import draws
from algorism.tasks.sequences.draws import Drawn, Lengths
from algorism.tasks.sequences.lists import EMPTY, Lists, packed

Draw = Callable[[Generator, Lengths, int], Drawn]
Exact = Callable[[list[int], list[int], int], list[int]]
Columns = Callable[[Lists, Lists, int], Lists]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: as in a recipe.
        summary: one line for people.
        exact: (question, argument, number of symbols) → answer. The definition; `columns` must agree with it.
        columns: the same for all rows.
        draw: how questions are drawn.
        hard: further ways of drawing, for tests, by name.
        symbols: how many symbols there are where that is fixed; None where the task says it.
        most: longest question that can be drawn from so many symbols; None for no limit.
    """

    name: str
    summary: str
    exact: Exact
    columns: Columns
    draw: Draw
    hard: Mapping[str, Draw] = field(default_factory=dict)
    symbols: int | None = None
    most: Callable[[int], int] | None = None


def _copied(question: Lists, argument: Lists, values: int) -> Lists:
    return question


def _reversed(question: Lists, argument: Lists, values: int) -> Lists:
    place_t = np.arange(question.symbols_nt.shape[1])
    from_nt = question.length_n[:, None] - 1 - place_t
    turned_nt = np.take_along_axis(question.symbols_nt, np.maximum(from_nt, 0), axis=1)
    return Lists(np.where(from_nt >= 0, turned_nt, EMPTY).astype(np.int16))


def _sorted(question: Lists, argument: Lists, values: int) -> Lists:
    last = np.iinfo(np.int16).max
    sorted_nt = np.sort(np.where(question.filled_nt, question.symbols_nt, last), axis=1)
    return Lists(np.where(sorted_nt == last, EMPTY, sorted_nt).astype(np.int16))


def _counted(question: Lists, argument: Lists, values: int) -> Lists:
    first_n, last_n = question.symbols_nt[:, 0].astype(np.int64), question.symbols_nt[:, 1].astype(np.int64)
    length_n = last_n - first_n + 1
    return draws.cut(first_n[:, None] + np.arange(int(length_n.max(initial=0))), length_n.astype(np.int32))


def _most_frequent(question: Lists, argument: Lists, values: int) -> Lists:
    return Lists.single(draws.counts(question.symbols_nt, values).argmax(axis=1))


def _parity(question: Lists, argument: Lists, values: int) -> Lists:
    return Lists.single((question.symbols_nt == 1).sum(axis=1) % 2)


def _conjunction(question: Lists, argument: Lists, values: int) -> Lists:
    return Lists.single((question.symbols_nt != 0).all(axis=1))


def _incremented(question: Lists, argument: Lists, values: int) -> Lists:
    digits_nt, length_n = question.symbols_nt.astype(np.int64), question.length_n
    nine_nt = (digits_nt == values - 1) | ~question.filled_nt
    # A place is carried into if every place behind it is a nine.
    carried_nt = np.ones_like(nine_nt)
    carried_nt[:, :-1] = np.logical_and.accumulate(nine_nt[:, :0:-1], axis=1)[:, ::-1]
    raised_nt = np.where(carried_nt & question.filled_nt, (digits_nt + 1) % values, digits_nt)
    grown_n = nine_nt.all(axis=1)
    wide_nt = np.concatenate([np.ones((len(question), 1), dtype=np.int64), raised_nt], axis=1)
    keep_nt = np.arange(wide_nt.shape[1]) <= length_n[:, None]
    keep_nt[:, 0] = grown_n
    return packed(wide_nt, keep_nt)


def _recalled(question: Lists, argument: Lists, values: int) -> Lists:
    here_nt = question.symbols_nt[:, 0::2] == argument.symbols_nt[:, :1]
    return Lists.single(question.symbols_nt[np.arange(len(question)), 2 * here_nt.argmax(axis=1) + 1])


def _increment_exact(question: list[int], argument: list[int], values: int) -> list[int]:
    number = sum(digit * values**place for place, digit in enumerate(reversed(question))) + 1
    width = len(question) + (number == values ** len(question))
    return [number // values**place % values for place in range(width - 1, -1, -1)]


_REPEATS = {"few symbols": draws.few_symbols, "pairs": draws.pairs_symbols}

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("copy", "the list again", lambda x, a, v: list(x), _copied, draws.any_symbols, _REPEATS),
        Rule(
            "copy-distinct",
            "the list again; no symbol stands twice",
            lambda x, a, v: list(x),
            _copied,
            draws.distinct_symbols,
            most=lambda values: values,
        ),
        Rule("reverse", "the list backwards", lambda x, a, v: x[::-1], _reversed, draws.any_symbols, _REPEATS),
        Rule(
            "reverse-distinct",
            "the list backwards; no symbol stands twice",
            lambda x, a, v: x[::-1],
            _reversed,
            draws.distinct_symbols,
            most=lambda values: values,
        ),
        Rule("sort", "the list in rising order", lambda x, a, v: sorted(x), _sorted, draws.any_symbols, _REPEATS),
        Rule(
            "sort-distinct",
            "the list in rising order; no symbol stands twice",
            lambda x, a, v: sorted(x),
            _sorted,
            draws.distinct_symbols,
            most=lambda values: values,
        ),
        Rule(
            "count",
            "all numbers from the first to the last given",
            lambda x, a, v: list(range(x[0], x[1] + 1)),
            _counted,
            draws.ranges,
            most=lambda values: values,
        ),
        Rule(
            "mode",
            "the most frequent symbol",
            lambda x, a, v: [max(set(x), key=x.count)],
            _most_frequent,
            draws.one_winner,
            {"close race": draws.close_race},
        ),
        Rule(
            "parity",
            "1 if the number of ones is odd, else 0",
            lambda x, a, v: [sum(x) % 2],
            _parity,
            draws.any_symbols,
            symbols=2,
        ),
        Rule(
            "and",
            "1 if all bits are 1, else 0",
            lambda x, a, v: [int(all(x))],
            _conjunction,
            draws.often_all_ones,
            {"one zero": draws.one_zero, "late ones": draws.late_ones, "late zeros": draws.late_zeros},
            symbols=2,
        ),
        Rule(
            "increment",
            "the number plus one, most significant digit first",
            _increment_exact,
            _incremented,
            draws.trailing_nines,
            {"nines": draws.all_nines},
        ),
        Rule(
            "recall",
            "the value that belongs to a key",
            lambda x, a, v: [x[2 * x[0::2].index(a[0]) + 1]],
            _recalled,
            draws.key_value_pairs,
            most=lambda values: values // 2,
        ),
    )
}


def rule(name: str) -> Rule:
    """The rule of this name.

    Raises:
        UsageError: for an unknown name, with the nearest known one.

    >>> rule("sort").exact([3, 1, 3], [], 10)
    [1, 3, 3]
    """
    try:
        return RULES[name]
    except KeyError:
        raise UsageError(f"Unknown rule {name!r}. {nearest(name, RULES)}") from None
