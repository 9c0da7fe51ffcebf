"""A column of exact numbers, held as digit planes: one uint8 array per decimal place, so n numbers cost d arrays.

Shape letters: d decimal place (0 is the units, or the last decimal), n row. Knows nothing of problems or text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import ShapeError

U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]

_CHUNK = 4000  # Python refuses to convert strings of more than 4300 digits to int in one go


@dataclass(frozen=True, eq=False)
class Numbers:
    """n exact decimal numbers: digits, signs, and how many decimals all of them have.

    Args:
        digits_dn: uint8 (d, n), values 0-9; row 0 is the last place. Zeros above a number's own digits are not written.
        negative_n: which numbers are below zero; None when none is.
        decimals: places after the point, the same for every row.

    >>> column = Numbers.from_ints([128, -7, 0])
    >>> column.digits_dn.shape, column.length_n.tolist(), column.strings()
    ((3, 3), [3, 1, 1], ['128', '-7', '0'])
    >>> Numbers.from_ints([8578, -1], decimals=4).strings()
    ['0.8578', '-0.0001']
    """

    digits_dn: U8
    negative_n: Bools | None = None
    decimals: int = 0

    def __post_init__(self) -> None:
        """Refuse planes that cannot hold a number.

        Raises:
            ShapeError: if digits_dn is not two-dimensional uint8, or has no row for the integer digit.
        """
        if self.digits_dn.ndim != 2 or self.digits_dn.dtype != np.uint8:
            got = f"{self.digits_dn.dtype} {self.digits_dn.shape}"
            raise ShapeError(f"Numbers: expected digit planes uint8 (d, n), got {got}.")
        if self.digits_dn.shape[0] < self.decimals + 1:
            raise ShapeError(
                f"Numbers: {self.decimals} decimals and one integer digit need {self.decimals + 1} planes, "
                f"got {self.digits_dn.shape[0]}."
            )

    @property
    def places(self) -> int:
        """Number of digit planes: no number here is written with more digits than this."""
        return self.digits_dn.shape[0]

    @cached_property
    def length_n(self) -> NDArray[np.int32]:
        """Digits written per number: no leading zeros, but all decimals and at least one integer digit."""
        narrow = np.uint8 if self.places < 256 else np.int32
        length_n = np.full(len(self), self.decimals + 1, dtype=narrow)
        for place in range(self.decimals + 1, self.places):
            np.maximum(length_n, (self.digits_dn[place] != 0) * narrow(place + 1), out=length_n)
        return length_n.astype(np.int32)

    @cached_property
    def full(self) -> bool:
        """Whether every number is written with all `places` digits (no leading zeros anywhere)."""
        if self.places == self.decimals + 1:
            return True
        return bool(len(self)) and int(self.digits_dn[-1].min()) > 0

    @classmethod
    def from_ints(cls, values: Iterable[int], decimals: int = 0, places: int | None = None) -> "Numbers":
        """Numbers from Python integers that count units of 10^-decimals.

        Args:
            values: any integers, of any size.
            decimals: places after the point.
            places: digit planes to hold; default: as many as the longest number needs.

        Raises:
            ShapeError: if `places` is too small for a value.
        """
        ints = [int(v) for v in values]
        texts = [int_text(abs(v)) for v in ints]
        need = max([decimals + 1, *map(len, texts)])
        if places is not None and places < need:
            raise ShapeError(f"Numbers.from_ints: {need} digit planes are needed, only {places} were asked for.")
        width = need if places is None else places
        flat = np.frombuffer("".join(t.zfill(width) for t in texts).encode(), dtype=np.uint8)
        digits_nd = flat.reshape(len(ints), width) - np.uint8(48)
        negative_n = np.fromiter((v < 0 for v in ints), dtype=np.bool_, count=len(ints))
        planes_dn = np.ascontiguousarray(digits_nd[:, ::-1].T)
        return cls(planes_dn, negative_n if negative_n.any() else None, decimals)

    def to_ints(self) -> list[int]:
        """Python integers in units of 10^-decimals, exact at any size.

        >>> Numbers.from_ints([10**30, -5]).to_ints() == [10**30, -5]
        True
        """
        width, raw = self.places, self._bytes()
        values = [_to_int(raw[i * width : (i + 1) * width]) for i in range(len(self))]
        if self.negative_n is None:
            return values
        return [-v if minus else v for v, minus in zip(values, self.negative_n.tolist(), strict=True)]

    def to_decimals(self) -> list[Decimal]:
        """Exact `decimal.Decimal` values, whatever the current decimal context is."""
        exact = Context(prec=self.places + 1)
        return [Decimal(v).scaleb(-self.decimals, exact) for v in self.to_ints()]

    def strings(self) -> list[str]:
        """The numbers as people write them: "495", "-2", "0.8578"."""
        width, raw = self.places, self._bytes().decode()
        lengths = self.length_n.tolist()
        texts = [raw[(i + 1) * width - length : (i + 1) * width] for i, length in enumerate(lengths)]
        if self.decimals:
            texts = [f"{t[: -self.decimals]}.{t[-self.decimals :]}" for t in texts]
        if self.negative_n is None:
            return texts
        return [f"-{t}" if minus else t for t, minus in zip(texts, self.negative_n.tolist(), strict=True)]

    def __len__(self) -> int:
        return self.digits_dn.shape[1]

    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> "Numbers":
        """The chosen rows (slice, index array or boolean mask), with the same places and decimals."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        negative_n = None if self.negative_n is None else self.negative_n[index]
        return Numbers(self.digits_dn[:, index], negative_n, self.decimals)

    def widened(self, places: int) -> "Numbers":
        """The same numbers with at least `places` digit planes."""
        if places <= self.places:
            return self
        more = np.zeros((places - self.places, len(self)), dtype=np.uint8)
        return Numbers(np.concatenate([self.digits_dn, more]), self.negative_n, self.decimals)

    @staticmethod
    def concat(parts: Sequence["Numbers"]) -> "Numbers":
        """One column from several, in order; the places are those of the longest.

        Raises:
            ShapeError: if the parts differ in decimals, or there are none.
        """
        if len({p.decimals for p in parts}) != 1:
            raise ShapeError(f"Numbers.concat: all parts need the same decimals, got {[p.decimals for p in parts]}.")
        if len(parts) == 1:
            return parts[0]
        places = max(p.places for p in parts)
        digits_dn = np.concatenate([p.widened(places).digits_dn for p in parts], axis=1)
        signs = None
        if any(p.negative_n is not None for p in parts):
            empty = [np.zeros(len(p), dtype=np.bool_) if p.negative_n is None else p.negative_n for p in parts]
            signs = np.concatenate(empty)
        return Numbers(digits_dn, signs, parts[0].decimals)

    def small(self) -> NDArray[np.int64]:
        """The values as int64 in units of 10^-decimals; only for at most 18 places.

        Raises:
            ShapeError: with more than 18 digit planes, which int64 cannot hold.
        """
        if self.places > 18:
            raise ShapeError(f"Numbers.small: int64 holds 18 digits, these numbers have {self.places}; use to_ints().")
        value_n = np.zeros(len(self), dtype=np.int64)
        for plane_n in self.digits_dn[::-1]:
            value_n *= 10
            value_n += plane_n
        return value_n if self.negative_n is None else np.where(self.negative_n, -value_n, value_n)

    @classmethod
    def from_small(cls, values_n: NDArray[Any], decimals: int = 0, places: int | None = None) -> "Numbers":
        """Numbers from an int64 array in units of 10^-decimals, without a Python object per number."""
        values_n = np.asarray(values_n, dtype=np.int64)
        rest_n = np.abs(values_n)
        top = int(rest_n.max()) if len(rest_n) else 0
        width = max(decimals + 1, len(str(top))) if places is None else places
        digits_dn = np.empty((width, len(values_n)), dtype=np.uint8)
        for place in range(width):
            quotient_n = rest_n // 10
            digits_dn[place] = rest_n - 10 * quotient_n
            rest_n = quotient_n
        if rest_n.any():
            raise ShapeError(f"Numbers.from_small: {top} does not fit in {width} digits.")
        negative_n = values_n < 0
        return cls(digits_dn, negative_n if negative_n.any() else None, decimals)

    def _bytes(self) -> bytes:
        """ASCII digits of every number, most significant first, all places, one number after the other."""
        return (np.ascontiguousarray(self.digits_dn[::-1].T) + np.uint8(48)).tobytes()


def int_text(value: int) -> str:
    """Decimal digits of a non-negative integer of any size (Python's own `str` stops at 4300 digits)."""
    if value.bit_length() < 13_000:
        return str(value)
    power = 10**_CHUNK
    pieces: list[str] = []
    while value >= power:
        value, low = divmod(value, power)
        pieces.append(str(low).zfill(_CHUNK))
    return str(value) + "".join(reversed(pieces))


def _to_int(digits: bytes) -> int:
    if len(digits) <= _CHUNK:
        return int(digits)
    value = 0
    for start in range(0, len(digits), _CHUNK):
        piece = digits[start : start + _CHUNK]
        value = value * 10 ** len(piece) + int(piece)
    return value
