"""A whole network, layer by layer: each is quantized for the inputs that it gets from the layers quantized before it.

Shape letters: o outputs, i inputs, n samples.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from ...errors import DataError, UsageError, nearest
from ..layout import checked
from ..spec import QuantSpec
from ..uniform import Quantized
from .adaround import adaround
from .awq import awq
from .bias_correction import mean_shift
from .gptq import gptq
from .layers import input_rows, quantized_weight, row_errors, second_moment, set_rows, supported, weight_rows
from .rtn import rtn

METHODS = ("rtn", "gptq", "awq", "adaround")
BiasTarget = Literal["layer", "network"]


@dataclass(frozen=True)
class LayerReport:
    """What became of one layer.

    Args:
        name: of the module.
        weights: how many.
        bits_per_weight: with scales.
        sqnr_db: weights' power over that of their errors, in decibels.
        error: mean squared error of the outputs on the calibration set; None without one.
        rtn_error: the same for rounding to nearest.
        note: what was unusual: damping raised, rounded to nearest instead.
    """

    name: str
    weights: int
    bits_per_weight: float
    sqnr_db: float
    error: float | None = None
    rtn_error: float | None = None
    note: str = ""


@dataclass
class ModelReport:
    """A quantized network: the integers, a row for each layer, and what was left in full precision, with the reason."""

    quantized: dict[str, Quantized] = field(default_factory=dict)
    input_scales: dict[str, Tensor] = field(default_factory=dict)
    layers: list[LayerReport] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def quantize_model(
    model: nn.Module,
    spec: QuantSpec,
    method: str = "rtn",
    batches: Iterable[Any] | None = None,
    *,
    skip: Sequence[str] = (),
    correct_bias: BiasTarget | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> ModelReport:
    """Quantize the weights of all linear layers and convolutions, in place: weights become the grid's values.

    Args:
        model: any module; put into evaluation mode while calibrating.
        spec: grid of the weights.
        method: "rtn" (with `range="mse"`: MSE clipping), "gptq", "awq" or "adaround".
        batches: inputs of the model: tensors, tuples of arguments, or mappings of keywords. All but plain "rtn" need
            some.
        skip: names of modules to leave as they are, with all that is inside them.
        correct_bias: take the shift of each output's mean from the bias: against the float layer fed with the
            quantized network's inputs ("layer"), or against the float network ("network").
        settings: further arguments of the method.
        seed: for what is drawn.

    Returns:
        Integers by name of the weight, a report, and the layers left out. With "awq", `input_scales` holds what a
        layer's inputs are divided by to meet the integers; the module's own weight already contains it.

    Raises:
        UsageError: an unknown method or module.
        DataError: NaN or infinity in a weight, or an empty calibration set.
    """
    if method not in METHODS:
        raise UsageError(f"quantize_model: unknown method {method!r}. {nearest(method, METHODS)}")
    known = dict(model.named_modules())
    for name in skip:
        if name not in known:
            raise UsageError(f"quantize_model: no module {name!r} to skip. {nearest(name, known)}")
    data = list(batches) if batches is not None else None
    if (data is not None and not data) or (data is None and (method != "rtn" or correct_bias)):
        raise DataError(f"quantize_model: {method!r} needs calibration batches, and there are none.")
    report = ModelReport()
    was_training = model.training
    model.eval()
    reference = copy.deepcopy(model) if correct_bias == "network" else None
    try:
        layers = _chosen(model, skip, report)
        if data is not None:
            layers = _in_order_of_use(model, layers, data, report)
        for name, layer in layers.items():
            inputs = None if data is None else capture(model, name, data)
            clean = capture(reference, name, data) if reference is not None and data is not None else None
            before_oi = checked(weight_rows(layer), f"{name}.weight").clone()
            _quantize_layer(name, layer, spec, method, inputs, dict(settings or {}), seed, report)
            if correct_bias and inputs is not None and layer.bias is not None:
                with torch.no_grad():
                    layer.bias -= mean_shift(before_oi, weight_rows(layer), inputs, clean).to(layer.bias.dtype)
    finally:
        model.train(was_training)
    return report


def _chosen(model: nn.Module, skip: Sequence[str], report: ModelReport) -> dict[str, nn.Linear | nn.Conv2d]:
    """Layers to quantize; all others that have a weight matrix are listed with the reason."""
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name)
    chosen: dict[str, nn.Linear | nn.Conv2d] = {}
    for name, module in model.named_modules():
        matrices = [p for p in module.parameters(recurse=False) if p.dim() >= 2]
        if not matrices:
            continue
        shared = [other for p in matrices for other in owners[id(p)] if other != name]
        if any(name == skipped or name.startswith(f"{skipped}.") or not skipped for skipped in skip):
            report.left_out[name] = "skipped as asked"
        elif shared:
            report.left_out[name] = f"shares its weight with {shared[0]!r}"
        elif supported(module):
            chosen[name] = cast(nn.Linear, module)
        else:
            report.left_out[name] = f"{type(module).__name__} is not supported"
    return chosen


class _Reached(Exception):
    """Ends a forward pass at the layer whose inputs are wanted."""


def _run(model: nn.Module, batch: Any) -> None:
    with torch.no_grad():
        if isinstance(batch, Mapping):
            model(**batch)
        elif isinstance(batch, tuple):
            model(*batch)
        else:
            model(batch)


def capture(model: nn.Module, name: str, batches: Iterable[Any]) -> Tensor:
    """All inputs (n, i) that a layer gets; the rest of the model is not computed.

    Raises:
        DataError: the layer gets none.
    """
    layer = cast(nn.Linear, model.get_submodule(name))
    rows: list[Tensor] = []

    def keep(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        rows.append(input_rows(layer, arguments[0]))
        raise _Reached

    handle = layer.register_forward_pre_hook(keep)
    try:
        for batch in batches:
            try:
                _run(model, batch)
            except _Reached:
                continue
    finally:
        handle.remove()
    if not rows:
        raise DataError(f"Calibration: {name!r} was given no input.")
    return torch.cat(rows)


def _in_order_of_use(
    model: nn.Module, layers: dict[str, nn.Linear | nn.Conv2d], batches: Sequence[Any], report: ModelReport
) -> dict[str, nn.Linear | nn.Conv2d]:
    """Layers in the order in which a forward pass meets them; those that it never meets are left out."""
    met: dict[str, nn.Linear | nn.Conv2d] = {}

    def note(name: str, layer: nn.Linear | nn.Conv2d) -> Any:
        return layer.register_forward_pre_hook(lambda *_: met.setdefault(name, layer) and None)

    handles = [note(name, layer) for name, layer in layers.items()]
    try:
        _run(model, batches[0])
    finally:
        for handle in handles:
            handle.remove()
    for name in layers:
        if name not in met:
            report.left_out[name] = "not reached by the calibration set"
    return met


def _quantize_layer(
    name: str,
    layer: nn.Linear | nn.Conv2d,
    spec: QuantSpec,
    method: str,
    inputs_ni: Tensor | None,
    settings: dict[str, Any],
    seed: int,
    report: ModelReport,
) -> None:
    weight_oi = checked(weight_rows(layer), f"{name}.weight").clone()
    hessian_ii = None if inputs_ni is None else second_moment([inputs_ni], weight_oi.shape[1])
    note, scale_i = "", None
    if method == "gptq" and hessian_ii is not None:
        result = gptq(weight_oi, hessian_ii, spec, **settings)
        found = result.quantized
        if result.damping is None:
            note = "no factorisation even with the largest damping: rounded to nearest"
        elif result.damping > settings.get("damping", 0.01):
            note = f"damping raised to {result.damping:g}"
    elif method == "awq" and inputs_ni is not None:
        scaled = awq(weight_oi, inputs_ni, spec, **settings)
        found, scale_i = scaled.quantized, scaled.scale_i
        note = f"exponent {scaled.exponent:g}"
    elif method == "adaround" and inputs_ni is not None:
        found = adaround(weight_oi, inputs_ni, spec, seed=seed, **settings)
    else:
        found = rtn(weight_oi, spec)
    effective_oi = found.dequantize() if scale_i is None else found.dequantize() / scale_i
    set_rows(layer, effective_oi)
    shaped = quantized_weight(layer, found)
    report.quantized[f"{name}.weight"] = shaped
    if scale_i is not None:
        report.input_scales[f"{name}.weight"] = scale_i
    noise = (effective_oi - weight_oi).double().square().sum().clamp(min=1e-300)
    sqnr_db = float(10 * torch.log10(weight_oi.double().square().sum().clamp(min=1e-300) / noise))
    error = rtn_error = None
    if hessian_ii is not None:
        error = float(row_errors(weight_oi, effective_oi, hessian_ii).sum())
        rtn_error = float(row_errors(weight_oi, rtn(weight_oi, spec).dequantize(), hessian_ii).sum())
    row = LayerReport(name, weight_oi.numel(), shaped.bits_per_weight, sqnr_db, error, rtn_error, note)
    report.layers.append(row)
