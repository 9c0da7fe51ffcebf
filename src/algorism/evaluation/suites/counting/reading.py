"""What a response to a counting question says. Knows how models write; does not know the right answer.

Three rules side by side, because they disagree on real responses: the paper's (the last digits anywhere, or the right
answer as a word anywhere), the declared one (`Answer:` and nothing else behind it), and the one of a careful reader,
which is the package's lenient extraction, and for yes and no the last of these that stands as a word of its own.
"""

import re
from dataclasses import dataclass

from algorism.evaluation.extraction import extract
from algorism.evaluation.grading import grade
from algorism.evaluation.suites.counting.tasks import Answers

MARKER = "Answer:"
_TIMES = {"once": "1", "twice": "2", "thrice": "3"}
_WORDS = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
_WORDS |= {"eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13"}
_YES_NO = re.compile(r"(?<![\w'])(yes|no)(?![\w'])(?!\.\s?\d)", re.IGNORECASE)  # "No. 5" is a number's name
_LISTED = re.compile(r"(?<![\w.])\d{1,2}[.):]\s+['\"]?[A-Za-z]['\"]?(?![\w'])[.,;]?")  # "1. s 2. t": letters, numbered
_CORRECTION = re.compile(r"(?<!\w)(?:wait|actually|correction)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """One response, read by three rules.

    Attributes:
        answer: what a careful reader reads; None if nothing.
        correct: whether that is right.
        paper: whether the paper's rule calls it right.
        strict: whether what is declared behind "Answer:", or the bare response, is right and in plain form.
    """

    answer: str | None
    correct: bool
    paper: bool
    strict: bool


def read(response: str, gold: str, answers: Answers) -> Reading:
    """Read a response.

    Args:
        response: what the model wrote.
        gold: the right answer: an integer, or Yes or No.
        answers: of the task.

    >>> read("s-t-r: there are **2** of them.", "2", "number")
    Reading(answer='2', correct=True, paper=True, strict=False)
    >>> read("There are 2, out of 10.", "2", "number").paper
    False
    """
    if answers == "number":
        answer = number(response)
        strict = grade(response, gold, marker=MARKER).correct
        return Reading(answer, answer == gold, paper_number(response, gold), strict)
    answer = yes_or_no(response)
    declared = response.rpartition(MARKER)[2].strip(" \t\r\n.")
    return Reading(answer, answer == gold, gold in response, declared == gold)


def number(response: str) -> str | None:
    """The whole number that a response gives as its answer, in plain digits; None if it gives none, or several.

    >>> number("Reasoning: 1. s 2. t. Answer: two"), number("between 2 and 3")
    ('2', None)
    """
    value = extract(_LISTED.sub("; ", response), "integer", MARKER).value
    if value is None:
        words = re.findall(r"[a-z]+", response.rpartition(MARKER)[2].lower())
        times = [_TIMES[word] for word in words if word in _TIMES]
        return times[-1] if len(set(times)) == 1 else None
    return str(value) if isinstance(value, int) else None


def paper_number(response: str, gold: str) -> bool:
    """The paper's rule: the last run of digits is the answer; a number word for it anywhere will do as well."""
    digits = re.findall(r"\d+", response)
    if digits and digits[-1].lstrip("0") == gold.lstrip("0"):
        return True
    words = [word for word, value in (_WORDS | _TIMES).items() if value == gold]
    return any(word in response.lower() for word in words)


def yes_or_no(response: str) -> str | None:
    """The answer of a response, "Yes" or "No": declared behind the marker, or that of its first sentence, or the last.

    Neither is read out of other words ("not", "know", "none").

    >>> yes_or_no("No, I know that it is not there."), yes_or_no("Notably none.")
    ('No', None)
    """
    declared = _YES_NO.findall(response.rpartition(MARKER)[2]) if MARKER in response else []
    if declared:
        return str(declared[0]).capitalize()
    found = list(_YES_NO.finditer(response))
    if not found:
        return None
    opening = response.lstrip(" \n*\"'").lower().startswith(("yes", "no ", "no,", "no.", "no\n", "no*"))
    corrected = _CORRECTION.search(response)
    at = 0 if opening and not corrected else -1
    return found[at].group(1).capitalize()


def majority(answers: "list[str | None]") -> str | None:
    """The answer given most often; of equally frequent ones the first. What could not be read does not vote.

    >>> majority(["2", None, "1", "1", "2"]), majority([None])
    ('2', None)
    """
    votes: dict[str, int] = {}
    for answer in answers:
        if answer is not None:
            votes[answer] = votes.get(answer, 0) + 1
    return max(votes, key=lambda answer: votes[answer]) if votes else None
