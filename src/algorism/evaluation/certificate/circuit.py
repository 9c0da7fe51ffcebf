"""A one-layer network taken apart into tables: what each token does to each query, and the matrices behind attention.

With one layer and nothing positional in the embeddings, keys and values depend on the token alone and positions enter
attention logits through the difference of indices alone. Everything attention can see is then a table over (query
token, key token, difference), and a context is the multiset of (token, difference) that a query sees.

Tokens are numbered 0 to 12 here: the ten digits, `+`, `=`, `$`. A difference is index of the key − index of the query.

Shape letters: q query token, u key token, h head, d head width, m model width, f hidden width, v vocabulary, n context,
k difference.
"""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import UsageError
from ...models.config import scheme_parts
from ...models.transformer import Block, Transformer
from ...text import Format, Indexing

TOKENS = "0123456789+=$"
PLUS, EQUALS, DOLLAR = 10, 11, 12
BY_DIFFERENCE = {"clip", "penalty", "window", "alibi"}
PLACES = 9  # most places known on each side of a query
FAR_SHARE = 1e-6  # a single key's weight, next to the heaviest possible, beyond which places are summed in closed form


@dataclass(frozen=True)
class Circuit:
    """A network as tables, in float64.

    Args:
        ids_u: vocabulary ids of the 13 tokens.
        embed_um: embeddings.
        weight_qhu: e to the attention logits without position bias; one factor per (q, h) is divided out.
        decay_hk: e to the position bias, for differences −reach − 1 … reach + 1.
        reach: differences up to here are looked up.
        tail_h: for side −1 and +1: Σ of e to the bias over all differences of at least `reach`, a geometric series.
        value_uhd: values.
        out_mhd, out_m: output projection of attention.
        mlp_norm: scale of the norm before the MLP: whether there is one, and its ε.
        up_fm, up_f: first layer of the MLP, with the norm's weights and centring multiplied in.
        centre_mm: what the norm before the MLP takes the length of (identity, or the removal of the mean).
        down_mf, down_m: second layer of the MLP.
        activation: its name.
        end_norm: of the norm before the output layer, as `mlp_norm`.
        head_vm, head_v: output layer likewise; `end_mm` as `centre_mm`.
    """

    ids_u: Tensor
    embed_um: Tensor
    weight_qhu: Tensor
    decay_hk: Tensor
    reach: int
    tail_h: dict[int, Tensor]
    value_uhd: Tensor
    out_mhd: Tensor
    out_m: Tensor
    mlp_norm: tuple[bool, float]
    up_fm: Tensor
    up_f: Tensor
    centre_mm: Tensor
    down_mf: Tensor
    down_m: Tensor
    activation: str
    end_norm: tuple[bool, float]
    head_vm: Tensor
    head_v: Tensor
    end_mm: Tensor

    def decay(self, difference: int) -> Tensor:
        """Give e to the position bias at one difference, (h,)."""
        return self.decay_hk[:, difference + self.reach + 1]

    def seen(self, query_n: Tensor, token_n: Tensor, difference: int) -> tuple[Tensor, Tensor]:
        """What one key adds to numerator and denominator of attention, (n, h, d) and (n, h)."""
        weight_nh = self.weight_qhu[query_n, :, token_n] * self.decay(difference)
        return weight_nh[..., None] * self.value_uhd[token_n], weight_nh

    def logits(self, query_n: Tensor, numerator_nhd: Tensor, denominator_nh: Tensor) -> Tensor:
        """Next-token logits of contexts whose keys have been added up, (n, v)."""
        mixed_nhd = numerator_nhd / denominator_nh[..., None]
        x_nm = self.embed_um[query_n] + self.out_m + torch.einsum("nhd,mhd->nm", mixed_nhd, self.out_mhd)
        hidden_nf = scale(x_nm @ self.centre_mm.T, self.mlp_norm) * (x_nm @ self.up_fm.T) + self.up_f
        x_nm = x_nm + self.down_m + activate(self.activation, hidden_nf) @ self.down_mf.T
        return scale(x_nm @ self.end_mm.T, self.end_norm) * (x_nm @ self.head_vm.T) + self.head_v


def activate(name: str, x: Tensor) -> Tensor:
    """Apply an activation in float64."""
    if name == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    functions: dict[str, Any] = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu}
    return functions[name](x)


def scale(x_nm: Tensor, norm: tuple[bool, float]) -> Tensor:
    """Give 1 / √(mean of squares + ε), (n, 1), or 1 where there is no norm."""
    there, eps = norm
    return (x_nm.square().mean(1, keepdim=True) + eps).rsqrt() if there else torch.ones_like(x_nm[:, :1])


def check_supported(model: Transformer, form: Format, indexing: Indexing | None) -> None:
    """Refuse what no certificate can be given for.

    Raises:
        UsageError: says what was expected and what was got.
    """
    c = model.config
    parts = {type(part).__name__ for part in form.transforms}
    named = {part.name for part in form.transforms}
    kind = "absolute" if indexing is None else indexing.kind
    schemes = {name for name, _ in scheme_parts(c.positions)}
    refusals = [
        (type(model) is not Transformer, "a plain Transformer", type(model).__name__),
        (c.layers != 1, "one layer (what a second layer reads depends on the whole text)", f"{c.layers} layers"),
        (getattr(c, "loops", 1) != 1, "one loop", f"loops: {getattr(c, 'loops', 1)}"),
        (getattr(c, "norm_place", "before") != "before", "norm_place: before", str(getattr(c, "norm_place", ""))),
        (not schemes <= BY_DIFFERENCE, f"positions made of {', '.join(sorted(BY_DIFFERENCE))}", c.positions),
        (c.activation == "swiglu", "an activation without a gate", c.activation),
        (kind != "coupled", "index: coupled", kind),
        (
            named != {"pad", "reverse", "dollar"} or any(getattr(part, "digits", 0) for part in form.transforms),
            "format pad+reverse+dollar, padded to the operands' own length",
            f"{form.name} ({', '.join(sorted(parts))})",
        ),
    ]
    for wrong, expected, got in refusals:
        if wrong:
            raise UsageError(f"certify: expected {expected}, got {got}.")


@torch.no_grad()
def circuit_of(model: Transformer, form: Format, tokenizer: Any, indexing: Indexing | None) -> Circuit:
    """Take a network apart.

    Raises:
        UsageError: a network, format or indexing that is not supported, with the reason.
    """
    check_supported(model, form, indexing)
    missing = [token for token in TOKENS if token not in tokenizer.vocab]
    if missing or tokenizer.kind != "char":
        raise UsageError(f"certify: expected tokenizer 'char' with all of {TOKENS!r}, got {tokenizer.kind!r}.")
    c = model.config
    model = copy.deepcopy(model).double().cpu().eval().requires_grad_(False)
    block = model.blocks[0]
    assert isinstance(block, Block)
    ids_u = torch.tensor([tokenizer.vocab[token] for token in TOKENS])
    embed_um = model.embed.weight[ids_u]
    qkv_u3hd = block.attention.qkv(block.norm_attention(embed_um)).view(len(TOKENS), 3, c.heads, c.head_width)
    query_qhd, key_uhd, value_uhd = qkv_u3hd.unbind(1)
    score_qhu = torch.einsum("qhd,uhd->qhu", query_qhd, key_uhd) / math.sqrt(c.head_width)
    reach, bias_hk = _biases(model)
    up_fm, up_f, centre_mm, mlp_norm = _behind_norm(block.norm_mlp, block.mlp.up)
    head = nn.Linear(c.width, c.vocab, bias=False, dtype=torch.float64).requires_grad_(False)
    head.weight.copy_(model.embed.weight if model.head is None else model.head.weight)
    head_vm, head_v, end_mm, end_norm = _behind_norm(model.norm, head)
    out, down = block.attention.out, block.mlp.down
    zero_m = torch.zeros(c.width, dtype=torch.float64)
    return Circuit(
        ids_u=ids_u,
        embed_um=embed_um,
        weight_qhu=torch.exp(score_qhu - score_qhu.amax(2, keepdim=True)),
        decay_hk=bias_hk.exp(),
        reach=reach,
        tail_h={side: _tail(bias_hk, reach, side) for side in (-1, 1)},
        value_uhd=value_uhd,
        out_mhd=out.weight.view(c.width, c.heads, c.head_width),
        out_m=zero_m if out.bias is None else out.bias,
        mlp_norm=mlp_norm,
        up_fm=up_fm,
        up_f=up_f,
        centre_mm=centre_mm,
        down_mf=down.weight,
        down_m=zero_m if down.bias is None else down.bias,
        activation=c.activation,
        end_norm=end_norm,
        head_vm=head_vm,
        head_v=head_v,
        end_mm=end_mm,
    )


def _biases(model: Transformer) -> tuple[int, Tensor]:
    """How far to look differences up, and the biases up to there less their highest, (h, 2 · reach + 3)."""
    parts = scheme_parts(model.config.positions)
    bent = max(2 if argument is None else argument for _, argument in parts)  # beyond it, a bias is a straight line

    def table_hk(reach: int) -> Tensor:
        keys = torch.arange(-reach - 1, reach + 2)
        bias_hts = model.position.bias(0, torch.zeros(1, dtype=torch.long), keys)
        assert bias_hts is not None
        bias_hk = bias_hts.double().expand(model.config.heads, 1, -1)[:, 0]
        return bias_hk - bias_hk.amax(1, keepdim=True)

    bias_hk = table_hk(bent + 2)
    edges_he = bias_hk[:, [0, 1, -2, -1]]
    slope_hs = torch.stack([edges_he[:, 1] - edges_he[:, 0], edges_he[:, 2] - edges_he[:, 3]], 1)
    slope_hs = torch.where(edges_he[:, [0, 3]].isneginf(), math.inf, slope_hs)
    if not bool((slope_hs > 0.05).all()):
        raise UsageError(
            "certify: far keys do not lose weight with distance, so that together they weigh more the longer the text "
            f"(smallest slope of the bias {slope_hs.min():.3f}). Train with penalty or window among model.positions."
        )
    finite = slope_hs[slope_hs.isfinite()]
    further = 0 if not len(finite) else math.ceil(-math.log(FAR_SHARE) / float(finite.min()))
    reach = max(bent + 2 + min(further, 60), PLACES + 2)
    return reach, table_hk(reach)


def _tail(bias_hk: Tensor, reach: int, side: int) -> Tensor:
    """Σ over differences of at least `reach` on one side of e to the bias, (h,)."""
    at_h, next_h = bias_hk[:, reach + 1 + side * reach], bias_hk[:, reach + 1 + side * (reach + 1)]
    ratio_h = torch.where(at_h.isneginf(), torch.zeros_like(at_h), (next_h - at_h).exp())
    return at_h.exp() / (1 - ratio_h)


def _behind_norm(norm: nn.Module, layer: nn.Linear) -> tuple[Tensor, Tensor, Tensor, tuple[bool, float]]:
    """Split norm and linear layer into matrix · x · scale + constant: matrix, constant, centring, the scale's norm."""
    weight_om: Tensor = layer.weight
    width = weight_om.shape[1]
    constant_o: Tensor = weight_om.new_zeros(len(weight_om)) if layer.bias is None else layer.bias
    centre_mm = torch.eye(width, dtype=weight_om.dtype)
    if isinstance(norm, nn.Identity):
        return weight_om, constant_o, centre_mm, (False, 0.0)
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm)
    if isinstance(norm, nn.LayerNorm):
        centre_mm = centre_mm - 1 / width
        if norm.bias is not None:
            constant_o = constant_o + weight_om @ norm.bias
    assert norm.eps is not None
    return (weight_om * norm.weight) @ centre_mm, constant_o, centre_mm, (True, norm.eps)
