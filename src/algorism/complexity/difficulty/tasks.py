"""What the formulas need to know of a task, as one record per kind of task. Every record answers `difficulty()`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from ...errors import UsageError
from .formula import LN2, Difficulty, band_limited, degree_of_cutoff, ln_eigenfunctions, on_torus

SMALLEST = {
    "samples": 1,
    "steps": 1,
    "dimension": 1,
    "within": 1,
    "across": 1,
    "classes": 2,
    "way": 2,
    "outputs": 1,
    "factors": 1,
}


@dataclass(frozen=True)
class TaskRecord:
    """What all kinds have in common: positive numbers, a dimension of at least 1, and a difficulty."""

    def __post_init__(self) -> None:
        """Check every number.

        Raises:
            UsageError: a value that is not a finite positive number, or a dimension below 1.
        """
        for name in (f.name for f in fields(self)):
            self._check(name, getattr(self, name))

    def _check(self, name: str, value: float | None) -> None:
        kind = type(self).__name__
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{kind}: {name} must be a number, got {value!r}.")
        if not (value > 0 and (isinstance(value, int) or math.isfinite(value))):  # a whole number may exceed float64
            raise UsageError(f"{kind}: {name} must be a finite number above 0, got {value!r}.")
        if name in SMALLEST and value < SMALLEST[name]:
            raise UsageError(f"{kind}: {name} must be at least {SMALLEST[name]}, got {value!r}.")

    def difficulty(self) -> Difficulty:
        """The bits that the task asks for."""
        raise NotImplementedError


@dataclass(frozen=True)
class ClassificationTask(TaskRecord):
    """Telling classes apart.

    Args:
        samples: n, training examples.
        dimension: m, intrinsic dimension of the inputs.
        radius: R, largest norm of an input.
        classes: d ≥ 2; counts as Π = d, and as D = d − 1 outputs.
        resolution: δ, smallest distance between inputs of different classes.
        error: ε, the error rate wanted.
        outputs: D, if it is not d − 1: the paper's simplified formula has d.

    >>> ClassificationTask(50_000, 27, 54.915678678, 10, 2.75064146, 0.01).difficulty().text()
    '3.44e32 bits'
    """

    samples: float
    dimension: float
    radius: float
    classes: float
    resolution: float
    error: float
    outputs: float | None = None

    def _check(self, name: str, value: float | None) -> None:
        if not (name == "outputs" and value is None):
            super()._check(name, value)

    def difficulty(self) -> Difficulty:
        """The bits that the task asks for."""
        return band_limited(
            ln_samples=math.log(self.samples),
            dimension=self.dimension,
            radius=self.radius,
            resolution=self.resolution,
            error=self.error,
            ln_outputs=math.log(self.classes - 1 if self.outputs is None else self.outputs),
            ln_factors=math.log(self.classes),
        )


@dataclass(frozen=True)
class RegressionTask(TaskRecord):
    """Predicting numbers; also the general case, from which unions of tasks are made.

    Args:
        samples, dimension, radius: as for `ClassificationTask`.
        outputs: D, numbers to predict.
        resolution: δ, smallest distance between inputs whose outputs must be told apart.
        error: ε, in the unit of `bound`.
        bound: B, largest size of an output.
        factors: Π, combinations of discrete factors of the input.

    >>> RegressionTask(1_000, 3, 2.0, 1, 0.1, 0.01).difficulty().text()
    '1.50e7 bits'
    """

    samples: float
    dimension: float
    radius: float
    outputs: float
    resolution: float
    error: float
    bound: float = 1.0
    factors: float = 1.0

    def difficulty(self) -> Difficulty:
        """The bits that the task asks for."""
        return band_limited(
            ln_samples=math.log(self.samples),
            dimension=self.dimension,
            radius=self.radius,
            resolution=self.resolution,
            error=self.error,
            ln_outputs=math.log(self.outputs),
            ln_factors=math.log(self.factors),
            ln_bound=math.log(self.bound),
        )


@dataclass(frozen=True)
class ControlTask(TaskRecord):
    """A policy in an MDP, or in a POMDP where the last few observations are remembered.

    Args:
        steps: n, time steps seen.
        dimension: m, numbers in one input, as angles of period 2π.
        actions: D, numbers in one action.
        resolution: δ, spatial resolution.
        error: ε, allowed distance from the best action.

    >>> cart_pole = ControlTask(10_000, 2, 1, 0.001, 0.001)
    >>> cart_pole.difficulty().text(), cart_pole.remembering(2).difficulty().text()
    ('4.41e9 bits', '3.33e17 bits')
    """

    steps: float
    dimension: float
    actions: float
    resolution: float
    error: float

    def remembering(self, observations: int) -> "ControlTask":
        """The same task where the input is that many observations: what partial observability asks for."""
        if observations < 1:
            raise UsageError(f"remembering: at least 1 observation must be seen, got {observations!r}.")
        return replace(self, dimension=self.dimension * observations)

    def difficulty(self) -> Difficulty:
        """The bits that the task asks for."""
        return on_torus(
            ln_samples=math.log(self.steps),
            dimension=self.dimension,
            resolution=self.resolution,
            error=self.error,
            ln_outputs=math.log(self.actions),
        )


@dataclass(frozen=True)
class FewShotTask(TaskRecord):
    """Learning to learn: given one example of each of `way` new classes, produce a classifier.

    One meta training point is a set of `way` images. The first varies over all images, the others over the images of
    the same group (alphabet). What is produced is a classifier: a point in the space of the inner hypotheses.

    Args:
        samples: n, sets of images that can be drawn; see `few_shot_samples`.
        way: classes told apart.
        within: m₀, intrinsic dimension of the images of one group.
        across: m₁, intrinsic dimension of all images.
        radius, resolution, error: of single images, as for `ClassificationTask`.

    >>> FewShotTask(7e40, 20, 22, 29, 49.4064773081425, 30**0.5, 0.01).difficulty().text()
    '1.79e145 bits'
    """

    samples: float
    way: float
    within: float
    across: float
    radius: float
    resolution: float
    error: float

    def difficulty(self) -> Difficulty:
        """The bits that the task asks for."""
        ln_pairs = math.log(self.way) + math.log(self.way - 1)
        degree = degree_of_cutoff(2 * math.pi * self.radius / self.resolution, self.within)
        return band_limited(
            ln_samples=math.log(self.samples),
            dimension=self.across + (self.way - 1) * self.within,
            radius=self.radius * math.sqrt(self.way),
            resolution=self.resolution,
            error=self.error,
            ln_outputs=LN2 + ln_pairs + ln_eigenfunctions(degree, self.within),
            ln_bound=ln_pairs / 2,
        )


def few_shot_samples(classes_per_group: Iterable[int], way: int, examples_per_class: int) -> int:
    """How many sets of `way` images can be drawn: `way` classes of one group, one example of each.

    A group with fewer classes than `way` counts as one that has just enough, as in the public code.

    >>> few_shot_samples([3, 2], way=2, examples_per_class=10)  # (3 + 1) pairs of classes, 10² pairs of images each
    400
    """
    groups = list(classes_per_group)
    if way < 1 or examples_per_class < 1 or not groups or min(groups) < 1:
        raise UsageError(
            f"few_shot_samples: expected groups with at least 1 class, a way and examples of at least 1; "
            f"got {groups[:5]}, {way}, {examples_per_class}."
        )
    return sum(math.comb(max(count, way), way) for count in groups) * examples_per_class**way


def union(first: ClassificationTask, second: ClassificationTask) -> RegressionTask:
    """Solve the first task where every input also shows an input of the second, which does not matter.

    Here the public code takes D = d, not d − 1; so does this.

    >>> mnist = ClassificationTask(60_000, 14, 17.179045827, 10, 2.39870848, 0.001)
    >>> union(mnist, mnist).difficulty().text()
    '1.76e26 bits'
    """
    return RegressionTask(
        samples=first.samples * second.samples,
        dimension=first.dimension + second.dimension,
        radius=math.hypot(first.radius, second.radius),
        outputs=first.classes,
        resolution=first.resolution,
        error=first.error,
        factors=first.classes * second.classes,
    )
