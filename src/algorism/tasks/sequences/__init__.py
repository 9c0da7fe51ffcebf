"""Problems on lists of symbols: copying, sorting, counting and the like, drawn by seed, exact, in columns."""

from algorism.tasks.sequences.hints import HINTS, Hint
from algorism.tasks.sequences.lists import Lists
from algorism.tasks.sequences.problems import Sequence, Sequences
from algorism.tasks.sequences.rules import RULES, Rule, rule
from algorism.tasks.sequences.task import SEQUENCE_TASKS, SequenceTask

__all__ = [
    "HINTS",
    "RULES",
    "SEQUENCE_TASKS",
    "Hint",
    "Lists",
    "Rule",
    "Sequence",
    "SequenceTask",
    "Sequences",
    "rule",
]
