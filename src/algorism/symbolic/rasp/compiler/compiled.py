"""A program as a transformer, with the small encoder and decoder of its token ids.

Shape letters: b batch, t position, v vocabulary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ....errors import DataError, ShapeError
from ..functions import Ints
from ..graph import Seq
from ..interpreter import run
from .layout import Layout
from .weights import build

if TYPE_CHECKING:
    from torch import Tensor

    from ....models import Transformer

BOS_ID = 0


@dataclass(frozen=True)
class Compiled:
    """A transformer that computes a program.

    Attributes:
        model: in float64; its logits are 1 for the program's output and 0 for everything else.
        program: what it computes.
        tokens: the token of each id from 1; id 0 is BOS. After the vocabulary come other values the program can give.
        vocab: how many of `tokens` may be given to it.
    """

    model: "Transformer"
    program: Seq
    tokens: tuple[int, ...]
    vocab: int

    def encode(self, tokens: ArrayLike) -> "Tensor":
        """Put BOS in front and return the ids, (b, t + 1).

        Args:
            tokens: (b, t).

        Raises:
            ShapeError: not two dimensions, or longer than the program was compiled for.
            DataError: a token outside the vocabulary.
        """
        import torch

        tokens_bt = np.asarray(tokens)
        longest = self.model.config.context - 1
        if tokens_bt.ndim != 2 or tokens_bt.shape[1] > longest:
            raise ShapeError(f"Compiled: expected tokens (b, t) with t up to {longest}, got shape {tokens_bt.shape}.")
        known = np.array(self.tokens[: self.vocab])
        strange = np.setdiff1d(tokens_bt, known)
        if len(strange):
            raise DataError(f"Compiled: token {strange[0]} is not in the vocabulary; compile the program with it.")
        order = np.argsort(known)
        ids_bt = 1 + order[np.searchsorted(known, tokens_bt, sorter=order)]
        return torch.from_numpy(np.pad(ids_bt.astype(np.int64), ((0, 0), (1, 0)), constant_values=BOS_ID))

    def decode(self, logits: "Tensor") -> Ints:
        """Return the most likely token after each position, (b, t), from logits (b, t + 1, v) that start at BOS."""
        return np.array([0, *self.tokens])[logits[:, 1:].argmax(-1).numpy()]

    def run(self, tokens: ArrayLike) -> Ints:
        """Return what the network computes, (b, t), for tokens (b, t)."""
        return self.decode(self.model(self.encode(tokens)))

    def difference(self, tokens: ArrayLike) -> float:
        """Return how far any logit is from what the interpreter says: 1 for its output, 0 for everything else."""
        import torch

        logits_btv = self.model(self.encode(tokens))[:, 1:]
        ids = {value: i for i, value in enumerate(self.tokens, start=1)}
        expected = np.vectorize(ids.__getitem__, otypes=[np.int64])(run(self.program, tokens, check=False))
        wanted = torch.nn.functional.one_hot(torch.from_numpy(expected), logits_btv.shape[-1])
        return float((logits_btv - wanted).abs().max())


def compile(program: Seq, vocab: Iterable[int], longest: int) -> Compiled:
    """Write a program into the weights of a transformer.

    Args:
        program: its output sequence.
        vocab: every token that may occur in the input.
        longest: most positions of the input.

    Raises:
        UsageError: a part that needs too large a table, or a network of more than a hundred million weights.

    Source of the construction: What Algorithms can Transformers Learn? (arXiv 2310.16028), Appendix C: hard attention
    by large scores, defaults by a BOS position, counts from BOS's share of attention, tables by ReLU.

    >>> from algorism.symbolic.rasp import gt, kqv, tokens
    >>> x = tokens()
    >>> network = compile(kqv(x, x, x, gt, default=0, reduction="min"), vocab=range(10), longest=8)
    >>> network.run([[3, 5, 4, 3]]).tolist()
    [[0, 0, 5, 4]]
    >>> network.model.config.layers, network.model.config.heads
    (1, 1)
    """
    vocab = sorted(set(vocab))
    layout = Layout(program, vocab, longest)
    model, tokens = build(layout)
    return Compiled(model, program, tuple(tokens), len(vocab))
