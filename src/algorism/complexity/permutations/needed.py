"""How many networks to average for a wanted accuracy: an exact estimate, a guarantee, and where single runs fall.

The guarantee is the paper's (arXiv 2502.16763): let the mean of each bit err by at most half of the smallest mean,

    N >= 8 σ²/μ0² · ln(2k/δ),

which fails on a given input with probability at most δ, by a Gaussian tail and the union over k bits. For all 2^k − 1
inputs at once δ is divided by 2^k, and N grows like k². Inputs with two ones are the worst: σ²/μ0² is largest there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from .accuracy import expected_accuracy, log_accuracy
from .ensembles import MOST_INPUTS, GaussianEnsemble, Passages
from .inputs import hot_inputs
from .kernels import Regime, checked_bits
from .moments import moments

_LIMIT = 1 << 60


@dataclass(frozen=True)
class NetworksNeeded:
    """How many networks must be averaged.

    Args:
        estimate: smallest N whose expected accuracy is at least the wanted one; exact for infinite width.
        bound: N that is enough for every one of `draws` inputs together with probability `accuracy`.
        simulated: where single runs first reach the accuracy; None if no trial was asked for.
    """

    estimate: int
    bound: float
    simulated: Passages | None


def networks_needed(
    bits: int,
    accuracy: float = 0.9,
    regime: Regime | float = "ntk",
    *,
    ones: int = 2,
    draws: int = 1_000,
    trials: int = 20,
    seed: int = 0,
    sigma_w: float = 1.0,
) -> NetworksNeeded:
    """How many networks, trained on the basis vectors alone, permute unseen inputs with the wanted accuracy.

    Args:
        bits: k, the length of inputs.
        accuracy: wanted share of inputs with all bits right, between 0 and 1.
        regime: "ntk", "last-layer" (wide networks as they are ordinarily trained), or the first layer's weight.
        ones: ones in a test input, at least 2; the default is the hardest.
        draws: test inputs drawn at random in each trial.
        trials: simulated runs; 0 for none, which answers at once for any number of bits.
        seed: of the simulation.
        sigma_w: standard deviation of the weights before scaling; N grows like its fourth power.

    Raises:
        UsageError: for an accuracy outside (0, 1), fewer than two ones, or too many inputs to simulate.

    >>> needed = networks_needed(10, 0.9, "last-layer", trials=5)
    >>> needed.estimate, round(networks_needed(10, trials=0).bound)
    (58, 6560)
    """
    if not 0 < accuracy < 1:
        raise UsageError(f"accuracy must lie between 0 and 1, got {accuracy}: no ensemble is right with certainty.")
    if not 2 <= ones <= checked_bits(bits):
        raise UsageError(f"Expected 2 <= ones <= bits, got {ones} ones among {bits} bits; one 1 is a training input.")
    if trials < 0 or draws < 1:
        raise UsageError(f"Expected trials >= 0 and draws >= 1, got {trials} and {draws}.")
    if trials and (inputs := math.comb(bits, ones)) > MOST_INPUTS:
        raise UsageError(f"{inputs:,} distinct test inputs cannot be simulated, at most {MOST_INPUTS:,}; set trials=0.")
    estimate = _smallest(lambda n: float(expected_accuracy(n, bits, ones, regime, sigma_w)) >= accuracy)
    simulated = None
    if trials:
        ensemble = GaussianEnsemble(hot_inputs(bits, ones), regime, sigma_w)
        simulated = ensemble.first_reaching(accuracy, trials=trials, draws=draws, seed=seed)
    return NetworksNeeded(estimate, bound(bits, (1 - accuracy) / draws, regime, ones, sigma_w=sigma_w), simulated)


def bound(
    bits: int,
    delta: float,
    regime: Regime | float = "ntk",
    ones: int = 2,
    *,
    every: bool = False,
    sigma_w: float = 1.0,
) -> float:
    """The guarantee 8 σ²/μ0² · ln(2k/δ), as the paper plots it (not rounded up).

    Args:
        bits: k.
        delta: allowed probability that any bit is wrong.
        regime: "ntk", "last-layer", or the first layer's weight.
        ones: ones in the test input, at least 2.
        every: for all 2^k − 1 inputs at once instead of one.
        sigma_w: standard deviation of the weights before scaling.

    >>> [round(bound(k, 1e-4)) for k in (2, 5, 30)]
    [6705, 5687, 12510]
    """
    _check_delta(delta)
    m = moments(bits, ones, regime, sigma_w)
    logarithm = math.log(2 * bits / delta) + (bits * math.log(2) if every else 0.0)
    return float(8 * m.variance / m.zeros**2 * logarithm)


def networks_for(
    bits: int,
    delta: float,
    regime: Regime | float = "ntk",
    ones: int = 2,
    *,
    every: bool = False,
    sigma_w: float = 1.0,
) -> int:
    """Smallest N by the normal tails themselves: any bit of an input is wrong with probability at most δ.

    Args: as `bound`. With `every`, the failures of all inputs that were not trained on are added up, by their ones.

    >>> networks_for(10, 1e-4), networks_for(10, 0.1, every=True)
    (1194, 801)
    """
    _check_delta(delta)
    hot = np.arange(2, checked_bits(bits) + 1) if every else np.array([ones])
    inputs = np.array([float(math.comb(bits, int(n))) for n in hot]) if every else np.ones(1)

    def safe(networks: int) -> bool:
        failing = -np.expm1(log_accuracy(networks, bits, hot, regime, sigma_w))
        return float((inputs * failing).sum()) <= delta

    return _smallest(safe)


def _smallest(enough: Callable[[int], bool]) -> int:
    """The smallest N >= 1 that is enough, given that every larger one is."""
    high = 1
    while not enough(high):
        high *= 2
        if high > _LIMIT:
            raise UsageError("No ensemble of fewer than 2^60 networks is enough; ask for less accuracy.")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise UsageError(f"delta must lie between 0 and 1, got {delta}.")
