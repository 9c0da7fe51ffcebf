"""I(ε) of several hypothesis spaces on one dataset: the difference is the bias that one brings and another lacks."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from algorism.errors import UsageError

from .hypotheses import Data, Sample, Space
from .losses import checked_error
from .required import ExtrapolationWarning, RequiredBias, required_inductive_bias


@dataclass(frozen=True)
class Curve:
    """Required bias of one space over errors.

    Args:
        space: its name.
        points: one result per error, in the order of the errors.
        sample: the hypotheses behind it, with how many were excluded and by which rule.
    """

    space: str
    points: tuple[RequiredBias, ...]
    sample: Sample

    def rows(self) -> list[dict[str, Any]]:
        """Rows for a picture or a table: error, bias, low, high, series."""
        return [
            {"error": p.error, "bias": p.value, "low": p.low, "high": p.high, "series": self.space} for p in self.points
        ]


def compare(
    spaces: Sequence[Space],
    data: Data,
    errors: Sequence[float],
    *,
    hypotheses: int | Sequence[int] = 1000,
    method: str = "best",
    unit: str = "nats",
    draws: int = 200,
    seed: int = 0,
) -> list[Curve]:
    """Required inductive bias of several spaces on the same data, at the same errors, with the same loss.

    Args:
        spaces: kernel spaces, network spaces, or anything with `name` and `sample`.
        data: training and test set; standardise it first if a kernel's length is given in numbers.
        errors: target errors above 0; relative ones times `data.variance`.
        hypotheses: how many to sample, for all or for each space.
        method: as for `required_inductive_bias`; "best" is the saddlepoint where there is an exact law, else "ncx2".
        unit: "nats" or "bits".
        draws: bootstrap resamples of a fit.
        seed: of hypotheses and bootstrap.

    Returns:
        One curve per space. Extrapolation is not warned of: `point.beyond` says it for every point.

    Raises:
        UsageError: no spaces, no errors, or two spaces of one name.
        DataError: a space that does not fit the training data.

    >>> from .kernel_space import KernelSpace
    >>> from .kernels import RBF, Laplace
    >>> import numpy as np
    >>> x = np.linspace(-2, 2, 9)[:, None]
    >>> data = Data.of(x[::2], np.sin(x[::2, 0]), x[1::2], np.sin(x[1::2, 0]))
    >>> rbf, laplace = compare([KernelSpace(RBF(1.0)), KernelSpace(Laplace(1.0))], data, [0.01], hypotheses=10)
    >>> rbf.points[0].value < 1 < 7 < laplace.points[0].value  # a smooth target suits the smooth kernel
    True
    """
    names = [space.name for space in spaces]
    if not spaces or len(set(names)) < len(names):
        raise UsageError(f"compare: expected spaces of different names, got {names}; set label=.")
    targets = [checked_error(e) for e in errors]
    if not targets:
        raise UsageError("compare: expected at least one target error.")
    numbers = [hypotheses] * len(spaces) if isinstance(hypotheses, int) else list(hypotheses)
    if len(numbers) != len(spaces):
        raise UsageError(f"compare: {len(spaces)} spaces but {len(numbers)} numbers of hypotheses.")
    curves = []
    for space, number in zip(spaces, numbers):
        sample = space.sample(data, number, seed)
        how = ("saddlepoint" if sample.law is not None else "ncx2") if method == "best" else method
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExtrapolationWarning)
            points = required_inductive_bias(sample, targets, how, unit, draws=draws, seed=seed)
        assert isinstance(points, list)
        curves.append(Curve(space.name, tuple(points), sample))
    return curves
