"""Asking on behalf of a check-up: every answer on disk at once, nothing asked twice, answers graded at both levels."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType

from algorism.errors import CheckpointError, DataError
from algorism.evaluation.backends.protocol import Backend, Reply, Sampling
from algorism.evaluation.checkup.items import Item
from algorism.evaluation.checkup.styles import Style
from algorism.evaluation.questions import Question
from algorism.evaluation.reading import Reading
from algorism.evaluation.records import Answer, Record

VERSION = 2  # of the questions: a record of another version is not continued
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """A question that is wanted: an item in a style, under a key of its own."""

    key: str
    item: Item
    style: Style
    examples: tuple[Item, ...] = ()

    def question(self) -> Question:
        """As it stands in the record."""
        prompt = self.style.write(self.item, self.examples)
        item, facts = self.item, {"style": self.style.name}
        # "6/7" answers no sum of 6/7 and 7/6, but may well be the larger of the two.
        repeated = None if item.answer in item.numbers else item.formula
        reading = Reading(self.style.backwards, item.separated, item.exact_text, repeated)
        return Question(self.key, prompt, item.answer, item.kind, None, facts, reading)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        asked: the question.
        reply: the answer; None for a failure, which is no wrong answer.
        strict: the answer is right and written as asked.
        right: a careful reader finds the right answer in it.
        value: what was read, written out; None if nothing could be read.
        reason: of a failure.
    """

    asked: Asked
    reply: Reply | None
    strict: bool = False
    right: bool = False
    value: str | None = None
    reason: str = ""

    @property
    def unparsed(self) -> bool:
        """An answer in which no number was found."""
        return self.reply is not None and self.value is None

    @property
    def cut(self) -> bool:
        """An answer that was too long."""
        return self.reply is not None and self.reply.finish == "length"


class Session:
    """A record and the model whose answers it holds.

    Args:
        backend: the model.
        path: of the record; one that is there is continued if it is of the same model and seed.
        seed: of the questions.
        extra_tokens: more room for every answer, for models that think aloud.
        progress: called with answers there are, and questions there may be.

    Raises:
        CheckpointError: the record is of another check-up.
    """

    def __init__(
        self,
        backend: Backend,
        path: Path,
        *,
        seed: int = 0,
        extra_tokens: int = 0,
        most: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self.backend, self.seed, self.extra, self.most, self.progress = backend, seed, extra_tokens, most, progress
        self.spec = {"checkup": VERSION, "model": dict(backend.fingerprint()), "seed": seed, "extra": extra_tokens}
        self.record = Record(path, self.spec)
        self.there: dict[str, Answer] = {answer.reply.key: answer for answer in self.record.answers()}
        self.outcomes: dict[str, Outcome] = {}
        self.new = 0

    def __enter__(self) -> "Session":
        """The session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the record."""
        self.record.close()

    def ask(self, wanted: Sequence[Asked]) -> list[Outcome]:
        """Outcomes of questions, in their order; those with an answer already are not asked again.

        Raises:
            DataError: the model answers what was not asked.
        """
        missing = [asked for asked in wanted if asked.key not in self.outcomes]
        fresh = [asked for asked in missing if not self._known(asked)]
        self._tell()
        for sampling, group in groupby(sorted(fresh, key=self._order), key=self._sampling):
            self._generate(list(group), sampling)
        return [self.outcomes[asked.key] for asked in wanted]

    def _order(self, asked: Asked) -> tuple[int, tuple[str, ...]]:
        sampling = self._sampling(asked)
        return sampling.max_tokens, sampling.stop

    def _sampling(self, asked: Asked) -> Sampling:
        return Sampling(max_tokens=asked.style.tokens(asked.item) + self.extra, stop=asked.style.stop)

    def _known(self, asked: Asked) -> bool:
        answer = self.there.get(asked.key)
        if answer is None:
            return False
        if answer.question != asked.question():
            raise CheckpointError(
                f"{self.record.path}: question {asked.key!r} was another one when this record was made. "
                "Give another folder."
            )
        self.outcomes[asked.key] = graded(asked, answer.reply)
        return True

    def _generate(self, wanted: Sequence[Asked], sampling: Sampling) -> None:
        waiting = {asked.key: asked for asked in wanted}
        questions = {asked.key: asked.question() for asked in wanted}
        requests = [question.request(0, self.seed) for question in questions.values()]
        for outcome in self.backend.generate(requests, sampling):
            asked = waiting.pop(outcome.key, None)
            if asked is None:
                raise DataError(f"{self.backend.name} answered {outcome.key!r}, which was not asked, or was answered.")
            self.record.add(questions[outcome.key], outcome)
            self.new += 1
            if isinstance(outcome, Reply):
                self.outcomes[asked.key] = graded(asked, outcome)
            else:
                self.outcomes[asked.key] = Outcome(asked, None, reason=outcome.reason)
            self._tell()
        for key, asked in waiting.items():
            self.outcomes[key] = Outcome(asked, None, reason="the model gave neither an answer nor an error")

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.outcomes), self.most)


def graded(asked: Asked, reply: Reply) -> Outcome:
    """Grade an answer.

    Right is what a careful reader would accept. Strict is the bare answer and nothing else; of scientific notation,
    which has one right text, that text.
    """
    question = asked.question()
    both = question.grade(reply.text)
    strict, right = both.strict.correct, both.lenient.correct or both.strict.correct
    value = both.lenient.extracted if both.lenient.value is not None else None
    return Outcome(asked, reply, strict, right, value if not strict else question.gold)


def failures(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How often each reason of a failure occurred, the most frequent first."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.reply is None:
            counts[outcome.reason] = counts.get(outcome.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda row: -row[1]))
