"""What every adapter says of an answer: right or not, at both levels of the grader."""

from algorism.evaluation.grading import grade_both
from algorism.evaluation.values import Kind

LEVELS = ("strict", "lenient")


def grades(response: str, gold: str, kind: Kind) -> dict[str, float]:
    """1.0 or 0.0 for each level; nothing between, since a sum is right or wrong.

    >>> grades("The sum is 1,234.", "1234", "integer")
    {'strict': 0.0, 'lenient': 1.0}
    """
    both = grade_both(response, gold, kind)
    return {"strict": float(both.strict.correct), "lenient": float(both.lenient.correct)}
