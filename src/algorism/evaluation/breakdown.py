"""Where answers are wrong: by digits, by carries, by output place, and by kind of error."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError
from algorism.evaluation.statistics import Interval, wilson, wilson_many

_NUMBER = re.compile(r"(-?)([0-9]+(?:\.[0-9]+)?)")
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """Accuracy of the problems with one number of digits and one number of carries."""

    digits: int
    carries: int
    accuracy: Interval


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of outcome: how many, and the first few as (index of the problem, answer, right answer)."""

    name: str
    count: int
    examples: tuple[tuple[int, str | None, str], ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Accuracies of a set of answers in parts.

    Attributes:
        overall: exact-match accuracy.
        by_digits, by_carries: per number of digits, per number of carries, in rising order.
        table: digits × carries, only cells that hold problems.
        by_place: per output digit, aligned at the least significant digit: by_place[0] is the last digit.
        errors: every kind in the order of `ERROR_KINDS`; the counts sum to the number of problems.
    """

    overall: Interval
    by_digits: dict[int, Interval]
    by_carries: dict[int, Interval]
    table: tuple[Cell, ...]
    by_place: tuple[Interval, ...]
    errors: dict[str, ErrorKind]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, for JSON."""
        return {
            "overall": self.overall.to_json(),
            "by_digits": [{"digits": d, **i.to_json()} for d, i in self.by_digits.items()],
            "by_carries": [{"carries": c, **i.to_json()} for c, i in self.by_carries.items()],
            "table": [{"digits": c.digits, "carries": c.carries, **c.accuracy.to_json()} for c in self.table],
            "by_place": [{"place": place, **i.to_json()} for place, i in enumerate(self.by_place)],
            "errors": [
                {
                    "kind": e.name,
                    "count": e.count,
                    "examples": [{"index": i, "answer": a, "gold": g} for i, a, g in e.examples],
                }
                for e in self.errors.values()
            ],
        }


def _differing(answer: str, gold: str) -> list[int]:
    return [i for i, (x, y) in enumerate(zip(answer, gold)) if x != y]


def _swapped(answer: str, gold: str) -> bool:
    places = _differing(answer, gold)
    return len(places) == 2 and answer[places[0]] == gold[places[1]] and answer[places[1]] == gold[places[0]]


def _off_by_carry(answer: str, gold: str) -> bool:
    """Tell whether texts of one length differ by a power of ten: where they differ, 1999 stands against 2000."""
    places = _differing(answer, gold)
    first, last = places[0], places[-1]
    if places != list(range(first, last + 1)):
        return False
    low, high = sorted((answer[first : last + 1], gold[first : last + 1]))
    return int(high[0]) - int(low[0]) == 1 and set(low[1:]) <= {"9"} and set(high[1:]) <= {"0"}


# In the order in which they are tried; each takes digits without sign and point, known to differ where lengths agree.
_SAME_LENGTH: dict[str, Callable[[str, str], bool]] = {
    "reversed": lambda answer, gold: answer == gold[::-1],
    "off by one carry": _off_by_carry,
    "digits swapped": _swapped,
    "one digit wrong": lambda answer, gold: len(_differing(answer, gold)) == 1,
}
ERROR_KINDS = (
    "correct",
    "unparsed",
    "wrong sign",
    "missing digits",
    "extra digits",
    *_SAME_LENGTH,
    "several digits wrong",
)


def error_kind(answer: str | None, gold: str) -> str:
    """Name what is wrong with one answer: exactly one of `ERROR_KINDS`.

    Args:
        answer: canonical text of a number, or None where nothing could be read.
        gold: the right answer.

    Returns:
        "correct"; "unparsed"; "wrong sign" (right digits); "missing digits", "extra digits"; then, at the right length,
        the first that holds of "reversed", "off by one carry" (differs by a power of ten), "digits swapped" (two of
        them), "one digit wrong", "several digits wrong" (also where digits and sign are both wrong).

    >>> [error_kind(a, "1234") for a in ("1234", None, "-1234", "123", "4321", "1244", "1324", "1294", "5678")]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['correct', 'unparsed', 'wrong sign', 'missing digits', 'reversed', 'off by one carry', 'digits swapped',
     'one digit wrong', 'several digits wrong']
    """
    if answer == gold:
        return "correct"
    read, right = _NUMBER.fullmatch(answer or ""), _NUMBER.fullmatch(gold)
    if read is None or right is None:
        return "unparsed"
    (sign, body), (gold_sign, gold_body) = read.groups(), right.groups()
    if body == gold_body:
        return "wrong sign"
    digits, gold_digits = body.replace(".", ""), gold_body.replace(".", "")
    if len(digits) != len(gold_digits):
        return "missing digits" if len(digits) < len(gold_digits) else "extra digits"
    if sign == gold_sign and body.find(".") == gold_body.find("."):
        for name, holds in _SAME_LENGTH.items():
            if holds(digits, gold_digits):
                return name
    return "several digits wrong"


def breakdown(
    answers: Sequence[str | None], gold: Sequence[str], digits_n: ArrayLike, carries_n: ArrayLike, level: float = 0.95
) -> Breakdown:
    """Break a set of answers down.

    Args:
        answers: canonical text per problem, None where nothing could be read.
        gold: right answers, same length n.
        digits_n: (n,) int, digits of each problem.
        carries_n: (n,) int, carries of each problem.
        level: confidence level of the Wilson intervals.

    Raises:
        DataError: if the lengths differ or there is nothing to break down.

    >>> parts = breakdown(["12", "13", None], ["12", "23", "7"], [2, 2, 1], [0, 1, 0])
    >>> parts.by_digits[2].value, parts.by_place[0].n, parts.errors["off by one carry"].count
    (0.5, 3, 1)
    """
    digits, carries = np.asarray(digits_n, dtype=np.int64).ravel(), np.asarray(carries_n, dtype=np.int64).ravel()
    sizes = (len(answers), len(gold), len(digits), len(carries))
    if len(set(sizes)) != 1 or not sizes[0]:
        raise DataError(
            f"breakdown: {sizes} answers, right answers, digits and carries; expected one of each per problem."
        )
    correct = np.fromiter((a == g for a, g in zip(answers, gold)), dtype=bool, count=len(gold))
    found: dict[str, list[int]] = {name: [] for name in ERROR_KINDS}
    found["correct"] = np.flatnonzero(correct).tolist()
    for at in np.flatnonzero(~correct).tolist():
        found[error_kind(answers[at], gold[at])].append(at)
    errors = {
        name: ErrorKind(name, len(where), tuple((i, answers[i], gold[i]) for i in where[:_EXAMPLES]))
        for name, where in found.items()
    }
    pairs, inverse = np.unique(np.stack([digits, carries], axis=1), axis=0, return_inverse=True)
    cells = _grouped(inverse.ravel(), correct, len(pairs), level)
    table = tuple(Cell(int(d), int(c), interval) for (d, c), interval in zip(pairs, cells))
    overall = wilson(int(correct.sum()), len(correct), level)
    by_place = _by_place(answers, gold, level)
    return Breakdown(
        overall, _by_value(digits, correct, level), _by_value(carries, correct, level), table, by_place, errors
    )


def _grouped(label: NDArray[Any], correct: NDArray[np.bool_], groups: int, level: float) -> list[Interval]:
    right = np.bincount(label, weights=correct, minlength=groups).astype(np.int64)
    return wilson_many(right, np.bincount(label, minlength=groups), level)


def _by_value(values_n: NDArray[Any], correct_n: NDArray[np.bool_], level: float) -> dict[int, Interval]:
    values, inverse = np.unique(values_n, return_inverse=True)
    return dict(zip(values.tolist(), _grouped(inverse.ravel(), correct_n, len(values), level)))


def _by_place(answers: Sequence[str | None], gold: Sequence[str], level: float) -> tuple[Interval, ...]:
    gold_nw = _aligned([g.lstrip("-").replace(".", "") for g in gold])
    answers_nw = _aligned([(a or "").lstrip("-").replace(".", "") for a in answers])
    width = gold_nw.shape[1]
    short = max(0, width - answers_nw.shape[1])
    answers_nw = np.pad(answers_nw, ((0, 0), (0, short)))[:, :width]
    asked_nw = gold_nw != 0
    right_w = ((answers_nw == gold_nw) & asked_nw).sum(axis=0)
    return tuple(wilson_many(right_w, asked_nw.sum(axis=0), level))


def _aligned(texts: list[str]) -> NDArray[np.uint32]:
    """(n, width) code points, last character first, zero where a text is shorter."""
    width = max(1, *(len(t) for t in texts), 1)
    return np.array([t[::-1] for t in texts], dtype=f"<U{width}").view(np.uint32).reshape(len(texts), width)
