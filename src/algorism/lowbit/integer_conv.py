"""Convolutions that compute with integers only: patches of integers, then an integer linear layer.

Shape letters: b batch, c channels, h row, w column, o outputs, n samples (patches), i inputs of one output.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShapeError, UsageError
from .dyadic import DyadicRounding
from .integer import ActivationGrid, IntegerLinear
from .quantizer import quantize
from .spec import QuantSpec
from .uniform import Quantized

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class IntegerConv2d:
    """A convolution on integers.

    Args:
        linear: what is done with each patch.
        channels: of the input.
        kernel: rows and columns of a patch.
        stride, padding, dilation: as `nn.Conv2d` has them. Padding is the integer that stands for 0.
    """

    linear: IntegerLinear
    channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    @property
    def input(self) -> ActivationGrid:
        """The inputs' grid."""
        return self.linear.input

    @property
    def output(self) -> ActivationGrid:
        """The outputs' grid."""
        return self.linear.output

    @classmethod
    def build(
        cls,
        layer: nn.Conv2d,
        weights: QuantSpec,
        input: ActivationGrid,
        output: ActivationGrid,
        *,
        relu: bool = False,
        rounding: DyadicRounding = "half-up",
    ) -> "IntegerConv2d":
        """Quantize a convolution.

        Args:
            layer: in one group, padded with zeros.
            weights: per tensor or channel.
            input: the inputs' grid.
            output: the outputs' grid.
            relu: cut off outputs below 0.
            rounding: of the rescaling.

        Raises:
            UsageError: groups, other padding, or as `IntegerLinear.build`.
            DataError: as `IntegerLinear.build`.
        """
        if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            raise UsageError(
                f"Integer convolution: one group, padded with zeros by a number, is expected; got groups="
                f"{layer.groups}, padding={layer.padding!r}, padding_mode={layer.padding_mode!r}."
            )
        found = quantize(layer.weight, weights, what="weights")
        rows = Quantized(found.q.flatten(1), found.scale_og, found.zero_point_og, weights)
        linear = IntegerLinear.build(rows, layer.bias, input, output, relu=relu, rounding=rounding)
        kernel, stride, padding, dilation = (
            (int(a), int(b)) for a, b in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        )
        return cls(linear, layer.in_channels, kernel, stride, padding, dilation)

    def __call__(self, q_bchw: Tensor) -> Tensor:
        """Integers in, integers out, int64."""
        if q_bchw.dim() != 4 or q_bchw.shape[1] != self.channels:
            raise ShapeError(f"Integer convolution: {self.channels} channels expected; got {tuple(q_bchw.shape)}.")
        rows, columns = self.padding
        zero = int(self.input.zero_point)
        padded = F.pad(q_bchw, (columns, columns, rows, rows), value=zero)
        # Patches are copied, not computed with: float64 holds every integer of 53 bits.
        patches_bin = F.unfold(padded.double(), self.kernel, self.dilation, 0, self.stride).long()
        q_bno = self.linear(patches_bin.transpose(1, 2))
        size = [
            (padded.shape[2 + axis] - self.dilation[axis] * (self.kernel[axis] - 1) - 1) // self.stride[axis] + 1
            for axis in (0, 1)
        ]
        return q_bno.transpose(1, 2).reshape(len(q_bchw), -1, *size)
