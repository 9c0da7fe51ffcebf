"""`algorism quantize`: every kind of model in, a folder that loads back out, and one line for every wrong use."""

import json
import math
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from algorism import cli
from algorism.lowbit import Quantized, QuantSpec, load_quantized, quantize
from algorism.lowbit.folders import load_folder
from algorism.lowbit.integer_layers import IntegerModule
from algorism.training import load_run, parse_recipe, train

RECIPE = """
name: tiny
task: {digits: 2, examples: 200, test: 50}
model: {layers: 2, heads: 2, width: 16, bias: true}
training: {steps: 20, batch: 16, warmup: 3, checkpoint_every: 5, validate_on: 20}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantize") / "run"
    train(parse_recipe(RECIPE), folder)
    return folder


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2") / "gpt2"
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=16, n_positions=12, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama") / "llama"
    torch.manual_seed(0)
    sizes = {"vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2}
    config = LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=12)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder, max_shard_size="2KB")
    return folder


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    file = tmp_path_factory.mktemp("tokens") / "ids.safetensors"
    save_file({"input_ids": torch.randint(0, 16, (12, 9), generator=torch.Generator().manual_seed(0))}, file)
    return file


@pytest.fixture
def algorism(monkeypatch, capsys):
    """Run a command line in this process: exit status, standard output, standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["algorism", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


def test_a_run_becomes_a_run_again_with_a_report(algorism, run, tmp_path):
    out = tmp_path / "small"
    status, printed, err = algorism(
        "quantize", run, "--bits", 4, "--method", "gptq", "--out", out, "-n", 30, "--dequantized"
    )
    assert status == 0, err
    assert "Left in full precision: embed (Embedding is not supported)" in " ".join(printed.split())
    report = json.loads((out / "report.json").read_text())
    assert report["size"]["before"] == (run / "model.safetensors").stat().st_size
    assert report["size"]["after"] == (out / "quantized.safetensors").stat().st_size
    assert not (out / "model.safetensors").exists()
    assert len(report["layers"]) == len(report["sensitivity"]) == 8
    assert all(row["error"] <= row["rtn_error"] * (1 + 1e-6) for row in report["layers"])
    assert {row["set"] for row in report["accuracy"]} >= {"held-out", "all nines"}
    for row in report["accuracy"]:
        assert row["change"] == pytest.approx(row["after"] - row["before"])
        assert row["strict_after"] <= row["after"]
    assert {(row["method"], row["nominal"]) for row in report["sweep"]} >= {("rtn", 2), ("gptq", 8), ("mse", 4)}
    assert any(row["front"] for row in report["sweep"])
    page = (out / "report.html").read_text()
    assert "Sensitivity, one layer at a time" in page
    assert {file.stem for file in (out / "pictures").iterdir()} == {"sensitivity", "bits-by-accuracy"}

    small, original = load_run(out), load_run(run)
    packed = load_quantized(out / "quantized.safetensors")
    for name, value in small.model.state_dict().items():
        if name in packed and isinstance(packed[name], Quantized):
            assert packed[name].spec == QuantSpec(bits=4, granularity="channel")
            assert torch.equal(value, packed[name].dequantize())
        else:
            assert torch.equal(value, original.model.state_dict()[name])
    status, printed, _ = algorism("eval", out, "-n", 30, "--json")
    assert status == 0
    asked = json.loads(printed)["sets"][0]
    after = next(row for row in report["accuracy"] if row["set"] == "held-out")
    assert (asked["accuracy"], asked["n"]) == (after["after"], after["n"])

    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(out / "transformers")
    ids = torch.tensor([[3, 4, 5, 6]])
    assert torch.allclose(theirs(ids).logits, small.model(ids), atol=1e-5)


def test_integer_arithmetic_is_saved_and_loaded(algorism, run, tmp_path):
    out = tmp_path / "integers"
    options = ["--bits", 8, "--activations", 8, "--method", "awq", "--out", out, "-n", 30, "--no-sweep", "--json"]
    options.append("--dequantized")
    status, printed, err = algorism("quantize", run, *options)
    assert status == 0, err
    report = json.loads(printed)
    assert len(report["integer_layers"]) == 8
    assert any("softmax" in part for part in report["float_parts"])
    assert report["sweep"] == report["sensitivity"] == []
    model = load_run(out).model
    layers = {name: module for name, module in model.named_modules() if isinstance(module, IntegerModule)}
    assert set(layers) == set(report["integer_layers"])
    status, printed, _ = algorism("eval", out, "-n", 30, "--json")
    assert json.loads(printed)["sets"][0]["accuracy"] == report["accuracy"][0]["after"]


def test_a_run_on_integers_from_ids_to_logits(algorism, run, tmp_path):
    out = tmp_path / "integers"
    options = ["--bits", 8, "--activations", 8, "--method", "gptq", "--out", out, "-n", 30, "--no-sweep"]
    status, printed, err = algorism("quantize", run, *options)
    assert status == 0, err
    assert "nothing is left in float" in " ".join(printed.split())
    report = json.loads((out / "report.json").read_text())
    assert (report["float_parts"], report["left_out"]) == ([], {})
    model = load_run(out).model
    assert {type(block).__name__ for block in model.blocks} == {"IntegerBlock"}
    status, printed, _ = algorism("eval", out, "-n", 30, "--json")
    assert json.loads(printed)["sets"][0]["accuracy"] == report["accuracy"][0]["after"]
    status, _, err = algorism("export", out, "--out", tmp_path / "hf")
    assert status == 2
    assert "computes with integers" in err


@pytest.mark.parametrize("method", ["rtn", "gptq", "awq", "adaround"])
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_folder_of_transformers_loads_back(algorism, kind, method, request, tokens, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr("algorism.commands.quantize.ITERATIONS", 5)
    folder, out = request.getfixturevalue(kind), tmp_path / "out"
    options = ["--bits", 3, "--method", method, "--group", 4, "--dequantized", "--no-accuracy", "--out", out]
    options += [] if method == "rtn" else ["--calibration", tokens]
    status, _, err = algorism("quantize", folder, *options)
    assert status == 0, err
    report = json.loads((out / "report.json").read_text())
    assert len(report["layers"]) == {"gpt2": 8, "llama": 15}[kind]
    ours, ids = load_folder(out), torch.tensor([[1, 2, 3, 4, 5]])
    theirs = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    original = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    # The plain folder has the source's type, bfloat16 for Llama; the packed one is exact.
    assert torch.allclose(ours(ids).logits, theirs(ids).logits, atol=1e-6 if kind == "gpt2" else 2e-2)
    assert not torch.equal(ours(ids).logits, original(ids).logits)
    packed = load_quantized(out / "quantized.safetensors")
    quantized = {name for name, value in packed.items() if isinstance(value, Quantized)}
    assert len(quantized) == len(report["layers"])
    for name, value in original.state_dict().items():
        if name not in quantized and name in packed:
            assert torch.equal(packed[name].float(), value)


def test_a_folder_is_quantized_as_the_model_in_memory(gpt2, tokens, tmp_path):
    from transformers import AutoModelForCausalLM

    from algorism.lowbit import quantize_model
    from algorism.lowbit.folders import Job, quantize_folder

    spec = QuantSpec(bits=3, granularity="channel")
    batches = [{"input_ids": part, "use_cache": False} for part in load_file(tokens)["input_ids"].split(4)]
    from_disk = quantize_folder(gpt2, tmp_path, Job(spec, "gptq", batches))
    model = AutoModelForCausalLM.from_pretrained(gpt2)
    in_memory = quantize_model(model, spec, "gptq", batches)
    assert from_disk.layers == in_memory.layers
    assert from_disk.left_out == in_memory.left_out
    packed = load_quantized(tmp_path / "quantized.safetensors")
    for name, weight in in_memory.quantized.items():
        assert torch.equal(packed[name].q, weight.q)


def test_integer_layers_of_a_folder(algorism, gpt2, tokens, tmp_path):
    out = tmp_path / "out"
    options = ["--bits", 8, "--activations", 8, "--method", "rtn", "--calibration", tokens, "--out", out]
    status, printed, err = algorism("quantize", gpt2, *options)
    assert status == 0, err
    assert "8 layers compute with integers. In float remain:" in printed
    model, ids = load_folder(out), load_file(tokens)["input_ids"]
    assert sum(isinstance(module, IntegerModule) for module in model.modules()) == 8
    from transformers import AutoModelForCausalLM

    exact = AutoModelForCausalLM.from_pretrained(gpt2)(ids).logits
    assert (model(ids).logits - exact).abs().max() < 0.02 * exact.abs().max()


def test_a_bare_file(algorism, tmp_path):
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "embed.weight": torch.randn(9, 6, generator=generator),
        "up.weight": torch.randn(5, 6, generator=generator),
        "up.bias": torch.randn(5, generator=generator),
        "odd.weight": torch.randn(2, 3, 4, generator=generator),
        "half.weight": torch.randn(4, 6, generator=generator).bfloat16(),
    }
    tensors["up.weight"][1] = 0.25  # a constant channel
    save_file(tensors, tmp_path / "model.safetensors")
    out = tmp_path / "out"
    status, _, err = algorism("quantize", tmp_path / "model.safetensors", "--out", out, "--dequantized", "--group", 4)
    assert status == 0, err
    packed = load_quantized(out / "quantized.safetensors")
    for name in ("up.weight", "half.weight"):
        expected = quantize(tensors[name].float(), QuantSpec(bits=4, granularity="group", group_size=4))
        assert torch.equal(packed[name].q, expected.q)
    plain = load_file(out / "model.safetensors")
    assert set(plain) == set(tensors)
    assert plain["half.weight"].dtype is torch.bfloat16
    assert torch.equal(plain["up.bias"], tensors["up.bias"])
    report = json.loads((out / "report.json").read_text())
    assert set(report["left_out"]) == {"embed.weight", "odd.weight"}
    notes = {row["name"]: row["note"] for row in report["layers"]}
    assert notes["up"] == "the last group has 2 values; 1 constant channel"


def test_a_finished_folder_is_never_overwritten_unasked(algorism, run, tmp_path):
    out = tmp_path / "out"
    options = ["quantize", run, "--method", "rtn", "--no-sweep", "-n", 5, "--out", out]
    assert algorism(*options)[0] == 0
    before = (out / "quantized.safetensors").read_bytes()
    status, _, err = algorism(*options, "--bits", 3)
    assert status == 1
    assert "a model is here" in err
    assert (out / "quantized.safetensors").read_bytes() == before
    assert algorism(*options, "--bits", 3, "--overwrite")[0] == 0
    assert (out / "quantized.safetensors").read_bytes() != before
    status, _, err = algorism("quantize", run, "--out", run, "--overwrite")
    assert status == 1
    assert "the model lies here" in err
    assert (run / "model.safetensors").exists()
    status, _, err = algorism("quantize", out)
    assert "quantized already" in err


def test_what_a_kill_left_is_written_over_and_a_refusal_leaves_nothing(algorism, run, tmp_path, monkeypatch):
    from algorism.commands import quantize_run

    out = tmp_path / "out"
    options = ["quantize", run, "--method", "rtn", "--no-sweep", "-n", 5, "--out", out]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(quantize_run, "described", killed)
        algorism(*options)
    assert (out / "unfinished.json").exists()
    assert (out / "quantized.safetensors").exists()
    assert algorism(*options)[0] == 0
    assert not (out / "unfinished.json").exists()
    refused = tmp_path / "refused"
    status, *_ = algorism("quantize", run, "--calibration", tmp_path / "none", "--out", refused)
    assert status != 0
    assert not refused.exists()


WRONG = {
    "bits": (["--bits", 17], "bits is a whole number from 1 to 16"),
    "method": (["--method", "gtpq"], "Nearest known: 'gptq'"),
    "group": (["--group", 0], "group_size ≥ 1"),
    "integers in groups": (["--group", 4, "--activations", 8], "leave --group out"),
    "not asking a run": (["--no-accuracy"], "A run is always asked"),
    "module": (["--skip", "blocks.7"], "no module 'blocks.7' to skip"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_options_are_one_line(algorism, run, tmp_path, what):
    options, message = WRONG[what]
    status, out, err = algorism("quantize", run, *options, "--out", tmp_path / "out", "-n", 5)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "report.json").exists()


def test_wrong_calibration_is_one_line(algorism, run, gpt2, tmp_path):
    def failing(model, text, *more):
        file = tmp_path / "texts"
        file.write_text(text)
        arguments = ["--method", "gptq", "--calibration", file, "--out", tmp_path / "out", *more]
        return " ".join(algorism("quantize", model, *arguments)[2].split())

    assert "the calibration set is empty" in failing(run, "\n \n")
    assert "the network reads" in failing(run, "$" + "1" * 80 + "$")
    assert "'ж'" in failing(run, "$ж$")
    assert "the calibration set is empty" in failing(gpt2, "")
    assert "needs --calibration" in algorism("quantize", gpt2, "--method", "gptq", "--out", tmp_path / "out")[2]
    for name, ids in {
        "the model knows 0 to 15": torch.full((2, 3), 16),
        "the model reads 12": torch.zeros(2, 13, dtype=torch.long),
        "input_ids must be whole numbers": torch.zeros(2, 3),
    }.items():
        save_file({"input_ids": ids}, tmp_path / "bad.safetensors")
        options = ["--method", "gptq", "--calibration", tmp_path / "bad.safetensors", "--out", tmp_path / "out"]
        assert name in algorism("quantize", gpt2, *options)[2]
    assert not (tmp_path / "out" / "quantized.safetensors").exists()


def test_weights_that_are_no_numbers_are_refused(algorism, tmp_path):
    weight = torch.ones(4, 4)
    for value in (math.nan, math.inf):
        weight[2, 1] = value
        save_file({"a.weight": weight}, tmp_path / "bad.safetensors")
        status, _, err = algorism("quantize", tmp_path / "bad.safetensors", "--out", tmp_path / "out")
        assert status == 1
        assert "1 of 16" in err
        assert not (tmp_path / "out" / "quantized.safetensors").exists()


def test_what_is_no_model_is_refused(algorism, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "absent", tmp_path / "absent.safetensors"):
        status, _, err = algorism("quantize", path)
        assert status == 2
        assert "expected a run's folder" in err
    (tmp_path / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    status, _, err = algorism("quantize", tmp_path / "broken.safetensors")
    assert status == 1
    assert "cannot be read as safetensors" in err
