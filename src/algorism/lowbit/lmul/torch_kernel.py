"""The L-Mul matrix product with nothing but torch: for each inner index, a column and a row of patterns are added.

The sum runs in the order of the inner index. Blocks of the result are small enough for the cache, so that the patterns
of one step never reach main memory.

Shape letters: z matrix of a batch, m row, k inner, n column; 1 stands where a tensor broadcasts.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .adder import NO_SIGN, Adder, Operand
from .multiply import from_patterns, patterns, product_patterns

BLOCK = {"cpu": 1 << 16, "cuda": 1 << 24}  # numbers in a block of the result

Step = Callable[..., None]  # takes a block (z, m, n), left operands (z, m, 1) and right ones (z, 1, n)


def matmul_torch(a: Operand, b: Operand, of_a_z: Tensor, of_b_z: Tensor, adder: Adder) -> Tensor:
    """Products of pairs of finite matrices (z, m, k) and (z, k, n); (z, m, n), float32."""
    a_zmk, b_zkn = a.pattern, b.pattern
    shifted_zkn = b_zkn - adder.offset
    present = [(a_zmk & NO_SIGN != 0).int()] if a.zeros else []
    if a.largest + b.largest - adder.offset >= adder.high:
        left, right, step = [a_zmk.long()], [b_zkn.long()], guarded(adder)
    elif b.zeros or a.least + b.least - adder.offset < adder.low:
        fa_zmk, fb_zkn = a_zmk & NO_SIGN, b_zkn & NO_SIGN
        # Positive where a product would be too small; for a zero on the right, whatever is on the left.
        lacking_zkn = torch.where(fb_zkn == 0, a.largest, adder.low + adder.offset - 1 - fb_zkn)
        left, right, step = [a_zmk, fa_zmk, *present], [shifted_zkn, lacking_zkn], flushed()
    else:
        left, right, step = [a_zmk, *present], [shifted_zkn], plain()
    return added_up(left, right, of_a_z, of_b_z, step)


def matmul_reference(a_zmk: Tensor, b_zkn: Tensor, of_a_z: Tensor, of_b_z: Tensor, adder: Adder) -> Tensor:
    """The definition: `multiply` for each inner index, added up in float32. Any operands, special values as well."""

    def step(out: Tensor, a: Tensor, b: Tensor) -> None:
        out.add_(from_patterns(product_patterns(a, b, adder.layout, adder.spec), adder.layout).float())

    return added_up([patterns(a_zmk)], [patterns(b_zkn)], of_a_z, of_b_z, step)


# The next two add in 32 bits, wrapping around: the sum of the sign bits, without what is carried out of it, is their
# exclusive or. A zero on the left has no pattern that would do; what it gives is multiplied by 0.


def plain() -> Step:
    """Add products none of which is out of range; the right side holds no zero."""
    sums = Scratch()

    def step(out: Tensor, *operands: Tensor) -> None:
        a, *present, b = operands
        term = torch.add(a, b, out=sums.like(out))
        if present:
            # What a zero gives is some finite number or a NaN, and only as a pattern it can be made 0.
            term.mul_(present[0])
        out.add_(term.view(torch.float32))

    return step


def flushed() -> Step:
    """Add products none of which is too large; those too small, and those of a zero on the right, are 0."""
    sums, signs = Scratch(), Scratch()

    def step(out: Tensor, a: Tensor, fa: Tensor, *rest: Tensor) -> None:
        *present, b, lacking = rest
        kept = torch.sub(lacking, fa, out=signs.like(out)).bitwise_right_shift_(31)  # all ones where it is negative
        term = torch.add(a, b, out=sums.like(out)).bitwise_and_(kept)
        if present:
            term.mul_(present[0])
        out.add_(term.view(torch.float32))

    return step


def guarded(adder: Adder) -> Step:
    """Add products of any finite numbers; operands are int64."""

    def step(out: Tensor, a: Tensor, b: Tensor) -> None:
        fa, fb = a & NO_SIGN, b & NO_SIGN
        f = fa + fb - adder.offset
        f = torch.where(f >= adder.high, adder.cap, f)
        f = torch.where((f < adder.low) | (fa == 0) | (fb == 0), 0, f)
        out.add_((f | ((a ^ b) & ~NO_SIGN)).int().view(torch.float32))

    return step


class Scratch:
    """Memory for the patterns of a block, taken once and not for each step."""

    def __init__(self) -> None:
        self.memory = torch.empty(0, dtype=torch.int32)

    def like(self, out: Tensor) -> Tensor:
        """An int32 tensor in the shape of `out`, on its device."""
        if self.memory.shape != out.shape or self.memory.device != out.device:
            self.memory = torch.empty(out.shape, dtype=torch.int32, device=out.device)
        return self.memory


def added_up(left: Sequence[Tensor], right: Sequence[Tensor], of_a_z: Tensor, of_b_z: Tensor, step: Step) -> Tensor:
    """Add up products in the order of the inner index, block by block of the result.

    Args:
        left: tensors (z, m, k) of which a step gets one column each.
        right: tensors (z, k, n) of which a step gets one row each.
        of_a_z: which left matrix each product takes.
        of_b_z: which right one.
        step: adds the products for one inner index to a block.
    """
    (_, rows, inner), columns = left[0].shape, right[0].shape[2]
    out_zmn = torch.zeros(len(of_a_z), rows, columns, device=left[0].device)
    if not out_zmn.numel():
        return out_zmn
    room = BLOCK.get(out_zmn.device.type, BLOCK["cpu"])
    many_z, many_m = max(1, room // (rows * columns)), max(1, room // columns)
    for of_a, of_b, out in zip(of_a_z.split(many_z), of_b_z.split(many_z), out_zmn.split(many_z), strict=True):
        b = [tensor[of_b] for tensor in right]
        for m in range(0, rows, many_m):
            a, block = [tensor[of_a, m : m + many_m] for tensor in left], out[:, m : m + many_m]
            for k in range(inner):
                step(block, *(tensor[:, :, k, None] for tensor in a), *(tensor[:, k, None] for tensor in b))
    return out_zmn
