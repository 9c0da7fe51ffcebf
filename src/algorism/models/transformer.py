"""A decoder-only transformer, small enough to read in one sitting.

Knows nothing of tokens' meaning, tasks or training. One dataclass (`models.config`) chooses norm, activation,
positions, tying and biases; GPT-2 and Llama are two corners of that space (see `models.export`).

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, v vocabulary.
"""

import math
import threading
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .activations import ACTIVATIONS
from .attention import attend, attend_short, is_short
from .cache import Cache
from .config import TransformerConfig
from .linear import Linear, linear
from .norms import RMSNorm
from .positions import check_index, make_scheme, rotate
from .schemes import check_causal


class Positions(NamedTuple):
    """What the position scheme gives one layer; None for nothing.

    Args:
        angles: rotation of queries and keys, (s, d/2) or (b, s, d/2), s the positions read now.
        scale_ht1: what queries are multiplied by, those that are computed; h may be 1.
        bias_hts: added to their logits, (h, t, s) or (b, h, t, s), s all keys.
    """

    angles: Tensor | None
    scale_ht1: Tensor | None
    bias_hts: Tensor | None


class Attention(nn.Module):
    """Multi-head causal self-attention.

    `heads_out` passes (b, t, h, d) through unchanged, so that a forward hook on it reads or replaces single heads.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = Linear(config.width, 3 * config.width, bias=config.bias)
        self.heads_out = nn.Identity()
        self.out = Linear(config.width, config.width, bias=config.bias)

    def forward(
        self,
        x_btm: Tensor,
        at: Positions,
        cache: Cache | None,
        layer: int,
        first: int = 0,
        ids_bt: Tensor | None = None,
    ) -> Tensor:
        """Mix positions; `cache` holds the earlier ones of this `layer`. Queries before `first` are not computed.

        With `ids_bt`, what is mixed is `x_btm[ids_bt]`, and `x_btm` has one row for each token, (v, m).
        """
        angles, scale_ht1, bias_hts = at
        c, m = self.config, x_btm.shape[-1]
        b, s = x_btm.shape[:2] if ids_bt is None else ids_bt.shape
        t = s - first
        if ids_bt is not None:
            q_btm, kv_bsn = looked_up(self.qkv(x_btm), ids_bt, first, m)
        elif first:
            weight, bias = self.qkv.weight, self.qkv.bias
            q_btm = linear(x_btm[:, first:], weight[:m], None if bias is None else bias[:m])
            kv_bsn = linear(x_btm, weight[m:], None if bias is None else bias[m:])
        else:
            q_btm, kv_bsn = self.qkv(x_btm), None
        if scale_ht1 is not None:
            scale_tm = scale_ht1.transpose(0, 1).expand(t, c.heads, c.head_width).reshape(t, m)
            q_btm = (q_btm * F.pad(scale_tm, (0, q_btm.shape[2] - m), value=1.0)).to(q_btm.dtype)
        plain = angles is None and cache is None and not (c.dropout and self.training)
        if plain and is_short(s, q_btm.dtype, x_btm.device):
            y_bthd = attend_short(q_btm, kv_bsn, c.heads, bias_hts).view(b, t, c.heads, c.head_width)
            return self.out(self.heads_out(y_bthd).reshape(b, t, m))
        if kv_bsn is None:
            q_bhtd, k_bhsd, v_bhsd = q_btm.view(b, t, 3, c.heads, c.head_width).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q_bhtd = q_btm.view(b, t, c.heads, c.head_width).transpose(1, 2)
            k_bhsd, v_bhsd = kv_bsn.view(b, s, 2, c.heads, c.head_width).permute(2, 0, 3, 1, 4).unbind(0)
        if angles is not None:
            q_bhtd, k_bhsd = rotate(q_bhtd, angles[..., first:, :]), rotate(k_bhsd, angles)
        if cache is not None:
            k_bhsd, v_bhsd = cache.append(layer, k_bhsd, v_bhsd)
        y_bhtd = attend(q_bhtd, k_bhsd, v_bhsd, bias_hts, c.dropout if self.training else 0.0)
        return self.out(self.heads_out(y_bhtd.transpose(1, 2)).reshape(b, t, m))


def looked_up(table_vn: Tensor, ids_bt: Tensor, first: int, m: int) -> tuple[Tensor, Tensor | None]:
    """Queries from `first` on, and keys and values; or all side by side, and None, if `first` is 0.

    Looked up in float32, so that the gradients of many equal tokens are added up in it.
    """
    table32_vn = table_vn.to(torch.promote_types(table_vn.dtype, torch.float32))
    if not first:
        return F.embedding(ids_bt, table32_vn).to(table_vn.dtype), None
    q_btm, kv_bsn = F.embedding(ids_bt[:, first:], table32_vn[:, :m]), F.embedding(ids_bt, table32_vn[:, m:])
    return q_btm.to(table_vn.dtype), kv_bsn.to(table_vn.dtype)


class MLP(nn.Module):
    """Two linear layers with an activation between them; three when gated (SwiGLU, arXiv 2002.05202)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        gated = config.activation == "swiglu"
        self.up = Linear(config.width, config.hidden_width, bias=config.bias)
        self.gate = Linear(config.width, config.hidden_width, bias=config.bias) if gated else None
        self.down = Linear(config.hidden_width, config.width, bias=config.bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x_btm: Tensor) -> Tensor:
        """Transform every position alone."""
        if self.gate is not None:
            return self.down(self.activation(self.gate(x_btm)) * self.up(x_btm))
        return self.down(self.activation(self.up(x_btm)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); what is added may pass a norm of its own first."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_attention = make_norm(config)
        self.attention = Attention(config)
        self.norm_attention_out = make_norm(config) if config.norm_place == "both" else nn.Identity()
        self.norm_mlp = make_norm(config)
        self.mlp = MLP(config)
        self.norm_mlp_out = make_norm(config) if config.norm_place == "both" else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x_btm: Tensor,
        at: Positions,
        cache: Cache | None,
        layer: int,
        first: int = 0,
        tokens: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Apply both sublayers; positions before `first` are read by attention but not computed further.

        `tokens`: a table (v, m) and ids (b, t) that say of which rows of the table `x_btm` consists, if it does.
        """
        source, ids_bt = (x_btm, None) if tokens is None else tokens
        y_btm = self.attention(self.norm_attention(source), at, cache, layer, first, ids_bt=ids_bt)
        y_btm = self.norm_attention_out(y_btm)
        x_btm = (x_btm[:, first:] if first else x_btm) + self.dropout(y_btm)
        return x_btm + self.dropout(self.norm_mlp_out(self.mlp(self.norm_mlp(x_btm))))


def make_norm(config: TransformerConfig) -> nn.Module:
    """Build the norm the config asks for, over the model width."""
    if config.norm == "none":
        return nn.Identity()
    if config.norm == "rms":
        return RMSNorm(config.width, eps=1e-6)
    return nn.LayerNorm(config.width, eps=1e-5, bias=config.bias)


# torch's layers draw first weights, which `reset` replaces, from the global generator. It is put back afterwards; one
# thread at a time, so that threads do not put back each other's draws.
_BUILDING = threading.Lock()


class Transformer(nn.Module):
    """Token ids in, next-token logits out.

    Args:
        config: the shape.
        seed: of the initial weights: N(0, σ), output projections N(0, σ/√n) where n is how many are added to the
            residual stream, 2 · layers · loops, as in GPT-2; σ is `config.initial_std`.

    >>> model = Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8), seed=0)
    >>> model(torch.zeros(3, 5, dtype=torch.long)).shape
    torch.Size([3, 5, 16])
    """

    def __init__(self, config: TransformerConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with _BUILDING, torch.random.fork_rng(devices=[]):
            self.embed = nn.Embedding(config.vocab, config.width)
            self.position = make_scheme(config)
            self.dropout = nn.Dropout(config.dropout)
            self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
            self.norm = make_norm(config)
            self.head = None if config.tie else Linear(config.width, config.vocab, bias=False)
        self.reset(seed)

    @torch.no_grad()
    def reset(self, seed: int) -> None:
        """Draw the initial weights again, from `seed` alone."""
        generator = torch.Generator().manual_seed(seed)
        plain = self.config.initial_std
        residual = plain / math.sqrt(2 * self.config.layers * self.config.loops)
        embed = plain if self.config.embed_std is None else self.config.embed_std
        for name, parameter in self.named_parameters():
            if name.startswith("position."):
                continue
            if parameter.dim() == 2:
                std = residual if name.endswith(("attention.out.weight", "mlp.down.weight")) else plain
                parameter.normal_(0.0, embed if name == "embed.weight" else std, generator=generator)
            else:
                parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        self.position.reset(generator, plain)

    def forward(
        self,
        ids_bt: Tensor,
        cache: Cache | None = None,
        positions: Tensor | None = None,
        keep: slice | None = None,
    ) -> Tensor:
        """Logits of the next token after each position.

        Args:
            ids_bt: token ids, any integer dtype.
            cache: keys and values of earlier positions; it grows by t.
            positions: index of each token, (t,) or (b, t); by default its place in the text.
            keep: only these of the t positions get logits; None for all. Of the last block (in the last loop),
                positions before `keep.start` are computed as keys and values only.

        Returns:
            (b, t, v), or fewer positions with `keep`.

        Raises:
            ShapeError: a sequence longer than the context.
            UsageError: a cache with a position scheme that is not causal.
        """
        start = cache.length if cache is not None else 0
        t, c = ids_bt.shape[1], self.config
        check_index(self.position, start, t, positions)
        if cache is not None:
            check_causal(self.position)
        if positions is None:
            positions = torch.arange(start, start + t, device=ids_bt.device)
        keys = positions if cache is None else cache.indices(positions)
        ids_bt = ids_bt if ids_bt.dtype in (torch.int32, torch.int64) else ids_bt.int()
        x_btm = self.embed(ids_bt)
        added = self.position.embed(positions)
        if added is not None:
            x_btm = x_btm + added.to(x_btm.dtype)
        angles = self.position.angles(positions)
        embedded_btm = x_btm = self.dropout(x_btm)
        first = 0 if keep is None else keep.indices(t)[0]
        seen = torch.arange(start + 1, start + t + 1, device=ids_bt.device)
        # The first queries, keys and values follow from the token alone where nothing was added to its embedding: with
        # few different tokens they are computed for each of these once.
        few = 4 * c.vocab <= ids_bt.numel() and added is None and ids_bt.device.type == "cpu"
        if few and not (self.training and c.dropout) and not self.first_is_hooked():
            tokens = self.embed.weight, ids_bt
        else:
            tokens = None
        last = c.layers * c.loops - 1
        for number in range(last + 1):
            loop, layer = divmod(number, c.layers)
            if loop and layer == 0:
                x_btm = x_btm + embedded_btm
            begin = first if number == last else 0
            scale_ht1 = self.position.scale(layer, seen[begin:])
            bias_hts = self.position.bias(layer, positions[..., begin:], keys)
            at = Positions(angles, scale_ht1, bias_hts)
            x_btm = self.blocks[layer](x_btm, at, cache, number, begin, None if number else tokens)
        if cache is not None:
            cache.length = start + t
        if keep is not None:
            x_btm = x_btm[:, : keep.indices(t)[1] - first]
        x_btm = self.norm(x_btm)
        return F.linear(x_btm, self.embed.weight) if self.head is None else self.head(x_btm)

    def first_is_hooked(self) -> bool:
        """Whether a hook or another layer sees or changes what goes into the first attention: not to be bypassed."""
        block = cast(Block, self.blocks[0])
        if type(block) is not Block:
            return True
        modules = (self.embed, self.dropout, block, block.norm_attention, block.attention, block.attention.qkv)
        hooked = any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in modules)
        return hooked or type(self.embed) is not nn.Embedding
