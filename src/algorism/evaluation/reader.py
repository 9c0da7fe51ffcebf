"""A transformer's forward pass laid out for decoding: the same function as `Transformer.forward`, in fewer copies.

Positions come first in memory and keys and values go straight from the matrix product into the cache, so that neither
attention nor the cache ever has to permute or copy. Residual sums happen inside the matrix products, in place. Weights
are views of the model's own, never copies.

Shape letters: t new position, s position so far, b batch, h head, d head width, m model width, n = t · b rows,
z = b · h, v vocabulary.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.positions import alibi_slopes_h, rotary_angles, rotate, sinusoids
from ..models.transformer import ACTIVATIONS, MLP, Block, Transformer


def readable(model: nn.Module) -> bool:
    """Whether `Reader` computes what the model does: a plain transformer without hooks or replaced layers.

    A hook (a head switched off, say) or another kind of layer (a quantised one) must not be bypassed.
    """
    if type(model) is not Transformer:
        return False
    ours = (Transformer, nn.Linear, nn.Embedding, nn.LayerNorm, nn.RMSNorm, nn.ModuleList, nn.Identity, nn.Dropout)
    package = Transformer.__module__
    return all(
        (type(module) in ours or type(module).__module__ == package)
        and not (module._forward_hooks or module._forward_pre_hooks)
        for module in model.modules()
    )


class Reader:
    """A batch of equally long texts being read by a model; remembers keys and values.

    Args:
        model: a plain transformer (`readable`), in evaluation mode.
        batch: rows.
        length: most positions that will be read.
    """

    def __init__(self, model: Transformer, batch: int, length: int) -> None:
        self.model, self.config, self.read = model, model.config, 0
        weight = model.embed.weight
        shape = (length, batch, self.config.width)
        self.k_sbm = [weight.new_empty(shape) for _ in range(self.config.layers)]
        self.v_sbm = [weight.new_empty(shape) for _ in range(self.config.layers)]

    def keep_rows(self, rows: Tensor) -> None:
        """Forget every row of the batch but these, in this order."""
        self.k_sbm = [k.index_select(1, rows) for k in self.k_sbm]
        self.v_sbm = [v.index_select(1, rows) for v in self.v_sbm]

    def __call__(self, ids_bt: Tensor) -> Tensor:
        """Read the next tokens; logits (b, v) after the last of them."""
        model, c = self.model, self.config
        b, t = ids_bt.shape
        start, self.read = self.read, self.read + t
        positions = torch.arange(start, self.read, device=ids_bt.device)
        x_tbm = F.embedding(ids_bt.t(), model.embed.weight)
        if model.position is not None:
            x_tbm += model.position(positions)[:, None]
        elif c.positions == "sinusoidal":
            x_tbm += sinusoids(positions, c.width).to(x_tbm.dtype)[:, None]
        angles = rotary_angles(positions, c.head_width, c.rope_base) if c.positions == "rope" else None
        bias_zts = self.logit_bias(b, t, start, x_tbm)
        x_nm = x_tbm.view(t * b, c.width)
        for layer, block in enumerate(cast(list[Block], model.blocks)):
            y_nm = block.norm_attention(x_nm)
            self.store(layer, block.attention.qkv, y_nm, start, b, angles)
            if layer == c.layers - 1 and t > 1:  # nothing after the last attention looks at earlier positions
                y_nm, x_nm = y_nm[-b:], x_nm[-b:]
                bias_zts = None if bias_zts is None else bias_zts[:, -1:]
                angles = None if angles is None else angles[-1:]
            mixed_nm = self.attend(layer, block.attention.qkv, y_nm, b, angles, bias_zts)
            add_linear_(x_nm, mixed_nm, block.attention.out)
            add_linear_(x_nm, self.hidden(block.mlp, block.norm_mlp(x_nm)), block.mlp.down)
        x_bm = model.norm(x_nm)
        return x_bm @ (model.embed.weight if model.head is None else model.head.weight).t()

    def logit_bias(self, b: int, t: int, start: int, like: Tensor) -> Tensor | None:
        """What is added to attention logits: −∞ at future keys, and ALiBi's −slope · distance; None for nothing."""
        c, s = self.config, start + t
        if c.positions != "alibi" and t == 1:
            return None
        distance_ts = torch.arange(start, s, device=like.device)[:, None] - torch.arange(s, device=like.device)
        future_ts = torch.zeros(t, s, device=like.device).masked_fill_(distance_ts < 0, float("-inf"))
        if c.positions != "alibi":
            return future_ts[None].to(like.dtype)
        slopes_h = alibi_slopes_h(c.heads).to(like.device)
        return (future_ts - slopes_h[:, None, None] * distance_ts).to(like.dtype).repeat(b, 1, 1)

    def store(self, layer: int, qkv: nn.Linear, y_nm: Tensor, start: int, b: int, angles: Tensor | None) -> None:
        """Compute keys and values of the new positions into their place in the cache."""
        m, stop = self.config.width, start + len(y_nm) // b
        for part, cache_sbm in ((1, self.k_sbm[layer]), (2, self.v_sbm[layer])):
            place_nm = cache_sbm[start:stop].view(-1, m)
            if qkv.bias is None:
                torch.mm(y_nm, qkv.weight[part * m : (part + 1) * m].t(), out=place_nm)
            else:
                columns = slice(part * m, (part + 1) * m)
                torch.addmm(qkv.bias[columns], y_nm, qkv.weight[columns].t(), out=place_nm)
        if angles is not None:
            self.turn_(self.k_sbm[layer][start:stop], angles)

    def turn_(self, x_tbm: Tensor, angles: Tensor) -> None:
        """Apply RoPE in place."""
        x_bhtd = x_tbm.view(len(x_tbm), -1, self.config.heads, self.config.head_width).permute(1, 2, 0, 3)
        x_bhtd.copy_(rotate(x_bhtd, angles))

    def attend(
        self, layer: int, qkv: nn.Linear, y_nm: Tensor, b: int, angles: Tensor | None, bias_zts: Tensor | None
    ) -> Tensor:
        """Mix values by softmax(q·k/√d + bias); (n, m)."""
        c = self.config
        m, d, z = c.width, c.head_width, b * c.heads
        q_nm = F.linear(y_nm, qkv.weight[:m], None if qkv.bias is None else qkv.bias[:m])
        if angles is not None:
            self.turn_(q_nm.view(-1, b, m), angles)
        q_ztd = q_nm.view(-1, z, d).transpose(0, 1)
        k_zds = self.k_sbm[layer][: self.read].view(-1, z, d).permute(1, 2, 0)
        v_zsd = self.v_sbm[layer][: self.read].view(-1, z, d).transpose(0, 1)
        scale = 1 / math.sqrt(d)
        if bias_zts is None:
            scores_zts = torch.bmm(q_ztd, k_zds).mul_(scale)
        else:
            scores_zts = torch.baddbmm(bias_zts, q_ztd, k_zds, alpha=scale)
        mixed_ztd = torch.bmm(scores_zts.softmax(-1), v_zsd)
        return mixed_ztd.transpose(0, 1).reshape(-1, m)

    def hidden(self, mlp: MLP, y_nm: Tensor) -> Tensor:
        """The MLP up to its last layer."""
        up = mlp.up(y_nm)
        if mlp.gate is not None:
            return F.silu(mlp.gate(y_nm)).mul_(up)
        if self.config.activation == "gelu_tanh":
            return gelu_tanh(up)
        return ACTIVATIONS[self.config.activation](up)


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU's tanh form as x · sigmoid(2u), the same function; torch's own kernel takes four times as long on a CPU.

    >>> x = torch.linspace(-5, 5, 100)
    >>> bool(torch.allclose(gelu_tanh(x), F.gelu(x, approximate="tanh"), atol=1e-6))
    True
    """
    scale = 2 * math.sqrt(2 / math.pi)
    return (x * x).mul_(0.044715 * scale).add_(scale).mul_(x).sigmoid_().mul_(x)


def add_linear_(x_nm: Tensor, y_nk: Tensor, linear: nn.Linear) -> None:
    """Add linear(y) to x in place, inside the matrix product."""
    if linear.bias is not None:
        x_nm += linear.bias
    x_nm.addmm_(y_nk, linear.weight.t())
