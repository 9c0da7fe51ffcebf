"""`algorism data`."""

import json as json_module
from pathlib import Path
from typing import Any

import typer

from ..datasets import DATASETS, SOURCES, TABLES, TEXTS, Source, available, find, mismatch
from ..errors import DataError, UsageError, nearest

DAMAGED = 1


def run_data(
    name: str | None = None,
    split: str | None = None,
    picture: Path | None = None,
    download: bool = False,
    folder: Path | None = None,
    json: bool = False,
) -> None:
    """List the data sets; or show one: its shape, its classes, a picture of it. May fetch it first."""
    if name is None:
        if download or picture is not None or split is not None:
            raise UsageError("data: --download, --picture and --split need the NAME of a set.")
        typer.echo(json_module.dumps([row(s, p) for s, p in _places(folder)]) if json else "\n".join(listing(folder)))
        return
    if name not in SOURCES:
        raise UsageError(f"No data set is called {name!r}. {nearest(name, SOURCES)}")
    if name not in DATASETS and (picture is not None or split is not None):
        raise UsageError(f"{name} holds no images: --picture and --split are for sets of images.")
    if download:
        _fetch(name, folder, quiet=json)
    facts = row(SOURCES[name], available(folder)[name]) | contents(name, split, picture, folder)
    differing = checked(name, folder)
    if json:
        typer.echo(json_module.dumps({**facts, "differs": differing}, ensure_ascii=False))
    else:
        typer.echo("\n".join(described(facts, differing)))
    if differing:
        raise typer.Exit(DAMAGED)


def row(source: Source, place: Path | None) -> dict[str, Any]:
    """What the table of sets says about one."""
    facts: dict[str, Any] = {
        "name": source.name,
        "title": source.title,
        "megabytes": round(sum(file.bytes for file in source.files) / 1e6, 1),
        "licence": source.licence,
        "origin": source.origin,
        "note": source.note,
        "downloadable": source.base is not None,
        "folder": None if place is None else str(place),
    }
    if source.name in DATASETS:
        images = DATASETS[source.name]
        facts |= {"images": images.count, "shape": list(images.shape)}
    elif source.name in TABLES:
        facts |= {"rows": TABLES[source.name].rows}
    return facts


def contents(name: str, split: str | None, picture: Path | None, folder: Path | None) -> dict[str, Any]:
    """Read the set and say what is in it; draw the contact sheet."""
    from ..datasets import contact_sheet, load, table, text, write_png

    if name in TABLES:
        columns = table(name, folder=folder)
        return {"rows": len(columns), "unknown": columns.unknown()}
    if name in TEXTS:
        parts = {part: text(name, part, folder=folder) for part in TEXTS[name].parts}
        return {"characters": {part: len(content) for part, content in parts.items()}}
    images = load(name, split, folder=folder)
    if picture is not None:
        write_png(picture, contact_sheet(images))
    return {
        "split": images.split,
        "images": len(images),
        "shape": list(images.pixels.shape[1:]),
        "counts": images.counts(),
        "picture": None if picture is None else str(picture),
    }


def checked(name: str, folder: Path | None) -> dict[str, str]:
    """Files of the set that are there, but whose content is not the published one."""
    problems = {}
    for file in SOURCES[name].files:
        try:
            (path,) = find(SOURCES[name], folder, [file])
        except DataError:
            continue  # only a part of the set was brought, and read
        wrong = mismatch(path, file)
        if wrong is not None:
            problems[str(path)] = wrong
    return problems


def listing(folder: Path | None) -> list[str]:
    """Print one line per set."""
    lines = [f"{'name':<24}{'size':<26}{'where':<12}{'licence':<24}what"]
    for source, place in _places(folder):
        facts = row(source, place)
        where = "here" if place else "download" if source.base else "bring it"
        lines.append(f"{source.name:<24}{_size(facts):<26}{where:<12}{source.licence[:22]:<24}{source.title}")
    roots = sorted({str(place.parent) for source, place in _places(folder) if place and source.files})
    return [
        *lines,
        "",
        *[f"here: {root}" for root in roots],
        "licence: as stated by the publisher; none stated is no permission.",
    ]


def _size(facts: dict[str, Any]) -> str:
    if "images" in facts:
        return f"{facts['images']:,} × " + "×".join(map(str, facts["shape"]))
    return f"{facts['rows']:,} rows" if "rows" in facts else f"{facts['megabytes']} MB of text"


def described(facts: dict[str, Any], differing: dict[str, str]) -> list[str]:
    """Say in lines what one set holds."""
    lines = [f"{facts['name']}: {facts['title']}", f"  by       {facts['origin']}", f"  licence  {facts['licence']}"]
    if facts["note"]:
        lines.append(f"  note     {facts['note']}")
    lines.append(f"  folder   {facts['folder']}")
    if "counts" in facts:
        lines.append(f"  {facts['split']:<8} {_size(facts)}, {len(facts['counts'])} classes")
        width = max(len(name) for name in facts["counts"])
        lines += [f"    {name:<{width}}  {n:>6,}" for name, n in facts["counts"].items()]
    elif "rows" in facts:
        lines.append(f"  rows     {facts['rows']:,}; unknown values by column:")
        width = max(len(name) for name in facts["unknown"])
        lines += [f"    {name:<{width}}  {n:>9,}" for name, n in facts["unknown"].items()]
    else:
        lines += [f"  {part:<8} {n:,} characters" for part, n in facts["characters"].items()]
    lines += [f"  differs from what was published: {path}: {problem}" for path, problem in differing.items()]
    return lines + ([facts["picture"]] if facts.get("picture") else [])


def _places(folder: Path | None) -> list[tuple[Source, Path | None]]:
    return [(SOURCES[name], place) for name, place in available(folder).items()]


def _fetch(name: str, folder: Path | None, quiet: bool) -> None:
    from ..datasets import download
    from .progress import progress_bar

    with progress_bar(quiet) as bar:
        task = bar.add_task(name, total=None, note="")
        download(
            name, folder, lambda file, have, total: bar.update(task, completed=have, total=total or None, note=file)
        )
