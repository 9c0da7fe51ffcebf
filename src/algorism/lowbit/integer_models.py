"""Networks that compute with integers from the first layer's inputs to the last one's outputs.

Shape letters: n samples, i inputs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .integer import ActivationGrid, IntegerLinear
from .integer_conv import IntegerConv2d
from .observers import observer
from .quantizer import quantize
from .spec import QuantSpec

SAME_ON_INTEGERS = (nn.Flatten, nn.MaxPool2d, nn.Identity)


@dataclass(frozen=True, eq=False)
class Rearranged:
    """A module that only moves or compares values, which is the same on integers: flattening, maxima of a window."""

    module: nn.Module

    def __call__(self, q: Tensor) -> Tensor:
        """Integers in, integers out, int64; float64 holds all of them."""
        return self.module(q.double()).long()


IntegerLayer = IntegerLinear | IntegerConv2d | Rearranged


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """Integer layers one after another; each one's output grid is the next one's input grid."""

    layers: Sequence[IntegerLayer]

    @property
    def computing(self) -> list[IntegerLinear | IntegerConv2d]:
        """The layers that have grids."""
        return [layer for layer in self.layers if not isinstance(layer, Rearranged)]

    def integers(self, x: Tensor) -> Tensor:
        """Float inputs to the last layer's integers."""
        q = self.computing[0].input.quantize(x)
        for layer in self.layers:
            q = layer(q)
        return q

    def __call__(self, x: Tensor) -> Tensor:
        """Float inputs to float outputs; everything in between is done with integers."""
        return self.computing[-1].output.dequantize(self.integers(x))


def integer_network(
    model: nn.Sequential, batches: Iterable[Tensor], weights: QuantSpec, activations: QuantSpec
) -> IntegerNetwork:
    """Convert a chain of linear layers and convolutions with ReLUs between them.

    Args:
        model: `nn.Linear` and `nn.Conv2d`, each followed by `nn.ReLU` or nothing; `nn.Flatten` and `nn.MaxPool2d` may
            stand between them. Fold batch norms first (`fold_batch_norms`).
        batches: calibration inputs, from which static activation ranges are taken.
        weights: per tensor or channel.
        activations: per tensor, static.

    Raises:
        UsageError: another module, or a spec that integer layers cannot have.
        DataError: an empty calibration set.
    """
    if activations.granularity != "tensor" or activations.dynamic:
        raise UsageError("Integer network: activations need one static scale per tensor.")
    stages = _stages(list(model))
    computing = sum(isinstance(module, nn.Linear | nn.Conv2d) for module, _ in stages)
    if not computing:
        raise UsageError("Integer network: no linear layer or convolution.")
    seen = [observer(activations) for _ in range(computing + 1)]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for x in batches:
            seen[0].observe(x)
            watches = iter(seen[1:])
            for module, relu in stages:
                x = module(x).relu() if relu else module(x)
                if isinstance(module, nn.Linear | nn.Conv2d):
                    next(watches).observe(x)
    model.train(was_training)
    grids = [ActivationGrid(*watch.grid(), activations) for watch in seen]
    layers: list[IntegerLayer] = []
    at = 0
    for module, relu in stages:
        if isinstance(module, nn.Linear):
            weight = quantize(module.weight, weights, what="weights")
            layers.append(IntegerLinear.build(weight, module.bias, grids[at], grids[at + 1], relu=relu))
            at += 1
        elif isinstance(module, nn.Conv2d):
            layers.append(IntegerConv2d.build(module, weights, grids[at], grids[at + 1], relu=relu))
            at += 1
        else:
            layers.append(Rearranged(module))
    return IntegerNetwork(layers)


def _stages(modules: list[nn.Module]) -> list[tuple[nn.Module, bool]]:
    """Modules without the ReLUs, and whether one followed; identities that folding left behind are dropped."""
    modules = [module for module in modules if not isinstance(module, nn.Identity)]
    stages: list[tuple[nn.Module, bool]] = []
    for at, module in enumerate(modules):
        if isinstance(module, nn.Linear | nn.Conv2d):
            stages.append((module, at + 1 < len(modules) and isinstance(modules[at + 1], nn.ReLU)))
        elif isinstance(module, SAME_ON_INTEGERS):
            stages.append((module, False))
        elif not isinstance(module, nn.ReLU) or at == 0 or not isinstance(modules[at - 1], nn.Linear | nn.Conv2d):
            raise UsageError(
                "Integer network: a chain of Linear, Conv2d, ReLU, Flatten and MaxPool2d is expected; got "
                f"{type(module).__name__}." + (" Fold it first." if "BatchNorm" in type(module).__name__ else "")
            )
    return stages
