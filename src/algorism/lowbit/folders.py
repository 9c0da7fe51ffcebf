"""Checkpoints of others with few bits: a transformers folder or a bare safetensors file in, packed weights out.

Tensors are read when they are needed and written as soon as they are found, so that a checkpoint is never in memory as
a whole: what is, are one block, the embeddings' rows in use, and the calibration set.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import CheckpointError, UsageError, nearest
from .checkpoint import CheckpointStore, TensorFiles, TensorWriter
from .integer_layers import GRIDS, float_parts, integer_layers
from .methods.network import ModelReport, layer_report, quantize_model
from .methods.rtn import rtn
from .packed import FILE, PackedWriter, dense, effective_weight, restore
from .spec import QuantSpec
from .storage import load_quantized
from .uniform import Quantized

WORDS = ("embed", "wte", "wpe", "norm", "ln_")  # in the name of a weight: no linear layer
EXTRA = ("*.json", "*.txt", "*.model", "*.jinja")  # what a folder holds beside its weights: settings and tokenizer


@dataclass(frozen=True)
class Job:
    """What is asked of a checkpoint.

    Args:
        spec: grid of the weights.
        method: as for `quantize_model`.
        batches: calibration, as for `quantize_model`.
        skip: modules (of a bare file: tensors) to leave as they are.
        settings: further arguments of the method.
        activations: grid of activations, for layers that compute with integers; None for floats.
        dequantized: also write the rounded weights as an ordinary checkpoint, of the source's types.
        seed: for what is drawn.
    """

    spec: QuantSpec
    method: str = "rtn"
    batches: Sequence[Any] | None = None
    skip: Sequence[str] = ()
    settings: Mapping[str, Any] | None = None
    activations: QuantSpec | None = None
    dequantized: bool = False
    seed: int = 0


def empty_model(folder: Path | str) -> nn.Module:
    """A causal language model by its folder's config.json, without memory for its parameters.

    Raises:
        CheckpointError: no such folder, or settings that transformers does not know.
    """
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        with init_empty_weights():
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{folder}: not a causal language model of transformers ({reason}).") from None
    model.tie_weights()
    return cast(nn.Module, model.eval())


def quantize_folder(source: Path | str, out: Path | str, job: Job) -> ModelReport:
    """Quantize a transformers folder into another folder, block by block.

    Args:
        source: config.json and safetensors files of a causal language model.
        out: gets `quantized.safetensors`, settings and tokenizer; with `job.dequantized` also `model.safetensors`.
        job: what is asked.

    Raises:
        CheckpointError: files that are missing or do not fit.
        UsageError, DataError: as `quantize_model`.
    """
    source, out = Path(source), Path(out)
    files = TensorFiles(source)
    model = empty_model(source)
    prefix = str(getattr(model, "base_model_prefix", ""))
    store = CheckpointStore(model, files, f"{prefix}." if prefix else "")
    found: dict[str, tuple[Quantized, Tensor | None]] = {}  # needed afterwards where layers compute with integers
    with _Output(out, files, job) as output:

        def sink(name: str, weight: Quantized, scale_i: Tensor | None) -> None:
            output.add(store.names[name], weight, scale_i)
            if job.activations is not None:
                found[name] = weight, scale_i

        report = quantize_model(
            model,
            job.spec,
            job.method,
            job.batches,
            skip=job.skip,
            settings=job.settings,
            seed=job.seed,
            store=store,
            sink=sink,
        )
        if job.activations is not None:
            _with_integers(model, store, found, job, output, report)
        output.finish()
    _copy_settings(source, out)
    return report


def _with_integers(
    model: nn.Module,
    store: CheckpointStore,
    found: Mapping[str, tuple[Quantized, Tensor | None]],
    job: Job,
    output: "_Output",
    report: ModelReport,
) -> None:
    """Find the grids of activations. For that the whole network is in memory once."""
    if job.batches is None or job.activations is None:
        raise UsageError("Activations need a calibration set, from which their ranges are taken.")
    everything = [name for name, _ in model.named_modules()]
    store.drop(everything)
    store.load(everything)
    scales = {name: scale_i for name, (_, scale_i) in found.items() if scale_i is not None}
    for name, (weight, scale_i) in found.items():
        model.get_parameter(name).data = effective_weight(weight, scale_i)
    weights = {name: weight for name, (weight, _) in found.items()}
    report.integer_layers = integer_layers(model, weights, job.batches, job.activations, scales)
    report.float_parts = float_parts(model)
    for name in report.integer_layers:
        output.grids(store.names[f"{name}.weight"], cast(Any, model.get_submodule(name)).grids())


def quantize_file(source: Path | str, out: Path | str, job: Job) -> ModelReport:
    """Round the matrices of a bare safetensors file to nearest, one after another.

    What a tensor is for, only its name tells: matrices that are called embeddings or norms stay as they are, and so
    does everything that is no matrix. A name that ends in `.weight` is taken for a linear layer of `torch`, with one
    row for each output; GPT-2's files of transformers have them transposed, which a folder with config.json shows.

    Raises:
        UsageError: a method that needs a network, integer layers, or a tensor to skip that is not there.
        CheckpointError: a file that cannot be read.
        DataError: NaN or infinity.
    """
    if job.method != "rtn" or job.activations is not None or job.batches is not None:
        raise UsageError("A bare safetensors file has no network to calibrate: only 'rtn' works. Give the folder.")
    files, report = TensorFiles(source), ModelReport()
    for name in job.skip:
        if name not in files.where:
            raise UsageError(f"quantize: no tensor {name!r} to skip. {nearest(name, files.where)}")
    with _Output(Path(out), files, job) as output:
        for name in files.where:
            shape = files.shape(name)
            if name in job.skip:
                report.left_out[name] = "skipped as asked"
            elif len(shape) == 2 and any(word in name.lower() for word in WORDS):
                report.left_out[name] = "an embedding or a norm, by its name"
            elif len(shape) == 2 and name.endswith("weight"):
                weight = files.get(name)
                if weight.is_floating_point():
                    quantized = rtn(weight, job.spec)
                    output.add(name, quantized, None)
                    row = layer_report(name.removesuffix(".weight"), weight.float(), quantized, quantized.dequantize())
                    report.layers.append(row)
                else:
                    report.left_out[name] = f"{weight.dtype} is not a float"
            elif len(shape) > 1:
                report.left_out[name] = f"not known to be a linear layer, of shape {shape}"
        output.finish()
    return report


class _Output:
    """The files that come out: packed weights, and ordinary ones if asked."""

    def __init__(self, folder: Path, files: TensorFiles, job: Job) -> None:
        self.files, self.done = files, set[str]()
        self.stack = ExitStack()
        folder.mkdir(parents=True, exist_ok=True)
        self.packed = self.stack.enter_context(PackedWriter(folder / FILE, job.activations))
        self.plain: TensorWriter | None = None
        if job.dequantized:
            self.plain = TensorWriter(folder / "model.safetensors", {"format": "pt"})
            self.stack.enter_context(self.plain)

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)

    def add(self, name: str, weight: Quantized, scale_i: Tensor | None) -> None:
        """Write a quantized weight under its name in the source."""
        self.packed.add_quantized(name, weight, scale_i)
        self.done.add(name)
        if self.plain is not None:
            self.plain.add(name, effective_weight(weight, scale_i).to(self.files.get(name).dtype))

    def grids(self, name: str, grids: Tensor) -> None:
        """Write the activations' grids of a weight's layer."""
        self.packed.add(f"{name}{GRIDS}", grids)

    def finish(self) -> None:
        """Copy what was not quantized."""
        for name in self.files.where:
            if name not in self.done:
                tensor = self.files.get(name)
                for writer in (self.packed, self.plain):
                    if writer is not None:
                        writer.add(name, tensor)


def load_original(source: Path | str) -> nn.Module:
    """The network of a transformers folder before it is quantized, whole and in float32.

    Raises:
        CheckpointError: files that are missing or do not fit.
    """
    model = empty_model(source)
    prefix = str(getattr(model, "base_model_prefix", ""))
    store = CheckpointStore(model, TensorFiles(source), f"{prefix}." if prefix else "")
    store.load([name for name, _ in model.named_modules()])
    return model


def write_dequantized(packed: Path | str, out: Path | str) -> None:
    """Write the checkpoint that a quantized folder stands for, in float32: its weights on their grid, for any program.

    Args:
        packed: as `quantize_folder` writes it. Grids of activations are left out.
        out: a new folder.

    Raises:
        CheckpointError: files that are missing or damaged.
    """
    packed, out = Path(packed), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with TensorWriter(out / "model.safetensors", {"format": "pt"}) as writer:
        for name, tensor in dense(load_quantized(packed / FILE)).items():
            writer.add(name, tensor.float() if tensor.is_floating_point() else tensor)
    _copy_settings(packed, out)


def _copy_settings(source: Path, out: Path) -> None:
    for pattern in EXTRA:
        for file in sorted(source.glob(pattern)):
            if not file.name.endswith(".index.json"):
                shutil.copyfile(file, out / file.name)


def load_folder(folder: Path | str) -> nn.Module:
    """A transformers model from a folder that `quantize_folder` wrote, in float32 on its grid.

    Layers with activation grids compute with integers. A folder written with `dequantized` loads without this package
    as well: `AutoModelForCausalLM.from_pretrained(folder)`.

    Raises:
        CheckpointError: files that are missing, damaged or do not fit.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(folder)
    if not (folder / FILE).exists():
        raise CheckpointError(f"{folder}: expected {FILE}, as `algorism quantize` writes it.")
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    prefix = str(getattr(model, "base_model_prefix", ""))
    restore(model, folder / FILE, prefix=f"{prefix}." if prefix else "")
    return cast(nn.Module, model.eval())
