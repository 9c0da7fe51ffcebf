"""Chains of arithmetic: numbered, exact problems whose solutions are written line by line.

"Start with 7. Add 5. Multiply by 3. What is the last digit?" The last step may ask for a remainder, which sets how many
answers there are: of few, a wrong chain hits the right one by chance, about once in as many.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from algorism.errors import UsageError
from algorism.evaluation.questions import Question

WORDS = {"+": "Add {}.", "-": "Subtract {}.", "*": "Multiply by {}.", "/": "Divide by {}."}
MARKER = "Answer:"
ASK = "Write one line for each step, such as 7 + 5 = 12 or 17 mod 5 = 2, and then the result after 'Answer:'."


@dataclass(frozen=True)
class Step:
    """One operation on what there is so far: +, -, *, / or mod, and a number."""

    sign: str
    number: Fraction

    def of(self, value: Fraction) -> Fraction:
        """The exact result.

        Raises:
            UsageError: an unknown sign, or a remainder of what is not whole.
        """
        if self.sign == "mod":
            if value.denominator != 1 or self.number.denominator != 1:
                raise UsageError(f"A remainder of {value} by {self.number}: expected whole numbers.")
            return Fraction(int(value) % int(self.number))
        results = {"+": value + self.number, "-": value - self.number, "*": value * self.number}
        if self.sign == "/" and self.number:
            return value / self.number
        if self.sign not in results:
            raise UsageError(f"Step {self.sign} {self.number}: expected +, -, *, mod, or / by what is not 0.")
        return results[self.sign]


@dataclass(frozen=True)
class Chain:
    """A problem: a number to start from and steps.

    Args:
        index: its number in the set.
        start: the first number.
        steps: at least one.

    >>> chain = Chain(0, Fraction(7), (Step("+", Fraction(5)), Step("mod", Fraction(10))))
    >>> chain.values, chain.answer
    ((Fraction(7, 1), Fraction(12, 1), Fraction(2, 1)), '2')
    """

    index: int
    start: Fraction
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise UsageError("A chain needs at least one step.")

    @property
    def values(self) -> tuple[Fraction, ...]:
        """What there is at the start and after each step."""
        found = [self.start]
        for step in self.steps:
            found.append(step.of(found[-1]))
        return tuple(found)

    @property
    def answer(self) -> str:
        """The right answer, written out."""
        return str(self.values[-1])

    @property
    def text(self) -> str:
        """The problem in words."""
        said = [f"Start with {self.start}."]
        for step in self.steps:
            said.append(
                f"What is the remainder after division by {step.number}?"
                if step.sign == "mod"
                else WORDS[step.sign].format(step.number)
            )
        if self.steps[-1].sign != "mod":
            said.append("What is the result?")
        return " ".join(said)


def chain(
    index: int, seed: int = 0, *, steps: int = 4, largest: int = 99, remainder: int | None = None, signs: str = "+-*"
) -> Chain:
    """The chain of a number: it depends on seed, number and shape alone.

    Args:
        index: its number.
        seed: of the set.
        steps: operations before the remainder.
        largest: of the start and of what is added or subtracted; factors and divisors are 2 to 9.
        remainder: the last step asks for the remainder by this; None for no such step.
        signs: operations; divisions come out even.

    >>> chain(0, steps=2, largest=9).text
    'Start with 1. Add 3. Subtract 8. What is the result?'
    """
    rng = random.Random(f"chain {seed} {index} {steps} {largest} {signs}")
    start = value = Fraction(rng.randint(1, largest))
    made: list[Step] = []
    while len(made) < steps:
        sign = rng.choice(signs)
        number = Fraction(rng.randint(2, 9) if sign in "*/" else rng.randint(1, largest))
        if sign == "/" and value % number:
            even = [n for n in range(2, 10) if value % n == 0]
            if not even:
                if signs.strip("/"):
                    continue
                even = [1]
            number = Fraction(rng.choice(even))
        made.append(Step(sign, number))
        value = made[-1].of(value)
    if remainder is not None:
        made.append(Step("mod", Fraction(remainder)))
    return Chain(index, start, tuple(made))


def solution(problem: Chain) -> str:
    """The solution, one line a step, and the answer.

    >>> print(solution(chain(0, steps=2, largest=9)))
    1 + 3 = 4
    4 - 8 = -4
    Answer: -4
    """
    values = problem.values
    lines = [
        f"{_bracketed(before)} {step.sign} {step.number} = {after}"
        for step, before, after in zip(problem.steps, values, values[1:], strict=False)
    ]
    return "\n".join([*lines, f"{MARKER} {problem.answer}"])


def _bracketed(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"({value})"


def question(problem: Chain, seed: int = 0, facts: dict[str, object] | None = None, ask: str = ASK) -> Question:
    """A chain as a question; its facts hold the chain, so that answers can be checked from a record alone."""
    steps = [[step.sign, str(step.number)] for step in problem.steps]
    shape = "/".join(f"{sign}{number}" for sign, number in steps)
    held = {"suite": "process", "index": problem.index, "start": str(problem.start), "steps": steps} | (facts or {})
    prompt = f"{problem.text}\n{ask}" if ask else f"{problem.text}\n"
    whole = problem.values[-1].denominator == 1
    key = f"process/{seed}/{problem.index}/{problem.start}/{shape}"
    return Question(key, prompt, problem.answer, "integer" if whole else "fraction", MARKER, held)


def chain_of(asked: Question) -> Chain:
    """The chain behind a question.

    >>> chain_of(question(chain(3))) == chain(3)
    True
    """
    facts = asked.facts
    steps = tuple(Step(sign, Fraction(number)) for sign, number in facts["steps"])
    return Chain(facts["index"], Fraction(facts["start"]), steps)


def questions(
    n: int,
    seed: int = 0,
    *,
    steps: Sequence[int] = (3, 5),
    remainders: Sequence[int | None] = (None, 10, 2),
    largest: int = 99,
    signs: str = "+-*",
    ask: str = ASK,
) -> list[Question]:
    """N chains of each number of steps and each remainder; with another remainder the chains are the same.

    Args:
        n: of each.
        seed: of the set.
        steps: numbers of steps.
        remainders: 0 or None for no remainder.
        largest: as for `chain`.
        signs: as for `chain`.
        ask: what follows the problem; "" for models that were trained on bare problems.

    >>> len(questions(5))
    30
    """
    made = []
    for count in steps:
        for remainder in remainders:
            facts: dict[str, object] = {"steps_asked": count, "remainder": remainder or 0}
            for index in range(n):
                problem = chain(index, seed, steps=count, largest=largest, remainder=remainder or None, signs=signs)
                made.append(question(problem, seed, facts, ask))
    return made
