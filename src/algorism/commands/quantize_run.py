"""The part of `algorism quantize` that knows what a network was trained for: a run of ours, asked before and after."""

import copy
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .quantize import ITERATIONS, Options, described
from .quantize_rows import paired, with_front

if TYPE_CHECKING:
    from ..evaluation import Evaluation
    from ..lowbit.folders import Job
    from ..lowbit.integer import ActivationGrid
    from ..lowbit.methods.network import ModelReport
    from ..models.transformer import Transformer
    from ..training import Run

PROBLEMS = 1000  # of each set
SWEPT_BITS = (2, 3, 4, 6, 8)
KEPT = ("recipe.yaml", "environment.json", "metrics.jsonl")


def quantize_run(folder: Path, out: Path, job: "Job", options: Options, quiet: bool) -> dict[str, Any]:
    """Quantize a run into a folder that is a run again, and measure what it cost.

    Raises:
        UsageError: --dequantized for a shape that transformers does not have.
    """
    from ..errors import UsageError
    from ..files import read_json, write_json
    from ..lowbit.packed import FILE, save_packed
    from ..models.export import exportable
    from ..training import load_run
    from ..training.export import export_model, exportable_material
    from .calibration import run_batches
    from .evaluate import problem_sets
    from .progress import progress_bar

    run = load_run(folder)
    reason = exportable(run.material.config) or exportable_material(run.material) if options.dequantized else None
    if reason is not None:
        raise UsageError(f"--dequantized: {reason}")
    batches = run_batches(run, options.calibration)
    sets = {name: asked for name, asked in problem_sets(run, options.n or PROBLEMS, hard=True).items() if len(asked)}
    started = time.perf_counter()
    with progress_bar(quiet=quiet) as bar:
        shown = bar.add_task("asking before", total=None, note="")
        before = {name: graded(run, run.model, asked, name) for name, asked in sets.items()}
        bar.update(shown, description="quantizing")
        model = copy.deepcopy(run.model)
        report = rounded(model, job, batches)
        plain, grids = with_integers(model, report, job, batches)
        bar.update(shown, description="asking after")
        after = {name: graded(run, model, asked, name) for name, asked in sets.items()}
        sensitivity: list[dict[str, Any]] = []
        sweep: list[dict[str, Any]] = []
        if options.sweep:
            bar.update(shown, description="one layer at a time")
            sensitivity = layer_by_layer(run, [row.name for row in report.layers], job, batches, sets)
            bar.update(shown, description="other numbers of bits")
            sweep = other_bits(run, job, options, batches, sets)
    for name in KEPT:
        if (folder / name).exists():
            out.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, out / name)
    run.material.tokenizer.save(out)
    kept = model if grids is None else plain
    save_packed(out / FILE, kept, report.quantized, report.input_scales, job.activations, grids)
    if options.dequantized:
        export_model(plain, run.material, out / "transformers")
    finished = read_json(folder / "finished.json")
    write_json(out / "finished.json", finished | {"accuracy": after["held-out"].accuracy.value})
    size = {"before": (folder / "model.safetensors").stat().st_size, "after": (out / FILE).stat().st_size}
    accuracy = [compared(before[name], after[name]) for name in sets]
    rest = {"accuracy": accuracy, "sensitivity": sensitivity, "sweep": sweep}
    return {"size": size, **described(report), **rest, "seconds": time.perf_counter() - started}


def with_integers(
    model: "Transformer", report: "ModelReport", job: "Job", batches: list[Any]
) -> "tuple[Transformer, dict[str, ActivationGrid] | None]":
    """Let a quantized network compute with integers, in place, if activations are to have few bits.

    Returns:
        The network with floats on the same grids; and the activations' grids where nothing is left in float.
    """
    from ..lowbit.integer_layers import float_parts, integer_layers
    from ..lowbit.integer_transformer import integer_transformer, observe_grids, quantize_tables, unsupported

    if job.activations is None:
        return model, None
    reason = unsupported(model)
    if reason is None and report.input_scales:
        reason = "inputs that are scaled (awq)"
    if reason is None and job.skip:
        reason = "layers that are skipped"
    if reason is not None:
        plain = copy.deepcopy(model)
        weights, scales = report.quantized, report.input_scales
        report.integer_layers = integer_layers(model, weights, batches, job.activations, scales)
        report.float_parts = [f"(no integer form of {reason})", *float_parts(model)]
        return plain, None
    report.quantized |= quantize_tables(model, job.spec)
    for name in ("embed", "position"):
        if report.left_out.pop(name, None) and f"{name}.weight" not in report.quantized:
            report.left_out[name] = "not a table"
    plain = copy.deepcopy(model)
    grids = observe_grids(model, batches, job.activations)
    integer_transformer(model, report.quantized, grids)
    report.integer_layers = sorted(name.removesuffix(".weight") for name in report.quantized)
    return plain, grids


def rounded(model: "Transformer", job: "Job", batches: list[Any]) -> "ModelReport":
    """Quantize a network in memory, in place."""
    from ..lowbit.methods import quantize_model

    return quantize_model(model, job.spec, job.method, batches, skip=job.skip, settings=job.settings, seed=job.seed)


def graded(run: "Run", model: "Transformer", asked: Any, name: str) -> "Evaluation":
    """Ask a network problems of the run's task."""
    from ..evaluation import evaluate

    m = run.material
    return evaluate(model, m.format, m.tokenizer, asked, name=name, indexing=m.indexing)


def compared(before: "Evaluation", after: "Evaluation") -> dict[str, Any]:
    """One row of the table before and after."""
    return paired(before.name, before.correct_n, after.correct_n, before.strict_n, after.strict_n)


def layer_by_layer(run: "Run", names: list[str], job: "Job", batches: list[Any], sets: Any) -> list[dict[str, Any]]:
    """What each layer costs when it alone is rounded: divergence on the calibration set, and exact match."""
    from ..lowbit.one_at_a_time import only_rounded, sensitivities

    found = sensitivities(run.model, names, job.spec, batches)
    rows = []
    for name, kl in found.items():
        with only_rounded(run.model, name, job.spec):
            right = graded(run, run.model, sets["held-out"], name).accuracy.value
        rows.append({"layer": name, "kl": kl, "accuracy": right})
    return rows


def other_bits(run: "Run", job: "Job", options: Options, batches: list[Any], sets: Any) -> list[dict[str, Any]]:
    """Exact match by method and number of bits, and which points nothing smaller reaches."""
    from dataclasses import replace

    rows = []
    for method in dict.fromkeys(("rtn", "mse", "gptq", options.method)):
        for bits in sorted({*SWEPT_BITS, options.bits}):
            spec = replace(job.spec, bits=bits, restricted=None, range="mse" if method == "mse" else "minmax")
            settings = {"iterations": ITERATIONS} if method == "adaround" else None
            other = replace(job, spec=spec, method="rtn" if method == "mse" else method, settings=settings)
            if method == "adaround" and bits == 1:
                continue  # it has no up and down there
            model = copy.deepcopy(run.model)
            mean = described(rounded(model, other, batches))["bits_per_weight"]
            right = graded(run, model, sets["held-out"], "held-out").accuracy.value
            rows.append({"method": method, "nominal": bits, "bits": mean, "accuracy": right})
    return with_front(rows)
