"""What decides whether a word is counted right: its length, its different letters, the right answer.

A logistic regression of right and wrong on all of them at once, because long words have more different letters too.

Shape letters: n answers, p properties.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorism.errors import DataError
from algorism.evaluation.statistics import Interval


@dataclass(frozen=True)
class Effect:
    """How much one more of something changes the odds of a right answer.

    Attributes:
        slope: change of the log odds per unit, others held fixed, with its 95 % interval (Wald).
        spread: standard deviation of the property among the questions.
    """

    slope: Interval
    spread: float


def effects(
    correct: Sequence[bool], properties: Mapping[str, Sequence[float]], ridge: float = 1e-3
) -> dict[str, Effect]:
    """Fit log odds of a right answer as a linear function of properties, by Newton's method.

    Args:
        correct: n outcomes.
        properties: name → n values.
        ridge: a little shrinkage of standardised slopes, so that answers that a property separates have a finite fit.

    Raises:
        DataError: all answers right or all wrong, or a property that never varies or follows from the others.

    >>> found = effects([True] * 8 + [False] * 8, {"length": [*range(4, 12), *range(6, 14)]})
    >>> found["length"].slope.value < 0
    True
    """
    right_n = np.asarray(correct, dtype=float)
    x_np = np.column_stack([np.asarray(values, dtype=float) for values in properties.values()])
    spread_p = x_np.std(axis=0)
    if right_n.min() == right_n.max():
        raise DataError("effects: all answers are alike (right or wrong); there is nothing to explain.")
    z_np = (x_np - x_np.mean(axis=0)) / np.where(spread_p == 0, 1, spread_p)
    if (spread_p == 0).any() or np.linalg.matrix_rank(z_np, tol=1e-8 * len(z_np)) < z_np.shape[1]:
        raise DataError(f"effects: the properties {list(properties)} do not vary independently among these questions.")
    design = np.column_stack([np.ones(len(right_n)), z_np])
    penalty = ridge * np.diag([0.0] + [1.0] * z_np.shape[1])
    slopes = np.zeros(design.shape[1])
    for _ in range(100):
        chance_n = 1 / (1 + np.exp(-np.clip(design @ slopes, -30, 30)))
        gradient = design.T @ (right_n - chance_n) - penalty @ slopes
        curvature = (design * (chance_n * (1 - chance_n))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-12 * np.eye(len(curvature)), gradient)
        slopes = slopes + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    error_p = np.sqrt(np.diag(np.linalg.inv(curvature)))[1:]
    found = {}
    for name, slope, error, spread in zip(properties, slopes[1:], error_p, spread_p, strict=True):
        value, half = float(slope / spread), float(1.959964 * error / spread)
        found[name] = Effect(Interval(value, value - half, value + half, len(right_n)), float(spread))
    return found
