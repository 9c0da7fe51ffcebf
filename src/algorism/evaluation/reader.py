"""A transformer's forward pass laid out for decoding: the same function as `Transformer.forward`, several times faster.

Shape letters: t new position, s position so far, b batch, h head, m model width, n = t · b rows, z = b · h,
v vocabulary.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.linear import Linear
from ..models.norms import RMSNorm
from ..models.positions import PositionScheme
from ..models.transformer import MLP, Attention, Block, Transformer
from .blocks import SOFTMAX_WIDTH, Setting, compiled, read_blocks, weights_of


def readable(model: nn.Module) -> bool:
    """Whether `Reader` computes what the model does: a plain transformer with norms and nothing replaced."""
    return type(model) is Transformer and model.config.norm != "none" and untouched(model)


def untouched(model: nn.Module) -> bool:
    """Whether a transformer is made of our own layers in floats, and has no hooks.

    A hook (a head switched off, say) or another kind of layer (a quantised one) must not be bypassed.
    """
    plain = (nn.Linear, nn.Embedding, nn.LayerNorm, nn.RMSNorm, nn.ModuleList, nn.Identity, nn.Dropout)
    ours = (Transformer, Block, Attention, MLP, Linear, RMSNorm)
    return all(
        (type(module) in plain + ours or isinstance(module, PositionScheme))
        and not (module._forward_hooks or module._forward_pre_hooks)
        for module in model.modules()
    )


class Reader:
    """A batch of equally long texts being read by a model; remembers keys and values.

    With a position scheme that is not causal there is nothing to remember but the text, which is read anew each time.

    Args:
        model: a plain transformer (`readable`), in evaluation mode, whose weights do not change meanwhile.
        batch: rows.
        length: most positions that will be read.
    """

    def __init__(self, model: Transformer, batch: int, length: int) -> None:
        self.model, self.config, self.read = model, model.config, 0
        self.index: Tensor | None = None  # of all positions read, (s,) or (b, s)
        self.ids_bs: Tensor | None = None  # all tokens read, if they must be read again
        weight = model.embed.weight
        fusable = weight.device.type == "cpu" and weight.dtype is torch.float32 and torch.backends.mkldnn.is_available()
        fused = fusable and compiled() is not read_blocks  # found once when compiled, searched at each call when not
        self.setting = Setting(self.config.layers, self.config.heads, self.config.activation, fused)
        self.weights = [weights_of(block) for block in cast(list[Block], model.blocks)] * self.config.loops
        shape = (max(length, SOFTMAX_WIDTH), batch, self.config.width)
        self.k_sbm = [weight.new_empty(shape) for _ in self.weights]
        self.v_sbm = [weight.new_empty(shape) for _ in self.weights]
        for cache_sbm in self.k_sbm + self.v_sbm:  # attention gives these weight 0, and 0 · NaN would not be 0
            cache_sbm[:SOFTMAX_WIDTH].zero_()

    def keep_rows(self, rows: Tensor) -> None:
        """Forget every row of the batch but these, in this order; a row may be taken more than once."""

        def kept(cache_sbm: Tensor) -> Tensor:
            room, _, m = cache_sbm.shape
            filled = max(self.read, SOFTMAX_WIDTH)
            new_sbm = cache_sbm.new_empty(room, len(rows), m)
            torch.index_select(cache_sbm[:filled], 1, rows, out=new_sbm[:filled])
            return new_sbm

        self.k_sbm, self.v_sbm = [kept(k) for k in self.k_sbm], [kept(v) for v in self.v_sbm]
        if self.index is not None and self.index.dim() == 2:
            self.index = self.index.index_select(0, rows)
        if self.ids_bs is not None:
            self.ids_bs = self.ids_bs.index_select(0, rows)

    def __call__(self, ids_bt: Tensor, index_bt: Tensor | None = None) -> Tensor:
        """Read the next tokens, with their indices if those are not their places; logits (b, v) after the last."""
        model, (b, t) = self.model, ids_bt.shape
        new = torch.arange(self.read, self.read + t, device=ids_bt.device) if index_bt is None else index_bt
        self.index = new if self.index is None else torch.cat([self.index, new], -1)
        self.read += t
        if not model.position.causal:
            self.ids_bs = ids_bt if self.ids_bs is None else torch.cat([self.ids_bs, ids_bt], 1)
            return model(self.ids_bs, positions=self.index, keep=slice(-1, None))[:, 0]
        x_tbm = F.embedding(ids_bt.t(), model.embed.weight)
        added = model.position.embed(new)
        if added is not None:
            x_tbm += by_position(added).to(x_tbm.dtype)
        angles = model.position.angles(new)
        x_bm = compiled()(
            x_tbm.view(t * b, -1),
            b,
            self.read,
            self.weights,
            self.k_sbm,
            self.v_sbm,
            self.logit_biases(b, new, x_tbm),
            self.query_scales(t, x_tbm),
            None if angles is None else by_position(angles),
            self.setting,
        )
        return F.linear(model.norm(x_bm), (model.embed if model.head is None else model.head).weight)

    def logit_biases(self, b: int, new: Tensor, like: Tensor) -> list[Tensor]:
        """What is added to each layer's attention logits, (1 or z, t, s); empty for nothing in any layer.

        That is −∞ at keys not to be seen, and the position scheme's bias.
        """
        s, padded, t = self.read, max(self.read, SOFTMAX_WIDTH), new.shape[-1]
        keys = new if self.index is None else self.index
        of_scheme = [self.model.position.bias(layer, new, keys) for layer in range(self.config.layers)]
        if of_scheme[0] is None and t == 1 and padded == s:
            return []
        future_ts = torch.arange(padded, device=like.device) > torch.arange(s - t, s, device=like.device)[:, None]
        bias_1ts = torch.zeros(1, t, padded, dtype=like.dtype, device=like.device).masked_fill_(future_ts, -math.inf)

        def full_zts(bias: Tensor | None) -> Tensor:
            if bias is None:
                return bias_1ts
            seen = bias_1ts + F.pad(bias.to(like.dtype), (0, padded - s))  # (h, t, s) or (b, h, t, s), h perhaps 1
            return seen.expand(b, self.config.heads, t, padded).reshape(-1, t, padded)

        return [full_zts(bias) for bias in of_scheme]

    def query_scales(self, t: int, like: Tensor) -> list[Tensor]:
        """What each layer's queries are multiplied by, (t, 1 or h, 1); empty for nothing in any layer."""
        seen = torch.arange(self.read - t + 1, self.read + 1, device=like.device)
        of_scheme = [self.model.position.scale(layer, seen) for layer in range(self.config.layers)]
        return [scale_ht1.transpose(0, 1).to(like.dtype) for scale_ht1 in of_scheme if scale_ht1 is not None]


def by_position(x: Tensor) -> Tensor:
    """Give (t, x) as (t, 1, x), and (b, t, x) as (t, b, x)."""
    return x[:, None] if x.dim() == 2 else x.transpose(0, 1)
