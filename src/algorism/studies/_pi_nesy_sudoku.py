"""The wiring of `pi_nesy` for Sudokus: puzzles of images, a network for their cells, rules that judge them.

Shape letters: n image, p puzzle, c cell, v class.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..claims import Measurement
from ..evaluation.statistics import seeds_interval
from ..models.perception import classifier, predict, to_input
from ..symbolic import possibilistic as rules
from ..symbolic.possibilistic.sudoku import RIGHT, WRONG, SudokuChecker, sudoku_rules
from ..tasks.sudoku import SudokuPuzzles, sudoku_pairs, sudoku_parts
from ..training.images import ImageTraining, fit_images
from ._pi_nesy import Digits, label_loss

if TYPE_CHECKING:
    from .pi_nesy import Settings

LEARNED_SIZE = 4  # up to which size the rules are also learned: 57 rule sets; 811 for the next


def validity(scale: "Settings", seed: int, size: int, puzzles: int, epochs: float) -> dict[str, Any]:
    """Train on the cells of right and corrupted training puzzles, then judge those of testing."""
    digits = Digits.of(scale.images, None)
    counts = {"train": puzzles, "valid": scale.test_puzzles, "test": scale.test_puzzles}
    parts = sudoku_parts(digits.labels_n.numpy(), size, counts, seed)
    seen_n = torch.from_numpy(np.unique(parts["train"].things_pc))
    cells = digits.part(seen_n)
    network = classifier(scale.network, classes=10 if size > LEARNED_SIZE else size, seed=seed)
    settings = ImageTraining(epochs=epochs, images=min(64, scale.images_per_step))
    device = "cuda" if scale.needs_gpu else "cpu"
    groups_gm = torch.arange(len(seen_n))[:, None]
    x_n1hw = to_input(cells.pixels, cells.margin)
    fit_images(network, x_n1hw, groups_gm, label_loss(cells.labels_n), settings, seed=seed, device=device)

    found = judged(network, digits, parts["test"]) | {"seen": len(seen_n)}
    if size <= LEARNED_SIZE:
        found["learned"] = learned(network, digits, parts)
    for name in scale.others if puzzles == max(n for s, n, _ in scale.sudokus if s == size) else ():
        other = Digits.of(name, "test")
        strange = sudoku_parts(other.labels_n.numpy(), size, {"test": min(scale.test_puzzles, 15)}, seed)
        found[name] = judged(network, other, strange["test"])
    return found


def possibilities(network: torch.nn.Module, digits: Digits, part: SudokuPuzzles) -> Tensor:
    """Distributions of all cells, (p, c, v)."""
    things_pc = torch.from_numpy(part.things_pc)
    p_nv = predict(network, digits.pixels[things_pc.flatten()], digits.margin).double().exp()
    return rules.antipignistic(p_nv / p_nv.sum(-1, keepdim=True)).view(*things_pc.shape, -1)


def judged(network: torch.nn.Module, digits: Digits, part: SudokuPuzzles) -> dict[str, Any]:
    """Cells and puzzles right, puzzles undecided, and the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    pi_pcv = possibilities(network, digits, part)
    degrees_p2 = SudokuChecker(part.size)(pi_pcv)
    right_p = torch.from_numpy(part.right_p)
    margin_p = degrees_p2[:, RIGHT] - degrees_p2[:, WRONG]
    return {
        "cells": float((pi_pcv.argmax(-1).numpy() == part.labels_pc).mean()),
        "correct": int((((margin_p > 0) == right_p) & (margin_p != 0)).sum()),
        "undecided": int((margin_p == 0).sum()),
        "auc": float(roc_auc_score(part.right_p, margin_p.numpy())),
        "n": len(part),
    }


def learned(network: torch.nn.Module, digits: Digits, parts: dict[str, SudokuPuzzles]) -> dict[str, Any]:
    """The same after learning the rules' doubts from the training puzzles, with thresholds chosen in validation."""

    def known(part: SudokuPuzzles) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        pi_pcv, labels_pc = possibilities(network, digits, part), torch.from_numpy(part.labels_pc)
        labels = {f"pair{i}_{j}": labels_pc[:, [i, j]] for i, j in sudoku_pairs(part.size)}
        labels["right"] = torch.from_numpy(part.right_p.astype(np.int64))
        return {f"cell{c}": pi_pcv[:, c] for c in range(labels_pc.shape[1])}, labels

    base = sudoku_rules(parts["test"].size)
    found, thresholds, _ = rules.learn_with_thresholds(base, *known(parts["train"]), known(parts["valid"]))
    share = rules.accuracy(found.inference, *known(parts["test"]))
    return {
        "correct": round(share * len(parts["test"])),
        "doubts": len(found.doubts()),
        "thresholds": thresholds,
    }


def measurements(size: int, puzzles: int, splits: Sequence[dict[str, Any]]) -> Iterator[Measurement]:
    """Accuracy over splits, the bound that cells allow, area under the curve, learned rules, other digits."""
    name, n = f"sudoku {size} n={puzzles}", splits[0]["n"]
    cells = [split["cells"] for split in splits]
    bounds = [(share ** (size * size) + 1) / 2 for share in cells]
    details = {key: [split[key] for split in splits] for key in ("cells", "undecided", "auc", "seen")}
    interval = seeds_interval([split["correct"] for split in splits], n)
    yield Measurement.of(name, interval, seeds=len(splits), details=details)
    yield _spread(f"{name} bound", bounds, n)
    yield _spread(f"{name} cells", cells, n * size * size)
    yield _spread(f"{name} AUC", [split["auc"] for split in splits], n, unit="area under the ROC curve")
    if "learned" in splits[0]:
        correct = [split["learned"]["correct"] for split in splits]
        details = {"doubts": [split["learned"]["doubts"] for split in splits]}
        yield Measurement.of(f"{name} learned", seeds_interval(correct, n), seeds=len(splits), details=details)
    for other in splits[0].keys() - {"cells", "correct", "undecided", "auc", "n", "seen", "learned"}:
        of_other = [split[other] for split in splits]
        interval = seeds_interval([row["correct"] for row in of_other], of_other[0]["n"])
        details = {key: [row[key] for row in of_other] for key in ("cells", "auc", "undecided")}
        yield Measurement.of(f"{name} on {other}", interval, seeds=len(splits), details=details)


def _spread(name: str, values: Sequence[float], n: int, unit: str = "accuracy") -> Measurement:
    """The mean, between the least and the greatest split."""
    return Measurement(name, float(np.mean(values)), min(values), max(values), n=n, seeds=len(values), unit=unit)
