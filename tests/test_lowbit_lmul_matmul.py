"""The L-Mul matrix product by each method against its definition, to the last bit where sums run in order."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.lmul import LMulSpec, matmul, multiply
from algorism.lowbit.lmul.adder import Adder, operand
from algorism.lowbit.lmul.matmul import available

_spec = importlib.util.spec_from_file_location("_lmul_reference", Path(__file__).with_name("_lmul_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

NUMBA = pytest.param("numba", marks=pytest.mark.skipif(not available("numba"), reason="algorism[fast] is not there"))
IN_ORDER = ["torch", NUMBA]  # "auto" is one of them
NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16",
         torch.float8_e4m3fn: "e4m3", torch.float8_e5m2: "e5m2"}  # fmt: skip


def naive(a, b, **told):
    """Σ_k of the formula on values, added up in float32, one inner index after the other."""
    name = NAMES[a.dtype]
    a, b = a.double().numpy(), b.double().numpy()
    total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), np.float32)
    with np.errstate(all="ignore"):
        for k in range(a.shape[-1]):
            total += reference.by_values(a[..., :, k, None], b[..., k, None, :], name, **told).astype(np.float32)
    return torch.from_numpy(total)


def equal(found, expected):
    return torch.equal(found.nan_to_num(nan=1.25e7), expected.nan_to_num(nan=1.25e7))


def drawn(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.mark.parametrize("method", IN_ORDER)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (5, 7, 3), (4, 16, 64), (9, 31, 65), (13, 8, 130), (2, 0, 3), (0, 4, 3), (3, 4, 0)]
)
def test_shapes(shape, method):
    m, k, n = shape
    a, b = drawn(m, k), drawn(k, n, seed=1)
    assert equal(matmul(a, b, method=method), naive(a, b))


@pytest.mark.parametrize("method", IN_ORDER)
def test_batches_views_and_vectors(method):
    a, b = drawn(2, 1, 5, 6), drawn(3, 6, 4, seed=1)
    assert equal(matmul(a, b, method=method), naive(a, b))
    assert equal(matmul(a, b[0], method=method), naive(a, b[0]))
    assert equal(matmul(a[0, 0], b, method=method), naive(a[0, 0], b))
    across = drawn(4, 3, 6, seed=2).transpose(1, 2)  # not contiguous
    assert equal(
        matmul(across[:3].transpose(1, 2), across[:3, :, ::2], method=method),
        naive(across[:3].transpose(1, 2), across[:3, :, ::2]),
    )
    v, w = drawn(6, seed=3), drawn(6, seed=4)
    assert equal(matmul(v, w, method=method), naive(v[None], w[:, None])[0, 0])
    assert equal(matmul(v, b, method=method), naive(v[None], b)[:, 0])
    assert equal(matmul(a, v, method=method), naive(a, v[:, None])[..., 0])
    assert matmul(drawn(0, 2, 3), drawn(0, 3, 4), method=method).shape == (0, 2, 4)


# What a kernel takes different ways for: zeros left, zeros right, too small, too large, all of them.
RANGES = {
    "zeros left": lambda a, b: a[..., ::3, 1].zero_(),
    "zeros right": lambda a, b: b[..., 1, ::3].zero_().neg_(),
    "zeros on both sides": lambda a, b: (a[..., ::3, 1].zero_(), b[..., 1, ::3].zero_()),
    "only zeros": lambda a, b: (a.zero_(), b.zero_()),
    "subnormal": lambda a, b: (a[..., 0].mul_(1e-39), b[..., 2, :].mul_(1e-38)),
    "too small": lambda a, b: (a.mul_(1e-19), b.mul_(1e-19)),
    "too small, with zeros": lambda a, b: (a.mul_(1e-19)[..., ::2].zero_(), b.mul_(1e-19)[..., ::3].zero_()),
    "too large": lambda a, b: (a.mul_(1e20), b.mul_(2e18)),
    "every size": lambda a, b: (
        a.mul_(10.0 ** torch.linspace(-38, 38, a.shape[-1])), b.mul_(10.0 ** torch.linspace(-37, 38, b.shape[-1]))
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", IN_ORDER)
@pytest.mark.parametrize("what", RANGES)
def test_ranges(what, method):
    a, b = drawn(2, 6, 9), drawn(2, 9, 35, seed=1)
    RANGES[what](a, b)
    for told, options in (({}, {}), ({"bits": 3}, {"bits": 3}), ({"saturate": True}, {"saturate": True})):
        assert equal(matmul(a, b, method=method, **options), naive(a, b, **told))


@pytest.mark.parametrize("method", ["auto", "reference"])
def test_infinities_and_nan(method):
    a, b = drawn(4, 6), drawn(6, 20, seed=1)
    a[0, 1], a[1, 2], b[3, 4], b[2, 5] = torch.inf, torch.nan, -torch.inf, 0.0
    a[2, 3], a[3, 3] = 0.0, 1e-39  # infinity times zero is NaN, times a subnormal number it is infinity
    expected = naive(a, b)
    assert expected.isnan().any()
    assert expected.isinf().any()
    assert equal(matmul(a, b, method=method), expected)


@pytest.mark.parametrize("method", IN_ORDER)
@pytest.mark.parametrize("dtype", list(NAMES)[1:])
def test_other_types(dtype, method):
    for scale_a, scale_b in ((1.0, 1.0), (1e-3, 1e-3), (300.0, 300.0)):
        a, b = (
            drawn(5, 12, scale=scale_a).clamp(-440, 440).to(dtype),
            drawn(12, 18, seed=1, scale=scale_b).clamp(-440, 440).to(dtype),
        )
        for bits in (None, 2):
            found = matmul(a, b, bits=bits, method=method)
            narrow = dtype.itemsize == 1
            assert found.dtype is (torch.float32 if narrow else dtype)
            assert equal(found, naive(a, b, bits=bits).to(found.dtype))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 6), st.integers(0, 9), st.integers(0, 40), st.integers(0, 2**31),
    st.sampled_from([None, 1, 3, 4, 7]), st.sampled_from(["trunc", "rne"]), st.integers(0, 40), st.booleans(),
)  # fmt: skip
def test_any_finite_numbers(m, k, n, seed, bits, rounding, spread, zeros):
    rng = np.random.default_rng(seed)

    def matrix(*shape):
        x = rng.standard_normal(shape) * 10.0 ** rng.uniform(-spread, min(spread, 37), shape)
        return torch.from_numpy(np.where(rng.random(shape) < 0.2 * zeros, 0, x).astype(np.float32))

    a, b = matrix(m, k), matrix(k, n)
    if not (a.isfinite().all() and b.isfinite().all()):
        return
    expected = naive(a, b, bits=bits, rounding=rounding)
    for method in ("torch", "auto"):
        assert equal(matmul(a, b, bits=bits, rounding=rounding, method=method), expected)


@pytest.mark.parametrize("rounding", ["trunc", "rne"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_gemm_is_exact_where_the_sum_is(bits, rounding):
    # Whole multiples of 2^-12 below 2^10 in every partial sum: any order of the sum gives the same bits.
    rng = np.random.default_rng(bits)

    def matrix(*shape):
        return torch.from_numpy(
            rng.choice([-1, 1], shape) * (1 + rng.random(shape)) * 2.0 ** rng.integers(-2, 2, shape)
        )

    a, b = matrix(2, 7, 32).float(), matrix(2, 32, 9).float()
    expected = naive(a, b, bits=bits, rounding=rounding)
    assert equal(matmul(a, b, bits=bits, rounding=rounding, method="gemm"), expected)
    a[0, 0, 0] = 0.0
    assert equal(
        matmul(a, b[0], bits=bits, rounding=rounding, method="gemm"), naive(a, b[0], bits=bits, rounding=rounding)
    )


def test_gemm_refuses_what_it_would_get_wrong():
    with pytest.raises(DataError, match="normal range"):
        matmul(drawn(2, 3) * 1e-20, drawn(3, 2) * 1e-20, bits=3, method="gemm")
    with pytest.raises(DataError, match="finite numbers"):
        matmul(drawn(2, 3) * torch.inf, drawn(3, 2), bits=3, method="gemm")


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the kernel is interpreted")
def test_triton_is_refused_on_a_cpu():
    with pytest.raises(UsageError, match="TRITON_INTERPRET=1"):
        matmul(drawn(2, 3), drawn(3, 2), method="triton")


def test_operand_reports_its_range():
    x = torch.tensor([0.0, -3.0, 1e-39, 0.75])
    found = operand(x, Adder.of(torch.float32, LMulSpec(1)))
    assert found.pattern.view(torch.float32).tolist() == [0.0, -3.0, 0.0, 0.75]
    assert (found.least, found.largest) == tuple(int(v) for v in torch.tensor([0.75, 3.0]).view(torch.int32))
    assert found.zeros
    assert found.finite
    assert not operand(torch.tensor([1.0, torch.nan]), Adder.of(torch.float32, LMulSpec())).finite


def test_gradients():
    a, b = drawn(2, 5, 6).requires_grad_(), drawn(6, 3, seed=1).requires_grad_()
    grad = drawn(2, 5, 3, seed=2)
    matmul(a, b, bits=4).backward(grad)
    assert torch.allclose(a.grad, grad @ b.detach().t(), atol=1e-6)
    assert torch.allclose(b.grad, torch.einsum("zmk,zmn->kn", a.detach(), grad), atol=1e-5)
    a.grad = None
    matmul(a, b, bits=4, backward="lmul").backward(grad)
    assert torch.equal(a.grad, matmul(grad, b.detach().t(), bits=4))
    many = drawn(3, 1, 6, 4).requires_grad_()
    matmul(a, many).backward(drawn(3, 2, 5, 4))
    assert many.grad.shape == many.shape


@pytest.mark.parametrize(
    ("a", "b", "options", "error", "words"),
    [
        ((2, 3), (4, 2), {}, ShapeError, "3 columns and .* 4 rows"),
        ((2, 2, 3), (3, 3, 2), {}, ShapeError, "do not broadcast"),
        ((), (3,), {}, ShapeError, "scalars"),
        ((2, 3), (3, 2), {"method": "nunba"}, UsageError, "'numba'"),
        ((2, 3), (3, 2), {"bits": 40}, UsageError, "23 mantissa bits"),
        ((2, 3), (3, 2), {"backward": "no"}, UsageError, "'exact'"),
    ],
)
def test_bad_input_is_refused(a, b, options, error, words):
    with pytest.raises(error, match=words):
        matmul(torch.ones(a), torch.ones(b), **options)
    with pytest.raises(UsageError, match="one type"):
        matmul(torch.ones(2, 2), torch.ones(2, 2).half())


def test_inner_product_is_the_sum_of_multiply():
    a, b = drawn(50), drawn(50, seed=1)
    assert matmul(a, b).item() == pytest.approx(multiply(a, b).double().sum().item(), rel=1e-5)


SCRIPT = """
import torch
from algorism.lowbit.lmul import matmul
a, b = torch.randn(2, 5, 6), torch.randn(2, 6, 18)
a[0, 0, 1], a[1, 2], b[0, 2] = 0, a[1, 2] * 1e-20, b[0, 2] * 1e-20
for special in (False, True):
    if special:
        a[0, 1, 2], a[1, 3, 3], b[1, 3, 4], b[0, 1, 1] = torch.inf, 0, -torch.inf, torch.nan
    for dtype, options in ((torch.float32, {}), (torch.float16, dict(bits=2, rounding="rne"))):
        pair = a.to(dtype), b.to(dtype)
        found, expected = (matmul(*pair, method=m, **options).nan_to_num(7e7) for m in ("triton", "reference"))
        assert torch.equal(found, expected), (special, dtype)
print("equal")
"""


@pytest.mark.skipif(not available("triton"), reason="triton is not there")
def test_triton_kernel_in_the_interpreter():
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]


WITHOUT = """
import sys
sys.modules |= dict.fromkeys(("numba", "llvmlite", "triton"))  # importing them fails now
import torch
from algorism.lowbit.lmul import matmul
from algorism.lowbit.lmul import cpu_kernel, triton_kernel
a, b = torch.randn(5, 6), torch.randn(6, 18)
assert torch.equal(matmul(a, b), matmul(a, b, method="reference"))
try:
    matmul(a, b, method="numba")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_without_the_optional_packages():
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    done = subprocess.run([sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True, timeout=120)
    assert "UsageError" in done.stdout, done.stderr[-2000:]
    assert "algorism[fast]" in done.stdout
