"""Addition along the carries equals the rule base, and by it the definitions; long sums equal Python's integers."""

import importlib.util
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.symbolic.possibilistic import (
    AdditionChain,
    RuleInference,
    addition_rules,
    normalise,
    read_rules,
)
from algorism.symbolic.possibilistic.addition_chain import parallel
from algorism.symbolic.sums import digits_of_sum, from_digits, to_digits

_spec = importlib.util.spec_from_file_location(
    "_possibilistic_definitions", Path(__file__).with_name("_possibilistic_definitions.py")
)
definition = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(definition)


def digits(problems: int, places: int, base: int, seed: int, levels: int) -> torch.Tensor:
    """Distributions of few different degrees, so that ties are frequent."""
    generator = torch.Generator().manual_seed(seed)
    return normalise(torch.randint(0, levels, (problems, places, base), generator=generator).double() / (levels - 1))


def with_doubts(inference: RuleInference, share: float, seed: int) -> RuleInference:
    generator = torch.Generator().manual_seed(seed)
    for part in inference.parts:
        n = len(part.s_n)
        drawn = [
            torch.rand(n, generator=generator).double() * (torch.rand(n, generator=generator) < share) for _ in "sr"
        ]
        part.set_parameters(*drawn)
    return inference


def named(a_bjv: torch.Tensor, b_bjv: torch.Tensor) -> dict[str, torch.Tensor]:
    places = range(a_bjv.shape[1])
    return {f"a{j + 1}": a_bjv[:, j] for j in places} | {f"b{j + 1}": b_bjv[:, j] for j in places}


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([(1, 10), (2, 10), (3, 2), (5, 3)]),
    st.integers(0, 10**6),
    st.sampled_from([3, 10**6]),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_chain_equals_the_rule_base_to_the_bit(size, seed, levels, share):
    places, base = size
    a, b = (digits(8, places, base, seed + i, levels) for i in range(2))
    inference = with_doubts(RuleInference(addition_rules(places, base)), share, seed)
    wanted, found = inference(named(a, b)), AdditionChain(inference)(a, b)
    assert torch.equal(found.lead_bc, wanted["sum0"])
    for j in range(places):
        assert torch.equal(found.digits_bjv[:, j], wanted[f"sum{j + 1}"])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_rules_that_copy_a_value(seed, size):
    """`parallel` against the definition with loops."""
    generator = torch.Generator().manual_seed(seed)
    pi = normalise(torch.randint(0, 4, (size,), generator=generator).double() / 3)
    s, r = (torch.randint(0, 3, (size,), generator=generator).double() / 4 for _ in "sr")
    rules = "\n".join(f"  - if x is {{{v}}} then y is {{{v}}}" for v in range(size))
    base = read_rules(f"attributes: {{x: 0..{size - 1}, y: 0..{size - 1}}}\nrules:\n{rules}")
    wanted = definition.infer(base["y"], {"x": pi.tolist()}, s.tolist(), r.tolist())
    assert parallel(pi[None], s, r)[0].tolist() == wanted


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200), st.integers(2, 16), st.integers(0, 10**6))
def test_sums_of_certain_digits_are_pythons(places, base, seed):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, base, (3, 2, places), generator=generator)
    one_hot = torch.nn.functional.one_hot(rows, base).float()
    found, undecided = AdditionChain()(one_hot[:, 0], one_hot[:, 1]).decide()
    wanted = [sum(from_digits(pair, base)) for pair in rows]
    assert from_digits(found, base) == wanted
    assert not undecided.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10**6))
def test_without_doubts_the_answer_is_the_sum_of_the_likeliest_digits(places, seed):
    """Claim 2 of the brief: with r = s = 0 and no ties the cascade adds the argmax digits."""
    a, b = (digits(5, places, 10, seed + i, 10**6) for i in range(2))
    found, undecided = AdditionChain()(a, b).decide()
    wanted = digits_of_sum(torch.stack((a.argmax(-1), b.argmax(-1)), 1))
    assert torch.equal(found[~undecided], wanted[~undecided])


def test_a_long_carry_runs_through():
    places = 5000
    one_hot = torch.eye(10)[to_digits([10**places - 1, 1], places)]
    found, _ = AdditionChain()(one_hot[:1], one_hot[1:]).decide()
    assert from_digits(found) == [10**places]


def test_ties_are_undecided():
    a = torch.eye(10)[torch.tensor([[3]])]
    b = a.clone()
    b[0, 0, 4] = 1.0
    found = AdditionChain()(a, b)
    assert found.decide()[1].tolist() == [True]
    assert found.digits_bjv[0, 0].nonzero().flatten().tolist() == [6, 7]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: AdditionChain()(x, x[:, :1]), ShapeError, "one shape"),
        (lambda x: AdditionChain()(x[0], x[0]), ShapeError, "one shape"),
        (lambda x: AdditionChain()(x[:, :0], x[:, :0]), ShapeError, "one shape"),
        (lambda x: AdditionChain()(x / 2, x), DataError, "digits of a is not normalised"),
        (lambda x: AdditionChain()(x, x * torch.nan), DataError, "digits of b holds NaN"),
        (
            lambda x: AdditionChain(with_doubts(RuleInference(addition_rules(3)), 1.0, 0))(x, x),
            ShapeError,
            "learned for 3 places",
        ),
        (
            lambda x: AdditionChain(
                RuleInference(read_rules("attributes: {x: 0..1, y: 0..1}\nrules: ['iff x is 1 then y is 1']"))
            ),
            UsageError,
            "addition_rules",
        ),
    ],
)
def test_what_cannot_be_added_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(torch.eye(10)[torch.tensor([[1, 2]])])
