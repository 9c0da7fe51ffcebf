"""What a data set is: its files with sizes and checksums, its shape, classes and licence. The rows stand elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ..errors import UsageError, nearest


@dataclass(frozen=True)
class File:
    """A file of a data set.

    Args:
        path: name below the set's folder. A name in .gz may also lie there unpacked, without the ending.
        bytes, sha256: size and checksum of the content, which for a .gz is what comes out of it: the same images
            packed by another tool are the same data.
        remote: the file's name at its public origin, where it differs from `path`.
    """

    path: str
    bytes: int
    sha256: str
    remote: str = ""


@dataclass(frozen=True)
class Source:
    """What all data sets have in common.

    Args:
        name: the name it is asked for by.
        title: what it is, in a few words.
        licence: as stated by its publisher; "none stated" is not a permission.
        origin: who made it.
        note: what is missing, or was changed on the way here.
        base: address of the folder that holds the files unchanged; None if no such place is known.
        folder: folder below the data folder; by default the name.
    """

    name: str
    title: str
    licence: str
    origin: str
    note: str = ""
    base: str | None = None
    folder: str = ""

    @property
    def directory(self) -> str:
        """The set's folder below the data folder."""
        return self.folder or self.name

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of the set."""
        raise NotImplementedError


@dataclass(frozen=True)
class Part:
    """One of the sets of images that lie in files of their own.

    Args:
        count: how many images.
        files: images and labels (IDX), or one table that holds both (parquet).
    """

    count: int
    files: tuple[File, ...] = ()


@dataclass(frozen=True)
class ImageSource(Source):
    """A set of labelled images.

    Args:
        format: "idx", "parquet" (encoded JPEGs), "omniglot" (IDX with further columns) or "embedded" (scikit-learn).
        shape: (height, width), or (height, width, 3) for colour.
        classes: names in the order of the labels.
        parts: the published parts; "whole" where nobody divided the set.
        split: "given": parts are as published. For a "whole": "random" (a seeded fifth of each class is for testing),
            "tail" (the last fifth of each class is: later writers) or "test" (all of it is: nothing to train on).
        extra: further files, which only this set's own loader reads.
    """

    format: Literal["idx", "parquet", "omniglot", "embedded"] = "idx"
    shape: tuple[int, ...] = (28, 28)
    classes: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    split: Literal["given", "random", "tail", "test"] = "given"
    extra: tuple[File, ...] = ()

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of the set."""
        return tuple(file for part in self.parts.values() for file in part.files) + self.extra

    @property
    def count(self) -> int:
        """Images in all parts together."""
        return sum(part.count for part in self.parts.values())


@dataclass(frozen=True)
class TableSource(Source):
    """A table in one CSV file.

    Args:
        file: where it lies.
        rows: how many rows follow the header.
        columns: names in order, as the header has them.
        text: the columns that hold words; all others hold numbers.
        missing: the number that stands for an unknown one, besides an empty cell.
    """

    file: File = field(default_factory=lambda: File("", 0, ""))
    rows: int = 0
    columns: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    missing: float | None = None

    @property
    def files(self) -> tuple[File, ...]:
        """The one file."""
        return (self.file,)


@dataclass(frozen=True)
class TextSource(Source):
    """A running text, in one or more parts.

    Args:
        parts: file of each part, by the part's name.
    """

    parts: Mapping[str, File] = field(default_factory=dict)

    @property
    def files(self) -> tuple[File, ...]:
        """The file of every part."""
        return tuple(self.parts.values())


S = TypeVar("S", bound="Source")


def source_by_name(name: str, sources: Mapping[str, S], kind: str) -> S:
    """The row of that name.

    Raises:
        UsageError: there is none; the nearest is named.
    """
    if name not in sources:
        raise UsageError(f"No {kind} is called {name!r}. {nearest(str(name), sources)}")
    return sources[name]
