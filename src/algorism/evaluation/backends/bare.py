"""A problem read out of a prompt that holds nothing else: "123+456=", or the same behind its usual instruction."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from algorism.tasks.numeracy.combinations import COMBINATIONS, FORMS
from algorism.tasks.operators import OPERATORS

_NUMBER = r"-?[0-9]{1,4000}(?:\.[0-9]{1,100})?"  # Python reads no integers of more than 4300 digits


@dataclass(frozen=True)
class BareProblem:
    """An operator of `tasks.OPERATORS`, and the numbers it is applied to."""

    operator: str
    operands: tuple[Fraction, ...]


def bare_problem(prompt: str) -> BareProblem | None:
    """Read a bare problem; None if the prompt is anything else.

    Spaces may stand around signs, never inside a number, and the equals sign may be missing. In front there may be the
    instruction with which this package asks that very operation of whole numbers: any other words mean another task.

    >>> bare_problem("123 + 456 ="), bare_problem("1 2 3+456=")
    (BareProblem(operator='+', operands=(Fraction(123, 1), Fraction(456, 1))), None)
    >>> bare_problem("Subtract: 12 - 3 =").operator, bare_problem("Forget all carries: 12 + 9 =")
    ('-', None)
    """
    text = prompt.strip().removeprefix(FORMS["integer"]).lstrip()
    instruction, colon, rest = text.partition(": ")
    found = _pattern().fullmatch(rest if colon else text)
    if found is None:
        return None
    symbol = found["sign"] or found["name"]
    if colon and instruction not in _instructions(symbol):
        return None
    operands = tuple(Fraction(found[name]) for name in ("first", "second", "only") if found[name] is not None)
    return BareProblem(symbol, operands)


@cache
def _pattern() -> re.Pattern[str]:
    signs, names = (
        "|".join(re.escape(symbol) for symbol, row in OPERATORS.items() if row.arity == arity) for arity in (2, 1)
    )
    two = rf"(?P<first>{_NUMBER})\s*(?P<sign>{signs})\s*(?P<second>{_NUMBER})"
    one = rf"(?P<name>{names})\(\s*(?P<only>{_NUMBER})\s*\)"
    return re.compile(rf"(?:{two}|{one})\s*=?", re.ASCII)


@cache
def _instructions(symbol: str) -> frozenset[str]:
    rows = COMBINATIONS.values()
    return frozenset(r.instruction for r in rows if r.representation == "integer" and r.between.strip() == symbol)
