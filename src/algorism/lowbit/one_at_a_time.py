"""Sensitivity of a network to few bits, one layer at a time: how far its answers move if only this layer is rounded.

Source: arXiv 2001.00281 (ZeroQ), equation 3. Shape letters: b batch, v vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from ..errors import DataError
from .methods.blocks import run
from .methods.layers import set_rows, weight_rows
from .methods.rtn import rtn
from .spec import QuantSpec


@contextmanager
def only_rounded(model: nn.Module, name: str, spec: QuantSpec) -> Iterator[None]:
    """Let one layer's weight be rounded to nearest for a while."""
    layer = cast(nn.Linear, model.get_submodule(name))
    before_oi = weight_rows(layer).clone()
    set_rows(layer, rtn(before_oi, spec).dequantize())
    try:
        yield
    finally:
        set_rows(layer, before_oi)


def logits(output: Any) -> Tensor:
    """Logits of a model's output: a tensor, or what transformers wraps it in."""
    return cast(Tensor, output if isinstance(output, Tensor) else output.logits)


def divergence(model: nn.Module, reference: Sequence[Tensor], batches: Sequence[Any]) -> float:
    """Mean KL(reference ‖ model) over all outputs, in nats.

    Args:
        model: as it is now.
        reference: log-probabilities of each batch before.
        batches: inputs of the model.

    Raises:
        DataError: no batches.
    """
    if not batches:
        raise DataError("divergence: the calibration set is empty.")
    total, count = 0.0, 0
    for before_bv, batch in zip(reference, batches, strict=True):
        now_bv = log_probabilities(model, batch)
        total += float((before_bv.exp() * (before_bv - now_bv)).double().sum())
        count += len(before_bv)
    return max(total / count, 0.0)


def log_probabilities(model: nn.Module, batch: Any) -> Tensor:
    """Log-probabilities (b, v) of all positions of a batch."""
    return logits(run(model, batch)).float().log_softmax(-1).flatten(0, -2)


def sensitivities(model: nn.Module, names: Sequence[str], spec: QuantSpec, batches: Sequence[Any]) -> dict[str, float]:
    """Divergence of the answers for each layer, rounded alone.

    Args:
        model: in full precision; as it was, afterwards.
        names: of linear layers or convolutions.
        spec: grid of the rounding.
        batches: inputs of the model.
    """
    reference = [log_probabilities(model, batch) for batch in batches]
    found = {}
    for name in names:
        with only_rounded(model, name, spec):
            found[name] = divergence(model, reference, batches)
    return found
