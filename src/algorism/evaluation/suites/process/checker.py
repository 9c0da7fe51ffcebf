"""Is a solution right, and is it right for a right reason? Every line of a chain is recomputed exactly.

A false positive is a response with the right answer and at least one wrong step (arXiv 2502.06217, section 3.2). The
kinds of error are the paper's four. A line that takes an earlier one back replaces it: a mistake that the solution
itself corrects is none.
"""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from algorism.evaluation.grading import grade
from algorism.evaluation.suites.process.chains import MARKER, Chain, Step
from algorism.evaluation.suites.process.equations import Equation, equations
from algorism.evaluation.suites.process.expressions import numbers, operands

Kind = Literal["calculation", "logical", "conceptual", "jump"]
KINDS: dict[Kind, str] = {
    "calculation": "the right operation, a wrong result",
    "logical": "a line about other numbers, or an answer that does not follow",
    "conceptual": "the right numbers, another operation",
    "jump": "a step is missing",
}
_DIGITS = 1000
_BACK = re.compile(r"\b(?:wait|correction|actually|sorry|oops|mistake|no,|let me redo)", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line that stands at the end.

    Attributes:
        text: the equation, or the answer for the last one.
        steps: how many steps of the chain there are before it.
        kind: of its error; None if it is right.
        value: what it says the result is.
    """

    text: str
    steps: int
    kind: Kind | None
    value: Fraction | None


@dataclass(frozen=True)
class Check:
    """The verdict on a solution.

    Attributes:
        lines: equations and, last, the answer, without those that were taken back.
        answer: what was given as the answer; None if nothing could be read.
        correct: whether the answer is right, whatever stands before it.
        retracted: lines that were taken back.
    """

    lines: tuple[Line, ...]
    answer: str | None
    correct: bool
    retracted: int = 0

    @property
    def first(self) -> int | None:
        """The number of the first wrong line, from 0; None if there is none."""
        return next((at for at, line in enumerate(self.lines) if line.kind), None)

    @property
    def kind(self) -> Kind | None:
        """What is wrong there."""
        return None if self.first is None else self.lines[self.first].kind

    @property
    def valid(self) -> bool:
        """Whether the answer and every step are right."""
        return self.correct and self.first is None

    @property
    def false_positive(self) -> bool:
        """Whether the answer is right and a step is not."""
        return self.correct and self.first is not None


@dataclass
class _State:
    """How far a solution has come: steps done, and what it says there is now."""

    done: int
    value: Fraction


def check(problem: Chain, response: str) -> Check:
    r"""Check a solution line by line.

    Every line is judged by what the solution itself has before it, so that one slip is one error.

    Args:
        problem: the chain.
        response: what was written.

    >>> from algorism.evaluation.suites.process.chains import Step
    >>> problem = Chain(0, Fraction(7), (Step("+", Fraction(5)), Step("*", Fraction(3)), Step("mod", Fraction(5))))
    >>> found = check(problem, "7 + 5 = 11\n11 * 3 = 36\n36 mod 5 = 1\nAnswer: 1")
    >>> found.correct, found.valid, found.first, found.kind
    (True, False, 0, 'calculation')
    """
    state = _State(0, problem.start)
    before: list[tuple[_State, int]] = []  # the state before each line that counts, and its place in `lines`
    lines: list[Line] = []
    retracted = 0
    body = response.rpartition(MARKER)[0] or response
    for equation in equations(body):
        if _BACK.search(equation.before) and before:
            at = _taken_back(problem, equation, before)
            state = before[at][0]
            retracted += len(lines) - before[at][1]
            lines, before = lines[: before[at][1]], before[:at]
        kind, taken = _judge(problem, state, equation)
        if kind is not None and _said_before(problem, equation, before, lines):
            continue
        before.append((_State(state.done, state.value), len(lines)))
        lines.append(Line(equation.text, state.done, kind, equation.values[-1]))
        state = _State(min(state.done + taken, len(problem.steps)), equation.values[-1])
    kind_of = "integer" if problem.values[-1].denominator == 1 else "fraction"
    verdict = grade(response, problem.answer, kind=kind_of, level="lenient", marker=MARKER)  # type: ignore[arg-type]
    lines.append(_answer(problem, state, verdict.value, verdict.extracted))
    return Check(tuple(lines), verdict.extracted, verdict.correct, retracted)


def _said_before(problem: Chain, equation: Equation, before: list[tuple[_State, int]], lines: list[Line]) -> bool:
    """Whether an equation only repeats a right line: solutions sum themselves up."""
    return any(lines[at].kind is None and _judge(problem, state, equation)[0] is None for state, at in before)


def _taken_back(problem: Chain, equation: Equation, before: list[tuple[_State, int]]) -> int:
    """Which line an equation replaces: the latest whose step it does; the last one if none fits."""
    for at in range(len(before) - 1, -1, -1):
        if _judge(problem, before[at][0], equation)[0] in (None, "calculation"):
            return at
    return len(before) - 1


def _judge(problem: Chain, state: _State, equation: Equation) -> tuple[Kind | None, int]:
    """What is wrong with a line, and how many steps it takes."""
    left = problem.steps[state.done :]
    operation = operands(equation.sides[0])
    if not left or (operation is None and not _covers(left, state.value, equation)):
        return "logical", 0
    if operation is None:
        return (None if equation.holds else "calculation"), _covers(left, state.value, equation)
    wanted = left[0]
    if _is(operation, state.value, wanted):
        return (None if equation.holds else "calculation"), 1
    a, sign, b = operation
    if {a, b} == {state.value, wanted.number} and sign != wanted.sign:
        return "conceptual", 1
    for ahead in range(1, len(left)):
        if (sign, b) == (left[ahead].sign, left[ahead].number) and a == _after(left[:ahead], state.value):
            return "jump", ahead + 1
    return "logical", 1


def _is(operation: tuple[Fraction, str, Fraction], value: Fraction, wanted: Step) -> bool:
    a, sign, b = operation
    if sign != wanted.sign:
        return False
    return (a, b) == (value, wanted.number) or (sign in "+*" and (b, a) == (value, wanted.number))


def _after(steps: tuple[Step, ...], value: Fraction) -> Fraction | None:
    for step in steps:
        if step.sign == "mod" and value.denominator != 1:
            return None
        value = step.of(value)
    return value


def _covers(left: tuple[Step, ...], value: Fraction, equation: Equation) -> int:
    """How many of the next steps one line of several operations does; 0 if it is about something else."""
    there = Counter(numbers(equation.sides[0]))
    for count in range(2, len(left) + 1):
        wanted = Counter([abs(value), *(abs(step.number) for step in left[:count])])
        if there == wanted and _after(left[:count], value) == equation.values[0]:
            return count
    return 0


def _answer(problem: Chain, state: _State, value: object, text: str | None) -> Line:
    if isinstance(value, Decimal) and abs(value.adjusted()) > _DIGITS:
        value = None  # longer than any chain's result, and slow to compare
    said = Fraction(value) if isinstance(value, int | Fraction | Decimal) else None
    if state.done < len(problem.steps):
        return Line(text or "", state.done, "jump", said)
    return Line(text or "", state.done, None if said == state.value else "logical", said)
