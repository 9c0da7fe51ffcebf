"""A program together with the task it solves, and the tokens that all tasks share.

Numbers and digits stand for themselves; special tokens are negative.
"""

from dataclasses import dataclass

from ..graph import Seq
from ..verify import Reference

SOS, END, EOS = -1, -2, -3  # before the prompt, after it (`>`), after the answer
PLUS, MINUS, EQUALS = -4, -5, -6


@dataclass(frozen=True)
class Example:
    """A program that continues its input token by token, and the reference it is measured by.

    Attributes:
        summary: the task, in one line.
        program: gives the next token at each position.
        reference: prompts and right answers, in plain Python.
        vocab: every token of the task.
        eos: ends the answer; None where the answer is one token.
    """

    summary: str
    program: Seq
    reference: Reference
    vocab: tuple[int, ...]
    eos: int | None = EOS
