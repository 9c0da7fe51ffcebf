"""What a hypothesis space is asked and what it answers: data, and a sample of losses conditioned on the training data.

Shape letters: n training point, t test point, c output, s hypothesis.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError, ShapeError, UsageError

from .losses import Floats, GaussianLoss, checked_losses


def targets(y: ArrayLike, classes: int | None = None) -> Floats:
    """Targets as (n, c) floats: whole-number labels become one-hot, a vector of floats becomes one column.

    Args:
        y: (n,) integer labels from 0, (n,) floats or (n, c) floats.
        classes: columns of the one-hot code; the largest label plus one by default.

    Raises:
        DataError: a label out of range.
        ShapeError: neither one axis nor two.

    >>> targets([1, 0], classes=3).tolist(), targets([0.5, 1.5]).tolist()
    ([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [[0.5], [1.5]])
    """
    values = np.asarray(y)
    if values.ndim == 1 and values.dtype.kind in "iub":
        columns = int(values.max(initial=0)) + 1 if classes is None else classes
        if len(values) and (values.min() < 0 or values.max() >= columns):
            raise DataError(f"labels run from {values.min()} to {values.max()}; expected 0 to {columns - 1}.")
        return np.eye(columns)[values.astype(int)]
    if values.ndim not in (1, 2) or values.dtype.kind not in "iubf":
        raise ShapeError(
            f"targets: expected (n,) labels or (n, c) numbers, got {values.dtype} of shape {values.shape}."
        )
    return values.astype(float)[:, None] if values.ndim == 1 else values.astype(float)


@dataclass(frozen=True)
class Data:
    """A training set and a test set. Made by `Data.of`, which checks.

    Args:
        x_train: (n, ...) inputs, of any shape per point.
        y_train: (n, c) targets.
        x_test: (t, ...) inputs.
        y_test: (t, c) targets.
    """

    x_train: Floats
    y_train: Floats
    x_test: Floats
    y_test: Floats

    @classmethod
    def of(cls, x_train: ArrayLike, y_train: ArrayLike, x_test: ArrayLike, y_test: ArrayLike) -> "Data":
        """Check and convert; labels become one-hot with the classes of both sets.

        Raises:
            ShapeError: sizes that do not fit together.
            DataError: numbers that are not finite, or empty sets.

        >>> data = Data.of([[0.0], [1.0]], [0, 1], [[0.5]], [2])
        >>> data.y_train.shape, data.variance
        ((2, 3), 0.5)
        """
        labels = [np.asarray(y) for y in (y_train, y_test)]
        classes = None
        if all(y.ndim == 1 and y.dtype.kind in "iub" for y in labels):
            classes = 1 + max(int(y.max(initial=0)) for y in labels)
        inputs = [np.asarray(x, dtype=float) for x in (x_train, x_test)]
        outputs = [targets(y, classes) for y in labels]
        for name, x, y in zip(("training", "test"), inputs, outputs):
            if x.ndim < 2:
                raise ShapeError(f"{name} inputs: expected (points, ...) with at least 2 axes, got shape {x.shape}.")
            if len(x) != len(y) or not len(x):
                raise ShapeError(f"{name} set: {len(x)} inputs but {len(y)} targets; expected as many, and at least 1.")
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                raise DataError(f"{name} set: inputs and targets must be finite.")
        if inputs[0].shape[1:] != inputs[1].shape[1:] or outputs[0].shape[1] != outputs[1].shape[1]:
            raise ShapeError(
                f"training inputs and targets have shapes {inputs[0].shape} and {outputs[0].shape}, test ones "
                f"{inputs[1].shape} and {outputs[1].shape}; all axes but the first must agree."
            )
        return cls(inputs[0], outputs[0], inputs[1], outputs[1])

    @property
    def variance(self) -> float:
        """Test loss of the best constant: the mean over outputs of the test targets' variance about the training mean.

        Errors relative to it can be compared between tasks.
        """
        return float(((self.y_test - self.y_train.mean(axis=0)) ** 2).mean())

    def standardised(self) -> "Data":
        """Every input coordinate with the training set's mean removed, all divided by one common deviation.

        One divisor for all: a length-scale then means the same for every task, and pixels that never change stay 0.
        """
        middle = self.x_train.mean(axis=0)
        spread = float((self.x_train - middle).std()) or 1.0
        return replace(self, x_train=(self.x_train - middle) / spread, x_test=(self.x_test - middle) / spread)


@dataclass(frozen=True)
class Sample:
    """Test losses of hypotheses that fit the training data.

    Args:
        losses_s: mean squared errors on the test set.
        train_losses_s: mean squared errors of the same hypotheses on the training set.
        excluded: hypotheses that were tried and failed the rule, so that they are not among the losses.
        rule: the rule, in words; fixed before sampling.
        law: the exact law of the loss, where the space has one.
    """

    losses_s: Floats
    train_losses_s: Floats
    excluded: int = 0
    rule: str = ""
    law: GaussianLoss | None = None

    def __post_init__(self) -> None:
        checked_losses(self.losses_s)

    @property
    def tried(self) -> int:
        """Hypotheses sampled, failures included."""
        return len(self.losses_s) + self.excluded


class Space(Protocol):
    """A hypothesis space: anything that can draw hypotheses conditioned on training data."""

    @property
    def name(self) -> str:
        """What curves and tables call it."""
        ...

    def sample(self, data: Data, number: int, seed: int = 0) -> Sample:
        """Draw `number` hypotheses and give their test losses."""
        ...


def fitting(losses_s: ArrayLike, train_losses_s: ArrayLike, threshold: float, hint: str) -> Sample:
    """Keep the hypotheses whose training loss is at most `threshold`.

    Raises:
        DataError: fewer than two are left; `hint` says what to change.

    >>> kept = fitting([0.1, 0.2, 9.0], [1e-6, 1e-5, 0.5], 1e-4, "train longer")
    >>> kept.losses_s.tolist(), kept.excluded, kept.rule
    ([0.1, 0.2], 1, 'training MSE ≤ 0.0001')
    """
    losses, trained = np.asarray(losses_s, dtype=float), np.asarray(train_losses_s, dtype=float)
    if not 0 < threshold < np.inf:
        raise UsageError(f"fits_below: expected a training MSE above 0, got {threshold!r}.")
    fits: NDArray[np.bool_] = (trained <= threshold) & np.isfinite(losses)
    if fits.sum() < 2:
        best = np.nanmin(trained, initial=np.inf)
        raise DataError(
            f"{int(fits.sum())} of {len(fits)} hypotheses have a training MSE of at most {threshold:g} (the best has "
            f"{best:.3g}); hypotheses must fit the training data. {hint}"
        )
    return Sample(losses[fits], trained[fits], int((~fits).sum()), f"training MSE ≤ {threshold:g}")
