"""What is asked: exact arithmetic problems in columns, drawn by seed, each task with its own grader."""

from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import OPERATORS, Operator, operator
from algorism.tasks.problem import Problem, Problems
from algorism.tasks.samplers import SAMPLERS, sampler
from algorism.tasks.task import TASKS, Task, task

__all__ = [
    "OPERATORS",
    "SAMPLERS",
    "TASKS",
    "Numbers",
    "Operator",
    "Problem",
    "Problems",
    "Task",
    "operator",
    "sampler",
    "task",
]
