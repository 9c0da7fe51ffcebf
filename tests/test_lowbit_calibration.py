"""Ranges and observers: against NumPy, plain loops, and the brief's table of best clips."""

import math

import numpy as np
import pytest
import torch

from algorism.errors import DataError, ShapeError
from algorism.lowbit import aciq
from algorism.lowbit.observers import MinMax, Sampling, observer
from algorism.lowbit.quantizer import fake_quantize, quantize
from algorism.lowbit.ranges import RANGES, entropy_threshold
from algorism.lowbit.spec import RANGE_METHODS, QuantSpec


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Brief, anchor 2: best clip (mean squared error) on 200,000 samples and a grid of 0.05.
CLIPS = [
    ("gaussian", 2, (2.00, 0.1194), (1.20, 0.1913), (1.60, 0.1500)),
    ("laplace", 2, (3.10, 0.398), (2.00, 0.534), (2.60, 0.421)),
    ("gaussian", 3, (2.35, 0.0378), (1.95, 0.0472), (2.10, 0.0408)),
    ("laplace", 3, (4.15, 0.146), (3.50, 0.169), (3.80, 0.147)),
    ("gaussian", 4, (2.70, 0.0117), (2.50, 0.0130), (2.55, 0.0119)),
    ("laplace", 4, (5.25, 0.0517), (4.85, 0.0557), (5.00, 0.0514)),
    ("gaussian", 8, (3.95, 9e-5), (4.00, None), (3.95, None)),
    ("laplace", 8, (9.85, 5.5e-4), (9.70, None), (9.75, None)),
]


@pytest.mark.parametrize(("distribution", "bits", "rise", "restricted", "full"), CLIPS)
def test_best_clips_are_the_briefs(distribution, bits, rise, restricted, full):
    for grid, (clip, error) in (("mid-rise", rise), ("restricted", restricted), ("full", full)):
        ours, expected = aciq.best(distribution, grid, bits)
        # The brief's own figures come from samples on a grid of 0.05; at 8 bits the minimum is flat.
        assert ours == pytest.approx(clip, abs=0.06 if bits < 8 else 0.2)
        if error is not None:
            assert expected == pytest.approx(error, rel=0.03 if bits < 8 else 0.1)


@pytest.mark.parametrize("bits", [2, 3])
def test_max_1960(bits):
    assert aciq.best("gaussian", "mid-rise", bits)[1] == pytest.approx({2: 0.1188, 3: 0.0374}[bits], abs=6e-5)


@pytest.mark.parametrize("distribution", ["gaussian", "laplace"])
def test_the_integrals_equal_a_sum_over_many_samples(distribution):
    rng = np.random.default_rng(0)
    x = rng.normal(size=400_000) if distribution == "gaussian" else rng.laplace(size=400_000)
    levels = aciq.levels_of("full", 3, 2.2)
    error = (levels[np.abs(x[:, None] - levels).argmin(1)] - x) ** 2
    expected = aciq.expected_error(distribution, levels)
    assert abs(error.mean() - expected) < 5 * error.std() / math.sqrt(len(x))


@pytest.mark.parametrize(
    ("spec", "clip"),
    [(QuantSpec(bits=4, range="aciq"), 2.5), (QuantSpec(bits=4, range="aciq", restricted=False), 2.55)],
)
def test_aciq_finds_width_and_family(spec, clip):
    scaled = random(1, 100_000) * 7
    assert RANGES["aciq"](scaled, spec)[1].item() == pytest.approx(7 * clip, rel=0.03)
    laplace = torch.from_numpy(np.random.default_rng(0).laplace(size=(1, 100_000))).float() * 7
    assert RANGES["aciq"](laplace, spec)[1].item() == pytest.approx(7 * (4.85 if spec.restricted else 5.0), rel=0.03)


def test_aciq_of_rectified_values_is_that_of_their_other_half():
    x = random(1, 200_000)
    half = RANGES["aciq"](x.clamp(min=0), QuantSpec(bits=3, range="aciq", signed=False))[1].item()
    assert half == pytest.approx(RANGES["aciq"](x, QuantSpec(bits=4, range="aciq"))[1].item(), rel=0.02)


def test_percentile_is_the_kth_value():
    x = random(3, 1000)
    low, high = RANGES["percentile"](x, QuantSpec(range="percentile", percentile=99.0))
    ordered = np.sort(x.numpy(), axis=1)
    assert np.array_equal(high.numpy(), ordered[:, 989])
    assert np.array_equal(low.numpy(), ordered[:, 10])


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_mse_is_never_worse_than_minmax_and_is_the_best_of_its_candidates(bits, symmetric):
    x = random(500, seed=bits) ** 3
    spec = QuantSpec(bits=bits, symmetric=symmetric, range="mse")
    searched = (fake_quantize(x, spec) - x).square().sum().item()
    plain = (fake_quantize(x, QuantSpec(bits=bits, symmetric=symmetric)) - x).square().sum().item()
    assert searched <= plain
    low, high = x.min().item(), x.max().item()
    for shrink in np.linspace(0.01, 1, 34):
        edges = torch.tensor([low * shrink, high * shrink], dtype=torch.float32)
        other = quantize(edges, QuantSpec(bits=bits, symmetric=symmetric))
        q = (x * (1 / other.scale_og) + other.zero_point_og).round().clamp(other.spec.qmin, other.spec.qmax)
        if other.spec.binary:
            q = torch.where(x >= 0, 1.0, -1.0)[None]
        error = ((q - other.zero_point_og) * other.scale_og - x).square().sum().item()
        assert searched <= error * (1 + 1e-5)


def slow_entropy(size, levels, bins=2048):
    """TensorRT's recipe once more, with loops."""
    top = float(size.max())
    counts = np.histogram(size, bins=bins, range=(0, top))[0].astype(float)
    best, chosen = math.inf, None
    for i in range(levels, bins + 1, 97):
        p = counts[:i].copy()
        p[i - 1] += counts[i:].sum()
        q = np.zeros(i)
        for j in range(levels):
            start = j * (i // levels)
            stop = (j + 1) * (i // levels) if j < levels - 1 else i
            live = [k for k in range(start, stop) if counts[k] > 0]
            for k in live:
                q[k] = counts[start:stop].sum() / len(live)
        p, q = p / p.sum(), q / q.sum()
        divergence = sum(a * math.log(a / max(b, 1e-10)) for a, b in zip(p, q) if a > 0)
        if divergence < best:
            best, chosen = divergence, i
    return chosen, best


def test_entropy_equals_a_plain_loop(monkeypatch):
    from algorism.lowbit import ranges

    size = random(20_000).abs().numpy()
    tried = {}
    original = ranges._divergence

    def spy(counts, beyond, levels):
        tried[len(counts)] = original(counts, beyond, levels)
        return tried[len(counts)]

    monkeypatch.setattr(ranges, "_divergence", spy)
    threshold = entropy_threshold(torch.from_numpy(size), 8)
    chosen, best = slow_entropy(size, 8)
    assert tried[chosen] == pytest.approx(best, rel=1e-2)  # histc and histogram may put a value into the next bin
    least = min(tried, key=tried.get)
    assert threshold == pytest.approx((least + 0.5) * size.max() / 2048, rel=1e-6)


def test_entropy_ignores_one_outlier_that_minmax_does_not():
    """Claim 4 of the brief, on a Gaussian with an outlier of 60 σ."""
    x = random(50_000)
    x[0] = 60.0
    for method in ("entropy", "mse", "percentile", "aciq"):
        error = {
            name: (fake_quantize(x, QuantSpec(bits=4, range=name))[1:] - x[1:]).square().mean().item()
            for name in ("minmax", method)
        }
        assert error[method] < 0.1 * error["minmax"]


def test_running_and_moving_ranges():
    batches = [random(4, 6, seed=s) + s for s in range(3)]
    seen = observer(QuantSpec(symmetric=False))
    moving = observer(QuantSpec(symmetric=False, range="moving-average", momentum=0.9))
    expected = None
    for batch in batches:
        seen.observe(batch)
        moving.observe(batch)
        ends = np.array([batch.min().item(), batch.max().item()])
        expected = ends if expected is None else 0.9 * expected + 0.1 * ends
    assert [end.item() for end in seen.range()] == [torch.cat(batches).min().item(), torch.cat(batches).max().item()]
    assert [end.item() for end in moving.range()] == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.parametrize("method", RANGE_METHODS)
def test_one_batch_gives_what_the_tensor_itself_gives(method):
    x = random(3, 500)
    for granularity in ("tensor", "channel"):
        spec = QuantSpec(bits=5, granularity=granularity, range=method)
        seen = observer(spec)
        seen.observe(x)
        assert torch.equal(seen.quantize(x).q, quantize(x, spec).q)


def test_batches_together_are_one_sample():
    spec = QuantSpec(range="percentile", percentile=90.0, granularity="channel", axis=1)
    parts, whole = Sampling(spec), Sampling(spec)
    x = random(300, 4)
    for part in x.split(70):
        parts.observe(part)
    whole.observe(x)
    assert torch.equal(parts.range()[1], whole.range()[1])


def test_the_sample_stays_small_and_fair():
    spec = QuantSpec(range="percentile", percentile=75.0)
    seen = Sampling(spec, seed=1, kept=4000)
    for s in range(50):  # the batches differ: each is one number
        seen.observe(torch.full((1000,), float(s)))
    assert sum(part.numel() for part, _ in seen.parts) <= 4000
    # The 75th percentile of 0..49 is 37; five standard errors of a sample of 4,000.
    assert seen.range()[1].item() == pytest.approx(37, abs=5 * 50 * math.sqrt(0.1875 / 4000))


def test_dynamic_ranges_follow_each_call():
    static, dynamic = observer(QuantSpec()), observer(QuantSpec(dynamic=True))
    for each in (static, dynamic):
        each.observe(torch.tensor([1.0, -1.0]))
    large = torch.tensor([10.0, -10.0])
    assert static.quantize(large).dequantize().tolist() == [1.0, -1.0]
    assert dynamic.quantize(large).dequantize().tolist() == pytest.approx([10.0, -10.0], rel=1e-6)


def test_an_observer_that_saw_nothing_says_so():
    for method in RANGE_METHODS:
        with pytest.raises(DataError, match="no batch was observed"):
            observer(QuantSpec(range=method)).range()


def test_wrong_widths_and_bad_batches_are_refused():
    for method in ("minmax", "percentile"):
        seen = observer(QuantSpec(range=method, granularity="channel", axis=1))
        seen.observe(torch.ones(5, 3))
        with pytest.raises(ShapeError, match="after batches with"):
            seen.observe(torch.ones(5, 4))
        with pytest.raises(DataError, match="NaN"):
            seen.observe(torch.full((5, 3), math.nan))
        with pytest.raises(DataError, match="empty"):
            seen.observe(torch.ones(0, 3))
        assert seen.batches == 1
    assert isinstance(observer(QuantSpec()), MinMax)
