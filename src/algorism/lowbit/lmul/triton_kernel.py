"""The L-Mul matrix product on a GPU, in Triton.

One program computes one tile of the result in the order of the inner index. There is no matrix unit for L-Mul: a
product costs a few integer instructions, so this is slower than `torch.matmul` on the same device. With
TRITON_INTERPRET=1 in the environment it runs on the CPU, number by number, which is how it is tested; it has not been
timed on a GPU.

Shape letters: z matrix of a batch, m row, k inner, n column.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .adder import FLOAT32, Adder

jit: Any
constant: Any
try:
    import triton  # type: ignore[import-not-found, unused-ignore]
    import triton.language as tl  # type: ignore[import-not-found, unused-ignore]

    jit, constant = triton.jit, tl.constexpr
except ModuleNotFoundError:  # then `matmul` calls nothing here; the module can still be imported and documented
    jit, constant = staticmethod, int

NO_SIGN = constant(0x7FFFFFFF)
SIGN = constant(0x80000000)
INFINITY = constant(0x7F800000)
NAN = constant(0x7FC00000)


@jit
def without_sign(pattern, LOW: tl.constexpr, DROPPED: tl.constexpr, NEAREST: tl.constexpr):  # type: ignore[no-untyped-def]
    """F of an operand, and what of it is added: flushed to zero, then cut."""
    f = pattern & NO_SIGN
    kept = f
    if DROPPED > 0:
        if NEAREST:
            kept = kept + ((1 << (DROPPED - 1)) - 1) + ((kept >> DROPPED) & 1)
        kept = (kept >> DROPPED) << DROPPED
    return f, tl.where(f < LOW, 0, kept)


@jit
def tile(  # type: ignore[no-untyped-def]
    a_ptr,
    b_ptr,
    out_ptr,
    rows,
    columns,
    inner,
    OFFSET: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    CAP: tl.constexpr,
    DROPPED: tl.constexpr,
    NEAREST: tl.constexpr,
    FINITE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """One tile; `a` is (z, k, m), `b` (z, k, n), `out` (z, m, n), all contiguous float32."""
    z = tl.program_id(2).to(tl.int64)
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    a_ptr += z * inner * rows
    b_ptr += z * inner * columns
    sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for k in range(inner):
        a = tl.load(a_ptr + k * rows + m, mask=m < rows, other=0.0).to(tl.uint32, bitcast=True)[:, None]
        b = tl.load(b_ptr + k * columns + n, mask=n < columns, other=0.0).to(tl.uint32, bitcast=True)[None, :]
        fa, kept_a = without_sign(a, LOW, DROPPED, NEAREST)
        fb, kept_b = without_sign(b, LOW, DROPPED, NEAREST)
        total = kept_a + kept_b  # below 2^32
        f = tl.where(total >= HIGH + OFFSET, CAP, total - OFFSET)
        f = tl.where((total < LOW + OFFSET) | (kept_a == 0) | (kept_b == 0), 0, f)
        if not FINITE:
            f = tl.where((fa == INFINITY) | (fb == INFINITY), INFINITY, f)
        pattern = f | ((a ^ b) & SIGN)
        if not FINITE:
            lost = ((fa == INFINITY) & (fb == 0)) | ((fb == INFINITY) & (fa == 0))
            pattern = tl.where(lost | (fa > INFINITY) | (fb > INFINITY), NAN, pattern)
        sums += pattern.to(tl.uint32).to(tl.float32, bitcast=True)
    out_ptr += z * rows * columns
    tl.store(out_ptr + m[:, None] * columns + n[None, :], sums, mask=(m[:, None] < rows) & (n[None, :] < columns))


def matmul_triton(a_zmk: Tensor, b_zkn: Tensor, adder: Adder) -> Tensor:
    """Products of pairs of matrices of the adder's type; (z, m, n), float32. Takes infinities and NaN as well."""
    (count, rows, inner), columns = a_zmk.shape, b_zkn.shape[2]
    a_zkm = a_zmk.detach().float().transpose(1, 2).contiguous()
    b_zkn = b_zkn.detach().float().contiguous()
    out_zmn = torch.empty(count, rows, columns, device=a_zmk.device)
    if not out_zmn.numel():
        return out_zmn
    block_m, block_n = (min(64, max(16, triton.next_power_of_2(size))) for size in (rows, columns))
    finite = bool(torch.isfinite(a_zkm).all()) and bool(torch.isfinite(b_zkn).all())
    tile[triton.cdiv(rows, block_m), triton.cdiv(columns, block_n), count](
        a_zkm,
        b_zkn,
        out_zmn,
        rows,
        columns,
        inner,
        OFFSET=adder.offset,
        LOW=adder.low,
        HIGH=adder.high,
        CAP=adder.cap,
        DROPPED=FLOAT32.mantissa - adder.bits,
        NEAREST=adder.spec.rounding == "rne",
        FINITE=finite,
        BLOCK_M=block_m,
        BLOCK_N=block_n,
    )
    return out_zmn
