"""Grey images as patterns of an associative memory: on and off as ±1, pixels that vary, class means without the mean.

Raw ±1 images of all classes overlap by some 0.8, because most pixels are off in all of them, and a network of such
patterns falls into one state. So pixels that are nearly always on or off are dropped, and the mean image is taken off
the class means (own protocol of the note on arXiv 2212.00606, whose own is not known to us).

Shape letters: c class, n neuron (pixel kept), b image; h and w are height and width.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import DataError, ShapeError, UsageError

from .checks import checked_count


@dataclass(frozen=True)
class PixelSelection:
    """Which pixels are neurons, and the mean of their ±1 values over the images that chose them.

    Attributes:
        kept_hw: boolean mask.
        mean_n: mean ±1 value of each pixel kept.
        threshold: grey value from which a pixel is on.
    """

    kept_hw: NDArray[np.bool_]
    mean_n: NDArray[np.float32]
    threshold: int = 128

    @classmethod
    def of(
        cls, pixels_bhw: ArrayLike, *, low: float = 0.1, high: float = 0.9, threshold: int = 128
    ) -> "PixelSelection":
        """Keep the pixels that are on in a share of the images between `low` and `high`.

        Args:
            pixels_bhw: grey images, uint8.
            low: least share, ≥ 0.
            high: largest share, ≤ 1.
            threshold: grey value from which a pixel is on, 1 to 255.

        Raises:
            ShapeError, UsageError: for other arrays or bounds.
            DataError: if no pixel is left.

        >>> images = np.array([[[0, 255, 255]], [[0, 0, 255]]], dtype=np.uint8)
        >>> PixelSelection.of(images).kept_hw.tolist()
        [[False, True, False]]
        """
        images_bhw = _grey(pixels_bhw)
        if not 0 <= low < high <= 1:
            raise UsageError(f"on-rate window must have 0 ≤ low < high ≤ 1, got {low} to {high}.")
        if not 1 <= threshold <= 255:
            raise UsageError(f"threshold must lie in 1 … 255, got {threshold}.")
        on_hw = (images_bhw >= threshold).mean(0)
        kept_hw = (on_hw >= low) & (on_hw <= high)
        if not kept_hw.any():
            raise DataError(f"No pixel is on in {low:.0%} to {high:.0%} of the images; widen the window.")
        return cls(kept_hw, (2 * on_hw[kept_hw] - 1).astype(np.float32), threshold)

    def states(self, pixels_bhw: ArrayLike) -> NDArray[np.int8]:
        """Images as states: +1 where a pixel is on, −1 where it is off; the pixels kept only.

        Raises:
            ShapeError, UsageError: for images of another size or type.
        """
        images_bhw = _grey(pixels_bhw)
        if images_bhw.shape[1:] != self.kept_hw.shape:
            raise ShapeError(f"Expected images of {self.kept_hw.shape}, got {images_bhw.shape[1:]}.")
        return np.where(images_bhw[:, self.kept_hw] >= self.threshold, 1, -1).astype(np.int8)

    def images(self, values_bn: ArrayLike, background: float = -1.0) -> NDArray[np.float32]:
        """States or weights back in their places, `background` elsewhere; (b, h, w)."""
        rows = np.atleast_2d(np.asarray(values_bn, dtype=np.float32))
        if rows.shape[1] != self.kept_hw.sum():
            raise ShapeError(f"Expected {self.kept_hw.sum()} pixels a row, got {rows.shape[1]}.")
        images_bhw = np.full((len(rows), *self.kept_hw.shape), background, dtype=np.float32)
        images_bhw[:, self.kept_hw] = rows
        return images_bhw


@dataclass(frozen=True)
class ClassMeans:
    """Centred class means: the patterns of the network.

    Attributes:
        classes: label of each row.
        weights_cn: class mean − global mean, real.
    """

    classes: NDArray[np.int64]
    weights_cn: NDArray[np.float32]

    @property
    def unit_cn(self) -> NDArray[np.float32]:
        """The same with mean square 1 in every row, so that no class has the deepest energy for its contrast alone."""
        return self.weights_cn / np.sqrt((self.weights_cn**2).mean(1, keepdims=True))


def class_means(
    selection: PixelSelection, pixels_bhw: ArrayLike, labels_b: ArrayLike, number: int | None = None
) -> ClassMeans:
    """Mean image of each class less the mean of all, from the first `number` images of each class.

    Args:
        selection: pixels and global mean.
        pixels_bhw: grey images, uint8.
        labels_b: class of each.
        number: M; all by default.

    Raises:
        DataError: if a class has fewer images.
        ShapeError: if there are not as many labels as images.
    """
    images_bhw, labels = _grey(pixels_bhw), np.asarray(labels_b)
    if labels.shape != (len(images_bhw),):
        raise ShapeError(f"Expected {len(images_bhw)} labels, got shape {labels.shape}.")
    classes = np.unique(labels)
    rows = []
    for label in classes:
        places = np.flatnonzero(labels == label)
        if number is not None and len(places) < checked_count("number", number):
            raise DataError(f"Class {label} has {len(places)} images, {number} are asked for.")
        rows.append(selection.states(images_bhw[places[:number]]).mean(0, dtype=np.float32) - selection.mean_n)
    return ClassMeans(classes.astype(np.int64), np.array(rows, dtype=np.float32))


def _grey(pixels_bhw: ArrayLike) -> NDArray[np.uint8]:
    images = np.asarray(pixels_bhw)
    if images.dtype != np.uint8:
        raise UsageError(f"Images must be grey values 0 … 255 as uint8, got {images.dtype}.")
    if images.ndim != 3 or images.size == 0:
        raise ShapeError(f"Images must have three dimensions (images, height, width), got shape {images.shape}.")
    return images
