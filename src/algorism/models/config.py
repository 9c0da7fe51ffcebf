"""The shape of a transformer, as plain numbers and names. Checked here, before any tensor is made; needs no torch."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from ..errors import ShapeError, UsageError, nearest

POSITIONS = {
    "learned": "a table of vectors added to the embeddings",
    "sinusoidal": "fixed sines and cosines added to the embeddings (arXiv 1706.03762)",
    "rope": "rotation of queries and keys (arXiv 2104.09864)",
    "alibi": "a penalty linear in distance on attention logits (arXiv 2108.12409)",
    "none": "no position information but the causal mask (NoPE, arXiv 2305.19466)",
    "penalty": "a penalty linear in distance, its slope learned, from 1 or as in penalty4",
    "clip": "a learned number for each distance up to W, as in clip2",
    "window": "only keys at most W away are seen, as in window1",
    "fire": "a small network of the relative distance (FIRE, arXiv 2310.04418)",
    "tags": "a fixed random vector for each index",
    "tempered": "attention logits times 1 + τ·ln n for n keys seen, τ learned (arXiv 2310.00726)",
    "tempered-total": "the same with n the length of the whole text; for comparison, not causal",
    "logn": "attention logits times max(1, ln n / ln N), as in logn20 (Qwen, arXiv 2309.16609)",
}
NORMS = ("layer", "rms", "none")
NORM_PLACES = ("before", "both")
ACTIVATION_NAMES = ("gelu", "gelu_tanh", "relu", "silu", "swiglu")


def scheme_parts(positions: str) -> list[tuple[str, int | None]]:
    """Take a value of `positions` apart into names and their arguments.

    >>> scheme_parts("learned+clip2")
    [('learned', None), ('clip', 2)]
    """
    parts = []
    for part in positions.split("+"):
        name = part.rstrip("0123456789")
        parts.append((name, int(part[len(name) :]) if len(part) > len(name) else None))
    return parts


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Everything that decides the shape of a transformer.

    Args:
        vocab: number of token ids.
        context: longest sequence in tokens.
        layers, heads, width: blocks, attention heads, model width. `heads` must divide `width`.
        loops: how often the stack of blocks is applied, each time with the same weights; before every time but the
            first, the embedded input is added again (arXiv 2409.15647, 2405.17399).
        hidden: width of the MLP; None for 4 × width (8/3 × width, rounded up to a multiple of 8, for swiglu).
        norm: "layer" or "rms", before every sublayer and before the output layer; "none" for weights made by hand.
        norm_place: "before" every sublayer, or "both": also on its output, before that is added to the residual stream.
        activation: one of gelu, gelu_tanh, relu, silu, swiglu (gated).
        positions: a key of POSITIONS, or a name given to `@position_scheme`; several joined by `+` act together.
        tie: share the output layer with the token embedding.
        bias: biases in linear layers and layer norms.
        dropout: share dropped from embeddings, attention weights and sublayer outputs, in training mode only.
        rope_base: base of RoPE's frequencies.
        init_std: of the initial weights; None for 0.4/√width, which is GPT-2's 0.02 at the width of 384 that small
            GPTs are tuned for, and keeps activations at that scale at any other width.
        embed_std: of the token embeddings alone; None for the same as all others.

    Raises:
        ShapeError: sizes that cannot work together.
        UsageError: an unknown name, with the nearest known one.

    >>> TransformerConfig(vocab=16, context=12, layers=2, heads=4, width=64).head_width
    16
    """

    vocab: int
    context: int
    layers: int = 2
    heads: int = 4
    width: int = 64
    hidden: int | None = None
    norm: str = "layer"
    activation: str = "gelu"
    positions: str = "learned"
    tie: bool = True
    bias: bool = False
    dropout: float = 0.0
    rope_base: float = 10_000.0
    init_std: float | None = None
    loops: int = 1
    norm_place: str = "before"
    embed_std: float | None = None

    def __post_init__(self) -> None:
        for name in ("vocab", "context", "layers", "heads", "width", "loops"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ShapeError(f"model.{name}: expected a whole number of at least 1, got {getattr(self, name)!r}.")
        if self.width % self.heads:
            divisors = [h for h in range(1, self.width + 1) if self.width % h == 0]
            close = min(divisors, key=lambda h: abs(h - self.heads))
            raise ShapeError(
                f"model.heads: {self.heads} heads do not divide width {self.width}. "
                f"Set heads to {close}, or width to {math.ceil(self.width / self.heads) * self.heads}."
            )
        schemes = [name for name, _ in scheme_parts(str(self.positions))]
        if not set(schemes) <= set(POSITIONS):
            # A scheme written in positions.py alone registers itself when that file is imported, which needs torch.
            from . import positions  # noqa: F401
        named = [("positions", name, POSITIONS) for name in schemes]
        named += [("activation", self.activation, ACTIVATION_NAMES), ("norm", self.norm, NORMS)]  # type: ignore[list-item]
        named += [("norm_place", self.norm_place, NORM_PLACES)]  # type: ignore[list-item]
        for field, value, known in named:
            if value not in known:
                raise UsageError(f"model.{field}: unknown {value!r}. {nearest(str(value), known)}")
        if "rope" in schemes and self.head_width % 2:
            raise ShapeError(f"model.positions: rope needs an even head width, got {self.head_width}.")
        if "sinusoidal" in schemes and self.width % 2:
            raise ShapeError(f"model.positions: sinusoidal needs an even width, got {self.width}.")
        if self.norm_place == "both" and self.norm == "none":
            raise UsageError("model.norm_place: 'both' has no norm to place; set model.norm to 'layer' or 'rms'.")
        if self.embed_std is not None and not 0 < self.embed_std < math.inf:
            raise UsageError(f"model.embed_std: expected more than 0, or null for init_std, got {self.embed_std}.")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"model.dropout: expected a share in [0, 1), got {self.dropout}.")

    @property
    def head_width(self) -> int:
        """Width of one head, d = width / heads."""
        return self.width // self.heads

    @property
    def initial_std(self) -> float:
        """Standard deviation of the initial weights.

        >>> round(TransformerConfig(vocab=2, context=2, width=64).initial_std, 3)
        0.05
        """
        return self.init_std if self.init_std is not None else 0.4 / math.sqrt(self.width)

    @property
    def hidden_width(self) -> int:
        """Width of the MLP."""
        if self.hidden is not None:
            return self.hidden
        return math.ceil(self.width * 8 / 3 / 8) * 8 if self.activation == "swiglu" else 4 * self.width

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-able values; `TransformerConfig(**value)` gives the same config."""
        return dataclasses.asdict(self)
