"""Grade a response against the exact right answer, at two levels of extraction.

`strict` wants the answer in its canonical form, alone or after a declared marker; it accepts nothing wrong, whatever it
is given. `lenient` reads what a careful person would read as the final answer (see `extraction`). Both compare
exactly: 123457 is not 123456, 4200 is not 42, and "123+456" is not an answer to 123+456.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from algorism.errors import UsageError, nearest
from algorism.evaluation.extraction import NOTHING, Extraction, extract
from algorism.evaluation.sequences import extract_sequence
from algorism.evaluation.values import Answer, Kind, check_kind, equal, read_gold, read_strict

Level = Literal["strict", "lenient"]
LEVELS: tuple[str, ...] = get_args(Level)

_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_BLANKS = " \t\r\n\f\v"  # the ASCII ones: a no-break space is not part of a canonical answer
_EXPRESSION = re.compile(r"[/^*×÷]")


@dataclass(frozen=True, slots=True)
class Grade:
    """The verdict on one response.

    Attributes:
        correct: whether the extracted value equals the right answer.
        extracted: the answer as it stood in the response; None when none was found.
        value: the exact value read: an int, Decimal, Fraction, a tuple of these, or None.
        reason: "equal", "different value", or why nothing could be read ("several answers", "a percentage", ...).
    """

    correct: bool
    extracted: str | None
    value: Answer | None
    reason: str


@dataclass(frozen=True, slots=True)
class Both:
    """One response graded at both levels; a lenient-only success is an answer in a form that was not asked for."""

    strict: Grade
    lenient: Grade

    @property
    def disagree(self) -> bool:
        """True when the levels differ."""
        return self.strict.correct != self.lenient.correct


def grade(
    response: str,
    gold: Any,
    *,
    kind: Kind = "integer",
    level: Level = "strict",
    marker: str | None = None,
    tolerance: Decimal | None = None,
    question: str | None = None,
) -> Grade:
    """Grade one response.

    Args:
        response: what the model wrote.
        gold: the right answer: int, Decimal, Fraction, str, or a list of these for a sequence. Never a float.
        kind: "integer", "decimal", "fraction", "scientific" or "sequence".
        level: "strict" or "lenient".
        marker: text that announces the answer, such as "Answer:" or "####". `<answer>…</answer>` needs no declaration.
        tolerance: absolute tolerance as a Decimal (sines, square roots); None compares for equality.
        question: the question asked; a fraction or power that only repeats part of it is then no answer.

    Raises:
        UsageError: for an unknown kind or level, a float, or a right answer that cannot be read.

    >>> grade("579", 579).correct, grade("The answer is **579**.", 579).correct
    (True, False)
    >>> grade("The answer is **579**.", 579, level="lenient")
    Grade(correct=True, extracted='579', value=579, reason='equal')
    >>> grade("123+456", 579, level="lenient").reason
    'unevaluated expression'
    """
    _check(response, level, tolerance)
    value = read_gold(gold, kind)
    found = _strict(response, kind, marker) if level == "strict" else _lenient(response, kind, marker)
    if found.value is None:
        return Grade(False, None, None, found.reason)
    if question and level == "lenient" and found.text and _EXPRESSION.search(found.text):
        if re.sub(r"\s", "", found.text) in re.sub(r"\s", "", question):
            return Grade(False, found.text, found.value, "repeats the question")
    correct = equal(found.value, value, tolerance)
    return Grade(correct, found.text, found.value, "equal" if correct else "different value")


def grade_both(
    response: str,
    gold: Any,
    kind: Kind = "integer",
    *,
    marker: str | None = None,
    tolerance: Decimal | None = None,
    question: str | None = None,
) -> Both:
    """Grade one response at both levels; arguments as for `grade`.

    >>> both = grade_both("1,234", 1234)
    >>> both.strict.correct, both.lenient.correct, both.disagree
    (False, True, True)
    """
    given: dict[str, Any] = {"kind": kind, "marker": marker, "tolerance": tolerance, "question": question}
    return Both(grade(response, gold, level="strict", **given), grade(response, gold, level="lenient", **given))


def grade_many(
    responses: Sequence[str],
    golds: Sequence[Any],
    kind: Kind = "integer",
    level: Level = "strict",
    *,
    marker: str | None = None,
    tolerance: Decimal | None = None,
) -> NDArray[np.bool_]:
    """Grade many responses; the same verdicts as `grade`, with a short way for bare integers.

    Args:
        responses: what the model wrote, n texts.
        golds: n right answers.
        kind: as for `grade`, like the rest.
        level: "strict" or "lenient".
        marker: text that announces the answer.
        tolerance: absolute tolerance.

    Returns:
        (n,) bool: correct or not.

    >>> grade_many(["579", "7", "five"], [579, 8, 5], level="lenient").tolist()
    [True, False, True]
    """
    if len(responses) != len(golds):
        raise UsageError(f"grade_many: {len(responses)} responses but {len(golds)} right answers; give one for each.")
    check_kind(kind)
    correct = np.zeros(len(responses), dtype=bool)
    bare = _PLAIN_INTEGER.fullmatch
    for at, (response, gold) in enumerate(zip(responses, golds)):
        # Two canonical integers are equal exactly when their texts are; everything else takes the long way.
        text = gold if type(gold) is str else str(gold) if type(gold) is int and -(10**18) < gold < 10**18 else ""
        if kind == "integer" and tolerance is None and type(response) is str and bare(text):
            stripped = response.strip(_BLANKS)
            if stripped == text:
                correct[at] = True
                continue
            if bare(stripped):
                continue
        correct[at] = grade(response, gold, kind=kind, level=level, marker=marker, tolerance=tolerance).correct
    return correct


def _check(response: str, level: str, tolerance: Decimal | None) -> None:
    if not isinstance(response, str):
        raise UsageError(f"A response must be str, got {type(response).__name__}.")
    if level not in LEVELS:
        raise UsageError(f"Unknown level {level!r}. {nearest(level, LEVELS)}")
    if tolerance is not None and not (isinstance(tolerance, Decimal) and tolerance.is_finite() and tolerance >= 0):
        raise UsageError(f"tolerance must be a Decimal of at least 0, got {tolerance!r}; write Decimal('0.001').")


def _strict(response: str, kind: Kind, marker: str | None) -> Extraction:
    text = response.strip(_BLANKS)
    candidate = text
    bare = read_strict(text, kind) if text else None
    if bare is not None:
        return Extraction(text, bare, "read")
    if marker and marker != "<answer>" and marker in text:
        before, _, candidate = text.partition(marker)
        line = before.rpartition("\n")[2].strip()
        # "Wrong Answer: 5" and "5 != 6" contain the markers "Answer:" and "="; a word must open its line, and a sign
        # may follow only figures.
        if line if marker[0].isalnum() else re.search(r"[^\W\d_]|[!<>~≠/:]$", line):
            return Extraction(None, None, "marker inside a sentence")
        candidate = candidate.strip()
    elif text.endswith("</answer>"):
        if text.count("<answer>") != 1 or text.count("</answer>") != 1:
            return Extraction(None, None, "several answers")
        candidate = text[text.index("<answer>") + 8 : -9].strip()
    if not candidate:
        return NOTHING
    value = read_strict(candidate, kind)
    if value is None:
        return Extraction(None, None, "not a literal of this kind")
    return Extraction(candidate, value, "read")


def _lenient(response: str, kind: Kind, marker: str | None) -> Extraction:
    text = response.strip(_BLANKS)
    value = read_strict(text, kind) if text else None
    if value is not None:  # of any length, before anything is cut to a window
        return Extraction(text, value, "read")
    return extract_sequence(response, marker) if kind == "sequence" else extract(response, kind, marker)
