"""Transforms: single changes of how a problem is written, each with its inverse on text.

A transform changes a `Draft` (its `write`) and undoes its change on the text of an answer (its `read`). Adding one is
a subclass marked @transform; formats join them by name (see `formats`).
"""

from collections.abc import Callable
from typing import ClassVar

from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problems
from algorism.text.draft import Draft, planes_of
from algorism.text.planes import constant


class Transform:
    """One change of how a problem is written; the base changes nothing.

    Attributes:
        name: as it stands in a format's name.
        stage: transforms with a lower stage write first.
        random: whether writing draws random numbers.
        requires: another transform without which this one means nothing.
        numbered: whether a number may follow the name, as in `pad5`.
        characters: those that it may write, where it draws them.
    """

    name: ClassVar[str] = ""
    stage: ClassVar[int] = 1
    random: ClassVar[bool] = False
    requires: ClassVar[str | None] = None
    numbered: ClassVar[bool] = False
    characters: ClassVar[str] = ""

    def write(self, draft: Draft) -> None:
        """Change the draft in place."""

    def read(self, completion: str) -> str | None:
        """Undo the change on a completion, or on what is left of it; None if it cannot be."""
        return completion

    def read_operand(self, operand: str) -> str:
        """Undo the change on an operand."""
        return operand

    def read_question(self, question: str) -> str:
        """Undo the change on what stands before the completion."""
        return question

    def reference(self, problems: Problems) -> Numbers | None:
        """The answers this way of writing arrives at, if they differ from the exact ones; None if not."""
        return None

    def __str__(self) -> str:
        return self.name


TRANSFORMS: dict[str, Callable[[str], Transform]] = {}
NUMBERED: set[str] = set()


def transform(cls: type[Transform]) -> type[Transform]:
    """Register a transform class under its name. If its constructor takes an argument, `name5` passes "5" to it."""
    if cls.numbered:
        NUMBERED.add(cls.name)
    TRANSFORMS[cls.name] = lambda argument: cls(argument) if argument else cls()  # type: ignore[call-arg]
    return cls


@transform
class Plain(Transform):
    """`128+367=495` and a newline."""

    name = "plain"


@transform
class Reverse(Transform):
    """The answer's characters in reverse order, sign included: `128+367=594`."""

    name = "reverse"

    def write(self, draft: Draft) -> None:
        draft.answer.reverse = not draft.answer.reverse

    def read(self, completion: str) -> str | None:
        return completion[::-1]


@transform
class ReverseOperands(Transform):
    """The operands' characters in reverse order: `821+763=495`."""

    name = "reverse-operands"

    def write(self, draft: Draft) -> None:
        for operand in draft.operands:
            operand.reverse = True

    def read_operand(self, operand: str) -> str:
        return operand[::-1]


@transform
class Pad(Transform):
    """Leading zeros: operands to d digits, a sum to d+1 (`092+376=0468`).

    `pad3` sets d = 3; `pad` takes the digit planes of the operands, which for a task is its longest number.
    """

    name = "pad"
    stage = 0
    numbered = True

    def __init__(self, digits: str = "") -> None:
        self.digits = int(digits) if digits else 0

    def write(self, draft: Draft) -> None:
        problems = draft.problems
        decimals = problems.operands[0].decimals
        digits = self.digits or max(o.places for o in problems.operands) - decimals
        for operand in draft.operands:
            operand.width = digits + decimals
        draft.answer.width = operator_named(problems.operator).answer_digits(digits) + problems.answer.decimals

    def __str__(self) -> str:
        return f"{self.name}{self.digits or ''}"


@transform
class Dollar(Transform):
    """A `$` before the question and a `$` instead of the newline after the answer: `$128+367=495$`."""

    name = "dollar"
    stage = 3

    def write(self, draft: Draft) -> None:
        draft.opening = [*constant("$"), *planes_of(draft.opening)]
        draft.closing = "$"
