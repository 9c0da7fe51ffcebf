"""What a run of questions leaves on disk: one line per answer, appended as soon as the answer is there.

A record is a JSON-lines file. Its first line says which run it is: model, data, sampling. Every further line is an
answer with its question, or a failure. Lines are only ever appended, each by one write, so that a killed process leaves
whole lines and at most one cut one, which the next process removes. A record is continued by the same run only.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from algorism.errors import CheckpointError, DataError
from algorism.evaluation.backends.protocol import Failure, Reply
from algorism.evaluation.questions import Question

VERSION = 1
_SYNCED = 64  # lines between two flushes to the disk itself: a power cut may cost so many


@dataclass(frozen=True)
class Answer:
    """A line of a record: a question and what was answered to it."""

    question: Question
    reply: Reply

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        r = self.reply
        values = self.question.to_json() | {"sample": r.sample, "text": r.text, "finish": r.finish}
        return values | {"tokens": r.tokens, "seconds": round(r.seconds, 4)}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Answer":
        """The inverse of `to_json`."""
        reply = Reply(
            values["key"], values["sample"], values["text"], values["finish"], values["tokens"], values["seconds"]
        )
        return Answer(Question.from_json(values), reply)


class Record:
    """A record that is being written; only one process at a time may.

    Args:
        path: the file; made if it is not there.
        spec: which run this is, JSON-able.

    Raises:
        CheckpointError: the file is of another run, is no record, or is being written by another process.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.jsonl"
    >>> question = Question("a", "1+1=", "2")
    >>> with Record(path, {"model": "scripted:oracle"}) as record:
    ...     record.add(question, Reply("a", 0, "2"))
    >>> [answer.reply.text for answer in Record(path, {"model": "scripted:oracle"}).answers()]
    ['2']
    """

    def __init__(self, path: Path | str, spec: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._unsynced = 0
        try:
            self._lock()
            self._begin(json.loads(json.dumps(spec)))  # as it will be read back: tuples are lists
        except BaseException:
            os.close(self._stream)
            raise

    def answers(self) -> Iterator[Answer]:
        """The answers that are there, in the order in which they came."""
        return (line for line in read_record(self.path)[1] if isinstance(line, Answer))

    def add(self, question: Question, outcome: Reply | Failure) -> None:
        """Append an answer, or a failure."""
        if isinstance(outcome, Reply):
            self._append(Answer(question, outcome).to_json())
        else:
            key, sample, reason, attempts = outcome.key, outcome.sample, outcome.reason, outcome.attempts
            self._append({"failed": key, "sample": sample, "reason": reason, "attempts": attempts})

    def close(self) -> None:
        """Flush to the disk and let go of the file."""
        if self._stream >= 0:
            os.fsync(self._stream)
            os.close(self._stream)
            self._stream = -1

    def __enter__(self) -> "Record":
        """The record itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"{self.path} is being written by another process; wait for it or stop it.") from None

    def _begin(self, spec: dict[str, Any]) -> None:
        size = os.fstat(self._stream).st_size
        whole = _whole_lines(self.path)
        if whole < size:
            os.ftruncate(self._stream, whole)  # what a kill left of a line
        if not whole:
            self._append({"record": VERSION, "spec": spec})
            return
        found = read_spec(self.path)
        if found != spec:
            raise CheckpointError(
                f"{self.path} is of another run: {_difference(found, spec)}. Give another file, or remove it."
            )

    def _append(self, values: Mapping[str, Any]) -> None:
        line = (json.dumps(values, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
        while line:  # one write, unless the disk is nearly full
            line = line[os.write(self._stream, line) :]
        self._unsynced += 1
        if self._unsynced >= _SYNCED:
            os.fsync(self._stream)
            self._unsynced = 0


def read_spec(path: Path | str) -> dict[str, Any]:
    """Which run a record is of.

    Raises:
        CheckpointError: no record.
    """
    with Path(path).open(encoding="utf-8", errors="surrogatepass") as stream:
        head = _parsed(stream.readline())
    if not isinstance(head, dict) or head.get("record") != VERSION or not isinstance(head.get("spec"), dict):
        raise CheckpointError(f"{path} is no record of answers: its first line does not say so.")
    spec: dict[str, Any] = head["spec"]
    return spec


def read_record(path: Path | str) -> tuple[dict[str, Any], Iterator[Answer | Failure]]:
    """The run that a record is of, and its lines. Of several failures of one request all are given.

    Raises:
        CheckpointError: no record.
        DataError: a line in the middle that cannot be read.
    """
    return read_spec(path), _lines(Path(path))


def _lines(path: Path) -> Iterator[Answer | Failure]:
    with path.open(encoding="utf-8", errors="surrogatepass", newline="\n") as stream:
        stream.readline()
        for number, line in enumerate(stream, 2):
            if not line.endswith("\n"):
                return  # being written, or cut by a kill
            values = _parsed(line)
            try:
                if "failed" in values:
                    yield Failure(values["failed"], values["sample"], values["reason"], values["attempts"])
                else:
                    yield Answer.from_json(values)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f"{path}, line {number}: not a line of a record ({error!r}).") from error


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _whole_lines(path: Path) -> int:
    """Bytes up to the last line's end."""
    with path.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (1 << 16))
            stream.seek(start)
            at = stream.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for key in dict.fromkeys([*wanted, *found]):
        if found.get(key) != wanted.get(key):
            return f"its {key} is {_short(found.get(key))}, this run's is {_short(wanted.get(key))}"
    return "they differ"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."
