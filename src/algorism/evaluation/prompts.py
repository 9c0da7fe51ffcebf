"""Prompts of one length being read by our transformer: what several share at their beginning is read once.

Shape letters: b batch, t position, v vocabulary.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..models.transformer import Cache, Transformer
from .reader import Reader, readable

PIECE = 256  # positions of a long prompt that are read at once
MOST_LOGITS = 200_000_000  # attention logits of one layer that a batch may need at once (four bytes each)
WORTH_A_PASS = 128  # rows times positions that a further forward pass must save


def rows_that_fit(model: Transformer, length: int, new: int) -> int:
    """How many prompts of this length may be read at once, so that their attention fits into memory."""
    return max(1, MOST_LOGITS // (model.config.heads * min(length, PIECE) * (length + new)))


def read_prompts(model: Transformer, prompt_bt: Tensor, length: int) -> tuple[Any, Tensor]:
    """Read whole prompts; a reader that has read them, and the logits (b, v) of what follows.

    Args:
        model: in evaluation mode.
        prompt_bt: prompts of one length.
        length: most positions that will be read, those of the prompts among them.
    """
    reader, rest_bt = read_shared(model, prompt_bt, length)
    while rest_bt.shape[1] > PIECE:
        reader(rest_bt[:, :PIECE])
        rest_bt = rest_bt[:, PIECE:]
    return reader, reader(rest_bt)


class _CachedForward:
    """`Reader`'s interface over the model's own forward pass, for models with hooks or replaced layers."""

    def __init__(self, model: Transformer, batch: int, length: int) -> None:
        self.model = model
        weight = model.embed.weight
        self.cache = Cache(model.config, batch, length, weight.dtype, weight.device)
        self.keep_rows = self.cache.keep_rows

    def __call__(self, ids_bt: Tensor, index_bt: Tensor | None = None) -> Tensor:
        return self.model(ids_bt, self.cache, positions=index_bt, keep=slice(-1, None))[:, 0]


def reader_of(model: Transformer, batch: int, length: int) -> Any:
    """A reader of texts for any of our models: the fast one where it computes the same."""
    return (Reader if readable(model) else _CachedForward)(model, batch, length)


def read_shared(model: Transformer, prompt_bt: Tensor, length: int) -> tuple[Any, Tensor]:
    """Read what the prompts share; a reader with one row per prompt, and what is left of the prompts."""
    stages = shared_prefixes(prompt_bt.cpu().numpy())
    reader, start = None, 0
    for end, first, parent in stages:
        if reader is None:
            reader = reader_of(model, len(first), length)
        else:
            reader.keep_rows(torch.from_numpy(parent).to(prompt_bt.device))
        rest_bt = prompt_bt[torch.from_numpy(first).to(prompt_bt.device), start:]
        if end == prompt_bt.shape[1]:
            return reader, rest_bt
        reader(rest_bt[:, : end - start])
        start = end
    raise AssertionError("the last stage reads to the end")


class Stage(NamedTuple):
    """Positions up to `end`, read for the prompts `first` alone, one of each kind.

    `parent` tells which row of the stage before each of them continues.
    """

    end: int
    first: np.ndarray
    parent: np.ndarray


def shared_prefixes(prompt_bt: np.ndarray, worth: int = WORTH_A_PASS) -> list[Stage]:
    """Find what the prompts share at their beginning, so that it is read once.

    Args:
        prompt_bt: prompts of one length.
        worth: positions times rows that a stage must save.

    Returns:
        Stages in order of reading; the last one reads every prompt to its end.

    >>> prompts = np.array([[1, 5, 2, 0], [1, 5, 2, 1], [1, 5, 3, 1], [1, 5, 4, 1]])
    >>> for stage in shared_prefixes(prompts, worth=3):
    ...     print(*stage)
    2 [0] [0]
    4 [0 1 2 3] [0 0 0 0]
    """
    b, t = prompt_bt.shape
    kinds: list[tuple[int, np.ndarray, np.ndarray]] = []  # end, first row of each kind, kind of each row
    kind_b, largest, start = np.zeros(b, np.int64), int(prompt_bt.max()) + 1, 0
    for end in range(1, t):
        before = len(kinds[-1][1]) if kinds else 0
        _, first, kind_b = np.unique(kind_b * largest + prompt_bt[:, end - 1], return_index=True, return_inverse=True)
        if 2 * len(first) > b:
            break
        if kinds and len(first) == before:
            kinds[-1] = (end, first, kind_b)
        elif (b - len(first)) * (end - start) >= worth:
            kinds.append((end, first, kind_b))
            start = end
    everyone = np.arange(b)
    stages, kind_b = [], np.zeros(b, np.int64)
    for end, first, next_kind_b in [*kinds, (t, everyone, everyone)]:
        stages.append(Stage(end, first, kind_b[first]))
        kind_b = next_kind_b
    return stages
