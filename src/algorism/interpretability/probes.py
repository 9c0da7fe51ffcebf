"""Linear probes: what a straight line through hidden states tells, beside what is right without looking.

A probe is a logistic regression on standardised features with an L2 penalty. A group, such as the number that a text
mentions, is never in training and test at once, and a layer is chosen on other groups than those it is reported on
(arXiv 2510.25776 does neither).

Shape letters: l layer, n text, m feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError

PENALTY = 1.0  # of the squared weights, against the summed loss


@dataclass(frozen=True)
class Probe:
    """How often a probe was right on what it was not fitted on.

    Attributes:
        correct, n: right answers, and of how many.
        base: share of the commoner label among these: what always saying the same gets.
    """

    correct: int
    n: int
    base: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.n

    @property
    def gain(self) -> float:
        """What the features add to the base rate."""
        return self.accuracy - self.base


@dataclass(frozen=True)
class LayerProbes:
    """Probes of all layers for one question.

    Attributes:
        validation: of each layer, cross-validated on the groups that probes are fitted on.
        layers: of each layer, fitted on all of these and asked on the groups held out.
        best: the layer that validates best; the earliest of several.
    """

    validation: tuple[Probe, ...]
    layers: tuple[Probe, ...]
    best: int

    @property
    def chosen(self) -> Probe:
        """The best layer's probe, on groups that had no part in its choice."""
        return self.layers[self.best]

    def first_within(self, margin: float = 0.01) -> int:
        """The first layer whose validation comes within a margin of the best."""
        best = self.validation[self.best].accuracy
        return next(at for at, one in enumerate(self.validation) if one.accuracy >= best - margin)


def probe(
    x_nm: ArrayLike, label_n: ArrayLike, groups_n: ArrayLike | None = None, *, folds: int = 5, seed: int = 0
) -> Probe:
    """Cross-validate one probe.

    Args:
        x_nm: features.
        label_n: True or False.
        groups_n: which of them belong together; by default each is alone.
        folds: parts, each of which is asked once.
        seed: of the parts.

    Raises:
        DataError: sizes that differ; fewer groups than folds; one label only.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 3))
    >>> probe(x, x[:, 1] > 0).accuracy > 0.95, abs(probe(x, rng.random(200) > 0.5).gain) < 0.15
    (True, True)
    """
    x, label, groups = _checked(x_nm, label_n, groups_n, folds)
    fold_n = _parts(groups, folds, seed)
    correct = sum(
        int(_right(x[fold_n != k], label[fold_n != k], x[fold_n == k], label[fold_n == k])) for k in range(folds)
    )
    return Probe(correct, len(label), _base(label))


def transfer(x_nm: ArrayLike, label_n: ArrayLike, other_nm: ArrayLike, other_label_n: ArrayLike) -> Probe:
    """Fit a probe on some features and ask it on others, such as numbers in words after numbers in digits.

    Raises:
        DataError: sizes that differ, or one label only in the first.
    """
    x, label, _ = _checked(x_nm, label_n, None, 1)
    other, asked, _ = _checked(other_nm, other_label_n, None, 1, both=False)
    return Probe(_right(x, label, other, asked), len(asked), _base(asked))


def probe_layers(
    states_lnm: NDArray[Any],
    label_n: ArrayLike,
    groups_n: ArrayLike | None = None,
    *,
    held_out: float = 0.3,
    folds: int = 3,
    seed: int = 0,
) -> LayerProbes:
    """Probe every layer; choose one on some groups and report it on others.

    Args:
        states_lnm: features of each layer.
        label_n: True or False.
        groups_n: as for `probe`.
        held_out: share of the groups that are only asked at the end.
        folds: of the cross-validation on the others.
        seed: of both partings.
    """
    _, label, groups = _checked(states_lnm[0], label_n, groups_n, folds)
    fold_n = _parts(groups, 1000, seed)
    asked_n = fold_n < 1000 * held_out
    if not 0 < asked_n.sum() < len(label):
        raise DataError(
            f"probe_layers: {len(set(groups.tolist()))} groups are too few to hold {held_out:.0%} of them out."
        )
    kept = ~asked_n
    validation = tuple(probe(x_nm[kept], label[kept], groups[kept], folds=folds, seed=seed) for x_nm in states_lnm)
    layers = tuple(transfer(x_nm[kept], label[kept], x_nm[asked_n], label[asked_n]) for x_nm in states_lnm)
    best = max(range(len(validation)), key=lambda at: (validation[at].correct, -at))
    return LayerProbes(validation, layers, best)


def _right(x_nm: NDArray[Any], label_n: NDArray[np.bool_], asked_nm: NDArray[Any], truth_n: NDArray[np.bool_]) -> int:
    if label_n.all() or not label_n.any():  # a small part may hold one label only; then there is nothing to fit
        return int((truth_n == label_n[0]).sum())
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1 / PENALTY, max_iter=1000)).fit(x_nm, label_n)
    return int((fitted.predict(asked_nm) == truth_n).sum())


def _parts(groups_n: NDArray[Any], parts: int, seed: int) -> NDArray[np.int64]:
    """A part, 0 to parts − 1, for every group, as even as can be; (n,)."""
    names, group_n = np.unique(groups_n, return_inverse=True)
    order = np.random.default_rng([seed, 5]).permutation(len(names))
    part: NDArray[np.int64] = (order * parts // len(names))[group_n]
    return part


def _base(label_n: NDArray[np.bool_]) -> float:
    share = float(label_n.mean())
    return max(share, 1 - share)


def _checked(
    x_nm: ArrayLike, label_n: ArrayLike, groups_n: ArrayLike | None, folds: int, both: bool = True
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[Any]]:
    x, label = np.asarray(x_nm, dtype=np.float64), np.asarray(label_n, dtype=bool)
    groups: Sequence[Any] | NDArray[Any] = np.arange(len(label)) if groups_n is None else np.asarray(groups_n)
    if x.ndim != 2 or not len(x) == len(label) == len(groups) or not len(label) or not np.isfinite(x).all():
        raise DataError(
            f"A probe needs finite features (n, m), and a label and a group for each; got {x.shape}, {label.shape}, "
            f"{np.shape(groups)}."
        )
    if both and (label.all() or not label.any()):
        raise DataError("A probe needs both labels; all that were given are the same.")
    if len(set(np.asarray(groups).tolist())) < folds:
        raise DataError(
            f"A probe with {folds} folds needs as many groups, got {len(set(np.asarray(groups).tolist()))}."
        )
    return x, label, np.asarray(groups)
