"""How operands are drawn: one registry from names to samplers.

A sampler is a function (rng, n, operator, digits, decimals, **params) -> Problems. Register a new one with
`@sampler("name")`; `independent=True` says that rows do not depend on each other, so a large sample may be drawn
block by block, and `one_length=True` that each call draws problems of one length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from algorism.errors import DataError, UsageError, nearest
from algorism.tasks import draws
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problems

Digits = tuple[int, int]
Draw = Callable[..., Problems]


@dataclass(frozen=True)
class Sampler:
    """A named way of drawing problems; call it as draw(rng, n, operator, digits, decimals, **params)."""

    name: str
    draw: Draw
    independent: bool
    summary: str
    one_length: bool = False


SAMPLERS: dict[str, Sampler] = {}


def sampler(name: str, *, independent: bool = False, one_length: bool = False) -> Callable[[Draw], Draw]:
    """Register a drawing function under a name; its docstring's first line becomes the summary."""

    def register(draw: Draw) -> Draw:
        summary = (draw.__doc__ or name).strip().splitlines()[0]
        SAMPLERS[name] = Sampler(name, draw, independent, summary, one_length)
        return draw

    return register


def sampler_named(name: str) -> Sampler:
    """The sampler of this name.

    Raises:
        UsageError: for an unknown name, with the nearest known one.
    """
    try:
        return SAMPLERS[name]
    except KeyError:
        raise UsageError(f"Unknown sampler {name!r}. {nearest(name, SAMPLERS)}") from None


@sampler("uniform", independent=True)
def uniform(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """Operands uniform among all numbers of digits[0] to digits[1] digits; (1, 3) is 0..999, (3, 3) is 100..999."""
    arity = operator_named(operator).arity
    _integers_only("uniform", operator, decimals)
    # One draw for all operands: half the calls on arrays twice as long.
    drawn_dn = draws.between(rng, digits, arity * n).digits_dn
    return Problems.solve(operator, tuple(Numbers(drawn_dn[:, k * n : (k + 1) * n]) for k in range(arity)))


@sampler("digits", independent=True)
def digit_balanced(
    rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0, same_length: bool = False
) -> Problems:
    """Each operand's digit count uniform between digits[0] and digits[1].

    With `same_length` one count is drawn for all operands of a problem.
    """
    _integers_only("digits", operator, decimals)
    arity = operator_named(operator).arity
    lengths_kn = rng.integers(digits[0], digits[1] + 1, (1 if same_length else arity, n))
    columns = [draws.of_lengths(rng, lengths_kn[0 if same_length else k], digits[1]) for k in range(arity)]
    return Problems.solve(operator, tuple(columns))


@sampler("one-length", one_length=True)
def one_length(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """One length for the whole batch, uniform between digits[0] and digits[1]; operands of uniform digits.

    Operands may begin with zeros; padded text shows them, so that all rows of a batch are equally long.
    """
    _integers_only("one-length", operator, decimals)
    places = int(rng.integers(digits[0], digits[1] + 1))
    columns = tuple(Numbers(draws.digits(rng, places, n)) for _ in range(operator_named(operator).arity))
    return Problems.solve(operator, columns)


@sampler("falling", one_length=True)
def falling(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """As "one-length", the larger operand first: differences that are not negative."""
    problems = one_length(rng, n, operator, digits, decimals)
    if len(problems.operands) != 2:
        raise UsageError(f"sampler 'falling': expected two operands, got {operator!r}.")
    first, second = (numbers.digits_dn for numbers in problems.operands)
    differ_dn = first != second
    top_n = len(first) - 1 - differ_dn[::-1].argmax(axis=0)  # the highest place in which they differ
    swap_n = (first < second)[top_n, np.arange(n)]
    larger, smaller = np.where(swap_n, second, first), np.where(swap_n, first, second)
    return Problems.solve(operator, (Numbers(larger), Numbers(smaller)))


@sampler("by", one_length=True)
def by(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0, second: int = 2) -> Problems:
    """N × M: a first operand of one length for the whole batch, a second of `second` digits.

    Both are of uniform digits and may begin with zeros, as in "one-length".
    """
    _integers_only("by", operator, decimals)
    if operator_named(operator).arity != 2 or second < 1:
        raise UsageError(f"sampler 'by': expected two operands and second >= 1, got {operator!r} and {second}.")
    places = int(rng.integers(digits[0], digits[1] + 1))
    columns = tuple(Numbers(draws.digits(rng, width, n)) for width in (places, second))
    return Problems.solve(operator, columns)


@sampler("carries")
def carry_balanced(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """Every number of carries (0 to most_carries) equally often, to within one; operands uniform within a class.

    Raises:
        DataError: if a class is so rare that 100,000 draws per class do not fill it (long numbers).
    """
    classes = most_carries(operator, digits[1]) + 1
    quota = [n // classes + (k < n % classes) for k in range(classes)]
    kept: list[Problems] = []
    room = np.array(quota)
    for _ in range(200):
        if not room.any():
            break
        batch = uniform(rng, max(1024, 2 * n), operator, digits, decimals)
        take = capped(require_carries(batch), room)
        kept.append(batch[take])
        room = room - np.bincount(require_carries(kept[-1]), minlength=classes)
    else:
        raise too_rare("carries", room, digits)
    problems = Problems.concat(kept)
    return problems[rng.permutation(len(problems))]


def most_carries(operator: str, places: int) -> int:
    """The largest possible number of carries: the top column of larger minus smaller never borrows."""
    return places - 1 if operator == "-" else places


def require_carries(problems: Problems) -> np.ndarray:
    """Carry counts, or an error that names the operator without them."""
    if problems.carries_n is None:
        raise UsageError(f"operator {problems.operator!r} has no carry count; use sampler 'uniform' or 'digits'.")
    return problems.carries_n


def too_rare(name: str, room: np.ndarray, digits: Digits) -> DataError:
    """The error for carry classes that drawing does not fill."""
    return DataError(
        f"sampler {name!r}: carry counts {np.flatnonzero(room).tolist()} are too rare among {digits} digits to be "
        "found by drawing; use the hard set 'stratified', which builds them."
    )


def capped(class_n: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Rows to keep, in order, so that class k is taken at most room[k] times."""
    keep_n = np.zeros(len(class_n), dtype=np.bool_)
    for k, left in enumerate(room):
        keep_n[np.flatnonzero(class_n == k)[: max(0, int(left))]] = True
    return np.flatnonzero(keep_n)


def _integers_only(name: str, operator: str, decimals: int) -> None:
    if operator in ("sin", "sqrt"):
        raise UsageError(f"sampler {name!r} draws integers; for {operator!r} use sampler 'interval'.")
    if decimals:
        raise UsageError(f"sampler {name!r} draws integers, but decimals={decimals} was asked for.")


@sampler("interval", independent=True)
def interval(
    rng: Generator,
    n: int,
    operator: str,
    digits: Digits,
    decimals: int = 4,
    low: float | None = None,
    high: float | None = None,
) -> Problems:
    """Decimals uniform in [low, high], floored: [-π/2, π/2] for sin, [1, 10] for sqrt, unless given otherwise.

    All grid points are equally likely, as for floored uniform reals but for the two end cells (Lee et al. 2023).
    """
    first, count = grid(operator, decimals, low, high)
    top = first + count - 1
    places = max(decimals + 1, len(str(max(abs(first), abs(top)))))
    arity = operator_named(operator).arity
    if places <= 18:
        columns = [Numbers.from_small(rng.integers(first, top + 1, n), decimals, places=places) for _ in range(arity)]
    else:
        columns = [
            Numbers.from_ints([first + _below(rng, count) for _ in range(n)], decimals, places) for _ in range(arity)
        ]
    return Problems.solve(operator, tuple(columns))


DEFAULT_INTERVAL: dict[str, tuple[float, float]] = {"sin": (-np.pi / 2, np.pi / 2), "sqrt": (1.0, 10.0)}


def grid(operator: str, decimals: int, low: float | None, high: float | None) -> tuple[int, int]:
    """First grid point (in units of 10^-decimals) and number of grid points of an interval [low, high).

    Raises:
        UsageError: if the interval is empty, or not given for an operator without a default.
    """
    default = DEFAULT_INTERVAL.get(operator, (None, None))
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if low is None or high is None:
        raise UsageError(f"sampler 'interval': operator {operator!r} has no default interval; give low and high.")
    first, last = _floor_units(low, decimals), _floor_units(high, decimals)
    # [1, 10] means 1.0000 to 9.9999: the end itself has probability zero; a cut cell at π/2 is kept whole.
    if last / 10**decimals == high:
        last -= 1
    if last < first:
        raise UsageError(f"sampler 'interval': expected low < high, got {low} and {high}.")
    return first, last - first + 1


def _floor_units(value: float, decimals: int) -> int:
    numerator, denominator = float(value).as_integer_ratio()
    return numerator * 10**decimals // denominator


def _below(rng: Generator, bound: int) -> int:
    """A uniform Python integer in [0, bound), of any size, by rejection."""
    bits = bound.bit_length()
    while True:
        value = int.from_bytes(rng.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
        if value < bound:
            return value


def _known_parameters(draw: Draw) -> list[str]:
    import inspect

    fixed = {"rng", "n", "operator", "digits", "decimals"}
    return [p for p in inspect.signature(draw).parameters if p not in fixed]


def check_params(name: str, params: dict[str, Any]) -> None:
    """Refuse parameters that the sampler does not take, naming the nearest one it does.

    Raises:
        UsageError: for an unknown parameter.
    """
    known = _known_parameters(sampler_named(name).draw)
    for key in params:
        if key not in known:
            hint = nearest(key, known) if known else "It takes none."
            raise UsageError(f"sampler {name!r} has no parameter {key!r}. {hint}")
