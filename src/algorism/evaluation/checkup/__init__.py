"""The check-up: where a model's arithmetic breaks, and why."""

from algorism.evaluation.checkup.engine import BUDGET, Result, checkup, first_questions, smallest_budget
from algorism.evaluation.checkup.findings import VERSION, findings
from algorism.evaluation.checkup.probes import PROBES, Probe

__all__ = [
    "BUDGET",
    "PROBES",
    "VERSION",
    "Probe",
    "Result",
    "checkup",
    "findings",
    "first_questions",
    "smallest_budget",
]
