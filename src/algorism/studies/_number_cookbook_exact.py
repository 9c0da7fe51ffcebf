"""What `number_cookbook` measures without a network: counts, identities of the scores, released labels."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..claims import Measurement
from ..evaluation import wilson
from ..evaluation.suites.nupa import score
from ..tasks.numeracy import COMBINATIONS, REPRESENTATIONS, combination

if TYPE_CHECKING:
    from .number_cookbook import Settings


def measured(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Counts, identities, labels."""
    rows = [row for row in COMBINATIONS.values() if not row.variant]
    yield Measurement.exact("combinations", len(rows), unit="combinations")
    yield Measurement.exact("tasks", len({row.task for row in rows}), unit="tasks")
    counts = Counter(row.representation for row in rows)
    for name in REPRESENTATIONS:
        yield Measurement.exact(name, counts[name], unit="combinations")
    yield _identities(scale, seed)
    yield from _labels(scale, seed)


def _identities(scale: "Settings", seed: int) -> Measurement:
    """Whether the three scores agree on right answers, on a changed digit and on nothing, in every row."""
    rng, kept, asked = random.Random(seed), 0, 0
    for row in COMBINATIONS.values():
        for item in row.items(max(4, row.shortest), max(1, scale.labels // 1000), seed):
            gold = item.answer
            right = score(gold, gold, row.answer)
            at = rng.choice([k for k, c in enumerate(gold) if c.isdigit()])
            other = score(gold[:at] + str((int(gold[at]) + 1) % 10) + gold[at + 1 :], gold, row.answer)
            digits = sum(c.isdigit() for c in gold)
            none = score("", gold, row.answer)
            kept += (
                (right.exact, right.digits, right.length) == (True, 1.0, 0)
                and not other.exact
                and abs(other.digits - (digits - 1) / digits) < 1e-12
                and other.length == 0
                and (none.exact, none.digits, none.length) == (False, 0.0, digits)
            )
            asked += 1
    return Measurement.exact("scores: identities kept", kept / asked, unit="share", n=asked)


def _labels(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Labels of the released generator that differ from the right ones."""
    for name in ("sig-integer", "sig-float"):
        wrong = made = 0
        for length in range(5, 31):
            some = max(1, scale.labels // 26)
            row = combination(name)
            pairs = [(row.item(length, k, seed), row.item(length, k, seed, released=True)) for k in range(some)]
            wrong += sum(right.answer != released.answer for right, released in pairs)
            made += some
        yield Measurement.of(f"labels: {name}", wilson(wrong, made), unit="share of labels")
    others = [row for row in COMBINATIONS.values() if row.task != "sig"]
    each = max(1, scale.labels // 1000)
    wrong = sum(
        row.item(6, k, seed).answer != row.item(6, k, seed, released=True).answer for row in others for k in range(each)
    )
    yield Measurement.exact("labels: all others", wrong, unit="labels", n=each * len(others))
