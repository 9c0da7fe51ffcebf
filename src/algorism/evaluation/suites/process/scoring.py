"""From a record of answers to checked solutions, samples of problems, and counts of errors."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from algorism.errors import DataError
from algorism.evaluation.records import Answer
from algorism.evaluation.statistics import Interval, bootstrap
from algorism.evaluation.suites.process.chains import chain_of
from algorism.evaluation.suites.process.checker import Check, check
from algorism.evaluation.suites.process.samples import Samples, false_positive_rate


@dataclass(frozen=True)
class Solved:
    """An answer with the checker's verdict."""

    answer: Answer
    check: Check


def solved(answers: Iterable[Answer]) -> list[Solved]:
    """Check every answer."""
    return [Solved(answer, check(chain_of(answer.question), answer.reply.text)) for answer in answers]


def by_fact(some: Iterable[Solved], fact: str) -> dict[str, list[Solved]]:
    """Group by a fact of the question, such as "remainder"."""
    groups: dict[str, list[Solved]] = {}
    for one in some:
        groups.setdefault(str(one.answer.question.facts[fact]), []).append(one)
    return groups


def samples(some: Iterable[Solved], scores: Mapping[tuple[str, int], float] | None = None) -> list[Samples]:
    """The samples of each problem.

    Args:
        some: checked answers.
        scores: reward of (question's key, sample), for best-of-k.
    """
    groups: dict[str, list[Solved]] = {}
    for one in some:
        groups.setdefault(one.answer.question.key, []).append(one)
    return [
        Samples(
            key,
            tuple(one.check.answer for one in group),
            tuple(one.check.correct for one in group),
            tuple(one.check.valid for one in group),
            None if scores is None else tuple(scores[key, one.answer.reply.sample] for one in group),
        )
        for key, group in groups.items()
    ]


@dataclass(frozen=True)
class Tally:
    """Checked answers, summed up; intervals resample problems.

    Attributes:
        automatic: share of right answers.
        checked: share of answers that are right in every step.
        false_positives: among the right answers, the share with a wrong step; None if there are no right answers.
        right, wrong_reason: the counts behind that share.
        kinds: first errors of the false positives.
        lines: line of the first error → how many wrong solutions have it there.
        cut: answers that ended early.
    """

    automatic: Interval
    checked: Interval
    false_positives: Interval | None
    right: int
    wrong_reason: int
    kinds: dict[str, int]
    lines: dict[int, int]
    cut: int


def tally(some: Sequence[Solved], seed: int = 0) -> Tally:
    """Sum up.

    Raises:
        DataError: no answers.
    """
    if not some:
        raise DataError("There are no answers to sum up.")
    keys = [one.answer.question.key for one in some]
    correct, valid = [one.check.correct for one in some], [one.check.valid for one in some]
    wrong_reason = [one.check for one in some if one.check.false_positive]
    return Tally(
        bootstrap(correct, seed=seed, cluster=keys),
        bootstrap(valid, seed=seed, cluster=keys),
        false_positive_rate(samples(some), seed),
        sum(correct),
        len(wrong_reason),
        dict(Counter(str(one.kind) for one in wrong_reason)),
        dict(sorted(Counter(one.check.first for one in some if one.check.first is not None).items())),
        sum(one.answer.reply.finish == "length" for one in some),
    )
