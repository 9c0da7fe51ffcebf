"""The L-Mul matrix product by ordinary matrix products, for operands of few mantissa bits.

With k bits a mantissa is one of 2^k, and the L-Mul of ±2^e · (1 + i/2^k) and ±2^f · (1 + j/2^k) is ±2^(e+f) · T[i, j]
with a table T that has the carry in it. So

    Σ_d L-Mul(a_md, b_dn) = Σ_d Σ_i (±2^e_md · [i_md = i]) · (±2^f_dn · T[i, j_dn]),

one product with an inner size 2^k times as large. Every factor and every product in it is exact, in TF32 as well (10
bits), so only the order of the sum differs from the other methods. Where the carry sets in, T is a staircase of full
rank: fewer than 2^k terms cannot do.

Shape letters: z matrix of a batch, m row, k inner, n column, i and j mantissa, c = k · 2^bits.
"""

import torch
from torch import Tensor

from .adder import FLOAT32, NO_SIGN, Adder, Operand

# Up to so many bits this is faster than one step of torch for each inner index; on a CPU see `benchmarks/lmul.py`, on
# GPUs it is a guess.
GEMM_BITS = {"cpu": 2, "cuda": 4}
MOST_BITS = 8


def gemm_fits(a: Operand, b: Operand, adder: Adder) -> bool:
    """Whether all factors and all products stay within the normal range, and the bits are few."""
    inside = a.largest + b.largest - adder.offset < adder.high and a.least + b.least - adder.offset >= adder.low
    return inside and adder.bits <= MOST_BITS and b.largest < FLOAT32.infinity - (2 << 23)


def matmul_gemm(a: Operand, b: Operand, of_a_z: Tensor, of_b_z: Tensor, adder: Adder) -> Tensor:
    """Products of pairs of matrices (z, m, k) and (z, k, n) for which `gemm_fits`; (z, m, n), float32."""
    power_zmk, i_zmk = split(a.pattern, adder.bits)
    power_zkn, j_zkn = split(b.pattern, adder.bits)
    table_ij = table(adder).to(power_zmk.device)
    i_i = torch.arange(1 << adder.bits, device=power_zmk.device)
    a_zmc = (power_zmk[..., None] * (i_zmk[..., None] == i_i)).flatten(2)
    b_zcn = (power_zkn[:, :, None] * table_ij[:, j_zkn].permute(1, 2, 0, 3)).flatten(1, 2)
    return a_zmc[of_a_z] @ b_zcn[of_b_z] if len(of_a_z) > 1 else a_zmc @ b_zcn


def split(pattern: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Powers of two with sign (0 for zero), and mantissas as whole numbers below 2^bits."""
    power = (pattern & -(1 << 23)).view(torch.float32)
    return power, ((pattern & NO_SIGN) >> (23 - bits)) & ((1 << bits) - 1)


def table(adder: Adder) -> Tensor:
    """T[i, j], the L-Mul of 1 + i/2^bits and 1 + j/2^bits.

    >>> from .formats import LMulSpec
    >>> table(Adder.of(torch.float32, LMulSpec(1))).tolist()  # l = 1
    [[1.5, 2.0], [2.0, 3.0]]
    """
    f_i = (FLOAT32.bias << 23) + (torch.arange(1 << adder.bits) << (23 - adder.bits))
    return (f_i[:, None] + f_i - adder.offset).int().view(torch.float32)
