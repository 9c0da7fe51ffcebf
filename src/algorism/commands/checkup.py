"""`algorism checkup`."""

import json as json_module
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console


BaseUrl = Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")]
Chat = Annotated[bool | None, typer.Option("--chat/--no-chat", help="Use the chat template or not.")]


def checkup(
    model: Annotated[str, typer.Argument(help="hf:FOLDER, openai:NAME, run:FOLDER; scripted:noisy shows a page.")],
    budget: Annotated[int | None, typer.Option(help="Most requests; default 3000.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of page, JSON and answers; default checkups/MODEL.")] = None,
    seed: Annotated[int, typer.Option(help="Of the questions.")] = 0,
    extra_tokens: Annotated[int, typer.Option(min=0, help="More room for answers of models that think aloud.")] = 0,
    base_url: BaseUrl = None,
    chat: Chat = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show how questions look, and how many.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
) -> None:
    """Find where a model's arithmetic breaks, and why: one page, readable offline. The same command continues.

    Example: algorism checkup hf:./my-model
    """
    from ..evaluation.checkup import BUDGET

    budget = BUDGET if budget is None else budget
    if dry_run:
        _preview(budget, seed, json)
        return
    from ..atlas.checkup import write_checkup
    from ..evaluation import checkup as engine
    from ..files import write_json
    from .models import model_named
    from .progress import progress_bar

    asked = model_named(model, base_url=base_url, chat=chat)
    folder = out or Path("checkups") / "".join(c if c.isalnum() else "-" for c in model).strip("-")
    with progress_bar(json) as bar:
        task = bar.add_task(f"check-up of {model}", total=budget, note="at most")
        result = engine.checkup(
            asked,
            folder / "answers.jsonl",
            budget=budget,
            seed=seed,
            extra_tokens=extra_tokens,
            progress=lambda done, most: bar.update(task, completed=done, total=most),
        )
    found = engine.findings(result)
    write_json(folder / "checkup.json", found)
    page = write_checkup(found, folder)
    if json:
        typer.echo(json_module.dumps(found | {"page": str(page)}))
        return
    _summary(found)
    typer.echo(page)


def _preview(budget: int, seed: int, json: bool) -> None:
    """Say what would be asked: everything that does not depend on answers, and at most how much."""
    from ..evaluation.backends.protocol import as_text
    from ..evaluation.checkup import first_questions, smallest_budget
    from ..evaluation.checkup.calibration import wanted
    from ..evaluation.checkup.styles import STYLES

    questions = [asked.question() for asked in wanted()]
    letters = max(
        sum(len(as_text(asked.question().prompt)) for asked in rows) / len(rows)
        for rows in ([*first_questions(style, seed)] for style in STYLES.values())
    )
    most = round(letters * budget)
    examples = {q.facts["style"]: as_text(q.prompt) for q in questions}
    if json:
        values = {"requests": budget, "smallest": smallest_budget(), "characters": most, "examples": examples}
        typer.echo(json_module.dumps(values))
        return
    for style, text in examples.items():
        typer.echo(f"{style}:\n    " + text.replace("\n", "\n    "))
    typer.echo(
        f"At most {budget:,} requests, {most:,} characters of prompts (about {most // 3:,} tokens) in the longest "
        f"style; at least {smallest_budget():,} requests are needed."
    )


def _summary(found: "Mapping[str, Any]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{escape(found['headline'])}[/bold]", highlight=False)
    table = Table(title=escape(found["model"]))
    table.add_column("task")
    for threshold in found["method"]["thresholds"]:
        table.add_column(f"{threshold:.0%} up to", justify="right")
    table.add_column("blind", justify="right")
    for probe in found["probes"]:
        if not any(level["n"] for level in probe["levels"]):
            continue  # named below, with the reason
        cells = [_reached(threshold) for threshold in probe["thresholds"]]
        blind = max((level["blind"]["share"] for level in probe["levels"]), default=0.0)
        table.add_row(f"{probe['group']}: {probe['title']} ({probe['unit']})", *cells, f"{blind:.0%}")
    table.caption = "highest difficulty that seems to reach it; blind: the most a blind answer gets at one level"
    console.print(table)
    _unasked(console, found["unasked"])
    for cause in found["causes"]:
        if cause["verdict"] != "no":
            console.print(f"• {escape(cause['sentence'])}", highlight=False)
    for sentence in found["advice"] or ["No advice: no tested cause that there is advice for was shown."]:
        console.print(f"→ {escape(sentence)}", highlight=False)
    answers, method = found["answers"], found["method"]
    console.print(
        f"{method['requests']:,} requests ({method['new_requests']:,} new): {answers['unparsed']:,} answers without a "
        f"number, {answers['cut']:,} too long, {answers['failed']:,} failed. Asked with {found['style']['title']}.",
        highlight=False,
    )


def _reached(threshold: dict[str, Any]) -> str:
    if not threshold["consistent"]:
        return f"{threshold['holds_up_to']}, not {threshold['fails_from']}"
    return str(threshold["estimate"] or "–")


def _unasked(console: "Console", rows: "Sequence[Mapping[str, Any]]") -> None:
    """Say what got no answer, and why; at most three reasons, of which each may stand for many tasks."""
    from rich.markup import escape

    reasons = Counter(next(iter(row["reasons"]), "") for row in rows if row["kind"] == "task")
    for reason, tasks in reasons.most_common(3):
        titles = [row["title"] for row in rows if row["kind"] == "task" and reason == next(iter(row["reasons"]), "")]
        named = "; ".join(titles) if tasks <= 4 else f"{'; '.join(titles[:3])} and {tasks - 3} more, named on the page"
        console.print(f"[dim]Not asked ({escape(reason)}): {escape(named)}.[/dim]", highlight=False)
