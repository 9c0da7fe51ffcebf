"""Networks on disk with few bits: written layer by layer, read back into a module, or as ordinary floats.

`quantized.safetensors` is a file of `storage`: each weight as packed integers with its specification. Where a method
scaled a layer's inputs (AWQ), `WEIGHT.input_scale` lies beside it: the weight that unscaled inputs meet is Q / s. Where
layers compute with integers, `WEIGHT.activation_grids` does, and the metadata holds the activations' specification;
where all of a transformer does, its grids lie under `integer_transformer.`.

Shape letters: i inputs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import CheckpointError, UsageError
from ..models.transformer import Transformer
from .checkpoint import TensorFiles, TensorWriter
from .integer import ActivationGrid
from .integer_layers import GRIDS, IntegerModule, call_layers, check_activations, put
from .integer_transformer import integer_transformer
from .spec import QuantSpec
from .storage import KEY, VERSION, Stored, entry_of, load_quantized
from .uniform import Quantized

FILE = "quantized.safetensors"
SCALE = ".input_scale"
ACTIVATIONS = "algorism.activations"
THROUGHOUT = "integer_transformer."


class PackedWriter(TensorWriter):
    """Writes quantized weights beside plain tensors, as `storage.save_quantized` does, without having all of them.

    Args:
        path: the file.
        activations: of layers that compute with integers; None if there are none.
    """

    def __init__(self, path: Path | str, activations: QuantSpec | None = None) -> None:
        super().__init__(path, {} if activations is None else {ACTIVATIONS: activations.to_json()})
        self.described: dict[str, object] = {}

    def add_quantized(self, name: str, weight: Quantized, scale_i: Tensor | None = None) -> None:
        """Write one weight."""
        self.described[name], parts = entry_of(weight)
        for part, value in parts.items():
            self.add(f"{name}.{part}", value)
        if scale_i is not None:
            self.add(f"{name}{SCALE}", scale_i)

    def close(self) -> None:
        """Write the file, with the specifications."""
        self.metadata[KEY] = json.dumps({"version": VERSION, "tensors": self.described}, sort_keys=True)
        super().close()


def effective_weight(weight: Quantized, scale_i: Tensor | None = None) -> Tensor:
    """The weight that unscaled inputs meet, in the module's own shape."""
    value = weight.dequantize()
    if scale_i is None:
        return value
    if value.dim() == 2 and weight.spec.axis == 1:
        return value / scale_i[:, None]
    return (value.flatten(1) / scale_i).reshape(value.shape)


def scale_of(tensors: Mapping[str, Stored], name: str) -> Tensor | None:
    """What a weight's inputs are divided by, if anything."""
    scale = tensors.get(f"{name}{SCALE}")
    return scale if isinstance(scale, Tensor) else None


def dense(tensors: Mapping[str, Stored]) -> dict[str, Tensor]:
    """Quantized weights as the floats they stand for, and all other tensors as they are."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Quantized):
            found[name] = effective_weight(tensor, scale_of(tensors, name))
        elif not isinstance(tensor, Tensor):
            found[name] = tensor.dequantize()
        elif not _belongs(name, tensors):
            found[name] = tensor
    return found


def _belongs(name: str, tensors: Mapping[str, Stored]) -> bool:
    """Whether a tensor is a part of a quantized weight's description."""
    ends = (end for end in (SCALE, GRIDS) if name.endswith(end))
    return any(isinstance(tensors.get(name.removesuffix(end)), Quantized) for end in ends)


def save_packed(
    path: Path | str,
    model: nn.Module,
    weights: Mapping[str, Quantized],
    input_scales: Mapping[str, Tensor],
    activations: QuantSpec | None = None,
    grids: Mapping[str, ActivationGrid] | None = None,
) -> None:
    """Write a network that is in memory: its quantized weights packed, all others as they are.

    Args:
        path: the file.
        model: as `quantize_model` left it, or `integer_layers`.
        weights: integers by name.
        input_scales: of AWQ, by name of the weight.
        activations: of its integer layers; None if it has none.
        grids: of a transformer that is to compute with integers throughout; `model` is then the one before.
    """
    written: set[int] = set()
    with PackedWriter(path, activations) as writer:
        for name, grid in (grids or {}).items():
            specification = json.dumps(grid.spec.to_dict(), sort_keys=True).encode()
            writer.add(f"{THROUGHOUT}{name}.spec", torch.frombuffer(bytearray(specification), dtype=torch.uint8))
            writer.add(f"{THROUGHOUT}{name}.scale", grid.scale)
            writer.add(f"{THROUGHOUT}{name}.zero_point", grid.zero_point)
        for name, module in model.named_modules():
            if isinstance(module, IntegerModule):
                writer.add(f"{name}.weight{GRIDS}", module.grids())
        for name, tensor in model.state_dict().items():
            if name in weights:
                writer.add_quantized(name, weights[name], input_scales.get(name))
            elif tensor.data_ptr() not in written:
                writer.add(name, tensor)
                written.add(tensor.data_ptr())


def _as_in(own: Mapping[str, Tensor], name: str, prefix: str) -> str:
    """The name of a tensor of a file in a model whose names may have a prefix more."""
    for end in (SCALE, GRIDS, ""):
        stem = name.removesuffix(end)
        if f"{prefix}{stem}" in own:
            return f"{prefix}{name}"
    return name


def _grids(tensors: dict[str, Stored], path: Path | str) -> dict[str, ActivationGrid]:
    """Take a transformer's grids out of the tensors of a file."""
    parts = {name: tensors.pop(name) for name in list(tensors) if name.startswith(THROUGHOUT)}
    grids = {}
    try:
        for name in [name for name in parts if name.endswith(".spec")]:
            stem = name.removesuffix(".spec")
            spec = QuantSpec.from_json(bytes(cast(Tensor, parts[name]).tolist()).decode())
            scale, zero = (cast(Tensor, parts[f"{stem}.{part}"]) for part in ("scale", "zero_point"))
            grids[stem.removeprefix(THROUGHOUT)] = ActivationGrid(scale, zero, spec)
    except (KeyError, ValueError, AttributeError, UsageError) as error:
        raise CheckpointError(f"{path}: damaged grids of activations ({error}).") from None
    return grids


def restore(model: nn.Module, path: Path | str, prefix: str = "") -> None:
    """Fill a network with the weights of a packed file, in place; layers with activation grids compute with integers.

    Args:
        model: of the right shape.
        path: the file.
        prefix: that names in the file may lack, such as "transformer." for GPT-2.

    Raises:
        CheckpointError: a damaged file, or one of another network.
    """
    own = model.state_dict(keep_vars=True)
    tensors = {_as_in(own, name, prefix): tensor for name, tensor in load_quantized(path).items()}
    grids = _grids(tensors, path)
    state = dense(tensors)
    filled = {id(tensor) for name, tensor in own.items() if name in state}  # tied tensors have two names, and one entry
    missing = [name for name, tensor in own.items() if id(tensor) not in filled]
    try:
        unknown = model.load_state_dict(state, strict=False).unexpected_keys
    except RuntimeError as error:
        raise CheckpointError(f"{path}: weights of another shape ({' '.join(str(error).split())}).") from None
    if missing or unknown:
        raise CheckpointError(f"{path}: not of this network. Missing: {missing[:3]}; unknown: {unknown[:3]}.")
    described = TensorFiles(path).metadata.get(ACTIVATIONS)
    if grids:
        weights = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Quantized)}
        integer_transformer(cast(Transformer, model), weights, grids)
    elif described is not None:
        spec = QuantSpec.from_json(described)
        check_activations(spec)
        for name, weight in tensors.items():
            pair = tensors.get(f"{name}{GRIDS}")
            if isinstance(weight, Quantized) and isinstance(pair, Tensor):
                both = [ActivationGrid(row[:1, None], row[1:, None].int(), spec) for row in pair]
                put(model, name.removesuffix(".weight"), weight, both[0], both[1], scale_of(tensors, name))
        call_layers(model)
    model.eval()
