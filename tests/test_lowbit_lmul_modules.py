"""Networks whose products are L-Mul's: the same answers as a plain loop over the formula, and back again exactly."""

import copy

import pytest
import torch
from torch import nn

from algorism.errors import UsageError
from algorism.evaluation.reader import readable
from algorism.lowbit.lmul import (
    LMul,
    LMulAttention,
    LMulLinear,
    Rounded,
    attend_by,
    convert,
    matmul,
    multiply,
    to_format,
)
from algorism.models import Cache, Transformer, TransformerConfig
from algorism.models.attention import attend


class Exact:
    """Ordinary products: what a converted network must equal when nothing is approximated."""

    name = "exact"

    def matmul(self, a, b):
        return a @ b

    def multiply(self, x, y):
        return x * y


def model(**settings):
    shape = {"vocab": 11, "context": 12, "layers": 2, "heads": 2, "width": 16, "init_std": 0.3} | settings
    return Transformer(TransformerConfig(**shape), seed=1).eval()


IDS = torch.randint(0, 11, (3, 9), generator=torch.Generator().manual_seed(0))
MANY = torch.randint(0, 11, (40, 9), generator=torch.Generator().manual_seed(0))  # so many that first layers look up
SETTINGS = [
    {},
    {"tie": False, "bias": True, "positions": "none"},
    {"positions": "rope", "norm": "rms", "activation": "swiglu"},
    {"positions": "alibi+tempered", "loops": 2},
]


@pytest.mark.parametrize("where", ["attention", "linear", "all"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_exact_arithmetic_changes_nothing(settings, where):
    plain = model(**settings)
    for ids in (IDS, MANY):
        whole, last = plain(ids), plain(ids, keep=slice(-2, None))
        with convert(plain, where, arithmetic=Exact()) as converted:
            assert not readable(converted)  # the fast decoder would go past the new layers
            assert torch.allclose(converted(ids), whole, atol=1e-4)
            assert torch.allclose(converted(ids, keep=slice(-2, None)), last, atol=1e-4)
            cache = Cache(plain.config, len(ids))
            parts = [converted(ids[:, :4], cache), converted(ids[:, 4:], cache)]
            assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-4)


@pytest.mark.parametrize("where", ["attention", "linear", "all"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_revert_gives_the_same_network(settings, where):
    plain = model(**settings)
    before, names, kinds = plain(IDS), list(plain.state_dict()), [type(m) for m in plain.modules()]
    conversion = convert(plain, where, bits=3)
    assert not torch.equal(plain(IDS), before)
    assert set(names) <= set(plain.state_dict())  # a checkpoint of the plain network loads into the converted one
    conversion.revert()
    conversion.revert()  # once more does nothing
    assert torch.equal(plain(IDS), before)
    assert list(plain.state_dict()) == names
    assert [type(m) for m in plain.modules()] == kinds


def test_attention_is_the_sum_of_its_definition():
    q, k, v = torch.randn(3, 2, 2, 5, 4, generator=torch.Generator().manual_seed(2))
    scores = multiply(q[..., :, None, :], k[..., None, :, :], bits=4).sum(-1) / 2
    scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf)
    expected = multiply(scores.softmax(-1)[..., None], v[..., None, :, :], bits=4).sum(-2)
    assert torch.allclose(attend_by(LMul(4), q, k, v), expected, atol=1e-5)
    assert torch.allclose(attend_by(Exact(), q, k, v), attend(q, k, v, None), atol=1e-5)


def test_what_is_replaced_and_what_is_left():
    plain = model(activation="swiglu", tie=True)
    assert convert(plain, "attention", 4).revert() is plain
    attention = ["blocks.0.attention", "blocks.1.attention"]
    with_all = convert(plain, "all", 4)
    assert set(attention) < set(with_all.converted)
    assert {"head", "norm", "blocks.0.mlp.gate", "blocks.1.attention.qkv"} < set(with_all.converted)
    assert set(with_all.left) == {"blocks.0.mlp", "blocks.1.mlp"}
    with_all.revert()
    linear = convert(plain, "linear", 4)
    assert not {"norm", *attention} & set(linear.converted)
    assert isinstance(
        plain.blocks[0].attention, LMulAttention
    )  # only to call the linear layers, its products are exact
    assert plain.blocks[0].attention.arithmetic is None


def test_any_module_and_its_unsupported_layers():
    net = nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.Flatten(), nn.Linear(8, 5), nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 2))
    )
    x = torch.randn(3, 2, 4)
    found = convert(net, "linear", 4)
    assert found.converted == ["2", "3.1"]
    assert "Conv1d" in found.left["0"]
    hidden = matmul(net[1](net[0](x)), net[2].weight.t(), bits=4) + net[2].bias
    assert torch.equal(net[:3](x), hidden)
    found.revert()
    assert type(net[2]) is nn.Linear
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    with pytest.raises(UsageError, match=r"nothing to convert.*past its forward"):
        convert(layer, "linear")
    with pytest.raises(UsageError, match="nothing to convert"):
        convert(nn.Conv1d(1, 1, 1), "linear")


def test_training_goes_through():
    plain = model(tie=False)
    for where, backward in (("attention", "exact"), ("all", "exact"), ("all", "lmul")):
        conversion = convert(plain, where, bits=4, backward=backward)
        plain.zero_grad()
        plain(IDS).logsumexp(-1).mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in plain.parameters())
        conversion.revert()


def test_a_step_taken_while_converted_stays():
    plain = model()
    conversion = convert(plain, "all", bits=3)
    with torch.no_grad():
        plain.blocks[0].mlp.up.weight.add_(1.0)
    changed = plain.blocks[0].mlp.up.weight.clone()
    conversion.revert()
    assert torch.equal(plain.blocks[0].mlp.up.weight, changed)


def test_converting_twice_is_refused():
    plain = model()
    convert(plain, "attention", 4)
    with pytest.raises(UsageError, match="converted already"):
        convert(plain, "linear", 4)
    with pytest.raises(UsageError, match="'attention'"):
        convert(model(), "heads")
    with pytest.raises(UsageError, match="≥ 1"):
        convert(model(), "attention", bits=0)


def test_lmul_linear_alone():
    state = torch.get_rng_state()
    layer = LMulLinear(6, 4, arithmetic=LMul(3), seed=5)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator was not touched
    x = torch.randn(2, 3, 6)
    assert torch.equal(layer(x), matmul(x, layer.weight.t(), bits=3) + layer.bias)
    assert torch.equal(LMulLinear(6, 4, seed=5).weight, layer.weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x.bfloat16()).dtype is torch.float32  # computed in the wider of the types


def test_rounding_formats_against_a_search():
    every = torch.arange(256, dtype=torch.uint8)
    x = torch.cat([torch.randn(300) * 10.0 ** torch.linspace(-4, 2, 300), torch.tensor([1e5, -1e5, 0.0])])
    for name, dtype in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        grid = every.view(dtype).float()
        grid = grid[grid.isfinite()].unique()
        nearest = (x[:, None] - grid).abs().min(1).values
        assert torch.equal((to_format(x, name) - x).abs(), nearest)
    a, b = torch.randn(4, 5).requires_grad_(), torch.randn(5, 3)
    y = Rounded("e4m3").matmul(a, b)
    assert torch.allclose(y, to_format(a, "e4m3") @ to_format(b, "e4m3"), atol=1e-5)
    y.sum().backward()
    assert torch.allclose(a.grad, to_format(b, "e4m3").sum(1).expand(4, 5), atol=1e-5)
    with pytest.raises(UsageError, match="'e4m3'"):
        Rounded("e4m4")


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=13, n_positions=16, n_embd=16, n_layer=2, n_head=2, initializer_range=0.3)
    return GPT2LMHeadModel(config).eval()


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "initializer_range": 0.3}
    config = LlamaConfig(vocab_size=13, num_attention_heads=4, num_key_value_heads=2, **shape)
    return LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("make", [gpt2, llama])
def test_hugging_face_models(make):
    with torch.random.fork_rng():
        network = make()
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[0, :3] = 0

    def logits():
        return network(IDS, attention_mask=mask).logits.detach()[mask.bool()]

    before, parts = logits(), len([n for n, _ in network.named_modules() if n.endswith((".attn", ".self_attn"))])
    exact = convert(network, "attention", arithmetic=Exact())
    assert len(exact.converted) == parts == 2
    assert torch.allclose(logits(), before, atol=1e-4)
    exact.revert()
    with convert(network, "attention", bits=4):
        near = logits()
        with pytest.raises(UsageError, match="converted already"):
            convert(network, "linear")
    with convert(network, "all", bits=4):
        far = logits()
    assert torch.equal(logits(), before)
    assert 0 < (near - before).norm() < (far - before).norm() < before.norm()
    exact = convert(network, "linear", arithmetic=Exact())
    assert torch.allclose(logits(), before, atol=1e-4)
    assert "lm_head" in exact.converted
    exact.revert()
    if make is llama:
        assert any("LlamaRMSNorm" in why for why in convert(network, "all", bits=4).left.values())


def test_deep_copies_of_a_converted_network_work():
    plain = model()
    converted = copy.deepcopy(plain)
    convert(converted, "all", bits=4)
    assert torch.equal(copy.deepcopy(converted)(IDS), converted(IDS))
