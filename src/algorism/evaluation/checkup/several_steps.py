"""Questions that take more than one step: chains, as the process suite has them, and a rule that is given first."""

import re
from dataclasses import replace
from fractions import Fraction

from algorism.evaluation.checkup.items import Item
from algorism.evaluation.suites.process.chains import ASK, Chain, Step, chain, solution
from algorism.tasks.numeracy.combinations import FORMS
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.numeracy.values import draw

_LARGEST = 99


def chained(level: int, index: int, seed: int) -> Item:
    """Numbers below 100, added and subtracted from left to right; the level is how many steps.

    >>> chained(2, 0, 0).task
    'Work out from left to right'
    """
    asked = chain(index, seed, steps=level, largest=_LARGEST, signs="+-")
    signs = [f"{step.sign} {step.number}" for step in asked.steps]
    numbers = (str(asked.start), *(str(step.number) for step in asked.steps))
    formula = " ".join([str(asked.start), *signs])
    return Item(formula, "Work out from left to right", FORMS["integer"], asked.answer, numbers=numbers)


def stepwise(item: Item) -> Item:
    """The same chain with every step to be written down; worked examples show theirs in one line.

    >>> stepwise(chained(2, 0, 0)).shown.count("=")
    2
    """
    shown = solution(chain_in(item.formula)).replace("\n", "; ")
    return replace(item, task="Work out step by step", form=ASK, shown=shown)


def chain_in(formula: str) -> Chain:
    """The chain that a formula of `chained` is.

    >>> chain_in("7 + 5 - 30").answer
    '-18'
    """
    start, *steps = re.findall(r"(?:[+-] )?\d+", formula)
    return Chain(0, Fraction(start), tuple(Step(step[0], Fraction(step[2:])) for step in steps))


def by_rule(level: int, index: int, seed: int) -> Item:
    """Two numbers under an operation that the question itself defines; the level is their digits.

    >>> by_rule(3, 4, 0).formula
    'x @ y = x + y + 2, 756 @ 343'
    """
    draws = Draws(f"{seed}/checkup-rule/{level}/{index}")
    a, b = (int(draw(draws, "integer", level)) for _ in range(2))  # type: ignore[arg-type]
    return under_rule(a, b, draws.between(1, 9))


def under_rule(a: int, b: int, more: int) -> Item:
    """The item of `by_rule` for two numbers and what the rule adds to their sum.

    >>> under_rule(12, 34, 5).answer
    '51'
    """
    formula = f"x @ y = x + y + {more}, {a} @ {b}"
    return Item(formula, "Follow the rule", FORMS["integer"], str(a + b + more), numbers=(str(a), str(b)))
