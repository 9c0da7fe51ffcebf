"""Which values each part of a program can take, given the vocabulary and the longest input.

The sets are never too small. They may be too large: a value that only impossible combinations give is counted.
"""

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np

from ...errors import UsageError
from .functions import ADD, SUBTRACT, Ints, Role, equals
from .graph import Aggregate, Full, Indices, Map, Node, Selection, Seq, Tokens, Width, ordered

MOST_COMBINATIONS = 1 << 17


def domains(program: Seq, vocab: Iterable[int], longest: int) -> dict[Node, Ints]:
    """Return the values each sequence of a program can take, in rising order.

    Args:
        program: its output sequence.
        vocab: every token that may occur.
        longest: most positions.

    Raises:
        UsageError: a function written for this program fails on a combination of values, or has too many.

    >>> from algorism.symbolic.rasp import tokens
    >>> program = tokens() % 3
    >>> domains(program, vocab=[0, 1, 4], longest=5)[program].tolist()
    [0, 1]
    """
    found: dict[Node, Ints] = {}
    for node in ordered(program):
        match node:
            case Selection():
                continue
            case Tokens():
                found[node] = np.unique(np.fromiter(vocab, dtype=np.int64))
            case Indices():
                found[node] = np.arange(longest)
            case Full():
                found[node] = np.array([node.value])
            case Width():
                found[node] = np.arange(longest + 1)
            case Aggregate():
                values = found[node.values]
                if node.reduction == "mean" and not selects_one(node.selection):
                    values = np.arange(values.min(initial=0), values.max(initial=0) + 1)
                found[node] = np.union1d(values, [node.default])
            case Map():
                found[node] = image(node, found)
    return found


def selects_one(selection: Selection) -> bool:
    """Whether a selection never holds two positions: keys that are positions, moved by a constant or not."""
    key = selection.key
    if isinstance(key, Map) and key.function in (ADD, SUBTRACT) and isinstance(key.args[1], Full):
        key = key.args[0]
    return selection.predicate is equals and isinstance(key, Indices)


def leaves(node: Seq) -> list[Seq]:
    """Return what the token-wise functions of an expression are applied to: everything but maps and constants."""
    order = ordered(node, lambda n: n.args if isinstance(n, Map) else ())
    return [part for part in order if isinstance(part, Seq) and not isinstance(part, Map | Full)]


def evaluate(node: Seq, given: Mapping[Node, Ints]) -> Ints:
    """Evaluate an expression of token-wise functions, given the values of what they are applied to.

    Args:
        node: the expression.
        given: arrays of one shape; where the walk down from `node` meets one of these, it stops.

    Raises:
        UsageError: a function written for this program fails.
    """
    shape = next(iter(given.values())).shape if given else (1,)
    held: dict[Node, Ints] = dict(given)
    for part in ordered(node, lambda n: n.args if isinstance(n, Map) and n not in given else ()):
        if part in held:
            continue
        if isinstance(part, Full):
            held[part] = np.broadcast_to(np.int64(part.value), shape)
        elif isinstance(part, Map):
            try:
                held[part] = part.function(*(held[arg] for arg in part.args))
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise UsageError(
                    f"{part}: the function fails on values that may occur ({type(error).__name__}: {error}). "
                    "Make it return some integer for every token."
                ) from error
    return held[node]


def combinations(parts: list[Seq], found: Mapping[Node, Ints]) -> dict[Node, Ints]:
    """Return every combination of the parts' values, as one flat array for each part."""
    grids = np.meshgrid(*(found[part] for part in parts), indexing="ij") if parts else []
    return {part: grid.reshape(-1) for part, grid in zip(parts, grids)}


def image(node: Map, found: Mapping[Node, Ints]) -> Ints:
    """Return the values of a token-wise function, from the values of its arguments and of all leaves below them."""
    below = leaves(node)
    if prod(len(found[leaf]) for leaf in below) <= MOST_COMBINATIONS:
        # From the leaves, values that depend on each other are combined as they occur.
        return np.unique(evaluate(node, combinations(below, found)))
    if node.function.role is Role.CHOOSE:
        return np.union1d(found[node.args[1]], found[node.args[2]])
    parts = [arg for arg in dict.fromkeys(node.args) if not isinstance(arg, Full)]
    number = prod(len(found[part]) for part in parts)
    if number > MOST_COMBINATIONS * 8:
        raise UsageError(f"{node}: {number} combinations of values; use fewer tokens or shorter inputs.")
    return np.unique(evaluate(node, combinations(parts, found)))
