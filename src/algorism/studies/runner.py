"""Running one study: measure, write the pictures, and record everything in the ledger when all of it is there.

A run that was killed continues with the same command: what the study wrapped in `remember` is kept in a work folder
beside the ledger until the run is recorded.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import algorism
from algorism.claims import Measurement, Measurements, Picture, Scale, Study
from algorism.errors import AlgorismError, DataError, UsageError
from algorism.files import write_json, write_text
from algorism.ledger import Ledger, Run
from algorism.studies.registry import scale_of


@dataclass(frozen=True)
class _Context:
    folder: Path
    identity: dict[str, Any]
    say: Callable[[str], None]
    devices: set[str] = field(default_factory=set)  # on which the remembered results were computed
    given: dict[str, str] = field(default_factory=dict)


_CONTEXT: ContextVar[_Context | None] = ContextVar("study", default=None)


@dataclass(frozen=True)
class Finished:
    """A recorded run: its provenance, its measurements, and the folder with its pictures and numbers."""

    run: Run
    measurements: Measurements
    folder: Path
    pictures: list[str]


def remember(key: dict[str, Any], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Compute a JSON-able result once per run: after a kill, the same command takes the kept result instead.

    Results belong to the study, its scale's settings, the seed, the package version and `key`; use `--fresh` after a
    change of the code. They always come back as JSON gives them (tuples as lists), so that a resumed run cannot differ.
    Outside a run it only computes.

    Args:
        key: what tells this result from the study's other results, e.g. {"order": "reverse", "examples": 3000}.
        compute: makes the result; called at most once per run.

    >>> remember({"order": "plain"}, lambda: {"accuracy": (0.8, 0.9)})
    {'accuracy': [0.8, 0.9]}
    """
    context = _CONTEXT.get()
    if context is None:
        return json.loads(_dump(compute()))
    name = hashlib.sha256(_dump({**context.identity, "key": key}, sort=True).encode()).hexdigest()
    path = context.folder / f"{name}.json"
    with suppress(OSError, ValueError):  # not there yet, or unreadable: compute it
        kept = json.loads(path.read_text(encoding="utf-8"))
        context.say(f"kept from an earlier start: {_dump(key)}")
        context.devices.add(kept["device"])
        return kept["result"]
    computed = json.loads(_dump({"result": compute(), "device": device()}))
    write_text(path, _dump(computed))
    context.devices.add(computed["device"])
    return computed["result"]


def note(text: str) -> None:
    """Tell the person who waits what the study is doing; silent outside a run."""
    context = _CONTEXT.get()
    if context is not None:
        context.say(text)


def given(name: str) -> str | None:
    """What a person handed to the study under this name ("model", "file"); None for nothing, and outside a run."""
    context = _CONTEXT.get()
    return None if context is None else context.given.get(name)


def work_folder() -> Path | None:
    """Where a run may keep what must survive a kill, such as a record of answers; removed when all is measured.

    None outside a run.
    """
    context = _CONTEXT.get()
    if context is None:
        return None
    context.folder.mkdir(parents=True, exist_ok=True)
    return context.folder


def run_study(
    study: Study,
    scale_name: str,
    *,
    seed: int = 0,
    ledger: Ledger,
    out: Path | None = None,
    fresh: bool = False,
    say: Callable[[str], None] = lambda text: None,
    options: Mapping[str, str] | None = None,
) -> Finished:
    """Measure a study at a scale and record it.

    Args:
        study: what to measure.
        scale_name: "quick", "cpu" or "gpu".
        ledger: where the measurements go.
        seed: base seed; the study uses it and the following ones.
        out: folder of the pictures; `SLUG/SCALE` beside the ledger by default.
        fresh: forget what an interrupted run had kept.
        say: receives lines of progress.
        options: what the study takes beyond a scale, by name: a model, a file.

    Raises:
        UsageError: no such scale; an option that the study does not take.
        DataError: the ledger cannot be used, the study measured nothing, or the scale needs a GPU and there is none.
    """
    scale = scale_of(study, scale_name)
    handed = dict(options or {})
    check_options(study, handed)
    if study.measure is None:
        raise AlgorismError(f"Study {study.slug!r} has no function decorated with @STUDY.measures.")
    ledger.check()
    if scale.needs_gpu and not _gpu():
        raise DataError(f"Scale {scale.name!r} of {study.slug!r} needs a GPU, and torch sees none. Use --scale cpu.")
    folder = out or ledger.path.parent / study.slug / scale.name
    folder.mkdir(parents=True, exist_ok=True)

    work = ledger.path.parent / ".work" / f"{study.slug}-{scale.name}-{seed}"
    if fresh:
        shutil.rmtree(work, ignore_errors=True)
    started = time.perf_counter()
    identity = {"study": study.slug, "scale": scale.settings(), "seed": seed, "version": algorism.__version__}
    if handed:
        identity["given"] = handed
    context = _Context(work, identity, say, given=handed)
    measured, pictures = _collect(study, scale, seed, context)
    if not measured:
        raise DataError(f"Study {study.slug!r} measured nothing at scale {scale.name!r}.")

    run = Run(
        id=uuid.uuid4().hex,
        study=study.slug,
        scale=scale.name,
        seed=seed,
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        device=_devices(context),
        version=algorism.__version__,
        python=platform.python_version(),
        torch=_version_of("torch"),
        commit=_commit(),
        seconds=round(time.perf_counter() - started, 3),
        settings=_dump(scale.settings() | ({"given": handed} if handed else {}), sort=True),
    )
    found = Measurements(measured).stamped(scale=scale.name, device=run.device, date=run.date, version=run.version)
    for picture in pictures:
        _draw(picture, folder)
    write_json(folder / "run.json", _summary(study, run, found, pictures))
    ledger.add(run, found.values())
    shutil.rmtree(work, ignore_errors=True)
    return Finished(run, found, folder, [p.name for p in pictures])


def check_options(study: Study, options: Mapping[str, str]) -> None:
    """Refuse options that a study does not take.

    Raises:
        UsageError: names it, and what the study takes.
    """
    for name in options:
        if name not in study.takes:
            known = "; ".join(f"--{option}: {what}" for option, what in study.takes.items()) or "nothing of that kind"
            raise UsageError(f"Study {study.slug!r} takes no --{name}; it takes {known}.")


def _collect(study: Study, scale: Scale, seed: int, context: _Context) -> tuple[list[Measurement], list[Picture]]:
    measured: list[Measurement] = []
    pictures: list[Picture] = []
    assert study.measure is not None
    token = _CONTEXT.set(context)
    try:
        for item in study.measure(scale, seed):
            if isinstance(item, Picture):
                pictures.append(item)
                context.say(f"picture {item.name}: {item.title}")
            else:
                measured.append(item)
                Measurements(measured)  # a name used twice stops the run now, not after the last training
                context.say(f"{item.name} = {item.text()} {item.unit}")
    finally:
        _CONTEXT.reset(token)
    return measured, pictures


def _draw(picture: Picture, folder: Path) -> None:
    from algorism import pictures

    pictures.save(picture.spec, folder / picture.name)


def _summary(study: Study, run: Run, found: Measurements, pictures: list[Picture]) -> dict[str, Any]:
    """Everything about one run in one readable file, for people who do not want to open SQLite."""
    judgements = {claim.id: claim.judge(found) for claim in study.claims}
    return {
        "run": {**run.__dict__, "settings": json.loads(run.settings)},
        "claims": {
            name: {"verdict": j.verdict, "parts": j.parts, "missing": list(j.missing)} for name, j in judgements.items()
        },
        "measurements": [
            {key: getattr(m, key) for key in ("name", "value", "low", "high", "n", "unit", "seeds", "details")}
            for m in found.values()
        ],
        "pictures": [{"name": p.name, "title": p.title, "caption": p.caption} for p in pictures],
    }


def _dump(value: Any, *, sort: bool = False) -> str:
    # NumPy's and torch's scalars and arrays have tolist(); asking for it needs no import of either.
    return json.dumps(value, sort_keys=sort, default=lambda v: v.tolist(), ensure_ascii=False)


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def device() -> str:
    """What this process computed on: the GPU's name if it used one, otherwise the processor and its usable cores."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return str(torch.cuda.get_device_name())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):  # Linux keeps the marketing name here
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {cores} cores"


def _devices(context: _Context) -> str:
    """The devices of a run. After a resume, the results that count may come from another process, or machine."""
    here = device()
    torch = sys.modules.get("torch")
    if context.devices and not (torch is not None and torch.cuda.is_initialized()):
        return "; ".join(sorted(context.devices))
    return "; ".join(sorted({here, *context.devices}))


def _version_of(package: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return ""


def _commit() -> str:
    """The commit of the checkout that the package runs from, "+" behind it where files differ; empty elsewhere."""
    home = Path(algorism.__file__).parents[2]
    if not (home / ".git").exists():
        return ""
    ask = ["git", "-C", str(home)]
    with suppress(OSError, subprocess.SubprocessError):
        head = subprocess.run([*ask, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
        dirty = subprocess.run(
            [*ask, "status", "--porcelain", "--", "src"], capture_output=True, text=True, timeout=30, check=True
        )
        return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")
    return ""
