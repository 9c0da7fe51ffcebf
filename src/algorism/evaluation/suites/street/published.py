"""StreetMath's own items (StreetMathDataset/data/*.jsonl), which have no licence and are not in this package.

A person gives the path. The answer is computed again from the words of the question, which checks the file, and us.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from algorism.errors import DataError

NEEDED = ("id", "topic", "subtopic", "prompt", "exact_value")


@dataclass(frozen=True)
class Published:
    """One item: its kind, its question, and the answer that the file gives."""

    id: str
    topic: str
    subtopic: str
    prompt: str
    given: Fraction


def read_published(path: Path | str) -> list[Published]:
    """The items of a file, one JSON object a line.

    Raises:
        DataError: no such file, a line that is no object, or keys are missing; names line and keys.
    """
    found = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        missing = [key for key in NEEDED if key not in row] if isinstance(row, dict) else list(NEEDED)
        if missing:
            raise DataError(
                f"{path}, line {number}: expected an object with {', '.join(NEEDED)}; {', '.join(missing)} missing. "
                "Give street_math_test.jsonl or street_math_train.jsonl."
            )
        found.append(_row(row, f"{path}, line {number}"))
    if not found:
        raise DataError(f"{path}: holds no items.")
    return found


def _row(row: dict[str, Any], where: str) -> Published:
    try:
        given = Fraction(str(row["exact_value"]))
    except ValueError:
        raise DataError(f"{where}: exact_value {row['exact_value']!r} is no number.") from None
    return Published(str(row["id"]), str(row["topic"]), str(row["subtopic"]), str(row["prompt"]), given)


def recompute(kind: str, prompt: str) -> Fraction:
    """The answer to a question, computed from its words alone, before any rounding.

    Args:
        kind: a subtopic of the authors' ("decimal_prices"), or a situation of ours ("basket").
        prompt: the question.

    Raises:
        DataError: an unknown kind, or a question without the numbers that its kind needs.

    >>> recompute("decimal_prices", "You're buying 3 items: $7.04, $12.56, $5.78. About how much?")
    Fraction(1269, 50)
    """
    if kind not in _KINDS:
        raise DataError(f"StreetMath has no kind {kind!r}; known are {', '.join(_KINDS)}.")
    try:
        return _KINDS[kind](prompt)
    except (IndexError, ValueError, TypeError):
        raise DataError(f"{kind}: the numbers that it needs are not in {prompt!r}.") from None


def _prices(prompt: str) -> list[Fraction]:
    return [Fraction(text) for text in re.findall(r"\$(\d+\.\d\d)", prompt)]


def _percents(prompt: str) -> list[Fraction]:
    return [Fraction(text) / 100 for text in re.findall(r"(\d+(?:\.\d+)?)%", prompt)]


def _dollars(prompt: str) -> list[Fraction]:
    return [Fraction(text) for text in re.findall(r"\$(\d+)(?![\d.]*\d)", prompt)]


def _numbers(prompt: str) -> list[Fraction]:
    return [Fraction(text) for text in re.findall(r"\d+(?:\.\d+)?", prompt)]


def _percent(prompt: str) -> Fraction:
    return sum(_prices(prompt), Fraction(0)) * (1 - _percents(prompt)[0])


def _pairs(prompt: str) -> Fraction:
    return sum(sorted(_prices(prompt), reverse=True)[::2], Fraction(0))


def _free_units(prompt: str) -> Fraction:
    pay, free = (int(x) for x in re.findall(r"[Bb]uy (\d+) get (\d+)", prompt)[0])
    left, paid = int(re.findall(r"take (\d+)", prompt)[0]), 0
    while left > 0:  # at the counter: pay some, get some, and again
        paid += min(left, pay)
        left -= pay + free
    return paid * _prices(prompt)[0]


def _threshold(prompt: str) -> Fraction:
    total, (off, spend) = sum(_prices(prompt), Fraction(0)), _dollars(prompt)
    return total - off if total >= spend else total


def _stacked(prompt: str) -> Fraction:
    total, (coupon, spend) = _percent(prompt), _dollars(prompt)
    return total - coupon if total >= spend else total


def _tax(before: bool) -> Callable[[str], Fraction]:
    def compute(prompt: str) -> Fraction:
        total, (*off, rate) = sum(_prices(prompt), Fraction(0)), _percents(prompt)
        paid = total * (1 - sum(off, Fraction(0)))
        return paid + rate * (total if before else paid)

    return compute


def _tip(prompt: str) -> Fraction:
    fee, tip = _percents(prompt)
    return _prices(prompt)[0] * (1 + fee) * (1 + tip)


def _drive(prompt: str) -> Fraction:
    miles, speed = _numbers(prompt)
    return miles / speed


def _fill(prompt: str) -> Fraction:
    return Fraction(re.findall(r"(\d+) lit(?:er|re)s(?! (?:a|per)\b)", prompt)[0]) / Fraction(
        re.findall(r"(\d+) lit(?:er|re)s (?:a|per) minute", prompt)[0]
    )


def _crowd(prompt: str) -> Fraction:
    length, width, density = _numbers(prompt)
    return length * width * density


_KINDS: dict[str, Callable[[str], Fraction]] = {
    "decimal_prices": lambda prompt: sum(_prices(prompt), Fraction(0)),
    "percent": _percent,
    "bogo": _pairs,
    "buy_n_get_m": _free_units,
    "threshold": _threshold,
    "stacked": _stacked,
    "pre_discount_tax": _tax(before=True),
    "post_discount_tax": _tax(before=False),
    "lb_oz": lambda prompt: Fraction(re.findall(r"(\d+(?:\.\d+)?) lb", prompt)[0]) * _prices(prompt)[0],
    "kg_g": lambda prompt: Fraction(re.findall(r"(\d+) g\b", prompt)[0]) / 1000 * _prices(prompt)[0],
    "tips_service": _tip,
    "crowd_density": _crowd,
    "drive_time": _drive,
    "fill_rate": _fill,
}
# The same under our names.
_KINDS |= {
    "basket": _KINDS["decimal_prices"],
    "free_units": _free_units,
    "tax_before": _KINDS["pre_discount_tax"],
    "tax_after": _KINDS["post_discount_tax"],
    "pounds": _KINDS["lb_oz"],
    "grams": _KINDS["kg_g"],
    "tip": _tip,
    "crowd": _crowd,
    "drive": _drive,
    "fill": _fill,
}
