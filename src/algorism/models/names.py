"""What our transformer's parameters and activations are called in `transformers`, as GPT-2 or as Llama."""

from typing import NamedTuple

from .config import TransformerConfig

# Our activation names and the ones of `transformers`.
GPT2_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu", "silu": "silu"}
OUR_ACTIVATIONS = {theirs: ours for ours, theirs in GPT2_ACTIVATIONS.items()} | {
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
}


class Pair(NamedTuple):
    """One of our parameters and its counterparts there: ours is theirs stacked along the output dimension."""

    ours: str
    theirs: tuple[str, ...]
    transposed: bool = False


def pairs(config: TransformerConfig) -> list[Pair]:
    """Every parameter of a model that has a counterpart, with its names in GPT-2 or Llama."""
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
    found = [Pair("embed.weight", ("transformer.wte.weight",)), Pair("position.weight", ("transformer.wpe.weight",))]
    for i in range(config.layers):
        for ours, theirs, transposed in layer:
            found.append(Pair(f"blocks.{i}.{ours}.weight", (f"transformer.h.{i}.{theirs}.weight",), transposed))
            found.append(Pair(f"blocks.{i}.{ours}.bias", (f"transformer.h.{i}.{theirs}.bias",)))
    found += [Pair(f"norm.{kind}", (f"transformer.ln_f.{kind}",)) for kind in ("weight", "bias")]
    return found if config.tie else [*found, Pair("head.weight", ("lm_head.weight",))]


def _llama_pairs(config: TransformerConfig) -> list[Pair]:
    linear = (
        ("attention.qkv", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
        ("attention.out", ("self_attn.o_proj",)),
        ("mlp.gate", ("mlp.gate_proj",)),
        ("mlp.up", ("mlp.up_proj",)),
        ("mlp.down", ("mlp.down_proj",)),
    )
    norms = (("norm_attention", "input_layernorm"), ("norm_mlp", "post_attention_layernorm"))
    found = [Pair("embed.weight", ("model.embed_tokens.weight",)), Pair("norm.weight", ("model.norm.weight",))]
    for i in range(config.layers):
        there = f"model.layers.{i}"
        found += [Pair(f"blocks.{i}.{ours}.weight", (f"{there}.{theirs}.weight",)) for ours, theirs in norms]
        for ours, names in linear:
            for kind in ("weight", "bias") if config.bias else ("weight",):
                found.append(Pair(f"blocks.{i}.{ours}.{kind}", tuple(f"{there}.{name}.{kind}" for name in names)))
    return found if config.tie else [*found, Pair("head.weight", ("lm_head.weight",))]
