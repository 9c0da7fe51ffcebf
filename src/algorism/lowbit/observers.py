"""Observers: they are shown batches, and say which range to quantize. Static ranges are frozen, dynamic ones are not.

Shape letters: o rows, n values of a row, g groups of a row.
"""

from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .layout import as_rows, checked
from .quantizer import block_ranges, quantize
from .spec import QuantSpec
from .uniform import Quantized, grid_of_range, quantize_on

KEPT = 1 << 20  # values that a sampling observer keeps


class Observer:
    """What all observers do: check a batch, and refuse to give a range before there was one.

    Args:
        spec: the grid that the range is for; `spec.range` must be this class's method.
        seed: for what is drawn at random.
    """

    def __init__(self, spec: QuantSpec, seed: int = 0) -> None:
        self.spec = spec
        self.seed = seed
        self.batches = 0

    def observe(self, x: Tensor) -> None:
        """Take a batch into account.

        Raises:
            DataError: NaN, infinity, or no values.
            ShapeError: another number of channels or groups than before.
        """
        x_on = as_rows(checked(x, "calibration batch"), self.spec)
        self._update(x_on)
        self.batches += 1

    def range(self) -> tuple[Tensor, Tensor]:
        """Ends (o, g) of the ranges.

        Raises:
            DataError: nothing was observed.
        """
        if not self.batches:
            raise DataError("Calibration: no batch was observed, so there is no range. Give at least one batch.")
        return self._range()

    def grid(self) -> tuple[Tensor, Tensor]:
        """Scale and zero point (o, g)."""
        return grid_of_range(*self.range(), self.spec)

    def quantize(self, x: Tensor) -> Quantized:
        """Quantize with the range seen so far; where the spec is dynamic, with the range of `x` itself."""
        if self.spec.dynamic:
            return quantize(x, self.spec, seed=self.seed)
        return quantize_on(x, *self.grid(), self.spec, seed=self.seed, what="activation")

    def _update(self, x_on: Tensor) -> None:
        raise NotImplementedError

    def _range(self) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class MinMax(Observer):
    """The smallest and the largest value ever seen."""

    def _update(self, x_on: Tensor) -> None:
        low, high = block_ranges(x_on, self.spec)
        if self.batches:
            self._same_shape(low)
            low, high = self._merge(low, high)
        self.low_og, self.high_og = low, high

    def _same_shape(self, low_og: Tensor) -> None:
        if low_og.shape != self.low_og.shape:
            raise ShapeError(
                f"Calibration: a batch with {tuple(low_og.shape)} (rows, groups) after batches with "
                f"{tuple(self.low_og.shape)}. All batches must have the width that the first one had."
            )

    def _merge(self, low_og: Tensor, high_og: Tensor) -> tuple[Tensor, Tensor]:
        return torch.minimum(self.low_og, low_og), torch.maximum(self.high_og, high_og)

    def _range(self) -> tuple[Tensor, Tensor]:
        return self.low_og, self.high_og


class MovingAverage(MinMax):
    """Moving average of the batches' smallest and largest values: m ← μ · m + (1 − μ) · x, from the first batch on."""

    def _merge(self, low_og: Tensor, high_og: Tensor) -> tuple[Tensor, Tensor]:
        keep = self.spec.momentum
        return keep * self.low_og + (1 - keep) * low_og, keep * self.high_og + (1 - keep) * high_og


class Sampling(Observer):
    """Keeps a uniform sample of all values seen, all of them while they are few, and asks a range method at the end.

    Args:
        spec, seed: as for `Observer`.
        kept: most values to keep, over all rows. The range is exact as long as there are no more.
    """

    def __init__(self, spec: QuantSpec, seed: int = 0, kept: int = KEPT) -> None:
        super().__init__(spec, seed)
        self.kept = kept
        self.generator = torch.Generator().manual_seed(seed)
        self.parts: list[tuple[Tensor, Tensor]] = []

    def _update(self, x_on: Tensor) -> None:
        o, n = x_on.shape
        if self.spec.granularity == "group":
            # Groups are places in a row, so whole rows would have to be kept: a thing for weights, not for batches.
            if self.batches:
                raise ShapeError(f"Calibration: {self.spec.range!r} per group is for one tensor, not for many batches.")
            self.parts = [(x_on, torch.zeros(n))]
            return
        if self.parts and self.parts[0][0].shape[0] != o:
            raise ShapeError(f"Calibration: a batch with {o} channels after batches with {self.parts[0][0].shape[0]}.")
        self.parts.append((x_on.clone(), torch.rand(n, generator=self.generator)))
        budget = max(self.kept // o, 1)
        if sum(part.shape[1] for part, _ in self.parts) > budget:
            # The columns with the smallest random keys are a uniform sample of all columns so far.
            values_on = torch.cat([part for part, _ in self.parts], dim=1)
            keys_n = torch.cat([keys for _, keys in self.parts])
            chosen = keys_n.topk(budget, largest=False).indices
            self.parts = [(values_on[:, chosen.to(values_on.device)], keys_n[chosen])]

    def _range(self) -> tuple[Tensor, Tensor]:
        return block_ranges(torch.cat([part for part, _ in self.parts], dim=1), self.spec)


OBSERVERS: dict[str, type[Observer]] = {
    "minmax": MinMax,
    "moving-average": MovingAverage,
    "percentile": Sampling,
    "entropy": Sampling,
    "mse": Sampling,
    "aciq": Sampling,
}


def observer(spec: QuantSpec, seed: int = 0, **settings: Any) -> Observer:
    """The observer that a spec asks for.

    >>> seen = observer(QuantSpec(symmetric=False))
    >>> seen.observe(torch.tensor([1.0, 4.0])), seen.observe(torch.tensor([-2.0]))
    (None, None)
    >>> [end.item() for end in seen.range()]
    [-2.0, 4.0]
    """
    return OBSERVERS[spec.range](spec, seed, **settings)
