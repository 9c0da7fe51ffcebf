"""The wiring of `number_cookbook`: networks from scratch, one for each way of writing, all on the same questions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models import TransformerConfig
from ..tasks.numeracy import Item, combination
from ..text.number_tokens import EOS, NumberTokens, Writing
from ..training import TrainingRecipe
from ._lines import Line, Lines, Make, continuations, train_lines

if TYPE_CHECKING:
    from .number_cookbook import Settings

PLACES = 30  # hint symbols of each part, as in the released run


@dataclass(frozen=True)
class Arm:
    """One way of writing one task."""

    name: str
    combination: str
    writing: Writing
    positions: str = "rope"

    def tokens(self) -> NumberTokens:
        """The vocabulary: no more than the arm needs."""
        return NumberTokens(self.writing.chunk, places=PLACES if self.writing.hints else 0)


def _add(name: str, *given: Any, positions: str = "rope", **more: Any) -> Arm:
    return Arm(f"add {name}", "add-integer", Writing(*given, **more), positions)


FORMATS = (
    _add("plain"),
    _add("reverse", reverse="int"),
    _add("pad", pad=True),
    _add("hint", hints=True),
    _add("reverse+pad", reverse="int", pad=True),
    _add("reverse+hint", reverse="int", hints=True),
    _add("pad+hint", pad=True, hints=True),
    _add("reverse+pad+hint", reverse="int", pad=True, hints=True),
)
OTHERS = (
    _add("2-digit", 2, reverse="int"),
    _add("3-digit", 3, reverse="int"),
    _add("random 3", 3, "random", "int"),
    _add("nope", reverse="int", positions="none"),
    _add("alibi", reverse="int", positions="alibi"),
)
FLOATS = (
    Arm("add-float plain", "add-float", Writing()),
    Arm("add-float int", "add-float", Writing(reverse="int")),
    Arm("add-float dec", "add-float", Writing(reverse="dec")),
    Arm("add-float each", "add-float", Writing(reverse="each")),
    Arm("add-float pad", "add-float", Writing(pad=True)),
)
ELSEWHERE = (
    Arm("multiply plain", "multiply_hard-integer", Writing()),
    Arm("multiply reverse", "multiply_hard-integer", Writing(reverse="int")),
    Arm("max-scientific plain", "max-scientific", Writing()),
    Arm("max-scientific 3-digit", "max-scientific", Writing(3)),
)
GROUPS: dict[str, Sequence[Arm]] = {
    "formats": FORMATS,
    "tokens and positions": OTHERS,
    "floats": FLOATS,
    "products and comparisons": ELSEWHERE,
}


def lengths(name: str, scale: "Settings") -> tuple[int, int]:
    """Longest operand in training and in the questions."""
    if name == "multiply_hard-integer":
        return scale.products, scale.products_asked
    if name == "add-float":
        return scale.floats, scale.floats_asked
    return scale.trained, scale.asked


def asked(name: str, scale: "Settings", n: int | None = None) -> list[Item]:
    """The questions of a combination, from length 2 on; shorter numbers are too few to hold some out."""
    row = combination(name)
    longest = min(lengths(name, scale)[1], row.longest)
    return [item for length in range(2, longest + 1) for item in row.items(length, n or scale.test, seed=10**6)]


@lru_cache(maxsize=4)
def pool(name: str, scale: "Settings", seed: int, each: int) -> tuple[tuple[Item, ...], ...]:
    """Questions to learn from, by length; none that is asked."""
    row = combination(name)
    held = {item.body for item in asked(name, scale)}
    # Two numbers of L digits make 100^L pairs at most; a third of them is drawn without much searching.
    some = {
        length: row.items(length, min(each, 100**length // 3), seed=seed)
        for length in range(row.shortest, lengths(name, scale)[0] + 1)
    }
    return tuple(tuple(item for item in items if item.body not in held) for items in some.values())


def drawn(groups: Sequence[Sequence[Line]]) -> Make:
    """Draws lines, every group alike often."""
    groups = [group for group in groups if group]

    def make(n: int, rng: np.random.Generator) -> list[Line]:
        which, place = rng.integers(0, len(groups), n), rng.random(n)
        return [groups[g][int(at * len(groups[g]))] for g, at in zip(which.tolist(), place.tolist(), strict=True)]

    return make


def recipe(scale: "Settings", steps: int, *, late: bool = False) -> TrainingRecipe:
    """How networks are trained; fine-tuning has a third of the learning rate."""
    rate = scale.learning_rate / 3 if late else scale.learning_rate
    return TrainingRecipe(
        steps=steps,
        batch=scale.batch,
        learning_rate=rate,
        min_learning_rate=rate / 20,
        warmup=min(100, steps),
        betas=(0.9, 0.98),
        weight_decay=0.01,
        precision=scale.precision,
    )


def config(scale: "Settings", vocab: int, context: int, positions: str = "rope") -> TransformerConfig:
    """A small Llama."""
    return TransformerConfig(
        vocab=vocab,
        context=context,
        layers=scale.layers,
        heads=scale.heads,
        width=scale.width,
        norm="rms",
        activation="swiglu",
        positions=positions,
    )


def device(scale: "Settings") -> str:
    """Where networks are trained."""
    return "cuda" if scale.needs_gpu else "cpu"


def _job(arm: Arm, scale: "Settings", seed: int) -> Lines:
    tokens, rng = arm.tokens(), random.Random(f"{seed}/{arm.name}")
    groups = [
        [tokens.line(item, arm.writing, rng) for item in items]
        for items in pool(arm.combination, scale, seed, scale.pool)
    ]
    tested = _lines(arm, scale)
    short = lengths(arm.combination, scale)[0]
    inside = [line for item, line in tested if item.length <= short]
    step = max(1, len(inside) // scale.watched)
    longest = max(len(ids) for ids, _ in [*(line for _, line in tested), *(line for group in groups for line in group)])
    shape = config(scale, tokens.vocab_size, longest + 4, arm.positions)
    watched = {"trained": inside[::step][: scale.watched]}
    return Lines(shape, drawn(groups), recipe(scale, scale.steps), seed, watched, scale.looks, device(scale))


def _lines(arm: Arm, scale: "Settings") -> list[tuple[Item, Line]]:
    tokens, rng = arm.tokens(), random.Random(f"asked/{arm.name}")
    return [(item, tokens.line(item, arm.writing, rng)) for item in asked(arm.combination, scale)]


def from_scratch(arms: Sequence[Arm], scale: "Settings", seed: int) -> dict[str, Any]:
    """Train each arm with each seed; the answers to the questions, and the curves."""
    trained = iter(train_lines([_job(arm, scale, seed + k) for arm in arms for k in range(scale.seeds)]))
    found: dict[str, Any] = {}
    for arm in arms:
        tested, tokens = _lines(arm, scale), arm.tokens()
        form = combination(arm.combination).answer
        found[arm.name] = []
        for _ in range(scale.seeds):
            one = next(trained)
            written = continuations(one.model, [line for _, line in tested], EOS)
            texts = [tokens.read(ids, form, arm.writing) for ids in written]
            rows = [[item.length, text, item.answer] for (item, _), text in zip(tested, texts, strict=True)]
            parameters = sum(p.numel() for p in one.model.parameters())
            found[arm.name].append({"answers": rows, "curve": one.curve, "parameters": parameters})
    return found
