"""The problems a task can ask: how many there are, and all of them in a list."""

from typing import TYPE_CHECKING

import numpy as np

from algorism.tasks import filters
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problems
from algorism.tasks.samplers import grid

if TYPE_CHECKING:
    from algorism.tasks.task import Task


def operand_range(task: "Task") -> tuple[int, int]:
    """First operand value in units of 10^-decimals, and how many values there are, before exclusions."""
    if task.sampler == "interval":
        return grid(task.operator, task.decimals, task.params.get("low"), task.params.get("high"))
    low, high = task.lengths
    first = 10 ** (low - 1) if low > 1 else 0
    return first, 10**high - first


def allowed_operands(task: "Task") -> int:
    """How many values an operand of this task can have."""
    first, count = operand_range(task)
    return count - filters.count_removed(first, count, task.without_numbers, task.without_digit)


def every_problem(task: "Task") -> Problems:
    """All problems of a task, in order of their operands; only for tasks of a few digits.

    >>> from algorism.tasks import Task
    >>> len(every_problem(Task("+", digits=1)))
    100
    """
    first, count = operand_range(task)
    operand = Numbers.from_small(np.arange(first, first + count), task.decimals)
    operand = operand[~filters.forbidden(operand, task.without_numbers, task.without_digit)]
    if operator_named(task.operator).arity == 1:
        return Problems.solve(task.operator, (operand,))
    rows = np.arange(len(operand))
    a, b = operand[np.repeat(rows, len(rows))], operand[np.tile(rows, len(rows))]
    return Problems.solve(task.operator, (a, b))
