"""Running texts by name."""

from pathlib import Path

from ..errors import DataError, UsageError
from .content import mismatch
from .downloading import fetch_missing
from .places import find
from .sources import source_by_name
from .table_sources import TEXTS


def text(name: str, part: str | None = None, *, folder: Path | str | None = None, download: bool = False) -> str:
    """Read a text.

    A text has no header that could be checked, so its checksum is.

    Args:
        name: a name of `TEXTS`.
        part: which part, of a text that has several.
        folder: as for `load`.
        download: as for `load`.

    Raises:
        UsageError: no text or part of that name.
        DataError: the file is not there, or is not the published one.
    """
    source = source_by_name(name, TEXTS, "text")
    if part is None and len(source.parts) == 1:
        (part,) = source.parts
    if part is None or part not in source.parts:
        raise UsageError(f"{name}: name one of its parts {', '.join(map(repr, source.parts))}; got {part!r}.")
    file = source.parts[part]
    if download:
        fetch_missing(source, folder)
    (path,) = find(source, folder, [file])
    wrong = mismatch(path, file)
    if wrong:
        raise DataError(f"{path}: not the published text: {wrong}. Were its line ends changed?")
    return path.read_bytes().decode("utf-8")
