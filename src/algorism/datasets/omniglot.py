"""Omniglot: characters of many alphabets, each drawn once by each of 20 people, and its official one-shot runs.

Shape letters: n image, h row, w column, r run, i image of a run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from .idx import read_idx
from .image_sources import DATASETS
from .images import Images
from .places import find
from .sources import File

_SOURCE = DATASETS["omniglot"]
_FILES = {file.path: file for file in _SOURCE.files}
_COLUMNS = ("alphabet-idx1-ubyte.gz", "character-idx1-ubyte.gz", "drawer-idx1-ubyte.gz")
_RUNS, _RUN_SIZE = 20, 20


@dataclass(frozen=True, eq=False)
class OneShotRuns:
    """The 20 official runs of 20-way classification from one example each.

    Args:
        train_rihw: the one example of each of the 20 classes of a run; ink is 255.
        test_rihw: the images to classify.
        answer_ri: which example of the run shows the same character.
    """

    train_rihw: NDArray[np.uint8]
    test_rihw: NDArray[np.uint8]
    answer_ri: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Omniglot:
    """Images with the facts about each.

    Args:
        pixels_nhw: ink is 255.
        alphabet_n: place in `alphabets`.
        character_n: number within the alphabet.
        drawer_n: 0 to 19.
        alphabets: their names.
        runs: the one-shot runs, of other alphabets, at 28×28.
    """

    pixels_nhw: NDArray[np.uint8]
    alphabet_n: NDArray[np.int64]
    character_n: NDArray[np.int64]
    drawer_n: NDArray[np.int64]
    alphabets: tuple[str, ...]
    runs: OneShotRuns | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.pixels_nhw)

    def images(self) -> Images:
        """The same with one label per character: classes are named alphabet/character."""
        pairs, labels_n = np.unique(np.stack([self.alphabet_n, self.character_n], 1), axis=0, return_inverse=True)
        classes = tuple(f"{self.alphabets[alphabet]}/{character:02d}" for alphabet, character in pairs)
        return Images(self.pixels_nhw, labels_n.reshape(-1).astype(np.int64), classes, "omniglot")


def omniglot(size: Literal[28, 105] = 28, folder: Path | str | None = None, runs: bool = True) -> Omniglot:
    """Read Omniglot.

    Args:
        size: 105 for the original drawings, 28 for smaller grey ones.
        folder: the data folder; None looks where `load` does.
        runs: also read the one-shot runs.

    Raises:
        DataError: a file that is absent, damaged, or does not fit the others.

    Source:
        Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program induction", 2015.
    """
    if size not in (28, 105):
        raise UsageError(f"omniglot: images of 28 or 105 pixels can be had, not {size!r}.")
    n = _SOURCE.count
    images_file = f"images-{size}-idx3-ubyte.gz"
    paths = find(_SOURCE, folder, [_FILES[path] for path in (images_file, *_COLUMNS, "alphabets.txt")])
    alphabets = tuple(paths[4].read_text(encoding="utf-8").split())
    pixels_nhw = read_idx(paths[0], (n, size, size))
    alphabet_n, character_n, drawer_n = (read_idx(path, (n,)).astype(np.int64) for path in paths[1:4])
    if alphabet_n.max() >= len(alphabets):
        raise DataError(f"{paths[1]}: alphabet {alphabet_n.max()}, but {paths[4]} names {len(alphabets)}.")
    return Omniglot(pixels_nhw, alphabet_n, character_n, drawer_n, alphabets, _one_shot(folder) if runs else None)


def _one_shot(folder: Path | str | None) -> OneShotRuns:
    names = ("oneshot-train-28-idx3-ubyte.gz", "oneshot-test-28-idx3-ubyte.gz", "oneshot-answer-idx1-ubyte.gz")
    files: list[File] = [_FILES[name] for name in names]
    train, test, answer = find(_SOURCE, folder, files)
    n, shape = _RUNS * _RUN_SIZE, (_RUNS, _RUN_SIZE)
    answer_n = read_idx(answer, (n,)).astype(np.int64)
    if answer_n.max() >= _RUN_SIZE:
        raise DataError(f"{answer}: answer {answer_n.max()}, but a run has {_RUN_SIZE} examples.")
    return OneShotRuns(
        read_idx(train, (n, 28, 28)).reshape(*shape, 28, 28),
        read_idx(test, (n, 28, 28)).reshape(*shape, 28, 28),
        answer_n.reshape(shape),
    )
