"""Numbers in four written representations, exact, each with one canonical text.

| representation | text | canonical | length |
| --- | --- | --- | --- |
| integer | 3201 | no leading zero | digits |
| float | 5.1778 | at least one decimal, otherwise no trailing zeros | decimals |
| fraction | 232/3693 | reduced; a whole number keeps /1 | digits of the longer part |
| scientific | 9.92e16 | mantissa from 1 to 10 with at least one decimal | decimals of the mantissa |

All are without sign, as in the number cookbook (arXiv 2411.03766).
"""

import math
import re
from fractions import Fraction
from typing import Literal, NamedTuple

from algorism.errors import DataError
from algorism.tasks.numeracy.draws import Draws

Representation = Literal["integer", "float", "fraction", "scientific"]
REPRESENTATIONS: tuple[Representation, ...] = ("integer", "float", "fraction", "scientific")


class Float(NamedTuple):
    """unscaled / 10^decimals."""

    unscaled: int
    decimals: int


class Ratio(NamedTuple):
    """numerator / denominator, reduced."""

    numerator: int
    denominator: int


class Scientific(NamedTuple):
    """(unscaled / 10^decimals) · 10^exponent, with unscaled / 10^decimals from 1 to 10."""

    unscaled: int
    decimals: int
    exponent: int


Value = int | Float | Ratio | Scientific


def to_float(unscaled: int, decimals: int) -> Float:
    """The canonical float: at least one decimal, no further zeros at the end.

    >>> to_float(25000, 3), to_float(7, 0)
    (Float(unscaled=250, decimals=1), Float(unscaled=70, decimals=1))
    """
    if decimals < 1:
        return Float(unscaled * 10 ** (1 - decimals), 1)
    while decimals > 1 and unscaled % 10 == 0:
        unscaled, decimals = unscaled // 10, decimals - 1
    return Float(unscaled, decimals)


def to_ratio(numerator: int, denominator: int) -> Ratio:
    """The reduced fraction.

    >>> to_ratio(6, 4), to_ratio(0, 7)
    (Ratio(numerator=3, denominator=2), Ratio(numerator=0, denominator=1))
    """
    common = math.gcd(numerator, denominator)
    return Ratio(numerator // common, denominator // common)


def to_scientific(unscaled: int, power: int) -> Scientific:
    """The canonical form of unscaled · 10^power, which is above 0 and has no negative exponent.

    >>> to_scientific(741000, 0)
    Scientific(unscaled=741, decimals=2, exponent=5)
    """
    exponent = len(str(unscaled)) - 1 + power
    while unscaled % 10 == 0 and unscaled >= 100:
        unscaled //= 10
    digits = len(str(unscaled))
    return Scientific(unscaled, digits - 1, exponent) if digits > 1 else Scientific(unscaled * 10, 1, exponent)


def write(value: Value) -> str:
    """The canonical text.

    >>> write(3201), write(Float(51778, 4)), write(Ratio(1, 3)), write(Scientific(992, 2, 16)), write(Float(5, 2))
    ('3201', '5.1778', '1/3', '9.92e16', '0.05')
    """
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Float):
        return point(value.unscaled, value.decimals)
    if isinstance(value, Ratio):
        return f"{value.numerator}/{value.denominator}"
    return f"{point(value.unscaled, value.decimals)}e{value.exponent}"


def point(unscaled: int, decimals: int) -> str:
    """A decimal point so many digits from the right."""
    text = str(unscaled).zfill(decimals + 1)
    return f"{text[:-decimals]}.{text[-decimals:]}"


_FORMS: dict[Representation, re.Pattern[str]] = {
    "integer": re.compile(r"(0|[1-9][0-9]*)"),
    "float": re.compile(r"(0|[1-9][0-9]*)\.([0-9]+)"),
    "fraction": re.compile(r"(0|[1-9][0-9]*)/([1-9][0-9]*)"),
    "scientific": re.compile(r"([1-9])\.([0-9]+)e(0|[1-9][0-9]*)"),
}


def parse(text: str, representation: Representation) -> Value:
    """The value of a canonical text; decimals are kept as they are written.

    Raises:
        DataError: another form.

    >>> parse("2.50", "float"), parse("9.92e16", "scientific")
    (Float(unscaled=250, decimals=2), Scientific(unscaled=992, decimals=2, exponent=16))
    """
    found = _FORMS[representation].fullmatch(text)
    if found is None:
        raise DataError(f"{text!r} is not a {representation} in canonical form.")
    parts = found.groups()
    if representation == "integer":
        return int(parts[0])
    if representation == "fraction":
        return Ratio(int(parts[0]), int(parts[1]))
    unscaled, decimals = int(parts[0] + parts[1]), len(parts[1])
    return Float(unscaled, decimals) if representation == "float" else Scientific(unscaled, decimals, int(parts[2]))


def exact(value: Value) -> Fraction:
    """The number itself.

    >>> exact(Scientific(25, 1, 0))
    Fraction(5, 2)
    """
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, Float):
        return Fraction(value.unscaled, 10**value.decimals)
    if isinstance(value, Ratio):
        return Fraction(value.numerator, value.denominator)
    return Fraction(value.unscaled * 10**value.exponent, 10**value.decimals)


def draw(draws: Draws, representation: Representation, length: int) -> Value:
    """A random number of a length, as the number cookbook draws it.

    Integers are uniform among those of so many digits. A float's integer part has 1 to `length` digits, and is never 0;
    its last decimal is not 0. A fraction is redrawn until its reduced denominator keeps the length. Exponents are
    uniform from 0 to 99.
    """
    if representation == "integer":
        return _of_digits(draws, length)
    if representation == "fraction":
        while True:
            value = to_ratio(draws.below(10**length), draws.between(10 ** (length - 1), 10**length - 1))
            if len(str(value.denominator)) == length:
                return value
    decimals = draws.below(10 ** (length - 1)) * 10 + draws.between(1, 9)
    if representation == "float":
        digits = draws.between(1, length)
        return Float(draws.between(10 ** (digits - 1), 10**digits - 1) * 10**length + decimals, length)
    return Scientific(draws.between(1, 9) * 10**length + decimals, length, draws.below(100))


def _of_digits(draws: Draws, length: int) -> int:
    return draws.below(10) if length == 1 else draws.between(10 ** (length - 1), 10**length - 1)
