"""The wiring of `length_generalization`: which recipe each cell of its table trains."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..claims import Measurement
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, prepare
from ._runs import Job, accuracy, extrapolation, suffix

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
TITLES = {
    "addition": "Addition, sum reversed",
    "product": "Products N × 2, reversed",
    "sort": "Sorting different symbols",
    "parity": "Parity, written out",
}
FAR = 10  # times the trained length


def applies(scheme: str, name: str) -> bool:
    """Whether a task's text has the places that a scheme numbers."""
    return not (name == "sort" and scheme in ("abacus", "coupled", "coupled + penalty"))


def recipe(scale: "Settings", seed: int, name: str, scheme: str, longest: int, lengths: Sequence[int]) -> Recipe:
    """The recipe of one cell; a table reaches as far as the longest question."""
    positions, index = SCHEMES[scheme]
    asked = max(lengths)
    on_lists = name in ("sort", "parity")
    if on_lists:
        task = TaskRecipe(
            name={"sort": "sort-distinct", "parity": "parity"}[name],
            length=longest,
            min_length=min(2, longest),
            values=2 * asked if name == "sort" else None,
            sampler="one-length",
            examples=None,
            test=scale.test,
        )
    else:
        task = TaskRecipe(
            name={"addition": "addition", "product": "multiplication"}[name],
            digits=longest,
            second=2 if name == "product" else None,
            sampler="one-length" if name == "addition" else "by",
            examples=None,
            test=scale.test,
        )
    form = {"addition": "pad+reverse+dollar", "product": "reverse+dollar", "sort": "plain", "parity": "prefix"}[name]
    made = Recipe(
        name=f"{name}-{scheme}",
        seed=seed,
        task=task,
        text=TextRecipe(format=form),
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
    """Accuracies at twice and at ten times the trained length (or the longest asked), under one name for all scales."""
    for tail, wanted in (("double", 2 * longest), ("far", FAR * longest)):
        length = max((x for x in lengths if x <= wanted), default=min(lengths))
        kinds = found["lengths"] or {"random": {}}
        for kind in kinds:
            correct = kinds[kind].get(str(length), [0] * len(found["held_out"]))
            yield accuracy(f"{name}@{tail}{suffix(kind)}", correct, found["n"], length=length)


def far(scale: "Settings", seed: int) -> dict[str, Any]:
    """The long training: recipes/add-long.yaml. Decoding leaves out keys more than 32 places away."""
    made = Recipe(
        name="add-long",
        seed=seed,
        task=TaskRecipe(digits=scale.far_digits, sampler="one-length", examples=None, test=scale.test),
        text=TextRecipe(format="pad+reverse+dollar", index="coupled"),
        model=ModelRecipe(
            layers=1, heads=4, width=64, norm="rms", positions="clip2+penalty", tie=False, init_std=0.125
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
    return extrapolation(Job(made, scale.far_seeds, scale.far_asked, scale.far_test, band=32))
