"""The core operations of RASP-L, as builders of program graphs.

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), section 3 and Appendix C; RASP is Weiss et al.
(arXiv 2106.06981). All are causal by construction: a position selects none after it.
"""

from collections.abc import Callable
from typing import Any

from ...errors import UsageError, nearest
from . import functions
from .functions import Predicate, custom_function, custom_predicate
from .graph import Aggregate, Full, Indices, Map, Selection, Seq, Width, constant, sequence, shared

REDUCTIONS = ("mean", "max", "min")


def full(x: Seq, c: int) -> Seq:
    """Return the constant c at every position of x.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(full(tokens(), 7), [1, 2]).tolist()
    [7, 7]
    """
    return shared(Full(constant(c)))


def indices(x: Seq) -> Seq:
    """Return 0, 1, 2, … over the positions of x.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(indices(tokens()), [5, 5, 5]).tolist()
    [0, 1, 2]
    """
    return shared(Indices())


def tok_map(x: Seq, f: Callable[[int], Any]) -> Seq:
    """Return f(x_i): one MLP.

    Args:
        x: a sequence.
        f: from an integer to an integer or a truth; called once for each value that occurs.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(tok_map(tokens(), lambda v: v * v), [1, 2, 3]).tolist()
    [1, 4, 9]
    """
    return shared(Map(custom_function(f), (x,)))


def seq_map(x: Seq, y: Seq | int, f: Callable[[int, int], Any]) -> Seq:
    """Return f(x_i, y_i): one MLP on two features.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(seq_map(tokens(), indices(tokens()), max), [2, 0, 1]).tolist()
    [2, 1, 2]
    """
    return shared(Map(custom_function(f), (sequence(x), sequence(y))))


def where(c: Seq, a: Seq | int, b: Seq | int) -> Seq:
    """Return a_i where c_i is not 0, else b_i: one MLP.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(where(tokens() > 1, 7, tokens()), [0, 1, 2]).tolist()
    [0, 1, 7]
    """
    return shared(Map(functions.CHOOSE, (sequence(c), sequence(a), sequence(b))))


def select(k: Seq | int, q: Seq | int, pred: Predicate | Callable[[int, int], Any]) -> Selection:
    """Select, for each position i, the positions j ≤ i with pred(k_j, q_i).

    Args:
        k: keys.
        q: queries.
        pred: takes the key first, then the query: one of `equals`, `differs`, `leq`, `lt`, `geq`, `gt`, `always`, or
            a function of two integers.

    >>> from algorism.symbolic.rasp import gt, tokens
    >>> print(select(tokens(), 2, gt))
    select(key tokens > query 2)
    """
    predicate = pred if isinstance(pred, Predicate) else custom_predicate(pred)
    return shared(Selection(sequence(k), sequence(q), predicate))


def sel_width(selection: Selection) -> Seq:
    """Return how many positions each position selects: one attention head.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(sel_width(select(tokens(), tokens(), lambda k, q: k < q)), [1, 2, 0]).tolist()
    [0, 1, 0]
    """
    return shared(Width(selection))


def aggr(selection: Selection, v: Seq | int, default: int = 0, reduction: str = "mean") -> Seq:
    """Aggregate the selected values.

    Args:
        selection: made by `select`.
        v: values.
        default: the result where nothing is selected.
        reduction: "mean" (truncated toward 0), "max" or "min".

    Raises:
        UsageError: an unknown reduction.

    >>> from algorism.symbolic.rasp import leq, run, tokens
    >>> run(aggr(select(tokens(), tokens(), leq), tokens(), reduction="max"), [3, 1, 2]).tolist()
    [3, 1, 2]
    """
    if reduction not in REDUCTIONS:
        raise UsageError(f"aggr: unknown reduction {reduction!r}. {nearest(str(reduction), REDUCTIONS)}")
    return shared(Aggregate(selection, sequence(v), constant(default), reduction))


def kqv(
    k: Seq | int,
    q: Seq | int,
    v: Seq | int,
    pred: Predicate | Callable[[int, int], Any],
    default: int = 0,
    reduction: str = "mean",
) -> Seq:
    """Aggregate v over the positions j ≤ i with pred(k_j, q_i): one attention head.

    >>> from algorism.symbolic.rasp import equals, run, tokens
    >>> x = tokens()
    >>> run(kqv(x, 0, 0, equals, default=1), [1, 1, 0, 1]).tolist()  # AND of the bits so far
    [1, 1, 0, 0]
    """
    return aggr(select(k, q, pred), v, default, reduction)
