"""Quantized activations in simulation: each layer sees its inputs as a grid leaves them, computed in float.

Static grids are calibrated and then frozen; dynamic ones follow each call. Nothing of the model is changed but a hook
before each layer, which `remove` takes away. Source: arXiv 2103.13630, section III-D.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..errors import DataError, UsageError, nearest
from .integer import ActivationGrid
from .observers import Observer, observer
from .quantizer import fake_quantize
from .spec import QuantSpec
from .uniform import grid_of_range

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)


@dataclass
class InputQuantizers:
    """What `quantize_inputs` put before the layers of a model.

    Args:
        grids: of each layer's inputs, where they are static.
        left_out: layers whose inputs stay in full precision, with the reason.
    """

    grids: dict[str, ActivationGrid] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    handles: list[RemovableHandle] = field(default_factory=list)

    def remove(self) -> None:
        """Take all quantizers away again."""
        while self.handles:
            self.handles.pop().remove()

    def __enter__(self) -> "InputQuantizers":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def observe_inputs(
    model: nn.Module, spec: QuantSpec, batches: Iterable[Any], *, skip: Sequence[str] = (), seed: int = 0
) -> dict[str, Observer]:
    """Show the inputs of all linear layers and convolutions to observers, one each.

    Args:
        model: put into evaluation mode meanwhile.
        spec: grid and range method.
        batches: tensors, tuples of arguments, or mappings of keywords.
        skip: names of layers that are not observed.
        seed: for observers that keep a sample.

    Returns:
        Observers by name, also of layers that no batch reached.

    Raises:
        DataError: no batches, NaN or infinity.
    """
    layers = {name: m for name, m in model.named_modules() if isinstance(m, LAYERS) and name not in skip}
    seen = {name: observer(spec, seed) for name in layers}

    def show(name: str) -> Any:
        return lambda _, arguments: seen[name].observe(arguments[0])

    handles = [layer.register_forward_pre_hook(show(name)) for name, layer in layers.items()]
    was_training, count = model.training, 0
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                count += 1
                if isinstance(batch, Mapping):
                    model(**batch)
                else:
                    model(*batch) if isinstance(batch, tuple) else model(batch)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    if not count:
        raise DataError("Calibration: the set is empty. Give at least one batch.")
    return seen


def quantize_inputs(
    model: nn.Module,
    spec: QuantSpec,
    batches: Iterable[Any] | None = None,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    skip: Sequence[str] = (),
    seed: int = 0,
) -> InputQuantizers:
    """Quantize the inputs of all linear layers and convolutions, until `remove`.

    Args:
        model: any module.
        spec: per tensor where static; also per token where dynamic.
        batches: calibration inputs, for static grids.
        ranges: low and high end of each layer's inputs, instead of batches: see `zero_shot.norm_ranges`.
        skip: names of layers to leave as they are.
        seed: for observers that keep a sample.

    Returns:
        The quantizers; layers without a range are listed in `left_out`.

    Raises:
        UsageError: a static grid with neither batches nor ranges, or with both; an unknown layer; another granularity.
        DataError: an empty calibration set, NaN or infinity.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.fill_(1.0)
    >>> with quantize_inputs(model, QuantSpec(bits=2), ranges={"": (-3.0, 3.0)}):
    ...     model(torch.tensor([2.0, 1.0])).item()  # 3 + 0
    3.0
    """
    layers = {name: m for name, m in model.named_modules() if isinstance(m, LAYERS)}
    for name in (*skip, *(ranges or {})):
        if name not in layers:
            raise UsageError(f"quantize_inputs: no linear layer or convolution {name!r}. {nearest(name, layers)}")
    if spec.granularity not in (("tensor", "token") if spec.dynamic else ("tensor",)):
        raise UsageError(f"quantize_inputs: activations have one scale per tensor, or per token where dynamic; got "
                         f"{spec.granularity!r}, dynamic {spec.dynamic}.")  # fmt: skip
    if spec.dynamic == (batches is not None or ranges is not None) or (batches is not None and ranges is not None):
        raise UsageError("quantize_inputs: static grids need batches or ranges, one of them; dynamic grids neither.")
    found = InputQuantizers(left_out=dict.fromkeys(skip, "skipped as asked"))
    if batches is not None:
        seen = observe_inputs(model, spec, batches, skip=skip, seed=seed)
        found.grids = {name: ActivationGrid(*one.grid(), spec) for name, one in seen.items() if one.batches}
    for name, (low, high) in (ranges or {}).items():
        ends = torch.tensor([[float(low)]]), torch.tensor([[float(high)]])
        found.grids[name] = ActivationGrid(*grid_of_range(*ends, spec), spec)
    for name, layer in layers.items():
        if name in skip:
            continue
        if spec.dynamic:
            found.handles.append(layer.register_forward_pre_hook(_dynamic(spec)))
        elif name in found.grids:
            found.handles.append(layer.register_forward_pre_hook(_static(found.grids[name])))
        else:
            found.left_out[name] = "no range is known for its inputs"
    return found


def _static(grid: ActivationGrid) -> Any:
    def replace(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return grid.dequantize(grid.quantize(arguments[0])).to(arguments[0].dtype), *arguments[1:]

    return replace


def _dynamic(spec: QuantSpec) -> Any:
    return lambda _, arguments: (fake_quantize(arguments[0], spec), *arguments[1:])
