"""RASP-L: sequence programs that a causal transformer can run; interpreter, checker, size, verification, compiler.

A program is an expression built from `tokens()`; nothing is evaluated until `run`. Importing this needs no torch;
`compile` does.

Source: What Algorithms can Transformers Learn? A Study in Length Generalization (arXiv 2310.16028).

>>> from algorism.symbolic.rasp import cost, gt, kqv, run, tokens
>>> x = tokens()
>>> next_larger = kqv(x, x, x, gt, default=-1, reduction="min")
>>> run(next_larger, [3, 5, 4, 3]).tolist()
[-1, -1, 5, 4]
"""

from .checker import Finding, check
from .compiler import Compiled, compile
from .core import aggr, full, indices, kqv, sel_width, select, seq_map, tok_map, where
from .cost import Cost, cost
from .functions import Predicate, always, differs, equals, geq, gt, leq, lt
from .graph import Selection, Seq, tokens
from .interpolation import Polynomial, min_degree_interpolator
from .interpreter import run
from .library import (
    argmax,
    argmin,
    binary_mode,
    cumsum,
    first_true,
    firsts,
    has_seen,
    index_select,
    induct,
    induct_kqv,
    induct_prev,
    lasts,
    mask,
    maximum,
    minimum,
    mode,
    num_prev,
    shift_right,
)
from .sampling import sample
from .verify import Counterexample, Reference, Verification, verify

__all__ = [
    "Compiled",
    "Cost",
    "Counterexample",
    "Finding",
    "Polynomial",
    "Predicate",
    "Reference",
    "Selection",
    "Seq",
    "Verification",
    "aggr",
    "always",
    "argmax",
    "argmin",
    "binary_mode",
    "check",
    "compile",
    "cost",
    "cumsum",
    "differs",
    "equals",
    "first_true",
    "firsts",
    "full",
    "geq",
    "gt",
    "has_seen",
    "index_select",
    "indices",
    "induct",
    "induct_kqv",
    "induct_prev",
    "kqv",
    "lasts",
    "leq",
    "lt",
    "mask",
    "maximum",
    "min_degree_interpolator",
    "minimum",
    "mode",
    "num_prev",
    "run",
    "sample",
    "sel_width",
    "select",
    "seq_map",
    "shift_right",
    "tok_map",
    "tokens",
    "verify",
    "where",
]
