"""Whether an easier question about the same list, trained beside sorting, lets sorting hold on longer lists.

**The paper** (Awasthi and Gupta 2023) trains transformers to sort lists of at most 20 numbers with repetitions. At
length 100 they are below 1 % right. Trained beside it to give the *successor* of an element in sorted order, they
reach 92.6 %; other hints help less, and a softmax that sharpens with length helps further.

**What is measured.** Sorting with repetitions, no positions, loss on the answer only; a row of the batch asks a hint
with probability one half. Two controls have no hint: one with as many rows a step as the hinted network has in all,
one with as many sorting rows as it has. In-range accuracy stands first: below 99 % a comparison beyond the range is
void.

**What differs from the paper besides size.** Numbers of symbols, steps, widths and the fraction of hints are not known
to us. Successor is defined on values (strictly larger), `count-of` answers with the number as a symbol, `fill` asks
for the one element that a sorted list lacks. `first` (the first element) is a hint that should not help. The tempered
softmax is the public code's 1 + τ·ln n, n the keys that a query sees.

**What was found, and tried.** At this scale the hints do harm. All arms are right in range (99.9 % or more at the
longest trained length, five seeds), but at twice that length the network without hint is right in 98 %, one that sees
only as many sorting rows as the hinted one in 92 %, and the hinted one in 72 %. The harm does not depend on what is
asked: asking for the first element, which teaches nothing about order, costs about as much as asking for the successor.
Ending the hints after half of the steps (`successor, early`) gives part of it back. Shorter training has the same order
(with 2,500 steps 89, 71 and 36 %; so has 2,000), longer training too: 6,000 steps, one network each, 100 % without and
87 % with the hint. The network without hint extends much further here than the paper's (55 % at 3 ×; below 1 % at 5 ×
there), which leaves a hint little to repair; whether that changes at length 100 only the gpu scale can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        trained: longest list trained on.
        asked: lengths asked.
        values: different symbols.
        layers, width, heads, steps, batch, learning_rate, precision: of the networks.
        groups: names in `_task_hinting.ARMS` with their numbers of seeds; a group is trained side by side.
        increments: (longest trained, lengths asked, steps, seeds) of claim 6.
        test: problems of each kind and length.
    """

    trained: int = 10
    asked: tuple[int, ...] = (10, 15, 20, 30)
    values: int = 30
    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 4_000
    batch: int = 128
    learning_rate: float = 3e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    groups: tuple[tuple[tuple[str, int], ...], ...] = ()
    increments: tuple[int, tuple[int, ...], int, int] = (10, (10, 15, 20), 2_000, 2)
    test: int = 300


def _better(m: Measurements, one: str, other: str, where: str) -> bool:
    """Whether one arm is right more often there, both being right in range, without which nothing is compared."""
    in_range = min(m[one].value, m[other].value) >= 0.99
    return in_range and m[one + where].low > m[other + where].high


STUDY = Study(
    slug="task-hinting",
    paper=Paper(
        "Improving Length-Generalization in Transformers via Task Hinting",
        year=2023,
        arxiv="2310.00726",
        authors="Pranjal Awasthi, Anupam Gupta",
    ),
    claims=[
        Claim(
            "successor-hint",
            "Beyond the trained length, sorting with the successor hint is right far more often than without.",
            source="abstract, main table",
            paper={"successor@far": 0.926, "none@far": 0.01},
            parts={
                "better at 2 × on equal rows": lambda m: _better(m, "successor", "none", "@double"),
                "better at 2 × on equal sorting rows": lambda m: _better(m, "successor", "none, half", "@double"),
                "better at the longest": lambda m: _better(m, "successor", "none", "@far"),
            },
            value="successor@double",
        ),
        Claim(
            "ranking",
            "Successor helps more than predecessor, and those more than count and fill.",
            source="comparison of hints",
            paper="'differ dramatically'; no numbers known to us",
            parts={
                "successor above predecessor": lambda m: m["successor@double"].value > m["predecessor@double"].value,
                "predecessor not below count and fill": lambda m: (
                    m["predecessor@double"].value >= max(m["count-of@double"].value, m["fill@double"].value)
                ),
                "count and fill above none": lambda m: (
                    min(m["count-of@double"].value, m["fill@double"].value) > m["none@double"].value
                ),
            },
            value="successor@double",
        ),
        Claim(
            "tempered-softmax",
            "A softmax that sharpens with length helps beyond the range, with and without hint, at no cost in range.",
            source="section on length-dependent parameters",
            paper="a further gain; no numbers known to us",
            parts={
                "without hint": lambda m: m["none, tempered@double"].low > m["none@double"].high,
                "with hint": lambda m: m["successor, tempered@double"].low > m["successor@double"].high,
                "no cost in range": lambda m: m["none, tempered"].value >= m["none"].value - 0.005,
            },
            value="none, tempered@double",
        ),
        Claim(
            "size-does-not-help",
            "A larger network without hint does not close the gap.",
            source="section on scaling",
            paper="'does not help much'",
            parts={
                "in range: 99 %": lambda m: m["none, large"].value >= 0.99,
                "below the hinted one": lambda m: m["none, large@double"].high < m["successor@double"].low,
            },
            value="none, large@double",
        ),
        Claim(
            "mechanism",
            "Where no copy is due, the last layer looks at the successor; where one is, at the current value's copies.",
            source="section on probing",
            paper="attention maps",
            parts={
                "successor has most of a head's mass": lambda m: m["attention to successor"].low > 0.5,
                "copies have most of a head's mass": lambda m: m["attention to copies"].low > 0.5,
            },
            value="attention to successor",
        ),
        Claim(
            "increment",
            "Adding 1: the hint helps where the run of nines is longer than any seen.",
            source="appendix",
            paper="'meaningful'",
            parts={"better beyond": lambda m: _better(m, "increment, nines hint", "increment", "@beyond")},
            value="increment, nines hint@beyond",
        ),
        Claim(
            "distinct-needs-none",
            "Sorting different symbols extends without any hint: the difficulty is in counting copies.",
            source="control of this study",
            paper="our own claim",
            parts={"99 % at 2 ×": lambda m: m["distinct@double"].value >= 0.99},
            value="distinct@double",
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            trained=4,
            asked=(4, 8),
            values=8,
            steps=3,
            batch=8,
            groups=((("none", 1), ("successor", 1), ("distinct", 1)),),
            increments=(3, (3, 6), 3, 1),
            test=8,
        ),
        "cpu": Settings(
            "cpu",
            values=20,
            groups=(
                (("none", 5), ("successor", 5), ("none, half", 5)),
                (
                    ("predecessor", 1),
                    ("count-of", 1),
                    ("fill", 1),
                    ("first", 1),
                    ("successor, early", 2),
                    ("none, tempered", 2),
                    ("successor, tempered", 2),
                    ("distinct", 1),
                ),
            ),
            increments=(10, (10, 15, 20), 1_000, 2),
        ),
        "gpu": Settings(
            "gpu",
            needs_gpu=True,
            trained=20,
            asked=(20, 40, 60, 80, 100),
            values=100,
            width=256,
            heads=4,
            steps=30_000,
            batch=1_024,
            learning_rate=1e-3,
            groups=(
                (("none", 2), ("successor", 2), ("none, half", 1)),
                (("predecessor", 1), ("count-of", 1), ("fill", 1)),
                (("none, tempered", 1), ("successor, tempered", 1)),
            ),
            increments=(20, (20, 30, 40), 5_000, 1),
            test=1_000,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure arm by arm; every finished training is remembered, so that a killed study continues."""
    from . import _task_hinting as parts
    from ._runs import length_picture, measured, rows_of

    picture: list[dict[str, Any]] = []
    for arms in scale.groups:
        note("sorting: " + "; ".join(f"{name}, {seeds} seeds" for name, seeds in arms))
        found = remember({"arms": [list(arm) for arm in arms]}, partial(parts.group, scale, seed, arms))
        for name, _ in arms:
            yield from measured(name, found[name])
            yield from parts.named(name, found[name], scale.trained, scale.asked)
            picture += rows_of(name, found[name])
            yield from parts.mechanism(name, found[name])
    yield length_picture("sorting", f"Sorting with repetitions, trained to {scale.trained}", picture)
    note("increment, with and without hint")
    found = remember({"increment": True}, partial(parts.increments, scale, seed))
    for name in found:
        yield from measured(name, found[name])
        yield parts.beyond(name, found[name], scale.increments[1][-1], "nines")
