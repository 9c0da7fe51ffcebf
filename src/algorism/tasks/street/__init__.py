"""Everyday arithmetic where an estimate would do: shopping, tips, travel (after StreetMath, arXiv 2510.25776)."""

from algorism.tasks.street.multiples import (
    SENTENCES,
    TOLERANCES,
    Mention,
    base_rate,
    in_words,
    mention,
    near_multiple,
)
from algorism.tasks.street.situations import SITUATIONS, Item, Situation, allocation, situation

__all__ = [
    "SENTENCES",
    "SITUATIONS",
    "TOLERANCES",
    "Item",
    "Mention",
    "Situation",
    "allocation",
    "base_rate",
    "in_words",
    "mention",
    "near_multiple",
    "situation",
]
