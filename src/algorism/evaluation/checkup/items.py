"""One question before it is put into a model's style: a formula, what is to be done, the exact answer.

An item is made from (level, index, seed) alone, so that a level is a numbered stream of questions: asking for more of
it later repeats nothing and changes nothing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from algorism.evaluation.questions import item_seed
from algorism.evaluation.suites import nupa
from algorism.evaluation.values import Kind
from algorism.tasks import hard
from algorism.tasks.numeracy import combination, write
from algorism.tasks.numeracy.combinations import FORMS
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.sequences import rule

Make = Callable[[int, int, int], "Item"]
_BLOCK = 64
_ALIKE = "Answer with a whole number only, written like the numbers in the question."
_LIST = "Answer with a list of numbers only, separated by commas, like 1, 2, 3."


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        formula: in figures, without the equals sign: "12 + 34".
        task: what is to be done, in words: "Add two numbers".
        form: how the answer is to be written, in words.
        answer: the exact answer, in its canonical form.
        kind: how answers are read.
        numbers: those in the question, as they are written.
        exact_text: the answer has one right text (scientific notation); otherwise its value decides.
        shown: the answer as a worked example shows it; its canonical form by default.
        sentence: the question in words, such as "the sum of 12 and 34"; None to show the formula.
        separated: its numbers have separators inside, which are taken out of an answer before it is read.
    """

    formula: str
    task: str
    form: str
    answer: str
    kind: Kind = "integer"
    numbers: tuple[str, ...] = ()
    exact_text: bool = False
    shown: str | None = None
    sentence: str | None = None
    separated: bool = False


def cookbook(name: str) -> Make:
    """Questions of a combination of the number cookbook; the level is the length of the longer number.

    >>> cookbook("add-integer")(2, 0, 0).task
    'Add two numbers'
    """
    row = combination(name)

    def make(level: int, index: int, seed: int) -> Item:
        item = row.item(level, index, seed)
        kind, exact = nupa.question(item).kind, row.answer == "scientific"
        numbers = tuple(write(operand) for operand in item.operands)
        formula = item.body.removesuffix(" =")
        return Item(formula, row.instruction, FORMS[row.answer], item.answer, kind, numbers, exact)

    return make


def carrying(every: bool) -> Make:
    """Sums of two numbers with a carry out of every column, or with none; the level is their digits.

    >>> carrying(False)(3, 0, 0).task
    'Add two numbers'
    """

    def make(level: int, index: int, seed: int) -> Item:
        return sum_of(*_carrying(every, level, index // _BLOCK, seed)[index % _BLOCK])

    return make


@lru_cache(maxsize=256)
def _carrying(every: bool, level: int, block: int, seed: int) -> list[tuple[int, int]]:
    """A block of sums: drawing one at a time would cost as much for each."""
    drawn = item_seed(seed, f"carrying/{every}/{level}", block)
    if every:
        problems = hard("longest_carry", _BLOCK, "+", (level, level), drawn)
    else:  # the stratified set has as many sums for each number of carries, which are 0 to `level`
        drawn_all = hard("stratified", _BLOCK * (level + 1), "+", (level, level), drawn)
        problems = drawn_all[np.flatnonzero(drawn_all.carries_n == 0)]
    a, b = (operand.to_ints() for operand in problems.operands)
    return list(zip(a, b, strict=True))


def sorting(level: int, index: int, seed: int) -> Item:
    """A list of whole numbers below 100, to be sorted; the level is how many."""
    draws = Draws(f"{seed}/checkup-sort/{level}/{index}")
    return _list_item("sort", "Sort in rising order", [draws.below(100) for _ in range(level)])


def copying(level: int, index: int, seed: int) -> Item:
    """A list of digits, to be written again; the level is how many."""
    draws = Draws(f"{seed}/checkup-copy/{level}/{index}")
    return _list_item("copy", "Repeat the list", [draws.below(10) for _ in range(level)])


def letters(level: int, index: int, seed: int) -> Item:
    """How many letters a there are among letters a and b; the level is how many letters."""
    draws = Draws(f"{seed}/checkup-letters/{level}/{index}")
    text = "".join("ab"[draws.below(2)] for _ in range(level))
    return Item(f"number of a in {text}", "Count the letters", FORMS["integer"], str(text.count("a")))


def sum_of(a: int, b: int) -> Item:
    """The sum of two whole numbers."""
    return _of_two("add-integer", a, "+", b, a + b)


def difference_of(a: int, b: int) -> Item:
    """The difference of two whole numbers."""
    return _of_two("sub-integer", a, "-", b, a - b)


def product_of(a: int, b: int) -> Item:
    """The product of two whole numbers."""
    return _of_two("multiply_hard-integer", a, "*", b, a * b)


def _of_two(name: str, a: int, sign: str, b: int, answer: int) -> Item:
    numbers = (str(a), str(b))
    return Item(f"{a} {sign} {b}", combination(name).instruction, FORMS["integer"], str(answer), "integer", numbers)


def in_words(item: Item) -> Item:
    """A sum asked in words instead of figures and signs.

    >>> in_words(sum_of(12, 34)).sentence
    'the sum of 12 and 34'
    """
    return replace(item, sentence=f"the sum of {item.numbers[0]} and {item.numbers[1]}")


def _in_threes(digits: str) -> list[str]:
    return [digits[at : at + 3] for at in range(0, len(digits), 3)]


WRITINGS: dict[str, Callable[[str], str]] = {
    "grouped from the right": lambda digits: ",".join(part[::-1] for part in _in_threes(digits[::-1])[::-1]),
    "grouped from the left": lambda digits: ",".join(_in_threes(digits)),
    "digit by digit": lambda digits: " ".join(digits),
}


def rewritten(item: Item, writing: str) -> Item:
    """The same question with every whole number in another writing.

    >>> [rewritten(sum_of(8302080, 1), writing).formula for writing in WRITINGS]
    ['8,302,080 + 1', '830,208,0 + 1', '8 3 0 2 0 8 0 + 1']
    """
    write_digits = WRITINGS[writing]

    def everywhere(text: str) -> str:
        return re.sub(r"\d+", lambda found: write_digits(found[0]), text)

    numbers = tuple(map(everywhere, item.numbers))
    shown, formula = everywhere(item.answer), everywhere(item.formula)
    return replace(item, formula=formula, form=_ALIKE, shown=shown, numbers=numbers, separated=True)


def _list_item(name: str, task: str, numbers: list[int]) -> Item:
    answer = ", ".join(map(str, rule(name).exact(numbers, [], 100)))
    return Item(", ".join(map(str, numbers)), task, _LIST, answer, "sequence", tuple(map(str, numbers)))
