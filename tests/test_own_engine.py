"""Our engine against that of transformers on folders with every kind of tokenizer and setting.

Wherever `own_reason` finds nothing, both must give the same texts, ends, failures and tokens.
"""

import json
import shutil
from pathlib import Path

import pytest
import tokenizers
import torch
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers

from algorism.errors import CheckpointError
from algorism.evaluation.backends import Failure, Request, Sampling
from algorism.evaluation.backends.huggingface import HuggingFace
from algorism.evaluation.backends.own_engine import OwnEngine
from algorism.evaluation.backends.own_folder import own_reason
from algorism.evaluation.backends.protocol import BOUNDARY

TEXTS = ["hello world 12+34=46; the end.", "Add: 5 + 6 = 11\n", "foo bar  baz", "naïve 7-3=4", "abc ABC 000 123"]
END = "<|endoftext|>"
PROMPTS = (
    "hello",
    "12+34=",
    "",
    "a<|endoftext|> b",
    " <pad> foo",
    "foo bar 12 foo12",
    "ü ïn 日本",
    "x" * 70,
    "  two  \n\n spaces\t",
    "\ud800",
)


def trained(kind: str) -> tokenizers.Tokenizer:
    """A small tokenizer of one kind, with an end of text, padding and a word that was added."""
    unknown = "[UNK]"
    special = [END, "<pad>", unknown]
    more = {"special_tokens": special, "show_progress": False}
    if kind == "bytes":
        made = tokenizers.Tokenizer(models.BPE())
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        made.post_processor = processors.ByteLevel(trim_offsets=False)
        trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **more)
    elif kind == "unigram":
        made = tokenizers.Tokenizer(models.Unigram())
        made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=70, unk_token=unknown, **more)
    else:
        made = tokenizers.Tokenizer(models.WordPiece(unk_token=unknown))
        made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
        made.normalizer = normalizers.Lowercase()
        trainer = trainers.WordPieceTrainer(vocab_size=100, **more)
    made.train_from_iterator(TEXTS * 3, trainer)
    made.add_tokens([AddedToken("foo", lstrip=True, single_word=True, normalized=True)])
    if kind == "wordpiece":
        ends = [(END, made.token_to_id(END)), ("<pad>", made.token_to_id("<pad>"))]
        made.post_processor = processors.TemplateProcessing(single=f"{END} $A <pad>", special_tokens=ends)
        made.enable_truncation(5)
        made.enable_padding(length=20, pad_token="<pad>", pad_id=1)
    return made


def written(folder: Path, kind: str, **config) -> Path:
    """A folder as `save_pretrained` leaves it; a GPT-2 if its tokenizer is one of bytes, else a Llama."""
    import transformers

    made = trained(kind)
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token="<pad>").save_pretrained(
        folder
    )
    torch.manual_seed(2)
    vocab = made.get_vocab_size()
    common = {"vocab_size": vocab, "bos_token_id": None, "eos_token_id": [0, 5], "initializer_range": 0.6} | config
    if kind == "bytes":
        shape = transformers.GPT2Config(n_positions=48, n_embd=16, n_layer=2, n_head=2, **common)
        model = transformers.GPT2LMHeadModel(shape)
    else:
        shape = transformers.LlamaConfig(
            hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=48, **common,
        )  # fmt: skip
        model = transformers.LlamaForCausalLM(shape)
    model.save_pretrained(folder, max_shard_size="8KB" if kind == "unigram" else "1GB")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("kinds")
    return {kind: written(place / kind, kind) for kind in ("bytes", "unigram", "wordpiece")}


@pytest.fixture
def copied(folders, tmp_path):
    """Copies a folder and changes its files: settings to set, or to leave out where they are `...`."""

    def copy(kind: str, **changes: dict) -> Path:
        shutil.copytree(folders[kind], tmp_path / "copy", dirs_exist_ok=True)
        for name, settings in changes.items():
            path = tmp_path / "copy" / f"{name}.json"
            stored = (json.loads(path.read_text()) if path.exists() else {}) | settings
            path.write_text(json.dumps({key: value for key, value in stored.items() if value is not ...}))
        return tmp_path / "copy"

    return copy


def outcomes(model: HuggingFace, sampling: Sampling, prompts=PROMPTS) -> dict[str, tuple]:
    asked = [Request(prompt, prompt, seed=seed) for seed, prompt in enumerate(prompts)]
    return {
        found.key: (found.reason,) if isinstance(found, Failure) else (found.text, found.finish, found.tokens)
        for found in model.generate(asked, sampling)
    }


def assert_same(folder: Path) -> None:
    assert own_reason(folder) is None
    ours, theirs = (HuggingFace(folder, engine=engine) for engine in ("auto", "transformers"))
    assert isinstance(ours.engine, OwnEngine)
    assert (ours.engine.ends, ours.room, ours.engine.vocab) == (theirs.engine.ends, theirs.room, theirs.engine.vocab)
    for sampling in (
        Sampling(max_tokens=12),
        Sampling(max_tokens=24, stop=("2", " ", "foo")),
        Sampling(max_tokens=8, temperature=1.0, top_p=0.9),
    ):
        assert outcomes(ours, sampling) == outcomes(theirs, sampling)
    for text in PROMPTS[:-1]:
        for special in (False, True):
            ids, spans = theirs.engine.spans(text, special)
            assert ours.engine.spans(text, special) == (ids, [tuple(span) for span in spans])


@pytest.mark.parametrize("kind", ["bytes", "unigram", "wordpiece"])
def test_every_kind_of_tokenizer_is_read_equally(folders, kind):
    assert_same(folders[kind])


GPT2_CLASS = {"tokenizer_class": "GPT2Tokenizer", "errors": "replace", "add_prefix_space": False}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bytes", {"tokenizer_config": GPT2_CLASS}),
        ("bytes", {"tokenizer_config": {"tokenizer_class": ..., "eos_token": ..., "pad_token": ...}}),
        ("bytes", {"tokenizer_config": {"eos_token": "+", "model_max_length": 4, "add_bos_token": True}}),
        ("bytes", {"tokenizer_config": {"extra_special_tokens": ["="], "mask_token": "2"}}),
        ("bytes", {"generation_config": {"eos_token_id": 3}}),
        ("bytes", {"generation_config": {"eos_token_id": ...}}),
        ("bytes", {"config": {"n_inner": None, "use_cache": False, "n_ctx": 7}}),
        ("unigram", {"config": {"rope_parameters": ..., "rope_theta": 77.0}}),
        ("unigram", {"config": {"rope_scaling": {"rope_type": "default", "rope_theta": 33.0}}}),
        ("unigram", {"config": {"num_key_value_heads": None, "head_dim": None, "sliding_window": None}}),
    ],
)
def test_settings_that_are_admitted_are_computed(copied, kind, changes):
    assert_same(copied(kind, **changes))


@pytest.mark.parametrize(
    ("kind", "name", "settings", "reason"),
    [
        ("unigram", "config", {"rope_parameters": {"type": "linear", "factor": 2.0}}, "type is 'linear'"),
        ("unigram", "config", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ("unigram", "config", {"sliding_window": 3}, "more than the weights"),
        ("unigram", "config", {"tie_word_embeddings": None}, "true or false"),
        ("unigram", "config", {"hidden_act": None}, "hidden_act"),
        (
            "unigram",
            "config",
            {"num_attention_heads": 3, "num_key_value_heads": None, "head_dim": None},
            "do not divide",
        ),
        ("unigram", "config", {"tie_word_embeddings": True}, "output layer of its own"),
        ("bytes", "config", {"tie_word_embeddings": False}, "no tensor 'lm_head.weight'"),
        ("bytes", "config", {"sliding_window": 3}, "more than the weights"),
        ("bytes", "config", {"is_causal": False}, "more than the weights"),
        ("bytes", "config", {"hidden_size": 32}, "another name"),
        ("bytes", "config", {"architectures": None}, "architecture is None"),
        ("bytes", "config", {"architectures": []}, "architecture is"),
        ("bytes", "config", {"eos_token_id": "0"}, "ends of its answers"),
        ("bytes", "generation_config", {"eos_token_id": [1, True]}, "ends of its answers"),
        ("bytes", "tokenizer_config", {"split_special_tokens": True}, "setting"),
        ("bytes", "tokenizer_config", {"mystery": 1}, "setting"),
        ("bytes", "tokenizer_config", GPT2_CLASS | {"add_prefix_space": True}, "setting"),
        ("bytes", "tokenizer_config", {"extra_special_tokens": ["foo"]}, "does not have"),
        ("bytes", "special_tokens_map", {"bos_token": "12"}, "further files"),
        ("bytes", "added_tokens", {"new": 290}, "further files"),
        ("bytes", "tokenizer", {"added_tokens": 5}, "missing or damaged"),
    ],
)
def test_settings_that_would_change_an_answer_are_refused(copied, kind, name, settings, reason):
    assert reason in (own_reason(copied(kind, **{name: settings})) or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "Lowercase"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
        {"decoder": {"type": "Fuse"}},
    ],
)
def test_a_tokenizer_that_its_class_would_build_otherwise_is_refused(copied, changes):
    folder = copied("bytes", tokenizer_config=GPT2_CLASS, tokenizer=changes)
    assert "built anew" in (own_reason(folder) or "")


def test_flags_of_tokens_given_twice_must_agree(copied, folders):
    added = json.loads((folders["bytes"] / "tokenizer.json").read_text())["added_tokens"]
    given = {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in added}
    assert_same(copied("bytes", tokenizer_config={"added_tokens_decoder": given} | GPT2_CLASS))
    given["1"] |= {"lstrip": True}
    assert "does not have" in (own_reason(copied("bytes", tokenizer_config={"added_tokens_decoder": given})) or "")


def test_weights_of_another_precision_are_refused_whatever_the_configuration_says(folders, copied):
    import transformers

    folder = copied("bytes")
    transformers.GPT2LMHeadModel.from_pretrained(folder).half().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float32"}))
    assert own_reason(folder) == "its weights are not float32"


def test_one_file_of_weights_goes_before_an_index(folders, copied):
    folder = copied("bytes")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "nowhere.safetensors"}}')
    assert_same(folder)


@pytest.mark.parametrize("engine", ["auto", "transformers"])
@pytest.mark.parametrize("kind", ["cut off", "no file", "shape", "missing", "tokenizer", "index"])
def test_damage_is_explained(copied, kind, engine):
    from safetensors.torch import load_file, save_file

    folder = copied("unigram" if kind == "index" else "bytes")
    weights = folder / "model.safetensors"
    if kind == "cut off":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif kind == "no file":
        weights.unlink()
    elif kind == "tokenizer":
        (folder / "tokenizer.json").write_text('{"model": {"vocab": {}}, "added_tokens": []}')
    elif kind == "index":
        (folder / "model.safetensors.index.json").write_text('{"weight_map"')
    else:
        tensors, name = load_file(weights), "transformer.h.1.mlp.c_fc.weight"
        tensors[name] = tensors[name].t().contiguous()
        if kind == "missing":
            del tensors[name]
        save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(CheckpointError, match="can be loaded") as caught:
        HuggingFace(folder, engine=engine)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["algorism", "transformers"])
def test_tokens_that_the_model_does_not_know_are_a_failure(copied, folders, engine):
    tokens = json.loads((folders["bytes"] / "tokenizer.json").read_text())
    tokens["added_tokens"].append(
        tokens["added_tokens"][-1] | {"content": "baz", "id": 1 + tokens["added_tokens"][-1]["id"]}
    )
    model = HuggingFace(copied("bytes", tokenizer=tokens), engine=engine)
    found = outcomes(model, Sampling(max_tokens=4), ("12+3=", "12 baz"))
    assert "fewer than its tokenizer" in found["12 baz"][0]
    assert len(found["12+3="]) == 3


@pytest.mark.parametrize("engine", ["algorism", "transformers"])
def test_boundaries_force_tokens(folders, engine):
    model = HuggingFace(folders["bytes"], engine=engine)
    assert len(model.encode("hello")) == 2
    assert len(model.encode(f"h{BOUNDARY}e{BOUNDARY}llo")) > 2


def test_reading_may_stop_early(folders, monkeypatch):
    model = HuggingFace(folders["bytes"], engine="algorism", batch=2)
    monkeypatch.setattr(model.engine, "side_by_side", 3)
    before = torch.get_num_threads()
    reading = model.generate([Request(f"q{i}", "12+" * (1 + i % 4)) for i in range(40)], Sampling(max_tokens=8))
    first = next(reading)
    reading.close()
    assert first.key.startswith("q")
    assert torch.get_num_threads() == before
    assert next(model.generate([Request("again", "1")], Sampling(max_tokens=2))).key == "again"


def test_a_batch_remembers_no_more_than_it_may(folders, monkeypatch):
    from algorism.evaluation.backends import own_engine

    engine = OwnEngine(folders["bytes"], device="cpu")
    each = 2 * 2 * 16 * (10 + 20) * 4  # keys and values, layers, width, positions, bytes
    monkeypatch.setattr(engine, "side_by_side", 2)
    monkeypatch.setattr(own_engine, "MOST_REMEMBERED", 2 * 7 * each)
    assert engine.most(10, 20) == 7
    monkeypatch.setattr(own_engine, "MOST_REMEMBERED", 1)
    assert engine.most(10, 20) == 1
