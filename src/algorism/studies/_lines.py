"""What studies of single lines of text do alike: train small networks on lines made afresh, one network per core.

Holds no claim and no algorithm; training is `training.loop.fit`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..evaluation.decoding import generate
from ..models import Transformer, TransformerConfig
from ..training import TrainingRecipe
from ..training.batches import Batch, Fresh, shifted
from ..training.loop import exact_match, fit

Line = tuple[list[int], int]  # token ids, and how many of them are the prompt
Make = Callable[[int, np.random.Generator], list[Line]]


@dataclass(frozen=True)
class Lines:
    """One network to train.

    Args:
        config: its shape.
        make: draws so many lines.
        recipe: how it is trained; one line a row, loss on what follows the prompt.
        seed: of weights and lines.
        watched: name → lines; their exact match is taken `looks` times in training.
        looks: how often.
        device: where.
    """

    config: TransformerConfig
    make: Make
    recipe: TrainingRecipe
    seed: int
    watched: dict[str, list[Line]] = field(default_factory=dict)
    looks: int = 8
    device: str = "cpu"


@dataclass(frozen=True)
class Trained:
    """A trained network, and the exact match of what was watched: rows with `step` and one share per name."""

    model: Transformer
    curve: list[dict[str, Any]]


def rows(lines: Sequence[Line]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines as a rectangle, filled up with 0, their lengths, and the lengths of their prompts.

    >>> rows([([3, 4, 5], 2), ([6, 7], 1)])[0].tolist()
    [[3, 4, 5], [6, 7, 0]]
    """
    length_n = np.array([len(ids) for ids, _ in lines])
    ids_nt = np.zeros((len(lines), int(length_n.max())), np.int32)
    ids_nt[np.arange(ids_nt.shape[1]) < length_n[:, None]] = np.concatenate([ids for ids, _ in lines])
    return ids_nt, length_n, np.array([prompt for _, prompt in lines])


def batch_of(lines: Sequence[Line]) -> Batch:
    """Lines as one batch."""
    return shifted(*rows(lines))


def train_lines(jobs: Sequence[Lines]) -> list[Trained]:
    """Train all networks, side by side."""
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(_trained, jobs))
    finally:
        torch.set_num_threads(threads)


def _trained(job: Lines) -> Trained:
    torch.set_num_threads(1)
    model = Transformer(job.config, seed=job.seed)
    batches = {name: batch_of(lines) for name, lines in job.watched.items()}
    every = max(1, job.recipe.steps // max(1, job.looks))
    curve: list[dict[str, Any]] = []

    def look(step: int, row: dict[str, Any]) -> None:
        if batches and (step // every > (curve[-1]["step"] // every if curve else 0) or step == job.recipe.steps):
            model.eval()  # the next step puts it back
            curve.append({"step": step, **{n: exact_match([model], [batch])[0] for n, batch in batches.items()}})

    def make(size: int, seed: tuple[int, int]) -> tuple[np.ndarray, ...]:
        return rows(job.make(size, np.random.default_rng([*seed, 17])))

    source = Fresh(make, job.recipe.batch, job.seed)
    fit([model], [source], job.recipe, seed=job.seed, report=look, device=job.device)
    return Trained(model.eval(), curve)


def continuations(model: Transformer, lines: Sequence[Line], stop: int) -> list[list[int]]:
    """What a network writes behind the prompts of lines, greedily, up to the stop."""
    longest = max(len(ids) - prompt for ids, prompt in lines)
    prompts = [np.array(ids[:prompt], np.int64) for ids, prompt in lines]
    return [found.tolist() for found in generate(model, prompts, max_new=longest + 2, stop=[stop])]
