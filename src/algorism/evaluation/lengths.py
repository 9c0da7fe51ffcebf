"""On which lengths is a network still right? Exact match by length, far beyond what it was trained on.

Every length is asked twice where the operator has carries: with random digits, which seldom carry far, and with carries
that run through all digits, which a network without the rule gets wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UsageError
from ..models.transformer import Transformer
from ..tasks import Problems, Sequences, SequenceTask, Task, hard
from ..text import Format, Indexing, ListFormat
from .asking import Evaluation, evaluate
from .list_errors import ListBreakdown
from .statistics import Interval

RANDOM, LONGEST_CARRY = "random", "longest carry"
THRESHOLDS = (0.99, 0.9, 0.5)


@dataclass(frozen=True)
class LengthResult:
    """Exact match at one length.

    Args:
        digits: of every operand; symbols of every list.
        asked: "random", "longest carry"; for lists "random" and the rule's own hard kinds.
        accuracy: with its Wilson interval.
        n: problems.
        first_wrong: of the wrong answers, how many digits from the right (symbols from the left, for lists) the first
            wrong one stands; the median. None where there is none, or where nothing was wrong.
        seconds: of decoding.
    """

    digits: int
    asked: str
    accuracy: Interval
    n: int
    first_wrong: float | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        a = self.accuracy
        values = {"digits": self.digits, "asked": self.asked, "accuracy": a.value, "low": a.low, "high": a.high}
        return values | {"n": self.n, "first_wrong": self.first_wrong, "seconds": round(self.seconds, 2)}


def lengths_beyond(trained: int, factor: int = 100) -> list[int]:
    """Give the trained length and round multiples of it.

    >>> lengths_beyond(10)
    [10, 12, 15, 20, 30, 50, 100, 200, 500, 1000]
    """
    multiples = (1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
    return sorted({max(1, int(trained * multiple)) for multiple in multiples if multiple <= factor})


def by_length(
    model: Transformer,
    form: Format | ListFormat,
    tokenizer: Any,
    task: Task | SequenceTask,
    lengths: Sequence[int],
    *,
    n: int = 100,
    seed: int = 1,
    indexing: Indexing | None = None,
    band: int | None = None,
) -> Iterator[LengthResult]:
    """Ask `n` problems of each kind at each length, greedily, shortest first.

    Args:
        model: a transformer of ours.
        form: how problems are written.
        tokenizer: text to ids and back.
        task: what is asked; its own lengths do not matter.
        lengths: digits of every operand, symbols of every list.
        n: problems of each kind and length.
        seed: of the problems.
        indexing: how the model is told where tokens stand.
        band: see `generate`; None for the model as it is.

    Raises:
        ShapeError: at the first length that the model cannot represent; says why.
        UsageError: an operator whose problems have no length; a length that the task's symbols do not allow.
    """
    if isinstance(task, Task) and task.operator not in ("+", "-", "*"):
        raise UsageError(f"lengths: {task.operator!r} has no operands of many digits; expected '+', '-' or '*'.")
    for digits in sorted(lengths):
        for asked, problems in problems_of(task, digits, n, seed):
            found = evaluate(model, form, tokenizer, problems, name=asked, indexing=indexing, band=band)
            yield LengthResult(digits, asked, found.accuracy, len(found.gold), first_wrong_place(found), found.seconds)


def problems_of(
    task: Task | SequenceTask, digits: int, n: int, seed: int
) -> Iterator[tuple[str, Problems | Sequences]]:
    """Problems of each kind at one length."""
    if isinstance(task, SequenceTask):
        yield from task.at_length(digits, n, seed)
        return
    asked = Task(task.operator, digits=(digits, digits))
    if task.sampler in ("by", "falling"):  # N × 2 stays N × 2, and a difference that is not negative stays one
        asked = replace(asked, sampler=task.sampler, params=task.params)
    yield RANDOM, asked.sample(n, seed=(seed, digits))
    if task.operator == "+":
        yield LONGEST_CARRY, hard("longest_carry", n, operator="+", digits=(digits, digits), seed=seed + digits)


def first_wrong_place(found: Evaluation) -> float | None:
    """Median distance of the first wrong digit from the right (symbol from the left) in answers that can be read."""
    if isinstance(found.breakdown, ListBreakdown):
        return found.breakdown.first_wrong
    places = []
    for answer, gold, right in zip(found.answers, found.gold, found.correct_n, strict=True):
        if right or answer is None:
            continue
        pairs = zip(answer[::-1], gold[::-1])  # lengths may differ
        places.append(next((k for k, (a, g) in enumerate(pairs) if a != g), min(len(answer), len(gold))))
    return float(sorted(places)[len(places) // 2]) if places else None


def first_below(results: Sequence[LengthResult], threshold: float) -> int | None:
    """The shortest length at which either kind falls below the threshold; None if none does."""
    return min((r.digits for r in results if r.accuracy.value < threshold), default=None)
