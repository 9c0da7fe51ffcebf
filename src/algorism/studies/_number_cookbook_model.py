"""What `number_cookbook` asks a given language model: all 41 combinations, and sums by a rule that it is shown."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..claims import Measurement
from ..evaluation import wilson
from ..evaluation.backends.protocol import Sampling
from ..evaluation.records import Answer
from ..evaluation.suites import nupa
from ..evaluation.suites.rules import chain, check, problem_of
from ..evaluation.suites.rules import questions as rule_questions
from ..tasks.numeracy import COMBINATIONS, REPRESENTATIONS, combination
from ._given_model import answers

if TYPE_CHECKING:
    from .number_cookbook import Settings

LENGTHS = (2, 4, 6, 8, 12, 18)
RULED = (4, 8)
DIGITS = ("digit_max", "digit_min", "digit_add", "get_digit", "length", "count")
PLAIN = ("add", "sub", "max", "min")


def asked(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Shares of exact answers by representation and range, of digit tasks, and of sums by rule and at once."""
    names = [row.name for row in COMBINATIONS.values() if not row.variant]
    questions = nupa.questions(names, LENGTHS, scale.model, seed)
    longest = max(len(question.gold) for question in questions)
    given = answers(questions, Sampling(max_tokens=2 * longest + 8))
    if given is None:
        return
    right = [(answer, _exact(answer)) for answer in given]
    for name in REPRESENTATIONS:
        for span in ("S", "M", "L"):
            some = [good for answer, good in right if _of(answer) == (name, span)]
            if some:
                yield _share(f"model: {name} {span}", some)
    for label, tasks in (("digit tasks", DIGITS), ("sums and comparisons", PLAIN)):
        rows = {f"{task}-integer" for task in tasks}
        yield _share(
            f"model: {label}", [good for answer, good in right if answer.question.facts["combination"] in rows]
        )
    yield from _by_rule(scale, seed)


def _by_rule(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """The same sums by the rule, whose chain may be twice as long as the right one in characters, and at once."""
    questions = rule_questions(["add-integer"], RULED, 2 * scale.model, seed)
    longest = max(len(chain(problem_of(question))) for question in questions)
    given = answers(questions, Sampling(max_tokens=longest), name="by-rule") or []
    checks = [check(problem_of(answer.question), answer.reply.text) for answer in given]
    yield _share("model: by rule", [one.correct for one in checks])
    yield _share("model: by rule, every line", [one.valid for one in checks])
    plain = nupa.questions(["add-integer"], RULED, 2 * scale.model, seed)
    at_once = answers(plain, Sampling(max_tokens=64), name="at-once") or []
    yield _share("model: the same at once", [_exact(answer) for answer in at_once])


def _exact(answer: Answer) -> bool:
    question = answer.question
    form = combination(question.facts["combination"]).answer
    return nupa.score(nupa.extract(answer.reply.text, form), question.gold, form).exact


def _of(answer: Answer) -> tuple[str, str]:
    """Representation, and the range of the length."""
    facts = answer.question.facts
    row = combination(facts["combination"])
    spans = nupa.RANGES[row.longest].items()
    return row.representation, next(name for name, (low, high) in spans if low <= facts["length"] <= high)


def _share(name: str, right: Sequence[bool]) -> Measurement:
    return Measurement.of(name, wilson(sum(right), len(right)), unit="accuracy")
