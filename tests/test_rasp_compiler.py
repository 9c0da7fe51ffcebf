"""Compiled programs against the interpreter and against Python's integers."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.models import Cache
from algorism.symbolic import rasp
from algorism.symbolic.rasp import kqv, run, tokens, where
from algorism.symbolic.rasp.compiler import BOS_ID, compile, weights
from algorism.symbolic.rasp.compiler.steps import count_from_share, lookup, truncation
from algorism.symbolic.rasp.programs import (
    EOS,
    Addition,
    addition,
    conjunction,
    copy,
    count,
    mode,
    parity,
    sort,
    sort_repeats,
)
from algorism.tasks import HARD_SETS, hard

X = tokens()
PLACES = rasp.indices(X)
PREDICATES = [rasp.equals, rasp.differs, rasp.leq, rasp.lt, rasp.geq, rasp.gt, rasp.always]
# Vocabularies and lengths of a size at which a network is small.
EXAMPLES = {
    "count": (count(20), 26, 9),
    "copy": (copy(20), 24, 10),
    "sort": (sort(20), 24, 10),
    "sort-repeats": (sort_repeats(12), 24, 10),
    "mode": (mode(6), 20, 12),
    "and": (conjunction(), 20, 19),
    "parity": (parity(14), 36, 8),
    "addition-reverse": (addition("reverse", 4), 34, 4),
    "addition-forward": (addition("forward", 4), 34, 4),
}
COMPILED = {}


def compiled(name):
    if name not in COMPILED:
        example, longest, _ = EXAMPLES[name]
        COMPILED[name] = compile(example.program, example.vocab, longest)
    return COMPILED[name]


def inputs(name, number, rng):
    """Random tokens in any order, and as many prompts with their answers, filled up with random tokens."""
    example, longest, length = EXAMPLES[name]
    rows = rng.choice(example.vocab, (number, longest))
    for row in rows[::2]:
        prompts = example.reference.prompts(int(rng.integers(1, length + 1)), rng, 1)
        prompt = prompts[rng.integers(len(prompts))]
        text = [*prompt, *example.reference.answer(prompt)]
        row[: len(text)] = text
    return rows


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_network_equals_the_interpreter(name):
    """Ten thousand inputs over the nine programs."""
    rng = np.random.default_rng(7)
    for _ in range(4):
        assert compiled(name).difference(inputs(name, 278, rng)) < 1e-6


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_network_solves_the_task(name):
    example, _, length = EXAMPLES[name]
    rng = np.random.default_rng(8)
    for n in range(1, length + 1):
        for prompt in example.reference.prompts(n, rng, 2):
            answer = example.reference.answer(prompt)
            out = compiled(name).run([prompt + answer])[0]
            assert out[len(prompt) - 1 : -1].tolist() == answer


@pytest.mark.parametrize("order", ["reverse", "forward"])
def test_ten_digit_adder_on_carry_chains(order):
    """Greedy decoding by the network alone; every chain of nines with a carry into it, and all hard sets."""
    digits, task = 10, Addition(order, -60)
    network = compile(addition(order, digits).program, addition(order, digits).vocab, 70)
    pairs = [(10**10 - 1, 1), (10**10 - 1, 10**10 - 1), (0, 0), (9090909090, 909090909), (9090909090, 909090910)]
    for start in range(digits):
        for stop in range(start + 1, digits + 1):
            nines = (10 ** (stop - start) - 1) * 10**start
            pairs += [(nines, 10**start), (nines // 9 * 4, nines // 9 * 5 + 10**start)]
    for name in HARD_SETS:
        pairs += [problem.operands for problem in hard(name, 20, digits=digits, seed=5)]
    rows = np.array([task.prompt(a, b, digits) for a, b in pairs])
    cache = Cache(network.model.config, len(rows), dtype=torch.float64)
    ids = network.encode(rows)
    for _ in range(2 * digits + 3):
        ids = network.model(ids, cache)[:, -1:].argmax(-1)
        rows = np.column_stack([rows, np.array([0, *network.tokens])[ids.numpy()]])
    prompt = len(task.prompt(0, 0, digits))
    turn = -1 if order == "reverse" else 1
    for (a, b), row in zip(pairs, rows.tolist(), strict=True):
        answer = row[prompt:]
        assert answer[-1] == EOS
        assert int("".join(map(str, answer[1:-1:2]))[::turn]) == a + b
        assert answer[0:-1:2] == list(range(-70, -59))[::-turn]


def random_program(draw, depth):
    """A program from all core operations, tables of two arguments and means of many values included."""
    kind = draw(st.integers(0, 7)) if depth else draw(st.integers(0, 2))
    part = lambda: random_program(draw, depth - 1)  # noqa: E731
    predicate = st.sampled_from([*PREDICATES, lambda k, q: (k + q) % 3 == 0])
    match kind:
        case 0 | 1:
            return X
        case 2:
            return PLACES
        case 3:
            return where(part() > part(), part(), part() % 5)
        case 4:
            return draw(st.sampled_from([part() + 1, part() % 3, part() == part(), ~part(), part() & part()]))
        case 5:
            return rasp.sel_width(rasp.select(part(), part(), draw(predicate)))
        case 6:
            return rasp.seq_map(part() % 4, part() % 3, lambda a, b: a * b - 2)
    reduction = draw(st.sampled_from(["mean", "max", "min"]))
    return kqv(part(), part(), part(), draw(predicate), draw(st.integers(-2, 2)), reduction)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_program_compiles_to_itself(data):
    program = random_program(data.draw, data.draw(st.integers(1, 3)))
    try:
        network = compile(program, range(-2, 3), longest=7)
    except UsageError:
        return  # too large a table, which is said
    rows = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-2, 3, (20, 7))
    assert network.difference(rows) < 1e-6


@pytest.mark.parametrize(
    "program",
    [
        kqv(X, X, X * 7 - 20, rasp.leq, default=3),
        kqv(X, 2, X * 7 - 20, rasp.lt, default=-3),
        rasp.num_prev(X, X + 1),
        rasp.num_prev(X, 0),
        rasp.induct(X, X, 2, default=-1),
        rasp.lasts(X, 5, default=-1) - rasp.firsts(X, X),
        kqv(rasp.firsts(X, X), rasp.lasts(X, X) - 3, X, rasp.equals, default=99, reduction="max"),
        kqv(X, X, X, lambda k, q: (k * q) % 7 == 3, default=99, reduction="min"),
        rasp.sel_width(rasp.select(X, X, rasp.always)),
        where(X * 2 - 8, rasp.maximum(X), rasp.minimum(X) - 40),
        where(rasp.num_prev(X, 3), rasp.lasts(X, X), rasp.firsts(X, X) - 70),
        rasp.full(X, 3),
        rasp.mode(X),
        rasp.argmin(X),
    ],
    ids=str,
)
def test_parts_at_length_sixty(program):
    """Means of many values need 1/n, counts 1/n², squares of positions float64."""
    rng = np.random.default_rng(0)
    network = compile(program, range(12), longest=60)
    rows = rng.integers(0, 12, (30, 60))
    rows[:10] = rng.integers(4, 6, (10, 60))
    rows[10] = 0
    assert network.difference(rows) < 1e-6
    assert network.difference(rows[:, :1]) < 1e-6


def test_the_network_is_an_ordinary_one():
    network = compiled("sort-repeats")
    config = network.model.config
    assert (config.norm, config.positions, config.activation) == ("none", "learned", "relu")
    assert next(network.model.parameters()).dtype is torch.float64
    ids = network.encode([[-1, 3, -2]])
    assert ids[0, 0] == BOS_ID
    assert [network.tokens[i - 1] for i in ids[0, 1:].tolist()] == [-1, 3, -2]
    assert network.decode(network.model(ids)).tolist() == network.run([[-1, 3, -2]]).tolist() == [[EOS, 3, 3]]
    # One head and one layer do what one head is needed for.
    sorter = compiled("sort").model.config
    assert (sorter.layers, sorter.heads) == (1, 1)
    assert compiled("addition-reverse").model.config.width < 100


def test_sharp_attention_is_needed():
    """The same weights, less sharp, are wrong: the test can fail."""
    network = compile(EXAMPLES["sort"][0].program, EXAMPLES["sort"][0].vocab, 24)
    rows = inputs("sort", 50, np.random.default_rng(0))
    assert network.difference(rows) < 1e-6
    block = network.model.blocks[0].attention
    block.qkv.weight[: network.model.config.width] /= 1000
    block.qkv.bias[: network.model.config.width] /= 1000
    assert network.difference(rows) > 0.1


def evaluate(first, steps, z):
    return first + sum(step.at(z) for step in steps)


def test_steps_truncate_every_mean():
    steps = truncation([-3, 4], longest=12)
    for n in range(1, 13):
        for total in range(-3 * n, 4 * n + 1):
            for error in (-1e-9, 1e-9):
                assert evaluate(*steps, total / n + error) == pytest.approx(math.trunc(Fraction(total, n)), abs=1e-12)


def test_steps_count():
    steps = count_from_share(40)
    for n in range(41):
        assert evaluate(*steps, -1 / (1 + n) + 1e-9) == pytest.approx(n, abs=1e-12)


@given(st.dictionaries(st.integers(-30, 30), st.integers(-9, 9), min_size=1))
def test_steps_look_up_and_forget_small_errors(table):
    keys = np.array(sorted(table))
    steps = lookup(keys, np.array([table[k] for k in keys.tolist()]))
    for key, value in table.items():
        for error in (-0.2, 0, 0.2):
            assert evaluate(*steps, key + error) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: compile(rasp.seq_map(X, rasp.maximum(X), lambda a, b: a ^ b), range(100), 9), UsageError, "10000"),
        (lambda: compiled("sort").run([[40]]), DataError, "token 40 is not in the vocabulary"),
        (lambda: compiled("sort").run([[1] * 25]), ShapeError, "t up to 24"),
        (lambda: compiled("sort").run([1, 2]), ShapeError, r"got shape \(2,\)"),
        (lambda: compile(rasp.tok_map(X, lambda v: 6 // v), range(3), 4), UsageError, "fails on values"),
    ],
)
def test_errors_say_what_to_do(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_a_network_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "MOST_WEIGHTS", 10_000)
    with pytest.raises(UsageError, match=r"2 blocks of width .* weights; 10,000 are the most"):
        compile(kqv(X, X, X, rasp.gt), range(20), 10)


def test_values_outside_the_vocabulary_can_be_given_but_not_taken():
    network = compile(X + 10, range(3), longest=4)
    assert network.run([[0, 2, 1]]).tolist() == run(X + 10, [[0, 2, 1]]).tolist()
    with pytest.raises(DataError, match="token 12"):
        network.run([[12]])
