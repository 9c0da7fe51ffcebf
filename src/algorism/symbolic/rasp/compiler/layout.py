"""What stands where: the channels of the residual stream, and what every block adds to them.

Only what the output needs is laid out, each part once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .. import functions as f
from ..domains import evaluate, leaves
from ..functions import Ints
from ..graph import Aggregate, Node, Seq, Tokens, Width, apply
from .choices import Chooser, Embedded, Gate, Head, Linear, Lookup
from .forms import Atom, Form, after_attention, block_of, combine
from .steps import Step, count_from_share, truncation


@dataclass(frozen=True)
class HeadLayout:
    """One attention head: in each dimension a query and a key, the key's number at BOS, then the value."""

    dims: tuple[tuple[Form, Form, float], ...]
    value: Form
    default: float
    into: Atom


@dataclass
class BlockLayout:
    """What a block does: its heads, and for each hidden unit (a form before its ReLU) where it is added."""

    heads: list[HeadLayout] = field(default_factory=list)
    units: dict[Form, list[tuple[Atom, float]]] = field(default_factory=lambda: defaultdict(list))


class Layout:
    """The network of a program.

    Args:
        program: its output sequence.
        vocab: every token that may occur.
        longest: most positions.

    Attributes:
        bos: the channel that is 1 at the BOS position and 0 elsewhere.
        one: the channel that is 0 there and 1 elsewhere.
        tokens: channels of the token embedding, and their number for each token of the vocabulary.
        positions: channels of the position embedding, and their number for each position.
        blocks: by number from 0.
        outputs: the values the program can give, in rising order.
        logits: for each output a form that is 1 where the program gives it and 0 where not.
    """

    def __init__(self, program: Seq, vocab: Iterable[int], longest: int) -> None:
        self.chooser = Chooser(program, vocab, longest)
        self.vocab: Ints = np.unique(np.fromiter(vocab, dtype=np.int64))
        self.longest = longest
        self.bos, self.one = Atom(0, 1.0), Atom(0, 0.0)
        self.tokens: dict[Atom, Ints] = {self.one: np.ones_like(self.vocab)}
        self.positions: dict[Atom, Ints] = {}
        self.blocks: dict[int, BlockLayout] = defaultdict(BlockLayout)
        self._forms: dict[Node, Form] = {}
        self.outputs = self.chooser.domain(program).tolist()
        self.logits = [self.form(apply(f.EQUAL, program, value)) for value in self.outputs]

    def channels(self) -> list[Atom]:
        """Every channel, in the order of the residual stream."""
        written = [
            unit[0] for _, block in sorted(self.blocks.items()) for all_ in block.units.values() for unit in all_
        ]
        read = [head.into for _, block in sorted(self.blocks.items()) for head in block.heads]
        return list(dict.fromkeys([self.bos, *self.tokens, *self.positions, *read, *written]))

    def form(self, node: Seq) -> Form:
        """Return where a part stands; it is laid out if it is new."""
        if node not in self._forms:
            self._forms[node] = self._lay_out(node)
        return self._forms[node]

    def _sum(self, parts: Iterable[tuple[float, Seq]], constant: float = 0.0) -> Form:
        return combine([(weight, self.form(part)) for weight, part in parts], constant)

    def _lay_out(self, node: Seq) -> Form:
        choice = self.chooser.choice(node)
        match choice:
            case Embedded():
                return self._embedded(node)
            case Linear():
                return self._sum(choice.parts, choice.constant)
            case Lookup():
                z = self._sum(choice.parts, choice.constant)
                return self._steps(choice.time, z, choice.first, choice.steps)
            case Gate():
                return self._gate(choice)
            case Head():
                assert isinstance(node, Aggregate | Width)
                return self._head(node, choice)

    def _embedded(self, node: Seq) -> Form:
        atom, leaf = Atom(0, 0.0), leaves(node)[0]
        if isinstance(leaf, Tokens):
            self.tokens[atom] = evaluate(node, {leaf: self.vocab})
        else:
            self.positions[atom] = evaluate(node, {leaf: np.arange(self.longest)})
        return Form(((atom, 1.0),))

    def _steps(self, time: int, z: Form, first: float, steps: Sequence[Step]) -> Form:
        atom = Atom(time, sum(step.at(z.at_bos) for step in steps))
        units = self.blocks[block_of(time)].units
        for step in steps:
            slope = step.height / (step.high - step.low)
            units[combine([(1.0, z)], -step.low)].append((atom, slope))
            units[combine([(1.0, z)], -step.high)].append((atom, -slope))
        return Form(((atom, 1.0),), first)

    def _gate(self, choice: Gate) -> Form:
        c, a, b = map(self.form, (choice.condition, choice.then, choice.otherwise))
        a_values, b_values = self.chooser.domain(choice.then), self.chooser.domain(choice.otherwise)
        a_low, b_low = float(a_values.min()), float(b_values.min())
        a_range, b_range = float(a_values.max()) - a_low, float(b_values.max()) - b_low
        # The condition pushes the branch that is not taken below 0, where its ReLU is off.
        taken = combine([(1.0, a), (a_range, c)], -a_low - a_range)
        other = combine([(1.0, b), (-b_range, c)], -b_low)
        atom = Atom(choice.time, max(taken.at_bos, 0.0) + max(other.at_bos, 0.0))
        for unit in (taken, other):
            self.blocks[block_of(choice.time)].units[unit].append((atom, 1.0))
        return combine([(1.0, Form(((atom, 1.0),))), (a_low - b_low, c)], b_low)

    def _head(self, node: Aggregate | Width, choice: Head) -> Form:
        found = choice.scoring
        at = after_attention(max(map(self.chooser.time, found.parts()), default=0))
        into = Atom(at, found.default)
        dims = []
        for weight, query, key in found.dims:
            key_form = Form(((self.one, 1.0),)) if key is None else self.form(key)
            dims.append((self.form(query), combine([(weight, key_form)]), 0.0))
        dims.append((Form((), 1.0), self._sum(found.base, found.constant), found.bos))
        value = Form() if found.value is None else self.form(found.value)
        self.blocks[block_of(at)].heads.append(HeadLayout(tuple(dims), value, found.default, into))
        output = Form(((into, 1.0),))
        if choice.exact:
            return output
        if isinstance(node, Width):
            return self._steps(choice.time, combine([(-1.0, output)]), *count_from_share(self.longest))
        return self._steps(choice.time, output, *truncation(self.chooser.domain(node).tolist(), self.longest))
