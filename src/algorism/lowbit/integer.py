"""Linear layers that compute with integers only: integer weights, inputs, bias and rescaling.

y = Wx + b on grids: acc = Σ (q_w − z_w)(q_x − z_x) + q_b in 32 bits, with the bias on a grid of step S_w S_x; then
q_y = round(acc · m / 2^e) + z_y, where m / 2^e stands for S_w S_x / S_y. Source: arXiv 2103.13630, section IV-A.

Shape letters: o outputs, i inputs, n samples.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError, UsageError
from .dyadic import DyadicRounding, dyadic, rescale
from .spec import QuantSpec
from .uniform import Quantized, quantize_on

LARGEST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class ActivationGrid:
    """Where activations are quantized: one scale and zero point for the tensor."""

    scale: Tensor
    zero_point: Tensor
    spec: QuantSpec

    def quantize(self, x: Tensor) -> Tensor:
        """Float activations to int64."""
        return quantize_on(x, self.scale, self.zero_point, self.spec, what="activations").q.long()

    def dequantize(self, q: Tensor) -> Tensor:
        """Integers to floats."""
        return (q - self.zero_point).float() * self.scale


@dataclass(frozen=True, eq=False)
class IntegerLinear:
    """A linear layer on integers.

    Args:
        weight: quantized per tensor or channel.
        bias_o: int64 of 32 bits, on the grid S_w S_x.
        input: the inputs' grid.
        output: the outputs' grid.
        m_o: numerators of the dyadic factors.
        e_o: their shifts.
        relu: whether outputs below 0 are cut off; on the grid that is a clamp at the zero point.
        rounding: of the rescaling.
    """

    weight: Quantized
    bias_o: Tensor
    input: ActivationGrid
    output: ActivationGrid
    m_o: Tensor
    e_o: Tensor
    relu: bool = False
    rounding: DyadicRounding = "half-up"

    @classmethod
    def build(
        cls,
        weight: Quantized,
        bias_o: Tensor | None,
        input: ActivationGrid,
        output: ActivationGrid,
        *,
        relu: bool = False,
        rounding: DyadicRounding = "half-up",
    ) -> "IntegerLinear":
        """Quantize the bias and find the dyadic factors.

        Args:
            weight: (o, i), quantized per tensor or channel.
            bias_o: float bias, or None.
            input: the inputs' grid.
            output: the outputs' grid.
            relu: cut off outputs below 0.
            rounding: of the rescaling.

        Raises:
            UsageError: a weight in groups; or sums that may leave 32 bits.
            DataError: a bias that leaves 32 bits on its grid, NaN or infinity.
        """
        if weight.spec.granularity == "group":
            raise UsageError("Integer layers need one scale per output: quantize weights per tensor or channel.")
        o, i = weight.q.shape
        step_o = (weight.scale_og.double() * input.scale.double()).expand(o, 1)[:, 0]
        bias = torch.zeros(o, dtype=torch.float64) if bias_o is None else bias_o.detach().double()
        q_bias_o = torch.round(bias / step_o)
        if not bool(torch.isfinite(q_bias_o).all()) or float(q_bias_o.abs().max()) > LARGEST:
            raise DataError("Integer layer: the bias does not fit into 32 bits at step S_w · S_x; use fewer bits.")
        widest = (input.spec.qmax - input.spec.qmin) * max(weight.spec.qmax - weight.spec.qmin, 1) * i
        if widest + int(q_bias_o.abs().max()) > LARGEST:
            raise UsageError(f"Integer layer: sums of {i} products may leave 32 bits; use fewer bits or inputs.")
        factors = [dyadic(float(factor)) for factor in step_o / output.scale.double().reshape(())]
        m_o, e_o = torch.tensor(factors, dtype=torch.int64).unbind(1)
        return cls(weight, q_bias_o.long(), input, output, m_o, e_o, relu, rounding)

    def accumulate(self, q_ni: Tensor) -> Tensor:
        """The sums of products, int64 (n, o), each of at most 32 bits."""
        if q_ni.shape[-1] != self.weight.q.shape[1]:
            raise ShapeError(f"Integer layer: {q_ni.shape[-1]} inputs; expected {self.weight.q.shape[1]}.")
        x = (q_ni - self.input.zero_point).double()
        w = (self.weight.q.long() - self.weight.zero_point_og).double()
        # Every product and sum is an integer below 2^53, so that float64's fast matrix product is exact.
        return (x @ w.T).long() + self.bias_o

    def __call__(self, q_ni: Tensor) -> Tensor:
        """Integers in, integers out, int64."""
        q_no = rescale(self.accumulate(q_ni), self.m_o, self.e_o, self.rounding) + self.output.zero_point
        low = int(self.output.zero_point) if self.relu else self.output.spec.qmin
        return q_no.clamp(low, self.output.spec.qmax)
