"""`algorism report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..atlas.report import RunReport
    from ..evaluation import Evaluation
    from ..training import Run


def run_report(folder: Path, n: int) -> None:
    """Ask a run its held-out problems again and write report.html into its folder."""
    from ..atlas.report import write_report
    from ..evaluation import evaluate
    from ..training import load_run

    run = load_run(folder)
    m = run.material
    result = evaluate(run.model, m.format, m.tokenizer, m.test[:n], indexing=m.indexing)
    write_report(report_of(run, result), folder)
    typer.echo(f"Exact match on {len(result.gold):,} held-out problems: {result.accuracy.value:.1%}")
    typer.echo(folder / "report.html")


def report_of(run: "Run", result: "Evaluation") -> "RunReport":
    """Gather what the page of one run says."""
    from ..atlas.report import RunReport, from_breakdown
    from ..training.run import environment

    a = result.accuracy
    headline: dict[str, Any] = {"accuracy": a.value, "low": a.low, "high": a.high, "n": len(result.gold)}
    headline["parameters"] = sum(p.numel() for p in run.model.parameters())
    headline["seconds"] = round(run.seconds, 1)
    curve: list[dict[str, Any]] = [{k: row[k] for k in ("step", "loss", "accuracy") if k in row} for row in run.history]
    return RunReport(
        run.recipe.name,
        headline,
        curve=curve,
        errors=with_kinds(result),
        recipe=run.recipe.to_yaml(),
        environment=environment(),
        **from_breakdown(result.breakdown.to_json()),
    )


def with_kinds(result: "Evaluation", most: int = 40) -> list[dict[str, Any]]:
    """The first wrong answers, each with its kind of error."""
    from ..evaluation import error_kind

    return [{**e, "kind": error_kind(e["got"], e["expected"])} for e in result.errors(most)]
