"""The parts of a training step written by hand, forward and backward, against torch's own operations."""

import pytest
import torch
import torch.nn.functional as F

from algorism.memory import freed_memory_kept
from algorism.models.activations import gelu_tanh
from algorism.models.attention import attend, attend_short, softmax, softmax_backward
from algorism.models.linear import PRODUCT, linear


def randn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def gradients(output: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Gradients of a weighted sum whose weights are all different."""
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return torch.autograd.grad((output * weights).sum(), inputs)


def reference_attention(q_btm: torch.Tensor, kv_bsn: torch.Tensor, heads: int) -> torch.Tensor:
    """The definition through `scaled_dot_product_attention`, the last query seeing every key."""
    b, t, m = q_btm.shape
    s = kv_bsn.shape[1]
    q = q_btm.view(b, t, heads, -1).transpose(1, 2)
    k, v = kv_bsn.view(b, s, 2, heads, -1).permute(2, 0, 3, 1, 4)
    mask = torch.ones(t, s, dtype=torch.bool).tril(s - t)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(b, t, m)


@pytest.mark.parametrize(("t", "s"), [(1, 1), (5, 5), (3, 11), (16, 16), (2, 20)])
@pytest.mark.parametrize("heads", [1, 4])
def test_short_attention_equals_the_definition(t, s, heads):
    q, kv = randn(3, t, 8).requires_grad_(), randn(3, s, 16, seed=1).requires_grad_()
    ours, want = attend_short(q, kv, heads), reference_attention(q, kv, heads)
    torch.testing.assert_close(ours, want)
    for mine, theirs in zip(gradients(ours, q, kv), gradients(want, q, kv), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_short_attention_side_by_side_equals_apart():
    qkv = randn(3, 7, 24).requires_grad_()
    ours = attend_short(qkv, None, 2)
    want = reference_attention(qkv[..., :8], qkv[..., 8:], 2)
    torch.testing.assert_close(ours, want)
    torch.testing.assert_close(gradients(ours, qkv)[0], gradients(want, qkv)[0])


@pytest.mark.parametrize("apart", [True, False])
def test_short_attention_of_many_models_equals_one_by_one(apart):
    q = randn(4, 3, 7, 8 if apart else 24).requires_grad_()
    kv = randn(4, 3, 9, 16, seed=1).requires_grad_() if apart else None
    if kv is None:
        ours = torch.func.vmap(lambda x: attend_short(x, None, 2))(q)
        want = torch.stack([attend_short(x, None, 2) for x in q])
    else:
        ours = torch.func.vmap(lambda x, y: attend_short(x, y, 2))(q, kv)
        want = torch.stack([attend_short(x, y, 2) for x, y in zip(q, kv, strict=True)])
    inputs = (q,) if kv is None else (q, kv)
    torch.testing.assert_close(ours, want)
    for mine, theirs in zip(gradients(ours, *inputs), gradients(want, *inputs), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_short_attention_in_bf16_is_as_close_as_bf16_is():
    q, kv = randn(4, 9, 16, dtype=torch.float32), randn(4, 9, 32, seed=1, dtype=torch.float32)
    low = attend_short(q.bfloat16(), kv.bfloat16(), 2)
    assert low.dtype is torch.bfloat16
    torch.testing.assert_close(low.float(), reference_attention(q, kv, 2), atol=0.03, rtol=0.03)


@pytest.mark.parametrize("length", [1, 3, 15, 16, 17, 40])
def test_softmax_of_short_rows(length):
    scores = randn(5, 2, length).requires_grad_()
    ours, want = softmax(scores), scores.softmax(-1)
    torch.testing.assert_close(ours, want)
    torch.testing.assert_close(gradients(ours, scores)[0], gradients(want, scores)[0])
    grad = randn(5, 2, length, seed=1)
    again = scores.softmax(-1)
    torch.testing.assert_close(softmax_backward(grad, again.detach()), torch.autograd.grad(again, scores, grad)[0])


def test_attend_short_and_attend_agree():
    q, k, v = (randn(2, 3, 12, 4, seed=seed) for seed in range(3))
    qkv = torch.cat([x.transpose(1, 2).reshape(2, 12, 12) for x in (q, k, v)], -1)
    torch.testing.assert_close(attend_short(qkv, None, 3), attend(q, k, v, None).transpose(1, 2).reshape(2, 12, 12))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gelu_tanh_forward_and_backward(dtype):
    x = torch.linspace(-9, 9, 5001).requires_grad_()
    want = F.gelu(x, approximate="tanh")
    low = x.detach().to(dtype).requires_grad_()
    ours = gelu_tanh(low)
    atol = 1e-6 if dtype is torch.float32 else 0.04  # bf16 keeps 8 bits: half a unit in the last place is 0.016 at 9
    torch.testing.assert_close(ours.float(), want, atol=atol, rtol=0)
    slope = torch.autograd.grad(ours.float().sum(), low)[0].float()
    torch.testing.assert_close(slope, torch.autograd.grad(want.sum(), x)[0], atol=5 * atol, rtol=0)


@pytest.mark.parametrize("rows", [(3,), (300,), (40, 9)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_forward_and_backward(rows, with_bias):
    x = randn(*rows, 24, dtype=torch.float32).requires_grad_()
    weight = randn(10, 24, seed=1, dtype=torch.float32).requires_grad_()
    bias = randn(10, seed=2, dtype=torch.float32).requires_grad_() if with_bias else None
    inputs = (x, weight) if bias is None else (x, weight, bias)
    ours, want = linear(x, weight, bias), F.linear(x, weight, bias)
    torch.testing.assert_close(ours, want, atol=2e-5, rtol=1e-5)
    for mine, theirs in zip(gradients(ours, *inputs), gradients(want, *inputs), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_of_many_models_equals_one_by_one(with_bias):
    x = randn(4, 50, 6, 24, dtype=torch.float32).requires_grad_()
    weight = randn(4, 10, 24, seed=1, dtype=torch.float32).requires_grad_()
    bias = randn(4, 10, seed=2, dtype=torch.float32).requires_grad_() if with_bias else None
    inputs = (x, weight) if bias is None else (x, weight, bias)
    ours = torch.func.vmap(linear, (0, 0, None if bias is None else 0))(*inputs, *([None] if bias is None else []))
    want = torch.stack([F.linear(x[i], weight[i], None if bias is None else bias[i]) for i in range(4)])
    torch.testing.assert_close(ours, want, atol=2e-5, rtol=1e-5)
    for mine, theirs in zip(gradients(ours, *inputs), gradients(want, *inputs), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-4)


def test_linear_leaves_what_it_cannot_do_to_torch():
    x, weight = randn(300, 8), randn(5, 8, seed=1)
    torch.testing.assert_close(linear(x, weight, None), x @ weight.t())  # float64
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x.float(), weight.float(), None).dtype is torch.bfloat16


def test_onednn_is_there():
    """Or the benchmark's figures would not be this package's on this machine."""
    assert PRODUCT is not None or not torch.backends.mkldnn.is_available()


def test_memory_contexts_nest_and_pass_errors_on():
    with freed_memory_kept(), freed_memory_kept():
        assert torch.zeros(1 << 22).sum() == 0
    with pytest.raises(ValueError, match="inside"), freed_memory_kept():
        raise ValueError("inside")
    assert torch.zeros(1 << 22).sum() == 0
