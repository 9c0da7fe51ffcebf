"""Does a chain follow its rule? Every line is compared with what the rule really does; the first wrong one is named.

As in the checker of `suites.process`, a right answer behind a wrong line is a false positive.
"""

import re
from dataclasses import dataclass
from typing import Literal

from algorism.evaluation.grading import grade
from algorism.evaluation.suites.nupa import KINDS as FORMS
from algorism.evaluation.suites.rules.chains import MARKER, Problem, Step
from algorism.tasks.numeracy import combination

Kind = Literal["value", "line", "missing", "extra", "answer"]
KINDS: dict[Kind, str] = {
    "value": "the right line, another value",
    "line": "another line than the rule comes to next",
    "missing": "the chain ends before the rule does",
    "extra": "a line after the rule has returned",
    "answer": "another answer than the rule's",
}


@dataclass(frozen=True)
class Check:
    """The verdict on a chain.

    Attributes:
        lines: lines of the chain that were read, the answer not counted.
        first: number of the first wrong line, from 0; the number of lines if only the answer is wrong or steps are
            missing at the end; None if nothing is wrong. What stands behind it is not judged.
        kind: what is wrong there.
        wanted: the line that should stand there; "" where there should be none.
        answer: what was given as the answer; None if nothing could be read.
        correct: whether the answer is right, whatever stands before it.
    """

    lines: int
    first: int | None
    kind: Kind | None
    wanted: str
    answer: str | None
    correct: bool

    @property
    def valid(self) -> bool:
        """Whether the answer and every line are right."""
        return self.correct and self.first is None

    @property
    def false_positive(self) -> bool:
        """Whether the answer is right and a line is not."""
        return self.correct and self.first is not None


def check(problem: Problem, response: str) -> Check:
    r"""Check a chain.

    White space, the kind of quotation marks, blank lines, code fences, and whatever stands before the rule's head do
    not count.

    Args:
        problem: what was asked.
        response: what was written.

    >>> from algorism.evaluation.suites.rules.chains import chain
    >>> problem = Problem("add-integer", ("57", "68"))
    >>> found = check(problem, chain(problem).replace("carry = 1", "carry = 0", 1))
    >>> found.first, found.kind, found.wanted, found.correct
    (6, 'value', 'carry = total // 10  # carry = 1', True)
    """
    body, marked, _ = response.rpartition(MARKER)
    lines = [_squeezed(line) for line in (body if marked else response).splitlines()]
    lines = [line for line in lines if line and not line.startswith("```")]
    head = _squeezed(problem.steps[0].code)
    start = next((at for at, line in enumerate(lines) if line.split("#")[0] == head), 0)
    lines = lines[start:]
    row = combination(problem.name)
    verdict = grade(response, problem.answer, kind=FORMS[row.answer], level="lenient", marker=MARKER)
    found = (len(lines), verdict.extracted, verdict.correct)
    for at, (line, step) in enumerate(zip(lines, problem.steps, strict=False)):
        kind = _wrong(line, step)
        if kind is not None:
            return _verdict(at, kind, str(step), *found)
    if len(lines) < len(problem.steps):
        return _verdict(len(lines), "missing", str(problem.steps[len(lines)]), *found)
    if len(lines) > len(problem.steps):
        return _verdict(len(problem.steps), "extra", "", *found)
    if not (marked and verdict.correct):
        return _verdict(len(lines), "answer", f"{MARKER} {problem.answer}", *found)
    return Check(len(lines), None, None, "", verdict.extracted, verdict.correct)


def _verdict(first: int, kind: Kind, wanted: str, lines: int, answer: str | None, correct: bool) -> Check:
    return Check(lines, first, kind, wanted, answer, correct)


def _wrong(line: str, step: Step) -> Kind | None:
    if line == _squeezed(str(step)):
        return None
    return "value" if line.partition("#")[0] == _squeezed(step.code) else "line"


def _squeezed(line: str) -> str:
    return re.sub(r"\s", "", line).replace('"', "'")
