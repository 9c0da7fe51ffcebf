"""Following a written rule step by step: rules as Python, chains made by running them, and a checker of every line.

Rule-following fine-tuning of the number cookbook (arXiv 2411.03766): a model is given the rule as source text, and
quotes each line that is executed with the new value of what the line sets.
"""

from algorism.evaluation.suites.rules.chains import MARKER, Problem, Step, chain, problem_of, question, questions
from algorism.evaluation.suites.rules.checker import KINDS, Check, check
from algorism.evaluation.suites.rules.rules import RULES, Rule
from algorism.evaluation.suites.rules.scoring import Tally, tally

__all__ = [
    "KINDS",
    "MARKER",
    "RULES",
    "Check",
    "Problem",
    "Rule",
    "Step",
    "Tally",
    "chain",
    "check",
    "problem_of",
    "question",
    "questions",
    "tally",
]
