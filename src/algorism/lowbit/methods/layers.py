"""Layers as matrices: what a method needs to know of `nn.Linear` and `nn.Conv2d`, and nothing else of a model.

Shape letters: o outputs, i inputs of one output, n samples (for a convolution: patches).
"""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...errors import DataError, ShapeError, UsageError
from ..layout import checked
from ..spec import QuantSpec
from ..uniform import Quantized


def supported(module: nn.Module) -> bool:
    """Whether a module's weight is a matrix that is multiplied from the left: linear, or a convolution in one group."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear) or transposed(module)


def transposed(module: nn.Module) -> bool:
    """Whether a module is transformers' Conv1D (GPT-2 has it): a linear layer whose weight is (inputs, outputs)."""
    return type(module).__name__ == "Conv1D" and type(module).__module__.startswith("transformers.")


def weight_rows(layer: nn.Linear | nn.Conv2d) -> Tensor:
    """The weight as (o, i), without gradient."""
    weight = layer.weight.detach()
    return weight.T.contiguous() if transposed(layer) else weight.reshape(weight.shape[0], -1)


def set_rows(layer: nn.Linear | nn.Conv2d, weight_oi: Tensor) -> None:
    """Undo `weight_rows`: write the rows into the layer's weight, in place."""
    with torch.no_grad():
        layer.weight.copy_(weight_oi.T if transposed(layer) else weight_oi.reshape(layer.weight.shape))


def quantized_weight(layer: nn.Linear | nn.Conv2d, rows: Quantized) -> Quantized:
    """Quantized rows in the shape of the layer's weight: transposed weights have their channels along axis 1."""
    spec = rows.spec
    if not transposed(layer):
        return Quantized(rows.q.reshape(layer.weight.shape), rows.scale_og, rows.zero_point_og, spec)
    spec = spec if spec.granularity == "tensor" else replace(spec, axis=1)
    return Quantized(rows.q.T.contiguous(), rows.scale_og, rows.zero_point_og, spec)


def input_rows(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """Inputs as the rows (n, i) that the weight's rows are multiplied with.

    Raises:
        ShapeError: inputs of another width than the layer's.
    """
    x = checked(x, "calibration input")
    if isinstance(layer, nn.Conv2d):
        if x.dim() != 4 or x.shape[1] != layer.in_channels:
            raise ShapeError(f"Calibration: a convolution of {layer.in_channels} channels got {tuple(x.shape)}.")
        padding = layer.padding
        if isinstance(padding, str):
            raise UsageError(f"Calibration: padding {padding!r} is not supported; give it as numbers.")
        patches_bil = nn.functional.unfold(x, layer.kernel_size, layer.dilation, padding, layer.stride)
        return patches_bil.transpose(1, 2).reshape(-1, patches_bil.shape[1])
    width = layer.weight.shape[0 if transposed(layer) else 1]
    if x.shape[-1] != width:
        raise ShapeError(f"Calibration: a layer of {width} inputs got {tuple(x.shape)}.")
    return x.reshape(-1, width)


def check_inputs(weight_oi: Tensor, inputs_ni: Tensor) -> Tensor:
    """Calibration inputs in float32, if they fit the weight.

    Raises:
        DataError: none, NaN, infinity.
        ShapeError: another width than the weight's.
    """
    inputs_ni = checked(inputs_ni, "calibration set")
    if inputs_ni.dim() != 2 or inputs_ni.shape[1] != weight_oi.shape[1]:
        raise ShapeError(
            f"Calibration: inputs of shape {tuple(inputs_ni.shape)} for a weight of {weight_oi.shape[1]} inputs; "
            "expected (samples, inputs)."
        )
    return inputs_ni


def check_spec(spec: QuantSpec) -> None:
    """Methods work on weights: rows are outputs, and the range is fixed.

    Raises:
        UsageError: a spec for activations, or for another axis.
    """
    if spec.axis != 0 or spec.granularity == "token" or spec.dynamic:
        raise UsageError(
            f"Weights are quantized per tensor, channel or group along axis 0; got granularity {spec.granularity!r}, "
            f"axis {spec.axis}, dynamic {spec.dynamic}."
        )


def second_moment(batches: Iterable[Tensor], width: int) -> Tensor:
    """H = 2 XᵀX / n of calibration inputs, the Hessian of each output's squared error. Float64 (i, i).

    Args:
        batches: inputs (n, i), in as many parts as there are.
        width: i.

    Raises:
        DataError: no samples, NaN or infinity.
        ShapeError: a batch of another width.
    """
    total_ii, count = None, 0
    for batch in batches:
        x_ni = checked(batch, "calibration set").double()
        if x_ni.dim() != 2 or x_ni.shape[1] != width:
            raise ShapeError(f"Calibration: a batch of shape {tuple(x_ni.shape)}; expected (samples, {width}).")
        part_ii = x_ni.T @ x_ni
        total_ii = part_ii if total_ii is None else total_ii + part_ii
        count += len(x_ni)
    if total_ii is None:
        raise DataError("Calibration: the calibration set is empty. Give at least one batch.")
    return total_ii * (2 / count)


def row_errors(weight_oi: Tensor, approximate_oi: Tensor, hessian_ii: Tensor) -> Tensor:
    """Mean squared error that each output makes on the calibration set: ½ δ H δᵀ for each row. Float64 (o,)."""
    delta_oi = weight_oi.double() - approximate_oi.double()
    return ((delta_oi @ hessian_ii) * delta_oi).sum(1) / 2


def better_rows(first: Quantized, second: Quantized, keep_first_o: Tensor) -> Quantized:
    """Rows of the first where asked for, of the second elsewhere, each with its own scales.

    A grid per tensor has one scale for all rows; then both must be on the same grid.
    """
    keep_o1 = keep_first_o[:, None]
    q = torch.where(keep_o1, first.q, second.q)
    if first.spec.granularity == "tensor":
        return Quantized(q, second.scale_og, second.zero_point_og, second.spec)
    scale_og = torch.where(keep_o1, first.scale_og, second.scale_og)
    return Quantized(q, scale_og, torch.where(keep_o1, first.zero_point_og, second.zero_point_og), second.spec)
