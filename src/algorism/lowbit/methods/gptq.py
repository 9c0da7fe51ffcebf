"""GPTQ: round one input's weights after another, and let those that are still free make up for the error.

Source: arXiv 2210.17323, algorithm 1. Shape letters: o outputs, i inputs, g groups.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError
from ..layout import checked, groups_of, spread
from ..quantizer import grid_for
from ..spec import QuantSpec
from ..uniform import Quantized, storage_dtype, to_integers, to_values
from .layers import better_rows, check_spec, row_errors
from .rtn import rtn

MOST_DAMPING = 1.0


@dataclass(frozen=True, eq=False)
class GptqResult:
    """A quantized weight, and how it came about.

    Args:
        quantized: the weight (o, i).
        error: mean squared error of the outputs on the calibration set, summed over outputs.
        rtn_error: the same for rounding to nearest.
        damping: what was added to H's diagonal, as a share of its mean; None where even the largest did not help and
            all rows are rounded to nearest.
        rounded_rows: outputs for which rounding to nearest was better and was kept.
    """

    quantized: Quantized
    error: float
    rtn_error: float
    damping: float | None
    rounded_rows: int


def gptq(
    weight_oi: Tensor,
    hessian_ii: Tensor,
    spec: QuantSpec,
    *,
    damping: float = 0.01,
    block: int = 128,
    act_order: bool = False,
    static_groups: bool = True,
) -> GptqResult:
    """Quantize a weight so that its outputs on the calibration set change little.

    Never worse than rounding to nearest: outputs do not depend on each other, so each keeps the better of the two.

    Args:
        weight_oi: the weight.
        hessian_ii: `second_moment` of the layer's inputs.
        spec: grid; rounding must not be stochastic.
        damping: share of the mean diagonal that is added to it; ten times as much (up to 1) where the factorisation
            fails, as users of other implementations are told to try by hand.
        block: columns between two updates of all later columns; it changes speed and not the result.
        act_order: begin with the inputs of largest second moment.
        static_groups: groups' scales are fixed beforehand, from the weights as they are. False: from the weights as
            updated, when the group is reached, which cannot be had together with `act_order`.

    Raises:
        DataError: NaN or infinity in weight or Hessian.
        ShapeError: a Hessian of another width.
        UsageError: settings that mean nothing.

    >>> result = gptq(torch.tensor([[1.0, 0.4]]), torch.tensor([[2.0, 1.9], [1.9, 2.0]]), QuantSpec(bits=2))
    >>> result.error <= result.rtn_error
    True
    """
    check_spec(spec)
    weight_oi = checked(weight_oi, "weights")
    _check(weight_oi, hessian_ii, spec, damping, block, act_order, static_groups)
    hessian_ii = hessian_ii.double()
    rounded = rtn(weight_oi, spec)
    rtn_error_o = row_errors(weight_oi, rounded.dequantize(), hessian_ii)
    dead_i = hessian_ii.diagonal() == 0
    order_i = torch.arange(len(hessian_ii), device=weight_oi.device)
    if act_order:
        order_i = hessian_ii.diagonal().argsort(descending=True, stable=True)
    ordered_ii = hessian_ii[order_i][:, order_i] if act_order else hessian_ii
    inverse_ii, used = _inverse_factor(ordered_ii, dead_i[order_i], damping)
    del ordered_ii  # of 3072 inputs it has 75 MB
    if inverse_ii is None:
        total = float(rtn_error_o.sum())
        return GptqResult(rounded, total, total, None, len(weight_oi))
    start_oi = weight_oi.double().masked_fill(dead_i, 0.0)
    solved = _solve(start_oi, inverse_ii, order_i, rounded, block, static_groups)
    error_o = row_errors(weight_oi, solved.dequantize(), hessian_ii)
    keep_o = error_o <= rtn_error_o
    best = better_rows(solved, rounded, keep_o)
    total = float(torch.minimum(error_o, rtn_error_o).sum())
    return GptqResult(best, total, float(rtn_error_o.sum()), used, int((~keep_o).sum()))


def _check(
    weight_oi: Tensor, hessian_ii: Tensor, spec: QuantSpec, damping: float, block: int, order: bool, static: bool
) -> None:
    width = weight_oi.shape[1]
    if tuple(hessian_ii.shape) != (width, width):
        raise ShapeError(
            f"GPTQ: a weight of {width} inputs needs a Hessian of shape {(width, width)}; "
            f"got {tuple(hessian_ii.shape)}. Was the calibration set made for another layer?"
        )
    if not bool(torch.isfinite(hessian_ii).all()):
        raise DataError("GPTQ: the Hessian holds NaN or infinity; look at the calibration set.")
    if spec.rounding == "stochastic":
        raise UsageError("GPTQ: rounding is decided by the error of the outputs; use rounding='nearest'.")
    if not 0 <= damping <= MOST_DAMPING or block < 1:
        raise UsageError(f"GPTQ: damping from 0 to 1 and block ≥ 1; got {damping} and {block}.")
    if order and not static:
        raise UsageError("GPTQ: act_order takes columns out of all groups in turn; use static_groups=True with it.")


def _inverse_factor(hessian_ii: Tensor, dead_i: Tensor, damping: float) -> tuple[Tensor | None, float | None]:
    """Upper Cholesky factor of the damped inverse, with 1 for inputs that are never used, and the damping it took."""
    ones_i = dead_i.double()
    mean = (hessian_ii.diagonal() + ones_i).mean()
    while True:
        factor_ii = hessian_ii.clone()
        factor_ii.diagonal().add_(ones_i + damping * mean)
        factor_ii, failed = torch.linalg.cholesky_ex(factor_ii)
        if not int(failed):
            factor_ii = torch.cholesky_inverse(factor_ii)
            inverse_ii, failed = torch.linalg.cholesky_ex(factor_ii, upper=True)
            if not int(failed) and bool(torch.isfinite(inverse_ii).all()):
                return inverse_ii, damping
        if damping >= MOST_DAMPING:
            return None, None
        damping = min(max(damping * 10, 1e-4), MOST_DAMPING)


def _solve(
    weight_oi: Tensor, inverse_ii: Tensor, order_i: Tensor, rounded: Quantized, block: int, static_groups: bool
) -> Quantized:
    """The columns in order, each one's error spread over the later ones."""
    spec, width = rounded.spec, weight_oi.shape[1]
    groups = groups_of(width, spec)
    scale_og, zero_og = rounded.scale_og.clone(), rounded.zero_point_og.clone()
    size = spec.group_size or width
    renew = spec.granularity == "group" and not static_groups
    left_oi = weight_oi[:, order_i]
    q_oi = torch.empty_like(left_oi, dtype=torch.float32)
    step = size if renew else block  # a group's scales need all earlier errors, so that blocks end where groups do
    for start in range(0, width, step):
        stop = min(start + step, width)
        if renew:
            alone = QuantSpec.from_dict(spec.to_dict() | {"granularity": "channel", "group_size": None})
            scale_o1, zero_o1 = grid_for(left_oi[:, start:stop].float(), alone)
            scale_og[:, start // size], zero_og[:, start // size] = scale_o1[:, 0], zero_o1[:, 0]
        columns_oi = order_i[start:stop]
        scale_oi = spread(scale_og, width, spec).expand(-1, width)[:, columns_oi] if groups > 1 else scale_og
        zero_oi = spread(zero_og, width, spec).expand(-1, width)[:, columns_oi] if groups > 1 else zero_og
        errors_oi = left_oi.new_empty(len(left_oi), stop - start)
        for at in range(start, stop):
            column = slice(at - start, at - start + 1) if groups > 1 else slice(0, 1)
            scale_o1, zero_o1 = scale_oi[:, column], zero_oi[:, column]
            w_o1 = left_oi[:, at : at + 1]
            q_o1 = to_integers(w_o1.float(), scale_o1, zero_o1, spec)
            error_o1 = (w_o1 - to_values(q_o1, scale_o1, zero_o1).double()) / inverse_ii[at, at]
            left_oi[:, at:stop] -= error_o1 * inverse_ii[at, at:stop]
            q_oi[:, at : at + 1] = q_o1
            errors_oi[:, at - start : at - start + 1] = error_o1
        left_oi[:, stop:] -= errors_oi @ inverse_ii[start:stop, stop:]
    back_oi = torch.empty_like(q_oi)
    back_oi[:, order_i] = q_oi
    return Quantized(back_oi.to(storage_dtype(spec)), scale_og, zero_og, spec)
