"""Decoding with a band: a query sees only keys whose index differs from its own by at most so much.

The cost of a new token then depends on the band alone, not on the length of the text. Keys lie in memory in the order
of their indices, not of their places, so that those within a band lie side by side wherever in the text they stand. The
model itself does the rest: it is given a cache that hands out the band, and a position scheme that hides what else is
in it.

A band changes the function a model computes. By how much is for `band_error` to say.

Shape letters: b batch, t query position, s key position or slot, k keys handed out, h head, d head width, m model
width, v vocabulary.
"""

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UsageError
from ..models.attention import future
from ..models.positions import rotate
from ..models.transformer import Attention, Cache, Transformer

WIDER = 256  # keys beyond its own band that a query may be given, so that neighbours are read in one pass
MOST_LOGITS = 1 << 24  # attention logits of one layer that a pass may need at once
MOST_CACHED = 1 << 27  # numbers that the keys and values of one batch may be
# Rows below which a batch is not divided between threads: its steps are mostly Python, which one thread runs at a time.
SMALLEST_SHARE = 100


def check_band(band: int) -> None:
    """Refuse what is no width.

    Raises:
        UsageError: says what is meant.
    """
    if isinstance(band, bool) or not isinstance(band, int) or band < 0:
        raise UsageError(
            f"band: expected a whole number of at least 0, the widest difference of indices at which a key is seen, "
            f"or none for no band; got {band!r}."
        )


def rows_at_once(model: Transformer, length: int, rows: int, threads: int) -> int:
    """How many texts of this length are decoded together: a thread's share, if its keys and values fit into memory."""
    c = model.config
    fitting = MOST_CACHED // (2 * c.layers * c.loops * c.width * length)
    return max(1, min(fitting, max(SMALLEST_SHARE, math.ceil(rows / threads))))


class BandedCache(Cache):
    """Keys and values in the order of their indices; hands out those within the band of the positions read now.

    A position's slot is known before it is read, because all indices are. Slots not yet read hold zeros and are hidden.

    Args:
        model: the transformer that will fill it.
        batch: rows.
        index: of all positions that will be read, (s,) or (b, s).
        band: greatest difference of indices at which a key is seen.
    """

    def __init__(self, model: Transformer, batch: int, index: Tensor, band: int) -> None:
        c, weight = model.config, model.embed.weight
        super().__init__(c, batch, index.shape[-1], weight.dtype, weight.device)
        if index.dim() == 2 and bool((index == index[0]).all()):
            index = index[0]
        self.index, self.band = index, min(band, int(index.max() - index.min()))
        self.sorted, self.place = index.sort(dim=-1, stable=True)  # index and place in the text, of each slot
        self.slot = self.place.argsort(-1)  # of each place
        self.low = torch.searchsorted(self.sorted, index - self.band)  # of each place, the first slot of its band
        self.high = torch.searchsorted(self.sorted, index + self.band, right=True)  # and the slot behind its last
        self.single = c.layers * c.loops == 1  # then only the last query of a pass is computed
        self.heads = c.heads
        if index.dim() == 1:  # as Python's integers: single positions are looked up most
            self.lows, self.highs = self.low.tolist(), self.high.tolist()

    def pass_length(self, most: int) -> int:
        """How many positions to read next, at most `most`: neighbours in the text whose bands overlap enough."""
        if most == 1 or self.single:
            return most
        own = int((self.high - self.low)[..., self.length].max())
        low = self.low[..., self.length : self.length + most].cummin(-1).values
        high = self.high[..., self.length : self.length + most].cummax(-1).values
        width_t = (high - low).reshape(-1, low.shape[-1]).amax(0)
        near = int((width_t <= own + WIDER).sum())
        rows = len(self.k_bhsd[0])
        return max(1, min(near, MOST_LOGITS // (rows * self.heads * (own + WIDER))))

    def indices(self, index: Tensor) -> Tensor:
        """Choose the keys that the next positions see; their indices, (k,) or (b, k)."""
        start, end = self.length, self.length + index.shape[-1]
        first = end - 1 if self.single else start
        if self.sorted.dim() == 1:
            low, high = min(self.lows[first:end]), max(self.highs[first:end])
            self.chosen: slice | Tensor = slice(low, high)
            index_k, place_k = self.sorted[low:high], self.place[low:high]
        else:
            low_b, high_b = self.low[:, first:end].amin(1), self.high[:, first:end].amax(1)
            k = int((high_b - low_b).max())
            low_b = low_b.clamp(max=self.sorted.shape[1] - k)  # rows with fewer get some more, and do not see them
            self.chosen = low_b[:, None] + torch.arange(k, device=low_b.device)
            index_k, place_k = self.sorted.gather(1, self.chosen), self.place.gather(1, self.chosen)
        places_t = torch.arange(first, end, device=place_k.device)
        self.hidden = place_k[..., None, :] > places_t[:, None]  # (t, k) or (b, t, k)
        if self.sorted.dim() == 2 or end - first > 1:
            self.hidden |= (index_k[..., None, :] - index[..., first - start :, None]).abs() > self.band
        # `attend` lets the last query see every key and each one before it one less; what it takes away are these.
        self.spare = end - first - 1
        return index_k

    def append(self, layer: int, k_bhtd: Tensor, v_bhtd: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values of one layer (of one loop); give those chosen."""
        slot = self.slot[..., self.length : self.length + k_bhtd.shape[2]]
        return self._exchange(self.k_bhsd[layer], k_bhtd, slot), self._exchange(self.v_bhsd[layer], v_bhtd, slot)

    def _exchange(self, all_bhsd: Tensor, new_bhtd: Tensor, slot: Tensor) -> Tensor:
        if isinstance(self.chosen, slice):
            all_bhsd.index_copy_(2, slot, new_bhtd)
            chosen_bhkd = all_bhsd[:, :, self.chosen]
        else:
            rows_b1 = torch.arange(len(slot), device=slot.device)[:, None]
            all_bhsd[rows_b1, :, slot] = new_bhtd.transpose(1, 2)
            chosen_bhkd = all_bhsd[rows_b1, :, self.chosen].transpose(1, 2)
        return F.pad(chosen_bhkd, (0, 0, 0, self.spare)) if self.spare else chosen_bhkd

    def hide(self, bias: Tensor | None, queries: int) -> Tensor:
        """Give −∞ where one of the last queries does not see a key, else the bias; (h, t, k) or (b, h, t, k)."""
        hidden = self.hidden[..., -queries:, :].unsqueeze(-3)
        if bias is None:
            bias = torch.zeros(hidden.shape, device=hidden.device)
        bias = bias.masked_fill(hidden, -math.inf)
        return F.pad(bias, (0, self.spare), value=-math.inf) if self.spare else bias

    def keep_rows(self, rows: Tensor) -> None:
        """Forget every row of the batch but these, in this order."""
        super().keep_rows(rows)
        if self.sorted.dim() == 2:
            for name in ("sorted", "place", "slot", "low", "high"):
                setattr(self, name, getattr(self, name).index_select(0, rows))


def hiding(model: Transformer, cache: BandedCache) -> Transformer:
    """Give the model, weights shared, with a position scheme that hides what the cache says, and is else the same."""
    twin, scheme = copy.copy(model), copy.copy(model.position)
    of_scheme = model.position.bias

    def bias(layer: int, query: Tensor, key: Tensor) -> Tensor:
        return cache.hide(of_scheme(layer, query, key), query.shape[-1])

    scheme.bias = bias  # type: ignore[method-assign]
    twin._modules = {**model._modules, "position": scheme}
    return twin


class BandedReader:
    """`reader.Reader`'s interface with a band: a batch of equally long texts being read by a model.

    Args:
        model: a transformer in evaluation mode; its hooks and replaced layers are obeyed.
        batch: rows.
        index: of all positions that will be read, (s,) or (b, s).
        band: greatest difference of indices at which a key is seen.
    """

    def __init__(self, model: Transformer, batch: int, index: Tensor, band: int) -> None:
        self.cache = BandedCache(model, batch, index, band)
        self.model = hiding(model, self.cache)
        self.keep_rows = self.cache.keep_rows

    def __call__(self, ids_bt: Tensor, index_bt: Tensor | None = None) -> Tensor:
        """Read the next tokens, whose indices are known; logits (b, v) after the last."""
        while True:
            start, t = self.cache.length, self.cache.pass_length(ids_bt.shape[1])
            index = self.cache.index[..., start : start + t]  # type: ignore[index]
            logits_b1v = self.model(ids_bt[:, :t], self.cache, positions=index, keep=slice(-1, None))
            if t == ids_bt.shape[1]:
                return logits_b1v[:, 0]
            ids_bt = ids_bt[:, t:]


@torch.no_grad()
def band_error(
    model: Transformer,
    texts: Sequence[np.ndarray | list[int]],
    band: int,
    *,
    indices: Sequence[np.ndarray] | None = None,
    first: int = 0,
) -> float:
    """Measure what a band would leave out: the largest attention that any query pays to keys outside it.

    It is measured without the band, on texts short enough for the full attention, and bounds nothing beyond them.

    Args:
        model: a transformer.
        texts: token ids, prompts with their continuations.
        band: as in `generate`.
        indices: of each text's tokens; None for places.
        first: queries before this place are not looked at. In a model of one layer, what the tokens of a prompt see
            changes no answer, but for the last.

    Returns:
        The largest share over texts, layers, heads and queries, 0 to 1.

    Raises:
        UsageError: a band below 0, or no text with a query to look at.

    >>> from algorism.models.config import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8))
    >>> band_error(model, [[1, 2, 3]], band=2)
    0.0
    """
    check_band(band)
    if not any(len(text) > first for text in texts):
        raise UsageError(f"band_error: expected a text of more than {first} tokens, or a smaller `first`.")
    index_t = torch.empty(0)
    found = 0.0

    def look(attention: Any, args: tuple[Any, ...]) -> None:
        nonlocal found
        x_btm, at = args[:2]
        heads = [x_btm.shape[1], 3, attention.config.heads, attention.config.head_width]
        q_htd, k_hsd, _ = attention.qkv(x_btm)[0].view(heads).permute(1, 2, 0, 3).unbind(0)
        if at.angles is not None:
            q_htd, k_hsd = rotate(q_htd[None], at.angles)[0], rotate(k_hsd[None], at.angles)[0]
        if at.scale_ht1 is not None:
            q_htd = q_htd * at.scale_ht1
        scores_hts = q_htd[:, first:] @ k_hsd.transpose(1, 2) * q_htd.shape[2] ** -0.5
        if at.bias_hts is not None:
            scores_hts += at.bias_hts[:, first:]
        scores_hts += future(scores_hts.shape[1], len(index_t), scores_hts)
        far_ts = (index_t[first:, None] - index_t).abs() > band
        found = max(found, float((scores_hts.softmax(-1) * far_ts).sum(-1).max()))

    blocks = [module for module in model.modules() if isinstance(module, Attention)]
    hooks = [block.register_forward_pre_hook(look) for block in blocks]
    was_training = model.training
    model.eval()
    try:
        for number, text in enumerate(texts):
            if len(text) <= first:
                continue
            ids_1t = torch.as_tensor(np.asarray(text, dtype=np.int64), device=model.embed.weight.device)[None]
            places = np.arange(len(text)) if indices is None else indices[number][: len(text)]
            index_t = torch.as_tensor(places, device=ids_1t.device)
            model(ids_1t, positions=index_t)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return found
