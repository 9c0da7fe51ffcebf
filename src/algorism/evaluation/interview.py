"""Ask a model questions and keep every answer: what all suites and the check-up do.

Knows the protocol of models, questions and records; grading reads the record afterwards, so that answers can be graded
again without being asked for again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends.protocol import Backend, Failure, Reply, Sampling
from algorism.evaluation.grading import Both
from algorism.evaluation.questions import Question, check_keys, data_hash
from algorism.evaluation.records import Answer, Record
from algorism.evaluation.statistics import Interval, wilson

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Graded:
    """An answer with its verdicts."""

    answer: Answer
    both: Both


@dataclass(frozen=True)
class Interview:
    """All answers of a run.

    Attributes:
        spec: which run it was.
        answers: in the order of the questions, samples together.
        failures: requests that got no answer; they are no wrong answers, and the same run asks them again.
        asked: requests made now; the others were in the record.
    """

    spec: dict[str, Any]
    answers: list[Answer]
    failures: list[Failure]
    asked: int

    def graded(self) -> list[Graded]:
        """Every answer with its strict and its lenient verdict."""
        return [Graded(a, a.question.grade(a.reply.text)) for a in self.answers]

    def accuracy(self, level: str = "strict") -> Interval:
        """Share of right answers among those that were given.

        Raises:
            DataError: there are none.
        """
        if not self.answers:
            raise DataError("No answer was given: every request failed. See the record's failures for the reasons.")
        right = sum(getattr(g.both, level).correct for g in self.graded())
        return wilson(right, len(self.answers))

    @property
    def cut(self) -> int:
        """Answers that ended because they were too long."""
        return sum(a.reply.finish == "length" for a in self.answers)


def interview(
    backend: Backend,
    questions: Sequence[Question],
    record: Path | str,
    *,
    sampling: Sampling | None = None,
    samples: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    data: Mapping[str, Any] | None = None,
) -> Interview:
    """Ask every question, each answer on disk as soon as it is there; what the record already has is not asked again.

    Args:
        backend: the model.
        questions: with unique keys.
        record: file of the answers; the same call on it continues a run that was stopped.
        sampling: greedy by default.
        samples: answers to each question; more than one only if answers are drawn at random.
        seed: of sampling.
        progress: called with the number of answers there are and are wanted.
        data: what stands for the questions in the record; by default a hash of them. For questions that become known
            one by one, as those of a conversation's later turns do.

    Raises:
        UsageError: several samples of greedy answers, which would all be equal.
        DataError: two questions under one key; a backend that answers what was not asked.
        CheckpointError: the record is of another run, or has answers to other questions under these keys.

    >>> import tempfile, pathlib
    >>> from algorism.evaluation.backends import scripted
    >>> questions = [Question(f"{a}+{a}", f"{a}+{a}=", str(2 * a)) for a in range(40)]
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.jsonl"
    >>> found = interview(scripted("dropped-carry"), questions, path)
    >>> found.accuracy().value, found.asked, interview(scripted("dropped-carry"), questions, path).asked
    (0.125, 40, 0)
    """
    sampling = sampling or Sampling()
    if samples < 1 or (samples > 1 and sampling.greedy):
        raise UsageError(
            f"samples={samples} with temperature {sampling.temperature}: expected one greedy answer to each question, "
            "or several at a temperature above 0."
        )
    check_keys(questions)
    spec = {
        "model": dict(backend.fingerprint()),
        "data": data_hash(questions) if data is None else dict(data),
        "questions": len(questions) if data is None else None,
        "sampling": sampling.to_json(),
        "samples": samples,
        "seed": seed,
    }
    by_key = {question.key: question for question in questions}
    with Record(record, spec) as file:
        there = {(answer.reply.key, answer.reply.sample): answer for answer in file.answers()}
        if data is not None:
            _check_questions(there.values(), by_key, file.path)
        missing = [
            question.request(sample, seed)
            for question in questions
            for sample in range(samples)
            if (question.key, sample) not in there
        ]
        wanted, failures = len(questions) * samples, []
        waiting = {(request.key, request.sample) for request in missing}
        if progress is not None:
            progress(len(there), wanted)
        for outcome in backend.generate(missing, sampling) if missing else ():
            who = (outcome.key, outcome.sample)
            if who not in waiting:
                raise DataError(f"{backend.name} answered {who}, which was not asked, or was answered before.")
            waiting.remove(who)
            file.add(by_key[outcome.key], outcome)
            if isinstance(outcome, Reply):
                there[who] = Answer(by_key[outcome.key], outcome)
            else:
                failures.append(outcome)
            if progress is not None:
                progress(len(there), wanted)
        failures += [Failure(*who, "the model gave neither an answer nor an error") for who in sorted(waiting)]
    return Interview(spec, _in_order(there, questions, samples), failures, len(missing))


def _check_questions(answers: Iterable[Answer], by_key: Mapping[str, Question], path: Path) -> None:
    """Refuse answers to questions that were other ones: of a conversation whose beginning was lost and made anew."""
    for answer in answers:
        asked = by_key.get(answer.reply.key)
        if asked is not None and data_hash([asked]) != data_hash([answer.question]):
            raise CheckpointError(
                f"{path} has an answer to another question under the key {answer.reply.key!r}: what came before it "
                "was answered otherwise then. Remove this file to ask again."
            )


def _in_order(there: dict[tuple[str, int], Answer], questions: Iterable[Question], samples: int) -> list[Answer]:
    keys = ((question.key, sample) for question in questions for sample in range(samples))
    return [there[who] for who in keys if who in there]
