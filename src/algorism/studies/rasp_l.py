"""Which algorithms a transformer learns so that they hold on longer inputs, and whether a short program tells.

**The paper** (Zhou et al. 2023) conjectures that a decoder-only transformer keeps what it learned on short inputs when
the task's next-token function is a short program in RASP-L, a small language whose operations are those of attention
and of token-wise layers. Counting, sorting and copying different symbols have such programs; parity, addition and
copying repeated symbols have not. Index hints, the reversed order and a scratchpad make short programs possible.

**What is measured.** The programs themselves against plain Python; the programs compiled into the weights of our
transformer against the interpreter; and small networks trained from scratch on short inputs and asked longer ones. As
in the paper, positions are a learned table; the six tasks are trained in rows full of examples, from a random place in
the first one, so that every position is trained. Claim 6 compares that with single examples, moved at random or not.
In-range accuracy stands beside every other number.

**What differs from the paper besides size.** Addition with hints and parity with a scratchpad are trained on single
examples, moved at random. Widths, steps, lengths and symbols of the paper's runs are not known to us; those here are
our choice, the same network and steps for all six tasks of claim 2. Parity and copying have few different short lists,
so that those asked in range may have been trained on; beyond the range nothing has. The scratchpad of parity is the
paper's as far as it is known (a sign, then each 1's hint and the flipped sign).

**What was tried.** Claim 2 asks for two things at once, 99 % in range for all six tasks and the order beyond it, and
each setting before this one missed one of them. Single examples moved at random: different symbols copied at 1.25 × in
half of the cases. Packed rows, two layers, 2,000 steps: plain sums of two digits 96 % in range, different symbols 33 %
beyond 8, repeated bits 32 % beyond 16. Sums want steps or depth (6,000 steps: all right; three layers, 3,000 steps: all
right; twice the width or learning rate: no better). Copying different symbols wants longer lists (beyond 8: 33 %,
beyond 12: 92 %, beyond 16: 93 %). Copying two symbols with repetitions holds its range the less the longer it is, and
extends the less (5,000 steps: from 20 to 25 70 %, from 24 to 30 10 %; 28 was not learned by one network in three).
Ending early at 99.5 % on held-out lists left sorting and copying short of 99 % at the longest length. The recorded run
has all six tasks at 99 % in range and every part of the order but one: of three networks that copy two symbols, one
copies 57 % of the lists beyond it. Addition with hints was not learned even in range.
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
        programs: longest length at which programs are checked.
        inputs: random inputs on which compiled networks are compared with the interpreter.
        layers, width, heads, steps, batch, learning_rate, precision: of the six tasks' networks.
        context: positions of a packed row of the six tasks.
        tasks: (name, longest trained, longest asked, symbols) of claim 2; symbols 0 where the task has its own.
        hinted_digits, hinted_asked, hinted_steps: of addition with index hints.
        parity_length, parity_asked, parity_steps: of parity with a scratchpad.
        and_steps: of the AND of 20 bits.
        hint_seeds: networks of each arm of claims 3, 4 and 6.
        test: problems of each kind and length.
    """

    programs: int = 60
    inputs: int = 2_000
    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 3_000
    batch: int = 128
    learning_rate: float = 3e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    context: int = 48
    tasks: tuple[tuple[str, int, int, int], ...] = ()
    hinted_digits: int = 8
    hinted_asked: tuple[int, ...] = ()
    hinted_steps: int = 3_000
    parity_length: int = 10
    parity_asked: tuple[int, ...] = ()
    parity_steps: int = 3_000
    and_steps: int = 600
    hint_seeds: int = 2
    test: int = 300


EASY = ("count", "sort-distinct", "copy-distinct")  # tasks with a short program
HARD = ("parity", "addition", "copy")  # tasks without one

TASKS = (
    ("count", 12, 15, 60),
    ("sort-distinct", 8, 10, 40),
    ("copy-distinct", 16, 20, 64),
    ("parity", 5, 7, 0),
    ("addition", 2, 3, 0),
    ("copy", 24, 30, 2),
)

CHANCE = {"parity": 0.5}  # what guessing gives; next to nothing where an answer has several symbols


def _at_least(name: str, share: float, m: Measurements) -> bool:
    return m[name].value >= share


def _little_above_chance(task: str, m: Measurements) -> bool:
    chance = CHANCE.get(task, 0.0)
    return (m[f"{task}@beyond"].value - chance) / (1 - chance) <= 0.1


STUDY = Study(
    slug="rasp-l",
    paper=Paper(
        "What Algorithms can Transformers Learn? A Study in Length Generalization",
        year=2023,
        arxiv="2310.16028",
        authors=(
            "Hattie Zhou, Arwen Bradley, Etai Littwin, Noam Razin, Omid Saremi, Josh Susskind, Samy Bengio, "
            "Preetum Nakkiran"
        ),
    ),
    claims=[
        Claim(
            "programs-exact",
            "The short programs solve their tasks exactly at every length.",
            source="section 3, listings",
            paper="exact at every length tried",
            parts={"no program errs at any length": lambda m: m["program errors"].value == 0},
            value="program errors",
        ),
        Claim(
            "short-programs-extend",
            "On one budget, tasks with a short program are solved beyond the trained length, tasks without are not.",
            source="figure 1 (b)",
            paper="count, sort, copy of different symbols: mostly solved; parity, addition, copy of repeats: not",
            parts={
                **{f"{t}: 99 % in range": partial(_at_least, f"{t}@longest trained", 0.99) for t in (*EASY, *HARD)},
                **{f"{t}: 90 % at 1.25 ×": partial(_at_least, f"{t}@beyond", 0.9) for t in EASY},
                **{f"{t}: at most 10 % above chance at 1.25 ×": partial(_little_above_chance, t) for t in HARD},
            },
            value="sort-distinct@beyond",
        ),
        Claim(
            "hints-and-order",
            "Addition extends with index hints and the sum reversed; in usual order it fails where carries run far.",
            source="figure on addition",
            paper="reverse with hints generalizes to 50 digits with long carries; forward with hints fails there",
            parts={
                "reverse with hints is right beyond": lambda m: m["hints reverse@beyond longest carry"].value >= 0.9,
                "better than forward with hints": lambda m: (
                    m["hints reverse@beyond longest carry"].low > m["hints forward@beyond longest carry"].high
                ),
                "without hints nothing": lambda m: m["no hints@beyond"].value <= 0.05,
            },
            value="hints reverse@beyond longest carry",
        ),
        Claim(
            "parity-scratchpad",
            "Parity extends with hints and a scratchpad; without it stays at chance.",
            source="figure on scratchpads",
            paper="strong improvement; about 0.3 exact match from 25 to 50 in the reviewed version",
            parts={
                "above 90 % at 1.5 × with the scratchpad": lambda m: m["parity scratchpad@beyond"].value >= 0.9,
                "chance without": lambda m: m["parity plain@beyond"].low <= 0.5 <= m["parity plain@beyond"].high + 0.05,
            },
            value="parity scratchpad@beyond",
        ),
        Claim(
            "and-not-min-degree",
            "Trained where the last 5 of 20 bits are always 1, a network still answers AND rightly when they vary.",
            source="section 4",
            paper={"and varied": 1.0},
            parts={
                "the network is right when they vary": lambda m: m["and varied"].value >= 0.99,
                "the minimum-degree interpolator is not": lambda m: m["interpolator varied"].value < 0.6,
            },
        ),
        Claim(
            "shifting-needed",
            "With a learned table of positions, examples must start at random places; else longer ones fail.",
            source="section on training",
            paper="packing and shifting are part of the set-up; no number is known to us",
            parts={
                "moved examples extend": lambda m: m["copy moved@beyond"].value >= 0.5,
                "unmoved ones do not": lambda m: m["copy unmoved@beyond"].high < m["copy moved@beyond"].low,
                "packed rows extend": lambda m: m["copy packed@beyond"].low > m["copy unmoved@beyond"].high,
            },
            value="copy moved@beyond",
        ),
        Claim(
            "compiled-equals-interpreter",
            "A program compiled into a transformer's weights computes what the interpreter says.",
            source="appendix C",
            paper="an exact construction",
            parts={"largest difference below 1e-6": lambda m: m["compiled difference"].value < 1e-6},
            value="compiled difference",
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            programs=4,
            inputs=20,
            steps=4,
            batch=16,
            tasks=TASKS,
            hinted_digits=2,
            hinted_asked=(3,),
            hinted_steps=3,
            parity_length=4,
            parity_asked=(6,),
            parity_steps=3,
            and_steps=3,
            hint_seeds=1,
            test=8,
        ),
        "cpu": Settings(
            "cpu",
            seeds=3,
            layers=3,
            steps=3_500,
            tasks=TASKS,
            hinted_digits=5,
            hinted_asked=(5, 7),
            hinted_steps=2_500,
            parity_length=8,
            parity_asked=(8, 12, 16),
            parity_steps=1_200,
            hint_seeds=1,
            test=200,
        ),
        "gpu": Settings(
            "gpu",
            seeds=3,
            needs_gpu=True,
            layers=6,
            width=512,
            heads=8,
            steps=10_000,
            batch=64,
            learning_rate=3e-4,
            tasks=(
                ("count", 40, 50, 150),
                ("sort-distinct", 40, 50, 100),
                ("copy-distinct", 40, 50, 100),
                ("parity", 40, 50, 0),
                ("addition", 40, 50, 0),
                ("copy", 40, 50, 8),
            ),
            hinted_digits=40,
            hinted_asked=(40, 50),
            hinted_steps=10_000,
            parity_length=25,
            parity_asked=(25, 38, 50),
            parity_steps=10_000,
            and_steps=3_000,
            hint_seeds=1,
            test=1_000,
            context=256,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure claim by claim; every finished training is remembered, so that a killed study continues."""
    from . import _rasp_l as parts
    from ._runs import length_picture, measured, rows_of

    note("programs against plain Python")
    yield from parts.programs(scale, seed)
    note("compiled programs against the interpreter")
    yield from parts.compiled(scale, seed)
    note(f"six tasks, {scale.seeds} seeds each")
    picture: list[dict[str, Any]] = []
    for task in scale.tasks:
        name, longest, beyond, _ = task
        one = remember({"task": list(task)}, partial(parts.six_tasks, scale, seed, task))
        yield from measured(name, one)
        yield parts.beyond(name, one, beyond)
        yield parts.beyond(name, one, longest, tail="longest trained")
        picture += parts.relative(rows_of(name, one), longest)
    yield parts.relative_picture(picture)
    note("addition with and without index hints")
    found = remember({"addition": True}, partial(parts.hinted, scale, seed))
    for name in found:
        yield from measured(name, found[name])
        for kind in ("random", "longest carry"):
            yield parts.beyond(name, found[name], scale.hinted_asked[-1], kind)
    note("parity with and without scratchpad")
    found = remember({"parity": True}, partial(parts.parity, scale, seed))
    for name in found:
        yield from measured(name, found[name])
        yield parts.beyond(name, found[name], scale.parity_asked[min(1, len(scale.parity_asked) - 1)])
    note("AND of 20 bits, the last 5 always 1 in training")
    yield from parts.conjunction(scale, seed, remember({"and": True}, partial(parts.trained_and, scale, seed)))
    note("copying different symbols, by where examples stand in training")
    found = remember({"moved": True}, partial(parts.moved, scale, seed))
    _, _, asked, _ = next(t for t in scale.tasks if t[0] == "copy-distinct")
    copies = []
    for name in found:
        yield from measured(name, found[name])
        yield parts.beyond(name, found[name], asked)
        copies += rows_of(name, found[name])
    yield length_picture("shifting", "Copying different symbols, by where examples stand in training", copies)
