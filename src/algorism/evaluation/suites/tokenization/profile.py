"""Answers to sums, summed up: by way of writing, by lengths, by digit, and what kind of errors remain.

Shares are of all answers of a class, unless a name says otherwise; an answer that cannot be read is wrong.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from algorism.evaluation.statistics import Interval, wilson
from algorism.evaluation.suites.tokenization.errors import Errors, errors
from algorism.evaluation.suites.tokenization.reading import Answered, Reading, read
from algorism.evaluation.suites.tokenization.sums import carries, matched


@dataclass(frozen=True)
class Case:
    """An answer with all that is known of it; `errors` is None where no number could be read."""

    answered: Answered
    reading: Reading
    errors: Errors | None

    @property
    def matched(self) -> bool:
        """Whether the right answer is as long as an addend."""
        return matched(*self.answered.operands)


def case(answered: Answered) -> Case:
    """Read an answer and look at its errors."""
    reading = read(answered)
    return Case(answered, reading, None if reading.value is None else errors(reading.value, answered))


@dataclass(frozen=True)
class Profile:
    """The answers of one class.

    Attributes:
        accuracy: share of right answers.
        readable: share of answers in which one number could be read.
        formed: share that are written as the examples are.
        copied: of those that were to repeat the question first, share that repeated it rightly; None where none was.
        digits: digit number from the left → share of answers in which it is wrong.
        other: share of answers that cannot be read or have a wrong length.
        only_behind: of the wrong answers of the right length, how many have only that digit wrong which is the first
            behind the first whole group (the fourth for groups of three).
        wrong_length_right: how many are wrong and of the right length.
        conditional: share of answers whose other digits are all right, of those with the right length.
        guesses: how often that digit is off by 0 to 9 (mod 10), of the answers of the right length.
        off_by_one, at_boundary: how many wrong answers are off by a power of ten; how many of these at the end of a
            token.
        dropped, left_aligned, chunked: how many wrong answers are of these kinds.
        carry_in, carry_out: how many have a wrong digit where a carry comes in, or goes out.
        by_carries: carries in the sum → share of wrong answers.
    """

    accuracy: Interval
    readable: Interval
    formed: Interval
    copied: Interval | None
    digits: dict[int, Interval]
    other: Interval
    only_behind: int
    wrong_length_right: int
    conditional: Interval | None
    guesses: tuple[int, ...]
    wrong: int
    off_by_one: int
    at_boundary: int
    dropped: int
    left_aligned: int
    chunked: int
    carry_in: int
    carry_out: int
    by_carries: dict[int, Interval]

    def uniform(self) -> tuple[float, float] | None:
        """Whether the digit behind the first group is a guess: χ² against equal counts (9 degrees), and its p-value.

        None if no answer has such a digit. A small p says that it is no uniform guess.
        """
        if not sum(self.guesses):
            return None
        from scipy.stats import chisquare

        found = chisquare(self.guesses)
        return float(found.statistic), float(found.pvalue)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        chi = self.uniform()
        return {
            "accuracy": self.accuracy.to_json(),
            "readable": self.readable.value,
            "as_asked": self.formed.value,
            "copied": None if self.copied is None else self.copied.to_json(),
            "wrong_by_digit": {digit: share.value for digit, share in self.digits.items()},
            "wrong_length_or_unreadable": self.other.value,
            "only_the_digit_behind_the_first_group": self.only_behind,
            "wrong_of_right_length": self.wrong_length_right,
            "other_digits_right": None if self.conditional is None else self.conditional.to_json(),
            "offsets_of_that_digit": list(self.guesses),
            "chi_squared": None if chi is None else {"value": chi[0], "p": chi[1]},
            "wrong": self.wrong,
            "off_by_one": self.off_by_one,
            "off_by_one_at_boundary": self.at_boundary,
            "dropped_digit": self.dropped,
            "left_aligned": self.left_aligned,
            "chunk_by_chunk": self.chunked,
            "at_carry_in": self.carry_in,
            "at_carry_out": self.carry_out,
            "wrong_by_carries": {count: share.value for count, share in self.by_carries.items()},
        }


def profile(cases: Sequence[Case]) -> Profile:
    """Sum up some answers; at least one.

    >>> given = [Answered((950, 60), text, "nosep", "nosep", "nosep") for text in ("1010", "1019", "1,010", "??")]
    >>> found = profile([case(answered) for answered in given])
    >>> found.accuracy.value, found.formed.value, found.digits[4].value, found.other.value, found.guesses[9]
    (0.5, 0.5, 0.25, 0.25, 1)
    """
    n, size = len(cases), cases[0].answered.size
    seen = [c.errors for c in cases if c.errors is not None]
    level = [e for e in seen if e.length]
    wrong = [e for e in seen if e.any]
    short = [e for e in level if e.digits]
    repeated = [c for c in cases if c.answered.repeat is not None]
    behind = size + 1
    guesses = Counter(e.guess for e in level if e.guess is not None)
    longest = max(len(str(c.answered.truth)) for c in cases)
    by_carries: dict[int, list[bool]] = {}
    for c in cases:
        by_carries.setdefault(sum(carries(*c.answered.operands)), []).append(not c.reading.correct)
    others_right = [not set(e.digits) - {behind} for e in level]
    return Profile(
        accuracy=wilson(sum(c.reading.correct for c in cases), n),
        readable=wilson(len(seen), n),
        formed=wilson(sum(c.reading.formed for c in cases), n),
        copied=wilson(sum(bool(c.reading.copied) for c in repeated), len(repeated)) if repeated else None,
        digits={d: wilson(sum(d in e.digits for e in level), n) for d in range(1, longest + 1)},
        other=wilson(n - len(level), n),
        only_behind=sum(e.digits == (behind,) for e in short),
        wrong_length_right=len(short),
        conditional=wilson(sum(others_right), len(level)) if level else None,
        guesses=tuple(guesses[offset] for offset in range(10)),
        wrong=len(wrong),
        off_by_one=sum(e.off_by_one is not None for e in wrong),
        at_boundary=sum(e.at_boundary for e in wrong),
        dropped=sum(e.dropped for e in wrong),
        left_aligned=sum(e.left_aligned for e in wrong),
        chunked=sum(e.chunked for e in wrong),
        carry_in=sum(e.carry_in > 0 for e in wrong),
        carry_out=sum(e.carry_out > 0 for e in wrong),
        by_carries={count: wilson(sum(rows), len(rows)) for count, rows in sorted(by_carries.items())},
    )


def by_arm(cases: Iterable[Case]) -> dict[str, Profile]:
    """A profile for each way of asking, in the order in which they first come."""
    found: dict[str, list[Case]] = {}
    for c in cases:
        found.setdefault(c.answered.arm, []).append(c)
    return {arm: profile(some) for arm, some in found.items()}


def by_match(cases: Iterable[Case]) -> dict[tuple[str, bool], Profile]:
    """A profile for each way of asking and for sums as long as an addend (True), and longer ones (False)."""
    found: dict[tuple[str, bool], list[Case]] = {}
    for c in cases:
        found.setdefault((c.answered.arm, c.matched), []).append(c)
    return {key: profile(some) for key, some in found.items()}
