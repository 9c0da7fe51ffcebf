"""What each part of `multitasking_hebbian` measures, beside the value that the theory gives for it.

Overlaps called m are (1/N) Σ ξσ; those called x are in units of 1 − d, their largest value. Noise is T, or T/(1 − d).
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..associative.theory import multitask, multitask_diagram
from ..claims import Measurement, Picture
from . import _multitasking_hebbian as runs
from ._pictures import lines_and_points
from .multitasking_hebbian import CURVE, EQUAL, LEVEL, NOISY, TABLE
from .runner import remember

if TYPE_CHECKING:
    from .multitasking_hebbian import Settings

Items = Iterator[Measurement | Picture]


def of(scale: "Settings", seed: int, *, few: bool = False) -> dict[str, Any]:
    """What every simulation of a scale shares."""
    device = "cuda" if scale.needs_gpu else "cpu"
    return {"samples": scale.few if few else scale.samples, "sweeps": scale.sweeps, "seed": seed, "device": device}


def exact(name: str, values: Any, scale: float = 1.0) -> Iterator[Measurement]:
    """Overlaps that the theory gives, one for each pattern."""
    for k, value in enumerate(np.asarray(values) / scale, start=1):
        yield Measurement.exact(f"theory: {name}{k}", float(value), unit="overlap")


def ladder(scale: "Settings", seed: int) -> Items:
    """Mild dilution without noise: overlaps from the hierarchy and from one pattern alone, and their slope."""
    common, d = of(scale, seed), 0.3
    for start, neurons, name in (
        ("hierarchical", scale.neurons, "ladder x"),
        ("first", scale.large, "ladder from one pattern x"),  # which pattern comes second is a matter of 1/√N
    ):
        compute = partial(runs.overlaps, neurons, 3, d, 1.0, 1, 0.01 * (1 - d), start=start, **common)
        m_sk = np.abs(remember({"ladder": start}, compute)["stored"]["m"])
        yield from runs.each(name, -np.sort(-m_sk, axis=1) if start == "first" else m_sk, 1 - d)
    yield from exact("ladder x", multitask.hierarchical_overlaps(d, 3), 1 - d)
    for d in (0.3, 0.5):
        compute = partial(runs.overlaps, scale.large, 3, d, 1.0, 1, 0.01 * (1 - d), **common)
        m_sk = np.abs(remember({"slope": d}, compute)["stored"]["m"])
        slopes = np.polyfit(np.arange(3), np.log(m_sk).T, 1)[0]
        yield runs.measured(f"slope d={d}", slopes, unit="d ln m / d k", theory=math.log(d))


def parallel(scale: "Settings", seed: int) -> Items:
    """Strong dilution: one overlap for all patterns."""
    compute = partial(runs.overlaps, scale.large, 3, 0.9, 1.0, 1, 1 / 60, **of(scale, seed))
    m_sk = np.array(remember({"parallel": True}, compute)["stored"]["m"])
    yield from runs.each("parallel m", m_sk)
    yield from exact("parallel m", multitask.solve(60, 0.9, 3)[0].m)
    yield runs.measured("parallel mean", m_sk.mean(1))
    yield runs.measured("parallel spread", np.ptp(m_sk, axis=1))
    bound = 0.02 * (1 - 0.9) + 3 / math.sqrt(scale.large)
    yield Measurement.exact("parallel bound", bound, unit="overlap")


def tables(scale: "Settings", seed: int) -> Items:
    """Three points with M = 20 examples, both protocols on the same examples."""
    for d, rho, beta in TABLE:
        quality = runs.quality_of(rho, 20)
        common = of(scale, seed, few=True) | {"protocols": runs.PROTOCOLS}
        compute = partial(runs.overlaps, scale.huge, 3, d, quality, 20, 1 / beta, **common)
        found = remember({"table": [d, rho, beta]}, compute)
        name = f"d={d} ρ={rho}"
        gaussian = multitask.ground_states(beta, d, 3, rho, ("hierarchical", "spread"))
        few = multitask.finite_examples(beta, d, 3, quality, 20, ("hierarchical",))[0]
        for letter in ("m", "n"):
            yield from exact(f"{name} {letter}", getattr(gaussian, letter))
            yield from exact(f"{name} M=20 {letter}", getattr(few, letter))
            for protocol in runs.PROTOCOLS:
                yield from runs.each(f"{name} {protocol} {letter}", found[protocol][letter])
        for protocol in runs.PROTOCOLS:
            yield runs.measured(f"{name} {protocol} mean", np.mean(found[protocol]["m"], axis=1))
        yield Measurement.exact(f"theory: {name} mean", float(gaussian.m.mean()), unit="overlap")
        difference_sk = np.subtract(found["supervised"]["m"], found["unsupervised"]["m"])
        yield from runs.each(f"supervised − unsupervised {name} m", difference_sk)


def curve(scale: "Settings", seed: int) -> Items:
    """Overlaps over the number of examples, both protocols; one noiseless step; the number that reaches the level."""
    d, quality, beta = CURVE
    points: dict[str, list[dict[str, Any]]] = {p: [] for p in runs.PROTOCOLS}
    x1: dict[str, list[list[float]]] = {p: [] for p in runs.PROTOCOLS}
    for number in scale.numbers:
        common = of(scale, seed) | {"protocols": runs.PROTOCOLS}
        compute = partial(runs.overlaps, scale.curve, 2, d, quality, number, 1 / beta, **common)
        found = remember({"curve": number}, compute)
        few = multitask.finite_examples(beta, d, 2, quality, number, ("hierarchical",))[0]
        gaussian = multitask.solve(beta, d, 2, runs.entropy_of(quality, number), ("hierarchical",))[0]
        yield from exact(f"M={number} x", gaussian.m, 1 - d)
        yield from exact(f"M={number} binomial x", few.m, 1 - d)
        yield Measurement.exact(f"theory: M={number} mean", float(few.m.mean()) / (1 - d), unit="overlap")
        for protocol in runs.PROTOCOLS:
            x_sk = np.array(found[protocol]["m"]) / (1 - d)
            x1[protocol].append(x_sk[:, 0].tolist())
            yield runs.measured(f"M={number} {protocol} mean", x_sk.mean(1))
            for k, m in enumerate(runs.each(f"M={number} {protocol} x", x_sk), start=1):
                yield m
                row = {"x": number, "y": m.value, "low": m.low, "high": m.high, "series": f"pattern {k}"}
                points[protocol].append(row)
        difference_sk = np.subtract(found["supervised"]["m"], found["unsupervised"]["m"])
        yield from runs.each(f"supervised − unsupervised M={number} m", difference_sk)
        step = partial(runs.one_step, scale.curve, 2, d, quality, number, scale.samples, seed)
        yield from runs.each(f"one step M={number} x", remember({"step": number}, step)["m"], 1 - d)
        start = multitask.hierarchical_overlaps(d, 2)
        yield from exact(f"one step M={number} x", multitask.one_step(start, d, gaussian_rho(number)), 1 - d)
    for number in scale.numbers[:2]:  # where the two differ most at the curve's size
        common = of(scale, seed, few=True) | {"protocols": runs.PROTOCOLS}
        compute = partial(runs.overlaps, scale.huge, 2, d, quality, number, 1 / beta, **common)
        found = remember({"curve": number, "huge": True}, compute)
        difference_sk = np.subtract(found["supervised"]["m"], found["unsupervised"]["m"])
        yield from runs.each(f"supervised − unsupervised M={number} N={scale.huge} m", difference_sk)
    logs = {p: np.array(runs.crossing(scale.numbers, np.array(x1[p]).T, 0.8)) for p in runs.PROTOCOLS}
    for protocol, log_s in logs.items():
        yield runs.measured(f"M at 0.8 {protocol}", np.exp(log_s), unit="examples")
    ratio = np.exp(logs["supervised"] - logs["unsupervised"])
    yield runs.measured("M at 0.8 supervised : unsupervised", ratio, unit="ratio")
    line = sorted({*range(4, max(scale.numbers) + 1, 4), *scale.numbers})
    theory = [multitask.finite_examples(beta, d, 2, quality, m, ("hierarchical",))[0].m / (1 - d) for m in line]
    lines = [
        {"x": m, "y": float(x), "series": f"pattern {k}"} for m, xs in zip(line, theory) for k, x in enumerate(xs, 1)
    ]
    for protocol in runs.PROTOCOLS:
        yield Picture(
            f"learning-{protocol}",
            f"Learning, {protocol}: overlaps against the number of examples",
            lines_and_points(lines, points[protocol], "examples per pattern M", "overlap m/(1 − d)"),
            f"K = 2, d = {d}, r = {quality}, β = {beta}. Lines: replica theory with binomial examples. Points: Monte "
            f"Carlo, N = {scale.curve:,}, with 95 % intervals over disorder samples.",
        )


def gaussian_rho(number: int) -> float:
    """ρ of the learning curve's quality."""
    return runs.entropy_of(CURVE[1], number)


def collapse(scale: "Settings", seed: int) -> Items:
    """Datasets of equal entropy; and the number of examples needed at several qualities."""
    d, _, beta = CURVE
    common = of(scale, seed)
    for number in EQUAL:
        compute = partial(runs.overlaps, scale.large, 2, d, runs.quality_of(0.2, number), number, 1 / beta, **common)
        x_sk = np.array(remember({"equal": number}, compute)["supervised"]["m"]) / (1 - d)
        yield from runs.each(f"ρ=0.2 M={number} x", x_sk)
    yield from exact("ρ=0.2 x", multitask.solve(beta, d, 2, 0.2, ("hierarchical",))[0].m, 1 - d)

    rho = np.geomspace(0.02, 1, 400)
    x1 = multitask.ground_states(beta, d, 2, rho, ("hierarchical",)).m[:, 0] / (1 - d)
    enough = float(rho[x1 >= LEVEL].max())
    yield Measurement.exact(f"theory: ρ at {LEVEL}", enough, unit="dataset entropy")
    logs = []
    for quality in scale.qualities:
        wanted = (1 - quality**2) / (quality**2 * enough)
        numbers = sorted({max(1, round(wanted * factor)) for factor in (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)})
        rows = []
        for number in numbers:
            compute = partial(runs.overlaps, scale.large, 2, d, quality, number, 1 / beta, **common)
            m_sk = np.array(remember({"needed": [quality, number]}, compute)["supervised"]["m"])
            rows.append(m_sk[:, 0] / (1 - d))
        logs.append(runs.crossing(numbers, np.array(rows).T, LEVEL))
        yield runs.measured(f"M at {LEVEL} r={quality}", np.exp(logs[-1]), unit="examples", theory=wanted)
    law = [math.log((1 - q**2) / q**2) for q in scale.qualities]
    yield runs.measured("exponent of M", np.polyfit(law, np.array(logs), 1)[0], unit="d ln M / d ln((1 − r²)/r²)")


def energy(scale: "Settings", seed: int) -> Items:
    """Noiseless runs from damaged states: energy, losses, and the identity between them."""
    for rho, name in ((0.0, "stored"), (0.2, "examples")):
        found = [
            remember({"descent": [rho, s]}, partial(runs.descent, scale.neurons, 3, 0.3, rho, 8, seed + s))
            for s in range(scale.samples)
        ]
        worst = max(one["identity"] for one in found)
        yield Measurement.exact(f"identity, {name}", worst, unit="energy per neuron", n=len(found))
        rises = sum(int((np.diff(one["energy"]) > 1e-12).sum()) for one in found)
        yield Measurement.exact(f"energy rises, {name}", rises, unit="sweeps", n=8 * len(found))
        falls_sk = np.array([np.subtract(one["plus"][0], one["plus"][-1]) for one in found])
        for k, values in enumerate(falls_sk.T, start=1):
            yield runs.measured(f"fall of loss {k}, {name}", values, unit="squared error per neuron")
    first = remember({"descent": [0.0, 0]}, partial(runs.descent, scale.neurons, 3, 0.3, 0.0, 8, seed))
    rows = [
        {"sweep": t, "value": float(x), "series": f"L⁺ of pattern {k}"}
        for t, xs in enumerate(first["plus"])
        for k, x in enumerate(xs, 1)
    ]
    rows += [{"sweep": t, "value": e, "series": "energy H/N"} for t, e in enumerate(first["energy"])]
    yield Picture(
        "energy-and-loss",
        "Energy and squared errors along a run",
        runs.run_lines(rows, "per neuron"),
        f"K = 3 stored patterns, d = 0.3, N = {scale.neurons:,}, no noise; the run starts from the hierarchical state "
        "with a quarter of the spins turned.",
    )


def standard(scale: "Settings", seed: int) -> Items:
    """The Hopfield network, d = 0, from one pattern and from the sum of three."""
    for start in ("first", "sum"):
        compute = partial(runs.overlaps, scale.neurons, 3, 0.0, 1.0, 1, 0.02, start=start, **of(scale, seed))
        m_sk = np.abs(remember({"standard": start}, compute)["stored"]["m"])
        if start == "first":
            yield runs.measured("d=0 first pattern", m_sk[:, 0])
            yield runs.measured("d=0 largest other", m_sk[:, 1:].max(1))
        else:
            yield from runs.each("d=0 mixture ", m_sk)
    yield Measurement.exact("3/√N", 3 / math.sqrt(scale.neurons), unit="overlap")


def noisy(scale: "Settings", seed: int) -> Items:
    """The same dilution without and with noise in the examples."""
    d, number, temperature = NOISY
    for rho in (0.0, 0.3):
        quality = 1.0 if rho == 0 else runs.quality_of(rho, number)
        common = of(scale, seed, few=True)
        compute = partial(runs.overlaps, scale.huge, 3, d, quality, number, temperature, **common)
        found = remember({"noisy": rho}, compute)
        x_sk = np.array(next(iter(found.values()))["m"]) / (1 - d)
        yield from runs.each(f"d={d} ρ={rho:g} x", x_sk)
        yield runs.measured(f"d={d} ρ={rho:g} mean", x_sk.mean(1))
        yield runs.measured(f"d={d} ρ={rho:g} spread", np.ptp(x_sk, axis=1))
        yield from exact(f"d={d} ρ={rho:g} x", multitask.solve(1 / temperature, d, 3, rho)[0].m, 1 - d)


def dilutions(scale: "Settings", seed: int) -> Items:
    """Overlaps against dilution, stored and learned, as pictures with the theory's lines."""
    line = np.linspace(0.02, 0.97, 96)
    for name, rho, protocols in (("stored", 0.0, ("stored",)), ("learned", 0.2, runs.PROTOCOLS)):
        quality = runs.quality_of(rho, 20)
        theory = multitask.ground_states(100 / (1 - line), line, 3, rho, ("hierarchical",))
        lines = [
            {"x": float(d), "y": float(m / (1 - d)), "series": f"pattern {k}"}
            for d, ms in zip(line, theory.m)
            for k, m in enumerate(ms, 1)
        ]
        points: dict[str, list[dict[str, Any]]] = {p: [] for p in protocols}
        for d in scale.dilutions:
            common = of(scale, seed, few=True) | {"protocols": protocols}
            compute = partial(runs.overlaps, scale.large, 3, d, quality, 20, 0.01 * (1 - d), **common)
            found = remember({"dilution": [name, d]}, compute)
            for protocol in protocols:
                for k, m in enumerate(runs.each(f"dilution {d} {protocol} x", found[protocol]["m"], 1 - d), 1):
                    yield m
                    row = {"x": d, "y": m.value, "low": m.low, "high": m.high, "series": f"pattern {k}"}
                    points[protocol].append(row)
        for protocol in protocols:
            yield Picture(
                f"overlap-dilution-{protocol}",
                f"Overlaps against dilution, {protocol}",
                lines_and_points(lines, points[protocol], "dilution d", "overlap m/(1 − d)"),
                f"K = 3, ρ = {rho:g}, T = 0.01 (1 − d), from the hierarchical state. Lines: replica theory. Points: "
                f"Monte Carlo, N = {scale.large:,}, with 95 % intervals over disorder samples.",
            )


def diagrams(scale: "Settings", seed: int) -> Items:
    """Regimes over dilution and noise, for clean and for noisy data."""
    columns, rows = scale.grid
    for rho in (0.0, 0.3):
        d, t = np.linspace(0, 0.95, columns), np.linspace(0.02, 1.1, rows)
        diagram = multitask_diagram(3, d, t, rho)
        unsettled = float((~diagram.converged).mean())
        yield Measurement.exact(f"diagram ρ={rho:g} not converged", unsettled, unit="share of cells", n=columns * rows)
        yield Picture(
            f"regimes-{'clean' if rho == 0 else 'noisy'}",
            f"Regimes of three patterns, ρ = {rho:g}",
            runs.regimes(diagram),
            "State of lowest free energy in replica theory, K = 3. Hierarchical: m_k ∝ d^{k−1} within 0.02; parallel: "
            "all equal; single: one; hybrid: the others.",
        )
