"""Conversations of several turns: what is asked next contains what was answered before.

Every turn is an interview with a record of its own: FILE for the first, FILE with ".turn2" before its suffix for the
second, and so on. A stopped run continues: answers that are there are never asked for again, and the next turn of an
answer is always about the answer that is in the record. Requests that failed leave their conversation at that turn
until the same command asks again.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from algorism.evaluation.backends.protocol import Backend, Message, Sampling, as_messages
from algorism.evaluation.interview import Interview, Progress, interview
from algorism.evaluation.questions import Question, data_hash
from algorism.evaluation.records import Answer

Next = str | Callable[[Answer], str]  # what the user says next, or a function of the last answer


def turn_path(record: Path | str, turn: int) -> Path:
    """The file of a turn, counted from 1.

    >>> str(turn_path("runs/a.jsonl", 1)), str(turn_path("runs/a.jsonl", 2))
    ('runs/a.jsonl', 'runs/a.turn2.jsonl')
    """
    path = Path(record)
    return path if turn == 1 else path.with_name(f"{path.stem}.turn{turn}{path.suffix}")


def follow_up(answer: Answer, then: Next, turn: int) -> Question:
    """The question of the next turn: the conversation so far, the answer, and what the user says to it.

    Its key names the question and the sample; gold, kind, marker and facts stay.

    >>> from algorism.evaluation.backends.protocol import Reply
    >>> asked = follow_up(Answer(Question("a", "1+1=", "2"), Reply("a", 0, "3")), "Are you sure?", 2)
    >>> asked.key, [(m.role, m.content) for m in asked.prompt]
    ('a#0/turn2', [('user', '1+1='), ('assistant', '3'), ('user', 'Are you sure?')])
    """
    key = answer.question.key
    conversation = key.removesuffix(f"/turn{turn - 1}") if turn > 2 else f"{key}#{answer.reply.sample}"
    said = then if isinstance(then, str) else then(answer)
    prompt = (
        *as_messages(answer.question.prompt),
        Message("assistant", answer.reply.text),
        Message("user", said),
    )
    facts = {**answer.question.facts, "turn": turn}
    return dataclasses.replace(answer.question, key=f"{conversation}/turn{turn}", prompt=prompt, facts=facts)


def conversations(
    backend: Backend,
    questions: Sequence[Question],
    record: Path | str,
    then: Sequence[Next],
    *,
    sampling: Sampling | None = None,
    samples: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Interview]:
    """Ask questions, and then what follows from the answers, turn by turn.

    Args:
        backend: the model.
        questions: of the first turn.
        record: file of the first turn's answers; later turns are beside it (`turn_path`).
        then: what the user says in the second turn, the third, and so on.
        sampling: of every turn.
        samples: conversations for each question.
        seed: of sampling.
        progress: called with answers there are and answers wanted, of all turns together.

    Returns:
        One interview per turn; the last one's answers end the conversations.

    Raises:
        UsageError, DataError, CheckpointError: as `interview`.

    >>> import tempfile, pathlib
    >>> from algorism.evaluation.backends import scripted
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.jsonl"
    >>> asked = [Question("a", "1+1=", "2")]
    >>> found = conversations(scripted("oracle"), asked, path, ["Check it.", "Your last word?"])
    >>> len(found), found[2].answers[0].reply.text, len(found[2].answers[0].question.prompt)
    (3, '2', 5)
    """
    turns, whole = 1 + len(then), len(questions) * samples
    known = {"first": data_hash(questions), "turns": turns}  # later questions depend on answers

    def report(turn: int) -> Progress | None:
        return None if progress is None else lambda done, wanted: progress(turn * whole + done, turns * whole)

    first = interview(backend, questions, record, sampling=sampling, samples=samples, seed=seed, progress=report(0))
    found = [first]
    for turn, said in enumerate(then, 2):
        asked = [follow_up(answer, said, turn) for answer in found[-1].answers]
        found.append(
            interview(
                backend,
                asked,
                turn_path(record, turn),
                sampling=sampling,
                seed=seed,
                progress=report(turn - 1),
                data={**known, "turn": turn},
            )
        )
    return found
