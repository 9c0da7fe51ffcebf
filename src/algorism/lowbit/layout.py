"""Which values share a scale: any tensor as rows, and rows as groups.

Shape letters: o rows (channels, tokens, or 1), n values of a row, g groups of a row, b blocks with a scale each.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..errors import DataError, ShapeError


class Layout(Protocol):
    """What of a spec says which values share a scale."""

    @property
    def granularity(self) -> str:
        """Share per "tensor", "channel", "group" or "token"."""

    @property
    def group_size(self) -> int | None:
        """Values per group."""

    @property
    def axis(self) -> int:
        """The channels' axis."""


def checked(x: Tensor, what: str = "tensor") -> Tensor:
    """The tensor in float32, if it can be quantized: scales are never computed in a narrower type.

    Raises:
        DataError: it is empty, or holds NaN or infinity (also: values that float32 cannot hold).
    """
    if x.numel() == 0:
        raise DataError(f"Quantization: {what} of shape {tuple(x.shape)} is empty: there is nothing to quantize.")
    x = x.detach().to(torch.float32)
    low, high = torch.aminmax(x)  # one pass, through which NaN gets as well
    if not (math.isfinite(float(low)) and math.isfinite(float(high))):
        bad = int(x.numel() - torch.isfinite(x).sum())
        raise DataError(
            f"Quantization: {what} holds {bad} of {x.numel()} values that are NaN or infinite. "
            "Mend the training run or the data they come from; no grid can hold them."
        )
    return x


def as_rows(x: Tensor, spec: Layout) -> Tensor:
    """A tensor as rows (o, n), no two of which share a scale.

    Raises:
        ShapeError: the tensor has no such axis.

    >>> from algorism.lowbit.spec import QuantSpec
    >>> as_rows(torch.zeros(4, 3, 2), QuantSpec(granularity="channel", axis=1)).shape
    torch.Size([3, 8])
    """
    if spec.granularity == "tensor":
        return x.reshape(1, -1)
    if x.dim() == 0:
        raise ShapeError(f"Granularity {spec.granularity!r} needs a tensor with axes; got a single number.")
    if spec.granularity == "token":
        return x.reshape(-1, x.shape[-1])
    if not -x.dim() <= spec.axis < x.dim():
        raise ShapeError(f"The spec's axis is {spec.axis}, but the tensor's shape is {tuple(x.shape)}.")
    return x.movedim(spec.axis, 0).reshape(x.shape[spec.axis], -1)


def from_rows(x_on: Tensor, shape: Sequence[int], spec: Layout) -> Tensor:
    """Undo `as_rows`."""
    if spec.granularity in ("tensor", "token"):
        return x_on.reshape(tuple(shape))
    axis = spec.axis % len(shape)
    moved = [shape[axis], *shape[:axis], *shape[axis + 1 :]]
    return x_on.reshape(moved).movedim(0, axis)


def rows_of(shape: Sequence[int], spec: Layout) -> tuple[int, int]:
    """Shape of `as_rows` of a tensor of this shape."""
    total = math.prod(shape)
    if spec.granularity == "tensor":
        return 1, total
    width = shape[-1] if spec.granularity == "token" else total // max(shape[spec.axis], 1)
    return total // max(width, 1), width


def groups_of(n: int, spec: Layout) -> int:
    """Groups in a row of n values; the last one may be shorter."""
    return 1 if spec.group_size is None else -(-n // spec.group_size)


def per_block(x_on: Tensor, spec: Layout, f: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Apply `f`, from blocks (b, values) to several (b,), to all groups of all rows: each result as (o, g).

    A last group that is shorter is handed over by itself, so that no padding enters percentiles or errors.
    """
    o, n = x_on.shape
    size = n if spec.group_size is None else min(spec.group_size, n)
    whole = n // size
    results = [[part.reshape(o, whole) for part in f(x_on[:, : whole * size].reshape(o * whole, size))]]
    if whole * size < n:
        results.append([part.reshape(o, 1) for part in f(x_on[:, whole * size :])])
    return tuple(torch.cat(parts, dim=1) for parts in zip(*results, strict=True))


def spread(value_og: Tensor, n: int, spec: Layout) -> Tensor:
    """Give each value of a row its group's number: (o, n), or (o, 1) where the row is one group."""
    if value_og.shape[1] == 1 or spec.group_size is None:
        return value_og
    return value_og.repeat_interleave(spec.group_size, dim=1)[:, :n]
