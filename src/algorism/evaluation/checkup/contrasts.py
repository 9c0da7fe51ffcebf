"""Likely causes of wrong answers, each tested by asking twice: with the cause and without it.

An arm is a way to make the i-th item of a level; two arms give a pair for every i, the same numbers where that is
possible. Pairs are drawn apart from the probes' questions, their number is fixed before the first is asked, and each
contrast is tested once, by McNemar's exact test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from algorism.evaluation.checkup.items import Item, Make, carrying, cookbook, in_words, rewritten, sum_of
from algorism.evaluation.statistics import Interval, mcnemar
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.numeracy.values import draw


def _numbers(level: int, index: int, seed: int) -> tuple[int, int, int]:
    """Two numbers of the level's length and one of half of it."""
    draws = Draws(f"{seed}/checkup-pair/{level}/{index}")
    a, b, short = (draw(draws, "integer", length) for length in (level, level, (level + 1) // 2))
    return int(a), int(b), int(short)  # type: ignore[arg-type]


def _equal(level: int, index: int, seed: int) -> Item:
    a, b, _ = _numbers(level, index, seed)
    return sum_of(a, b)


def _long_first(level: int, index: int, seed: int) -> Item:
    a, _, short = _numbers(level, index, seed)
    return sum_of(a, short)


def _short_first(level: int, index: int, seed: int) -> Item:
    a, _, short = _numbers(level, index, seed)
    return sum_of(short, a)


def _in(writing: str, make: Make) -> Make:
    return lambda level, index, seed: rewritten(make(level, index, seed), writing)


_count = cookbook("count-integer")
ARMS: dict[str, Make] = {
    "sum": _equal,
    "sum grouped from the right": _in("grouped from the right", _equal),
    "sum grouped from the left": _in("grouped from the left", _equal),
    "sum digit by digit": _in("digit by digit", _equal),
    "sum in words": lambda level, index, seed: in_words(_equal(level, index, seed)),
    "sum of half the length": lambda level, index, seed: _equal(level // 2, index, seed),
    "sum, long number first": _long_first,
    "sum, short number first": _short_first,
    "sum without carries": carrying(False),
    "sum with a carry in every column": carrying(True),
    "count": _count,
    "count, digit by digit": _in("digit by digit", _count),
}


@dataclass(frozen=True)
class Contrast:
    """A cause, and the two arms that differ in it.

    Attributes:
        name: short and unique.
        title: the question, in plain words.
        a, b: arms; b has what is suspected to hurt, or to help.
        probe: the levels at which this probe becomes hard are where a difference can show.
        least, most: levels that make sense.
        step: `b` is asked at the level that holds times this.
        better: what is said if b is better; {a}, {b}: accuracies.
        worse: what is said if b is worse.
        advice: rules, by "better" and "worse"; a missing one means there is nothing to advise.
    """

    name: str
    title: str
    a: str
    b: str
    better: str
    worse: str
    advice: dict[str, str]
    probe: str = "add-integer"
    least: int = 2
    most: int = 20
    step: int = 1


CONTRASTS: tuple[Contrast, ...] = (
    Contrast(
        "grouping",
        "Do commas every three digits, counted from the right, help?",
        "sum",
        "sum grouped from the right",
        "Sums are right more often when their numbers have commas every three digits from the right ({b} against {a}).",
        "Sums are right less often when their numbers have commas every three digits ({b} against {a}).",
        {
            "better": "Write long numbers with commas every three digits from the right before the model sees them.",
            "worse": "Take thousands separators out of numbers before the model sees them.",
        },
        least=4,
    ),
    Contrast(
        "direction",
        "Does it matter from which end digits are grouped, as a tokenizer may do it?",
        "sum grouped from the right",
        "sum grouped from the left",
        "Groups of three from the left are right more often than groups from the right ({b} against {a}).",
        "Groups of three from the left are right less often than groups from the right ({b} against {a}), which is how "
        "a tokenizer that cuts from the left hurts.",
        {"worse": "Align groups of digits from the right: with separators, or with a tokenizer that cuts from there."},
        least=4,
    ),
    Contrast(
        "digits",
        "Does it help to write numbers digit by digit?",
        "sum",
        "sum digit by digit",
        "Sums are right more often when every digit stands alone ({b} against {a}).",
        "Sums are right less often when every digit stands alone ({b} against {a}).",
        {"better": "Write the digits of long numbers apart, so that every digit is a token of its own."},
    ),
    Contrast(
        "carries",
        "Do carries hurt?",
        "sum without carries",
        "sum with a carry in every column",
        "Sums with a carry in every column are right more often than sums without ({b} against {a}).",
        "Sums with a carry in every column are right less often than sums without any, at the same length "
        "({b} against {a}).",
        {"worse": "Train or prompt for carries: sums balanced by carries, column by column."},
    ),
    Contrast(
        "length",
        "Does length hurt?",
        "sum of half the length",
        "sum",
        "Longer sums are right more often than sums of half the length ({b} against {a}).",
        "Sums are right less often than sums of half the length ({b} against {a}).",
        {"worse": "Give sums longer than the model holds to a calculator, or split them into shorter ones."},
        step=2,
    ),
    Contrast(
        "unequal",
        "Do numbers of unequal lengths hurt?",
        "sum",
        "sum, long number first",
        "Sums with a second number of half the length are right more often ({b} against {a}).",
        "Sums with a second number of half the length are right less often ({b} against {a}).",
        {"worse": "Check sums of numbers of unequal lengths with a calculator."},
    ),
    Contrast(
        "order",
        "Does the order of the two numbers matter?",
        "sum, long number first",
        "sum, short number first",
        "Sums are right more often with the shorter number first ({b} against {a}).",
        "Sums are right less often with the shorter number first ({b} against {a}).",
        {"better": "Put the shorter number first.", "worse": "Put the longer number first."},
    ),
    Contrast(
        "words",
        "Does it matter whether a sum is asked in words?",
        "sum",
        "sum in words",
        "Sums asked in words are right more often than formulas ({b} against {a}).",
        "Sums asked in words are right less often than formulas ({b} against {a}).",
        {"better": "Ask in words instead of formulas.", "worse": "Turn sums in words into formulas before asking."},
    ),
    Contrast(
        "chunks",
        "Does counting fail because digits stick together?",
        "count",
        "count, digit by digit",
        "Counting a digit is right more often when every digit stands alone ({b} against {a}).",
        "Counting a digit is right less often when every digit stands alone ({b} against {a}).",
        {"better": "Write what is to be counted apart, symbol by symbol."},
        probe="count-integer",
    ),
)


@dataclass(frozen=True)
class Tested:
    """A contrast with its outcome.

    Attributes:
        contrast: which.
        level: where it was asked.
        a, b: right answers of each arm among the pairs.
        effect: accuracy of b less that of a, with a 95 % interval.
        p: of McNemar's exact test.
        right: right or not, for a and b, of each pair.
    """

    contrast: Contrast
    level: int
    a: int
    b: int
    effect: Interval
    p: float


def level_of(contrast: Contrast, holds: int, levels: Sequence[int]) -> int:
    """The level that a contrast is asked at: where the probe begins to fail, so that both arms can still differ.

    Args:
        contrast: which.
        holds: the level up to which at least half seems to be right; 0 for none.
        levels: of the probe.

    >>> level_of(CONTRASTS[0], 3, (1, 2, 3, 4)), level_of(CONTRASTS[4], 6, (1, 20))
    (4, 12)
    """
    wanted = max(holds, levels[0]) * contrast.step
    return min(max(wanted, contrast.least), contrast.most)


def tested(contrast: Contrast, level: int, pairs: Sequence[tuple[bool, bool]]) -> Tested | None:
    """Test a contrast on pairs of (a right, b right); None without any."""
    if not pairs:
        return None
    a, b = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    found = mcnemar([y for _, y in pairs], [x for x, _ in pairs])
    return Tested(contrast, level, a, b, paired_difference(found.only_a, found.only_b, len(pairs)), found.p)


def paired_difference(only_b: int, only_a: int, n: int, z: float = 1.959964) -> Interval:
    """Accuracy of b less that of a on n pairs, with Agresti and Min's interval (2005, Statistics in Medicine 24).

    Half an observation is added to each of the four cells before Wald's formula, so that the interval has a width
    even if no pair differs. The value itself is the plain difference.

    Args:
        only_b: pairs that only b got right.
        only_a: pairs that only a got right.
        n: all pairs.
        z: of the confidence level.

    >>> print(paired_difference(0, 0, 40))
    0.000 [-0.047, 0.047]
    """
    c, b, m = only_b + 0.5, only_a + 0.5, n + 2
    centre = (c - b) / m
    half = z * math.sqrt(b + c - (b - c) ** 2 / m) / m
    return Interval((only_b - only_a) / n, max(-1.0, centre - half), min(1.0, centre + half), n)


def verdict(effect: Interval, adjusted: float) -> str:
    """Say "better" or "worse" if a cause is shown: adjusted p below 0.05, and at least 5 points. Else "no"."""
    if adjusted >= 0.05 or abs(effect.value) < 0.05:
        return "no"
    return "better" if effect.value > 0 else "worse"
