"""L-Mul of two tensors, element by element: one integer addition of the bit patterns in place of a product.

Source: Luo and Sun 2024 (arXiv 2410.00907), equation 2 and the integer form of its figure 2. The two are different
functions once the mantissas' sum reaches 1; the published offset belongs to the integer form, which is computed here.
The paper is silent about zeros, subnormals, infinities, NaN and results outside the range; `special_products` below
settles them in this order:

1. NaN with anything is NaN. 2. Infinity with zero is NaN. 3. Infinity with anything else is infinity.
4. Zero or a subnormal number with anything finite is zero. 5. A result below the smallest normal number is zero.
6. A result above the largest finite number is infinity, or stays the largest with `saturate`.

Which of these holds is decided on the operands as given, before their mantissas are cut; rounding to nearest may carry
an operand to the power of two just beyond the largest finite number, which is no infinity. The sign is the exclusive or
of the signs; NaN is the format's positive quiet NaN.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import ShapeError, UsageError
from .formats import FloatFormat, LMulSpec, Offset, Rounding, format_of

Backward = Literal["exact", "lmul"]

STORED = {8: torch.uint8, 16: torch.int16, 32: torch.int32}


def multiply(
    x: Tensor,
    y: Tensor,
    *,
    bits: int | None = None,
    rounding: Rounding = "trunc",
    offset: Offset = "paper",
    saturate: bool = False,
    backward: Backward = "exact",
) -> Tensor:
    """L-Mul of every pair of elements, broadcast as `torch.mul` does.

    Args:
        x: float32, bfloat16, float16, float8_e4m3fn or float8_e5m2.
        y: of the same type.
        bits: mantissa bits kept of each operand; None for all.
        rounding: how the others are dropped, "trunc" or "rne" (to nearest, ties to even).
        offset: "paper", "optimal" or "none"; see `LMulSpec`.
        saturate: results that are too large become the largest finite value with that many mantissa bits (always so
            for float8_e4m3fn, which has no infinity).
        backward: gradients of the exact product ("exact", a straight-through estimator), or by L-Mul ("lmul").

    Returns:
        The products, in the operands' type.

    Raises:
        UsageError: different or unsupported types, or an option out of range.
        ShapeError: shapes that do not broadcast.

    >>> multiply(torch.tensor([1.5, 0.1, 0.0]), torch.tensor([1.5, 0.2, 7.0])).tolist()
    [2.125, 0.01972656324505806, 0.0]
    """
    spec = LMulSpec(bits, rounding, offset, saturate)
    if x.dtype != y.dtype:
        raise UsageError(f"lmul.multiply: operands must have one type, got {x.dtype} and {y.dtype}. Convert one.")
    spec.offset_of(format_of(x.dtype))
    check_backward(backward)
    try:
        torch.broadcast_shapes(x.shape, y.shape)
    except RuntimeError:
        raise ShapeError(
            f"lmul.multiply: shapes {tuple(x.shape)} and {tuple(y.shape)} do not broadcast; aligned from the right, "
            "sizes must be equal or 1."
        ) from None
    z: Tensor = Product.apply(x, y, spec, backward)
    return z


def check_backward(backward: str) -> None:
    """Refuse a kind of gradient that there is not.

    Raises:
        UsageError: says which there are.
    """
    if backward not in ("exact", "lmul"):
        raise UsageError(f"L-Mul: backward is 'exact' or 'lmul', got {backward!r}.")


class Product(torch.autograd.Function):
    """L-Mul with straight-through gradients: additions of bit patterns have none of their own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, spec: LMulSpec, backward: Backward) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, y)
        ctx.settings = spec, backward
        return product(x, y, spec)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Gradients as if the product had been exact, by exact or by L-Mul products."""
        (x, y), (spec, backward) = ctx.saved_tensors, ctx.settings

        def times(other: Tensor) -> Tensor:
            return product(grad, other, spec) if backward == "lmul" else grad * other

        to_x = times(y).sum_to_size(x.shape) if ctx.needs_input_grad[0] else None
        return to_x, times(x).sum_to_size(y.shape) if ctx.needs_input_grad[1] else None, None, None


def product(x: Tensor, y: Tensor, spec: LMulSpec) -> Tensor:
    """L-Mul of tensors of one type, without a gradient."""
    layout = format_of(x.dtype)
    return from_patterns(product_patterns(patterns(x), patterns(y), layout, spec), layout)


def patterns(x: Tensor) -> Tensor:
    """The bit patterns as whole numbers from 0 to 2^width − 1, int64: sums of two and differences never overflow.

    >>> hex(int(patterns(torch.tensor(-1.0))))
    '0xbf800000'
    """
    layout = format_of(x.dtype)
    return x.detach().contiguous().view(STORED[layout.width]).long() & ((1 << layout.width) - 1)


def from_patterns(z: Tensor, layout: FloatFormat) -> Tensor:
    """The numbers that have these patterns.

    >>> from_patterns(torch.tensor([0x3FC0, 0x8000]), format_of(torch.bfloat16)).tolist()
    [1.5, -0.0]
    """
    # The cast keeps the low bits, which is the pattern whether the stored type has a sign or not.
    return z.to(STORED[layout.width]).view(layout.dtype)


def product_patterns(x: Tensor, y: Tensor, layout: FloatFormat, spec: LMulSpec) -> Tensor:
    """Patterns (int64) of the products of the numbers with patterns `x` and `y`."""
    sign_bit = 1 << (layout.width - 1)
    sign = (x ^ y) & sign_bit
    fx, fy = x & (sign_bit - 1), y & (sign_bit - 1)
    total = cut(fx, layout, spec) + cut(fy, layout, spec) - spec.offset_of(layout)
    too_large = spec.largest_in(layout) if spec.saturates(layout) else layout.infinity
    # Compared with what the kept bits can express: where e4m3 is cut, 448 itself may be out of reach.
    limit = spec.largest_in(layout) + 1 if spec.saturates(layout) else layout.infinity
    total = torch.where(total >= limit, too_large, total)
    total = torch.where(total < layout.smallest_normal, 0, total)
    return special_products(fx, fy, total, sign, layout)


def special_products(fx: Tensor, fy: Tensor, total: Tensor, sign: Tensor, layout: FloatFormat) -> Tensor:
    """Rules 1 to 4 of the top of the file, from the last to the first, so that an earlier one overrules a later."""
    tiny = (fx < layout.smallest_normal) | (fy < layout.smallest_normal)
    z = torch.where(tiny, 0, total)
    if layout.infinite:
        z = torch.where((fx == layout.infinity) | (fy == layout.infinity), layout.infinity, z)
        nan = (fx == layout.infinity) & (fy == 0) | (fy == layout.infinity) & (fx == 0)
        nan |= (fx > layout.infinity) | (fy > layout.infinity)
    else:
        nan = (fx == layout.nan) | (fy == layout.nan)
    return torch.where(nan, layout.nan, z | sign)


def cut(f: Tensor, layout: FloatFormat, spec: LMulSpec) -> Tensor:
    """F with only the kept mantissa bits; rounding to nearest may carry into the exponent, and so to infinity."""
    dropped = layout.mantissa - spec.bits_in(layout)
    if not dropped:
        return f
    if spec.rounding == "rne":
        f = f + ((1 << (dropped - 1)) - 1) + ((f >> dropped) & 1)
    return f & -(1 << dropped)
