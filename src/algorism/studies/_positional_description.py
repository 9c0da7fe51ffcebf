"""The wiring of `positional_description`: which recipe each measurement trains, and what its networks are asked."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement, Picture
from ..evaluation import evaluate
from ..tasks import Problems, Task
from ..text import format_by_name
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, prepare, train_many
from ._runs import Job, accuracy, extrapolation

if TYPE_CHECKING:
    from .positional_description import Settings

# The width is part of the format: left open, `pad` would take it from each set of problems asked.
FORMS = {
    "basic": "dollar",
    "padded": "pad{digits}+dollar",
    "reversed": "reverse+dollar",
    "padded+reversed": "pad{digits}+reverse+dollar",
    "padded wider": "pad{wider}+reverse+dollar",
}
# name of positions → (of the model, how tokens are numbered)
POSITIONS = {
    "absolute": ("learned", "absolute"),
    "random": ("tags", "randomized16384"),
    "none": ("none", "absolute"),
}


def recipe(scale: "Settings", seed: int, form: str, positions: str, *, products: bool, steps: int) -> Recipe:
    """One example a row, loss on the answer only."""
    model, index = POSITIONS[positions]
    rate = scale.learning_rate if products else scale.add_learning_rate
    return Recipe(
        name=form,
        seed=seed,
        task=TaskRecipe(
            name="multiplication" if products else "addition",
            digits=scale.digits if products else scale.added[0],
            sampler="digits",
            examples=scale.examples if products else None,  # sums are drawn anew at every step
            test=scale.test,
        ),
        text=TextRecipe(format=form, index=index, alphabet="ascii"),
        model=ModelRecipe(
            layers=scale.layers if products else scale.add_layers,
            width=scale.width if products else scale.add_width,
            heads=scale.heads,
            positions=model,
            norm="rms",
            tie=False,
        ),
        training=TrainingRecipe(
            steps=steps,
            batch=scale.batch,
            learning_rate=rate,
            min_learning_rate=rate / 100,
            warmup=min(100, steps),
            betas=(0.9, 0.98),
            weight_decay=0.01,
            precision=scale.precision,
        ),
    )


def products(scale: "Settings", seed: int, way: str) -> dict[str, Any]:
    """Train products in one way of writing; ask every pair of lengths."""
    form = FORMS[way].format(digits=scale.digits, wider=scale.wider)
    made = recipe(scale, seed, form, "absolute", products=True, steps=scale.steps)
    runs = train_many([made.replace(seed=seed + k) for k in range(scale.seeds)])
    cells: dict[str, list[int]] = {}
    asked: dict[str, int] = {}
    places: list[list[float]] = []
    trained = [run.material.train for run in runs if isinstance(run.material.train, Problems)]
    seen = np.unique(np.concatenate([train.keys() for train in trained]))  # of any network: all are asked the same
    for run in runs:
        m = run.material
        for a in range(1, scale.digits + 1):
            for b in range(1, scale.digits + 1):
                problems = pairs(a, b, scale.test, seed, seen)
                found = evaluate(run.model, m.format, m.tokenizer, problems, indexing=m.indexing)
                cells.setdefault(f"{a}×{b}", []).append(int(found.correct_n.sum()))
                asked[f"{a}×{b}"] = len(problems)
                if a == b == scale.digits:
                    places.append([interval.value for interval in found.breakdown.by_place[: 2 * scale.digits - 1]])
    return {"cells": cells, "asked": asked, "places": places, "seconds": [round(run.seconds, 1) for run in runs]}


def pairs(a: int, b: int, n: int, seed: int, seen: np.ndarray) -> Problems:
    """Products of exactly a and b digits; none whose key was seen in training, unless nearly all were."""
    columns = []
    for digits, key in ((a, 1), (b, 2)):
        columns.append(Task("+", digits=(digits, digits)).sample(4 * n, (seed, a, b, key)).operands[0])
    drawn = Problems.solve("*", (columns[0], columns[1]))
    _, first = np.unique(drawn.keys(), return_index=True)
    drawn = drawn[np.sort(first)]
    new = drawn[np.flatnonzero(~np.isin(drawn.keys(), seen))]
    return (new if len(new) >= min(n, 20) else drawn)[:n]


def grid(way: str, found: dict[str, Any], scale: "Settings") -> Iterator[Measurement]:
    """Accuracy of each pair of lengths, their mean, and the cells that claims are about."""
    cells, asked, d = found["cells"], found["asked"], scale.digits
    seeds = len(next(iter(cells.values())))
    for cell, correct in cells.items():
        yield accuracy(f"{way} {cell}", correct, asked[cell])
    # The mean over cells counts every cell alike; its interval is that of the pooled answers scaled to 1,000.
    means = [sum(cells[cell][k] / asked[cell] for cell in cells) / len(cells) for k in range(seeds)]
    yield accuracy(way, [round(1_000 * mean) for mean in means], 1_000, seconds=found["seconds"])
    half = (d + 1) // 2
    for name, cell in (("1×D", f"1×{d}"), ("D×D", f"{d}×{d}"), ("half×half", f"{half}×{half}")):
        yield accuracy(f"{way} {name}", cells[cell], asked[cell], cell=cell)
    by_place = np.mean(found["places"], axis=0)
    for name, place in (("first", len(by_place) - 1), ("middle", len(by_place) // 2), ("last", 0)):
        yield Measurement.exact(f"{way} {name} digit", float(by_place[place]), unit="accuracy", place=place)


def grid_picture(way: str, found: dict[str, Any]) -> Iterator[Picture]:
    """The map of accuracies over both lengths."""
    from ..pictures import table_heatmap

    rows = []
    for cell, correct in found["cells"].items():
        first, second = cell.split("×")
        share = sum(correct) / len(correct) / found["asked"][cell]
        rows.append({"first": int(first), "second": int(second), "accuracy": share})
    name = way.replace("+", "-").replace(" ", "-")
    caption = "Exact match of the whole product, mean over seeds."
    chart = table_heatmap(rows, x="second", y="first", x_title="digits of the second", y_title="digits of the first")
    yield Picture(f"map-{name}", f"Products by the digits of both factors: {way}", chart.to_dict(), caption)


def addition(scale: "Settings", seed: int, name: str) -> dict[str, Any]:
    """Addition in one way of writing with one kind of positions."""
    way, positions = name.split(", ")
    form = {"basic": "dollar", "spaces": "spaces+dollar", "recursive": "recursive+dollar"}[way]
    long = way == "recursive"
    steps, seeds = (scale.recursive_steps, scale.recursive_seeds) if long else (scale.add_steps, scale.add_seeds)
    made = recipe(scale, seed, form, positions, products=False, steps=steps)
    if positions == "absolute":
        most = prepare(made.replace(task__digits=max(scale.added[1]), task__test=1))
        # With a start at random up to the longest text asked, every entry of the table is trained.
        made = made.replace(text__index=f"absolute{most.config.context + 1}")
    return extrapolation(Job(made, seeds, scale.added[1], scale.test))


def dialogues(scale: "Settings", seed: int, positions: str) -> dict[str, Any]:
    """Plain sums of many digits and dialogues of few in one training; ask dialogues of more, with other templates."""
    spoken, plain, lengths = scale.spoken
    made = recipe(scale, seed, f"dialogue{spoken}", positions, products=False, steps=scale.add_steps)
    made = made.replace(task__digits=plain)
    if positions == "absolute":
        long = prepare(made.replace(task__test=1))
        made = made.replace(text__index=f"absolute{long.config.context + 1}")
    runs = train_many([made.replace(seed=seed + k) for k in range(scale.add_seeds)])
    found: dict[str, list[int]] = {}
    held_out = []
    form = format_by_name("dialogue")
    for run in runs:
        m = run.material
        for digits in lengths:
            problems = Task("+", digits=(digits, digits)).sample(scale.test, (seed, digits, 9))
            answers = evaluate(run.model, form, m.tokenizer, problems, indexing=m.indexing)
            found.setdefault(str(digits), []).append(int(answers.correct_n.sum()))
        plainly = dataclasses.replace(m, format=format_by_name("dollar"))
        assert isinstance(m.test, Problems)
        answers = evaluate(run.model, plainly.format, m.tokenizer, m.test, indexing=m.indexing)
        held_out.append(int(answers.correct_n.sum()))
    return {
        "held_out": held_out,
        "test": scale.test,
        "lengths": {"random": found},
        "refused": {},
        "n": scale.test,
        "loss": [run.history[-1]["loss"] for run in runs],
        "seconds": [round(run.seconds, 1) for run in runs],
    }
