"""Asking the model that a person handed to a study (`--model`), with a record that survives a kill."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from .runner import given, note, work_folder

if TYPE_CHECKING:
    from ..evaluation.backends.protocol import Sampling
    from ..evaluation.questions import Question
    from ..evaluation.records import Answer


def answers(
    asked: "Sequence[Question]", sampling: "Sampling", seed: int = 0, name: str = "answers"
) -> "list[Answer] | None":
    """The answers of the model that was handed over; None if there is none.

    Args:
        asked: the questions.
        sampling: how answers are drawn.
        seed: of drawing.
        name: of the record; each set of questions needs its own.

    Raises:
        DataError: some requests got no answer; the same command asks them again.
    """
    from ..evaluation.backends.names import backend
    from ..evaluation.interview import interview

    spec = given("model")
    if spec is None:
        return None
    note(f"{len(asked):,} questions to {spec}")
    folder = work_folder() or Path(tempfile.mkdtemp())
    found = interview(backend(spec), asked, folder / f"{name}.jsonl", sampling=sampling, seed=seed)
    if found.failures:
        raise DataError(
            f"{len(found.failures)} of {len(asked)} requests got no answer ({found.failures[0].reason}). "
            "The same command asks these again."
        )
    return found.answers
