"""The wiring of `task_hinting`: which recipe each arm trains, and where its attention goes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement
from ..evaluation.statistics import mean_interval
from ..tasks.sequences.task import sequence_task
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe, train_many
from ._runs import Job, accuracy, answers, extrapolations

if TYPE_CHECKING:
    from ..training.run import Run
    from .task_hinting import Settings

# arm → what it changes in the recipe; "hint" is the hint that half of the rows ask
ARMS: dict[str, dict[str, Any]] = {
    "none": {},
    "none, half": {"rows": 0.5},
    "successor": {"hint": "successor"},
    "predecessor": {"hint": "predecessor"},
    "count-of": {"hint": "count-of"},
    "fill": {"hint": "fill"},
    "first": {"hint": "first"},
    "successor, early": {"hint": "successor", "until": 0.5},
    "none, tempered": {"positions": "none+tempered"},
    "successor, tempered": {"hint": "successor", "positions": "none+tempered"},
    "none, large": {"width": 2, "layers": 2},
    "distinct": {"rule": "sort-distinct"},
}


def recipe(scale: "Settings", seed: int, name: str) -> Recipe:
    """The recipe of an arm."""
    changes = ARMS[name]
    rule = changes.get("rule", "sort")
    hint = changes.get("hint")
    return Recipe(
        name=name,
        seed=seed,
        task=TaskRecipe(
            name=rule,
            length=scale.trained,
            min_length=2,
            values=max(scale.values, max(scale.asked)) if rule == "sort-distinct" else scale.values,
            sampler="one-length",
            hints={hint: 0.5} if hint else {},
            hints_until=changes.get("until", 1.0),
            examples=None,
            test=scale.test,
        ),
        text=TextRecipe(format="plain"),
        model=ModelRecipe(
            layers=scale.layers * changes.get("layers", 1),
            width=scale.width * changes.get("width", 1),
            heads=scale.heads,
            norm="rms",
            positions=changes.get("positions", "none"),
            tie=False,
        ),
        training=TrainingRecipe(
            steps=scale.steps,
            batch=int(scale.batch * changes.get("rows", 1)),
            learning_rate=scale.learning_rate,
            min_learning_rate=scale.learning_rate / 100,
            warmup=min(100, scale.steps),
            betas=(0.9, 0.98),
            weight_decay=0.0,
            precision=scale.precision,
            weigh="row",
        ),
    )


def group(scale: "Settings", seed: int, arms: "Sequence[tuple[str, int]]") -> dict[str, Any]:
    """Train some arms side by side; ask all lengths, and say where attention goes."""
    recipes = [recipe(scale, seed + k, name) for name, seeds in arms for k in range(seeds)]
    trained = iter(train_many(recipes))
    found = {}
    for name, seeds in arms:
        runs = [next(trained) for _ in range(seeds)]
        job = Job(runs[0].recipe, seeds, scale.asked, scale.test)
        found[name] = answers(runs, job) | {"attention": [attention(run) for run in runs]}
    return found


def increments(scale: "Settings", seed: int) -> dict[str, Any]:
    """Adding 1, with and without the hint."""
    longest, lengths, steps, seeds = scale.increments
    made = recipe(scale, seed, "none").replace(
        task__name="increment",
        task__length=longest,
        task__min_length=min(3, longest),
        task__values=10,
        training__steps=steps,
        model__positions="learned",
        text__index=f"absolute{2 * max(lengths) + 6}",
    )
    arms = {"increment": made, "increment, nines hint": made.replace(task__hints={"nines": 0.5})}
    return extrapolations({name: Job(arm, seeds, lengths, scale.test) for name, arm in arms.items()})


def named(name: str, found: dict[str, Any], trained: int, lengths: Sequence[int]) -> Iterator[Measurement]:
    """Accuracies at twice the trained length and at the longest, under one name for all scales."""
    yield beyond(name, found, 2 * trained, tail="double")
    yield beyond(name, found, lengths[-1], tail="far")


def beyond(name: str, found: dict[str, Any], length: int, kind: str = "random", tail: str = "beyond") -> Measurement:
    """The accuracy at one length, under a name that does not say which."""
    return accuracy(f"{name}@{tail}", found["lengths"][kind][str(length)], found["n"], length=length)


def attention(run: "Run") -> dict[str, float]:
    """Mass of the last layer's most attentive head on the successor, and on copies of the current value.

    Over answer positions of in-range lists: the first where no further copy is due, the second where one is; input
    positions only, the average over positions, the best head.
    """
    import torch

    from ..models.capture import attention_mass, attention_weights

    m = run.material
    longest = m.task.lengths[1]
    problems = sequence_task(run.recipe.task.name, length=(longest, longest), values=run.recipe.task.values).sample(
        100, seed=3
    )
    ids = torch.from_numpy(m.tokenizer.encode_texts(m.write(problems)).ids_nt.astype(np.int64))
    weights_bhts = attention_weights(run.model, ids, layer=run.model.config.layers - 1)
    question_bs, answer_bk = (torch.from_numpy(x.symbols_nt) for x in (problems.question, problems.answer))
    here_bk1, following_bk1 = answer_bk[:, :-1, None], answer_bk[:, 1:, None]
    wanted_bks = question_bs[:, None] == following_bk1
    first = longest + 2  # behind the start word, the list and the word that ends it
    found = {}
    for what, due_bk1 in (("successor", here_bk1 != following_bk1), ("copies", here_bk1 == following_bk1)):
        wanted_bts = torch.zeros_like(weights_bhts[:, 0], dtype=torch.bool)
        wanted_bts[:, first : first + longest - 1, 1 : 1 + longest] = wanted_bks & due_bk1
        found[what] = float(attention_mass(weights_bhts, wanted_bts).max())
    return found


def mechanism(name: str, found: dict[str, Any]) -> Iterator[Measurement]:
    """Where the hinted networks look."""
    if name != "successor":
        return
    for what in ("successor", "copies"):
        shares = [one[what] for one in found["attention"]]
        if len(shares) > 1:
            interval = mean_interval(shares)
            low, high = max(0.0, interval.low), min(1.0, interval.high)
            yield Measurement(
                f"attention to {what}", interval.value, low, high, n=100, seeds=len(shares), unit="share of attention"
            )
        else:
            yield Measurement.exact(f"attention to {what}", shares[0], unit="share of attention")
