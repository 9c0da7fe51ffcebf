"""Understanding and handling numbers in four representations: the tasks of the number cookbook (arXiv 2411.03766)."""

from algorism.tasks.numeracy.combinations import COMBINATIONS, Combination, Item, combination
from algorism.tasks.numeracy.values import (
    REPRESENTATIONS,
    Float,
    Ratio,
    Representation,
    Scientific,
    exact,
    parse,
    write,
)

__all__ = [
    "COMBINATIONS",
    "REPRESENTATIONS",
    "Combination",
    "Float",
    "Item",
    "Ratio",
    "Representation",
    "Scientific",
    "combination",
    "exact",
    "parse",
    "write",
]
