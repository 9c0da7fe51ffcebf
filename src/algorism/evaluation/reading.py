"""How the answer to a question is read before and while it is graded; kept with the question in every record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from algorism.errors import DataError, nearest
from algorism.evaluation.grading import Both, grade_both
from algorism.evaluation.values import Kind


@dataclass(frozen=True)
class Reading:
    """What is done to an answer, and what counts as right.

    Args:
        backwards: it is read from the last character to the first.
        separated: commas and spaces between its digits are left out.
        exact_text: the right answer has one text (scientific notation); strictly right is that text alone.
        repeated: text of the question; a fraction or power that only repeats part of it is no answer.

    >>> Reading(backwards=True).grade("975", "579").strict.correct
    True
    """

    backwards: bool = False
    separated: bool = False
    exact_text: bool = False
    repeated: str | None = None

    def text(self, response: str) -> str:
        """An answer as it is graded.

        >>> Reading(separated=True).text("It is 830,208,0."), Reading(backwards=True).text("064")
        ('It is 8302080.', '460')
        """
        if self.backwards:
            response = response.strip()[::-1]
        return re.sub(r"(?<=\d)[, ](?=\d)", "", response) if self.separated else response

    def grade(self, response: str, gold: str, kind: Kind = "integer", marker: str | None = None) -> Both:
        """Grade an answer at both levels; arguments as for `grading.grade`."""
        text = self.text(response)
        right: object = Decimal(gold) if self.exact_text else gold
        both = grade_both(text, right, kind, marker=marker, question=self.repeated)
        if not self.exact_text:
            return both
        exact = text.strip() == gold
        return Both(
            replace(both.strict, correct=exact, reason="equal" if exact else "not the exact text"),
            replace(both.lenient, correct=both.lenient.correct or exact),
        )

    def to_json(self) -> dict[str, Any]:
        """What differs from the usual, as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Reading":
        """The inverse of `to_json`.

        Raises:
            DataError: a way of reading that this version does not know.
        """
        known = [f.name for f in fields(Reading)]
        for name in values:
            if name not in known:
                raise DataError(f"An answer is to be read {name!r}, which this version cannot. {nearest(name, known)}")
        return Reading(**values)
