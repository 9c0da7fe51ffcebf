"""The wiring of `dense_hebbian`: which networks are drawn, run and compared with which theory value."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..associative import (
    Couplings,
    PixelSelection,
    archetypes,
    average_examples,
    class_means,
    glauber,
    normalised_weights,
    over_disorder,
    quality_from_entropy,
    sample,
    stored,
    supervised,
)
from ..claims import Measurement
from ..datasets import load
from ..errors import DataError
from ..evaluation.statistics import mean_interval, seeds_interval

REPLICAS = 8  # archetypes started from in each disorder sample; averaged before anything is said about spread


def patterns_at(order: int, neurons: int, gamma: float) -> int:
    """K = 2 γ N^{P−1}/P!, at least 1."""
    return max(1, round(2 * gamma * neurons ** (order - 1) / math.factorial(order)))


def network(
    neurons: int, patterns: int, order: int, quality: float, number: int, seed: int, device: str = "cpu"
) -> tuple[Couplings, Any, Any]:
    """Couplings, archetypes and class averages of one disorder sample; quality 1 stores the archetypes themselves."""
    xi_kn = archetypes(neurons, patterns, seed=seed)
    if quality == 1:
        return stored(xi_kn, order, device=device), xi_kn, xi_kn
    mean_kn = average_examples(xi_kn, quality, number, seed=seed)
    return supervised(mean_kn, quality, number, order, device=device), xi_kn, mean_kn


def retrieval(
    neurons: int,
    patterns: int,
    order: int,
    quality: float,
    number: int,
    temperature: float,
    *,
    samples: int,
    seed: int,
    start: str = "archetype",
    update: str = "sequential",
    burn_in: int = 15,
    sweeps: int = 15,
    replicas: int = REPLICAS,
    device: str = "cpu",
) -> dict[str, Any]:
    """|m| and |n| after burning in, one value for each disorder sample.

    Args:
        neurons: N.
        patterns: K.
        order: P.
        quality: r.
        number: M.
        temperature: T = 1/β′.
        samples: of the disorder.
        seed: base seed.
        start: "archetype", "example" (one new example, overlap r) or "average" (sign of the class average).
        update: "sequential" or "parallel".
        burn_in: sweeps.
        sweeps: sweeps averaged over.
        replicas: archetypes started from in each sample.
        device: where the networks live.
    """
    rho = (1 - quality**2) / (number * quality**2)

    def one(seed: int) -> list[float]:
        net, xi_kn, mean_kn = network(neurons, patterns, order, quality, number, seed, device)
        first = slice(0, min(replicas, patterns))
        xi_bn = xi_kn[first]
        w_bn = xi_bn if quality == 1 else normalised_weights(mean_kn[first], quality, number) / math.sqrt(1 + rho)
        starts: dict[str, Any] = {
            "archetype": lambda: xi_bn,
            "example": lambda: average_examples(xi_bn, quality, 1, seed=seed + 1),
            "average": lambda: np.where(mean_kn[first] == 0, xi_bn, np.sign(mean_kn[first])),
        }
        found = sample(
            net,
            starts[start](),
            np.concatenate([xi_bn, w_bn]),
            temperature,
            burn_in=burn_in,
            sweeps=sweeps,
            update=update,  # type: ignore[arg-type]
            seed=seed % 2**31,
        ).overlaps_bk
        own = len(xi_bn)
        return [float(np.abs(block.diagonal()).mean()) for block in (found[:, :own], found[:, own:])]

    estimate = over_disorder(one, samples, seed)
    return {"m": estimate.values[:, 0].tolist(), "n": estimate.values[:, 1].tolist(), "patterns": patterns}


def one_step(
    neurons: int, gamma: float, order: int, quality: float, number: int, samples: int, seed: int, device: str = "cpu"
) -> list[float]:
    """Overlap after one noiseless parallel step from the archetype, for each disorder sample."""

    def one(seed: int) -> float:
        net, xi_kn, _ = network(neurons, patterns_at(order, neurons, gamma), order, quality, number, seed, device)
        xi_bn = xi_kn[: 4 * REPLICAS]
        end_bn = glauber(net, xi_bn, 0.0, 1, update="parallel", seed=seed % 2**31).cpu().numpy()
        return float((end_bn * xi_bn).mean())

    return over_disorder(one, samples, seed).values.tolist()


def thresholds(
    neurons: int,
    gamma: float,
    order: int,
    qualities: Sequence[float],
    target: float,
    samples: int,
    seed: int,
    device: str = "cpu",
) -> dict[str, Any]:
    """The number of examples at which one step reaches the target overlap, for each quality and disorder sample."""
    from scipy.special import erfinv

    from ..associative.theory.dense import learning_threshold

    predicted = learning_threshold(order, qualities, gamma, float(erfinv(target))).tolist()
    rows, crossings = [], []
    for quality, middle in zip(qualities, predicted):
        numbers = sorted({max(1, round(middle * factor)) for factor in (0.5, 0.7, 1.0, 1.4, 2.0)})
        found_ms = np.array([one_step(neurons, gamma, order, quality, m, samples, seed, device) for m in numbers])
        rows += [{"quality": quality, "number": m, "m": row.tolist()} for m, row in zip(numbers, found_ms)]
        crossings.append([_crossing(np.log(numbers), column, target) for column in found_ms.T])
    ease = np.log([(1 - r**2) / r**2 for r in qualities])
    slopes = [float(np.polyfit(ease, column, 1)[0]) for column in np.array(crossings).T]
    return {"rows": rows, "log_numbers": crossings, "slopes": slopes, "predicted": predicted}


MEAN_FIELDS: dict[str, dict[str, Any]] = {
    "first order": {"expansion": "first", "fields": "plain"},  # the shortcut: coincident indices left in
    "second order, distinct": {"expansion": "second", "fields": "distinct"},
}


def mean_field(
    neurons: int,
    patterns: int,
    quality: float,
    number: int,
    beta: float,
    samples: int,
    seed: int,
    sweeps: int,
    device: str = "cpu",
) -> dict[str, Any]:
    """Overlaps of exact Monte Carlo, and how far Plefka's equations on the same networks are from them; P = 4."""
    from ..associative.theory import plefka

    def one(seed: int) -> list[float]:
        net, xi_kn, mean_kn = network(neurons, patterns, 4, quality, number, seed, device)
        xi_bn = xi_kn[: REPLICAS // 2]
        half = sweeps // 2
        exact = sample(
            net, xi_bn, xi_bn, 1 / beta, burn_in=half, sweeps=sweeps - half, seed=seed % 2**31
        ).overlaps_bk.diagonal()
        w_kn = xi_kn if quality == 1 else normalised_weights(mean_kn, quality, number)
        found = [float(np.abs(exact).mean())]
        for settings in MEAN_FIELDS.values():
            x_bn = plefka(w_kn, 4, beta, xi_bn, sweeps=100, tolerance=1e-4, **settings).x_bn
            found.append(float(np.abs((x_bn * xi_bn).mean(1)).mean()))
        return found

    values = over_disorder(one, samples, seed).values
    return {"exact": values[:, 0].tolist()} | {
        name: (values[:, 1 + index] - values[:, 0]).tolist() for index, name in enumerate(MEAN_FIELDS)
    }


def _crossing(x: Any, y: Any, target: float) -> float:
    """Where the rising curve first reaches the target, between points; its ends where it does not."""
    above = np.flatnonzero(y >= target)
    if len(above) == 0 or above[0] == 0:
        return float(x[-1] if len(above) == 0 else x[0])
    k = above[0]
    return float(np.interp(target, [y[k - 1], y[k]], [x[k - 1], x[k]]))


def image_sets() -> list[str]:
    """MNIST and Fashion-MNIST where their files are, otherwise the digits that scikit-learn brings."""
    found = []
    for name in ("mnist", "fashion_mnist"):
        try:
            load(name, "test")
            found.append(name)
        except DataError:
            continue
    return found or ["digits"]


def image_recall(
    name: str,
    orders: Sequence[int],
    numbers: Sequence[int],
    tests: int,
    draws: int,
    seed: int,
    device: str = "cpu",
) -> dict[str, Any]:
    """Right answers among held-out images, by order and examples per class; and some images on their way.

    The dynamics starts from a held-out image and runs without noise; the answer is the class whose centred mean the
    state then overlaps most.
    """
    train, test = load(name, "train"), load(name, "test")
    assert train.labels_n is not None  # all three sets have labels
    assert test.labels_n is not None
    correct: dict[str, list[int]] = {f"P={p} M={m}": [] for p in orders for m in numbers}
    shown: list[dict[str, Any]] = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        order_n = rng.permutation(len(train.pixels))[:20_000]
        pixels_bhw, labels_b = train.pixels[order_n], train.labels_n[order_n]
        selection = PixelSelection.of(pixels_bhw)
        asked_b = rng.permutation(len(test.pixels))[:tests]
        states_bn, truth_b = selection.states(test.pixels[asked_b]), test.labels_n[asked_b]
        for m in numbers:
            means = class_means(selection, pixels_bhw, labels_b, m)
            for p in orders:
                net = Couplings(means.unit_cn, p, device=device)
                end_bn = glauber(net, states_bn, 0.0, 20, seed=draw).cpu().numpy()
                answer_b = means.classes[(end_bn.astype(np.float32) @ means.unit_cn.T).argmax(1)]
                correct[f"P={p} M={m}"].append(int((answer_b == truth_b).sum()))
                if draw == 0 and m == numbers[-1]:
                    shown += [_shown(selection, states_bn[b], end_bn[b], b, p) for b in range(min(3, tests))]
    return {"correct": correct, "tests": min(tests, len(test.pixels)), "pixels": len(selection.mean_n), "shown": shown}


def _shown(selection: PixelSelection, start_n: Any, end_n: Any, b: int, order: int) -> dict[str, Any]:
    pair = selection.images(np.stack([start_n, end_n])) > 0
    return {"image": b, "order": order, "start": np.argwhere(pair[0]).tolist(), "end": np.argwhere(pair[1]).tolist()}


def quality_of(rho: float, number: int) -> float:
    """Quality r at a dataset entropy; exactly 1 at ρ = 0."""
    return 1.0 if rho == 0 else float(quality_from_entropy(rho, number))


def measured(name: str, values: Sequence[float], unit: str = "overlap", **details: Any) -> Measurement:
    """A mean over disorder samples with its interval."""
    interval = mean_interval(values)
    low, high = (interval.low, interval.high) if len(values) > 1 else (interval.value, interval.value)
    more = {"samples": list(values), **details}
    return Measurement(name, interval.value, low, high, n=len(values), unit=unit, seeds=len(values), details=more)


def accuracy(name: str, correct: Sequence[int], n: int, **details: Any) -> Measurement:
    """A share of right answers over draws of the training examples."""
    interval = seeds_interval(correct, n)
    return Measurement.of(name, interval, seeds=len(correct), details=details)
