"""Labelled images by name: `load`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import DataError, UsageError
from .downloading import fetch_missing
from .idx import read_idx
from .image_sources import DATASETS
from .images import Images
from .omniglot import omniglot
from .parquet import read_parquet
from .places import find
from .sources import ImageSource, source_by_name
from .splits import random_test, tail_test

SPLITS = ("train", "test")


def load(name: str, split: str | None = None, *, folder: Path | str | None = None, download: bool = False) -> Images:
    """Read a set of labelled images.

    Args:
        name: a name of `DATASETS`.
        split: "train" or "test"; None for all images, train first. Sets that were published undivided are split by us,
            always in the same way: see `ImageSource.split`.
        folder: the data folder, which holds one folder per set; None looks in the one that the environment variable
            ALGORISM_DATA names, then in the user's cache.
        download: fetch the files that are not there.

    Returns:
        The images.

    Raises:
        UsageError: no set of that name, or nothing to train on in it.
        DataError: the files are not there, are damaged, or are not what the set's row says.

    >>> train, test = load("digits", "train"), load("digits", "test")
    >>> len(train), len(test), train.pixels.shape[1:]
    (1438, 359, (8, 8))
    """
    source = source_by_name(name, DATASETS, "set of images")
    if split not in (*SPLITS, None):
        raise UsageError(f"{name}: split is 'train', 'test' or None (all images), not {split!r}.")
    if split == "train" and source.split == "test":
        raise UsageError(f"{name} has nothing to train on. {source.note}")
    if download:
        fetch_missing(source, folder)
    if source.split != "given":
        return _side(source, _read(source, "whole", folder), split)
    if split is not None:
        return _read(source, split, folder)
    train, test = (_read(source, part, folder) for part in SPLITS)
    labels = [part.labels_n for part in (train, test) if part.labels_n is not None]  # both have them
    pixels, labels_n = np.concatenate([train.pixels, test.pixels]), np.concatenate(labels)
    return replace(train, pixels=pixels, labels_n=labels_n, split="all")


def _side(source: ImageSource, images: Images, split: str | None) -> Images:
    """Divide a set that was published undivided."""
    if split is None or source.split == "test":
        return replace(images, split=split or "all")
    assert images.labels_n is not None
    test_n = random_test(images.pixels, images.labels_n) if source.split == "random" else tail_test(images.labels_n)
    return replace(images.subset(test_n if split == "test" else ~test_n), split=split)


def _read(source: ImageSource, part: str, folder: Path | str | None) -> Images:
    if source.format == "embedded":
        return _embedded(source)
    if source.format == "omniglot":
        return omniglot(folder=folder, runs=False).images()
    count, files = source.parts[part].count, source.parts[part].files
    paths = find(source, folder, files)
    if source.format == "parquet":
        pixels, labels_n = read_parquet(paths[0], source.shape, count)
    else:
        pixels, labels_n = read_idx(paths[0], (count, *source.shape)), read_idx(paths[1], (count,)).astype(np.int64)
    try:
        return Images(pixels, labels_n, source.classes, source.name, part)
    except DataError as error:
        raise DataError(f"{paths[-1]}: {error}") from error


def _embedded(source: ImageSource) -> Images:
    from sklearn.datasets import load_digits  # takes a second

    found = load_digits()
    pixels_nhw = np.rint(found.images * (255 / 16)).astype(np.uint8)
    return Images(pixels_nhw, found.target.astype(np.int64), source.classes, source.name)
