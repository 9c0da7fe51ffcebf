"""The wiring of `length_generalization`: which recipe each cell of its table trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..claims import Measurement
from ..evaluation.certificate import certify
from ..tasks import SEQUENCE_TASKS
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, prepare, train_many
from ._runs import Job, accuracy, answers, extrapolation, extrapolations, suffix

if TYPE_CHECKING:
    from .length_generalization import Settings

# name → (positions of the model, how tokens are numbered; N stands for the reach that the longest question needs)
SCHEMES: dict[str, tuple[str, str]] = {
    "learned": ("learned", "absoluteN"),
    "sinusoidal": ("sinusoidal", "absoluteN"),
    "rope": ("rope", "absolute"),
    "alibi": ("alibi", "absolute"),
    "fire": ("fire", "absolute"),
    "none": ("none", "absolute"),
    "randomized": ("learned", "randomizedN"),
    "abacus": ("learned", "abacusN"),
    "coupled": ("learned", "coupledN"),
    "coupled + penalty": ("clip2+penalty", "coupled"),
}


@dataclass(frozen=True)
class Row:
    """A task of the table: its title, name, format, sampler, and what else its recipe needs."""

    title: str
    task: str
    form: str
    sampler: str = "one-length"
    second: int | None = None
    values: int | None = None


ROWS: dict[str, Row] = {
    "addition": Row("Addition, sum reversed", "addition", "pad+reverse+dollar"),
    "product": Row("Products N × 2, reversed", "multiplication", "reverse+dollar", "by", second=2),
    "sort": Row("Sorting different symbols", "sort-distinct", "plain"),
    "parity": Row("Parity, written out", "parity", "prefix"),
    "copy": Row("Copying", "copy", "plain", values=10),
    "reverse": Row("Reversing", "reverse", "plain", values=10),
    "subtraction": Row("Differences, reversed", "subtraction", "pad+reverse+dollar", "falling"),
    "unpadded addition": Row("Addition without padding", "addition", "reverse+dollar", "digits"),
}
FAR = 10  # times the trained length


def applies(scheme: str, name: str) -> bool:
    """Whether a task's text has the places that a scheme numbers."""
    return not (name == "sort" and scheme in ("abacus", "coupled", "coupled + penalty"))


def recipe(scale: "Settings", seed: int, name: str, scheme: str, longest: int, lengths: Sequence[int]) -> Recipe:
    """The recipe of one cell; a table reaches as far as the longest question."""
    positions, index = SCHEMES[scheme]
    asked, row = max(lengths), ROWS[name]
    on_lists = row.task in SEQUENCE_TASKS
    sizes: dict[str, Any] = {"digits": longest}
    if on_lists:
        sizes = {"length": longest, "min_length": min(2, longest)}
        sizes["values"] = 2 * asked if row.task == "sort-distinct" else row.values
    task = TaskRecipe(name=row.task, sampler=row.sampler, second=row.second, examples=None, test=scale.test, **sizes)
    made = Recipe(
        name=f"{name}-{scheme}",
        seed=seed,
        task=task,
        text=TextRecipe(format=row.form),
        model=ModelRecipe(
            layers=scale.layers,
            width=scale.width,
            heads=scale.heads,
            norm="rms",
            positions=positions,
            tie=False,
            init_std=0.125 if scale.width == 64 else None,
        ),
        training=TrainingRecipe(
            steps=scale.steps,
            batch=scale.batch,
            learning_rate=scale.learning_rate,
            min_learning_rate=scale.learning_rate / 100,
            warmup=min(100, scale.steps),
            betas=(0.9, 0.98),
            weight_decay=0.0,
            precision=scale.precision,
        ),
    )
    long = made.replace(task__length=asked) if on_lists else made.replace(task__digits=asked)
    reach = prepare(long.replace(task__test=1, text__index="absolute", model__positions="none")).config.context + 1
    return made.replace(text__index=index.replace("N", str(reach)))


def trained(
    scale: "Settings", seed: int, name: str, scheme: str, longest: int, lengths: Sequence[int]
) -> dict[str, Any]:
    """One cell: all seeds, all lengths."""
    made = recipe(scale, seed, name, scheme, longest, lengths)
    return extrapolation(Job(made, scale.seeds, lengths, scale.test))


def named(name: str, found: dict[str, Any], longest: int, lengths: Sequence[int]) -> Iterator[Measurement]:
    """Accuracies at twice, five and ten times the trained length , named alike at all scales."""
    for tail, wanted in (("double", 2 * longest), ("five", 5 * longest), ("far", FAR * longest)):
        length = max((x for x in lengths if x <= wanted), default=min(lengths))
        kinds = found["lengths"] or {"random": {}}
        for kind in kinds:
            correct = kinds[kind].get(str(length), [0] * len(found["held_out"]))
            yield accuracy(f"{name}@{tail}{suffix(kind)}", correct, found["n"], length=length)


def others(scale: "Settings", seed: int) -> dict[str, Any]:
    """Further tasks with `coupled + penalty` alone, side by side."""
    jobs = {}
    for name, longest, lengths in scale.others:
        made = recipe(scale, seed, name, "coupled + penalty", longest, lengths)
        made = made.replace(training__steps=scale.others_steps)
        jobs[name] = Job(made, scale.others_seeds, lengths, scale.test)
    return extrapolations(jobs)


def far(scale: "Settings", seed: int, digits: int, seeds: int) -> dict[str, Any]:
    """The long training: recipes/add-long.yaml; what is proved of each network, and what it answers.

    Decoding leaves out keys more than 32 places away.
    """
    made = Recipe(
        name="add-long",
        seed=seed,
        task=TaskRecipe(digits=digits, sampler="one-length", examples=None, test=scale.test),
        text=TextRecipe(format="pad+reverse+dollar", index="coupled"),
        model=ModelRecipe(
            layers=1, heads=4, width=64, norm="rms", positions="clip2+penalty4", tie=False, init_std=0.125
        ),
        training=TrainingRecipe(
            steps=scale.far_steps,
            batch=128,
            learning_rate=3e-3,
            min_learning_rate=3e-5,
            warmup=min(100, scale.far_steps),
            betas=(0.9, 0.98),
            weight_decay=0.0,
        ),
    )
    runs = train_many([made.replace(seed=seed + k) for k in range(seeds)])
    proofs = []
    for run in runs:
        m = run.material
        proofs.append(certify(run.model, m.format, m.tokenizer, m.indexing, seconds=scale.far_proof).to_json())  # type: ignore[arg-type]
    job = Job(made, seeds, scale.far_asked, scale.far_test, band=32)
    return answers(runs, job) | {"verdicts": [p["verdict"] for p in proofs], "proving": [p["seconds"] for p in proofs]}
