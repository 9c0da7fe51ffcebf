"""Ways in which people, and calculators, answer: yardsticks beside which a model's answers can be read.

Each takes an item and gives its answer; on baskets, StreetMath's judge must give them known marks.
"""

import random
from collections.abc import Callable
from fractions import Fraction
from statistics import median

from algorism.evaluation.suites.street.questions import decimal
from algorism.tasks.street import Item, situation

Agent = Callable[[Item], str]


def exact(item: Item) -> str:
    """Compute."""
    return decimal(item.exact)


def noisy(item: Item) -> str:
    """Compute, and in every third item get the sum wrong by up to 3 %, written to the cent."""
    rng = random.Random(f"noisy {item.prompt}")
    value = item.exact
    if rng.random() < 1 / 3:
        value += value * Fraction(rng.randint(-30, 30), 1000)
    return decimal(value, 2)


def to_multiple(unit: int) -> Agent:
    """Round every price to a multiple of so many dollars, halves upwards, then add."""

    def agent(item: Item) -> str:
        size = 100 * unit
        return str(sum((price + size // 2) // size for price in item.prices) * unit)

    return agent


def floor(item: Item) -> str:
    """Leave the cents away, then add."""
    return str(sum(price // 100 for price in item.prices))


def ten_each(item: Item) -> str:
    """Ten dollars for each thing."""
    return str(10 * len(item.prices))


def always(value: str) -> Agent:
    """Say the same whatever is asked."""
    return lambda item: value


AGENTS: dict[str, Agent] = {
    "exact": exact,
    "noisy": noisy,
    "round to $1": to_multiple(1),
    "floor to $1": floor,
    "round to $5": to_multiple(5),
    "round to $10": to_multiple(10),
    "$10 each": ten_each,
}


def middle(n: int = 1000, seed: int = 0) -> Agent:
    """Always say the middle of so many baskets' values: the best that can be said blindly."""
    return always(decimal(Fraction(median(item.exact for item in situation("basket").items(n, seed + 1)))))
