"""The table of the number cookbook (arXiv 2411.03766): 17 tasks × 4 representations, 41 of which make sense.

Sampling, exact answers, prompts and documentation follow from the rows. `easy` and `hard` variants have their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from algorism.errors import UsageError, nearest
from algorism.tasks.numeracy import operations as ops
from algorism.tasks.numeracy import preparing as p
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.numeracy.preparing import Prepare
from algorism.tasks.numeracy.values import REPRESENTATIONS, Ratio, Representation, Value, write

Answer = Callable[..., Value]


@dataclass(frozen=True)
class Combination:
    """One task on one representation.

    Attributes:
        task, representation: its name is "TASK-REPRESENTATION".
        answer: what representation the answer has.
        instruction: what is asked, in words.
        between: written between the two operands, or behind a single one.
        exact: the answer of the prepared operands.
        prepare: what is done to a drawn pair before it is asked.
        longest: largest length asked, 20 or 100.
        variant: whether it is an easier or harder form of another row, and not one of the 41.
        shortest: smallest length that allows the question.
    """

    task: str
    representation: Representation
    answer: Representation
    instruction: str
    between: str
    exact: Answer
    prepare: Prepare
    longest: int
    variant: bool = False
    shortest: int = 1

    @property
    def name(self) -> str:
        """The name."""
        return f"{self.task}-{self.representation}"

    def item(self, length: int, index: int, seed: int = 0, *, released: bool = False) -> "Item":
        """One question, which depends on these arguments alone.

        Args:
            length: of the longer operand.
            index: which of the questions of that length.
            seed: of the whole set.
            released: with the label that the cookbook's own generator gives, where that is faulty ("sig").

        Raises:
            UsageError: a length that this row does not ask.
        """
        if not self.shortest <= length <= self.longest:
            raise UsageError(f"{self.name}: expected a length from {self.shortest} to {self.longest}, got {length}.")
        draws = Draws(f"{seed}/{self.name}/{length}/{index}")
        pair = p.hard_pair if self.task.endswith("_hard") and self.task != "multiply_hard" else p.drawn_pair
        operands = self.prepare(draws, *pair(draws, self.representation, length), length)
        if released and self.task == "sig":
            answer = ops.rounded_as_released(operands[0], cast(int, operands[1]))
        else:
            answer = write(self.exact(*operands))
        texts = [write(operand) for operand in operands]
        if self.task == "truediv" and isinstance(operands[0], Ratio):
            texts = [f"({text})" for text in texts]
        return Item(self, length, index, operands, f"{self.between.join(texts)} =", answer)

    def items(self, length: int, n: int, seed: int = 0, *, released: bool = False) -> list["Item"]:
        """The first n different questions of a length; fewer if there are no more.

        A question is the same one if its figures are.
        """
        found: dict[str, Item] = {}
        for index in range(4 * n + 40):
            if len(found) == n:
                break
            item = self.item(length, index, seed, released=released)
            found.setdefault(item.body, item)
        return list(found.values())


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        combination: its row.
        length, index: which item of the row it is.
        operands: as they are asked; the second may be a plain number (a position, a digit, how many figures).
        body: the question in figures, up to and with the equals sign.
        answer: the exact answer, written canonically.
    """

    combination: Combination
    length: int
    index: int
    operands: tuple[Value, ...]
    body: str
    answer: str

    @property
    def prompt(self) -> str:
        """The whole question: how to answer, what to do, the figures."""
        return f"{FORMS[self.combination.answer]} {self.combination.instruction}: {self.body}"


FORMS: dict[Representation, str] = {
    "integer": "Answer with a whole number only, without separators, like 123.",
    "float": "Answer with a decimal number only, without separators, like 12.5.",
    "fraction": "Answer with an irreducible fraction only, like 2/3; write a whole number n as n/1.",
    "scientific": "Answer in scientific notation only, like 1.25e3, with one digit other than 0 before the point.",
}


def combination(name: str) -> Combination:
    """The row of this name.

    Raises:
        UsageError: for an unknown one, with the nearest known one.

    >>> item = combination("add-integer").item(length=4, index=0)
    >>> int(item.answer) == sum(item.operands), item.body.count("+")
    (True, 1)
    """
    try:
        return COMBINATIONS[name]
    except KeyError:
        raise UsageError(f"There is no combination {name!r}. {nearest(name, COMBINATIONS)}") from None


def _rows(
    task: str,
    kinds: str,
    instruction: str,
    between: str,
    exact: Answer,
    *,
    answer: Representation | None = None,
    longest: int = 20,
    variant: bool = False,
    shortest: int = 1,
    **prepare: Prepare,
) -> list[Combination]:
    """A task's rows, one for each representation; `prepare` for single ones by name, `usual` for the others."""
    usual = prepare.get("usual", p.as_drawn)
    rows = []
    for letter in kinds:
        representation = REPRESENTATIONS["IFRS".index(letter)]
        far = 20 if representation == "fraction" else longest
        made = prepare.get(representation, usual)
        given = (instruction, between, exact, made, far, variant, shortest)
        rows.append(Combination(task, representation, answer or representation, *given))
    return rows


def _get_digit(value: Value, position: Value) -> int:
    return int(ops.digits_of(value)[cast(int, position)])


def _count(value: Value, digit: Value) -> int:
    return ops.digits_of(value).count(str(digit))


def _both(choose: Callable[[int, int], int]) -> Answer:
    return lambda a, b: ops.digitwise(a, b, choose)


COMBINATIONS: dict[str, Combination] = {
    row.name: row
    for row in (
        *_rows("add", "IFRS", "Add two numbers", " + ", ops.add, scientific=p.near_exponents),
        *_rows("sub", "IFRS", "Subtract", " - ", ops.subtract, usual=p.larger_first, scientific=p.falling_exponents),
        *_rows("multiply_hard", "IFRS", "Multiply two numbers", " * ", ops.multiply),
        *_rows("truediv", "IR", "Divide", " / ", ops.divide, answer="fraction", usual=p.dividing),
        *_rows("floordiv", "I", "Divide and drop the remainder", " // ", int.__floordiv__, usual=p.dividing_larger),
        *_rows("mod", "I", "Give the remainder of the division", " % ", int.__mod__, usual=p.modulo),
        *_rows("max", "IFRS", "Give the larger number", " and ", ops.larger, longest=100, fraction=p.below_one),
        *_rows("min", "IFRS", "Give the smaller number", " and ", ops.smaller, longest=100, fraction=p.below_one),
        *_rows("digit_max", "IF", "Give the larger digit at every place", " and ", _both(max), longest=100),
        *_rows("digit_min", "IF", "Give the smaller digit at every place", " and ", _both(min), longest=100),
        *_rows(
            "digit_add",
            "IF",
            "Add the digits at every place, without carries",
            " digit add ",
            _both(ops.digit_sum),
            longest=100,
        ),
        *_rows(
            "get_digit",
            "IF",
            "Give the digit at a position, counted from 0 on the left, the point left out",
            " at position ",
            _get_digit,
            answer="integer",
            longest=100,
            usual=p.with_position,
        ),
        *_rows(
            "length",
            "IF",
            "Give the number of digits, the point left out",
            "",
            lambda value: len(ops.digits_of(value)),
            answer="integer",
            longest=100,
            usual=p.only_longer,
        ),
        *_rows(
            "count",
            "I",
            "Count how often a digit occurs",
            " count the occurrence time of digit ",
            _count,
            longest=100,
            usual=p.with_digit,
        ),
        *_rows(
            "to_float",
            "RS",
            "Write as a decimal number",
            "",
            ops.as_float,
            answer="float",
            longest=100,
            fraction=p.ending_fraction,
            scientific=p.small_exponent,
        ),
        *_rows(
            "to_scient",
            "IF",
            "Write in scientific notation",
            "",
            ops.as_scientific,
            answer="scientific",
            longest=100,
            integer=p.ending_zeros,
            float=p.only_longer,
        ),
        *_rows(
            "sig",
            "IF",
            "Round to so many significant figures and write in scientific notation",
            " and keep significant figures as ",
            ops.rounded,
            answer="scientific",
            longest=100,
            shortest=2,
            usual=p.with_figures,
        ),
        *_rows("add_easy", "R", "Add two numbers", " + ", ops.add, variant=True, usual=p.short_second),
        *_rows("multiply_easy", "IFRS", "Multiply", " * ", ops.multiply, variant=True, usual=p.short_second),
        *_rows("mod_easy", "I", "Give the remainder", " % ", int.__mod__, variant=True, usual=p.modulo_short),
        *_rows("max_hard", "IFS", "Give the larger number", " and ", ops.larger, longest=100, variant=True),
        *_rows("min_hard", "IFS", "Give the smaller number", " and ", ops.smaller, longest=100, variant=True),
    )
}
