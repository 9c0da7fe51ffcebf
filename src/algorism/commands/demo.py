"""`algorism demo`: the main job from start to end on small networks, in a few minutes on two cores."""

import json as json_module
from pathlib import Path
from typing import Any

import typer

from ..training.recipe import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe
from .progress import progress_bar

EXAMPLES = 1000  # enough for reversed sums, too few for plain ones: the paper's point

# Same delimiter, same padding, same data: only the order of the sum's digits differs.
WAYS = {"plain": "pad+dollar", "reverse": "pad+reverse+dollar"}


def demo_recipe(way: str, seed: int, steps: int) -> Recipe:
    """Describe one network of the demo: 2 layers, width 64, 1,000 balanced 3-digit sums."""
    return Recipe(
        name=f"{way}-{seed}",
        seed=seed,
        task=TaskRecipe(sampler="balanced", examples=EXAMPLES, test=2000),
        text=TextRecipe(format=WAYS[way]),
        model=ModelRecipe(layers=2, heads=4, width=64),
        training=TrainingRecipe(
            steps=steps, weight_decay=0.0, min_learning_rate=1e-4, validate_every=max(1, steps // 10)
        ),
    )


def run_demo(out: Path, seeds: int, steps: int, json: bool) -> None:
    """Train, test, show: a table plain against reverse, and the path of the report."""
    from ..evaluation import evaluate, seeds_interval
    from ..training.run import save_run, train_many

    recipes = [demo_recipe(way, seed, steps) for seed in range(seeds) for way in WAYS]
    with progress_bar(quiet=json) as bar:
        shown = bar.add_task(f"training {len(recipes)} networks", total=len(recipes), note="")
        runs = train_many(recipes, report=lambda done, total: bar.update(shown, completed=done))
        asked = bar.add_task("asking held-out sums", total=len(runs), note="")
        results = []
        for run in runs:
            m = run.material
            results.append(evaluate(run.model, m.format, m.tokenizer, m.test, indexing=m.indexing))
            bar.advance(asked)
    table, by_way = [], {}
    for way in WAYS:
        mine = [(run, result) for run, result in zip(runs, results, strict=True) if run.recipe.name.startswith(way)]
        by_way[way] = mine
        n = len(mine[0][1].gold)
        interval = seeds_interval([int(result.correct_n.sum()) for _, result in mine], n)
        row: dict[str, Any] = {"name": way, "accuracy": interval.value, "low": interval.low, "high": interval.high}
        row |= {"seeds": seeds, "examples": EXAMPLES, "seconds": round(sum(run.seconds for run, _ in mine) / seeds, 1)}
        text = mine[0][0].material.write(mine[0][0].material.test[:1]).strings()[0]
        table.append({**row, "n": n, "example": text})
    page = _report(out, table, by_way)
    best, _ = max(by_way["reverse"], key=lambda pair: int(pair[1].correct_n.sum()))
    folder = out / "reverse"
    save_run(best, folder, overwrite=True)
    if json:
        typer.echo(json_module.dumps({"rows": table, "report": str(page), "run": str(folder)}))
        return
    _print(table, folder)
    typer.echo(page)


def _report(out: Path, table: list[dict[str, Any]], by_way: dict[str, list[Any]]) -> Path:
    """Write the comparison page."""
    from ..atlas.report import Comparison, from_breakdown, write_comparison
    from ..evaluation import mean_interval
    from ..training.run import environment
    from .report import with_kinds

    curve, heat, kinds, places, errors = [], {}, {}, [], []
    for way, mine in by_way.items():
        steps = [row["step"] for row in mine[0][0].history if "accuracy" in row]
        for step in steps:
            shares = [row["accuracy"] for run, _ in mine for row in run.history if row["step"] == step]
            interval = mean_interval(shares)
            low, high = max(0.0, interval.low), min(1.0, interval.high)
            curve.append({"step": step, "accuracy": interval.value, "low": low, "high": high, "series": way})
        parts = from_breakdown(mine[0][1].breakdown.to_json())
        heat[way], kinds[way] = parts["digits_by_carries"], parts["kinds"]
        places += [{**row, "series": way} for row in parts["places"]]
        errors += [{**e, "kind": f"{way}: {e['kind'].replace('_', ' ')}"} for e in with_kinds(mine[0][1], 12)]
    return write_comparison(
        Comparison(
            "Plain or reversed? Networks that learn to add",
            [{k: row[k] for k in ("name", "accuracy", "low", "high", "seeds", "examples", "seconds")} for row in table],
            lead="The same sums, delimiter, padding and network; only the order of the sum's digits differs.",
            curve=curve,
            digits_by_carries=heat,
            places=places,
            kinds=kinds,
            errors=errors,
            recipe=by_way["reverse"][0][0].recipe.to_yaml(),
            environment=environment(),
        ),
        out,
    )


def _print(table: list[dict[str, Any]], folder: Path) -> None:
    """Show the result to a person."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    shown = Table(title=f"3-digit addition from {EXAMPLES:,} examples: held-out sums, exact match")
    for column in ("sum written", "example", "networks", "accuracy", "95 % interval", "s each"):
        shown.add_column(column, justify="left" if column in ("sum written", "example") else "right")
    for row in table:
        interval = f"{100 * row['low']:.1f}–{100 * row['high']:.1f} %"
        shown.add_row(
            row["name"],
            row["example"].strip(),
            str(row["seeds"]),
            f"{row['accuracy']:.1%}",
            interval,
            f"{row['seconds']:.0f}",
        )
    console.print(shown)
    console.print(
        "Written in reverse, each digit of the sum depends on two digits and one carry; plainly, on all of them."
    )
    console.print(f"The best network is kept. Ask it: algorism eval {folder} --hard", highlight=False)
