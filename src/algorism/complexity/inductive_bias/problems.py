"""Tasks to measure the required bias of: a toy regression of any dimension, sums of digits, and images.

Shape letters: n training point, t test point, d input, h row, w column.
"""

import numpy as np

from algorism.datasets import Images
from algorism.errors import DataError, UsageError

from .hypotheses import Data


def waves(dimensions: int, train: int = 40, test: int = 60, seed: int = 0) -> Data:
    """Inputs N(0, I); targets the sine and cosine of the first coordinate. The others are there to be ignored.

    >>> waves(8).x_train.shape, waves(8).y_test.shape
    ((40, 8), (60, 2))
    """
    if min(dimensions, train, test) < 1:
        raise UsageError(f"waves: expected at least 1 dimension and point, got {dimensions}, {train} and {test}.")
    x = np.random.default_rng(seed).standard_normal((train + test, dimensions))
    y = np.stack([np.sin(x[:, 0]), np.cos(x[:, 0])], axis=1)
    return Data.of(x[:train], y[:train], x[train:], y[train:])


def sums(digits: int, train: int, test: int, seed: int = 0) -> Data:
    """Pairs of numbers of up to `digits` digits, one-hot digit by digit; targets are their sum's digits, one-hot.

    No pair is drawn twice. All digits are most significant first, with leading zeros.

    Returns:
        inputs (n, 2 · digits, 10) and targets (n, (digits + 1) · 10).

    Raises:
        DataError: fewer different pairs than asked for.

    >>> data = sums(1, train=2, test=1, seed=0)
    >>> a, b = data.x_train[0].argmax(axis=1)
    >>> bool(data.y_train[0].reshape(2, 10).argmax(axis=1) @ [10, 1] == a + b)
    True
    """
    if min(digits, train, test) < 1 or digits > 9:
        raise UsageError(f"sums: expected 1 to 9 digits and at least 1 point, got {digits}, {train} and {test}.")
    pairs = 10 ** (2 * digits)
    if train + test > pairs:
        raise DataError(f"sums: {train} + {test} pairs asked for, but there are {pairs} of {digits} digits.")
    number = np.random.default_rng(seed).choice(pairs, train + test, replace=False, shuffle=True)
    a, b = np.divmod(number, 10**digits)
    x = np.concatenate([_one_hot(a, digits), _one_hot(b, digits)], axis=1)
    y = _one_hot(a + b, digits + 1).reshape(len(number), -1)
    return Data.of(x[:train], y[:train], x[train:], y[train:])


def _one_hot(numbers: np.ndarray, digits: int) -> np.ndarray:
    places = 10 ** np.arange(digits - 1, -1, -1)
    return np.eye(10)[numbers[:, None] // places % 10]


def images(train: Images, test: Images, shrink: int = 1) -> Data:
    """Images as inputs, standardised, with one-hot labels.

    Args:
        train: labelled images; draw them with `Images.sample`.
        test: others, of the same size.
        shrink: side of the squares of pixels that are averaged into one; must divide height and width.

    Raises:
        DataError: no labels.
        UsageError: a size that `shrink` does not divide.
    """
    if train.labels_n is None or test.labels_n is None:
        raise DataError(f"images: {train.name} has no labels; the measure needs targets.")
    inputs = []
    for part in (train, test):
        n, h, w = part.pixels.shape[:3]
        if shrink < 1 or h % shrink or w % shrink:
            raise UsageError(f"images: {part.name} has {h} × {w} pixels, which squares of {shrink} do not divide.")
        blocks = part.as_float().reshape(n, h // shrink, shrink, w // shrink, shrink, *part.pixels.shape[3:])
        inputs.append(blocks.mean(axis=(2, 4)))
    return Data.of(inputs[0], train.labels_n, inputs[1], test.labels_n).standardised()
