"""Test sets that random problems hardly contain: every cell of digits × carries, long carry chains, nines, zeros.

Each is a function (rng, n, operator, digits, decimals) -> Problems in the registry `HARD_SETS`, built rather than
searched for, so any number of digits works.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from algorism.errors import UsageError, nearest
from algorism.tasks import draws
from algorism.tasks.numbers import U8, Numbers
from algorism.tasks.problem import Problems
from algorism.tasks.samplers import Digits

HardSet = Callable[[Generator, int, str, Digits, int], Problems]

HARD_SETS: dict[str, HardSet] = {}


def hard_set(name: str) -> Callable[[HardSet], HardSet]:
    """Register a hard test set under a name."""

    def register(build: HardSet) -> HardSet:
        HARD_SETS[name] = build
        return build

    return register


def hard(
    name: str, n: int, operator: str = "+", digits: int | Digits = 3, seed: int = 0, decimals: int = 0
) -> Problems:
    """Problems of a hard test set.

    Raises:
        UsageError: for an unknown set, with the nearest known one, or one that this operator does not have.

    >>> hard("longest_carry", 2, digits=20).carry_chain_n.tolist()
    [20, 20]
    """
    if name not in HARD_SETS:
        raise UsageError(f"Unknown hard set {name!r}. {nearest(name, HARD_SETS)}")
    lengths = (1, digits) if isinstance(digits, int) else digits
    return HARD_SETS[name](np.random.default_rng(seed), n, operator, lengths, decimals)


@hard_set("stratified")
def stratified(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """Every cell (digits of the longest operand, carries) that exists, equally often up to one.

    Which columns carry is uniform among the sets of that size, then every column's digit pair is uniform among the
    pairs that do so. For "-" the larger operand comes first in half of the problems.
    """
    _needs_carries("stratified", operator)
    cells = [
        (length, carries)
        for length in range(digits[0], digits[1] + 1)
        for carries in range(length + 1)
        # Borrows of larger minus smaller never leave the top column.
        if operator == "+" or carries < length
    ]
    order = rng.permutation(np.resize(np.arange(len(cells)), n))
    length_n = np.array([c[0] for c in cells])[order] if n else np.zeros(0, dtype=np.int64)
    carries_n = np.array([c[1] for c in cells])[order] if n else np.zeros(0, dtype=np.int64)
    columns_n = length_n if operator == "+" else length_n - 1
    # Ranking random scores per row chooses which of its columns carry.
    score_dn = np.where(np.arange(digits[1])[:, None] < columns_n, rng.random((digits[1], n)), 2.0)
    rank_dn = score_dn.argsort(axis=0).argsort(axis=0)
    return _with_carries(rng, operator, length_n, rank_dn < carries_n)


@hard_set("longest_carry")
def longest_carry(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """A carry runs through every column (for "-": a borrow through all but the top one); lengths as long as allowed."""
    _needs_carries("longest_carry", operator)
    length_n = np.full(n, digits[1])
    columns = digits[1] if operator == "+" else digits[1] - 1
    flags_dn = np.repeat(np.arange(digits[1])[:, None] < columns, n, axis=1)
    return _with_carries(rng, operator, length_n, flags_dn)


@hard_set("all_nines")
def all_nines(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """One operand is nines only; the other is 1, nines only, or random, in turn; both orders, all lengths."""
    _needs_pair("all_nines", operator)
    length_n = rng.integers(digits[0], digits[1] + 1, n)
    place_d1 = np.arange(digits[1])[:, None]
    nines_dn = (np.uint8(9) * (place_d1 < length_n)).astype(np.uint8)
    one_dn = np.zeros_like(nines_dn)
    one_dn[0] = 1
    # An operand must have the shortest allowed length, so 1 becomes 10..0 where 1 is too short.
    one_dn[0], one_dn[digits[0] - 1] = (digits[0] == 1), 1
    other_dn = draws.of_lengths(rng, rng.integers(digits[0], digits[1] + 1, n), digits[1]).digits_dn
    kind_n = np.arange(n) % 3
    second_dn = np.where(kind_n == 0, one_dn, np.where(kind_n == 1, nines_dn, other_dn))
    return _either_order(rng, operator, nines_dn, second_dn)


@hard_set("zero_operands")
def zero_operands(rng: Generator, n: int, operator: str, digits: Digits, decimals: int = 0) -> Problems:
    """One operand is 0, the other of any length (every tenth also 0); both orders."""
    _needs_pair("zero_operands", operator)
    other_dn = draws.of_lengths(rng, rng.integers(digits[0], digits[1] + 1, n), digits[1]).digits_dn
    other_dn[:, ::10] = 0
    return _either_order(rng, operator, np.zeros_like(other_dn), other_dn)


def _with_carries(rng: Generator, operator: str, length_n: np.ndarray, flags_dn: np.ndarray) -> Problems:
    """Problems whose longest operand has length_n digits and whose columns carry exactly where the flags say.

    For each column all (a, b, carry in) are listed once; a uniform one that carries, or does not, is looked up. In the
    top column the first operand's digit must not be 0.
    """
    d, n = flags_dn.shape
    a_dn, b_dn = np.zeros((d, n), dtype=np.uint8), np.zeros((d, n), dtype=np.uint8)
    carry_n = np.zeros(n, dtype=np.int64)
    tables = {
        (into, out, top): _pairs(operator, into, out, top) for into in (0, 1) for out in (0, 1) for top in (False, True)
    }
    for place in range(d):
        out_n, top_n = flags_dn[place].astype(np.int64), length_n == place + 1
        for (into, out, top), pairs in tables.items():
            rows = np.flatnonzero((carry_n == into) & (out_n == out) & (top_n == top) & (place < length_n))
            if not len(rows):
                continue
            chosen = pairs[rng.integers(0, len(pairs), len(rows))]
            a_dn[place, rows], b_dn[place, rows] = chosen[:, 0], chosen[:, 1]
        carry_n = out_n
    return _either_order(rng, operator, a_dn, b_dn)


def _pairs(operator: str, carry_in: int, carry_out: int, top: bool) -> np.ndarray:
    """All digit pairs of a column that takes in and gives out these carries; at the top the first is not 0."""
    a, b = np.divmod(np.arange(100), 10)
    flag = a + b + carry_in > 9 if operator == "+" else a - b - carry_in < 0
    wanted = (flag == bool(carry_out)) & ((a > 0) | (not top))
    return np.stack([a[wanted], b[wanted]], axis=1).astype(np.uint8)


def _either_order(rng: Generator, operator: str, a_dn: U8, b_dn: U8) -> Problems:
    swap_n = rng.random(a_dn.shape[1]) < 0.5
    first, second = np.where(swap_n, b_dn, a_dn), np.where(swap_n, a_dn, b_dn)
    return Problems.solve(operator, (Numbers(first), Numbers(second)))


def _needs_carries(name: str, operator: str) -> None:
    if operator not in ("+", "-"):
        raise UsageError(f"hard set {name!r} is for + and -, which carry; got {operator!r}.")


def _needs_pair(name: str, operator: str) -> None:
    if operator not in ("+", "-", "*"):
        raise UsageError(f"hard set {name!r} is for operators with two operands; got {operator!r}.")
