"""The number cookbook's test (NUPA, arXiv 2411.03766): questions by length, and three scores that look at digits.

Questions come from `tasks.numeracy`; this file makes requests of them, scores answers as the paper does, and sums up by
length. Where a ratio has no answers to stand on it is None.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from algorism.errors import UsageError
from algorism.evaluation.questions import Question
from algorism.evaluation.statistics import Interval, mean_interval, wilson
from algorism.evaluation.values import Kind
from algorism.tasks.numeracy import COMBINATIONS, Combination, Item, Representation

Metric = Literal["exact", "digits", "length"]
RANGES = {20: {"S": (1, 4), "M": (5, 8), "L": (9, 14), "XL": (15, 20)}}
RANGES[100] = {"S": (1, 10), "M": (11, 20), "L": (21, 60), "XL": (61, 100)}
KINDS: dict[Representation, Kind] = {
    "integer": "integer",
    "float": "decimal",
    "fraction": "fraction",
    "scientific": "scientific",
}
_STARTS: dict[Representation, re.Pattern[str]] = {
    "integer": re.compile(r"\d+"),
    "float": re.compile(r"\d+\.\d+"),
    "fraction": re.compile(r"\d+/\d+"),
    "scientific": re.compile(r"\d+\.\d+[eE][+-]?\d+"),
}


def question(item: Item, seed: int = 0, *, released: bool = False) -> Question:
    """A question of the cookbook as a request; `released` says so in its key, where its label may be a faulty one."""
    row = item.combination
    facts = {"suite": "nupa", "combination": row.name, "answer": row.answer, "length": item.length}
    key = f"nupa/{seed}/{row.name}/{item.length}/{item.index}" + "/released" * released
    return Question(key, item.prompt, item.answer, KINDS[row.answer], None, facts)


def questions(
    names: Iterable[str] = COMBINATIONS,
    lengths: Sequence[int] | None = None,
    n: int = 10,
    seed: int = 0,
    *,
    released: bool = False,
) -> list[Question]:
    """So many questions of each combination and length.

    Args:
        names: combinations; all by default, variants among them.
        lengths: those wanted; a combination leaves out what it does not ask. All by default.
        n: of each.
        seed: of the set.
        released: with the labels of the cookbook's own generator, of which one in ten of "sig" is wrong; for comparing
            with figures that were measured on them.

    >>> len(questions(["add-integer", "add-float"], lengths=[2, 15], n=3))
    12
    """
    found = []
    for name in names:
        row = COMBINATIONS[name]
        for length in lengths or range(row.shortest, row.longest + 1):
            if row.shortest <= length <= row.longest:
                items = row.items(length, n, seed, released=released)
                found += [question(item, seed, released=released) for item in items]
    return found


def extract(text: str, representation: Representation) -> str:
    """The answer in a completion, as the released scorer reads it: a number of the wanted form at the very beginning.

    Signs count for nothing; a text that begins otherwise has no answer, "".

    >>> extract(" 3.25e+2 and so on", "scientific"), extract("It is 5", "integer")
    ('3.25e2', '')
    """
    found = _STARTS[representation].match(text.strip())
    return found.group().replace("+", "").replace("-", "").lower() if found else ""


@dataclass(frozen=True)
class Scores:
    """What one answer is worth.

    Attributes:
        exact: every part is right, digit by digit.
        digits: share of the right answer's digits that stand in their place.
        length: how many digits too many or too few.
    """

    exact: bool
    digits: float
    length: int


def score(answer: str, gold: str, representation: Representation) -> Scores:
    """Score an extracted answer.

    Parts (before and after the point, above and below the line, mantissa and exponent) are compared one by one: digits
    behind a point from the left, all others from the right. Digits that are too many cost nothing in `digits`; they
    count in `length`.

    >>> score("3883", "3883", "integer").exact, score("13.5", "3.25", "float")
    (True, Scores(exact=False, digits=0.3333333333333333, length=0))
    """
    ours, theirs = _parts(answer, representation), _parts(gold, representation)
    right = total = 0
    for at, (mine, wanted) in enumerate(zip(ours, theirs, strict=True)):
        step = 1 if at == 1 and representation in ("float", "scientific") else -1
        right += sum(x == y for x, y in zip(mine[::step], wanted[::step]))
        total += len(wanted)
    length = abs(sum(map(len, ours)) - sum(map(len, theirs)))
    return Scores(ours == theirs, right / total, length)


def _parts(text: str, representation: Representation) -> list[str]:
    count = {"integer": 1, "float": 2, "fraction": 2, "scientific": 3}[representation]
    pieces = re.split(r"[./eE]", text) if text else []
    pieces = [re.sub(r"\D", "", piece) for piece in pieces]
    return [*pieces, *[""] * count][:count]


@dataclass(frozen=True)
class Profile:
    """One combination, by length.

    Attributes:
        combination: which.
        exact: length → share of exact answers, with its interval.
        digits: length → mean share of right digits.
        length: length → mean error of the length.
    """

    combination: Combination
    exact: Mapping[int, Interval]
    digits: Mapping[int, Interval]
    length: Mapping[int, Interval]

    def well_learned(self, unbroken: bool = False) -> int:
        """Well-learned digits: the largest length with at least 90 % exact answers; 0 if there is none.

        Args:
            unbroken: all shorter lengths that were asked must have it too; the paper does not ask for that.
        """
        return _largest({k: v.value >= 0.9 for k, v in self.exact.items()}, unbroken)

    def preserving(self, unbroken: bool = False) -> int:
        """Performance-preserving digits: the largest length with at least 10 % exact answers; 0 if there is none."""
        return _largest({k: v.value >= 0.1 for k, v in self.exact.items()}, unbroken)

    def in_range(self, name: str) -> float | None:
        """Mean exact match over the lengths of a range: S, M, L or XL; None if none of them was asked.

        Raises:
            UsageError: another name.
        """
        ranges = RANGES[self.combination.longest]
        if name not in ranges:
            raise UsageError(f"Ranges are {', '.join(ranges)}, got {name!r}.")
        low, high = ranges[name]
        values = [v.value for k, v in self.exact.items() if low <= k <= high]
        return sum(values) / len(values) if values else None


def profile(combination: Combination, answered: Iterable[tuple[int, str, str]]) -> Profile:
    """Sum up the answers to one combination.

    Args:
        combination: whose questions they are.
        answered: (length, completion, right answer) of each.
    """
    by_length: dict[int, list[Scores]] = {}
    for length, text, gold in answered:
        found = score(extract(text, combination.answer), gold, combination.answer)
        by_length.setdefault(length, []).append(found)
    rows = dict(sorted(by_length.items()))
    return Profile(
        combination,
        {k: wilson(sum(s.exact for s in scores), len(scores)) for k, scores in rows.items()},
        {k: _mean([s.digits for s in scores]) for k, scores in rows.items()},
        {k: _mean([float(s.length) for s in scores]) for k, scores in rows.items()},
    )


def _mean(values: list[float]) -> Interval:
    return mean_interval(values) if len(values) > 1 else Interval(values[0], values[0], values[0], 1)


def _largest(holds: Mapping[int, bool], unbroken: bool) -> int:
    best = 0
    for length in sorted(holds):
        if holds[length]:
            best = length
        elif unbroken:
            break
    return best
