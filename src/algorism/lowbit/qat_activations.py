"""Activations whose clipping range is learned with the network: PACT, DoReFa, LSQ+.

Each is a module that stands where the activation function stood, or behind it, and is trained with everything else.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import DataError, UsageError
from .layout import checked
from .qat_weights import round_through
from .quantizer import grid_for
from .spec import QuantSpec
from .uniform import SMALLEST_SCALE


class DoReFaActivation(nn.Module):
    """q(clip(x, 0, 1)) with q(x) = round((2^k − 1) x) / (2^k − 1). Source: arXiv 1606.06160, section 2.4.

    Args:
        bits: k, 1 to 16.

    >>> DoReFaActivation(2)(torch.tensor([-1.0, 0.4, 0.6, 3.0])).tolist()
    [0.0, 0.3333333432674408, 0.6666666865348816, 1.0]
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = QuantSpec(bits=bits).bits

    def forward(self, x: Tensor) -> Tensor:
        """The activation on its levels."""
        steps = (1 << self.bits) - 1
        return round_through(x.clamp(0, 1) * steps) / steps


class Pact(nn.Module):
    """Clip to [0, α] with a learned α, then round to 2^k levels. Source: arXiv 1805.06085, section 3.

    Args:
        bits: k, 1 to 16.
        alpha: where α starts; too small a start clips, too large a start wastes levels until it has shrunk.

    Raises:
        UsageError: an α that is not above 0.

    >>> layer = Pact(2, alpha=3.0)
    >>> layer(torch.tensor([-1.0, 0.6, 9.0])).tolist(), layer.penalty().item()
    ([0.0, 1.0, 3.0], 9.0)
    """

    def __init__(self, bits: int, alpha: float = 10.0) -> None:
        super().__init__()
        if not (math.isfinite(alpha) and alpha > 0):
            raise UsageError(f"Pact: alpha is above 0; got {alpha!r}.")
        self.bits = QuantSpec(bits=bits).bits
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))

    def forward(self, x: Tensor) -> Tensor:
        """The activation on its levels; α gets the gradient of all that it clips."""
        alpha = self.alpha.clamp(min=SMALLEST_SCALE)
        clipped = torch.minimum(x.relu(), alpha)
        # The paper passes α no gradient from the rounding: ∂y/∂α is 1 where x ≥ α and 0 elsewhere.
        step = (alpha / ((1 << self.bits) - 1)).detach()
        return clipped + (torch.round(clipped / step) * step - clipped).detach()

    def penalty(self) -> Tensor:
        """α², to be added to the loss with a weight, so that α shrinks to where clipping begins to cost."""
        return self.alpha.square()


class _LearnedStepOffset(torch.autograd.Function):
    """LSQ+'s rounding. Source: arXiv 2004.09576, section 3."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, offset: Tensor, low: int, high: int, gain: float) -> Tensor:
        position = (x - offset) / step
        ctx.save_for_backward(position)
        ctx.settings = low, high, gain
        return torch.round(position.clamp(low, high)) * step + offset

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        (position,) = ctx.saved_tensors
        low, high, gain = ctx.settings
        (grad,) = grads
        inside = (position > low) & (position < high)
        slope = torch.where(inside, torch.round(position) - position, position.clamp(low, high))
        return grad * inside, (grad * slope).sum() * gain, (grad * ~inside).sum() * gain, None, None, None


class LearnedStepOffset(nn.Module):
    """LSQ+: round((x − β) / s) s + β, clipped, with learned s and β: LSQ for activations below 0 as well.

    Args:
        spec: grid per tensor, not symmetric; `spec.range` finds where s and β start, from the first batch.

    Raises:
        UsageError: another grid.

    >>> layer = LearnedStepOffset(QuantSpec(bits=2, symmetric=False, signed=False))
    >>> layer(torch.tensor([-1.0, 0.1, 2.0])).tolist()
    [-1.0, 0.0, 2.0]
    """

    started: Tensor

    def __init__(self, spec: QuantSpec) -> None:
        super().__init__()
        if spec.granularity != "tensor" or spec.symmetric or spec.dynamic or spec.rounding == "stochastic":
            raise UsageError(
                "LearnedStepOffset: a static, asymmetric grid per tensor, rounding to nearest, is expected."
            )
        self.spec = spec
        self.step, self.offset = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.0))
        self.register_buffer("started", torch.tensor(False))

    def start(self, x: Tensor) -> None:
        """Take s and β from a batch."""
        scale_og, zero_og = grid_for(checked(x, "activations"), self.spec)
        with torch.no_grad():
            self.step.copy_(scale_og.reshape(()))
            self.offset.copy_(-scale_og.reshape(()) * zero_og.reshape(()))
            self.started.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """The activation on its levels.

        Raises:
            DataError: in evaluation, before there was a batch to start from.
        """
        if not self.started:
            if not self.training:
                raise DataError("LearnedStepOffset: no batch was seen in training, so there is no range yet.")
            self.start(x)
        gain = 1 / math.sqrt(x.numel() * max(self.spec.qmax, 1))
        step = self.step.abs().clamp(min=SMALLEST_SCALE)
        return _LearnedStepOffset.apply(x, step, self.offset, self.spec.qmin, self.spec.qmax, gain)

    def grid(self) -> tuple[Tensor, Tensor]:
        """Scale and zero point for integers: β is moved to the nearest multiple of s, at most half a step away."""
        scale = self.step.detach().abs().clamp(min=SMALLEST_SCALE)
        zero = torch.round(-self.offset.detach() / scale).clamp(self.spec.qmin, self.spec.qmax)
        return scale.reshape(1, 1), zero.to(torch.int32).reshape(1, 1)
