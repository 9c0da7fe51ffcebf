"""Which ways of writing numbers let small transformers handle them, on the number cookbook's own tasks.

**The paper** (Yang et al. 2024) separates the handling of numbers from reasoning: 17 tasks on integers, floats,
fractions and scientific numbers, 41 combinations that make sense, scored by exact match, digits in place and length,
by the length of the operands. Language models lose them with length and outside integers. Trained from scratch,
one-digit tokens, other position encodings and aligned formats help; the same tricks put on at fine-tuning hurt;
chains that follow a written rule are accurate and long.

**What differs from the paper besides size.** Its text was not at hand, and the sizes of its networks are not
published with the code. Three things differ: the second number has at least half the digits of the first in training
too, where the paper draws any trained length; lengths are drawn alike often, because short ones have few different
pairs; and the learning rate is that of small networks (3e-3; 5e-5 in the paper). The paper trains on lengths 1 to 8
with 100,000 pairs of each and asks up to 20; at `cpu` scale it is lengths 1 to 4 and up to 8 (sums of floats: 1 to 3,
and 6; products: 1 to 2, and 3), networks of 2 layers and width 64 in the shape of Llama, some 120,000 examples drawn
from 30,000 pairs of each length at most. 100 questions of each length, as in the paper; none of them is trained on.
Every arm of a task sees the same questions in the same order and the same number of steps.

**Choices.** Position encodings and tokenizers are compared on reversed integers, where there is something to
extrapolate. In tokens of several digits a reversed number has its tokens, not the digits in them, in reverse order.
ALiBi is the published one (the released code adds it with the other sign). Fine-tuning starts from a network trained
on four tasks written plainly in tokens of two digits cut from the left, which stand for an LLM's three; the switches
are to one-digit tokens, reversed or padded numbers, no position encoding, or ALiBi. Rule following uses the rule and
the chains of `suites.rules`, each line of the rule one token, each character of a value one.

**Reading the numbers.** With one seed, at `cpu` scale, intervals cover the questions, not what another seed would do;
the `gpu` scale has three seeds. "well learned" is the largest length with at least 90 % exact answers, "preserving"
with 10 %, in the paper's reading (anywhere) and, as `unbroken` in the details, up to which all lengths have it.
Claims about language models are measured when one is given (`--model hf:FOLDER`); otherwise they are "not measured".

**What was found** (`cpu`). Within the trained lengths every trick shows but one: reversed and padded sums reach 100 %
where plain ones reach 68 %; reversed, ALiBi reaches 100 % and RoPE 78 %; tokens of two and three digits reach 30 % and
5 %. Index hints, which double the text, cost more than they bring within 950 steps. Beyond the trained lengths hardly
anything is right in any arm, so that every part of a claim that says "further" fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import given, note, remember

NEED = "(needs --model)"
SWITCHES = ("one digit", "reverse", "pad", "nope", "alibi")


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        trained, asked: longest operand in training and in the questions.
        products, products_asked: the same for products of integers.
        floats, floats_asked: the same for sums of floats, whose digits before the point come on top.
        pool: different training questions of each length, at most.
        test: questions of each length.
        steps, batch, learning_rate, precision, layers, width, heads: of all networks.
        base_steps, switch_steps, tuned_steps: of the plain network on four tasks, of its fine-tunings, and of the
            fine-tuning on all 41 combinations.
        rule_digits, rule_steps, rule_batch: of the network that follows a rule.
        watched, looks: questions watched in training, and how often.
        labels: rounding labels compared for each representation.
        model: questions of each combination and length for a given model.
    """

    trained: int = 4
    asked: int = 8
    floats: int = 3
    floats_asked: int = 6
    products: int = 2
    products_asked: int = 3
    pool: int = 30_000
    test: int = 100
    steps: int = 950
    batch: int = 128
    learning_rate: float = 3e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    layers: int = 2
    width: int = 64
    heads: int = 4
    base_steps: int = 1200
    switch_steps: int = 300
    tuned_steps: int = 900
    rule_digits: int = 3
    rule_steps: int = 800
    rule_batch: int = 64
    watched: int = 200
    looks: int = 12
    labels: int = 20_000
    model: int = 10


def _beats(a: str, b: str) -> Any:
    """A predicate: the interval of a lies above that of b."""
    return lambda m: m[a].low > m[b].high


def _sooner(a: str, b: str) -> Any:
    """A predicate: a was right in 90 % after fewer examples than b, which may never have been."""
    return lambda m: m[f"{a}: examples to 90 %"].value < m[f"{b}: examples to 90 %"].value


def _not_sooner(a: str, b: str) -> Any:
    """A predicate: b was right in 90 %, and a was not so after fewer examples."""
    return lambda m: m[f"{b}: examples to 90 %"].details["reached"] and not _sooner(a, b)(m)


def _near(name: str, value: float, slack: float) -> Any:
    return lambda m: m[name].low - slack <= value <= m[name].high + slack


def _raised(m: Measurements) -> bool:
    return m["tuned: combinations raised"].value > m["tuned: combinations"].value / 2


STUDY = Study(
    slug="number-cookbook",
    paper=Paper(
        "Number Cookbook: Number Understanding of Language Models and How to Improve It",
        year=2024,
        arxiv="2411.03766",
        authors="Haotong Yang, Yi Hu, Shijia Kang, Zhouchen Lin, Muhan Zhang",
    ),
    takes={"model": "a language model for the claims about such, e.g. hf:FOLDER"},
    claims=[
        Claim(
            "combinations",
            "17 tasks on four representations make 41 combinations: 16, 12, 7 and 6.",
            source="section 2, table of tasks",
            paper={"combinations": 41, "integer": 16, "float": 12, "fraction": 7, "scientific": 6},
            holds=lambda m: (
                [m[k].value for k in ("combinations", "integer", "float", "fraction", "scientific", "tasks")]
                == [41, 16, 12, 7, 6, 17]
            ),
        ),
        Claim(
            "scores",
            "Exact match means all digits in place and no error of length; a right answer is scored so in every row.",
            source="section 2, metrics",
            paper={"scores: identities kept": 1.0},
            holds=lambda m: m["scores: identities kept"].value == 1.0,
        ),
        Claim(
            "released-labels",
            "One label in ten of the released rounding task is wrong, and no label of another task.",
            source="measured on the official generator, 20,000 items each of lengths 5 to 30",
            paper={"labels: sig-integer": 0.100, "labels: sig-float": 0.104, "labels: all others": 0.0},
            parts={
                "10.0 % of integers, within a point": _near("labels: sig-integer", 0.100, 0.01),
                "10.4 % of floats, within a point": _near("labels: sig-float", 0.104, 0.01),
                "none elsewhere": lambda m: m["labels: all others"].value == 0,
            },
        ),
        Claim(
            "one-digit-tokens",
            "From scratch, one-digit tokens learn sums sooner and further than chunks of two, three or random digits.",
            source="section 3, tokenizers",
            paper="one digit best; no figures at hand",
            value="add reverse: beyond",
            parts={
                f"{what} {other}": judge("add reverse", f"add {other}")
                for other in ("2-digit", "3-digit", "random 3")
                for what, judge in (
                    ("sooner than", _sooner),
                    ("further than", lambda a, b: _beats(f"{a}: beyond", f"{b}: beyond")),
                )
            },
        ),
        Claim(
            "one-digit-tokens-elsewhere",
            "One-digit tokens are better for comparing scientific numbers too.",
            source="section 3, tokenizers",
            paper="one digit best; no figures at hand",
            value="max-scientific plain: trained",
            parts={
                "at trained lengths": _beats("max-scientific plain: trained", "max-scientific 3-digit: trained"),
                "at longer ones": _beats("max-scientific plain: beyond", "max-scientific 3-digit: beyond"),
            },
        ),
        Claim(
            "position-encodings",
            "Without position encoding, and with ALiBi, sums go further than with RoPE, though not learned sooner.",
            source="section 3, position encodings",
            paper="both generalise further; no figures at hand",
            value="add nope: beyond",
            parts={
                "NoPE goes further": _beats("add nope: beyond", "add reverse: beyond"),
                "ALiBi goes further": _beats("add alibi: beyond", "add reverse: beyond"),
                "NoPE is not sooner": _not_sooner("add nope", "add reverse"),
                "ALiBi is not sooner": _not_sooner("add alibi", "add reverse"),
            },
        ),
        Claim(
            "formats",
            "Reversed integers, zero padding and index hints are learned sooner and go further than plain sums.",
            source="section 3, data formats",
            paper="alignment helps; no figures at hand",
            value="add reverse: trained",
            parts={
                f"{name}: {what}": judge(f"add {name}")
                for name in ("reverse", "pad", "hint")
                for what, judge in (
                    ("sooner", lambda a: _sooner(a, "add plain")),
                    ("further", lambda a: _beats(f"{a}: beyond", "add plain: beyond")),
                )
            },
        ),
        Claim(
            "formats-join",
            "Reversal, padding and hints together go further than plain sums, and as far as any one of them alone.",
            source="section 3, data formats",
            paper="no figures at hand",
            value="add reverse+pad+hint: beyond",
            parts={
                "further than plain": _beats("add reverse+pad+hint: beyond", "add plain: beyond"),
                "as far as any alone": lambda m: all(
                    m["add reverse+pad+hint: beyond"].low >= m[f"add {name}: beyond"].low
                    for name in ("reverse", "pad", "hint")
                ),
            },
        ),
        Claim(
            "formats-elsewhere",
            "Reversal and padding help sums of floats, and reversal helps products.",
            source="section 3, data formats",
            paper="no figures at hand",
            value="add-float each: trained",
            parts={
                "floats, each part reversed": _beats("add-float each: trained", "add-float plain: trained"),
                "floats, integer part reversed": _beats("add-float int: trained", "add-float plain: trained"),
                "floats, padded": _beats("add-float pad: trained", "add-float plain: trained"),
                "products, reversed": _beats("multiply reverse: trained", "multiply plain: trained"),
            },
        ),
        Claim(
            "tricks-hurt-late",
            "Fine-tuning with another tokenizer, format or position encoding is worse than fine-tuning unchanged.",
            source="section 4, fine-tuning",
            paper="all worse; no figures at hand",
            value="late: unchanged",
            parts={name: _beats("late: unchanged", f"late: {name}") for name in SWITCHES},
        ),
        Claim(
            "finetuning-raises-most",
            "Fine-tuning on all combinations raises most of them, not all; some stay low on long numbers.",
            source="section 4, fine-tuning",
            paper="many, not all; which stay low is a guess of this study",
            value="tuned: combinations raised",
            parts={
                "more than half are raised": _raised,
                "not all": lambda m: m["tuned: combinations raised"].value < m["tuned: combinations"].value,
                "sums of fractions stay low beyond": lambda m: m["tuned: add-fraction beyond"].high < 0.5,
                "products stay low beyond": lambda m: m["tuned: multiply_hard-integer beyond"].high < 0.5,
                "quotients stay low beyond": lambda m: m["tuned: floordiv-integer beyond"].high < 0.5,
            },
        ),
        Claim(
            "rule-following",
            "Chains that follow a written rule make sums near exact at trained lengths, at 10 to 50 times the tokens.",
            source="section 5, rule-following chains",
            paper={"rules: trained": 1.0, "rules: tokens per direct token": 30.0},
            parts={
                "near exact": lambda m: m["rules: trained"].low > 0.9,
                "every line is right too": lambda m: m["rules: every line"].low > 0.9,
                "10 to 50 times the tokens": lambda m: 10 <= m["rules: tokens per direct token"].value <= 50,
            },
        ),
        Claim(
            "a-model: length",
            f"A language model is good at short integers and loses them with length {NEED}.",
            source="section 2, results by length",
            paper="accuracy falls with length; no figures at hand",
            value="model: integer S",
            parts={
                "medium below short": _beats("model: integer S", "model: integer M"),
                "long below medium": _beats("model: integer M", "model: integer L"),
            },
        ),
        Claim(
            "a-model: representations",
            f"A language model is better at integers than at fractions and scientific numbers {NEED}.",
            source="section 2, results by representation",
            paper="worse outside integers; no figures at hand",
            value="model: integer S",
            parts={
                name: _beats("model: integer S", f"model: {name} S") for name in ("float", "fraction", "scientific")
            },
        ),
        Claim(
            "a-model: digits",
            f"A language model is weaker at tasks on single digits than at sums and comparisons {NEED}.",
            source="section 2, digit understanding",
            paper="digit tasks are weak; no figures at hand",
            value="model: digit tasks",
            holds=_beats("model: sums and comparisons", "model: digit tasks"),
        ),
        Claim(
            "a-model: rules",
            f"A language model that follows a rule it is shown, line by line, adds better than at once {NEED}.",
            source="section 5 (there after fine-tuning)",
            paper="accurate and long; no figures at hand",
            value="model: by rule",
            holds=_beats("model: by rule", "model: the same at once"),
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            trained=3,
            asked=4,
            floats=2,
            floats_asked=3,
            pool=300,
            test=10,
            steps=6,
            batch=16,
            layers=1,
            width=32,
            base_steps=6,
            switch_steps=3,
            tuned_steps=6,
            rule_digits=2,
            rule_steps=6,
            rule_batch=8,
            watched=20,
            looks=2,
            labels=300,
            model=1,
        ),
        "cpu": Settings("cpu"),
        "gpu": Settings(
            "gpu",
            seeds=3,
            needs_gpu=True,
            trained=8,
            asked=20,
            products=8,
            products_asked=20,
            floats=8,
            floats_asked=20,
            pool=100_000,
            steps=3100,
            batch=256,
            learning_rate=3e-4,
            layers=8,
            width=512,
            heads=8,
            base_steps=6000,
            switch_steps=1500,
            tuned_steps=6000,
            rule_digits=8,
            rule_steps=6000,
            rule_batch=64,
            model=100,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Count and compare what needs no network; train the arms, the fine-tunings and the follower; ask a given model."""
    from . import _number_cookbook as parts
    from . import _number_cookbook_exact as exact
    from . import _number_cookbook_late as late
    from . import _number_cookbook_model as model
    from . import _number_cookbook_rows as rows
    from . import _number_cookbook_rules as rules

    yield from exact.measured(scale, seed)
    found: dict[str, Any] = {}
    for group, arms in parts.GROUPS.items():
        note(f"from scratch: {group}, {len(arms)} networks for each seed")
        found |= remember({"group": group}, partial(parts.from_scratch, arms, scale, seed))
    yield from rows.measured_arms(found, scale)
    yield rows.by_length(found)
    note("fine-tuning with and without a switch, and on all 41 combinations")
    tuned = remember({"late": True}, partial(late.trained, scale, seed))
    yield from rows.measured_late(tuned)
    yield rows.combinations(tuned)
    note("following a rule line by line")
    yield from rows.measured_rules(remember({"rules": True}, partial(rules.followed, scale, seed)), scale)
    if given("model") is not None:
        yield from model.asked(scale, seed)
