"""Reading numbers and questions out of text: the canonical form of an answer. Knows nothing of formats."""

import re
from dataclasses import dataclass

from algorism.tasks.operators import OPERATORS

_NUMBER = re.compile(r"(-?)([0-9]+)(\.[0-9]+)?")
_OPERAND = r"-?[0-9.]+-?"


@dataclass(frozen=True)
class Parsed:
    """A question and its answer read out of text; numbers are canonical texts."""

    operator: str
    operands: tuple[str, ...]
    answer: str


def canonical(text: str) -> str | None:
    """A number without leading zeros, plus sign or minus zero: "0468" is "468"; None if it is no plain number.

    >>> canonical("0468"), canonical("-00.50"), canonical("-0"), canonical("4 6"), canonical("")
    ('468', '-0.50', '0', None, None)
    """
    match = _NUMBER.fullmatch(text)
    if not match:
        return None
    sign, whole, decimals = match.group(1), match.group(2).lstrip("0") or "0", match.group(3) or ""
    value = whole + decimals
    return value if not value.strip("0.") else sign + value


def split_question(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Operator and operand texts of "128+367" or "sin(1.0313)"; None if it is no question.

    >>> split_question("128-367"), split_question("sqrt(2.7174)"), split_question("12")
    (('-', ('128', '367')), ('sqrt', ('2.7174',)), None)
    """
    if match := re.fullmatch(rf"({_symbols(1)})\((.+)\)", text):
        return match[1], (match[2],)
    if match := re.fullmatch(f"({_OPERAND})({_symbols(2)})({_OPERAND})", text):
        return match[2], (match[1], match[3])
    return None


def _symbols(arity: int) -> str:
    """A pattern for the table's operators with that many operands, longer symbols first."""
    known = [symbol for symbol, row in OPERATORS.items() if row.arity == arity]
    return "|".join(re.escape(symbol) for symbol in sorted(known, key=len, reverse=True))
