"""Whether a program solves a task at every length: exact agreement with a reference that is no program."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .graph import Seq
from .interpreter import run

MOST_PAIRS = 1 << 21  # rows × queries × keys evaluated at once


class Reference(Protocol):
    """A task, in plain Python."""

    def prompts(self, length: int, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Return hard cases of this length, all of them, and `number` random ones."""
        ...

    def answer(self, prompt: Sequence[int]) -> list[int]:
        """Return the right answer."""
        ...


@dataclass(frozen=True)
class Counterexample:
    """The first input that a program answers wrongly.

    Attributes:
        prompt: token ids.
        expected: the right answer.
        got: what the program predicts, up to and with the first wrong token.
    """

    prompt: tuple[int, ...]
    expected: tuple[int, ...]
    got: tuple[int, ...]


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        checked: prompts looked at, the wrong one included.
        counterexample: None if all were right.
    """

    checked: int
    counterexample: Counterexample | None

    def __bool__(self) -> bool:
        """Whether every prompt was answered rightly."""
        return self.counterexample is None


def verify(
    program: Seq, reference: Reference, lengths: Iterable[int], number: int = 4, seed: int = 0, check: bool = True
) -> Verification:
    """Compare a program's greedy answers with a reference.

    The program reads prompt and right answer at once. It is causal, so all its predictions are right just when it
    would have produced that answer token by token.

    Args:
        program: gives the next token at each position.
        reference: the task.
        lengths: to be tried in this order.
        number: random prompts for each length, besides the hard ones.
        seed: of the random prompts.
        check: refuse values outside int8 (DataError).

    >>> from algorism.symbolic.rasp.programs import PROGRAMS
    >>> sort = PROGRAMS["sort"]
    >>> bool(verify(sort.program, sort.reference, lengths=[1, 2, 5]))
    True
    """
    checked = 0
    for length in lengths:
        rng = np.random.default_rng([seed, length])
        cases = [(tuple(p), tuple(reference.answer(p))) for p in reference.prompts(length, rng, number)]
        longest = max((len(p) + len(a) for p, a in cases), default=1)
        rows = max(1, MOST_PAIRS // longest**2)
        for start in range(0, len(cases), rows):
            chunk = cases[start : start + rows]
            ids = np.array([_filled(p + a, longest) for p, a in chunk])
            for (prompt, answer), outputs in zip(chunk, run(program, ids, check).tolist()):
                checked += 1
                got = tuple(outputs[len(prompt) - 1 : len(prompt) + len(answer) - 1])
                if got != answer:
                    wrong = next(i for i in range(len(answer)) if got[i] != answer[i])
                    return Verification(checked, Counterexample(prompt, answer, got[: wrong + 1]))
    return Verification(checked, None)


def _filled(row: tuple[int, ...], length: int) -> tuple[int, ...]:
    # What comes after the answer cannot change the predictions before it; its own last token is a token of the task.
    return row + row[-1:] * (length - len(row))
