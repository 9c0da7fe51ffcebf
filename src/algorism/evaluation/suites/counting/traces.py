"""Step-by-step counts: written exactly, and checked step by step.

A trace names one letter after the other, with the count so far behind it: "a 0, b 1, b 2". The checker aligns a trace
with the string and says where it first goes wrong, and how: a letter left out, made up or misread, or a wrong count.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Slip = Literal["skipped", "inserted", "misread", "miscounted"]
_STEP = re.compile(r"""['"]?([A-Za-z])['"]?\s*(?:[:=→]|->|-)?\s*(\d{1,6})\b""")


def trace(text: str, letter: str) -> str:
    """Count a letter step by step.

    >>> trace("abba", "b")
    'a 0, b 1, b 2, a 2'
    """
    count, steps = 0, []
    for each in text:
        count += each == letter
        steps.append(f"{each} {count}")
    return ", ".join(steps)


@dataclass(frozen=True)
class TraceCheck:
    """The verdict on a trace.

    Attributes:
        steps: letters and counts as they were read.
        first: number of the first wrong step, from 0; None if none is wrong and none is missing.
        slip: what is wrong there.
        final: the last count; None if there are no steps.
    """

    steps: tuple[tuple[str, int], ...]
    first: int | None
    slip: Slip | None
    final: int | None

    @property
    def valid(self) -> bool:
        """Whether every letter was counted, each rightly."""
        return bool(self.steps) and self.first is None


def check_trace(response: str, text: str, letter: str) -> TraceCheck:
    """Check a step-by-step count.

    Args:
        response: steps, one letter and one count each, in order; other words between them are passed over.
        text: the string that was to be counted.
        letter: what was to be counted.

    >>> check_trace("a 0, b 1, a 1", "abba", "b").slip, check_trace("a 0, b 1, b 3, a 3", "abba", "b").first
    ('skipped', 2)
    """
    steps = tuple((found[1], int(found[2])) for found in _STEP.finditer(response))
    final = steps[-1][1] if steps else None
    named = "".join(step[0] for step in steps)
    first, slip = _first_misstep(named, text)
    count = 0
    for at, (each, said) in enumerate(steps[:first]):
        count += each == letter
        if said != count:
            return TraceCheck(steps, at, "miscounted", final)
    return TraceCheck(steps, first, slip, final)


def _first_misstep(named: str, text: str) -> tuple[int | None, Slip | None]:
    """Where the letters that were named first leave the string; the rest is aligned to tell how."""
    at = next((i for i, (a, b) in enumerate(zip(named, text)) if a != b), min(len(named), len(text)))
    rest, wanted = named[at:], text[at:]
    if not rest and not wanted:
        return None, None
    kinds: dict[str, Slip] = {"delete": "inserted", "insert": "skipped", "replace": "misread"}
    tag, a, b, c, d = next(
        op for op in SequenceMatcher(None, rest, wanted, autojunk=False).get_opcodes() if op[0] != "equal"
    )
    if tag == "replace" and b - a != d - c:
        tag = "delete" if b - a > d - c else "insert"
    return at + a, kinds[tag]
