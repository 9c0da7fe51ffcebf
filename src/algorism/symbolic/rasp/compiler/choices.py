"""How each part of a program is computed, and when: chosen before any channel is given away.

A token-wise function is computed as early as is possible without a large table, then with few hidden units:
- of tokens alone or positions alone: in the embedding;
- sums, differences and negations: by the linear layers that read them;
- a choice: by two ReLUs that are held at 0 by the condition;
- anything else: as a lookup table over the values of some parts it is made of, by steps along one number in which
  those values are digits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np

from ....errors import UsageError
from .. import functions as f
from ..domains import combinations, domains, evaluate, image, leaves, selects_one
from ..functions import Ints, Role
from ..graph import Aggregate, Full, Indices, Map, Node, Selection, Seq, Tokens, Width, apply, ordered
from .forms import after_attention, after_mlp
from .scores import Scoring, scoring
from .steps import Step, lookup

MOST_ENTRIES = 4096  # of a lookup table that several values are digits of
STEPS_PER_BLOCK = 48  # a table with more steps is worth another block, if that saves them


@dataclass(frozen=True)
class Embedded:
    """A function of tokens alone or positions alone."""

    time: int = 0


@dataclass(frozen=True)
class Linear:
    """A weighted sum of parts and a constant."""

    time: int
    parts: tuple[tuple[float, Seq], ...]
    constant: float = 0.0


@dataclass(frozen=True)
class Gate:
    """`then` where the condition is 1, `otherwise` where it is 0."""

    time: int
    condition: Seq
    then: Seq
    otherwise: Seq


@dataclass(frozen=True)
class Lookup:
    """Steps along a weighted sum of parts."""

    time: int
    parts: tuple[tuple[float, Seq], ...]
    constant: float
    first: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Head:
    """An attention head; its output still has to be made an integer where `exact` is false."""

    time: int
    scoring: Scoring
    exact: bool


Choice = Embedded | Linear | Gate | Lookup | Head


class Chooser:
    """Chooses for every part of a program, each once.

    Args:
        program: its output sequence.
        vocab: every token that may occur.
        longest: most positions.
    """

    def __init__(self, program: Seq, vocab: Iterable[int], longest: int) -> None:
        self.longest = longest
        self.values = domains(program, vocab, longest)
        self.choices: dict[Node, Choice] = {}

    def domain(self, node: Seq) -> Ints:
        """Return the values a part can take; it may have been made by the compiler."""
        for part in ordered(node, lambda n: () if n in self.values else n.parents()):
            if part in self.values or isinstance(part, Selection):
                continue
            self.values[part] = np.array([part.value]) if isinstance(part, Full) else image(_map(part), self.values)
        return self.values[node]

    def time(self, node: Seq) -> int:
        """Return when a part can be there."""
        return self.choice(node).time

    def choice(self, node: Seq) -> Choice:
        """Return how a part is computed."""
        if node not in self.choices:
            self.choices[node] = self._head(node) if isinstance(node, Aggregate | Width) else self._tokenwise(node)
        return self.choices[node]

    def _head(self, node: Aggregate | Width) -> Head:
        selection, values = node.selection, np.zeros(1, dtype=np.int64)
        if isinstance(node, Aggregate):
            values = self.domain(node.values)
        exact = isinstance(node, Aggregate) and (node.reduction != "mean" or selects_one(selection) or len(values) == 1)
        found = scoring(node, self.domain(selection.key), self.domain(selection.query), values)
        time = after_attention(max(map(self.time, found.parts()), default=0))
        return Head(time if exact else after_mlp(time), found, exact)

    def _tokenwise(self, node: Seq) -> Choice:
        values = self.domain(node)
        if len(values) == 1:
            return Linear(0, (), float(values[0]))
        if isinstance(node, Tokens | Indices):
            return Embedded()
        node = _map(node)
        linear = self._linear(node)
        if linear is not None:
            return linear
        below = leaves(node)
        if len(below) == 1 and isinstance(below[0], Tokens | Indices):
            return Embedded()
        options: list[Choice] = [] if node.function.role is not Role.CHOOSE else [self._gate(node)]
        options += [self._lookup(node, parts) for parts in self._cuts(node)]
        if node.function.role is Role.ORDER and not any(isinstance(arg, Full) for arg in node.args):
            # Order depends on the difference alone, which has fewer values than there are pairs.
            difference = apply(f.SUBTRACT, *node.args)
            options.append(self._lookup(_map(apply(node.function, difference, 0)), [difference]))
        if not options:
            number = prod(len(self.domain(arg)) for arg in dict.fromkeys(node.args))
            raise UsageError(
                f"compile: {node} needs a table of {number} entries, and {MOST_ENTRIES} are the most. Use fewer "
                "tokens, a shorter input, or simpler functions of one sequence each."
            )
        return min(options, key=_expense)

    def _linear(self, node: Map) -> Linear | None:
        function, args = node.function, node.args
        parts: tuple[tuple[float, Seq], ...]
        if function in (f.ADD, f.SUBTRACT):
            parts = ((1.0, args[0]), (1.0 if function is f.ADD else -1.0, args[1]))
        elif function is f.NOT and set(self.domain(args[0]).tolist()) <= {0, 1}:
            return Linear(self.time(args[0]), ((-1.0, args[0]),), 1.0)
        elif function is f.MULTIPLY and any(isinstance(arg, Full) for arg in args):
            factor, other = args if isinstance(args[0], Full) else args[::-1]
            parts = ((float(self.domain(factor)[0]), other),)
        else:
            return None
        return Linear(max(self.time(part) for _, part in parts), parts)

    def _gate(self, node: Map) -> Gate:
        condition, then, otherwise = node.args
        if not set(self.domain(condition).tolist()) <= {0, 1}:
            condition = apply(f.UNEQUAL, condition, 0)
        return Gate(after_mlp(max(map(self.time, (condition, then, otherwise)))), condition, then, otherwise)

    def _cuts(self, node: Map) -> Iterator[list[Seq]]:
        """Sets of parts that determine the node: its arguments, then what the latest of these is made of, and so on."""
        parts = _distinct(node.args)
        while True:
            if prod(len(self.domain(part)) for part in parts) <= MOST_ENTRIES:
                yield parts
            inner = [part for part in parts if isinstance(part, Map)]
            if not inner:
                return
            latest = max(inner, key=self.time)
            parts = _distinct([p for part in parts for p in (latest.args if part is latest else (part,))])

    def _lookup(self, node: Map, parts: list[Seq]) -> Lookup:
        for part in parts:
            self.domain(part)
        given = combinations(parts, self.values)
        outputs = evaluate(node, given)
        best: Lookup | None = None
        time = after_mlp(max(map(self.time, parts)))
        # Which value is the last digit decides how often the function changes along the number.
        for order in permutations(parts) if len(parts) <= 3 else [tuple(parts)]:
            stride, weights, z = 1, [], np.zeros(len(outputs), dtype=np.int64)
            for part in order:
                low, high = int(self.domain(part).min()), int(self.domain(part).max())
                weights.append((float(stride), part))
                z = z + stride * (given[part] - low)
                stride *= high - low + 1
            constant = -sum(weight * float(self.domain(part).min()) for weight, part in weights)
            rank = np.argsort(z)
            first, steps = lookup(z[rank], outputs[rank])
            if best is None or len(steps) < len(best.steps):
                best = Lookup(time, tuple(weights), constant, first, tuple(steps))
        assert best is not None
        return best


def _expense(option: Choice) -> tuple[int, int]:
    steps = len(option.steps) if isinstance(option, Lookup) else 1
    return option.time + 2 * (steps // STEPS_PER_BLOCK), steps


def _map(node: Node) -> Map:
    assert isinstance(node, Map), node
    return node


def _distinct(parts: Iterable[Seq]) -> list[Seq]:
    return list(dict.fromkeys(part for part in parts if not isinstance(part, Full)))
