"""Post-training methods: against brute force, least squares step by step, closed forms and Monte Carlo."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from algorism.errors import DataError, ShapeError, UsageError
from algorism.lowbit.methods.adaround import adaround, stretched_sigmoid
from algorism.lowbit.methods.awq import awq
from algorism.lowbit.methods.bias_correction import expected_input, expected_shift, mean_shift
from algorism.lowbit.methods.equalisation import equalise, equalise_chain, equalise_depthwise
from algorism.lowbit.methods.gptq import gptq
from algorism.lowbit.methods.layers import input_rows, row_errors, second_moment, weight_rows
from algorism.lowbit.methods.rtn import rtn
from algorism.lowbit.methods.smoothquant import smoothing_scale
from algorism.lowbit.spec import QuantSpec

CHANNEL = QuantSpec(bits=3, granularity="channel")


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def correlated(n, i, seed=0):
    """Inputs as layers see them: far from independent."""
    return random(n, i, seed=seed) @ random(i, i, seed=seed + 1000) + random(1, i, seed=seed + 2000)


def squared(w, approximate, x):
    """Mean over samples of ‖(W − Ŵ)x‖², from the definition."""
    return float(((x.double() @ (w - approximate).double().T) ** 2).sum(1).mean())


def test_gptq_is_never_worse_than_rtn_on_200_layers():
    better, ratio = 0, []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        o, i, n = int(rng.integers(1, 9)), int(rng.integers(1, 33)), int(rng.integers(1, 65))
        grouped = seed % 3 == 0
        spec = QuantSpec(
            bits=int(rng.integers(1, 9)),
            symmetric=seed % 2 == 0,
            granularity="group" if grouped else ("tensor", "channel")[seed % 2],
            group_size=int(rng.integers(1, 20)) if grouped else None,
            range=("minmax", "mse")[seed % 5 == 0],
        )
        w, x = random(o, i, seed=seed), correlated(n, i, seed)
        order = bool(rng.integers(2))
        result = gptq(
            w,
            second_moment([x], i),
            spec,
            act_order=order,
            static_groups=order or bool(seed % 4),
            block=int(rng.integers(1, 9)),
        )
        ours, plain = (squared(w, q.dequantize(), x) for q in (result.quantized, rtn(w, spec)))
        assert ours <= plain * (1 + 1e-9) + 1e-12
        assert result.error == pytest.approx(ours, rel=1e-6, abs=1e-12)
        assert result.rtn_error == pytest.approx(plain, rel=1e-6, abs=1e-12)
        better += ours < plain
        ratio.append(ours / plain if plain else 1)
    assert better > 120  # and not only by keeping what rounding gave
    assert np.median(ratio) < 0.8


def optimal_brain_quantization(w, x, grid, damping):
    """The same once more, without any factorisation: fix a weight, then solve for all later ones by least squares."""
    h = 2 * x.T @ x / len(x)
    h = h + damping * np.trace(h) / len(h) * np.eye(len(h))
    fixed = []
    for at in range(len(w)):
        free = list(range(at, len(w)))
        current = w[free].copy()
        if fixed:
            done = list(range(at))
            current = w[free] - np.linalg.solve(
                h[np.ix_(free, free)], h[np.ix_(free, done)] @ (np.array(fixed) - w[done])
            )
        fixed.append(float(grid[np.abs(grid - current[0]).argmin()]))
    return np.array(fixed)


@pytest.mark.parametrize("block", [1, 3, 128])
def test_gptq_is_least_squares_step_by_step(block):
    equal = 0
    for seed in range(20):
        w, x = random(1, 7, seed=seed), correlated(40, 7, seed)
        result = gptq(w, second_moment([x], 7), CHANNEL, block=block)
        grid = np.arange(CHANNEL.qmin, CHANNEL.qmax + 1) * result.quantized.scale_og.item()
        expected = optimal_brain_quantization(w[0].double().numpy(), x.double().numpy(), grid, 0.01)
        if result.rounded_rows == 0:
            assert np.allclose(result.quantized.dequantize()[0].numpy(), expected, atol=1e-6)
            equal += 1
    assert equal >= 15


def test_gptq_against_brute_force():
    spec = QuantSpec(bits=2, granularity="channel", restricted=False)
    gaps = []
    for seed in range(30):
        w, x = random(1, 4, seed=seed), correlated(16, 4, seed)
        result = gptq(w, second_moment([x], 4), spec, act_order=True)
        scale = result.quantized.scale_og.item()
        choices = torch.tensor(list(itertools.product(range(-2, 2), repeat=4))) * scale
        best = float(((x.double() @ (w - choices).double().T) ** 2).mean(0).min())
        assert best <= result.error * (1 + 1e-6)
        gaps.append((result.error - best, result.rtn_error - best))
    ours, plain = np.sum(gaps, axis=0)
    assert ours < 0.5 * plain


def test_gptq_repairs_and_reports():
    w = random(3, 4)
    hessian = torch.diag(torch.tensor([1.0, -5.0, 1.0, 7.0])).double()  # not a second moment: nothing can help
    broken = gptq(w, hessian, CHANNEL)
    assert broken.damping is None
    assert torch.equal(broken.quantized.q, rtn(w, CHANNEL).q)
    singular = torch.ones(4, 4).double()
    assert gptq(w, singular, CHANNEL, damping=0.0).damping == pytest.approx(1e-4)
    dead = correlated(30, 4)
    dead[:, 2] = 0
    assert gptq(w, second_moment([dead], 4), CHANNEL).damping == 0.01


def test_gptq_refuses():
    w, h = random(3, 4), torch.eye(4).double()
    with pytest.raises(ShapeError, match="Hessian of shape"):
        gptq(w, torch.eye(5), CHANNEL)
    with pytest.raises(DataError, match="Hessian holds NaN"):
        gptq(w, h * math.nan, CHANNEL)
    with pytest.raises(DataError, match="weights holds 12 of 12"):
        gptq(w * math.inf, h, CHANNEL)
    with pytest.raises(UsageError, match="static_groups=True"):
        gptq(w, h, CHANNEL, act_order=True, static_groups=False)
    with pytest.raises(UsageError, match="rounding='nearest'"):
        gptq(w, h, QuantSpec(rounding="stochastic"))
    with pytest.raises(UsageError, match="along axis 0"):
        gptq(w, h, QuantSpec(granularity="channel", axis=1))
    with pytest.raises(DataError, match="set is empty"):
        second_moment([], 4)
    with pytest.raises(ShapeError, match="expected \\(samples, 4\\)"):
        second_moment([random(3, 5)], 4)


def test_the_hessian_does_not_depend_on_batches():
    x = random(50, 6)
    assert torch.allclose(second_moment(x.split(7), 6), 2 * x.double().T @ x.double() / 50)
    w, q = random(2, 6, seed=1), random(2, 6, seed=2)
    assert float(row_errors(w, q, second_moment([x], 6)).sum()) == pytest.approx(squared(w, q, x))


def test_convolutions_are_matrices():
    layer = nn.Conv2d(3, 5, (3, 2), stride=2, padding=1, dilation=(1, 2))
    x = random(2, 3, 9, 8)
    rows = input_rows(layer, x)
    y = rows @ weight_rows(layer).T + layer.bias.detach()
    expected = layer(x).detach().permute(0, 2, 3, 1).reshape(-1, 5)
    assert torch.allclose(y, expected, atol=1e-5)
    with pytest.raises(ShapeError, match="3 channels"):
        input_rows(layer, random(2, 4, 9, 8))
    with pytest.raises(ShapeError, match="6 inputs"):
        input_rows(nn.Linear(6, 2), random(2, 5))


@pytest.mark.parametrize("activation", [None, torch.relu])
def test_adaround_is_never_worse_and_usually_better(activation):
    finish = activation or (lambda y: y)
    for seed in range(3):
        w, x, bias = random(4, 10, seed=seed), correlated(100, 10, seed) / 10, random(4, seed=seed)
        fast = {"iterations": 150, "learning_rate": 0.1, "regulariser": 0.1}
        learned = adaround(w, x, CHANNEL, bias_o=bias, activation=activation, seed=seed, **fast)
        plain = rtn(w, CHANNEL)
        target = finish(x @ w.T + bias)
        ours, theirs = ((finish(x @ q.dequantize().T + bias) - target).square().sum(0) for q in (learned, plain))
        assert (ours <= theirs * (1 + 1e-5)).all()
        assert ours.sum() < 0.95 * theirs.sum()
        assert torch.equal(learned.scale_og, plain.scale_og)
        position = w / plain.scale_og
        assert ((learned.q - position).abs() <= 1 + 1e-4).all()  # up or down, never farther


def test_adaround_comes_near_the_best_of_all_roundings():
    w, x = random(1, 6, seed=4), correlated(60, 6, 4) / 10
    spec = QuantSpec(bits=4, granularity="channel")
    learned = adaround(w, x, spec, iterations=150, learning_rate=0.1, regulariser=0.1)
    scale = learned.scale_og.item()
    floor = torch.floor(w / scale)
    choices = (floor + torch.tensor(list(itertools.product((0, 1), repeat=6)))).clamp(-7, 7) * scale
    errors = ((x @ (w - choices).T) ** 2).mean(0)
    assert squared(w, learned.dequantize(), x) <= float(errors.sort().values[3]) * (1 + 1e-5)


def test_adaround_starts_at_the_float_weights_and_refuses():
    fraction = torch.linspace(0.01, 0.99, 9)
    v = -torch.log(1.2 / (fraction + 0.1) - 1)
    assert torch.allclose(stretched_sigmoid(v), fraction, atol=1e-6)
    w = random(2, 3)
    with pytest.raises(DataError, match="empty"):
        adaround(w, torch.ones(0, 3), CHANNEL)
    with pytest.raises(ShapeError, match="weight of 3 inputs"):
        adaround(w, torch.ones(4, 2), CHANNEL)
    with pytest.raises(ShapeError, match="targets"):
        adaround(w, torch.ones(4, 3), CHANNEL, targets_no=torch.ones(3, 2))
    with pytest.raises(UsageError, match="bits ≥ 2"):
        adaround(w, torch.ones(4, 3), QuantSpec(bits=1))


def test_bias_correction_restores_the_mean():
    w, x, clean = random(5, 8), correlated(200, 8), correlated(300, 8, 9)
    q = rtn(w, QuantSpec(bits=2, granularity="channel")).dequantize()
    same_inputs = x @ q.T - mean_shift(w, q, x)
    assert torch.allclose(same_inputs.mean(0), (x @ w.T).mean(0), atol=1e-4)
    float_inputs = x @ q.T - mean_shift(w, q, x, clean)
    assert torch.allclose(float_inputs.mean(0), (clean @ w.T).mean(0), atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "relu6", "none"])
def test_expected_inputs_are_those_of_samples(activation):
    beta, gamma = torch.tensor([-2.0, 0.0, 1.5, 5.0]), torch.tensor([1.0, -2.0, 0.5, 3.0])
    x = beta + gamma.abs() * random(400_000, 4)
    x = {"relu": x.relu(), "relu6": x.clamp(0, 6), "none": x}[activation]
    expected = expected_input(beta, gamma, activation)
    assert torch.allclose(x.mean(0), expected, atol=0.03)
    w, q = random(2, 4), random(2, 4, seed=1)
    assert torch.allclose(expected_shift(w, q, expected), mean_shift(w, q, x), atol=0.1)


def badly_scaled(*layers):
    for seed, layer in enumerate(layers):
        with torch.no_grad():
            factor = random(layer.weight.shape[0], seed=seed + 50).mul(2).exp()
            layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    return layers


def test_equalisation_leaves_the_function_and_helps_a_grid_per_tensor():
    torch.manual_seed(0)
    layers = badly_scaled(nn.Linear(12, 32), nn.Linear(32, 16), nn.Linear(16, 4))
    net = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    x = random(64, 12)
    before = net(x).detach()

    def error(spec):
        h = x
        for at, layer in enumerate(layers):
            h = h @ rtn(layer.weight, spec).dequantize().T + layer.bias.detach()
            h = h.relu() if at < 2 else h
        return float((h - before).square().mean() / before.square().mean())

    tensor, channel = QuantSpec(bits=6), QuantSpec(bits=6, granularity="channel")
    worse = error(tensor)
    assert equalise_chain(layers) > 1
    after = net(x).detach()
    assert float((after - before).abs().max()) <= 1e-5 * float(before.abs().max())
    assert error(tensor) < 0.3 * worse
    assert error(tensor) < 10 * error(channel)
    out = layers[0].weight.detach().abs().amax(1)
    into = layers[1].weight.detach().abs().amax(0)
    assert torch.allclose(out, into, rtol=1e-4)


def test_equalisation_of_convolutions_and_dead_channels():
    first, middle, last = badly_scaled(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 2, 1))
    with torch.no_grad():
        first.weight[2] = 0
    net = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)
    x = random(2, 3, 9, 9)
    before = net(x).detach()
    s12, s23 = equalise_depthwise(first, middle, last)
    assert s12[2] == s23[2] == 1
    assert torch.allclose(net(x).detach(), before, atol=1e-5 * float(before.abs().max()))
    ranges = [layer.weight.detach().flatten(1).abs().amax(1) for layer in (first, middle)]
    ranges.append(last.weight.detach().abs().amax((0, 2, 3)))
    alive = torch.arange(6) != 2
    assert torch.allclose(ranges[0][alive], ranges[1][alive], rtol=1e-4)
    assert torch.allclose(ranges[1][alive], ranges[2][alive], rtol=1e-4)
    with pytest.raises(UsageError, match="equalise_depthwise"):
        equalise(first, middle)
    with pytest.raises(ShapeError, match="6 outputs, the second 5 inputs"):
        equalise(first, nn.Conv2d(5, 2, 1))


def test_awq_is_never_worse_and_protects_large_inputs():
    gains = []
    for seed in range(15):
        w = random(8, 16, seed=seed)
        x = random(60, 16, seed=seed + 1) * random(16, seed=seed + 2).mul(1.5).exp()
        result = awq(w, x, CHANNEL)
        ours, plain = (squared(w, a, x) for a in (result.effective_weight(), rtn(w, CHANNEL).dequantize()))
        assert ours <= plain * (1 + 1e-6)
        assert result.error == pytest.approx(ours, rel=1e-5)
        assert result.rtn_error == pytest.approx(plain, rel=1e-5)
        gains.append(ours / plain)
        folded = (x / result.scale_i) @ result.quantized.dequantize().T
        assert torch.allclose(folded, x @ result.effective_weight().T, rtol=1e-3, atol=1e-3)
    assert np.median(gains) < 0.9
    zero = torch.zeros(5, 16)
    assert awq(w, zero, CHANNEL).error == 0
    with pytest.raises(DataError, match="empty"):
        awq(w, x[:0], CHANNEL)


def test_smoothing_keeps_the_product_and_balances():
    w, x = random(8, 16), random(60, 16, seed=1)
    x[:, 3] *= 100
    x[:, 5] = 0
    s = smoothing_scale(x.abs().amax(0), w)
    assert torch.allclose((x / s) @ (w * s).T, x @ w.T, rtol=1e-4, atol=1e-3)
    peaks, weights = (x / s).abs().amax(0), (w * s).abs().amax(0)
    used = torch.arange(16) != 5
    assert torch.allclose(peaks[used], weights[used], rtol=1e-5)
    assert s[5] == 1
    with pytest.raises(ShapeError):
        smoothing_scale(torch.ones(3), w)
    with pytest.raises(UsageError):
        smoothing_scale(torch.ones(16), w, alpha=2)
