"""Reading numbers and questions out of text: the canonical form of an answer. Knows nothing of formats."""

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"(-?)([0-9]+)(\.[0-9]+)?")
_UNARY = re.compile(r"(sin|sqrt)\((.+)\)")
_BINARY = re.compile(r"(-?[0-9.]+-?)([+*-])(-?[0-9.]+-?)")


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
    if match := _UNARY.fullmatch(text):
        return match.group(1), (match.group(2),)
    if match := _BINARY.fullmatch(text):
        return match.group(2), (match.group(1), match.group(3))
    return None
