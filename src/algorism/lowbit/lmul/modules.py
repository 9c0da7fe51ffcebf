"""Layers whose products are computed by an `Arithmetic`, in place of the ones they are made from.

A layer shares the weights of the one it replaces, under the same names, so that a checkpoint loads into either and
putting the old one back (see `convert`) loses no training.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, n = 2m.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.attention import attend, future, softmax
from ...models.positions import rotate
from ...models.transformer import Attention, Cache, Positions
from .arithmetic import Arithmetic, LMul


class LMulLinear(nn.Linear):
    """A linear layer: x · Wᵀ by the arithmetic, the bias added exactly.

    Args:
        features_in: inputs.
        features_out: outputs.
        bias: whether there is one.
        arithmetic: of the products; L-Mul with all bits by default.
        seed: of the first weights, uniform in ±1/√inputs as in `nn.Linear`.

    >>> layer = LMulLinear(2, 1, bias=False, arithmetic=LMul(4), seed=0)
    >>> layer(torch.ones(3, 2)).shape
    torch.Size([3, 1])
    """

    def __init__(
        self,
        features_in: int,
        features_out: int,
        bias: bool = True,
        arithmetic: Arithmetic | None = None,
        seed: int = 0,
    ) -> None:
        nn.Module.__init__(self)  # nn.Linear's own would draw weights from the global generator
        self.in_features, self.out_features = features_in, features_out
        self.arithmetic: Arithmetic = arithmetic or LMul()
        generator, limit = torch.Generator().manual_seed(seed), max(1, features_in) ** -0.5
        self.weight = nn.Parameter(torch.empty(features_out, features_in).uniform_(-limit, limit, generator=generator))
        self.register_parameter("bias", None)
        if bias:
            self.bias = nn.Parameter(torch.empty(features_out).uniform_(-limit, limit, generator=generator))

    @classmethod
    def sharing(cls, weight: nn.Parameter, bias: nn.Parameter | None, arithmetic: Arithmetic) -> "LMulLinear":
        """A layer with weights (outputs, inputs) that belong to another one as well."""
        layer = cls(0, 0, bias=False, arithmetic=arithmetic)
        layer.out_features, layer.in_features = weight.shape
        layer.weight = weight
        layer.register_parameter("bias", bias)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """Multiply, then add the bias."""
        y = self.arithmetic.matmul(x, self.weight.t())
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        """Sizes and arithmetic."""
        return f"{super().extra_repr()}, arithmetic={self.arithmetic.name}"


class LMulConv1D(nn.Module):
    """GPT-2's linear layer as `transformers` stores it, with a weight of (inputs, outputs)."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.nx, self.nf = weight.shape
        self.weight, self.bias, self.arithmetic = weight, bias, arithmetic

    def forward(self, x: Tensor) -> Tensor:
        """Multiply, then add the bias."""
        return self.arithmetic.matmul(x, self.weight) + self.bias


class LMulNorm(nn.Module):
    """LayerNorm or RMSNorm whose gain is multiplied by the arithmetic; the statistics stay exact."""

    def __init__(self, original: nn.LayerNorm | nn.RMSNorm, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.centred, self.shape, self.eps = isinstance(original, nn.LayerNorm), original.normalized_shape, original.eps
        self.weight, self.bias = original.weight, getattr(original, "bias", None)
        self.arithmetic = arithmetic

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, multiply, add the bias."""
        if self.centred:
            assert self.eps is not None
            normal = F.layer_norm(x, self.shape, eps=self.eps)
        else:
            normal = F.rms_norm(x, self.shape, eps=self.eps)
        y = self.arithmetic.multiply(normal, self.weight)
        return y if self.bias is None else y + self.bias


class LMulAttention(nn.Module):
    """Our transformer's attention: Q · Kᵀ and P · V by the arithmetic, everything else exact.

    Args:
        original: whose weights are shared.
        arithmetic: of the two products; None to leave them exact, for a network whose linear layers alone are replaced
            (the original reads the weights of its linear layers past their `forward`).
    """

    def __init__(self, original: Attention, arithmetic: Arithmetic | None) -> None:
        super().__init__()
        self.config, self.arithmetic = original.config, arithmetic
        self.qkv, self.heads_out, self.out = original.qkv, original.heads_out, original.out

    def forward(
        self,
        x_btm: Tensor,
        at: Positions,
        cache: Cache | None,
        layer: int,
        first: int = 0,
        ids_bt: Tensor | None = None,
    ) -> Tensor:
        """Mix positions, as `Attention.forward` does."""
        angles, scale_ht1, bias_hts = at
        c, m = self.config, x_btm.shape[-1]
        q_btm, kv_bsn = self.qkv(x_btm).split([m, 2 * m], -1)
        if ids_bt is None:
            q_btm = q_btm[:, first:]
        else:
            q_btm, kv_bsn = F.embedding(ids_bt[:, first:], q_btm), F.embedding(ids_bt, kv_bsn)
        (b, t, _), s = q_btm.shape, kv_bsn.shape[1]
        q_bhtd = q_btm.view(b, t, c.heads, c.head_width).transpose(1, 2)
        k_bhsd, v_bhsd = kv_bsn.reshape(b, s, 2, c.heads, c.head_width).permute(2, 0, 3, 1, 4).unbind(0)
        if scale_ht1 is not None:
            q_bhtd = (q_bhtd * scale_ht1).to(q_bhtd.dtype)
        if angles is not None:
            q_bhtd, k_bhsd = rotate(q_bhtd, angles[..., first:, :]), rotate(k_bhsd, angles)
        if cache is not None:
            k_bhsd, v_bhsd = cache.append(layer, k_bhsd, v_bhsd)
        dropout = c.dropout if self.training else 0.0
        if self.arithmetic is None:
            y_bhtd = attend(q_bhtd, k_bhsd, v_bhsd, bias_hts, dropout)
        else:
            y_bhtd = attend_by(self.arithmetic, q_bhtd, k_bhsd, v_bhsd, bias_hts, dropout)
        return self.out(self.heads_out(y_bhtd.transpose(1, 2)).reshape(b, t, m))


def attend_by(
    arithmetic: Arithmetic,
    q_bhtd: Tensor,
    k_bhsd: Tensor,
    v_bhsd: Tensor,
    bias_hts: Tensor | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """Causal softmax attention with both matrix products by an arithmetic; (b, h, t, d).

    The scores are scaled, and future keys masked, after the product: 1/√d stays exact, and −∞ meets no product.
    Arguments as those of `models.attention.attend`. Source: arXiv 2410.00907, section 2.3.

    >>> q_bhtd = torch.ones(1, 1, 2, 4)
    >>> attend_by(LMul(), q_bhtd, q_bhtd, q_bhtd)[0, 0, 0].tolist()  # 1 · 1 is 1 + 1/16
    [1.0625, 1.0625, 1.0625, 1.0625]
    """
    t, s = q_bhtd.shape[2], k_bhsd.shape[2]
    scores_bhts = arithmetic.matmul(q_bhtd, k_bhsd.transpose(-1, -2)) * q_bhtd.shape[-1] ** -0.5
    if bias_hts is not None:
        scores_bhts = scores_bhts + bias_hts.to(scores_bhts.dtype)
    if t > 1:
        scores_bhts = scores_bhts + future(t, s, scores_bhts)
    weights_bhts = softmax(scores_bhts).to(v_bhsd.dtype)
    if dropout:
        weights_bhts = F.dropout(weights_bhts, dropout)
    return arithmetic.matmul(weights_bhts, v_bhsd)


def attention_for_transformers(arithmetic: Arithmetic) -> Callable[..., tuple[Tensor, Tensor]]:
    """The attention function of an arithmetic, as `transformers.AttentionInterface` calls it."""

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        groups = query.shape[1] // key.shape[1]  # query heads that share a key head
        k_bhsd, v_bhsd = (x.repeat_interleave(groups, 1) if groups > 1 else x for x in (key, value))
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        scores_bhts = arithmetic.matmul(query, k_bhsd.transpose(-1, -2)) * scale
        if attention_mask is not None:
            scores_bhts = scores_bhts + attention_mask[..., : k_bhsd.shape[2]]
        weights_bhts = scores_bhts.softmax(-1, torch.float32).to(query.dtype)
        weights_bhts = F.dropout(weights_bhts, dropout, module.training)
        return arithmetic.matmul(weights_bhts, v_bhsd).transpose(1, 2).contiguous(), weights_bhts

    return attention
