"""Vector and product quantization: against brute force over all partitions, scalar k-means, and plain loops."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from algorism.errors import CheckpointError, DataError, ShapeError, UsageError
from algorism.lowbit.lloyd import lloyd_max
from algorism.lowbit.qat import convert
from algorism.lowbit.storage import KEY, load_quantized, save_quantized
from algorism.lowbit.vector import VectorCoded, VectorSpec, quantize_vectors, share_vectors


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def best_of_all(vectors, k):
    """Least squared error of any assignment of a few vectors to k groups."""
    best = math.inf
    for labels in itertools.product(range(k), repeat=len(vectors)):
        groups = [vectors[[i for i, label in enumerate(labels) if label == g]] for g in set(labels)]
        best = min(best, sum(((group - group.mean(0)) ** 2).sum() for group in groups))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_few_vectors_are_grouped_as_well_as_any_other_way(seed):
    x = random(1, 14, seed=seed)  # seven vectors of two
    vectors = x.reshape(7, 2).double().numpy()
    starts = [quantize_vectors(x, VectorSpec(1, 2), seed=start).dequantize() for start in range(25)]
    ours = min((found - x).square().sum().item() for found in starts)
    assert ours == pytest.approx(best_of_all(vectors, 2), rel=1e-5)


@pytest.mark.parametrize("product", [False, True])
def test_codes_are_nearest_and_centroids_are_means(product):
    x = random(60, 12)
    found = quantize_vectors(x, VectorSpec(3, 4, product))
    assert tuple(found.codebooks_skd.shape) == (3 if product else 1, 8, 4)
    parts = x.reshape(60, 3, 4).numpy()
    for block in range(3):
        book = found.codebooks_skd[block if product else 0].numpy()
        distances = ((parts[:, block, None] - book) ** 2).sum(-1)
        chosen = found.codes_ob[:, block].numpy()
        assert np.allclose(distances[np.arange(60), chosen], distances.min(1), atol=1e-5)
    for book, centre in itertools.product(range(len(found.codebooks_skd)), range(8)):
        blocks = [book] if product else range(3)
        members = [parts[o, b] for b in blocks for o in range(60) if int(found.codes_ob[o, b]) == centre]
        assert np.allclose(np.mean(members, axis=0), found.codebooks_skd[book, centre], atol=1e-3)


def test_vectors_of_one_are_a_scalar_codebook():
    x = random(8, 100)
    ours = (quantize_vectors(x, VectorSpec(2, 1)).dequantize() - x).square().sum().item()
    levels = lloyd_max(x.reshape(1, -1), 4)[0]
    scalar = (x.reshape(-1, 1) - levels).square().min(1).values.sum().item()
    assert ours == pytest.approx(scalar, rel=0.02)


def test_longer_vectors_and_a_codebook_per_block_err_less_at_equal_indices():
    """Two bits a weight: vectors see what weights have in common; each block of columns has its own shape."""
    base = random(256, 2)
    x = torch.cat((base, base.flip(1) * 3), dim=1) @ torch.diag(torch.tensor([1.0, 0.1, 1.0, 0.1])) + 0.05 * random(
        256, 4, seed=1
    )
    errors = [
        float((quantize_vectors(x, spec).dequantize() - x).square().sum())
        for spec in (VectorSpec(2, 1), VectorSpec(4, 2), VectorSpec(4, 2, True))
    ]
    assert errors[0] > errors[1] > errors[2]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.booleans())
@settings(max_examples=25, deadline=None)
def test_shapes_sizes_and_files(bits, length, blocks, product):
    x = random(17, length * blocks, seed=bits)
    found = quantize_vectors(x, VectorSpec(bits, length, product))
    assert found.dequantize().shape == x.shape
    codebook = (blocks if product else 1) * 2**bits * length * 32
    assert found.bits_per_weight == pytest.approx((17 * blocks * bits + codebook) / x.numel())
    assert VectorSpec.from_dict(json.loads(json.dumps(found.spec.to_dict()))) == found.spec


def test_convolutions_are_rows_and_few_distinct_vectors_are_exact():
    x = torch.tensor([1.0, -2.0])[torch.arange(4 * 3 * 9) % 2].reshape(4, 3, 3, 3)
    found = quantize_vectors(x, VectorSpec(2, 9))  # 12 vectors, of which two differ
    assert torch.equal(found.dequantize(), x)
    assert torch.equal(quantize_vectors(torch.zeros(3, 4), VectorSpec(1, 2)).dequantize(), torch.zeros(3, 4))


def test_the_start_is_seeded():
    x = random(40, 8)
    first, again, other = (quantize_vectors(x, VectorSpec(4, 2), seed=s).codes_ob for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_trained_centroids_get_the_sum_of_their_members_gradients():
    layer = nn.Linear(6, 5)
    coded = quantize_vectors(layer.weight.detach(), VectorSpec(2, 2))
    model = nn.Sequential(layer)
    share_vectors(model, {"0": coded})
    assert torch.equal(layer.weight, coded.dequantize())
    slope = random(5, 6, seed=3)
    (layer.weight * slope).sum().backward()
    expected = torch.zeros(4, 2)
    for o, b in itertools.product(range(5), range(3)):
        expected[coded.codes_ob[o, b]] += slope[o, 2 * b : 2 * b + 2]
    quantizer = layer.parametrizations.weight[0]
    assert torch.allclose(quantizer.codebooks_skd.grad[0], expected, atol=1e-5)
    assert layer.parametrizations.weight.original.grad is None
    with torch.no_grad():
        quantizer.codebooks_skd += 1
    found = convert(model)["0.weight"]
    assert torch.allclose(layer.weight, coded.dequantize() + 1)
    assert torch.equal(found.dequantize(), layer.weight)
    assert torch.equal(found.codes_ob, coded.codes_ob)


def test_files_come_back_and_harmed_ones_are_refused(tmp_path):
    saved = {
        "a": quantize_vectors(random(9, 8), VectorSpec(3, 2)),
        "b": quantize_vectors(random(9, 8), VectorSpec(1, 4, True)),
    }
    save_quantized(tmp_path / "w", saved)
    for name, tensor in load_quantized(tmp_path / "w").items():
        assert torch.equal(tensor.codes_ob, saved[name].codes_ob)
        assert torch.equal(tensor.dequantize(), saved[name].dequantize())
        assert tensor.spec == saved[name].spec
    with safe_open(tmp_path / "w", framework="pt") as stream:
        flat = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        header = json.loads(stream.metadata()[KEY])

    def refused(change):
        parts, head = {name: value.clone() for name, value in flat.items()}, json.loads(json.dumps(header))
        change(parts, head["tensors"]["a"])
        save_file(parts, tmp_path / "bad", {KEY: json.dumps(head)})
        with pytest.raises(CheckpointError, match="bad"):
            load_quantized(tmp_path / "bad")

    refused(lambda parts, entry: parts.update({"a.codebooks": parts["a.codebooks"] * math.nan}))
    refused(lambda parts, entry: parts.update({"a.codebooks": parts["a.codebooks"][:, :4]}))
    refused(lambda parts, entry: parts.update({"a.packed": parts["a.packed"][:-1]}))
    refused(lambda parts, entry: parts.pop("a.packed"))
    refused(lambda parts, entry: entry.update(shape=[9, 7]))
    refused(lambda parts, entry: entry.update(shape=[2**62, 2**62]))
    refused(lambda parts, entry: entry["spec"].update(bits=99))
    refused(lambda parts, entry: entry["spec"].update(run="code"))


def test_what_cannot_be_cut_into_vectors_is_refused():
    with pytest.raises(ShapeError, match=r"lengths that divide them: \[2, 5, 10\]"):
        quantize_vectors(random(4, 10), VectorSpec(1, 4))
    with pytest.raises(ShapeError, match="not whole vectors"):
        quantize_vectors(random(10), VectorSpec(1, 2))
    with pytest.raises(UsageError, match="256 centroids for 20 vectors"):
        quantize_vectors(random(4, 10), VectorSpec(8, 2))
    with pytest.raises(UsageError, match="one codebook for all"):
        quantize_vectors(random(4, 10), VectorSpec(3, 2, True))
    with pytest.raises(DataError, match="NaN"):
        quantize_vectors(torch.full((4, 4), math.nan), VectorSpec(1, 2))
    for values in ({"bits": 0}, {"bits": 13}, {"length": 0}, {"bits": True}, {"product": 1}, {"size": 3}, [1]):
        with pytest.raises(UsageError):
            VectorSpec.from_dict(values)
    with pytest.raises(ShapeError, match="expected"):
        VectorCoded(torch.zeros(2, 2, dtype=torch.int32), torch.zeros(1, 4, 2), (2, 4), VectorSpec(1, 2))
    coded = quantize_vectors(random(3, 4), VectorSpec(1, 2))
    with pytest.raises(UsageError, match="no module '1'"):
        share_vectors(nn.Sequential(nn.Linear(4, 3)), {"1": coded})
    model = nn.Sequential(nn.Linear(4, 3))
    share_vectors(model, {"0": coded})
    with pytest.raises(UsageError, match="prepared already"):
        share_vectors(model, {"0": coded})
    with pytest.raises(ShapeError, match="the codes are for"):
        share_vectors(nn.Sequential(nn.Linear(4, 3)), {"0": quantize_vectors(random(4, 4), VectorSpec(1, 2))})
