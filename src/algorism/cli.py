"""The `algorism` command. Each command is a few lines that call a part; what is heavy is imported inside it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import __version__
from .commands.ask import ask, dataset, lm_eval_path
from .commands.checkup import BaseUrl, Chat, checkup
from .commands.readme import readme
from .commands.records import compare, rescore
from .commands.studies import ledger_app, studies, study
from .errors import AlgorismError, UsageError

app = typer.Typer(
    name="algorism",
    help="Teach neural networks arithmetic and other algorithms, and know whether they really can.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(ask)
app.command()(checkup)
app.command()(dataset)
app.command("lm-eval-path")(lm_eval_path)
app.command()(rescore)
app.command()(compare)
app.command()(study)
app.command()(studies)
app.command(hidden=True)(readme)
app.add_typer(ledger_app, name="ledger")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"algorism {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report and the best network.")] = Path("runs/demo"),
    seeds: Annotated[int, typer.Option(min=1, help="Networks per way of writing.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each.")] = 600,
    json: JsonFlag = False,
) -> None:
    """Teach small networks 3-digit addition, written plainly and with the sum reversed, and show which ones can add.

    Example: algorism demo --seeds 5
    """
    from .commands.demo import run_demo

    run_demo(out, seeds, steps, json)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe file (YAML).")],
    out: Annotated[Path | None, typer.Option(help="The run's folder; default runs/NAME.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Train anew over a finished run.")] = False,
    seed: Annotated[int | None, typer.Option(help="Use another seed than the recipe's.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    tracker: Annotated[str | None, typer.Option(help="tensorboard, wandb, mlflow or trackio.")] = None,
    json: JsonFlag = False,
) -> None:
    """Train a network from a recipe. The same command continues a run that was interrupted.

    Example: algorism train recipes/add3.yaml --out runs/add3
    """
    from .commands.train import run_train

    run_train(recipe, out, overwrite, seed, device, tracker, json)


@app.command("eval")
def evaluate(
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Problems per set.")] = 1000,
    hard: Annotated[
        bool, typer.Option("--hard", help="Also longest carry chains, all nines, zeros, digits × carries.")
    ] = False,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 decodes greedily.")] = 0.0,
    records: Annotated[Path | None, typer.Option(help="Write every answer to this JSONL file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Ask a trained network held-out problems and grade the answers exactly.

    Example: algorism eval runs/add3 --hard
    """
    from .commands.evaluate import run_eval

    run_eval(run, n, hard, temperature, records, json)


@app.command()
def lengths(
    runs: Annotated[list[Path], typer.Argument(help="Finished runs' folders; several seeds give median and worst.")],
    lengths: Annotated[
        str | None, typer.Option(help="Digits of the operands, such as 10,20,50; default up to 100 times the trained.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Problems of each kind and length.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Folder for a picture that compares the runs.")] = None,
    band: Annotated[
        int | None, typer.Option(min=0, help="Hide tokens whose index differs by more: 10,000 digits become feasible.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Ask trained networks longer and longer problems, to see on which lengths they are still right.

    Example: algorism lengths runs/add-long --lengths 10,20,50,100
    """
    from .commands.lengths import run_lengths

    run_lengths(runs, lengths, n, out, json, band)


@app.command()
def certify(
    run: Annotated[Path, typer.Argument(help="A finished run's folder: addition, one layer, coupled index.")],
    seconds: Annotated[float, typer.Option(min=1, help="Give up after so long; what is left is said.")] = 120.0,
    json: JsonFlag = False,
) -> None:
    """Prove that a trained network adds right at every length; or find two numbers that it adds wrongly.

    Example: algorism certify runs/add-long
    """
    from .commands.certify import run_certify

    run_certify(run, json, seconds)


@app.command()
def sample(
    task: Annotated[
        str, typer.Argument(help="addition, subtraction, multiplication, sine, sqrt; or on lists: sort, copy, …")
    ] = "addition",
    format: Annotated[
        str | None, typer.Option("--format", "-f", help="How it is written, e.g. reverse, plain+pad, detailed.")
    ] = None,
    digits: Annotated[int, typer.Option(min=1, help="Digits of the longest operand; symbols of the longest list.")] = 3,
    sampler: Annotated[str | None, typer.Option(help="How operands are drawn.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many problems.")] = 5,
    seed: int = 0,
    json: JsonFlag = False,
) -> None:
    """Print problems as a network would read them.

    Example: algorism sample addition --format detailed -n 1
    """
    from .commands.sample import run_sample

    run_sample(task, format, digits, sampler, n, seed, json)


@app.command()
def suite(
    name: Annotated[str, typer.Argument(help="nupa, tokenization, street, counting or process.")],
    model: Annotated[str, typer.Argument(help="hf:FOLDER, openai:NAME, run:FOLDER; scripted:oracle shows a suite.")],
    tasks: Annotated[str | None, typer.Option(help="Only these, such as add,max-float.")] = None,
    lengths: Annotated[str | None, typer.Option(help="Only these, such as 1-8,20.")] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Questions of each task and length.")] = 10,
    record: Annotated[Path | None, typer.Option(help="File of all answers; default suites/NAME/MODEL.jsonl.")] = None,
    seed: Annotated[int, typer.Option(help="Of the questions.")] = 0,
    base_url: BaseUrl = None,
    chat: Chat = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count requests.")] = False,
    show: Annotated[int, typer.Option(min=0, help="Only print so many of the questions.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Ask any model a set of questions and score the answers exactly. The same command continues a stopped run.

    Example: algorism suite nupa hf:./my-model --tasks add,sub --lengths 1-8
    """
    from .commands.suite import run_suite

    options = {"base_url": base_url, "chat": chat}
    run_suite(name, model, tasks, lengths, n, record, seed, options, dry_run, show, json)


@app.command()
def difficulty(
    data: Annotated[str, typer.Option(help="mnist, cifar10, …, a FILE.csv or FILE.npz; or published: the paper's.")],
    error: Annotated[float, typer.Option(help="The error that is wanted.")] = 0.01,
    samples: Annotated[int | None, typer.Option(min=1, help="Size of the training set, if the data is a part.")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict; default the last.")] = None,
    kind: Annotated[str, typer.Option(help="classification, regression or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of the estimators.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Estimate how many bits of inductive bias a task asks for, and what they depend on.

    Example: algorism difficulty --data mnist --error 0.05
    """
    from .commands.difficulty import Options, run_difficulty

    run_difficulty(data, Options(error=error, samples=samples, target=target, kind=kind, seed=seed), json)


@app.command()
def data(
    name: Annotated[str | None, typer.Argument(help="A data set; without one, all are listed.")] = None,
    split: Annotated[str | None, typer.Option(help="train or test; default both.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a sheet of its images to this PNG file.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch what is missing, checked by checksum.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Look here instead of where ALGORISM_DATA says.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the data sets that studies use and where they are; or show what is in one.

    Example: algorism data mnist --picture mnist.png
    """
    from .commands.data import run_data

    run_data(name, split, picture, download, folder, json)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Held-out problems asked for the report.")] = 2000,
) -> None:
    """Write a run's report.html: learning curve, accuracy by digits and carries, wrong answers. Readable offline.

    Example: algorism report runs/add3
    """
    from .commands.report import run_report

    run_report(run, n)


@app.command()
def quantize(
    model: Annotated[Path, typer.Argument(help="A run's folder, a Hugging Face folder, or a .safetensors file.")],
    bits: Annotated[int, typer.Option(help="Bits of a weight, 1 to 16.")] = 4,
    method: Annotated[str, typer.Option(help="rtn, mse, gptq, awq or adaround.")] = "rtn",
    group: Annotated[int | None, typer.Option(help="Inputs that share a scale; default one per output.")] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Texts, one per line, or input_ids as safetensors; runs have their own.")
    ] = None,
    activations: Annotated[int | None, typer.Option(help="Bits of activations: layers compute with integers.")] = None,
    out: Annotated[Path | None, typer.Option(help="The new folder; default beside the model.")] = None,
    dequantized: Annotated[
        bool, typer.Option("--dequantized", help="Also write the rounded weights for transformers.")
    ] = False,
    skip: Annotated[list[str] | None, typer.Option(help="Leave this module as it is; may be repeated.")] = None,
    n: Annotated[int | None, typer.Option("-n", "--n", min=1, help="Problems per set, before and after.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep/--no-sweep", help="Measure layers alone and other bits.")] = True,
    accuracy: Annotated[
        bool | None,
        typer.Option(
            "--accuracy/--no-accuracy", help="Ask a Hugging Face model before and after; default if it is small."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a model in the folder.")] = False,
    json: JsonFlag = False,
) -> None:
    """Store a network's weights in few bits, and report what it costs: size, error of each layer, exact match.

    Example: algorism quantize runs/add3 --bits 4 --method gptq
    """
    from .commands.quantize import Options, run_quantize

    skipped = tuple(skip or ())
    options = Options(
        bits, method, group, calibration, activations, out, dequantized, skipped, overwrite, n, sweep, seed, accuracy
    )
    run_quantize(model, options, json)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    out: Annotated[Path, typer.Option(help="The new folder.")],
) -> None:
    """Write a run as a checkpoint that `transformers` loads with no code of ours (GPT-2 or Llama).

    Example: algorism export runs/add3 --out hf/add3
    """
    from .training import export_run

    export_run(run, out)
    typer.echo(out)


def main() -> None:
    """Run the command line; errors that are the user's to mend are one line, without a traceback."""
    try:
        app()
    except AlgorismError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        typer.echo(f"Error: {error.strerror or error}{where}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Typer turns an interrupt into an exit of status 130, and says nothing.
        if isinstance(stop, SystemExit) and stop.code != 130:
            raise
        typer.echo("Stopped. The same command continues where it was.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
