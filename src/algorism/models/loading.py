"""GPT-2 and Llama folders of `transformers` read as our transformer; `export` writes them.

Nothing here is a guess: a setting that would change the function, and that our transformer does not have, is refused.
"""

from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..errors import AlgorismError, DataError, UsageError
from ..files import read_json
from .config import TransformerConfig
from .names import OUR_ACTIVATIONS, Pair, pairs
from .transformer import Transformer

Value = TypeVar("Value")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def loadable(there: dict[str, Any]) -> str | None:
    """Return None if `load_hf` computes what a configuration of `transformers` says, else what prevents it.

    Args:
        there: the content of config.json.

    >>> loadable({"model_type": "mistral"})
    "load_hf: expected model_type 'gpt2' or 'llama', got 'mistral'."
    """
    try:
        _config_here(there)
    except AlgorismError as error:
        return str(error)
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        return f"load_hf: a setting is missing or damaged ({error!r})"
    return None


def stored_differently(folder: Path | str) -> str | None:
    """Why the tensors of a loadable folder are not those that its configuration names, all in float32; else None.

    Only the files' headers are read. A file whose header cannot be read is `load_hf`'s to report.

    Args:
        folder: one whose configuration is `loadable`.
    """
    from safetensors import SafetensorError, safe_open

    folder, kinds = Path(folder), dict[str, str]()
    try:
        for file in _files(folder):
            with safe_open(folder / file, framework="pt") as stored:
                kinds |= {name: stored.get_slice(name).get_dtype() for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, DataError, OSError):
        return None
    config = _config_here(read_json(folder / "config.json"))
    kinds = _with_prefix(kinds)
    if config.tie and "lm_head.weight" in kinds:
        return "it has an output layer of its own, which its configuration denies"
    for name in (name for pair in pairs(config) for name in pair.theirs):
        if name not in kinds:
            return f"it has no tensor {name!r}"
        if kinds[name] != "F32":
            return "its weights are not float32"
    return None


def load_hf(folder: Path | str) -> Transformer:
    """Read a GPT-2 or Llama folder (config.json and safetensors files) as one of our models.

    A GPT-2 read back always has biases, zero ones if it was exported without.

    Args:
        folder: as written by `export` or by `save_pretrained`.

    Raises:
        DataError: a missing or damaged file, a missing tensor, or one of another shape than the configuration says.
        UsageError: an architecture or setting our transformer has no counterpart for.
    """
    folder = Path(folder)
    try:
        config = _config_here(read_json(folder / "config.json"))
    except FileNotFoundError as error:
        raise DataError(f"{folder}: expected config.json and safetensors files; config.json is missing.") from error
    except ValueError as error:
        raise DataError(f"{folder}: config.json is damaged ({error}); copy it again.") from error
    tensors = _read_tensors(folder)
    model = Transformer(config)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    state = {pair.ours: _joined(pair, shapes[pair.ours], tensors, folder) for pair in pairs(config)}
    model.load_state_dict(state)
    return model.to(state["embed.weight"].dtype)


def _joined(pair: Pair, shape: torch.Size, tensors: dict[str, Tensor], folder: Path) -> Tensor:
    """One of our parameters out of theirs.

    Raises:
        DataError: one is missing, or has another shape.
    """
    expected = torch.Size([shape[0] // len(pair.theirs), *shape[1:]])
    if pair.transposed:
        expected = torch.Size(reversed(expected))
    parts = []
    for name in pair.theirs:
        if name not in tensors:
            raise DataError(f"{folder}: the tensor {name!r} is missing; is the file complete?")
        if tensors[name].shape != expected:
            raise DataError(
                f"{folder}: config.json gives the tensor {name!r} the shape {tuple(expected)}, but it has "
                f"{tuple(tensors[name].shape)}; do both files belong to one model?"
            )
        parts.append(tensors[name].t() if pair.transposed else tensors[name])
    return torch.cat(parts)


def _config_here(there: dict[str, Any]) -> TransformerConfig:
    kind = there.get("model_type")
    if kind == "gpt2":
        _expect(there, layer_norm_epsilon=1e-5, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
        activation = there.get("activation_function", "gelu_new")
        if activation not in OUR_ACTIVATIONS:
            raise UsageError(f"load_hf: unknown activation_function {activation!r}; known: {sorted(OUR_ACTIVATIONS)}.")
        return TransformerConfig(
            vocab=_whole(there, "vocab_size"),
            context=_whole(there, "n_positions"),
            layers=_whole(there, "n_layer"),
            heads=_whole(there, "n_head"),
            width=_whole(there, "n_embd"),
            hidden=None if there.get("n_inner") is None else _whole(there, "n_inner"),
            activation=OUR_ACTIVATIONS[activation],
            tie=_flag(there, "tie_word_embeddings", True),
            bias=True,
            dropout=there.get("resid_pdrop", 0.1),
        )
    if kind == "llama":
        heads, width = _whole(there, "num_attention_heads"), _whole(there, "hidden_size")
        bias = _flag(there, "attention_bias", False)
        _expect(there, rms_norm_eps=1e-6, hidden_act="silu")
        if _flag(there, "mlp_bias", False) != bias:
            raise UsageError(f"load_hf: mlp_bias is {not bias}, but our transformer only has attention_bias {bias}.")
        for name, only in (("num_key_value_heads", heads), ("head_dim", width // heads)):
            if there.get(name) is not None:  # null stands for just that
                _expect(there, **{name: only})
        return TransformerConfig(
            vocab=_whole(there, "vocab_size"),
            context=_whole(there, "max_position_embeddings"),
            layers=_whole(there, "num_hidden_layers"),
            heads=heads,
            width=width,
            hidden=_whole(there, "intermediate_size"),
            norm="rms",
            activation="swiglu",
            positions="rope",
            tie=_flag(there, "tie_word_embeddings", False),
            bias=bias,
            dropout=there.get("attention_dropout", 0.0),
            rope_base=_rope_base(there),
        )
    raise UsageError(f"load_hf: expected model_type 'gpt2' or 'llama', got {kind!r}.")


def _rope_base(there: dict[str, Any]) -> float:
    """The base of the frequencies: beside the kind of rotation, or in older files in the configuration itself.

    Raises:
        UsageError: a rotation of another kind, under its present or its former name.
    """
    rope = there.get("rope_scaling") or there.get("rope_parameters") or {}
    _expect(rope, rope_type="default", type="default", partial_rotary_factor=1.0)
    _expect(there, partial_rotary_factor=1.0)
    base = rope.get("rope_theta", there.get("rope_theta", 10_000.0))
    if isinstance(base, bool) or not isinstance(base, int | float) or not base > 0:
        raise UsageError(f"load_hf: rope_theta is {base!r}; expected a number above 0.")
    return float(base)


def _expect(settings: dict[str, Any], **expected: Any) -> None:
    """Refuse settings that would silently change the function the weights compute."""
    for key, value in expected.items():
        got = settings.get(key, value)
        if got != value:
            raise UsageError(f"load_hf: {key} is {got!r}, but our transformer only has {value!r}.")


def _whole(settings: dict[str, Any], key: str) -> int:
    value = settings[key]
    if type(value) is not int or value < 1:
        raise UsageError(f"load_hf: {key} is {value!r}; expected a whole number of at least 1.")
    return value


def _flag(settings: dict[str, Any], key: str, default: bool) -> bool:
    value = settings.get(key, default)
    if not isinstance(value, bool):
        raise UsageError(f"load_hf: {key} is {value!r}; expected true or false.")
    return value


def _files(folder: Path) -> list[str]:
    """Names of the files of tensors: one, or those of the index.

    Raises:
        DataError: there is none, or the index is damaged.
    """
    if (folder / WEIGHTS).exists() or not (folder / INDEX).exists():
        return [WEIGHTS]
    try:
        return sorted(set(read_json(folder / INDEX)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder}: {INDEX} is damaged ({error!r}); copy it again.") from error


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder by name.

    Raises:
        DataError: a file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors = dict[str, Tensor]()
    for file in _files(folder):
        try:
            tensors |= load_file(folder / file)
        except FileNotFoundError as error:
            raise DataError(f"{folder}: expected config.json and safetensors files; {file} is missing.") from error
        except SafetensorError as error:
            raise DataError(f"{folder}: {file} is damaged or cut off ({error}); copy it again.") from error
    return _with_prefix(tensors)


def _with_prefix(named: dict[str, Value]) -> dict[str, Value]:
    """Published GPT-2 files were saved from the model without its head, so that the names lack a prefix."""
    return {f"transformer.{name}": value for name, value in named.items()} if "wte.weight" in named else named
