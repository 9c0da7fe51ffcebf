"""`algorism ask`, `algorism dataset` and `algorism lm-eval-path`: the tasks that other harnesses also have."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def ask(
    task: Annotated[str, typer.Argument(help="addition, multiplication, add-float, …; `algorism dataset` lists all.")],
    model: Annotated[str, typer.Argument(help="hf:FOLDER, openai:NAME, run:FOLDER, scripted:oracle.")],
    digits: Annotated[int | None, typer.Option(min=1, help="Of the longer operand.")] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Questions.")] = 100,
    bare: Annotated[bool, typer.Option("--bare", help="Only the figures, for models that continue text.")] = False,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most new tokens of an answer.")] = None,
    record: Annotated[Path | None, typer.Option(help="File of all answers; default asked/TASK/MODEL.jsonl.")] = None,
    seed: Annotated[int, typer.Option(help="Of the questions.")] = 0,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    chat: Annotated[bool | None, typer.Option("--chat/--no-chat", help="Use the chat template or not.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Most prompts at once; hf: only.")] = None,
    json: JsonFlag = False,
) -> None:
    """Ask any model one task and grade the answers exactly, strictly and leniently.

    Example: algorism ask addition hf:./my-model --digits 8
    """
    from ..adapters import definition
    from ..errors import DataError
    from ..evaluation.backends.protocol import Sampling
    from ..evaluation.interview import interview
    from .models import model_named
    from .progress import progress_bar

    options = {"base_url": base_url, "chat": chat, "batch": batch}
    row = definition(task)
    asked = row.questions(n, digits=digits, seed=seed, bare=bare)
    asked_model = model_named(model, **options)
    name = "".join(c if c.isalnum() else "-" for c in model).strip("-")
    path = record or Path("asked") / f"{row.name}-{digits or row.usual}" / f"{name}.jsonl"
    sampling = Sampling(max_tokens=max_tokens or (2 * max(len(q.gold) for q in asked) + 8 if bare else 256))
    with progress_bar(json) as bar:
        line = bar.add_task(f"{model}, {task}", total=len(asked), note="")
        found = interview(
            asked_model,
            asked,
            path,
            sampling=sampling,
            seed=seed,
            progress=lambda done, total: bar.update(line, completed=done, total=total),
        )
    if not found.answers:
        reason = found.failures[0].reason if found.failures else "the model gave none"
        raise DataError(f"ask {task}: no answer came ({reason}). The same command asks again.")
    levels = {level: found.accuracy(level) for level in ("strict", "lenient")}
    if json:
        values: dict[str, Any] = {"task": task, "model": model, "record": str(path), "answers": len(found.answers)}
        values |= {"failures": len(found.failures), "cut": found.cut}
        typer.echo(json_module.dumps(values | {level: v.to_json() for level, v in levels.items()}))
        return
    for level, value in levels.items():
        typer.echo(f"{level:8} {value.value:6.1%}  ({value.low:.1%} to {value.high:.1%})")
    typer.echo(f"{len(found.answers):,} answers, {found.cut:,} cut short, {len(found.failures):,} requests failed.")
    if found.failures:
        typer.echo(f"First failure: {found.failures[0].reason}. The same command asks again.")
    typer.echo(path)


def dataset(
    task: Annotated[str | None, typer.Argument(help="A task; without one, all are listed.")] = None,
    out: Annotated[Path | None, typer.Option(help="The new folder; default datasets/TASK.")] = None,
    digits: Annotated[int | None, typer.Option(min=1, help="Of the longer operand.")] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Questions.")] = 1000,
    bare: Annotated[bool, typer.Option("--bare", help="Only the figures, for models that continue text.")] = False,
    seed: Annotated[int, typer.Option(help="Of the questions.")] = 0,
) -> None:
    """Write a task's questions and exact answers as a folder that `datasets.load_dataset` reads.

    Example: algorism dataset addition --digits 8 --out sums8
    """
    from ..adapters import DEFINITIONS
    from ..adapters.huggingface import write_folder

    if task is None:
        for row in DEFINITIONS.values():
            typer.echo(f"{row.name:24} {row.shortest}-{row.longest:<5} {row.about}")
        return
    folder = out or Path("datasets") / task
    write_folder(folder, task, n, digits=digits, seed=seed, bare=bare)
    typer.echo(folder)


def lm_eval_path() -> None:
    """Print the folder of tasks for lm-eval.

    Example: lm-eval run --include_path "$(algorism lm-eval-path)" --tasks algorism_addition ...
    """
    from ..adapters.lm_eval import FOLDER

    typer.echo(FOLDER)
