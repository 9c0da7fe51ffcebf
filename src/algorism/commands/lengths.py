"""`algorism lengths`."""

import json as json_module
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..evaluation.lengths import LengthResult


def run_lengths(
    folders: list[Path], lengths: str | None, n: int, out: Path | None, json: bool, band: int | None = None
) -> None:
    """Ask runs longer and longer problems; print a table, and write a picture if asked."""
    from ..errors import ShapeError, UsageError
    from ..evaluation.lengths import THRESHOLDS, by_length, first_below, lengths_beyond
    from ..training import load_run
    from .progress import progress_bar

    found: dict[str, list[LengthResult]] = {}
    refused: dict[str, str] = {}
    runs = [(str(folder), load_run(folder)) for folder in dict.fromkeys(folders)]
    try:
        wanted = [int(part) for part in lengths.split(",")] if lengths else None
    except ValueError:
        raise UsageError(f"--lengths: expected whole numbers with commas, such as 10,20,50, got {lengths!r}.") from None
    plans = [wanted or lengths_beyond(run.material.task.lengths[1]) for _, run in runs]
    with progress_bar(quiet=json) as bar:
        task = bar.add_task("asking lengths", total=sum(map(len, plans)), note="")
        for (name, run), plan in zip(runs, plans, strict=True):
            m, rows = run.material, found.setdefault(name, [])
            try:
                asked = by_length(run.model, m.format, m.tokenizer, m.task, plan, n=n, indexing=m.indexing, band=band)
                for row in asked:
                    bar.update(task, advance=not rows or rows[-1].digits != row.digits, note=f"{row.digits} digits")
                    rows.append(row)
            except (ShapeError, UsageError) as error:  # what the model, or the task's symbols, cannot represent
                refused[name] = str(error)
    sections = [
        {
            "run": name,
            "trained_digits": run.material.task.lengths[1],
            "lengths": [row.to_json() for row in found[name]],
            "first_below": {f"{t:g}": first_below(found[name], t) for t in THRESHOLDS},
            "refused": refused.get(name),
            "band": band,
        }
        for name, run in runs
    ]
    if out is not None:
        draw(found, out, band)
    if json:
        typer.echo(json_module.dumps(sections))
        return
    show(found, {name: run.material.task.lengths[1] for name, run in runs}, refused, band)
    if out is not None:
        typer.echo(out)


def show(
    found: "dict[str, list[LengthResult]]", trained: dict[str, int], refused: dict[str, str], band: int | None
) -> None:
    """Print one row per length and kind, one column per run; then where each falls below 99, 90 and 50 %."""
    from rich.console import Console
    from rich.table import Table

    from ..evaluation.lengths import THRESHOLDS, first_below

    console = Console()
    table = Table(title="Exact match by digits of the operands, greedy decoding")
    table.add_column("digits", justify="right")
    table.add_column("asked")
    for name, digits in trained.items():
        table.add_column(f"{name}\n(trained to {digits})", justify="right")
    if len(found) > 1:
        table.add_column("median", justify="right")
        table.add_column("worst", justify="right")
    cells: dict[tuple[int, str], dict[str, Any]] = {}
    for name, rows in found.items():
        for row in rows:
            cells.setdefault((row.digits, row.asked), {})[name] = row.accuracy
    for (digits, asked), of in sorted(cells.items(), key=lambda item: item[0][0]):
        shown = [f"{of[name].value:.1%}  ≥ {of[name].low:.1%}" if name in of else "" for name in found]
        values = [interval.value for interval in of.values()]
        if len(found) > 1:
            shown += [f"{statistics.median(values):.1%}", f"{min(values):.1%}"]
        table.add_row(str(digits), asked, *shown)
    table.caption = "after ≥: lower end of the 95 % interval"
    if band is not None:
        table.caption += f"\nband {band}: a token saw only those whose index differs from its own by at most {band}"
    console.print(table)
    for name, rows in found.items():
        below = [f"{t:.0%}: {first_below(rows, t) or 'never'}" for t in THRESHOLDS]
        console.print(f"{name}: first length below " + ", ".join(below))
        if name in refused:
            console.print(f"{name}: stopped. {refused[name]}")


def draw(found: "dict[str, list[LengthResult]]", out: Path, band: int | None) -> None:
    """Write the picture that compares the runs into a folder."""
    from ..pictures import learning_curves, save

    rows = [
        {
            "digits": row.digits,
            "accuracy": row.accuracy.value,
            "low": row.accuracy.low,
            "high": row.accuracy.high,
            "series": f"{Path(name).name}, {row.asked}",
        }
        for name, results in found.items()
        for row in results
    ]
    title = "Exact match by length" + ("" if band is None else f", band {band}")
    chart = learning_curves(rows, x="digits", x_title="digits of the operands", title=title, log_x=True)
    save(chart, out / "lengths")
