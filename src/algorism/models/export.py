"""Folders that `transformers` loads as GPT-2 or Llama with no code of ours; `loading` has the way back.

A model with layer norm and learned positions is a GPT-2; one with RMS norm, SwiGLU and RoPE is a Llama. Anything
else has no counterpart there, and `exportable` says which setting is to blame.
"""

from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import torch
from torch import Tensor

from ..errors import UsageError
from ..files import read_json, write_atomic, write_json
from .config import TransformerConfig
from .names import GPT2_ACTIVATIONS, pairs
from .transformer import Block, Transformer


class SavesItself(Protocol):
    """A tokenizer: anything that can write its files into a folder."""

    def save(self, folder: Path, /) -> Any:
        """Write the files `AutoTokenizer` needs."""


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
    for ours, theirs, transposed in pairs(model.config):
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


def _first_column(weight: Tensor) -> Tensor:
    return weight if weight.dim() == 1 else weight[:, 0]


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
