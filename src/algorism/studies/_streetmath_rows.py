"""What `streetmath` reports of its small network, and of probes anywhere: measurements and pictures."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..claims import Measurement, Picture
from ..evaluation import wilson
from ..evaluation.statistics import mean_interval

KINDS = {"E": "exact sums", "A": "rounded sums", "C": "copies"}


def share(name: str, right: int, n: int, **details: Any) -> Measurement:
    """A share with its Wilson interval."""
    return Measurement.of(name, wilson(right, n), unit="share", details=details)


def probe_measurements(rows: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[Measurement]:
    """Accuracy of the chosen layer, what it adds to the base rate, and the first layer that is as good."""
    for name, row in rows.items():
        interval, base = wilson(row["correct"], row["n"]), row["base"]
        yield Measurement.of(
            f"{prefix}{name}", interval, unit="share", details={key: row[key] for key in ("base", "best", "layers")}
        )
        if "shuffled" in name:
            continue
        ends = (interval.value - base, interval.low - base, interval.high - base)
        yield Measurement(f"{prefix}{name}: above base", *ends, n=row["n"], unit="share")
        depth = row["first"] / max(1, len(row["layers"]) - 1)
        yield Measurement.exact(f"{prefix}{name}: first layer", depth, unit="share of the layers", layer=row["first"])


def measured(found: Mapping[str, Any]) -> Iterator[Measurement]:
    """All of the small network."""
    for kind, title in KINDS.items():
        yield share(f"network: {title}", round(found["right"][kind] * found["test"]), found["test"])
    yield from probe_measurements(found["probes"])
    whole = found["pruned"]["0"][0]
    gaps: dict[str, float] = {}
    for name, draws in found["pruned"].items():
        if name == "0":
            continue
        for kind in KINDS:
            values = [one[kind] for one in draws]
            interval = mean_interval(values)
            low, high = (interval.low, interval.high) if len(values) > 1 else (values[0], values[0])
            ends = (max(0.0, low), min(1.0, high))
            yield Measurement(f"pruned {name}: {kind}", interval.value, *ends, n=len(values), seeds=len(values))
        lost = {kind: whole[kind] - sum(one[kind] for one in draws) / len(draws) for kind in "EA"}
        gaps[name] = lost["E"] - lost["A"]
    chosen = [name for name in gaps if "random" not in name]
    most = max(chosen, key=lambda name: gaps[name])
    left = sum(one["A"] for one in found["pruned"][most]) / len(found["pruned"][most])
    yield Measurement.exact("pruning: E lost more than A, most", gaps[most], unit="accuracy", share=most)
    yield Measurement.exact("pruning: E lost more than A, random", gaps[f"{most} random"], unit="accuracy", share=most)
    yield Measurement.exact("pruning: A left there", left, unit="accuracy", share=most)


def probe_picture(found: Mapping[str, Any]) -> Picture:
    """What probes of each layer add to the base rate."""
    from ..pictures import learning_curves

    rows = [
        {"layer": layer, "above base": accuracy - row["base"], "series": name}
        for name, row in found["probes"].items()
        for layer, accuracy in enumerate(row["layers"])
    ]
    chart = learning_curves(
        rows, x="layer", y="above base", x_title="layer (0: before the first)", y_title="above base"
    )
    caption = "Accuracy of linear probes on numbers held out, less the share of the commoner answer."
    return Picture("probes", "Is the number near a multiple of k?", chart.to_dict(), caption)


def pruning_picture(found: Mapping[str, Any]) -> Picture:
    """What is left of each kind of line without some weights."""
    from ..pictures import table_heatmap

    rows = [
        {"removed": name, "asked": title, "accuracy": sum(one[kind] for one in draws) / len(draws)}
        for name, draws in found["pruned"].items()
        for kind, title in KINDS.items()
    ]
    chart = table_heatmap(rows, x="asked", y="removed", x_title="", y_title="share of weights considered")
    caption = (
        "Exact match without weights among the most important ones for sums and not for other lines; random: as many."
    )
    return Picture("pruning", "Which weights do sums need?", chart.to_dict(), caption)
