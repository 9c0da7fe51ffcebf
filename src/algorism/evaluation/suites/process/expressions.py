"""Arithmetic as people write it, read into exact rationals. Nothing is evaluated by Python.

Numbers, + - * / and their typographic forms, powers, "mod" and "%" between whole numbers, brackets, a leading minus.
"""

import re
from fractions import Fraction

_TOKEN = re.compile(
    r"\s*(?:(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(\*\*|mod\b|\\times|\\cdot|\\div|[-+*/^%()×÷·−–:]))",
    re.IGNORECASE,
)
_SAME = {"×": "*", "·": "*", "\\times": "*", "\\cdot": "*", "÷": "/", "\\div": "/", ":": "/", "−": "-", "–": "-"}
_SAME |= {"**": "^", "%": "mod"}
LONGEST = 400  # characters of an expression; recursion and powers stay small
_BITS = 4096  # of a power's result


def evaluate(text: str) -> Fraction | None:
    """The exact value of an expression; None if it is none, divides by zero, or would be huge.

    >>> evaluate("(1 + 2) × 3 - 1/2"), evaluate("17 mod 5"), evaluate("2 +"), evaluate("1/0")
    (Fraction(17, 2), Fraction(2, 1), None, None)
    """
    if len(text) > LONGEST:
        return None
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            return None
        number, sign = found.groups()
        tokens.append(number.replace(",", "") if number else _SAME.get(sign.lower(), sign.lower()))
        at = found.end()
    try:
        value, rest = _sum(tokens, 0)
    except (_Unreadable, ZeroDivisionError, RecursionError):
        return None
    return value if rest == len(tokens) else None


class _Unreadable(Exception):
    """Not an expression."""


def _sum(tokens: list[str], at: int) -> tuple[Fraction, int]:
    value, at = _product(tokens, at)
    while at < len(tokens) and tokens[at] in "+-":
        other, after = _product(tokens, at + 1)
        value = value + other if tokens[at] == "+" else value - other
        at = after
    return value, at


def _product(tokens: list[str], at: int) -> tuple[Fraction, int]:
    value, at = _signed(tokens, at)
    while at < len(tokens) and tokens[at] in ("*", "/", "mod"):
        other, after = _signed(tokens, at + 1)
        if tokens[at] == "*":
            value = value * other
        elif tokens[at] == "/":
            value = value / other
        elif value.denominator == other.denominator == 1:
            value = value % other
        else:
            raise _Unreadable
        at = after
    return value, at


def _signed(tokens: list[str], at: int) -> tuple[Fraction, int]:
    if at < len(tokens) and tokens[at] in ("-", "+"):
        value, after = _signed(tokens, at + 1)
        return (-value if tokens[at] == "-" else value), after
    return _power(tokens, at)


def _power(tokens: list[str], at: int) -> tuple[Fraction, int]:
    value, at = _atom(tokens, at)
    if at < len(tokens) and tokens[at] == "^":
        exponent, at = _signed(tokens, at + 1)
        size = max(value.numerator.bit_length(), value.denominator.bit_length())
        if exponent.denominator != 1 or abs(exponent) * size > _BITS:
            raise _Unreadable
        value = value ** int(exponent)
    return value, at


def _atom(tokens: list[str], at: int) -> tuple[Fraction, int]:
    if at >= len(tokens):
        raise _Unreadable
    if tokens[at] == "(":
        value, at = _sum(tokens, at + 1)
        if tokens[at : at + 1] != [")"]:
            raise _Unreadable
        return value, at + 1
    if not (tokens[at][0].isdecimal() or tokens[at][0] == "."):
        raise _Unreadable
    return Fraction(tokens[at]), at + 1


_NUMBER = r"(\(\s*[-−]?\d+(?:\.\d+)?(?:\s*/\s*\d+)?\s*\)|[-−]?\d{1,3}(?:,\d{3})+|[-−]?\d+(?:\.\d+)?)"
_OPERATION = re.compile(rf"\s*{_NUMBER}\s*(\*\*|mod|\\times|\\cdot|\\div|[-+*/^%×÷·−–])\s*{_NUMBER}\s*", re.IGNORECASE)


def operands(text: str) -> tuple[Fraction, str, Fraction] | None:
    """A single operation on two numbers: left, sign, right; None if it is anything else. Fractions stand in brackets.

    >>> operands("12 × 3"), operands("1 + 2 + 3")
    ((Fraction(12, 1), '*', Fraction(3, 1)), None)
    """
    found = _OPERATION.fullmatch(text)
    if not found:
        return None
    left, right = evaluate(found[1]), evaluate(found[3])
    sign = _SAME.get(found[2].lower(), found[2].lower())
    return None if left is None or right is None else (left, sign, right)


def numbers(text: str) -> list[Fraction]:
    """All numbers of an expression, without their signs, in order.

    >>> numbers("(7 + 5) × 3")
    [Fraction(7, 1), Fraction(5, 1), Fraction(3, 1)]
    """
    return [Fraction(number.replace(",", "")) for number, _ in _TOKEN.findall(text) if number]
