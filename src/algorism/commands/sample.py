"""`algorism sample`."""

import json as json_module

import typer


def run_sample(name: str, format_name: str, digits: int, sampler: str | None, n: int, seed: int, json: bool) -> None:
    """Print n formatted problems; needs no torch."""
    from ..tasks import task
    from ..text import format_by_name

    options = {} if sampler is None else {"sampler": sampler}
    if name not in ("sine", "sqrt"):
        options["digits"] = (1, digits)  # type: ignore[assignment]
    problems = task(name, **options).sample(n, seed)
    texts = format_by_name(format_name).write(problems, seed)
    if json:
        rows = [
            {"prompt": prompt, "completion": completion, "answer": answer}
            for prompt, completion, answer in zip(
                texts.prompts(), texts.completions(), problems.answer.strings(), strict=True
            )
        ]
        typer.echo(json_module.dumps(rows))
        return
    for text in texts.strings():
        typer.echo(text if text.endswith("\n") else text + "\n", nl=False)
