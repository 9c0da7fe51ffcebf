"""Why language models miscount letters, and what helps: the questions of the paper, asked small models of our own.

**The paper** (Xu and Ma 2024) tests three explanations of miscounted letters, that words are cut into tokens, that
models saw few characters, that words have many different letters, finds none supported, and finds that reasoning before
answering helps most.

**What is measured without a large model.** Transformers of about 100,000 parameters, trained from scratch on questions
about made-up words in the paper's template, and asked about other words through the same suite as any model
(`algorism suite counting`). They read words as the chunks of a byte-pair tokenizer, or by characters; each answers the
bare question, or spells the word with a running count first. All have the same words, examples and updates. Whether
reasoning helps such a network is an open question: with many words to learn from, short counts are learned directly.

**What takes a large model** is measured when one is given (`--model hf:FOLDER`), and named `model:`; its claims end in
"-of-a-model" and are "not measured" otherwise. Characters instead of words in sentiment analysis (claim 4) takes
labelled texts besides, which the package does not have: never measured here.

**What differs from the paper.** Made-up words of 3 to 12 letters for the small models, the package's own list for given
ones; the wording of prompts for reasoning is ours, the paper prints none; its tree of thoughts is left out.

**What was found** (`cpu`, three networks an arm). Small networks that learned both ways count no better when they
reason: on words with as many letters of each count 64 % against 58 %, less than the networks differ; on common words
they are worse (43 %), since the chains they write are wrong more often than a learned guess. Forced characters and
rewritten words help nowhere, as in the paper. Words with more different letters are counted better here, perhaps
because the letters asked about stand less often in them.
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
        words: trained on.
        rounds: questions about each word and task.
        test: unseen words of each set.
        vocabulary: tokens of the tokenizer.
        layers, width, heads, steps, batch, precision: of the networks; those of all four tasks get two thirds as many.
        finetune: further steps on one task.
        model_words: words asked of a given model.
    """

    words: int = 1_500
    rounds: int = 4
    test: int = 200
    vocabulary: int = 600
    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 900
    batch: int = 64
    precision: Literal["fp32", "bf16"] = "bf16"
    finetune: int = 120
    model_words: int = 100


NAMES: tuple[str, ...] = (
    "delete",
    "insert",
    "repeat",
    "replace",
    "swap",
    "left-shift",
    "right-shift",
    "shuffle",
    "alphabet",
    "special",
)
NAMES += ("dash", "space", "comma")
OTHERS = {"letter": ("substring", "length", "distinct"), "distinct": ("letter", "substring", "length")}


def _none_helps_everywhere(m: Measurements) -> bool:
    return not any(m[f"{n} - none:open"].low > 0 and m[f"{n} - none:reasoning"].low > 0 for n in NAMES)


def _hurts(task: str, m: Measurements) -> bool:
    return any(m[f"{task}→{other} - base"].high < 0 for other in OTHERS[task])


STUDY = Study(
    slug="genius-paradox",
    paper=Paper(
        "LLM The Genius Paradox: A Linguistic and Math Expert's Struggle with Simple Word-based Counting Problems",
        year=2024,
        arxiv="2410.14166",
        authors="Nan Xu, Xuezhe Ma",
    ),
    takes={"model": "a model to ask about words, hf:FOLDER or openai:NAME"},
    claims=[
        Claim(
            "reasoning-lifts",
            "Reasoning before answering lifts counting: of small networks that learned both ways from the same words.",
            source="figures 5 and 11, with large models",
            paper="Llama 3 34.6 % open, 77 % with reasoning; GPT-4o 82.4 % and 98 %",
            parts={
                "words read as chunks": lambda m: m["chunks:reasoning - open balanced"].low > 0,
                "words read by characters": lambda m: m["characters:reasoning - open balanced"].low > 0,
            },
            value="chunks:reasoning - open balanced",
        ),
        Claim(
            "reasoning-lifts-of-a-model",
            "Reasoning lifts counting of a given model, and votes of five lift it further.",
            source="figures 5 and 11",
            paper={"model:open": 0.346, "model:reasoning": 0.77, "model:consistency": 0.90},
            parts={
                "reasoning beats the bare question": lambda m: m["model:reasoning - open"].low > 0,
                "votes are no worse than one reasoning": lambda m: m["model:consistency - reasoning"].high > 0,
            },
        ),
        Claim(
            "forced-characters",
            "Forcing characters on a network that was trained on chunks brings no gain.",
            source="figure 1b, with large models",
            paper="6 of 8 open models get worse on task I",
            parts={
                "asked the bare question": lambda m: m["forced - chunks:open"].low <= 0,
                "asked to reason": lambda m: m["forced - chunks:reasoning"].low <= 0,
            },
            value="forced - chunks:open",
        ),
        Claim(
            "forced-characters-of-a-model",
            "Forcing characters on a given model brings no gain.",
            source="figure 1b",
            paper={"model:forced": 0.13, "model:open": 0.346},
            holds=lambda m: m["model:forced - open"].low <= 0,
        ),
        Claim(
            "no-rewrite-helps-everywhere",
            "None of the thirteen ways to rewrite a word helps in general: small networks asked both ways.",
            source="figure 1a, with large models",
            paper="commas help 6 of 9 models and harm 3",
            holds=_none_helps_everywhere,
            value="comma - none:open",
        ),
        Claim(
            "characters-in-sentiment",
            "Texts given as separated characters are still classified far above chance.",
            source="figures 2 and 8",
            paper={"model:sentiment by characters": 0.884},
            holds=lambda m: m["model:sentiment by characters"].low > 0.5,
        ),
        Claim(
            "length-not-uniqueness",
            "Longer words are counted worse; at equal length, more different letters change nothing: a small network.",
            source="figures 3 and 9, with large models",
            paper="a drop past about 10 letters, no trend with different letters",
            parts={
                "longer is worse": lambda m: m["chunks:slope of length"].high < 0,
                "different letters change nothing": lambda m: (
                    m["chunks:slope of distinct"].low <= 0 <= m["chunks:slope of distinct"].high
                ),
            },
            value="chunks:slope of length",
        ),
        Claim(
            "programs-solve-of-a-model",
            "A given model that writes a program, which is run, is nearly always right.",
            source="figures 4 and 10",
            paper={"model:program": 0.99, "model:open": 0.346},
            parts={
                "programs reach 84 %": lambda m: m["model:program"].value >= 0.84,
                "and beat the bare question": lambda m: m["model:program - open"].low > 0,
            },
        ),
        Claim(
            "one-task-hurts-others",
            "Training on one counting task helps that task at most, and hurts others.",
            source="table 2",
            paper="task I: 34.6 to 70.4 %, task IV: 57.8 to 35.0 % (Llama 3, LoRA)",
            parts={
                "on letters: letters get no worse": lambda m: m["letter→letter - base"].high >= 0,
                "on letters: another task gets worse": lambda m: _hurts("letter", m),
                "on different letters: they get no worse": lambda m: m["distinct→distinct - base"].high >= 0,
                "on different letters: another task gets worse": lambda m: _hurts("distinct", m),
            },
            value="letter→letter - base",
        ),
        Claim(
            "always-one",
            "Most letters that are asked about stand once: always answering 1 is right more often than not.",
            source="released data, counted again",
            paper={"always words": 0.794},
            parts={
                "more often than not in natural words": lambda m: m["always words"].value > 0.5,
                "20 % in a balanced set": lambda m: abs(m["always balanced"].value - 0.2) < 0.005,
                "a network does worse on the balanced set": lambda m: (
                    m["chunks:open balanced"].value < m["chunks:open"].value
                ),
            },
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            words=40,
            rounds=1,
            test=10,
            vocabulary=160,
            width=16,
            heads=2,
            steps=4,
            batch=8,
            finetune=2,
            layers=1,
            precision="fp32",
            model_words=5,
        ),
        "cpu": Settings("cpu", seeds=3),
        "gpu": Settings(
            "gpu",
            seeds=5,
            needs_gpu=True,
            words=20_000,
            rounds=8,
            test=1000,
            width=256,
            heads=8,
            layers=4,
            steps=10_000,
            batch=256,
            finetune=2_000,
            model_words=500,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure claim by claim; what was trained and asked is remembered."""
    from . import _genius_paradox as parts
    from . import _genius_paradox_rows as rows

    yield from rows.constants(seed)
    note(f"{2 * scale.seeds} networks that count letters")
    found: dict[str, Any] = remember({"reading": True}, partial(parts.reading, scale, seed))
    yield from rows.reading_measured(found)
    yield rows.ways_picture(found)
    note(f"{scale.seeds} networks of all four tasks, and {4 * scale.seeds} that go on with one")
    tuned = remember({"finetuning": True}, partial(parts.finetuning, scale, seed))
    yield from rows.finetuning_measured(tuned)
    if given("model") is not None:
        yield from rows.given_model(scale, seed)
