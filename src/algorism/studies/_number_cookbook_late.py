"""Fine-tuning in `number_cookbook`: a plain network on four tasks, then more of them, with and without a switch."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from ..models import Transformer
from ..tasks.numeracy import COMBINATIONS, combination
from ..text.number_tokens import EOS, NumberTokens, Writing
from ..training.pairs import PairsJob, fit_pairs_many
from ._lines import Line, continuations
from ._number_cookbook import asked, config, device, lengths, pool, recipe

if TYPE_CHECKING:
    from .number_cookbook import Settings

FOUR = ("add-integer", "sub-integer", "max-integer", "get_digit-integer")
ROWS = tuple(row.name for row in COMBINATIONS.values() if not row.variant)
TOKENS = NumberTokens(2, operators=len(ROWS))  # one task symbol for each combination
PLAIN = Writing(2, "left")


@dataclass(frozen=True)
class Switch:
    """What changes between training and fine-tuning."""

    writing: Writing = PLAIN
    positions: str = "rope"


SWITCHES = {
    "unchanged": Switch(),
    "one digit": Switch(Writing(1)),
    "reverse": Switch(Writing(2, "left", "int")),
    "pad": Switch(Writing(2, "left", pad=True)),
    "nope": Switch(positions="none"),
    "alibi": Switch(positions="alibi"),
}


def trained(scale: "Settings", seed: int) -> dict[str, Any]:
    """The plain network, its fine-tunings on its own four tasks, and the one on all combinations; with each seed."""
    per_task = max(50, scale.pool // 10)
    few = _lines(FOUR, PLAIN, scale, seed, per_task)
    every = _lines(ROWS, PLAIN, scale, seed, max(20, scale.pool // 60))
    longest = max(map(_longest, (few, every, *(_tested(ROWS, s.writing, scale, 10) for s in SWITCHES.values()))))
    found: dict[str, Any] = {"late": {name: [] for name in SWITCHES}, "before": [], "after": []}
    shape = config(scale, TOKENS.vocab_size, longest + 8)
    bases = fit_pairs_many([
        PairsJob(_pairs(few), shape, recipe(scale, scale.base_steps), seed + k, device=device(scale))
        for k in range(scale.seeds)
    ])  # fmt: skip
    for k, base in enumerate(bases):
        jobs = []
        for switch in SWITCHES.values():
            start = _with(base, switch.positions)
            lines = _lines(FOUR, switch.writing, scale, seed + 50, per_task)
            plan = recipe(scale, scale.switch_steps, late=True)
            jobs.append(PairsJob(_pairs(lines), start.config, plan, seed + k, start, device(scale)))
        plan = recipe(scale, scale.tuned_steps, late=True)
        jobs.append(PairsJob(_pairs(every), shape, plan, seed + k, base, device(scale)))
        *switched, tuned = fit_pairs_many(jobs)
        for (name, switch), model in zip(SWITCHES.items(), switched, strict=True):
            found["late"][name].append(_answers(model, FOUR, switch.writing, scale, scale.test))
        found["before"].append(_answers(base, ROWS, PLAIN, scale, max(5, scale.test // 5)))
        found["after"].append(_answers(tuned, ROWS, PLAIN, scale, max(5, scale.test // 5)))
    return found


def _with(base: Transformer, positions: str) -> Transformer:
    """The network's weights under another position encoding; none of these three has weights of its own."""
    model = Transformer(replace(base.config, positions=positions), seed=0)
    model.load_state_dict(base.state_dict())
    return model.to(next(base.parameters()).device)


def _lines(names: Iterable[str], writing: Writing, scale: "Settings", seed: int, each: int) -> list[Line]:
    rng = random.Random(f"{seed}/late")
    lines = []
    for name in names:
        at = ROWS.index(name)
        lines += [TOKENS.line(item, writing, rng, at) for some in pool(name, scale, seed, each) for item in some]
    return lines


def _tested(names: Iterable[str], writing: Writing, scale: "Settings", n: int) -> list[Line]:
    return [TOKENS.line(item, writing, None, ROWS.index(name)) for name in names for item in asked(name, scale, n)]


def _longest(lines: Sequence[Line]) -> int:
    return max(len(ids) for ids, _ in lines)


def _pairs(lines: Sequence[Line]) -> list[tuple[list[int], list[int]]]:
    return [(ids[:prompt], ids[prompt:]) for ids, prompt in lines]


@torch.inference_mode()
def _answers(model: Transformer, names: Iterable[str], writing: Writing, scale: "Settings", n: int) -> dict[str, Any]:
    """Right answers and questions of each combination, at trained lengths and beyond."""
    found = {}
    for name in names:
        items = asked(name, scale, n)
        lines = [TOKENS.line(item, writing, None, ROWS.index(name)) for item in items]
        form, short = combination(name).answer, lengths(name, scale)[0]
        texts = [TOKENS.read(ids, form, writing) for ids in continuations(model, lines, EOS)]
        right = [(item.length <= short, text == item.answer) for item, text in zip(items, texts, strict=True)]
        inside, outside = ([good for short, good in right if short == flag] for flag in (True, False))
        found[name] = [sum(inside), len(inside), sum(outside), len(outside)]
    return found
