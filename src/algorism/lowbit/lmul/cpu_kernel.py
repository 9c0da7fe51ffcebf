"""The L-Mul matrix product for one CPU thread, compiled by Numba (the extra `algorism[fast]`).

One tile of the result, four rows by 16 · v columns, stays in registers while the inner index runs; each step is an
integer addition and a float addition of whole vectors. LLVM's own vectoriser does not find this (it would have to prove
that no two rows overlap), so the tile is written in LLVM's vector instructions, which become whatever the processor
has. Sums run in the order of the inner index, in float32, so a result does not depend on the tiling.

Shape letters: z matrix of a batch, m row, k inner, n column, g block of four rows, r row of one, p panel of columns.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .adder import NO_SIGN, Adder, Operand

try:
    import numba
    from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
    from numba.core import cgutils, types
    from numba.extending import intrinsic
except ModuleNotFoundError:  # then `matmul` calls nothing here; the module can still be imported and documented
    numba = None  # type: ignore[assignment, unused-ignore]

ROWS, LANES = 4, 16

# What the operands allow. plain: no zeros, nothing out of range. masked: zeros on the left. flushed: zeros on either
# side and results too small. guarded: anything finite.
Variant = Literal["plain", "masked", "flushed", "guarded"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, with floats as IEEE 754 has them: sums are never put in another order."""
    return function if numba is None else numba.njit(nogil=True, error_model="numpy")(function)


def splat(builder: Any, scalar: Any) -> Any:
    """A vector of one number."""
    integer = ir.IntType(32)
    vector = ir.VectorType(integer, LANES)
    if isinstance(scalar, int):
        return ir.Constant(vector, [scalar] * LANES)
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, integer(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(vector, [0] * LANES))


class Terms:
    """Code for one variant's products, as patterns. `numbers` are the kernel's last four arguments, see `numbers_for`.

    Each method adds instructions to `builder` and gives the value they compute.
    """

    def __init__(self, builder: Any, variant: Variant, numbers: list[Any]) -> None:
        self.builder, self.variant, self.offset = builder, variant, numbers[0]
        self.bounds = [splat(builder, number) for number in numbers]
        self.no_sign, self.zero = splat(builder, NO_SIGN), splat(builder, 0)

    def row(self, a: Any) -> tuple[Any, ...]:
        """What is the same along a row of the tile: vectors of its one number."""
        builder = self.builder
        shifted = splat(builder, builder.sub(a, self.offset))
        if self.variant == "plain":
            return (shifted,)
        f = builder.and_(a, a.type(NO_SIGN))
        there = splat(builder, builder.sext(builder.icmp_unsigned("!=", f, a.type(0)), a.type))
        if self.variant == "masked":
            return shifted, there
        return shifted, there, splat(builder, f), splat(builder, a)

    def product(self, row: tuple[Any, ...], b: Any) -> Any:
        """The pattern of the products of a row's number with those in `b`."""
        builder, shifted = self.builder, row[0]
        # The addition wraps around, so that the signs' sum is their exclusive or.
        if self.variant == "plain":
            return builder.add(shifted, b)
        if self.variant == "masked":
            return builder.and_(builder.add(shifted, b), row[1])
        _, there, fa, a = row
        fb = builder.and_(b, self.no_sign)
        absent = builder.icmp_unsigned("==", fb, self.zero)
        if self.variant == "flushed":
            _, threshold, marker, _ = self.bounds
            above = builder.add(fa, builder.select(absent, marker, builder.sub(fb, threshold)))
            small = builder.icmp_signed("<", above, self.zero)
            return builder.and_(builder.select(small, self.zero, builder.add(shifted, b)), there)
        offset, low, high, cap = self.bounds
        total = builder.add(fa, fb)  # below 2^32, so compared without sign
        z = builder.select(builder.icmp_unsigned(">=", total, high), cap, builder.sub(total, offset))
        z = builder.or_(z, builder.and_(builder.xor(a, b), builder.not_(self.no_sign)))
        small = builder.or_(builder.icmp_unsigned("<", total, low), absent)
        return builder.and_(builder.select(small, self.zero, z), there)


def numbers_for(variant: Variant, adder: Adder, a: Operand) -> tuple[int, int, int, int]:
    """The four numbers of a variant.

    "flushed" tells a product that is too small by the sign of fa + fb − (low + offset). For a zero on the right, fb
    is replaced by a marker that makes this negative for every fa, and not so negative that it wraps around.
    """
    small = adder.low + adder.offset
    if variant == "flushed":
        return adder.offset, small, -1 - a.largest, 0
    return adder.offset, small, adder.high + adder.offset, adder.cap


def tile_of(vectors: int, variant: Variant) -> Any:
    """The function, for use in compiled code, that computes one tile.

    Its arguments: addresses of the left rows (k, 4) and the right panel (k, 16 · vectors), both int32 patterns, and of
    the tile (4, 16 · vectors), float32, that is written; the inner size; four numbers.
    """
    integer = ir.IntType(32)
    integers, floats = ir.VectorType(integer, LANES), ir.VectorType(ir.FloatType(), LANES)

    @intrinsic
    def tile(context: Any, a: Any, b: Any, out: Any, inner: Any, n0: Any, n1: Any, n2: Any, n3: Any) -> Any:
        return types.void(*[types.int64] * 8), generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, out, inner, *numbers = arguments
        terms = Terms(builder, variant, [builder.trunc(number, integer) for number in numbers])

        def at(address: Any, step: Any, unit: int, index: int, kind: Any) -> Any:
            """Pointer to the number `step · unit + index` after an address."""
            place = builder.add(builder.mul(step, step.type(4 * unit)), step.type(4 * index))
            return builder.inttoptr(builder.add(address, place), kind.as_pointer())

        nothing = ir.Constant(floats, [0.0] * LANES)
        # Variables on the stack as far as the code goes; LLVM keeps them in registers.
        sums = [[cgutils.alloca_once_value(builder, nothing) for _ in range(vectors)] for _ in range(ROWS)]
        with cgutils.for_range(builder, inner) as loop:
            k = loop.index
            right = [builder.load(at(b, k, LANES * vectors, LANES * v, integers), align=4) for v in range(vectors)]
            for r in range(ROWS):
                row = terms.row(builder.load(at(a, k, ROWS, r, integer), align=4))
                for v in range(vectors):
                    product = builder.bitcast(terms.product(row, right[v]), floats)
                    builder.store(builder.fadd(builder.load(sums[r][v]), product), sums[r][v])
        for r in range(ROWS):
            for v in range(vectors):
                place = at(out, inner.type(0), 0, LANES * (vectors * r + v), floats)
                builder.store(builder.load(sums[r][v]), place, align=4)
        return context.get_dummy_value()

    return tile


@functools.cache
def kernel_of(vectors: int, variant: Variant) -> Callable[..., None]:
    """Compile the loop over tiles, once for each width and variant that is met."""
    tile = tile_of(vectors, variant)
    width = LANES * vectors

    @compiled
    def kernel(a_zgkr, b_zpkn, of_a_z, of_b_z, out_zmn, n0, n1, n2, n3):  # type: ignore[no-untyped-def]
        rows, columns, inner = out_zmn.shape[1], out_zmn.shape[2], a_zgkr.shape[2]
        place = np.empty((ROWS, width), np.float32)
        for z in range(len(of_a_z)):
            a_gkr, b_pkn, out_mn = a_zgkr[of_a_z[z]], b_zpkn[of_b_z[z]], out_zmn[z]
            for p in range(b_pkn.shape[0]):  # a panel stays in the cache while all rows pass
                for g in range(a_gkr.shape[0]):
                    tile(a_gkr[g].ctypes.data, b_pkn[p].ctypes.data, place.ctypes.data, inner, n0, n1, n2, n3)
                    for r in range(min(ROWS, rows - g * ROWS)):
                        for n in range(min(width, columns - p * width)):
                            out_mn[g * ROWS + r, p * width + n] = place[r, n]

    return kernel


@compiled
def pack_rows(a_zmk, packed_zgkr):  # type: ignore[no-untyped-def]
    """Lay rows out in blocks of four, inner index first; the last block is filled up with its own last row."""
    rows = a_zmk.shape[1]
    for z in range(packed_zgkr.shape[0]):
        for g in range(packed_zgkr.shape[1]):
            for r in range(ROWS):
                row = a_zmk[z, min(g * ROWS + r, rows - 1)]
                for k in range(len(row)):
                    packed_zgkr[z, g, k, r] = row[k]


@compiled
def pack_columns(b_zkn, packed_zpkn):  # type: ignore[no-untyped-def]
    """Lay columns out in panels; the last panel is filled up with zeros, whose products nobody reads."""
    width = packed_zpkn.shape[3]
    for z in range(packed_zpkn.shape[0]):
        for p in range(packed_zpkn.shape[1]):
            real = min(width, b_zkn.shape[2] - p * width)
            for k in range(packed_zpkn.shape[2]):
                for n in range(real):
                    packed_zpkn[z, p, k, n] = b_zkn[z, k, p * width + n]
                for n in range(real, width):
                    packed_zpkn[z, p, k, n] = 0


def matmul_numba(a: Operand, b: Operand, of_a_z: np.ndarray, of_b_z: np.ndarray, adder: Adder) -> np.ndarray:
    """Products of pairs of finite matrices.

    Args:
        a: the left matrices, (z, m, k).
        b: the right ones, (z, k, n).
        of_a_z: which left matrix each product takes.
        of_b_z: which right one.
        adder: the L-Mul.

    Returns:
        (z, m, n), float32.
    """
    a_zmk, b_zkn = a.pattern.numpy(), b.pattern.numpy()
    (_, rows, inner), columns = a_zmk.shape, b_zkn.shape[2]
    vectors = 1 if columns <= LANES else 2 if columns <= 2 * LANES else 4
    width = LANES * vectors
    out_zmn = np.empty((len(of_a_z), rows, columns), np.float32)
    if not out_zmn.size:
        return out_zmn
    a_zgkr = np.empty((len(a_zmk), -(-rows // ROWS), inner, ROWS), np.int32)
    b_zpkn = np.empty((len(b_zkn), -(-columns // width), inner, width), np.int32)
    pack_rows(a_zmk, a_zgkr)
    pack_columns(b_zkn, b_zpkn)
    variant = variant_for(a, b, adder)
    kernel_of(vectors, variant)(a_zgkr, b_zpkn, of_a_z, of_b_z, out_zmn, *numbers_for(variant, adder, a))
    return out_zmn


def variant_for(a: Operand, b: Operand, adder: Adder) -> Variant:
    """The cheapest variant that is right for these operands."""
    if a.largest + b.largest - adder.offset >= adder.high:
        return "guarded"
    if b.zeros or a.least + b.least - adder.offset < adder.low:
        return "flushed"
    return "masked" if a.zeros else "plain"
