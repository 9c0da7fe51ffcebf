"""How often an average of N networks has every output bit right: expected in closed form, and counted on outputs.

An ensemble answers by the signs of its mean output, and a test input counts as right only if all k bits are. Over
initialisations the output bits of a wide network are independent Gaussians, which gives the expectation.

Shape letters: n networks; t test inputs; o output bits.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from ...errors import ShapeError, UsageError
from .kernels import Floats, Regime
from .moments import moments


def expected_accuracy(
    networks: ArrayLike,
    bits: ArrayLike,
    ones: ArrayLike = 2,
    regime: Regime | float = "ntk",
    sigma_w: float = 1.0,
    threshold: ArrayLike = 0.0,
) -> Floats:
    """Probability that the mean of so many networks has all bits right, on an input with `ones` ones; exact.

    Args:
        networks: N >= 1, broadcast with `bits` and `ones`.
        bits: k.
        ones: in the input.
        regime: as in `moments`.
        sigma_w: standard deviation of the weights before scaling.
        threshold: a bit is 1 if its mean is above; 0 in the paper. `midway` needs far fewer networks.

    >>> [round(float(expected_accuracy(n, 10, regime="last-layer")), 3) for n in (1, 57, 58)]
    [0.021, 0.898, 0.903]
    """
    return np.exp(log_accuracy(networks, bits, ones, regime, sigma_w, threshold))


def log_accuracy(
    networks: ArrayLike,
    bits: ArrayLike,
    ones: ArrayLike = 2,
    regime: Regime | float = "ntk",
    sigma_w: float = 1.0,
    threshold: ArrayLike = 0.0,
) -> Floats:
    """Logarithm of `expected_accuracy`, which stays exact where that rounds to 1."""
    n, k, hot = (np.asarray(count, dtype=float) for count in (networks, bits, ones))
    cut = np.asarray(threshold, dtype=float)
    if not (n >= 1).all():
        raise UsageError(f"An ensemble has at least one network, got {networks!r}.")
    m = moments(bits, ones, regime, sigma_w)
    # A training input (one 1) has variance 0: every network is right, if 0 counts as not above a threshold of 0.
    precision = np.sqrt(n / np.where(hot == 1, 1.0, m.variance))
    logs = hot * log_ndtr((m.ones - cut) * precision) + (k - hot) * log_ndtr((cut - m.zeros) * precision)
    return np.where(hot == 1, 0.0, logs)


def midway(bits: ArrayLike, ones: ArrayLike = 2, regime: Regime | float = "ntk") -> Floats:
    """The threshold midway between the means of 1 bits and of 0 bits, which depends on the ones of the input.

    >>> [round(float(expected_accuracy(1, 30, threshold=t)), 6) for t in (0.0, midway(30))]
    [0.0, 1.0]
    """
    m = moments(bits, ones, regime)
    return (m.ones + m.zeros) / 2


def ensemble_accuracy(
    outputs_nto: ArrayLike, targets_to: ArrayLike, *, threshold: float = 0.0, weights_t: Floats | None = None
) -> Floats:
    """Accuracy of the mean of the first 1, 2, … n networks, from the outputs of networks that were really trained.

    Args:
        outputs_nto: each network's output on each test input.
        targets_to: the right bits.
        threshold: a bit is 1 if its mean is above.
        weights_t: how much each input counts; equally by default.

    Returns:
        (n,) accuracies.

    Raises:
        ShapeError: if outputs and targets do not fit together.

    >>> ensemble_accuracy([[[1.0, 0.2]], [[0.5, -0.6]]], [[1, 0]]).tolist()
    [0.0, 1.0]
    """
    outputs_nto, targets_to = np.asarray(outputs_nto, dtype=float), np.asarray(targets_to) > 0.5
    if outputs_nto.ndim != 3 or outputs_nto.shape[1:] != targets_to.shape:
        raise ShapeError(
            f"ensemble_accuracy: outputs {outputs_nto.shape} and targets {targets_to.shape}; expected "
            "(networks, inputs, bits) and (inputs, bits)."
        )
    networks_n11 = np.arange(1, len(outputs_nto) + 1)[:, None, None]
    means_nto = np.cumsum(outputs_nto, axis=0) / networks_n11
    right_nt = ((means_nto > threshold) == targets_to).all(axis=2)
    return np.average(right_nt, axis=1, weights=weights_t)


def first_at_least(accuracy_n: ArrayLike, wanted: float) -> int | None:
    """Index of the first accuracy that is reached; None if none is. Shares such as 899.999…/1000 count as reached.

    >>> first_at_least([0.2, 0.9, 0.8], 0.9), first_at_least([0.2], 0.9)
    (1, None)
    """
    reached_n = np.asarray(accuracy_n) >= wanted - 1e-9
    return int(np.argmax(reached_n)) if reached_n.any() else None
