"""Test vectors for hardware: operand patterns and the pattern of their product, in hexadecimal."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from ...errors import UsageError, nearest
from .formats import FORMATS, FloatFormat, LMulSpec
from .multiply import product_patterns


def edges(layout: FloatFormat) -> list[int]:
    """Patterns where the rules of L-Mul meet: zeros, the ends of each range, infinity, NaN, one; of either sign."""
    one = layout.bias << layout.mantissa
    bare = {0, 1, layout.smallest_normal - 1, layout.smallest_normal, one - 1, one, one + 1, layout.largest, layout.nan}
    bare |= {layout.infinity} if layout.infinite else set()
    return sorted(bare | {f | 1 << (layout.width - 1) for f in bare})


def vectors(format: str, count: int, spec: LMulSpec | None = None, seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """Every pair of `edges`, then `count` random pairs of patterns.

    Args:
        format: a name in `FORMATS`.
        count: random pairs.
        spec: which L-Mul; by default all bits and the paper's offset.
        seed: of the random pairs.

    Returns:
        (x, y, x · y), each as many hexadecimal digits as the format has.

    Raises:
        UsageError: unknown format, or a negative count.

    >>> rows = list(vectors("bfloat16", count=3))
    >>> len(rows) - 3 == len(edges(FORMATS["bfloat16"])) ** 2, ("3f80", "3f80", "3f88") in rows
    (True, True)
    """
    if format not in FORMATS:
        raise UsageError(f"lmul.vectors: unknown format {format!r}. {nearest(format, FORMATS)}")
    if count < 0:
        raise UsageError(f"lmul.vectors: count is a number of pairs ≥ 0, got {count}.")
    layout = FORMATS[format]
    pairs = np.array(list(itertools.product(edges(layout), repeat=2)))
    drawn = np.random.default_rng(seed).integers(0, 1 << layout.width, (count, 2))
    x, y = torch.from_numpy(np.concatenate([pairs, drawn])).unbind(1)
    z = product_patterns(x, y, layout, spec or LMulSpec())
    digits = layout.width // 4
    for row in zip(x.tolist(), y.tolist(), z.tolist(), strict=True):
        a, b, c = (f"{pattern:0{digits}x}" for pattern in row)
        yield a, b, c
