"""Small language models of our own, trained on questions of a suite and asked through the same suite as any other.

Holds no claim and no algorithm: texts to ids, ids to a network, a network to a Hugging Face folder, the folder to a
backend.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..evaluation.backends.huggingface import HuggingFace
from ..evaluation.backends.protocol import Prompt, as_text
from ..models import Transformer, TransformerConfig
from ..models.export import export
from ..text.pieces import PieceTokenizer
from ..training import TrainingRecipe
from ..training.pairs import Pair, PairsJob

Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Shape:
    """A small network and how long it is trained."""

    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 1_000
    batch: int = 64
    learning_rate: float = 3e-3
    precision: Literal["fp32", "bf16"] = "bf16"
    context: int = 256
    device: str = "cpu"


def config(shape: Shape, tokenizer: PieceTokenizer) -> TransformerConfig:
    """A small Llama."""
    return TransformerConfig(
        vocab=tokenizer.vocab_size,
        context=shape.context,
        layers=shape.layers,
        heads=shape.heads,
        width=shape.width,
        norm="rms",
        activation="swiglu",
        positions="rope",
    )


def job(
    texts: Sequence[tuple[Prompt, str]],
    tokenizer: PieceTokenizer,
    shape: Shape,
    seed: int,
    *,
    encode: Encode | None = None,
    start: Transformer | None = None,
    steps: int | None = None,
) -> PairsJob:
    """Training on prompts and the answers to them; each answer ends with the end token.

    Args:
        texts: (prompt, answer).
        tokenizer: of answers, and of prompts unless `encode` is given.
        shape: of the network.
        seed: of weights and order.
        encode: ids of a prompt.
        start: a network to go on from.
        steps: instead of the shape's.
    """
    read = encode or tokenizer.encode
    pairs: list[Pair] = [(read(as_text(p)), [*tokenizer.encode(said), tokenizer.end_id]) for p, said in texts]
    recipe = TrainingRecipe(
        steps=steps or shape.steps,
        batch=shape.batch,
        learning_rate=shape.learning_rate if start is None else shape.learning_rate / 3,
        min_learning_rate=1e-4,
        warmup=min(50, (steps or shape.steps) // 2),
        weight_decay=0.01,
        precision=shape.precision,
    )
    return PairsJob(pairs, config(shape, tokenizer), recipe, seed, start, shape.device)


@contextmanager
def as_backend(
    model: Transformer, tokenizer: PieceTokenizer, kind: type[HuggingFace] = HuggingFace, **options: Any
) -> Iterator[tuple[HuggingFace, Path]]:
    """The network as a Hugging Face checkpoint behind a backend, with a folder for records; gone afterwards."""
    device = str(next(model.parameters()).device)
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder) / "model", tokenizer)
        yield kind(Path(folder) / "model", device=device, **options), Path(folder)
