"""Checkpoints tensor by tensor against the safetensors library, integer layers against plain integers, divergence."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.lowbit import QuantSpec, quantize_model
from algorism.lowbit.checkpoint import DTYPES, CheckpointStore, TensorFiles, TensorWriter
from algorism.lowbit.integer_layers import IntegerModule, float_parts, integer_layers
from algorism.lowbit.one_at_a_time import only_rounded, sensitivities
from algorism.lowbit.packed import restore, save_packed
from algorism.models import Transformer, TransformerConfig

A8 = QuantSpec(bits=8, symmetric=False)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network():
    config = TransformerConfig(vocab=11, context=8, layers=2, heads=2, width=8, bias=True)
    return Transformer(config, seed=0).eval()


IDS = torch.randint(0, 11, (6, 7), generator=torch.Generator().manual_seed(3))


@settings(max_examples=30, deadline=None)
@given(
    tensors=st.dictionaries(
        st.text('abc.é"', min_size=1, max_size=6),
        st.tuples(st.sampled_from(sorted(DTYPES, key=str)), st.lists(st.integers(0, 3), max_size=3)),
        max_size=4,
    )
)
def test_a_file_written_in_parts_is_a_safetensors_file(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "x.safetensors"
    made = {name: (random(*shape) * 9).to(dtype) for name, (dtype, shape) in tensors.items()}
    with TensorWriter(path, {"kind": "test"}) as writer:
        for name, tensor in made.items():
            writer.add(name, tensor)
    loaded, files = load_file(path), TensorFiles(path)
    assert set(loaded) == set(made) == set(files.where)
    assert files.metadata == {"kind": "test"}
    for name, tensor in made.items():
        assert loaded[name].dtype is tensor.dtype
        assert files.shape(name) == tuple(tensor.shape)
        for found in (loaded[name], files.get(name)):
            assert torch.equal(found.reshape(-1).view(torch.uint8), tensor.reshape(-1).view(torch.uint8))


def test_a_failed_file_leaves_nothing(tmp_path):
    path = tmp_path / "x.safetensors"

    def write(*tensors):
        with TensorWriter(path) as writer:
            for tensor in tensors:
                writer.add("a", tensor)

    with pytest.raises(CheckpointError, match="two tensors"):
        write(torch.ones(1), torch.ones(1))
    with pytest.raises(CheckpointError, match="complex64"):
        write(torch.ones(1, dtype=torch.complex64))
    assert list(tmp_path.iterdir()) == []


def test_a_store_loads_and_frees_and_finds_shorter_names(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    wanted = {name: value.clone() for name, value in model.state_dict().items()}
    save_file({name.removeprefix("0."): value for name, value in wanted.items()}, tmp_path / "model.safetensors")
    model.to("meta")
    store = CheckpointStore(model, TensorFiles(tmp_path), "0.")
    store.load(["0"])
    assert torch.equal(model[0].weight, wanted["0.weight"])
    assert model[1].weight.is_meta
    store.drop(["0"])
    assert model[0].weight.is_meta
    with pytest.raises(CheckpointError, match="'2\\.weight' is missing"):
        CheckpointStore(nn.Sequential(*model, nn.Linear(1, 1)), TensorFiles(tmp_path), "0.")
    with pytest.raises(CheckpointError, match="shape"):
        CheckpointStore(nn.Sequential(nn.Linear(2, 4), model[1]), TensorFiles(tmp_path), "0.")


def test_an_integer_layer_computes_what_integers_say():
    """Against Python's own integers: round, multiply, add, scale by an exact fraction, round half up, clamp."""
    from fractions import Fraction
    from math import floor

    layer = nn.Sequential(nn.Linear(6, 4))
    x = random(40, 6, seed=1)
    report = quantize_model(layer, QuantSpec(bits=8, granularity="channel"))
    assert integer_layers(layer, report.quantized, [x], A8) == ["0"]
    module, weight = layer[0], report.quantized["0.weight"]
    assert isinstance(module, IntegerModule)
    before, after = module.integer.input, module.integer.output
    y = layer(x)
    for n in range(len(x)):
        q = before.quantize(x[n])
        for o in range(4):
            step = Fraction(float(weight.scale_og[o])) * Fraction(float(before.scale))
            products = (int(w) * (int(v) - int(before.zero_point)) for w, v in zip(weight.q[o], q, strict=True))
            total = sum(products) + round(float(module.bias.detach()[o]) / float(step))
            exact = total * step / Fraction(float(after.scale))
            got = round(float(y[n, o]) / float(after.scale)) + int(after.zero_point)
            wanted = min(max(floor(exact + Fraction(1, 2)) + int(after.zero_point), -128), 127)
            assert abs(got - wanted) <= (abs(exact - floor(exact) - Fraction(1, 2)) < Fraction(1, 10**6))


def test_an_integer_network_is_saved_and_restored(tmp_path):
    model = network()
    report = quantize_model(model, QuantSpec(bits=8, granularity="channel"), "awq", [IDS])
    names = integer_layers(model, report.quantized, [IDS], A8, report.input_scales)
    assert len(names) == 8
    assert "norms (LayerNorm)" in float_parts(model)
    exact = network()(IDS).detach()
    assert 0 < float((model(IDS).detach() - exact).abs().max()) < 0.03 * float(exact.abs().max())
    save_packed(tmp_path / "q", model, report.quantized, report.input_scales, A8)
    other = network()
    restore(other, tmp_path / "q")
    assert torch.equal(model(IDS), other(IDS))
    with pytest.raises(CheckpointError, match=r"not of this network|another shape"):
        restore(Transformer(TransformerConfig(vocab=11, context=8, layers=1, heads=2, width=8)), tmp_path / "q")


def test_integer_layers_refuse_what_they_cannot_do():
    model = network()
    report = quantize_model(model, QuantSpec(bits=8, granularity="group", group_size=4))
    with pytest.raises(UsageError, match="one scale per output"):
        integer_layers(model, report.quantized, [IDS], A8)
    with pytest.raises(DataError, match="is empty"):
        integer_layers(network(), report.quantized, [], A8)
    with pytest.raises(UsageError, match="one static scale"):
        integer_layers(network(), report.quantized, [IDS], QuantSpec(symmetric=False, dynamic=True))


def test_sensitivity_is_the_divergence_that_one_rounded_layer_makes():
    model, spec = network(), QuantSpec(bits=2, granularity="channel")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        p = model(IDS).double().softmax(-1)
    name = "blocks.1.mlp.up"
    found = sensitivities(model, [name, "blocks.0.attention.qkv"], spec, [IDS[:3], IDS[3:]])
    with only_rounded(model, name, spec), torch.no_grad():
        assert not torch.equal(model.state_dict()[f"{name}.weight"], before[f"{name}.weight"])
        q = model(IDS).double().softmax(-1)
    expected = (p * (p / q).log()).sum(-1).mean()
    assert found[name] == pytest.approx(float(expected), rel=1e-3)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_proof_about_floats_refuses_a_network_of_integers():
    from algorism.evaluation.certificate import certify

    model = network()
    report = quantize_model(model, QuantSpec(bits=8, granularity="channel"))
    integer_layers(model, report.quantized, [IDS], A8)
    with pytest.raises(UsageError, match="reads weights as floats"):
        certify(model, None, None, None)
