"""`algorism suite nupa`: the cookbook's questions, and, named `rule-…`, those to be answered by a rule line by line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UsageError, nearest
from .row import Choice, Report, Suite, Table, as_long_as_answers

if TYPE_CHECKING:
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.interview import Interview
    from ...evaluation.questions import Question
    from ...evaluation.records import Answer
    from ...evaluation.suites.nupa import Profile

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 20)
RULE = "rule-"
WINDOW = 2000  # tokens of a chain in the paper


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites import rules
    from ...evaluation.suites.nupa import questions
    from ...tasks.numeracy import COMBINATIONS

    tasks = {name: name.rpartition("-")[0] for name in COMBINATIONS}
    ruled = {f"{RULE}{name}": f"{RULE}{tasks[name]}" for name in rules.RULES}
    for part in choice.tasks:
        known = {*tasks, *tasks.values(), *ruled, *ruled.values()}
        if part not in known:
            raise UsageError(f"suite nupa: no task {part!r}. {nearest(part, known)}")
    names = [name for name, task in tasks.items() if not choice.tasks or name in choice.tasks or task in choice.tasks]
    by_rule = [name[len(RULE) :] for name, task in ruled.items() if name in choice.tasks or task in choice.tasks]
    lengths = choice.lengths or LENGTHS
    asked = questions(names, lengths, choice.n, choice.seed) if names else []
    return asked + (rules.questions(by_rule, lengths, choice.n, choice.seed) if by_rule else [])


def _sampling(asked: "Sequence[Question]") -> "Sampling":
    """Chains may have as many tokens as the longest right one has characters, at most as many as the paper allows."""
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.suites.rules import chain, problem_of

    chains = [len(chain(problem_of(question))) for question in asked if question.facts["suite"] == "rules"]
    return Sampling(max_tokens=min(WINDOW, max(chains) + 32)) if chains else as_long_as_answers(asked)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.nupa import profile
    from ...tasks.numeracy import combination

    by_row: dict[str, list[tuple[int, str, str]]] = {}
    by_rule: dict[str, list[Answer]] = {}
    for answer in found.answers:
        facts = answer.question.facts
        if facts["suite"] == "rules":
            by_rule.setdefault(facts["combination"], []).append(answer)
        else:
            row = (facts["length"], answer.reply.text, answer.question.gold)
            by_row.setdefault(facts["combination"], []).append(row)
    profiles = {name: profile(combination(name), rows) for name, rows in by_row.items()}
    values: dict[str, Any] = {"combinations": {name: _values(made) for name, made in profiles.items()}}
    tables = [_table(profiles)] if profiles else []
    if by_rule:
        values["rules"], table = _ruled(by_rule)
        tables.append(table)
    return Report(values, tables)


def _ruled(by_rule: "dict[str, list[Answer]]") -> tuple[dict[str, Any], Table]:
    """Chains: right answers, chains right in every line, right answers behind a wrong line, what is wrong first."""
    from ...evaluation.suites.rules import KINDS, check, problem_of, tally

    values, rows = {}, []
    for name, answers in by_rule.items():
        made = tally([check(problem_of(answer.question), answer.reply.text) for answer in answers])
        rate = made.false_positives
        values[name] = {
            "correct": made.correct.to_json(),
            "valid": made.valid.to_json(),
            "false_positives": None if rate is None else rate.to_json(),
            "first_wrong": made.kinds,
        }
        shares = [f"{made.correct.value:.0%}", f"{made.valid.value:.0%}", "" if rate is None else f"{rate.value:.0%}"]
        rows.append([name, *shares, *(str(made.kinds.get(kind, 0)) for kind in KINDS)])
    caption = "The last columns say what is wrong first: " + "; ".join(
        f"{kind}: {said}" for kind, said in KINDS.items()
    )
    columns = ("rule", "right", "every line", "false positives", *KINDS)
    return values, Table("following a rule line by line", columns, rows, caption)


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


SUITE = Suite("41 tasks on integers, floats, fractions, scientific numbers", _questions, _report, _sampling)
