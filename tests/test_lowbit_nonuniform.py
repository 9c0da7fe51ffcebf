"""Codebooks, fp8, binary and ternary weights: against torch's float8, scikit-learn, and enumeration."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.extreme import binary_connect, binary_matmul, bit_basis, residual_binary, ternary, xnor
from algorism.lowbit.fp8 import FP8, fp8_levels, round_fp8
from algorism.lowbit.levels import NF4, apot_levels, power_of_two_levels
from algorism.lowbit.lloyd import lloyd_max
from algorism.lowbit.nonuniform import BITS, KINDS, CodebookSpec, quantize_codebook

TORCH = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", FP8)
def test_fp8_equals_torch_on_every_bfloat16(name):
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16).float()
    x = torch.cat((x, random(100_000) * 3, random(100_000) * 1e-3, random(10_000) * 1e4))
    x = x[torch.isfinite(x)]
    x = x[x.abs() <= FP8[name].largest]
    assert torch.equal(round_fp8(x, FP8[name]), x.to(TORCH[name]).float())


@pytest.mark.parametrize("name", FP8)
def test_fp8_levels_are_all_finite_patterns(name):
    patterns = torch.arange(256, dtype=torch.int32).to(torch.uint8).view(TORCH[name]).float()
    assert torch.equal(fp8_levels(name), patterns[torch.isfinite(patterns)].unique())


@pytest.mark.parametrize("name", FP8)
def test_fp8_saturates(name):
    beyond = torch.tensor([1e30, -1e30, math.inf])
    assert round_fp8(beyond, FP8[name]).abs().tolist() == [FP8[name].largest] * 3


def quantile_table(bits=4):
    """NF4 once more, as QLoRA constructs it: quantiles of the normal, eight above 0 and seven below, 0 exact."""
    from scipy.stats import norm

    offset = 0.9677083
    above = norm.ppf(np.linspace(offset, 0.5, 9)[:-1])
    below = -norm.ppf(np.linspace(offset, 0.5, 8)[:-1])
    values = np.sort(np.concatenate((above, below, [0.0])))
    return values / values.max()


def test_nf4_is_the_normal_quantiles():
    assert np.allclose(NF4, quantile_table(), atol=1e-6)


def test_power_of_two_is_the_rounded_logarithm():
    x = random(4000).clamp(-1, 1)
    x[0] = 1.0
    bits = 4
    result = quantize_codebook(x, CodebookSpec("power-of-two", bits)).dequantize()
    smallest = 2.0 ** -(2 ** (bits - 1) - 2)
    for value, got in zip(x.tolist(), result.tolist()):
        if abs(value) < smallest / 2:
            assert got == 0
        else:
            exponent = max(round(math.log2(abs(value))), round(math.log2(smallest)))
            assert got == math.copysign(2.0**exponent, value)
    assert len(power_of_two_levels(bits)) == 2**bits - 1


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_apot_is_the_papers_sum(bits):
    """Equation 5 with k = 2: term i is 0 or 2^−i, 2^−(i + n), 2^−(i + 2n), for n terms."""
    n = (bits - 1) // 2
    terms = [[0.0] + [2.0 ** -(i + j * n) for j in range(3)] for i in range(n)]
    sums = np.unique([sum(choice) for choice in itertools.product(*terms)])
    assert len(sums) == 4**n
    assert np.allclose(apot_levels(bits)[4**n - 1 :], sums / sums.max())


@pytest.mark.parametrize("bits", BITS["apot"])
def test_apot_has_all_its_levels(bits):
    levels = apot_levels(bits)
    assert len(levels.unique()) == 2**bits - 1
    assert torch.equal(levels, -levels.flip(0))


@pytest.mark.parametrize("kind", ["apot", "nf4"])
def test_fixed_codebooks_take_the_nearest_level(kind):
    x = random(3, 50)
    spec = CodebookSpec(kind, granularity="channel")
    result = quantize_codebook(x, spec)
    levels = result.levels_ok[0].double()
    for row, got in zip(x.double(), result.dequantize()):
        scaled = levels * row.abs().max()
        best = (row[:, None] - scaled).abs().min(1).values
        assert torch.allclose((row - got).abs(), best, atol=1e-6)


@pytest.mark.parametrize("levels", [2, 4, 8])
def test_lloyd_max_is_as_good_as_scikit_learn(levels):
    x = random(2000, seed=levels)
    ours = lloyd_max(x[None], levels)[0]
    error = ((x[:, None] - ours) ** 2).min(1).values.sum().item()
    theirs = KMeans(levels, n_init=10, random_state=0).fit(x[:, None].numpy()).inertia_
    assert error <= 1.02 * theirs
    again = lloyd_max(x[None], levels, iterations=1)[0]
    assert error <= ((x[:, None] - again) ** 2).min(1).values.sum().item()


def test_lloyd_max_finds_maxs_levels():
    """Max 1960: the best four levels of a Gaussian are ±0.4528 and ±1.510, with an error of 0.1175."""
    x = random(1, 400_000)
    levels = lloyd_max(x, 4)[0]
    assert levels.tolist() == pytest.approx([-1.510, -0.4528, 0.4528, 1.510], abs=0.02)
    error = ((x[0][:, None] - levels) ** 2).min(1).values.mean().item()
    assert error == pytest.approx(0.1175, rel=0.02)


def test_kmeans_beats_a_uniform_grid_and_finds_few_values_exactly():
    from algorism.lowbit.quantizer import fake_quantize
    from algorism.lowbit.spec import QuantSpec

    x = random(8, 200)
    error = (quantize_codebook(x, CodebookSpec("kmeans", 3, "channel")).dequantize() - x).square().sum()
    assert error < (fake_quantize(x, QuantSpec(bits=3, granularity="channel", range="mse")) - x).square().sum()
    few = torch.tensor([0.5, -2.0, 7.0])[torch.arange(30) % 3]
    assert torch.equal(quantize_codebook(few, CodebookSpec("kmeans", 2)).dequantize(), few)


@pytest.mark.parametrize("kind", KINDS)
def test_constant_channels_survive_every_codebook(kind):
    x = torch.stack((torch.zeros(9), torch.full((9,), -3.0), torch.arange(9.0)))
    spec = CodebookSpec(kind, BITS[kind].stop - 1, "channel")
    result = quantize_codebook(x, spec).dequantize()
    assert torch.equal(result[0], x[0])
    assert torch.allclose(result[1], x[1])
    assert CodebookSpec.from_dict(spec.to_dict()) == spec


@given(st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_groups_of_nf4_scale_by_themselves(width, size):
    x = random(2, width, seed=width)
    whole = quantize_codebook(x, CodebookSpec("nf4", granularity="group", group_size=size)).dequantize()
    for start in range(0, width, size):
        alone = quantize_codebook(x[1, start : start + size], CodebookSpec("nf4")).dequantize()
        assert torch.equal(whole[1, start : start + size], alone)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "nf5"}, "Nearest known: 'nf4'"),
        ({"kind": "nf4", "bits": 3}, "bits from 4 to 4; got 3"),
        ({"kind": "kmeans", "bits": 9}, "from 1 to 8"),
        ({"kind": "kmeans", "granularity": "group", "group_size": 4}, "larger than the group"),
        ({"kind": "nf4", "granularity": "group"}, "go together"),
        ({"kind": "nf4", "granularity": "token"}, "got 'token'"),
        ({"kind": "nf4", "size": 4}, "size"),
    ],
)
def test_codebooks_that_mean_nothing_are_refused(values, message):
    with pytest.raises(UsageError) as caught:
        CodebookSpec.from_dict(values)
    assert message in str(caught.value)


def test_codebooks_refuse_nan():
    with pytest.raises(DataError, match="NaN"):
        quantize_codebook(torch.tensor([1.0, math.nan]), CodebookSpec("nf4"))


def test_xnor_is_the_best_of_all_signs_and_scales():
    w = random(5, 6)
    got = xnor(w).dequantize()
    for row, ours in zip(w, got):
        best = min(
            float((row - (row @ b / 6) * b).square().sum())  # the best scale for given signs is their mean product
            for b in map(torch.tensor, itertools.product((-1.0, 1.0), repeat=6))
        )
        assert float((row - ours).square().sum()) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("per_channel", [True, False])
def test_ternary_follows_the_papers_rule(per_channel):
    w = random(4, 60)
    rows = w if per_channel else w.reshape(1, -1)
    expected = []
    for row in rows.numpy():
        delta = 0.7 * np.abs(row).mean()
        alpha = np.abs(row)[np.abs(row) > delta].mean()
        expected.append([0.0 if abs(v) <= delta else math.copysign(alpha, v) for v in row])
    got = ternary(w, per_channel=per_channel)
    assert np.allclose(got.dequantize().reshape(rows.shape), expected, rtol=1e-6)
    assert set(got.q.unique().tolist()) == {-1, 0, 1}


def test_stochastic_binary_is_unbiased():
    w = torch.full((100_000,), -0.4)
    mean = binary_connect(w, stochastic=True, seed=3).dequantize().mean().item()
    assert abs(mean + 0.4) < 5 * math.sqrt(0.84 / 100_000)
    assert binary_connect(torch.tensor([-5.0, 5.0]), stochastic=True).q.tolist() == [-1, 1]


def test_residual_and_fitted_bases():
    w = random(6, 300)
    errors = [(residual_binary(w, m).dequantize() - w).square().sum().item() for m in range(1, 6)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx((xnor(w).dequantize() - w).square().sum().item(), rel=1e-5)
    for m in (1, 2, 3):
        fitted = (bit_basis(w, m).dequantize() - w).square().sum().item()
        assert fitted <= errors[m - 1] * (1 + 1e-6)
    # Two terms give four levels: no better than Max's best four, and close to them for a Gaussian.
    assert 0.1 < (bit_basis(random(1, 100_000), 2).dequantize() - random(1, 100_000)).square().mean().item() < 0.12
    with pytest.raises(UsageError, match="from 1 to 4"):
        bit_basis(w, 5)
    zeros = torch.zeros(2, 8)
    assert torch.equal(bit_basis(zeros, 2).dequantize(), zeros)


@given(st.integers(1, 70), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_counting_bits_equals_multiplying(n, rows):
    a = torch.where(random(rows, n, seed=n) > 0, 1, -1)
    b = torch.where(random(3, n, seed=n + 1) > 0, 1, -1)
    assert torch.equal(binary_matmul(a, b), a @ b.T)


def test_counting_bits_refuses_other_widths():
    with pytest.raises(ShapeError, match="rows of 3 and of 4"):
        binary_matmul(torch.ones(1, 3), torch.ones(1, 4))
