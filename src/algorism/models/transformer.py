"""A decoder-only transformer, small enough to read in one sitting.

Knows nothing of tokens' meaning, tasks or training. One dataclass (`models.config`) chooses norm, activation,
positions, tying and biases; GPT-2 and Llama are two corners of that space (see `models.export`).

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, v vocabulary.
"""

import math
import threading

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShapeError
from .activations import ACTIVATIONS
from .attention import attend, attend_short, is_short
from .config import TransformerConfig
from .linear import Linear, linear
from .positions import check_index, make_scheme, rotate


class Cache:
    """Keys and values of the positions already read, one preallocated pair per layer.

    Args:
        config: of the model that will fill it.
        batch: rows.
        length: most positions that will be held; None for the model's context.
        dtype, device: of the model.
    """

    def __init__(
        self,
        config: TransformerConfig,
        batch: int,
        length: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (batch, config.heads, length or config.context, config.head_width)
        self.k_bhsd = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.v_bhsd = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.length = 0
        self.index: Tensor | None = None  # of every key so far, (s,) or (b, s)

    def indices(self, index: Tensor) -> Tensor:
        """Take up the indices of new positions; those of all positions."""
        self.index = index if self.index is None else torch.cat([self.index, index], -1)
        return self.index

    def append(self, layer: int, k_bhtd: Tensor, v_bhtd: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values of one layer and return all of that layer so far."""
        end = self.length + k_bhtd.shape[2]
        room = self.k_bhsd[layer].shape[2]
        if end > room:
            raise ShapeError(f"cache: {end} positions do not fit into {room}; make a longer Cache.")
        self.k_bhsd[layer][:, :, self.length : end] = k_bhtd
        self.v_bhsd[layer][:, :, self.length : end] = v_bhtd
        return self.k_bhsd[layer][:, :, :end], self.v_bhsd[layer][:, :, :end]

    def keep_rows(self, rows: Tensor) -> None:
        """Forget every row of the batch but these, in this order."""
        self.k_bhsd = [k.index_select(0, rows) for k in self.k_bhsd]
        self.v_bhsd = [v.index_select(0, rows) for v in self.v_bhsd]
        if self.index is not None and self.index.dim() == 2:
            self.index = self.index.index_select(0, rows)


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
        angles: Tensor | None,
        bias_hts: Tensor | None,
        cache: Cache | None,
        layer: int,
        first: int = 0,
    ) -> Tensor:
        """Mix positions; `cache` holds the earlier ones of this `layer`. Queries before `first` are not computed."""
        b, s, m = x_btm.shape
        t, c = s - first, self.config
        if first:
            weight, bias = self.qkv.weight, self.qkv.bias
            q_btm = linear(x_btm[:, first:], weight[:m], None if bias is None else bias[:m])
            kv_bsn = linear(x_btm, weight[m:], None if bias is None else bias[m:])
        else:
            q_btm, kv_bsn = self.qkv(x_btm), None
        plain = angles is None and bias_hts is None and cache is None and not (c.dropout and self.training)
        if plain and is_short(s, q_btm.dtype, x_btm.device):
            y_bthd = attend_short(q_btm, kv_bsn, c.heads).view(b, t, c.heads, c.head_width)
            return self.out(self.heads_out(y_bthd).reshape(b, t, m))
        if kv_bsn is None:
            q_bhtd, k_bhsd, v_bhsd = q_btm.view(b, t, 3, c.heads, c.head_width).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q_bhtd = q_btm.view(b, t, c.heads, c.head_width).transpose(1, 2)
            k_bhsd, v_bhsd = kv_bsn.view(b, s, 2, c.heads, c.head_width).permute(2, 0, 3, 1, 4).unbind(0)
            bias_hts = None if bias_hts is None else bias_hts[..., first:, :]
        if angles is not None:
            q_bhtd, k_bhsd = rotate(q_bhtd, angles[..., first:, :]), rotate(k_bhsd, angles)
        if cache is not None:
            k_bhsd, v_bhsd = cache.append(layer, k_bhsd, v_bhsd)
        y_bhtd = attend(q_bhtd, k_bhsd, v_bhsd, bias_hts, c.dropout if self.training else 0.0)
        return self.out(self.heads_out(y_bhtd.transpose(1, 2)).reshape(b, t, m))


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
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_attention = make_norm(config)
        self.attention = Attention(config)
        self.norm_mlp = make_norm(config)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x_btm: Tensor,
        angles: Tensor | None,
        bias_hts: Tensor | None,
        cache: Cache | None,
        layer: int,
        first: int = 0,
    ) -> Tensor:
        """Apply both sublayers; positions before `first` are read by attention but not computed further."""
        y_btm = self.attention(self.norm_attention(x_btm), angles, bias_hts, cache, layer, first)
        x_btm = (x_btm[:, first:] if first else x_btm) + self.dropout(y_btm)
        return x_btm + self.dropout(self.mlp(self.norm_mlp(x_btm)))


def make_norm(config: TransformerConfig) -> nn.Module:
    """Build the norm the config asks for, over the model width."""
    if config.norm == "none":
        return nn.Identity()
    if config.norm == "rms":
        return nn.RMSNorm(config.width, eps=1e-6)
    return nn.LayerNorm(config.width, eps=1e-5, bias=config.bias)


# torch's layers draw first weights, which `reset` replaces, from the global generator. It is put back afterwards; one
# thread at a time, so that threads do not put back each other's draws.
_BUILDING = threading.Lock()


class Transformer(nn.Module):
    """Token ids in, next-token logits out.

    Args:
        config: the shape.
        seed: of the initial weights: N(0, σ), residual output projections N(0, σ/√(2·layers)) as in GPT-2; σ is
            `config.initial_std`.

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
        residual = plain / math.sqrt(2 * self.config.layers)
        for name, parameter in self.named_parameters():
            if name.startswith("position."):
                continue
            if parameter.dim() == 2:
                std = residual if name.endswith(("attention.out.weight", "mlp.down.weight")) else plain
                parameter.normal_(0.0, std, generator=generator)
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
            keep: only these of the t positions get logits; None for all. Of the last block, positions before
                `keep.start` are computed as keys and values only.

        Returns:
            (b, t, v), or fewer positions with `keep`.

        Raises:
            ShapeError: a sequence longer than the context.
        """
        start = cache.length if cache is not None else 0
        t, c = ids_bt.shape[1], self.config
        check_index(self.position, start, t, positions)
        if positions is None:
            positions = torch.arange(start, start + t, device=ids_bt.device)
        keys = positions if cache is None else cache.indices(positions)
        x_btm = self.embed(ids_bt if ids_bt.dtype in (torch.int32, torch.int64) else ids_bt.int())
        added = self.position.embed(positions)
        if added is not None:
            x_btm = x_btm + added.to(x_btm.dtype)
        angles = self.position.angles(positions)
        x_btm = self.dropout(x_btm)
        first = 0 if keep is None else keep.indices(t)[0]
        for layer, block in enumerate(self.blocks):
            bias_hts = self.position.bias(layer, positions, keys)
            x_btm = block(x_btm, angles, bias_hts, cache, layer, first if layer == c.layers - 1 else 0)
        if cache is not None:
            cache.length = start + t
        if keep is not None:
            x_btm = x_btm[:, : keep.indices(t)[1] - first]
        x_btm = self.norm(x_btm)
        return F.linear(x_btm, self.embed.weight) if self.head is None else self.head(x_btm)
