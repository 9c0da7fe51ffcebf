"""Exact grading, statistics, breakdowns and comparisons of answers."""

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

__all__ = [
    "ERROR_KINDS",
    "Both",
    "Breakdown",
    "Cell",
    "Comparison",
    "ErrorKind",
    "Grade",
    "Interval",
    "McNemar",
    "bootstrap",
    "breakdown",
    "compare",
    "error_kind",
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
