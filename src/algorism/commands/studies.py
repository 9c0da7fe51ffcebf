"""`algorism study`, `algorism studies` and `algorism ledger`: measure claims, list verdicts, join runs made elsewhere.

Standard output carries the result only; progress goes to standard error. Torch is imported by the study that runs,
never by listing.
"""

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from algorism.claims import Claim, Measurements, Study
from algorism.errors import AlgorismError, UsageError
from algorism.ledger import Ledger, locate, locate_for_reading
from algorism.studies import registry, runner

LedgerOption = Annotated[
    Path | None, typer.Option("--ledger", metavar="FILE", help="The ledger file; by default the one in results/.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]

COLOURS = {"reproduced": "green", "partly": "yellow", "not reproduced": "red", "not measured": "dim"}
SIGNS = {"holds": "+", "partly": "±", "fails": "-", "not measured": "?"}


def study(
    slug: Annotated[
        str, typer.Argument(metavar="SLUG", help="The study; `algorism studies` lists them.", show_default=False)
    ],
    scale: Annotated[str, typer.Option(help="quick (≤ 15 s), cpu (≤ 10 min) or gpu.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Base seed; the study uses this one and the following.")] = 0,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where pictures go; by default SLUG/SCALE beside the ledger.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not continue an interrupted run; start anew.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model for claims that need one: hf:FOLDER, openai:NAME.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The authors' results or data, for claims that are about them.")
    ] = None,
) -> None:
    """Measure the claims of a paper, and record what was measured in the ledger.

    An interrupted run continues with the same command. Exit status: 0 measured, whatever the verdicts; 1 it could
    not be measured; 2 wrong usage.
    """
    with exit_status(usage=2):
        chosen = registry.find(slug)
        registry.scale_of(chosen, scale)
        options = {name: str(value) for name, value in (("model", model), ("file", file)) if value is not None}
        runner.check_options(chosen, options)
    book = Ledger(ledger or locate())
    with exit_status(usage=1):  # whatever goes wrong from here on, the command itself was right
        finished = runner.run_study(
            chosen, scale, seed=seed, ledger=book, out=out, fresh=fresh, say=_say, options=options
        )
    if as_json:
        print(json.dumps({"studies": [chosen.as_json({scale: finished.measurements})]}, ensure_ascii=False, indent=2))
        return
    _print_claims(chosen, scale, finished.measurements)
    print(f"Recorded in {book.path}. Numbers{' and pictures' if finished.pictures else ''}:")
    print(finished.folder)


def studies(as_json: JsonOption = False, ledger: LedgerOption = None) -> None:
    """List every study, its claims, and the verdicts of the newest recorded run at each scale."""
    with exit_status(usage=2):
        if ledger is not None and not ledger.is_file():
            raise UsageError(f"There is no ledger at {ledger}.")
        book = Ledger(ledger or locate_for_reading())
        everything = registry.all_studies()
        if as_json:
            print(json.dumps(registry.as_json(everything, book), ensure_ascii=False, indent=2))
            return
        _print_studies(everything, book)


ledger_app = typer.Typer(help="The ledger of measurements.", no_args_is_help=True)


@ledger_app.callback()
def _ledger() -> None:
    """The ledger of measurements."""


@ledger_app.command()
def merge(
    files: Annotated[list[Path], typer.Argument(help="Ledgers written on other machines.", show_default=False)],
    into: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ledger that receives them; by default the one in results/.")
    ] = None,
    ledger: LedgerOption = None,
) -> None:
    """Take over the runs of other ledgers, with their device and date. Merging twice changes nothing."""
    with exit_status(usage=2):
        if into is not None and ledger is not None and into != ledger:
            raise UsageError("--into and --ledger both name the receiving ledger; give one of them.")
        target = Ledger(into or ledger or locate())
        added = target.merge(files)
        print(f"{added} new run{'' if added == 1 else 's'}; {len(target.runs())} in all.", file=sys.stderr)
        print(target.path)


def _print_claims(chosen: Study, scale: str, measured: Measurements) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    witness = next(iter(measured.values()))
    authors = f"{chosen.paper.authors}, " if chosen.paper.authors else ""
    table = Table(
        title=Text(f"{chosen.title} ({authors}{_year(chosen)})"),
        caption=Text(f"scale {scale}, {witness.device}, version {witness.version}, {witness.date}"),
        title_justify="left",
        caption_justify="left",
        show_lines=True,
    )
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim, the paper's value, ours [95 % interval]", overflow="fold")
    for claim in chosen.claims:
        judged = claim.judge(measured)
        cell = Text.assemble((claim.id, "bold"), f"  {claim.text}\n", *_values(claim, measured))
        for part, said in judged.parts.items():
            if len(judged.parts) > 1:
                cell.append(f"\n{SIGNS[said]} {part}: {said}", style="dim")
        if judged.missing:
            cell.append(f"\nmissing: {', '.join(dict.fromkeys(judged.missing))}", style="dim")
        table.add_row(Text(judged.verdict, style=COLOURS[judged.verdict]), cell)
    Console().print(table)


def _values(claim: Claim, measured: Measurements) -> Iterator[str]:
    """One line for each number that the paper gives, or a sentence of the paper, and the headline measurement."""
    paper = {} if isinstance(claim.paper, str) else claim.paper
    names = list(dict.fromkeys([*paper, *([claim.value] if claim.value else [])]))
    wide = max(map(len, names), default=0)
    if isinstance(claim.paper, str):
        yield f"paper: {claim.paper}\n"
    for number, name in enumerate(names):
        theirs = f"paper {paper[name]:g}" if name in paper else ""
        ours = f"ours {measured[name].text()}" if name in measured else "not measured"
        yield ("\n" if number else "") + f"  {name:{wide}}  {theirs:12}  {ours}"


def _print_studies(everything: list[Study], book: Ledger) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for item in everything:
        found = registry.measured(item, book)
        heading = f"{item.slug}: {item.title} ({_year(item)})"
        table = Table(title=Text(heading), title_justify="left")
        for column in ("claim", *found):
            table.add_column(column, overflow="fold")
        for claim in item.claims:
            verdicts = [claim.judge(measured).verdict for measured in found.values()]
            name = Text(claim.id, style="bold")
            if console.width >= 110:  # on a narrow terminal the sentences would leave no room for the verdicts
                name.append(f"\n{claim.text}", style="not bold")
            table.add_row(name, *(Text(verdict, style=COLOURS[verdict]) for verdict in verdicts))
        console.print(table)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def exit_status(*, usage: int) -> Iterator[None]:
    """Turn errors into a message on standard error and an exit status: `usage` for a wrong argument, 1 for the rest."""
    try:
        yield
    except KeyboardInterrupt:
        _say("Interrupted. The same command continues where this run stopped.")
        raise typer.Exit(130) from None
    except (typer.Exit, typer.Abort):
        raise
    except AlgorismError as error:
        _say(f"Error: {error}")
        raise typer.Exit(usage if isinstance(error, UsageError) else 1) from None
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        _say(f"Error: it ended with {type(error).__name__}: {error}")
        raise typer.Exit(1) from None


def _year(study: Study) -> str:
    """Year of the paper, and its number where it has one; the package's own studies have none."""
    return f"{study.paper.year}, arXiv {study.paper.arxiv}" if study.paper.arxiv else str(study.paper.year)
