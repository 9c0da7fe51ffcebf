"""The wiring of `rasp_l`: which recipe each measurement trains, and what its networks are asked."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement, Picture
from ..symbolic.rasp import compile, cost, min_degree_interpolator, verify
from ..symbolic.rasp.programs import PROGRAMS, Example, addition, copy, count, mode, sort, sort_repeats
from ..symbolic.rasp.programs import conjunction as and_example
from ..symbolic.rasp.programs import parity as parity_example
from ..tasks import Sequences
from ..tasks.sequences.task import sequence_task
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, prepare, train_many
from ._runs import Job, accuracy, extrapolation, extrapolations, right, suffix

if TYPE_CHECKING:
    from .rasp_l import Settings

# Vocabularies and lengths of a size at which a compiled network is small.
SMALL: dict[str, tuple[Example, int]] = {
    "count": (count(20), 26),
    "copy": (copy(20), 24),
    "sort": (sort(20), 24),
    "sort-repeats": (sort_repeats(12), 24),
    "mode": (mode(6), 20),
    "and": (and_example(), 20),
    "parity": (parity_example(14), 36),
    "addition-reverse": (addition("reverse", 4), 34),
    "addition-forward": (addition("forward", 4), 34),
}
BITS = 20


def programs(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Every program at every length, and how long each of them is."""
    errors = checked = 0
    for name, example in PROGRAMS.items():
        found = verify(example.program, example.reference, range(1, scale.programs + 1), number=4, seed=seed)
        errors, checked = errors + (not found), checked + found.checked
        size = cost(example.program)
        yield Measurement.exact(f"heads:{name}", size.heads, unit="attention heads", depth=size.depth, nodes=size.size)
    yield Measurement.exact("program errors", errors, unit="programs that err", n=checked, longest=scale.programs)


def compiled(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Compiled networks on random tokens and on prompts with their answers."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for example, longest in SMALL.values():
        network = compile(example.program, example.vocab, longest)
        rows = rng.choice(example.vocab, (max(1, scale.inputs // len(SMALL)), longest))
        for row in rows[::2]:
            prompts = example.reference.prompts(int(rng.integers(1, 5)), rng, 1)
            prompt = prompts[rng.integers(len(prompts))]
            text = [*prompt, *example.reference.answer(prompt)][:longest]
            row[: len(text)] = text
        for some in np.array_split(rows, max(1, len(rows) // 250)):
            worst = max(worst, network.difference(some))
    yield Measurement.exact("compiled difference", worst, unit="logits", n=scale.inputs)


def model_and_training(scale: "Settings", steps: int) -> dict[str, Any]:
    """What all trainings share."""
    return {
        "model": ModelRecipe(
            layers=scale.layers, width=scale.width, heads=scale.heads, norm="rms", tie=False, positions="learned"
        ),
        "training": TrainingRecipe(
            steps=steps,
            batch=scale.batch,
            learning_rate=scale.learning_rate,
            min_learning_rate=scale.learning_rate / 100,
            warmup=min(100, steps),
            betas=(0.9, 0.98),
            weight_decay=0.0,
            precision=scale.precision,
        ),
    }


def on_lists(
    scale: "Settings", seed: int, name: str, longest: int, asked: int, symbols: int, form: str = "plain", steps: int = 0
) -> Recipe:
    """One task on lists; examples start at random places of a table just long enough for the lists asked later."""
    recipe = Recipe(
        name=name,
        seed=seed,
        task=TaskRecipe(
            name=name,
            length=longest,
            min_length=1 if name == "parity" else 2,
            values=symbols or None,
            sampler="one-length",
            examples=None,
            test=1
            if name == "parity"
            else min(scale.test, 200),  # of the few short lists of bits none shall be missing
        ),
        text=TextRecipe(format=form),
        **model_and_training(scale, steps or scale.steps),
    )
    long = prepare(recipe.replace(task__length=asked, task__test=1))
    return recipe.replace(text__index=f"absolute{long.config.context + 1}")


def on_numbers(scale: "Settings", seed: int, form: str, digits: int, asked: int, steps: int) -> Recipe:
    """Addition with both operands of one length."""
    recipe = Recipe(
        name=form,
        seed=seed,
        task=TaskRecipe(name="addition", digits=digits, sampler="one-length", examples=None, test=scale.test),
        text=TextRecipe(format=form, alphabet="hinted"),
        **model_and_training(scale, steps),
    )
    long = prepare(recipe.replace(task__digits=asked, task__test=1))
    return recipe.replace(text__index=f"absolute{long.config.context + 1}")


def packed(recipe: Recipe, context: int, rows: int) -> Recipe:
    """The same in rows full of examples, from a random place in the first one: the paper's set-up."""
    return recipe.replace(
        text__index="absolute",
        model__context=context,
        training__objective="packed",
        training__batch=max(1, rows),
        task__sampler="uniform" if recipe.on_lists else "digits",
    )


def six_tasks(scale: "Settings", seed: int, task: tuple[str, int, int, int]) -> dict[str, Any]:
    """One of the tasks of claim 2, packed."""
    name, longest, beyond, symbols = task
    if name == "addition":
        recipe = on_numbers(scale, seed, "dollar", longest, beyond, scale.steps)
        long = prepare(recipe.replace(task__digits=beyond, task__test=1, text__index="absolute"))
    else:
        recipe = on_lists(scale, seed, name, longest, beyond, symbols)
        long = prepare(recipe.replace(task__length=beyond, task__test=1, text__index="absolute"))
    context = max(scale.context, long.config.context + 1)
    recipe = packed(recipe, context, scale.batch * 16 // context)
    lengths = sorted({longest, (longest + beyond + 1) // 2, beyond})
    return extrapolation(Job(recipe, scale.seeds, lengths, scale.test))


def hinted(scale: "Settings", seed: int) -> dict[str, Any]:
    """Addition with index hints in both orders, and reversed without."""
    forms = {
        "hints reverse": "pad+hints+reverse+dollar",
        "hints forward": "pad+hints+dollar",
        "no hints": "pad+reverse+dollar",
    }
    digits, asked, steps = scale.hinted_digits, scale.hinted_asked, scale.hinted_steps
    return extrapolations(
        {
            name: Job(on_numbers(scale, seed, form, digits, max(asked), steps), scale.hint_seeds, asked, scale.test)
            for name, form in forms.items()
        }
    )


def parity(scale: "Settings", seed: int) -> dict[str, Any]:
    """Parity with hints and scratchpad, and plain."""
    forms = {"parity scratchpad": "hints+scratchpad", "parity plain": "plain"}
    longest, asked, steps = scale.parity_length, scale.parity_asked, scale.parity_steps
    jobs = {}
    for name, form in forms.items():
        recipe = on_lists(scale, seed, "parity", longest, max(asked), 0, form, steps)
        jobs[name] = Job(recipe, scale.hint_seeds, asked, scale.test)
    return extrapolations(jobs)


def moved(scale: "Settings", seed: int) -> dict[str, Any]:
    """Copying different symbols with examples moved at random, never moved, and packed one after the other."""
    _, longest, asked, symbols = next(t for t in scale.tasks if t[0] == "copy-distinct")
    recipe = on_lists(scale, seed, "copy-distinct", longest, asked, symbols)
    context = prepare(recipe).config.context
    unmoved = recipe.replace(text__index="absolute", model__context=context)
    full = packed(recipe, context, scale.batch // 2)  # a row holds about two examples
    lengths = sorted({longest, (longest + asked + 1) // 2, asked})
    ways = {"copy moved": recipe, "copy unmoved": unmoved, "copy packed": full}
    return extrapolations({name: Job(made, scale.hint_seeds, lengths, scale.test) for name, made in ways.items()})


def bits(n: int, seed: Any, sampler: str) -> Sequences:
    """Lists of 20 bits with their AND: "late ones" or "late zeros"."""
    return sequence_task("and", length=(BITS, BITS), sampler=sampler).sample(n, seed)


def trained_and(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train AND where the last bits never vary; ask it where they do."""
    recipes, materials = [], []
    for k in range(scale.seeds):
        recipe = on_lists(scale, seed + k, "and", BITS, BITS, 0, steps=scale.and_steps)
        recipe = recipe.replace(task__min_length=BITS, task__examples=20_000, text__index="absolute")
        train, test = bits(20_000, (seed + k, 1), "late ones"), bits(scale.test, (seed + k, 2), "late ones")
        recipes.append(recipe)
        materials.append(dataclasses.replace(prepare(recipe), train=train, test=test))
    runs = train_many(recipes, materials=materials)
    varied = bits(scale.test, (seed, 3), "late zeros")
    return {
        "frozen": [right(run, run.material.test) for run in runs],
        "varied": [right(run, varied) for run in runs],
    }


def conjunction(scale: "Settings", seed: int, found: dict[str, Any]) -> Iterator[Measurement]:
    """AND with the last bits as in training, and varied; and what the minimum-degree interpolator says of 12 bits."""
    yield accuracy("and", found["frozen"], scale.test)
    yield accuracy("and varied", found["varied"], scale.test)
    small, frozen = 12, {9: 1, 10: 1, 11: 1}
    rival = min_degree_interpolator(small, frozen, lambda x: int(all(x)))
    cases = [(1,) * 9 + tuple((k >> j) & 1 for j in range(3)) for k in range(8)]
    right_n = sum(int(rival(x) == int(all(x))) for x in cases)
    yield Measurement.exact("interpolator varied", right_n / len(cases), unit="share of inputs", n=len(cases))


def beyond(name: str, found: dict[str, Any], length: int, kind: str = "random", tail: str = "beyond") -> Measurement:
    """The accuracy at the length that a claim is about, under one name for all scales."""
    correct = found["lengths"].get(kind, {}).get(str(length), [0] * len(found["held_out"]))
    return accuracy(f"{name}@{tail}{suffix(kind)}", correct, found["n"], length=length)


def relative(rows: list[dict[str, Any]], longest: int) -> list[dict[str, Any]]:
    """Rows by length in percent of the longest trained."""
    return [{**row, "relative": round(100 * row["length"] / longest)} for row in rows]


def relative_picture(rows: list[dict[str, Any]]) -> Picture:
    """All six tasks in one picture."""
    from ..pictures import learning_curves

    chart = learning_curves(rows, x="relative", x_title="length in % of the longest trained", title="")
    return Picture(
        "six-tasks",
        "Six tasks beyond the trained length",
        chart.to_dict(),
        "Exact match, mean over seeds; the band spans the seeds. Count, sort and copy-distinct have short programs.",
    )
