"""Checked chains, summed up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from algorism.errors import DataError
from algorism.evaluation.statistics import Interval, wilson
from algorism.evaluation.suites.rules.checker import Check


@dataclass(frozen=True)
class Tally:
    """Answers to different questions.

    Attributes:
        correct: share of right answers.
        valid: share of chains that are right in every line, and in their answer.
        false_positives: among the right answers, the share with a wrong line; None if there are no right answers.
        kinds: what is wrong first in the chains that are not valid.
    """

    correct: Interval
    valid: Interval
    false_positives: Interval | None
    kinds: dict[str, int]


def tally(checks: Sequence[Check]) -> Tally:
    """Sum up.

    Raises:
        DataError: no chains.
    """
    if not checks:
        raise DataError("There are no chains to sum up.")
    right, false = sum(one.correct for one in checks), sum(one.false_positive for one in checks)
    return Tally(
        wilson(right, len(checks)),
        wilson(sum(one.valid for one in checks), len(checks)),
        wilson(false, right) if right else None,
        dict(Counter(one.kind for one in checks if one.kind is not None)),
    )
