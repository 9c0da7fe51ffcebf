"""What each part of `dense_hebbian` measures, beside the value that the theory gives for it."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..associative.theory import dense
from ..claims import Measurement, Picture
from . import _dense_hebbian as runs
from . import _dense_hebbian_pictures as pictures
from ._pictures import lines_and_points
from .dense_hebbian import CRITICAL, EQUAL, EXAMPLES, LOW, TARGET
from .runner import note, remember

if TYPE_CHECKING:
    from .dense_hebbian import Settings

Items = Iterator[Measurement | Picture]


def critical_loads(scale: "Settings", seed: int) -> Items:
    """The zero-temperature end of retrieval for all orders and entropies of the note's table."""
    orders, entropies = zip(*CRITICAL)
    for (p, rho), load in zip(CRITICAL, dense.critical_load(orders, entropies)):
        yield Measurement.exact(f"γ_c P={p} ρ={rho}", load, unit="load γ")


def low_load(scale: "Settings", seed: int) -> Items:
    """Three archetypes, parallel updates: warm against the binomial theory, and noiseless at three orders."""
    neurons, samples, sweeps = scale.low
    common: dict[str, Any] = {"samples": samples, "seed": seed, "update": "parallel", "device": device(scale)}
    common |= {"burn_in": sweeps // 2, "sweeps": sweeps - sweeps // 2}
    for rho, number, beta in LOW:
        quality = runs.quality_of(rho, number)
        compute = partial(runs.retrieval, neurons, 3, 4, quality, number, 1 / beta, **common)
        found = remember({"low": [rho, number, beta]}, compute)
        theory = dense.finite_examples(beta, 4, quality, number)
        yield from both(f"low {{}} ρ={rho}", found, theory)
    for order in (2, 4, 6):
        for rho in (0.2, 0.5, 1.0):
            quality = runs.quality_of(rho, 401)  # odd: a majority vote without ties
            still: dict[str, Any] = common | {"burn_in": 5, "sweeps": 1}  # without noise it stands still soon
            compute = partial(runs.retrieval, neurons, 3, order, quality, 401, 0.0, **still)
            found = remember({"noiseless": [order, rho]}, compute)
            name = f"noiseless P={order} ρ={rho}"
            yield runs.measured(name, found["m"])
            yield exact(f"theory: {name}", math.erf(1 / math.sqrt(2 * rho)))


def high_load(scale: "Settings", seed: int) -> Items:
    """Single points against the theory, and overlap along the load for P = 4 and P = 2."""
    for neurons, gamma, rho, beta in scale.high:
        found = remember({"high": [neurons, gamma, rho, beta]}, at_load(scale, seed, neurons, gamma, 4, rho, beta))
        name = f"high γ={gamma} ρ={rho} {{}} N={neurons}"
        yield from both(name, found, dense.solve(beta, 4, rho, gamma), patterns=found["patterns"])
    for start in ("example", "average"):
        neurons, gamma, rho, beta = next(point for point in scale.high if point[2] > 0)
        compute = at_load(scale, seed, neurons, gamma, 4, rho, beta, start=start)
        found = remember({"start": start}, compute)
        yield runs.measured(f"m from {start} N={neurons} γ={gamma} ρ={rho}", found["m"])
    yield from along_load(scale, seed, 4, *scale.curve, beta=2.0)
    yield from along_load(scale, seed, 2, *scale.pairwise, beta=math.inf)


def along_load(scale: "Settings", seed: int, order: int, neurons: int, loads: tuple[float, ...], beta: float) -> Items:
    """Overlap over load at ρ = 0 and 0.1, points on the theory's line."""
    lines, points = [], []
    top = 1.1 * max(loads)
    for rho in (0.0, 0.1):
        series = f"ρ = {rho:g}"
        for load in loads:
            compute = at_load(scale, seed, neurons, load, order, rho, beta, few=True)
            found = remember({"curve": [order, neurons, load, rho]}, compute)
            m = runs.measured(f"m P={order} N={neurons} γ={load} ρ={rho}", found["m"])
            yield m
            points.append({"x": load, "y": m.value, "low": m.low, "high": m.high, "series": series})
        line = [top * step / 100 for step in range(101)]
        theory = dense.solve(beta, order, rho, line)
        lines += [{"x": x, "y": abs(float(y)), "series": series} for x, y in zip(line, theory.m)]
    noise = "no noise" if math.isinf(beta) else f"β′ = {beta:g}"
    yield Picture(
        f"overlap-load-p{order}",
        f"P = {order}: overlap against load",
        lines_and_points(lines, points, "load γ = P! K/(2 N^(P−1))", "overlap m"),
        f"Lines: replica theory, N → ∞, from the archetype. Points: Monte Carlo, N = {neurons:,}, {noise}, with 95 % "
        "intervals over disorder samples.",
    )


def ultra_storage(scale: "Settings", seed: int) -> Items:
    """Numbers of patterns at N = 64: noiseless for P = 2, its best case, and at β′ = 2 for P = 4."""
    for order, counts in zip((2, 4), scale.counts):
        for patterns in counts:
            temperature = 0.0 if order == 2 else 0.5
            compute = partial(
                runs.retrieval,
                64,
                patterns,
                order,
                1.0,
                1,
                temperature,
                samples=scale.samples,
                seed=seed,
                device=device(scale),
                **halves(scale),
            )
            found = remember({"count": [order, patterns]}, compute)
            yield runs.measured(f"P={order} K={patterns}", found["m"])
    for neurons in scale.growth:
        found = remember({"growth": neurons}, at_load(scale, seed, neurons, 0.1, 4, 0.0, 2.0))
        yield runs.measured(f"γ=0.1 N={neurons}", found["m"], patterns=found["patterns"])


def equal_entropy(scale: "Settings", seed: int) -> Items:
    """The three datasets of ρ = 0.2 and one of ρ = 0.4; and curves of m over ρ for three qualities."""
    neurons, samples, sweeps = scale.low
    common: dict[str, Any] = {
        "samples": max(2, samples // 2),
        "seed": seed,
        "update": "parallel",
        "device": device(scale),
        "replicas": 3,
    }
    common |= {"burn_in": sweeps // 2, "sweeps": sweeps - sweeps // 2}
    other = (runs.quality_of(0.4, 50), 50)
    for quality, number in (*EQUAL, other):
        compute = partial(runs.retrieval, neurons, 3, 4, quality, number, 0.5, **common)
        found = remember({"equal": [quality, number]}, compute)
        yield runs.measured("ρ=0.4" if (quality, number) == other else f"r={quality} M={number}", found["m"])
    points = []
    for quality in (0.2, 0.3, 0.5):
        for rho in (0.05, 0.1, 0.2, 0.35, 0.5):
            number = max(1, round((1 - quality**2) / (rho * quality**2)))
            compute = partial(runs.retrieval, neurons, 3, 4, quality, number, 0.5, **common)
            found = remember({"collapse": [quality, number]}, compute)
            m = runs.measured(f"m r={quality} M={number}", found["m"])
            yield m
            exactly = (1 - quality**2) / (number * quality**2)
            points.append({"x": exactly, "y": m.value, "low": m.low, "high": m.high, "series": f"r = {quality:g}"})
    entropies = [x / 100 for x in range(2, 56)]
    theory = dense.solve(2.0, 4, entropies, 0.0)
    line = [{"x": x, "y": float(y), "series": "theory"} for x, y in zip(entropies, theory.m)]
    yield Picture(
        "collapse",
        "One curve for all qualities",
        lines_and_points(line, points, "dataset entropy ρ = (1 − r²)/(M r²)", "overlap m"),
        f"P = 4, β′ = 2, K = 3, N = {neurons:,}; each quality r with several numbers of examples. The line is "
        "the theory for large M.",
    )


def examples_needed(scale: "Settings", seed: int) -> Items:
    """One noiseless step along M for several qualities, and how the M that reaches the target depends on them."""
    neurons, gamma, qualities = scale.threshold
    compute = partial(runs.thresholds, neurons, gamma, 4, qualities, TARGET, scale.samples, seed, device(scale))
    found = remember({"threshold": [neurons, gamma, list(qualities)]}, compute)
    for row in found["rows"]:
        name = f"one step r={row['quality']} M={row['number']}"
        rho = (1 - row["quality"] ** 2) / (row["number"] * row["quality"] ** 2)
        yield runs.measured(name, row["m"])
        yield exact(f"theory: {name}", float(dense.signal_to_noise(4, rho, gamma)))
    yield runs.measured("exponent of M", found["slopes"], unit="d ln M / d ln((1 − r²)/r²)")
    for quality, logs, predicted in zip(qualities, found["log_numbers"], found["predicted"]):
        needed = [math.exp(x) for x in logs]
        yield runs.measured(f"examples needed r={quality}", needed, unit="examples", theory=predicted)


def images(scale: "Settings", seed: int) -> Items:
    """Retrieval of real images from class means, by order and number of examples."""
    orders, numbers, tests, draws = scale.images
    words = {numbers[0]: "one", numbers[-1]: "many"}
    for name in runs.image_sets():
        note(f"images: {name}")
        most = numbers if name != "digits" else tuple(min(m, 100) for m in numbers)
        compute = partial(runs.image_recall, name, orders, most, tests, draws, seed, device(scale))
        found = remember({"images": name}, compute)
        rows = []
        for order in orders:
            for asked, number in zip(numbers, most):
                label = words.get(asked, f"M={number}")
                correct = found["correct"][f"P={order} M={number}"]
                m = runs.accuracy(f"{name} P={order} {label}", correct, found["tests"], examples=number)
                yield m
                rows.append({"P": order, "M": number, "accuracy": m.value})
        yield Measurement.exact(f"{name} images", found["tests"] * draws, unit="images", pixels=found["pixels"])
        yield Picture(
            f"accuracy-{name}",
            f"{name}: class of the retrieved image",
            pictures.accuracy_by_order(rows),
            f"Share of held-out images whose class is right after retrieval, {draws} draws of the examples; M examples "
            "a class. Guessing gives 10 %.",
        )
        yield Picture(
            f"retrieved-{name}",
            f"{name}: retrieved images",
            pictures.retrieved(found["shown"]),
            f"Left, held-out images as the network starts from them; then where each order ends, M = {most[-1]}.",
        )


def plefka(scale: "Settings", seed: int) -> Items:
    """Mean-field equations against exact Monte Carlo on the same networks, at low and at high load."""
    neurons, high = scale.mean_field
    for load, size, patterns, rho, number, beta in (
        ("low load", neurons, 3, 0.2, 50, 3.0),
        ("high load", high, runs.patterns_at(4, high, 0.1), 0.0, 1, 2.0),
        ("γ = 0.3", high, runs.patterns_at(4, high, 0.3), 0.0, 1, 2.0),
    ):
        quality = runs.quality_of(rho, number)
        samples = max(2, scale.samples // 2)
        settings = (size, patterns, quality, number, beta, samples, seed, scale.sweeps, device(scale))
        compute = partial(runs.mean_field, *settings)
        found = remember({"plefka": load}, compute)
        yield runs.measured(f"exact, {load}", found["exact"], neurons=size, patterns=patterns)
        for kind in runs.MEAN_FIELDS:
            label = "plefka" if kind == "first order" else f"plefka, {kind}"
            yield runs.measured(f"{label} − exact, {load}", found[kind], unit="difference of overlaps")


def both(name: str, found: dict[str, Any], theory: Any, **details: Any) -> Iterator[Measurement]:
    """The overlaps m and n with the theory's; `name` has a place for the letter."""
    for letter in ("m", "n"):
        yield runs.measured(name.format(letter), found[letter], **details)
        yield exact(f"theory: {name.format(letter)}", float(getattr(theory, letter)), residual=float(theory.residual))


def exact(name: str, value: float, **details: Any) -> Measurement:
    """An overlap that the theory gives."""
    return Measurement.exact(name, value, unit="overlap", **details)


def device(scale: "Settings") -> str:
    """Where a scale's networks live."""
    return "cuda" if scale.needs_gpu else "cpu"


def halves(scale: "Settings") -> dict[str, Any]:
    """Half of the sweeps for burning in."""
    return {"burn_in": scale.sweeps // 2, "sweeps": scale.sweeps - scale.sweeps // 2}


def at_load(
    scale: "Settings",
    seed: int,
    neurons: int,
    gamma: float,
    order: int,
    rho: float,
    beta: float,
    *,
    start: str = "archetype",
    few: bool = False,
) -> Callable[[], dict[str, Any]]:
    """Sequential Monte Carlo at a load γ and entropy ρ; `few` for curves, half as many samples and replicas."""
    return partial(
        runs.retrieval,
        neurons,
        runs.patterns_at(order, neurons, gamma),
        order,
        runs.quality_of(rho, EXAMPLES),
        EXAMPLES,
        1 / beta,
        samples=max(2, scale.samples // 2) if few else scale.samples,
        replicas=runs.REPLICAS // 2 if few else runs.REPLICAS,
        seed=seed,
        start=start,
        device=device(scale),
        **halves(scale),
    )
