"""Is a number near a multiple of k? Sentences that mention a number, in digits or in words, and where it stands.

The question of StreetMath's probes (arXiv 2510.25776, version 2); the sentences are our own. Positions are kept by
character, so that nobody has to search for the number in its sentence.

Shape letter: n numbers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import UsageError

TOLERANCES: dict[int, int] = {k: int(k >= 4) for k in range(2, 11)}
# The first five for training, the others for testing on sentences never seen.
SENTENCES: tuple[str, ...] = (
    "The shop sold {} loaves.",
    "We counted {} birds on the lake.",
    "Page {} is missing.",
    "A ticket with number {} won.",
    "There were {} people on the square.",
    "She walked {} steps today.",
    "The meter shows {} now.",
    "Room {} is upstairs.",
    "It took {} seconds.",
)
TRAINED = 5
_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def near_multiple(number_n: ArrayLike, k: int) -> NDArray[np.bool_]:
    """Whether numbers are multiples of k, or, from k = 4 on, at most 1 away from one; (n,).

    Raises:
        UsageError: k outside 2 to 10.

    >>> near_multiple([0, 1, 5, 6, 9, 11], 10).tolist(), near_multiple([3, 4], 3).tolist()
    ([True, True, False, False, True, True], [True, False])
    """
    if k not in TOLERANCES:
        raise UsageError(f"near_multiple: expected k from 2 to 10, got {k}.")
    rest_n = np.asarray(number_n) % k
    found: NDArray[np.bool_] = np.minimum(rest_n, k - rest_n) % k <= TOLERANCES[k]
    return found


def base_rate(k: int) -> float:
    """Share of the commoner answer among all whole numbers: what is right without looking.

    >>> [round(base_rate(k), 2) for k in range(2, 11)]
    [0.5, 0.67, 0.75, 0.6, 0.5, 0.57, 0.62, 0.67, 0.7]
    """
    share = (1 + 2 * TOLERANCES[k]) / k
    return max(share, 1 - share)


def in_words(number: int) -> str:
    """A number below 10,000 in English words.

    >>> in_words(7305), in_words(20), in_words(0)
    ('seven thousand three hundred and five', 'twenty', 'zero')
    """
    if not 0 <= number < 10_000:
        raise UsageError(f"in_words: expected 0 to 9999, got {number}.")
    parts = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            parts.append(f"{_ONES[number // size]} {name}")
            number %= size
    if number or not parts:
        below = (
            _ONES[number] if number < 20 else _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
        )
        parts.append(("and " if parts else "") + below)
    return " ".join(parts)


@dataclass(frozen=True)
class Mention:
    """A sentence with a number, and its place: characters start to end."""

    text: str
    start: int
    end: int


def mention(number: int, sentence: int, form: Literal["digits", "words"] = "digits") -> Mention:
    """A number in one of the sentences.

    >>> found = mention(42, 2)
    >>> found.text, found.text[found.start : found.end]
    ('Page 42 is missing.', '42')
    """
    before, _, after = SENTENCES[sentence].partition("{}")
    written = str(number) if form == "digits" else in_words(number)
    return Mention(before + written + after, len(before), len(before) + len(written))
