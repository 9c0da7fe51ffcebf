"""`algorism rescore` and `algorism compare`."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ..errors import UsageError, nearest

if TYPE_CHECKING:
    from ..evaluation.grading import Level

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def rescore(
    record: Annotated[Path, typer.Argument(help="A file of answers, as ask, suite and checkup write them.")],
    out: Annotated[Path | None, typer.Option(help="Write every answer with its verdicts to this JSONL file.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Also print so many wrong answers.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Grade the answers of a record again, strictly and leniently. No model is asked.

    Example: algorism rescore asked/addition-8/hf-my-model.jsonl --show 5
    """
    from ..evaluation.rescoring import rescore as grade_again
    from ..files import write_text

    found = grade_again(record)
    if out is not None:
        write_text(out, "".join(json_module.dumps(row, ensure_ascii=False) + "\n" for row in found.rows))
    counts = {"answers": len(found.rows), "disagree": found.disagree, "unread": found.unread}
    counts |= {"cut": found.cut, "failures": found.failures}
    wrong = [row for row in found.rows if not row["lenient"]["correct"]][:show]
    if json:
        values = {level: interval.to_json() for level, interval in found.accuracy.items()}
        typer.echo(json_module.dumps({"record": str(record), **counts, **values, "wrong": wrong}))
        return
    for level, value in found.accuracy.items():
        typer.echo(f"{level:8} {value.value:6.1%}  ({value.low:.1%} to {value.high:.1%})")
    typer.echo(
        f"{counts['answers']:,} answers: the levels disagree on {found.disagree:,}, nothing could be read in "
        f"{found.unread:,}, {found.cut:,} were cut short; {found.failures:,} requests failed."
    )
    for row in wrong:
        typer.echo(f"{row['key']}: expected {row['gold']}, got {row['text'][:200]!r} ({row['lenient']['reason']})")
    if out is not None:
        typer.echo(out)


def compare(
    a: Annotated[Path, typer.Argument(help="A record of answers.")],
    b: Annotated[Path, typer.Argument(help="Another, to the same questions.")],
    level: Annotated[str, typer.Option(help="strict or lenient.")] = "lenient",
    show: Annotated[int, typer.Option(min=0, help="Also print so many questions that only one got right.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Compare two records question by question: difference with interval, and McNemar's exact test.

    Example: algorism compare before.jsonl after.jsonl
    """
    from ..evaluation.rescoring import compare_records

    if level not in ("strict", "lenient"):
        raise UsageError(f"compare: there is no level {level!r}. {nearest(level, ('strict', 'lenient'))}")
    found = compare_records(a, b, level=cast("Level", level))
    if json:
        typer.echo(json_module.dumps({"a": str(a), "b": str(b), "level": level} | {"comparison": found.to_json()}))
        return
    for name, share in (("A", found.a), ("B", found.b)):
        typer.echo(f"{name}      {share.value:6.1%}  ({share.low:.1%} to {share.high:.1%})  {a if name == 'A' else b}")
    d, test = found.difference, found.test
    typer.echo(f"A - B  {d.value:+6.1%}  ({d.low:+.1%} to {d.high:+.1%}), {found.a.n:,} questions that both were asked")
    typer.echo(f"Only A right: {test.only_a:,}; only B right: {test.only_b:,}; McNemar's exact test: p = {test.p:.3g}.")
    if found.unmatched_a or found.unmatched_b:
        typer.echo(f"Left out: {found.unmatched_a:,} questions only A was asked, {found.unmatched_b:,} only B was.")
    for name, keys in (("only A right", found.wins), ("only B right", found.losses)):
        for key in keys[:show]:
            typer.echo(f"{name}: {key}")
