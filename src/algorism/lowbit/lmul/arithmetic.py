"""What may stand for the products of a network: L-Mul, and the formats that it is compared with.

An `Arithmetic` multiplies matrices and elements, with straight-through gradients, and has a name. Layers and `convert`
know nothing else about it.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...errors import UsageError, nearest
from .formats import FORMATS, LMulSpec, Offset, Rounding
from .matmul import matmul
from .multiply import Backward, check_backward, multiply


class Arithmetic(Protocol):
    """Products of a kind of its own; both methods broadcast, and take operands of any floating type."""

    @property
    def name(self) -> str:
        """Letters, digits and underscores; equal for equal arithmetic."""

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """The matrix product, with a gradient."""

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """The product of elements, with a gradient."""


@dataclass(frozen=True)
class LMul:
    """L-Mul of operands as they come, in their own type.

    Args:
        bits: mantissa bits kept of each operand; None for all of the type that is met.
        rounding, offset, saturate: as in `multiply`.
        backward: gradients of the exact product, or by L-Mul as well.

    >>> LMul(4).matmul(torch.tensor([[1.5]]), torch.tensor([[1.5]])).item()  # l(4) = 3
    2.25
    """

    bits: int | None = None
    rounding: Rounding = "trunc"
    offset: Offset = "paper"
    saturate: bool = False
    backward: Backward = "exact"

    def __post_init__(self) -> None:
        LMulSpec(self.bits, self.rounding, self.offset, self.saturate)
        check_backward(self.backward)

    @property
    def name(self) -> str:
        """Every setting."""
        bits = "all" if self.bits is None else self.bits
        return f"lmul_{bits}_{self.rounding}_{self.offset}_{'saturate_' * self.saturate}{self.backward}"

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """The L-Mul matrix product."""
        a, b = of_one_type(a, b)
        return matmul(
            a,
            b,
            bits=self.bits,
            rounding=self.rounding,
            offset=self.offset,
            saturate=self.saturate,
            backward=self.backward,
        )

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """L-Mul of elements."""
        x, y = of_one_type(x, y)
        return multiply(
            x,
            y,
            bits=self.bits,
            rounding=self.rounding,
            offset=self.offset,
            saturate=self.saturate,
            backward=self.backward,
        )


@dataclass(frozen=True)
class Rounded:
    """Ordinary products of operands rounded to a narrow format, summed in float32: the paper's fp8 baselines.

    Rounding is to nearest, ties to even, without any scaling; what is too large becomes the largest finite number.

    Args:
        format: a name in `FORMATS`.

    >>> Rounded("e5m2").multiply(torch.tensor(1.3), torch.tensor(1.0)).item()
    1.25
    """

    format: str

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"Rounded: unknown format {self.format!r}. {nearest(self.format, FORMATS)}")

    @property
    def name(self) -> str:
        """The format."""
        return f"rounded_{self.format}"

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """Round, then multiply in float32."""
        a, b = of_one_type(a, b)
        with torch.autocast(a.device.type, enabled=False):
            return (self.rounded(a.float()) @ self.rounded(b.float())).to(a.dtype)

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """Round, then multiply in float32."""
        x, y = of_one_type(x, y)
        return (self.rounded(x.float()) * self.rounded(y.float())).to(x.dtype)

    def rounded(self, x: Tensor) -> Tensor:
        """The nearest number of the format; gradients pass as if nothing had happened."""
        return x + (to_format(x, self.format) - x).detach()


def of_one_type(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Operands in the wider of their types."""
    dtype = torch.promote_types(a.dtype, b.dtype)
    return a.to(dtype), b.to(dtype)


@torch.no_grad()
def to_format(x: Tensor, name: str) -> Tensor:
    """Round to nearest, ties to even, into a format and back; beyond its range the largest finite number.

    >>> to_format(torch.tensor([0.3, 1000.0]), "e4m3").tolist()
    [0.3125, 448.0]
    """
    layout = FORMATS[name]
    largest = torch.finfo(layout.dtype).max
    return x.clamp(-largest, largest).to(layout.dtype).to(x.dtype)
