"""Labelled images in memory.

Shape letters: n image, h row, w column, c colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError, ShapeError, UsageError


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size, with labels if there are any.

    Args:
        pixels: (n, h, w) for grey or (n, h, w, 3) for colour, uint8; 0 is black.
        labels_n: place of each image's class in `classes`, int64; None without labels.
        classes: names of the classes.
        name: of the data set.
        split: "train", "test" or "all".

    Raises:
        ShapeError: arrays that do not fit together.
        DataError: a label without a class.

    >>> images = Images(np.zeros((3, 2, 2), np.uint8), np.array([0, 1, 1]), ("cat", "dog"), "pets")
    >>> len(images), images.subset([2]).labels_n.tolist(), images.as_float(flat=True).shape
    (3, [1], (3, 4))
    """

    pixels: NDArray[np.uint8]
    labels_n: NDArray[np.int64] | None
    classes: tuple[str, ...]
    name: str
    split: str = "all"

    def __post_init__(self) -> None:
        """Check that the arrays fit."""
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
            raise ShapeError(
                f"Images of {self.name!r}: expected (n, h, w) or (n, h, w, 3) bytes, got {shape} {self.pixels.dtype}."
            )
        if self.labels_n is None:
            return
        if self.labels_n.shape != shape[:1] or self.labels_n.dtype != np.int64:
            raise ShapeError(
                f"Images of {self.name!r}: {shape[0]:,} images need as many int64 labels, "
                f"got {self.labels_n.shape} {self.labels_n.dtype}."
            )
        bad_n = (self.labels_n < 0) | (self.labels_n >= len(self.classes))
        if bad_n.any():
            first = int(np.flatnonzero(bad_n)[0])
            raise DataError(
                f"Images of {self.name!r}: label {self.labels_n[first]} of image {first:,} is outside "
                f"0..{len(self.classes) - 1}."
            )

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def as_float(self, flat: bool = False) -> NDArray[np.float32]:
        """The pixels as float32 from 0 to 1.

        Args:
            flat: one row of numbers per image, (n, h · w) or (n, h · w · 3).
        """
        scaled: NDArray[np.float32] = np.divide(self.pixels, np.float32(255), dtype=np.float32)
        return scaled.reshape(len(self), int(np.prod(self.pixels.shape[1:]))) if flat else scaled

    def counts(self) -> dict[str, int]:
        """Images of each class."""
        if self.labels_n is None:
            raise UsageError(f"{self.name!r} has no labels to count.")
        return dict(zip(self.classes, np.bincount(self.labels_n, minlength=len(self.classes)).tolist(), strict=True))

    def subset(self, indices: ArrayLike) -> "Images":
        """The images at these places, in this order; or those where a mask is true."""
        chosen = np.asarray(indices)
        if chosen.size == 0 and chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)  # an empty list is an array of floats
        if chosen.ndim != 1 or chosen.dtype.kind not in "iub":
            raise UsageError(
                f"subset: expected a list of places or a mask, got {chosen.dtype} of shape {chosen.shape}."
            )
        try:
            labels_n = None if self.labels_n is None else self.labels_n[chosen]
            return replace(self, pixels=self.pixels[chosen], labels_n=labels_n)
        except IndexError as error:
            raise UsageError(f"subset of {self.name!r}, {len(self):,} images: {error}.") from error

    def of_classes(self, classes: Sequence[int | str]) -> "Images":
        """The images of these classes (labels or names), which keep their labels and names."""
        if self.labels_n is None:
            raise UsageError(f"{self.name!r} has no labels to choose by.")
        unknown = [c for c in classes if c not in self.classes and c not in range(len(self.classes))]
        if unknown:
            raise UsageError(f"{self.name!r} has no class {unknown[0]!r}; it has {', '.join(self.classes)}.")
        wanted = [self.classes.index(c) if isinstance(c, str) else c for c in classes]
        return self.subset(np.isin(self.labels_n, wanted))

    def sample(self, n: int, seed: int, balanced: bool = False) -> "Images":
        """Draw n different images, in random order.

        Args:
            n: how many.
            seed: the same seed draws the same images.
            balanced: equally many of each class that occurs; if n does not divide, some classes give one more.

        Raises:
            UsageError: more are asked for than there are.
        """
        rng = np.random.default_rng(seed)
        if not 0 <= n <= len(self):
            raise UsageError(f"sample: {n:,} of the {len(self):,} images of {self.name!r} cannot be drawn.")
        if not balanced:
            return self.subset(rng.permutation(len(self))[:n])
        if self.labels_n is None:
            raise UsageError(f"sample: {self.name!r} has no labels to balance.")
        order_n = rng.permutation(len(self))
        present = np.unique(self.labels_n)
        shares = np.full(len(present), n // max(1, len(present)))
        shares[rng.permutation(len(present))[: n - shares.sum()]] += 1
        drawn = []
        for label, share in zip(present, shares, strict=True):
            of_class = order_n[self.labels_n[order_n] == label]
            if share > len(of_class):
                raise UsageError(
                    f"sample: {share:,} images of class {self.classes[label]!r} are needed, but {self.name!r} has "
                    f"{len(of_class):,}. Ask for fewer, or without balanced."
                )
            drawn.append(of_class[:share])
        return self.subset(rng.permutation(np.concatenate(drawn)) if drawn else [])
