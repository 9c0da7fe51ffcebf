"""Programs as graphs: small frozen nodes, equal ones shared. Building a program evaluates nothing.

A node holds no length and no data. Equal nodes are one object, so that a part which occurs twice is evaluated, counted
and compiled once.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from ...errors import UsageError
from . import functions as f
from .functions import Function, Predicate

_KNOWN: weakref.WeakValueDictionary[tuple[Any, ...], "Node"] = weakref.WeakValueDictionary()
N = TypeVar("N", bound="Node")


@dataclass(frozen=True, eq=False)
class Node:
    """A part of a program."""

    def parents(self) -> tuple["Node", ...]:
        """The nodes this one is computed from."""
        values = [getattr(self, field.name) for field in fields(self)]
        flat = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
        return tuple(part for part in flat if isinstance(part, Node))


def shared(node: N) -> N:
    """Return the one node that equals this new one."""

    def key(value: Any) -> Any:
        # By identity: a node in the table keeps its parents alive, so their ids are not given to others.
        return tuple(map(key, value)) if isinstance(value, tuple) else id(value) if isinstance(value, Node) else value

    return _KNOWN.setdefault((type(node), *(key(getattr(node, x.name)) for x in fields(node))), node)  # type: ignore


@dataclass(frozen=True, eq=False)
class Seq(Node):
    """A sequence of integers, one for each position. Operators on it are token-wise and take integers too.

    >>> print((tokens() + 1) % 10)
    (tokens + 1) % 10
    """

    def __add__(self, other: "Seq | int") -> "Seq":
        return apply(f.ADD, self, other)

    def __radd__(self, other: int) -> "Seq":
        return apply(f.ADD, other, self)

    def __sub__(self, other: "Seq | int") -> "Seq":
        return apply(f.SUBTRACT, self, other)

    def __rsub__(self, other: int) -> "Seq":
        return apply(f.SUBTRACT, other, self)

    def __neg__(self) -> "Seq":
        return apply(f.SUBTRACT, 0, self)

    def __mul__(self, other: "Seq | int") -> "Seq":
        return apply(f.MULTIPLY, self, other)

    def __rmul__(self, other: int) -> "Seq":
        return apply(f.MULTIPLY, other, self)

    def __mod__(self, other: "Seq | int") -> "Seq":
        return apply(f.MODULO, self, other)

    def __eq__(self, other: "Seq | int") -> "Seq":  # type: ignore[override]
        return apply(f.EQUAL, self, other)

    def __ne__(self, other: "Seq | int") -> "Seq":  # type: ignore[override]
        return apply(f.UNEQUAL, self, other)

    def __lt__(self, other: "Seq | int") -> "Seq":
        return apply(f.LESS, self, other)

    def __le__(self, other: "Seq | int") -> "Seq":
        return apply(f.LESS_EQUAL, self, other)

    def __gt__(self, other: "Seq | int") -> "Seq":
        return apply(f.GREATER, self, other)

    def __ge__(self, other: "Seq | int") -> "Seq":
        return apply(f.GREATER_EQUAL, self, other)

    def __and__(self, other: "Seq | int") -> "Seq":
        return apply(f.AND, self, other)

    def __or__(self, other: "Seq | int") -> "Seq":
        return apply(f.OR, self, other)

    def __invert__(self) -> "Seq":
        return apply(f.NOT, self)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        raise UsageError(
            f"{self}: a sequence is neither true nor false while a program is built. "
            "Use where(c, a, b) for 'if', and & | ~ for 'and', 'or', 'not'."
        )

    def __iter__(self) -> Iterator[int]:
        raise UsageError(f"{self}: a program cannot loop over positions; use kqv, index_select or shift_right.")

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, eq=False, repr=False)
class Tokens(Seq):
    """The input."""


@dataclass(frozen=True, eq=False, repr=False)
class Indices(Seq):
    """0, 1, 2 and so on."""


@dataclass(frozen=True, eq=False, repr=False)
class Full(Seq):
    """One constant everywhere."""

    value: int


@dataclass(frozen=True, eq=False, repr=False)
class Map(Seq):
    """A token-wise function of one to three sequences: one MLP."""

    function: Function
    args: tuple[Seq, ...]


@dataclass(frozen=True, eq=False)
class Selection(Node):
    """For each query position i, the key positions j ≤ i with predicate(key_j, query_i)."""

    key: Seq
    query: Seq
    predicate: Predicate

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, eq=False, repr=False)
class Width(Seq):
    """How many positions are selected: one attention head."""

    selection: Selection


@dataclass(frozen=True, eq=False, repr=False)
class Aggregate(Seq):
    """Mean, maximum or minimum of the selected values, `default` where nothing is: one attention head."""

    selection: Selection
    values: Seq
    default: int
    reduction: str


def tokens() -> Seq:
    """Return the input sequence, from which every program is built."""
    return shared(Tokens())


def constant(value: Any) -> int:
    """Return `value` as an int.

    Raises:
        UsageError: a float, or anything else that is no integer.
    """
    if not isinstance(value, int | np.integer | np.bool_):
        raise UsageError(f"Expected a sequence or an integer, got {value!r}. RASP-L has no floats.")
    return int(value)


def sequence(value: "Seq | int") -> Seq:
    """Return a sequence unchanged, and an integer as a constant sequence."""
    return value if isinstance(value, Seq) else shared(Full(constant(value)))


def apply(function: Function, *args: "Seq | int") -> Seq:
    """Apply a token-wise function to sequences and constants."""
    return shared(Map(function, tuple(map(sequence, args))))


def ordered(root: Node, parents: Callable[[Node], tuple[Node, ...]] = Node.parents) -> list[Node]:
    """Return every node `root` needs, each once and after the nodes it is computed from; `root` is last.

    >>> [str(n) for n in ordered(tokens() * tokens())]
    ['tokens', 'tokens * tokens']
    """
    done: dict[Node, None] = {}
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done[node] = None
            continue
        stack.append((node, True))
        stack.extend((parent, False) for parent in reversed(parents(node)))
    return list(done)


def write(node: Node, depth: int = 4) -> str:
    """Write a node as an expression; parts more than `depth` levels down become "…"."""

    def part(child: Node, bracket: bool = False) -> str:
        text = write(child, depth - 1)
        return f"({text})" if bracket and isinstance(child, Map) and child.function.infix and text != "…" else text

    match node:
        case Tokens():
            return "tokens"
        case Indices():
            return "indices"
        case Full():
            return str(node.value)
        case _ if depth <= 0:
            return "…"
        case Map() if node.function.infix:
            return f"{part(node.args[0], True)} {node.function.name} {part(node.args[1], True)}"
        case Map() if node.function is f.NOT:
            return f"~{part(node.args[0], True)}"
        case Map():
            return f"{node.function.name}({', '.join(map(part, node.args))})"
        case Selection():
            return f"select(key {part(node.key)} {node.predicate.name} query {part(node.query)})"
        case Width():
            return f"sel_width({part(node.selection)})"
        case Aggregate():
            return f"aggr({part(node.selection)}, {part(node.values)}, {node.default}, {node.reduction!r})"
    return type(node).__name__
