"""Folders that `transformers` loads as GPT-2 or Llama with no code of ours, and the way back.

A model with layer norm and learned positions is a GPT-2; one with RMS norm, SwiGLU and RoPE is a Llama. Anything
else has no counterpart there, and `exportable` says which setting is to blame.
"""

from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import torch
from torch import Tensor

from ..errors import DataError, UsageError
from ..files import read_json, write_atomic, write_json
from .config import TransformerConfig
from .transformer import Block, Transformer

# Our activation names and the ones of `transformers`.
GPT2_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu", "silu": "silu"}
OUR_ACTIVATIONS = {theirs: ours for ours, theirs in GPT2_ACTIVATIONS.items()} | {
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
}


class SavesItself(Protocol):
    """A tokenizer: anything that can write its files into a folder."""

    def save(self, folder: Path, /) -> Any:
        """Write the files `AutoTokenizer` needs."""


class Pair(NamedTuple):
    """One of our parameters and its counterparts there: ours is theirs stacked along the output dimension."""

    ours: str
    theirs: tuple[str, ...]
    transposed: bool = False


def exportable(config: TransformerConfig) -> str | None:
    """Return None if `export` can write a model of this shape, else the setting that prevents it.

    >>> exportable(TransformerConfig(vocab=16, context=8))
    >>> exportable(TransformerConfig(vocab=16, context=8, positions="alibi"))
    "model.positions: 'alibi' exists neither in GPT-2 (learned) nor in Llama (rope)."
    """
    if config.loops > 1:
        return f"model.loops: {config.loops}; GPT-2 and Llama apply every layer once."
    if config.norm_place != "before":
        return f"model.norm_place: {config.norm_place!r}; GPT-2 and Llama have norms 'before' their sublayers only."
    if config.positions == "learned":
        if config.norm != "layer":
            return f"model.norm: {config.norm!r} with learned positions; GPT-2 has 'layer'."
        if config.activation not in GPT2_ACTIVATIONS:
            return f"model.activation: {config.activation!r} with learned positions; GPT-2 has no gated MLP."
        return None
    if config.positions == "rope":
        if config.norm != "rms":
            return f"model.norm: {config.norm!r} with rope; Llama has 'rms'."
        if config.activation != "swiglu":
            return f"model.activation: {config.activation!r} with rope; Llama has 'swiglu'."
        return None
    return f"model.positions: {config.positions!r} exists neither in GPT-2 (learned) nor in Llama (rope)."


class End(NamedTuple):
    """The token that ends an answer."""

    id: int
    text: str


def export(
    model: Transformer, folder: Path | str, tokenizer: SavesItself | None = None, end: End | None = None
) -> None:
    """Write config.json, model.safetensors and the tokenizer's files, for `AutoModelForCausalLM.from_pretrained`.

    Each file appears whole or not at all, and config.json comes last: a folder that has one is complete.

    Args:
        model: of a shape that `exportable` accepts.
        folder: made if missing; files of the same names are replaced.
        tokenizer: writes its own files with `tokenizer.save(folder)`; None for a model without one.
        end: becomes the end-of-text token, at which others stop generating; without one they go on to their limit.

    Raises:
        UsageError: a shape that is neither GPT-2's nor Llama's, with the setting that prevents it.
    """
    from safetensors.torch import save

    reason = exportable(model.config)
    if reason is not None:
        raise UsageError(f"export: this model has no counterpart in transformers. {reason}")
    if any(type(block) is not Block for block in model.blocks):
        raise UsageError(
            "export: this network computes with integers, which transformers does not. Export the run that it was made "
            "from, or quantize that with --dequantized."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    tensors: dict[str, Tensor] = {}
    for ours, theirs, transposed in _pairs(model.config):
        # GPT-2 always has biases: a model without them is one whose biases are zero.
        value = state[ours] if ours in state else torch.zeros_like(_first_column(state[ours[:-4] + "weight"]))
        for name, part in zip(theirs, value.chunk(len(theirs))):
            tensors[name] = (part.t() if transposed else part).contiguous()
    data = save(tensors, {"format": "pt"})

    def write(stream: BinaryIO) -> None:
        stream.write(data)

    write_atomic(folder / "model.safetensors", write)
    if tokenizer is not None:
        tokenizer.save(folder)
    settings = folder / "tokenizer_config.json"
    if end is not None and settings.exists():
        write_json(settings, read_json(settings) | {"eos_token": end.text})
    dtype = str(model.embed.weight.dtype).removeprefix("torch.")
    ends = {"eos_token_id": None if end is None else end.id}
    write_json(folder / "config.json", _config_there(model.config) | ends | {"dtype": dtype})


def loadable(there: dict[str, Any]) -> str | None:
    """Return None if `load_hf` computes what a configuration of `transformers` says, else what prevents it.

    Args:
        there: the content of config.json.

    >>> loadable({"model_type": "mistral"})
    "load_hf: expected model_type 'gpt2' or 'llama', got 'mistral'."
    """
    try:
        _config_here(there)
    except UsageError as error:
        return str(error)
    except (KeyError, TypeError, ZeroDivisionError) as error:
        return f"load_hf: a setting is missing or damaged ({error!r})"
    return None


def load_hf(folder: Path | str) -> Transformer:
    """Read a GPT-2 or Llama folder (config.json and safetensors files) as one of our models.

    A GPT-2 read back always has biases, zero ones if it was exported without.

    Args:
        folder: as written by `export` or by `save_pretrained`.

    Raises:
        DataError: a missing tensor or file.
        UsageError: an architecture or setting our transformer has no counterpart for.
    """
    folder = Path(folder)
    try:
        config = _config_here(read_json(folder / "config.json"))
        tensors = _read_tensors(folder)
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: expected config.json and safetensors files; {error.filename} is missing."
        ) from error
    model = Transformer(config)
    state = {}
    for ours, theirs, transposed in _pairs(config):
        try:
            parts = [tensors[name] for name in theirs]
        except KeyError as error:
            raise DataError(f"{folder}: the tensor {error.args[0]!r} is missing; is the file complete?") from error
        state[ours] = torch.cat([part.t() if transposed else part for part in parts])
    model.load_state_dict(state)
    return model.to(state["embed.weight"].dtype)


def _first_column(weight: Tensor) -> Tensor:
    return weight if weight.dim() == 1 else weight[:, 0]


def _pairs(config: TransformerConfig) -> list[Pair]:
    return _llama_pairs(config) if config.positions == "rope" else _gpt2_pairs(config)


def _gpt2_pairs(config: TransformerConfig) -> list[Pair]:
    # GPT-2 stores its linear layers as (in, out), the transpose of nn.Linear.
    layer = (
        ("norm_attention", "ln_1", False),
        ("attention.qkv", "attn.c_attn", True),
        ("attention.out", "attn.c_proj", True),
        ("norm_mlp", "ln_2", False),
        ("mlp.up", "mlp.c_fc", True),
        ("mlp.down", "mlp.c_proj", True),
    )
    pairs = [Pair("embed.weight", ("transformer.wte.weight",)), Pair("position.weight", ("transformer.wpe.weight",))]
    for i in range(config.layers):
        for ours, theirs, transposed in layer:
            pairs.append(Pair(f"blocks.{i}.{ours}.weight", (f"transformer.h.{i}.{theirs}.weight",), transposed))
            pairs.append(Pair(f"blocks.{i}.{ours}.bias", (f"transformer.h.{i}.{theirs}.bias",)))
    pairs += [Pair(f"norm.{kind}", (f"transformer.ln_f.{kind}",)) for kind in ("weight", "bias")]
    return pairs if config.tie else [*pairs, Pair("head.weight", ("lm_head.weight",))]


def _llama_pairs(config: TransformerConfig) -> list[Pair]:
    linear = (
        ("attention.qkv", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
        ("attention.out", ("self_attn.o_proj",)),
        ("mlp.gate", ("mlp.gate_proj",)),
        ("mlp.up", ("mlp.up_proj",)),
        ("mlp.down", ("mlp.down_proj",)),
    )
    norms = (("norm_attention", "input_layernorm"), ("norm_mlp", "post_attention_layernorm"))
    pairs = [Pair("embed.weight", ("model.embed_tokens.weight",)), Pair("norm.weight", ("model.norm.weight",))]
    for i in range(config.layers):
        there = f"model.layers.{i}"
        pairs += [Pair(f"blocks.{i}.{ours}.weight", (f"{there}.{theirs}.weight",)) for ours, theirs in norms]
        for ours, names in linear:
            for kind in ("weight", "bias") if config.bias else ("weight",):
                pairs.append(Pair(f"blocks.{i}.{ours}.{kind}", tuple(f"{there}.{name}.{kind}" for name in names)))
    return pairs if config.tie else [*pairs, Pair("head.weight", ("lm_head.weight",))]


def _config_there(config: TransformerConfig) -> dict[str, Any]:
    common = {"vocab_size": config.vocab, "tie_word_embeddings": config.tie, "bos_token_id": None}
    if config.positions == "rope":
        return common | {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": config.width,
            "intermediate_size": config.hidden_width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.heads,
            "head_dim": config.head_width,
            "hidden_act": "silu",
            "max_position_embeddings": config.context,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
            "attention_bias": config.bias,
            "mlp_bias": config.bias,
            "attention_dropout": config.dropout,
        }
    return common | {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": config.width,
        "n_inner": config.hidden_width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_positions": config.context,
        "activation_function": GPT2_ACTIVATIONS[config.activation],
        "layer_norm_epsilon": 1e-5,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
    }


def _config_here(there: dict[str, Any]) -> TransformerConfig:
    kind = there.get("model_type")
    if kind == "gpt2":
        _expect(there, layer_norm_epsilon=1e-5, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
        activation = there.get("activation_function", "gelu_new")
        if activation not in OUR_ACTIVATIONS:
            raise UsageError(f"load_hf: unknown activation_function {activation!r}; known: {sorted(OUR_ACTIVATIONS)}.")
        return TransformerConfig(
            vocab=there["vocab_size"],
            context=there["n_positions"],
            layers=there["n_layer"],
            heads=there["n_head"],
            width=there["n_embd"],
            hidden=there.get("n_inner"),
            activation=OUR_ACTIVATIONS[activation],
            tie=there.get("tie_word_embeddings", True),
            bias=True,
            dropout=there.get("resid_pdrop", 0.1),
        )
    if kind == "llama":
        heads, width, bias = there["num_attention_heads"], there["hidden_size"], there.get("attention_bias", False)
        _expect(there, rms_norm_eps=1e-6, hidden_act="silu", mlp_bias=bias)
        _expect(there, num_key_value_heads=heads, head_dim=width // heads)
        rope = there.get("rope_parameters") or there.get("rope_scaling") or {}
        _expect(rope, rope_type="default")
        return TransformerConfig(
            vocab=there["vocab_size"],
            context=there["max_position_embeddings"],
            layers=there["num_hidden_layers"],
            heads=heads,
            width=width,
            hidden=there["intermediate_size"],
            norm="rms",
            activation="swiglu",
            positions="rope",
            tie=there.get("tie_word_embeddings", False),
            bias=bias,
            dropout=there.get("attention_dropout", 0.0),
            rope_base=rope.get("rope_theta", there.get("rope_theta", 10_000.0)),
        )
    raise UsageError(f"load_hf: expected model_type 'gpt2' or 'llama', got {kind!r}.")


def _expect(settings: dict[str, Any], **expected: Any) -> None:
    """Refuse settings that would silently change the function the weights compute."""
    for key, value in expected.items():
        got = settings.get(key, value)
        if got is not None and got != value:
            raise UsageError(f"load_hf: {key} is {got!r}, but our transformer only has {value!r}.")


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    index = folder / "model.safetensors.index.json"
    names = sorted(set(read_json(index)["weight_map"].values())) if index.exists() else ["model.safetensors"]
    tensors = {name: value for file in names for name, value in load_file(folder / file).items()}
    # Published GPT-2 files were saved from the model without its head, so that the names lack this prefix.
    bare = "wte.weight" in tensors
    return {f"transformer.{name}": value for name, value in tensors.items()} if bare else tensors
