"""`algorism quantize`."""

import json as json_module
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ..lowbit.folders import Job
    from ..lowbit.methods.network import ModelReport

METHODS = ("rtn", "mse", "gptq", "awq", "adaround")
ITERATIONS = 2000  # of AdaRound here; a small network learns no more from the paper's 10,000
UNFINISHED = "unfinished.json"
MARKS = ("report.json", "finished.json", "config.json", "quantized.safetensors", "model.safetensors")


@dataclass(frozen=True)
class Options:
    """What the person asked for beyond the model.

    Args:
        bits: of a weight, 1 to 16.
        method: a row of METHODS; "mse" is rounding to nearest in the range of least squared error.
        group: inputs that share a scale; None for one scale per output.
        calibration: a file; None for a run's own training problems.
        activations: bits of activations, for integer arithmetic; None to leave them in float.
        out: folder; None for one beside the model, named for what was done.
        dequantized: also write the rounded weights as an ordinary checkpoint.
        skip: modules to leave as they are.
        overwrite: write over a folder that holds a model already.
        n: problems of each set; None for what is usual: 1,000 for a run, 20 for a folder of others.
        sweep: also measure every layer alone, and other numbers of bits.
        seed: for what is drawn.
        accuracy: ask a transformers folder before and after; None to do so if it is small. Runs are always asked.
    """

    bits: int = 4
    method: str = "gptq"
    group: int | None = None
    calibration: Path | None = None
    activations: int | None = None
    out: Path | None = None
    dequantized: bool = False
    skip: tuple[str, ...] = ()
    overwrite: bool = False
    n: int | None = None
    sweep: bool = True
    seed: int = 0
    accuracy: bool | None = None


def run_quantize(model: Path, options: Options, json: bool) -> None:
    """Quantize a run, a Hugging Face folder or a safetensors file into a folder, and report what it cost."""
    from ..atlas.quantization import write_quantization
    from ..errors import AlgorismError, UsageError
    from ..files import write_json

    kind = kind_of(model)
    if options.accuracy is not None and kind != "huggingface":
        raise UsageError(
            "--accuracy, --no-accuracy: only for a Hugging Face folder. A run is always asked, a file never."
        )
    out = options.out or beside(model, options)
    job = job_of(options)
    if (model / "quantized.safetensors").exists():
        _refuse(f"{model}: quantized already. Give the folder that it was made from.")
    claim(model, out, options.overwrite)
    try:
        found = _quantized(kind, model, out, job, options, quiet=json)
    except (AlgorismError, OSError):
        if [path.name for path in out.iterdir()] == [UNFINISHED]:  # refused before anything was written
            (out / UNFINISHED).unlink()
            out.rmdir()
        raise
    found = {"model": model.name, "kind": kind, **asked(options), **found}
    write_quantization(found, out)
    write_json(out / "report.json", found)
    (out / UNFINISHED).unlink()  # last: a folder without it is complete
    if json:
        typer.echo(json_module.dumps({"folder": str(out), **found}, ensure_ascii=False))
    else:
        show(found, out)


def _quantized(kind: str, model: Path, out: Path, job: "Job", options: Options, quiet: bool) -> dict[str, Any]:
    if kind == "run":
        from .quantize_run import quantize_run

        return quantize_run(model, out, job, options, quiet=quiet)
    if kind == "huggingface":
        from .quantize_folder import quantize_folder

        return quantize_folder(model, out, job, options, quiet=quiet)
    return quantize_bare(model, out, job, options)


def kind_of(model: Path) -> str:
    """What a path is: "run", "huggingface" or "file".

    Raises:
        UsageError: none of them.
    """
    from ..errors import UsageError

    if model.is_file() and model.suffix == ".safetensors":
        return "file"
    if (model / "recipe.yaml").exists():
        return "run"
    if (model / "config.json").exists():
        return "huggingface"
    raise UsageError(
        f"{model}: expected a run's folder (recipe.yaml), a Hugging Face folder (config.json), or a file that ends in "
        ".safetensors."
    )


def job_of(options: Options) -> "Job":
    """The specification of what is to be done, checked.

    Raises:
        UsageError: bits outside 1 to 16, an unknown method, or what does not go together.
    """
    from ..errors import UsageError, nearest
    from ..lowbit.folders import Job
    from ..lowbit.spec import QuantSpec

    if options.method not in METHODS:
        raise UsageError(f"--method: unknown {options.method!r}. {nearest(options.method, METHODS)}")
    grid: dict[str, Any] = {"granularity": "channel"}
    if options.group is not None:
        grid = {"granularity": "group", "group_size": options.group}
    if options.activations is not None and options.group is not None:
        raise UsageError("--activations: integer sums need one scale per output; leave --group out.")
    spec = QuantSpec(bits=options.bits, range="mse" if options.method == "mse" else "minmax", **grid)
    activations = None
    if options.activations is not None:
        activations = QuantSpec(bits=options.activations, symmetric=False)
    method = "rtn" if options.method == "mse" else options.method
    settings = {"iterations": ITERATIONS} if method == "adaround" else None
    rest = (None, options.skip, settings, activations, options.dequantized, options.seed)
    return Job(spec, method, *rest)


def beside(model: Path, options: Options) -> Path:
    """The folder's name where none was given: the model's, with what was done to it."""
    words = [model.resolve().stem if model.is_file() else model.resolve().name, options.method, f"w{options.bits}"]
    words += [f"g{options.group}"] if options.group else []
    words += [f"a{options.activations}"] if options.activations else []
    return model.resolve().parent / "-".join(words) if options.out is None else options.out


def claim(model: Path, out: Path, overwrite: bool) -> None:
    """Refuse to write over a model unasked, and never over the one that is read.

    What an earlier start left unfinished (it was killed, say) is no model yet, and is written over.

    Raises:
        CheckpointError: says what is there.
    """
    source = model if model.is_dir() else model.parent
    if out.resolve() == source.resolve():
        _refuse(f"{out}: the model lies here. Choose another folder with --out.")
    there = [name for name in MARKS if (out / name).exists()]
    if there and not overwrite and not (out / UNFINISHED).exists():
        _refuse(f"{out}: a model is here ({there[0]}). Choose another folder with --out, or use --overwrite.")
    from ..files import write_json

    out.mkdir(parents=True, exist_ok=True)
    write_json(out / UNFINISHED, {"model": model.name})  # first, so that no moment is without it
    for name in there:
        (out / name).unlink()


def _refuse(message: str) -> None:
    from ..errors import CheckpointError

    raise CheckpointError(message)


def quantize_bare(model: Path, out: Path, job: "Job", options: Options) -> dict[str, Any]:
    """A bare file, whose network is not known: sizes and errors of the weights only.

    Raises:
        DataError: a calibration set, which it cannot use.
    """
    import time

    from ..errors import DataError
    from ..lowbit.checkpoint import TensorFiles
    from ..lowbit.folders import quantize_file
    from ..lowbit.packed import FILE

    started = time.perf_counter()
    if options.calibration is not None:
        raise DataError("--calibration: a bare safetensors file has no network to calibrate. Give the folder.")
    report = quantize_file(model, out, job)
    size = {"before": TensorFiles(model).bytes, "after": (out / FILE).stat().st_size}
    rest: dict[str, Any] = {"accuracy": [], "sensitivity": [], "sweep": [], "seconds": time.perf_counter() - started}
    return {"size": size, **described(report), **rest}


def asked(options: Options) -> dict[str, Any]:
    """The options that belong into a report."""
    names = ("bits", "method", "group", "activations", "skip", "seed")
    return {name: getattr(options, name) for name in names} | {"skip": list(options.skip)}


def described(report: "ModelReport") -> dict[str, Any]:
    """A report as plain values."""
    rows = []
    for row in report.layers:
        values = asdict(row)
        rows.append({**values, "bits": values.pop("bits_per_weight")})
    weights = sum(row.weights for row in report.layers)
    mean = sum(row.weights * row.bits_per_weight for row in report.layers) / weights if weights else 0.0
    return {
        "layers": rows,
        "bits_per_weight": mean,
        "left_out": report.left_out,
        "integer_layers": report.integer_layers,
        "float_parts": report.float_parts,
    }


def show(found: dict[str, Any], out: Path) -> None:
    """Say what was done, as tables."""
    from rich.console import Console
    from rich.table import Table

    from ..atlas.quantization import changed, lead, p_value
    from ..pictures import percent

    console = Console()
    size = found["size"]
    console.print(f"{found['model']}: {lead(found)}")
    console.print(
        f"{size['before']:,} bytes before, {size['after']:,} after: {size['before'] / size['after']:.2f} times smaller."
    )
    layers = Table(title="Error of each layer")
    for column in ("layer", "bits", "SQNR", "error", "by rtn", "KL alone"):
        layers.add_column(column, justify="left" if column == "layer" else "right", overflow="fold")
    alone = {row["layer"]: f"{row['kl']:.2g}" for row in found["sensitivity"]}
    for row in found["layers"]:
        numbers = ["" if row[key] is None else f"{row[key]:.3g}" for key in ("error", "rtn_error")]
        cells = [row["name"], f"{row['bits']:.2f}", f"{row['sqnr_db']:.1f}", *numbers, alone.get(row["name"], "")]
        layers.add_row(*cells)
    layers.caption = "SQNR of the weights in dB; squared error of the outputs; KL if this layer alone is rounded"
    console.print(layers)
    for row in found["layers"]:
        if row["note"]:
            console.print(f"{row['name']}: {row['note']}")
    for name, reason in found["left_out"].items():
        console.print(f"Left in full precision: {name or 'the model itself'} ({reason})")
    if found["integer_layers"] and not found["float_parts"]:
        console.print("Everything from token ids to logits is computed with integers; nothing is left in float.")
    if found["float_parts"]:
        console.print(f"{len(found['integer_layers'])} layers compute with integers. In float remain:")
        for part in found["float_parts"]:
            console.print(f"  {part}")
    if found["accuracy"]:
        table = Table(title="Right answers")
        for column in ("problems", "n", "before", "after", "change", "lost", "gained", "p"):
            table.add_column(column, justify="left" if column == "problems" else "right")
        for row in found["accuracy"]:
            cells = [row["set"], f"{row['n']:,}", percent(row["before"]), percent(row["after"]), changed(row)]
            table.add_row(*cells, str(row["lost"]), str(row["gained"]), p_value(row))
        table.caption = "change: in points, with its paired 95 % interval; lost, gained: right only before, only after"
        console.print(table)
    if found.get("next_tokens"):
        t = found["next_tokens"]
        console.print(
            f"Next tokens: {percent(t['agreement'])} the same, KL divergence {t['kl']:.3g} nats, "
            f"at {t['positions']:,} positions of the calibration texts."
        )
    for what, why in found.get("not_measured", {}).items():
        console.print(f"Not measured: {what} ({why})")
    for row in found["sweep"]:
        if row["front"]:
            console.print(f"Front: {row['bits']:.2f} bits by {row['method']}, {percent(row['accuracy'])} right")
    typer.echo(out / "report.html")
    typer.echo(out)
