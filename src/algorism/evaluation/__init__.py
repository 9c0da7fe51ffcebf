"""Exact grading, statistics, breakdowns and comparisons of answers; asking networks."""

from typing import TYPE_CHECKING, Any

from algorism.evaluation.breakdown import ERROR_KINDS, Breakdown, Cell, ErrorKind, breakdown, error_kind
from algorism.evaluation.compare import Comparison, compare
from algorism.evaluation.grading import Both, Grade, grade, grade_both, grade_many
from algorism.evaluation.statistics import (
    Interval,
    McNemar,
    bootstrap,
    holm,
    mcnemar,
    mean_interval,
    minimum_detectable_difference,
    paired_bootstrap,
    pass_at_k,
    seeds_interval,
    wilson,
    wilson_many,
)

if TYPE_CHECKING:
    from algorism.evaluation.asking import Evaluation, evaluate
    from algorism.evaluation.decoding import generate

__all__ = [
    "ERROR_KINDS",
    "Both",
    "Breakdown",
    "Cell",
    "Comparison",
    "ErrorKind",
    "Evaluation",
    "Grade",
    "Interval",
    "McNemar",
    "bootstrap",
    "breakdown",
    "compare",
    "error_kind",
    "evaluate",
    "generate",
    "grade",
    "grade_both",
    "grade_many",
    "holm",
    "mcnemar",
    "mean_interval",
    "minimum_detectable_difference",
    "paired_bootstrap",
    "pass_at_k",
    "seeds_interval",
    "wilson",
    "wilson_many",
]

_LATER = {"generate": "decoding", "Evaluation": "asking", "evaluate": "asking"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f"algorism.evaluation.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
