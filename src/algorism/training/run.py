"""A run: a folder that holds all of one trained network, can be resumed after a kill, and is never overwritten unasked.

recipe.yaml              the resolved recipe
environment.json         versions, machine, date
metrics.jsonl            one row per logged step, appended as it trains; rewritten without repeats at the end
checkpoint.safetensors   weights, optimiser, progress; removed when the run is finished
model.safetensors        the trained weights; in a run that was quantized, quantized.safetensors instead
tokenizer.json …         loadable by `transformers`
finished.json            written last: steps, seconds, held-out accuracy
"""

import atexit
import dataclasses
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..errors import CheckpointError, UsageError
from ..files import read_json, write_atomic, write_json, write_text
from ..memory import freed_memory_kept
from ..models.transformer import Transformer
from .batches import shifted
from .loop import Progress, Report, fit
from .material import Material, prepare, source
from .recipe import Recipe, load_recipe


@dataclass
class Run:
    """A trained network with everything needed to use it.

    Args:
        recipe: resolved.
        material: task, format, tokenizer, held-out problems.
        model: in evaluation mode.
        history: one row per logged step.
        seconds: of training.
        folder: where it lies; None for a run kept in memory.
        accuracy: exact match on the held-out problems at the end of training (teacher forcing = greedy).
    """

    recipe: Recipe
    material: Material
    model: Transformer
    history: list[dict[str, Any]]
    seconds: float
    folder: Path | None = None
    accuracy: float | None = None


def environment() -> dict[str, Any]:
    """Versions and machine, for provenance. Holds no path and no host name."""
    return {
        "algorism": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def make_accelerator(tracker: str | None, folder: Path | None, device: str = "cpu") -> Any:
    """Make an `accelerate.Accelerator` if several processes or a tracker ask for one; else None, at no import cost."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 and tracker is None:
        return None
    from accelerate import Accelerator

    atexit.register(_leave_group)
    return Accelerator(cpu=device == "cpu", log_with=tracker, project_dir=str(folder) if folder and tracker else None)


def _leave_group() -> None:
    """Leave the process group when the process ends: one process may train several networks before that."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def train(
    recipe: Recipe,
    folder: Path | str | None = None,
    *,
    overwrite: bool = False,
    report: Report | None = None,
    device: str = "cpu",
    tracker: str | None = None,
    material: Material | None = None,
) -> Run:
    """Train one network from a recipe, into a folder or in memory.

    A folder that holds an unfinished run of the same recipe is continued from its last checkpoint, to the same bits.

    Args:
        recipe: what to train.
        folder: the run's folder; None keeps everything in memory.
        overwrite: train anew although the folder holds a finished run, or another recipe's.
        report: called after each logged step.
        device: "cpu" or "cuda".
        tracker: any tracker that Accelerate knows: "tensorboard", "wandb", "mlflow", "trackio".
        material: of this recipe, when it is already made.

    Several processes (`WORLD_SIZE` > 1) share one folder; only the first of them writes there.

    Raises:
        CheckpointError: a finished run, or one of another recipe, is in the way; a damaged checkpoint.
        UsageError: a device that torch does not have.
    """
    _check_device(device)
    material = material or prepare(recipe)
    folder = Path(folder) if folder is not None else None
    accelerator = make_accelerator(tracker, folder, device)
    leader = accelerator is None or accelerator.is_main_process
    if folder is not None:
        if not overwrite:
            _refuse(folder, recipe)  # every process looks, and fails alike, before the first one writes
        _wait(accelerator)
        if leader:
            _claim(folder, recipe, overwrite)
        _wait(accelerator)
    if accelerator is not None and tracker is not None:
        accelerator.init_trackers("algorism", config={"recipe": recipe.to_yaml(), "seed": recipe.seed})
        report = _tracked(accelerator, report)
    if folder is not None and leader:
        report = _appended(folder / "metrics.jsonl", report)
    model = Transformer(material.config, seed=recipe.seed)
    validation = material.numbered(material.test[: recipe.training.validate_on])
    progress = fit(
        [model],
        [source(recipe, material)],
        recipe.training,
        seed=recipe.seed,
        validation=[shifted(*validation)],
        checkpoint=None if folder is None else folder / "checkpoint.safetensors",
        report=report,
        device=device,
        accelerator=accelerator,
    )
    if accelerator is not None and tracker is not None:
        for each in accelerator.trackers:  # `end_training` would also leave the process group, still needed below
            each.finish()
    run = Run(recipe, material, model, _flat(progress), progress.seconds, folder, _last_accuracy(progress))
    if folder is not None and leader:
        _finish(run, progress.step)
    _wait(accelerator)
    return run


@freed_memory_kept()
def train_many(
    recipes: Sequence[Recipe],
    *,
    materials: Sequence[Material | None] | None = None,
    workers: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> list[Run]:
    """Train many small networks at once in one process, one per core, in memory.

    Each is trained by one thread exactly as `train` would on one core, so its weights do not depend on what is trained
    beside it, and recipes may differ in anything.

    Args:
        recipes: what to train; seeds, formats, sizes may all differ.
        materials: of the recipes, where they are made by hand (a training set no recipe describes).
        workers: threads; by default one per core torch may use.
        report: called with (finished, total) after each.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    workers = workers or torch.get_num_threads()
    if any(r.model.dropout for r in recipes):
        workers = 1  # dropout draws from torch's one global generator, which threads would share

    def one(recipe: Recipe, material: Material | None) -> Run:
        torch.set_num_threads(1)
        return train(recipe, material=material)

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(workers) as pool:
            pairs = zip(recipes, materials or [None] * len(recipes), strict=True)
            futures = [pool.submit(one, recipe, material) for recipe, material in pairs]
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                if report is not None:
                    report(done, len(recipes))
            return [future.result() for future in futures]
    finally:
        torch.set_num_threads(threads)


def save_run(run: Run, folder: Path | str, *, overwrite: bool = False) -> Run:
    """Write a run that was trained in memory into a folder, as `train` would have.

    Raises:
        CheckpointError: a finished run is in the way.
    """
    folder = Path(folder)
    if not overwrite:
        _refuse(folder, run.recipe)
    _claim(folder, run.recipe, overwrite)
    kept = dataclasses.replace(run, folder=folder)
    _finish(kept, run.history[-1]["step"] if run.history else 0)
    return kept


def load_run(folder: Path | str) -> Run:
    """Load a finished run from its folder.

    Raises:
        CheckpointError: no run, an unfinished one, or damaged weights.
    """
    folder = Path(folder)
    if not (folder / "recipe.yaml").exists():
        raise CheckpointError(
            f"{folder}: no run here (recipe.yaml is missing). Give the folder that `algorism train` printed."
        )
    recipe = load_recipe(folder / "recipe.yaml")
    if not (folder / "finished.json").exists():
        raise CheckpointError(
            f"{folder}: this run is not finished. Continue it with: algorism train {folder}/recipe.yaml --out {folder}"
        )
    material = prepare(recipe)
    model = Transformer(material.config, seed=recipe.seed)
    _fill(model, folder)
    file = folder / "finished.json"
    try:
        finished = read_json(file)
        seconds, accuracy = finished["seconds"], finished["accuracy"]
        file = folder / "metrics.jsonl"
        history = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CheckpointError(f"{file}: damaged ({error}). Train the run again.") from None
    return Run(recipe, material, model.eval(), history, seconds, folder, accuracy)


def _fill(model: Transformer, folder: Path) -> None:
    """Give a model the weights of a run's folder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    packed = folder / "quantized.safetensors"
    if packed.exists():
        from ..lowbit.packed import restore

        restore(model, packed)
        return
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise CheckpointError(
            f"{folder}/model.safetensors: damaged or of another shape ({' '.join(str(error).split())}). "
            "Train the run again."
        ) from None


def _wait(accelerator: Any) -> None:
    """Wait until every process is here."""
    if accelerator is not None:
        accelerator.wait_for_everyone()


def _check_device(device: str) -> None:
    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"device: expected 'cpu' or 'cuda', got {device!r}.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("device: 'cuda' was asked for, but torch sees no GPU here. Use 'cpu'.")


def _refuse(folder: Path, recipe: Recipe) -> None:
    """Say why this recipe may not be trained into the folder, if so. Writes nothing."""
    finished, recipe_file = folder / "finished.json", folder / "recipe.yaml"
    if finished.exists():
        raise CheckpointError(
            f"{folder}: a finished run is here. Choose another folder with --out, or use --overwrite."
        )
    if recipe_file.exists() and load_recipe(recipe_file) != recipe:
        raise CheckpointError(
            f"{folder}: an unfinished run of another recipe is here. Choose another folder, or use --overwrite."
        )


def _claim(folder: Path, recipe: Recipe, overwrite: bool) -> None:
    """Make the folder this recipe's, without what an earlier run or a kill left."""
    if overwrite:
        for name in ("finished.json", "checkpoint.safetensors", "metrics.jsonl", "model.safetensors"):
            (folder / name).unlink(missing_ok=True)
    for half in folder.glob(".*.part"):  # a write that a kill cut short
        half.unlink(missing_ok=True)
    recipe.save(folder / "recipe.yaml")
    write_json(folder / "environment.json", environment())


def _finish(run: Run, steps: int) -> None:
    """Write the results; `finished.json` last, so that its presence means all is there."""
    from safetensors.torch import save

    assert run.folder is not None
    data = save({name: tensor.contiguous() for name, tensor in run.model.state_dict().items()})
    write_atomic(run.folder / "model.safetensors", lambda stream: stream.write(data))
    write_text(run.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in run.history))
    run.material.tokenizer.save(run.folder)
    write_json(run.folder / "finished.json", {"steps": steps, "seconds": run.seconds, "accuracy": run.accuracy})
    (run.folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _flat(progress: Progress) -> list[dict[str, Any]]:
    """Return the history of a single model."""
    return [_alone(row) for row in progress.history]


def _alone(row: dict[str, Any]) -> dict[str, Any]:
    """Unwrap the one-element lists of a single model's row."""
    return {k: v[0] if isinstance(v, list) else v for k, v in row.items()}


def _last_accuracy(progress: Progress) -> float | None:
    rows = [row["accuracy"][0] for row in progress.history if "accuracy" in row]
    return rows[-1] if rows else None


def _appended(file: Path, report: Report | None) -> Report:
    """Append each logged row to a file, so that a run can be watched, and tells how far it came if it is killed."""

    def both(step: int, row: dict[str, Any]) -> None:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(_alone(row)) + "\n")
        if report is not None:
            report(step, row)

    return both


def _tracked(accelerator: Any, report: Report | None) -> Report:
    """Send each logged row to the tracker as well."""

    def both(step: int, row: dict[str, Any]) -> None:
        accelerator.log(_alone(row), step=step)
        if report is not None:
            report(step, row)

    return both
