"""Everything a query can see in some sum, as a tree: near places known, those further away not yet known.

The text `$A+B=S$` with its coupled index, seen from a query at place p (place 1 holds the units, the query `=` is at
place 0): at difference k stand the two operand digits of place p + k and, for k ≤ 0, the printed digit of the sum.
Below the units stand `+` and `=`; above the operands' highest digits stands nothing, then `$`. Two digits at one place
are interchangeable. A node knows all places between two of them, `low` below and `high` above the query, and whether
the number goes on there. Its children know one place more. The leaves of the whole tree are all contexts that exist.

Shape letters: n node, h head, d head width, k place (difference + PLACES), o operand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from .circuit import DOLLAR, EQUALS, PLACES, PLUS, TOKENS, Circuit

ENDED = 2  # state of a side on which everything is known
OPEN = 0  # state of the upper side while it goes on; that of the lower side is the carry that must come out of it
PAIRS = tuple((a, b) for a in range(10) for b in range(a, 10))


class Added(NamedTuple):
    """One place of a sum: the two digits, the carry into it, the printed digit, the carry out of it."""

    a: int
    b: int
    carry: int
    printed: int
    out: int


ADDED = tuple(Added(a, b, c, (a + b + c) % 10, (a + b + c) // 10) for a, b in PAIRS for c in (0, 1))
OF_CARRY = {out: torch.tensor([row for row in ADDED if row.out == out]) for out in (0, 1)}


class Shape(NamedTuple):
    """Which places the nodes of a group know.

    Args:
        low: the first place below the query that is not known, counted downwards.
        below: ENDED, or the carry that must come out of that place.
        high: the first place above the query that is not known.
        above: ENDED or OPEN.
    """

    low: int
    below: int
    high: int
    above: int

    @property
    def exact(self) -> bool:
        """Whether nothing is left open."""
        return self.below == ENDED and self.above == ENDED


@dataclass(frozen=True)
class Nodes:
    """Nodes of one shape.

    Args:
        shape: of all of them.
        query_n: the query token.
        right_n: the right next token.
        numerator_nhd, denominator_nh: what the known keys add to attention's numerator and denominator.
        digit_nko: known operand digits, int8; −1 where unknown or none.
    """

    shape: Shape
    query_n: Tensor
    right_n: Tensor
    numerator_nhd: Tensor
    denominator_nh: Tensor
    digit_nko: Tensor

    def __len__(self) -> int:
        return len(self.query_n)

    def take(self, rows: Tensor | slice, shape: Shape | None = None) -> "Nodes":
        """Some of the nodes, perhaps as ones of another shape."""
        parts = (self.query_n, self.right_n, self.numerator_nhd, self.denominator_nh, self.digit_nko)
        return Nodes(shape or self.shape, *(part[rows] for part in parts))

    def seeing(self, circuit: Circuit, token_n: Tensor | int, difference: int) -> "Nodes":
        """The nodes with one more known key each."""
        if isinstance(token_n, int):
            token_n = torch.full_like(self.query_n, token_n)
        numerator_nhd, denominator_nh = circuit.seen(self.query_n, token_n, difference)
        return replace(
            self,
            numerator_nhd=self.numerator_nhd + numerator_nhd,
            denominator_nh=self.denominator_nh + denominator_nh,
        )

    def with_digits(self, circuit: Circuit, a_n: Tensor, b_n: Tensor, difference: int) -> "Nodes":
        """The nodes with the operand digits of one place known."""
        digit_nko = self.digit_nko.clone()
        digit_nko[:, difference + PLACES] = torch.stack([a_n, b_n], 1).to(torch.int8)
        seen = self.seeing(circuit, a_n, difference).seeing(circuit, b_n, difference)
        return replace(seen, digit_nko=digit_nko)


def _empty(circuit: Circuit, shape: Shape, query: Sequence[int], right: Sequence[int]) -> Nodes:
    _, h, d = circuit.value_uhd.shape
    n = len(query)
    return Nodes(
        shape,
        torch.tensor(query),
        torch.tensor(right),
        torch.zeros(n, h, d, dtype=torch.float64),
        torch.zeros(n, h, dtype=torch.float64),
        torch.full((n, 2 * PLACES + 1, 2), -1, dtype=torch.int8),
    )


def roots(circuit: Circuit) -> Iterator[Nodes]:
    """Every context in which just so much is known that the right next token is."""
    a_n, b_n = torch.tensor(PAIRS).T
    right_n = ((a_n + b_n) % 10).tolist()
    nodes = _empty(circuit, Shape(1, ENDED, 2, OPEN), [EQUALS] * len(PAIRS), right_n)
    yield nodes.seeing(circuit, PLUS, 0).seeing(circuit, EQUALS, 0).with_digits(circuit, a_n, b_n, 1)
    for carry in (0, 1):  # into the place of the query, a printed digit
        here = [row for row in ADDED if row.carry == carry]
        both = [(row, a, b) for row in here for a, b in PAIRS]
        query, right = [row.printed for row, _, _ in both], [(a + b + row.out) % 10 for row, a, b in both]
        nodes = _empty(circuit, Shape(1, carry, 2, OPEN), query, right)
        yield _printed(circuit, nodes, [row for row, _, _ in both]).with_digits(
            circuit, torch.tensor([a for _, a, _ in both]), torch.tensor([b for _, _, b in both]), 1
        )
        # The operands' highest place: what follows is the last carry.
        nodes = _empty(circuit, Shape(1, carry, 2, ENDED), [row.printed for row in here], [row.out for row in here])
        yield _printed(circuit, nodes, here).seeing(circuit, DOLLAR, 2)
        # That carry itself: what follows is the end.
        nodes = _empty(circuit, Shape(1, carry, 1, ENDED), [carry], [DOLLAR])
        yield nodes.seeing(circuit, nodes.query_n, 0).seeing(circuit, DOLLAR, 1)


def _printed(circuit: Circuit, nodes: Nodes, rows: Sequence[Added]) -> Nodes:
    """Nodes that see the place of the query: its operand digits, and the query itself."""
    a_n, b_n = torch.tensor([row.a for row in rows]), torch.tensor([row.b for row in rows])
    return nodes.seeing(circuit, nodes.query_n, 0).with_digits(circuit, a_n, b_n, 0)


def children(circuit: Circuit, nodes: Nodes, side: int) -> Iterator[tuple[Nodes, Tensor]]:
    """Know one place more.

    Args:
        circuit: of the network.
        nodes: whose side is open.
        side: 1 for the place above, −1 for the place below.

    Yields:
        Children of one shape, and the row of each one's parent.
    """
    low, below, high, above = nodes.shape
    every_n = torch.arange(len(nodes))
    if side > 0:
        a_p, b_p = torch.tensor(PAIRS).T
        parent_n = every_n.repeat_interleave(len(PAIRS))
        grown = nodes.take(parent_n, Shape(low, below, high + 1, OPEN))
        yield grown.with_digits(circuit, a_p.repeat(len(nodes)), b_p.repeat(len(nodes)), high), parent_n
        yield nodes.take(slice(None), Shape(low, below, high, ENDED)).seeing(circuit, DOLLAR, high + 1), every_n
        return
    for carry in (0, 1):
        rows = OF_CARRY[below]
        rows = rows[rows[:, 2] == carry].repeat(len(nodes), 1)
        parent_n = every_n.repeat_interleave(len(rows) // max(len(nodes), 1))
        grown = nodes.take(parent_n, Shape(low + 1, carry, high, above))
        yield grown.with_digits(circuit, rows[:, 0], rows[:, 1], -low).seeing(circuit, rows[:, 3], -low), parent_n
    if below == 0 and (low, high) != (1, 1):  # no carry comes into the units; below the last carry stands a digit
        ended = nodes.take(slice(None), Shape(low, ENDED, high, above))
        yield ended.seeing(circuit, PLUS, -low).seeing(circuit, EQUALS, -low), every_n


def completed(circuit: Circuit, nodes: Nodes, pattern: int) -> Nodes:
    """Contexts with nothing open: the open places filled with one digit, as far as they are looked at, or ended.

    Args:
        circuit: of the network.
        nodes: any.
        pattern: 0 to 4; the digit, or that + 5 where a carry must come out; −1 to end the number at once where it may.
    """
    low, below, high, above = nodes.shape
    full_n = torch.ones_like(nodes.query_n)
    if above != ENDED:
        while pattern >= 0 and high <= PLACES:
            nodes = nodes.with_digits(circuit, full_n * 2 * pattern, full_n * pattern, high)
            high += 1
        nodes = nodes.seeing(circuit, DOLLAR, high + 1)
    while below != ENDED and low <= PLACES and (below or pattern >= 0 or (low, high) == (1, 1)):
        digit = max(pattern, 0) + 5 * below
        last = low == PLACES or pattern < 0
        printed = (2 * digit + (0 if last else below)) % 10
        nodes = nodes.with_digits(circuit, full_n * digit, full_n * digit, -low)
        nodes = nodes.seeing(circuit, printed, -low)
        low += 1
        below = 0 if last else below
        if last:
            break
    if below != ENDED:
        nodes = nodes.seeing(circuit, PLUS, -low).seeing(circuit, EQUALS, -low)
    return replace(nodes, shape=Shape(low, ENDED, high, ENDED))


def operands(nodes: Nodes, row: int) -> tuple[str, str]:
    """The two numbers of a context with nothing open, with leading zeros."""
    digit_ko = nodes.digit_nko[row]
    known_ko = digit_ko[(digit_ko >= 0).all(1)].flip(0)
    return "".join(map(str, known_ko[:, 0].tolist())), "".join(map(str, known_ko[:, 1].tolist()))


def described(nodes: Nodes, row: int) -> str:
    """A node in words, such as "after 3 in …47… + …58…", digits of places that are not known as dots."""
    digit_ko = nodes.digit_nko[row]
    known_ko = digit_ko[(digit_ko >= 0).all(1)].flip(0)
    ends = ("" if nodes.shape.above == ENDED else "…", "" if nodes.shape.below == ENDED else "…")
    numbers = [f"{ends[0]}{''.join(map(str, known_ko[:, o].tolist()))}{ends[1]}" for o in (0, 1)]
    return f"after {TOKENS[int(nodes.query_n[row])]} in {numbers[0]} + {numbers[1]}"
