"""The table of papers in README.md, written from the ledger so that it cannot say what was not measured."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from algorism.claims import SCALES, Measurements, Study, Verdict
from algorism.commands.studies import LedgerOption, exit_status
from algorism.errors import DataError, UsageError
from algorism.files import write_text
from algorism.ledger import Ledger, locate_for_reading
from algorism.studies import registry

BEGIN, END = "<!-- papers: written by `algorism readme` -->", "<!-- /papers -->"
_ORDER: tuple[Verdict, ...] = ("reproduced", "partly", "not reproduced", "not measured")


def papers_table(ledger: Ledger, studies: Iterable[Study] | None = None) -> str:
    """A Markdown table with one line per paper: its study, and how many of its claims hold at each scale."""
    lines = ["| paper | study | " + " | ".join(SCALES) + " |", "| --- | --- |" + " --- |" * len(SCALES)]
    for study in registry.all_studies() if studies is None else studies:
        found = registry.measured(study, ledger)
        cells = [_summary(study, found[scale]) if scale in found else "" for scale in SCALES]
        title = f"[{_escaped(study.paper.title)}]"
        link = (
            f"{title}(https://arxiv.org/abs/{study.paper.arxiv})" if study.paper.arxiv else _escaped(study.paper.title)
        )
        link += f" ({study.paper.year})"
        lines.append(f"| {link} | `{study.slug}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _summary(study: Study, measured: Measurements) -> str:
    if not measured:
        return "not run"
    counts = Counter(claim.judge(measured).verdict for claim in study.claims)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[").replace("]", "\\]")


def with_table(text: str, table: str) -> str:
    r"""Put the table between the two marks of a Markdown text.

    Raises:
        DataError: the marks are not there, once each and in order.

    >>> with_table(f"# A\n{BEGIN}\nold\n{END}\nrest", "new\n") == f"# A\n{BEGIN}\nnew\n{END}\nrest"
    True
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise DataError(f"Expected the lines {BEGIN!r} and {END!r} once each, in this order; the table goes between.")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{table}{END}{tail}"


def readme(
    path: Annotated[Path, typer.Argument(help="The Markdown file.")] = Path("README.md"),
    ledger: LedgerOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if the table is out of date.")] = False,
) -> None:
    """Write the table of papers and verdicts into README.md, from the ledger.

    Example: algorism readme --check
    """
    with exit_status(usage=2):
        if not path.is_file():
            raise UsageError(f"There is no file {path}.")
        before = path.read_text(encoding="utf-8")
        after = with_table(before, papers_table(Ledger(ledger or locate_for_reading())))
        if check and after != before:
            raise DataError(f"The table of papers in {path} is out of date. Run: algorism readme")
        if after != before:
            write_text(path, after)
        print(path)
