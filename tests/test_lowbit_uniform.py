"""Uniform quantizers: against torch's own, against plain Python, and against every kind of bad input."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.layout import as_rows, from_rows
from algorism.lowbit.quantizer import fake_quantize, grid_for, quantize
from algorism.lowbit.spec import GRANULARITIES, RANGE_METHODS, QuantSpec
from algorism.lowbit.uniform import Quantized, grid_of_range, quantize_on, to_integers


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_per_tensor_equals_torch_bit_by_bit(signed, seed):
    x = random(70_001, seed=seed) * 10 ** (seed - 2)
    x[:3] = torch.tensor([0.0, 40.0, -40.0]) * 10 ** (seed - 2)  # clipped on purpose, below
    spec = QuantSpec(symmetric=False, signed=signed, rounding="torch")
    scale, zero = grid_for(x[3:], spec)
    x[1000:40_000] = (torch.arange(39_000) % 200 - 100.5) * scale.item()  # as good as on a tie
    ours = quantize_on(x, scale, zero, spec)
    theirs = torch.quantize_per_tensor(x, scale.item(), zero.item(), torch.qint8 if signed else torch.quint8)
    assert torch.equal(ours.q, theirs.int_repr())
    assert torch.equal(ours.dequantize(), theirs.dequantize())
    assert torch.equal(ours.survey_zero_point_og, -zero)


@pytest.mark.parametrize("axis", [0, 1])
def test_per_channel_equals_torch_bit_by_bit(axis):
    x = random(24, 16, 3, 3) * random(24, 1, 1, 1, seed=1).exp()
    spec = QuantSpec(symmetric=False, granularity="channel", axis=axis, rounding="torch")
    x[2, 3] = (torch.arange(9.0).reshape(3, 3) - 4.5) * quantize(x, spec).scale_og[2 + axis, 0]  # ties
    ours = quantize(x, spec)
    scale, zero = ours.scale_og[:, 0], ours.zero_point_og[:, 0]
    theirs = torch.quantize_per_channel(x, scale, zero, axis, torch.qint8)
    assert torch.equal(ours.q, theirs.int_repr())
    assert torch.equal(ours.dequantize(), theirs.dequantize())


def test_the_two_orders_of_rounding_differ_on_ties_only():
    """torch.fake_quantize rounds before it adds the zero point, torch.quantize_per_tensor after: both are named."""
    x = torch.arange(-20, 20) + 0.5
    survey = QuantSpec(symmetric=False, signed=False)
    scale, zero = torch.ones(1, 1), torch.full((1, 1), 33, dtype=torch.int32)
    ours = quantize_on(x, scale, zero, survey)
    assert torch.equal(ours.dequantize(), torch.fake_quantize_per_tensor_affine(x, 1.0, 33, 0, 255))
    other = quantize_on(x, scale, zero, QuantSpec(symmetric=False, signed=False, rounding="torch"))
    assert torch.equal(other.q, torch.quantize_per_tensor(x, 1.0, 33, torch.quint8).int_repr())
    assert not torch.equal(ours.q, other.q)


@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize("restricted", [True, False])
def test_every_width_equals_torch_fake_quantize(bits, restricted):
    x = random(5000, seed=bits)
    spec = QuantSpec(bits=bits, restricted=restricted)
    scale, _ = grid_for(x, spec)
    theirs = torch.fake_quantize_per_tensor_affine(x, scale.item(), 0, spec.qmin, spec.qmax)
    assert torch.equal(fake_quantize(x, spec), theirs)


def test_ties_go_to_even_and_far_values_are_clamped():
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30])
    one = torch.ones(1, 1)
    assert quantize_on(x, one, one.int() * 0, QuantSpec()).q.tolist() == [0, 2, 2, 0, -2, 127, -127]


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_scales_are_the_surveys(bits):
    x = torch.tensor([-3.0, 1.0])
    assert quantize(x, QuantSpec(bits=bits)).scale_og.item() == pytest.approx(3 / (2 ** (bits - 1) - 1), rel=1e-7)
    full = quantize(x, QuantSpec(bits=bits, restricted=False)).scale_og.item()
    assert full == pytest.approx(6 / (2**bits - 1), rel=1e-7)
    lopsided = quantize(x, QuantSpec(bits=bits, symmetric=False)).scale_og.item()
    assert lopsided == pytest.approx(4 / (2**bits - 1), rel=1e-7)


def test_levels_of_one_and_two_bits():
    x = torch.tensor([-4.0, -1.0, 0.0, 1.0, 4.0])
    assert fake_quantize(x, QuantSpec(bits=1)).tolist() == [-4, -4, 4, 4, 4]  # no zero
    assert fake_quantize(x, QuantSpec(bits=2)).tolist() == [-4, 0, 0, 0, 4]


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30),
    st.integers(1, 16),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_integers_stay_on_the_grid_and_zero_is_exact(values, bits, symmetric, signed):
    spec = QuantSpec(bits=bits, symmetric=symmetric, signed=signed)
    x = torch.tensor([*values, 0.0])
    result = quantize(x, spec)
    q = result.q.long()
    assert int(q.min()) >= spec.qmin
    assert int(q.max()) <= spec.qmax
    assert spec.qmin <= int(result.zero_point_og) <= spec.qmax
    if not spec.binary:
        assert result.dequantize()[-1] == 0
        step = float(result.scale_og)
        inside = x.clamp(min=0) if symmetric and not signed else x
        full = symmetric and signed and not spec.restricted
        # Half a step, as rounding allows; the zero point is rounded as well, which may move an end by half a step more.
        bound = step * (0.5 if symmetric and not full else 1.0) + 1e-5 * float(x.abs().max())
        assert float((result.dequantize() - inside).abs().max()) <= bound


@given(st.integers(1, 5), st.integers(1, 23), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_groups_are_quantized_each_by_itself(channels, width, size):
    """The last, shorter group included: nothing is dropped, nothing is padded into a range."""
    x = random(channels, width, seed=width)
    spec = QuantSpec(bits=3, symmetric=False, granularity="group", group_size=size)
    result = quantize(x, spec)
    for channel in range(channels):
        for g, start in enumerate(range(0, width, size)):
            alone = quantize(x[channel, start : start + size], QuantSpec(bits=3, symmetric=False))
            assert torch.equal(result.q[channel, start : start + size], alone.q)
            assert result.scale_og[channel, g] == alone.scale_og.item()
    assert result.scale_og.shape == (channels, math.ceil(width / size))


def test_conv_weights_are_grouped_along_the_axis():
    x = random(4, 6, 3, 3)
    spec = QuantSpec(granularity="group", group_size=27, axis=1)
    rows = as_rows(x, spec)
    assert rows.shape == (6, 36)
    assert torch.equal(rows[2], x[:, 2].reshape(-1))
    assert torch.equal(from_rows(rows, x.shape, spec), x)
    assert quantize(x, spec).scale_og.shape == (6, 2)


def test_tokens_do_not_see_each_other():
    spec = QuantSpec(granularity="token", dynamic=True)
    x = random(2, 5, 8)
    alone = quantize(x[1, 3], spec)
    assert torch.equal(quantize(x, spec).q[1, 3], alone.q)


def test_error_falls_with_finer_granularity():
    """Claim 3 of the brief: channel beats tensor, groups beat channels, at every width up to 4."""
    w = random(64, 128) * random(64, 1, seed=3).exp() * random(1, 128, seed=4).exp()
    for bits in (2, 3, 4):
        errors = [
            (fake_quantize(w, QuantSpec(bits=bits, granularity=name, group_size=size)) - w).square().mean().item()
            for name, size in (("tensor", None), ("channel", None), ("group", 32))
        ]
        assert errors[0] > errors[1] > errors[2]


def test_stochastic_rounding_is_unbiased_and_seeded():
    x = torch.full((200_000,), 0.3)
    x[0] = 1.0
    spec = QuantSpec(bits=2, rounding="stochastic")
    first = fake_quantize(x, spec, seed=5)
    assert torch.equal(first, fake_quantize(x, spec, seed=5))
    assert not torch.equal(first, fake_quantize(x, spec, seed=6))
    # Five standard errors of a coin that shows 1 with probability 0.3.
    assert abs(first[1:].mean().item() - 0.3) < 5 * math.sqrt(0.21 / 200_000)
    state = torch.get_rng_state()
    fake_quantize(x, spec, seed=5)
    assert torch.equal(state, torch.get_rng_state())


def test_narrow_types_are_computed_in_float32():
    x = random(1000).bfloat16()
    assert torch.equal(quantize(x, QuantSpec()).q, quantize(x.float(), QuantSpec()).q)
    assert fake_quantize(x, QuantSpec()).dtype is torch.bfloat16


@pytest.mark.parametrize("value", [0.0, 7.0, -0.25, 1e-30, 3e38])
@pytest.mark.parametrize("symmetric", [True, False])
def test_constant_channels_survive(value, symmetric):
    x = torch.stack((torch.full((8,), value), torch.arange(8.0)))
    result = quantize(x, QuantSpec(symmetric=symmetric, granularity="channel"))
    assert torch.isfinite(result.dequantize()).all()
    assert torch.allclose(result.dequantize()[0], x[0], rtol=0.01, atol=0)


def test_a_grid_over_all_of_float32_does_not_overflow():
    low, high = torch.tensor([-3e38]), torch.tensor([3e38])
    scale, _ = grid_of_range(low, high, QuantSpec(symmetric=False))
    assert float(scale) == pytest.approx(float(Fraction(6) / 255 * Fraction(10) ** 38), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused_with_their_number(bad):
    x = torch.ones(10)
    x[3:5] = bad
    with pytest.raises(DataError, match="2 of 10 values that are NaN or infinite"):
        quantize(x, QuantSpec())


def test_nothing_and_wrong_axes_are_refused():
    with pytest.raises(DataError, match="empty"):
        quantize(torch.ones(0, 3), QuantSpec())
    with pytest.raises(ShapeError, match="axis is 2"):
        quantize(torch.ones(3, 3), QuantSpec(granularity="channel", axis=2))
    with pytest.raises(ShapeError, match="single number"):
        quantize(torch.tensor(1.0), QuantSpec(granularity="channel"))
    one = torch.ones(1, 1)
    with pytest.raises(ShapeError, match=r"expects \(3, 1\)"):
        Quantized(torch.ones(3, 3, dtype=torch.int8), one, one.int(), QuantSpec(granularity="channel"))
    with pytest.raises(DataError, match="low ≤ high"):
        grid_of_range(torch.tensor([1.0]), torch.tensor([-1.0]), QuantSpec())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bits": 0}, "from 1 to 16; got 0"),
        ({"bits": 17}, "from 1 to 16; got 17"),
        ({"bits": True}, "got True"),
        ({"bits": 4.0}, "got 4.0"),
        ({"granularity": "chanel"}, "Nearest known: 'channel'"),
        ({"granularity": ["channel"]}, "is unknown"),
        ({"granularity": "group"}, "group_size ≥ 1; got None"),
        ({"granularity": "group", "group_size": 0}, "got 0"),
        ({"group_size": 32}, "goes with granularity='group'"),
        ({"granularity": "token"}, "dynamic=True"),
        ({"axis": 1}, "axis goes with"),
        ({"rounding": "up"}, "rounding 'up' is unknown"),
        ({"range": "max"}, "'minmax'"),
        ({"symmetric": False, "restricted": True}, "symmetric, signed grids only"),
        ({"symmetric": 1}, "symmetric is true or false"),
        ({"percentile": 50}, "percentile lies above 50"),
        ({"percentile": math.nan}, "percentile lies above 50"),
        ({"momentum": 1.0}, "momentum lies"),
        ({"dynamic": True, "range": "moving-average"}, "forgets earlier calls"),
        ({"bit": 4}, "unknown field 'bit'. Nearest known: 'bits'"),
    ],
)
def test_specs_that_mean_nothing_are_refused(values, message):
    with pytest.raises(UsageError) as caught:
        QuantSpec.from_dict(values)
    assert message in str(caught.value)


@given(
    bits=st.integers(1, 16),
    symmetric=st.booleans(),
    signed=st.booleans(),
    granularity=st.sampled_from(GRANULARITIES),
    range_method=st.sampled_from(RANGE_METHODS),
)
def test_specs_survive_json(bits, symmetric, signed, granularity, range_method):
    dynamic = granularity == "token"
    if dynamic and range_method == "moving-average":
        return
    spec = QuantSpec(
        bits=bits,
        symmetric=symmetric,
        signed=signed,
        granularity=granularity,
        group_size=5 if granularity == "group" else None,
        range=range_method,
        dynamic=dynamic,
    )
    assert QuantSpec.from_json(spec.to_json()) == spec
    assert hash(QuantSpec.from_json(spec.to_json())) == hash(spec)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"bits": 99}', "[" * 100_000])
def test_damaged_json_is_refused(text):
    with pytest.raises(UsageError):
        QuantSpec.from_json(text)


def test_sixteen_bit_integers_are_exact_in_float32():
    x = torch.arange(-32767.0, 32768.0)
    q = to_integers(x, torch.tensor(1.0), torch.tensor(0), QuantSpec(bits=16))
    assert torch.equal(q, x)
