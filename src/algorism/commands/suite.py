"""`algorism suite`."""

import json as json_module
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import UsageError, nearest

if TYPE_CHECKING:
    from ..evaluation.interview import Interview
    from ..evaluation.questions import Question
    from ..evaluation.suites.nupa import Profile


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
    asked = SUITES[name](tasks, spans(lengths), n, seed)
    if not asked:
        raise UsageError(f"suite {name}: none of these tasks asks such a length. Give others, or leave --lengths out.")
    if show or dry_run:
        _preview(asked, show, json)
        return
    from ..evaluation.backends.names import backend
    from ..evaluation.backends.protocol import Sampling
    from ..evaluation.interview import interview
    from .progress import progress_bar

    asked_model = backend(model, **options)
    path = record or Path("suites") / name / f"{''.join(c if c.isalnum() else '-' for c in model).strip('-')}.jsonl"
    sampling = Sampling(max_tokens=2 * max(len(q.gold) for q in asked) + 8)
    with progress_bar(json) as bar:
        task = bar.add_task(f"{model}, {name}", total=len(asked), note="")
        found = interview(
            asked_model,
            asked,
            path,
            sampling=sampling,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _report(found, model, path, json)


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


def _nupa(tasks: str | None, lengths: list[int] | None, n: int, seed: int) -> "list[Question]":
    from ..evaluation.suites.nupa import questions
    from ..tasks.numeracy import COMBINATIONS

    wanted = [part.strip() for part in tasks.split(",")] if tasks else []
    names = [name for name in COMBINATIONS if not wanted or name in wanted or name.rpartition("-")[0] in wanted]
    for part in wanted:
        if part not in COMBINATIONS and not any(name.rpartition("-")[0] == part for name in COMBINATIONS):
            known = {*COMBINATIONS, *(name.rpartition("-")[0] for name in COMBINATIONS)}
            raise UsageError(f"suite nupa: no task {part!r}. {nearest(part, known)}")
    return questions(names, lengths or [1, 2, 3, 4, 6, 8, 12, 16, 20], n, seed)


SUITES: dict[str, "Callable[[str | None, list[int] | None, int, int], list[Question]]"] = {"nupa": _nupa}


def _preview(asked: "list[Question]", show: int, json: bool) -> None:
    letters = sum(len(q.prompt) for q in asked if isinstance(q.prompt, str))
    shown = [{"prompt": q.prompt, "answer": q.gold} for q in asked[:: max(1, len(asked) // max(1, show))][:show]]
    if json:
        typer.echo(json_module.dumps({"requests": len(asked), "characters": letters, "examples": shown}))
        return
    for example in shown:
        typer.echo(f"{example['prompt']}\n    {example['answer']}")
    typer.echo(f"{len(asked):,} requests, {letters:,} characters of prompts (about {letters // 4:,} tokens).")


def _report(found: "Interview", model: str, path: Path, json: bool) -> None:
    from ..evaluation.suites.nupa import profile
    from ..tasks.numeracy import combination

    by_row: dict[str, list[tuple[int, str, str]]] = {}
    for answer in found.answers:
        facts = answer.question.facts
        row = (facts["length"], answer.reply.text, answer.question.gold)
        by_row.setdefault(facts["combination"], []).append(row)
    profiles = {name: profile(combination(name), rows) for name, rows in by_row.items()}
    if json:
        typer.echo(
            json_module.dumps(
                {
                    "model": model,
                    "record": str(path),
                    "answers": len(found.answers),
                    "failures": len(found.failures),
                    "cut": found.cut,
                    "combinations": {name: _values(made) for name, made in profiles.items()},
                }
            )
        )
        return
    _table(found, model, path, profiles)


def _values(made: "Profile") -> dict[str, Any]:
    return {
        "exact": {k: v.to_json() for k, v in made.exact.items()},
        "digits": {k: v.value for k, v in made.digits.items()},
        "length": {k: v.value for k, v in made.length.items()},
        "well_learned": {"largest": made.well_learned(), "unbroken": made.well_learned(unbroken=True)},
        "preserving": {"largest": made.preserving(), "unbroken": made.preserving(unbroken=True)},
    }


def _table(found: "Interview", model: str, path: Path, profiles: "dict[str, Profile]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{model}: exact answers by length")
    table.add_column("task")
    for column in ("S", "M", "L", "XL", "digits", "well learned", "10 % up to"):
        table.add_column(column, justify="right")
    for name, made in profiles.items():
        shares = [made.in_range(span) for span in ("S", "M", "L", "XL")]
        digits = sum(v.value for v in made.digits.values()) / len(made.digits)
        cells = ["" if share is None else f"{share:.0%}" for share in shares]
        table.add_row(name, *cells, f"{digits:.0%}", str(made.well_learned(True)), str(made.preserving(True)))
    table.caption = (
        "S to XL: lengths 1-4, 5-8, 9-14, 15-20; of tasks up to 100: 1-10, 11-20, 21-60, 61-100. digits: in place. "
        "well learned, 10 %: length up to which at least 90 %, 10 % of the answers are exact"
    )
    console = Console()
    console.print(table)
    console.print(f"{len(found.answers):,} answers, {found.cut:,} cut short, {len(found.failures):,} requests failed.")
    if found.failures:
        console.print(f"First failure: {found.failures[0].reason}. The same command asks again.")
    console.print(f"Every answer: {path}")
