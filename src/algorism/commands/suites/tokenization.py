"""`algorism suite tokenization`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import UsageError
from .row import Choice, Report, Suite, Table

if TYPE_CHECKING:
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.interview import Interview
    from ...evaluation.questions import Question
    from ...evaluation.suites.tokenization import Profile


def _questions(choice: Choice) -> "list[Question]":
    from ...evaluation.suites.tokenization import USUAL, questions
    from ...evaluation.suites.tokenization.questions import LENGTHS

    if "forced" in choice.tasks and choice.model and not choice.model.startswith(("hf:", "scripted:")):
        raise UsageError(
            f"suite tokenization: where tokens end can be forced for hf: models only, not for {choice.model}."
        )
    return questions(choice.tasks or USUAL, choice.lengths or LENGTHS, choice.n, choice.seed)


def _sampling(asked: "Sequence[Question]") -> "Sampling":
    """Greedy, and long enough for every repeat and separator even if each character is a token."""
    from ...evaluation.backends.protocol import Sampling
    from ...evaluation.suites.tokenization import longest_answer

    return Sampling(max_tokens=longest_answer(asked) + 8)


def _report(found: "Interview") -> Report:
    from ...evaluation.suites.tokenization import Answered, by_arm, by_match, case

    of_sums: dict[str, list] = {"pairs": [], "triples": []}
    for answer in found.answers:
        of_sums[answer.question.facts["sums"]].append(case(Answered.of(answer)))
    arms, matches = by_arm(of_sums["pairs"]), by_match(of_sums["triples"])
    tables = []
    if arms:
        tables.append(_arms(arms))
    if matches:
        tables += [_matches(matches), _digits(matches)]
    values = {
        "arms": {name: made.to_json() for name, made in arms.items()},
        "lengths": [
            {"arm": arm, "as_long_as_an_addend": same, **made.to_json()} for (arm, same), made in matches.items()
        ],
    }
    return Report(values, tables, _notes(arms))


def _share(value: float) -> str:
    return f"{value:.1%}"


def _arms(arms: "dict[str, Profile]") -> Table:
    rows = []
    for name, made in arms.items():
        span = f"{made.accuracy.low:.0%}-{made.accuracy.high:.0%}"
        copied = "" if made.copied is None else _share(made.copied.value)
        cells = [_share(made.accuracy.value), span, f"{made.formed.value:.0%}", copied]
        rows.append([name, *cells, str(made.accuracy.n)])
    caption = (
        "question>answer, or question>repeat>answer. nosep: digits as they are; comma_r2l: 8,302,080, groups counted "
        "from the right; l2r: 830,208,0, from the left; +1: spaces around signs. as asked: in the form of the examples"
    )
    columns = ("written", "right", "95 %", "as asked", "copied", "sums")
    return Table("does the way numbers are written matter?", columns, rows, caption)


def _matches(matches: "dict[tuple[str, bool], Profile]") -> Table:
    rows = []
    for (arm, same), made in matches.items():
        chi = made.uniform()
        guess = "" if chi is None or same or made.wrong < 20 else ("no" if chi[1] < 0.05 else "yes")
        cells = [_share(made.accuracy.value), str(made.wrong), str(made.only_behind), guess]
        rest = [str(made.off_by_one), str(made.at_boundary), str(made.accuracy.n)]
        rows.append([f"{arm}, {'as long' if same else 'longer'}", *cells, *rest])
    caption = (
        "as long: the sum has as many digits as an addend. only digit 4: of the wrong answers, those in which only the "
        "first digit behind the first group of three is wrong; a guess: whether it is spread evenly over ten digits. "
        "off by one: in one place, carries included; token end: of these, where a carry between tokens went wrong"
    )
    columns = ("written, sum", "right", "wrong", "only digit 4", "a guess", "off by one", "token end", "sums")
    return Table("sums as long as an addend, and longer ones", columns, rows, caption)


def _digits(matches: "dict[tuple[str, bool], Profile]") -> Table:
    longest = max(max(made.digits) for made in matches.values())
    rows = []
    for (arm, same), made in matches.items():
        shares = [f"{made.digits[d].value:.0%}" if d in made.digits else "" for d in range(1, longest + 1)]
        rows.append([f"{arm}, {'as long' if same else 'longer'}", *shares, f"{made.other.value:.0%}"])
    columns = ("written, sum", *map(str, range(1, longest + 1)), "unread")
    caption = "share of answers whose digit is wrong, counted from the left; unread: no number, or of a wrong length"
    return Table("which digit is wrong", columns, rows, caption)


def _notes(arms: "dict[str, Profile]") -> list[str]:
    if "nosep" not in arms or "comma_r2l" not in arms:
        return []
    plain, grouped = arms["nosep"].accuracy, arms["comma_r2l"].accuracy
    if grouped.low > plain.high:
        return [
            "Commas every three digits from the right help this model: "
            f"{plain.value:.0%} → {grouped.value:.0%}. Write numbers in prompts that way."
        ]
    if plain.low > grouped.high:
        return [f"Commas hurt this model: {plain.value:.0%} → {grouped.value:.0%}. Leave numbers as they are."]
    return ["With and without commas the intervals overlap: no difference is shown. More sums (-n) tell more."]


SUITE = Suite("in which groups of digits a model adds best, and where it errs", _questions, _report, _sampling)
