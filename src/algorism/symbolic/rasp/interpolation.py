"""The polynomial of minimum degree through a training set in which some bits never vary, exactly.

It is the rival of "the shortest program" as an account of what networks learn: it cannot depend on a bit that never
varies in training, so on AND it answers wrongly when that bit is 0, and a trained transformer does not.
Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), section 4 and Lemma 4.1; the interpolator is that of
Abbe et al. (arXiv 2301.13105).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from ...errors import ShapeError, UsageError

MOST_BITS = 12


@dataclass(frozen=True)
class Polynomial:
    """A polynomial in the Fourier basis: the sum of c_S · Π_{i in S} (1 − 2·x_i).

    Attributes:
        bits: number of variables.
        coefficients: c_S by S; those that are 0 are left out.
    """

    bits: int
    coefficients: Mapping[frozenset[int], Fraction]

    def __call__(self, x: Sequence[int]) -> Fraction:
        """Evaluate at bits x.

        Raises:
            ShapeError: another number of bits.
        """
        if len(x) != self.bits:
            raise ShapeError(f"Polynomial: expected {self.bits} bits, got {len(x)}.")
        return sum(
            (c * (-1) ** sum(x[i] for i in subset) for subset, c in self.coefficients.items()), start=Fraction(0)
        )

    @property
    def degree(self) -> int:
        """The size of the largest S; 0 for a constant."""
        return max(map(len, self.coefficients), default=0)


def min_degree_interpolator(bits: int, frozen: Mapping[int, int], label: Callable[[Sequence[int]], int]) -> Polynomial:
    """Fit every input whose frozen bits have their values, with the least weight on high degrees.

    On such a set a product over S equals, up to its sign, the product over the bits of S that vary, whose degree is no
    higher. So all weight goes to subsets of the varying bits, where the fit is the Fourier expansion and unique.

    Args:
        bits: number of bits, at most 12.
        frozen: the value of each bit that never varies, by its place from 0.
        label: the function to be fitted, with integer values.

    Raises:
        UsageError: more than 12 bits; a place or value out of range.

    >>> both = min_degree_interpolator(3, frozen={2: 1}, label=lambda x: int(all(x)))
    >>> [int(both(x)) for x in [(1, 1, 1), (1, 0, 1), (1, 1, 0)]]  # the last one is wrong
    [1, 0, 1]
    """
    if not 1 <= bits <= MOST_BITS:
        raise UsageError(f"min_degree_interpolator: expected 1 to {MOST_BITS} bits, got {bits}.")
    for place, value in frozen.items():
        if place not in range(bits) or value not in (0, 1):
            raise UsageError(f"frozen: expected places 0..{bits - 1} with values 0 or 1, got {place}: {value}.")
    varying = [i for i in range(bits) if i not in frozen]
    values = []
    for chosen in product((0, 1), repeat=len(varying)):
        x = [frozen.get(i, 0) for i in range(bits)]
        for place, bit in zip(varying, chosen):
            x[place] = bit
        values.append(int(label(x)))
    coefficients = {}
    for number, total in enumerate(walsh(values)):
        subset = frozenset(p for k, p in enumerate(varying) if number >> (len(varying) - 1 - k) & 1)
        if total:
            coefficients[subset] = Fraction(total, len(values))
    return Polynomial(bits, coefficients)


def walsh(values: Sequence[int]) -> list[int]:
    """Return the sums of values[x] · (−1)^|S & x| for every S, in exact integers; the length is a power of two.

    >>> walsh([0, 0, 0, 1])
    [1, -1, -1, 1]
    """
    out, step = list(values), 1
    while step < len(out):
        for start in range(0, len(out), 2 * step):
            for i in range(start, start + step):
                out[i], out[i + step] = out[i] + out[i + step], out[i] - out[i + step]
        step *= 2
    return out
