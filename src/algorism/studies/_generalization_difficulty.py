"""The wiring of `generalization_difficulty`: which tasks are measured, and what is drawn."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..claims import Measurement
from ..complexity.difficulty import PUBLISHED, sensitivities
from ..complexity.difficulty import published as paper
from ..datasets import load
from ..errors import DataError
from ..pictures import HEIGHT, PALETTE, THEME, WIDTH
from .runner import note

if TYPE_CHECKING:
    from ..datasets import Images
    from .generalization_difficulty import Settings

IMAGE_TASKS = ("MNIST", "SVHN", "CIFAR-10", "ImageNet")
UNIT = "log10 bits"


def ladder() -> Iterator[Measurement]:
    """The eight published tasks, and how far each is from its published bar."""
    for name, row in PUBLISHED.items():
        found = row.task.difficulty()
        yield Measurement.exact(name, found.log10_bits, unit=UNIT, bits=found.text())
        error = abs(found.bits / row.bits - 1)
        yield Measurement.exact(f"{name}: error", error, unit="share of the published bits", published=row.bits)


def remembered() -> Iterator[Measurement]:
    """Cart-pole with one to five observations: decades per observation, and how straight the line is."""
    counts = np.array(list(paper.CART_POLE_BITS))
    decades = np.array([paper.CART_POLE.remembering(int(t)).difficulty().log10_bits for t in counts])
    errors = [abs(10**d / bits - 1) for d, bits in zip(decades, paper.CART_POLE_BITS.values())]
    steps = np.diff(decades)
    straight = float(np.corrcoef(counts, decades)[0, 1] ** 2)
    at = dict(zip(counts.tolist(), decades.tolist()))
    yield Measurement.exact("cart-pole: error", max(errors), unit="share of the published bits", n=len(errors), at=at)
    yield Measurement.exact("cart-pole: smallest step", steps.min(), unit="decades per observation")
    yield Measurement.exact("cart-pole: largest step", steps.max(), unit="decades per observation")
    yield Measurement.exact("cart-pole: R²", straight, unit="R²", n=len(counts))


def sweeps() -> Iterator[Measurement]:
    """What each input of the formula does to the bits."""
    errors = []
    for name, sweep in paper.IMAGENET_SWEEPS.items():
        found = {value: _bits(replace(paper.IMAGENET, **{name: value})) for value in sweep}
        errors += [abs(found[value] / bits - 1) for value, bits in sweep.items()]
        yield Measurement.exact(f"ImageNet by {name}", max(found.values()) / min(found.values()), unit="factor")
    by_error = {e: _bits(replace(paper.REACHER, error=e)) for e in (0.1, 1e-3, 1e-8)}
    errors += [abs(found / paper.REACHER_BY_ERROR[e] - 1) for e, found in by_error.items()]
    yield Measurement.exact("sweeps: error", max(errors), unit="share of the published bits", n=len(errors))
    yield Measurement.exact("ImageNet, 12 more dimensions", _ratio("dimension", 60, 48), unit="factor")
    yield Measurement.exact("ImageNet, n over 17 decades", 1 - _ratio("samples", 1e19, 1e2), unit="share lost")
    yield Measurement.exact("Reacher, ε over 7 decades", by_error[1e-8] / by_error[0.1], unit="factor")
    m = np.arange(48, 100)  # the paper's range
    by_m = [replace(paper.IMAGENET, dimension=int(k)).difficulty().log10_bits for k in m]
    yield Measurement.exact("bits exponential in m: R²", _straight(m, by_m), unit="R²", n=len(m))
    yield Measurement.exact("one more dimension, at 48", 10 ** (by_m[1] - by_m[0]), unit="factor")
    yield Measurement.exact("one more dimension, at 98", 10 ** (by_m[-1] - by_m[-2]), unit="factor")
    far = [replace(paper.IMAGENET, dimension=k).difficulty().log10_bits for k in range(48, 1_000)]
    yield Measurement.exact("ImageNet: dimension with most bits", 48 + int(np.argmax(far)), unit="dimensions")
    fine = np.logspace(-3, -6, 13)
    by_resolution = [replace(paper.MNIST, resolution=float(d)).difficulty().log10_bits for d in fine]
    slope = -np.polyfit(np.log10(fine), by_resolution, 1)[0]
    yield Measurement.exact("power of 1/δ, over m", slope / paper.MNIST.dimension, unit="ratio", slope=slope)
    epsilon = np.logspace(-1, -8, 8)
    bits = [_bits(replace(paper.REACHER, error=float(e))) for e in epsilon]
    yield Measurement.exact("bits linear in log ε: R²", _straight(np.log10(epsilon), bits), unit="R²", n=len(epsilon))


def unions() -> Iterator[Measurement]:
    """Two image tasks at once."""
    errors, gains = [], []
    for (first, second), bits in paper.UNION_BITS.items():
        found = paper.published_union(first, second).difficulty()
        errors.append(abs(found.bits / bits - 1))
        gains.append(found.log10_bits - PUBLISHED[first].task.difficulty().log10_bits)
    yield Measurement.exact("unions: error", max(errors), unit="share of the published bits", n=len(errors))
    yield Measurement.exact("unions: smallest gain", min(gains), unit="decades over the first task", n=len(gains))


def information() -> Iterator[Measurement]:
    """What models that reach some error on ImageNet have provided."""
    found = [_bits(replace(paper.IMAGENET, error=e)) for e in paper.IMAGENET_ERRORS]
    rises = min(b / a for a, b in pairwise(found))
    errors = [abs(_bits(replace(paper.IMAGENET, error=e)) / bits - 1) for e, bits in paper.IMAGENET_BY_ERROR.items()]
    yield Measurement.exact("ImageNet models: smallest rise", rises, unit="factor", n=len(found) - 1)
    yield Measurement.exact("ImageNet models: error", max(errors), unit="share of the published bits", n=len(errors))


def learned(
    images: Mapping[str, "Images"], tests: Mapping[str, "Images"], scale: "Settings", seed: int
) -> dict[str, Any]:
    """Error rates of learners that are the same for all tasks, trained on as many images of each."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier

    learners = {"linear": RidgeClassifier(alpha=10.0), "nearest": KNeighborsClassifier(1, algorithm="brute")}
    found: dict[str, Any] = {}
    for name, test in tests.items():
        some, asked = images[name].sample(scale.trained, seed), test.sample(scale.asked, seed)
        for learner, model in learners.items():
            model.fit(some.as_float(flat=True), some.labels_n)
            wrong = model.predict(asked.as_float(flat=True)) != asked.labels_n
            found[f"{learner} on {name}"] = [int(wrong.sum()), len(wrong)]
    return found


def provided(found: Mapping[str, list[int]]) -> Iterator[Measurement]:
    """The information that a learner with these errors provides, from the table's constants."""
    from ..evaluation import wilson

    tasks = {"mnist": paper.MNIST, "cifar10": paper.CIFAR10}
    for name, (wrong, asked) in found.items():
        error = wilson(wrong, asked)
        task = tasks[name.split()[-1]]
        # A learner with a larger error has provided less.
        value, low, high = (
            replace(task, error=e).difficulty().log10_bits for e in (error.value, error.high, error.low)
        )
        details = {"error": error.value}
        yield Measurement(f"{name}: information", value, low, high, n=asked, unit=UNIT, details=details)


def images_of(names: tuple[str, ...], split: str) -> dict[str, "Images"]:
    """The sets that are there; one that is not is said, and its claims stay unmeasured."""
    found = {}
    for name in names:
        try:
            found[name] = load(name, split)
        except DataError as error:
            note(f"left out: {error}")
    return found


def measured(images: "Images", scale: "Settings", seed: int) -> dict[str, Any]:
    """The difficulty of a set of images, every set by this same path."""
    from ..complexity.difficulty import Settings, measure_classification

    assert images.labels_n is not None
    settings = Settings(queries=scale.queries, pairs=scale.pairs, seed=seed, device=scale.device)
    found = measure_classification(images.pixels, images.labels_n, error=0.01, settings=settings)
    inputs = {name: estimate.to_json() for name, estimate in found.inputs.items()}
    return {"log10": found.difficulty.log10_bits, "low": found.low, "high": found.high, "inputs": inputs}


def from_data(name: str, found: Mapping[str, Any]) -> Measurement:
    """The difficulty of a set with the interval that its dimension and resolution leave."""
    return Measurement(
        f"{name} from data",
        found["log10"],
        found["low"],
        found["high"],
        n=int(found["inputs"]["samples"]["value"]),
        unit=UNIT,
        details={"inputs": found["inputs"]},
    )


def inputs_in_use(name: str, found: Mapping[str, Any]) -> Iterator[Measurement]:
    """The estimates that went into the formula."""
    for key, unit in (("dimension", "dimensions"), ("radius", "norm"), ("resolution", "distance")):
        one = found["inputs"][key]
        label = f"{name} dimension in use" if key == "dimension" else f"{name} {key}"
        n = int(found["inputs"]["samples"]["value"])
        yield Measurement(label, one["value"], one["low"], one["high"], n=n, unit=unit, details={"how": one["how"]})


def dimensions(images: "Images", scale: "Settings", seed: int) -> dict[str, Any]:
    """The dimension of a set by number of neighbours, by number of images, and by other estimators."""
    from ..complexity.difficulty import likelihood_dimension, likelihood_dimensions, two_nn_dimension

    common: dict[str, Any] = {"queries": scale.queries, "seed": seed, "device": scale.device}
    pixels = images.pixels[np.random.default_rng(seed).permutation(len(images))]
    found = {f"k = {d.k}": d for d in likelihood_dimensions(pixels, (3, 5, 10, 20), **common)}
    for n in scale.images:
        if n < len(pixels):
            found[f"n = {n}"] = likelihood_dimension(pixels[:n], **common)
    found["two-nn"] = two_nn_dimension(pixels, **common)
    found["arithmetic mean"] = likelihood_dimension(pixels, averaging="arithmetic", **common)
    return {name: [d.value, d.low, d.high, d.queries] for name, d in found.items()}


def spheres(scale: "Settings", seed: int) -> dict[str, Any]:
    """Estimates on spheres of known dimension in 100 coordinates."""
    from ..complexity.difficulty import likelihood_dimension

    rng = np.random.default_rng(seed)
    found = {}
    for m in (4, 9, 19):
        x = rng.normal(size=(scale.sphere, m + 1))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        d = likelihood_dimension(x @ np.linalg.qr(rng.normal(size=(100, m + 1)))[0].T, queries=1_000, seed=seed)
        found[f"sphere of dimension {m}"] = [d.value, d.low, d.high, d.queries]
    return found


def closest(images: "Images", scale: "Settings", seed: int) -> dict[str, Any]:
    """The extrapolated resolution, and the true one of all pairs."""
    from ..complexity.difficulty.points import distinct
    from ..complexity.difficulty.resolution import class_resolution, closest_classes

    points = distinct(images.pixels)
    assert images.labels_n is not None
    labels_p = images.labels_n[points.kept_p]
    found = class_resolution(points, labels_p, pairs=scale.pairs, seed=seed)
    true = closest_classes(points, labels_p, device=scale.device)
    return {"extrapolated": [found.value, found.low, found.high, scale.pairs], "true": true, "n": len(points)}


def closest_pairs(found: Mapping[str, Any]) -> Iterator[Measurement]:
    """The extrapolated resolution with its interval, and the true one."""
    value, low, high, pairs = found["extrapolated"]
    yield Measurement("extrapolated resolution", value, low, high, n=pairs, unit="distance")
    yield Measurement.exact("true resolution", found["true"], unit="distance", n=found["n"])


def ladder_picture(real: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every task's bits on a logarithmic axis, published constants and our data in two colours."""
    import altair as alt

    named = {"digits": "digits (8 × 8)", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
    origins = ["paper's constants", "estimated from data"]
    rows: list[dict[str, Any]] = []
    for name, row in PUBLISHED.items():
        decades = row.task.difficulty().log10_bits
        rows.append({"task": name, "decades": decades, "low": decades, "high": decades, "from": origins[0]})
    for name, found in real.items():
        low, high = (round(found[end], 3) for end in ("low", "high"))
        task = named.get(name, name)
        rows.append({"task": task, "decades": found["log10"], "low": low, "high": high, "from": origins[1]})
    order = [row["task"] for row in sorted(rows, key=lambda row: row["decades"])]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("task:N", sort=list(dict.fromkeys(order)), title=None, axis=alt.Axis(labelLimit=150)),
        yOffset=alt.YOffset("from:N", sort=origins),
        color=alt.Color("from:N", scale=alt.Scale(domain=origins, range=PALETTE[:2]), legend=alt.Legend(columns=1)),
    )
    x = alt.X("decades:Q", title="bits of inductive bias, as a power of 10", scale=alt.Scale(zero=True))
    dots = base.mark_circle(size=80, opacity=1).encode(x=x)
    bars = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    chart = alt.layer(bars, dots).properties(width=WIDTH - 80, height={"step": 11})
    return {**chart.to_dict(), "config": THEME}


def sensitivity_picture() -> dict[str, Any]:
    """How many decades a change that one can picture adds, for each input of the four image tasks."""
    import altair as alt

    words = {
        "dimension": "one more dimension",
        "resolution": "half the resolution δ",
        "classes": "twice the classes",
        "radius": "a tenth more radius",
        "error": "a tenth of the error",
        "samples": "ten times the samples (fewer bits)",
    }
    rows = [
        {"task": name, "change": words[s.name], "decades": abs(s.decades)}
        for name in IMAGE_TASKS
        for s in sensitivities(PUBLISHED[name].task)
    ]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_circle(size=80, opacity=0.9)
        .encode(
            x=alt.X(
                "decades:Q",
                title="decades by which the bits change",
                scale=alt.Scale(type="log", domain=[0.001, 20]),
                axis=alt.Axis(values=[0.001, 0.01, 0.1, 1, 10], format="~g"),
            ),
            y=alt.Y("change:N", sort=list(words.values()), title=None, axis=alt.Axis(labelLimit=220)),
            color=alt.Color("task:N", sort=list(IMAGE_TASKS)),
        )
        .properties(width=WIDTH - 130, height=HEIGHT)
    )
    return {**chart.to_dict(), "config": THEME}


def _bits(task: Any) -> float:
    return float(task.difficulty().bits)


def _ratio(name: str, above: float, below: float) -> float:
    one, other = (replace(paper.IMAGENET, **{name: v}).difficulty().log10_bits for v in (above, below))
    return math.pow(10, one - other)


def _straight(x: Any, y: Any) -> float:
    """R² of a straight line through the points."""
    return float(np.corrcoef(x, y)[0, 1] ** 2)
