"""Quantized tensors in one safetensors file: packed integers, scales, and the specs as metadata. Nothing is unpickled.

A tensor `w` becomes `w.packed` (bytes), `w.scale` and, where the grid has them, `w.zero_point` or `w.levels`; one in
vectors becomes `w.packed` and `w.codebooks`. Tensors that are not quantized keep their names. The metadata key
`algorism.lowbit` holds version, specs and shapes as JSON.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import AlgorismError, CheckpointError, UsageError
from ..files import write_atomic
from .layout import groups_of, rows_of
from .nonuniform import CodebookSpec, Coded
from .packing import pack, unpack
from .spec import QuantSpec
from .uniform import Quantized, storage_dtype
from .vector import VectorCoded, VectorSpec, rows_and_blocks

KEY = "algorism.lowbit"
VERSION = 1

Stored = Quantized | Coded | VectorCoded | Tensor


def save_quantized(path: Path | str, tensors: Mapping[str, Stored]) -> None:
    """Write tensors, quantized or not, into one file, replaced whole.

    Args:
        path: the file to write.
        tensors: by name.

    Raises:
        UsageError: a name that another tensor's part would take.
        OSError: whatever the file system said.
    """
    from safetensors.torch import save

    flat: dict[str, Tensor] = {}
    entries: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            parts = {name: tensor}
        else:
            entries[name], unnamed = entry_of(tensor)
            parts = {f"{name}.{part}": value for part, value in unnamed.items()}
        for key, value in parts.items():
            if key in flat:
                raise UsageError(f"save_quantized: two tensors would be called {key!r} in the file; rename one.")
            flat[key] = value.detach().cpu().contiguous().clone()
    metadata = {KEY: json.dumps({"version": VERSION, "tensors": entries}, sort_keys=True)}
    data = save(flat, metadata)
    write_atomic(path, lambda stream: stream.write(data))


def entry_of(tensor: Quantized | Coded | VectorCoded) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What is said of a tensor, and what is stored of it."""
    if isinstance(tensor, VectorCoded):
        entry = {"kind": "vectors", "spec": tensor.spec.to_dict(), "shape": list(tensor.shape)}
        return entry, {"packed": pack(tensor.codes_ob.cpu(), tensor.spec.bits), "codebooks": tensor.codebooks_skd}
    if isinstance(tensor, Coded):
        entry = {"kind": "codebook", "spec": tensor.spec.to_dict(), "shape": list(tensor.codes.shape)}
        codes = pack(tensor.codes.cpu(), tensor.spec.bits)
        return entry, {"packed": codes, "scale": tensor.scale_og, "levels": tensor.levels_ok}
    spec = tensor.spec
    entry = {"kind": "uniform", "spec": spec.to_dict(), "shape": list(tensor.q.shape)}
    codes = tensor.q.cpu().to(torch.int32) - spec.qmin
    if spec.binary:
        codes = codes // 2  # {−1, +1} becomes {0, 1}
    parts = {"packed": pack(codes, spec.bits), "scale": tensor.scale_og}
    if not spec.symmetric:
        parts["zero_point"] = tensor.zero_point_og
    return entry, parts


def load_quantized(path: Path | str) -> dict[str, Stored]:
    """Read what `save_quantized` wrote, bit by bit what was saved.

    Raises:
        CheckpointError: no such file, damaged, not of this kind, or holding what no quantizer gives. Everything is
            checked before it is used: names, types, shapes, lengths, codes, scales and zero points.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            flat = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors ({' '.join(str(error).split())}).") from None
    try:
        return _tensors(flat, _entries(metadata))
    except (AlgorismError, KeyError, TypeError, ValueError, RecursionError, RuntimeError, OverflowError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise CheckpointError(f"{path}: not a file of quantized tensors, or damaged. {reason}") from None


def _entries(metadata: Mapping[str, str]) -> dict[str, Any]:
    header = json.loads(metadata[KEY])
    if not isinstance(header, dict) or header.get("version") != VERSION:
        raise ValueError(f"Expected version {VERSION} of the format.")
    if not isinstance(header["tensors"], dict):
        raise TypeError("Expected a mapping of tensors.")
    return header["tensors"]


def _tensors(flat: dict[str, Tensor], entries: Mapping[str, Any]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for name, entry in entries.items():
        kind, shape = entry["kind"], _shape(entry["shape"])
        if kind == "uniform":
            found[name] = _uniform(flat, name, entry["spec"], shape)
        elif kind == "codebook":
            found[name] = _codebook(flat, name, entry["spec"], shape)
        elif kind == "vectors":
            found[name] = _vectors(flat, name, entry["spec"], shape)
        else:
            raise ValueError(f"{name}: unknown kind {kind!r}.")
    for name, tensor in flat.items():
        if name in found:
            raise ValueError(f"{name} is there twice.")
        found[name] = tensor
    return found


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(size) is int and size > 0 for size in value):
        raise ValueError(f"A shape is a list of sizes ≥ 1; got {value!r}.")
    return tuple(value)


def _part(flat: dict[str, Tensor], name: str, dtype: torch.dtype, shape: tuple[int, ...] | None) -> Tensor:
    tensor = flat.pop(name)
    if tensor.dtype is not dtype or (shape is not None and tuple(tensor.shape) != shape):
        raise ValueError(f"{name}: expected {dtype} of shape {shape}; got {tensor.dtype} of {tuple(tensor.shape)}.")
    return tensor


def _scales(flat: dict[str, Tensor], name: str, shape: tuple[int, ...], spec: QuantSpec | CodebookSpec) -> Tensor:
    if spec.granularity != "tensor" and not (shape and -len(shape) <= spec.axis < len(shape)):
        raise ValueError(f"{name}: axis {spec.axis} of a tensor of shape {shape}.")
    o, n = rows_of(shape, spec)
    scale_og = _part(flat, f"{name}.scale", torch.float32, (o, groups_of(n, spec)))
    if not bool(torch.isfinite(scale_og).all() and (scale_og > 0).all()):
        raise ValueError(f"{name}: scales must be finite and above 0.")
    return scale_og


def _uniform(flat: dict[str, Tensor], name: str, fields: Any, shape: tuple[int, ...]) -> Quantized:
    spec = QuantSpec.from_dict(fields)
    codes = unpack(_part(flat, f"{name}.packed", torch.uint8, None), spec.bits, math.prod(shape))
    q = codes * 2 - 1 if spec.binary else codes + spec.qmin
    if int(q.max()) > spec.qmax:
        raise ValueError(f"{name}: an integer {int(q.max())} on a grid that ends at {spec.qmax}.")
    scale_og = _scales(flat, name, shape, spec)
    zero_og = torch.zeros_like(scale_og, dtype=torch.int32)
    if not spec.symmetric:
        zero_og = _part(flat, f"{name}.zero_point", torch.int32, tuple(scale_og.shape))
        if int(zero_og.min()) < spec.qmin or int(zero_og.max()) > spec.qmax:
            raise ValueError(f"{name}: a zero point outside the grid.")
    return Quantized(q.reshape(shape).to(storage_dtype(spec)), scale_og, zero_og, spec)


def _codebook(flat: dict[str, Tensor], name: str, fields: Any, shape: tuple[int, ...]) -> Coded:
    spec = CodebookSpec.from_dict(fields)
    codes = unpack(_part(flat, f"{name}.packed", torch.uint8, None), spec.bits, math.prod(shape))
    levels_ok = _part(flat, f"{name}.levels", torch.float32, None)
    if levels_ok.dim() != 2 or not bool(torch.isfinite(levels_ok).all()):
        raise ValueError(f"{name}: levels must be finite, one row or one per channel.")
    if int(codes.max()) >= levels_ok.shape[1]:
        raise ValueError(f"{name}: code {int(codes.max())} into a codebook of {levels_ok.shape[1]} levels.")
    scale_og = _scales(flat, name, shape, spec)
    return Coded(codes.reshape(shape).to(torch.uint8), levels_ok, scale_og, spec)


def _vectors(flat: dict[str, Tensor], name: str, fields: Any, shape: tuple[int, ...]) -> VectorCoded:
    spec = VectorSpec.from_dict(fields)
    o, blocks = rows_and_blocks(shape, spec)
    codes = unpack(_part(flat, f"{name}.packed", torch.uint8, None), spec.bits, o * blocks)
    sizes = (blocks if spec.product else 1, 1 << spec.bits, spec.length)
    codebooks_skd = _part(flat, f"{name}.codebooks", torch.float32, sizes)
    if not bool(torch.isfinite(codebooks_skd).all()):
        raise ValueError(f"{name}: centroids must be finite.")
    return VectorCoded(codes.reshape(o, blocks), codebooks_skd, shape, spec)
