"""Integer-only layers: against a reference in plain Python integers and fractions."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.dyadic import dyadic, rescale
from algorism.lowbit.integer_models import integer_network
from algorism.lowbit.spec import QuantSpec


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.floats(1e-25, 2e9))
@settings(max_examples=200, deadline=None)
def test_dyadic_numbers_are_near(factor):
    m, e = dyadic(factor)
    assert 0 <= m <= 2**31
    assert 0 <= e <= 62
    assert abs(Fraction(m, 2**e) - Fraction(factor)) <= max(Fraction(factor) / 2**31, Fraction(1, 2**63))


@given(
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=20),
    st.one_of(st.integers(1, 2**31), st.sampled_from([1, 2, 2**30, 2**31])),
    st.integers(0, 62),
)
@settings(max_examples=200, deadline=None)
def test_rescaling_is_the_exact_fraction_rounded(values, m, e):
    acc = torch.tensor(values)
    exact = [Fraction(value * m, 2**e) for value in values]
    up = rescale(acc, torch.tensor(m), torch.tensor(e)).tolist()
    even = rescale(acc, torch.tensor(m), torch.tensor(e), "half-even").tolist()
    assert up == [math.floor(x + Fraction(1, 2)) for x in exact]
    assert even == [round(x) for x in exact]  # Python rounds halves to even


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, 2.0**31])
def test_factors_without_a_dyadic_number_are_refused(bad):
    with pytest.raises(DataError, match="above 0 and below"):
        dyadic(bad)


def network(seed=0, sizes=(5, 7, 4, 3)):
    torch.manual_seed(seed)
    parts = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def reference(net, q_row):
    """One input through the whole network, with Python's integers and nothing else."""
    for layer in net.layers:
        weight, w_zero = layer.weight.q.tolist(), layer.weight.zero_point_og.tolist()
        x_zero, y_zero = int(layer.input.zero_point), int(layer.output.zero_point)
        out = []
        for o, row in enumerate(weight):
            zero = w_zero[o if len(w_zero) > 1 else 0][0]
            acc = sum((w - zero) * (x - x_zero) for w, x in zip(row, q_row, strict=True)) + int(layer.bias_o[o])
            assert abs(acc) < 2**31
            m, e = int(layer.m_o[o]), int(layer.e_o[o])
            y = (2 * acc * m + 2**e) // 2 ** (e + 1) + y_zero
            low = max(layer.output.spec.qmin, y_zero) if layer.relu else layer.output.spec.qmin
            out.append(min(max(y, low), layer.output.spec.qmax))
        q_row = out
    return q_row


@pytest.mark.parametrize(
    ("weights", "activations"),
    [
        (QuantSpec(granularity="channel"), QuantSpec(symmetric=False)),
        (QuantSpec(symmetric=False), QuantSpec(symmetric=False, signed=False, bits=5)),
    ],
)
def test_ten_thousand_inputs_equal_the_reference(weights, activations):
    net = integer_network(network(), [random(500, 5)], weights, activations)
    x = random(5000, 5, seed=1) * 1.5  # some beyond the calibrated range
    q = net.layers[0].input.quantize(x).tolist()
    assert net.integers(x).tolist() == [reference(net, row) for row in q]


def test_float_factors_differ_by_one_unit_at_most():
    """Claim 5 of the brief: simulated and dyadic rescaling agree, or are neighbours on the grid."""
    net = integer_network(network(), [random(500, 5)], QuantSpec(granularity="channel"), QuantSpec(symmetric=False))
    layer = net.layers[0]
    q = layer.input.quantize(random(20_000, 5, seed=2))
    x = layer.input.dequantize(q).double()
    step = (layer.weight.scale_og.double() * layer.input.scale.double())[:, 0]
    y = x @ layer.weight.dequantize(torch.float64).T + layer.bias_o * step
    low = int(layer.output.zero_point)
    simulated = (torch.round(y / layer.output.scale.double()) + low).clamp(low, 127)
    difference = (simulated - layer(q)).abs()
    assert difference.max() <= 1
    assert (difference > 0).double().mean() < 1e-3


def test_eight_bits_stay_near_the_float_network():
    model = network()
    net = integer_network(model, [random(2000, 5)], QuantSpec(granularity="channel"), QuantSpec(symmetric=False))
    x = random(2000, 5)
    y = model(x).detach()
    assert (net(x) - y).square().mean() < 1e-3 * y.var()


def test_what_integer_layers_cannot_do_is_refused():
    model, batches = network(), [random(10, 5)]
    weights, activations = QuantSpec(), QuantSpec(symmetric=False)
    with pytest.raises(UsageError, match="got Tanh"):
        integer_network(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), batches, weights, activations)
    with pytest.raises(UsageError, match="no linear layer"):
        integer_network(nn.Sequential(), batches, weights, activations)
    with pytest.raises(UsageError, match="one static scale"):
        integer_network(model, batches, weights, QuantSpec(dynamic=True))
    with pytest.raises(UsageError, match="per tensor or channel"):
        integer_network(model, batches, QuantSpec(granularity="group", group_size=2), activations)
    with pytest.raises(UsageError, match="may leave 32 bits"):
        integer_network(model, batches, QuantSpec(bits=16), QuantSpec(bits=16))
    with pytest.raises(DataError, match="no batch"):
        integer_network(model, [], weights, activations)
    with pytest.raises(DataError, match="NaN"):
        integer_network(model, [random(3, 5) * math.nan], weights, activations)
    net = integer_network(model, batches, weights, activations)
    with pytest.raises(ShapeError, match="4 inputs; expected 5"):
        net(random(3, 4))
    with torch.no_grad():
        model[0].bias.fill_(1e30)
    with pytest.raises(DataError):
        integer_network(model, batches, weights, activations)
