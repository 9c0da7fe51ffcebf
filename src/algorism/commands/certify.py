"""`algorism certify`."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..evaluation.certificate import Certificate


def run_certify(folder: Path, json: bool, seconds: float = 120.0) -> None:
    """Prove that a run's network adds right at every length, or print a sum that it gets wrong."""
    from ..errors import UsageError
    from ..evaluation.certificate import certify
    from ..text import Format
    from ..training import load_run
    from .progress import progress_bar

    run = load_run(folder)
    m = run.material
    asked = getattr(m.task, "operator", type(m.task).__name__)
    if asked != "+" or not isinstance(m.format, Format):
        raise UsageError(f"certify: expected a run trained on addition ('+'), got {asked!r}.")
    form = m.format
    with progress_bar(quiet=json) as bar:
        task = bar.add_task("proving", total=None, note="")

        def report(proven: int, waiting: int) -> None:
            bar.update(task, note=f"{proven:,} contexts proven, {waiting:,} waiting")

        found = certify(run.model, form, m.tokenizer, m.indexing, seconds=seconds, report=report)
    if json:
        typer.echo(json_module.dumps({"run": str(folder), **found.to_json()}, ensure_ascii=False))
        return
    typer.echo("\n".join(lines(str(folder), found)))


def lines(name: str, found: "Certificate") -> list[str]:
    """Say in words what was found."""
    below, above = found.places
    share = ", ".join(f"{value:.2g}" for value in found.far_share_h)
    if found.counterexample is not None:
        wrong = found.counterexample
        return [
            f"{name}: refuted. {wrong.operands[0]} + {wrong.operands[1]} = {wrong.expected}, "
            f"but the network writes {wrong.got}.",
            f"Found among {found.examined:,} sets of contexts in {found.seconds:.1f} s.",
        ]
    said = {
        "certified": "certified. Greedy decoding adds any two numbers of equally many digits right, however long.",
        "undecided": f"undecided: {found.left:,} sets of contexts were neither proven nor refuted.",
    }[found.verdict]
    margin = "none" if found.margin is None else f"{found.margin:.3g}"
    return [
        f"{name}: {said}",
        *[f"  {context}" for context in found.undecided],
        f"Proven: {found.contexts:,} sets of contexts, knowing at most {below} places below the digit printed last and "
        f"{above} above it; {found.seconds:.1f} s.",
        f"Smallest proven lead of the right token: {margin} logits; required: {found.allowance:.1g}, against rounding "
        f"of {found.rounding:.1g} seen in float32.",
        f"Attention that all keys two and more places away can take together, by head: at most {share}.",
    ]
