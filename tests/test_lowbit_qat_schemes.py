"""DoReFa, trained ternary, PACT and LSQ+: against autograd on other formulas, plain loops, and networks that learn."""

import copy
import math

import pytest
import torch
from torch import nn

from algorism.errors import DataError, UsageError
from algorism.lowbit.nonuniform import CodebookSpec, quantize_codebook
from algorism.lowbit.qat import convert, prepare_with
from algorism.lowbit.qat_activations import DoReFaActivation, LearnedStepOffset, Pact
from algorism.lowbit.qat_weights import DoReFaWeight, TrainedTernary
from algorism.lowbit.quantizer import fake_quantize
from algorism.lowbit.spec import QuantSpec
from algorism.lowbit.storage import load_quantized, save_quantized

ASYMMETRIC = QuantSpec(bits=3, symmetric=False)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_dorefa_weights_are_the_papers_formula(bits):
    w = random(4, 9)
    steps = 2**bits - 1
    largest = max(abs(math.tanh(v)) for v in w.reshape(-1).tolist())
    expected = [2 * round((math.tanh(v) / (2 * largest) + 0.5) * steps) / steps - 1 for v in w.reshape(-1).tolist()]
    quantizer = DoReFaWeight(bits)
    assert quantizer(w).reshape(-1).tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.allclose(quantizer.quantized(w).dequantize(), quantizer(w), atol=1e-6)
    assert len(quantizer(random(5000)).unique()) == 2**bits


def test_one_bit_dorefa_is_the_scaled_sign():
    w = random(3, 7).requires_grad_()
    y = DoReFaWeight(1)(w)
    assert torch.allclose(y, torch.where(w >= 0, 1.0, -1.0) * w.abs().mean())
    (y * 2).sum().backward()
    assert torch.equal(w.grad, torch.full((3, 7), 2.0))
    assert torch.allclose(DoReFaWeight(1).quantized(w).dequantize(), y)


def test_dorefas_gradient_is_that_without_rounding():
    w, slope = random(4, 9).requires_grad_(), random(4, 9, seed=1)
    (DoReFaWeight(2)(w) * slope).sum().backward()
    x = w.detach().double().requires_grad_()
    smooth = torch.tanh(x) / torch.tanh(x).abs().max()
    (smooth * slope).sum().backward()
    assert torch.allclose(w.grad.double(), x.grad, atol=1e-6)


def test_dorefa_activations_are_clipped_and_rounded():
    x = torch.linspace(-0.5, 1.5, 41).requires_grad_()
    y = DoReFaActivation(2)(x)
    assert y.tolist() == pytest.approx([round(min(max(v, 0), 1) * 3) / 3 for v in x.tolist()], abs=1e-6)
    y.sum().backward()
    assert torch.equal(x.grad, ((x >= 0) & (x <= 1)).float())


def test_ternary_values_and_gradients_are_the_papers():
    w = random(6, 20).requires_grad_()
    fake = TrainedTernary(w)
    delta = 0.05 * w.abs().max()
    above, below = w.detach() > delta, w.detach() < -delta
    assert fake.plus.item() == pytest.approx(w.detach()[above].mean().item())
    assert fake.minus.item() == pytest.approx(-w[below].mean().item())
    y = fake(w)
    assert torch.equal(y, torch.where(above, fake.plus, torch.where(below, -fake.minus, torch.zeros(()))))
    slope = random(6, 20, seed=1)
    (y * slope).sum().backward()
    # Equations 7 and 8: each magnitude gets its members' gradients; the latent weights' are scaled by it.
    assert float(fake.plus.grad) == pytest.approx(slope[above].sum().item(), abs=1e-4)
    assert float(fake.minus.grad) == pytest.approx(-slope[below].sum().item(), abs=1e-4)
    factor = torch.where(above, fake.plus, torch.where(below, fake.minus, torch.ones(())))
    assert torch.allclose(w.grad, slope * factor)
    assert torch.equal(fake.quantized(w).dequantize(), y)


def test_ternary_survives_zeros_one_side_and_a_change_of_order():
    assert torch.equal(TrainedTernary(torch.zeros(4))(torch.zeros(4)), torch.zeros(4))
    assert torch.equal(TrainedTernary(torch.ones(4))(torch.ones(4)), torch.ones(4))
    w = random(30)
    fake = TrainedTernary(w)
    with torch.no_grad():
        fake.minus.fill_(-2.0)  # training may do that: the "negative" level is the largest one now
    assert torch.equal(fake.quantized(w).dequantize(), fake(w))
    with pytest.raises(UsageError, match="threshold"):
        TrainedTernary(w, 1.0)
    with pytest.raises(UsageError, match="from 1 to 8"):
        DoReFaWeight(9)


@pytest.mark.parametrize("make", [TrainedTernary, lambda weight: DoReFaWeight(3)])
def test_networks_learn_on_these_grids_and_are_stored(make, tmp_path):
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
    x = random(256, 6)
    y = teacher(x).detach()
    student = copy.deepcopy(teacher)
    assert prepare_with(student, make) == ["0", "2"]
    first = (student(x) - y).square().mean().item()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        (student(x) - y).square().mean().backward()
        optimizer.step()
    on_the_grid = student(x).detach()
    assert (on_the_grid - y).square().mean().item() < 0.5 * first
    found = convert(student)
    assert torch.allclose(student(x), on_the_grid, atol=1e-5)
    save_quantized(tmp_path / "w", found)
    loaded = load_quantized(tmp_path / "w")
    assert torch.equal(loaded["2.weight"].dequantize(), student[2].weight)


def test_trained_levels_have_no_quantizer_of_their_own():
    with pytest.raises(UsageError, match="come from training"):
        quantize_codebook(random(4), CodebookSpec("trained", 2))
    with pytest.raises(UsageError, match="larger than the group"):
        CodebookSpec("trained", 2, "group", 4)


def test_pact_clips_rounds_and_teaches_its_end():
    x = torch.linspace(-1, 5, 62).requires_grad_()
    layer = Pact(3, alpha=2.0)
    y = layer(x)
    expected = [round(min(max(v, 0), 2.0) * 7 / 2.0) * 2.0 / 7 for v in x.tolist()]
    assert y.tolist() == pytest.approx(expected, abs=1e-5)
    slope = random(62)
    (y * slope).sum().backward()
    beyond = x.detach() > 2.0
    assert float(layer.alpha.grad) == pytest.approx(slope[beyond].sum().item(), abs=0.51 * slope.abs().max().item())
    inside = (x.detach() > 0) & (x.detach() < 2.0)
    assert torch.equal(x.grad[inside], slope[inside])
    assert not x.grad[beyond].any()
    assert not x.grad[x.detach() < 0].any()
    layer.alpha.grad = None
    layer.penalty().backward()
    assert float(layer.alpha.grad) == 4.0
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(UsageError, match="above 0"):
            Pact(3, alpha=bad)


def test_the_learned_offset_has_the_gradient_of_its_formula():
    layer = LearnedStepOffset(ASYMMETRIC)
    x = random(200)
    layer(x)  # starts from it
    with torch.no_grad():
        layer.step.mul_(0.6)  # so that something is clipped
        layer.offset.add_(0.3)
    slope = random(200, seed=1)
    given = x.clone().requires_grad_()
    (layer(given) * slope).sum().backward()

    step, offset = (p.detach().double().requires_grad_() for p in (layer.step, layer.offset))
    y = x.double().requires_grad_()
    v = ((y - offset) / step).clamp(ASYMMETRIC.qmin, ASYMMETRIC.qmax)
    ((v + (v.round() - v).detach()) * step + offset).mul(slope).sum().backward()
    gain = 1 / math.sqrt(200 * ASYMMETRIC.qmax)
    assert torch.allclose(given.grad.double(), y.grad)
    assert float(layer.step.grad) == pytest.approx(step.grad.item() * gain, rel=1e-4)
    assert float(layer.offset.grad) == pytest.approx(offset.grad.item() * gain, rel=1e-4)
    assert (given.grad == 0).any()


def test_the_learned_offset_starts_where_calibration_ends():
    x = random(500)
    layer = LearnedStepOffset(ASYMMETRIC)
    assert torch.allclose(layer(x), fake_quantize(x, ASYMMETRIC), atol=1e-5)
    scale, zero = layer.grid()
    again = ((x / scale).round() + zero).clamp(ASYMMETRIC.qmin, ASYMMETRIC.qmax).sub(zero) * scale
    assert torch.allclose(again.reshape(-1), fake_quantize(x, ASYMMETRIC), atol=1e-5)
    fresh = LearnedStepOffset(ASYMMETRIC)
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh.eval()(x), layer.eval()(x))  # what was learned is saved
    with pytest.raises(DataError, match="no batch was seen"):
        LearnedStepOffset(ASYMMETRIC).eval()(x)
    for spec in (QuantSpec(), QuantSpec(symmetric=False, granularity="channel")):
        with pytest.raises(UsageError, match="asymmetric"):
            LearnedStepOffset(spec)


@pytest.mark.parametrize(
    "make", [lambda: Pact(2, alpha=1.0), lambda: LearnedStepOffset(QuantSpec(bits=2, symmetric=False))]
)
def test_learned_ranges_lower_the_error_of_what_follows(make):
    """A layer is to reproduce its own rectified inputs on four levels: learning the range must help."""
    x = random(2000).relu() + 0.3 * random(2000, seed=1).relu()
    layer = make()
    errors = []
    optimizer = torch.optim.Adam(layer.parameters(), lr=2e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (layer(x) - x).square().mean()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    assert min(errors) < 0.8 * errors[0]
