"""The wiring of `multitasking_hebbian`: which networks are drawn, run, and drawn as pictures.

Shape letters: k pattern, m example, n neuron, s disorder sample.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..associative import (
    Couplings,
    archetypes,
    average_examples,
    examples,
    glauber,
    normalised_weights,
    over_disorder,
    sample,
    unsupervised,
)
from ..associative.theory import PhaseDiagram, energy_from_losses, hierarchical_state, squared_losses
from ..claims import Measurement
from ..evaluation.statistics import mean_interval
from ..pictures import HEIGHT, PALETTE, THEME, WIDTH

PROTOCOLS = ("supervised", "unsupervised")
Array = NDArray[Any]


def quality_of(rho: float, number: int) -> float:
    """The quality at which M examples have entropy ρ."""
    return (1 + rho * number) ** -0.5


def entropy_of(quality: float, number: float) -> float:
    """ρ = (1 − r²)/(M r²)."""
    return (1 - quality**2) / (number * quality**2)


def networks(
    xi_kn: Array, quality: float, number: int, protocols: Sequence[str], device: str, seed: int
) -> tuple[dict[str, Couplings], Array]:
    """Networks of the same examples under each protocol, and the normalised average examples; quality 1 stores."""
    if quality == 1:
        return {"stored": Couplings(xi_kn, 2, device=device)}, xi_kn.astype(np.float32)
    nets = {}
    if "unsupervised" in protocols:
        eta_kmn = examples(xi_kn, quality, number, seed=seed)
        nets["unsupervised"] = unsupervised(torch.from_numpy(eta_kmn).to(device), quality)
        mean_kn = eta_kmn.mean(1, dtype=np.float32)
    else:
        mean_kn = average_examples(xi_kn, quality, number, seed=seed)
    w_kn = normalised_weights(mean_kn, quality, number)
    nets["supervised"] = Couplings(w_kn, 2, device=device)
    return nets, w_kn


def starts(kind: str, xi_kn: Array, seed: int) -> Array:
    """A starting state.

    Args:
        kind: "hierarchical"; "first" (pattern 1, blanks random); "sum" (the sign of all patterns' sum, ties random);
            "damaged" (hierarchical, a quarter of the spins turned).
        xi_kn: patterns.
        seed: of random spins.
    """
    neurons = xi_kn.shape[1]
    if kind == "sum":
        return hierarchical_state(xi_kn.sum(0, keepdims=True), seed)
    state_n = hierarchical_state(xi_kn[:1] if kind == "first" else xi_kn, seed)
    if kind == "damaged":
        state_n = np.where(np.random.default_rng(seed + 1).random(neurons) < 0.25, -state_n, state_n)
    return state_n


def overlaps(
    neurons: int,
    patterns: int,
    dilution: float,
    quality: float,
    number: int,
    temperature: float,
    *,
    samples: int,
    sweeps: int,
    seed: int,
    protocols: Sequence[str] = ("supervised",),
    start: str = "hierarchical",
    device: str = "cpu",
) -> dict[str, Any]:
    """Stationary m and n of every pattern: protocol → "m" or "n" → one row for each disorder sample.

    Args:
        neurons: N.
        patterns: K.
        dilution: d.
        quality: r; 1 stores the archetypes, and the only protocol is then "stored".
        number: M.
        temperature: T.
        samples: of the disorder.
        sweeps: half of them burnt.
        seed: base seed.
        protocols: run on the same examples.
        start: as for `starts`.
        device: where the networks live.
    """
    names = ("stored",) if quality == 1 else tuple(protocols)
    rho = entropy_of(quality, number)

    def one(seed: int) -> list[Any]:
        xi_kn = archetypes(neurons, patterns, dilution, seed=seed)
        nets, w_kn = networks(xi_kn, quality, number, names, device, seed)
        found = []
        for name in names:
            average = sample(
                nets[name],
                starts(start, xi_kn, seed)[None],
                np.concatenate([xi_kn, w_kn / math.sqrt(1 + rho)]),
                temperature,
                burn_in=sweeps // 2,
                sweeps=sweeps - sweeps // 2,
                update="parallel",
                seed=seed,
            )
            found.append(average.overlaps_bk[0].reshape(2, patterns))
        return found

    values = over_disorder(one, samples, seed).values  # (s, protocol, m or n, k)
    return {name: {"m": values[:, i, 0].tolist(), "n": values[:, i, 1].tolist()} for i, name in enumerate(names)}


def one_step(
    neurons: int, patterns: int, dilution: float, quality: float, number: int, samples: int, seed: int
) -> dict[str, Any]:
    """Overlaps after one noiseless parallel step from the hierarchical state, a row for each disorder sample."""

    def one(seed: int) -> Array:
        xi_kn = archetypes(neurons, patterns, dilution, seed=seed)
        nets, _ = networks(xi_kn, quality, number, ("supervised",), "cpu", seed)
        start_1n = starts("hierarchical", xi_kn, seed)[None]
        end_1n = glauber(nets["supervised"], start_1n, 0.0, 1, update="parallel", seed=seed)
        return xi_kn @ end_1n[0].numpy().astype(float) / neurons

    return {"m": over_disorder(one, samples, seed).values.tolist()}


def descent(neurons: int, patterns: int, dilution: float, rho: float, sweeps: int, seed: int) -> dict[str, Any]:
    """One noiseless sequential run from a damaged hierarchical state: energy and losses after every sweep.

    Returns:
        "energy": H/N without the constant diagonal; "identity": largest difference from the losses' expression;
        "plus": L⁺ of each sweep and pattern; at ρ > 0 on average examples in units of √R, of which the energy is made.
    """
    number = 1 if rho == 0 else 20
    quality = quality_of(rho, number)
    xi_kn = archetypes(neurons, patterns, dilution, seed=seed)
    if rho == 0:
        w_kn: Array = xi_kn
    else:
        w_kn = normalised_weights(average_examples(xi_kn, quality, number, seed=seed), quality, number)
    net = Couplings(w_kn, 2, dtype=torch.float64)
    seen = [torch.from_numpy(starts("damaged", xi_kn, seed)[None])]
    glauber(net, seen[0], 0.0, sweeps, seed=seed, observe=lambda sigma_bn: seen.append(sigma_bn.clone()))
    sigma_bn = torch.cat(seen)
    losses = squared_losses(w_kn, sigma_bn.numpy())
    diagonal = float((np.asarray(w_kn, dtype=np.float64) ** 2).mean(1).sum()) / (2 * neurons)
    energy_b = net.energy(sigma_bn).numpy() / neurons
    return {
        "energy": energy_b.tolist(),
        "identity": float(np.abs(energy_b - energy_from_losses(losses) - diagonal).max()),
        "plus": losses.plus_bk.tolist(),
    }


def crossing(numbers: Sequence[float], m_sm: Array, level: float) -> list[float]:
    """Logarithm of the M at which each sample's curve first reaches the level, interpolated; the last if none does."""
    logs = np.log(np.asarray(numbers, dtype=float))
    found = []
    for m_m in np.atleast_2d(m_sm):
        above = np.flatnonzero(m_m >= level)
        if not len(above) or above[0] == 0:
            found.append(float(logs[-1] if not len(above) else logs[0]))
            continue
        i = int(above[0])
        found.append(float(logs[i - 1] + (level - m_m[i - 1]) / (m_m[i] - m_m[i - 1]) * (logs[i] - logs[i - 1])))
    return found


def measured(name: str, values: Sequence[float] | Array, unit: str = "overlap", **details: Any) -> Measurement:
    """A mean over disorder samples with its interval."""
    interval = mean_interval(values)
    ends = (interval.low, interval.high) if len(values) > 1 else (interval.value, interval.value)
    more = {"samples": [float(v) for v in values], **details}
    return Measurement(name, interval.value, *ends, n=len(values), unit=unit, seeds=len(values), details=more)


def each(name: str, rows_sk: Sequence[Sequence[float]] | Array, scale: float = 1.0) -> Iterator[Measurement]:
    """The overlap with each pattern, in units of `scale`."""
    for k, values in enumerate(np.asarray(rows_sk).T / scale, start=1):
        yield measured(f"{name}{k}", values)


def regimes(diagram: PhaseDiagram) -> dict[str, Any]:
    """Map of regimes over dilution and temperature."""
    import altair as alt

    order = ["hierarchical", "hybrid", "parallel", "single", "ergodic"]
    rows = [{**row, "across": round(row["across"], 4)} for row in diagram.rows()]
    colour = alt.Color("phase:N", scale=alt.Scale(domain=order, range=[*PALETTE[:4], "#d9dde2"]), legend=alt.Legend())
    wide, tall = WIDTH / len(diagram.across), HEIGHT / len(diagram.temperatures)
    ticks = alt.Axis(labelAngle=0, labelOverlap=True, format=".2f")
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_rect()
        .encode(
            x=alt.X("across:O", title="dilution d", axis=ticks),
            y=alt.Y("temperature:O", title="temperature T/(1 − d)", sort="descending", axis=ticks),
            color=colour,
        )
        .properties(width={"step": wide}, height={"step": tall})
    )
    return {**chart.to_dict(), "config": THEME}


def run_lines(rows: Sequence[Mapping[str, Any]], y_title: str) -> dict[str, Any]:
    """Lines over the sweeps of a run; rows {sweep, value, series}."""
    import altair as alt

    names = list(dict.fromkeys(row["series"] for row in rows))
    legend = alt.Legend(symbolType="stroke")
    chart = (
        alt.Chart(alt.Data(values=[dict(row) for row in rows]))
        .mark_line()
        .encode(
            x=alt.X("sweep:Q", title="sweeps", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False)),
            color=alt.Color("series:N", scale=alt.Scale(domain=names), legend=legend),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    return {**chart.to_dict(), "config": THEME}
