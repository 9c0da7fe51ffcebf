"""Which style a model is asked in: a few easy sums in each, and the one with the most right answers wins.

A network that reads differences or products only answers no sum at all; it is tried with a few of those, bare.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from algorism.errors import DataError
from algorism.evaluation.backends.protocol import as_text
from algorism.evaluation.checkup.items import difference_of, product_of, sum_of
from algorism.evaluation.checkup.session import Asked, Session, failures
from algorism.evaluation.checkup.styles import STYLES, Style, compact

# Not equal to themselves read backwards, so that the order of an answer's digits shows.
SUMS: Sequence[tuple[int, int]] = ((3, 9), (8, 7), (12, 13), (23, 45), (61, 28), (47, 36), (85, 91), (120, 317))
_OTHERS = tuple(make(a, b) for make in (difference_of, product_of) for a, b in ((9, 3), (8, 7), (23, 12), (61, 28)))


@dataclass(frozen=True)
class Trial:
    """How one style did.

    Attributes:
        style: which.
        right: answers in which a careful reader finds the sum.
        strict: of these, written as asked.
        answers: all.
        failed: requests without an answer.
        cut: answers that were too long.
        letters: characters of all answers.
        example: prompt and answer of the last sum.
    """

    style: Style
    right: int
    strict: int
    answers: int
    failed: int
    cut: int
    letters: int
    example: tuple[str, str]

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """More right answers; of equal ones more strictly right, fewer failures, fewer too long, shorter answers."""
        return self.right, self.strict, -self.failed, -self.cut, -self.letters

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values = {"style": self.style.name, "title": self.style.title, "right": self.right, "strict": self.strict}
        values |= {"answers": self.answers, "failed": self.failed, "cut": self.cut}
        return values | {"prompt": self.example[0], "answer": self.example[1]}


def requests() -> int:
    """How many requests a calibration makes at most."""
    return len(SUMS) * len(STYLES) + len(_OTHERS)


def wanted() -> list[Asked]:
    """The questions of a calibration."""
    examples = tuple(sum_of(a, b) for a, b in ((2, 5), (14, 22), (9, 6), (131, 248)))
    return [
        Asked(f"style/{style.name}/{a}+{b}", sum_of(a, b), style, examples[: style.examples])
        for style in STYLES.values()
        for a, b in SUMS
    ]


def calibrate(session: Session) -> tuple[Style, list[Trial]]:
    """Ask the sums in every style. Of equally good styles the first of the table is taken.

    Raises:
        DataError: no request was answered.
    """
    outcomes = session.ask(wanted())
    if all(outcome.reply is None for outcome in outcomes):
        bare = STYLES["bare"]
        outcomes += session.ask([Asked(f"style/bare/{compact(item.formula)}", item, bare) for item in _OTHERS])
    if all(outcome.reply is None for outcome in outcomes):
        reason = next(iter(failures(outcomes)))
        raise DataError(f"{session.backend.name} answered none of the first {len(outcomes)} requests: {reason}")
    trials = []
    for style in STYLES.values():
        own = [outcome for outcome in outcomes if outcome.asked.style is style]
        answered = [outcome for outcome in own if outcome.reply is not None]
        last = answered[-1] if answered else own[-1]
        example = (prompt_text(last.asked), last.reply.text if last.reply else "")
        right, strict = sum(o.right for o in answered), sum(o.strict for o in answered)
        cut, failed = sum(o.cut for o in answered), len(own) - len(answered)
        letters = sum(len(o.reply.text) for o in answered if o.reply is not None)
        trials.append(Trial(style, right, strict, len(answered), failed, cut, letters, example))
    best = max((trial for trial in trials if trial.answers), key=lambda trial: trial.rank)  # the first of equals
    return best.style, trials


def prompt_text(asked: Asked) -> str:
    """A prompt as text, to be shown."""
    return as_text(asked.question().prompt)
