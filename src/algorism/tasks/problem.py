"""Problems as columns, and one problem as a person would hold it. Knows nothing of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from algorism.errors import ShapeError
from algorism.tasks.numbers import Numbers, int_text
from algorism.tasks.operators import operator

_SMALL_PAIR, _SMALL_SINGLE = 9, 18  # digits up to which a key is the problem itself


@dataclass(frozen=True)
class Problem:
    """One question with its exact answer: Python integers, or Decimals where there are decimals.

    `facts` holds digits (of the longest operand) and, where the operator carries, carries and carry_chain.
    """

    operator: str
    operands: tuple[int | Decimal, ...]
    answer: int | Decimal
    facts: dict[str, int]

    @property
    def question(self) -> str:
        """The question in plain notation: "128+367", "sin(1.0313)"."""
        texts = [_text(x) for x in self.operands]
        return f"{self.operator}({texts[0]})" if len(texts) == 1 else self.operator.join(texts)

    @property
    def answer_text(self) -> str:
        """The answer in plain notation: "495", "-2", "0.8578"."""
        return _text(self.answer)


@dataclass(frozen=True, eq=False)
class Problems:
    """n problems of one operator, in columns; carries and digit counts are worked out when first asked for.

    >>> problems = Problems.of("+", [128, 999], [367, 1])
    >>> problems.answer.strings(), problems.carries_n.tolist(), problems.carry_chain_n.tolist()
    (['495', '1000'], [1, 3], [1, 3])
    >>> problems[0].question, problems[0].answer
    ('128+367', 495)
    """

    operator: str
    operands: tuple[Numbers, ...]
    answer: Numbers

    @classmethod
    def solve(cls, symbol: str, operands: tuple[Numbers, ...]) -> "Problems":
        """Problems with their exact answers, from columns of operands."""
        return cls(symbol, operands, operator(symbol).solve(operands))

    @classmethod
    def of(cls, symbol: str, *operands: Iterable[int], decimals: int = 0) -> "Problems":
        """Problems from Python integers (in units of 10^-decimals), one iterable per operand."""
        return cls.solve(symbol, tuple(Numbers.from_ints(values, decimals) for values in operands))

    def __len__(self) -> int:
        return len(self.answer)

    @overload
    def __getitem__(self, rows: int) -> Problem: ...
    @overload
    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> "Problems": ...
    def __getitem__(self, rows: int | slice | NDArray[Any] | Sequence[int]) -> "Problem | Problems":
        """One problem for an integer; problems for a slice, an index array or a mask."""
        if isinstance(rows, (int, np.integer)):
            row = int(rows)
            if not -len(self) <= row < len(self):
                raise IndexError(f"Problems: row {row} of {len(self)}")
            return self[[row % len(self)]]._single()
        return Problems(self.operator, tuple(o[rows] for o in self.operands), self.answer[rows])

    @cached_property
    def digits_n(self) -> NDArray[np.int32]:
        """Digits of the longest operand: int32 (n,)."""
        return np.maximum.reduce([o.length_n for o in self.operands])

    @property
    def carries_n(self) -> NDArray[np.int32] | None:
        """Carries (borrows for "-") per problem; None for operators without them."""
        return None if self._carries is None else self._carries[0]

    @property
    def carry_chain_n(self) -> NDArray[np.int32] | None:
        """Longest run of neighbouring columns that carry; None for operators without carries."""
        return None if self._carries is None else self._carries[1]

    @cached_property
    def _carries(self) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        return operator(self.operator).carries(self.operands)

    def keys(self) -> NDArray[np.uint64]:
        """A number per problem that tells problems of one operator apart: uint64 (n,).

        Exact for two operands of up to 9 digits (one of up to 18). Beyond that it is a 64-bit mix: two different
        problems share a key with probability 2^-63, and then count as the same. Leading zeros do not matter.

        >>> Problems.of("+", [12], [3]).keys() == Problems.of("+", [12, 10**9], [3, 5]).keys()[:1]
        array([ True])
        """
        limit = _SMALL_SINGLE if len(self.operands) == 1 else _SMALL_PAIR
        key_n = np.zeros(len(self), dtype=np.uint64)
        shift = np.uint64(0 if len(self.operands) == 1 else 31)
        for numbers in self.operands:
            low = numbers if numbers.places <= limit else Numbers(numbers.digits_dn[:limit], numbers.negative_n)
            key_n = (key_n << shift) | _zigzag(low)
        long_n = np.zeros(len(self), dtype=np.bool_)
        for numbers in self.operands:
            if numbers.places > limit:
                long_n |= numbers.length_n > limit
        if long_n.any():
            mixed_n = np.zeros(int(long_n.sum()), dtype=np.uint64)
            for numbers in self.operands:
                mixed_n = _mix(mixed_n * np.uint64(0x9E3779B97F4A7C15) + _digest(numbers[long_n]) + np.uint64(1))
            key_n[long_n] = mixed_n | np.uint64(1 << 63)
        return key_n

    @staticmethod
    def concat(parts: Sequence["Problems"]) -> "Problems":
        """One column of problems from several, in order.

        Raises:
            ShapeError: if there are none, or they differ in operator or decimals.
        """
        if len({p.operator for p in parts}) != 1:
            raise ShapeError(f"Problems.concat: expected one operator, got {[p.operator for p in parts]}.")
        columns = [Numbers.concat(column) for column in zip(*(p.operands for p in parts), strict=True)]
        return Problems(parts[0].operator, tuple(columns), Numbers.concat([p.answer for p in parts]))

    def _single(self) -> Problem:
        values = [o.to_decimals()[0] if o.decimals else o.to_ints()[0] for o in (*self.operands, self.answer)]
        facts = {"digits": int(self.digits_n[0])}
        if self.carries_n is not None and self.carry_chain_n is not None:
            facts |= {"carries": int(self.carries_n[0]), "carry_chain": int(self.carry_chain_n[0])}
        return Problem(self.operator, tuple(values[:-1]), values[-1], facts)


def _text(value: int | Decimal) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"-{int_text(-value)}" if value < 0 else int_text(value)


def _zigzag(numbers: Numbers) -> NDArray[np.uint64]:
    """Value and sign in one unsigned number: 0, -0 apart, 1, -1 ... become 0, 1, 2, 3 ..."""
    magnitude_n = Numbers(numbers.digits_dn).small().astype(np.uint64) << np.uint64(1)
    return magnitude_n if numbers.negative_n is None else magnitude_n | numbers.negative_n.astype(np.uint64)


def _digest(numbers: Numbers) -> NDArray[np.uint64]:
    """A 64-bit mix of all digits and the sign; zeros above the first digit leave it at zero, so they do not count."""
    digest_n = np.zeros(len(numbers), dtype=np.uint64)
    for plane_n in numbers.digits_dn[::-1]:
        digest_n = _mix(digest_n * np.uint64(0xD6E8FEB86659FD93) + plane_n)
    return digest_n if numbers.negative_n is None else digest_n ^ numbers.negative_n


def _mix(x_n: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finishing steps of splitmix64 (Steele, Lea and Flood 2014); 0 stays 0."""
    x_n = (x_n ^ (x_n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x_n = (x_n ^ (x_n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x_n ^ (x_n >> np.uint64(31))
