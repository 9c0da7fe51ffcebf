"""The wiring of `exact_inductive_bias`: which spaces are asked about which data, and what becomes a measurement."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..claims import Measurement, Picture
from ..complexity.inductive_bias import (
    CNN,
    MLP,
    NNGP,
    NTK,
    RBF,
    Data,
    KernelSpace,
    Laplace,
    Ncx2,
    NetworkSpace,
    RandomFeatures,
    Space,
    compare,
    fit,
    required_inductive_bias,
)
from ..complexity.inductive_bias.problems import images, sums, waves
from ..datasets import Images, load
from ..errors import DataError
from ..evaluation.statistics import bootstrap, mean_interval, wilson
from ..models import Transformer, TransformerConfig
from .runner import note

if TYPE_CHECKING:
    from .exact_inductive_bias import Settings

ARCHITECTURES: dict[str, Any] = {
    "narrow": MLP(64, 0),
    "wide": MLP(256, 0),
    "deep": MLP(64, 2),
    "convolutional": CNN(8, 2),
}
EXACT = 1_000  # hypotheses where the exact tail is read anyway: they only show the mean loss
KNOWN = Ncx2(df=20, nc=30, scale=0.1)  # the law of the coverage check
KNOWN_ERROR = 1.6  # P = e^−8.4: below every loss of a sample of 1,000


def toy_networks(scale: "Settings", label: str = "") -> NetworkSpace:
    """The brief's networks: two hidden layers of 32, all data in every step."""
    return NetworkSpace(MLP(32, 1), epochs=scale.toy_epochs, learning_rate=3e-3, fits_below=scale.toy_fits, label=label)


def image_networks(scale: "Settings", architecture: Any, label: str = "") -> NetworkSpace:
    """Networks on images or sums, in small batches; the learning rate falls to 0 so that they fit."""
    steps = scale.network_epochs
    rates = {CNN: 1e-2, MLP: 5e-3}
    return NetworkSpace(
        architecture,
        epochs=steps,
        batch=scale.network_batch,
        learning_rate=rates.get(type(architecture), 2e-3),
        cosine=True,
        fits_below=scale.network_fits,
        together=50,
        label=label,
        device=scale.device,
    )


def kernel(scale: "Settings", seed: int, dimensions: int, train: int, errors: Sequence[float]) -> dict[str, Any]:
    """The RBF space on one draw of the toy task: exact and fitted bias, and how well the law fits."""
    sample = KernelSpace().sample(waves(dimensions, train, 60, seed), scale.hypotheses, seed)
    fitted = fit(sample.losses_s)
    exact = required_inductive_bias(sample, errors, "saddlepoint")
    assert isinstance(exact, list)
    low = float(np.quantile(sample.losses_s, 0.01))
    return {
        "exact": [point.value for point in exact],
        "ncx2": [-float(fitted.law.log_cdf(e)) for e in errors],
        "loss": float(sample.losses_s.mean()),
        "ks": fitted.ks,
        "one percent": -float(fitted.law.log_cdf(low)),
        "one percent exact": _value(required_inductive_bias(sample, low, "saddlepoint")),
        "law": [fitted.law.df, fitted.law.nc, fitted.law.scale],
    }


def kernels(scale: "Settings", seed: int, dimensions: int, train: int, errors: Sequence[float]) -> dict[str, Any]:
    """`kernel` on several draws, as lists."""
    draws = [kernel(scale, seed + k, dimensions, train, errors) for k in range(scale.draws)]
    return {key: [draw[key] for draw in draws] for key in draws[0]}


def carried(scale: "Settings", seed: int, dimensions: int, error: float) -> dict[str, Any]:
    """Kernel against networks on several draws of the toy task, at one error."""
    found: dict[str, Any] = {"networks": [], "exact": [], "ncx2": [], "excluded": [], "training": []}
    for draw in range(seed, seed + scale.network_draws):
        data = waves(dimensions, 40, 60, draw)
        (network,) = compare(
            [toy_networks(scale)], data, [error], hypotheses=scale.networks, draws=scale.resamples, seed=draw
        )
        exact, fitted = (
            compare([KernelSpace()], data, [error], hypotheses=scale.hypotheses, method=method, seed=draw, draws=0)[0]
            for method in ("saddlepoint", "ncx2")
        )
        point = network.points[0]
        found["networks"].append([point.value, point.low, point.high])
        found["exact"].append(exact.points[0].value)
        found["ncx2"].append(fitted.points[0].value)
        found["excluded"].append(network.sample.excluded)
        found["training"].append(float(network.sample.train_losses_s.max()))
    return found


def spread(scale: "Settings", seed: int, error: float) -> dict[str, Any]:
    """Estimates from independent samples of several sizes, all of one kernel space at d = 4."""
    law = KernelSpace().sample(waves(4, 40, 60, seed), 2, seed).law
    assert law is not None
    return {
        str(size): [
            -float(fit(law.sample(size, seed=seed + 1000 * k)).law.log_cdf(error)) for k in range(scale.repeats)
        ]
        for size in scale.sizes
    }


def coverage(scale: "Settings", seed: int, method: str) -> dict[str, Any]:
    """How often a 95 % interval holds the true bias of a known law."""
    number, repeats, draws = scale.coverage
    true = -float(KNOWN.log_cdf(KNOWN_ERROR))
    hits = 0
    for k in range(repeats):
        losses = KNOWN.sample(number, seed + k)
        found = required_inductive_bias(losses, KNOWN_ERROR, method, draws=draws, seed=k)
        hits += not isinstance(found, list) and found.low <= true <= found.high
    return {"hits": hits, "repeats": repeats, "true": true}


def image_sets(name: str) -> tuple[Images, Images] | None:
    """Training and test images of a set; None where its files are not on this machine."""
    try:
        return load(name, "train"), load(name, "test")
    except DataError as missing:
        note(f"{name} is left out: {missing}")
        return None


def image_data(scale: "Settings", sets: tuple[Images, Images], seed: int) -> Data:
    """Some of the images, equally many of each class."""
    train, test, shrink = scale.image_points
    return images(sets[0].sample(train, seed, balanced=True), sets[1].sample(test, seed, balanced=True), shrink)


def bias_curves(
    scale: "Settings", data: Data, spaces: Sequence[Space], numbers: Sequence[int], shares: Sequence[float]
) -> dict[str, Any]:
    """I at errors relative to the best constant's; a space that does not fit the training data is left out."""
    found = {}
    for space, number in zip(spaces, numbers):
        try:
            (curve,) = compare(
                [space], data, [s * data.variance for s in shares], hypotheses=number, draws=scale.resamples
            )
        except DataError as failed:
            note(f"{space.name} is left out: {failed}")
            continue
        found[curve.space] = {
            "points": [[p.value, p.low, p.high, p.beyond] for p in curve.points],
            "shares": list(shares),
            "loss": float(curve.sample.losses_s.mean() / data.variance),
            "training": float(curve.sample.train_losses_s.max()),
            "excluded": curve.sample.excluded,
            "hypotheses": len(curve.sample.losses_s),
            "acceptable": curve.points[0].fit.acceptable if curve.points[0].fit else None,
        }
    return found


def architectures(scale: "Settings", seed: int, name: str) -> dict[str, Any]:
    """Networks of one architecture on the images that all of them see."""
    sets = image_sets(scale.architecture_images)
    if sets is None:
        return {}
    data = image_data(scale, sets, seed)
    spaces: list[Space] = [image_networks(scale, ARCHITECTURES[name], name)]
    return bias_curves(scale, data, spaces, [scale.image_networks], scale.shares)


def pair(scale: "Settings", seed: int, name: str) -> dict[str, Any]:
    """Kernels and a network on one of the two sets of images."""
    sets = image_sets(name)
    if sets is None:
        return {}
    draws = []
    for draw in range(seed, seed + scale.network_draws):
        data = image_data(scale, sets, draw)
        spaces: list[Space] = [KernelSpace(RBF(None), label="median"), KernelSpace(RBF(1.0), label="one")]
        numbers = [EXACT] * 2
        if draw == seed:
            spaces.append(image_networks(scale, MLP(128, 1), "networks"))
            numbers.append(scale.image_networks)
        draws.append(bias_curves(scale, data, spaces, numbers, [scale.relative]))
    return {
        "median": [draw["median"]["points"][0][0] for draw in draws],
        "one": [draw["one"]["points"][0][0] for draw in draws],
        "networks": draws[0].get("networks"),
    }


def adding(scale: "Settings", seed: int, space: str) -> dict[str, Any]:
    """Sums of numbers, one-hot: a kernel, or networks."""
    digits, train, test = scale.sums
    data = sums(digits, train, test, seed)
    spaces: dict[str, Any] = {
        "kernel": KernelSpace(RBF(None), label="kernel", fits_below=scale.network_fits),
        "MLP": image_networks(scale, MLP(256, 1), "MLP"),
        "transformer": image_networks(scale, Adder, "transformer"),
    }
    numbers = {"kernel": EXACT, "MLP": scale.image_networks, "transformer": min(100, scale.image_networks)}
    return bias_curves(scale, data, [spaces[space]], [numbers[space]], scale.sum_shares)


class Adder(torch.nn.Module):
    """Our transformer on one-hot digits; it answers at one further position per digit of the sum."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.answers = outputs // 10
        config = TransformerConfig(vocab=11, context=shape[0] + self.answers, layers=2, heads=4, width=64, tie=False)
        self.network = Transformer(config, seed=int(torch.randint(2**31, ())))

    def forward(self, x_bd10: torch.Tensor) -> torch.Tensor:
        """(b, digits, 10) to (b, outputs)."""
        digits_bd = x_bd10.argmax(dim=-1)
        asked = torch.full((*digits_bd.shape[:-1], self.answers), 10, device=digits_bd.device)
        logits_btv: torch.Tensor = self.network(torch.cat([digits_bd, asked], dim=-1))
        return logits_btv[:, -self.answers :, :10].flatten(1)


def every_space(scale: "Settings", seed: int) -> dict[str, Any]:
    """I(ε) of all kinds of spaces on the toy task at d = 8."""
    data = waves(8, 40, 60, seed)
    spaces: list[Space] = [
        KernelSpace(RBF(), label="RBF, length 1"),
        KernelSpace(RBF(None), label="RBF, median"),
        KernelSpace(Laplace(None), label="Laplace, median"),
        KernelSpace(NNGP(2), label="NNGP"),
        KernelSpace(NTK(2), prior=NNGP(2), label="wide networks"),
        KernelSpace(RandomFeatures(200, "relu", seed=seed), label="200 features"),
        toy_networks(scale, "networks"),
    ]
    numbers = [EXACT] * (len(spaces) - 1) + [scale.networks]
    return bias_curves(scale, data, spaces, numbers, [float(s) for s in np.geomspace(0.002, 1.0, 16)])


def over_draws(name: str, values: Sequence[float], n: int, unit: str = "nats", **details: Any) -> Measurement:
    """The mean over draws of the data with its t interval, within what a bias can be."""
    kept = [float(v) for v in values]
    interval = mean_interval(kept)
    low, high = (interval.low, interval.high) if len(kept) > 1 else (kept[0], kept[0])
    return Measurement(
        name, interval.value, max(0.0, low), high, n=n, seeds=len(kept), unit=unit, details={"seeds": kept, **details}
    )


def one_curve(name: str, found: dict[str, Any], place: int, **details: Any) -> Measurement | None:
    """One point of a curve with its bootstrap interval; nothing where the target is impossible."""
    value, low, high, beyond = found["points"][place]
    if not math.isfinite(high):
        return None
    about = {key: found[key] for key in ("loss", "training", "excluded", "acceptable")}
    about |= {"share": found["shares"][place], "beyond": beyond, **details}
    return Measurement(name, value, low, high, n=found["hypotheses"], unit="nats", details=about)


def carried_measurements(dimensions: int, found: dict[str, Any], n: int) -> Iterator[Measurement]:
    """How many nats networks save; the interval spans all draws of the data and their bootstraps."""
    networks = np.array(found["networks"])
    about = {"excluded": found["excluded"], "training": found["training"]}
    mean, low, high = networks[:, 0].mean(), networks[:, 1].min(), networks[:, 2].max()
    yield Measurement(f"networks d={dimensions}", mean, low, high, n=n, seeds=len(networks), unit="nats", details=about)
    for method in ("exact", "ncx2"):
        kernel_r = np.array(found[method])
        saved = kernel_r - networks[:, 0]
        worst, best = (kernel_r - networks[:, 2]).min(), (kernel_r - networks[:, 1]).max()
        yield Measurement(
            f"saved d={dimensions} {method}", saved.mean(), worst, best, n=n, seeds=len(saved), unit="nats"
        )


def spread_measurements(found: Mapping[str, Sequence[float]], seed: int) -> Iterator[Measurement]:
    """The standard deviation at each sample size, and the slope of its logarithm."""
    sizes = [int(size) for size in found]
    for size in found:
        interval = bootstrap(found[size], np.std, seed)
        yield Measurement.of(f"spread S={size}", interval, unit="nats")
    random = np.random.default_rng(seed)
    slopes = []
    for _ in range(1000):
        deviations = [np.std(random.choice(found[size], len(found[size]))) for size in found]
        slopes.append(np.polyfit(np.log(sizes), np.log(deviations), 1)[0])
    value = float(np.polyfit(np.log(sizes), np.log([np.std(found[size]) for size in found]), 1)[0])
    low, high = (float(q) for q in np.quantile(slopes, [0.025, 0.975]))
    repeats = len(next(iter(found.values())))
    yield Measurement("spread slope", value, min(low, value), max(high, value), n=repeats, unit="power of S")


def coverage_measurement(name: str, found: dict[str, Any]) -> Measurement:
    """The share of intervals that hold the truth."""
    return Measurement.of(name, wilson(found["hits"], found["repeats"]), unit="share", details={"true": found["true"]})


def curve_rows(curves: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a picture of I(ε), without impossible targets."""
    return [
        {"error": share, "bias": value, "low": low, "high": min(high, 2 * value + 10), "series": name}
        for name, found in curves.items()
        for share, (value, low, high, _) in zip(found["shares"], found["points"])
        if math.isfinite(value)
    ]


def bias_picture(name: str, title: str, rows: list[dict[str, Any]], x: str, x_title: str, caption: str) -> Picture:
    """Nats over an error (logarithmic) or a dimension."""
    from ..pictures import learning_curves

    chart = learning_curves(
        rows, x=x, y="bias", x_title=x_title, y_title="required bias (nats)", log_x=x == "error"
    ).to_dict()
    for layer in chart["layer"]:
        layer["encoding"]["x"]["axis"] |= {"format": "~g"}  # training curves, which these charts are for, count steps
        layer["encoding"]["y"]["axis"] = {"format": ",~f"}
    return Picture(name, title, chart, caption)


def _value(found: Any) -> float:
    return float(found.value)
