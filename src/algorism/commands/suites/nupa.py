"""`algorism suite nupa`."""

from typing import TYPE_CHECKING, Any

from ...errors import UsageError, nearest
from .row import Choice, Report, Suite, Table

if TYPE_CHECKING:
    from ...evaluation.interview import Interview
    from ...evaluation.questions import Question
    from ...evaluation.suites.nupa import Profile

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 20)


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites.nupa import questions
    from ...tasks.numeracy import COMBINATIONS

    wanted = choice.tasks
    names = [name for name in COMBINATIONS if not wanted or name in wanted or name.rpartition("-")[0] in wanted]
    for part in wanted:
        if part not in COMBINATIONS and not any(name.rpartition("-")[0] == part for name in COMBINATIONS):
            known = {*COMBINATIONS, *(name.rpartition("-")[0] for name in COMBINATIONS)}
            raise UsageError(f"suite nupa: no task {part!r}. {nearest(part, known)}")
    return questions(names, choice.lengths or LENGTHS, choice.n, choice.seed)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.nupa import profile
    from ...tasks.numeracy import combination

    by_row: dict[str, list[tuple[int, str, str]]] = {}
    for answer in found.answers:
        facts = answer.question.facts
        row = (facts["length"], answer.reply.text, answer.question.gold)
        by_row.setdefault(facts["combination"], []).append(row)
    profiles = {name: profile(combination(name), rows) for name, rows in by_row.items()}
    values = {"combinations": {name: _values(made) for name, made in profiles.items()}}
    return Report(values, [_table(profiles)])


def _values(made: "Profile") -> dict[str, Any]:
    return {
        "exact": {k: v.to_json() for k, v in made.exact.items()},
        "digits": {k: v.value for k, v in made.digits.items()},
        "length": {k: v.value for k, v in made.length.items()},
        "well_learned": {"largest": made.well_learned(), "unbroken": made.well_learned(unbroken=True)},
        "preserving": {"largest": made.preserving(), "unbroken": made.preserving(unbroken=True)},
    }


def _table(profiles: "dict[str, Profile]") -> Table:
    rows = []
    for name, made in profiles.items():
        shares = [made.in_range(span) for span in ("S", "M", "L", "XL")]
        digits = sum(v.value for v in made.digits.values()) / len(made.digits)
        cells = ["" if share is None else f"{share:.0%}" for share in shares]
        rows.append([name, *cells, f"{digits:.0%}", str(made.well_learned(True)), str(made.preserving(True))])
    caption = (
        "S to XL: lengths 1-4, 5-8, 9-14, 15-20; of tasks up to 100: 1-10, 11-20, 21-60, 61-100. digits: in place. "
        "well learned, 10 %: length up to which at least 90 %, 10 % of the answers are exact"
    )
    columns = ("task", "S", "M", "L", "XL", "digits", "well learned", "10 % up to")
    return Table("exact answers by length", columns, rows, caption)


SUITE = Suite("41 tasks on integers, floats, fractions, scientific numbers", _questions, _report)
