"""What a product costs in energy, by operation: the published table, and what L-Mul saves according to it.

The table counts arithmetic only. Moving weights and activations, which dominates inference on real machines, is not in
it, and L-Mul emulated on an ordinary processor saves nothing at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from torch import Tensor, nn

from ...errors import UsageError, nearest
from ...models.transformer import Transformer

Operation = Literal["add", "mul"]
Kind = Literal["product", "dot"]

SOURCE = "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014: 45 nm, 0.9 V"

PICOJOULES: dict[tuple[str, str], float] = {
    ("add", "int8"): 0.03,
    ("add", "int32"): 0.1,
    ("add", "float16"): 0.4,
    ("add", "float32"): 0.9,
    ("mul", "int8"): 0.2,
    ("mul", "int32"): 3.1,
    ("mul", "float16"): 1.1,
    ("mul", "float32"): 3.7,
}
# Not in the table: half of int32's, as energy of an adder grows with its width. The paper's figure of 95 % needs it.
PICOJOULES["add", "int16"] = PICOJOULES["add", "int32"] / 2

ADDER = {"float32": "int32", "float16": "int16"}  # the integer addition that stands for a product


def energy(operation: Operation, dtype: str) -> float:
    """Picojoules of one operation. Source: `SOURCE`; int16 addition is half of int32's.

    Raises:
        UsageError: not in the table.

    >>> energy("mul", "float32"), energy("add", "int16")
    (3.7, 0.05)
    """
    if (operation, dtype) not in PICOJOULES:
        known = [" ".join(key) for key in PICOJOULES]
        raise UsageError(f"lmul.energy: no figure for {operation} {dtype}. {nearest(f'{operation} {dtype}', known)}")
    return PICOJOULES[operation, dtype]


def saving(kind: Kind, dtype: str = "float32") -> float:
    """Share of the energy that L-Mul saves: of a product alone, or of a product that is added to a sum ("dot").

    Raises:
        UsageError: a type without an integer adder in the table, or another kind.

    >>> [round(100 * saving(kind, dtype), 1) for kind in ("product", "dot") for dtype in ("float32", "float16")]
    [97.3, 95.5, 78.3, 70.0]
    """
    if kind not in ("product", "dot"):
        raise UsageError(f"lmul.saving: kind is 'product' or 'dot', got {kind!r}.")
    if dtype not in ADDER:
        raise UsageError(f"lmul.saving: dtype is one of {', '.join(map(repr, ADDER))}; got {dtype!r}.")
    exact, instead = energy("mul", dtype), energy("add", ADDER[dtype])
    if kind == "dot":
        exact, instead = exact + energy("add", dtype), instead + energy("add", dtype)
    return 1 - instead / exact


@dataclass(frozen=True)
class Estimate:
    """Products of one forward pass over one text, and their energy with the additions behind them.

    Args:
        linear: products in linear layers, the head included.
        attention: products in Q · Kᵀ and P · V, full square.
        exact: picojoules of all of them.
        lmul: picojoules if attention alone is replaced, and if all are.
    """

    linear: int
    attention: int
    exact: float
    lmul: dict[str, float]


def estimate(model: nn.Module, seq: int, dtype: str = "float32") -> Estimate:
    """Count the products of a transformer, ours or of Hugging Face, reading `seq` tokens, and their energy.

    Raises:
        UsageError: a model whose config does not tell its layers and width, or no tokens.

    >>> from algorism.models import Transformer, TransformerConfig
    >>> found = estimate(Transformer(TransformerConfig(vocab=16, context=8, layers=1, heads=2, width=8)), seq=8)
    >>> found.linear, found.attention  # 8 · (12 · 8 · 8 + 8 · 16) and 2 · 8 · 8 · 8
    (7168, 1024)
    """
    if seq < 1:
        raise UsageError(f"lmul.estimate: seq is a number of tokens ≥ 1, got {seq}.")
    layers, width = shape_of(model)
    loops = getattr(getattr(model, "config", None), "loops", 1)
    attention = 2 * layers * loops * seq * seq * width
    linear = seq * sum(matrix * times for matrix, times in matrices(model, loops))
    one = energy("mul", dtype) + energy("add", dtype)
    cheap = one * (1 - saving("dot", dtype))
    return Estimate(
        linear,
        attention,
        (linear + attention) * one,
        {"attention": linear * one + attention * cheap, "all": (linear + attention) * cheap},
    )


def matrices(model: nn.Module, loops: int) -> Iterator[tuple[int, int]]:
    """Numbers in each matrix of a linear layer, and how often it is applied to a token."""
    head: Any = getattr(model, "head", None)
    for module in model.modules():
        if isinstance(module, nn.Linear) or type(module).__name__ in ("Conv1D", "LMulConv1D"):
            yield cast(Tensor, module.weight).numel(), 1 if module is head else loops
    if isinstance(model, Transformer) and head is None:  # tied: the embedding is a matrix as well
        yield model.embed.weight.numel(), 1


def shape_of(model: nn.Module) -> tuple[int, int]:
    """Layers and width, from the model's config."""
    config: Any = getattr(model, "config", None)
    layers = next((getattr(config, n) for n in ("layers", "num_hidden_layers", "n_layer") if hasattr(config, n)), None)
    width = next((getattr(config, n) for n in ("width", "hidden_size", "n_embd") if hasattr(config, n)), None)
    if layers is None or width is None:
        raise UsageError(
            "lmul.estimate: expected a transformer whose config names its layers and width, "
            f"got {type(model).__name__}."
        )
    return int(layers), int(width)
