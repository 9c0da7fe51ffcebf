"""Round to nearest: the baseline of every other method, and all that can be done without data."""

from torch import Tensor

from ..quantizer import quantize
from ..spec import QuantSpec
from ..uniform import Quantized
from .layers import check_spec


def rtn(weight_oi: Tensor, spec: QuantSpec) -> Quantized:
    """Quantize a weight by rounding. With `spec.range="mse"` this is the method called MSE clipping.

    Raises:
        DataError: NaN, infinity, or no values.

    >>> import torch
    >>> rtn(torch.tensor([[1.0, 0.4]]), QuantSpec(bits=2)).dequantize().tolist()
    [[1.0, 0.0]]
    """
    check_spec(spec)
    return quantize(weight_oi, spec, what="weights")
