"""Models that follow a script: for tests, and for seeing what a suite says of a model whose faults are known.

They read the right answer from the request's facts, which no real model does.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Failure, Reply, Request, Sampling

Script = Callable[[str, random.Random], str]


def _oracle(gold: str, rng: random.Random) -> str:
    return gold


def _constant(gold: str, rng: random.Random) -> str:
    return "42"


def _noisy(gold: str, rng: random.Random) -> str:
    """One digit changed in one answer of five."""
    places = [at for at, letter in enumerate(gold) if letter in "0123456789"]
    if not places or rng.random() >= 0.2:
        return gold
    at = rng.choice(places)
    digit = rng.choice([d for d in "0123456789" if d != gold[at]])
    return gold[:at] + digit + gold[at + 1 :]


def _dropped_carry(gold: str, rng: random.Random) -> str:
    """Too small by one in the tens place, as if a carry had been lost: wrong whenever the answer has tens."""
    number = gold.removeprefix("-")
    if not number.isascii() or not number.isdigit() or len(number) < 2:
        return gold
    sign = "-" if gold.startswith("-") else ""
    return sign + str(max(int(number) - 10, 0))


def _format_breaker(gold: str, rng: random.Random) -> str:
    """Right, but never written as it was asked for."""
    wrapped = rng.choice(["The answer is **{}**.", "Sure! {}", "\\boxed{{{}}}", "= {}\n\nAnything else?"])
    return wrapped.format(gold)


SCRIPTS: dict[str, tuple[Script, str]] = {
    "oracle": (_oracle, "always right"),
    "constant": (_constant, "always answers 42"),
    "noisy": (_noisy, "one digit wrong in one answer of five"),
    "dropped-carry": (_dropped_carry, "loses a carry into the hundreds: too small by ten"),
    "format-breaker": (_format_breaker, "right, but wrapped in words or markup"),
}


@dataclass
class Scripted:
    """A model that answers by a script.

    Args:
        script: a name of SCRIPTS.
        seconds: that every answer takes.
        fails: share of requests that fail, like a server's; chosen by the request, so that a second try fails again
            unless `heals` is set.
        heals: whether a request that failed succeeds the next time it is made.

    Raises:
        UsageError: an unknown script.

    >>> model = scripted("oracle")
    >>> [reply.text for reply in model.generate([Request("a", "1+1=", facts={"gold": "2"})], Sampling())]
    ['2']
    """

    script: str
    seconds: float = 0.0
    fails: float = 0.0
    heals: bool = False

    def __post_init__(self) -> None:
        """Look the script up."""
        if self.script not in SCRIPTS:
            raise UsageError(f"There is no script {self.script!r}. {nearest(self.script, SCRIPTS)}")
        self.name = f"scripted:{self.script}"
        self.failed: set[tuple[str, int]] = set()

    def fingerprint(self) -> Mapping[str, Any]:
        """The script; how slow or faulty it is does not decide its answers."""
        return {"kind": "scripted", "script": self.script}

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Reply | Failure]:
        """Answer in order."""
        write, _ = SCRIPTS[self.script]
        for request in requests:
            if request.facts is None or "gold" not in request.facts:
                raise UsageError(f"{self.name}: question {request.key!r} does not tell its right answer.")
            if self.seconds:
                time.sleep(self.seconds)
            who = (request.key, request.sample)
            if random.Random(f"fails {who}").random() < self.fails and not (self.heals and who in self.failed):
                self.failed.add(who)
                yield Failure(*who, "the script says that this request fails")
                continue
            rng = random.Random(f"{self.script} {who} {0 if sampling.greedy else request.seed}")
            text, _ = sampling.cut(write(str(request.facts["gold"]), rng))
            yield Reply(*who, text, "stop", seconds=self.seconds)


def scripted(script: str) -> Scripted:
    """The scripted model of this name; arguments as for `Scripted`."""
    return Scripted(script)
