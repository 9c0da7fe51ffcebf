"""Do transformers fail at arithmetic because of how positions are described? Text and positions, changed one at a time.

**The paper** (Shen et al. 2023) multiplies numbers of up to 15 digits without a scratchpad after padding both factors
to one width and writing the product reversed; extends addition beyond the trained length by random spaces, a recursive
scratchpad or random position vectors; and lets addition learned on plain problems help addition inside dialogues once
positions are no longer absolute.

**What is measured.** The 2 × 2 table of padding and reversal at equal data and steps, with the accuracy of every pair
of lengths; addition beyond the trained length for each way of writing and each kind of positions; and dialogues with
more digits than any trained dialogue had. Sets are balanced over digit counts, products are compared as a whole
(padding gives the length away, so single digits would flatter it), and no test problem is in a training set that could
hold it.

**What differs from the paper besides size.** Its text was not at hand. Ours are: the chance of a space (30 %, left of
the equals sign), the templates of the dialogues (20 to train, 4 others to test), all training settings, and the random
embedding: every token gets a random vector of a fixed table of 16,384, a new choice for every text and step, added to
its token's vector (`tags`). The paper's pretrained arms are left out; nothing here is pretrained. The recursive
scratchpad keeps the operands in usual order and writes the rest reversed, as the paper's example does.

**What was found, and tried.** On two cores products of three digits are not learned by any way of writing: two layers
of width 64 in 2,000 steps know all products of one digit, those of one by two (88 % plain, 98 % padded) and many of one
by three; the longest stay near 0 %. Padding is worth nine points of the mean over cells, reversal by itself nothing,
both together the most, but the intervals over three seeds overlap. Twice the steps triple 2 × 2 (59 %) and leave
3 × 3 at 1 %; twice the width, half the steps: the same; twice the learning rate: worse. Sums up to three digits are
learned plainly (90 %), more slowly with spaces or without positions, hardly with random vectors, and nothing extends by
even one digit in 2,000 steps. An earlier version left the width of padding open, so that it came from each set asked
and short factors were written as never in training; its figures were never recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Paper, Picture, Scale, Study
from .runner import note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        digits: D of the products.
        examples: training products.
        steps, batch, layers, width, heads, learning_rate: of the products' networks.
        precision: of all networks.
        wider: D to which the text of claim 7 is padded.
        added: (longest trained, lengths asked) of addition.
        add_steps, add_layers, add_width, add_learning_rate: of addition.
        add_seeds: networks of each kind of addition and of dialogues.
        recursive_steps, recursive_seeds: of addition with the recursive scratchpad, whose texts are ten times longer.
        spoken: (digits of trained dialogues, of plain sums, of dialogues asked) of claim 6.
        test: problems per cell of the products' table, or per length.
    """

    digits: int = 3
    examples: int = 20_000
    steps: int = 2_000
    batch: int = 128
    layers: int = 2
    width: int = 64
    heads: int = 4
    learning_rate: float = 4e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    wider: int = 4
    added: tuple[int, tuple[int, ...]] = (3, (3, 4, 5))
    add_steps: int = 2_000
    add_seeds: int = 2
    add_learning_rate: float = 2e-3
    recursive_steps: int = 500
    recursive_seeds: int = 1
    add_layers: int = 2
    add_width: int = 64
    spoken: tuple[int, int, tuple[int, ...]] = (2, 4, (2, 3, 4))
    test: int = 200


WAYS = ("basic", "padded", "reversed", "padded+reversed")
ADDED = (
    "basic, absolute",
    "spaces, absolute",
    "basic, random",
    "spaces, random",
    "basic, none",
    "recursive, absolute",
    "recursive, random",
)
SPOKEN = ("absolute", "random", "none")

STUDY = Study(
    slug="positional-description",
    paper=Paper(
        "Positional Description Matters for Transformers Arithmetic",
        year=2023,
        arxiv="2311.14737",
        authors="Ruoqi Shen, Sébastien Bubeck, Ronen Eldan, Yin Tat Lee, Yuanzhi Li, Yi Zhang",
    ),
    claims=[
        Claim(
            "padding-and-reversal",
            "Products are learned with padding and reversal together far better than with either alone, or neither.",
            source="2 × 2 ablation",
            paper="both together: nearly perfect up to 12 digits; ordinary training fails at 4",
            parts={
                "both beat padding alone": lambda m: m["padded+reversed"].low > m["padded"].high,
                "both beat reversal alone": lambda m: m["padded+reversed"].low > m["reversed"].high,
                "either beats neither": lambda m: min(m["padded"].value, m["reversed"].value) > m["basic"].value,
            },
            value="padded+reversed",
        ),
        Claim(
            "basic-fails-when-both-are-long",
            "Written plainly, products are right only where one factor is short.",
            source="abstract",
            paper="ordinary training fails at 4 digits",
            parts={
                "one digit by the longest: above 80 %": lambda m: m["basic 1×D"].value > 0.8,
                "the longest by the longest: below 30 %": lambda m: m["basic D×D"].value < 0.3,
            },
            value="basic D×D",
        ),
        Claim(
            "shorter-factor-and-middle-digits",
            "Accuracy depends on the shorter factor more than on the sum of lengths; the middle digits are hardest.",
            source="accuracy table",
            paper="not known to us in numbers",
            parts={
                "1 × D is easier than half × half": lambda m: m["basic 1×D"].low > m["basic half×half"].high,
                "middle digits worse than both ends": lambda m: (
                    m["basic middle digit"].value < min(m["basic first digit"].value, m["basic last digit"].value)
                ),
            },
            value="basic 1×D",
        ),
        Claim(
            "addition-beyond",
            "With absolute positions plain sums give nothing beyond; spaces, random vectors, recursive scratchpads do.",
            source="abstract, addition table",
            paper="from 10 to 12 digits with each of the three; nothing beyond 10 in usual training",
            parts={
                "basic, absolute: nothing": lambda m: m["basic, absolute@beyond"].high < 0.02,
                "spaces: more": lambda m: m["spaces, absolute@beyond"].low > m["basic, absolute@beyond"].high,
                "random vectors: more": lambda m: m["basic, random@beyond"].low > m["basic, absolute@beyond"].high,
                "recursive: more": lambda m: m["recursive, absolute@beyond"].low > m["basic, absolute@beyond"].high,
            },
            value="basic, random@beyond",
        ),
        Claim(
            "none-from-scratch",
            "Without positions, and not pretrained, addition does not extend; with random vectors it does.",
            source="reviews of the addition table",
            paper="no positions work only after pretraining",
            parts={
                "none: nothing beyond": lambda m: m["basic, none@beyond"].high < 0.02,
                "random vectors: more": lambda m: m["basic, random@beyond"].low > m["basic, none@beyond"].high,
            },
            value="basic, none@beyond",
        ),
        Claim(
            "dialogues",
            "Plain sums of more digits help dialogues of more digits only where positions are not absolute.",
            source="dialogue table",
            paper="to 5 digits instead of 3",
            parts={
                "random vectors beat absolute": lambda m: (
                    m["spoken random@beyond"].low > m["spoken absolute@beyond"].high
                ),
                "no positions beat absolute": lambda m: m["spoken none@beyond"].low > m["spoken absolute@beyond"].high,
            },
            value="spoken random@beyond",
        ),
        Claim(
            "padding-costs",
            "Padding further than the longest number costs accuracy at equal steps.",
            source="asked for by a reviewer",
            paper="unanswered; D = 20 collapses",
            parts={"wider padding is worse": lambda m: m["padded wider D×D"].high < m["padded+reversed D×D"].low},
            value="padded wider D×D",
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            digits=2,
            examples=300,
            steps=3,
            batch=16,
            layers=1,
            width=32,
            wider=3,
            added=(2, (2, 3)),
            add_steps=3,
            recursive_steps=3,
            spoken=(1, 2, (1, 2)),
            test=8,
        ),
        "cpu": Settings("cpu", seeds=3),
        "gpu": Settings(
            "gpu",
            needs_gpu=True,
            digits=15,
            examples=300_000,
            steps=30_000,
            batch=1_024,
            layers=12,
            width=384,
            heads=6,
            learning_rate=3e-4,
            wider=20,
            added=(10, (10, 11, 12, 13)),
            add_steps=5_000,
            recursive_steps=5_000,
            add_seeds=2,
            add_layers=6,
            add_width=384,
            add_learning_rate=3e-4,
            spoken=(3, 5, (3, 4, 5)),
            test=500,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure part by part; every finished training is remembered, so that a killed study continues."""
    from . import _positional_description as parts
    from ._runs import accuracy, length_picture, measured, rows_of

    for way in (*WAYS, "padded wider"):
        note(f"products of {scale.digits} digits, {way}")
        found = remember({"products": way}, partial(parts.products, scale, seed, way))
        yield from parts.grid(way, found, scale)
        yield from parts.grid_picture(way, found)
    picture: list[dict[str, Any]] = []
    longest, lengths = scale.added
    for name in ADDED:
        note(f"addition to {longest} digits: {name}")
        found = remember({"addition": name}, partial(parts.addition, scale, seed, name))
        yield from measured(name, found)
        yield accuracy(f"{name}@beyond", found["lengths"]["random"][str(lengths[1])], found["n"], length=lengths[1])
        picture += rows_of(name, found)
    yield length_picture("addition", f"Addition, trained to {longest} digits", picture)
    dialogues: list[dict[str, Any]] = []
    for name in SPOKEN:
        note(f"dialogues, positions {name}")
        found = remember({"dialogues": name}, partial(parts.dialogues, scale, seed, name))
        yield from measured(f"spoken {name}", found)
        last = str(scale.spoken[2][-1])
        yield accuracy(f"spoken {name}@beyond", found["lengths"]["random"][last], found["n"], length=int(last))
        dialogues += rows_of(name, found)
    yield length_picture("dialogues", f"Dialogues, trained to {scale.spoken[0]} digits", dialogues)
