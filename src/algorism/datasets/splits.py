"""Splits of sets that nobody divided. They depend on the images alone, so that everybody has the same."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

SEED = 0
PARTS = 5  # one of so many is for testing


def random_test(pixels: NDArray[np.uint8], labels_n: NDArray[np.int64], seed: int = SEED) -> NDArray[np.bool_]:
    """Choose a fifth of each class for testing, in an order that a keyed hash of the pixels gives.

    Identical images always fall on the same side, also where they are labelled differently. No generator takes part, so
    the split is the same in every version of NumPy.

    Returns:
        (n,): true for testing.
    """
    key = seed.to_bytes(8, "little", signed=True)
    digests = b"".join(blake2b(image.tobytes(), digest_size=8, key=key).digest() for image in pixels)
    # Sorted by digest, the groups of identical images stand in random order.
    _, first_g, group_n = np.unique(np.frombuffer(digests, dtype=">u8"), return_index=True, return_inverse=True)
    label_g = labels_n[first_g]
    test_g = np.zeros(len(first_g), dtype=bool)
    for label in np.unique(label_g):
        members = np.flatnonzero(label_g == label)
        test_g[members[: round(len(members) / PARTS)]] = True
    return test_g[group_n]


def tail_test(labels_n: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose the last fifth of each class, in the order of the file: where writers follow each other, other writers.

    >>> tail_test(np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])).nonzero()[0].tolist()
    [8, 9]
    """
    test_n = np.zeros(len(labels_n), dtype=bool)
    for label in np.unique(labels_n):
        members = np.flatnonzero(labels_n == label)
        test_n[members[len(members) - round(len(members) / PARTS) :]] = True
    return test_n
