"""Downloads on request: continued after a cut, and checked against the published checksum before they count.

Only sets whose files lie unchanged in a public place can be fetched; their rows have a `base`. Whoever sends the bytes,
a file enters the data folder only if its content has the checksum of its row.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ..errors import DataError
from .content import mismatch
from .places import SOURCES, VARIABLE, data_folders, existing, find
from .sources import File, Source, source_by_name

Progress = Callable[[str, int, int], None]

_BLOCK = 1 << 16
_PATIENCE = 30.0  # seconds without a byte


def download(name: str, folder: Path | str | None = None, progress: Progress | None = None) -> list[Path]:
    """Fetch the files of a data set that are not there yet, and check them.

    What a cut leaves behind (a file with .part in its name) is continued by the next call.

    Args:
        name: a data set.
        folder: the data folder; None for the one that ALGORISM_DATA names, else the user's cache.
        progress: called with the file's name, the bytes there and the bytes expected (0 where the server does not say).

    Returns:
        The paths of its files.

    Raises:
        UsageError: no set of that name.
        DataError: the set lies nowhere in this form, the server cannot be reached, the connection was cut, or what came
            is not the published file.
    """
    source = source_by_name(name, SOURCES, "data set")
    return _fetch_all(source, data_folders(folder)[0], progress)


def fetch_missing(source: Source, folder: Path | str | None = None) -> None:
    """Download a set, unless a data folder has it."""
    try:
        find(source, folder)
    except DataError:
        _fetch_all(source, data_folders(folder)[0], None)


def _fetch_all(source: Source, root: Path, progress: Progress | None) -> list[Path]:
    place = root / source.directory
    paths = []
    for file in source.files:
        there = existing(place / file.path)
        if there is not None and mismatch(there, file) is None:
            paths.append(there)
            continue
        if source.base is None:
            raise DataError(
                f"{source.title} ({source.name}) cannot be downloaded: no public place has it in this form. "
                f"Put {', '.join(file.path for file in source.files)} into {place}, "
                f"or set {VARIABLE} to a folder that holds {source.directory}/."
            )
        place.mkdir(parents=True, exist_ok=True)
        paths.append(_fetch(source.base + (file.remote or file.path), place / file.path, file, progress))
    return paths


def _fetch(url: str, target: Path, file: File, progress: Progress | None) -> Path:
    part = target.with_name(f"{target.stem}.part{target.suffix}")  # the ending says whether it is packed
    continued = _receive(url, part, file, progress)
    wrong = mismatch(part, file)
    if wrong and continued:  # the first bytes may be of an older file: once more, from the start
        part.unlink()
        _receive(url, part, file, progress)
        wrong = mismatch(part, file)
    if wrong:
        part.unlink()
        raise DataError(f"{url}: not the published {file.path}: {wrong}. Nothing was kept.")
    os.replace(part, target)
    return target


def _receive(url: str, part: Path, file: File, progress: Progress | None) -> bool:
    """Fetch what `part` lacks. Returns whether it was continued rather than begun."""
    have = part.stat().st_size if part.exists() else 0
    try:
        with _answer(url, have) as answer:
            continued = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if answer.status == 206 and not continued:
                part.unlink(missing_ok=True)
                raise DataError(f"{url}: asked for the bytes from {have:,} on, the server sent others. Try again.")
            _store(answer, url, part, have if continued else 0, file, progress)
            return continued
    except _NothingLeft:
        return True


class _NothingLeft(Exception):
    """The server has no bytes beyond those that are here."""


@contextmanager
def _answer(url: str, first: int) -> Iterator[HTTPResponse]:
    headers = {"User-Agent": "algorism"} | ({"Range": f"bytes={first}-"} if first else {})
    try:
        answer = urlopen(Request(url, headers=headers), timeout=_PATIENCE)
    except HTTPError as error:
        error.close()
        if error.code == 416 and first:
            raise _NothingLeft from error
        raise DataError(f"{url}: the server answers {error.code} ({error.reason}). The file may have moved.") from error
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{url} cannot be reached ({reason}). Without a network, bring the data by other means and set {VARIABLE} "
            "to the folder that holds it."
        ) from error
    with answer:
        yield answer


def _store(answer: HTTPResponse, url: str, part: Path, have: int, file: File, progress: Progress | None) -> None:
    length = answer.headers.get("Content-Length", "")
    total = have + int(length) if length.isdecimal() else 0
    most = file.bytes + file.bytes // 1000 + 4096  # what does not compress grows a little in a .gz
    if total > most:
        raise DataError(f"{url}: announces {total:,} bytes; {file.path} has at most {most:,}. Nothing was fetched.")
    with part.open("ab" if have else "wb") as stream:
        while block := _block(answer, url, have):
            have += len(block)
            if have > most:
                break
            stream.write(block)
            if progress is not None:
                progress(file.path, have, total)
    if have > most:
        part.unlink()
        raise DataError(f"{url}: sends more than the {most:,} bytes that {file.path} can have. Nothing was kept.")
    if have < total:
        raise _cut(url, have, f"of {total:,}")


def _block(answer: HTTPResponse, url: str, have: int) -> bytes:
    try:
        return answer.read(_BLOCK)
    except (OSError, HTTPException) as error:
        raise _cut(url, have, f"({error or type(error).__name__})") from error


def _cut(url: str, have: int, detail: str) -> DataError:
    return DataError(f"{url}: the connection was cut after {have:,} bytes {detail}. The same call continues there.")
