"""Ask counting questions in several ways, and sum the answers up.

One file per way of asking lies beside the record: strategies differ in how answers are drawn and how many turns there
are, and a record is of one run. All of them continue after a kill.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from algorism.evaluation.backends.protocol import Backend
from algorism.evaluation.interview import Interview, Progress, interview
from algorism.evaluation.questions import Question
from algorism.evaluation.records import Answer
from algorism.evaluation.statistics import Interval, wilson
from algorism.evaluation.suites.counting.reading import Reading, majority, read
from algorism.evaluation.suites.counting.strategies import program_output, refinement, strategy
from algorism.evaluation.suites.counting.tasks import TASKS, best_constant
from algorism.evaluation.turns import conversations


def strategy_path(record: Path | str, how: str) -> Path:
    """The file of one way of asking: the record itself for a single greedy answer, a file beside it for others.

    >>> strategy_path("a.jsonl", "open").name, strategy_path("a.jsonl", "refine").name
    ('a.jsonl', 'a.refine.jsonl')
    """
    path, way = Path(record), strategy(how)
    return path if way.samples == 1 and not way.turns else path.with_name(f"{path.stem}.{how}{path.suffix}")


def ask(
    backend: Backend,
    questions: Sequence[Question],
    record: Path | str,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Interview:
    """Ask every question in the way it says.

    Args:
        backend: the model.
        questions: of `strategies.questions`.
        record: file of the answers; votes and conversations have files beside it (`strategy_path`).
        seed: of sampling.
        progress: called with answers there are and answers wanted.

    Returns:
        The answers that count: of conversations those of the last turn, of votes all samples; and all failures.
    """
    parts: dict[Path, list[Question]] = {}
    for one in questions:
        parts.setdefault(strategy_path(record, one.facts["strategy"]), []).append(one)
    sizes = {path: _requests(part) for path, part in parts.items()}
    done_before, whole = 0, sum(sizes.values())
    found: list[Interview] = []
    for path, part in parts.items():
        tell = _shifted(progress, done_before, whole)
        way = strategy(part[0].facts["strategy"])
        if way.turns:
            turns = conversations(backend, part, path, [_feedback, _refine], sampling=way.sampling, seed=seed,
                                  progress=tell)  # fmt: skip
            failures = [failure for turn in turns for failure in turn.failures]
            asked = sum(turn.asked for turn in turns)
            found.append(Interview(turns[0].spec, turns[-1].answers, failures, asked))
        else:
            found.append(
                interview(backend, part, path, sampling=way.sampling, samples=way.samples, seed=seed, progress=tell)
            )
        done_before += sizes[path]
    spec = {path.name: one.spec for path, one in zip(parts, found, strict=True)}
    answers = [answer for one in found for answer in one.answers]
    failures = [failure for one in found for failure in one.failures]
    return Interview(spec, answers, failures, sum(one.asked for one in found))


def requests(questions: Sequence[Question]) -> int:
    """How many requests `ask` makes for these questions."""
    return sum(_requests([one]) for one in questions)


def _feedback(answer: Answer) -> str:
    return refinement(answer.question.facts["task"])[0]


def _refine(answer: Answer) -> str:
    return refinement(answer.question.facts["task"])[1]


def _requests(part: Sequence[Question]) -> int:
    way = strategy(part[0].facts["strategy"])
    return len(part) * way.samples * (3 if way.turns else 1)


def _shifted(progress: Progress | None, before: int, whole: int) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, wanted: progress(before + done, whole)


@dataclass(frozen=True)
class Scored:
    """One question with everything that was answered to it.

    Attributes:
        question: what was asked.
        reading: of the answer that counts: the only one, or the vote.
        cut: whether an answer that counts was too long and ended early.
    """

    question: Question
    reading: Reading
    cut: bool


def scored(answers: Iterable[Answer]) -> list[Scored]:
    """Read all answers; samples of one question vote, programs are run.

    Raises:
        AlgorismError: there are programs, and this system cannot confine them.
    """
    by_question: dict[str, list[Answer]] = {}
    for answer in answers:
        by_question.setdefault(answer.question.key, []).append(answer)
    return [_score(some) for some in by_question.values()]


def _score(answers: Sequence[Answer]) -> Scored:
    asked = answers[0].question
    kind, way = TASKS[asked.facts["task"]].answers, strategy(asked.facts["strategy"])
    texts = [answer.reply.text for answer in answers]
    if way.program:
        texts = [program_output(text) for text in texts]
    readings = [read(text, asked.gold, kind) for text in texts]
    cut = any(answer.reply.finish == "length" for answer in answers)
    if len(readings) == 1:
        return Scored(asked, readings[0], cut)
    vote = majority([reading.answer for reading in readings])
    chosen = next((reading for reading in readings if reading.answer == vote), readings[0])
    return Scored(asked, chosen, cut)


@dataclass(frozen=True)
class Cell:
    """Answers of one kind, summed up.

    Attributes:
        accuracy: of a careful reader.
        paper: by the paper's rule.
        strict: in the declared form.
        unread: answers in which nothing could be read.
        cut: answers that ended early.
        constant: the one answer that is right most often, and how often; what a model can get without reading.
        by_gold: right answer → accuracy where it is right.
    """

    accuracy: Interval
    paper: Interval
    strict: Interval
    unread: int
    cut: int
    constant: tuple[str, float]
    by_gold: Mapping[str, Interval]


def cell(some: Sequence[Scored]) -> Cell:
    """Sum up answers to at least one question."""
    n = len(some)
    by_gold: dict[str, list[bool]] = {}
    for one in some:
        by_gold.setdefault(one.question.gold, []).append(one.reading.correct)
    return Cell(
        wilson(sum(one.reading.correct for one in some), n),
        wilson(sum(one.reading.paper for one in some), n),
        wilson(sum(one.reading.strict for one in some), n),
        sum(one.reading.answer is None for one in some),
        sum(one.cut for one in some),
        best_constant([one.question.gold for one in some]),
        {gold: wilson(sum(right), len(right)) for gold, right in sorted(by_gold.items())},
    )


def cells(some: Iterable[Scored], *facts: str) -> dict[tuple[str, ...], Cell]:
    """Sum up by some facts of the questions, such as "strategy" and "task"."""
    groups: dict[tuple[str, ...], list[Scored]] = {}
    for one in some:
        groups.setdefault(tuple(str(one.question.facts[fact]) for fact in facts), []).append(one)
    return {name: cell(group) for name, group in groups.items()}
