"""Where data lies: a folder that is given, the one named by ALGORISM_DATA, or the user's cache."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from .image_sources import DATASETS
from .sources import File, Source
from .table_sources import TABLES, TEXTS

VARIABLE = "ALGORISM_DATA"
SOURCES: dict[str, Source] = {**DATASETS, **TABLES, **TEXTS}


def cache_folder() -> Path:
    """The user's own data folder: algorism/data in XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "algorism" / "data"


def data_folders(folder: Path | str | None = None) -> list[Path]:
    """The folders to look in, in order. A folder that is given is the only one."""
    if folder is not None:
        return [Path(folder).expanduser()]
    named = os.environ.get(VARIABLE, "")
    return [*([Path(named).expanduser()] if named else []), cache_folder()]


def existing(path: Path) -> Path | None:
    """The file, or its unpacked form if it is a .gz and only that is there."""
    unpacked = path.with_suffix("") if path.suffix == ".gz" else path
    return path if path.is_file() else unpacked if unpacked.is_file() else None


def find(source: Source, folder: Path | str | None = None, files: Sequence[File] | None = None) -> list[Path]:
    """The paths of a set's files, from the first folder that has them all.

    Args:
        source: the data set.
        folder: the data folder; None looks where ALGORISM_DATA says, then in the user's cache.
        files: those that are needed; None for all.

    Raises:
        DataError: not there; says what was looked for, where, and what to do.
    """
    needed = source.files if files is None else files
    looked = []
    for root in data_folders(folder):
        place = root / source.directory
        paths = [existing(place / file.path) for file in needed]
        if None not in paths:
            return [path for path in paths if path is not None]
        lacking = [file.path for file, path in zip(needed, paths, strict=True) if path is None]
        looked.append(f"{place} lacks {', '.join(lacking)}" if place.is_dir() else f"{place} is no folder")
    if source.base is None:
        remedy = f"It cannot be downloaded; set {VARIABLE} to a folder that holds it as {source.directory}/."
    else:
        remedy = f"Set {VARIABLE} to a folder that holds it, or run: algorism data {source.name} --download"
    raise DataError(f"{source.title} ({source.name}) was not found: {'; '.join(looked)}. {remedy}")


def available(folder: Path | str | None = None) -> dict[str, Path | None]:
    """Every data set by name, and the folder where all of its files are; None where they are not.

    An embedded set needs no file: its place is the folder of the package it comes with.
    """
    found: dict[str, Path | None] = {}
    for name, source in SOURCES.items():
        places = (root / source.directory for root in data_folders(folder))
        found[name] = next((p for p in places if all(existing(p / file.path) for file in source.files)), None)
    found["digits"] = _embedded()
    return found


def _embedded() -> Path | None:
    from importlib.util import find_spec

    package = find_spec("sklearn")  # found without being imported
    return Path(package.origin).parent / "datasets" / "data" if package and package.origin else None
