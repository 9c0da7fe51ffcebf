"""Exported folders as `transformers` itself loads and runs them."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from algorism.errors import DataError, UsageError
from algorism.evaluation.decoding import generate
from algorism.models.config import TransformerConfig
from algorism.models.export import export, exportable
from algorism.models.loading import load_hf
from algorism.models.transformer import Transformer

GPT2 = {"positions": "learned", "norm": "layer", "activation": "gelu"}
LLAMA = {"positions": "rope", "norm": "rms", "activation": "swiglu"}
SHAPES = [
    GPT2,
    GPT2 | {"activation": "gelu_tanh", "bias": True},
    GPT2 | {"activation": "relu", "tie": False, "hidden": 40},
    GPT2 | {"activation": "silu", "bias": True, "tie": False},
    LLAMA,
    LLAMA | {"tie": False, "rope_base": 500.0},
    LLAMA | {"bias": True, "hidden": 24},
]


def noisy_model(changes: dict) -> Transformer:
    """Every parameter random and far from its initial value, so that one left out or swapped shows."""
    config = TransformerConfig(**{"vocab": 19, "context": 20, "layers": 3, "heads": 4, "width": 32} | changes)
    model = Transformer(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(0, 0.2, generator=generator)
            else:
                parameter.normal_(1.0 if name.endswith("weight") else 0.0, 0.3, generator=generator)
    return model


@pytest.mark.parametrize("changes", SHAPES)
def test_logits_of_1000_prompts_equal_those_of_transformers(changes, tmp_path):
    model = noisy_model(changes)
    export(model, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    prompts = torch.from_numpy(np.random.default_rng(0).integers(0, 19, (1000, 20)))
    with torch.no_grad():
        ours_btv, theirs_btv = model(prompts), theirs(prompts).logits
    assert ours_btv.std() > 0.3  # far from constant
    assert (ours_btv - theirs_btv).abs().max() < 1e-4


@pytest.mark.parametrize("changes", [GPT2 | {"bias": True}, LLAMA | {"tie": False}])
def test_greedy_decoding_equals_generate_of_transformers(changes, tmp_path):
    model = noisy_model(changes)
    export(model, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    prompts = np.random.default_rng(2).integers(0, 19, (200, 11))
    with torch.no_grad():
        ids = torch.from_numpy(prompts)  # without a mask, generate would take token 0 for padding
        want = theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=8,
            min_new_tokens=8,
            do_sample=False,
            pad_token_id=0,
        )
    got = np.stack(generate(model, list(prompts), max_new=8, batch=64))
    assert np.array_equal(got, want[:, 11:].numpy())
    assert len(np.unique(got, axis=0)) > 20  # not the same answer to every prompt


@pytest.mark.parametrize("changes", SHAPES)
def test_reading_back_gives_the_same_function(changes, tmp_path):
    model = noisy_model(changes)
    export(model, tmp_path)
    back = load_hf(tmp_path).eval()
    prompts = torch.from_numpy(np.random.default_rng(0).integers(0, 19, (50, 20)))
    with torch.no_grad():
        assert torch.allclose(back(prompts), model(prompts), atol=1e-6)
    if model.config.bias or model.config.positions == "rope":
        assert back.config.to_json() | {"hidden": 0} == model.config.to_json() | {"hidden": 0}


@pytest.mark.parametrize("sharded", [False, True])
def test_folders_written_by_transformers_are_read(sharded, tmp_path):
    torch.manual_seed(0)
    special = {"bos_token_id": None, "eos_token_id": None}
    gpt2 = GPT2LMHeadModel(
        GPT2Config(vocab_size=19, n_positions=20, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2, **special)
    )
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=19,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=20,
            initializer_range=0.2,
            **special,
        )
    )
    prompts = torch.from_numpy(np.random.default_rng(0).integers(0, 19, (30, 20)))
    for theirs in (gpt2, llama):
        folder = tmp_path / theirs.config.model_type
        theirs.eval().save_pretrained(folder, max_shard_size="20KB" if sharded else "1GB")
        assert (folder / "model.safetensors.index.json").exists() == sharded
        with torch.no_grad():
            assert (load_hf(folder).eval()(prompts) - theirs(prompts).logits).abs().max() < 1e-4


def test_half_precision_stays_half_precision(tmp_path):
    export(noisy_model(GPT2).bfloat16(), tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == torch.bfloat16
    assert load_hf(tmp_path).embed.weight.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"positions": "alibi"}, "model.positions"),
        ({"positions": "none"}, "model.positions"),
        ({"positions": "sinusoidal"}, "model.positions"),
        (GPT2 | {"norm": "rms"}, "model.norm"),
        (GPT2 | {"activation": "swiglu"}, "model.activation"),
        (LLAMA | {"norm": "layer"}, "model.norm"),
        (LLAMA | {"activation": "gelu"}, "model.activation"),
    ],
)
def test_a_shape_without_counterpart_names_its_setting(changes, setting, tmp_path):
    config = TransformerConfig(**{"vocab": 19, "context": 20} | changes)
    assert exportable(config).startswith(setting)
    with pytest.raises(UsageError, match=setting):
        export(Transformer(config), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mamba"},
        {"layer_norm_epsilon": 1e-3},
        {"scale_attn_weights": False},
        {"activation_function": "?"},
    ],
)
def test_a_setting_we_cannot_compute_is_refused(change, tmp_path):
    export(noisy_model(GPT2), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UsageError, match=next(iter(change))):
        load_hf(tmp_path)


def test_grouped_query_attention_is_refused(tmp_path):
    export(noisy_model(LLAMA), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_key_value_heads": 2}))
    with pytest.raises(UsageError, match="num_key_value_heads"):
        load_hf(tmp_path)


def test_missing_files_and_tensors_are_named(tmp_path):
    with pytest.raises(DataError, match=r"config\.json"):
        load_hf(tmp_path)
    export(noisy_model(GPT2), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"n_layer": 4}))
    with pytest.raises(DataError, match=r"transformer\.h\.3"):
        load_hf(tmp_path)


def test_the_tokenizer_is_asked_to_save_itself(tmp_path):
    class Tokenizer:
        def save(self, folder):
            (folder / "tokenizer.json").write_text("{}")

    export(noisy_model(GPT2), tmp_path, Tokenizer())
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}


def test_an_exported_run_stops_where_its_answers_end(tmp_path):
    import transformers

    from algorism.evaluation.backends import Request, Sampling
    from algorism.evaluation.backends.huggingface import HuggingFace
    from algorism.training import Recipe, export_run, train

    recipe = Recipe().replace(
        task__digits=1, task__test=20, task__examples=None, text__format="reverse+dollar",
        model__layers=1, model__width=32, model__heads=2, training__steps=150, training__batch=64,
        training__warmup=10, training__learning_rate=5e-3,
    )  # fmt: skip
    train(recipe, tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "hf")
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert tokenizer.eos_token == "$"
    ids = tokenizer("$4+3=", return_tensors="pt")["input_ids"]
    written = model.generate(ids, do_sample=False, max_new_tokens=12, pad_token_id=tokenizer.pad_token_id)
    text = tokenizer.decode(written[0, ids.shape[1] :])
    assert text.endswith("$")
    assert text.count("$") == 1
    for engine in ("algorism", "transformers"):
        (reply,) = HuggingFace(tmp_path / "hf", engine=engine).generate(
            [Request("a", "$4+3=")], Sampling(max_tokens=12)
        )
        assert (reply.text, reply.finish) == (text[:-1], "stop")


def test_a_run_whose_digits_are_numbered_by_significance_is_refused(tmp_path):
    from algorism.training import Recipe, export_run, train

    recipe = Recipe().replace(
        task__digits=1, task__test=20, task__examples=None, task__sampler="uniform", text__index="coupled",
        text__format="pad+reverse+dollar", model__layers=1, model__width=16, model__heads=2, training__steps=2,
        training__batch=4, training__warmup=1, training__validate_every=2,
    )  # fmt: skip
    train(recipe, tmp_path / "run")
    with pytest.raises(UsageError, match=r"text\.index: 'coupled'"):
        export_run(tmp_path / "run", tmp_path / "hf")
    assert not (tmp_path / "hf").exists()
