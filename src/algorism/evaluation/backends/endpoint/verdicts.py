"""What one attempt at one request came to."""

from dataclasses import dataclass
from typing import Literal

from algorism.evaluation.backends.protocol import Finish

Trouble = Literal["fault", "overload", "unreachable"]


@dataclass(frozen=True, slots=True)
class Answered:
    """The server's answer."""

    text: str
    finish: Finish = "stop"
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """This request will not be answered, however often it is made; others may be.

    Args:
        reason: why.
        own: whether the reason lies in this request's text (too long, filtered), so that it says nothing of others.
    """

    reason: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Faulty:
    """Something went wrong that may go right the next time.

    Args:
        reason: what went wrong.
        trouble: "overload" if fewer requests at a time may help, "unreachable" if there was no connection at all.
        wait: seconds that the server asks to be left alone; 0 if it does not say.
    """

    reason: str
    trouble: Trouble = "fault"
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Hopeless:
    """What will happen to every request: a wrong key, a model that is not there."""

    reason: str


Verdict = Answered | Refused | Faulty | Hopeless
