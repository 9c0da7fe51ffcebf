"""Exact values and the ways people write them. Knows number notation; knows nothing of sentences or models.

Everything is an `int`, a `Decimal` or a `Fraction`, which Python compares exactly across the three types; no float is
ever made. Whole numbers beyond Python's limit for reading decimal strings (4,300 digits) are kept as `Decimal`, whose
reading takes linear time.
"""

import decimal
import operator
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, get_args

from algorism.errors import UsageError, nearest

Kind = Literal["integer", "decimal", "fraction", "scientific", "sequence"]
Value = int | Decimal | Fraction
Answer = Value | tuple[Value, ...]

KINDS: tuple[str, ...] = get_args(Kind)
MAX_ITEMS = 100_000  # of a strict sequence; with more, a megabyte of "1 1 1" would take a second to read
_INT_DIGITS = 4000  # below Python's limit of 4,300, so that a reader never meets that error
_EXPONENT_DIGITS = 4  # 1e9999 is still cheap to compare; a longer exponent is no answer to an arithmetic question

# Addition and multiplication of Decimals never round in this context: exact, at libmpdec's speed.
_EXACT = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)

_GOLD = r"[+-]?[0-9]+(?:\.[0-9]+|/0*[1-9][0-9]*)?"
_STRICT_NUMBER = {
    "integer": re.compile(r"-?(?:0|[1-9][0-9]*)"),
    "decimal": re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"),
    "fraction": re.compile(r"-?(?:0|[1-9][0-9]*)(?:/[1-9][0-9]*)?"),
    "scientific": re.compile(rf"-?[1-9](?:\.[0-9]+)?e(?:0|-?[1-9][0-9]{{0,{_EXPONENT_DIGITS - 1}}})"),
}
_ITEM = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+|/[1-9][0-9]*)?"
_STRICT_SEQUENCE = re.compile(rf"{_ITEM}(?:, ?{_ITEM})*|{_ITEM}(?: {_ITEM})*")

_RUN = [
    (re.compile(r"\d+(?:\.\d+)?|\.\d+"), ""),
    (re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"), ","),
    (re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?"), ","),  # Indian grouping: 12,34,567
    (re.compile(r"[1-9]\d{0,2}([ _'])\d{3}(?:\1\d{3})*(?:\.\d+)?"), " _'"),
    (re.compile(r"\d(?: \d)+"), " "),  # a number written digit by digit
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}"), "."),
]
_DECIMAL_COMMA = [
    re.compile(r"[1-9]\d{0,2}(?:[. ]\d{3})+,\d{1,2}"),
    re.compile(r"(?:0|[1-9]\d*),(?:\d{1,2}|\d{4,})|0,\d{3}"),  # 1,234 stays one thousand two hundred thirty-four
]
_CENTS = re.compile(r"[1-9]\d{0,2}(?:[. ]\d{3})+,00|[1-9]\d*,00")


def check_kind(kind: str) -> None:
    """Refuse a kind that does not exist.

    Raises:
        UsageError: naming the nearest known kind.
    """
    if kind not in KINDS:
        raise UsageError(f"Unknown kind of answer {kind!r}. {nearest(kind, KINDS)}")


def whole(digits: str) -> int | Decimal:
    """Read ASCII digits, however many, with an optional sign.

    >>> whole("-007")
    -7
    >>> whole("1" * 5000) == Decimal("1" * 5000)
    True
    """
    return int(digits) if len(digits) <= _INT_DIGITS else Decimal(digits)


def simplify(value: Value) -> Value:
    """Turn a value without a fractional part into an `int`, unless that would be very long.

    >>> simplify(Decimal("1E+3")), simplify(Fraction(6, 2)), simplify(Decimal("0.50"))
    (1000, 3, Decimal('0.50'))
    """
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    if isinstance(value, Decimal) and abs(value.adjusted()) < _INT_DIGITS:
        # A long tail of digits after the point must not be expanded just to see whether it is all zeros.
        if len(value.as_tuple().digits) < _INT_DIGITS and value == value.to_integral_value():
            return int(value)
    return value


def negate(value: Value) -> Value:
    """Change the sign. A plain minus would round a Decimal of more than 28 digits.

    >>> negate(Decimal("1" * 40)) == -int("1" * 40)
    True
    """
    return value.copy_negate() if isinstance(value, Decimal) else -value


def ratio(numerator: str, denominator: str) -> Fraction | None:
    """Read a fraction of two runs of digits; None when the denominator is zero or a part is too long to reduce.

    >>> ratio("-6", "4"), ratio("1", "0")
    (Fraction(-3, 2), None)
    """
    if max(len(numerator), len(denominator)) > _INT_DIGITS or not denominator.strip("0"):
        return None
    return Fraction(int(numerator), int(denominator))


def read_run(run: str, kind: str = "integer") -> Value | None:
    """Read one unsigned number in any common notation; None when it is no single number.

    Args:
        run: ASCII digits with `, . ' _` or single spaces inside, and an optional exponent (`1.5e3`).
        kind: a decimal or fraction may use a decimal comma (3,14); in an integer only `579,00` is read that way.

    >>> read_run("1,234,567"), read_run("12 345"), read_run("1e3"), read_run("007"), read_run("5 4 3")
    (1234567, 12345, 1000, 7, 543)
    >>> read_run("12,34"), read_run("12,34", "decimal"), read_run("1.2.3")
    (None, Decimal('12.34'), None)
    """
    mantissa, mark, exponent = run.replace("E", "e").partition("e")
    if mark and len(exponent.lstrip("+-0")) > _EXPONENT_DIGITS:
        return None
    for pattern, separators in _RUN:
        if pattern.fullmatch(mantissa):
            digits = mantissa
            for separator in separators:
                digits = digits.replace(separator, "")
            break
    else:
        commas = _DECIMAL_COMMA if kind in ("decimal", "fraction", "scientific") else [_CENTS]
        if not any(pattern.fullmatch(mantissa) for pattern in commas):
            return None
        digits = mantissa.replace(".", "").replace(" ", "").replace(",", ".")
    if mark:
        return simplify(Decimal(f"{digits}e{exponent}"))
    return simplify(Decimal(digits)) if "." in digits else whole(digits)


def read_strict(text: str, kind: str) -> Answer | None:
    """Read the canonical ASCII literal of a kind and nothing else: no plus sign, no leading zeros, no spaces around.

    Args:
        text: the literal. Sequences are separated by commas (with or without one space) or by single spaces, and may
            stand in square brackets; more than some 100,000 items are not read.
        kind: "integer", "decimal", "fraction", "scientific" or "sequence".

    >>> read_strict("-12", "integer"), read_strict("012", "integer"), read_strict("2/4", "fraction")
    (-12, None, Fraction(1, 2))
    >>> read_strict("[3, 1/2, 0.5]", "sequence"), read_strict("1.25e3", "scientific")
    ((3, Fraction(1, 2), Decimal('0.5')), 1250)
    """
    if kind == "sequence":
        inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
        if inner == "" and text == "[]":
            return ()
        if inner.count(" ") + inner.count(",") > 2 * MAX_ITEMS or not _STRICT_SEQUENCE.fullmatch(inner):
            return None
        items = [_read_scalar(piece) for piece in inner.replace(",", " ").split()]
        return None if None in items else tuple(item for item in items if item is not None)
    if not _STRICT_NUMBER[kind].fullmatch(text) or text == "-0":
        return None
    return _read_scalar(text)


def _read_scalar(text: str) -> Value | None:
    if "/" in text:
        value = ratio(*text.split("/"))
        return None if value is None else simplify(value)
    return simplify(Decimal(text)) if "." in text or "e" in text else whole(text)


def read_gold(gold: Any, kind: str) -> Answer:
    """Turn the known right answer into an exact value.

    Args:
        gold: an int (NumPy's too), Decimal, Fraction or string; for a sequence, a list or tuple of these or a string.
        kind: "integer", "decimal", "fraction", "scientific" or "sequence".

    Raises:
        UsageError: for a float (it is not exact), a bool, or text that is no answer of this kind.

    >>> read_gold("0579", "integer"), read_gold("1/2", "fraction"), read_gold([1, "2"], "sequence")
    (579, Fraction(1, 2), (1, 2))
    """
    check_kind(kind)
    if kind == "sequence":
        if isinstance(gold, str):
            inner = gold.strip().removeprefix("[").removesuffix("]")
            gold = inner.replace(",", " ").split()
        return tuple(_gold_scalar(item, "fraction") for item in gold)
    value = _gold_scalar(gold, kind)
    if (
        kind == "integer"
        and not isinstance(value, int)
        and (isinstance(value, Fraction) or value != value.to_integral_value())
    ):
        raise UsageError(f"The right answer {gold!r} is not an integer; use kind='decimal' or kind='fraction'.")
    return value


def _gold_scalar(gold: Any, kind: str) -> Value:
    if isinstance(gold, bool | float):
        raise UsageError(
            f"The right answer {gold!r} is a {type(gold).__name__}; give an int, Decimal, Fraction or str."
        )
    if isinstance(gold, Fraction):
        return simplify(gold)
    if isinstance(gold, Decimal) and gold.is_finite():
        return simplify(gold)
    if isinstance(gold, str):
        pattern = r"[+-]?[0-9]+(?:\.[0-9]+)?e-?[0-9]{1,4}" if kind == "scientific" and "e" in gold else _GOLD
        if re.fullmatch(pattern, text := gold.strip()):
            value = _read_scalar(text)
            if value is not None:
                return value
    elif not isinstance(gold, Decimal):
        try:
            return operator.index(gold)
        except TypeError:
            pass
    shown = repr(gold)
    raise UsageError(f"The right answer {shown[:60]} cannot be read as {kind}; give for example 579, '0.25' or '1/2'.")


def _parts(value: Value) -> tuple[Decimal, Decimal]:
    if isinstance(value, Fraction):
        return Decimal(value.numerator), Decimal(value.denominator)
    return Decimal(value), Decimal(1)


def equal(value: Answer | None, gold: Answer, tolerance: Decimal | None = None) -> bool:
    """Compare exactly, or within an absolute tolerance, itself exact.

    Args:
        value: what was read, None for nothing.
        gold: the right answer.
        tolerance: largest accepted |value - gold|, for answers such as sines and square roots; None for equality.

    >>> equal(Decimal("0.5"), Fraction(1, 2)), equal(123457, 123456)
    (True, False)
    >>> equal(Decimal("0.333"), Fraction(1, 3), Decimal("0.001"))
    True
    """
    if value is None or isinstance(value, tuple) or isinstance(gold, tuple):
        if not isinstance(value, tuple) or not isinstance(gold, tuple):
            return False
        return len(value) == len(gold) and all(equal(v, g, tolerance) for v, g in zip(value, gold))
    if tolerance is None:
        return value == gold
    (top, bottom), (gold_top, gold_bottom) = _parts(value), _parts(gold)
    gap = _EXACT.subtract(_EXACT.multiply(top, gold_bottom), _EXACT.multiply(gold_top, bottom)).copy_abs()
    return gap <= _EXACT.multiply(tolerance, _EXACT.multiply(bottom, gold_bottom))
