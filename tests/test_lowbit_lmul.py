"""L-Mul of elements against the formula on values: rational numbers, and float64 for many pairs at once."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import ShapeError, UsageError
from algorism.lowbit.lmul import (
    FORMATS,
    LMulSpec,
    energy,
    estimate,
    expected_error,
    from_patterns,
    multiply,
    patterns,
    saving,
    survey,
    vectors,
)
from algorism.lowbit.lmul.precision import mse_by_l, operands
from algorism.models import Transformer, TransformerConfig

_spec = importlib.util.spec_from_file_location("_lmul_reference", Path(__file__).with_name("_lmul_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

# Patterns where the rules meet: zeros, subnormals, the ends of the normal range, infinity, NaN, ones, carries.
SPECIAL_BF16 = sorted(
    {
        base + step
        for base in (
            0x0000,
            0x0080,
            0x0100,
            0x1F80,
            0x1FBC,
            0x2000,
            0x3F78,
            0x3F80,
            0x3FBC,
            0x3FC0,
            0x4000,
            0x7F00,
            0x7F80,
        )
        for step in (-2, -1, 0, 1, 2, 3, 4, 7)
        if base + step >= 0
    }
    | {0x0001, 0x007F, 0x7FC0, 0x7FFF, 0x7F7F, 0x3F9E, 0x6000, 0x5F80, 0x2A55}
)

# Worked out by hand and with NumPy before this package had any L-Mul: pattern · pattern → pattern.
BF16_VECTORS = """3F80 3F80 3F88, 3FC0 3FC0 4008, 4000 4040 40C8, C000 4040 C0C8, 3FE0 3FE0 4048, 3FFF 3FFF 4086,
3FBC 3FBC 4000, 3DCC 3E4D 3CA1, 0000 40A0 0000, 8000 40A0 8000, 0001 3F80 0000, 0080 3F80 0088, 0080 0080 0000,
7F7F 3F80 7F80, 7F7F 4000 7F80, 7F80 C000 FF80, 7F80 0000 7FC0, 7FC0 3F80 7FC0"""


def values(pattern_n, name):
    """Patterns as numbers of the format, and the same in float64."""
    x = from_patterns(torch.as_tensor(pattern_n), FORMATS[name])
    return x, x.double().numpy()


def random_patterns(name, n, seed):
    width = 1 + sum(reference.LAYOUTS[name][:2])
    return np.random.default_rng(seed).integers(0, 2**width, n)


def test_vectors():
    for row in BF16_VECTORS.replace("\n", " ").split(","):
        x, y, z = (int(word, 16) for word in row.split())
        found = patterns(multiply(values([x], "bfloat16")[0], values([y], "bfloat16")[0]))
        assert found.item() == z, row
    z = multiply(torch.tensor([0.1, 3.14159]), torch.tensor([0.2, 2.71828]))
    assert patterns(z).tolist() == [0x3CA1999A, 0x40FF081D]


@pytest.mark.parametrize(
    ("name", "constant"),
    [("float32", 0x3F780000), ("bfloat16", 0x3F78), ("float16", 0x3BC0), ("e4m3", 0x37), ("e5m2", 0x3B)],
)
def test_offsets(name, constant):
    assert LMulSpec().offset_of(FORMATS[name]) == constant
    assert FORMATS[name].bias == 2 ** (FORMATS[name].exponent - 1) - 1
    assert FORMATS[name].largest == patterns(torch.tensor(torch.finfo(FORMATS[name].dtype).max).to(FORMATS[name].dtype))
    assert FORMATS[name].smallest_normal == patterns(
        torch.tensor(torch.finfo(FORMATS[name].dtype).smallest_normal).to(FORMATS[name].dtype)
    )


def test_every_bfloat16_with_every_special_one():
    every = np.arange(1 << 16)
    _, x64 = values(every, "bfloat16")
    specials = np.array(SPECIAL_BF16 + [pattern | 0x8000 for pattern in SPECIAL_BF16])
    assert len(specials) > 190
    for block in np.array_split(specials, 8):
        y, y64 = values(block, "bfloat16")
        found = multiply(values(every, "bfloat16")[0][:, None], y).double().numpy()
        assert reference.mismatches(found, reference.by_values(x64[:, None], y64, "bfloat16")) == 0


@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_every_pair_of_8_bit_numbers(name):
    x, x64 = values(np.arange(256), name)
    for options in ({}, {"bits": 1}, {"bits": 2, "rounding": "rne"}, {"offset": "none", "saturate": True}):
        told = {k: v for k, v in options.items() if k != "offset"} | ({"ell": None} if "offset" in options else {})
        expected = reference.by_values(x64[:, None], x64, name, **told)
        assert reference.mismatches(multiply(x[:, None], x, **options).double().numpy(), expected) == 0, options


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_million_random_pairs(name):
    n = 400_000
    (x, x64), (y, y64) = values(random_patterns(name, n, 1), name), values(random_patterns(name, n, 2), name)
    assert reference.mismatches(multiply(x, y).double().numpy(), reference.by_values(x64, y64, name)) == 0


@pytest.mark.parametrize("rounding", ["trunc", "rne"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 7])
def test_few_bits(bits, rounding):
    for name in ("float32", "bfloat16", "float16"):
        (x, x64), (y, y64) = (values(random_patterns(name, 20_000, seed), name) for seed in (3, 4))
        for saturate in (False, True):
            found = multiply(x, y, bits=bits, rounding=rounding, saturate=saturate)
            expected = reference.by_values(x64, y64, name, bits, rounding, saturate=saturate)
            assert reference.mismatches(found.double().numpy(), expected) == 0
            finite = found[found.isfinite() & (found != 0)]
            assert (patterns(finite) % 2 ** (FORMATS[name].mantissa - bits) == 0).all()  # the result has so many bits


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(reference.LAYOUTS)), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans(),
    st.sampled_from(["trunc", "rne"]), st.integers(1, 23),
)  # fmt: skip
def test_equals_rational_arithmetic(name, x, y, saturate, rounding, bits):
    e, m, _ = reference.LAYOUTS[name]
    x, y, bits = x % 2 ** (1 + e + m), y % 2 ** (1 + e + m), min(bits, m)
    found = multiply(values([x], name)[0], values([y], name)[0], bits=bits, rounding=rounding, saturate=saturate)
    sign, value = reference.decode(int(patterns(found)), name)
    assert (sign, value) == reference.by_fractions(x, y, name, bits, rounding, saturate=saturate)


@settings(max_examples=60, deadline=None)
@given(st.floats(width=32), st.floats(width=32))
def test_commutes_and_takes_signs_out(x, y):
    x, y = torch.tensor(x), torch.tensor(y)
    assert patterns(multiply(x, y)) == patterns(multiply(y, x))
    if not multiply(x, y).isnan():
        assert patterns(multiply(-x, y)) == patterns(multiply(x, y)) ^ (1 << 31)


def test_the_two_references_agree():
    x, y = random_patterns("float16", 300, 5), random_patterns("float16", 300, 6)
    many = reference.by_values(values(x, "float16")[1], values(y, "float16")[1], "float16", 3, "rne")
    for one, a, b in zip(many, x, y, strict=True):
        sign, value = reference.by_fractions(int(a), int(b), "float16", 3, "rne")
        plain = value if isinstance(value, str) else Fraction(one) if np.isfinite(one) else None
        assert np.isnan(one) if value == "nan" else np.isinf(one) if value == "inf" else abs(plain) == value
        assert value == "nan" or bool(np.signbit(one)) == bool(sign)


def test_error_table():
    """Mean relative, mean absolute relative, worst, mean squared error, from another program; within 2 %."""
    table = {
        "L-Mul": (0.0044, 0.0269, 0.0729, 0.00099),
        "no offset": (-0.0382, 0.0382, 0.1111, 0.00226),
        "value form": (-0.0453, 0.0625, 0.2340, 0.00670),
        "L-Mul-1": (None, None, None, 0.02243),
        "L-Mul-2": (None, None, None, 0.00713),
        "L-Mul-3": (None, None, None, 0.00348),
        "L-Mul-4": (None, None, None, 0.00135),
        "L-Mul-5": (None, None, None, 0.00126),
        "L-Mul-7": (None, None, None, 0.00095),
        "L-Mul-10": (None, None, None, 0.00098),
        "L-Mul-1, rounded": (None, None, None, 0.15786),
        "L-Mul-2, rounded": (None, None, None, 0.02773),
        "L-Mul-3, rounded": (None, None, None, 0.00486),
        "L-Mul-4, rounded": (None, None, None, 0.00387),
        "e4m3": (None, None, None, 0.00142),
        "e4m3, product rounded": (None, None, None, 0.00197),
        "e5m2": (None, None, None, 0.00558),
        "e5m2, product rounded": (None, None, None, 0.00776),
    }
    for name, found in survey(list(table), "gaussian", 1_000_000, seed=0):
        bias, mean, worst, mse = table[name]
        assert found.mse == pytest.approx(mse, rel=0.02), name
        if bias is not None:
            assert found.bias == pytest.approx(bias, abs=0.0005), name
            assert found.mean == pytest.approx(mean, rel=0.02), name
            assert found.worst == pytest.approx(worst, rel=0.02), name


def test_the_optimal_offset_is_the_best_that_the_bits_hold():
    x, y = operands("gaussian", 200_000, seed=1)
    for rounding in ("trunc", "rne"):
        for bits in (1, 2, 3, 4, 5, 7):
            found = mse_by_l(bits, x, y, rounding)
            held = {ell: mse for ell, mse in found.items() if ell is None or ell <= bits}
            assert LMulSpec(bits, rounding, "optimal").l_in(FORMATS["float32"]) == min(held, key=held.get)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 7])
def test_expected_error_equals_monte_carlo(bits):
    x, y = 1 + np.random.default_rng(7).integers(0, 2**23, (2, 400_000)) * 2.0**-23
    exact = x * y
    found = multiply(torch.from_numpy(x).float(), torch.from_numpy(y).float(), bits=bits).double().numpy()
    error = exact - found
    assert abs(error.mean() - expected_error(bits)) < 5 * error.std() / np.sqrt(len(error))
    # Without the carry: the same pairs through the formula.
    fx, fy = np.floor((x - 1) * 2**bits) / 2**bits, np.floor((y - 1) * 2**bits) / 2**bits
    literal = exact - (1 + fx + fy + 2.0 ** -reference.paper_l(bits))
    assert abs(literal.mean() - expected_error(bits, carry=False)) < 5 * literal.std() / np.sqrt(len(literal))


def test_broadcast_views_and_empty():
    x, y = torch.randn(3, 1, 5), torch.randn(4, 5)
    whole = multiply(x, y)
    assert whole.shape == (3, 4, 5)
    assert torch.equal(whole[1, 2], multiply(x[1, 0], y[2]))
    assert torch.equal(multiply(y.t(), y.t()), multiply(y, y).t())  # not contiguous
    assert multiply(torch.empty(0, 5), y[:1]).shape == (0, 5)
    assert multiply(torch.tensor(2.0), torch.tensor(3.0)).shape == ()


def test_gradients_pass_straight_through():
    x, y = torch.randn(4, 1).requires_grad_(), torch.randn(3).requires_grad_()
    grad = torch.randn(4, 3)
    multiply(x, y, bits=4).backward(grad)
    assert torch.allclose(x.grad, (grad * y).sum(1, keepdim=True).detach())
    assert torch.allclose(y.grad, (grad * x).sum(0).detach())
    x.grad = None
    multiply(x, y, backward="lmul").backward(grad)
    assert torch.equal(x.grad, multiply(grad, y.detach()).sum(1, keepdim=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bits": 0}, "≥ 1"),
        ({"bits": 24}, "23 mantissa bits"),
        ({"bits": True}, "whole number"),
        ({"rounding": "up"}, "'trunc' or 'rne'"),
        ({"offset": "best"}, "'paper'"),
        ({"offset": 24}, "up to 23"),
        ({"backward": "none"}, "'exact' or 'lmul'"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        multiply(torch.ones(2), torch.ones(2), **options)


def test_bad_tensors_are_refused():
    with pytest.raises(UsageError, match="one type"):
        multiply(torch.ones(2), torch.ones(2).half())
    with pytest.raises(UsageError, match="float64"):
        multiply(torch.ones(2).double(), torch.ones(2).double())
    with pytest.raises(ShapeError, match="do not broadcast"):
        multiply(torch.ones(2), torch.ones(3))


def test_energy_savings():
    shares = [saving(kind, dtype) for kind in ("product", "dot") for dtype in ("float32", "float16")]
    assert [round(100 * share, 1) for share in shares] == [97.3, 95.5, 78.3, 70.0]
    assert energy("mul", "float32") / energy("add", "int32") == pytest.approx(37)
    with pytest.raises(UsageError, match="no figure"):
        energy("mul", "float64")
    with pytest.raises(UsageError, match="kind"):
        saving("sum")


def test_energy_of_a_transformer_counts_its_products():
    model = Transformer(TransformerConfig(vocab=10, context=12, layers=2, heads=2, width=8, tie=True))
    found = estimate(model, seq=12)
    block = 8 * 24 + 8 * 8 + 2 * 8 * model.config.hidden_width
    assert found.linear == 12 * (2 * block + 8 * 10)
    assert found.attention == 2 * 2 * 12 * 12 * 8
    assert found.exact == pytest.approx(4.6 * (found.linear + found.attention))
    assert found.lmul["all"] == pytest.approx(1.0 * (found.linear + found.attention))
    assert found.lmul["attention"] == pytest.approx(4.6 * found.linear + found.attention)
    with pytest.raises(UsageError, match="config"):
        estimate(torch.nn.Linear(2, 2), seq=4)


def test_hardware_vectors_follow_the_formula():
    for name in reference.LAYOUTS:
        for row in list(vectors(name, count=50, seed=3))[::5]:
            x, y, z = (int(word, 16) for word in row)
            assert reference.decode(z, name) == reference.by_fractions(x, y, name)
    with pytest.raises(UsageError, match="'e4m3'"):
        next(vectors("e4m4", 1))
