"""Questions of daily life and of round numbers, with exact answers: what the street suite asks for as estimates."""

from collections.abc import Sequence
from dataclasses import replace

from algorism.evaluation.checkup.items import Item, sum_of
from algorism.tasks.numeracy.combinations import FORMS
from algorism.tasks.numeracy.draws import Draws

_THINGS = (
    *("book", "lamp", "ticket", "shirt", "pen", "cup", "chair", "bag", "bowl", "key", "plate", "towel"),
    *("clock", "pillow", "blanket", "basket"),
)


def rounding(level: int, index: int, seed: int) -> Item:
    """A number to be rounded to the nearest ten; never one that is round, nor one halfway. The level is its digits.

    >>> rounding(3, 0, 0).task
    'Round'
    """
    draws = Draws(f"{seed}/checkup-round/{level}/{index}")
    tens = draws.between(10 ** (level - 2), 10 ** (level - 1) - 1)
    units = (1, 2, 3, 4, 6, 7, 8, 9)[draws.below(8)]
    number, answer = 10 * tens + units, 10 * (tens + (units > 5))
    return Item(f"{number} to the nearest ten", "Round", FORMS["integer"], str(answer), numbers=(str(number),))


def shopping(level: int, index: int, seed: int) -> Item:
    """The total price of some things, several of each; the level is how many different things.

    >>> shopping(1, 0, 0).sentence.startswith("the total price of ")
    True
    """
    draws = Draws(f"{seed}/checkup-shopping/{level}/{index}")
    left, bought = list(_THINGS), []
    for _ in range(level):
        name = left.pop(draws.below(len(left)))
        bought.append((draws.between(2, 9), name, draws.between(2, 49)))
    listed = _joined([f"{many} {name}s at {price} dollars each" for many, name, price in bought])
    formula = " + ".join(f"{many} * {price}" for many, _, price in bought)
    numbers = tuple(str(number) for many, _, price in bought for number in (many, price))
    total = sum(many * price for many, _, price in bought)
    task = "Give the total price"
    return Item(formula, task, FORMS["integer"], str(total), numbers=numbers, sentence=f"the total price of {listed}")


def priced(item: Item) -> Item:
    """A sum of two numbers as the total price of two things.

    >>> priced(sum_of(12, 34)).sentence
    'the total price of a book at 12 dollars and a lamp at 34 dollars'
    """
    a, b = item.numbers
    return replace(item, sentence=f"the total price of a book at {a} dollars and a lamp at {b} dollars")


def rounded_sum(item: Item) -> Item:
    """The sum of the same numbers with a zero for their last digit; numbers of one digit become ten.

    >>> rounded_sum(sum_of(128, 7)).formula
    '120 + 10'
    """
    a, b = (10 * max(1, int(number) // 10) for number in item.numbers)
    return sum_of(a, b)


def _joined(parts: Sequence[str]) -> str:
    """Parts in a row, as people list them.

    >>> _joined(["a", "b", "c"]), _joined(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
