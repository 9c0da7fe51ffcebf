"""What a model must be able to do to be evaluated: answer requests, in any order, each once.

Knows nothing of questions, grades or files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from algorism.errors import UsageError

Finish = Literal["stop", "length"]

# In a prompt: no token may reach over this place. A noncharacter, which Unicode keeps for such uses; no text holds it.
# Models asked in this process obey; an endpoint cannot, and refuses.
BOUNDARY = "\ufdd0"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = str | tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn; the same for all requests of a run.

    Args:
        max_tokens: most new tokens of an answer; one that is cut there has finish "length".
        temperature: 0 for greedy decoding, which is the default everywhere in this package.
        top_p: nucleus; 1 for all tokens.
        stop: texts that end an answer; they are no part of it.

    Raises:
        UsageError: numbers out of range.

    >>> Sampling(max_tokens=8).greedy
    True
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.max_tokens < 1:
            raise UsageError(f"max_tokens: expected at least 1, got {self.max_tokens}.")
        if not self.temperature >= 0 or not 0 < self.top_p <= 1:
            raise UsageError(f"Expected temperature >= 0 and 0 < top_p <= 1, got {self.temperature} and {self.top_p}.")
        if any(not text for text in self.stop):
            raise UsageError("stop: an empty text would end every answer before it begins.")

    @property
    def greedy(self) -> bool:
        """Whether answers are the likeliest tokens, so that two samples of one request are equal."""
        return self.temperature == 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a run's specification."""
        return {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "stop": list(self.stop),
        }

    def cut(self, text: str) -> tuple[str, bool]:
        """A text up to the first stop in it, and whether there was one.

        >>> Sampling(stop=(";",)).cut("579; and more")
        ('579', True)
        """
        ends = [at for at in (text.find(stop) for stop in self.stop) if at >= 0]
        return (text[: min(ends)], True) if ends else (text, False)


@dataclass(frozen=True, slots=True)
class Request:
    """One answer that is wanted.

    Args:
        key: of the question; unique among the questions of a run.
        prompt: a text to be continued, or a conversation to be answered.
        sample: which of several answers to the same question.
        seed: of sampling; follows from question and sample alone, so that order and batching do not matter.
        facts: what a scripted model may look at (the right answer among them); a real one never does.
    """

    key: str
    prompt: Prompt
    sample: int = 0
    seed: int = 0
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: what was written, why it ended, how many tokens it had, how long it took."""

    key: str
    sample: int
    text: str
    finish: Finish = "stop"
    tokens: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer: a server's error, a timeout. Never a wrong answer."""

    key: str
    sample: int
    reason: str
    attempts: int = 1


@runtime_checkable
class Backend(Protocol):
    """A model behind one small interface.

    Attributes:
        name: as a person would type it, e.g. "hf:./my-model".
    """

    name: str

    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that decides the answers besides request and sampling: weights, template, precision.

        Two runs are the same run only if these are equal. JSON-able.
        """
        ...

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Reply | Failure]:
        """Answer every request exactly once, in any order, each as soon as it is there."""
        ...


@runtime_checkable
class Scoring(Protocol):
    """A backend that also tells how likely given continuations are."""

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Logarithm of P(continuation | prompt) for each pair, in nats."""
        ...


@runtime_checkable
class Tokenizing(Protocol):
    """A backend that tells how it cuts a text into tokens."""

    def tokenize(self, text: str) -> list[str]:
        """The text's tokens, as pieces of it; joined, they are the text."""
        ...


def as_text(prompt: Prompt) -> str:
    """A prompt as plain text, for models without roles: a text as it is, turns each on lines of their own.

    >>> as_text((Message("user", "1+1="),))
    '1+1='
    """
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1:
        return prompt[0].content
    return "\n\n".join(message.content for message in prompt)


def as_messages(prompt: Prompt) -> tuple[Message, ...]:
    """A prompt as a conversation: a text becomes what the user says."""
    return (Message("user", prompt),) if isinstance(prompt, str) else prompt
