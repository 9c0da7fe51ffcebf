"""Evaluates programs on batches of sequences. Shape letters: b batch, t query position, s key position."""

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DataError, ShapeError
from .functions import Ints
from .graph import Aggregate, Full, Indices, Map, Node, Selection, Seq, Tokens, Width, ordered
from .kinds import Kind, kinds

INT8 = np.iinfo(np.int8)
SMALLEST, LARGEST = int(INT8.min), int(INT8.max)


def run(program: Seq, ids: ArrayLike, check: bool = True) -> Ints:
    """Evaluate a program.

    Args:
        program: its output sequence.
        ids: integers, (b, t), or (t,) for one sequence.
        check: refuse values that do not fit int8. Positions may be larger: a context is not limited to 128.

    Returns:
        The output, in the shape of `ids`.

    Raises:
        ShapeError: `ids` of another number of dimensions.
        DataError: `ids` that are no integers; with `check`, a value outside int8.

    >>> from algorism.symbolic.rasp import tokens
    >>> run(tokens() + 1, [[1, 2], [3, 4]]).tolist()
    [[2, 3], [4, 5]]
    """
    ids_bt = np.asarray(ids)
    if ids_bt.ndim not in (1, 2):
        raise ShapeError(f"run: expected ids of shape (t,) or (b, t), got {ids_bt.shape}.")
    if ids_bt.size and ids_bt.dtype.kind not in "iub":
        raise DataError(f"run: expected integers, got {ids_bt.dtype}. Encode the text before running a program.")
    shape = ids_bt.shape
    ids_bt = np.atleast_2d(ids_bt).astype(np.int64)
    kind = kinds(program) if check else {}
    order = ordered(program)
    last_use = {parent: node for node in order for parent in node.parents()}
    held: dict[Node, Ints] = {}
    for node in order:
        held[node] = _evaluate(node, held, ids_bt)
        if check and isinstance(node, Seq) and kind[node] is not Kind.INDEX:
            _check_range(node, held[node])
        for parent in node.parents():
            if last_use[parent] is node:
                held.pop(parent, None)  # a selection holds b · t · s truths
    return held[program].reshape(shape)


def _evaluate(node: Node, held: dict[Node, Ints], ids_bt: Ints) -> Ints:
    match node:
        case Tokens():
            return ids_bt
        case Indices():
            return np.broadcast_to(np.arange(ids_bt.shape[1]), ids_bt.shape)
        case Full():
            return np.broadcast_to(np.int64(node.value), ids_bt.shape)
        case Map():
            return node.function(*(held[arg] for arg in node.args))
        case Selection():
            chosen_bts = node.predicate(held[node.key][:, None, :], held[node.query][:, :, None])
            return np.tril(chosen_bts)
        case Width():
            return held[node.selection].sum(-1)
        case Aggregate():
            return _aggregate(held[node.selection], held[node.values], node.default, node.reduction)
    raise AssertionError(node)


def _aggregate(chosen_bts: Ints, values_bs: Ints, default: int, reduction: str) -> Ints:
    if reduction == "mean":
        # Sums of integers are exact in float64, and BLAS multiplies floats only.
        count_bt = chosen_bts.sum(-1)
        sum_bt = np.matmul(chosen_bts.astype(np.float64), values_bs[..., None].astype(np.float64))[..., 0]
        mean_bt = np.trunc(sum_bt / np.maximum(count_bt, 1)).astype(np.int64)
        return np.where(count_bt > 0, mean_bt, default)
    sign = 1 if reduction == "max" else -1
    least = np.iinfo(np.int64).min
    best_bt = np.where(chosen_bts, sign * values_bs[:, None, :], least).max(-1, initial=least)
    return np.where(best_bt > least, sign * best_bt, default)


def _check_range(node: Seq, values_bt: Ints) -> None:
    if values_bt.size and not (int(values_bt.min()) >= SMALLEST and int(values_bt.max()) <= LARGEST):
        row, place = np.argwhere((values_bt < SMALLEST) | (values_bt > LARGEST))[0].tolist()
        raise DataError(
            f"{node} is {values_bt[row, place]} at position {place} of row {row}; RASP-L values are int8, "
            f"{SMALLEST}..{LARGEST}. Use smaller tokens, or run(..., check=False)."
        )
