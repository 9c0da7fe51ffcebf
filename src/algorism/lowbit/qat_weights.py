"""Weights that learn on grids of their own: DoReFa's, and trained ternary.

Both are for `qat.prepare_with`. Their levels are not those of an integer grid with a zero point, so that they convert
into codes with a small codebook. Shape letters: o rows, n values of a row, k levels.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .layout import checked
from .nonuniform import CodebookSpec, Coded
from .qat import WeightQuantizer
from .uniform import SMALLEST_SCALE

TTQ_THRESHOLD = 0.05  # of max |w|, as the paper has it for all layers


def round_through(x: Tensor) -> Tensor:
    """Round with the gradient of the identity."""
    return x + (x.round() - x).detach()


class DoReFaWeight(WeightQuantizer):
    """2 q(tanh w / (2 max|tanh w|) + ½) − 1 with q(x) = round((2^k − 1) x) / (2^k − 1): 2^k levels from −1 to 1, no 0.

    At 1 bit sign(w) · mean|w| instead, as in the paper. Source: arXiv 1606.06160, section 2.3.

    Args:
        bits: k, 1 to 8.

    Raises:
        UsageError: other bits.

    >>> DoReFaWeight(2)(torch.tensor([5.0, 0.1, -5.0])).tolist()
    [1.0, 0.3333333730697632, -1.0]
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 8:
            raise UsageError(f"DoReFaWeight: bits is a whole number from 1 to 8; got {bits!r}.")
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        """The weight on its levels; the gradient passes the rounding, and goes through tanh."""
        if self.bits == 1:
            value = torch.where(weight >= 0, 1.0, -1.0) * weight.detach().abs().mean()
            return weight + (value - weight).detach()
        steps = (1 << self.bits) - 1
        return 2 * round_through(self._position(weight) * steps) / steps - 1

    def _position(self, weight: Tensor) -> Tensor:
        """The weight between 0 and 1."""
        bent = torch.tanh(weight)
        return bent / (2 * bent.abs().max().clamp(min=SMALLEST_SCALE)) + 0.5

    def quantized(self, weight: Tensor) -> Coded:
        """Codes, and levels from −1 to 1."""
        weight = checked(weight, "weights")
        if self.bits == 1:
            levels_k, codes = torch.tensor([-1.0, 1.0]) * weight.abs().mean().cpu(), (weight >= 0).to(torch.uint8)
        else:
            steps = (1 << self.bits) - 1
            codes = (self._position(weight) * steps).round().to(torch.uint8)
            levels_k = 2 * torch.arange(steps + 1.0) / steps - 1
        return _coded(codes, levels_k, self.bits)


class _Ternary(torch.autograd.Function):
    """−w⁻ below −Δ, 0, w⁺ above Δ. Source: arXiv 1612.01064, section 3."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, minus: Tensor, plus: Tensor, threshold: float) -> Tensor:
        delta = threshold * weight.abs().max()
        above, below = weight > delta, weight < -delta
        ctx.save_for_backward(above, below, minus, plus)
        return plus * above - minus * below

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        above, below, minus, plus = ctx.saved_tensors
        (grad,) = grads
        latent = torch.where(above, plus, torch.where(below, minus, torch.ones_like(plus))) * grad
        return latent, -(grad * below).sum(), (grad * above).sum(), None


class TrainedTernary(WeightQuantizer):
    """TTQ: −w⁻, 0 and w⁺, with two learned magnitudes. Source: arXiv 1612.01064.

    The magnitudes begin at the means of the weights that they replace.

    Args:
        weight: as it is now.
        threshold: what lies below it becomes 0, in units of max |w|.

    Raises:
        UsageError: a threshold outside 0 to 1.

    >>> TrainedTernary(torch.tensor([1.0, 3.0, 0.0, -4.0]))(torch.tensor([1.0, 3.0, 0.0, -4.0])).tolist()
    [2.0, 2.0, 0.0, -4.0]
    """

    def __init__(self, weight: Tensor, threshold: float = TTQ_THRESHOLD) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise UsageError(f"TrainedTernary: the threshold lies from 0 up to, but not at, 1; got {threshold!r}.")
        self.threshold = threshold
        weight = checked(weight, "weights")
        delta = threshold * weight.abs().max()
        sides = [-weight[weight < -delta], weight[weight > delta]]
        minus, plus = (side.mean() if side.numel() else torch.zeros_like(delta) for side in sides)
        self.minus, self.plus = nn.Parameter(minus), nn.Parameter(plus)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight on its three levels."""
        return _Ternary.apply(weight, self.minus, self.plus, self.threshold)

    def quantized(self, weight: Tensor) -> Coded:
        """Codes 0, 1, 2 for the three levels, which training may have put into another order."""
        values = self.forward(checked(weight, "weights")).detach()
        levels_k = torch.stack((-self.minus, torch.zeros_like(self.plus), self.plus)).detach().sort().values
        return _coded(torch.searchsorted(levels_k, values.contiguous()).to(torch.uint8), levels_k.cpu(), 2)


def _coded(codes: Tensor, levels_k: Tensor, bits: int) -> Coded:
    """One codebook for the tensor, with a scale of 1."""
    return Coded(codes, levels_k[None].to(codes.device), torch.ones(1, 1, device=codes.device),
                 CodebookSpec("trained", bits))  # fmt: skip
