"""The L-Mul matrix product: Σ_k L-Mul(a_mk, b_kn), each product exact to the bit, sums in float32.

Five ways compute it; `benchmarks/lmul.py` times them.

| method | where | sums run |
| --- | --- | --- |
| numba | CPU, with `algorism[fast]`; 1 to 5 times the time of `torch.matmul` | in the order of the inner index |
| torch | anywhere, one addition of patterns for each inner index | in the order of the inner index |
| gemm | anywhere, few bits: ordinary products of 2^bits times the size, see `gemm` | as `torch.matmul` likes |
| triton | GPU | in the order of the inner index |
| reference | anywhere: `multiply` for each inner index | in the order of the inner index |

The methods that sum in order agree to the last bit. All but the reference need finite operands, which "auto" sees to.

Shape letters: z matrix of a batch, m row, k inner, n column.
"""

import functools
import importlib.util
import math
import os
from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError, nearest
from .adder import Adder, operand
from .formats import LMulSpec, Offset, Rounding, format_of
from .gemm import GEMM_BITS, MOST_BITS, gemm_fits, matmul_gemm
from .multiply import Backward, check_backward
from .torch_kernel import matmul_reference, matmul_torch

Method = Literal["auto", "numba", "torch", "gemm", "triton", "reference"]

METHODS: tuple[Method, ...] = ("auto", "numba", "torch", "gemm", "triton", "reference")


def matmul(
    a: Tensor,
    b: Tensor,
    *,
    bits: int | None = None,
    rounding: Rounding = "trunc",
    offset: Offset = "paper",
    saturate: bool = False,
    backward: Backward = "exact",
    method: Method = "auto",
) -> Tensor:
    """The L-Mul matrix product; shapes as in `torch.matmul`, batches broadcast.

    Args:
        a: (..., m, k) or (k,): float32, bfloat16, float16, float8_e4m3fn or float8_e5m2.
        b: (..., k, n) or (k,), of the same type.
        bits: mantissa bits kept of each operand; None for all.
        rounding: how the others are dropped, "trunc" or "rne".
        offset: "paper", "optimal" or "none"; see `LMulSpec`.
        saturate: products that are too large become the largest finite value.
        backward: gradients of the exact product ("exact", a straight-through estimator), or the same matrix products
            by L-Mul ("lmul").
        method: a row of the table above; "auto" takes the fastest that is there.

    Returns:
        The products, in the operands' type (rounded once, at the end); float32 for the 8-bit types.

    Raises:
        ShapeError: inner sizes differ, batches do not broadcast, or a scalar.
        UsageError: types differ or are not supported, an option is unknown, or a method cannot serve here.

    Source: Luo and Sun 2024 (arXiv 2410.00907), sections 2.2 and 2.3; the rules for special values are `multiply`'s.

    >>> matmul(torch.tensor([[1.5, 2.0]]), torch.tensor([[1.5], [3.0]])).item()  # 2.125 + 6.25
    8.375
    """
    spec = LMulSpec(bits, rounding, offset, saturate)
    check(a, b, spec, backward, method)
    left, right = (a[None] if a.dim() == 1 else a), (b[:, None] if b.dim() == 1 else b)
    y: Tensor = Product.apply(left, right, spec, backward, method)
    if a.dim() == 1:
        y = y.squeeze(-2)
    return y.squeeze(-1) if b.dim() == 1 else y


def check(a: Tensor, b: Tensor, spec: LMulSpec, backward: str, method: str) -> None:
    """Refuse what cannot be multiplied; the errors are those of `matmul`."""
    if a.dtype != b.dtype:
        raise UsageError(f"lmul.matmul: operands must have one type, got {a.dtype} and {b.dtype}. Convert one.")
    spec.offset_of(format_of(a.dtype))
    if method not in METHODS:
        raise UsageError(f"lmul.matmul: unknown method {method!r}. {nearest(str(method), METHODS)}")
    check_backward(backward)
    if not a.dim() or not b.dim():
        raise ShapeError("lmul.matmul: expected at least one dimension on both sides; use lmul.multiply for scalars.")
    inner = (a.shape[-1], b.shape[-2 if b.dim() > 1 else 0])
    if inner[0] != inner[1]:
        raise ShapeError(
            f"lmul.matmul: the inner sizes differ: {tuple(a.shape)} has {inner[0]} columns and {tuple(b.shape)} has "
            f"{inner[1]} rows. Transpose one of them?"
        )
    try:
        torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except RuntimeError:
        raise ShapeError(
            f"lmul.matmul: batches {tuple(a.shape[:-2])} and {tuple(b.shape[:-2])} do not broadcast; aligned from the "
            "right, sizes must be equal or 1."
        ) from None


class Product(torch.autograd.Function):
    """The matrix product with straight-through gradients: additions of bit patterns have none of their own."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, spec: LMulSpec, backward: Backward, method: Method) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(a, b)
        ctx.settings = spec, backward, method
        return batched(a, b, spec, method)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        """Gradients as if the product had been exact, by exact or by L-Mul products."""
        a, b = ctx.saved_tensors
        spec, backward, method = ctx.settings

        def product(x: Tensor, y: Tensor) -> Tensor:
            return batched(x, y, spec, method) if backward == "lmul" else x @ y

        to_a = product(grad, b.transpose(-1, -2)).sum_to_size(a.shape) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            to_b = None
        elif b.dim() == 2:  # one matrix for all of a: its gradient is one product over all rows
            to_b = product(a.flatten(0, -2).t(), grad.flatten(0, -2))
        else:
            to_b = product(a.transpose(-1, -2), grad).sum_to_size(b.shape)
        return to_a, to_b, None, None, None


def batched(a: Tensor, b: Tensor, spec: LMulSpec, method: Method = "auto") -> Tensor:
    """Products of two batches of matrices, without a gradient."""
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*batch, a.shape[-2], b.shape[-1])
    if b.dim() == 2:
        a_zmk, b_zkn = a.reshape(1, math.prod(a.shape[:-1]), a.shape[-1]), b[None]
        of_a_z = of_b_z = torch.zeros(1, dtype=torch.long)
    else:
        a_zmk, b_zkn = (x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:]) for x in (a, b))
        of_a_z, of_b_z = which(a, batch), which(b, batch)
    adder = Adder.of(a.dtype, spec)
    y_zmn = by_method(a_zmk, b_zkn, of_a_z, of_b_z, adder, method)
    narrow = format_of(a.dtype).width == 8
    return y_zmn.reshape(shape).to(torch.float32 if narrow else a.dtype)


def which(x: Tensor, batch: torch.Size) -> Tensor:
    """For each matrix of a broadcast batch, which matrix of `x` it is."""
    own = x.shape[:-2]
    return torch.arange(math.prod(own)).reshape(own).expand(batch).reshape(-1)


def by_method(a_zmk: Tensor, b_zkn: Tensor, of_a_z: Tensor, of_b_z: Tensor, adder: Adder, method: Method) -> Tensor:
    """Products by the method asked for, or by the fastest that can serve; (z, m, n), float32."""
    device = a_zmk.device.type
    asked = method
    if method == "auto" and device == "cuda" and available("triton"):
        method = "triton"
    if method == "triton":
        check_triton(device)
        from .triton_kernel import matmul_triton

        return matmul_triton(a_zmk[of_a_z], b_zkn[of_b_z], adder)
    if method == "reference":
        return matmul_reference(a_zmk, b_zkn, of_a_z, of_b_z, adder)
    a, b = operand(a_zmk, adder), operand(b_zkn, adder)
    if not (a.finite and b.finite):
        if asked != "auto":
            raise DataError(f"lmul.matmul: method {asked!r} takes finite numbers, and there are others. Use 'auto'.")
        return matmul_reference(a_zmk, b_zkn, of_a_z, of_b_z, adder)
    if method == "auto":
        few = adder.bits <= GEMM_BITS.get(device, GEMM_BITS["cpu"]) and gemm_fits(a, b, adder)
        method = "numba" if device == "cpu" and available("numba") else "gemm" if few else "torch"
    if method == "numba":
        if device != "cpu" or not available("numba"):
            raise UsageError("lmul.matmul: method 'numba' needs tensors on the CPU and `pip install algorism[fast]`.")
        from .cpu_kernel import matmul_numba

        return torch.from_numpy(matmul_numba(a, b, of_a_z.numpy(), of_b_z.numpy(), adder))
    if method == "gemm":
        if not gemm_fits(a, b, adder):
            raise DataError(
                f"lmul.matmul: method 'gemm' needs at most {MOST_BITS} bits, and all products within the normal range "
                "of the type. Use 'auto'."
            )
        return matmul_gemm(a, b, of_a_z, of_b_z, adder)
    return matmul_torch(a, b, of_a_z, of_b_z, adder)


def check_triton(device: str) -> None:
    """Refuse the Triton kernel where it cannot run."""
    if not available("triton") or (device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1"):
        raise UsageError(
            "lmul.matmul: method 'triton' needs the package triton and tensors on a GPU, or TRITON_INTERPRET=1 in the "
            "environment to be interpreted on the CPU."
        )


@functools.cache
def available(package: str) -> bool:
    """Whether an optional package is installed.

    >>> available("torch")
    True
    """
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # somebody has put None in its place
        return False
