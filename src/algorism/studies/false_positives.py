"""Right answers for wrong reasons: how many there are, and what repeated sampling makes of them.

**The paper** (Wang et al. 2025) has people check solutions of competition problems whose answer is right: 4 to 56 % of
them have a wrong step. Sampling more does not remove them, and pass@N, which counts a problem as solved if any of N
samples hits the answer, is inflated most.

**What is measured without a large model.** Chains of arithmetic whose every line is checked exactly (no person and no
judge is needed), written by transformers of 50,000 to 300,000 parameters that were trained on right solutions and are
sampled at temperature 0.8. A last step asks for the result itself or for its remainder, so that there are many
possible answers, ten, or two: the fewer, the more often a wrong chain hits the right one. Best-of-N takes the sample
that the network itself finds likeliest per token; majority is self-consistency without weights. Answer-only training,
the paper's reinforcement learning with the answer as its only reward, is one round of training on the network's own
solutions that have a right answer.

**What takes a large model** (`--model hf:FOLDER`) is named `model:` and "not measured" otherwise. That families of
models differ more than sizes (general and mathematical) takes at least four large models: never measured here.

**What differs from the paper.** pass@N, best-of-N and majority are unbiased estimates from all samples; the paper's
"first N" stands beside them. A missing step counts as a jump; minor slips that do not matter do not exist in chains.

**What was found** (`cpu`). Where there are two possible answers and four steps, most right answers of the small network
are false positives; a larger network of the same kind has 23 % instead of 54 %. Choosing among more samples does not
lower their share. Two things differ from the paper. The gap of pass@N *falls* with N, from 31 points to 18: a right
chain is never out of reach here, so that among 64 samples a checked one turns up as well, while a competition problem
may be beyond a model altogether. And nearly all wrong steps are miscalculated; a small network hardly ever takes a step
of another problem. One round of answer-only training raises accuracy by 1.6 points and leaves the share as it was; with
a sixth of the practice (100 problems of each kind) it lowered accuracy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import given, note, remember, work_folder


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        chains: trained on, of each number of steps and each remainder.
        chain_steps, remainders, largest: of chains; remainder 0 asks for the result itself.
        problems: asked, of each.
        samples: of each problem.
        ks: numbers of samples of the curves; the second and the last are compared.
        practice, practice_samples: problems of each kind, and samples, of answer-only training.
        tokens: longest solution.
        layers, width, wide, heads, steps, batch, precision: of the networks; `wide` is the larger one's width.
        model_problems: of each kind, asked of a given model.
    """

    chains: int = 3_000
    chain_steps: tuple[int, ...] = (2, 4)
    remainders: tuple[int, ...] = (0, 10, 2)
    largest: int = 20
    problems: int = 40
    samples: int = 64
    ks: tuple[int, ...] = (1, 4, 16, 64)
    practice: int = 600
    practice_samples: int = 4
    tokens: int = 80
    layers: int = 2
    width: int = 48
    wide: int = 96
    heads: int = 4
    steps: int = 1_200
    batch: int = 64
    precision: Literal["fp32", "bf16"] = "bf16"
    model_problems: int = 15


def _half(m: Measurements) -> bool | str:
    logical = m["small:logical"]
    if logical.low > 0.5:
        return True
    others = max(m[f"small:{kind}"].value for kind in ("calculation", "conceptual", "jump"))
    return "partly" if logical.value > others else False


STUDY = Study(
    slug="false-positives",
    paper=Paper(
        "Examining False Positives under Inference Scaling for Mathematical Reasoning",
        year=2025,
        arxiv="2502.06217",
        authors="Yu Wang, Nan Yang, Liang Wang, Furu Wei, Fuli Feng",
    ),
    takes={"model": "a model to write and judge chains of arithmetic, hf:FOLDER or openai:NAME"},
    claims=[
        Claim(
            "pass-is-inflated-most",
            "The gap between answers and checked solutions grows with N for pass@N, and is larger than for best-of-N.",
            source="figure 6",
            paper="pass@N: 2.2, 8.9, 18.9 points at N = 4, 16, 64; best-of-N: 3.3, 2.2, 4.4",
            parts={
                "pass@N's gap grows": lambda m: m["small:pass gap grows"].low > 0,
                "pass@N's gap is larger than best-of-N's": lambda m: m["small:pass gap - best gap"].low > 0,
            },
            value="small:pass gap grows",
        ),
        Claim(
            "sampling-does-not-remove",
            "More samples do not remove false positives from the chosen solutions.",
            source="figure 2",
            paper="chosen false positives at N = 4 and 256: 14 and 13, 13 and 13, 3 and 6, 3 and 1",
            parts={
                "best-of-N": lambda m: m["small:best gap grows"].high >= 0,
                "majority": lambda m: m["small:majority gap grows"].high >= 0,
            },
            value="small:best gap grows",
        ),
        Claim(
            "family-more-than-size",
            "The rate depends on the family of models more than on their size.",
            source="figure 4",
            paper={"model:general": 0.46, "model:mathematical": 0.19},
            holds=lambda m: m["model:general"].low > m["model:mathematical"].high,
        ),
        Claim(
            "harder-more",
            "Harder problems have a higher share of false positives among their right answers.",
            source="figure 5",
            paper="MATH .044, AIME .188, Omni-MATH .294",
            parts={
                "more steps": lambda m: (
                    m["small:false positives, steps 4"].low > m["small:false positives, steps 2"].high
                ),
                "two possible answers more than ten (ours)": lambda m: (
                    m["small:false positives, remainder 2"].low > m["small:false positives, remainder 10"].high
                ),
                "ten possible answers more than many (ours)": lambda m: (
                    m["small:false positives, remainder 10"].low > m["small:false positives, remainder 0"].high
                ),
            },
            value="small:false positives, steps 4",
        ),
        Claim(
            "judges-are-weak",
            "A model as judge of solutions finds false positives with an F1 of at most 0.54.",
            source="figure 3",
            paper={"model:judge F1": 0.539, "model:judge never": 0.861},
            holds=lambda m: m["model:judge F1"].value <= 0.54,
        ),
        Claim(
            "answer-only-raises",
            "Training with the answer as the only reward raises accuracy, and the share of false positives with it.",
            source="table 2",
            paper="best-of-256 on AIME: rate .160 before, .259 after",
            parts={
                "accuracy rises": lambda m: m["answer-only - small:correct"].low > 0,
                "the share of false positives rises": lambda m: m["answer-only - small:false positives"].low > 0,
            },
            value="answer-only - small:false positives",
        ),
        Claim(
            "half-are-logical",
            "About half of the false positives are logical errors: the most frequent kind.",
            source="figure 7",
            paper={"small:logical": 0.506, "small:calculation": 0.217, "small:conceptual": 0.169, "small:jump": 0.108},
            holds=_half,
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            chains=20,
            problems=3,
            samples=4,
            ks=(1, 2, 4),
            practice=3,
            practice_samples=2,
            tokens=20,
            layers=1,
            width=16,
            wide=32,
            heads=2,
            steps=4,
            batch=8,
            precision="fp32",
            model_problems=1,
        ),
        "cpu": Settings("cpu"),
        "gpu": Settings(
            "gpu",
            needs_gpu=True,
            chains=50_000,
            largest=99,
            problems=100,
            samples=256,
            ks=(1, 4, 16, 64, 256),
            practice=2_000,
            tokens=120,
            layers=4,
            width=128,
            wide=384,
            heads=8,
            steps=8_000,
            batch=256,
            model_problems=50,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Train, sample and check; then the given model, if there is one."""
    from . import _false_positives as parts
    from . import _false_positives_rows as rows

    note("two sizes, and the smaller one trained on its own right answers")
    found: dict[str, Any] = remember({"networks": True}, partial(parts.networks, scale, seed))
    for name, some in found.items():
        yield from rows.measured(name, some, scale)
    if "answer-only" in found:
        yield from rows.compared(found["answer-only"], found["small"], "answer-only - small")
    yield from rows.compared(found["large"], found["small"], "large - small")
    yield rows.picture(found["small"], scale)
    spec = given("model")
    if spec is not None:
        note(f"chains of arithmetic to {spec}")
        of_model = remember({"model": spec}, partial(parts.given_rows, spec, scale, work_folder(), seed))
        yield from rows.of_model(of_model)
