"""The experiments of `quantization_survey` on transformers that add, as JSON."""

import copy
import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from ..lowbit import QuantSpec, quantize_model
from ..lowbit.integer_transformer import integer_transformer, observe_grids, quantize_tables
from ..models.transformer import Transformer
from ..training import Recipe, Run, train_many
from ..training.loop import fit
from ..training.material import source
from ._quantization_survey import Given, Loss, side_by_side
from ._quantization_survey_rows import table
from ._runs import right

if TYPE_CHECKING:
    from .quantization_survey import Settings


def on_addition(scale: "Settings", recipes: list[Recipe]) -> list[dict[str, Any]]:
    """Transformers that add, trained side by side, and what is asked of each."""
    return side_by_side([partial(one_that_adds, scale, run) for run in train_many(recipes)])


def one_that_adds(scale: "Settings", run: Run) -> dict[str, Any]:
    """Right answers of every method at every width, and of integers alone in 8 bits."""
    steps = max(scale.steps // 4, 1)
    further = run.recipe.replace(training__steps=steps, training__learning_rate=1e-3, training__warmup=min(20, steps))
    batches = [torch.from_numpy(source(further, run.material).batch(10**6 + k).ids_bt) for k in range(2)]

    def tune(model: nn.Module, loss: Loss | None) -> Any:
        model.train()
        fit([cast(Transformer, model)], [source(further, run.material)], further.training, seed=further.seed)
        return model.eval()

    def ask(model: nn.Module) -> int:
        return right(dataclasses.replace(run, model=cast(Transformer, model)), run.material.test)

    adaround = {"iterations": scale.rounding_steps, "batch": 128, "learning_rate": 1e-2}
    given = Given(batches, tune, run.recipe.seed, adaround)
    methods = table(run.model, given, scale, scale.addition_methods, ask)
    integers = ask(on_integers(run.model, batches, 8))
    return {"n": len(run.material.test), "float": ask(run.model), "methods": methods, "integers": integers}


def on_integers(model: Transformer, batches: Sequence[Any], bits: int) -> Transformer:
    """A copy that computes with integers alone from ids to logits: weights rounded per channel, static activations."""
    copied, spec = copy.deepcopy(model), QuantSpec(bits=bits, granularity="channel")
    weights = quantize_model(copied, spec).quantized | quantize_tables(copied, spec)
    grids = observe_grids(copied, batches, QuantSpec(bits=bits, symmetric=False))
    integer_transformer(copied, weights, grids)
    return copied
