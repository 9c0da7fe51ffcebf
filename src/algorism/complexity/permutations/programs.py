"""Programs of templates that are executed by a network trained on one example per template.

A program's state is a row of bits. Each *template* says which bits it looks for and which bits it then writes as 1. The
network has one input per template and is trained on the basis vectors alone: template i alone must give the bits that
template i writes. To execute a step, all templates that match the state are marked, the marks are scaled to length 1,
and each output bit becomes 1 if the mean prediction is above a threshold. That is exact as long as the prediction keeps
the two kinds of bits apart, which every execution records in a certificate. The mean of infinitely many networks is
used, in closed form (arXiv 2502.16763 for permutations, its follow-up for addition).

Shape letters: b states executed at once; s bits of a state; t templates.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError, UsageError
from .kernels import Regime, checked_bits
from .moments import coefficients, moments

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Template:
    """Which bits of the state must have which values, and which bits of the next state are then 1.

    Args:
        when: place of a bit → the value it must have.
        then: places of the bits that become 1.
    """

    when: Mapping[int, bool]
    then: Sequence[int]


@dataclass(frozen=True)
class Certificate:
    """What kept an execution exact: how far apart the predictions of 1 bits and of 0 bits stayed.

    Args:
        lowest_set: smallest mean among bits that a matching template writes; inf if there was none.
        highest_unset: largest mean among the other bits; -inf if there was none.
        smallest_mean: smallest size of a mean, of those that are not 0 up to rounding; inf if there is none.
        largest_variance: of one network's prediction, over all steps.
        checks: bits decided in one run, over all steps.
        right: whether every bit was decided as the templates say.
    """

    lowest_set: float
    highest_unset: float
    smallest_mean: float
    largest_variance: float
    checks: int
    right: bool

    @property
    def threshold(self) -> float:
        """Midway between the two kinds of bits, where an average of finitely many networks is best cut."""
        return (self.lowest_set + self.highest_unset) / 2

    def networks_sufficient(self, delta: float) -> float:
        """N for which one run, cut at `threshold`, is wholly right with probability at least 1 − δ.

        Gaussian tails, and a union over all bits of all steps: 8 σ²/gap² · ln(2·checks/δ). A threshold of 0 would not
        do for a bit that no template writes: its mean is 0.

        Raises:
            UsageError: for δ outside (0, 1), or an execution that did not keep the bits apart.
        """
        if not 0 < delta < 1:
            raise UsageError(f"delta must lie between 0 and 1, got {delta}.")
        gap = self.lowest_set - self.highest_unset
        if not (self.right and gap > 0):
            raise UsageError("This execution did not keep 1 bits and 0 bits apart; no ensemble makes it reliable.")
        return 8 * self.largest_variance / gap**2 * math.log(2 * self.checks / delta) if math.isfinite(gap) else 1.0


@dataclass(frozen=True)
class Execution:
    """The last states of a batch, and what the execution relied on."""

    states_bs: Bools
    certificate: Certificate


@dataclass(frozen=True)
class Program:
    """Templates over a state of so many bits.

    Args:
        state_bits: length of the state.
        templates: at least one; each marks one input of the network.

    Raises:
        UsageError: for no templates, or places outside the state.

    >>> swap = Program(2, [Template({0: True}, [1]), Template({1: True}, [0])])
    >>> swap.run([[1, 0], [1, 1]]).states_bs.astype(int).tolist()
    [[0, 1], [1, 1]]
    """

    state_bits: int
    templates: Sequence[Template]
    _needs_ts: NDArray[np.int8] = field(init=False, repr=False, compare=False)
    _writes_ts: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        checked_bits(self.state_bits)
        if not self.templates:
            raise UsageError("A program needs at least one template.")
        needs_ts = np.full((len(self.templates), self.state_bits), -1, dtype=np.int8)  # -1: either value
        writes_ts = np.zeros((len(self.templates), self.state_bits), dtype=np.int64)
        for number, template in enumerate(self.templates):
            for place in [*template.when, *template.then]:
                if not 0 <= place < self.state_bits:
                    raise UsageError(
                        f"Template {number} names bit {place}; the state has bits 0 to {self.state_bits - 1}."
                    )
            for place, value in template.when.items():
                needs_ts[number, place] = bool(value)
            writes_ts[number, list(template.then)] = 1
        object.__setattr__(self, "_needs_ts", needs_ts)
        object.__setattr__(self, "_writes_ts", writes_ts)

    @property
    def targets_ts(self) -> NDArray[np.int64]:
        """What the network is trained on: row i is the output asked for the i-th basis vector."""
        return self._writes_ts.copy()

    def matches(self, states_bs: ArrayLike) -> Bools:
        """(b, t) booleans: which templates match which states."""
        return self._matches(self._states(states_bs))

    def _matches(self, state_bs: NDArray[np.int64]) -> Bools:
        wants_0_st, wants_1_st = (self._needs_ts == 0).T.astype(int), (self._needs_ts == 1).T.astype(int)
        return state_bs @ wants_0_st + (1 - state_bs) @ wants_1_st == 0

    def run(
        self, states_bs: ArrayLike, iterations: int = 1, regime: Regime | float = "ntk", threshold: float = 1e-10
    ) -> Execution:
        """Execute by the network's mean prediction. A state that no template matches becomes all zeros.

        Args:
            states_bs: 0/1 states, one a row.
            iterations: steps.
            regime: "ntk", "last-layer", or the first layer's weight.
            threshold: a bit is set if its mean is above; a little over 0, because bits can have mean 0 exactly.

        Raises:
            ShapeError: for states of another length.
            UsageError: for entries other than 0 and 1, or fewer than one iteration.
        """
        if iterations < 1:
            raise UsageError(f"iterations must be at least 1, got {iterations}.")
        state_bs = self._states(states_bs)
        inputs = len(self.templates)
        lowest, highest, smallest, variance, right = math.inf, -math.inf, math.inf, 0.0, True
        for _ in range(iterations):
            marks_bt = self._matches(state_bs)
            count_b = marks_bt.sum(axis=1)
            on_b, off_b = coefficients(inputs, np.maximum(count_b, 1), regime)
            hits_bs = marks_bt.astype(int) @ self._writes_ts
            misses_bs = self._writes_ts.sum(axis=0) - hits_bs
            means_bs = np.where(count_b > 0, on_b, 0.0)[:, None] * hits_bs + off_b[:, None] * misses_bs
            means_bs[count_b == 0] = 0.0  # the network maps the zero vector to zero
            wanted_bs = hits_bs > 0
            if wanted_bs.any():
                lowest = min(lowest, float(means_bs[wanted_bs].min()))
            if not wanted_bs.all():
                highest = max(highest, float(means_bs[~wanted_bs].max()))
            sizes_bs = np.abs(means_bs)
            smallest = min(smallest, float(sizes_bs.min(initial=math.inf, where=sizes_bs > 1e-12)))
            met = np.unique(count_b[count_b > 0])
            variance = max(variance, float(moments(inputs, met, regime).variance.max(initial=0.0)))
            state_bs = (means_bs > threshold).astype(np.int64)
            right = right and bool((state_bs == wanted_bs).all())
        checks = iterations * self.state_bits
        certificate = Certificate(lowest, highest, smallest, variance, checks, right)
        return Execution(state_bs.astype(bool), certificate)

    def _states(self, states: ArrayLike) -> NDArray[np.int64]:
        states_bs = np.asarray(states)
        if states_bs.ndim != 2 or states_bs.shape[1] != self.state_bits or not len(states_bs):
            raise ShapeError(f"Expected states of shape (batch, {self.state_bits}), got {states_bs.shape}.")
        if not np.isin(states_bs, (0, 1)).all():
            raise UsageError("A state holds 0 and 1 only.")
        return states_bs.astype(np.int64)


def permutation_program(order: Sequence[int]) -> Program:
    """One template per bit: bit i of the state moves to place order[i].

    Raises:
        UsageError: unless `order` is a permutation of 0 … k − 1.

    >>> permutation_program([1, 2, 0]).run([[1, 1, 0]]).states_bs.astype(int).tolist()
    [[0, 1, 1]]
    """
    if sorted(order) != list(range(len(order))):
        raise UsageError(f"Expected a permutation of 0 … {len(order) - 1}, got {list(order)}.")
    return Program(len(order), [Template({i: True}, [int(place)]) for i, place in enumerate(order)])


def addition_program(bits: int) -> Program:
    """Binary addition in 4·bits templates, run for 2·bits iterations.

    The state holds p, q and c, each with its lowest bit first. A step writes p xor q to p and the carries p and q to c;
    the next moves them one place up, to q. In the end p holds the sum without its last carry, which stays in c.
    """
    bits = checked_bits(bits)
    p, q, c = range(bits), range(bits, 2 * bits), range(2 * bits, 3 * bits)
    templates = []
    for i in range(bits):
        templates += [
            Template({q[i]: True, p[i]: False}, [p[i]]),
            Template({q[i]: False, p[i]: True}, [p[i]]),
            Template({q[i]: True, p[i]: True}, [c[i]]),
            Template({c[i]: True}, [q[i + 1] if i + 1 < bits else c[i]]),  # the last carry is kept
        ]
    return Program(3 * bits, templates)


def add(
    a_b: ArrayLike, b_b: ArrayLike, bits: int, regime: Regime | float = "ntk"
) -> tuple[NDArray[np.int64], Certificate]:
    """Sums of numbers below 2^bits, computed by the network's mean prediction.

    Args:
        a_b: whole numbers.
        b_b: as many, each to be added to the one of `a_b` at its place.
        bits: of each number, at most 60.
        regime: "ntk", "last-layer", or the first layer's weight.

    Raises:
        ShapeError: unless both are rows of equal length.
        UsageError: for numbers that do not fit into so many bits.

    >>> sums, certificate = add([5, 7], [6, 7], bits=3)
    >>> sums.tolist(), certificate.right
    ([11, 14], True)
    """
    a_b, b_b = np.asarray(a_b), np.asarray(b_b)
    if a_b.ndim != 1 or a_b.shape != b_b.shape or not len(a_b):
        raise ShapeError(f"add: expected two rows of equally many numbers, got shapes {a_b.shape} and {b_b.shape}.")
    program = addition_program(bits)
    numbers = np.stack([a_b, b_b])
    if bits > 60 or not np.issubdtype(numbers.dtype, np.integer) or numbers.min() < 0 or numbers.max() >> bits:
        raise UsageError(f"add: expected whole numbers from 0 to 2^{bits} - 1, of at most 60 bits.")
    digits = np.arange(bits)
    p_bl, q_bl = (numbers[:, :, None] >> digits) & 1
    done = program.run(np.concatenate([p_bl, q_bl, np.zeros_like(p_bl)], axis=1), 2 * bits, regime)
    p_bl, _, c_bl = np.split(done.states_bs.astype(np.int64), 3, axis=1)
    return (p_bl << digits).sum(axis=1) + (c_bl[:, -1] << bits), done.certificate
