"""`algorism difficulty`."""

import json as json_module
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..complexity.difficulty import Difficulty, Measured, Sensitivity
    from ..complexity.difficulty.files import Examples

PUBLISHED = "published"  # as data: the paper's own tasks

# What the formula calls its inputs, in words.
WORDS = {
    "samples": "training examples n",
    "dimension": "dimension m",
    "radius": "radius R",
    "classes": "classes d",
    "outputs": "outputs D",
    "resolution": "resolution δ",
    "error": "target error ε",
    "bound": "bound B",
}


@dataclass(frozen=True)
class Options:
    """What the person asked for beyond the data.

    Args:
        error: target error; 0.01 by default.
        samples: size of the training set, if the data is a part of it.
        target: column to predict.
        kind: "auto", "classification" or "regression".
        split: of a named data set; None for the training part, or all images if there is none.
        dimension, resolution: instead of estimates.
        neighbours, queries, pairs, seed: of the estimators.
    """

    error: float = 0.01
    samples: int | None = None
    target: str | None = None
    kind: str = "auto"
    split: str | None = None
    dimension: float | None = None
    resolution: float | None = None
    neighbours: int = 5
    queries: int = 2_000
    pairs: int = 1_000_000
    seed: int = 0


def run_difficulty(data: str, options: Options, json: bool) -> None:
    """Estimate how many bits of inductive bias the task in some data asks for, and say what they depend on."""
    if data == PUBLISHED:
        from ..complexity.difficulty import PUBLISHED as TASKS

        found = {row.name: row.task.difficulty() for row in TASKS.values()}
        text = {name: d.to_json() for name, d in found.items()}
        typer.echo(json_module.dumps({"tasks": text}, ensure_ascii=False) if json else "\n".join(ladder(found)))
        return
    name, examples, scaled = read(data, options)
    measured = measure(examples, options)
    if json:
        typer.echo(json_module.dumps({"data": name, **to_json(measured)}, ensure_ascii=False))
        return
    typer.echo("\n".join(lines(name, examples, measured, scaled)))


def read(data: str, options: Options) -> tuple[str, "Examples", bool]:
    """The data, its name, and whether its columns were rescaled."""
    import numpy as np

    from ..complexity.difficulty.files import Examples, read_examples, unit_columns
    from ..datasets import DATASETS, load
    from ..errors import UsageError, nearest

    if data.endswith((".csv", ".npz")):
        found = read_examples(data, options.target)
        plain_table = found.inputs.dtype != np.uint8 and found.inputs.ndim == 2 and found.inputs.dtype.kind in "buif"
        if plain_table:
            found = Examples(unit_columns(found.inputs), found.targets_n, found.target)
        return data, found, plain_table
    if data not in DATASETS:
        raise UsageError(
            f"--data: expected a file that ends in .csv or .npz, {PUBLISHED!r}, or a set of images; got {data!r}. "
            f"{nearest(data, DATASETS)}"
        )
    split = options.split
    if split is None and DATASETS[data].split != "test":
        split = "train"
    images = load(data, split)
    if images.labels_n is None:
        raise UsageError(f"{data} has no labels: there is nothing to tell apart.")
    return f"{data}, {images.split}", Examples(images.pixels, images.labels_n, "class"), False


def measure(examples: "Examples", options: Options) -> "Measured":
    """Estimate every input, and evaluate the formula."""
    from ..complexity.difficulty import Settings, measure_classification, measure_regression
    from ..errors import UsageError

    kind = examples.kind if options.kind == "auto" else options.kind
    if kind not in ("classification", "regression"):
        raise UsageError(f"--kind: expected auto, classification or regression, got {kind!r}.")
    ask = measure_classification if kind == "classification" else measure_regression
    return ask(
        examples.inputs,
        examples.targets_n,
        error=options.error,
        samples=options.samples,
        dimension=options.dimension,
        resolution=options.resolution,
        settings=Settings(k=options.neighbours, queries=options.queries, pairs=options.pairs, seed=options.seed),
    )


def lines(name: str, examples: "Examples", found: "Measured", scaled: bool) -> list[str]:
    """Say in words what was found, what it depends on, and how each number was come by."""
    inputs = found.inputs
    if "classes" in inputs:
        asked = f"telling {inputs['classes'].value:,.0f} classes of {examples.target!r} apart"
    else:
        asked = f"predicting {examples.target!r}"
    said = [
        f"{name}: {asked}",
        "",
        *headline(found),
        "",
        "It is the information that a learner must bring along, beyond the training examples, to reach the target",
        "error: in its architecture, its regularisation, its pretraining. It does not depend on the learner.",
        "",
        f"  {'input':<21}{'value':>12}  {'if it were changed':<22}{'the bits become':<18}1 % more of it gives",
    ]
    by_name = {s.name: s for s in found.sensitivities}
    said += [_row(key, inputs[key].value, by_name.get(key)) for key in inputs]
    said += ["", "How each was found:", *[f"  {WORDS.get(key, key)}: {e.how}." for key, e in inputs.items()]]
    notes = [*found.notes]
    if scaled:
        notes.append("Every column was stretched to run from 0 to 1, so that none counts more because of its unit.")
    if notes:
        said += ["", "Notes:", *[f"  {note}" for note in notes]]
    return said


def headline(found: "Measured") -> list[str]:
    """The bits, their range, and the two factors they are the product of."""
    difficulty = found.difficulty
    said = [f"Difficulty: {difficulty.text()} of inductive bias."]
    if difficulty.log10_bits == -math.inf:
        return said
    if found.low < found.high:
        low = "0" if found.low == -math.inf else f"10^{found.low:.1f}"
        said.append(f"With the uncertainty of dimension and resolution: {low} to 10^{found.high:.1f} bits.")
    said.append(
        f"That is 10^{difficulty.log10_free:.1f} dimensions that the examples leave free × "
        f"{difficulty.bits_per_dimension:.1f} bits for each."
    )
    return said


def _row(name: str, value: float, found: "Sensitivity | None") -> str:
    start = f"  {WORDS.get(name, name):<21}{_short(value):>12}  "
    if found is None:
        return start.rstrip()
    return f"{start}{found.change:<22}{_factor(found.decades):<18}{_percent(found.elasticity)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.4g}"


def _factor(decades: float) -> str:
    """The factor of a change of the bits.

    >>> _factor(0.5), _factor(-0.001), _factor(12.3), _factor(-float("inf"))
    ('× 3.16', '× 0.998', '× 10^12.3', '0')
    """
    if decades == -math.inf:
        return "0"
    return f"× {10**decades:.3g}" if abs(decades) < 3 else f"× 10^{decades:.1f}"


def _percent(elasticity: float) -> str:
    """The change for one per cent more.

    >>> _percent(33.7), _percent(-0.0012), _percent(0)
    ('+39.8 %', '-0.0012 %', '+0 %')
    """
    change = 100 * math.expm1(elasticity * math.log(1.01))
    return f"{change:+.3g} %" if abs(change) >= 0.01 else f"{change:+.2g} %"


def ladder(found: "dict[str, Difficulty]") -> list[str]:
    """The paper's own tasks, the easiest first."""
    rows = sorted(found.items(), key=lambda item: item[1].log10_bits)
    return [
        "Bits of inductive bias from the paper's constants (arXiv 2305.01034):",
        *[f"  {name:<20}{difficulty.text():>18}" for name, difficulty in rows],
    ]


def to_json(found: "Measured") -> dict[str, Any]:
    """Everything, as plain numbers."""
    return {
        "kind": type(found.task).__name__.removesuffix("Task").lower(),
        "difficulty": found.difficulty.to_json(),
        "log10_low": found.low if math.isfinite(found.low) else None,
        "log10_high": found.high if math.isfinite(found.high) else None,
        "inputs": {name: estimate.to_json() for name, estimate in found.inputs.items()},
        "sensitivities": [s.to_json() for s in found.sensitivities],
        "notes": list(found.notes),
    }
