"""The table of what a check-up looks at. A probe is a family of questions, and levels of difficulty of it.

A further suite adds a row: a function from (level, index, seed) to an item, and the levels, easiest first.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from algorism.evaluation.checkup.everyday import rounding, shopping
from algorism.evaluation.checkup.items import Item, Make, carrying, cookbook, copying, letters, sorting
from algorism.evaluation.checkup.several_steps import by_rule, chained
from algorism.evaluation.checkup.wordplay import distinct_in_word, in_word
from algorism.evaluation.questions import item_seed

_GIVE_UP = 60  # draws in a row that gave nothing new: a level of few questions is used up
_REFERENCE = 100  # questions that the blind answers are measured on


@dataclass(frozen=True)
class Probe:
    """One family of questions.

    Attributes:
        name: short and unique.
        title: in plain words.
        group: of the heat map.
        make: the item of (level, index, seed).
        levels: of difficulty, easiest first.
        unit: what a level counts.
    """

    name: str
    title: str
    group: str
    make: Make
    levels: tuple[int, ...]
    unit: str = "digits"


@dataclass
class Stream:
    """The different questions of one level, in an order of their own; every call goes on where the last one ended."""

    probe: Probe
    level: int
    seed: int
    at: int = 0
    seen: set[str] = field(default_factory=set)

    def take(self, n: int) -> list[tuple[int, Item]]:
        """The next n questions with their numbers; fewer if there are no more.

        >>> stream = Stream(PROBES["add-integer"], 1, seed=0)
        >>> len(stream.take(1000)), len(stream.take(1))
        (100, 0)
        """
        found: list[tuple[int, Item]] = []
        idle = 0
        while len(found) < n and idle < _GIVE_UP * 10:
            item = self.probe.make(self.level, self.at, self.seed)
            self.at += 1
            if item.formula in self.seen:
                idle += 1
                continue
            idle = 0
            self.seen.add(item.formula)
            found.append((self.at - 1, item))
        return found


_LONG = (1, 2, 3, 4, 6, 8, 12, 16, 20)
_MIDDLE = (1, 2, 3, 4, 6, 8)
_LISTS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
_WORDS = (3, 4, 6, 8, 10, 12, 16)


def _cookbook(group: str, levels: tuple[int, ...], titles: dict[str, str]) -> list[Probe]:
    unit = "decimals" if group in ("Decimal numbers", "Scientific notation") else "digits"
    return [Probe(name, title, group, cookbook(name), levels, unit) for name, title in titles.items()]


PROBES: dict[str, Probe] = {
    probe.name: probe
    for probe in (
        *_cookbook(
            "Whole numbers",
            _LONG,
            {
                "add-integer": "Add",
                "sub-integer": "Subtract",
                "max-integer": "The larger of two",
                "max_hard-integer": "The larger of two that begin alike",
            },
        ),
        *_cookbook(
            "Whole numbers",
            _MIDDLE,
            {
                "multiply_hard-integer": "Multiply",
                "floordiv-integer": "Divide, dropping the remainder",
                "mod-integer": "Remainder of a division",
            },
        ),
        Probe("add-no-carry", "Add without any carry", "Carries", carrying(False), _LONG),
        Probe("add-all-carry", "Add with a carry in every column", "Carries", carrying(True), _LONG),
        *_cookbook(
            "Decimal numbers",
            _MIDDLE,
            {"add-float": "Add", "sub-float": "Subtract", "max-float": "The larger of two"},
        ),
        *_cookbook("Fractions", (1, 2, 3, 4), {"add-fraction": "Add", "max-fraction": "The larger of two"}),
        *_cookbook(
            "Scientific notation",
            _MIDDLE,
            {"add-scientific": "Add", "max-scientific": "The larger of two", "to_scient-integer": "Write a number so"},
        ),
        *_cookbook(
            "Digits",
            _LONG,
            {
                "get_digit-integer": "Which digit stands at a place",
                "length-integer": "How many digits",
                "count-integer": "How often a digit occurs",
                "digit_add-integer": "Add digits without carries",
            },
        ),
        Probe("count-letters", "Count a letter in a string", "Counting and lists", letters, _LISTS, "letters"),
        Probe("count-word", "Count a letter of a word", "Counting and lists", in_word, _WORDS, "letters"),
        Probe(
            "distinct-word", "Count a word's letters once", "Counting and lists", distinct_in_word, _WORDS, "letters"
        ),
        Probe("copy-list", "Repeat a list of digits", "Counting and lists", copying, _LISTS, "items"),
        Probe("sort-list", "Sort a list of numbers", "Counting and lists", sorting, _LISTS, "items"),
        Probe("round-integer", "Round to the nearest ten", "Everyday numbers", rounding, _LONG[1:]),
        Probe("shopping", "Total price of a shopping list", "Everyday numbers", shopping, _MIDDLE, "things"),
        Probe("chain", "Add and subtract one after the other", "Several steps", chained, _MIDDLE, "steps"),
        Probe("rule-integer", "Follow a rule that the question gives", "Several steps", by_rule, _MIDDLE),
    )
}
assert all(list(probe.levels) == sorted(set(probe.levels)) for probe in PROBES.values())


@dataclass(frozen=True)
class Blind:
    """What is right without working anything out.

    Attributes:
        share: accuracy of the best of the three.
        how: which one that is.
    """

    share: float
    how: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"share": round(self.share, 4), "how": self.how}


def blind(probe: Probe, level: int, seed: int) -> Blind:
    """The best accuracy of three blind answers, on 100 questions of the same level that are drawn apart.

    They are: always the most frequent right answer; the right answer to another of the questions, at random; one of the
    numbers in the question, at random.

    >>> blind(PROBES["max-integer"], 12, seed=0).how
    'one of the numbers in the question'
    """
    apart = item_seed(seed, "blind", 0)
    items = [probe.make(level, index, apart) for index in range(_REFERENCE)]
    golds = Counter(item.answer for item in items)
    n = len(items)
    usual, often = golds.most_common(1)[0]
    shares = {
        f"always the most frequent answer, {usual}": often / n,
        "the answer to another question": sum(k * (k - 1) for k in golds.values()) / (n * (n - 1)),
        "one of the numbers in the question": sum(
            item.numbers.count(item.answer) / len(item.numbers) for item in items if item.numbers
        )
        / n,
    }
    how = max(shares, key=lambda key: shares[key])
    return Blind(shares[how], how)
