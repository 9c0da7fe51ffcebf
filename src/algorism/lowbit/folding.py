"""Batch norm folded into the layer before it: the same function, and one set of weights to quantize.

W' = γ W / √(σ² + ε) and b' = β + γ (b − μ) / √(σ² + ε). Source: arXiv 1712.05877, section 3.2.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..errors import ShapeError, UsageError
from .graph import LAYERS, NORMS, Graph


def fold_batch_norm(layer: nn.Module, norm: nn.Module) -> None:
    """Fold one batch norm, as it is in evaluation, into the layer whose outputs it gets, in place.

    Computed in float64 and rounded once, so that only the last bit of each weight is lost.

    Args:
        layer: linear or convolution, not transposed.
        norm: with running statistics. It stays as it is: take it out of the model, or use `fold_batch_norms`.

    Raises:
        UsageError: other modules, or a norm without running statistics.
        ShapeError: the norm has not as many channels as the layer has outputs.

    >>> layer, norm = nn.Linear(1, 1), nn.BatchNorm1d(1, eps=0.0)
    >>> _ = layer.weight.data.fill_(3.0), layer.bias.data.fill_(1.0), norm.running_var.fill_(4.0)
    >>> fold_batch_norm(layer, norm)
    >>> layer.weight.item(), layer.bias.item()
    (1.5, 0.5)
    """
    if not isinstance(layer, LAYERS) or not isinstance(norm, NORMS):
        raise UsageError(f"fold_batch_norm: got {type(layer).__name__} and {type(norm).__name__}; expected a linear "
                         "layer or convolution, and a batch norm.")  # fmt: skip
    if norm.running_mean is None or norm.running_var is None:
        raise UsageError("fold_batch_norm: the norm keeps no running statistics; it has no fixed function to fold.")
    if norm.num_features != layer.weight.shape[0]:
        raise ShapeError(f"fold_batch_norm: {layer.weight.shape[0]} outputs for a norm of {norm.num_features}.")
    double = [
        None if value is None else value.detach().double()
        for value in (layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    ]
    weight, bias, mean, variance, gamma, beta = double
    assert weight is not None
    assert mean is not None
    assert variance is not None
    folded, shift = fuse_conv_bn_weights(weight, bias, mean, variance, norm.eps, gamma, beta)
    with torch.no_grad():
        layer.weight.copy_(folded)
        if layer.bias is None:
            layer.bias = nn.Parameter(shift.to(layer.weight.dtype))
        else:
            layer.bias.copy_(shift)


def fold_batch_norms(model: nn.Module, pairs: Sequence[tuple[str, str]] | None = None) -> list[tuple[str, str]]:
    """Fold all batch norms that follow a layer and nothing else, in place; identities stand in their places.

    Args:
        model: traced to find the pairs; those that something else shares are left alone.
        pairs: names of layer and norm, for models that cannot be traced.

    Returns:
        The pairs.

    Raises:
        UsageError: a model that cannot be traced; a pair that is none.
        ShapeError: as `fold_batch_norm`.

    >>> model = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
    >>> fold_batch_norms(model), type(model[1]).__name__
    ([('0', '1')], 'Identity')
    """
    modules = dict(model.named_modules())
    if pairs is None:
        graph = Graph(model)
        layers = [name for name, module in modules.items() if isinstance(module, LAYERS)]
        behind = [(name, graph.norm_behind(name)) for name in layers]
        pairs = [(name, norm) for name, norm in behind if norm is not None]
        # A norm without statistics of its own normalises by each batch: it is no fixed function.
        pairs = [(name, norm) for name, norm in pairs if getattr(modules[norm], "running_mean", None) is not None]
    for name, norm in pairs:
        if name not in modules or norm not in modules:
            raise UsageError(f"fold_batch_norms: no modules {name!r} and {norm!r} in {type(model).__name__}.")
        fold_batch_norm(modules[name], modules[norm])
        parent, _, last = norm.rpartition(".")
        setattr(modules[parent], last, nn.Identity())
    return list(pairs)
