"""Integer arithmetic from token ids to logits: functions against float64, the network against its float copy."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.lowbit import QuantSpec, quantize_model
from algorism.lowbit.dyadic import dyadic
from algorism.lowbit.integer import ActivationGrid
from algorism.lowbit.integer_functions import IntegerNorm, integer_exp, integer_root, integer_softmax
from algorism.lowbit.integer_transformer import (
    integer_transformer,
    observe_grids,
    quantize_tables,
    unsupported,
)
from algorism.lowbit.packed import restore, save_packed
from algorism.models import Transformer, TransformerConfig
from algorism.models.cache import Cache

W8, A8 = QuantSpec(bits=8, granularity="channel"), QuantSpec(bits=8, symmetric=False)
IDS = torch.randint(0, 11, (40, 7), generator=torch.Generator().manual_seed(3))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(**changes):
    shape = {"vocab": 11, "context": 8, "layers": 2, "heads": 2, "width": 16, "bias": True}
    model = Transformer(TransformerConfig(**shape | changes), seed=0).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:  # gains and shifts that are not 1 and 0
                parameter.add_(torch.randn(parameter.shape, generator=generator(len(name))) * 0.3)
            else:
                parameter.mul_(3)  # logits that differ
    return model


def on_integers(model):
    """The float copy on the same grids, and the integer network."""
    report = quantize_model(model, W8, "gptq", [IDS])
    report.quantized |= quantize_tables(model, W8)
    plain = copy.deepcopy(model)
    grids = observe_grids(model, [IDS[:20], IDS[20:]], A8)
    integer_transformer(model, report.quantized, grids)
    return plain, model, grids, report


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=5))
def test_square_root_is_pythons(values):
    assert integer_root(torch.tensor(values)).tolist() == [math.isqrt(value) for value in values]


def test_exponential_is_within_the_papers_error():
    x = torch.arange(-20 * 65536, 1, 101)
    error = (integer_exp(x).double() * (0.3585 / 2**32) - (x.double() / 65536).exp()).abs().max()
    assert error < 2.2e-3  # 2.13e-3 on (−ln 2, 0], as the polynomial has it


def test_softmax_sees_what_it_may_see():
    scores = torch.randint(-30000, 30000, (60, 12), generator=generator())
    seen = torch.rand(60, 12, generator=generator(1)) < 0.6
    seen[:, 0] = True
    found = integer_softmax(scores, dyadic(3e-4 * 2**16), seen)
    exact = (scores.double() * 3e-4).masked_fill(~seen, -torch.inf).softmax(-1) * 255
    assert (found - exact).abs().max() < 0.5 + 0.0044 * 255
    assert bool((found[~seen] == 0).all())


@pytest.mark.parametrize("norm", [nn.LayerNorm(24), nn.RMSNorm(24, eps=1e-6), nn.LayerNorm(24, bias=False)])
@pytest.mark.parametrize("size", [30, 30_000])
def test_norms_are_float64s_to_half_a_step(norm, size):
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.copy_(torch.randn(24, generator=generator(5)))
    scale = 1e-3
    q = torch.randint(-size, size, (300, 24), generator=generator())
    exact = copy.deepcopy(norm).double()(q.double() * scale).detach()
    grid = ActivationGrid(torch.tensor([[0.03]]), torch.tensor([[5]]), A8)
    found = IntegerNorm.build(norm, scale, grid)(q)
    wanted = (exact / float(grid.scale) + 5).clamp(-128, 127)
    # The mean is rounded to a step of the input, which small inputs feel.
    assert (found - wanted).abs().max() < (0.51 if size > 1000 else 4.0)


@pytest.mark.parametrize("changes", [{}, {"norm": "rms", "activation": "relu", "positions": "none", "tie": False}])
def test_the_integer_network_follows_its_float_copy(changes):
    plain, model, grids, _ = on_integers(network(**changes))
    with torch.no_grad():
        exact, found = plain(IDS), model(IDS)
    assert torch.equal(found, found.round())  # whole numbers behind floats
    found = found * float(grids["logits"].scale)
    spread = float(exact.std())
    assert float((found - exact).square().mean().sqrt()) < 0.06 * spread
    assert float((found.argmax(-1) == exact.argmax(-1)).float().mean()) > 0.95


def test_the_cache_changes_nothing_and_neither_does_leaving_out_positions():
    _, model, _, _ = on_integers(network())
    with torch.no_grad():
        whole = model(IDS)
        cache = Cache(model.config, len(IDS))
        parts = [model(IDS[:, :3], cache), model(IDS[:, 3:4], cache), model(IDS[:, 4:], cache)]
        assert torch.equal(torch.cat(parts, 1), whole)
        assert torch.equal(model(IDS, keep=slice(-1, None)), whole[:, -1:])


def test_nothing_is_computed_in_float():
    """All floats that modules hand on are whole numbers, and all that blocks keep are integers and grids."""
    _, model, _, _ = on_integers(network())
    handed = []
    for module in model.modules():
        module.register_forward_hook(lambda _, __, output: handed.append(output))
    model(IDS)
    assert len(handed) > 5
    assert all(torch.equal(x, x.round()) and float(x.abs().max()) < 2**24 for x in handed)
    for block in model.blocks:
        assert not list(block.parameters())
        for linear in (*block.qkv, block.out, block.up, block.down):
            assert not linear.m_o.is_floating_point()
            assert not linear.bias_o.is_floating_point()
        assert not block.table.is_floating_point()


def test_saved_and_restored_to_the_same_integers(tmp_path):
    plain, model, grids, report = on_integers(network())
    save_packed(tmp_path / "q", plain, report.quantized, {}, A8, grids)
    other = Transformer(model.config)
    restore(other, tmp_path / "q")
    assert torch.equal(model(IDS), other(IDS))
    broken = {name: grid for name, grid in grids.items() if name != "logits"}
    save_packed(tmp_path / "q", plain, report.quantized, {}, A8, broken)
    with pytest.raises(CheckpointError, match="'logits' is missing"):
        restore(Transformer(model.config), tmp_path / "q")


def test_what_has_no_integer_form_is_said():
    for changes, words in {
        ("positions", "rope"): "positions 'rope'",
        ("activation", "swiglu"): "swiglu",
        ("loops", 2): "loops",
        ("norm_place", "both"): "norm 'layer' placed 'both'",
    }.items():
        model = network(**{changes[0]: changes[1]})
        assert words in unsupported(model)
        with pytest.raises(UsageError, match="no integer form"):
            observe_grids(model, [IDS], A8)
    assert "Linear" in unsupported(nn.Linear(1, 1))
    with pytest.raises(DataError, match="calibration set is empty"):
        observe_grids(network(), [], A8)
    with pytest.raises(UsageError, match="one static scale"):
        observe_grids(network(), [IDS], QuantSpec(dynamic=True))
    model = network()
    report = quantize_model(model, W8)
    grids = observe_grids(model, [IDS], A8)
    with pytest.raises(UsageError, match=r"every matrix needs integers; 'embed\.weight'"):
        integer_transformer(model, report.quantized, grids)
