"""Problems on lists: the columnar rules against their definitions on Python lists, drawing, splits, hints."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.tasks.sequences import HINTS, RULES, SEQUENCE_TASKS, Lists, Sequences, SequenceTask
from algorism.tasks.sequences.lists import packed
from algorism.tasks.sequences.task import sequence_task

WAYS = [(name, way) for name, t in SEQUENCE_TASKS.items() for way in ("uniform", "one-length", *RULES[t.rule].hard)]
lists = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=8)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_answers_follow_the_definition_for_every_way_of_drawing(name: str, way: str):
    asked = sequence_task(name, length=(2, 12), sampler=way)
    problems = asked.sample(300, seed=(1, 2))
    exact = RULES[asked.rule].exact
    for problem in (problems[i] for i in range(len(problems))):
        assert list(problem.answer) == exact(list(problem.question), list(problem.argument), asked.symbols)
    assert 2 <= problems.size_n.min() <= problems.size_n.max() <= 12
    assert len(set(problems.size_n.tolist())) == (1 if way == "one-length" else 11)


@given(lists)
def test_rules_without_restrictions_hold_for_any_list(rows: list[list[int]]):
    question = Lists.of(rows)
    empty = Lists.nothing(len(rows))
    for name in ("copy", "reverse", "sort", "increment"):
        rule = RULES[name]
        assert rule.columns(question, empty, 10).to_lists() == [rule.exact(row, [], 10) for row in rows]
    bits = Lists.of([[s % 2 for s in row] for row in rows])
    for name in ("parity", "and"):
        assert RULES[name].columns(bits, empty, 2).to_lists() == [
            RULES[name].exact(row, [], 2) for row in bits.to_lists()
        ]


@given(st.integers(0, 10**15), st.integers(2, 16))
def test_increment_is_integer_addition_in_any_base(number: int, base: int):
    digits = []
    while number or not digits:
        digits.insert(0, number % base)
        number //= base
    answer = RULES["increment"].columns(Lists.of([digits]), Lists.nothing(1), base).to_lists()[0]
    value = sum(d * base**k for k, d in enumerate(reversed(digits)))
    assert sum(d * base**k for k, d in enumerate(reversed(answer))) == value + 1


def test_properties_of_the_draws():
    for name in ("copy-distinct", "reverse-distinct", "sort-distinct"):
        rows = sequence_task(name, length=(9, 9), values=12).sample(200, seed=3).question.to_lists()
        assert all(len(set(row)) == 9 for row in rows)
        assert len({row[0] for row in rows}) == 12  # every symbol may come first
    rows = sequence_task("mode", length=(2, 15), values=5).sample(300, seed=3).question.to_lists()
    assert all(
        sorted(row.count(s) for s in set(row))[-2:].count(max(row.count(s) for s in set(row))) == 1 for row in rows
    )
    ands = sequence_task("and", length=(5, 5)).sample(2000, seed=3).answer.symbols_nt[:, 0]
    assert 0.45 < ands.mean() < 0.55
    late = sequence_task("and", length=(4, 9), sampler="late ones").sample(500, seed=3)
    rows = late.question.to_lists()
    assert all(set(row[-5:]) == {1} for row in rows)
    assert {row.index(0) for row in rows if 0 in row} == {0, 1, 2, 3}
    late = sequence_task("and", length=(9, 9), sampler="late zeros").sample(500, seed=3)
    rows = late.question.to_lists()
    assert all(set(row[:4]) == {1} for row in rows)
    assert {row[-5:].count(0) for row in rows} == {0, 1, 2, 3, 4, 5}
    assert 0.4 < late.answer.symbols_nt[:, 0].mean() < 0.6
    nines = sequence_task("increment", length=(10, 10)).sample(3000, seed=3).question.to_lists()
    runs = [len(row) - len("".join(map(str, row)).rstrip("9")) for row in nines]
    assert np.bincount(runs, minlength=11).min() > 150  # 273 expected of each length
    close = sequence_task("mode", length=(11, 11), sampler="close race").sample(50, seed=3).question.to_lists()
    assert all(sorted(row.count(s) for s in set(row)) == [5, 6] for row in close)


def test_a_seed_gives_the_same_problems_and_excluded_ones_never_come():
    asked = sequence_task("sort", length=(2, 4), values=5)
    assert np.array_equal(
        asked.sample(50, seed=(4, 1)).question.symbols_nt, asked.sample(50, seed=(4, 1)).question.symbols_nt
    )
    banned = asked.sample(300, seed=9)
    fresh = asked.sample(500, seed=10, exclude=banned.keys())
    seen = {tuple(row) for row in banned.question.to_lists()}
    assert not seen & {tuple(row) for row in fresh.question.to_lists()}
    train, test = asked.split(400, 100, seed=0)
    assert not {tuple(r) for r in train.question.to_lists()} & {tuple(r) for r in test.question.to_lists()}
    assert len({tuple(r) for r in test.question.to_lists()}) == 100
    with pytest.raises(DataError, match="smaller test set"):
        sequence_task("parity", length=3).split(0, 50)
    with pytest.raises(DataError, match="excluded"):
        sequence_task("parity", length=1).sample(5, seed=0, exclude=sequence_task("parity", length=1).sample(50).keys())
    short = sequence_task("parity", length=6, sampler="one-length")
    held_out = short.split(0, 40, seed=2)[1].keys()  # of 126 lists
    lengths = {int(short.sample(5, seed=s, exclude=held_out).size_n[0]) for s in range(60)}
    assert lengths >= {2, 3, 4, 5, 6}


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=2, max_size=30))
def test_keys_are_equal_exactly_where_problems_are(rows: list[list[int]]):
    n = len(rows)
    q = Lists.of(rows)
    problems = Sequences("copy", q, Lists.nothing(n), q, ("copy",), np.zeros(n, np.int8), q.length_n)
    keys = problems.keys().tolist()
    assert len(set(keys)) == len({tuple(row) for row in rows})
    assert problems[1:].keys().tolist() == keys[1:]


@pytest.mark.parametrize("hint", HINTS)
def test_hints_follow_their_definition(hint: str):
    for rule in HINTS[hint].rules:
        asked = sequence_task(rule, length=(2, 9), hints={hint: 0.6})
        problems = asked.sample(500, seed=5, hints=asked.hints)
        rows = [problems[i] for i in range(500)]
        hinted = [row for row in rows if row.asked == hint]
        assert 200 < len(hinted) < 360
        assert all(list(r.answer) == HINTS[hint].exact(list(r.question), list(r.argument)) for r in hinted)
        plain = asked.sample(500, seed=5)  # the questions are the same, with hints or without
        assert plain.question.to_lists() == problems.question.to_lists()
        assert all(r.asked == rule for r in rows if r not in hinted)


def test_impossible_tasks_are_refused_with_what_to_do():
    for changes, said in [
        ({"length": 60}, "Raise task.values"),
        ({"length": (5, 2)}, "shortest <= longest"),
        ({"sampler": "unifrom"}, "uniform"),
        ({"hints": {"nines": 0.5}}, "not for 'sort-distinct'"),
        ({"hints": {"sucessor": 0.5}}, "successor"),
        ({"hints": {"successor": 1.0}}, "sum below 1"),
        ({"values": 1}, "2 to 16383"),
    ]:
        with pytest.raises(UsageError, match=said):
            dataclasses.replace(SEQUENCE_TASKS["sort-distinct"], **changes)
    with pytest.raises(UsageError, match="sort"):
        sequence_task("sotr")
    with pytest.raises(UsageError, match=r"Raise task\.values"):
        list(SequenceTask("count", values=30).at_length(31, 5))
    with pytest.raises(ShapeError, match="whole numbers from 0"):
        Lists.of([[-1]])


def test_kinds_of_questions_at_a_length():
    kinds = dict(SequenceTask("sort", length=(2, 5)).at_length(20, 30, seed=1))
    assert list(kinds) == ["random", "few symbols", "pairs"]
    assert all((p.size_n == 20).all() for p in kinds.values())
    assert all(len(set(row)) <= 10 for row in kinds["few symbols"].question.to_lists())
    assert all(row.count(s) == 2 for row in kinds["pairs"].question.to_lists() for s in row)


def test_packing_a_table():
    rng = np.random.default_rng(0)
    table_nt, keep_nt = rng.integers(0, 9, (20, 7)), rng.random((20, 7)) < 0.5
    assert packed(table_nt, keep_nt).to_lists() == [row[k].tolist() for row, k in zip(table_nt, keep_nt)]
