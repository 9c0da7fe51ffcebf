"""How far a network's next tokens move when its weights get few bits: divergence, and how often the choice is kept.

Shape letters: b batch, t position, v vocabulary, n positions of all rows together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..errors import DataError
from .one_at_a_time import log_probabilities


@dataclass(frozen=True)
class NextTokens:
    """Two networks on the same texts.

    Attributes:
        kl: mean KL(before ‖ after) of a position, in nats.
        agreement: share of positions where both have the same likeliest token.
        positions: how many were compared.
    """

    kl: float
    agreement: float
    positions: int


def compare_next_tokens(before: nn.Module, after: nn.Module, batches: Iterable[Any]) -> NextTokens:
    """Compare what two networks expect next, at every position of the batches.

    Args:
        before: in evaluation mode; gives logits (b, t, v), as a tensor or as transformers wraps them.
        after: the same.
        batches: inputs of both.

    Raises:
        DataError: no batches.

    >>> import torch
    >>> one = nn.Embedding.from_pretrained(torch.tensor([[0.0, 0.0], [0.0, 2.0]]))
    >>> other = nn.Embedding.from_pretrained(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))
    >>> compare_next_tokens(one, other, [torch.tensor([[0, 1]])]).agreement
    0.5
    """
    divergence, same, positions = 0.0, 0, 0
    for batch in batches:
        before_nv, after_nv = log_probabilities(before, batch), log_probabilities(after, batch)
        divergence += float((before_nv.exp() * (before_nv - after_nv)).double().sum())
        same += int((before_nv.argmax(-1) == after_nv.argmax(-1)).sum())
        positions += len(before_nv)
    if not positions:
        raise DataError("compare_next_tokens: no texts to compare on. Give at least one batch.")
    return NextTokens(max(divergence / positions, 0.0), same / positions, positions)
