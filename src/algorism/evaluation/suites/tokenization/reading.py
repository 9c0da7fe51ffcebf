"""What was answered to a sum: the number, whether its form is the one that was asked, and the repeated question.

Reads as the paper's code does (arXiv 2402.14903, utils.py): a value and its form are two things.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algorism.evaluation.backends.protocol import BOUNDARY
from algorism.evaluation.records import Answer
from algorism.evaluation.suites.tokenization.sums import Sum
from algorism.evaluation.suites.tokenization.writing import form

_NUMBER = re.compile(r"[0-9](?:[, .#$]*[0-9])*")
_LONGEST = 4000  # characters; Python itself reads no more than 4,300 digits, and no sum here is so long


@dataclass(frozen=True)
class Answered:
    """A sum and what was answered to it: from a record of ours, or from a row of the authors' files.

    Args:
        operands: of the sum.
        response: what was written.
        arm: name of the way of asking.
        query, answer: names of the forms of question and answer.
        repeat: form in which the question was to be repeated first; None for no repeat.
        size: digits per group.
        shots: examples before the question.
        copies: whether "=" parts a repeat from the answer; else it spoils the answer.
        details: whatever else is known, such as the tokens' probabilities.
    """

    operands: Sum
    response: str
    arm: str
    query: str
    answer: str
    repeat: str | None = None
    size: int = 3
    shots: int | None = None
    copies: bool = True
    details: Mapping[str, Any] | None = None

    @staticmethod
    def of(answer: Answer) -> "Answered":
        """From a record."""
        facts = answer.question.facts
        first, second = facts["operands"]
        given = (facts["arm"], facts["query"], facts["answer"], facts["repeat"], facts["size"])
        return Answered((first, second), _line(answer.reply.text), *given)

    @property
    def truth(self) -> int:
        """The right answer."""
        return sum(self.operands)


def _line(text: str) -> str:
    """The first line with a digit: models that continue texts go on with sums of their own."""
    return next((line for line in text.splitlines() if re.search("[0-9]", line)), text)


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        value: the answer; None if there is none, or several numbers.
        correct: whether it is the right one.
        formed: whether it is written as the examples write it.
        copied: whether both addends were repeated rightly; None where none was to be, or none was.
        copied_formed: whether they were repeated in the form of the examples.
    """

    value: int | None
    correct: bool
    formed: bool
    copied: bool | None = None
    copied_formed: bool | None = None


def number(text: str) -> tuple[str, int] | None:
    """The one number of a text and its value: digits, with separators between them; None for none, or several.

    >>> number("It is 8,365,772."), number("1+2"), number("")
    (('8,365,772', 8365772), None, None)
    """
    found = _NUMBER.findall(text)
    if len(found) != 1 or len(found[0]) > _LONGEST:
        return None
    return found[0], int(re.sub("[^0-9]", "", found[0]))


def read(answered: Answered) -> Reading:
    """Read an answer.

    >>> given = Answered((2307350, 6058422), "2,307,350 + 6,058,422 = 8,365,772", "", "nosep", "comma_r2l", "comma_r2l")
    >>> read(given)
    Reading(value=8365772, correct=True, formed=True, copied=True, copied_formed=True)
    """
    text, repeated = answered.response, None
    if answered.copies and "=" in text:
        repeated, _, text = text.rpartition("=")
    found = number(text.strip())
    copied = copied_formed = None
    if answered.repeat is not None and repeated is not None:
        copied, copied_formed = _copied(repeated, answered)
    if found is None:
        return Reading(None, False, False, copied, copied_formed)
    written, value = found
    wanted = form(answered.answer, answered.size).write(value).replace(BOUNDARY, "")
    return Reading(value, value == answered.truth, written == wanted, copied, copied_formed)


def _copied(repeated: str, answered: Answered) -> tuple[bool, bool]:
    found = [number(part.strip()) for part in repeated.split("+")]
    if len(found) != 2:
        return False, False
    wanted = form(str(answered.repeat), answered.size)
    right = [part is not None and part[1] == given for part, given in zip(found, answered.operands, strict=True)]
    formed = [part is not None and part[0] == wanted.write(part[1]) for part in found]
    return all(right), all(formed)
