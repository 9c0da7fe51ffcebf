"""Counting letters of strings: whether a chain of thought helps depends on whether the letters are seen one by one.

**The paper** (Zhang, Cao and You 2024) writes the same strings of a and b in four ways, which a stock tokenizer cuts
into chunks (a: plain), letters with their space (b), letters and commas (c), or letters alone between quotes (d). With
a chain of thought GPT-4o-mini counts 2 % of plain strings of 30 to 40 letters right and 56 % of quoted ones; without
one all formats collapse with length.

**What is measured without a large model.** One transformer of about 100,000 parameters per format, trained from scratch
on the paper's prompts (asked for the result alone, and told to count step by step) about the same few strings, and
asked about other strings: shorter, as long, and longer than those trained on. The tokenizer is a byte-pair one learned
from these texts; how many letters it shows alone is measured beside the accuracies. Beforehand it is open what comes
out: with many strings to learn from, short counts are learned directly from chunks as well.

**What takes a large model** is measured when one is given (`--model hf:FOLDER`), and named `model:`; its claims end in
"-of-a-model" and are "not measured" otherwise. Answers are greedy; the paper drew them at temperature 1.

**What was found** (`cpu`, four networks of each format). The order of the formats is the paper's: within the trained
lengths a step-by-step count is right in 55 % of plain strings, 77 % with spaces, 87 % with commas, 91 % between quotes
(with two networks each, no difference reached its interval; with four, the one from plain to quoted does). Of chunks,
97 % of the errors are counts too small. Not as in the paper, steps help nowhere: a result without steps is 97 to 99 %
right within the trained lengths, since a few letters are counted at a glance by a network that is trained to. Beyond
them both ways fall.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import given, note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        strings: trained on.
        trained: their lengths.
        asked: lengths that are asked: shorter, as trained, longer.
        test: strings of each.
        tokens: longest answer.
        vocabulary: of the tokenizer.
        layers, width, heads, steps, batch, precision: of the networks.
        model_strings: strings of each length asked of a given model.
    """

    strings: int = 2_000
    trained: tuple[int, int] = (5, 14)
    asked: tuple[tuple[int, int], ...] = ((5, 9), (10, 14), (15, 18))
    test: int = 200
    tokens: int = 100
    vocabulary: int = 360
    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 1_000
    batch: int = 32
    precision: Literal["fp32", "bf16"] = "bf16"
    model_strings: int = 50


ALL = ("a", "b", "c", "d")


def _collapses(form: str, m: Measurements) -> bool:
    return m[f"{form}:none@long"].high < m[f"{form}:none@short"].low


STUDY = Study(
    slug="counting-tokenization",
    paper=Paper(
        "Counting Ability of Large Language Models and Impact of Tokenization",
        year=2024,
        arxiv="2410.19730",
        authors="Xiang Zhang, Juntai Cao, Chenyu You",
    ),
    takes={"model": "a model to ask about strings, hf:FOLDER or openai:NAME"},
    claims=[
        Claim(
            "formats-order",
            "With counting step by step, accuracy rises from chunks to letters that are alone in their token.",
            source="table 1, GPT-4o-mini",
            paper="a at 20-30 letters: 9.1 % plain, 24.9 % spaces, 38.6 % commas, 81.6 % quoted",
            parts={
                "quoted beats plain": lambda m: m["d:supervised@trained"].low > m["a:supervised@trained"].high,
                "spaces beat plain": lambda m: m["b:supervised@trained"].low > m["a:supervised@trained"].high,
                "commas beat spaces": lambda m: m["c:supervised@trained"].low > m["b:supervised@trained"].high,
                "quoted beats commas": lambda m: m["d:supervised@trained"].low > m["c:supervised@trained"].high,
            },
            value="d:supervised@trained",
        ),
        Claim(
            "steps-hurt-on-chunks",
            "Counting step by step hurts on chunks and helps on letters that are alone in their token.",
            source="tables 1 and 2",
            paper="a at 20-30 letters: plain 15.1 to 9.1 %, quoted 15.8 to 81.6 %",
            parts={
                "hurts on chunks": lambda m: m["a:steps - none@trained"].high < 0,
                "helps on letters alone": lambda m: m["d:steps - none@trained"].low > 0,
            },
            value="a:steps - none@trained",
        ),
        Claim(
            "result-alone-collapses",
            "Asked for the result alone, every format gets worse with length.",
            source="table 1",
            paper="at most 18 % at 30-40 letters, 30 to 64 % at 10-20",
            parts={
                f"format {form}": partial(
                    lambda form, m: m[f"{form}:none@long"].high < m[f"{form}:none@short"].low, form
                )
                for form in ALL
            },
            value="a:none@long",
        ),
        Claim(
            "chunks-undercount",
            "Of chunks, nearly all wrong results of a step-by-step count are too small.",
            source="figure 4",
            paper={"a:supervised too few@long": 0.999},
            holds=lambda m: m["a:supervised too few@long"].low > 0.9,
        ),
        Claim(
            "formats-order-of-a-model",
            "A given model counts quoted letters step by step far better than plain strings.",
            source="tables 1 and 3",
            paper={"model:d:supervised@30-40": 0.561, "model:a:supervised@30-40": 0.02},
            parts={
                "at 10-20 letters": lambda m: m["model:d - a@10-20"].low > 0,
                "at 30-40 letters": lambda m: m["model:d - a@30-40"].low > 0,
            },
        ),
        Claim(
            "steps-hurt-on-chunks-of-a-model",
            "Of a given model, steps hurt on plain strings of 30 to 40 letters and help on quoted ones.",
            source="table 1",
            paper={"model:a:steps - none@30-40": -0.044, "model:d:steps - none@30-40": 0.482},
            parts={
                "hurts on plain": lambda m: m["model:a:steps - none@30-40"].high < 0,
                "helps on quoted": lambda m: m["model:d:steps - none@30-40"].low > 0,
            },
        ),
        Claim(
            "result-alone-collapses-of-a-model",
            "Asked for the result alone, a given model has at most 18 % at 30 to 40 letters in every format.",
            source="table 1",
            paper={"model:d:none@30-40": 0.079, "model:a:none@30-40": 0.064},
            holds=lambda m: all(m[f"model:{form}:none@30-40"].value <= 0.18 for form in ALL),
        ),
        Claim(
            "chunks-undercount-of-a-model",
            "Nearly all wrong results of a given model on plain strings of 30 to 40 letters are too small.",
            source="figure 4",
            paper={"model:a too few@30-40": 0.999},
            holds=lambda m: m["model:a too few@30-40"].low > 0.9,
        ),
        Claim(
            "rare-letters-of-a-model",
            "A given model counts rare letters better than frequent ones in the same format.",
            source="table 4",
            paper={"model:z - e": 0.041},
            holds=lambda m: m["model:z - e"].low > 0,
        ),
        Claim(
            "told-how-beats-untold-of-a-model",
            "A given model that is told how to count beats one that is asked to think, on letters it sees alone.",
            source="table 5",
            paper={"model:d:told - untold@30-40": 0.212, "model:c:told - untold@30-40": 0.041},
            parts={
                "commas": lambda m: m["model:c:told - untold@30-40"].low > 0,
                "quoted": lambda m: m["model:d:told - untold@30-40"].low > 0,
            },
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            strings=20,
            trained=(4, 7),
            asked=((4, 5), (6, 7), (8, 9)),
            test=6,
            tokens=24,
            vocabulary=180,
            layers=1,
            width=16,
            heads=2,
            steps=3,
            batch=4,
            precision="fp32",
            model_strings=2,
        ),
        "cpu": Settings("cpu", seeds=4),
        "gpu": Settings(
            "gpu",
            seeds=4,
            needs_gpu=True,
            strings=20_000,
            trained=(10, 30),
            asked=((10, 20), (20, 30), (30, 40)),
            test=1000,
            tokens=300,
            layers=4,
            width=256,
            heads=8,
            steps=10_000,
            batch=256,
            model_strings=500,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Train all formats side by side and ask them; then the given model, if there is one."""
    from . import _counting_tokenization as parts

    note(f"four formats, {scale.seeds} networks each")
    found: dict[str, Any] = remember({"formats": True}, partial(parts.formats, scale, seed))
    yield from parts.measured(found, scale)
    yield parts.picture(found, scale)
    if given("model") is not None:
        yield from parts.given_model(scale, seed)
