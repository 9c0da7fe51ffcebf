"""What is said of likely causes: their tests, and the advice that follows from those that are shown.

Every sentence comes from a table and a measurement. A cause that is not shown leads to no advice.
"""

from typing import Any

from algorism.evaluation.checkup.arms import STEPWISE
from algorism.evaluation.checkup.contrasts import Tested, paired_difference, verdict
from algorism.evaluation.checkup.engine import Result
from algorism.evaluation.checkup.several_steps import chain_in
from algorism.evaluation.checkup.signatures import Marked
from algorism.evaluation.checkup.wording import percent
from algorism.evaluation.statistics import Interval, holm, mcnemar
from algorism.evaluation.suites.process.checker import check

_FORMAT = {
    "title": "Are right answers written in a form that was not asked for?",
    "shown": "A careful reader finds the right answer in {b} of all answers, but only {a} are written as asked.",
    "advice": "Read the answers leniently, or ask more plainly for the bare number: what is wrong here is the form.",
}


_PROCESS = {
    "title": "Are right results of chains reached by right steps?",
    "shown": "{a} of the chains with written steps end in the right result, {b} are right in every step.",
    "advice": "Do not take a right result for right work: check every step, or have it checked.",
}


def causes_of(result: Result) -> list[dict[str, Any]]:
    """All causes that were tested, with Holm's adjusted p-values over all of them."""
    rows = [*_format(result), *map(_contrast, result.tested), *_process(result), *map(_signature, result.marked)]
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["holm"] = adjusted
        _say(row)
    return rows


def _format(result: Result) -> list[dict[str, Any]]:
    answers = [outcome for outcome in result.outcomes if outcome.reply is not None]
    if not answers:
        return []
    found = mcnemar([outcome.right for outcome in answers], [outcome.strict for outcome in answers])
    effect = paired_difference(found.only_a, found.only_b, len(answers))
    a, b = sum(o.strict for o in answers), sum(o.right for o in answers)
    shares = {"a": a / len(answers), "b": b / len(answers)}
    words = {"better": _FORMAT["shown"], "worse": "", "rules": {"better": _FORMAT["advice"]}}
    row = _row("format", _FORMAT["title"], effect, found.p, "answers read strictly and leniently")
    return [row | shares | words]


def _process(result: Result) -> list[dict[str, Any]]:
    """Chains with written steps, graded by their result and by every step; a missing step is a wrong one."""
    key = f"contrast/{STEPWISE}/"
    asked = [row for name, row in result.session.outcomes.items() if name.startswith(key)]
    found = [(row, check(chain_in(row.asked.item.formula), row.reply.text)) for row in asked if row.reply is not None]
    written = [(row.right, checked.first is None) for row, checked in found if len(checked.lines) > 1]
    if not written:
        return []
    counts = mcnemar([right and valid for right, valid in written], [right for right, _ in written])
    n, a, b = len(written), sum(right for right, _ in written), sum(right and valid for right, valid in written)
    words = {"better": "", "worse": _PROCESS["shown"], "rules": {"worse": _PROCESS["advice"]}}
    effect = paired_difference(counts.only_a, counts.only_b, n)
    row = _row("process", _PROCESS["title"], effect, counts.p, "chains with written steps, by result and by every step")
    return [row | {"a": a / n, "b": b / n} | words]


def _contrast(tested: Tested) -> dict[str, Any]:
    contrast = tested.contrast
    shares = {"a": tested.a / tested.effect.n, "b": tested.b / tested.effect.n}
    words = {"better": contrast.better, "worse": contrast.worse, "rules": contrast.advice}
    arms = {"arms": [contrast.a, contrast.b], "level": tested.level}
    how = f"{contrast.a} against {contrast.b}, {tested.level} digits"
    return _row(contrast.name, contrast.title, tested.effect, tested.p, how) | shares | words | arms


def _signature(marked: Marked) -> dict[str, Any]:
    row, share = marked.signature, marked.share
    gain = Interval(share.value - row.chance, share.low - row.chance, share.high - row.chance, share.n)
    words = {"better": row.sentence, "worse": "", "rules": {"better": row.advice}}
    values = _row(row.name, row.title, gain, marked.p, f"wrong answers, against {percent(row.chance)} by chance")
    return values | {"a": row.chance, "b": share.value, "share": share.value} | words


def _row(name: str, title: str, effect: Interval, p: float, how: str) -> dict[str, Any]:
    values = {"effect": round(effect.value, 4), "low": round(effect.low, 4), "high": round(effect.high, 4)}
    return {"name": name, "title": title, "compared": how, "n": effect.n} | values | {"p": p}


def _say(row: dict[str, Any]) -> None:
    """Replace a row's tables of sentences by what is said."""
    better, worse, rules = row.pop("better"), row.pop("worse"), row.pop("rules")
    effect = Interval(row["effect"], row["low"], row["high"], row["n"])
    row["verdict"] = verdict(effect, row["holm"])
    shares = {key: percent(row[key]) for key in ("a", "b", "share") if key in row}
    row.pop("share", None)
    row |= {"a": round(row["a"], 4), "b": round(row["b"], 4)}
    if row["verdict"] == "no":
        close = f"the effect lies between {_points(row['low'])} and {_points(row['high'])} points"
        row["sentence"] = f"Not shown: {close} ({shares['a']} and {shares['b']})."
        row["advice"] = ""
        return
    row["sentence"] = (better if row["verdict"] == "better" else worse).format(**shares)
    row["advice"] = rules.get(row["verdict"], "")


def _points(share: float) -> str:
    return f"{100 * share:+.{0 if abs(share) >= 0.01 else 1}f}".replace("-", "−")
