"""What is computed another way for speed, against the plain way: values and gradients."""

import numpy as np
import pytest
import torch

from algorism.models import transformer
from algorism.models.attention import attend, attend_short
from algorism.models.config import TransformerConfig
from algorism.models.norms import Normalise, RMSNorm
from algorism.models.transformer import Transformer
from algorism.training.batches import Batch
from algorism.training.learner import Learner
from algorism.training.recipe import TrainingRecipe

DRAWS = torch.Generator().manual_seed(0)


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=DRAWS).requires_grad_()


def reference(q: torch.Tensor, kv: torch.Tensor | None, heads: int, bias: torch.Tensor) -> torch.Tensor:
    """`attend`, on tensors laid out as for `attend_short`."""
    if kv is None:
        q, kv = q[..., : q.shape[-1] // 3], q[..., q.shape[-1] // 3 :]
    k, v = kv.chunk(2, -1)
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return attend(q, k, v, bias).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("bias_of", ["heads", "one head", "rows", "rows, one head"])
@pytest.mark.parametrize(("t", "s"), [(5, 5), (3, 7), (20, 20), (1, 18)])
def test_short_attention_with_a_bias_equals_attend(bias_of, t, s):
    b, heads, m = 3, 2, 6
    q, kv = (drawn(b, t, 3 * m), None) if t == s else (drawn(b, t, m), drawn(b, s, 2 * m))
    h = 1 if "one" in bias_of else heads
    bias = drawn(*((b,) if "rows" in bias_of else ()), h, t, s)
    inputs = [x for x in (q, kv, bias) if x is not None]
    ours, want = attend_short(q, kv, heads, bias), reference(q, kv, heads, bias)
    torch.testing.assert_close(ours, want)
    weight = torch.randn(ours.shape, dtype=torch.float64)
    for got, expected in zip(
        torch.autograd.grad((ours * weight).sum(), inputs),
        torch.autograd.grad((want * weight).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(got, expected)


def test_a_window_is_kept_and_needs_no_gradient():
    qkv, bias = drawn(2, 9, 12), torch.zeros(1, 9, 9, dtype=torch.float64)
    bias[:, torch.arange(9)[:, None] - torch.arange(9) > 2] = -torch.inf
    ours = attend_short(qkv, None, 2, bias)
    torch.testing.assert_close(ours, reference(qkv, None, 2, bias))
    ours.sum().backward()
    assert torch.isfinite(qkv.grad).all()


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_many_models_attend_as_each_alone(rows, shared):
    q, shape = drawn(4, 3, 6, 24), ((3,) if rows else ()) + (2, 6, 6)
    bias = drawn(*shape) if shared else drawn(4, *shape)
    ours = torch.func.vmap(lambda x, y: attend_short(x, None, 2, y), (0, None if shared else 0))(q, bias)
    want = torch.stack([attend_short(x, None, 2, bias if shared else bias[i]) for i, x in enumerate(q)])
    torch.testing.assert_close(ours, want)
    weight = torch.randn(ours.shape, dtype=torch.float64)
    got, expected = (torch.autograd.grad((y * weight).sum(), (q, bias)) for y in (ours, want))
    torch.testing.assert_close(got, expected)


def test_the_bias_of_bf16_attention_gets_a_gradient_of_its_own_type():
    bias = drawn(2, 20, 20, dtype=torch.float32)
    qkv = drawn(64, 20, 24, dtype=torch.float32)
    low = attend_short(qkv.bfloat16(), None, 2, bias)
    assert low.dtype is torch.bfloat16
    (got,) = torch.autograd.grad(low.float().square().sum(), bias)
    (want,) = torch.autograd.grad(reference(qkv, None, 2, bias).square().sum(), bias)
    assert got.dtype is torch.float32
    assert float((got - want).norm() / want.norm()) < 0.05


def normalise(x: torch.Tensor, weight_m: torch.Tensor) -> torch.Tensor:
    return Normalise.apply(x, weight_m, 1e-6)[0]


def test_rms_norm_equals_torchs():
    x, grad = drawn(4, 5, 12, dtype=torch.float32), torch.randn(4, 5, 12)
    ours, theirs = RMSNorm(12, eps=1e-6), torch.nn.RMSNorm(12, eps=1e-6)
    weight = torch.randn(12)
    for norm in (ours, theirs):
        norm.weight.data.copy_(weight)
    results = [torch.autograd.grad(n(x), (x, n.weight), grad) for n in (ours, theirs)]
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)
    assert torch.autograd.gradcheck(normalise, (drawn(3, 4, 6), drawn(6)), check_undefined_grad=False)
    zeros = torch.zeros(2, 12, requires_grad=True)
    ours(zeros).sum().backward()
    assert torch.isfinite(zeros.grad).all()


def test_rms_norm_of_many_models_is_that_of_each():
    x, weight = drawn(3, 4, 5, 6), drawn(3, 6)
    ours = torch.func.vmap(normalise)(x, weight)
    want = torch.stack([torch.nn.functional.rms_norm(a, (6,), w, 1e-6) for a, w in zip(x, weight, strict=True)])
    torch.testing.assert_close(ours, want)
    weigh = torch.randn(ours.shape, dtype=torch.float64)
    got, expected = (torch.autograd.grad((y * weigh).sum(), (x, weight)) for y in (ours, want))
    torch.testing.assert_close(got, expected)


def made(**changes) -> Transformer:
    shape = {"vocab": 7, "context": 16, "layers": 2, "heads": 2, "width": 12, "norm": "rms", "bias": True}
    model = Transformer(TransformerConfig(**shape | {"positions": "clip2+penalty+tempered"} | changes)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)) * 0.3)
    return model


@pytest.mark.parametrize(
    "changes", [{}, {"tie": False, "layers": 1}, {"loops": 2}, {"positions": "rope"}, {"norm_place": "both"}]
)
@pytest.mark.parametrize("keep", [slice(None), slice(4, None)])
def test_few_tokens_are_projected_once_each(changes, keep, monkeypatch):
    """28 places of text are as many as 4 · 7 tokens: then the first queries, keys and values are looked up."""
    model, ids = made(**changes), torch.from_numpy(np.random.default_rng(0).integers(0, 7, (4, 7)))
    tables = []

    def watched(table_vn, *others):
        tables.append(tuple(table_vn.shape))
        return looked_up(table_vn, *others)

    looked_up = transformer.looked_up
    monkeypatch.setattr(transformer, "looked_up", watched)
    quickly = model(ids, keep=keep)
    assert tables == [(7, 36)]
    model(ids[:3])  # a short text is not worth it
    handle = model.embed.register_forward_hook(lambda _module, _inputs, _output: None)
    plainly = model(ids, keep=keep)
    handle.remove()
    assert len(tables) == 1
    torch.testing.assert_close(quickly, plainly)
    weight = torch.randn(quickly.shape, dtype=torch.float64)
    got, want = (torch.autograd.grad((y * weight).sum(), list(model.parameters())) for y in (quickly, plainly))
    torch.testing.assert_close(got, want)


def test_gradients_of_equal_tokens_are_added_up_precisely():
    """Of 10,000 gradients of 1 added up in bf16, 256 would be left."""
    table = torch.zeros(3, 6, dtype=torch.bfloat16, requires_grad=True)
    q, kv = transformer.looked_up(table, torch.ones(100, 100, dtype=torch.long), 50, 2)
    (q.float().sum() + kv.float().sum()).backward()
    assert table.grad[1].tolist() == [4992.0] * 2 + [9984.0] * 4  # 5,000 and 10,000 in bf16


@pytest.mark.parametrize("changes", [{"positions": "learned"}, {"positions": "sinusoidal"}, {"dropout": 0.5}])
def test_what_depends_on_more_than_the_token_is_not_looked_up(changes, monkeypatch):
    monkeypatch.setattr(transformer, "looked_up", None)
    made(**changes).train()(torch.zeros(4, 16, dtype=torch.long))
    with pytest.raises(TypeError):
        made().train()(torch.zeros(4, 16, dtype=torch.long))


@pytest.mark.parametrize("where", ["embed", "dropout", "blocks.0", "blocks.0.norm_attention", "blocks.0.attention"])
def test_a_hook_before_the_first_attention_is_obeyed(where):
    """With zeros going into the first attention, no text is mixed unlike another."""
    model, draws = made(positions="none"), np.random.default_rng(0)
    module, mixed = model.get_submodule(where), []
    if where == "embed":
        module.register_forward_hook(lambda _module, _inputs, y_btm: torch.zeros_like(y_btm))
    else:
        module.register_forward_pre_hook(lambda _module, args: (torch.zeros_like(args[0]), *args[1:]))
    model.blocks[0].attention.heads_out.register_forward_hook(lambda _module, _inputs, y: mixed.append(y.detach()))
    for _ in range(2):
        model(torch.from_numpy(draws.integers(0, 7, (4, 16))))
    torch.testing.assert_close(*mixed)


def test_many_models_with_a_bias_learn_as_each_alone():
    """Stacked and run through vmap, as the learner does: attention bias, RMS norm and looked-up tokens together."""
    recipe = TrainingRecipe(learning_rate=1e-2, weight_decay=0.0)
    ids = np.random.default_rng(0).integers(0, 7, (2, 8, 16)).astype(np.int32)
    index = np.random.default_rng(1).integers(0, 9, (2, 8, 16))
    batch = Batch(ids, np.roll(ids, -1, -1).astype(np.int64), 3, index)
    config = TransformerConfig(vocab=7, context=16, width=16, heads=2, norm="rms", positions="clip2+penalty+tempered")
    together = Learner([Transformer(config, seed) for seed in (0, 1)], recipe)
    losses = [together.step(batch, step, 1e-2) for step in range(4)]
    for k in range(2):
        alone = Learner([Transformer(config, seed=k)], recipe)
        part = Batch(ids[k], batch.targets_bt[k], 3, index[k])
        own = [alone.step(part, step, 1e-2)[0] for step in range(4)]
        np.testing.assert_allclose([pair[k] for pair in losses], own, rtol=1e-4)
    assert losses[-1][0] < losses[0][0]
