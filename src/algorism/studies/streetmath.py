"""Whether models estimate where an estimate is all that is wanted, and whether that uses other parts than computing.

**The paper** (Tseng et al. 2025; numbers of version 2 of its repository) asks language models everyday questions
(baskets, tips, travel) and grades by style: exact, good approximation (at most 20 % away), mildly off, way off. Models
compute also where an estimate would do; a hint in the prompt changes that. Linear probes read from hidden states
whether a number is near a multiple of 2, 5 or 10, but hardly 7; and removing weights that exact arithmetic needs is
said to leave estimating intact.

**Without a language model** this study measures: the judge's marks for known ways of answering (calculators, people who
round) on as many baskets as the benchmark has; whether the words of a question alone give its answer; and a small
network of our own that is trained on exact sums of two 3-digit numbers ("E704+125=0829$"), on sums of both rounded to
hundreds ("A704+125=0800$"), and on copying. Its hidden states at the second operand are probed for k = 2 to 10, and
weights that sums need and other lines do not are removed.

**With one** (`--model hf:FOLDER`): the questions with and without the hint, and probes on numbers in sentences, in
digits and in words. `--file street_math_test.jsonl` checks the authors' items. Claims that need these say so, and are
"not measured" without them.

**What differs from the paper, on purpose.** Exact means right to the places written (two at least), against the value
that the question implies; the paper wants 1e-6, and grades travel times against miles that are not shown. Probes are
chosen on other numbers than those they are reported on, beside the base rate and a control with shuffled labels; the
paper picks the best layer on the test numbers. A network that was never trained is probed as well ("near 10, untrained
network"): multiples of 2, 5 and 10 depend on the last digit alone, so that a probe needs no more than that. Pruned
weights stand beside as many random ones. The baskets of the reference ways are other draws than those behind the
paper's figures, of the same kind.

**What was found** (`cpu`). A small network holds the last digit less plainly than a language model: multiples of 10 are
told apart at 92 %, of 5 at 82 %, of 2 at 74 %; of 7 and 6 no better than by the base rate. Order and the failure at 7
are the paper's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ..claims import Claim, Measurement, Paper, Picture, Scale, Study
from .runner import given, note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        steps, batch, learning_rate, layers, width, heads: of the small network.
        test: sums asked of each kind.
        contexts: first operands before every number that is probed.
        draws, texts, pruned: how often texts are drawn for pruning, how many of each kind, which shares are removed.
        items: questions of each situation whose words are read.
        asked, probed: questions to a given model, and numbers probed in it.
    """

    steps: int = 3000
    batch: int = 128
    learning_rate: float = 2e-3
    layers: int = 4
    width: int = 64
    heads: int = 4
    test: int = 1000
    contexts: int = 2
    draws: int = 3
    texts: int = 500
    pruned: tuple[float, ...] = (0.0001, 0.001, 0.01, 0.03, 0.1)
    items: int = 700
    asked: int = 1000
    probed: int = 3000


STUDY = Study(
    slug="streetmath",
    paper=Paper(
        "StreetMath: Study of LLMs' Approximation Behaviors",
        year=2025,
        arxiv="2510.25776",
        authors="Chiung-Yi Tseng, Somshubhra Roy, Maisha Thasin, Danyang Zhang, Blessing Effiong",
    ),
    takes={
        "model": "a language model for the claims about answers and hidden states, such as hf:FOLDER",
        "file": "the authors' street_math_test.jsonl",
    },
    claims=[
        Claim(
            "marks-of-known-ways",
            "The judge gives known ways of answering baskets their known marks (share of good approximations).",
            source="measured on the authors' 1,708 baskets",
            paper={
                "round to $1: A": 0.994,
                "floor to $1: A": 0.998,
                "round to $5: A": 0.978,
                "round to $10: A": 0.812,
                "$10 each: A": 0.56,
                "the middle: A": 0.40,
            },
            holds=lambda m: all(
                m[f"{name}: A"].low - 0.02 <= value <= m[f"{name}: A"].high + 0.02
                for name, value in {
                    "round to $1": 0.994,
                    "floor to $1": 0.998,
                    "round to $5": 0.978,
                    "round to $10": 0.812,
                    "$10 each": 0.56,
                    "the middle": 0.40,
                }.items()
            ),
        ),
        Claim(
            "hint",
            "Models compute though an estimate is asked for; a hint at least halves exact answers (needs --model).",
            source="version 2, table of labels",
            paper={"model: plain E": 0.377, "model: hint E": 0.14, "model: plain A": 0.594, "model: hint A": 0.818},
            parts={
                "exact answers fall to half": lambda m: m["model: hint E"].value <= m["model: plain E"].value / 2,
                "it is no accident": lambda m: m["model: hint changes E, p"].value < 0.05,
                "approximations rise": lambda m: m["model: hint A"].low > m["model: plain A"].high,
            },
        ),
        Claim(
            "approximations-are-computations",
            "Without the hint, good approximations are failed computations, not round numbers (needs --model).",
            source="version 2, files of answers (Falcon-H1-7B)",
            paper={"model: plain whole": 0.037, "model: hint whole": 0.973, "model: plain near": 0.436},
            parts={
                "fewer whole numbers than with the hint": lambda m: (
                    m["model: plain whole"].high < m["model: hint whole"].low
                ),
                "fewer multiples of 5 than with the hint": lambda m: (
                    m["model: plain five"].high < m["model: hint five"].low
                ),
            },
        ),
        Claim(
            "roundness-separates",
            "Roundness tells who computes from who estimates, where bands do not: reference ways of answering.",
            source="check of the measure behind the claim above",
            paper="a calculator that errs says no round numbers; people who round say nothing else",
            value="noisy: whole",
            parts={
                "the noisy calculator is hardly ever round": lambda m: m["noisy: whole"].high < 0.1,
                "people who round always are": lambda m: m["round to $5: whole"].low > 0.99,
                "and hardly ever near the exact value": lambda m: m["round to $5: near"].high < m["noisy: near"].low,
            },
        ),
        Claim(
            "probes",
            "Hidden states tell multiples of 2, 5 and 10 apart, 7 hardly, 6 a little (in our small network).",
            source="version 2, probe tables",
            paper={
                "near 2": 0.973,
                "near 5": 0.996,
                "near 10": 0.995,
                "near 7: above base": -0.01,
                "near 6: above base": 0.117,
            },
            parts={
                "2, 5 and 10 above 91 %": lambda m: min(m[f"near {k}"].value for k in (2, 5, 10)) >= 0.91,
                "7 within 4 points of the base rate": lambda m: abs(m["near 7: above base"].value) <= 0.04,
                "6 by 8 to 18 points above it": lambda m: 0.08 <= m["near 6: above base"].value <= 0.18,
            },
        ),
        Claim(
            "a-model: probes",
            "The same in a language model, for numbers in sentences (needs --model hf:).",
            source="version 2, probe tables",
            paper={
                "model: near 2": 0.973,
                "model: near 5": 0.996,
                "model: near 10": 0.995,
                "model: near 7: above base": -0.01,
                "model: near 6: above base": 0.117,
            },
            parts={
                "2, 5 and 10 above 91 %": lambda m: min(m[f"model: near {k}"].value for k in (2, 5, 10)) >= 0.91,
                "7 within 4 points of the base rate": lambda m: abs(m["model: near 7: above base"].value) <= 0.04,
                "6 by 8 to 18 points above it": lambda m: 0.08 <= m["model: near 6: above base"].value <= 0.18,
            },
        ),
        Claim(
            "early-layers",
            "For 10, an early layer tells as much as the best one (within a point; in the first half).",
            source="version 2, best layers of k = 10: 5 of 36, 1 of 64, 10 of 44, 9 of 72",
            paper={"near 10: first layer": 0.14},
            holds=lambda m: m["near 10: first layer"].value <= 0.5,
        ),
        Claim(
            "words",
            "What a probe learns from digits does not carry over to number words (needs --model hf:).",
            source="version 2, probe tables for words",
            paper={"model: near 10, words": 0.68, "model: near 10": 0.995},
            holds=lambda m: m["model: near 10, words"].high < m["model: near 10"].low - 0.1,
        ),
        Claim(
            "pruning",
            "Removing weights that exact sums need hurts these more than estimates, at some share (our network).",
            source="pruning summaries; MathNeuro",
            paper="StreetMath falls late or never where exact arithmetic is gone",
            value="pruning: E lost more than A, most",
            parts={
                "exact sums lose more than estimates (by 10 points)": lambda m: (
                    m["pruning: E lost more than A, most"].value > 0.1
                ),
                "more than with as many random weights": lambda m: (
                    m["pruning: E lost more than A, most"].value > m["pruning: E lost more than A, random"].value + 0.1
                ),
                "there, estimates stay above 80 %": lambda m: m["pruning: A left there"].value > 0.8,
            },
        ),
        Claim(
            "words-give-the-answer",
            "The words of a question alone give its exact answer, in every topic.",
            source="measured on the authors' items, all topics but travel",
            paper={"ours: recomputed": 1.0},
            holds=lambda m: m["ours: recomputed"].value == 1,
        ),
        Claim(
            "authors-items",
            "The same of the authors' items to a cent, except travel times, shown in rounded miles (needs --file).",
            source="measured on street_math_test.jsonl",
            paper={"file: recomputed": 1.0},
            parts={
                "all but travel": lambda m: m["file: recomputed"].value > 0.999,
                "travel is not": lambda m: m["file: recomputed, travel"].value < 0.9,
            },
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            steps=12,
            batch=32,
            layers=2,
            width=32,
            test=50,
            contexts=1,
            draws=1,
            texts=20,
            pruned=(0.01,),
            items=5,
            asked=20,
            probed=200,
        ),
        "cpu": Settings("cpu"),
        "gpu": Settings(
            "gpu", needs_gpu=True, steps=20_000, batch=1024, layers=6, width=256, heads=8, test=4000, contexts=4
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Reference ways and words first, then the small network, then what was handed over."""
    from . import _streetmath as parts
    from . import _streetmath_rows as rows

    yield from parts.reference_ways()
    yield from parts.recomputed(scale.items, seed)
    file = given("file")
    if file is not None:
        yield from parts.recomputed_file(file)
    note("a small network that computes, estimates and copies")
    found = remember({"network": True}, partial(parts.everything, scale, seed))
    yield from rows.measured(found)
    yield rows.probe_picture(found)
    yield rows.pruning_picture(found)
    yield from parts.asked(scale, seed)
    yield from parts.inside(scale, seed)
