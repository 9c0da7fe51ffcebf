"""Grade the answers of a record again, and compare two records question by question. No model is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorism.errors import DataError
from algorism.evaluation.compare import Comparison, compare
from algorism.evaluation.grading import LEVELS, Level
from algorism.evaluation.records import Answer, read_record
from algorism.evaluation.statistics import Interval, wilson


@dataclass(frozen=True)
class Rescored:
    """A record under today's grader.

    Attributes:
        spec: which run it is of.
        accuracy: level to share of right answers, with its interval.
        disagree: answers that only one level calls right.
        unread: answers in which neither level finds anything.
        cut: answers that ended because they were too long.
        failures: requests without an answer; they are no wrong answers.
        rows: for each answer its key, sample, response, right answer, and for each level verdict, value and reason.
    """

    spec: dict[str, Any]
    accuracy: dict[str, Interval]
    disagree: int
    unread: int
    cut: int
    failures: int
    rows: list[dict[str, Any]]


def rescore(path: Path | str) -> Rescored:
    """Grade every answer of a record.

    Raises:
        CheckpointError: no record.
        DataError: it holds no answer, or a line that cannot be read.
    """
    spec, lines = read_record(path)
    rows, failed, cut = [], set(), 0
    for line in lines:
        if not isinstance(line, Answer):
            failed.add((line.key, line.sample))
            continue
        question, reply = line.question, line.reply
        both = question.grade(reply.text)
        row: dict[str, Any] = {"key": question.key, "sample": reply.sample, "text": reply.text, "gold": question.gold}
        for level in LEVELS:
            found = getattr(both, level)
            row[level] = {"correct": found.correct, "extracted": found.extracted, "reason": found.reason}
        rows.append(row)
        cut += reply.finish == "length"
    if not rows:
        raise DataError(f"{path} holds no answer yet; the command that began it continues it.")
    answered = {(row["key"], row["sample"]) for row in rows}
    return Rescored(
        spec,
        {level: wilson(sum(row[level]["correct"] for row in rows), len(rows)) for level in LEVELS},
        sum(row["strict"]["correct"] != row["lenient"]["correct"] for row in rows),
        sum(row["strict"]["extracted"] is None and row["lenient"]["extracted"] is None for row in rows),
        cut,
        len(failed - answered),
        rows,
    )


def compare_records(a: Path | str, b: Path | str, *, level: Level = "lenient", seed: int = 0) -> Comparison:
    """Compare two records on the questions (and samples) both have: McNemar's exact test and a paired bootstrap.

    Raises:
        CheckpointError: no record.
        DataError: a record without answers, or two that share no question.
    """
    return compare(_outcomes(rescore(a), level), _outcomes(rescore(b), level), seed=seed)


def _outcomes(found: Rescored, level: Level) -> Iterator[dict[str, Any]]:
    for row in found.rows:
        # A question is the same one only if its right answer is: two versions of a set may share keys.
        yield {"key": f"{row['key']}#{row['sample']}={row['gold']}", "correct": row[level]["correct"]}
