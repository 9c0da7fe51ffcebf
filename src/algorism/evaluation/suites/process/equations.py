"""Equations in free text: found, split at their signs, and recomputed exactly."""

import re
from dataclasses import dataclass
from fractions import Fraction

from algorism.evaluation.suites.process.expressions import evaluate

_LABEL = re.compile(r"^\s*(?:[-*•]\s+|(?:step|line)?\s*\(?\d{1,3}\s*[.):]\s+)", re.IGNORECASE)
_RUN = re.compile(r"(?:[\d.,+\-*/^%()×÷·−–=\s]|\bmod\b|\\times|\\cdot|\\div)+", re.IGNORECASE)
_CUT = re.compile(r"[.,;]\s+")
_BEFORE, _BEHIND = " \t.,)*/^%×÷·=+", " \t.,(+-*/^%×÷·−–="
_TRIES = 4
_DRESS = re.compile(r"\\boxed\{([^{}]*)\}|\\text\{[^{}]*\}|\$|\\[()\[\],;! ]|(?<![\d)])\*\*|\*\*(?!\s*[\d(-])")
WINDOW = 20_000  # characters of a response that are read


@dataclass(frozen=True)
class Equation:
    """One equation of a text.

    Attributes:
        text: as it stood, without markup.
        sides: between its signs of equality; two or more.
        values: of the sides, exact.
        before: what stands before it in its line.
    """

    text: str
    sides: tuple[str, ...]
    values: tuple[Fraction, ...]
    before: str = ""

    @property
    def holds(self) -> bool:
        """Whether all sides are equal."""
        return len(set(self.values)) == 1


def equations(text: str) -> list[Equation]:
    """Every equation of numbers in a text, in order. What cannot be read on both sides is none.

    >>> [(e.text, e.holds) for e in equations("1. First 7 + 5 = 12. Then **12 × 3 = 35**, so x = 35.")]
    [('7 + 5 = 12', True), ('12 × 3 = 35', False)]
    """
    found = []
    for line in text[-WINDOW:].splitlines():
        line = _LABEL.sub("", _DRESS.sub(lambda m: m[1] or "", line))
        if "=" not in line:
            continue
        for run in _RUN.finditer(line):
            before = line[: run.start()]
            found += [one for piece in _CUT.split(run[0]) if (one := _equation(piece, before)) is not None]
    return found


def _equation(piece: str, before: str) -> Equation | None:
    sides = [side.strip() for side in piece.lstrip(_BEFORE).rstrip(_BEHIND).split("=")]
    if len(sides) < 2:
        return None
    for _ in range(_TRIES):  # numbers that stand before the equation: "in step 2 7 + 5 = 12"
        if evaluate(sides[0]) is not None or " " not in sides[0]:
            break
        sides[0] = sides[0].split(" ", 1)[1].strip()
    values = [evaluate(side) for side in sides]
    known = tuple(value for value in values if value is not None)
    return Equation(" = ".join(sides), tuple(sides), known, before) if len(known) == len(sides) else None
