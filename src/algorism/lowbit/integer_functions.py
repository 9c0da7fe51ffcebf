"""Square root, exponential, softmax and norms on integers. Source: arXiv 2101.01321 (I-BERT), algorithms 2 and 4.

All tensors are int64, and every intermediate value fits. The square root's and the exponential's own fractions are
fixed here; what comes in and goes out has the scales of its grids.

Shape letters: n samples, m model width, s keys.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .dyadic import dyadic, rescale
from .integer import ActivationGrid

FRACTION = 16  # bits behind the point of the exponential's argument
LN2 = round(math.log(2) * 2**FRACTION)
# exp(p) ≈ 0.3585 (p + 1.353)² + 0.344 on (−ln 2, 0]; the factor 0.3585 cancels in a softmax.
SHIFT = round(1.353 * 2**FRACTION)
REST = round(0.344 / 0.3585 * 2 ** (2 * FRACTION))
MOST_HALVINGS = 60
ROOT_BITS = 8  # behind the point of the norm's square root
UNIT = 30  # x / √Σx² of 1 is 2^30
SHARES = 255  # a probability of 1


def integer_root(x: Tensor) -> Tensor:
    """⌊√x⌋ by Newton's method, from above; x from 0 to 2^62.

    >>> integer_root(torch.tensor([0, 1, 3, 4, 99, 2**62])).tolist()
    [0, 1, 1, 2, 9, 2147483648]
    """
    root = torch.full_like(x, 1 << 31)
    while True:
        better = torch.div(root + torch.div(x, root.clamp(min=1), rounding_mode="floor"), 2, rounding_mode="floor")
        if bool((better >= root).all()):
            return root
        root = torch.minimum(root, better)


def integer_exp(x: Tensor) -> Tensor:
    """exp(x / 2^16) in units of 0.3585 / 2^32, for x ≤ 0.

    >>> [round(0.3585 / 2**32 * power, 3) for power in integer_exp(torch.tensor([0, -65536])).tolist()]
    [1.0, 0.368]
    """
    halvings = torch.div(-x, LN2, rounding_mode="floor")
    rest = x + halvings * LN2
    return ((rest + SHIFT).square() + REST) >> halvings.clamp(max=MOST_HALVINGS)


def integer_softmax(scores_xs: Tensor, factor: tuple[int, int], seen_ts: Tensor) -> Tensor:
    """Softmax over the last axis, in shares of 1 / 255.

    Args:
        scores_xs: sums of products of queries and keys.
        factor: dyadic number by which they become multiples of 2^−16.
        seen_ts: which keys a query sees.

    Returns:
        Integers from 0 to 255.
    """
    m, e = (torch.tensor(part) for part in factor)
    fine_xs = rescale(scores_xs, m, e)
    lowest = torch.iinfo(torch.int64).min // 4
    top_x1 = fine_xs.masked_fill(~seen_ts, lowest).amax(-1, keepdim=True)
    power_xs = integer_exp((fine_xs - top_x1).clamp(max=0)).masked_fill(~seen_ts, 0)
    total_x1 = power_xs.sum(-1, keepdim=True)
    return torch.div(2 * SHARES * power_xs + total_x1, 2 * total_x1, rounding_mode="floor")


@dataclass(frozen=True, eq=False)
class IntegerNorm:
    """Layer norm or RMS norm on integers, gain and shift included.

    Args:
        gain_m: multiplier of each normalised value, with `bits` behind the point.
        shift_m: what is added, likewise.
        bits: behind the point.
        epsilon: what is added to the sum of squares.
        centred: layer norm subtracts the mean, RMS norm does not.
        output: the outputs' grid.
    """

    gain_m: Tensor
    shift_m: Tensor
    bits: int
    epsilon: int
    centred: bool
    output: ActivationGrid

    @classmethod
    def build(cls, norm: nn.LayerNorm | nn.RMSNorm, scale: float, output: ActivationGrid) -> "IntegerNorm":
        """Take a norm's gain and shift to the grids of its inputs (step `scale`) and outputs."""
        (width,) = norm.normalized_shape
        step = float(output.scale)
        gain_m = norm.weight.detach().double() * math.sqrt(width) / step
        bias = getattr(norm, "bias", None)
        shift_m = torch.zeros(width, dtype=torch.float64) if bias is None else bias.detach().double() / step
        largest = max(float(gain_m.abs().max()), float(shift_m.abs().max()), 1.0)
        bits = UNIT - math.ceil(math.log2(largest))  # so that gain · 2^30 and shift · 2^30 stay below 2^61
        epsilon = norm.eps if norm.eps is not None else torch.finfo(torch.float32).eps
        return cls(
            torch.round(gain_m * 2.0**bits).long(),
            torch.round(shift_m * 2.0 ** (bits + UNIT)).long(),
            bits,
            round(width * epsilon / scale**2),
            isinstance(norm, nn.LayerNorm),
            output,
        )

    def __call__(self, x_nm: Tensor) -> Tensor:
        """Integers in (17 bits and sign at most, width up to 2^14), integers on the output's grid out."""
        if self.centred:
            width = x_nm.shape[-1]
            total_n1 = x_nm.sum(-1, keepdim=True)
            x_nm = x_nm - torch.div(2 * total_n1 + width, 2 * width, rounding_mode="floor")
        squares_n1 = x_nm.square().sum(-1, keepdim=True) + self.epsilon
        root_n1 = integer_root(squares_n1.clamp(max=1 << 46) << (2 * ROOT_BITS)).clamp(min=1)
        # x / √Σx² in units of 2^−30, by way of one reciprocal for each row.
        factor_n1 = torch.div(torch.tensor(1 << (UNIT + 2 * ROOT_BITS)), root_n1, rounding_mode="floor")
        unit_nm = (x_nm * factor_n1) >> ROOT_BITS
        scaled_nm = unit_nm * self.gain_m + self.shift_m
        half = 1 << (self.bits + UNIT - 1)
        q_nm = ((scaled_nm + half) >> (self.bits + UNIT)) + self.output.zero_point.reshape(())
        return q_nm.clamp(self.output.spec.qmin, self.output.spec.qmax)


def score_factor(query: ActivationGrid, key: ActivationGrid, head_width: int) -> tuple[int, int]:
    """The dyadic number that takes sums of products to multiples of 2^−16 of attention's logits."""
    return dyadic(float(query.scale) * float(key.scale) / math.sqrt(head_width) * 2**FRACTION)
