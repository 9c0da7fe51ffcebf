"""RASP-L's operations against plain loops over positions, and what holds for all of them."""

import gc
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.symbolic import rasp
from algorism.symbolic.rasp import cost, equals, graph, indices, kqv, run, sample, tokens, where

X = tokens()
PLACES = indices(X)
SMALL = st.lists(st.integers(-3, 3), min_size=1, max_size=9)
ORDER = {
    rasp.equals: lambda k, q: k == q,
    rasp.differs: lambda k, q: k != q,
    rasp.leq: lambda k, q: k <= q,
    rasp.lt: lambda k, q: k < q,
    rasp.geq: lambda k, q: k >= q,
    rasp.gt: lambda k, q: k > q,
    rasp.always: lambda k, q: True,
}


def loop(k, q, v, predicate, default, reduction):
    """Attention, position by position."""
    out = []
    for i in range(len(q)):
        chosen = [v[j] for j in range(i + 1) if predicate(k[j], q[i])]
        if not chosen:
            out.append(default)
        elif reduction == "mean":
            total = sum(chosen)
            out.append(abs(total) // len(chosen) * (1 if total >= 0 else -1))
        else:
            out.append(max(chosen) if reduction == "max" else min(chosen))
    return out


@given(x=SMALL, predicate=st.sampled_from(list(ORDER)), reduction=st.sampled_from(["mean", "max", "min"]))
@pytest.mark.parametrize("shift", [-2, 0, 1])
def test_kqv_equals_a_loop(x, predicate, reduction, shift):
    program = kqv(X, X * 2 + shift, X - PLACES % 3, predicate, default=-9, reduction=reduction)
    query, value = [2 * a + shift for a in x], [a - i % 3 for i, a in enumerate(x)]
    assert run(program, x).tolist() == loop(x, query, value, ORDER[predicate], -9, reduction)
    width = rasp.sel_width(rasp.select(X, X * 2 + shift, predicate))
    ones = [sum(ORDER[predicate](x[j], query[i]) for j in range(i + 1)) for i in range(len(x))]
    assert run(width, x).tolist() == ones


LIBRARY = {
    "shift_right": (rasp.shift_right(X, 2, 7), lambda x, i: x[i - 2] if i >= 2 else 7),
    "cumsum": (rasp.cumsum(X), lambda x, i: sum(v != 0 for v in x[: i + 1])),
    "where": (where(X > 0, X, -X), lambda x, i: abs(x[i])),
    "mask": (rasp.mask(X, X > 0, 5), lambda x, i: x[i] if x[i] > 0 else 5),
    "maximum": (rasp.maximum(X), lambda x, i: max(x[: i + 1])),
    "minimum": (rasp.minimum(X), lambda x, i: min(x[: i + 1])),
    "argmax": (rasp.argmax(X), lambda x, i: i - x[: i + 1][::-1].index(max(x[: i + 1]))),
    "argmin": (rasp.argmin(X), lambda x, i: i - x[: i + 1][::-1].index(min(x[: i + 1]))),
    "num_prev": (rasp.num_prev(X, -X), lambda x, i: x[: i + 1].count(-x[i])),
    "has_seen": (rasp.has_seen(X, X + 1), lambda x, i: int(x[i] + 1 in x[: i + 1])),
    "firsts": (rasp.firsts(X, X + 1), lambda x, i: x.index(x[i] + 1) if x[i] + 1 in x[: i + 1] else -1),
    "lasts": (
        rasp.lasts(X, X - 1),
        lambda x, i: max((j for j in range(i + 1) if x[j] == x[i] - 1), default=-1),
    ),
    "index_select": (rasp.index_select(X, X, 8), lambda x, i: x[x[i]] if 0 <= x[i] <= i else 8),
    "first_true": (rasp.first_true(X > 1), lambda x, i: next((j for j in range(i + 1) if x[j] > 1), -1)),
    "binary_mode": (rasp.binary_mode(X), lambda x, i: int(x[: i + 1].count(1) > x[: i + 1].count(0))),
}


def fetched(x, i, query, offset, default):
    """Definition of the induction head: the first j ≤ i with x[j − offset] = query gives x[j]."""
    for j in range(max(offset, 0), i + 1):
        if j - offset <= i and x[j - offset] == query:
            return x[j]
    return default


LIBRARY["induct"] = rasp.induct(X, X, 1, 6), lambda x, i: fetched(x, i, x[i], 1, 6)
LIBRARY["induct_two"] = rasp.induct(X, -X, 2), lambda x, i: fetched(x, i, -x[i], 2, 0)
LIBRARY["induct_kqv"] = (
    rasp.induct_kqv(X, X, PLACES, 1, default=-1),
    lambda x, i: next((j for j in range(1, i + 1) if x[j - 1] == x[i]), -1),
)


@given(x=SMALL)
@pytest.mark.parametrize("name", LIBRARY)
def test_library_equals_its_definition(name, x):
    program, definition = LIBRARY[name]
    assert run(program, x).tolist() == [definition(x, i) for i in range(len(x))]


@given(x=SMALL)
def test_token_before_the_first_occurrence(x):
    expected = [x[x.index(v) - 1] if x.index(v) else 4 for v in x]
    assert run(rasp.induct_prev(X, X, -1, default=4), x).tolist() == expected


@given(x=SMALL)
def test_mode_is_a_most_frequent_value_and_the_last_to_become_so(x):
    best, expected = {}, []
    for i, v in enumerate(x):
        best[v] = best.get(v, 0) + 1
        # Whoever equals the best count now reached it now.
        expected.append(v if best[v] == max(best.values()) else expected[i - 1])
    assert run(rasp.mode(X), x).tolist() == expected


@given(x=SMALL, y=st.integers(-3, 3))
def test_operators_are_those_of_integers(x, y):
    pairs = [
        (X + y, lambda v: v + y),
        (y + X, lambda v: v + y),
        (X - y, lambda v: v - y),
        (y - X, lambda v: y - v),
        (-X, lambda v: -v),
        (X * y, lambda v: v * y),
        (y * X, lambda v: v * y),
        (X % 3, lambda v: v % 3),
        (y == X, lambda v: v == y),
        (y != X, lambda v: v != y),
        (y > X, lambda v: v < y),
        (y >= X, lambda v: v <= y),
        (y < X, lambda v: v > y),
        (y <= X, lambda v: v >= y),
        (X & y, lambda v: bool(v and y)),
        (X | y, lambda v: bool(v or y)),
        (~X, lambda v: not v),
        (rasp.tok_map(X, lambda v: 1 if v > y else v), lambda v: 1 if v > y else v),
        (rasp.seq_map(X, y, lambda a, b: a * a - b), lambda v: v * v - y),
        (rasp.full(X, y), lambda v: y),
    ]
    for program, expected in pairs:
        assert run(program, x).tolist() == [expected(v) for v in x]


def random_program(draw, depth=4):
    """A program from all core operations."""
    kind = draw(st.integers(0, 6)) if depth else draw(st.integers(0, 2))
    part = lambda: random_program(draw, depth - 1)  # noqa: E731
    match kind:
        case 0 | 1:
            return X
        case 2:
            return PLACES
        case 3:
            return where(part() > part(), part(), part() % 5)
        case 4:
            return draw(st.sampled_from([part() + 1, part() % 3, part() == part(), ~part()]))
        case 5:
            return rasp.sel_width(rasp.select(part(), part(), draw(st.sampled_from(list(ORDER)))))
    reduction = draw(st.sampled_from(["mean", "max", "min"]))
    return kqv(part(), part(), part(), draw(st.sampled_from(list(ORDER))), -1, reduction)


def naive(node, x):
    """A second interpreter: one sequence, one position after the other, nothing shared."""
    match node:
        case graph.Tokens():
            return x
        case graph.Indices():
            return list(range(len(x)))
        case graph.Full():
            return [node.value] * len(x)
        case graph.Map():
            rows = zip(*(naive(arg, x) for arg in node.args))
            return [int(node.function(*map(np.array, row))) for row in rows]
    key, query = naive(node.selection.key, x), naive(node.selection.query, x)
    predicate = ORDER[node.selection.predicate]
    if isinstance(node, graph.Width):
        return [sum(predicate(key[j], query[i]) for j in range(i + 1)) for i in range(len(x))]
    return loop(key, query, naive(node.values, x), predicate, node.default, node.reduction)


@settings(deadline=None)
@given(data=st.data(), x=SMALL)
def test_programs_equal_a_loop(data, x):
    program = random_program(data.draw)
    assert run(program, x, check=False).tolist() == naive(program, x)


@settings(deadline=None)
@given(data=st.data(), x=SMALL, other=SMALL)
def test_the_future_changes_nothing(data, x, other):
    program = random_program(data.draw)
    i = data.draw(st.integers(0, len(x) - 1))
    changed = x[: i + 1] + other
    assert run(program, x, False)[: i + 1].tolist() == run(program, changed, False)[: i + 1].tolist()


@settings(deadline=None)
@given(data=st.data(), rows=st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=4))
def test_a_batch_is_its_rows(data, rows):
    program = random_program(data.draw)
    assert run(program, rows, False).tolist() == [run(program, row, False).tolist() for row in rows]


def test_predicates_take_the_key_first():
    assert run(kqv(X, 2, X, rasp.gt, default=-1, reduction="max"), [1, 5, 0]).tolist() == [-1, 5, 5]
    assert run(kqv(X, 2, X, lambda k, q: k > q, default=-1, reduction="max"), [1, 5, 0]).tolist() == [-1, 5, 5]


def test_a_constant_predicate_selects_every_earlier_position():
    assert run(rasp.sel_width(rasp.select(X, X, lambda k, q: True)), [4, 4, 4]).tolist() == [1, 2, 3]
    assert run(rasp.sel_width(rasp.select(0, 0, rasp.equals)), [4, 4, 4]).tolist() == [1, 2, 3]


def test_mean_is_truncated_toward_zero():
    assert run(kqv(X, X, X, rasp.always), [-1, -2, 0, 8, 8]).tolist() == [-1, -1, -1, 1, 2]


def test_equal_parts_are_one_node_evaluated_once():
    calls = []

    def spy(v):
        calls.append(v)
        return v

    assert (X + 1) is (X + 1)
    assert rasp.shift_right(X, 1) is rasp.shift_right(tokens(), 1)
    both = rasp.tok_map(X, spy) + rasp.tok_map(X, spy)
    assert run(both, [4, 4, 5]).tolist() == [8, 8, 10]
    assert sorted(calls) == [4, 5]
    assert cost(both).maps == 2


def test_nodes_that_nobody_needs_are_forgotten():
    gc.collect()
    before = len(graph._KNOWN)
    program = rasp.maximum(X + 77)
    assert len(graph._KNOWN) > before
    del program
    gc.collect()
    assert len(graph._KNOWN) == before


def test_importing_needs_no_torch():
    code = "import sys, algorism.symbolic.rasp.programs; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_building_evaluates_nothing():
    rasp.tok_map(X, lambda v: 1 // 0)


def test_cost_by_hand():
    # Two heads in a row; parts: tokens, indices, firsts (selection, head), + 1 (constant, map), selection, head.
    assert cost(rasp.induct(X, X, 1)) == rasp.Cost(heads=2, depth=2, maps=1, size=8)
    assert cost(X).heads == 0
    chain = X
    for _ in range(300):
        chain = rasp.maximum(chain)
    assert cost(chain).depth == 300
    assert run(chain, [1, 3, 2]).tolist() == [1, 3, 3]


def test_greedy_decoding_stops_at_the_end_token_or_the_limit():
    assert sample(X + 1, [1, 5], eos=8) == [6, 7, 8]
    assert sample(X, [3], eos=None, most=4) == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: X + 0.5, UsageError, "no floats"),
        (lambda: kqv(X, X, X, equals, default=0.5), UsageError, "no floats"),
        (lambda: kqv(X, X, X, equals, reduction="maxx"), UsageError, "Nearest known: 'max'"),
        (lambda: bool(X > 1), UsageError, "Use where"),
        (lambda: list(X), UsageError, "cannot loop"),
        (lambda: run(rasp.tok_map(X, lambda v: v / 2), [3]), UsageError, r"\(3\) gave 1.5"),
        (lambda: run(X, [[[1]]]), ShapeError, r"\(1, 1, 1\)"),
        (lambda: run(X, [0.5]), DataError, "float64"),
        (lambda: run(X * 100, [1, 2]), DataError, "is 200 at position 1 of row 0"),
        (lambda: run(X, [-129]), DataError, "-129"),
    ],
)
def test_errors_say_what_to_do(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_positions_may_exceed_int8_and_tokens_when_asked():
    assert run(PLACES, np.zeros(300, dtype=int))[-1] == 299
    assert run(X * 100, [2], check=False).tolist() == [200]
    assert run(X, []).tolist() == []
