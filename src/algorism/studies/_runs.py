"""What several studies do alike: train a recipe with several seeds, ask longer and longer problems, report accuracies.

Holds no claim and no algorithm; everything here calls training, evaluation and tasks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..errors import ShapeError, UsageError
from ..evaluation import evaluate, seeds_interval
from ..tasks import Problems, Sequences
from ..training import Recipe, train_many

if TYPE_CHECKING:
    from ..training.run import Run


def right(run: "Run", problems: Problems | Sequences, temperature: float = 0.0) -> int:
    """How many problems the network answers exactly; greedily, or sampling among 200 tokens."""
    m = run.material
    top_k = 200 if temperature else None
    found = evaluate(
        run.model, m.format, m.tokenizer, problems, temperature=temperature, top_k=top_k, indexing=m.indexing
    )
    return int(found.correct_n.sum())


def accuracy(name: str, correct: Sequence[int], n: int, **details: Any) -> Measurement:
    """Exact match over seeds, with an interval for both the seeds and the test sample."""
    interval = seeds_interval(correct, n)
    shares = [c / n for c in correct]
    return Measurement(
        name,
        interval.value,
        interval.low,
        interval.high,
        n=n * len(correct),
        seeds=len(correct),
        details={"seeds": shares, **details},
    )


@dataclass(frozen=True)
class Job:
    """Networks to train and what to ask them.

    Args:
        recipe: of the first seed.
        seeds: how many networks.
        lengths: asked, shortest first.
        n: problems of each kind and length.
        band: in decoding, keys further away than this are left out; None for none.
    """

    recipe: Recipe
    seeds: int
    lengths: Sequence[int]
    n: int
    band: int | None = None


def extrapolation(job: Job) -> dict[str, Any]:
    """One job of `extrapolations`."""
    return extrapolations({"": job})[""]


def extrapolations(jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
    """Train all networks of all jobs side by side; ask the held-out problems, and longer ones.

    Returns:
        For each job, JSON-able: "held_out" (right answers per seed, of "test"), "lengths" (kind → length → right
        answers per seed), "refused" (length → why the networks cannot represent it), "loss" and "seconds" per seed.
    """
    recipes = {
        name: [job.recipe.replace(seed=job.recipe.seed + k) for k in range(job.seeds)] for name, job in jobs.items()
    }
    trained = iter(train_many([recipe for some in recipes.values() for recipe in some]))
    return {name: answers([next(trained) for _ in range(job.seeds)], job) for name, job in jobs.items()}


def answers(runs: "Sequence[Run]", job: Job) -> dict[str, Any]:
    """What the networks of a job answer."""
    found: dict[str, dict[str, list[int]]] = {}
    refused: dict[str, str] = {}
    for run in runs:
        for length in job.lengths:
            try:
                for kind, correct in asked(run, length, job.n, job.band):
                    found.setdefault(kind, {}).setdefault(str(length), []).append(correct)
            except (ShapeError, UsageError) as error:
                refused[str(length)] = str(error)
    return {
        "held_out": [right(run, run.material.test) for run in runs],
        "test": len(runs[0].material.test),
        "lengths": found,
        "refused": refused,
        "n": job.n,
        "loss": [run.history[-1]["loss"] for run in runs],
        "seconds": [round(run.seconds, 1) for run in runs],
        "parameters": sum(p.numel() for p in runs[0].model.parameters()),
    }


def asked(run: "Run", length: int, n: int, band: int | None = None) -> Iterator[tuple[str, int]]:
    """Right answers of `n` problems of each kind at one length."""
    from ..evaluation.lengths import by_length

    m = run.material
    settings: dict[str, Any] = {"n": n, "seed": 77, "indexing": m.indexing, "band": band}
    for row in by_length(run.model, m.format, m.tokenizer, m.task, [length], **settings):
        yield row.asked, round(row.accuracy.value * row.n)


def measured(name: str, found: dict[str, Any]) -> Iterator[Measurement]:
    """The measurements of `extrapolation`: "NAME" on held-out problems, "NAME@LENGTH", "NAME@LENGTH KIND".

    A length that the networks cannot represent counts as 0 right, with the reason in the details.
    """
    seeds = len(found["held_out"])
    yield accuracy(name, found["held_out"], found["test"], loss=found["loss"], seconds=found["seconds"])
    for kind, of_length in found["lengths"].items():
        for length, correct in of_length.items():
            yield accuracy(f"{name}@{length}{suffix(kind)}", correct, found["n"])
    for length, why in found["refused"].items():
        yield accuracy(f"{name}@{length}", [0] * seeds, found["n"], refused=why)


def suffix(kind: str) -> str:
    """What stands behind a measurement's name for a kind of problem; nothing for random ones."""
    return "" if kind == "random" else f" {kind}"


def rows_of(series: str, found: dict[str, Any], kind: str = "random") -> list[dict[str, Any]]:
    """Rows of a picture of accuracy by length: mean over seeds, with the worst and the best."""
    n = found["n"]
    rows = [
        {
            "length": int(length),
            "accuracy": sum(correct) / n / len(correct),
            "low": min(correct) / n,
            "high": max(correct) / n,
            "series": series,
        }
        for length, correct in found["lengths"].get(kind, {}).items()
    ]
    seeds = len(found["held_out"])
    rows += [
        {"length": int(length), "accuracy": 0.0, "low": 0.0, "high": 0.0, "series": series}
        for length in found["refused"]
        if seeds
    ]
    return sorted(rows, key=lambda row: row["length"])


def length_picture(name: str, title: str, rows: list[dict[str, Any]], caption: str = "") -> Picture:
    """Accuracy by length, one line per series."""
    from ..pictures import learning_curves

    chart = learning_curves(rows, x="length", x_title="length of the problem", title="")
    return Picture(name, title, chart.to_dict(), caption or "Exact match, mean over seeds; the band spans the seeds.")
