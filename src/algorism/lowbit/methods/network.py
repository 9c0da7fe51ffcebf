"""A whole network, layer by layer: each is quantized for the inputs that it gets from the layers quantized before it.

Shape letters: o outputs, i inputs, n samples.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from ...errors import DataError, UsageError, nearest
from ...memory import give_back
from ..layout import checked
from ..spec import QuantSpec
from ..uniform import Quantized
from .adaround import adaround
from .awq import awq_by_moments
from .bias_correction import mean_shift
from .blocks import Store
from .gptq import gptq
from .layers import quantized_weight, row_errors, set_rows, supported, weight_rows
from .rtn import rtn
from .walk import Layer, LayerInputs, Walk

METHODS = ("rtn", "gptq", "awq", "adaround")
BiasTarget = Literal["layer", "network"]
Sink = Callable[[str, Quantized, Tensor | None], None]


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
    """A quantized network: the integers, a row for each layer, and what was left in full precision, with the reason.

    `integer_layers` and `float_parts` are filled by those who let its layers compute with integers.
    """

    quantized: dict[str, Quantized] = field(default_factory=dict)
    input_scales: dict[str, Tensor] = field(default_factory=dict)
    layers: list[LayerReport] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    integer_layers: list[str] = field(default_factory=list)
    float_parts: list[str] = field(default_factory=list)


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
    store: Store | None = None,
    sink: Sink | None = None,
) -> ModelReport:
    """Quantize the weights of all linear layers and convolutions, in place: weights become the grid's values.

    Where the network is a chain of blocks (ours, GPT-2, Llama, `nn.Sequential`), batches wait in front of each block
    until it is quantized and pass it then, so that the time grows with the depth and not with its square. Any other
    network is run from its beginning for each layer.

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
        store: where parameters lie that are not in memory (see `lowbit.checkpoint`); None if all are.
        sink: takes each weight's name, integers and (with "awq") input scales as soon as they are found; without one
            they are kept in the report.

    Returns:
        Integers by name of the weight, a report, and the layers left out. With "awq", `input_scales` holds what a
        layer's inputs are divided by to meet the integers; the module's own weight already contains it.

    Raises:
        UsageError: an unknown method or module; or biases of a model that is not in memory.
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
    if correct_bias and store is not None:
        raise UsageError("quantize_model: correct_bias changes biases, and what a store holds is not written back.")
    job = _Job(spec, method, dict(settings or {}), seed, sink, ModelReport())
    was_training = model.training
    model.eval()
    reference = copy.deepcopy(model) if correct_bias == "network" else None
    try:
        layers = _chosen(model, skip, job.report)
        if data is None:
            _without_data(layers, job, store)
        else:
            _with_data(Walk(model, data, layers, store), job, reference, correct_bias)
    finally:
        model.train(was_training)
    return job.report


@dataclass(frozen=True)
class _Job:
    """What is to be done to every layer, and what became of it."""

    spec: QuantSpec
    method: str
    settings: dict[str, Any]
    seed: int
    sink: Sink | None
    report: ModelReport


def _without_data(layers: Mapping[str, Layer], job: _Job, store: Store | None) -> None:
    """Each layer by itself."""
    for name, layer in layers.items():
        if store is not None:
            store.load([name])
        _quantize_layer(name, layer, job, None)
        if store is not None:
            store.drop([name])


def _with_data(walk: Walk, job: _Job, reference: nn.Module | None, correct_bias: BiasTarget | None) -> None:
    """Layers in the order in which a forward pass meets them; those that it never meets are left out."""
    clean = None if reference is None else Walk(reference, walk.batches, _same(reference, walk.layers))
    clean_parts = None if clean is None else clean.parts()
    done: set[str] = set()
    for names in walk.parts():
        if clean_parts is not None:
            next(clean_parts)
        while left := [name for name in names if name not in done]:
            group, inputs = walk.inputs(left, keep_rows=job.method == "adaround")
            if inputs is None:
                break
            shifted = None if clean is None else clean.inputs(group)[1]
            for name in group:
                give_back()  # Hessians of several sizes leave holes; without this they add up to half a checkpoint
                layer = walk.layers[name]
                before_oi = weight_rows(layer).clone() if correct_bias else None
                _quantize_layer(name, layer, job, inputs)
                if before_oi is not None and layer.bias is not None:
                    other_ni = None if shifted is None else shifted.mean_i[None]
                    shift_o = mean_shift(before_oi, weight_rows(layer), inputs.mean_i[None], other_ni)
                    with torch.no_grad():
                        layer.bias -= shift_o.to(layer.bias.dtype)
            done.update(group)
    for name in walk.layers:
        if name not in done:
            job.report.left_out[name] = "not reached by the calibration set"


def _same(model: nn.Module, layers: Mapping[str, Layer]) -> dict[str, Layer]:
    """Layers of the same names in another copy of the model."""
    return {name: cast(Layer, model.get_submodule(name)) for name in layers}


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


def _quantize_layer(name: str, layer: Layer, job: _Job, inputs: LayerInputs | None) -> None:
    spec, report = job.spec, job.report
    weight_oi = checked(weight_rows(layer), f"{name}.weight").clone()
    found, scale_i, note, error = _found(weight_oi, layer, job, inputs)
    effective_oi = found.dequantize() if scale_i is None else found.dequantize() / scale_i
    set_rows(layer, effective_oi)
    shaped = quantized_weight(layer, found)
    if job.sink is not None:
        job.sink(f"{name}.weight", shaped, scale_i)
    else:
        report.quantized[f"{name}.weight"] = shaped
        if scale_i is not None:
            report.input_scales[f"{name}.weight"] = scale_i
    rtn_error = None
    if inputs is not None:
        if error is None:
            error = float(row_errors(weight_oi, effective_oi, inputs.hessian_ii).sum())
        rounded = found if job.method == "rtn" else rtn(weight_oi, spec)
        rtn_error = float(row_errors(weight_oi, rounded.dequantize(), inputs.hessian_ii).sum())
    report.layers.append(layer_report(name, weight_oi, found, effective_oi, error, rtn_error, note))


def layer_report(
    name: str,
    weight_oi: Tensor,
    quantized: Quantized,
    effective_oi: Tensor,
    error: float | None = None,
    rtn_error: float | None = None,
    note: str = "",
) -> LayerReport:
    """A row for one layer: what is known of its outputs' error, and what its weights say."""
    notes = [note] if note else []
    width, size = weight_oi.shape[1], quantized.spec.group_size
    if size and width % size:
        notes.append(f"the last group has {width % size} values" if width > size else f"one group of {width} values")
    constant = int((weight_oi.amax(1) == weight_oi.amin(1)).sum())
    if constant:
        notes.append(f"{constant} constant channel{'s' if constant > 1 else ''}")
    power, noise = (_size(x_oi).clamp(min=1e-150) for x_oi in (weight_oi, effective_oi - weight_oi))
    sqnr_db = float(20 * torch.log10(power / noise))
    row = (name, weight_oi.numel(), quantized.bits_per_weight, sqnr_db, error, rtn_error)
    return LayerReport(*row, "; ".join(notes))


def _size(x_oi: Tensor) -> Tensor:
    """Root of the sum of squares, in float64."""
    return torch.linalg.vector_norm(x_oi, dtype=torch.float64)


def _found(
    weight_oi: Tensor, layer: Layer, job: _Job, inputs: LayerInputs | None
) -> tuple[Quantized, Tensor | None, str, float | None]:
    """Integers by the method, what inputs are divided by to meet them, what was unusual, and the error if known."""
    if inputs is None or job.method == "rtn":
        return rtn(weight_oi, job.spec), None, "", None
    if job.method == "gptq":
        result = gptq(weight_oi, inputs.hessian_ii, job.spec, **job.settings)
        note = ""
        if result.damping is None:
            note = "no factorisation even with the largest damping: rounded to nearest"
        elif result.damping > job.settings.get("damping", 0.01):
            note = f"damping raised to {result.damping:g}"
        return result.quantized, None, note, result.error
    if job.method == "awq":
        scaled = awq_by_moments(weight_oi, inputs.mean_size_i, inputs.hessian_ii, job.spec, **job.settings)
        return scaled.quantized, scaled.scale_i, f"exponent {scaled.exponent:g}", scaled.error
    return adaround(weight_oi, inputs.rows_ni, job.spec, seed=job.seed, **job.settings), None, "", None
