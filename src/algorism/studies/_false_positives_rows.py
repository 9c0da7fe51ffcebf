"""What the rows of `_false_positives` come to: rates, curves, and the picture."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..errors import DataError
from ..evaluation.statistics import Interval, bootstrap, wilson
from ..evaluation.suites.process.fits import saturating
from ..evaluation.suites.process.judge import Detection
from ..evaluation.suites.process.samples import METHODS, Point, Samples, curve, false_positive_rate
from ._false_positives import groups

if TYPE_CHECKING:
    from .false_positives import Settings

Row = dict[str, Any]
ENDS = ("few", "many")  # the second and the last number of samples


def measured(name: str, rows: Sequence[Row], scale: "Settings") -> Iterator[Measurement]:
    """Rates of one network, and its scaling curves."""
    every = groups(rows)
    for flag in ("correct", "valid"):
        yield _of(f"{name}:{flag}", bootstrap([r[flag] for r in rows], cluster=[r["key"] for r in rows]))
    yield from _rate(f"{name}:false positives", every)
    for fact in ("remainder", "steps"):
        for value in dict.fromkeys(r[fact] for r in rows):
            yield from _rate(f"{name}:false positives, {fact} {value}", groups([r for r in rows if r[fact] == value]))
    for method in ("pass", "first", "best", "majority"):
        for end, point in zip(ENDS, _ends(every, method, scale), strict=True):
            yield _of(f"{name}:{method} automatic@{end}", point.automatic, k=point.k)
            yield _of(f"{name}:{method} checked@{end}", point.checked, k=point.k)
            yield _of(f"{name}:{method} gap@{end}", point.gap, unit="difference of accuracies", k=point.k)
    yield from growth(name, every, scale)
    kinds = Counter(r["kind"] for r in rows if r["correct"] and not r["valid"])
    for kind in ("calculation", "logical", "conceptual", "jump"):
        if kinds.total():
            found = wilson(kinds[kind], kinds.total())
            yield Measurement.of(f"{name}:{kind}", found, unit="share of false positives")
    yield from ceilings(name, every, scale)


def growth(name: str, every: Sequence[Samples], scale: "Settings") -> Iterator[Measurement]:
    """How much more the gap between both accuracies is with many samples than with few, paired by problem."""
    low, high = scale.ks[1], scale.ks[-1]

    def gaps(method: str, k: int) -> list[float]:
        return [METHODS[method](one, k, False) - METHODS[method](one, k, True) for one in every]

    of_pass = gaps("pass", high)
    for method in ("pass", "best", "majority"):
        found = bootstrap([b - a for a, b in zip(gaps(method, low), gaps(method, high), strict=True)])
        yield _of(f"{name}:{method} gap grows", found, unit="difference of accuracies", few=low, many=high)
        if method != "pass":
            more = bootstrap([p - g for p, g in zip(of_pass, gaps(method, high), strict=True)])
            yield _of(f"{name}:pass gap - {method} gap", more, unit="difference of accuracies", k=high)


def ceilings(name: str, every: Sequence[Samples], scale: "Settings") -> Iterator[Measurement]:
    """Where both pass curves seem to end; nothing where there are too few points or the fit is of no use."""
    if len(scale.ks) < 4:
        return
    points = curve(every, "pass", scale.ks)
    for flag in ("automatic", "checked"):
        shares = [getattr(point, flag).value for point in points]
        if min(shares) <= 0:
            continue
        try:
            found = saturating(scale.ks, shares).ceiling
        except (DataError, ValueError):
            continue
        yield Measurement.of(f"{name}:ceiling {flag}", found, unit="accuracy")


def compared(a: Sequence[Row], b: Sequence[Row], name: str) -> Iterator[Measurement]:
    """Difference of accuracy and of false-positive rate, the same problems asked."""
    ours, theirs = groups(a), {one.key: one for one in groups(b)}
    pairs = [(one, theirs[one.key]) for one in ours]
    found = bootstrap([sum(x.correct) / x.n - sum(y.correct) / y.n for x, y in pairs])
    yield _of(f"{name}:correct", found, unit="difference of accuracies")
    rate = _difference(pairs)
    if rate is not None:
        yield _of(f"{name}:false positives", rate, unit="difference of rates")


def _difference(pairs: Sequence[tuple[Samples, Samples]]) -> Interval | None:
    import numpy as np

    counts = np.array([[sum(s.correct) - sum(s.valid), sum(s.correct)] for pair in pairs for s in pair], dtype=float)
    table = counts.reshape(len(pairs), 2, 2)  # problem, network, (false positives, right answers)
    whole = table.sum(0)
    if not whole[:, 1].all():
        return None
    picks = np.random.default_rng(0).integers(0, len(pairs), (2000, len(pairs)))
    drawn = table[picks].sum(1)
    drawn = drawn[(drawn[:, :, 1] > 0).all(1)]
    shares = drawn[:, :, 0] / drawn[:, :, 1]
    low, high = np.quantile(shares[:, 0] - shares[:, 1], [0.025, 0.975])
    value = float(whole[0, 0] / whole[0, 1] - whole[1, 0] / whole[1, 1])
    return Interval(value, min(float(low), value), max(float(high), value), len(pairs))


def picture(rows: Sequence[Row], scale: "Settings") -> Picture:
    """Accuracy by number of samples: by answer, and in every step."""
    from ..pictures import learning_curves

    table = []
    for method in ("pass", "best", "majority"):
        for point in curve(groups(rows), method, scale.ks):
            for flag, words in (("automatic", "by answer"), ("checked", "every step")):
                made = getattr(point, flag)
                row = {"samples": point.k, "accuracy": made.value, "low": made.low, "high": made.high}
                table.append({**row, "series": f"{method}, {words}"})
    chart = learning_curves(table, x="samples", x_title="samples", title="")
    return Picture(
        "samples",
        "What more samples gain, by answer and by process",
        chart.to_dict(),
        "The small network; bands are 95 % intervals over problems. best: by the network's own likelihood.",
    )


def of_model(found: dict[str, Any]) -> Iterator[Measurement]:
    """Claims about a given model."""
    rows = found["rows"]
    every = groups(rows, scored=False)
    yield from _rate("model:false positives", every)
    for steps in dict.fromkeys(r["steps"] for r in rows):
        some = groups([r for r in rows if r["steps"] == steps], scored=False)
        yield from _rate(f"model:false positives, steps {steps}", some)
    for point in curve(every, "pass", [1, 4, 8]):
        yield _of(f"model:pass gap@{point.k}", point.gap, unit="difference of accuracies")
    counts = Detection(**found["judge"])
    if counts.f1 is not None and counts.never is not None:
        n = counts.hits + counts.alarms + counts.misses + counts.passed
        yield Measurement.exact("model:judge F1", counts.f1, unit="F1", n=n, **found["judge"])
        yield Measurement.exact("model:judge never", counts.never, unit="accuracy", n=n)


def _ends(every: Sequence[Samples], method: str, scale: "Settings") -> list[Point]:
    return curve(every, method, [scale.ks[1], scale.ks[-1]])


def _rate(name: str, every: Sequence[Samples]) -> Iterator[Measurement]:
    found = false_positive_rate(every)
    if found is not None:
        right = sum(sum(one.correct) for one in every)
        yield _of(name, found, unit="share of right answers", right=right)


def _of(name: str, found: Interval, unit: str = "accuracy", **details: Any) -> Measurement:
    low, high = min(found.low, found.value), max(found.high, found.value)
    return Measurement(name, found.value, low, high, n=found.n, unit=unit, details=details)
