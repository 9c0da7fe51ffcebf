"""The arms of contrasts: ways to make the i-th item of a level. Equal (level, index, seed) give equal numbers.

All sums but those with given carries or lengths are of the same two or three numbers.
"""

from algorism.evaluation.checkup.everyday import priced, rounded_sum
from algorism.evaluation.checkup.items import Item, Make, carrying, cookbook, in_words, letters, rewritten, sum_of
from algorism.evaluation.checkup.several_steps import chained, stepwise, under_rule
from algorism.evaluation.checkup.wordplay import letters_apart
from algorism.evaluation.suites.tokenization.sums import draw as sum_with_lengths
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.numeracy.values import draw


def _numbers(level: int, index: int, seed: int) -> tuple[int, int, int]:
    """Two numbers of the level's length and one of half of it."""
    draws = Draws(f"{seed}/checkup-pair/{level}/{index}")
    a, b, short = (draw(draws, "integer", length) for length in (level, level, (level + 1) // 2))
    return int(a), int(b), int(short)  # type: ignore[arg-type]


def _equal(level: int, index: int, seed: int) -> Item:
    a, b, _ = _numbers(level, index, seed)
    return sum_of(a, b)


def _long_first(level: int, index: int, seed: int) -> Item:
    a, _, short = _numbers(level, index, seed)
    return sum_of(a, short)


def _short_first(level: int, index: int, seed: int) -> Item:
    a, _, short = _numbers(level, index, seed)
    return sum_of(short, a)


def _as_long(more: int) -> Make:
    """Sums of two numbers of the level's length that are so many digits longer."""

    def make(level: int, index: int, seed: int) -> Item:
        return sum_of(*sum_with_lengths((level, level, level + more), f"{seed}/checkup-longer/{level}/{index}"))

    return make


def _by_rule(level: int, index: int, seed: int) -> Item:
    a, b, short = _numbers(level, index, seed)
    return under_rule(a, b, short % 9 + 1)


def _in(writing: str, make: Make) -> Make:
    return lambda level, index, seed: rewritten(make(level, index, seed), writing)


STEPWISE = "chain, step by step"
_count = cookbook("count-integer")
ARMS: dict[str, Make] = {
    "sum": _equal,
    "sum grouped from the right": _in("grouped from the right", _equal),
    "sum grouped from the left": _in("grouped from the left", _equal),
    "sum digit by digit": _in("digit by digit", _equal),
    "sum in words": lambda level, index, seed: in_words(_equal(level, index, seed)),
    "sum of half the length": lambda level, index, seed: _equal(level // 2, index, seed),
    "sum, long number first": _long_first,
    "sum, short number first": _short_first,
    "sum without carries": carrying(False),
    "sum with a carry in every column": carrying(True),
    "sum as long as its numbers": _as_long(0),
    "sum longer than its numbers": _as_long(1),
    "sum of round numbers": lambda level, index, seed: rounded_sum(_equal(level, index, seed)),
    "sum of prices": lambda level, index, seed: priced(_equal(level, index, seed)),
    "sum by a rule": _by_rule,
    "count": _count,
    "count, digit by digit": _in("digit by digit", _count),
    "letters": letters,
    "letters, apart": letters_apart,
    "chain": chained,
    STEPWISE: lambda level, index, seed: stepwise(chained(level, index, seed)),
}
