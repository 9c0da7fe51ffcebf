"""Causal softmax attention: torch's fused kernel for long texts, matrix products for short ones.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, z = b · h, p how many of
queries, keys and values a tensor holds side by side.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShapeError

# Up to these lengths matrix products train faster on a CPU than torch's fused attention (`benchmarks/attention.py`).
SHORT_UP_TO = {torch.float32: 256, torch.bfloat16: 512}
VECTOR = 16  # float32 numbers in the widest vector register of today's processors


def attend(q_bhtd: Tensor, k_bhsd: Tensor, v_bhsd: Tensor, bias_hts: Tensor | None, dropout: float = 0.0) -> Tensor:
    """Causal softmax attention; the last query sees every key, an earlier one as many fewer.

    Args:
        q_bhtd: queries; t may be smaller than s (a cache holds the rest).
        k_bhsd: keys.
        v_bhsd: values.
        bias_hts: added to the logits before the softmax (ALiBi); None for none.
        dropout: share of attention weights set to 0.

    Returns:
        (b, h, t, d), in q's dtype.

    Raises:
        ShapeError: if there are more queries than keys.
    """
    t, s = q_bhtd.shape[2], k_bhsd.shape[2]
    if s < t:
        raise ShapeError(f"attend: {t} queries but only {s} keys; did you forget to append to the cache?")
    if bias_hts is None and t == s and not is_short(s, q_bhtd.dtype, q_bhtd.device):
        return F.scaled_dot_product_attention(q_bhtd, k_bhsd, v_bhsd, is_causal=True, dropout_p=dropout)
    scores_bhts = (q_bhtd * q_bhtd.shape[-1] ** -0.5) @ k_bhsd.transpose(-1, -2)
    if bias_hts is not None:
        scores_bhts = scores_bhts + bias_hts.to(scores_bhts.dtype)
    if t > 1:
        scores_bhts = scores_bhts + future(t, s, scores_bhts)
    weights_bhts = softmax(scores_bhts).to(v_bhsd.dtype)
    if dropout:
        weights_bhts = F.dropout(weights_bhts, dropout)
    return weights_bhts @ v_bhsd


def is_short(s: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether matrix products beat the fused kernel at this length; `dtype` is that of the products."""
    return device.type == "cpu" and s <= SHORT_UP_TO.get(dtype, SHORT_UP_TO[torch.float32])


def future(t: int, s: int, like: Tensor) -> Tensor:
    """Give −∞ where a key comes after the query, else 0, (t, s).

    Adding it is one pass over the scores with nothing to save for the backward; masked_fill costs both.
    """
    return torch.full((t, s), float("-inf"), dtype=like.dtype, device=like.device).triu(s - t + 1)


def softmax(scores_xs: Tensor) -> Tensor:
    """Softmax over the last axis, in float32 at least.

    On a CPU torch's kernel is slow in bf16, and nine times slower on rows shorter than a vector register than on
    full ones, so short rows are filled up with −∞.
    """
    s, precise = scores_xs.shape[-1], torch.promote_types(scores_xs.dtype, torch.float32)
    if s >= VECTOR or scores_xs.device.type != "cpu":
        return scores_xs.softmax(-1, precise)
    return F.pad(scores_xs, (0, VECTOR - s), value=float("-inf")).softmax(-1, precise)[..., :s]


def attend_short(q_btm: Tensor, kv_bsn: Tensor | None, heads: int, bias_hts: Tensor | None = None) -> Tensor:
    """Causal attention of short texts on a CPU, without cache or dropout; equals `attend`.

    Args:
        q_btm: queries of the last t positions; or queries, keys and values side by side, (b, t, 3m).
        kv_bsn: keys and values side by side, (b, s, 2m); None where `q_btm` holds them.
        heads: attention heads.
        bias_hts: added to the logits, (h, t, s) or (b, h, t, s), h perhaps 1; None for none.

    Returns:
        (b, t, m), heads side by side.
    """
    return ShortAttention.apply(q_btm, kv_bsn, heads, bias_hts)[0]


class ShortAttention(torch.autograd.Function):
    """Attention that copies once on the way in and once on the way out, forward and backward.

    With a few positions a text, autograd's own copies (a permutation for every product, and the sum of the three
    gradients of what one linear layer made) take longer than the products between them.
    """

    @staticmethod
    def forward(
        q_btm: Tensor, kv_bsn: Tensor | None, heads: int, bias_hts: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """Attend; and give what the backward needs."""
        b = len(q_btm)
        own_pztd = by_head(q_btm, 3 if kv_bsn is None else 1, heads)
        others_pzsd = None if kv_bsn is None else by_head(kv_bsn, 2, heads)
        q_ztd = own_pztd[0]
        k_zsd, v_zsd = (own_pztd[1:] if others_pzsd is None else others_pzsd).unbind(0)
        mask_ts = future(q_ztd.shape[1], k_zsd.shape[1], q_ztd)
        scores_zts = torch.baddbmm(mask_ts, q_ztd, k_zsd.transpose(1, 2), alpha=q_ztd.shape[2] ** -0.5)
        if bias_hts is not None:
            scores_zts.unflatten(0, (b, heads)).add_(bias_hts)
        weights_zts = softmax(scores_zts).to(v_zsd.dtype)
        y_ztd = torch.bmm(weights_zts, v_zsd)
        return by_position(y_ztd[None], b), own_pztd, others_pzsd, weights_zts

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        """Keep queries, keys, values and attention weights."""
        _, *kept = output
        ctx.save_for_backward(*kept)
        ctx.mark_non_differentiable(*(tensor for tensor in kept if tensor is not None))
        ctx.set_materialize_grads(False)
        bias_hts = inputs[3]
        ctx.bias = None if bias_hts is None else (bias_hts.shape, bias_hts.dtype)

    @staticmethod
    def backward(ctx: Any, grad_btm: Tensor, *_: None) -> tuple[Tensor, Tensor | None, None, Tensor | None]:
        """Gradients of what `forward` took."""
        own_pztd, others_pzsd, weights_zts = ctx.saved_tensors
        b, z = len(grad_btm), own_pztd.shape[1]
        own_grad_pztd = torch.empty_like(own_pztd)
        others_grad_pzsd = None if others_pzsd is None else torch.empty_like(others_pzsd)
        q_ztd = own_pztd[0]
        k_zsd, v_zsd = (own_pztd[1:] if others_pzsd is None else others_pzsd).unbind(0)
        into_k_zsd, into_v_zsd = (own_grad_pztd[1:] if others_grad_pzsd is None else others_grad_pzsd).unbind(0)

        grad_ztd = by_head(grad_btm, 1, z // b)[0]
        torch.bmm(weights_zts.transpose(1, 2), grad_ztd, out=into_v_zsd)
        grad_weights_zts = torch.bmm(grad_ztd, v_zsd.transpose(1, 2))
        grad_scores_zts = softmax_backward(grad_weights_zts, weights_zts)
        grad_bias_hts = None
        if ctx.needs_input_grad[3]:
            shape, dtype = ctx.bias
            grad_bias_hts = grad_scores_zts.unflatten(0, (b, -1)).to(dtype, copy=True).sum_to_size(shape)
        grad_scores_zts.mul_(q_ztd.shape[2] ** -0.5)
        torch.bmm(grad_scores_zts, k_zsd, out=own_grad_pztd[0])
        torch.bmm(grad_scores_zts.transpose(1, 2), q_ztd, out=into_k_zsd)
        others = None if others_grad_pzsd is None else by_position(others_grad_pzsd, b)
        return by_position(own_grad_pztd, b), others, None, grad_bias_hts

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], q: Tensor, kv: Tensor | None, heads: int, bias: Tensor | None
    ) -> tuple[Any, Any]:
        """Many models at once are one larger batch: attention has no weights of its own."""

        def folded(x: Tensor, dim: int | None) -> Tensor:
            x = x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
            return x.flatten(0, 1)

        q = folded(q, in_dims[0])
        kv = None if kv is None else folded(kv, in_dims[1])
        if bias is not None:
            bias = bias.expand(info.batch_size, *bias.shape) if in_dims[3] is None else bias.movedim(in_dims[3], 0)
            if bias.dim() == 4:  # (models, h, t, s), the same for all rows of a model
                bias = bias[:, None].expand(-1, len(q) // info.batch_size, -1, -1, -1)
            bias = bias.flatten(0, 1)
        y, own, others, weights = ShortAttention.apply(q, kv, heads, bias)
        apart = (
            y.unflatten(0, (info.batch_size, -1)),
            own.unflatten(1, (info.batch_size, -1)).movedim(1, 0),
            None if others is None else others.unflatten(1, (info.batch_size, -1)).movedim(1, 0),
            weights.unflatten(0, (info.batch_size, -1)),
        )
        return apart, tuple(None if tensor is None else 0 for tensor in apart)


def softmax_backward(grad_xs: Tensor, weights_xs: Tensor) -> Tensor:
    """Gradient of the softmax's input, in grad's dtype: w · (g − Σ g·w)."""
    product_xs = grad_xs * weights_xs
    return product_xs.addcmul_(weights_xs, product_xs.sum(-1, keepdim=True), value=-1)


def by_head(x_btn: Tensor, parts: int, heads: int) -> Tensor:
    """Give (b, t, p · h · d) as (p, z, t, d), contiguous."""
    b, t, n = x_btn.shape
    x_pbhtd = x_btn.view(b, t, parts, heads, n // parts // heads).permute(2, 0, 3, 1, 4)
    return x_pbhtd.reshape(parts, b * heads, t, -1)


def by_position(x_pztd: Tensor, b: int) -> Tensor:
    """Give (p, z, t, d) as (b, t, p · h · d), contiguous."""
    p, z, t, d = x_pztd.shape
    return x_pztd.view(p, b, z // b, t, d).permute(1, 3, 0, 2, 4).reshape(b, t, -1)
