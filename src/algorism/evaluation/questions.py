"""What is asked of a model: a question with its exact answer, and how the answer is to be read.

Knows nothing of models.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from algorism.errors import DataError
from algorism.evaluation.backends.protocol import Message, Prompt, Request
from algorism.evaluation.grading import Both
from algorism.evaluation.reading import Reading
from algorism.evaluation.values import Kind, check_kind


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        key: unique in its set and the same whenever the set is drawn again, e.g. "add-int-int/12/7".
        prompt: a text or a conversation.
        gold: the right answer, written out.
        kind: how the answer is read: "integer", "decimal", "fraction", "scientific" or "sequence".
        marker: a text that announces the answer, if the prompt asks for one.
        facts: what tables are made by: task, length, carries …; JSON-able.
        reading: what is done to an answer before it is graded.
    """

    key: str
    prompt: Prompt
    gold: str
    kind: Kind = "integer"
    marker: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        """Check the kind."""
        check_kind(self.kind)

    def request(self, sample: int, seed: int) -> Request:
        """This question as the `sample`-th request for an answer."""
        return Request(self.key, self.prompt, sample, item_seed(seed, self.key, sample), {"gold": self.gold})

    def grade(self, response: str) -> Both:
        """An answer's verdict at both levels.

        >>> Question("a", "1+1=", "2").grade("It is 2.").lenient.correct
        True
        """
        return self.reading.grade(response, self.gold, self.kind, self.marker)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        prompt = self.prompt if isinstance(self.prompt, str) else [[m.role, m.content] for m in self.prompt]
        values: dict[str, Any] = {"key": self.key, "prompt": prompt, "gold": self.gold, "kind": self.kind}
        if self.marker is not None:
            values["marker"] = self.marker
        reading = self.reading.to_json()
        values |= {"reading": reading} if reading else {}
        return values | ({"facts": dict(self.facts)} if self.facts else {})

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Question":
        """The inverse of `to_json`."""
        given = values["prompt"]
        prompt = given if isinstance(given, str) else tuple(Message(role, content) for role, content in given)
        facts, reading = values.get("facts", {}), Reading.from_json(values.get("reading", {}))
        return Question(values["key"], prompt, values["gold"], values["kind"], values.get("marker"), facts, reading)


def item_seed(seed: int, key: str, sample: int) -> int:
    """The seed of one answer: from the run's seed, the question and the sample alone (31 bits).

    Leaving questions out, or asking them in another order, changes no other answer's seed.

    >>> item_seed(0, "a", 0) == item_seed(0, "a", 0) != item_seed(0, "a", 1)
    True
    """
    digest = hashlib.blake2b(json.dumps([seed, key, sample]).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def data_hash(questions: Iterable[Question]) -> str:
    """A fingerprint of a set of questions, whatever their order."""
    lines = sorted(json.dumps(q.to_json(), sort_keys=True, ensure_ascii=False) for q in questions)
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


def check_keys(questions: Sequence[Question]) -> None:
    """Refuse two questions under one key.

    Raises:
        DataError: names the key.
    """
    seen: set[str] = set()
    for question in questions:
        if question.key in seen:
            raise DataError(f"Two questions have the key {question.key!r}; keys must be unique in a run.")
        seen.add(question.key)
