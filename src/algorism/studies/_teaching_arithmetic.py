"""The wiring of `teaching_arithmetic`: which recipe each measurement trains, and what its networks are asked.

Holds no claim and no algorithm; everything here calls training, evaluation and tasks.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement, Picture
from ..evaluation import wilson
from ..tasks import Problems, Task, completion_probability, task
from ..tasks.completion import Rule, fill
from ..tasks.filters import touches
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, prepare, train_many
from ._runs import right

if TYPE_CHECKING:
    from .teaching_arithmetic import Settings

# On rows, operands and sum are zero-padded (in scratchpads as well), so that a digit of one weight stands at one
# position in every row and the table of positions is learned from few examples. Both orders have the same delimiter,
# padding and data.
ROWS = {"plain": "pad+dollar", "reverse": "pad+reverse+dollar"}
LONGEST = 20  # context of networks that are asked 4-digit sums: `$1234+5678=21960$` and some room


def recipe(
    scale: "Settings", seed: int, form: str, examples: int, steps: int | None = None, batch: int | None = None
) -> Recipe:
    """One example a row, loss on the answer only."""
    long = "simplified" in form or "detailed" in form
    return Recipe(
        name=f"{form}-{examples}",
        seed=seed,
        task=TaskRecipe(sampler="balanced", examples=examples, test=scale.test),
        text=TextRecipe(format=form, alphabet="ascii" if long else "arithmetic"),
        model=ModelRecipe(
            layers=scale.layers,
            heads=scale.heads,
            width=scale.width,
            dropout=scale.dropout,
            context=None if long else LONGEST,
        ),
        training=TrainingRecipe(
            steps=steps or scale.steps,
            batch=batch or scale.batch,
            learning_rate=scale.learning_rate,
            min_learning_rate=1e-4,
            weight_decay=scale.weight_decay,
            precision=scale.precision,
            validate_every=max(1, (steps or scale.steps) // 12),
            validate_on=400,
        ),
    )


def rows(
    scale: "Settings",
    seed: int,
    form: str,
    examples: int,
    steps: int | None = None,
    batch: int | None = None,
    seeds: int = 1,
) -> dict[str, Any]:
    """Train on rows with several seeds; ask the held-out problems, and sums one digit longer."""
    recipes = [recipe(scale, seed + i, form, examples, steps, batch) for i in range(seeds)]
    runs = train_many(recipes)
    longer = Task("+", digits=(4, 4)).sample(200, seed=seed)
    fits = runs[0].material.config.context >= LONGEST and form in ROWS.values()
    encoded = runs[0].material.encode(runs[0].material.test)
    return {
        "correct": [right(r, r.material.test) for r in runs],
        "sampled": [right(r, r.material.test, temperature=0.8) for r in runs] if form in ROWS.values() else [],
        "longer": [right(r, longer) for r in runs] if fits else [],
        "longer_n": len(longer),
        "tokens": float(encoded.length_n.mean()),
        "history": [
            {"step": row["step"], "accuracy": row["accuracy"], "seed": r.recipe.seed}
            for r in runs
            for row in r.history
            if "accuracy" in row
        ],
    }


def skipped_length(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train on operands of 1 and 3 digits, ask 2 and 4."""
    recipes = [recipe(scale, seed + i, "reverse", 3000) for i in range(min(4, scale.seeds))]
    materials = []
    for r in recipes:
        short, long = Task("+", digits=(1, 1)), Task("+", digits=(3, 3))
        train = Problems.concat([short.sample(300, (r.seed, 7)), long.sample(2700, (r.seed, 8))])
        materials.append(dataclasses.replace(prepare(r), train=train))
    runs = train_many(recipes, materials=materials)
    asked = {digits: Task("+", digits=(digits, digits)).sample(200, seed=seed) for digits in (2, 4)}
    return {str(d): [right(r, p) for r in runs] for d, p in asked.items()} | {"n": 200}


def excluded_numbers(scale: "Settings", seed: int, count: int = 200) -> dict[str, Any]:
    """Train without `count` of the numbers 0-999; ask sums that contain one of them, and sums that do not."""
    examples, asked = scale.examples[-1][0], 500
    recipes, materials, tests = [], [], []
    for i in range(min(4, scale.seeds)):
        r = recipe(scale, seed + i, ROWS["reverse"], examples)
        banned = tuple(int(v) for v in np.random.default_rng([seed + i, 9]).choice(1000, count, replace=False))
        train = dataclasses.replace(task("addition", digits=3, sampler="balanced"), without_numbers=banned).sample(
            examples, r.seed
        )
        pool = task("addition", digits=3).sample(20 * asked, (r.seed, 10), exclude=train.keys())
        hit = touches(pool, banned)
        tests.append((pool[np.flatnonzero(hit)[:asked]], pool[np.flatnonzero(~hit)[:asked]]))
        materials.append(dataclasses.replace(prepare(r), train=train, test=tests[-1][1]))
        recipes.append(r)
    runs = train_many(recipes, materials=materials)
    assert isinstance(materials[0].train, Problems)
    pairs = np.stack([np.array(o.to_ints()) for o in materials[0].train.operands], 1)
    filled = fill(1000, pairs)
    queried = np.stack([np.array(o.to_ints()) for o in tests[0][0].operands], 1)
    known = ~np.isnan(filled[queried[:, 0], queried[:, 1]].astype(float))
    return {
        "excluded": [right(r, t[0]) for r, t in zip(runs, tests, strict=True)],
        "others": [right(r, t[1]) for r, t in zip(runs, tests, strict=True)],
        "n": asked,
        "filled": float(known.mean()),
        "entries": len(known),
    }


def products(scale: "Settings", seed: int, form: str, steps: int, batch: int, seeds: int) -> dict[str, Any]:
    """Two-digit multiplication from 3,000 of the 10,000 pairs; ask the others."""
    recipes = [
        recipe(scale, seed + i, form, 3000, steps, batch).replace(
            task__name="multiplication", task__sampler="uniform", task__digits=2, model__context=None
        )
        for i in range(seeds)
    ]
    return {"correct": [right(r, r.material.test) for r in train_many(recipes)]}


def windows(scale: "Settings", seed: int, form: str) -> dict[str, Any]:
    """The paper's regime: random windows of one text, loss on every character."""
    recipes = [
        recipe(scale, seed + i, form, 10_000).replace(
            model__context=scale.windows_context,
            training__objective="windows",
            training__steps=scale.windows_steps,
            training__batch=scale.windows_batch,
            training__validate_every=0,
        )
        for i in range(min(scale.windows_seeds, scale.seeds))
    ]
    runs = train_many(recipes)
    return {
        "correct": [right(r, r.material.test) for r in runs],
        "sampled": [right(r, r.material.test, temperature=0.8) for r in runs],
    }


def completion(scale: "Settings", seed: int, revealed: Sequence[int]) -> Iterator[Measurement | Picture]:
    """How often random entries determine the 100 × 100 addition table, by both rules."""
    from ..pictures import completion_curve

    table = []
    rules: dict[str, Rule] = {"completion": "minors", "adjacent": "adjacent"}
    for name, rule in rules.items():
        for count in revealed:
            share = completion_probability(100, count, trials=scale.trials, seed=seed, rule=rule)
            interval = wilson(round(share * scale.trials), scale.trials)
            yield Measurement(
                f"{name}@{count}", interval.value, interval.low, interval.high, n=scale.trials, unit="share of tables"
            )
            table.append(
                {
                    "revealed": count,
                    "success": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "series": name,
                }
            )
    yield Picture(
        "completion",
        "Completing the 100 × 100 addition table",
        completion_curve(table).to_dict(),
        "Share of random tables filled completely, 95 % intervals: by all 2 × 2 minors, and by adjacent ones only.",
    )


def curve_picture(curves: dict[str, list[dict[str, Any]]]) -> Picture:
    """Held-out exact match during training, mean and range over seeds."""
    from ..pictures import learning_curves

    table = []
    for series, history in curves.items():
        for step in sorted({row["step"] for row in history}):
            values = [row["accuracy"] for row in history if row["step"] == step]
            table.append(
                {
                    "step": step,
                    "accuracy": float(np.mean(values)),
                    "low": min(values),
                    "high": max(values),
                    "series": series,
                }
            )
    return Picture(
        "learning-curves",
        "Held-out exact match during training",
        learning_curves(table).to_dict(),
        "Mean over seeds; the band spans the worst and the best seed.",
    )
