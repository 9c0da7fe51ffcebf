"""Likely causes of wrong answers, each tested by asking twice: with the cause and without it.

Two arms (`arms`) give a pair for every i, of the same numbers where that is possible. Pairs are drawn apart from the
probes' questions, their number is fixed before the first is asked, and each contrast is tested once, by McNemar's exact
test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from algorism.evaluation.statistics import Interval, mcnemar


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
    Contrast(
        "letters",
        "Does counting letters fail because they stick together?",
        "letters",
        "letters, apart",
        "Counting a letter is right more often when every letter stands alone ({b} against {a}).",
        "Counting a letter is right less often when every letter stands alone ({b} against {a}).",
        {"better": "Write what is to be counted apart, letter by letter."},
        probe="count-letters",
        least=8,  # of fewer letters there are too few strings
        most=32,
    ),
    Contrast(
        "longer",
        "Do sums that are longer than their numbers hurt?",
        "sum as long as its numbers",
        "sum longer than its numbers",
        "Sums that are a digit longer than their numbers are right more often ({b} against {a}).",
        "Sums that are a digit longer than their numbers are right less often ({b} against {a}).",
        {"worse": "Check sums that are a digit longer than their numbers with a calculator."},
    ),
    Contrast(
        "round",
        "Are round numbers easier?",
        "sum",
        "sum of round numbers",
        "Sums of multiples of ten are right more often than other sums of the same length ({b} against {a}).",
        "Sums of multiples of ten are right less often than other sums of the same length ({b} against {a}).",
        {"better": "Where an estimate is enough, round the numbers before the model adds them."},
    ),
    Contrast(
        "everyday",
        "Does it matter whether a sum is about prices?",
        "sum in words",
        "sum of prices",
        "Sums are right more often as a total price than as a sum in words ({b} against {a}).",
        "Sums are right less often as a total price than as a sum in words ({b} against {a}).",
        {"worse": "Take the numbers out of the story, and ask for their sum."},
    ),
    Contrast(
        "rule",
        "Does it hurt when the question defines what is to be done?",
        "sum",
        "sum by a rule",
        "Sums are right more often by a rule that the question gives ({b} against {a}).",
        "Sums are right less often when they follow from a rule that the question gives ({b} against {a}).",
        {"worse": "Ask for plain operations; do not define new ones in the question."},
    ),
    Contrast(
        "steps",
        "Do chains get right more often when every step is written?",
        "chain",
        "chain, step by step",
        "Chains are right more often when every step is asked for ({b} against {a}).",
        "Chains are right less often when every step is asked for ({b} against {a}).",
        {"better": "Have every step of a chain written down.", "worse": "Ask for the result of a chain alone."},
        probe="chain",
        most=8,
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


@dataclass(frozen=True)
class Untested:
    """A contrast of which no pair was answered, and why: reason → how often."""

    contrast: Contrast
    reasons: dict[str, int]


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
