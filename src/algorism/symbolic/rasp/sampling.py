"""Greedy decoding with a program as the network."""

from collections.abc import Sequence

from .graph import Seq
from .interpreter import run


def sample(program: Seq, prompt: Sequence[int], eos: int | None, most: int = 256) -> list[int]:
    """Append the program's last output until it is `eos`.

    Args:
        program: gives the next token at each position.
        prompt: token ids.
        eos: ends the answer and is part of it; None to stop at `most` only.
        most: longest answer.

    Returns:
        The answer, without the prompt.

    >>> from algorism.symbolic.rasp import tokens
    >>> sample(tokens() + 1, [3], eos=6)
    [4, 5, 6]
    """
    ids = list(prompt)
    while len(ids) - len(prompt) < most:
        ids.append(int(run(program, ids)[-1]))
        if ids[-1] == eos:
            break
    return ids[len(prompt) :]
