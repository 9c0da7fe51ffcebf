"""`algorism suite street`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import UsageError
from .row import Choice, Report, Suite, Table

if TYPE_CHECKING:
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.interview import Interview
    from ...evaluation.questions import Question
    from ...evaluation.statistics import Interval
    from ...evaluation.suites.street import Profile

ITEMS = 20  # for each -n: the table by topic needs some hundred


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites.street import questions

    if choice.lengths is not None:
        raise UsageError("suite street: its items have no lengths; leave --lengths out.")
    return questions(choice.tasks, choice.n if choice.tasks else ITEMS * choice.n, choice.seed)


def _sampling(asked: "Sequence[Question]") -> "Sampling":
    """Greedy, up to the paper's 256 tokens."""
    from ...evaluation.backends.protocol import Sampling

    return Sampling(max_tokens=256)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.street import hint_effect, profiles

    made, released = profiles(found.answers), profiles(found.answers, compat=True)
    effect = hint_effect(found.answers)
    values = {
        "conditions": {c: p.to_json() for (c, topic), p in made.items() if topic == "all"},
        "topics": [{"condition": c, "topic": topic, **p.to_json()} for (c, topic), p in made.items() if topic != "all"],
        "released_judge": {c: p.to_json() for (c, topic), p in released.items() if topic == "all"},
        "hint": None
        if effect is None
        else {"exact_only_without": effect.only_a, "exact_only_with": effect.only_b, "p": effect.p},
    }
    notes = [] if effect is None else [_said(made, effect.p)]
    return Report(values, [_conditions(made), _topics(made)], notes)


def _said(made: "dict[tuple[str, str], Profile]", p: float) -> str:
    plain, hint = (made[condition, "all"].bands["E"].value for condition in ("plain", "hint"))
    changed = f"exact answers {plain:.0%} without the hint, {hint:.0%} with it (same items, p = {p:.2g})"
    if p >= 0.05:
        return f"The hint to estimate makes no difference that shows: {changed}."
    return f"The hint changes what this model does: {changed}."


def _share(share: "Interval | None", form: str = ".0%") -> str:
    return "" if share is None else format(share.value, form)


def _conditions(made: "dict[tuple[str, str], Profile]") -> Table:
    rows = []
    for (condition, topic), p in made.items():
        if topic == "all":
            cells = [f"{p.bands[band].value:.0%}" for band in ("E", "A", "M", "W", "none")]
            style = [_share(p.whole), _share(p.five), _share(p.near), _share(p.tokens, ".1f")]
            rows.append([condition, *cells, *style, str(p.bands["E"].n)])
    caption = (
        "E exact, to the places written; A at most 20 % away; M at most 60 %; W further; none: no number. "
        "Of the answers A: whole numbers, multiples of 5, within 0.5 % of exact; people who estimate say whole and "
        "round numbers, failed computations come near. hint: the question adds that one rounded estimate is wanted"
    )
    columns = ("asked", "E", "A", "M", "W", "none", "whole", "by 5", "near", "tokens", "items")
    return Table("does it estimate, or compute?", columns, rows, caption)


def _topics(made: "dict[tuple[str, str], Profile]") -> Table:
    rows = []
    for (condition, topic), p in made.items():
        if topic != "all":
            cells = [f"{p.bands[band].value:.0%}" for band in ("E", "A", "M", "W", "none")]
            span = f"{p.estimating.low:.0%}-{p.estimating.high:.0%}"
            rows.append([f"{topic}, {condition}", *cells, _share(p.estimating), span, str(p.bands["E"].n)])
    columns = ("topic", "E", "A", "M", "W", "none", "E or A", "95 %", "items")
    return Table("by topic", columns, sorted(rows), "E or A: right enough to be of help")


SUITE = Suite("estimates in shopping, tips and travel, with and without a hint", _questions, _report, _sampling)
