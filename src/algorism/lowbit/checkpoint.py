"""Checkpoints tensor by tensor: read from safetensors files when needed, written as they come, never all in memory."""

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import torch
from torch import Tensor, nn

from ..errors import CheckpointError
from ..files import read_json, write_atomic

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class TensorFiles:
    """Tensors by name, in one safetensors file, or in a folder's `model.safetensors` or the files that its index names.

    Args:
        path: a file or a folder.

    Raises:
        CheckpointError: no such file, or one that cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        index = path / "model.safetensors.index.json"
        if path.is_dir() and index.exists():
            try:
                parts = sorted(set(read_json(index)["weight_map"].values()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CheckpointError(f"{index}: not an index of safetensors files ({error}).") from None
            self.paths = [path / part for part in parts]
        else:
            self.paths = [path / "model.safetensors" if path.is_dir() else path]
        self.where: dict[str, Path] = {}
        self.metadata: dict[str, str] = {}
        for file in self.paths:
            with self._open(file) as stream:
                self.where |= dict.fromkeys(stream.keys(), file)
                self.metadata |= stream.metadata() or {}

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.paths)

    def get(self, name: str) -> Tensor:
        """One tensor. Its pages are read when they are touched, and freed with the tensor."""
        with self._open(self.where[name]) as stream:
            return cast(Tensor, stream.get_tensor(name))

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one tensor, which is not read."""
        with self._open(self.where[name]) as stream:
            return tuple(stream.get_slice(name).get_shape())

    @staticmethod
    def _open(path: Path) -> Any:
        from safetensors import SafetensorError, safe_open

        try:
            return safe_open(path, framework="pt")
        except (OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{path}: cannot be read as safetensors ({reason}).") from None


class CheckpointStore:
    """Parameters of a model that was made without memory (on torch's "meta" device), read from files when needed.

    Args:
        model: its parameters' names are those in the files, or differ by the prefix of the model inside the head.
        files: where they are.
        prefix: such as "transformer." for GPT-2.

    Raises:
        CheckpointError: a parameter that the files lack.
    """

    def __init__(self, model: nn.Module, files: TensorFiles, prefix: str = "") -> None:
        self.model, self.files = model, files
        self.names: dict[str, str] = {}  # of parameters, to names in the files
        self.loaded: dict[str, Tensor] = {}
        found: dict[int, str] = {}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            short = name.removeprefix(prefix) if prefix else name
            for candidate in (name, short, f"{prefix}{name}"):
                if candidate in files.where:
                    found.setdefault(id(parameter), candidate)
        for name, parameter in model.named_parameters(remove_duplicate=False):
            if id(parameter) not in found:
                raise CheckpointError(f"{files.paths[0]}: the parameter {name!r} is missing; is the folder complete?")
            self.names[name] = found[id(parameter)]
            shape = files.shape(found[id(parameter)])
            if shape != tuple(parameter.shape):
                raise CheckpointError(f"{name}: shape {shape} in the file, {tuple(parameter.shape)} in the model.")

    def load(self, names: Collection[str]) -> None:
        """Make the parameters that these modules own themselves real, in float32."""
        for name in names:
            for key, parameter in self.model.get_submodule(name)._parameters.items():
                if parameter is not None and parameter.is_meta:
                    source = self.names[f"{name}.{key}".strip(".")]
                    if source not in self.loaded:  # tied parameters are one tensor
                        self.loaded[source] = self.files.get(source).to(torch.float32)
                    self._put(name, key, self.loaded[source])

    def drop(self, names: Collection[str]) -> None:
        """Free them again."""
        for name in names:
            for key, parameter in self.model.get_submodule(name)._parameters.items():
                if parameter is not None:
                    self.loaded.pop(self.names[f"{name}.{key}".strip(".")], None)
                    self._put(name, key, parameter.detach().to("meta"))

    def _put(self, name: str, key: str, value: Tensor) -> None:
        parameter = nn.Parameter(value, requires_grad=False)
        self.model.get_submodule(name)._parameters[key] = parameter


class TensorWriter:
    """A safetensors file whose tensors are written as they come; it appears whole, or not at all.

    Args:
        path: the file.

    >>> path = Path(tempfile.mkdtemp()) / "two.safetensors"
    >>> with TensorWriter(path) as writer:
    ...     writer.add("a", torch.ones(2))
    ...     writer.add("b", torch.zeros(3, dtype=torch.uint8))
    >>> TensorFiles(path).get("b").shape
    torch.Size([3])
    """

    def __init__(self, path: Path | str, metadata: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.metadata = dict(metadata or {})
        self.entries: dict[str, Any] = {}
        self.end = 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.spool = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self.spool.close()

    def close(self) -> None:
        """Write the file."""
        write_atomic(self.path, self._assemble)

    def add(self, name: str, tensor: Tensor) -> None:
        """Write one tensor.

        Raises:
            CheckpointError: the name was written already, or a type that such files cannot hold.
        """
        if name in self.entries:
            raise CheckpointError(f"{self.path}: two tensors would be called {name!r}.")
        if tensor.dtype not in DTYPES:
            raise CheckpointError(f"{self.path}: {name} is {tensor.dtype}, which safetensors files do not hold.")
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy() if flat.numel() else flat.new_empty(0, dtype=torch.uint8).numpy()
        self.spool.write(data.data)
        shape, begin = list(tensor.shape), self.end
        self.end += len(data)
        self.entries[name] = {"dtype": DTYPES[tensor.dtype], "shape": shape, "data_offsets": [begin, self.end]}

    def _assemble(self, stream: BinaryIO) -> None:
        header = json.dumps({"__metadata__": self.metadata, **self.entries}).encode()
        header += b" " * (-len(header) % 8)
        stream.write(len(header).to_bytes(8, "little") + header)
        self.spool.seek(0)
        shutil.copyfileobj(self.spool, stream, 1 << 20)
