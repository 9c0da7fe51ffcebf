"""The standard library of RASP-L, written with the core operations.

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), Appendix C. "Seen" means at a position j ≤ i.
"""

from .core import indices, kqv, sel_width, select, where
from .functions import always, differs, equals
from .graph import Seq, sequence


def shift_right(x: Seq, n: int, default: int = 0) -> Seq:
    """Return x_{i−n}, and `default` for the first n positions.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(shift_right(tokens(), 1, default=9), [1, 2, 3]).tolist()
    [9, 1, 2]
    """
    return kqv(indices(x) + n, indices(x), x, equals, default)


def cumsum(b: Seq) -> Seq:
    """Count the true b_j seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(cumsum(tokens() > 2), [3, 1, 5]).tolist()
    [1, 1, 2]
    """
    return sel_width(select(b, 0, differs))


def mask(x: Seq, b: Seq, m: int = 0) -> Seq:
    """Return x_i where b_i is true, else m.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(mask(tokens(), tokens() > 1, 9), [1, 2, 3]).tolist()
    [9, 2, 3]
    """
    return where(b, x, m)


def maximum(x: Seq) -> Seq:
    """Return the largest value seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(maximum(tokens()), [2, 1, 3]).tolist()
    [2, 2, 3]
    """
    return kqv(x, x, x, always, reduction="max")


def minimum(x: Seq) -> Seq:
    """Return the smallest value seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(minimum(tokens()), [2, 1, 3]).tolist()
    [2, 1, 1]
    """
    return kqv(x, x, x, always, reduction="min")


def argmax(x: Seq) -> Seq:
    """Return the last position that holds the largest value seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(argmax(tokens()), [2, 1, 2]).tolist()
    [0, 0, 2]
    """
    return kqv(x, maximum(x), indices(x), equals, reduction="max")


def argmin(x: Seq) -> Seq:
    """Return the last position that holds the smallest value seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(argmin(tokens()), [2, 1, 2]).tolist()
    [0, 1, 1]
    """
    return kqv(x, minimum(x), indices(x), equals, reduction="max")


def num_prev(x: Seq, q: Seq | int) -> Seq:
    """Count the x_j = q_i seen.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(num_prev(tokens(), tokens()), [5, 6, 5]).tolist()
    [1, 1, 2]
    """
    return sel_width(select(x, q, equals))


def has_seen(x: Seq, q: Seq | int) -> Seq:
    """Return 1 where some x_j = q_i has been seen, else 0.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(has_seen(tokens(), 6), [5, 6, 5]).tolist()
    [0, 1, 1]
    """
    return kqv(x, q, 1, equals, default=0)


def firsts(x: Seq, q: Seq | int, default: int = -1) -> Seq:
    """Return the first position j ≤ i with x_j = q_i.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(firsts(tokens(), 6), [5, 6, 6]).tolist()
    [-1, 1, 1]
    """
    return kqv(x, q, indices(x), equals, default, "min")


def lasts(x: Seq, q: Seq | int, default: int = -1) -> Seq:
    """Return the last position j ≤ i with x_j = q_i.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(lasts(tokens(), 6), [5, 6, 6]).tolist()
    [-1, 1, 2]
    """
    return kqv(x, q, indices(x), equals, default, "max")


def index_select(x: Seq, idx: Seq, default: int = 0) -> Seq:
    """Return x[idx_i] where 0 ≤ idx_i ≤ i, else `default`.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(index_select(tokens(), tokens(), default=9), [1, 0, 2]).tolist()
    [9, 1, 2]
    """
    return kqv(indices(x), idx, x, equals, default)


def first_true(x: Seq, default: int = -1) -> Seq:
    """Return the first position with a true x_j.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(first_true(tokens() > 1), [1, 2, 3]).tolist()
    [-1, 1, 1]
    """
    return kqv(x, 0, indices(x), differs, default, "min")


def induct_kqv(k: Seq, q: Seq | int, v: Seq, offset: int, default: int = 0) -> Seq:
    """Return v_j for the first j ≤ i with k_{j−offset} = q_i.

    Two heads: the first occurrence of q_i, and the value `offset` after it.
    """
    # Nothing found becomes −1 after the offset is added, which is no position, whatever the offset.
    found = firsts(k, q, default=min(-1, -1 - offset))
    return index_select(v, found + offset, default)


def induct(k: Seq, q: Seq | int, offset: int, default: int = 0) -> Seq:
    """Return the k_j that stands `offset` after the first occurrence of q_i, if j ≤ i: an induction head.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(induct(tokens(), tokens(), 1), [5, 6, 5, 6]).tolist()
    [0, 0, 6, 5]
    """
    return induct_kqv(k, q, k, offset, default)


def induct_prev(k: Seq, q: Seq | int, offset: int = -1, default: int = 0) -> Seq:
    """Return the k_j that stands −`offset` before the first occurrence of q_i.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(induct_prev(tokens(), 7), [5, 6, 7]).tolist()
    [0, 0, 6]
    """
    return induct_kqv(k, q, k, offset, default)


def mode(x: Seq) -> Seq:
    """Return the most frequent value seen; of several, the one that reached its count last.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(mode(tokens()), [4, 5, 5, 4]).tolist()
    [4, 5, 5, 4]
    """
    return index_select(x, argmax(num_prev(x, x)))


def binary_mode(x: Seq) -> Seq:
    """Return 1 where more ones than zeros have been seen, else 0.

    >>> from algorism.symbolic.rasp import run, tokens
    >>> run(binary_mode(tokens()), [1, 0, 0]).tolist()
    [1, 0, 0]
    """
    return num_prev(x, sequence(1)) > num_prev(x, sequence(0))
