"""What `algorism suite` must know of a set of questions: which are asked, how, and what is said of the answers.

Imported by the command line, so that nothing heavy may be imported here outside functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ...evaluation.backends.protocol import Backend, Sampling
    from ...evaluation.interview import Interview, Progress
    from ...evaluation.questions import Question


@dataclass(frozen=True)
class Choice:
    """What was typed.

    Args:
        tasks: names after --tasks; none for all.
        lengths: after --lengths; None for the suite's own.
        n: questions of each task and length.
        seed: of the questions.
        model: as it was typed, e.g. "hf:./my-model"; a few questions only make sense for some kinds.
    """

    tasks: tuple[str, ...]
    lengths: tuple[int, ...] | None
    n: int
    seed: int
    model: str = ""


@dataclass(frozen=True)
class Table:
    """One table for people; the first column is text, all others are numbers, aligned on the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Report:
    """What is said of all answers.

    Args:
        values: for --json, beside the model, the record and the counts.
        tables: for people.
        notes: sentences below the tables.
    """

    values: dict[str, Any]
    tables: Sequence[Table]
    notes: Sequence[str] = field(default_factory=tuple)


def as_long_as_answers(asked: "Sequence[Question]") -> "Sampling":
    """Greedy answers, up to twice as long as the longest right one."""
    from ...evaluation.backends.protocol import Sampling

    return Sampling(max_tokens=2 * max(len(question.gold) for question in asked) + 8)


@dataclass(frozen=True)
class Suite:
    """One set of questions.

    Args:
        about: what it asks, for the help text.
        questions: those that are asked; none if nothing fits what was typed.
        report: what is said of the answers.
        sampling: how answers are drawn.
        samples: answers to each question; more than one only at a temperature above 0.
        ask: asks them in a way of its own: model, questions, record, seed, progress; None for one plain interview.
        requests: how many requests `ask` makes for these questions.
    """

    about: str
    questions: "Callable[[Choice], list[Question]]"
    report: "Callable[[Interview], Report]"
    sampling: "Callable[[Sequence[Question]], Sampling]" = as_long_as_answers
    samples: int = 1
    ask: "Callable[[Backend, Sequence[Question], Path, int, Progress], Interview] | None" = None
    requests: "Callable[[Sequence[Question]], int] | None" = None

    def wanted(self, asked: "Sequence[Question]") -> int:
        """How many requests these questions make."""
        return len(asked) * self.samples if self.requests is None else self.requests(asked)
