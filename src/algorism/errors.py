"""The errors this package raises on purpose. Each message says what was expected, what was got and what to do."""

import difflib
from collections.abc import Iterable


class AlgorismError(Exception):
    """Base of every error that is the user's to mend; the command line prints it without a traceback."""


class UsageError(AlgorismError):
    """A wrong argument, an unknown name, a combination that cannot work."""


class RecipeError(UsageError):
    """A recipe file that cannot be read: unknown key, wrong type, impossible value."""


class ShapeError(AlgorismError):
    """Tensors or sizes that do not fit together."""


class DataError(AlgorismError):
    """Data that cannot be had as asked: too few distinct problems, a damaged file, characters outside the alphabet."""


class TrainingError(AlgorismError):
    """Training that cannot go on."""


class CheckpointError(AlgorismError):
    """A run folder or checkpoint that is damaged, incomplete, or must not be overwritten."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is meant, as the tail of an error message.

    >>> nearest("learning_rat", ["learning_rate", "batch"])
    "Nearest known: 'learning_rate'."
    >>> nearest("xyz", ["plain", "reverse"])
    "Known: 'plain', 'reverse'."
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"Nearest known: {close[0]!r}."
    return "Known: " + ", ".join(repr(n) for n in names) + "."
