"""Whether adding bit patterns can stand for multiplying in a network, and at how many mantissa bits.

**The paper** (Luo and Sun 2024) drops the product of the two mantissas and puts a constant 2^−l(m) in its place: a
multiplication becomes one integer addition, L-Mul. With 4 mantissa bits it is said to be as precise as fp8 e4m3, with
3 bits more precise than e5m2; attention with it costs next to nothing on language benchmarks, and a network in which
every product is a 3-bit L-Mul is as good, after fine-tuning, as one with e4m3.

**What is measured.** Errors of products and of one attention head over operand distributions, with intervals over pairs
or draws; and transformers trained here on reversed 3-digit addition (`add3`), asked 2,000 held-out sums with attention,
or everything, under L-Mul and under fp8. Differences of accuracy are paired, problem by problem. "Everything" is linear
layers with the head, both products of attention, and the gains of norms. Fine-tuning passes gradients straight through.

**How the paper is read.** Its equation 2 and its integer form are different functions as soon as mantissas carry; the
published offset is right for the integer form, which is what is computed (the `bit-form` claim measures both). k-bit
operands are truncated, which is what makes l(m) the best offset (the `offset` claim). fp8 operands are rounded to
nearest, without scaling; products are summed in float32 for all alike.

**What was found, and tried.** Products err as the paper says. On this task little is lost where the paper reports
losses at all: with every product a 3-bit L-Mul and no fine-tuning 0.2 points (4 with e5m2, 11 with 2 bits, of which
fine-tuning gives back nearly all), so "accuracy falls" holds by little. Networks that add without error leave
attention under L-Mul nothing to improve: from 4 bits on the difference is one sum in 6,000. In a head with
heavy-tailed operands, 20 draws did not decide whether 4 bits are within 1.1 × of e4m3 (0.0834 against 0.0833, with
intervals too wide); there are 100 now. A single draw can look like a difference there.

**What is not measured.** Language models: those claims stay open. Energy is the published table's arithmetic; there is
no adder here to measure, and emulating L-Mul on a multiplier costs time and energy instead of saving them.
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
        pairs: operand pairs behind each error of products.
        draws: attention heads drawn for each error of a head.
        layers: blocks of the trained transformers.
        width: of the model.
        heads: attention heads.
        steps: of training.
        tune_steps: of fine-tuning with every product replaced.
        batch: rows a step.
        precision: of ordinary training; fine-tuning is in float32.
        test: held-out problems per network.
    """

    pairs: int = 1_000_000
    draws: int = 100
    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 800
    tune_steps: int = 300
    batch: int = 192
    precision: Literal["fp32", "bf16"] = "bf16"
    test: int = 2000


BITS = (1, 2, 3, 4, 5, 6, 7, 8, 10)
ENERGY = {"product float32": 0.973, "product float16": 0.955, "dot float32": 0.783, "dot float16": 0.70}


def _below(m: Measurements, one: str, other: str, factor: float = 1.0) -> bool:
    """Whether one number is at most another times a factor, intervals and all."""
    return m[one].high <= factor * m[other].low


def _near(m: Measurements, name: str, value: float) -> bool:
    """Whether a share is the paper's, as far as that was rounded."""
    return abs(m[name].value - value) < 0.0006


STUDY = Study(
    slug="l-mul",
    paper=Paper(
        "Addition is All You Need for Energy-efficient Language Models",
        year=2024,
        arxiv="2410.00907",
        authors="Hongyin Luo, Wei Sun",
    ),
    claims=[
        Claim(
            "product-precision",
            "A 4-bit L-Mul is about as precise as an e4m3 product, and a 3-bit one more precise than e5m2.",
            source="abstract",
            paper="'comparable', 'outperforms'; no numbers known to us",
            parts={
                f"{what}, {distribution}": partial(_below, one=f"mse:{distribution}:{one}", other=other, factor=factor)
                for distribution in ("gaussian", "uniform")
                for what, one, other, factor in (
                    ("4 bits within 1.1 × e4m3", "L-Mul-4", f"mse:{distribution}:e4m3", 1.1),
                    ("3 bits below e5m2", "L-Mul-3", f"mse:{distribution}:e5m2", 1.0),
                )
            },
            value="mse:gaussian:L-Mul-4",
        ),
        Claim(
            "bit-form",
            "The integer form is what is meant: it errs far less than equation 2 read literally, or than no offset.",
            source="equation 2, figure 2; numbers are ours",
            paper={"mse:gaussian:L-Mul": 0.00099, "mse:gaussian:value form": 0.0067, "mse:gaussian:no offset": 0.00226},
            parts={
                "6 × below the literal form": lambda m: _below(
                    m, "mse:gaussian:L-Mul", "mse:gaussian:value form", 1 / 6
                ),
                "2 × below no offset (Mitchell 1962)": lambda m: _below(
                    m, "mse:gaussian:L-Mul", "mse:gaussian:no offset", 1 / 2
                ),
            },
        ),
        Claim(
            "offset",
            "The paper's l(m) has the least mean squared error of all whole l for truncated operands of 1 to 10 bits.",
            source="equation 2, l(m)",
            paper={"bits whose best l is the paper's": 10},
            holds=lambda m: m["bits whose best l is the paper's"].value == 10,
        ),
        Claim(
            "saturation",
            "From 5 bits on more bits hardly help: what is left is the approximation, 10 × bfloat16's error.",
            source="error estimation; numbers are ours",
            paper={"mean:gaussian:L-Mul": 0.0269},
            parts={
                "10 bits not 10 % better than 5": lambda m: (
                    m["mean:gaussian:L-Mul-10"].value > 0.9 * m["mean:gaussian:L-Mul-5"].value
                ),
                "a mean error of 2.5 to 2.9 %": lambda m: 0.025 < m["mean:gaussian:L-Mul"].value < 0.029,
                "bfloat16 is 10 × better": lambda m: (
                    10 * m["mean:gaussian:bfloat16"].value < m["mean:gaussian:L-Mul"].value
                ),
            },
        ),
        Claim(
            "one-head",
            "In one attention head, a 4-bit L-Mul is about as precise as e4m3, whatever the operands' distribution.",
            source="abstract, taken from products to attention",
            paper="'comparable'; no numbers known to us",
            parts={
                distribution: partial(
                    _below, one=f"head:{distribution}:L-Mul-4", other=f"head:{distribution}:e4m3", factor=1.1
                )
                for distribution in ("gaussian", "peaky", "student-t3")
            },
            value="head:gaussian:L-Mul-4",
        ),
        Claim(
            "attention-lossless",
            "Replacing attention's products in a trained network costs less than half a point from 4 bits on.",
            source="benchmark tables of attention-only replacement, on our task",
            paper={"drop:attention:L-Mul-4": 0.0007},
            parts={
                "it can add: 99 %": lambda m: m["accuracy:exact"].value >= 0.99,
                "4 bits": lambda m: m["drop:attention:L-Mul-4"].high < 0.005,
                "7 bits": lambda m: m["drop:attention:L-Mul-7"].high < 0.005,
            },
        ),
        Claim(
            "attention-three-bits",
            "At 3 bits, attention by L-Mul costs no more than attention by e5m2.",
            source="benchmark tables of attention-only replacement, on our task",
            paper="'outperforms'; no numbers known to us",
            holds=lambda m: m["drop:attention:L-Mul-3"].low <= m["drop:attention:e5m2"].high,
            value="drop:attention:L-Mul-3",
        ),
        Claim(
            "everything-at-three-bits",
            "With every product a 3-bit L-Mul accuracy falls, and fine-tuning brings it to that of e4m3.",
            source="abstract, fine-tuning table, on our task",
            paper="'equivalent precision'",
            parts={
                "it falls": lambda m: m["drop:all:L-Mul-3"].low > 0,
                "fine-tuned, within a point of e4m3 fine-tuned": lambda m: (
                    m["accuracy:tuned:L-Mul-3"].value >= m["accuracy:tuned:e4m3"].value - 0.01
                ),
                "fine-tuned, 99 %": lambda m: m["accuracy:tuned:L-Mul-3"].value >= 0.99,
            },
            value="accuracy:tuned:L-Mul-3",
        ),
        Claim(
            "energy",
            "By the 45 nm table, L-Mul saves about 95 % of a product's energy and 70 to 80 % of a dot product's.",
            source="abstract, energy table",
            paper={f"saving:{name}": share for name, share in ENERGY.items()},
            parts={name: partial(_near, name=f"saving:{name}", value=share) for name, share in ENERGY.items()},
        ),
        Claim(
            "language-models",
            "With attention by L-Mul, Llama-3.1-8B, Mistral-7B and Gemma-2-2B lose 0.07 % on language benchmarks.",
            source="benchmark tables, as quoted in a public review",
            paper={"language benchmarks: mean loss": 0.0007},
            holds=lambda m: m["language benchmarks: mean loss"].high < 0.005,
        ),
        Claim(
            "vision",
            "With attention by L-Mul, Llava-v1.5-7B gains 0.12 % on vision benchmarks.",
            source="vision table, as quoted in a public review",
            paper={"vision benchmarks: mean gain": 0.0012},
            holds=lambda m: m["vision benchmarks: mean gain"].low > -0.005,
        ),
    ],
    scales={
        "quick": Settings(
            "quick", pairs=20_000, draws=2, layers=1, width=16, steps=20, tune_steps=2, batch=32, test=40
        ),
        "cpu": Settings("cpu", seeds=3),
        "gpu": Settings(
            "gpu",
            seeds=1,
            needs_gpu=True,
            pairs=10_000_000,
            draws=400,
            layers=12,
            width=768,
            heads=12,
            steps=5000,
            tune_steps=500,
            batch=1024,
            test=10_000,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure errors, then networks; what networks answer is remembered, so that a killed study continues."""
    from . import _l_mul as parts

    note("errors of products")
    for distribution in ("gaussian", "uniform"):
        found: dict[str, Any] = remember(
            {"products": distribution}, partial(parts.products, distribution, scale.pairs, seed, BITS)
        )
        yield from parts.product_measurements(distribution, found)
        if distribution == "gaussian":
            yield parts.error_picture(found, BITS)
    yield parts.best_offsets(scale.pairs, seed)
    note("errors of one attention head")
    yield from parts.heads(scale.draws, seed)
    yield from parts.savings()
    networks = []
    for each in range(seed, seed + scale.seeds):
        note(f"network of seed {each}: trained, then asked under each arithmetic")
        networks.append(remember({"network": each}, partial(parts.network, scale, each)))
    yield from parts.network_measurements(networks, scale.test, seed)
    yield parts.accuracy_picture(networks, scale.test)
