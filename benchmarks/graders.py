"""What graders accept: one table of answers, judged by hand, through ours and the peers' graders.

    python benchmarks/graders.py                                    # a table, of the peers that are installed
    python benchmarks/graders.py --update results/benchmarks/graders.json --page docs/graders.md

`--update` replaces the rows of the peers measured now and keeps the others: lighteval pins an old part of math-verify,
so that no environment can hold both in their newest versions.
"""

import argparse
import contextlib
import importlib.metadata
import io
import json
import logging
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from _graders import PEERS, Peer

ROOT = Path(__file__).parents[1]
TABLES = (ROOT / "tests" / "data" / "adversarial_answers.tsv", ROOT / "tests" / "data" / "grader_cases.tsv")
KINDS = {"integer": "whole numbers", "decimal": "decimals", "fraction": "fractions"}  # what every peer can be asked
ACCEPTED = 0.99  # credit from which an answer counts as accepted
PART = 0.05  # credit from which a wrong answer was paid
SHOWN = [  # (right answer, response) of the page's second table
    ("579", "123+456"), ("123456", "123457"), ("42", "42%"), ("8", "2^3"), ("12", "112"), ("1", "1e3"),
    ("56087", "56088 (I think it may be 56087)"), ("3", "5 4 3"), ("579", "The answer is not 579"),
    ("1000000", "1,000,001"), ("12345", "12,345"), ("29", "$29.00"), ("579", "The answer is **579**."),
    ("3", "three"), ("-42", "−42"), ("123", "١٢٣"), ("1000000", "1e6"), ("1/2", "\\frac{1}{2}"),
]  # fmt: skip


class Case(NamedTuple):
    """An answer, and whether a person who reads carefully would call it right."""

    gold: str
    kind: str
    response: str
    right: bool


def cases() -> list[Case]:
    """Every answer of the two tables whose kind all peers can be asked, once."""
    found: dict[tuple[str, str, str], Case] = {}
    for path in TABLES:
        head, *lines = path.read_text(encoding="utf-8").split("\n")
        columns = head.split("\t")
        for line in filter(None, lines):
            row = dict(zip(columns, line.split("\t"), strict=True))
            case = Case(row["gold"], row["kind"], json.loads(row["response"]), row["lenient"] == "1")
            if case.kind in KINDS:
                found[case[:3]] = case
    return list(found.values())


def credits(peer: Peer, asked: list[Case]) -> list[float]:
    """The credit of each answer; an exception counts as none, as in the peers' own harnesses."""
    grader = peer.make()
    given = []
    for case in asked:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                given.append(grader(case.gold, case.response, case.kind))
            except Exception:
                given.append(0.0)
    return given


def measured(peer: Peer, asked: list[Case]) -> dict[str, Any]:
    """One peer's row."""
    given = credits(peer, asked)
    kinds: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        counts: dict[str, int] = defaultdict(int)
        for case, credit in zip(asked, given):
            if case.kind != kind:
                continue
            accepted = credit >= ACCEPTED
            counts["right" if case.right else "wrong"] += 1
            counts["rejected right"] += case.right and not accepted
            counts["accepted wrong"] += accepted and not case.right
            counts["paid wrong"] += PART <= credit < ACCEPTED and not case.right
        kinds[kind] = dict(counts)
    at = {case[0] + "\0" + case[2]: credit for case, credit in zip(asked, given)}
    shown = [round(at[f"{gold}\0{response}"], 2) for gold, response in SHOWN]
    version = importlib.metadata.version(peer.distribution)
    return {
        "distribution": peer.distribution,
        "version": version,
        "setting": peer.setting,
        "kinds": kinds,
        "shown": shown,
    }


def table(found: dict[str, Any]) -> list[str]:
    """Wrong answers accepted and right ones refused, by kind, as lines of Markdown."""
    lines = ["| grader | version | " + " | ".join(f"{name}: wrong accepted | right refused" for name in KINDS.values())]
    lines[0] += " | part credit for wrong |"
    lines.append("| --- | --- |" + " ---: |" * (2 * len(KINDS) + 1))
    for name, row in found.items():
        cells = [name, f"{row['distribution']} {row['version']}"]
        for kind in KINDS:
            counts = row["kinds"][kind]
            cells += [
                f"{counts['accepted wrong']} of {counts['wrong']}",
                f"{counts['rejected right']} of {counts['right']}",
            ]
        cells.append(str(sum(row["kinds"][kind]["paid wrong"] for kind in KINDS)))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def page(found: dict[str, Any]) -> str:
    """The page of the documentation."""
    right = {case[0] + "\0" + case[2]: case.right for case in cases()}
    text = ["# Graders side by side", ""]
    text += [
        "Written from `results/benchmarks/graders.json` by `benchmarks/graders.py`. The answers are those of",
        "`tests/data/adversarial_answers.tsv` and `tests/data/grader_cases.tsv`: each has the right answer, and",
        "whether a careful reader would call the response right. They were collected to be hard, so the shares say",
        "nothing about how often a grader errs on ordinary answers. **Our own rows are no evidence for our grader**:",
        "it was written against these tables, which are its tests. What the page shows is which errors are possible",
        "with the others. They were written for other purposes: several read mathematics of every kind, where ours",
        "reads numbers only; `strict` and the plain matches refuse dressed answers on purpose.",
        "",
        *table(found),
        "",
        "Accepted: credit of at least 0.99. Part credit: wrong answers that were given between 0.05 and 0.99.",
        "",
        "## Some of the answers",
        "A `1` is full credit; cells in bold are errors.",
        "",
        "| right answer | response | " + " | ".join(found) + " |",
        "| --- | --- |" + " --- |" * len(found),
    ]
    for at, (gold, response) in enumerate(SHOWN):
        cells = [gold, f"`{response}`"]
        for row in found.values():
            credit = row["shown"][at]
            wrong = (credit >= ACCEPTED) != right[f"{gold}\0{response}"]
            cells.append(f"**{credit:g}**" if wrong or PART <= credit < ACCEPTED else f"{credit:g}")
        text.append("| " + " | ".join(cells) + " |")
    text += ["", "## How each was called", ""]
    text += [f"- {name}: {row['setting']}" for name, row in found.items()]
    return "\n".join(text) + "\n"


def main() -> None:
    """Measure the peers that are installed; update the file and the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    parser.add_argument("--update", type=Path, metavar="FILE", help="replace the rows measured now in this file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page from the results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    asked, found = cases(), {}
    for peer in PEERS:
        try:
            importlib.metadata.version(peer.distribution)
            found[peer.name] = measured(peer, asked)
        except (ImportError, importlib.metadata.PackageNotFoundError):
            continue
    before = json.loads(options.update.read_text()) if options.update and options.update.exists() else {}
    merged = before | found
    found = {peer.name: merged[peer.name] for peer in PEERS if peer.name in merged}
    if options.update:
        options.update.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.page:
        options.page.write_text(page(found), encoding="utf-8")
    print(json.dumps(found) if options.json else "\n".join(table(found)))


if __name__ == "__main__":
    main()
