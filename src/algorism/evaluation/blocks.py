"""The blocks of a transformer reading new positions: the arithmetic of `reader.Reader`, as one compiled function.

Small models spend more time between their matrix products than in them. So: positions come first in memory, keys and
values go straight from their product into the cache, and nothing is permuted; a linear layer and what follows it are
one call of oneDNN where there is one and the rows are many; and all blocks together are compiled by TorchScript, which
runs them without Python's interpreter lock, so that two threads really read two batches. Where TorchScript cannot
compile it, the same function runs as Python.

Shape letters: t new position, s position so far, b batch, h head, d head width, m model width, n = t · b rows,
z = b · h, k outputs of a layer.
"""

import functools
import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.transformer import Block

# torch's softmax treats rows shorter than one vector register number by number, six times slower than full ones.
SOFTMAX_WIDTH = 16


class Norm(NamedTuple):
    """A norm's tensors; `layer` for LayerNorm, else RMSNorm."""

    layer: bool
    weight: Tensor
    bias: Tensor | None
    eps: float


class Linear(NamedTuple):
    """A linear layer's tensors; `matrix` is the weight transposed, a view."""

    weight: Tensor
    matrix: Tensor
    bias: Tensor | None


class Weights(NamedTuple):
    """All tensors of one block."""

    norm_attention: Norm
    q: Linear
    k: Linear
    v: Linear
    out: Linear
    norm_attention_out: Norm | None
    norm_mlp: Norm
    up: Linear
    gate: Linear | None
    down: Linear
    norm_mlp_out: Norm | None


class Setting(NamedTuple):
    """What is the same for all blocks.

    Args:
        layers: blocks until the first one comes again, in a looped transformer.
        heads: attention heads.
        activation: of the MLP.
        fused: whether oneDNN's fused layers may be used: float32 on a CPU.
    """

    layers: int
    heads: int
    activation: str
    fused: bool


def norm(x_nm: Tensor, by: Norm) -> Tensor:
    """Give the norm of every row."""
    if by.layer:
        return torch.layer_norm(x_nm, [x_nm.shape[1]], by.weight, by.bias, by.eps)
    return torch.rms_norm(x_nm, [x_nm.shape[1]], by.weight, by.eps)


def product(x_nm: Tensor, by: Linear) -> Tensor:
    """Give linear(x), (n, k)."""
    place_nk = x_nm.new_empty([x_nm.shape[0], by.weight.shape[0]])
    product_into(place_nk, x_nm, by)  # a plain addmm would be compiled into a product and a sum
    return place_nk


def product_into(place_nk: Tensor, x_nm: Tensor, by: Linear) -> None:
    """Write linear(x) into `place_nk`."""
    bias = by.bias
    if bias is None:
        torch.mm(x_nm, by.matrix, out=place_nk)
    else:
        torch.addmm(bias, x_nm, by.matrix, out=place_nk)


def activated(x_nm: Tensor, by: Linear, activation: str, fused: bool) -> Tensor:
    """Give activation(linear(x)), (n, k); the fused forms pay from about 64 rows."""
    if fused and x_nm.shape[0] >= 64:
        if activation == "gelu_tanh":
            return torch.ops.mkldnn._linear_pointwise(x_nm, by.weight, by.bias, "gelu", [], "tanh")
        if activation == "gelu":
            return torch.ops.mkldnn._linear_pointwise(x_nm, by.weight, by.bias, "gelu", [], "none")
    hidden_nk = product(x_nm, by)
    if activation == "gelu_tanh":  # x · sigmoid(2u), the same function; torch's own kernel takes twice as long
        u_nk = (hidden_nk * hidden_nk).mul_(0.044715).add_(1.0).mul_(hidden_nk)
        return u_nk.mul_(1.5957691216057308).sigmoid_().mul_(hidden_nk)  # 2 · √(2/π)
    if activation == "gelu":
        return F.gelu(hidden_nk)
    if activation == "relu":
        return hidden_nk.relu_()
    return F.silu(hidden_nk)


def added(x_nk: Tensor, y_nm: Tensor, by: Linear, norm_out: Norm | None, fused: bool) -> Tensor:
    """Give x + linear(y), or x + norm(linear(y)), (n, k); `x_nk` may be overwritten.

    The fused form pays from about 256 rows.
    """
    if norm_out is not None:
        x_nk += norm(product(y_nm, by), norm_out)
        return x_nk
    bias = by.bias
    if fused and x_nk.shape[0] >= 256:
        return torch.ops.mkldnn._linear_pointwise(y_nm, x_nk, by.weight, bias, "add")
    if bias is not None:
        x_nk += bias
    return x_nk.addmm_(y_nm, by.matrix)


def rotate_(x_nm: Tensor, b: int, heads: int, angles_tbf: Tensor) -> None:
    """Apply RoPE in place: channel i of a head turns together with channel i + d/2."""
    x_tbhd = x_nm.view(angles_tbf.shape[0], b, heads, -1)
    half = angles_tbf.shape[2]
    cos, sin = angles_tbf.cos().to(x_nm.dtype)[:, :, None], angles_tbf.sin().to(x_nm.dtype)[:, :, None]
    first, second = x_tbhd[..., :half].clone(), x_tbhd[..., half:]
    x_tbhd[..., :half] = first * cos - second * sin
    x_tbhd[..., half:] = second * cos + first * sin


def read_blocks(
    x_nm: Tensor,
    b: int,
    read: int,
    weights: list[Weights],
    k_sbm: list[Tensor],
    v_sbm: list[Tensor],
    biases_zts: list[Tensor],
    scales_th1: list[Tensor],
    angles_tbf: Tensor | None,
    setting: Setting,
) -> Tensor:
    """Pass new positions through all blocks, and keep their keys and values.

    Args:
        x_nm: embedded new positions, (t · b, m), positions first; may be overwritten.
        b: rows of the batch.
        read: positions read before and with these.
        weights: of the blocks in the order in which they are applied, once for every loop.
        k_sbm: keys of each of them so far; those of the new positions are written at read − t.
        v_sbm: values likewise.
        biases_zts: added to each layer's attention logits, (1 or z, t, max(read, SOFTMAX_WIDTH)); empty for nothing.
        scales_th1: what each layer's queries are multiplied by, (t, 1 or h, 1); empty for nothing.
        angles_tbf: rotation angles of the new positions, (t, 1 or b, d/2); None for none.
        setting: see there.

    Returns:
        The last new position after the last block, (b, m).
    """
    n, m = x_nm.shape
    heads, fused = setting.heads, setting.fused
    start, seen = read - n // b, max(read, 16)
    by_head = [-1, b * heads, m // heads]
    looped = len(weights) > setting.layers
    embedded_nm = x_nm.clone() if looped else x_nm
    for index in range(len(weights)):
        layer = index % setting.layers
        if looped and index > 0 and layer == 0:
            x_nm += embedded_nm
        w, keys_sbm, values_sbm = weights[index], k_sbm[index], v_sbm[index]
        y_nm = norm(x_nm, w.norm_attention)
        new_k_nm = keys_sbm[start:read].view(n, m)
        product_into(new_k_nm, y_nm, w.k)
        product_into(values_sbm[start:read].view(n, m), y_nm, w.v)
        if angles_tbf is not None:
            rotate_(new_k_nm, b, heads, angles_tbf)
        if index == len(weights) - 1 and n > b:  # nothing after the last attention looks at earlier positions
            y_nm, x_nm = y_nm[-b:], x_nm[-b:]
            if angles_tbf is not None:
                angles_tbf = angles_tbf[-1:]
        q_nm = product(y_nm, w.q)
        if angles_tbf is not None:
            rotate_(q_nm, b, heads, angles_tbf)
        if len(scales_th1) > 0:
            q_nm.view(-1, b, heads, m // heads).mul_(scales_th1[layer][-(q_nm.shape[0] // b) :, None])
        q_ztd = q_nm.mul_(1 / math.sqrt(m // heads)).view(by_head).transpose(0, 1)
        scores_zts = torch.bmm(q_ztd, keys_sbm[:seen].view(by_head).permute(1, 2, 0))
        if len(biases_zts) > 0:
            scores_zts += biases_zts[layer][:, -scores_zts.shape[1] :]  # of the queries that are left
        mixed_ztd = torch.bmm(scores_zts.softmax(-1), values_sbm[:seen].view(by_head).transpose(0, 1))
        x_nm = added(x_nm, mixed_ztd.transpose(0, 1).reshape(-1, m), w.out, w.norm_attention_out, fused)
        y_nm = norm(x_nm, w.norm_mlp)
        gate = w.gate
        if gate is not None:
            hidden_nk = activated(y_nm, gate, "silu", fused).mul_(product(y_nm, w.up))
        else:
            hidden_nk = activated(y_nm, w.up, setting.activation, fused)
        x_nm = added(x_nm, hidden_nk, w.down, w.norm_mlp_out, fused)
    return x_nm


def linear_of(layer: nn.Linear, part: int = 0, parts: int = 1) -> Linear:
    """Take a layer's tensors, or those of one of equal parts of its outputs."""
    weight = layer.weight.detach().chunk(parts)[part]
    return Linear(weight, weight.t(), None if layer.bias is None else layer.bias.detach().chunk(parts)[part])


def norm_of(layer: nn.Module) -> Norm:
    """Take a norm's tensors."""
    if isinstance(layer, nn.LayerNorm):
        return Norm(True, layer.weight.detach(), None if layer.bias is None else layer.bias.detach(), layer.eps)
    assert isinstance(layer, nn.RMSNorm)
    assert layer.eps is not None
    return Norm(False, layer.weight.detach(), None, layer.eps)


def weights_of(block: Block) -> Weights:
    """Take a block's tensors; views, never copies."""
    attention, mlp = block.attention, block.mlp
    return Weights(
        norm_of(block.norm_attention),
        linear_of(attention.qkv, 0, 3),
        linear_of(attention.qkv, 1, 3),
        linear_of(attention.qkv, 2, 3),
        linear_of(attention.out),
        None if isinstance(block.norm_attention_out, nn.Identity) else norm_of(block.norm_attention_out),
        norm_of(block.norm_mlp),
        linear_of(mlp.up),
        None if mlp.gate is None else linear_of(mlp.gate),
        linear_of(mlp.down),
        None if isinstance(block.norm_mlp_out, nn.Identity) else norm_of(block.norm_mlp_out),
    )


@functools.cache
def compiled() -> Callable[..., Tensor]:
    """Compile `read_blocks`, or give it as it is where that fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript announces that it will get no new features
            return torch.jit.script(read_blocks)
    except (RuntimeError, AttributeError, TypeError, OSError):  # no TorchScript, no oneDNN, or no source to compile
        return read_blocks
