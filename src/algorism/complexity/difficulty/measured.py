"""What the measures of all kinds of task share: settings, inputs with their origin, and the result.

Shape letters: n example, d coordinate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import UsageError
from .dimension import Dimension, likelihood_dimension
from .estimate import Estimate
from .formula import Difficulty
from .points import Points, numbers
from .sensitivity import Sensitivity, sensitivities
from .tasks import TaskRecord


@dataclass(frozen=True)
class Settings:
    """How to estimate. Compare two tasks only at equal settings: the dimension enters exponentially.

    Args:
        k: neighbours, for the dimension.
        queries: points whose neighbours are looked up.
        pairs: pairs of inputs drawn for the resolution.
        seed: of all draws.
        device: for the search of neighbours.
    """

    k: int = 5
    queries: int = 10_000
    pairs: int = 4_000_000
    seed: int = 0
    device: str = "cpu"


DEFAULT = Settings()


@dataclass(frozen=True)
class Measured:
    """The difficulty of a task given as data.

    Attributes:
        task: what was put into the formula.
        inputs: each input with how it was found, in the order of the task's fields.
        difficulty: at the estimates.
        low, high: log10 of the bits at the two ends of the intervals of dimension and resolution.
        notes: what was left out of the data, and what to keep in mind.
    """

    task: TaskRecord
    inputs: dict[str, Estimate]
    difficulty: Difficulty
    low: float
    high: float
    notes: tuple[str, ...] = field(default=())

    @property
    def sensitivities(self) -> list[Sensitivity]:
        """How the bits change with each input."""
        return sensitivities(self.task)


def radius(table: ArrayLike) -> Estimate:
    """Largest norm of an input; bytes count as pixels, of which 255 make 1.

    >>> radius([[3.0, 4.0], [1.0, 0.0]]).value
    5.0
    """
    values_nd = numbers(table)
    unit = 1 / 255 if values_nd.dtype == np.uint8 else 1.0
    largest = 0.0
    for first in range(0, len(values_nd), 4_096):
        part_nd = values_nd[first : first + 4_096].astype(np.float64)
        largest = max(largest, float(np.einsum("nd,nd->n", part_nd, part_nd).max()))
    return Estimate.exact(largest**0.5 * unit, "largest norm of an input")


def dimension_of(points: Points, asked: float | None, settings: Settings) -> tuple[Estimate, tuple[str, ...]]:
    """The dimension, estimated unless it was given, and what was left out of the points."""
    if asked is not None and not asked >= 1:
        raise UsageError(f"The dimension must be at least 1, got {asked}.")
    notes = []
    if points.duplicates:
        notes.append(f"{points.duplicates:,} rows repeat an earlier one exactly and were left out of the estimates.")
    if points.constant_columns:
        notes.append(f"{points.constant_columns:,} columns are the same in every row and say nothing.")
    if asked is not None:
        return Estimate.exact(asked, "given"), tuple(notes)
    found = likelihood_dimension(
        points, settings.k, queries=settings.queries, seed=settings.seed, device=settings.device
    )
    if found.value > 10:
        notes.append("Dimensions above 10 come out too low; compare only with tasks measured at the same settings.")
    return rounded(found, ""), tuple(notes)


def rounded(found: Dimension, where: str) -> Estimate:
    """The nearest whole dimension, as the paper uses it, with an interval that holds the estimate's."""
    how = (
        f"{where}{found.method}; {found.queries:,} points among {found.points:,}: {found.value:.2f} "
        f"[{found.low:.2f}, {found.high:.2f}], rounded"
    )
    value = float(found.rounded)
    return Estimate(value, min(value, max(1.0, found.low)), max(value, found.high), how)


def given(value: float | None) -> Estimate | None:
    """A value that the person knows better."""
    return None if value is None else Estimate.exact(value, "given")


def samples_of(n: int, asked: int | None) -> Estimate:
    """The size of the training set: the rows that are there, or the number that was given."""
    if asked is not None and asked < 1:
        raise UsageError(f"The training set must have at least 1 example, got {asked}.")
    return Estimate.exact(n, "counted") if asked is None else Estimate.exact(asked, "given")


def error_of(error: float, unit: str) -> Estimate:
    """The target error, which is chosen; checked here so that nothing is estimated in vain."""
    if not (np.isfinite(error) and error > 0):
        raise UsageError(f"The target error must be a finite number above 0, got {error!r}.")
    return Estimate.exact(error, f"chosen: {unit}")


def put_together(kind: Callable[..., TaskRecord], inputs: dict[str, Estimate], notes: tuple[str, ...]) -> Measured:
    """Evaluate the formula at the estimates and at the ends of their intervals."""
    values: dict[str, Any] = {name: estimate.value for name, estimate in inputs.items()}

    def at(ends: dict[str, float]) -> Difficulty:
        return kind(**{**values, **ends}).difficulty()

    found = at({})
    # Bits fall with the resolution; with the dimension they rise only while it is small beside the cut-off. So look at
    # all corners.
    open_names = [name for name, estimate in inputs.items() if estimate.low < estimate.high]
    corners = product(*[(inputs[name].low, inputs[name].high) for name in open_names])
    decades = [found.log10_bits, *[at(dict(zip(open_names, ends))).log10_bits for ends in corners]]
    return Measured(
        task=kind(**values),
        inputs=inputs,
        difficulty=found,
        low=min(decades),
        high=max(decades),
        notes=notes + found.warnings,
    )
