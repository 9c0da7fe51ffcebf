"""Ensembles of infinitely wide networks, drawn with the exact covariance between test inputs.

Output bits are independent of each other, but test inputs are not. How accuracy wanders as networks are added, and when
it first passes a wanted value, depends on that, and is simulated here. The permutation does not matter: it only renames
outputs of one distribution. The identity is used.

Shape letters: t distinct test inputs; k bits; r trials; b networks in a block; n networks; o outputs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError, UsageError
from .accuracy import ensemble_accuracy, first_at_least
from .inputs import unit_rows
from .kernels import Floats, Regime
from .moments import covariance, weights

MOST_INPUTS = 5_000  # distinct test inputs of one simulation: their covariance then takes 200 MB
_BLOCK = 1 << 20  # floats of noise drawn at a time


@dataclass(frozen=True)
class Passages:
    """At which number of networks each trial first reached the wanted accuracy; inf where it did not.

    The interval holds 95 % of the trials: it says where one further trial, such as a paper's single run, will fall.
    """

    networks_r: Floats

    @property
    def median(self) -> float:
        """The middle trial (the lower one of two)."""
        return self._quantile(0.5)

    @property
    def low(self) -> float:
        """Lower end of the interval of single trials."""
        return self._quantile(0.025)

    @property
    def high(self) -> float:
        """Upper end of the interval of single trials."""
        return self._quantile(0.975)

    def _quantile(self, share: float) -> float:
        return float(np.quantile(self.networks_r, share, method="inverted_cdf"))


class GaussianEnsemble:
    """Ensembles of infinitely wide networks on given 0/1 test inputs, drawn with the exact covariance between inputs.

    Args:
        inputs_tk: 0/1 test inputs with at least two ones each; an input given twice counts twice in the accuracy.
        regime: "ntk", "last-layer", or the weight of the first layer's gradients.
        sigma_w: standard deviation of the weights before scaling.

    Raises:
        ShapeError: unless the inputs are a matrix.
        UsageError: for entries other than 0 and 1, training inputs among them, or more than 5,000 distinct ones.

    >>> ensemble = GaussianEnsemble([[1, 1, 0, 0], [1, 1, 1, 0]], "last-layer")
    >>> ensemble.accuracy([1, 10, 100], trials=3).shape
    (3, 3)
    """

    def __init__(self, inputs_tk: ArrayLike, regime: Regime | float = "ntk", sigma_w: float = 1.0) -> None:
        given_tk = np.asarray(inputs_tk)
        if given_tk.ndim != 2 or 0 in given_tk.shape:
            raise ShapeError(f"Expected 0/1 inputs as a matrix with one input a row, got shape {given_tk.shape}.")
        if not np.isin(given_tk, (0, 1)).all():
            raise UsageError("Test inputs must hold 0 and 1 only; they are scaled to length 1 here.")
        if (given_tk.sum(axis=1) < 2).any():
            raise UsageError("Test inputs need at least two ones: the basis vectors are what the networks trained on.")
        self.inputs_tk, counts_t = np.unique(given_tk.astype(bool), axis=0, return_counts=True)
        if len(self.inputs_tk) > MOST_INPUTS:
            raise UsageError(
                f"{len(self.inputs_tk):,} distinct test inputs; a simulation takes {MOST_INPUTS:,} at most."
            )
        self.weights_t = counts_t / counts_t.sum()
        unit_tk = unit_rows(self.inputs_tk)
        self._most_rows = max(1, _BLOCK // self.inputs_tk.size)
        self._mean_kt = weights(unit_tk, regime).T.astype(np.float32)
        covariance_tt = covariance(unit_tk, regime, sigma_w)
        # A relative 1e-12 keeps rounding from making a tiny eigenvalue negative; no accuracy can show it.
        covariance_tt[np.diag_indices_from(covariance_tt)] *= 1 + 1e-12
        self._root_tt = np.linalg.cholesky(covariance_tt).T.astype(np.float32)

    def accuracy(self, sizes_n: ArrayLike, *, trials: int = 1, draws: int | None = None, seed: int = 0) -> Floats:
        """Accuracy of growing ensembles at given sizes.

        Args:
            sizes_n: numbers of networks, increasing, at least 1.
            trials: independent ensembles.
            draws: test inputs drawn with repetition for each trial; None asks every given input.
            seed: of networks and draws.

        Returns:
            (trials, sizes) accuracies.

        Raises:
            UsageError: for sizes that do not increase, or fewer than one trial.
        """
        sizes_n = np.asarray(sizes_n)
        if sizes_n.ndim != 1 or not len(sizes_n) or (np.diff(sizes_n, prepend=0) < 1).any() or trials < 1:
            raise UsageError(
                f"Expected increasing sizes from 1 and at least one trial, got {sizes_n}, {trials} trials."
            )
        blocks = np.array_split(sizes_n, -(-len(sizes_n) // self._most_rows))
        rows = [
            np.concatenate([right_bt @ weights_t for right_bt in self._right(random, blocks)])
            for random, weights_t in self._trials(trials, draws, seed)
        ]
        return np.stack(rows)

    def first_reaching(
        self, accuracy: float, *, trials: int = 20, draws: int | None = 1_000, seed: int = 0, most: int = 100_000
    ) -> Passages:
        """Add networks until the accuracy is reached, and say how many it took: the paper's stopping rule.

        Args:
            accuracy: wanted, above 0 and at most 1.
            trials: independent repetitions.
            draws: test inputs drawn with repetition for each trial; None asks every given input.
            seed: of networks and draws.
            most: networks after which a trial is given up.
        """
        if not 0 < accuracy <= 1 or trials < 1 or most < 1:
            raise UsageError(f"Expected 0 < accuracy <= 1, trials and most >= 1; got {accuracy}, {trials}, {most}.")
        found = [self._passage(*trial, accuracy, most) for trial in self._trials(trials, draws, seed)]
        return Passages(np.array(found))

    def _passage(self, random: np.random.Generator, weights_t: Floats, wanted: float, most: int) -> float:
        start = 1
        for right_bt in self._right(random, self._one_by_one(most)):
            index = first_at_least(right_bt @ weights_t, wanted)
            if index is not None:
                return float(start + index)
            start += len(right_bt)
        return np.inf

    def _one_by_one(self, most: int) -> Iterator[NDArray[np.int64]]:
        """Sizes 1, 2, … most in blocks, which start small, so that a trial that ends early has drawn little in vain."""
        start, rows = 1, 16
        while start <= most:
            rows = min(rows, self._most_rows, most - start + 1)
            yield np.arange(start, start + rows)
            start, rows = start + rows, 2 * rows

    def _trials(self, trials: int, draws: int | None, seed: int) -> Iterator[tuple[np.random.Generator, Floats]]:
        if draws is not None and draws < 1:
            raise UsageError(f"draws must be at least 1, or None for every input; got {draws}.")
        for sequence in np.random.SeedSequence(seed).spawn(trials):
            random = np.random.default_rng(sequence)
            yield random, self.weights_t if draws is None else random.multinomial(draws, self.weights_t) / draws

    def _right(self, random: np.random.Generator, blocks: Iterable[NDArray[np.int64]]) -> Iterator[NDArray[np.bool_]]:
        """For each block of ensemble sizes (b, t): whether each input is wholly right."""
        size, sum_kt = 0, np.zeros_like(self._mean_kt)
        for sizes_b in blocks:
            noise_bkt = random.standard_normal((len(sizes_b), *sum_kt.shape), dtype=np.float32) @ self._root_tt
            # The sum over m further networks is distributed as one network's noise times √m.
            noise_bkt *= np.sqrt(np.diff(sizes_b, prepend=size)).astype(np.float32)[:, None, None]
            sums_bkt = np.cumsum(noise_bkt, axis=0, out=noise_bkt)
            sums_bkt += sum_kt
            size, sum_kt = int(sizes_b[-1]), sums_bkt[-1].copy()
            sums_bkt += sizes_b.astype(np.float32)[:, None, None] * self._mean_kt
            yield ((sums_bkt > 0) == self.inputs_tk.T).all(axis=1)


def trained_passages(
    outputs_nto: ArrayLike,
    targets_to: ArrayLike,
    accuracy: float,
    *,
    trials: int = 20,
    draws: int = 1_000,
    threshold: float = 0.0,
    seed: int = 0,
) -> Passages:
    """When ensembles of networks that were really trained first reach an accuracy, over orders in which they are added.

    All trials share the networks, so the interval is too narrow unless there are several times more than are needed.

    Args:
        outputs_nto: each network's output on each test input.
        targets_to: the right bits.
        accuracy: wanted.
        trials: random orders of the networks, each with its own test inputs.
        draws: test inputs drawn with repetition for each trial.
        threshold: a bit is 1 if its mean is above.
        seed: of orders and draws.
    """
    outputs_nto = np.asarray(outputs_nto)
    found = []
    for sequence in np.random.SeedSequence(seed).spawn(trials):
        random = np.random.default_rng(sequence)
        order_n = random.permutation(len(outputs_nto))
        inputs = np.shape(targets_to)[0]
        weights_t = random.multinomial(draws, np.full(inputs, 1 / inputs)) / draws
        curve_n = ensemble_accuracy(outputs_nto[order_n], targets_to, threshold=threshold, weights_t=weights_t)
        index = first_at_least(curve_n, accuracy)
        found.append(np.inf if index is None else index + 1.0)
    return Passages(np.array(found))
