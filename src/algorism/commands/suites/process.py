"""`algorism suite process`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UsageError, nearest
from .row import Choice, Report, Suite, Table

if TYPE_CHECKING:
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.interview import Interview
    from ...evaluation.questions import Question
    from ...evaluation.statistics import Interval
    from ...evaluation.suites.process.samples import Point
    from ...evaluation.suites.process.scoring import Tally

SAMPLES = 8
KINDS = ("calculation", "logical", "conceptual", "jump")
REMAINDERS = {"value": None, "mod100": 100, "mod10": 10, "mod5": 5, "mod2": 2}


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites.process.chains import questions

    for name in choice.tasks:
        if name not in REMAINDERS:
            raise UsageError(f"suite process: no task {name!r}. {nearest(name, REMAINDERS)}")
    asked = [REMAINDERS[name] for name in choice.tasks or ("value", "mod10", "mod2")]
    lengths = [length for length in choice.lengths or (2, 4, 6) if length > 0]
    return questions(choice.n, choice.seed, steps=lengths, remainders=asked)


def _sampling(asked: "Sequence[Question]") -> "Sampling":
    from ...evaluation.backends.protocol import Sampling

    return Sampling(max_tokens=512, temperature=0.7)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.process.samples import curve
    from ...evaluation.suites.process.scoring import by_fact, samples, solved, tally

    checked = solved(found.answers)
    groups = by_fact(checked, "remainder")
    rows, values = [], {}
    for remainder, some in groups.items():
        made = tally(some)
        name = "value" if remainder == "0" else f"mod{remainder}"
        rows.append([name, *_cells(made)])
        values[name] = _values(made)
    whole = samples(checked)
    most = min(one.n for one in whole)
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64) if k <= most]
    curves = {method: curve(whole, method, ks) for method in ("pass", "majority")}
    columns = ("answer", "right", "every step", "false positives", *KINDS)
    caption = (
        "Shares with 95 % intervals. value: the result itself; mod2, mod10, …: its remainder, of which there are few. "
        "false positives: right answers with a wrong or missing step. The last columns say what is wrong first: a "
        "result (calculation), other numbers (logical), another operation (conceptual), a missing step (jump)"
    )
    tables = [Table("chains of arithmetic", columns, rows, caption), _curve_table(curves, ks)]
    notes = ["A model that writes no steps has every right answer counted as a jump."]
    held = {"tasks": values, "curves": {name: [_point(p) for p in points] for name, points in curves.items()}}
    return Report(held, tables, notes)


def _cells(made: "Tally") -> list[str]:
    rate = made.false_positives
    said = "" if rate is None else f"{rate.value:.0%} of {made.right}"
    kinds = [str(made.kinds.get(kind, 0)) for kind in KINDS]
    return [_share(made.automatic), _share(made.checked), said, *kinds]


def _share(share: "Interval") -> str:
    return f"{share.value:.0%} {100 * share.low:.0f}-{100 * share.high:.0f}"


def _values(made: "Tally") -> dict[str, Any]:
    return {
        "automatic": made.automatic.to_json(),
        "checked": made.checked.to_json(),
        "false_positives": None if made.false_positives is None else made.false_positives.to_json(),
        "right": made.right,
        "wrong_reason": made.wrong_reason,
        "kinds": made.kinds,
        "first_wrong_line": made.lines,
        "cut": made.cut,
    }


def _point(point: "Point") -> dict[str, Any]:
    parts = {"automatic": point.automatic, "checked": point.checked, "gap": point.gap}
    return {"k": point.k, **{name: part.to_json() for name, part in parts.items()}}


def _curve_table(curves: "dict[str, list[Point]]", ks: Sequence[int]) -> Table:
    rows = []
    for name, points in curves.items():
        rows.append([name, "by answer", *[f"{p.automatic.value:.0%}" for p in points]])
        rows.append([name, "every step", *[f"{p.checked.value:.0%}" for p in points]])
        rows.append([name, "difference", *[_share(p.gap) for p in points]])
    caption = "pass: at least one of k samples is right; majority: the commonest answer of k samples is right"
    return Table("what more samples gain", ("of k samples", "", *map(str, ks)), rows, caption)


SUITE = Suite(
    "chains of arithmetic whose every step is checked, eight samples each", _questions, _report, _sampling, SAMPLES
)
