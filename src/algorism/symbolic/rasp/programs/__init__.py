"""Example programs in RASP-L, each with its task in plain Python.

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), sections 3 to 5; the programs are written anew.

>>> from algorism.symbolic.rasp import sample
>>> sample(PROGRAMS["copy"].program, [SOS, 3, 1, 2, END], EOS)
[3, 1, 2, -3]
"""

from .addition import Addition, addition
from .conjunction import conjunction
from .copying import copy
from .counting import count
from .example import END, EOS, EQUALS, MINUS, PLUS, SOS, Example
from .majority import mode
from .parity import parity
from .sorting import sort, sort_repeats

PROGRAMS: dict[str, Example] = {
    "count": count(),
    "copy": copy(),
    "sort": sort(),
    "sort-repeats": sort_repeats(),
    "mode": mode(),
    "and": conjunction(),
    "addition-reverse": addition("reverse"),
    "addition-forward": addition("forward"),
    "parity": parity(),
}

__all__ = [
    "END",
    "EOS",
    "EQUALS",
    "MINUS",
    "PLUS",
    "PROGRAMS",
    "SOS",
    "Addition",
    "Example",
    "addition",
    "conjunction",
    "copy",
    "count",
    "mode",
    "parity",
    "sort",
    "sort_repeats",
]
