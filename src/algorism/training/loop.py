"""The training loop: every study and every recipe goes through it.

It knows batches, a learner and a schedule; it does not know what a problem is. A run is a pure function of its recipe:
batches, dropout and learning rate follow from (seed, step), so that a run resumed from any checkpoint ends with the
same bits as one that was never stopped.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError, TrainingError
from ..memory import freed_memory_kept
from ..models.transformer import Transformer
from .batches import IGNORE, Batch, Source, stack
from .checkpoint import load_checkpoint, save_checkpoint
from .learner import Learner
from .recipe import TrainingRecipe
from .schedule import learning_rate

Report = Callable[[int, dict[str, Any]], None]


@dataclass
class Progress:
    """How far a run is; saved inside its checkpoint.

    Args:
        step: optimiser steps taken.
        seconds: spent in training, all sessions together.
        history: one row per logged step: step, loss, learning_rate, tokens_per_second; accuracy after a validation.
        passed: validations in a row at or above `stop_at`.
        stopped: whether the run ended early on that.
    """

    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    passed: int = 0
    stopped: bool = False


@freed_memory_kept()
def fit(
    models: Sequence[Transformer],
    sources: Sequence[Source],
    recipe: TrainingRecipe,
    *,
    seed: int = 0,
    validation: Sequence[Batch] = (),
    checkpoint: Path | None = None,
    report: Report | None = None,
    device: str = "cpu",
    accelerator: Any = None,
) -> Progress:
    """Train one model, or several of equal shape stacked together, each on its own source.

    Args:
        models: trained in place.
        sources: one per model.
        recipe: steps, objective-independent settings and intervals.
        seed: of dropout.
        validation: one batch of held-out rows per model; exact match under teacher forcing, which equals greedy
            exact match, is recorded every `validate_every` steps and at the end.
        checkpoint: file to resume from if it exists, and to save into; None keeps nothing.
        report: called after each logged step with the step and its row.
        device: "cpu" or "cuda".
        accelerator: an `accelerate.Accelerator` when several processes train one model.

    Returns:
        The progress, with the whole history.

    Raises:
        CheckpointError: the checkpoint is damaged, or of another model.
        TrainingError: the loss is no longer a number; the last checkpoint is left as it is.
    """
    several = accelerator is not None and accelerator.num_processes > 1
    learner = Learner(models, recipe, seed, str(accelerator.device) if several else device)
    share = (accelerator.process_index, accelerator.num_processes) if several else (0, 1)
    leader = share[0] == 0
    progress = Progress()
    if checkpoint is not None and checkpoint.exists():
        state, saved = load_checkpoint(checkpoint)
        try:
            learner.load_state(state)
            progress = Progress(**saved)
        except (KeyError, RuntimeError, TypeError) as error:
            raise CheckpointError(
                f"Checkpoint {checkpoint}: of a model of another shape ({error}). Use --overwrite to train anew."
            ) from None
    if several:
        learner.forward = accelerator.prepare_model(learner.template)
    every = max(1, recipe.steps // 200)
    started, tokens = time.perf_counter(), 0
    before = progress.seconds
    while progress.step < recipe.steps and not progress.stopped:
        step = progress.step
        batches = [s.batch(step) for s in sources]
        batch = batches[0] if len(batches) == 1 else stack(batches)
        rate = learning_rate(
            step,
            steps=recipe.steps,
            peak=recipe.learning_rate,
            end=recipe.min_learning_rate,
            warmup=recipe.warmup,
            schedule=recipe.schedule,
        )
        losses = learner.step(batch, step, rate, share)
        if not all(map(math.isfinite, losses)):
            raise TrainingError(
                f"Step {step + 1}: the loss is {losses[0] if len(losses) == 1 else losses}. Lower "
                f"training.learning_rate (it is {rate:.2g} at this step), or lengthen training.warmup."
            )
        tokens += batch.tokens
        progress.step = step + 1
        last = progress.step == recipe.steps
        validate = bool(validation) and (
            last or (recipe.validate_every > 0 and progress.step % recipe.validate_every == 0)
        )
        if validate or last or step % every == 0:
            if several:
                losses = accelerator.reduce(torch.tensor(losses, device=accelerator.device), "sum").tolist()
            progress.seconds = before + time.perf_counter() - started
            row: dict[str, Any] = {"step": progress.step, "loss": losses, "learning_rate": rate}
            row["tokens_per_second"] = tokens / (time.perf_counter() - started)
            if validate:
                row["accuracy"] = exact_match(learner.export(), validation)
                good = recipe.stop_at is not None and min(row["accuracy"]) >= recipe.stop_at
                progress.passed = progress.passed + 1 if good else 0
                progress.stopped = progress.passed >= 2
            progress.history.append(row)
            if report is not None and leader:
                report(progress.step, row)
        due = last or progress.stopped or (recipe.checkpoint_every > 0 and progress.step % recipe.checkpoint_every == 0)
        if checkpoint is not None and leader and due:
            progress.seconds = before + time.perf_counter() - started
            save_checkpoint(checkpoint, learner.state(), vars(progress))
    learner.export()
    return progress


@torch.inference_mode()
def exact_match(models: Sequence[Transformer], validation: Sequence[Batch]) -> list[float]:
    """Share of rows whose every target is the network's first choice, given the right tokens before it.

    A greedy answer equals the target exactly when each next token does, so this is greedy exact match at the cost of
    one forward pass.
    """
    shares = []
    for model, batch in zip(models, validation, strict=True):
        right = []
        device = model.embed.weight.device
        for rows in np.array_split(np.arange(len(batch.ids_bt)), max(1, len(batch.ids_bt) // 1024)):
            ids = torch.from_numpy(batch.ids_bt[rows]).to(device)
            index = None if batch.index_bt is None else torch.from_numpy(batch.index_bt[rows]).to(device)
            choice = model(ids, positions=index, keep=slice(batch.first, None)).argmax(-1).cpu().numpy()
            targets = batch.targets_bt[rows, batch.first :]
            right.append(((choice == targets) | (targets == IGNORE)).all(1))
        shares.append(float(np.concatenate(right).mean()))
    return shares
