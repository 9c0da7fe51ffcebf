"""Packed integers and the files they are saved in: bit by bit there and back, and damage refused."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from algorism.errors import CheckpointError, DataError, ShapeError, UsageError
from algorism.lowbit.extreme import ternary, xnor
from algorism.lowbit.nonuniform import BITS, KINDS, CodebookSpec, quantize_codebook
from algorism.lowbit.packing import pack, packed_bytes, unpack
from algorism.lowbit.quantizer import quantize
from algorism.lowbit.spec import QuantSpec
from algorism.lowbit.storage import KEY, load_quantized, save_quantized


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 16), st.data())
@settings(max_examples=150, deadline=None)
def test_packing_is_one_long_number(bits, data):
    """The bytes, read as one little-endian number, are Σ code_i · 2^(bits · i)."""
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=0, max_size=40))
    packed = pack(torch.tensor(codes, dtype=torch.int32), bits)
    number = sum(code << (bits * i) for i, code in enumerate(codes))
    assert int.from_bytes(packed.numpy().tobytes(), "little") == number
    assert len(packed) == packed_bytes(len(codes), bits) == math.ceil(len(codes) * bits / 8)
    assert unpack(packed, bits, len(codes)).tolist() == codes


def test_packing_refuses_what_does_not_fit():
    with pytest.raises(DataError, match="from 0 to 15; got 0 to 16"):
        pack(torch.tensor([0, 16]), 4)
    with pytest.raises(DataError):
        pack(torch.tensor([-1]), 4)
    with pytest.raises(ShapeError, match="3 codes of 4 bits are 2 bytes"):
        unpack(torch.zeros(3, dtype=torch.uint8), 4, 3)
    with pytest.raises(DataError, match="not 0"):
        unpack(torch.tensor([255], dtype=torch.uint8), 3, 2)


def same(a, b):
    return type(a) is type(b) and all(
        torch.equal(x, y) and x.dtype is y.dtype if isinstance(x, torch.Tensor) else x == y
        for x, y in zip(vars(a).values(), vars(b).values())
    )


def everything():
    w = random(5, 7, 3)
    found = {"plain": random(3), "xnor": xnor(w), "ternary": ternary(w)}
    for bits in range(1, 17):
        for symmetric in (True, False):
            for name, size in (("tensor", None), ("channel", None), ("group", 4)):
                spec = QuantSpec(bits=bits, symmetric=symmetric, signed=bits % 3 > 0, granularity=name, group_size=size)
                found[f"{bits}.{symmetric}.{name}"] = quantize(w, spec)
    for kind in KINDS:
        found[kind] = quantize_codebook(w, CodebookSpec(kind, BITS[kind][-1], "channel", axis=1))
    found["scalar"] = quantize(torch.tensor(2.5), QuantSpec())
    return found


def test_everything_comes_back_bit_by_bit(tmp_path):
    saved = everything()
    save_quantized(tmp_path / "w.safetensors", saved)
    loaded = load_quantized(tmp_path / "w.safetensors")
    assert set(loaded) == set(saved)
    for name, tensor in saved.items():
        if isinstance(tensor, torch.Tensor):
            assert torch.equal(loaded[name], tensor)
        else:
            assert same(loaded[name], tensor), name
            assert torch.equal(loaded[name].dequantize(), tensor.dequantize())


@pytest.mark.parametrize(("bits", "times"), [(8, 4), (4, 8), (2, 16)])
def test_files_are_as_small_as_promised(tmp_path, bits, times):
    w = random(256, 1024)
    save_quantized(tmp_path / "w", {"w": quantize(w, QuantSpec(bits=bits, granularity="channel"))})
    assert (tmp_path / "w").stat().st_size < w.numel() * 4 / times + 256 * 4 + 2048


def parts(tmp_path, spec=None):
    w = quantize(random(4, 6), spec or QuantSpec(bits=4, symmetric=False, granularity="channel"))
    save_quantized(tmp_path / "w", {"w": w})
    with safe_open(tmp_path / "w", framework="pt") as stream:
        return {name: stream.get_tensor(name) for name in stream.keys()}, json.loads(stream.metadata()[KEY])  # noqa: SIM118


def harm(name, value):
    def change(flat, header):
        flat[name] = value(flat[name]) if callable(value) else value

    return change


def entry(key, value):
    def change(flat, header):
        header["tensors"]["w"][key] = value

    return change


HARMS = {
    "scale NaN": harm("w.scale", torch.full((4, 1), math.nan)),
    "scale 0": harm("w.scale", torch.zeros(4, 1)),
    "scale of another shape": harm("w.scale", torch.ones(3, 1)),
    "scale of another type": harm("w.scale", torch.ones(4, 1, dtype=torch.float64)),
    "zero point off the grid": harm("w.zero_point", torch.full((4, 1), 8, dtype=torch.int32)),
    "bytes missing": harm("w.packed", lambda x: x[:-1]),
    "bytes of another type": harm("w.packed", lambda x: x.to(torch.int8)),
    "no scale": lambda flat, header: flat.pop("w.scale"),
    "name twice": harm("w", torch.ones(1)),
    "another version": lambda flat, header: header.update(version=2),
    "no version": lambda flat, header: header.pop("version"),
    "tensors a list": lambda flat, header: header.update(tensors=[1]),
    "entry a number": lambda flat, header: header["tensors"].update(w=3),
    "unknown kind": entry("kind", "zip"),
    "kind a list": entry("kind", ["uniform"]),
    "huge shape": entry("shape", [2**62, 2**62]),
    "negative shape": entry("shape", [-4, -6]),
    "shape of truths": entry("shape", [True, 24]),
    "empty shape": entry("shape", []),
    "shape a text": entry("shape", "46"),
    "spec of 99 bits": entry("spec", {"bits": 99}),
    "spec with unknown field": entry("spec", {"bits": 4, "run": "code"}),
    "spec a list": entry("spec", [4]),
    "axis beyond": entry("spec", {"bits": 4, "symmetric": False, "granularity": "channel", "axis": 5}),
}


@pytest.mark.parametrize("name", HARMS)
def test_hostile_files_are_refused(tmp_path, name):
    flat, header = parts(tmp_path)
    HARMS[name](flat, header)
    save_file(flat, tmp_path / "bad", {KEY: json.dumps(header)})
    with pytest.raises(CheckpointError, match=r"bad: not a file of quantized tensors, or damaged\. ."):
        load_quantized(tmp_path / "bad")


def test_an_integer_beyond_the_restricted_grid_is_refused(tmp_path):
    flat, header = parts(tmp_path, QuantSpec(bits=4))
    flat["w.packed"][0] = 0xFF
    save_file(flat, tmp_path / "bad", {KEY: json.dumps(header)})
    with pytest.raises(CheckpointError, match="8 on a grid that ends at 7"):
        load_quantized(tmp_path / "bad")


def test_a_code_beyond_the_codebook_is_refused(tmp_path):
    save_quantized(tmp_path / "w", {"w": quantize_codebook(random(8), CodebookSpec("power-of-two", 4))})
    with safe_open(tmp_path / "w", framework="pt") as stream:
        flat = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        metadata = stream.metadata()
    flat["w.packed"][0] = 0xFF
    save_file(flat, tmp_path / "bad", metadata)
    with pytest.raises(CheckpointError, match="code 15 into a codebook of 15 levels"):
        load_quantized(tmp_path / "bad")


def test_files_of_another_kind_are_refused(tmp_path):
    save_file({"w": torch.ones(2)}, tmp_path / "plain")
    (tmp_path / "text").write_text("not safetensors")
    save_file({"w": torch.ones(2)}, tmp_path / "deep", {KEY: "[" * 100_000})
    for name in ("plain", "text", "deep", "absent"):
        with pytest.raises(CheckpointError, match=name):
            load_quantized(tmp_path / name)


def test_every_cut_of_a_file_is_refused(tmp_path):
    save_quantized(tmp_path / "w", {"w": quantize(random(4, 6), QuantSpec(bits=2))})
    data = (tmp_path / "w").read_bytes()
    for length in np.linspace(0, len(data) - 1, 40).astype(int):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            load_quantized(tmp_path / "cut")


def test_names_that_collide_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"'w\.scale'"):
        save_quantized(tmp_path / "w", {"w": quantize(random(3), QuantSpec()), "w.scale": torch.ones(1)})
    assert not (tmp_path / "w").exists()
