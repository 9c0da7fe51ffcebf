"""Reading continuations off a model: greedy or sampled, with a key-value cache, many prompts at once.

Prompts of equal length share a batch, so that no padding is needed and no position is shifted.

On a CPU, batches run in one Python thread per core, each with one thread of torch's own: small products do not divide
well over cores, whole batches do.

Shape letters: b batch, t position, v vocabulary.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ShapeError, UsageError
from ..models.positions import check_index
from ..models.transformer import Transformer
from .banded import BandedReader, check_band, rows_at_once
from .prompts import PIECE, read_shared, reader_of, rows_that_fit
from .sampling import sample, uniform_draws

SMALLEST_SHARE = 32  # rows below which a batch is not worth dividing between threads


def generate(
    model: Transformer,
    prompts: Sequence[np.ndarray | list[int]],
    *,
    max_new: int,
    stop: Collection[int] = (),
    temperature: float = 0.0,
    top_k: int | None = None,
    seed: int = 0,
    batch: int = 512,
    indices: Sequence[np.ndarray] | None = None,
    band: int | None = None,
) -> list[np.ndarray]:
    """Continue every prompt by at most `max_new` tokens.

    A sampled continuation depends on `seed`, its prompt and the prompt's index alone, not on which prompts share its
    batch (up to the last bits of the logits, which matrix products of different sizes round differently).

    Args:
        model: a transformer, on any device; its training mode is restored afterwards.
        prompts: token ids, each at least one token; lengths may differ.
        max_new: most new tokens per prompt.
        stop: ids that end a continuation; they are not returned.
        temperature: 0 for greedy decoding; else logits are divided by it before sampling.
        top_k: sample among the k likeliest tokens only; None for all.
        seed: of sampling.
        batch: most prompts decoded at once, by each thread.
        indices: for each prompt, the indices of its tokens and of `max_new` more; None for places.
        band: a token sees only those whose index differs from its own by at most this; None for all. That is another
            function, close to the model's own only where far tokens get no attention (`banded.band_error` measures
            how much they get); but a new token then takes the same time after a text of any length.

    Returns:
        The new ids of each prompt (int64), in the order of `prompts`.

    Raises:
        ShapeError: an empty prompt, or a prompt and its continuation longer than the model's position table.
        UsageError: a negative temperature or band, or a count below one.

    >>> from algorism.models.config import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8))
    >>> [len(ids) for ids in generate(model, [[1, 2], [3]], max_new=4)]
    [4, 4]
    """
    if temperature < 0:
        raise UsageError(f"generate: temperature must be 0 (greedy) or more, got {temperature}.")
    for name, value in (("max_new", max_new), ("batch", batch), ("top_k", 1 if top_k is None else top_k)):
        if value < 1:
            raise UsageError(f"generate: {name} must be at least 1, got {value}.")
    if band is not None:
        check_band(band)
    ids = [np.asarray(prompt, dtype=np.int64).reshape(-1) for prompt in prompts]
    if indices is None:
        _check_lengths(model, ids, max_new)
    new: list[np.ndarray] = [np.empty(0, np.int64)] * len(ids)
    stops = frozenset(stop)

    @torch.inference_mode()
    def work(rows: list[int]) -> None:
        draws = None if temperature == 0 else uniform_draws(rows, max_new, seed)
        prompt_bt = torch.from_numpy(np.stack([ids[row] for row in rows])).to(model.embed.weight.device)
        index_bt = None
        if indices is not None:
            length = len(ids[rows[0]]) + max_new
            index_bt = torch.from_numpy(np.stack([indices[row][:length] for row in rows])).to(prompt_bt.device)
            check_index(model.position, 0, length, index_bt)
        new_bt = _continue(model, prompt_bt, max_new, stops, temperature, top_k, draws, index_bt, band)
        for row, line in zip(rows, _before_stop(new_bt.cpu().numpy(), stops)):
            new[row] = line

    was_training = model.training
    model.eval()
    threads = torch.get_num_threads() if model.embed.weight.device.type == "cpu" else 1
    batches = list(_equal_length(ids, max_new, batch, threads, model, band))
    try:
        # Steps within a band are too small to divide; torch's threads would only wait for each other.
        if threads == 1 or (len(batches) == 1 and band is None):
            for rows in batches:
                work(rows)
        else:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(work, batches))  # a list, so that an error in a thread is raised here
            torch.set_num_threads(threads)  # the pool's setting would be what later threads start with
    finally:
        model.train(was_training)
    return new


def _check_lengths(model: Transformer, ids: list[np.ndarray], max_new: int) -> None:
    for index, prompt in enumerate(ids):
        if not len(prompt):
            raise ShapeError(f"generate: prompt {index} is empty; give at least one token, e.g. a start token.")
    longest = max(map(len, ids), default=0) + max_new
    if model.position.longest is not None and longest > model.position.longest:
        raise ShapeError(
            f"generate: a prompt of {longest - max_new} tokens and {max_new} new ones need a context of {longest}, "
            f"but the model has {model.position.longest}. Lower max_new, or train with model.context: {longest}."
        )


def _equal_length(
    ids: list[np.ndarray], max_new: int, batch: int, threads: int, model: Transformer, band: int | None
) -> Iterator[list[int]]:
    """Yield indices of prompts of one length, at most `batch` at a time, longest first (memory peaks early).

    A length with few prompts is still divided between the threads, down to `SMALLEST_SHARE`; long ones are read fewer
    at a time, so that their attention fits into memory.
    """
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(ids):
        by_length.setdefault(len(prompt), []).append(index)
    for length in sorted(by_length, reverse=True):
        rows = by_length[length]
        if len(rows) > 1:  # likenesses side by side: what they share at their beginning is read once
            rows = [rows[i] for i in np.lexsort(np.stack([ids[row] for row in rows]).T[::-1])]
        if band is None:
            most = rows_that_fit(model, length, max_new)
            size = min(batch, most, max(SMALLEST_SHARE, math.ceil(len(rows) / threads)))
        else:
            size = min(batch, rows_at_once(model, length + max_new, len(rows), threads))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _continue(
    model: Transformer,
    prompt_bt: Tensor,
    max_new: int,
    stop: frozenset[int],
    temperature: float,
    top_k: int | None,
    draws: np.ndarray | None,
    index_bt: Tensor | None = None,
    band: int | None = None,
) -> Tensor:
    """Decode one batch; (b, max_new), where what follows a stop id means nothing."""
    b, t = prompt_bt.shape
    device = prompt_bt.device
    reader: Any
    if band is not None:
        index = torch.arange(t + max_new, device=device) if index_bt is None else index_bt
        reader, feed_bt, index_bt = BandedReader(model, b, index, band), prompt_bt, None
    elif index_bt is None:
        reader, feed_bt = read_shared(model, prompt_bt, t + max_new)
    else:
        reader, feed_bt = reader_of(model, b, t + max_new), prompt_bt
    precise = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPU has no float64
    draws_bt = None if draws is None else torch.from_numpy(draws).to(device, precise)
    stop_ids = torch.tensor(sorted(stop), device=device)
    new_bt = torch.zeros(b, max_new, dtype=torch.long, device=device)
    alive = torch.arange(b, device=device)  # rows of new_bt still decoded, in the cache's order
    finished_b = torch.zeros(b, dtype=torch.bool, device=device)
    read = t - feed_bt.shape[1]
    while feed_bt.shape[1] > PIECE:
        reader(feed_bt[:, :PIECE], None if index_bt is None else index_bt[:, read : read + PIECE])
        feed_bt, read = feed_bt[:, PIECE:], read + PIECE
    for step in range(max_new):
        end = read + feed_bt.shape[1]
        logits_bv = reader(feed_bt, None if index_bt is None else index_bt[alive, read:end])
        read = end
        if draws_bt is None:
            next_b = logits_bv.argmax(-1)
        else:
            next_b = sample(logits_bv, temperature, top_k, draws_bt[alive, step])
        new_bt[alive, step] = next_b
        if stop:
            finished_b = finished_b | torch.isin(next_b, stop_ids)
            open_rows = (~finished_b).nonzero()[:, 0]
            if not len(open_rows):
                break
            if 2 * len(open_rows) < len(alive):  # copying the cache pays once half of it is idle
                reader.keep_rows(open_rows)
                alive, next_b, finished_b = alive[open_rows], next_b[open_rows], finished_b[open_rows]
        feed_bt = next_b[:, None]
    return new_bt


def _before_stop(new_bt: np.ndarray, stop: Collection[int]) -> list[np.ndarray]:
    """Cut every line at its first stop id."""
    if not stop:
        return list(new_bt)
    hits_bt = np.isin(new_bt, list(stop))
    lengths_b = np.where(hits_bt.any(1), hits_bt.argmax(1), new_bt.shape[1])
    return [line[:length].copy() for line, length in zip(new_bt, lengths_b)]
