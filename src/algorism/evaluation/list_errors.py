"""Where answers that are lists go wrong: by length, by place, and by kind of error."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .statistics import Interval, wilson, wilson_many

LIST_ERRORS = (
    "correct",
    "unparsed",
    "ended early",
    "ended late",
    "copy skipped",
    "copy added",
    "symbol skipped",
    "out of order",
    "wrong symbol",
)
_EXAMPLES = 5


@dataclass(frozen=True)
class ListBreakdown:
    """Accuracies of answers that are lists.

    Attributes:
        overall: exact match.
        by_length: per length of the problem.
        by_place: per place of the right answer, from its first symbol.
        symbols: share of the right answers' symbols that stand at their place.
        errors: how many of each kind, in the order of `LIST_ERRORS`.
        examples: the first few of each kind: (index of the problem, answer, right answer).
        first_wrong: the median place of the first wrong symbol among wrong answers; None if none is wrong.
    """

    overall: Interval
    by_length: dict[int, Interval]
    by_place: tuple[Interval, ...]
    symbols: Interval
    errors: dict[str, int]
    examples: dict[str, list[tuple[int, str | None, str]]]
    first_wrong: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, with the keys that breakdowns of numbers have."""
        return {
            "overall": self.overall.to_json(),
            "by_length": [{"length": length, **i.to_json()} for length, i in self.by_length.items()],
            "table": [],
            "by_place": [{"place": place, **i.to_json()} for place, i in enumerate(self.by_place)],
            "symbols": self.symbols.to_json(),
            "errors": [
                {
                    "kind": kind,
                    "count": count,
                    "examples": [{"index": i, "answer": a, "gold": g} for i, a, g in self.examples.get(kind, [])],
                }
                for kind, count in self.errors.items()
            ],
            "first_wrong": self.first_wrong,
        }


def list_error(answer: str | None, gold: str) -> str:
    """Name what is wrong with one answer, by where it first differs: exactly one of `LIST_ERRORS`.

    Args:
        answer: symbols separated by spaces; None where nothing could be read.
        gold: the right answer.

    Returns:
        "ended early", "ended late": right as far as both go. Otherwise, at the first place that differs, for answers in
        rising order: "copy skipped" (goes on although a copy of the symbol before is due), "copy added" (repeats a
        symbol once too often), "symbol skipped" (takes a later symbol of the right answer), "out of order" (takes one
        smaller than the symbol before). Else "wrong symbol".

    >>> answers = ("1 3 3 7", None, "1 3", "1 3 3 7 7", "1 3 7", "1 1 3 3 7", "3 3 7", "1 3 3 2")
    >>> [list_error(answer, "1 3 3 7") for answer in answers]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['correct', 'unparsed', 'ended early', 'ended late', 'copy skipped', 'copy added', 'symbol skipped', 'out of order']
    """
    if answer == gold:
        return "correct"
    if answer is None:
        return "unparsed"
    said, right = answer.split(), gold.split()
    at = first_difference(said, right)
    if at == len(said):
        return "ended early"
    if at == len(right):
        return "ended late"
    before = right[at - 1] if at else None
    rising = all(int(a) <= int(b) for a, b in pairwise(right))
    if rising and len(right) > 1:
        if right[at] == before:
            return "copy skipped" if said[at] in right[at:] else "wrong symbol"
        if said[at] == before:
            return "copy added"
        if said[at] in right[at:]:
            return "symbol skipped"
        if before is not None and int(said[at]) < int(before):
            return "out of order"
    return "wrong symbol"


def first_difference(said: Sequence[str], right: Sequence[str]) -> int:
    """First place at which two lists differ, an end included."""
    return next((k for k, (a, b) in enumerate(zip(said, right)) if a != b), min(len(said), len(right)))


def list_breakdown(answers: Sequence[str | None], gold: Sequence[str], length_n: ArrayLike) -> ListBreakdown:
    """Break answers that are lists down.

    Args:
        answers: per problem, symbols separated by spaces; None where nothing could be read.
        gold: right answers.
        length_n: (n,) int, length of each problem.

    >>> parts = list_breakdown(["1 2", "1"], ["1 2", "1 3"], [2, 2])
    >>> parts.overall.value, parts.symbols.value, parts.errors["ended early"], parts.first_wrong
    (0.5, 0.75, 1, 1.0)
    """
    correct = np.array([a == g for a, g in zip(answers, gold, strict=True)], dtype=bool)
    kinds = [list_error(a, g) for a, g in zip(answers, gold, strict=True)]
    counted = Counter(kinds)
    examples: dict[str, list[tuple[int, str | None, str]]] = {}
    for index, kind in enumerate(kinds):
        if len(examples.setdefault(kind, [])) < _EXAMPLES:
            examples[kind].append((index, answers[index], gold[index]))
    width = max((len(g.split()) for g in gold), default=0)
    right_t, there_t = np.zeros(width, dtype=np.int64), np.zeros(width, dtype=np.int64)
    firsts = []
    for answer, right in zip(answers, gold, strict=True):
        said, wanted = (answer or "").split(), right.split()
        there_t[: len(wanted)] += 1
        same = [k < len(said) and said[k] == symbol for k, symbol in enumerate(wanted)]
        right_t[: len(wanted)] += same
        if answer is not None and answer != right:
            firsts.append(first_difference(said, wanted))
    lengths, inverse = np.unique(np.asarray(length_n), return_inverse=True)
    right_l = np.bincount(inverse, weights=correct, minlength=len(lengths)).astype(np.int64)
    by_length = wilson_many(right_l, np.bincount(inverse, minlength=len(lengths)))
    return ListBreakdown(
        wilson(int(correct.sum()), len(correct)),
        dict(zip(lengths.tolist(), by_length, strict=True)),
        tuple(wilson_many(right_t, there_t)),
        wilson(int(right_t.sum()), int(there_t.sum())),
        {kind: counted.get(kind, 0) for kind in LIST_ERRORS},
        examples,
        float(np.median(firsts)) if firsts else None,
    )
