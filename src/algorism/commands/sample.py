"""`algorism sample`."""

import json as json_module
from typing import Any

import typer

from ..tasks import SEQUENCE_TASKS, task
from ..tasks.sequences.task import sequence_task
from ..text import format_by_name, list_format


def run_sample(
    name: str, format_name: str | None, digits: int, sampler: str | None, n: int, seed: int, json: bool
) -> None:
    """Print n formatted problems, on numbers or on lists; needs no torch."""
    texts, answers = (
        _lists(name, format_name, digits, sampler, n, seed)
        if name in SEQUENCE_TASKS
        else _numbers(name, format_name, digits, sampler, n, seed)
    )
    if json:
        rows = [
            {"prompt": prompt, "completion": completion, "answer": answer}
            for prompt, completion, answer in zip(texts.prompts(), texts.completions(), answers, strict=True)
        ]
        typer.echo(json_module.dumps(rows))
        return
    for text in texts.strings():
        typer.echo(text if text.endswith("\n") else text + "\n", nl=False)


def _numbers(
    name: str, format_name: str | None, digits: int, sampler: str | None, n: int, seed: int
) -> tuple[Any, list[str]]:
    options: dict[str, Any] = {} if sampler is None else {"sampler": sampler}
    if name not in ("sine", "sqrt"):
        options["digits"] = (1, digits)
    problems = task(name, **options).sample(n, seed)
    return format_by_name(format_name or "plain").write(problems, seed), problems.answer.strings()


def _lists(
    name: str, format_name: str | None, length: int, sampler: str | None, n: int, seed: int
) -> tuple[Any, list[str]]:
    options: dict[str, Any] = {} if sampler is None else {"sampler": sampler}
    asked = sequence_task(name, length=(min(2, length), length), **options)
    form = list_format(format_name or "plain", asked.rule, asked.symbols)
    problems = asked.sample(n, seed)
    return form.write(problems, seed), problems.answer.strings()
