"""Which folders our own transformer may compute in place of `transformers`: where no setting could tell them apart.

Settings of a tokenizer are allowed by name: what this file does not know is left to `transformers`. A configuration has
too many that mean nothing here, so that those which decide something are forbidden by name.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from algorism.errors import AlgorismError
from algorism.files import read_json
from algorism.models.loading import loadable, stored_differently

# Classes that take tokenizer.json as it is; others rebuild parts of it from their own settings.
PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")
# A class that rebuilds it: as it is for GPT-2's own kind of tokenizer, see `_rebuilt`.
GPT2_TOKENIZERS = ("GPT2Tokenizer", "GPT2TokenizerFast")
GPT2_END = "<|endoftext|>"  # what it takes for every role that is not filled
GPT2_ROLES = ("unk_token", "bos_token", "eos_token")

TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")
# Settings of a tokenizer without influence on how one text is encoded, or decoded as it is.
HARMLESS = (
    "tokenizer_class",
    "backend",
    "errors",
    "name_or_path",
    "is_local",
    "local_files_only",
    "model_input_names",
    "model_max_length",
    "max_length",
    "stride",
    "truncation_side",
    "truncation_strategy",
    "padding_side",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "clean_up_tokenization_spaces",
    "add_bos_token",
    "add_eos_token",
    "added_tokens_decoder",
    "extra_special_tokens",
    "additional_special_tokens",
)
EXTRA = ("extra_special_tokens", "additional_special_tokens")
FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
# Settings of a configuration by which `transformers` computes something else, finds other files, or names twice what
# our transformer reads under one name.
DECIDING = (
    "quantization_config",
    "auto_map",
    "transformers_weights",
    "pruned_heads",
    "add_cross_attention",
    "torchscript",
    "sliding_window",
    "layer_types",
    "attention_chunk_size",
    "kv_sharing_modes",
    "fusion_config",
    "distributed_config",
    "text_config",
    "text_encoder",
    "decoder",
    "generator",
)
USUAL = ("return_dict", "is_causal")  # true, if there at all
ALIASES = ("hidden_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers")
MANY = 100_000  # tokens from which on `transformers` may mend a pattern of the tokenizer

Json = dict[str, Any]


def own_reason(folder: Path | str) -> str | None:
    """Why our transformer cannot stand in for `transformers` with this folder; None if it can.

    Args:
        folder: a checkpoint. One that cannot be read at all is left to `transformers`, which explains it.
    """
    folder = Path(folder)
    try:
        config, tokens = _read(folder, "config.json"), _read(folder, "tokenizer.json")
        settings = _read(folder, "tokenizer_config.json", missing={})
        return (
            _other_model(folder, config)
            or _other_tokenizer(folder, config, settings, tokens)
            or _other_ends(folder)
            or stored_differently(folder)
        )
    except (OSError, ValueError, AttributeError, KeyError, TypeError, AlgorismError) as error:
        return f"a file is missing or damaged ({error or type(error).__name__})"


def ends_of(folder: Path) -> frozenset[int]:
    """The tokens that end an answer, as `transformers` finds them.

    Raises:
        ValueError: they are given in a form that it might read otherwise.
    """
    ends: list[Any] = []
    for name in ("config.json", "generation_config.json"):  # the latter counts alone if there is one
        if (folder / name).exists():
            found = _read(folder, name).get("eos_token_id")
            ends = found if isinstance(found, list) else [] if found is None else [found]
            if any(type(end) is not int for end in ends):
                raise ValueError(f"eos_token_id is {found!r} in {name}")
    return frozenset(ends)


def made_special(folder: Path) -> list[str]:
    """Texts of the vocabulary that are special tokens because of a role, though tokenizer.json does not say so."""
    config, tokens = _read(folder, "config.json"), _read(folder, "tokenizer.json")
    settings = _read(folder, "tokenizer_config.json", missing={})
    added = {token["content"] for token in tokens["added_tokens"]}
    texts = map(_text, _roles(settings, tokens, _kind(config, settings)))
    return list(dict.fromkeys(text for text in texts if text not in added))


def _read(folder: Path, name: str, missing: Json | None = None) -> Json:
    found = missing if missing is not None and not (folder / name).exists() else read_json(folder / name)
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no object")
    return found


def _other_model(folder: Path, config: Json) -> str | None:
    """What in a configuration prevents our transformer."""
    more = any(config.get(name) not in (None, False, [], {}) for name in DECIDING)
    if more or any(config.get(name, True) is not True for name in USUAL) or (folder / "adapter_config.json").exists():
        return "its configuration asks for more than the weights"
    if {config.get(name, "float32") for name in ("dtype", "torch_dtype")} != {"float32"}:
        return "its weights are not float32"
    architectures = config.get("architectures", ["GPT2LMHeadModel"])
    if not architectures or architectures[0] not in ("GPT2LMHeadModel", "LlamaForCausalLM"):
        return f"its architecture is {architectures and architectures[0]}"
    if config.get("model_type") == "gpt2" and any(name in config for name in ALIASES):
        return "its configuration gives a size under another name"
    return loadable(config)


def _other_ends(folder: Path) -> str | None:
    """Ends of answers that `transformers` might read otherwise."""
    try:
        ends_of(folder)
    except ValueError as error:
        return f"the ends of its answers are unclear ({error})"
    return None


def _other_tokenizer(folder: Path, config: Json, settings: Json, tokens: Json) -> str | None:
    """What in a tokenizer's settings could make it differ from tokenizer.json."""
    if "chat_template" in settings or any((folder / name).exists() for name in TEMPLATES):
        return "it has a chat template"
    kind = _kind(config, settings)
    if kind not in PLAIN_TOKENIZERS + GPT2_TOKENIZERS:
        return f"its tokenizer is of the class {kind!r}"
    if settings.get("split_special_tokens") or any(_unknown(key, value, kind) for key, value in settings.items()):
        return "its tokenizer has a setting that tokenizer.json does not have"
    added = {token["content"]: token for token in tokens["added_tokens"]}
    if "added_tokens_decoder" in settings:
        given = {token["content"]: token | {"id": int(at)} for at, token in settings["added_tokens_decoder"].items()}
        if not _same(given, added):
            return "its tokenizer is given tokens that tokenizer.json does not have"
    elif (folder / "added_tokens.json").exists() or (folder / "special_tokens_map.json").exists():
        return "its tokenizer is given tokens in further files"
    vocabulary = tokens["model"].get("vocab", {})
    if len(vocabulary) + len(added) > MANY:
        return "its tokenizer is large enough to be mended"
    if not all(_known(value, added, vocabulary) for value in _roles(settings, tokens, kind)):
        return "its tokenizer is given tokens that tokenizer.json does not have"
    return _rebuilt(settings, tokens, added) if kind in GPT2_TOKENIZERS else None


def _kind(config: Json, settings: Json) -> str | None:
    """The tokenizer's class; that of the architecture where none is named."""
    if "tokenizer_class" in settings or "tokenizer_class" in config:
        return settings.get("tokenizer_class")
    return GPT2_TOKENIZERS[0] if config.get("model_type") == "gpt2" else None


def _unknown(key: str, value: Any, kind: str | None) -> bool:
    """Whether a setting is one that might decide something."""
    if key.endswith("_token") and (value is None or _is_token(value)):
        return False
    if key in ("split_special_tokens", "add_prefix_space"):
        return value is not False and (key != "add_prefix_space" or kind not in PLAIN_TOKENIZERS)
    return key not in HARMLESS


def _is_token(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("content"), str))


def _text(token: str | Json) -> str:
    return token if isinstance(token, str) else str(token["content"])


def _extra(settings: Json) -> Iterable[Any]:
    """Special tokens without a role, under the name of today or the former one.

    Raises:
        ValueError: both are used.
    """
    found = [tokens for name in EXTRA if (tokens := settings.get(name))]
    if len(found) > 1:
        raise ValueError(f"both {EXTRA[0]} and {EXTRA[1]} are given")
    for tokens in found:
        yield from tokens.values() if isinstance(tokens, dict) else tokens


def _roles(settings: Json, tokens: Json, kind: str | None) -> Iterable[str | Json]:
    """All tokens that are made special."""
    yield from (value for key, value in settings.items() if key.endswith("_token") and _is_token(value))
    yield from _extra(settings)
    if tokens.get("padding"):
        yield tokens["padding"]["pad_token"]
    if kind in GPT2_TOKENIZERS:
        yield from (GPT2_END for role in GPT2_ROLES if role not in settings)


def _known(token: str | Json, added: Mapping[str, Json], vocabulary: Any) -> bool:
    """Whether a token is special in tokenizer.json, or at least one of the vocabulary, to be made special."""
    text = _text(token)
    if text in added:
        return bool(added[text]["special"])
    return isinstance(token, str) and isinstance(vocabulary, dict) and text in vocabulary


def _same(given: Mapping[str, Json], added: Mapping[str, Json]) -> bool:
    """Whether the settings give the same added tokens as tokenizer.json."""
    names = ("id", *FLAGS)
    return given.keys() == added.keys() and all(
        given[text].get(name) == added[text].get(name) for text in given for name in names
    )


def _rebuilt(settings: Json, tokens: Json, added: Mapping[str, Json]) -> str | None:
    """What in tokenizer.json is lost when a GPT-2 tokenizer is built anew from vocabulary and merges; None for nothing.

    It has no normalizer, splits and decodes by bytes without a space in front, and keeps the post-processor.
    """
    model, split, decoder = tokens["model"], tokens.get("pre_tokenizer") or {}, tokens.get("decoder") or {}
    plain = (
        model.get("type", "BPE") == "BPE"
        and not any(
            model.get(name)
            for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges")
        )
        and model.get("unk_token") is None
        and tokens.get("normalizer") is None
        and split.get("type") == decoder.get("type") == "ByteLevel"
        and split.get("add_prefix_space") is False
        and split.get("use_regex", True) is True
        and split.get("trim_offsets", True) is True
    )
    # Tokens are added again in the order of their ids: those of the vocabulary keep theirs, others follow it.
    vocabulary = model["vocab"]
    new = sorted(token["id"] for text, token in added.items() if text not in vocabulary)
    kept = all(token["id"] == vocabulary[text] for text, token in added.items() if text in vocabulary)
    ordered = new == list(range(len(vocabulary), len(vocabulary) + len(new)))
    return None if plain and kept and ordered else "its tokenizer is built anew, and otherwise than in tokenizer.json"
