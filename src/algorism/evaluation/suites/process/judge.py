"""A model as judge of solutions, and how good a judge it is where the exact checker knows (arXiv 2502.06217, 5.2).

With few false positives, a judge that never finds one is right most of the time: precision, recall and F1 of false
positives are reported, not accuracy. Replies without a verdict are counted apart.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from algorism.errors import UsageError
from algorism.evaluation.questions import Question
from algorism.evaluation.records import Answer
from algorism.evaluation.statistics import Interval
from algorism.evaluation.suites.process.chains import chain_of
from algorism.evaluation.suites.process.checker import check

_PROMPT = (
    "You are an expert who verifies solutions of arithmetic problems. Check every step of the solution below: whether "
    "it follows, whether it is calculated right, whether it is about the right numbers. Disregard slips that do not "
    "touch the result and that the solution corrects itself. Output only True if the solution is correct in every "
    "step, or False if it is not.\n\nProblem: {problem}\n\nSolution:\n{solution}\n\nVerdict:"
)
_VERDICT = re.compile(r"(?<![A-Za-z])(true|false)(?![A-Za-z])", re.IGNORECASE)


def judge_questions(answers: Iterable[Answer]) -> list[Question]:
    """What a judge is asked: every solution with a right answer, as the paper's detection benchmark has it.

    Gold is the checker's verdict: "True", or "False" for a false positive.
    """
    made = []
    for answer in answers:
        problem = chain_of(answer.question)
        verdict = check(problem, answer.reply.text)
        if not verdict.correct:
            continue
        prompt = _PROMPT.format(problem=problem.text, solution=answer.reply.text.strip())
        key = f"judge/{answer.question.key}/{answer.reply.sample}"
        made.append(Question(key, prompt, str(verdict.valid), "integer", None, {"suite": "judge"}))
    return made


def verdict(reply: str) -> bool | None:
    r"""Whether a judge calls a solution correct: its last True or False; "incorrect" without one means no.

    None if it says neither; the paper counts that as not detected.

    >>> verdict("\\boxed{\\text{False}}"), verdict("That is incorrect."), verdict("The result is 12.")
    (False, False, None)
    """
    found = _VERDICT.findall(reply)
    if found:
        return str(found[-1]).lower() == "true"
    return False if "incorrect" in reply.lower() else None


@dataclass(frozen=True)
class Detection:
    """How well false positives are found; "positive" means called false.

    Attributes:
        hits: false positives that were found.
        alarms: right solutions that were called false.
        misses: false positives that were not found.
        passed: right solutions that were called right.
        unread: replies without a verdict, which count as not found.
    """

    hits: int
    alarms: int
    misses: int
    passed: int
    unread: int = 0

    @property
    def precision(self) -> float | None:
        """Of those called false, the share that is."""
        return self.hits / (self.hits + self.alarms) if self.hits + self.alarms else None

    @property
    def recall(self) -> float | None:
        """Of the false positives, the share that was found."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None

    @property
    def f1(self) -> float | None:
        """2·hits / (2·hits + alarms + misses)."""
        bottom = 2 * self.hits + self.alarms + self.misses
        return 2 * self.hits / bottom if bottom else None

    @property
    def never(self) -> float | None:
        """The accuracy of a judge that never finds one: why accuracy is no measure here."""
        n = self.hits + self.alarms + self.misses + self.passed
        return (self.alarms + self.passed) / n if n else None


def detection(judged: Sequence[tuple[str, str]]) -> Detection:
    """Count (reply, gold) pairs, gold "True" or "False".

    >>> detection([("False", "False"), ("True", "True"), ("hm", "False")])
    Detection(hits=1, alarms=0, misses=1, passed=1, unread=1)
    """
    hits = alarms = misses = passed = unread = 0
    for reply, gold in judged:
        said = verdict(reply)
        unread += said is None
        if gold == "False":
            hits, misses = hits + (said is False), misses + (said is not False)
        else:
            alarms, passed = alarms + (said is False), passed + (said is not False)
    return Detection(hits, alarms, misses, passed, unread)


def true_rate(observed: int, n: int, sensitivity: float, specificity: float) -> Interval:
    """The share of false positives behind an imperfect judge's count (Rogan and Gladen 1978).

    (observed + specificity - 1) / (sensitivity + specificity - 1), clipped to 0 to 1, with the delta method's 95 %
    interval for given sensitivity and specificity.

    Args:
        observed: solutions called false.
        n: out of how many.
        sensitivity: share of false positives that the judge finds.
        specificity: share of right solutions that it lets pass.

    Raises:
        UsageError: a judge no better than chance, sensitivity + specificity <= 1; or counts out of range.

    >>> round(true_rate(22, 100, sensitivity=0.7, specificity=0.85).value, 3)
    0.127
    """
    gain = sensitivity + specificity - 1
    if n < 1 or not 0 <= observed <= n or not (0 <= sensitivity <= 1 and 0 <= specificity <= 1):
        raise UsageError(f"true_rate: {observed} of {n}, sensitivity {sensitivity}, specificity {specificity}.")
    if gain <= 0:
        raise UsageError(
            f"true_rate: sensitivity {sensitivity} and specificity {specificity} add up to no more than 1; such a "
            "judge tells nothing about the true rate."
        )
    share = observed / n
    half = 1.959964 * math.sqrt(share * (1 - share) / n) / gain
    value = (share + specificity - 1) / gain
    low, mid, high = (min(1.0, max(0.0, x)) for x in (value - half, value, value + half))
    return Interval(mid, low, high, n)
