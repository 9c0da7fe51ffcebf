"""Marks that wrong answers have in common, each tested against how often a wrong answer has it by chance.

They are looked for in sums, differences and products of whole numbers. Which of these were asked, and how many,
followed from the answers; so the p-values are those of confidence sequences (see `confidence`), which hold at any
stopping.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from algorism.evaluation.checkup.confidence import log_evidence_above, sequence_interval
from algorism.evaluation.checkup.session import Outcome
from algorism.evaluation.statistics import Interval

WHERE = ("add-integer", "sub-integer", "multiply_hard-integer", "add-no-carry", "add-all-carry")
Mark = Callable[[int, int, Outcome], bool | None]


@dataclass(frozen=True)
class Signature:
    """A mark of wrong answers.

    Attributes:
        name: short and unique.
        title: the question, in plain words.
        mark: (right answer, answer, outcome) → whether the answer has it; None if it could not be seen.
        chance: how often a wrong answer has it by chance, at most.
        sentence: what is said if it is shown; {share}: of the wrong answers.
        advice: what follows; empty for nothing.
    """

    name: str
    title: str
    mark: Mark
    chance: float
    sentence: str
    advice: str


def _power_of_ten(gap: int) -> bool:
    return gap >= 10 and set(str(gap)) <= {"1", "0"} and str(gap).count("1") == 1


def _lost_carry(gold: int, value: int, outcome: Outcome) -> bool | None:
    return _power_of_ten(gold - value) if gold >= 10 else None


def _extra_carry(gold: int, value: int, outcome: Outcome) -> bool | None:
    return _power_of_ten(value - gold) if gold >= 10 else None


def _backwards(gold: int, value: int, outcome: Outcome) -> bool | None:
    text = str(gold)
    return None if text == text[::-1] else int(text[::-1]) == value


def _round(gold: int, value: int, outcome: Outcome) -> bool | None:
    """A round number not far off (street's bound for a good estimate); right answers that are round show nothing."""
    return value % 10 == 0 and 5 * abs(value - gold) <= gold if gold % 10 and gold > 10 else None


def _echo(gold: int, value: int, outcome: Outcome) -> bool | None:
    return str(value) in outcome.asked.item.numbers


# By chance: a wrong digit is too small by exactly one in one case of ten (nine of ten digits can be, to one of nine
# others), too large by one as well. A wrong last digit is a zero in one case of nine; one in seven is generous. The
# others are rarer, and one in twenty is generous too.
SIGNATURES: tuple[Signature, ...] = (
    Signature(
        "lost-carry",
        "Are carries lost?",
        _lost_carry,
        0.1,
        "{share} of the wrong answers to sums, differences and products are too small by exactly one in a single place "
        "above the units, as if a carry had been lost.",
        "Carries get lost: train or prompt for carries (sums balanced by carries, column by column).",
    ),
    Signature(
        "extra-carry",
        "Are carries invented?",
        _extra_carry,
        0.1,
        "{share} of the wrong answers to sums, differences and products are too large by exactly one in a single place "
        "above the units, as if a carry had been invented.",
        "Carries are invented: train or prompt for carries (sums balanced by carries, column by column).",
    ),
    Signature(
        "backwards",
        "Are answers written backwards?",
        _backwards,
        0.05,
        "{share} of the wrong answers to sums, differences and products are right when read from the last digit.",
        "Read the model's answers from the last digit to the first.",
    ),
    Signature(
        "rounded",
        "Are answers rounded?",
        _round,
        0.15,
        "{share} of the wrong answers to sums, differences and products are round numbers near right ones that are not "
        "round, as if they had been estimated.",
        "Ask for the exact number, and say that no estimate is wanted.",
    ),
    Signature(
        "echo",
        "Is a number of the question repeated?",
        _echo,
        0.05,
        "{share} of the wrong answers to sums, differences and products only repeat a number of the question.",
        "",
    ),
)


@dataclass(frozen=True)
class Marked:
    """A signature with its outcome: share of the wrong answers that have it, and p against chance."""

    signature: Signature
    share: Interval
    p: float


def marked(signature: Signature, wrong: Sequence[tuple[int, int, Outcome]]) -> Marked | None:
    """Test a signature on wrong answers, given as (right answer, answer, outcome); None if it could not be seen."""
    seen = [mark for gold, value, outcome in wrong if (mark := signature.mark(gold, value, outcome)) is not None]
    if not seen:
        return None
    evidence = log_evidence_above(sum(seen), len(seen), signature.chance)
    return Marked(signature, sequence_interval(sum(seen), len(seen)), min(1.0, math.exp(min(0.0, -evidence))))


def wrong_integers(outcomes: Sequence[Outcome]) -> list[tuple[int, int, Outcome]]:
    """Wrong answers that are whole numbers, with the right ones."""
    found = []
    for outcome in outcomes:
        if outcome.right or outcome.value is None:
            continue
        digits = outcome.value.replace(",", "").replace(" ", "")
        if digits.lstrip("-").isascii() and digits.lstrip("-").isdigit() and len(digits) < 1000:
            found.append((int(outcome.asked.item.answer), int(digits), outcome))
    return found


def most_common_answer(outcomes: Sequence[Outcome]) -> tuple[str, int] | None:
    """The answer that was given most often, and how often; None if no answer could be read."""
    counts = Counter(outcome.value for outcome in outcomes if outcome.value is not None)
    return counts.most_common(1)[0] if counts else None
