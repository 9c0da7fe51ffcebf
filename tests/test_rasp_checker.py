"""The checker refuses what RASP-L does not allow, and nothing else."""

import numpy as np
import pytest

from algorism.symbolic import rasp
from algorism.symbolic.rasp import check, indices, kqv, run, tokens, where
from algorism.symbolic.rasp.domains import domains
from algorism.symbolic.rasp.kinds import Kind, kinds
from algorism.symbolic.rasp.programs import PROGRAMS

X = tokens()
PLACES = indices(X)

REFUSED = {
    "sum of positions": (PLACES + PLACES, 'a position is added in "indices + indices"'),
    "position plus token": (PLACES + X, "a position is added"),
    "negated position": (-PLACES, "a position is subtracted"),
    "difference of positions": (PLACES - rasp.lasts(X, 1), "a position is subtracted"),
    "double": (PLACES * 2, "positions are multiplied"),
    "every second position": (PLACES % 2 == 0, "positions are divided"),
    "map of a position": (rasp.tok_map(PLACES, lambda v: v // 2), "given to <lambda>"),
    "order with a token": (PLACES < X, "compared with a token"),
    "token as address": (rasp.index_select(X, X), "compared with a token"),
    "own predicate": (kqv(PLACES, PLACES, X, lambda k, q: k + 1 == q), "positions meet the predicate"),
    "mean of positions": (kqv(X, X, PLACES, rasp.equals), "the mean of several positions"),
    "mixed choice": (where(X > 0, PLACES, X), "a position and a token are mixed"),
    "position as condition": (where(PLACES, X, 0), "used as a condition"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_allowed_is_found(name):
    program, words = REFUSED[name]
    found = check(program)
    assert any(words in finding.message for finding in found), found
    assert found[0].node in set(rasp.graph.ordered(program))
    # The same part inside a larger program is found too.
    assert any(words in finding.message for finding in check(rasp.maximum(where(X == 1, X, program))))


@pytest.mark.parametrize(
    "program",
    [
        rasp.lasts(X, 1) - 2 > PLACES + 1,
        rasp.shift_right(X, 3),
        rasp.index_select(X, where(X > 0, rasp.firsts(X, 1) + 1, PLACES)),
        rasp.induct(X, X, 1),
        rasp.mode(X),
        rasp.argmin(X),
        rasp.cumsum(X > 2) + X,
        rasp.seq_map(X, rasp.num_prev(X, X), lambda a, b: a * b % 7),
        kqv(PLACES, rasp.lasts(X, 3), X, rasp.gt, reduction="max"),
        where(PLACES == 4, PLACES, -1),
        rasp.index_select(rasp.firsts(X, X), PLACES - 1),
        kqv(PLACES, X, X, rasp.always),
    ],
)
def test_what_is_allowed_is_not_found(program):
    assert check(program) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_examples_are_rasp_l(name):
    assert check(PROGRAMS[name].program, PROGRAMS[name].vocab, longest=64) == []


def test_kinds_follow_what_is_fetched():
    found = kinds(where(X > 0, rasp.firsts(X, 1) + 1, PLACES))
    assert set(found.values()) == {Kind.TOKEN, Kind.INDEX, Kind.CONSTANT}
    assert kinds(where(PLACES, X, 0))[where(PLACES, X, 0)] is Kind.TOKEN
    assert kinds(rasp.index_select(X, PLACES))[rasp.index_select(X, PLACES)] is Kind.TOKEN


def test_values_outside_int8_are_found_with_a_vocabulary():
    assert check(X + X) == []
    assert "can reach 140" in check(X + X, vocab=range(71))[0].message
    assert "counts" in check(rasp.num_prev(X, X), vocab=[0, 1], longest=128)[0].message
    assert check(rasp.num_prev(X, X), vocab=[0, 1], longest=127) == []
    assert "constant" in check(X < 200, vocab=[0, 1])[0].message


def test_floats_and_failing_functions_are_found_with_a_vocabulary():
    assert "no floats" in check(rasp.tok_map(X, lambda v: v / 2), vocab=[1, 2])[0].message
    assert "fails on values" in check(rasp.tok_map(X, lambda v: 6 // v), vocab=[0, 2])[0].message


@pytest.mark.parametrize("name", PROGRAMS)
def test_domains_hold_every_value_that_occurs(name):
    example = PROGRAMS[name]
    rng = np.random.default_rng(1)
    ids = rng.choice(example.vocab, (40, 20))
    found = domains(example.program, example.vocab, 20)
    for node, values in found.items():
        assert set(np.unique(run(node, ids, check=False))) <= set(values.tolist())
    # Related values are combined as they occur: not every digit with every digit.
    assert domains(X - X, [1, 2, 3], 5)[X - X].tolist() == [0]
