"""Whether possibilistic rules on top of a digit classifier add, judge Sudokus and learn; and digits learned from sums.

**The paper** (Baaj and Marquis 2025) turns a network's softmax into possibility distributions, and applies rules to
them by min-max products. The rules' two degrees of doubt are learned without gradients, by repairing systems of min-max
equations. Its result tables could not be read for this study; the claims below are what its method and released code
imply, checked against the numbers that theory gives.

**What follows from theory.** With rules without doubt, and no ties, the most possible sum is the sum of the most
probable digits, for every N and both transforms. Accuracy on sums of two N-digit numbers is then that on digits to the
power 2N, whatever the reasoning system: its network decides.

**Supervision.** Π-NeSy trains the network on digit *labels*. Most other systems see *sums only*, which is harder, and
numbers of the two kinds must never stand side by side. Sums only is what `symbolic.sums` is for: the exact likelihood
of a sum along its carries, differentiated. One trap is special to sums: a network may settle on calling every digit 5
too high, which leaves all sums right modulo 10. What is trained is therefore the likelihood under both ways of naming
the digits, and sums of training problems choose between them at the end (`symbolic.sums.relabelling`). Training images
are paired once, each in one problem; they are shifted, turned and scaled a little when seen again, and the weights are
averaged over the last steps. Neither needs a label, but the systems below did without both.

**MNIST addition from sums only**, accuracy in %, as published:

| system | N = 4 | N = 15 | N = 100 | minutes, N = 4 / 15 / 100 | source |
|---|---|---|---|---|---|
| DeepProofLog (DP) | 94.0 ± 0.3 | 80.8 ± 1.1 | 37.8 ± 2.9 | 25 / 42 / 106 | DeepProofLog (AAAI 2026), table 1 |
| DeepProofLog (PG) | 93.5 ± 0.4 | 76.9 ± 1.9 | 0.0 | 26 / 50 / – | the same |
| DeepSoftLog | 93.5 ± 0.6 | 77.1 ± 1.6 | time-out | 880 / 1,325 / – | the same |
| DeepStochLog | 92.7 ± 0.6 | time-out | – | 141 / – / – | results of A-NeSI's code; time: DeepProofLog |
| A-NeSI (predict) | 92.6 ± 0.8 | 75.9 ± 2.2 | time-out | 70 / 917 / – | runs of A-NeSI's code; time: DeepProofLog |
| NeSyDM | 92.5 ± 1.0 | 77.3 ± 1.4 | – | – | NeSyDM (arXiv 2505.13138), table 1 |
| Scallop | 92.3 ± 0.7 | time-out | time-out | 74 / – / – | DeepProofLog, table 1 |
| PLIA | 91.8 ± 0.7 | 79.0 ± 0.7 | – | – | NeSyDM, table 1 |
| EXAL | 91.8 ± 0.8 | 73.3 ± 2.1 | time-out | 32 / 145 / – | DeepProofLog, table 1 |
| Embed2Sym | 91.7 ± 0.6 | 60.5 ± 20.4 | – | – | results of A-NeSI's code |

Published times were taken on other machines. Ours are processor seconds of two cores, which other work on the same
machine disturbs least. LTN, DeepProbLog and NeurASP end at N = 1 to 3.

**Protocol.** Each test image stands in one problem, 10,000 / 2N problems; the mean is over ten ways of pairing them. A
tie counts as wrong. Sudoku validity follows the recipe of Visual Sudoku (Augustine et al. 2022): right puzzles and
corrupted copies, the network trained on the cells of the training puzzles alone. A right puzzle needs all its cells
read right, a corrupted one is nearly always seen as wrong, so half of (cell accuracy to the number of cells, plus 1) is
the accuracy to expect.

The quick scale uses scikit-learn's embedded 8 × 8 digits, and reaches nothing of the above.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import note, remember


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        images: the data set; what is trained on is its training part.
        network: a name of `models.perception.NETWORKS`.
        label_images, label_epochs: training from labels; all but the last 10,000 training images at most.
        places: N, for networks trained on labels.
        sums: for each N trained on sums only, epochs.
        images_per_step: about so many images in each step.
        pairings: ways of pairing the test images.
        systems: random systems of equations.
        learning_problems: problems from which rules are learned.
        learning_places: N for which the time of learning is taken.
        sudokus: (size, right training puzzles, epochs) of every Sudoku task.
        splits: of Sudokus; test_puzzles: right ones in validation and testing.
        others: other sets of digits, on which networks and rules are tried.
    """

    images: str = "mnist"
    network: str = "compact"
    label_images: int = 50_000
    label_epochs: float = 4
    places: tuple[int, ...] = (1, 2, 4, 15, 100)
    sums: tuple[tuple[int, float], ...] = ((4, 2), (15, 3), (100, 10))
    images_per_step: int = 200
    pairings: int = 10
    systems: int = 2_000
    learning_problems: int = 200
    learning_places: tuple[int, ...] = (1, 3, 10, 30, 100)
    sudokus: tuple[tuple[int, int, float], ...] = ((4, 5, 200), (4, 20, 80), (4, 100, 30), (9, 5, 40), (9, 100, 6))
    splits: int = 2
    test_puzzles: int = 50
    others: tuple[str, ...] = ("usps", "kmnist")


def _expected(m: Measurements, places: int) -> bool:
    wanted = m["digits from labels"].value ** (2 * places)
    return m[f"labels N={places}"].low <= wanted <= m[f"labels N={places}"].high


def _beats(m: Measurements, places: int, published: float) -> bool | str:
    found = m[f"sums only N={places}"]
    return found.low > published or ("partly" if found.value > published else False)


def _near_bound(m: Measurements, name: str) -> bool:
    return m[name].low - 0.03 <= m[f"{name} bound"].value <= m[name].high + 0.03


def _not_worse(m: Measurements, learned: str) -> bool:
    return m[learned].high >= m["rules without doubts"].value


STUDY = Study(
    slug="pi-nesy",
    paper=Paper(
        "Π-NeSy: A Possibilistic Neuro-Symbolic Approach",
        year=2025,
        arxiv="2504.07055",
        authors="Ismaïl Baaj, Pierre Marquis",
    ),
    claims=[
        Claim(
            "min-max-systems",
            "A system is solvable exactly if its distance is 0, and the lowest approximation lies at that distance.",
            source="closed form of the Chebyshev distance",
            paper={"distances wrong": 0, "approximations wrong": 0},
            parts={
                "distance as by brute force": lambda m: m["distances wrong"].value == 0,
                "approximation at the distance": lambda m: m["approximations wrong"].value == 0,
                "solvable as found by trying": lambda m: m["consistency wrong"].value == 0,
            },
        ),
        Claim(
            "cascade-adds",
            "Rules without doubt add the most probable digits; accuracy is that on digits to the power 2N.",
            source="follows from the rules of MNIST-Addition",
            paper={"answers unlike the digits' sum": 0},
            parts={
                "no other answers": lambda m: m["answers unlike the digits' sum"].value == 0,
                **{f"N = {n}": partial(_expected, places=n) for n in (1, 2, 4, 15, 100)},
            },
            value="labels N=100",
        ),
        Claim(
            "linear-cost",
            "Inference and rule learning at N = 100 take seconds, and their cost grows linearly with N.",
            source="abstract and the construction of the cascade",
            paper="'tractable'; times on another machine",
            parts={
                "learning at N = 100 within 10 s": lambda m: m["learning seconds"].value <= 10,
                "learning linear": lambda m: m["learning exponent"].value <= 1.1,
                "inference linear": lambda m: 0.9 <= m["inference exponent"].value <= 1.1,
                "N = 1,000 within 10 ms": lambda m: m["inference ms N=1000"].value <= 10,
            },
            value="learning seconds",
        ),
        Claim(
            "learning-does-not-hurt",
            "Learned rules are no worse than rules without doubt, with chosen thresholds and without.",
            source="ablations of the released code",
            paper="no numbers known to us",
            parts={
                "with thresholds": partial(_not_worse, learned="rules learned, thresholds"),
                "all samples kept": partial(_not_worse, learned="rules learned, all samples"),
            },
            value="rules learned, thresholds",
        ),
        Claim(
            "sudoku",
            "Sudoku validity is as accurate as its cells allow, and far above chance even from 5 + 5 puzzles.",
            source="MNIST-Sudoku experiments; bound computed",
            paper="no numbers known to us",
            parts={
                "4 × 4, 100 + 100": partial(_near_bound, name="sudoku 4 n=100"),
                "9 × 9, 100 + 100": partial(_near_bound, name="sudoku 9 n=100"),
                "4 × 4, 5 + 5: as the cells allow": partial(_near_bound, name="sudoku 4 n=5"),
                "4 × 4, 5 + 5: above chance": lambda m: m["sudoku 4 n=5"].low > 0.5,
            },
            value="sudoku 4 n=100",
        ),
        Claim(
            "sums-only",
            "Trained on sums only by the exact carry chain: 93 % at N = 4 and 77 % at N = 15.",
            source="our notes on the paper; best exact systems before",
            paper={"sums only N=4": 0.93, "sums only N=15": 0.77},
            parts={
                "N = 4": lambda m: m["sums only N=4"].low > 0.93,
                "N = 15": lambda m: m["sums only N=15"].low > 0.77,
            },
        ),
        Claim(
            "sums-only-beats-published",
            "And above the best published: 94.0 % (N = 4), 80.8 % (15), 37.8 % (100), within 15 minutes on two cores.",
            source="DeepProofLog, table 1",
            paper={"sums only N=4": 0.940, "sums only N=15": 0.808, "sums only N=100": 0.378},
            parts={
                "N = 4: 94.0 %": partial(_beats, places=4, published=0.940),
                "N = 15: 80.8 %": partial(_beats, places=15, published=0.808),
                "N = 100: 37.8 %": partial(_beats, places=100, published=0.378),
                "within 15 minutes": lambda m: (
                    max(m[f"sums only N={n} processor seconds"].value for n in (4, 15, 100)) <= 2 * 900
                ),
            },
            value="sums only N=100",
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            images="digits",
            network="lenet",
            label_images=1_000,
            label_epochs=3,
            places=(1, 2),
            sums=((2, 3),),
            images_per_step=48,
            pairings=2,
            systems=50,
            learning_problems=20,
            learning_places=(1, 3),
            sudokus=((4, 5, 6),),
            splits=1,
            test_puzzles=8,
            others=(),
        ),
        "cpu": Settings("cpu", seeds=3),
        "gpu": Settings(
            "gpu",
            seeds=5,
            needs_gpu=True,
            network="pi-nesy",
            label_epochs=20,
            sums=((1, 20), (2, 20), (4, 20), (15, 20), (100, 30), (200, 40), (500, 60)),
            learning_problems=1_000,
            sudokus=((4, 5, 200), (4, 20, 80), (4, 50, 50), (4, 100, 30), (9, 5, 60), (9, 20, 40), (9, 100, 30)),
            splits=10,
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure: equations, sums from labels, sums only, Sudokus; every training is remembered after a kill."""
    from . import _pi_nesy as parts
    from . import _pi_nesy_sudoku as sudoku

    note("systems of min-max equations against brute force")
    yield from parts.systems(scale, seed)
    yield from parts.inference_times(scale)

    note("a network from labels; sums and rules on its answers")
    found: dict[str, Any] = remember({"labels": scale.network}, partial(parts.from_labels, scale, seed))
    yield from parts.label_measurements(found)

    runs: dict[int, list[dict[str, Any]]] = {}
    for places, epochs in scale.sums:
        for each in range(seed, seed + scale.seeds):
            note(f"sums only: N = {places}, seed {each}")
            key = {"sums": places, "seed": each}
            runs.setdefault(places, []).append(remember(key, partial(parts.from_sums, scale, each, places, epochs)))
        yield from parts.sum_measurements(places, runs[places])
    yield parts.accuracy_picture(found, runs)

    for size, puzzles, epochs in scale.sudokus:
        splits = []
        for each in range(seed, seed + scale.splits):
            note(f"Sudoku {size} × {size}, {puzzles} + {puzzles} training puzzles, split {each}")
            key = {"sudoku": size, "puzzles": puzzles, "split": each}
            splits.append(remember(key, partial(sudoku.validity, scale, each, size, puzzles, epochs)))
        yield from sudoku.measurements(size, puzzles, splits)
