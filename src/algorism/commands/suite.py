"""`algorism suite`."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import DataError, UsageError, nearest
from .suites import counting, nupa, process, street, tokenization
from .suites.row import Choice, Report, Suite

if TYPE_CHECKING:
    from ..evaluation.interview import Interview
    from ..evaluation.questions import Question

SUITES: dict[str, Suite] = {
    "nupa": nupa.SUITE,
    "tokenization": tokenization.SUITE,
    "street": street.SUITE,
    "counting": counting.SUITE,
    "process": process.SUITE,
}


def run_suite(
    name: str,
    model: str,
    tasks: str | None,
    lengths: str | None,
    n: int,
    record: Path | None,
    seed: int,
    options: dict[str, Any],
    dry_run: bool,
    show: int,
    json: bool,
) -> None:
    """Ask a model the questions of a suite and print its scores; a run that was stopped continues."""
    if name not in SUITES:
        raise UsageError(f"There is no suite {name!r}. {nearest(name, SUITES)}")
    suite, wanted = SUITES[name], spans(lengths)
    names = tuple(part.strip() for part in tasks.split(",")) if tasks else ()
    asked = suite.questions(Choice(names, None if wanted is None else tuple(wanted), n, seed, model))
    if not asked:
        raise UsageError(f"suite {name}: none of these tasks asks such a length. Give others, or leave --lengths out.")
    if show or dry_run:
        _preview(asked, suite.wanted(asked), show, json)
        return
    from ..evaluation.interview import interview
    from .models import model_named
    from .progress import progress_bar

    asked_model = model_named(model, **options)
    path = record or Path("suites") / name / f"{''.join(c if c.isalnum() else '-' for c in model).strip('-')}.jsonl"
    with progress_bar(json) as bar:
        task = bar.add_task(f"{model}, {name}", total=suite.wanted(asked), note="")

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if suite.ask is not None:
            found = suite.ask(asked_model, asked, path, seed, tell)
        else:
            found = interview(
                asked_model,
                asked,
                path,
                sampling=suite.sampling(asked),
                samples=suite.samples,
                seed=seed,
                progress=tell,
            )
    if not found.answers:
        reason = found.failures[0].reason if found.failures else "the model gave none"
        raise DataError(f"suite {name}: no answer came ({reason}). The same command asks again.")
    _say(suite.report(found), found, model, path, json)


def spans(text: str | None) -> list[int] | None:
    """Lengths as they are typed: "1-8,20" for 1 to 8 and 20.

    Raises:
        UsageError: anything else.

    >>> spans("1-3,20")
    [1, 2, 3, 20]
    """
    if text is None:
        return None
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or (dash and int(high) < int(low)):
            raise UsageError(f"--lengths: expected numbers and ranges such as 1-8,20, got {text!r}.")
        found |= set(range(int(low), int(high or low) + 1))
    return sorted(found)


def _preview(asked: "list[Question]", requests: int, show: int, json: bool) -> None:
    from ..evaluation.backends.protocol import as_text

    letters = sum(len(as_text(q.prompt)) for q in asked) * requests // len(asked)
    chosen = asked[:: max(1, len(asked) // max(1, show))][:show]
    shown = [{"prompt": as_text(q.prompt), "answer": q.gold} for q in chosen]
    if json:
        typer.echo(json_module.dumps({"requests": requests, "characters": letters, "examples": shown}))
        return
    for example in shown:
        typer.echo(f"{example['prompt']}\n    {example['answer']}")
    typer.echo(f"{requests:,} requests, {letters:,} characters of prompts (about {letters // 4:,} tokens).")


def _say(report: Report, found: "Interview", model: str, path: Path, json: bool) -> None:
    if json:
        counts = {"answers": len(found.answers), "failures": len(found.failures), "cut": found.cut}
        typer.echo(json_module.dumps({"model": model, "record": str(path), **counts, **report.values}))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for made in report.tables:
        table = Table(title=f"{model}: {made.title}", caption=made.caption or None, caption_justify="left")
        for at, column in enumerate(made.columns):
            table.add_column(column, justify="right" if at else "left", no_wrap=not at)
        for row in made.rows:
            table.add_row(*row)
        console.print(table)
    for note in report.notes:
        console.print(note, highlight=False)
    console.print(f"{len(found.answers):,} answers, {found.cut:,} cut short, {len(found.failures):,} requests failed.")
    if found.failures:
        console.print(f"First failure: {found.failures[0].reason}. The same command asks again.")
    console.print(f"Every answer: {path}")
