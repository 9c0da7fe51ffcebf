"""Whether digits are grouped from the left or from the right decides how well a transformer adds.

**The paper** (Singh and Strouse 2024) asks GPT-3.5 and GPT-4 for sums of 7 to 9 digits. Their tokenizer cuts a number
into groups of three digits from the left (830|208|0); commas every three digits from the right (8,302,080) make it cut
from the right, and lift GPT-3.5 from about 75 % to 98 %. From the left, sums that are longer than both addends fail
nearly always, and nearly always in the fourth digit alone: the first one of the second token is a guess.

**Without a hosted model**, networks of our own read sums of 3- and 4-digit numbers in tokens of two digits, which is
the paper's 7 to 9 digits in tokens of three made smaller. All five kinds of lengths are trained and asked alike often,
and no sum that is asked is trained on. Both directions see the same sums with the same budget; the digit in question is
then the third. A third network (per seed) knows seven ways of writing, told by a letter in front of the line: plain
digits and groups with commas as question and as answer, and repeating the question in another form before the answer.
Its accuracies are after one fixed, small budget, and show what is easier, not what is possible.

**What needs more.** Claims about language models are measured when one is given (`--model hf:FOLDER`), on the paper's
prompts with eight examples. The paper's own figures are computed again from the authors' file (`--file
20240125_gpt35_0301_answer_length_effects.csv` of github.com/aadityasingh/TokenizationCounts). Otherwise these claims
are "not measured": what is missing is named "model: …" and "csv: …".

**Choices.** Verdicts on digits are of greedy answers. Entropies are of the tokens of the right answer, given those
before it. A sum is "as long" (match) if it has as many digits as at least one addend, as in the paper. The gap between
directions over training is that of exact match on the asked sums, at equal steps.

**What was found** (`cpu`). The main effect is as in the paper, and larger: 99.95 % from the right, 36 % from the left.
Sums that outgrow their addends are the worst from the left (12.5 % against 42 %), and no worse at all from the right.
Two things differ. After this budget the networks that read from the left have not yet learned to add, so that their
errors are of all sizes and not of one, while those that read from the right leave one error in 2,000 questions, too few
to say of what kind; and the gap grows all through the training. The network that knows seven ways of writing gives
every one of them at 94 to 99 %, so that rewriting a question first has nothing to win back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Paper, Picture, Scale, Study
from .runner import given, note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        lengths: digits of addends and sums.
        steps, mixed_steps: of the networks of one direction, and of those that know all ways.
        batch, learning_rate, precision, layers, width, heads: of all.
        mixed_seeds: networks that know all ways.
        test: sums asked of each kind of lengths.
        watched, looks: sums of each kind watched in training, and how often.
        asked: sums of each pair or triple of lengths that a given model is asked.
    """

    lengths: tuple[int, ...] = (3, 4)
    steps: int = 2500
    mixed_steps: int = 3000
    batch: int = 256
    learning_rate: float = 2e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    layers: int = 2
    width: int = 96
    heads: int = 4
    mixed_seeds: int = 1
    test: int = 400
    watched: int = 200
    looks: int = 10
    asked: int = 10


STUDY = Study(
    slug="tokenization-counts",
    paper=Paper(
        "Tokenization counts: the impact of tokenization on arithmetic in frontier LLMs",
        year=2024,
        arxiv="2402.14903",
        authors="Aaditya K. Singh, DJ Strouse",
    ),
    takes={
        "model": "a language model for the claims about prompts, such as hf:FOLDER",
        "file": "the authors' 20240125_gpt35_0301_answer_length_effects.csv",
    },
    claims=[
        Claim(
            "published-figures",
            "Our reading and error analysis give the paper's figures on the authors' responses (needs --file).",
            source="section 4, figures notebook",
            paper={
                "csv: l2r match": 0.9378,
                "csv: l2r mismatch": 0.0825,
                "csv: r2l match": 0.9789,
                "csv: r2l mismatch": 0.985,
                "csv: digit 4 wrong": 0.9125,
                "csv: r2l off by one": 24,
                "csv: l2r off by one": 53,
                "csv: r2l at boundary": 24,
                "csv: l2r at boundary": 51,
            },
            holds=lambda m: all(
                round(m[f"csv: {name}"].value, 4) == value
                for name, value in {
                    "l2r match": 0.9378,
                    "l2r mismatch": 0.0825,
                    "r2l match": 0.9789,
                    "r2l mismatch": 0.985,
                    "digit 4 wrong": 0.9125,
                    "r2l off by one": 24,
                    "l2r off by one": 53,
                    "r2l at boundary": 24,
                    "l2r at boundary": 51,
                }.items()
            ),
        ),
        Claim(
            "right-to-left-wins",
            "With the same training, tokens counted from the right give far more right sums than from the left.",
            source="section 3.1 (there by prompting)",
            paper={"r2l": 0.978, "l2r": 0.744},
            holds=lambda m: m["r2l"].low > m["l2r"].high,
        ),
        Claim(
            "first-digit-of-second-token",
            "From the left, in longer sums, the first digit of the second token is the bottleneck: a guess.",
            source="section 4, figures of digits and entropies",
            paper={"l2r mismatch: bottleneck digit wrong": 0.9125, "l2r mismatch: digits before wrong": 0.0},
            parts={
                "it is wrong in most longer sums": lambda m: m["l2r mismatch: bottleneck digit wrong"].low > 0.5,
                "more often than any digit before it": lambda m: (
                    m["l2r mismatch: bottleneck digit wrong"].low > m["l2r mismatch: digits before wrong"].high
                ),
                "more often than from the right": lambda m: (
                    m["l2r mismatch: bottleneck digit wrong"].low > m["r2l mismatch: bottleneck digit wrong"].high
                ),
                "its token is more uncertain than the first": lambda m: (
                    m["l2r mismatch: entropy of token 2"].low > m["l2r mismatch: entropy of token 1"].high
                ),
            },
        ),
        Claim(
            "length-gap-from-the-left-only",
            "Longer sums are far worse than equally long ones from the left; from the right there is no gap.",
            source="section 4, table of match and mismatch",
            paper={"l2r match": 0.9378, "l2r mismatch": 0.0825, "r2l match": 0.9789, "r2l mismatch": 0.985},
            parts={
                "a gap from the left": lambda m: m["l2r match"].low > m["l2r mismatch"].high + 0.2,
                "none from the right (above 50 %, within 10 points)": lambda m: (
                    m["r2l mismatch"].low > 0.5 and abs(m["r2l match"].value - m["r2l mismatch"].value) < 0.1
                ),
            },
            value="l2r mismatch",
        ),
        Claim(
            "off-by-one-at-boundaries",
            "What errors remain where a direction works are off by one, at the ends of tokens: carries missed.",
            source="section 4 (24 of 25 and 53 of 56, of which 24 and 51 at a boundary)",
            paper={"r2l: off by one": 0.96, "r2l: of these at a boundary": 1.0, "l2r match: off by one": 0.946},
            parts={
                "r2l: most are off by one": lambda m: m["r2l: off by one"].low > 0.5,
                "r2l: most of these at a boundary": lambda m: m["r2l: of these at a boundary"].low > 0.5,
                "l2r, equally long: most are off by one": lambda m: m["l2r match: off by one"].low > 0.5,
            },
        ),
        Claim(
            "conversion",
            "Rewriting a question from left to right groups first recovers the accuracy; the other way loses it.",
            source="section 5, repeat figure",
            paper={
                "nosep>comma_r2l>comma_r2l": 0.967,
                "nosep": 0.744,
                "comma_r2l>nosep>nosep": 0.678,
                "comma_r2l": 0.978,
            },
            parts={
                "the rewriting helps": lambda m: m["nosep>comma_r2l>comma_r2l"].low > m["nosep"].high,
                "it comes near writing so from the start (above 50 %, within 10 points)": lambda m: (
                    m["nosep>comma_r2l>comma_r2l"].value > max(0.5, m["comma_r2l"].value - 0.1)
                ),
                "the other way loses": lambda m: m["comma_r2l>nosep>nosep"].high < m["comma_r2l"].low,
                "questions are copied rightly": lambda m: m["nosep>comma_r2l>comma_r2l: copied"].low > 0.95,
            },
        ),
        Claim(
            "both-sides-aligned",
            "Question and answer must both be grouped from the right: one of them alone is worse.",
            source="section 5, control of answer formats",
            paper={"comma_r2l": 0.978, "comma_r2l>nosep": 0.578, "nosep>comma_r2l": 0.589},
            parts={
                "answer from the left is worse": lambda m: m["comma_r2l>nosep"].high < m["comma_r2l"].low,
                "question from the left is worse": lambda m: m["nosep>comma_r2l"].high < m["comma_r2l"].low,
            },
        ),
        Claim(
            "gap-shrinks",
            "The gap between the directions shrinks with more training (in the paper: with newer, larger models).",
            source="section 6, figure of models",
            paper="gpt-3.5: 23 points; gpt-4-0613: 1 point",
            value="gap: at the end",
            holds=lambda m: m["gap: at the end"].value < m["gap: largest"].value - 0.1,
        ),
        Claim(
            "a-model: direction",
            "Commas from the right lift a language model's sums; separators from the left do not (needs --model).",
            source="sections 3.1 to 3.3",
            paper={
                "model: comma_r2l": 0.978,
                "model: nosep": 0.744,
                "model: comma_l2r": 0.278,
                "model: nosep+2": 0.767,
            },
            parts={
                "commas from the right beat none": lambda m: m["model: comma_r2l"].low > m["model: nosep"].high,
                "from the left they do not": lambda m: m["model: comma_l2r"].low <= m["model: nosep"].high,
                "nor do more tokens alone": lambda m: m["model: nosep+2"].low <= m["model: nosep"].high,
            },
        ),
        Claim(
            "a-model: separators",
            "Which separator it is does not matter (needs --model).",
            source="section 3.2",
            paper={
                "model: space_r2l": 0.967,
                "model: dec_r2l": 0.989,
                "model: dollar_r2l": 0.978,
                "model: hashtag_r2l": 0.956,
            },
            holds=lambda m: all(
                abs(m[f"model: {name}_r2l"].value - m["model: comma_r2l"].value) < 0.1
                for name in ("space", "dec", "dollar", "hashtag")
            ),
        ),
        Claim(
            "a-model: lengths",
            "From the left a language model fails sums longer than both addends, in the fourth digit (needs --model).",
            source="section 4",
            paper={"model: nosep mismatch": 0.0825, "model: nosep match": 0.9378, "model: comma_r2l mismatch": 0.985},
            parts={
                "a gap without separators": lambda m: m["model: nosep match"].low > m["model: nosep mismatch"].high,
                "none with commas": lambda m: m["model: comma_r2l match"].low <= m["model: comma_r2l mismatch"].high,
                "most errors are the fourth digit alone": lambda m: m["model: only digit 4"].low > 0.5,
            },
        ),
        Claim(
            "a-model: conversion",
            "A language model that first rewrites the question with commas recovers (needs --model).",
            source="section 5",
            paper={"model: nosep>comma_r2l>comma_r2l": 0.967, "model: nosep": 0.744},
            parts={
                "it helps": lambda m: m["model: nosep>comma_r2l>comma_r2l"].low > m["model: nosep"].high,
                "repeating alone does not": lambda m: m["model: nosep>nosep>nosep"].low <= m["model: nosep"].high,
            },
        ),
    ],
    scales={
        "quick": Settings("quick", steps=12, mixed_steps=12, batch=32, width=32, test=20, watched=20, looks=3, asked=1),
        "cpu": Settings("cpu", seeds=1),
        "gpu": Settings(
            "gpu",
            seeds=3,
            needs_gpu=True,
            lengths=(5, 6),
            steps=20_000,
            mixed_steps=20_000,
            batch=1024,
            layers=4,
            width=256,
            heads=8,
            mixed_seeds=3,
            test=1000,
            asked=100,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Train both directions, then the mixture; ask the given model and read the given file, if there are any."""
    from . import _tokenization_counts as parts
    from . import _tokenization_counts_rows as rows

    file = given("file")
    if file is not None:
        yield from rows.published(file)
    note("tokens from the left and from the right")
    found = remember({"directions": True}, partial(parts.directions, scale, seed))
    yield from rows.measured_directions(found, scale)
    gaps, picture = rows.curves(found)
    yield from gaps
    yield picture
    yield rows.digits(found, scale)
    note("one network that knows seven ways of writing")
    mixed: dict[str, Any] = remember({"mixture": True}, partial(lambda: {"runs": parts.mixture(scale, seed)}))
    yield from rows.measured_mixture(mixed["runs"], scale)
    yield from rows.asked(scale, seed)
