"""`algorism train`."""

import json as json_module
import os
from pathlib import Path
from typing import Any

import typer

from .progress import progress_bar


def run_train(
    path: Path, out: Path | None, overwrite: bool, seed: int | None, device: str, tracker: str | None, json: bool
) -> None:
    """Train from a recipe file, with a progress bar; the last line printed is the run's folder."""
    from ..training.recipe import load_recipe

    recipe = load_recipe(path)
    if seed is not None:
        recipe = recipe.replace(seed=seed)
    folder = out or Path("runs") / recipe.name
    from ..training.run import train  # torch comes in only after the recipe was found good

    leader = os.environ.get("RANK", "0") == "0"  # of several processes, the first speaks
    with progress_bar(quiet=json or not leader) as bar:
        shown = bar.add_task(recipe.name, total=recipe.training.steps, note="")

        def report(step: int, row: dict[str, Any]) -> None:
            rate = f"{row['tokens_per_second']:,.0f} tokens/s"
            bar.update(shown, completed=step, note=f"loss {row['loss'][0]:.4f}  {rate}")

        run = train(recipe, folder, overwrite=overwrite, report=report, device=device, tracker=tracker)
    if not leader:
        return
    if json:
        result = {"folder": str(folder), "accuracy": run.accuracy, "seconds": run.seconds, "history": run.history}
        typer.echo(json_module.dumps(result))
        return
    accuracy = "not measured" if run.accuracy is None else f"{run.accuracy:.1%}"
    typer.echo(f"Held-out exact match {accuracy} after {run.seconds:.0f} s. Next: algorism eval {folder}")
    typer.echo(folder)
