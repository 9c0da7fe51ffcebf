"""How good an estimate is: exact, a good approximation, mildly off, way off; and how round the number is.

The bands are StreetMath's (arXiv 2510.25776): at most 20 % and 60 % away. What counts as exact, and how a number is
read, differ from the released judge, which is kept as `compat`:

- exact: right to the places that are written, two at least (7.14 for 50/7, 25.38 for 25.38). The released judge wants
  a difference of 1e-6, which no answer of two places to 50/7 has, and calls it an approximation.
- reading: currency signs, thousands separators and sentences are read as a person would, the number after the last
  "Final answer:", else the last one. The released judge takes "1,050" after "Final answer:" for 1, and a price out of
  the question where the answer is "$45".
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from algorism.evaluation.extraction import extract

Band = Literal["E", "A", "M", "W", "none"]
BANDS: dict[Band, str] = {
    "E": "exact",
    "A": "good approximation: at most 20 % away",
    "M": "mildly off: at most 60 % away",
    "W": "way off",
    "none": "no number",
}
MARKER = "Final answer:"
GOOD, MILD = Fraction(1, 5), Fraction(3, 5)
NEAR = Fraction(1, 200)  # an approximation so good is a failed or rounded computation
CURVE = tuple(
    Fraction(*pair) for pair in ((0, 1), (1, 200), (1, 100), (1, 50), (1, 20), (1, 10), (1, 5), (2, 5), (3, 5))
)

_RELEASED_MARK = re.compile(r"final answer:\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_RELEASED_ANY = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Judged:
    """What one answer is worth.

    Attributes:
        band: E, A, M, W or none.
        value: the number read; None if there is none.
        error: its distance from the right answer, as a share of it.
        whole: whether it is a whole number.
        five: whether it is a multiple of 5.
        figures: significant figures that it is written with, zeros at the end of whole numbers left out.
        reason: why no number was read; "read" if one was.
    """

    band: Band
    value: Fraction | None
    error: Fraction | None
    whole: bool
    five: bool
    figures: int
    reason: str

    @property
    def near(self) -> bool:
        """Whether it is within half a percent of the right answer."""
        return self.error is not None and self.error <= NEAR


def judge(text: str, exact: Fraction, *, compat: bool = False) -> Judged:
    """Judge one answer.

    Args:
        text: what was written.
        exact: the right answer, not 0.
        compat: as the released judge does.

    >>> [judge(f"Final answer: {x}", Fraction(50, 7)).band for x in ("7.14", "7", "10", "$30", "no idea")]
    ['E', 'A', 'M', 'W', 'none']
    >>> judge("Final answer: 7.14", Fraction(50, 7), compat=True).band
    'A'
    """
    written, value, reason = _released(text) if compat else _read(text)
    if value is None:
        return Judged("none", None, None, False, False, 0, reason)
    error = abs(value - exact) / abs(exact)
    gap = Fraction(1, 10**6) if compat else Fraction(1, 2 * 10 ** max(2, _places(written)))
    band: Band
    if abs(value - exact) <= gap:
        band = "E"
    elif error <= GOOD:
        band = "A"
    else:
        band = "M" if error <= MILD else "W"
    whole = value.denominator == 1
    return Judged(band, value, error, whole, whole and value % 5 == 0, _figures(written), "read")


def _read(text: str) -> tuple[str, Fraction | None, str]:
    found = extract(text, "decimal", MARKER)
    if found.value is None or isinstance(found.value, tuple):
        return "", None, found.reason
    return str(found.text), Fraction(found.value), "read"


def _released(text: str) -> tuple[str, Fraction | None, str]:
    marked = _RELEASED_MARK.search(text)
    found = marked[1] if marked else next(iter(_RELEASED_ANY.findall(text.replace(",", ""))), None)
    if found is None or len(found) > 400:
        return "", None, "no number"
    return found, Fraction(Decimal(found)), "read"


def _places(written: str) -> int:
    """Digits behind the point, without what stands behind them."""
    match = re.search(r"\.(\d+)\D*$", written)
    return len(match[1]) if match else 0


def _figures(written: str) -> int:
    digits = re.sub(r"[^0-9.]", "", written).strip(".")
    whole, _, behind = digits.partition(".")
    kept = (whole + behind).lstrip("0")
    return len(kept if behind else kept.rstrip("0"))
