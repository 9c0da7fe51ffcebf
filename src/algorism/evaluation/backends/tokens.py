"""The next token of each row, and whether a row has written a stop.

Shape letters: b row, v vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from algorism.evaluation.backends.protocol import Sampling

_BROKEN = "\N{REPLACEMENT CHARACTER}"  # what a part of a character decodes to


def choose(logits_bv: Tensor, sampling: Sampling, draws: Sequence[torch.Generator] | None) -> Tensor:
    """The likeliest token of each row, or one drawn by the row's own generator, (b,).

    Args:
        logits_bv: of the next token.
        sampling: temperature and nucleus.
        draws: a generator for each row; None for greedy choice.
    """
    if draws is None:
        return logits_bv.argmax(-1)
    shares_bv = (logits_bv.float() / sampling.temperature).softmax(-1)
    if sampling.top_p < 1:
        sorted_bv, order_bv = shares_bv.sort(-1, descending=True)
        # Tokens before which the others already fill the nucleus are left out; the likeliest never is.
        sorted_bv = sorted_bv.where(sorted_bv.cumsum(-1) - sorted_bv < sampling.top_p, 0.0)
        shares_bv = torch.zeros_like(shares_bv).scatter(-1, order_bv, sorted_bv)
    # The smallest of exponential times with these rates falls on each token with its share (Gumbel's trick).
    times = [torch.empty(shares_bv.shape[1]).exponential_(generator=generator) for generator in draws]
    return (shares_bv / torch.stack(times).to(shares_bv.device)).argmax(-1)


class Stopper:
    """Tells when a row has written one of the stops.

    Args:
        decode: gives the text of tokens; asked only after a token that could end a stop.
        stops: texts.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str]) -> None:
        self.decode, self.stops = decode, tuple(stops)
        self.may_end: dict[int, bool] = {}

    def found(self, ids: Sequence[int]) -> bool:
        """Whether these tokens, of which only the last is new, contain a stop."""
        if not self.stops or not ids:
            return False
        last = ids[-1]
        if last not in self.may_end:
            text = self.decode([last])
            # Spaces before a token are lost where it is decoded alone, with some tokenizers.
            self.may_end[last] = _BROKEN in text or any(stop[-1] in text or stop[-1] == " " for stop in self.stops)
        if not self.may_end[last]:
            return False
        text = self.decode(ids)
        return any(stop in text for stop in self.stops)
