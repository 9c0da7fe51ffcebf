"""From what `_quantization_survey_rows` found to measurements and pictures of `quantization_survey`."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement, Picture
from ..evaluation.statistics import mean_interval
from ..lowbit import allocate
from ..lowbit.published import RESNET18
from ..training import ModelRecipe, Recipe, TaskRecipe, TextRecipe, TrainingRecipe
from ._quantization_survey import difference
from ._quantization_survey_pictures import heatmap, ladder, pareto, taxonomy
from ._runs import accuracy

if TYPE_CHECKING:
    from .quantization_survey import Settings

Found = Sequence[dict[str, Any]]


def recipe(scale: "Settings", seed: int) -> Recipe:
    """Reversed 3-digit addition, padded, one sum a row."""
    return Recipe(
        name="add3",
        seed=seed,
        task=TaskRecipe(sampler="balanced", test=scale.sums),
        text=TextRecipe(format="pad+reverse+dollar"),
        model=ModelRecipe(layers=scale.layers, width=scale.width),
        training=TrainingRecipe(steps=scale.steps, batch=scale.batch),
    )


def published_allocations() -> Measurement:
    """How many of HAWQ-V3's nine configurations of ResNet-18 the exact search finds."""
    right = {}
    for constraint, rows in RESNET18.published.items():
        sizes = RESNET18.sizes(constraint)
        for share, published in rows.items():
            found = allocate(RESNET18.costs(), sizes, RESNET18.budget(constraint, share), ties=RESNET18.ties)
            right[f"{constraint} {share}"] = "".join("48"[c] for c in found.choices) == published
    return Measurement.exact("published allocations found", sum(right.values()), unit="of 9", **right)


def shares(found: Found, key: str) -> list[float]:
    """Accuracy of each seed: of the float network, or of a method at a width."""
    return [(row["float"] if key == "float" else row["methods"][key]["right"]) / row["n"] for row in found]


def table_measurements(what: str, found: Found) -> Iterator[Measurement]:
    """Accuracy of every cell of a table, and what it is below the float network, seed by seed."""
    n = found[0]["n"]
    yield accuracy(f"{what}:float", [row["float"] for row in found], n)
    for key in found[0]["methods"]:
        right = [row["methods"][key]["right"] for row in found]
        yield accuracy(f"{what}:{key}", right, n, bits=float(np.mean([row["methods"][key]["bits"] for row in found])))
        yield difference(f"loss:{what}:{key}", shares(found, "float"), shares(found, key), n)


def digits_measurements(found: Found, scale: "Settings", steps: Sequence[str]) -> Iterator[Measurement]:
    """The table on digits, the ladder's steps, and errors by granularity."""
    n = found[0]["n"]
    yield from table_measurements("digits", found)
    pairs = [(b, one, other) for b in (3, 2) for other, one in pairwise(steps)]
    for bits, one, other in [*pairs, (2, "RTN, groups", "RTN, channel"), (3, "RTN, groups", "RTN, channel")]:
        if {f"{one}@{bits}", f"{other}@{bits}"} <= found[0]["methods"].keys():
            name = f"gain:{one} over {other}@{bits}"
            yield difference(name, shares(found, f"{one}@{bits}"), shares(found, f"{other}@{bits}"), n)
    for bits in scale.bits:
        for one, other in (("channel", "tensor"), ("group", "channel")):
            each = [row["squared error"][f"{one}@{bits}"] / row["squared error"][f"{other}@{bits}"] for row in found]
            yield Measurement.of(f"error:{one} over {other}@{bits}", mean_interval(each), seeds=len(each),
                                 unit="ratio of squared errors", details={"seeds": each})  # fmt: skip


def calibration_measurements(found: Found) -> Iterator[Measurement]:
    """Accuracy with quantized inputs, and each range method above min-max."""
    n = found[0]["n"]
    for key in found[0]["calibration"]:
        right = [row["calibration"][key] for row in found]
        yield accuracy(f"calibration:{key}", right, n)
        kind, _, rest = key.partition(":")
        method, _, bits = rest.partition("@")
        if method != "minmax":
            plain = [row["calibration"][f"{kind}:minmax@{bits}"] / n for row in found]
            yield difference(f"gain:{kind}:{method} over minmax@{bits}", [r / n for r in right], plain, n)


def equalisation_measurements(found: Found) -> Iterator[Measurement]:
    """What equalisation moves, lifts, and leaves below one scale per channel."""
    n = found[0]["n"]
    rows = [row["equalised"] for row in found]
    moved = [row["moved"] for row in rows]
    yield Measurement.exact("equalised: moved", max(moved), unit="of the largest output", n=len(moved), seeds=moved)
    for key in (k for k in rows[0] if "@" in k):
        yield accuracy(f"scaling:{key}", [row[key] for row in rows], n)
    for bits in (8, 4):
        tensor, before, channel = (
            [row[f"{name}@{bits}"] / n for row in rows]
            for name in ("equalised:tensor", "scaled:tensor", "equalised:channel")
        )
        yield difference(f"gain:equalised over scaled@{bits}", tensor, before, n)
        yield difference(f"gain:channel over equalised tensor@{bits}", channel, tensor, n)


def convolution_measurements(found: Found) -> Iterator[Measurement]:
    """Zero-shot calibration, and mixed precision."""
    n = found[0]["n"]
    exact = shares(found, "float")
    yield accuracy("convolutions:float", [row["float"] for row in found], n)
    for bits in (8, 4):
        real = [row[f"real data@{bits}"] / n for row in found]
        yield difference(f"loss:convolutions:real data@{bits}", exact, real, n)
        for name in ("real data", "generated data", "batch norms", "noise"):
            right = [row[f"{name}@{bits}"] for row in found]
            yield accuracy(f"convolutions:{name}@{bits}", right, n)
            if name != "real data":
                yield difference(f"gain:real data over {name}@{bits}", real, [r / n for r in right], n)
    fall = [row["distilled"][1] / row["distilled"][0] for row in found]
    yield Measurement.exact("generated data: loss left", max(fall), unit="of the first", n=len(fall), seeds=fall)
    rows = [row["mixed"] for row in found]
    traces, opposite = ([row[name]["right"] for row in rows] for name in ("by traces", "reversed"))
    random = [[one["right"] for one in row["random"]] for row in rows]
    chosen = [row["by traces"]["bits"] for row in rows]
    yield accuracy("mixed:traces", traces, n, bits=chosen)
    yield accuracy("mixed:reversed", opposite, n, bits=[row["reversed"]["bits"] for row in rows])
    yield accuracy("mixed:random", [round(sum(some) / len(some)) for some in random], n, each=random)
    best, worst = ([r / n for r in right] for right in (traces, opposite))
    yield difference("gain:traces over reversed", best, worst, n)
    yield difference("gain:traces over random", best, [sum(some) / len(some) / n for some in random], n)


def integer_measurements(found: Found) -> Iterator[Measurement]:
    """Integers compared, in all layers of all networks on all test images."""
    rows = [row["integers"] for row in found]
    compared = sum(row["compared"] for row in rows)
    yield Measurement.exact("integers: compared", compared, unit="integers", n=compared)
    for name in ("mismatches", "off by one"):
        yield Measurement.exact(f"integers: {name}", sum(row[name] for row in rows), unit="integers", n=compared)
    largest = max(row["largest difference"] for row in rows)
    yield Measurement.exact("integers: largest difference", largest, unit="steps of the grid", n=compared)


def addition_measurements(found: Found, at_four: Sequence[str]) -> Iterator[Measurement]:
    """The table on addition, integers alone, and the networks that do worst.

    Args:
        found: of each network.
        at_four: methods after training, of which each network's best counts at 4 bits.
    """
    n, exact = found[0]["n"], shares(found, "float")
    yield from table_measurements("addition", found)
    yield accuracy("addition:integers, W8A8", [row["integers"] for row in found], n)
    each = [row["integers"] / n for row in found]
    yield difference("loss:addition:integers, W8A8", exact, each, n)
    lost = [(row["float"] - row["integers"]) / n for row in found]
    best = [max(row["methods"][f"{m}@4"]["right"] for m in at_four if f"{m}@4" in row["methods"]) / n for row in found]
    for name, value, values in (
        ("addition: worst network, float", min(exact), exact),
        ("addition: worst network, its best at 4 bits", min(best), best),
        ("addition: largest loss, integers, W8A8", max(lost), lost),
    ):
        yield Measurement.exact(name, value, unit="of the sums", n=n, networks=values)


def taxonomy_picture() -> Picture:
    """The tree of all registered parts."""
    return Picture(
        "taxonomy",
        "What can be done, by the survey's branches",
        taxonomy(),
        "Drawn from `algorism.lowbit.TAXONOMY`; the colour says what a part needs besides the weights.",
    )


def pictures(digits: Found, added: Found, steps: Sequence[str]) -> Iterator[Picture]:
    """Pareto pictures, the ladder, and both tables."""
    for what, found, title in (("digits", digits, "Digits"), ("addition", added, "Three-digit addition")):
        cells = []
        for key, cell in found[0]["methods"].items():
            method, _, bits = key.rpartition("@")
            mean = float(np.mean(shares(found, key)))
            stored = float(np.mean([row["methods"][key]["bits"] for row in found]))
            cells.append({"method": method, "width": int(bits), "bits": stored, "accuracy": mean, "n": cell["right"]})
        exact = float(np.mean(shares(found, "float")))
        yield Picture(
            f"pareto-{what}",
            f"{title}: accuracy against bits of storage per weight",
            pareto(cells, exact),
            "With scales and codebooks. The line joins what nothing smaller equals; the rule is the float network.",
        )
        yield Picture(
            f"table-{what}",
            f"{title}: accuracy by method and width",
            heatmap(cells),
            "Mean over seeds; weights only. Trained methods at the widths where they were trained.",
        )
    rungs = [step for step in steps if f"{step}@2" in digits[0]["methods"]]
    rows = [
        {"method": step, "seed": at, "accuracy": share}
        for step in (*rungs, "float")
        for at, share in enumerate(shares(digits, "float" if step == "float" else f"{step}@2"))
    ]
    yield Picture(
        "ladder",
        "Two-bit weights: each method, seed by seed",
        ladder(rows),
        "A dot is one seed's network, a bar the mean. The same networks on every line.",
    )
