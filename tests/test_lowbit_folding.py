"""Batch-norm folding and zero-shot calibration: against the unfolded network, and what networks really see."""

import copy
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.activations import observe_inputs, quantize_inputs
from algorism.lowbit.folding import fold_batch_norm, fold_batch_norms
from algorism.lowbit.graph import Graph
from algorism.lowbit.quantizer import fake_quantize, quantize
from algorism.lowbit.spec import QuantSpec
from algorism.lowbit.zero_shot import distil_inputs, norm_ranges

EIGHT = QuantSpec(symmetric=False, signed=False)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def stirred(model):
    """Norms as training leaves them: nothing at its first value."""
    for at, norm in enumerate(m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)):
        size = norm.num_features
        with torch.no_grad():
            norm.running_mean.copy_(random(size, seed=at))
            norm.running_var.copy_(random(size, seed=at + 10).exp())
            if norm.affine:
                norm.weight.copy_(random(size, seed=at + 20))
                norm.bias.copy_(random(size, seed=at + 30))
    return model.eval()


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(5, 4, 3),
        nn.BatchNorm2d(4, affine=False),
        nn.ReLU6(),
        nn.Flatten(),
        nn.Linear(16, 6),
        nn.BatchNorm1d(6),
        nn.Linear(6, 3),
    )


class Branching(nn.Module):
    """Norms that must not be folded: behind a layer that something else uses, and behind a sum."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.second, self.summed = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.third, self.last = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        h = self.first(x)
        y = self.norm(h).relu() + h
        y = self.summed(self.second(y) + y)
        return self.last(self.third(torch.relu(y)))


def test_folding_is_exact():
    model = stirred(network()).double()
    x = random(8, 2, 8, 8).double()
    before = model(x)
    assert fold_batch_norms(model) == [("0", "1"), ("4", "5"), ("8", "9")]
    assert not any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.modules())
    assert torch.allclose(model(x), before, rtol=1e-12, atol=1e-12)


def test_each_folded_weight_is_the_nearest_float():
    layer, norm = nn.Linear(7, 5), stirred(nn.Sequential(nn.BatchNorm1d(5)))[0]
    w, b = layer.weight.detach().double(), layer.bias.detach().double()
    deviation = (norm.running_var.double() + norm.eps).sqrt()
    gamma, beta, mean = norm.weight.double(), norm.bias.double(), norm.running_mean.double()
    fold_batch_norm(layer, norm)
    assert torch.allclose(layer.weight.double(), gamma[:, None] * w / deviation[:, None], rtol=6.1e-8, atol=0)
    assert torch.allclose(layer.bias.double(), beta + gamma * (b - mean) / deviation, rtol=6.1e-8, atol=0)


def test_only_what_follows_a_layer_alone_is_folded():
    model = stirred(Branching())
    x = random(6, 4)
    before = model(x)
    assert fold_batch_norms(model) == [("third", "last")]
    assert isinstance(model.norm, nn.BatchNorm1d)
    assert isinstance(model.summed, nn.BatchNorm1d)
    assert torch.allclose(model(x), before, atol=1e-5)


def test_a_layer_that_is_used_twice_is_left():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(self.layer(self.layer(x)))

    assert fold_batch_norms(stirred(Twice())) == []


def test_models_without_a_trace_are_folded_by_name_and_wrong_pairs_refused():
    class Untraceable(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(self.layer(x)) if x.sum() > 0 else self.norm(self.layer(-x))

    model = stirred(Untraceable())
    before = model(torch.ones(2, 3))
    with pytest.raises(UsageError, match="cannot be traced"):
        fold_batch_norms(model)
    with pytest.raises(UsageError, match="no modules 'layer' and 'nrm'"):
        fold_batch_norms(model, [("layer", "nrm")])
    assert fold_batch_norms(model, [("layer", "norm")]) == [("layer", "norm")]
    assert torch.allclose(model(torch.ones(2, 3)), before, atol=1e-5)
    with pytest.raises(UsageError, match="got ReLU"):
        fold_batch_norm(nn.ReLU(), nn.BatchNorm1d(3))
    with pytest.raises(ShapeError, match="3 outputs for a norm of 4"):
        fold_batch_norm(nn.Linear(2, 3), nn.BatchNorm1d(4))
    moving = nn.BatchNorm1d(3, track_running_stats=False)
    with pytest.raises(UsageError, match="no running statistics"):
        fold_batch_norm(nn.Linear(2, 3), moving)
    assert fold_batch_norms(nn.Sequential(nn.Linear(2, 3), moving)) == []


def test_ranges_are_those_that_six_deviations_give():
    model = stirred(network())
    ranges = norm_ranges(model, input_range=(-2.0, 2.0))
    assert list(ranges) == ["0", "4", "8", "10"]
    assert ranges["0"] == (-2.0, 2.0)
    norm = model[1]
    highest = max((b + 6 * abs(g) for g, b in zip(norm.weight.tolist(), norm.bias.tolist())), default=0)
    assert ranges["4"] == (0.0, pytest.approx(highest))
    assert ranges["8"] == (0.0, 6.0)  # ReLU6, and no scale and shift: deviation 1
    assert ranges["10"][0] < 0 < ranges["10"][1]  # nothing in between
    assert "0" not in norm_ranges(model)
    # Inputs with the statistics that the norms remember stay inside, nearly always.
    x = random(64, 2, 8, 8)
    model.train()
    for _ in range(200):
        model(x)
    model.eval()
    seen = observe_inputs(model, EIGHT, [x])
    for name, (low, high) in norm_ranges(model).items():
        ends = [float(end) for end in seen[name].range()]
        assert low <= ends[0] <= ends[1] <= high
    with pytest.raises(UsageError, match="no layer has a batch norm"):
        norm_ranges(nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)))
    with pytest.raises(UsageError, match="sigmas"):
        norm_ranges(model, sigmas=0)


def test_the_graph_stops_where_values_are_changed():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Tanh(), nn.Linear(2, 2))
    assert Graph(model).norm_before("3") is None
    assert Graph(Branching()).norm_before("second") is None
    assert Graph(Branching()).norm_before("third") == ("summed", "relu")
    assert Graph(Branching()).first_layers() == ["first"]


def test_generated_inputs_have_the_statistics_that_norms_remember():
    model = network(1)
    real = random(256, 2, 8, 8) * 0.5 + 0.7
    model.train()
    for _ in range(100):
        model(real)
    model.eval()
    before = copy.deepcopy(model.state_dict())
    made = distil_inputs(model, (2, 8, 8), count=32, steps=60, input_mean=None, seed=2)
    assert made.losses[-1] < 0.2 * made.losses[0]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    wanted, seen = model[1].running_mean, model[0](made.inputs).mean((0, 2, 3))
    noise = model[0](random(32, 2, 8, 8, seed=2)).mean((0, 2, 3))
    assert (seen - wanted).abs().max() < 0.3 * (noise - wanted).abs().max()
    again = distil_inputs(model, (2, 8, 8), count=32, steps=60, input_mean=None, seed=2)
    assert torch.equal(made.inputs, again.inputs)


def test_the_first_loss_is_its_formula():
    parts = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3), nn.BatchNorm1d(3)
    model = stirred(nn.Sequential(*parts))
    made = distil_inputs(model, (1, 4, 4), count=5, steps=1, seed=4)
    x = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    first = model[0](x)
    second = model[3](model[2](model[1](first)))
    expected = 0.0
    for sample in range(5):  # per sample where it has several places
        for c in range(2):
            mean, variance = first[sample, c].mean().item(), first[sample, c].var(unbiased=False).item()
            expected += (mean - model[1].running_mean[c].item()) ** 2 / 5
            remembered = math.sqrt(model[1].running_var[c].item() + 1e-6)
            expected += (math.sqrt(variance + 1e-6) - remembered) ** 2 / 5
        expected += x[sample].mean().item() ** 2 / 5
        expected += (math.sqrt(x[sample].var(unbiased=False).item() + 1e-6) - 1) ** 2 / 5
    for c in range(3):  # of the batch where it has one
        deviation = math.sqrt(second[:, c].var(unbiased=False).item() + 1e-6)
        expected += (second[:, c].mean() - model[4].running_mean[c]).item() ** 2
        expected += (deviation - math.sqrt(model[4].running_var[c].item() + 1e-6)) ** 2
    assert made.losses[0] == pytest.approx(expected, rel=1e-4)


def test_generated_inputs_stay_in_their_range_and_need_norms():
    model = stirred(network())
    made = distil_inputs(model, (2, 8, 8), count=4, steps=3, clip=(-0.5, 0.5))
    assert made.inputs.abs().max() <= 0.5
    with pytest.raises(UsageError, match="Were they folded"):
        distil_inputs(nn.Linear(2, 2), (2,))
    with pytest.raises(UsageError, match="count and steps"):
        distil_inputs(model, (2, 8, 8), count=0)


def test_inputs_are_quantized_as_their_range_says():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    x, calibration = random(5, 4), random(50, 4, seed=1)
    with quantize_inputs(model, EIGHT, calibration.split(20)) as found:
        given = model(x)
    grid = found.grids["0"]
    assert (float(grid.scale), int(grid.zero_point)) == pytest.approx(
        [float(v) for v in (quantize(calibration, EIGHT).scale_og, quantize(calibration, EIGHT).zero_point_og)]
    )

    def on_grid(values, seen):
        scale, zero = (v.reshape(()) for v in (quantize(seen, EIGHT).scale_og, quantize(seen, EIGHT).zero_point_og))
        return ((values / scale).round() + zero).clamp(0, 255).sub(zero) * scale

    hidden = model[0](on_grid(x, calibration)).relu()
    expected = model[2](on_grid(hidden, model[0](calibration).relu()))
    assert torch.allclose(given, expected, atol=1e-5)
    assert torch.equal(model(x), model[2](model[0](x).relu()))  # nothing is left of it
    with quantize_inputs(model, QuantSpec(bits=4, dynamic=True, granularity="token")) as found:
        token = model(x)
    once = model[0](fake_quantize(x, QuantSpec(bits=4, dynamic=True, granularity="token"))).relu()
    assert torch.allclose(token, model[2](fake_quantize(once, QuantSpec(bits=4, dynamic=True, granularity="token"))))
    assert not found.grids


def test_layers_without_a_range_are_listed_and_mistakes_refused():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    x = random(5, 4)
    found = quantize_inputs(model, EIGHT, ranges={"1": (-1.0, 1.0)})
    assert found.left_out == {"0": "no range is known for its inputs"}
    found.remove()
    assert quantize_inputs(model, EIGHT, [x], skip=["0"]).left_out == {"0": "skipped as asked"}
    for wrong in ({}, {"batches": [x], "ranges": {"0": (0.0, 1.0)}}):
        with pytest.raises(UsageError, match="batches or ranges"):
            quantize_inputs(model, EIGHT, **wrong)
    with pytest.raises(UsageError, match="batches or ranges"):
        quantize_inputs(model, QuantSpec(dynamic=True), [x])
    with pytest.raises(UsageError, match="one scale per tensor"):
        quantize_inputs(model, QuantSpec(granularity="channel"), [x])
    with pytest.raises(UsageError, match="no linear layer or convolution '2'"):
        quantize_inputs(model, EIGHT, [x], skip=["2"])
    with pytest.raises(DataError, match="set is empty"):
        quantize_inputs(model, EIGHT, [])
    with pytest.raises(DataError, match="NaN"):
        quantize_inputs(model, EIGHT, [x * math.nan])
    with pytest.raises(DataError, match="low ≤ high"):
        quantize_inputs(model, EIGHT, ranges={"0": (1.0, -1.0)})
    assert not model[0]._forward_pre_hooks or len(model[0]._forward_pre_hooks) == 0


def test_tracing_leaves_networks_in_other_threads_alone():
    one, other = (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)) for _ in range(2))
    x, call = random(8, 4), nn.Module.__call__
    expected = other.eval()(x)

    def trace(_: int) -> bool:
        return Graph(one).norm_behind("0") == "1"

    def use(_: int) -> bool:
        return all(torch.equal(other(x), expected) for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(job, k) for k in range(40) for job in (trace, use)]
        assert all(job.result() for job in jobs)
    assert nn.Module.__call__ is call
