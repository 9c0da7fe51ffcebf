"""Training that knows of the grid: the forward pass is quantized, the gradient passes as if it were not.

Weights stay in float while training; each forward pass sees them on the grid. Source: arXiv 2103.13630, section III-G1.
Shape letters: o rows, n values of a row, g groups of a row.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import UsageError, nearest
from .layout import as_rows, from_rows, groups_of, spread
from .nonuniform import Coded
from .quantizer import grid_for
from .spec import QuantSpec
from .uniform import SMALLEST_SCALE, Quantized, quantize_on, to_integers, to_values
from .vector import SharedVectors, VectorCoded

QatMethod = Literal["ste", "lsq", "noise"]
QAT_METHODS: tuple[QatMethod, ...] = ("ste", "lsq", "noise")


class _StraightThrough(torch.autograd.Function):
    """Rounding with the gradient of the identity inside the range, and none outside of it."""

    @staticmethod
    def forward(ctx: Any, x_on: Tensor, scale_on: Tensor, zero_on: Tensor, spec: QuantSpec) -> Tensor:
        position_on = x_on / scale_on + zero_on
        # As torch.fake_quantize: what is rounded to an end is not clipped, that is half a step more at both ends. The
        # largest weight of a full range lies just there, so the last bits of x / S must not decide.
        reach = 0.5 + 1e-4
        ctx.save_for_backward((position_on >= spec.qmin - reach) & (position_on <= spec.qmax + reach))
        return to_values(to_integers(x_on, scale_on, zero_on, spec), scale_on, zero_on)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (inside_on,) = ctx.saved_tensors
        return grads[0] * inside_on, None, None, None


class _LearnedStep(torch.autograd.Function):
    """LSQ's rounding. Source: arXiv 1902.08153, equations 1 to 5."""

    @staticmethod
    def forward(ctx: Any, x_on: Tensor, step_on: Tensor, low: int, high: int, gain: float) -> Tensor:
        position_on = x_on / step_on
        ctx.save_for_backward(position_on)
        ctx.settings = low, high, gain, step_on.shape
        return torch.round(position_on.clamp(low, high)) * step_on

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        (position_on,) = ctx.saved_tensors
        low, high, gain, shape = ctx.settings
        inside_on = (position_on > low) & (position_on < high)
        slope_on = torch.where(inside_on, torch.round(position_on) - position_on, position_on.clamp(low, high))
        return grads[0] * inside_on, (grads[0] * slope_on * gain).sum_to_size(shape), None, None, None


class WeightQuantizer(nn.Module):
    """A weight as its quantizer leaves it, with a gradient: a parametrization for `torch.nn.utils.parametrize`."""

    def quantized(self, weight: Tensor) -> Quantized | Coded:
        """The weight as it is now, in the form in which it is stored."""
        raise NotImplementedError


class FakeQuantize(WeightQuantizer):
    """A weight on a uniform grid.

    Args:
        weight: as it is now.
        spec: grid. LSQ needs a symmetric one with a 0.
        method: "ste": the scale is found from the weight at each step, the gradient goes straight through; "lsq": the
            scale is a parameter, begun at 2 · mean|w| / √qmax; "noise": instead of being rounded, each weight is moved
            by up to half a step at random, while training.
        seed: for the noise.

    Raises:
        UsageError: an unknown method, or a spec that it does not fit.
    """

    def __init__(self, weight: Tensor, spec: QuantSpec, method: QatMethod = "ste", seed: int = 0) -> None:
        super().__init__()
        if method not in QAT_METHODS:
            raise UsageError(f"FakeQuantize: unknown method {method!r}. {nearest(str(method), QAT_METHODS)}")
        if spec.granularity == "token" or spec.dynamic or spec.rounding == "stochastic":
            raise UsageError("FakeQuantize: weights need a fixed grid, per tensor, channel or group, and rounding.")
        if method == "lsq" and (not spec.symmetric or spec.binary):
            raise UsageError("FakeQuantize: a learned step needs a symmetric grid with a 0 (bits ≥ 2, or full range).")
        self.spec, self.method = spec, method
        self.generator = torch.Generator().manual_seed(seed)
        if method == "lsq":
            with torch.no_grad():
                size_on = as_rows(weight, spec).abs()
                parts = size_on.split(spec.group_size or size_on.shape[1], dim=1)
                mean_og = torch.stack([part.mean(1) for part in parts], dim=1)
                step_og = (2 * mean_og / math.sqrt(max(spec.qmax, 1))).clamp(min=SMALLEST_SCALE)
            self.step_og = nn.Parameter(step_og)

    def grid(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and zero point (o, g) for the weight as it is now."""
        if self.method == "lsq":
            step_og = self.step_og.detach().abs().clamp(min=SMALLEST_SCALE)
            return step_og, torch.zeros_like(step_og, dtype=torch.int32)
        return grid_for(weight, self.spec, "weights")

    def quantized(self, weight: Tensor) -> Quantized:
        """The weight as integers on the grid as it is now."""
        return quantize_on(weight, *self.grid(weight), self.spec, what="weights")

    def forward(self, weight: Tensor) -> Tensor:
        """The weight on its grid."""
        x_on = as_rows(weight, self.spec)
        n = x_on.shape[1]
        if self.method == "lsq":
            per_step = n / groups_of(n, self.spec) * (len(x_on) / len(self.step_og))
            gain = 1 / math.sqrt(per_step * max(self.spec.qmax, 1))
            step_on = spread(self.step_og.abs().clamp(min=SMALLEST_SCALE), n, self.spec)
            y_on = _LearnedStep.apply(x_on, step_on, self.spec.qmin, self.spec.qmax, gain)
        else:
            scale_on, zero_on = (spread(value, n, self.spec) for value in self.grid(weight))
            if self.method == "noise" and self.training:
                noise_on = torch.rand(x_on.shape, generator=self.generator).to(x_on) - 0.5
                y_on = x_on + noise_on * scale_on
            else:
                y_on = _StraightThrough.apply(x_on, scale_on, zero_on, self.spec)
        return from_rows(y_on, weight.shape, self.spec)


def prepare(
    model: nn.Module, spec: QuantSpec, method: QatMethod = "ste", *, skip: Sequence[str] = (), seed: int = 0
) -> list[str]:
    """Put fake quantizers on the weights of all linear layers and convolutions, in place; then train as usual.

    Returns:
        Names of the modules that were prepared.

    Raises:
        UsageError: a spec that the method does not fit, or a module that is prepared already.

    >>> model = nn.Sequential(nn.Linear(2, 2))
    >>> prepare(model, QuantSpec(bits=2))
    ['0']
    >>> int(convert(model)["0.weight"].q.abs().max())
    1
    """
    seeds = itertools.count(seed)  # one for each layer's noise
    return prepare_with(model, lambda weight: FakeQuantize(weight, spec, method, next(seeds)), skip=skip)


def prepare_with(model: nn.Module, make: Callable[[Tensor], WeightQuantizer], *, skip: Sequence[str] = ()) -> list[str]:
    """As `prepare`, with any quantizer: `prepare_with(model, TrainedTernary)`.

    Args:
        model: changed in place.
        make: gives the quantizer for a weight.
        skip: names of modules to leave as they are.

    Returns:
        Names of the modules that were prepared.

    Raises:
        UsageError: a module that is prepared already, or what `make` refuses.
    """
    names: list[str] = []
    for name, module in list(model.named_modules()):
        if not isinstance(module, nn.Linear | nn.Conv2d) or name in skip:
            continue
        if parametrize.is_parametrized(module, "weight"):
            raise UsageError(f"prepare: {name!r} is prepared already; convert it first.")
        parametrize.register_parametrization(module, "weight", make(module.weight))
        names.append(name)
    return names


def convert(model: nn.Module) -> dict[str, Quantized | Coded | VectorCoded]:
    """Take the quantizers off, in place: weights become what they stood for, and are given as integers as well."""
    found: dict[str, Quantized | Coded | VectorCoded] = {}
    for name, module in list(model.named_modules()):
        if not parametrize.is_parametrized(module, "weight"):
            continue
        original, fake = module.parametrizations.weight.original, module.parametrizations.weight[0]
        if not isinstance(fake, WeightQuantizer | SharedVectors):
            continue
        quantized = fake.quantized(original)
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
        with torch.no_grad():
            module.weight.copy_(quantized.dequantize())
        found[f"{name}.weight"] = quantized
    return found
