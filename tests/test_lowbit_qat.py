"""Quantization-aware training: gradients against autograd on other formulas, and a network that learns on its grid."""

import copy

import pytest
import torch
from torch import nn

from algorism.errors import ShapeError, UsageError
from algorism.lowbit.distillation import distillation_loss
from algorism.lowbit.methods import rtn
from algorism.lowbit.qat import QAT_METHODS, FakeQuantize, convert, prepare
from algorism.lowbit.quantizer import fake_quantize
from algorism.lowbit.spec import QuantSpec


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SPECS = [
    QuantSpec(bits=3),
    QuantSpec(bits=2, granularity="channel"),
    QuantSpec(bits=4, restricted=False, granularity="group", group_size=4),
]


@pytest.mark.parametrize("spec", [*SPECS, QuantSpec(bits=3, symmetric=False, granularity="channel"), QuantSpec(bits=1)])
def test_straight_through_is_the_grid_forward_and_the_identity_backward(spec):
    w = random(3, 10).requires_grad_()
    y = FakeQuantize(w, spec)(w)
    assert torch.equal(y, fake_quantize(w, spec))
    coefficients = random(3, 10, seed=1)
    (y * coefficients).sum().backward()
    assert torch.equal(w.grad, coefficients)  # a min-max range clips nothing


def test_straight_through_stops_what_is_clipped():
    w = random(1, 400).requires_grad_()
    spec = QuantSpec(bits=2, range="mse")
    fake = FakeQuantize(w, spec)
    y = fake(w)
    y.sum().backward()
    scale = fake.grid(w)[0].item()
    assert torch.equal(w.grad == 0, w.abs() > 1.5 * scale)
    assert 0 < (w.grad == 0).float().mean() < 0.5


@pytest.mark.parametrize("spec", SPECS)
def test_learned_step_has_the_gradient_of_its_formula(spec):
    """clip, then round with a gradient of 1, written so that autograd does the rest."""
    w = random(3, 10).requires_grad_()
    fake = FakeQuantize(w, spec, "lsq")
    coefficients = random(3, 10, seed=1)
    (fake(w) * coefficients).sum().backward()
    ours = w.grad.clone(), fake.step_og.grad.clone()

    x, step = w.detach().double().requires_grad_(), fake.step_og.detach().double().requires_grad_()
    groups = step.repeat_interleave(4, dim=1)[:, :10] if spec.granularity == "group" else step
    v = (x / groups).clamp(spec.qmin, spec.qmax)
    rounded = v + (v.round() - v).detach()
    (rounded * groups * coefficients).sum().backward()
    members = {"tensor": 30, "channel": 10, "group": 10 / 3}[spec.granularity]
    assert torch.allclose(ours[0].double(), x.grad)
    assert torch.allclose(ours[1].double(), step.grad / (members * spec.qmax) ** 0.5, rtol=1e-4, atol=1e-6)


def test_learned_step_begins_where_the_paper_says():
    w = random(4, 50)
    fake = FakeQuantize(w, QuantSpec(bits=3, restricted=False, granularity="channel"), "lsq")
    assert torch.allclose(fake.step_og[:, 0], 2 * w.abs().mean(1) / 3**0.5)


def test_noise_is_half_a_step_and_only_while_training():
    w = random(4, 500)
    fake = FakeQuantize(w, QuantSpec(bits=3), "noise", seed=1)
    moved = (fake(w) - w) / fake.grid(w)[0]
    assert moved.abs().max() <= 0.5 + 1e-5
    assert moved.var().item() == pytest.approx(1 / 12, rel=0.1)
    assert torch.equal(fake.eval()(w), fake_quantize(w, QuantSpec(bits=3)))


@pytest.mark.parametrize("method", QAT_METHODS)
def test_training_on_the_grid_beats_rounding_afterwards(method):
    """A student of a random network at 2 bits: trained on the grid it is nearer than rounded after training."""
    torch.manual_seed(0)
    teacher = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
    x = random(256, 6)
    y = teacher(x).detach()
    spec = QuantSpec(bits=2, granularity="channel")
    student = copy.deepcopy(teacher)
    assert prepare(student, spec, method) == ["0", "2"]
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        (student(x) - y).square().mean().backward()
        optimizer.step()
    student.eval()
    on_the_grid = student(x).detach()
    quantized = convert(student)
    assert torch.allclose(student(x), on_the_grid, atol=1e-5)
    assert sorted(quantized) == ["0.weight", "2.weight"]
    assert torch.equal(quantized["2.weight"].dequantize(), student[2].weight)
    assert sorted(student.state_dict()) == sorted(teacher.state_dict())
    rounded = copy.deepcopy(teacher)
    with torch.no_grad():
        for layer in (rounded[0], rounded[2]):
            layer.weight.copy_(rtn(layer.weight, spec).dequantize())
    ours, theirs = ((net(x) - y).square().mean().item() for net in (student, rounded))
    assert ours < (0.5 if method != "noise" else 1.0) * theirs


def test_what_does_not_fit_is_refused():
    w = random(2, 2)
    with pytest.raises(UsageError, match="Nearest known: 'lsq'"):
        FakeQuantize(w, QuantSpec(), "lsqq")
    with pytest.raises(UsageError, match="fixed grid"):
        FakeQuantize(w, QuantSpec(dynamic=True))
    for spec in (QuantSpec(symmetric=False), QuantSpec(bits=1)):
        with pytest.raises(UsageError, match="with a 0"):
            FakeQuantize(w, spec, "lsq")
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    prepare(model, QuantSpec(), skip=["1"])
    with pytest.raises(UsageError, match="prepared already"):
        prepare(model, QuantSpec())


def test_distillation_is_its_formula():
    student, teacher = random(7, 5), random(7, 5, seed=1)
    labels = torch.arange(7) % 5
    expected = 0.0
    for s, t, label in zip(student.double(), teacher.double(), labels):
        p = (t / 4).exp() / (t / 4).exp().sum()
        log_q = (s / 4) - (s / 4).exp().sum().log()
        expected += 0.5 * 16 * -(p * log_q).sum() + 0.5 * -(s[label] - s.exp().sum().log())
    assert distillation_loss(student, teacher, labels).item() == pytest.approx(float(expected) / 7, rel=1e-5)
    with pytest.raises(ShapeError):
        distillation_loss(student, teacher[:, :4])
    with pytest.raises(UsageError):
        distillation_loss(student, teacher, temperature=0)
