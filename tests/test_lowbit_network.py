"""Whole networks: every method, what is left out and why, and what is saved."""

import copy
import math

import pytest
import torch
from torch import nn

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.methods import METHODS, capture, quantize_model
from algorism.lowbit.quantizer import quantize
from algorism.lowbit.spec import QuantSpec
from algorism.lowbit.storage import load_quantized, save_quantized

SPEC = QuantSpec(bits=3, granularity="channel")
FAST = {"adaround": {"iterations": 30, "learning_rate": 0.1}}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Network(nn.Module):
    """A convolution, linear layers used in another order than they are written, and layers of every other kind."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(12, 6)
        self.conv = nn.Conv2d(2, 4, 3)
        self.grouped = nn.Conv2d(4, 4, 1, groups=2)
        self.middle = nn.Linear(16, 12)
        self.norm = nn.LayerNorm(12)
        self.unused = nn.Linear(3, 3)
        self.head = nn.Linear(6, 5, bias=False)
        self.tied = nn.Embedding(5, 6)
        self.tied.weight = self.head.weight

    def forward(self, x):
        x = self.grouped(self.conv(x)).relu().flatten(1)
        return self.head(self.last(self.norm(self.middle(x).relu())))


def network():
    torch.manual_seed(1)
    return Network()


def images(count=6, seed=0):
    return [random(16, 2, 4, 4, seed=seed + k).mul(random(2, 1, 1, seed=9).exp()) for k in range(count)]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_quantizes_and_says_what_it_left(method, tmp_path):
    model = network()
    before = copy.deepcopy(model.state_dict())
    report = quantize_model(model, SPEC, method, images(), skip=["last"], settings=FAST.get(method), seed=3)
    assert [row.name for row in report.layers] == ["conv", "middle"]
    assert report.left_out == {
        "last": "skipped as asked",
        "grouped": "Conv2d is not supported",
        "unused": "not reached by the calibration set",
        "head": "shares its weight with 'tied'",
        "tied": "shares its weight with 'head'",
    }
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == (name not in report.quantized)
    for name, tensor in report.quantized.items():
        weight = tensor.dequantize()
        if name in report.input_scales:
            weight = (weight.flatten(1) / report.input_scales[name]).reshape(weight.shape)
        assert torch.equal(model.state_dict()[name], weight)
    for row in report.layers:
        assert row.error <= row.rtn_error * (1 + 1e-4)
        assert row.sqnr_db > 5
    save_quantized(tmp_path / "w", report.quantized)
    loaded = load_quantized(tmp_path / "w")
    assert all(torch.equal(loaded[name].q, tensor.q) for name, tensor in report.quantized.items())


def test_without_data_rounding_is_what_quantize_gives():
    model = network()
    expected = quantize(model.middle.weight, SPEC)
    report = quantize_model(model, SPEC)
    assert torch.equal(report.quantized["middle.weight"].q, expected.q)
    assert torch.equal(model.middle.weight, expected.dequantize())
    assert report.layers[0].error is None


def test_later_layers_see_the_quantized_network():
    model, batches = network(), images()
    report = quantize_model(model, SPEC, "gptq", batches)
    assert [row.name for row in report.layers] == ["conv", "middle", "last"]
    # The inputs of the last layer, computed by hand on the quantized weights.
    x = torch.cat(batches)
    h = nn.functional.conv2d(x, report.quantized["conv.weight"].dequantize(), model.conv.bias)
    h = model.grouped(h).relu().flatten(1)
    h = nn.functional.linear(h, report.quantized["middle.weight"].dequantize(), model.middle.bias)
    assert torch.allclose(capture(model, "last", batches), model.norm(h.relu()), atol=1e-5)


@pytest.mark.parametrize("target", ["layer", "network"])
def test_bias_correction_against_both_targets(target):
    model, batches = network(), images()
    clean = copy.deepcopy(model)
    quantize_model(model, SPEC, "rtn", batches, correct_bias=target)
    x = torch.cat(batches)

    def outputs(net):
        found = {}
        handles = [
            layer.register_forward_hook(
                lambda m, a, out, name=name: found.update({name: (a[0].detach(), out.detach())})
            )
            for name, layer in (("middle", net.middle), ("last", net.last))
        ]
        net(x)
        for handle in handles:
            handle.remove()
        return found

    ours, theirs = outputs(model), outputs(clean)
    for name in ("middle", "last"):
        if target == "network":
            expected = theirs[name][1].mean(0)
        else:
            expected = getattr(clean, name)(ours[name][0]).detach().mean(0)
        assert torch.allclose(ours[name][1].mean(0), expected, atol=1e-4)


@pytest.mark.parametrize("spec", [SPEC, QuantSpec(bits=4), QuantSpec(bits=4, granularity="group", group_size=5)])
def test_transposed_weights_are_quantized_as_the_linear_layers_they_are(spec, tmp_path):
    """Transformers' Conv1D computes x W + b with W (inputs, outputs): the same integers as nn.Linear, transposed."""
    from transformers.pytorch_utils import Conv1D

    linear, other = nn.Linear(12, 7), Conv1D(7, 12)
    with torch.no_grad():
        other.weight.copy_(linear.weight.T)
        other.bias.copy_(linear.bias)
    x = random(40, 12)
    rows = [quantize_model(nn.Sequential(each), spec, "gptq", [x]) for each in (linear, other)]
    assert rows[1].left_out == {}
    assert torch.equal(rows[0].quantized["0.weight"].q, rows[1].quantized["0.weight"].q.T)
    assert torch.equal(rows[1].quantized["0.weight"].dequantize(), other.weight)
    assert torch.allclose(linear(x), other(x), atol=1e-5)
    save_quantized(tmp_path / "w", rows[1].quantized)
    assert torch.equal(load_quantized(tmp_path / "w")["0.weight"].dequantize(), other.weight)


def test_mode_and_global_randomness_are_left_alone():
    model = network().train()
    state = torch.get_rng_state()
    quantize_model(model, SPEC, "adaround", images(2), settings={"iterations": 3})
    assert model.training
    assert torch.equal(state, torch.get_rng_state())


def test_bad_input_is_refused():
    with pytest.raises(UsageError, match="Nearest known: 'gptq'"):
        quantize_model(network(), SPEC, "gptqq", images())
    with pytest.raises(UsageError, match="'middle'"):
        quantize_model(network(), SPEC, skip=["midle"])
    for batches in (None, []):
        with pytest.raises(DataError, match="needs calibration batches"):
            quantize_model(network(), SPEC, "gptq", batches)
    with pytest.raises((ShapeError, RuntimeError)):
        quantize_model(network(), SPEC, "gptq", [random(4, 3, 4, 4)])
    with pytest.raises(DataError, match="calibration input holds"):
        quantize_model(network(), SPEC, "gptq", [torch.full((2, 2, 4, 4), math.nan)])
    broken = network()
    with torch.no_grad():
        broken.middle.weight[0, 0] = math.nan
    with pytest.raises(DataError, match=r"middle\.weight holds 1 of 192"):
        quantize_model(broken, SPEC)
