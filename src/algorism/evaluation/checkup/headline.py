"""One or two sentences that say most, from what is shown and not from what only seems so."""

from collections.abc import Mapping, Sequence
from typing import Any

from algorism.evaluation.checkup.wording import percent

Values = Mapping[str, Any]


def headline(values: Values) -> str:
    """One or two sentences that say most."""
    answers = values["answers"]
    given = answers["given"]
    if not given:
        return "No question was answered: every request failed."
    right, strict = answers["right"] / given, answers["strict"] / given
    parts = []
    if right - strict >= 0.1:
        parts.append(
            f"Right numbers in the wrong form: {percent(right)} of the answers hold the right number, "
            f"{percent(strict)} are written as asked."
        )
    parts.append(_tasks(values["probes"]))
    unasked = sum(not any(level["n"] for level in probe["levels"]) for probe in values["probes"])
    if unasked:
        parts.append(f"{unasked} further tasks could not be asked: every request failed.")
    if values["style"]["used"] == "dollar-backwards":
        parts.append("Answers are written from the last digit to the first, and were read that way.")
    if answers["unparsed"] >= 0.2 * given:
        parts.append(f"In {percent(answers['unparsed'] / given)} of the answers no number was found.")
    if answers["failed"] >= 0.05 * (given + answers["failed"]):
        parts.append(f"{answers['failed']:,} requests failed and count for nothing.")
    return " ".join(parts)


def _tasks(probes: Sequence[Values]) -> str:
    """How many tasks hold throughout and how many never, and where addition breaks."""
    asked = [probe for probe in probes if any(level["n"] for level in probe["levels"])]
    if not any(level["given"] > level["right"] for probe in asked for level in probe["levels"]):
        return f"Nothing wrong in any of {len(asked)} tasks, at any length that was asked."
    turned = sum(_turned(probe) is not None for probe in asked)
    spans = [(probe["reach"], _span(probe, 0.5)) for probe in asked if _turned(probe) is None]
    whole = sum(least == most == reach for reach, (least, most) in spans)
    never = sum(most == 0 for _, (_, most) in spans)
    text = f"Of {len(asked)} tasks, {whole} are mostly right at every length, {never} mostly wrong at every length."
    if turned:
        text += f" Of {turned}, harder questions are right and easier ones wrong."
    addition = next((probe for probe in asked if probe["name"] == "add-integer"), None)
    return f"{text} {_addition(addition)}" if addition else text


def _turned(probe: Values) -> Values | None:
    """The threshold at which a harder level is shown to hold, and an easier one to fail; None if there is none."""
    found = {t["threshold"]: t for t in probe["thresholds"] if not t["consistent"]}
    return found.get(0.5) or found.get(0.9)


def _span(probe: Values, threshold: float) -> tuple[int, int]:
    """The least and the most that the highest level with this accuracy can be, 0 for none."""
    found = next(t for t in probe["thresholds"] if t["threshold"] == threshold)
    levels = [level for level in probe["all_levels"] if level <= probe["reach"]]
    before = levels.index(found["fails_from"]) - 1 if found["fails_from"] in levels else len(levels) - 1
    return found["holds_up_to"] or 0, levels[before] if before >= 0 else 0


def _addition(probe: Values) -> str:
    reach, last, turned = probe["reach"], probe["all_levels"][-1], _turned(probe)
    if turned is not None:
        share = "mostly" if turned["threshold"] == 0.5 else "nine of ten"
        holds, fails = _digits(turned["holds_up_to"]), _digits(turned["fails_from"])
        return f"Sums of whole numbers are {share} right with {holds}, and not with {fails}."
    (least, most), nine = _span(probe, 0.5), _span(probe, 0.9)
    if most == 0:
        return "Sums of whole numbers are mostly wrong even with one digit."
    end = f"; longer than {_digits(reach)} they could not be asked." if reach < last else "."
    if nine == (reach, reach):
        return f"Sums of whole numbers: at least nine of ten are right up to {_digits(reach)}{end}"
    upto = _upto(least, most, last)
    if _upto(*nine, last) == upto and most < reach:
        return f"Sums of whole numbers: nine of ten are right up to {upto}, and beyond most are wrong."
    return f"Sums of whole numbers are mostly right up to {upto}; nine of ten are right up to {_upto(*nine, last)}{end}"


def _upto(least: int, most: int, last: int) -> str:
    """A range of lengths in words.

    >>> _upto(4, 8, 20), _upto(4, 20, 20), _upto(0, 20, 20)
    ('somewhere from 4 to 8 digits', '4 digits or more', 'a length that is open')
    >>> _upto(0, 0, 20), _upto(20, 20, 20), _upto(0, 3, 20)
    ('no length', '20 digits', '3 digits at most')
    """
    if least == most:
        return _digits(most) if most else "no length"
    if most == last:
        return f"{_digits(least)} or more" if least else "a length that is open"
    return f"somewhere from {least} to {_digits(most)}" if least else f"{_digits(most)} at most"


def _digits(level: int) -> str:
    return f"{level} digit{'s' if level > 1 else ''}"
