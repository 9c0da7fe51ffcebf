"""Checkpoints: one safetensors file with weights, optimiser and progress, replaced whole. Nothing is unpickled."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from ..files import write_atomic


def save_checkpoint(path: Path | str, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
    """Write tensors and JSON-able progress into one file, atomically.

    Raises:
        OSError: a full disk, for example; the checkpoint before stays in place.
    """
    from safetensors.torch import save

    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(contiguous, metadata={"progress": json.dumps(progress)})
    write_atomic(path, lambda stream: stream.write(data))


def load_checkpoint(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        CheckpointError: the file is truncated, damaged, or no checkpoint of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return tensors, json.loads(metadata["progress"])
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CheckpointError(
            f"Checkpoint {path}: damaged or not a checkpoint ({error}). Delete it to start again from the last good "
            "state, or use --overwrite to train anew."
        ) from None
