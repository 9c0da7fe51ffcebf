"""What a step is trained on: a pure function of the seed and the step, so that any step can be made again after a kill.

Shape letters: b rows, t positions, n examples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

IGNORE = -100  # target of a position that carries no loss, as in torch's cross_entropy


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one optimiser step.

    Args:
        ids_bt: token ids the network reads.
        targets_bt: the next token at each position, or IGNORE.
        first: no position before this one carries loss, in any row.
        index_bt: the number of each token, as the model is told it; None for its place.
    """

    ids_bt: np.ndarray
    targets_bt: np.ndarray
    first: int
    index_bt: np.ndarray | None = None

    @property
    def tokens(self) -> int:
        """Positions the network computes."""
        return int(self.ids_bt.size)

    def rows(self, rows: slice) -> "Batch":
        """Only these rows, of every model."""
        index_bt = None if self.index_bt is None else self.index_bt[..., rows, :]
        return Batch(self.ids_bt[..., rows, :], self.targets_bt[..., rows, :], self.first, index_bt)


class Source(Protocol):
    """Anything that gives the batch of a step."""

    def batch(self, step: int) -> Batch:
        """Make the batch of optimiser step `step`, counted from 0."""
        ...


def shifted(
    ids_nt: np.ndarray, length_n: np.ndarray, prompt_n: np.ndarray, index_nt: np.ndarray | None = None
) -> Batch:
    """Rows of whole examples as a batch with loss on what follows the prompt only.

    >>> batch = shifted(np.array([[5, 6, 7, 0]]), np.array([3]), np.array([2]))
    >>> batch.targets_bt.tolist(), batch.first
    ([[-100, 7]], 1)
    """
    width = int(length_n.max())
    targets_bt = ids_nt[:, 1:width].astype(np.int64)
    position = np.arange(1, width)
    silent = (position < prompt_n[:, None]) | (position >= length_n[:, None])
    targets_bt[silent] = IGNORE
    index_bt = None if index_nt is None else index_nt[:, : width - 1]
    return Batch(ids_nt[:, : width - 1].astype(np.int32), targets_bt, int(prompt_n.min()) - 1, index_bt)


class Rows:
    """A fixed set of examples, visited in a new order each epoch; loss on the answer only.

    Args:
        ids_nt, length_n, prompt_n: the tokenized examples (`algorism.text.Encoded`).
        size: rows per step.
        seed: of the orders.
        index: for these rows and a generator, the number of each token; None for its place.
    """

    def __init__(
        self,
        ids_nt: np.ndarray,
        length_n: np.ndarray,
        prompt_n: np.ndarray,
        size: int,
        seed: int,
        index: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        self.ids_nt, self.length_n, self.prompt_n = ids_nt, length_n, prompt_n
        self.size, self.seed, self.index = size, seed, index
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def _epoch(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.length_n)))
        return self._order[1]

    def batch(self, step: int) -> Batch:
        """Take the next `size` examples; one epoch runs into the next without a short batch."""
        n, picked, at = len(self.length_n), [], step * self.size
        left = self.size
        while left:
            epoch, offset = divmod(at, n)
            rows = self._epoch(epoch)[offset : offset + left]
            picked.append(rows)
            at, left = at + len(rows), left - len(rows)
        rows = np.concatenate(picked)
        index_bt = None if self.index is None else self.index(rows, np.random.default_rng([self.seed, 4, step]))
        return shifted(self.ids_nt[rows], self.length_n[rows], self.prompt_n[rows], index_bt)


class Fresh:
    """New examples at every step; loss on the answer only.

    Args:
        make: (size, seed) → tokenized examples: ids_nt, length_n, prompt_n and, if tokens are numbered otherwise than
            by their place, index_nt; a pure function.
        size: rows per step.
        seed: of the run.
    """

    def __init__(self, make: Callable[[int, tuple[int, int]], tuple[np.ndarray, ...]], size: int, seed: int) -> None:
        self.make, self.size, self.seed = make, size, seed

    def batch(self, step: int) -> Batch:
        """Make `size` examples from (seed, step)."""
        return shifted(*self.make(self.size, (self.seed, step)))


class Packed:
    """Rows full of new examples, one after the other, cut at a random place of the first; loss on answers only.

    So every position of the context is trained, wherever an example happens to stand (arXiv 2310.16028).

    Args:
        make: as in `Fresh`, without numbers of tokens.
        context: positions of a row.
        size: rows per step.
        seed: of the run.
    """

    def __init__(
        self, make: Callable[[int, tuple[int, int]], tuple[np.ndarray, ...]], context: int, size: int, seed: int
    ) -> None:
        self.make, self.context, self.size, self.seed = make, context, size, seed
        self._mean: float | None = None

    def batch(self, step: int) -> Batch:
        """Make the rows from (seed, step)."""
        if self._mean is None:  # from a fixed step, so that a resumed run finds the same
            self._mean = float(self.make(256, (self.seed, 0))[1].mean())
        wanted = self.size * (self.context + 1)
        # A few examples more than the mean asks for: rows are cut from one stream, which must be long enough.
        count = int(wanted / self._mean * 1.1) + 2 * self.size
        ids_nt, length_n, prompt_n = self.make(count, (self.seed, step))[:3]
        while int(length_n.sum()) < wanted + self.context:
            count *= 2
            ids_nt, length_n, prompt_n = self.make(count, (self.seed, step))[:3]
        place = np.arange(ids_nt.shape[1])
        shown_nt = place < length_n[:, None]
        answer_nt = shown_nt & (place >= prompt_n[:, None])
        start = int(np.random.default_rng([self.seed, 8, step]).integers(0, self.context))
        ids = ids_nt[shown_nt][start : start + wanted].reshape(self.size, self.context + 1)
        spoken = answer_nt[shown_nt][start : start + wanted].reshape(self.size, self.context + 1)
        targets = np.where(spoken[:, 1:], ids[:, 1:].astype(np.int64), IGNORE)
        return Batch(ids[:, :-1].astype(np.int32), targets, 0)


class Windows:
    """Windows of one long stream, cut at uniformly random offsets; loss on every token (the paper's regime).

    Args:
        stream_n: token ids of all examples, one after another.
        context: tokens per window.
        size: windows per step.
        seed: of the offsets.
    """

    def __init__(self, stream_n: np.ndarray, context: int, size: int, seed: int) -> None:
        self.stream_n, self.context, self.size, self.seed = stream_n, context, size, seed

    def batch(self, step: int) -> Batch:
        """Cut `size` windows at offsets drawn from (seed, step)."""
        rng = np.random.default_rng([self.seed, 2, step])
        start_b = rng.integers(0, len(self.stream_n) - self.context, self.size)
        windows = self.stream_n[start_b[:, None] + np.arange(self.context + 1)]
        return Batch(windows[:, :-1].astype(np.int32), windows[:, 1:].astype(np.int64), 0)


def stack(batches: list[Batch]) -> Batch:
    """Several models' batches as one with a leading model axis; shorter ones are padded on the right with id 0."""
    width = max(b.ids_bt.shape[1] for b in batches)

    def padded(array: np.ndarray, value: int) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=value)

    ids = np.stack([padded(b.ids_bt, 0) for b in batches])
    targets = np.stack([padded(b.targets_bt, IGNORE) for b in batches])
    numbered = [b.index_bt for b in batches]
    index = None if numbered[0] is None else np.stack([padded(i, 0) for i in numbered if i is not None])
    return Batch(ids, targets, min(b.first for b in batches), index)
