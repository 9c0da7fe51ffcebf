"""AWQ: give inputs that are large on average a finer grid, by scaling their weights up before rounding.

Source: arXiv 2306.00978. Shape letters: o outputs, i inputs, n samples.
"""

from dataclasses import dataclass

from torch import Tensor

from ..layout import checked
from ..spec import QuantSpec
from ..uniform import Quantized
from .layers import check_inputs, check_spec, row_errors, second_moment
from .rtn import rtn

STEPS = 20  # exponents 0, 0.05, ..., 0.95


@dataclass(frozen=True, eq=False)
class AwqResult:
    """A weight quantized after scaling.

    Args:
        quantized: Q(W · s).
        scale_i: s; the layer's inputs are to be divided by it, best by folding 1 / s into the operation before.
        exponent: the a in s = mean|x|^a that was best; 0 is rounding to nearest.
        error: mean squared error of the outputs on the calibration set, summed over outputs.
        rtn_error: the same for rounding to nearest.
    """

    quantized: Quantized
    scale_i: Tensor
    exponent: float
    error: float
    rtn_error: float

    def effective_weight(self) -> Tensor:
        """Q(W · s) / s, the weight that the unscaled inputs meet."""
        return self.quantized.dequantize() / self.scale_i


def awq(weight_oi: Tensor, inputs_ni: Tensor, spec: QuantSpec) -> AwqResult:
    """Search the exponent whose scales give the least error of the outputs; never worse than rounding to nearest.

    Args:
        weight_oi: the weight.
        inputs_ni: the layer's inputs.
        spec: grid; `range="mse"` adds the search for a clip.

    Raises:
        DataError: NaN, infinity, or an empty calibration set.
        ShapeError: inputs of another width.
    """
    weight_oi = checked(weight_oi, "weights")
    inputs_ni = check_inputs(weight_oi, inputs_ni)
    hessian_ii = second_moment([inputs_ni], weight_oi.shape[1])
    return awq_by_moments(weight_oi, inputs_ni.abs().mean(0), hessian_ii, spec)


def awq_by_moments(weight_oi: Tensor, mean_i: Tensor, hessian_ii: Tensor, spec: QuantSpec) -> AwqResult:
    """The same, from what is needed of the inputs.

    Args:
        weight_oi: the weight.
        mean_i: mean |x| of each input.
        hessian_ii: `second_moment` of the inputs.
        spec: grid.

    Raises:
        DataError: NaN or infinity in the weight.
    """
    check_spec(spec)
    weight_oi = checked(weight_oi, "weights")
    best: AwqResult | None = None
    for step in range(STEPS):
        exponent = step / STEPS
        scale_i = mean_i.pow(exponent).clamp(min=1e-4)
        scale_i = scale_i / (scale_i.max() * scale_i.min()).sqrt()
        quantized = rtn(weight_oi * scale_i, spec)
        error = float(row_errors(weight_oi, quantized.dequantize() / scale_i, hessian_ii).sum())
        if best is None or error < best.error:
            best = AwqResult(quantized, scale_i, exponent, error, error if best is None else best.rtn_error)
    assert best is not None
    return best
