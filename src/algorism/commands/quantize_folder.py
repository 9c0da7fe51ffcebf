"""The part of `algorism quantize` that asks a `transformers` folder before and after, and compares its next tokens."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .quantize import Options, described
from .quantize_rows import paired, with_front

if TYPE_CHECKING:
    from ..evaluation.checkup.session import Asked, Outcome
    from ..lowbit.folders import Job
    from ..lowbit.methods.network import ModelReport

QUESTIONS = 20  # of each set
MOST_PARAMETERS = 200_000_000  # beyond, nothing is asked unbidden: two networks in float32, and long on a CPU
SWEPT_BITS = (2, 3, 4, 8)
COMPARED = 2048  # tokens on which next tokens are compared
ALONE = 256  # tokens for each layer that is rounded alone
ALL = "all sets together"
HINT = "; a network that `algorism train` made is asked its own problems if the run itself is quantized"


def quantize_folder(model: Path, out: Path, job: "Job", options: Options, quiet: bool) -> dict[str, Any]:
    """Quantize a folder into another, and measure what it cost.

    Raises:
        DataError: a method that needs a calibration set, without one.
    """
    from ..errors import DataError
    from ..lowbit.checkpoint import TensorFiles
    from ..lowbit.folders import quantize_folder as quantize
    from ..lowbit.packed import FILE
    from .calibration import folder_batches
    from .progress import progress_bar

    started = time.perf_counter()
    if options.calibration is not None:
        job = replace(job, batches=folder_batches(model, options.calibration))
    elif job.method != "rtn" or job.activations is not None:
        raise DataError(f"--method {options.method}: a Hugging Face folder needs --calibration FILE, text or ids.")
    files = TensorFiles(model)
    with progress_bar(quiet=quiet) as bar:
        shown = bar.add_task("quantizing", total=None, note="")
        report = quantize(model, out, job)
        size = {"before": files.bytes, "after": (out / FILE).stat().st_size}
        tell = lambda text: bar.update(shown, description=text)  # noqa: E731 (three words)
        measured = cost(model, out, job, options, report, parameters(files), tell)
    return {"size": size, **described(report), **measured, "seconds": time.perf_counter() - started}


def parameters(files: Any) -> int:
    """How many numbers the files of a checkpoint hold."""
    import math

    return sum(math.prod(files.shape(name)) for name in files.where)


def cost(
    model: Path, out: Path, job: "Job", options: Options, report: "ModelReport", size: int, tell: Callable[[str], Any]
) -> dict[str, Any]:
    """What is worse afterwards: answers, next tokens, and which layers and numbers of bits are to blame.

    Returns:
        `accuracy`, `sensitivity`, `sweep`, `next_tokens`, `asked` as in `report.json`; `not_measured` says what is
        missing and why.
    """
    found: dict[str, Any] = {"accuracy": [], "sensitivity": [], "sweep": [], "next_tokens": None, "asked": None}
    missing: dict[str, str] = {}
    found["not_measured"] = missing
    reason = unasked(options, size)
    if reason is not None:
        missing["answers, next tokens, sensitivity, other bits"] = reason
        return found
    work = out / "work"  # a known name: what a killed process left is removed by the next one
    shutil.rmtree(work, ignore_errors=True)
    try:
        if job.batches is None:
            missing["next tokens, sensitivity"] = "they are compared on the texts of --calibration, and none were given"
        else:
            tell("comparing next tokens")
            found["next_tokens"] = next_tokens(model, out, job)
            if options.sweep:
                tell("one layer at a time")
                found["sensitivity"] = layer_by_layer(model, [row.name for row in report.layers], job)
        tell("asking before and after")
        asked = Asking(model, out, work, options)
        reason = asked.unanswered()
        if reason is not None:
            missing["answers, other bits"] = reason
            return found
        after = asked.of(out, "after")
        found["accuracy"], found["asked"] = asked.rows(after), asked.described()
        if job.activations is not None:
            missing["answers on integers"] = "questions were put to the rounded weights, with activations in float"
        if not found["accuracy"][0]["before"]:
            missing["other bits"] = f"the original solves none of these questions{HINT}"
        elif options.sweep:
            found["sweep"] = other_bits(model, asked, after, job, options, report, tell)
        return found
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unasked(options: Options, size: int) -> str | None:
    """Why a model is not to be asked; None if it is."""
    if options.accuracy is False:
        return "--no-accuracy"
    if options.accuracy is None and size > MOST_PARAMETERS:
        return f"{size:,} parameters, more than {MOST_PARAMETERS:,}; --accuracy measures all the same"
    return None


class Asking:
    """The same questions to a model and to what becomes of it.

    Args:
        model: folder of the original.
        out: where the answers are kept, in `answers/`.
        work: a folder for checkpoints that are needed for a while.
        options: how many questions, and their seed.
    """

    def __init__(self, model: Path, out: Path, work: Path, options: Options) -> None:
        self.model, self.work, self.n, self.seed = model, work, options.n or QUESTIONS, options.seed
        self.answers = out / "answers"
        self.sets: dict[str, list[Asked]] = {}
        self.before: dict[str, Outcome] = {}
        shutil.rmtree(self.answers, ignore_errors=True)

    def unanswered(self) -> str | None:
        """Ask the original, in the style that suits it best; why it cannot be asked, or None."""
        from ..errors import AlgorismError
        from ..evaluation.backends.names import backend
        from ..evaluation.checkup.calibration import calibrate
        from ..evaluation.checkup.sample import sample
        from ..evaluation.checkup.session import Session

        try:
            asked = backend(f"hf:{self.model}", dtype="float32")
            with Session(asked, self.answers / "before.jsonl", seed=self.seed) as session:
                self.style, trials = calibrate(session)
                self.easy = max(trial.right for trial in trials)
                self.sets = sample(self.style, self.n, self.seed)
                self.before = answers(session, self.sets)
        except AlgorismError as error:
            return str(error)
        if not any(outcome.reply is not None for outcome in self.before.values()):
            return f"no question was answered: {next(iter(self.before.values())).reason}"
        return None

    def of(self, quantized: Path, name: str) -> "dict[str, Outcome]":
        """Answers of a quantized folder; kept under this name if it is "after"."""
        from ..evaluation.backends.names import backend
        from ..evaluation.checkup.session import Session
        from ..lowbit.folders import write_dequantized

        plain = self.work / f"{name}-plain"
        write_dequantized(quantized, plain)
        record = (self.answers if name == "after" else self.work) / f"{name}.jsonl"
        with Session(backend(f"hf:{plain}", dtype="float32"), record, seed=self.seed) as session:
            found = answers(session, self.sets)
        shutil.rmtree(plain)
        return found

    def rows(self, after: "dict[str, Outcome]") -> list[dict[str, Any]]:
        """Every set before and after, all of them first; questions that one of both did not answer are left out."""
        sets = {name: [a.key for a in asked if both(self.before, after, a.key)] for name, asked in self.sets.items()}
        sets = {ALL: [key for keys in sets.values() for key in keys], **sets}
        return [self.row(name, keys, after) for name, keys in sets.items() if keys]

    def row(self, name: str, keys: Sequence[str], after: "dict[str, Outcome]") -> dict[str, Any]:
        """One of them."""
        sides = [[each[key] for key in keys] for each in (self.before, after)]
        right = [[outcome.right for outcome in side] for side in sides]
        return paired(name, *right, *([outcome.strict for outcome in side] for side in sides))

    def described(self) -> dict[str, Any]:
        """How the questions were put."""
        failed = sum(outcome.reply is None for outcome in self.before.values())
        values = {"style": self.style.name, "title": self.style.title, "easy_sums": self.easy}
        return values | {"questions": len(self.before), "failed": failed, "seed": self.seed}


def answers(session: Any, sets: "dict[str, list[Asked]]") -> "dict[str, Outcome]":
    """Outcomes by key."""
    wanted = [asked for rows in sets.values() for asked in rows]
    return {outcome.asked.key: outcome for outcome in session.ask(wanted)}


def both(before: "dict[str, Outcome]", after: "dict[str, Outcome]", key: str) -> bool:
    """Whether both answered a question."""
    return before[key].reply is not None and after[key].reply is not None


def few(batches: Sequence[Any], tokens: int) -> list[dict[str, Any]]:
    """The first rows of a calibration set, one at a time, up to so many tokens: logits of all would fill the memory."""
    found: list[dict[str, Any]] = []
    for batch in batches:
        for row in batch["input_ids"]:
            if tokens <= 0:
                return found
            found.append({"input_ids": row[None, :tokens], "use_cache": False})
            tokens -= len(row)
    return found


def next_tokens(model: Path, quantized: Path, job: "Job") -> dict[str, Any]:
    """Divergence and agreement on texts of the calibration set."""
    from ..lowbit.folders import load_folder, load_original
    from ..lowbit.next_tokens import compare_next_tokens

    batches = few(job.batches or (), COMPARED)
    return asdict(compare_next_tokens(load_original(model), load_folder(quantized), batches))


def layer_by_layer(model: Path, names: list[str], job: "Job") -> list[dict[str, Any]]:
    """What each layer costs when it alone is rounded to nearest: divergence on the calibration set."""
    from ..lowbit.folders import load_original
    from ..lowbit.one_at_a_time import sensitivities

    found = sensitivities(load_original(model), names, job.spec, few(job.batches or (), ALONE))
    return [{"layer": name, "kl": kl, "accuracy": None} for name, kl in found.items()]


def other_bits(
    model: Path,
    asked: Asking,
    after: "dict[str, Outcome]",
    job: "Job",
    options: Options,
    report: "ModelReport",
    tell: Callable[[str], Any],
) -> list[dict[str, Any]]:
    """Share of right answers by number of bits: rounding to nearest, and what was chosen."""
    from ..lowbit.folders import quantize_folder as quantize

    def row(method: str, bits: int, made: "ModelReport", outcomes: "dict[str, Outcome]") -> dict[str, Any]:
        share = asked.rows(outcomes)[0]["after"]
        return {"method": method, "nominal": bits, "bits": described(made)["bits_per_weight"], "accuracy": share}

    rows = [row(options.method, options.bits, report, after)]
    for bits in sorted({*SWEPT_BITS, options.bits}):
        if (options.method, options.bits) == ("rtn", bits):
            continue
        tell(f"asking at {bits} bits")
        folder = asked.work / f"rtn-{bits}"
        spec = replace(job.spec, bits=bits, restricted=None, range="minmax")
        made = quantize(model, folder, replace(job, spec=spec, method="rtn", activations=None, dequantized=False))
        rows.append(row("rtn", bits, made, asked.of(folder, f"rtn-{bits}")))
        shutil.rmtree(folder)
    return with_front(sorted(rows, key=lambda row: (row["method"], row["nominal"])))
