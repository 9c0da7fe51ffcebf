"""The one table from which every adapter is made: a name, how its questions are drawn, how answers are read.

Knows tasks, questions and the grader; knows no harness. A further row appears in all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from algorism.errors import UsageError, nearest
from algorism.evaluation.questions import Question
from algorism.evaluation.suites.nupa import KINDS as NUPA_KINDS
from algorism.evaluation.values import Kind
from algorism.tasks.numeracy import COMBINATIONS, Combination
from algorism.tasks.numeracy.combinations import FORMS
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.operators import operator


class Drawn(NamedTuple):
    """A question before it is dressed: figures up to the equals sign, the same with instructions, the exact answer."""

    bare: str
    instructed: str
    gold: str


@dataclass(frozen=True)
class Definition:
    """A task as other harnesses see it.

    Attributes:
        name: as it is typed.
        about: one line.
        kind: how its answers are read.
        shortest, longest: digits that may be asked.
        usual: digits asked by default.
        draw: (digits, index, seed) to a question; depends on these alone.
    """

    name: str
    about: str
    kind: Kind
    shortest: int
    longest: int
    usual: int
    draw: Callable[[int, int, int], Drawn]

    def question(self, index: int, *, digits: int | None = None, seed: int = 0, bare: bool = False) -> Question:
        """Question number `index`; leaving others out changes nothing about it.

        Args:
            index: from 0 on, without end.
            digits: of the longer operand.
            seed: of the set.
            bare: only the figures (`123+456=`), for models that continue text; otherwise with instructions.

        Raises:
            UsageError: digits that this task does not ask.

        >>> definition("addition").question(0, digits=2, bare=True).prompt
        '33+50='
        """
        digits = self.usual if digits is None else digits
        if not self.shortest <= digits <= self.longest:
            raise UsageError(f"{self.name}: expected {self.shortest} to {self.longest} digits, got {digits}.")
        drawn = self.draw(digits, index, seed)
        facts = {"definition": self.name, "digits": digits}
        key = f"{self.name}/{seed}/{digits}/{index}"
        return Question(key, drawn.bare if bare else drawn.instructed, drawn.gold, self.kind, None, facts)

    def questions(self, n: int, *, digits: int | None = None, seed: int = 0, bare: bool = False) -> list[Question]:
        """The first n different questions; fewer if there are no more. Arguments as for `question`.

        >>> [q.gold for q in definition("length-integer").questions(2, digits=5)]
        ['5', '5']
        """
        if n < 1:
            raise UsageError(f"{self.name}: expected at least one question, got n={n}.")
        found: dict[object, Question] = {}
        for index in range(4 * n + 40):
            if len(found) == n:
                break
            asked = self.question(index, digits=digits, seed=seed, bare=bare)
            found.setdefault(asked.prompt, asked)
        return list(found.values())


def definition(name: str) -> Definition:
    """The row of this name.

    Raises:
        UsageError: for an unknown one, with the nearest known one.
    """
    try:
        return DEFINITIONS[name]
    except KeyError:
        raise UsageError(f"There is no task {name!r}. {nearest(name, DEFINITIONS)}") from None


def _of_operator(name: str, symbol: str, instruction: str, digits: int, index: int, seed: int) -> Drawn:
    draws = Draws(f"{seed}/{name}/{digits}/{index}")
    low, high = (0 if digits == 1 else 10 ** (digits - 1)), 10**digits - 1
    a, b = draws.between(low, high), draws.between(low, high)
    asked = f"{FORMS['integer']} {instruction}: {a} {symbol} {b} ="
    return Drawn(f"{a}{symbol}{b}=", asked, str(operator(symbol).exact((a, b), 0)))


def _of_combination(row: Combination, digits: int, index: int, seed: int) -> Drawn:
    item = row.item(digits, index, seed)
    return Drawn(item.body, item.prompt, item.answer)


def _elementary(name: str, symbol: str, instruction: str, usual: int) -> Definition:
    about = f"{name} of two whole numbers of so many digits"
    return Definition(name, about, "integer", 1, 1000, usual, partial(_of_operator, name, symbol, instruction))


def _numeracy(row: Combination) -> Definition:
    about = f"{row.instruction} ({row.representation})"
    kind, usual = NUPA_KINDS[row.answer], max(4, row.shortest)
    return Definition(row.name, about, kind, row.shortest, row.longest, usual, partial(_of_combination, row))


DEFINITIONS: dict[str, Definition] = {
    row.name: row
    for row in (
        _elementary("addition", "+", "Add two numbers", 3),
        _elementary("subtraction", "-", "Subtract", 3),
        _elementary("multiplication", "*", "Multiply two numbers", 2),
        *(_numeracy(row) for row in COMBINATIONS.values()),
    )
}
