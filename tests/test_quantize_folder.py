"""What `algorism quantize` measures of a `transformers` folder: answers, next tokens, layers alone, other bits."""

import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, entropy

from algorism.atlas.quantization import write_quantization
from algorism.commands import quantize_folder as command
from algorism.commands.quantize import Options, run_quantize
from algorism.commands.quantize_rows import paired, with_front
from algorism.evaluation.checkup.sample import SETS, sample
from algorism.evaluation.checkup.styles import STYLES
from algorism.lowbit.folders import load_folder, load_original, write_dequantized
from algorism.lowbit.next_tokens import compare_next_tokens
from algorism.training import load_run, parse_recipe, train

# Sums of two digits after a dollar sign, which the check-up has a style for. Most of all sums are trained.
RECIPE = """
name: tiny
task: {digits: 1, test: 10, examples: 90}
text: {format: plain2}
model: {layers: 1, heads: 2, width: 32}
training: {steps: 300, batch: 64, warmup: 20, learning_rate: 1.0e-2, validate_on: 20, stop_at: null}
"""


@pytest.fixture(scope="module")
def adding(tmp_path_factory):
    """A folder of transformers that adds single digits, and texts of its kind."""
    from algorism.models.export import export

    folder = tmp_path_factory.mktemp("adding")
    train(parse_recipe(RECIPE), folder / "run")
    run = load_run(folder / "run")
    export(run.model, folder / "hf", run.material.tokenizer)
    rng = random.Random(0)
    pairs = [(rng.randrange(10), rng.randrange(10)) for _ in range(60)]
    (folder / "texts").write_text("\n".join(f"${a}+{b}={a + b}$" for a, b in pairs))
    return folder


@pytest.fixture(scope="module")
def quantized(adding, tmp_path_factory):
    out = tmp_path_factory.mktemp("quantized") / "out"
    (out / "work").mkdir(parents=True)
    (out / "work" / "left by a killed process").touch()
    run_quantize(adding / "hf", Options(bits=2, calibration=adding / "texts", out=out, n=8), json=True)
    return out


def answers(file):
    """Right answers by key, of a record, by Python's own arithmetic."""
    found = {}
    for line in file.read_text().splitlines()[1:]:
        row = json.loads(line)
        if "text" in row and row["key"].startswith("sample/add-integer"):
            a, b = row["prompt"].removeprefix("$").removesuffix("=").split("+")
            found[row["key"]] = row["text"].strip() == str(int(a) + int(b))
    return found


def test_answers_before_and_after_are_those_in_the_records(quantized):
    report = json.loads((quantized / "report.json").read_text())
    assert report["asked"]["style"] == "dollar"
    assert report["asked"]["questions"] == 8 * len(SETS)
    before, after = (answers(quantized / "answers" / f"{name}.jsonl") for name in ("before", "after"))
    assert before.keys() == after.keys()
    keys = [key for key in before if key.startswith("sample/add-integer/1/")]
    row = next(row for row in report["accuracy"] if row["set"] == "add, 1 digit")
    assert row["n"] == len(keys) == 8
    assert row["before"] == sum(before[key] for key in keys) / 8 > 0.5
    assert row["after"] == sum(after[key] for key in keys) / 8
    assert row["lost"] == sum(before[key] and not after[key] for key in keys)
    whole = report["accuracy"][0]
    assert whole["set"] == "all sets together"
    assert whole["n"] == sum(row["n"] for row in report["accuracy"][1:])
    # Letters are not in this model's alphabet, so that whole sets get no answer and have no row.
    assert report["asked"]["failed"] == report["asked"]["questions"] - whole["n"] > 0
    assert "sort a list of numbers, 3 items" not in {row["set"] for row in report["accuracy"]}


def test_bits_and_accuracy_of_a_folder(quantized):
    report = json.loads((quantized / "report.json").read_text())
    sweep = {(row["method"], row["nominal"]): row for row in report["sweep"]}
    assert sweep.keys() == {("gptq", 2), ("rtn", 2), ("rtn", 3), ("rtn", 4), ("rtn", 8)}
    assert sweep["gptq", 2]["accuracy"] == report["accuracy"][0]["after"]
    assert sweep["rtn", 8]["accuracy"] == report["accuracy"][0]["before"]
    assert sweep["rtn", 2]["bits"] == sweep["gptq", 2]["bits"] == report["bits_per_weight"]
    assert not (quantized / "work").exists()
    assert {row["layer"] for row in report["sensitivity"]} == {row["name"] for row in report["layers"]}
    assert {file.stem for file in (quantized / "pictures").iterdir()} == {"sensitivity", "bits-by-accuracy"}


def test_next_tokens_as_scipy_and_transformers_give_them(adding, quantized):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = json.loads((quantized / "report.json").read_text())["next_tokens"]
    before = AutoModelForCausalLM.from_pretrained(adding / "hf")
    after = load_folder(quantized)
    tokenizer = AutoTokenizer.from_pretrained(adding / "hf")
    ids_n = torch.tensor(tokenizer((adding / "texts").read_text())["input_ids"])
    width = before.config.n_positions
    ids_nt = ids_n[: len(ids_n) // width * width].reshape(-1, width)
    with torch.no_grad():
        p, q = (model(ids_nt).logits.double().flatten(0, 1).softmax(-1).numpy() for model in (before, after))
    assert found["positions"] == len(p) < command.COMPARED
    assert found["kl"] == pytest.approx(entropy(p, q, axis=1).mean(), rel=1e-4)
    assert found["agreement"] == pytest.approx((p.argmax(1) == q.argmax(1)).mean())
    assert found["kl"] > 0
    same = compare_next_tokens(before, before, [ids_nt])
    assert (same.kl, same.agreement) == (0.0, 1.0)


def test_a_dequantized_folder_is_what_transformers_loads(quantized, tmp_path):
    from transformers import AutoModelForCausalLM

    write_dequantized(quantized, tmp_path / "plain")
    ids = torch.tensor([[1, 2, 3, 4]])
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "plain")
    assert torch.equal(theirs(ids).logits, load_folder(quantized)(ids).logits)


def test_the_original_is_loaded_from_parts_in_float32(tmp_path):
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    sizes = {"vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1}
    config = LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=12)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path, max_shard_size="1KB")
    ids = torch.tensor([[1, 2, 3]])
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        assert torch.equal(theirs(ids).logits, load_original(tmp_path)(ids).logits)


def test_what_is_not_measured_has_a_reason(adding, tmp_path, monkeypatch):
    def reasons(name, **options):
        out = tmp_path / name
        run_quantize(adding / "hf", Options(bits=4, method="rtn", out=out, n=1, **options), json=True)
        found = json.loads((out / "report.json").read_text())
        assert "Not measured" in (out / "report.html").read_text()
        return found, " ".join(found["not_measured"].values())

    found, why = reasons("asked not to", accuracy=False)
    assert (found["accuracy"], why) == ([], "--no-accuracy")
    monkeypatch.setattr(command, "MOST_PARAMETERS", 10)
    found, why = reasons("large")
    assert found["accuracy"] == []
    assert "more than 10; --accuracy" in why
    found, why = reasons("all the same", accuracy=True, sweep=False)
    assert found["accuracy"][0]["n"] > 0
    assert found["sweep"] == found["sensitivity"] == []
    assert "texts of --calibration" in why


def test_a_folder_without_tokenizer_is_not_asked(adding, tmp_path):
    from safetensors.torch import save_file

    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((adding / "hf" / name).read_bytes())
    save_file({"input_ids": torch.ones(2, 5, dtype=torch.long)}, tmp_path / "ids.safetensors")
    options = Options(bits=3, calibration=tmp_path / "ids.safetensors", out=tmp_path / "out")
    run_quantize(bare, options, json=True)
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(found["not_measured"]) == ["answers, other bits"]
    assert found["next_tokens"]["positions"] == 10
    assert found["accuracy"] == found["sweep"] == []
    assert found["sensitivity"]


def test_the_sample_is_the_same_for_every_model_of_a_style():
    one, again, other = (sample(STYLES["bare"], 30, seed) for seed in (1, 1, 2))
    assert one == again != other
    keys = [asked.key for rows in one.values() for asked in rows]
    assert len(set(keys)) == len(keys)
    for asked in one["add, 3 digits"]:
        a, b = asked.question().prompt.removesuffix("=").split("+")
        assert max(len(a), len(b)) == 3
        assert asked.item.answer == str(int(a) + int(b))


@given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=40))
def test_a_row_before_and_after_counts_pairs(outcomes):
    before, after, strict_before, strict_after = np.array(outcomes).T
    row = paired("x", before, after, strict_before, strict_after)
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    assert (row["lost"], row["gained"]) == (lost, gained)
    assert row["change"] == pytest.approx((gained - lost) / len(outcomes))
    assert row["change_low"] <= row["change"] + 1e-12
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert row["p"] == pytest.approx(expected)
    assert row["strict_after"] == pytest.approx(strict_after.mean())


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_found_by_a_scan_from_few_bits(points):
    rows = with_front([{"bits": b, "accuracy": a / 5} for b, a in points])
    best_below = -1.0
    for bits in sorted({b for b, _ in points}):
        here = max(a / 5 for b, a in points if b == bits)
        for row in rows:
            if row["bits"] == bits:
                assert row["front"] == (row["accuracy"] == here > best_below)
        best_below = max(best_below, here)


def test_strict_answers_have_columns_where_they_differ(quantized, tmp_path):
    found = json.loads((quantized / "report.json").read_text())
    for row in found["accuracy"]:
        row["strict_before"], row["strict_after"] = row["before"], row["after"]
    assert "strict before" not in write_quantization(found, tmp_path / "a").read_text()
    found["accuracy"][0]["strict_after"] /= 2
    page = write_quantization(found, tmp_path / "b").read_text()
    assert "strict before" in page
    assert f"{found['asked']['failed']} of {found['asked']['questions']} questions got no answer" in page
