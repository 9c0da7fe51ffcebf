"""What a check-up found, as plain values: the machine-readable file, from which the page is made."""

import math
from collections.abc import Sequence
from typing import Any

import algorism
from algorism.evaluation.checkup.advice import causes_of
from algorism.evaluation.checkup.brackets import THRESHOLDS, bracket, falling
from algorism.evaluation.checkup.calibration import prompt_text
from algorism.evaluation.checkup.confidence import ALPHA, sequence_interval
from algorism.evaluation.checkup.engine import Level, Result
from algorism.evaluation.checkup.headline import headline
from algorism.evaluation.checkup.probes import PROBES, Probe, blind
from algorism.evaluation.checkup.session import Outcome, failures
from algorism.evaluation.reading import Reading
from algorism.evaluation.statistics import Interval

VERSION = 1
WEAKEST, EXAMPLES = 5, 3
_LONG = 400  # characters of a prompt or answer that are shown


def findings(result: Result) -> dict[str, Any]:
    """Everything that is said about a model, JSON-able.

    The keys are described in `docs/checkup.md`; `checkup` is the version of the format.
    """
    probes = [_probe(PROBES[name], rows, result.session.seed) for name, rows in result.levels.items()]
    values: dict[str, Any] = {
        "checkup": VERSION,
        "model": result.session.backend.name,
        "fingerprint": result.session.spec["model"],
        "answers": _totals(result.outcomes) | {"blind": _blind(probes)},
        "style": {
            "used": result.style.name,
            "title": result.style.title,
            "trials": [_trial(trial.to_json()) for trial in result.trials],
        },
        "probes": probes,
        "weakest": _weakest(result, probes),
        "unasked": _unasked(result),
    }
    causes = causes_of(result)
    values |= {"causes": causes, "advice": list(dict.fromkeys(cause["advice"] for cause in causes if cause["advice"]))}
    values["method"] = {
        "budget": result.budget,
        "requests": len(result.session.outcomes),
        "new_requests": result.session.new,
        "seed": result.session.seed,
        "extra_tokens": result.session.extra,
        "pairs": result.pairs,
        "alpha": ALPHA,
        "thresholds": list(THRESHOLDS),
        "version": algorism.__version__,
        "failures": failures(result.session.outcomes.values()),
    }
    whole: dict[str, Any] = _plain({"headline": headline(values)} | values)
    return whole


def interval(found: Interval) -> dict[str, Any]:
    """An interval as plain values; None where there is no value."""
    value = None if math.isnan(found.value) else round(found.value, 4)
    return {"value": value, "low": round(found.low, 4), "high": round(found.high, 4), "n": found.n}


def _trial(values: dict[str, Any]) -> dict[str, Any]:
    return values | {key: _short(values[key]) for key in ("prompt", "answer")}


def _totals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    answers = [outcome for outcome in outcomes if outcome.reply is not None]
    return {
        "given": len(answers),
        "right": sum(outcome.right for outcome in answers),
        "strict": sum(outcome.strict for outcome in answers),
        "unparsed": sum(outcome.unparsed for outcome in answers),
        "cut": sum(outcome.cut for outcome in answers),
        "failed": len(outcomes) - len(answers),
    }


def _blind(probes: Sequence[dict[str, Any]]) -> float:
    """Accuracy of blind answers to the questions that were answered."""
    levels = [level for probe in probes for level in probe["levels"]]
    asked = sum(level["n"] for level in levels)
    return round(sum(level["n"] * level["blind"]["share"] for level in levels) / asked, 4) if asked else 0.0


def _probe(probe: Probe, rows: Sequence[Level], seed: int) -> dict[str, Any]:
    counts = [row.count for row in rows]
    curve = falling(counts)
    levels = []
    for row, count, fitted in zip(rows, counts, curve, strict=True):
        if not row.outcomes:
            continue
        values = {"level": row.stream.level} | interval(sequence_interval(count.right, count.n)) | _totals(row.outcomes)
        fit = None if fitted is None else round(fitted, 4)
        levels.append(values | {"fitted": fit, "blind": blind(probe, row.stream.level, seed).to_json()})
    return {
        "name": probe.name,
        "title": probe.title,
        "group": probe.group,
        "unit": probe.unit,
        "all_levels": list(probe.levels),
        "reach": _reach(probe, rows),
        "levels": levels,
        "thresholds": [bracket(counts, threshold).to_json(probe.levels) for threshold in THRESHOLDS],
    }


def _reach(probe: Probe, rows: Sequence[Level]) -> int:
    """The highest level that can be asked: above the answered ones, it ends where every request failed; 0 for none."""
    answered = max((at for at, row in enumerate(rows) if row.answers), default=None)
    if answered is None:
        return 0
    failing = (at for at in range(answered + 1, len(rows)) if rows[at].hopeless)
    return probe.levels[next(failing, len(rows)) - 1]


def _unasked(result: Result) -> list[dict[str, Any]]:
    """Tasks and contrasts without any answer, with the reasons and how often each was given."""
    found = []
    for name, rows in result.levels.items():
        if not any(row.answers for row in rows):
            probe, reasons = PROBES[name], failures(outcome for row in rows for outcome in row.outcomes)
            found.append({"kind": "task", "name": name, "title": f"{probe.group}: {probe.title}", "reasons": reasons})
    for row in result.untested:
        words = {"name": row.contrast.name, "title": row.contrast.title}
        found.append({"kind": "cause", **words, "reasons": row.reasons})
    return found


def _weakest(result: Result, probes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The easiest levels at which most is wrong, one of each probe.

    A level counts by how surely it is wrong (the upper end of its interval) and by how easy it is.
    """
    found = []
    for values in probes:
        size = len(values["all_levels"])
        for level in values["levels"]:
            if level["n"] and level["right"] < level["n"]:
                place = values["all_levels"].index(level["level"])
                found.append(((1 - level["high"]) * (1 - place / (2 * size)), values, level))
    found.sort(key=lambda row: -row[0])
    spots: dict[str, dict[str, Any]] = {}
    for weight, values, level in found:
        if len(spots) < WEAKEST and values["name"] not in spots and weight > 0:
            spots[values["name"]] = _spot(result, values, level)
    return list(spots.values())


def _spot(result: Result, values: dict[str, Any], level: dict[str, Any]) -> dict[str, Any]:
    rows = next(row for row in result.levels[values["name"]] if row.stream.level == level["level"])
    wrong = [outcome for outcome in rows.answers if not outcome.right][:EXAMPLES]
    examples = [
        {
            "prompt": _short(prompt_text(outcome.asked)),
            "right": outcome.asked.item.answer,
            # In the order in which it is read: an answer written backwards is shown turned round.
            "answer": _short(_as_read(outcome)),
            "read": outcome.value,
        }
        for outcome in wrong
    ]
    words = {"name": values["name"], "title": values["title"], "group": values["group"], "unit": values["unit"]}
    return words | level | {"examples": examples}


def _as_read(outcome: Outcome) -> str:
    if outcome.reply is None:
        return ""
    return Reading(backwards=outcome.asked.style.backwards).text(outcome.reply.text)


def _plain(value: Any) -> Any:
    """The same value with texts that can be written: a lone surrogate, which a model may send, is no UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]} … {text[-_LONG // 2 :]}"
