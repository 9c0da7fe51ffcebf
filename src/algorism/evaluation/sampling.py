"""Drawing tokens by given uniform numbers, so that a draw depends on its prompt and the seed alone.

Shape letters: b batch, v vocabulary.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def uniform_draws(rows: Sequence[int], max_new: int, seed: int) -> np.ndarray:
    """Draw every uniform number sampling will need, (b, max_new), from one generator per prompt."""
    return np.stack([np.random.default_rng((seed, row)).random(max_new) for row in rows])


def sample(logits_bv: Tensor, temperature: float, top_k: int | None, uniform_b: Tensor) -> Tensor:
    """Draw one id per row by inverting the cumulative distribution at a given uniform number.

    >>> sample(torch.tensor([[0.0, 0.0]]).log_softmax(-1), 1.0, None, torch.tensor([0.7])).tolist()
    [1]
    """
    # In the draws' dtype, float64 where there is one: a cumulative sum in float32 would misplace rare tokens.
    scores_bv = logits_bv.to(uniform_b.dtype) / temperature
    if top_k is not None and top_k < scores_bv.shape[-1]:
        kept_ids = scores_bv.topk(top_k, -1).indices
        scores_bv = torch.full_like(scores_bv, float("-inf")).scatter(-1, kept_ids, scores_bv.gather(-1, kept_ids))
    cumulative_bv = scores_bv.softmax(-1).cumsum(-1)
    target_b1 = uniform_b[:, None] * cumulative_bv[:, -1:]  # the total is 1 only up to rounding
    return torch.searchsorted(cumulative_bv, target_b1, right=True)[:, 0]
