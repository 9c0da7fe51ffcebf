"""What `number_cookbook` reports: measurements and pictures from the answers of its networks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..evaluation import mean_interval, wilson
from ..evaluation.suites import nupa
from ..tasks.numeracy import combination
from ._number_cookbook import FLOATS, FORMATS, GROUPS, Arm, lengths
from ._runs import accuracy

if TYPE_CHECKING:
    from .number_cookbook import Settings

LOW = ("add-fraction", "multiply_hard-integer", "floordiv-integer")


def measured_arms(found: dict[str, Any], scale: "Settings") -> Iterator[Measurement]:
    """Of each arm: the three scores at trained lengths and beyond, both digit scores, and examples to 90 %."""
    for arm in (arm for arms in GROUPS.values() for arm in arms):
        seeds, short = found[arm.name], lengths(arm.combination, scale)[0]
        form = combination(arm.combination).answer
        for name, inside in (("trained", True), ("beyond", False)):
            scored = [
                [nupa.score(text, gold, form) for length, text, gold in one["answers"] if (length <= short) == inside]
                for one in seeds
            ]
            right = [sum(score.exact for score in some) for some in scored]
            yield accuracy(f"{arm.name}: {name}", right, len(scored[0]), parameters=seeds[0]["parameters"])
            for what in ("digits", "length"):
                values = [[float(getattr(score, what)) for score in some] for some in scored]
                yield _mean(f"{arm.name}: {what} {name}", values, "digits" if what == "length" else "share of digits")
        yield from _digit_scores(arm, seeds)
        yield _examples(arm, seeds, scale)


def _digit_scores(arm: Arm, seeds: Sequence[dict[str, Any]]) -> Iterator[Measurement]:
    profiles = [nupa.profile(combination(arm.combination), map(tuple, one["answers"])) for one in seeds]
    for name in ("well_learned", "preserving"):
        values = [getattr(profile, name)() for profile in profiles]
        unbroken = [getattr(profile, name)(unbroken=True) for profile in profiles]
        label = f"{arm.name}: {name.replace('_', ' ')} digits"
        yield Measurement.exact(label, median(values), unit="digits", seeds=values, unbroken=unbroken)


def _examples(arm: Arm, seeds: Sequence[dict[str, Any]], scale: "Settings") -> Measurement:
    """Median over seeds; a seed that never reached 90 % counts with all examples it saw, and a look more."""
    never = (scale.steps + scale.steps // scale.looks) * scale.batch
    values = [next((r["step"] * scale.batch for r in one["curve"] if r["trained"] >= 0.9), never) for one in seeds]
    reached = sum(value < never for value in values)
    return Measurement.exact(
        f"{arm.name}: examples to 90 %", median(values), unit="examples", seeds=values, reached=reached
    )


def _mean(name: str, values: Sequence[Sequence[float]], unit: str) -> Measurement:
    """Over seeds; over answers where there is one seed."""
    used = list(values[0]) if len(values) == 1 else [fmean(some) for some in values]
    return Measurement.of(name, mean_interval(used), unit=unit, seeds=len(values))


def measured_late(found: dict[str, Any]) -> Iterator[Measurement]:
    """Accuracy after fine-tuning with each switch; how many combinations rose, and those expected to stay low."""
    for name, seeds in found["late"].items():
        right = [sum(counts[0] for counts in one.values()) for one in seeds]
        asked = sum(counts[1] for counts in seeds[0].values())
        tasks = {task: [one[task][0] / one[task][1] for one in seeds] for task in seeds[0]}
        yield accuracy(f"late: {name}", right, asked, tasks=tasks)
    rows = list(found["before"][0])
    before, after = ({row: _pooled(found[when], row) for row in rows} for when in ("before", "after"))
    risen = [row for row in rows if after[row][0].low > before[row][0].high]
    yield Measurement.exact("tuned: combinations", len(rows), unit="combinations")
    details = {row: [before[row][0].value, after[row][0].value, after[row][1].value] for row in rows}
    yield Measurement.exact("tuned: combinations raised", len(risen), unit="combinations", before_after_beyond=details)
    for row in LOW:
        yield Measurement.of(f"tuned: {row}", after[row][0])
        yield Measurement.of(f"tuned: {row} beyond", after[row][1])


def _pooled(seeds: Sequence[dict[str, Any]], row: str) -> tuple[Any, Any]:
    counts = [sum(part) for part in zip(*(one[row] for one in seeds), strict=True)]
    return wilson(counts[0], counts[1]), wilson(counts[2], counts[3])


def measured_rules(found: dict[str, Any], scale: "Settings") -> Iterator[Measurement]:
    """Sums by rule and at once, at trained lengths and one digit more; what is wrong first; tokens."""
    for name, inside in (("trained", True), ("beyond", False)):
        some = [[row for row in one if (row[0] <= scale.rule_digits) == inside] for one in found["chain"]]
        direct = [[row for row in one if (row[0] <= scale.rule_digits) == inside] for one in found["direct"]]
        kinds = dict(Counter(row[3] for one in some for row in one if row[3]))
        yield accuracy(f"rules: {name}", [sum(row[1] for row in one) for one in some], len(some[0]))
        label = "rules: every line" if inside else "rules: every line beyond"
        yield accuracy(label, [sum(row[2] for row in one) for one in some], len(some[0]), wrong_first=kinds)
        yield accuracy(f"rules: at once, {name}", [sum(row[1] for row in one) for one in direct], len(direct[0]))
    chain, answer = found["tokens"]
    yield Measurement.exact("rules: tokens of a chain", chain, unit="tokens")
    yield Measurement.exact("rules: tokens per direct token", chain / answer, unit="ratio")


def by_length(found: dict[str, Any]) -> Picture:
    """Exact match by length of every arm on sums."""
    from ..pictures import table_heatmap

    rows = []
    for arm in (*FORMATS, *GROUPS["tokens and positions"], *FLOATS):
        by: dict[int, list[bool]] = {}
        for one in found[arm.name]:
            for length, text, gold in one["answers"]:
                by.setdefault(length, []).append(text == gold)
        rows += [{"length": k, "arm": arm.name, "accuracy": fmean(v)} for k, v in sorted(by.items())]
    chart = table_heatmap(
        rows, x="length", y="arm", x_title="digits of the longer number (decimals of floats)", y_title=""
    )
    caption = "Exact sums by the length of the numbers, after the same examples and steps for every way of writing."
    return Picture("by-length", "Sums by length and way of writing", chart.to_dict(), caption)


def combinations(found: dict[str, Any]) -> Picture:
    """All combinations before and after fine-tuning."""
    from ..pictures import table_heatmap

    rows = []
    for name in found["before"][0]:
        for label, when, part in (("before", "before", 0), ("after", "after", 0), ("after, longer", "after", 1)):
            share = _pooled(found[when], name)[part].value
            rows.append({"asked": label, "combination": name, "accuracy": share})
    chart = table_heatmap(rows, x="asked", y="combination", x_title="", y_title="")
    caption = (
        "Exact answers of one network, before and after fine-tuning on all 41 combinations; longer: beyond training."
    )
    return Picture("combinations", "41 combinations, fine-tuned together", chart.to_dict(), caption)
