"""Functions of one number as sums of steps: what an MLP with ReLU computes exactly.

A step rises from 0 to 1 between two values that can occur, as the difference of two ReLUs. It is flat around the values
themselves, so small errors of its input are gone from its output.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..functions import Ints


@dataclass(frozen=True)
class Step:
    """`height` times a ramp from 0 at `low` to 1 at `high`."""

    low: float
    high: float
    height: float

    def at(self, z: float) -> float:
        """Evaluate, as the two ReLUs do."""
        return self.height * (max(z - self.low, 0.0) - max(z - self.high, 0.0)) / (self.high - self.low)


def lookup(inputs: Ints, outputs: Ints) -> tuple[float, list[Step]]:
    """Return the value at the least input, and the steps that lead to the others.

    Args:
        inputs: distinct integers, rising.
        outputs: the function's values there.

    >>> import numpy as np
    >>> lookup(np.array([0, 1, 4]), np.array([7, 7, 9]))
    (7.0, [Step(low=2.25, high=2.75, height=2.0)])
    """
    steps = []
    for i in range(1, len(inputs)):
        height = float(outputs[i] - outputs[i - 1])
        if height:
            middle = (inputs[i] + inputs[i - 1]) / 2
            steps.append(Step(float(middle - 0.25), float(middle + 0.25), height))
    return float(outputs[0]), steps


def truncation(values: Sequence[int], longest: int) -> tuple[float, list[Step]]:
    """Return steps that truncate a mean of up to `longest` integers toward 0.

    Such a mean is a multiple of 1/n with n ≤ longest, which leaves 1/longest between it and the next integer.

    Args:
        values: integers, the least and the largest of which the mean lies between.
        longest: most numbers in the mean.
    """
    third = 1 / (3 * longest)
    low, high = min(values), max(values)
    ends = [
        (m - 2 * third, m - third) if m > 0 else (m - 1 + third, m - 1 + 2 * third) for m in range(low + 1, high + 1)
    ]
    return float(low), [Step(a, b, 1.0) for a, b in ends]


def count_from_share(longest: int) -> tuple[float, list[Step]]:
    """Return steps that give n for −1/(1 + n), n = 0..longest.

    1/(1 + n) is the share of attention that BOS keeps when n other positions are selected with it.
    """
    steps = []
    for n in range(1, longest + 1):
        low, high = -1 / n, -1 / (n + 1)
        third = (high - low) / 3
        steps.append(Step(low + third, high - third, 1.0))
    return 0.0, steps
