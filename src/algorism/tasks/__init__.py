"""What is asked: exact arithmetic problems in columns, drawn by seed, each task with its own grader."""

from algorism.tasks.completion import completion_probability
from algorism.tasks.filters import exclude_digits, exclude_numbers
from algorism.tasks.hard import HARD_SETS, hard
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import OPERATORS, Operator, operator
from algorism.tasks.problem import Problem, Problems
from algorism.tasks.samplers import SAMPLERS, sampler
from algorism.tasks.sequences import HINTS, RULES, SEQUENCE_TASKS, Lists, Sequences, SequenceTask
from algorism.tasks.task import TASKS, Task, task

__all__ = [
    "HARD_SETS",
    "HINTS",
    "OPERATORS",
    "RULES",
    "SAMPLERS",
    "SEQUENCE_TASKS",
    "TASKS",
    "Lists",
    "Numbers",
    "Operator",
    "Problem",
    "Problems",
    "SequenceTask",
    "Sequences",
    "Task",
    "completion_probability",
    "exclude_digits",
    "exclude_numbers",
    "hard",
    "operator",
    "sampler",
    "task",
]
