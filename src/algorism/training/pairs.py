"""Training on given pairs of token ids, a prompt and what follows it; for texts that no recipe describes.

Shape letters: n example, t token.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import DataError
from ..memory import freed_memory_kept
from ..models.config import TransformerConfig
from ..models.transformer import Transformer
from .batches import Rows
from .loop import fit
from .recipe import TrainingRecipe

Pair = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True)
class PairsJob:
    """One network to train.

    Args:
        pairs: (prompt, completion) of token ids; the loss is on completions.
        config: the network's shape.
        recipe: steps, batch, learning rate; its objective is not used.
        seed: of weights and order.
        start: a network to go on from, which stays as it is; None for new weights.
        device: "cpu" or "cuda".
    """

    pairs: Sequence[Pair]
    config: TransformerConfig
    recipe: TrainingRecipe
    seed: int = 0
    start: Transformer | None = None
    device: str = "cpu"


def rows_of(pairs: Sequence[Pair], size: int, seed: int) -> Rows:
    """Pairs as a source of batches.

    Raises:
        DataError: no pairs, or an empty prompt or completion.
    """
    if not pairs or any(not len(prompt) or not len(rest) for prompt, rest in pairs):
        raise DataError("Pairs: expected at least one, each with a prompt and a completion of a token or more.")
    length_n = np.array([len(prompt) + len(rest) for prompt, rest in pairs])
    ids_nt = np.zeros((len(pairs), int(length_n.max())), np.int32)
    for row, (prompt, rest) in enumerate(pairs):
        ids_nt[row, : length_n[row]] = [*prompt, *rest]
    return Rows(ids_nt, length_n, np.array([len(prompt) for prompt, _ in pairs]), size, seed)


def fit_pairs(job: PairsJob) -> Transformer:
    """Train one network.

    Raises:
        DataError: unusable pairs.
        ShapeError: a pair longer than the network's context.

    >>> job = PairsJob([([1, 2], [3, 0])], TransformerConfig(vocab=4, context=4, width=8), TrainingRecipe(steps=2))
    >>> fit_pairs(job).config.width
    8
    """
    model = Transformer(job.config, seed=job.seed) if job.start is None else deepcopy(job.start)
    fit([model], [rows_of(job.pairs, job.recipe.batch, job.seed)], job.recipe, seed=job.seed, device=job.device)
    return model.eval()


@freed_memory_kept()
def fit_pairs_many(jobs: Sequence[PairsJob]) -> list[Transformer]:
    """Train several networks, one per core; each ends as `fit_pairs` would train it on one core. On a GPU in turn."""
    if any(job.device != "cpu" for job in jobs):
        return [fit_pairs(job) for job in jobs]

    def one(job: PairsJob) -> Transformer:
        torch.set_num_threads(1)
        return fit_pairs(job)

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, jobs))
    finally:
        torch.set_num_threads(threads)
