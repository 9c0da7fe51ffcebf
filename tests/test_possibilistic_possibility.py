"""Possibility distributions against their closed forms, written here with loops and sets."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import AlgorismError
from algorism.symbolic.possibilistic import possibility as po

WEIGHTS = st.lists(st.sampled_from([0, 1, 1, 2, 3, 5, 8, 13, 1000]), min_size=1, max_size=8).filter(sum)


def probabilities(weights):
    return torch.tensor([w / sum(weights) for w in weights], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "expected"), [("antipignistic", [1, 0.5, 0.3]), ("minimum-specificity", [1, 0.3, 0.1])]
)
def test_worked_examples(name, expected):
    p = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]], dtype=torch.float64)
    pi = po.TRANSFORMS[name](p)
    assert torch.allclose(pi[0], torch.tensor(expected, dtype=torch.float64))
    assert torch.equal(pi[1], pi[0][[2, 0, 1]])


@settings(deadline=None, max_examples=150)
@given(WEIGHTS)
def test_transforms_are_their_closed_forms(weights):
    p = probabilities(weights)
    first = [sum(min(a, b) for b in p.tolist()) for a in p.tolist()]
    second = [sum(b for b in p.tolist() if b <= a) for a in p.tolist()]
    assert po.antipignistic(p).tolist() == pytest.approx(first)
    assert po.minimum_specificity(p).tolist() == pytest.approx(second)


@settings(deadline=None, max_examples=150)
@given(WEIGHTS, st.sampled_from(sorted(po.TRANSFORMS)))
def test_transforms_are_normalised_ordered_and_inverted(weights, name):
    p = probabilities(weights)
    pi = po.TRANSFORMS[name](p)
    assert pi.max() == 1
    assert torch.equal(p[:, None] < p, pi[:, None] < pi)  # order kept, ties kept
    assert torch.allclose(po.INVERSES[name](pi), p, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(WEIGHTS)
def test_the_second_transform_is_the_more_specific(weights):
    p = probabilities(weights)
    assert (po.minimum_specificity(p) <= po.antipignistic(p) + 1e-12).all()


def test_pignistic_accepts_what_no_specific_transform_makes():
    pi = torch.tensor([1.0, 0.9], dtype=torch.float64)
    assert torch.allclose(po.antipignistic(po.pignistic(pi)), pi)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=6), st.data())
def test_measures_of_events(tenths, data):
    pi = po.normalise(torch.tensor(tenths, dtype=torch.float64) / 10)
    event = data.draw(st.lists(st.booleans(), min_size=len(tenths), max_size=len(tenths)))
    inside = max((d for d, e in zip(pi.tolist(), event) if e), default=0)
    outside = max((d for d, e in zip(pi.tolist(), event) if not e), default=0)
    mask = torch.tensor(event)
    assert po.possibility_of(pi, mask) == inside
    assert po.necessity_of(pi, mask) == 1 - outside
    assert max(inside, outside) == 1
    both = po.possibility_of(pi[None], torch.stack([mask, ~mask]))
    assert both.tolist() == [[inside, outside]]


def test_normalise_keeps_the_order_and_turns_nothing_into_ignorance():
    pi = torch.tensor([[0.2, 0.8, 0.8], [0.0, 0.0, 0.0]])
    assert po.normalise(pi).tolist() == [[pytest.approx(0.2), 1, 1], [1, 1, 1]]


def test_gradients_and_dtypes_pass():
    for dtype in (torch.float32, torch.float64):
        z = torch.randn(4, 5, dtype=dtype, generator=torch.Generator().manual_seed(0)).requires_grad_()
        pi = po.minimum_specificity(z.softmax(-1))
        pi.sum().backward()
        assert pi.dtype == dtype
        assert z.grad.isfinite().all()
        assert z.grad.abs().sum() > 0
    z = torch.randn(3, 4, dtype=torch.float64).softmax(-1).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: po.antipignistic(z / z.sum(-1, keepdim=True)), z)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: po.check_possibility(torch.tensor([0.5, 0.9])), "not normalised: .* got 0.9 in row 0"),
        (lambda: po.check_possibility(torch.tensor([[1.0], [0.2]])), "got 0.2 in row 1"),
        (lambda: po.check_possibility(torch.tensor([NAN, 1])), "NaN or infinity, first in row 0"),
        (lambda: po.check_possibility(torch.tensor([[1.0, 0], [INF, 1]])), "NaN or infinity, first in row 1"),
        (lambda: po.check_possibility(torch.tensor([-0.1, 1])), r"must lie in \[0, 1\], got values from -0.1 to 1"),
        (lambda: po.check_possibility(torch.tensor([3.0, 1])), "Are these logits"),
        (lambda: po.check_possibility(torch.tensor([1, 0])), "floating point, got torch.int64"),
        (lambda: po.check_possibility(torch.tensor(1.0)), r"at least one value .* got shape \(\)"),
        (lambda: po.check_possibility(torch.zeros(3, 0)), r"at least one value .* got shape \(3, 0\)"),
        (lambda: po.antipignistic(torch.tensor([0.5, 0.4])), "must sum to 1, got 0.9 in row 0"),
        (lambda: po.minimum_specificity(torch.tensor([NAN, 0.4])), "NaN or infinity"),
        (lambda: po.pignistic(torch.tensor([0.5, 0.4])), "not normalised"),
        (lambda: po.from_minimum_specificity(torch.tensor([1, 0.9])), "Use pignistic"),
        (lambda: po.possibility_of(torch.ones(3), torch.ones(2, dtype=torch.bool)), r"over 3 values .* got \(2,\)"),
        (lambda: po.possibility_of(torch.ones(3), torch.ones(3)), "boolean tensor .* got torch.float32"),
        (lambda: po.necessity_of(torch.ones(3), torch.ones(3)), "boolean tensor .* got torch.float32"),
    ],
)
def test_bad_distributions(call, message):
    with pytest.raises(AlgorismError, match=message):
        call()
