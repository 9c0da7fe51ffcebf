"""`algorism eval`."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..tasks import Problems, Sequences
    from ..training import Run


def problem_sets(run: "Run", n: int, hard: bool) -> "dict[str, Problems | Sequences]":
    """A run's held-out problems and, if asked, the hard sets of its task; none of them was trained on."""
    import numpy as np

    from ..tasks import HARD_SETS, SequenceTask
    from ..tasks import hard as hard_set

    m = run.material
    sets: dict[str, Problems | Sequences] = {"held-out": m.test[:n]}
    if isinstance(m.task, SequenceTask):
        if hard:
            sets |= {kind: asked for kind, asked in m.task.at_length(m.task.lengths[1], n, seed=1) if kind != "random"}
    elif hard and m.task.operator == "+":
        for name in HARD_SETS:
            asked = hard_set(name, n, operator=m.task.operator, digits=m.task.lengths, seed=1)
            if m.train is not None:  # a problem the network was trained on is no test
                asked = asked[np.flatnonzero(~np.isin(asked.keys(), m.train.keys()))]
            sets[name.replace("_", " ")] = asked
    return sets


def run_eval(folder: Path, n: int, hard: bool, temperature: float, records: Path | None, json: bool) -> None:
    """Evaluate a run on its held-out problems, and on the hard sets if asked."""
    from ..evaluation import evaluate
    from ..files import write_text
    from ..training import load_run

    run = load_run(folder)
    m = run.material
    sets = problem_sets(run, n, hard)
    results = [
        evaluate(run.model, m.format, m.tokenizer, problems, name=name, temperature=temperature, indexing=m.indexing)
        for name, problems in sets.items()
        if len(problems)
    ]
    if records is not None:
        rows = [{"set": e.name, **row} for e in results for row in e.records()]
        write_text(records, "".join(json_module.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if json:
        sections = [
            {
                "set": e.name,
                "n": len(e.gold),
                "accuracy": e.accuracy.value,
                "low": e.accuracy.low,
                "high": e.accuracy.high,
                "strict": e.strict.value,
                "breakdown": e.breakdown.to_json(),
                "errors": e.errors(20),
            }
            for e in results
        ]
        typer.echo(json_module.dumps({"run": str(folder), "temperature": temperature, "sets": sections}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{folder}: exact match, 95 % interval")
    for column in ("problems", "n", "accuracy", "interval", "strict", "first error"):
        table.add_column(column, justify="left" if column in ("problems", "first error") else "right")
    for e in results:
        a = e.accuracy
        wrong = e.errors(1)
        first = f"{wrong[0]['prompt']}  expected {wrong[0]['expected']}, got {wrong[0]['got']}" if wrong else "none"
        table.add_row(
            e.name, str(len(e.gold)), f"{a.value:.1%}", f"{a.low:.1%} to {a.high:.1%}", f"{e.strict.value:.1%}", first
        )
    table.caption = "accuracy: the answer is right; strict: the whole completion is, letter by letter"
    Console().print(table)
