"""`algorism suite counting`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UsageError, nearest
from .row import Choice, Report, Suite, Table

if TYPE_CHECKING:
    from ...evaluation.backends.protocol import Backend
    from ...evaluation.interview import Interview, Progress
    from ...evaluation.questions import Question
    from ...evaluation.records import Answer
    from ...evaluation.statistics import Interval
    from ...evaluation.suites.counting.asking import Cell, Scored

WAYS = ("open", "reasoning")  # asked by default; the others cost more
REWRITTEN = ("dash", "space", "comma")  # by default; "rewrites" asks all thirteen


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites.counting.rewrites import REWRITES
    from ...evaluation.suites.counting.strategies import STRATEGIES, questions
    from ...evaluation.suites.counting.strings import string_questions
    from ...evaluation.suites.counting.tasks import TASKS, balanced_items, items
    from ...evaluation.suites.counting.words import made_up_words

    known = [*TASKS, *STRATEGIES, "balanced", "rewrites", "strings"]
    for name in choice.tasks:
        if name not in known:
            raise UsageError(f"suite counting: no task or way {name!r}. {nearest(name, known)}")
    tasks = [name for name in (*TASKS, "balanced", "rewrites", "strings") if name in choice.tasks]
    tasks = tasks or [*TASKS, "balanced"]
    ways = [name for name in STRATEGIES if name in choice.tasks] or list(WAYS)
    words = None
    if choice.lengths:
        words = made_up_words(choice.n, choice.seed, [length for length in choice.lengths if length > 1])
    made: list[Question] = []
    for task in TASKS:
        if task in tasks:
            made += questions(items(task, choice.n, choice.seed, words=words), ways, choice.seed)
    if "balanced" in tasks:
        lengths = [length for length in choice.lengths or range(8, 13) if length > 4]
        if lengths:
            made += questions(balanced_items(choice.n, choice.seed, lengths=lengths), ways, choice.seed, "balanced")
    if "rewrites" in tasks:
        for way in REWRITES:
            if way != "none" or "letter" not in tasks:
                made += questions(items("letter", choice.n, choice.seed, words=words, way=way), ways, choice.seed)
    if "strings" in tasks:
        asked = string_questions(choice.n, asked="a", modes=("none", "supervised"), seed=choice.seed)
        made += [_as_string(question) for question in asked]
    return made


def _as_string(question: "Question") -> "Question":
    """A question about a string, so that it is asked once and greedily among the others."""
    import dataclasses

    return dataclasses.replace(question, facts={**question.facts, "strategy": "open"})


def _ask(model: "Backend", asked: "Sequence[Question]", record: Path, seed: int, progress: "Progress") -> "Interview":
    from ...evaluation.suites.counting.asking import ask

    return ask(model, asked, record, seed=seed, progress=progress)


def _requests(asked: "Sequence[Question]") -> int:
    from ...evaluation.suites.counting.asking import requests

    return requests(asked)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.counting.asking import scored

    words = scored(a for a in found.answers if a.question.facts["suite"] == "counting")
    strings = [a for a in found.answers if a.question.facts["suite"] == "strings"]
    values: dict[str, Any] = {}
    tables: list[Table] = []
    if words:
        tables += _word_tables(words, values)
    if strings:
        tables.append(_string_table(strings, values))
    notes = [
        "constant: what the one answer that is right most often would score; an accuracy near it shows nothing.",
        "--tasks direct,consistency,refine,program asks in these ways too; rewrites and strings ask further questions.",
    ]
    unread = sum(one.reading.answer is None for one in words)
    if unread:
        notes.insert(
            0, f"In {unread:,} of {len(words):,} answers about words nothing could be read; they count as wrong."
        )
    return Report(values, tables, notes)


def _word_tables(words: "list[Scored]", values: dict[str, Any]) -> list[Table]:
    from ...evaluation.suites.counting.asking import cells

    plain = [one for one in words if one.question.facts["rewrite"] == "none"]
    tables = []
    if plain:
        groups: dict[tuple[str, ...], Cell] = {
            (f"{task}, balanced" if subset == "balanced" else task, way): made
            for (subset, task, way), made in cells(plain, "subset", "task", "strategy").items()
        }
        caption = (
            "Share of right answers, as a careful reader reads them, with 95 % interval. letter: how often a letter is "
            "in a word; distinct: different letters; balanced: words with 0 to 4 of the letter, equally often"
        )
        tables.append(_by_way("counting in words", "task", groups, caption))
        tables.append(_by_count(plain))
        for (name, way), made in groups.items():
            values.setdefault("words", {}).setdefault(way, {})[name] = _values(made)
    rewritten = [one for one in words if one.question.facts["subset"] == "words" and _task(one) == "letter"]
    spelled = cells(rewritten, "rewrite", "strategy")
    if len({rewrite for rewrite, _ in spelled}) > 1:
        tables.append(_by_way("how often a letter is in a rewritten word", "rewritten", spelled))
        for (rewrite, way), made in spelled.items():
            values.setdefault("rewrites", {}).setdefault(way, {})[rewrite] = _values(made)
    return tables


def _by_way(title: str, first: str, groups: "Mapping[tuple[str, ...], Cell]", caption: str = "") -> Table:
    """A row for each first part of the names, a column for each way of asking."""
    ways = list(dict.fromkeys(way for _, way in groups))
    rows = []
    for name in dict.fromkeys(name for name, _ in groups):
        some = {way: groups[name, way] for way in ways if (name, way) in groups}
        answer, constant = next(iter(some.values())).constant
        shares = [_share(some[way].accuracy) if way in some else "" for way in ways]
        rows.append([name, f"{constant:.0%} ({answer})", *shares])
    return Table(title, (first, "constant", *ways), rows, caption)


def _share(share: "Interval") -> str:
    return f"{share.value:.0%} {100 * share.low:.0f}-{100 * share.high:.0f}"


def _task(one: "Scored") -> str:
    return str(one.question.facts["task"])


def _by_count(plain: "list[Scored]") -> Table:
    from ...evaluation.suites.counting.asking import cells

    groups = cells([one for one in plain if _task(one) == "letter"], "subset", "strategy")
    golds = sorted({gold for made in groups.values() for gold in made.by_gold}, key=int)
    rows = []
    for (subset, way), made in groups.items():
        shares = [made.by_gold.get(gold) for gold in golds]
        rows.append([f"{subset}, {way}", *["" if s is None else f"{s.value:.0%} of {s.n}" for s in shares]])
    return Table("right answers by how often the letter is there", ("words, asked", *golds), rows)


def _values(made: "Cell") -> dict[str, Any]:
    return {
        "accuracy": made.accuracy.to_json(),
        "paper": made.paper.to_json(),
        "strict": made.strict.to_json(),
        "constant": {"answer": made.constant[0], "share": made.constant[1]},
        "by_gold": {gold: share.to_json() for gold, share in made.by_gold.items()},
        "unread": made.unread,
        "cut": made.cut,
    }


def _string_table(strings: "list[Answer]", values: dict[str, Any]) -> Table:
    from ...evaluation.suites.counting.strings import NAMES, shifts

    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for answer in strings:
        facts = answer.question.facts
        group = groups.setdefault((facts["format"], facts["range"], facts["mode"]), [])
        group.append((answer.reply.text, answer.question.gold))
    modes = list(dict.fromkeys(mode for _, _, mode in groups))
    rows = []
    for form, span in dict.fromkeys((form, span) for form, span, _ in groups):
        made = {mode: shifts(groups[form, span, mode]) for mode in modes if (form, span, mode) in groups}
        cells = []
        for found in made.values():
            cells += [_share(found.accuracy), "" if found.under is None else f"{found.under.value:.0%}"]
        rows.append([f"{NAMES[form]}, {span}", f"{next(iter(made.values())).constant:.0%}", *cells])
        for mode, found in made.items():
            held = {"accuracy": found.accuracy.to_json(), "paper": found.paper.to_json(), "mean_shift": found.mean}
            held |= {"under": None if found.under is None else found.under.value, "constant": found.constant}
            held |= {"unread": found.unread, "shifts": {str(k): v for k, v in found.shifts.items()}}
            values.setdefault("strings", {}).setdefault(span, {}).setdefault(mode, {})[form] = held
    columns = [column for mode in modes for column in (_MODES[mode], "too few")]
    caption = "too few: of the wrong results, the share that is too small"
    return Table(
        "counting the letter a in strings of a and b", ("written, letters", "constant", *columns), rows, caption
    )


_MODES = {"none": "result alone", "unsupervised": "step by step", "supervised": "told how"}

SUITE = Suite(
    "letters in words, in six ways of asking, thirteen spellings, and strings in four formats",
    _questions,
    _report,
    ask=_ask,
    requests=_requests,
)
