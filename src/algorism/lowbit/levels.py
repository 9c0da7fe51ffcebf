"""Fixed codebooks of few levels: NF4, powers of two, sums of powers of two."""

import itertools

import torch
from torch import Tensor

# The values that bitsandbytes stores for NF4 (QLoRA, arXiv 2305.14314, appendix E).
NF4 = (
    -1.0, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0.0,
    0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0,
)  # fmt: skip

# APoT (arXiv 1909.13144, equation 5): one bit is the sign; the others are split into terms of two bits (and one of one
# bit where their number is odd), each 0 or one of these powers 2^−e, interleaved so that all sums differ.
APOT_EXPONENTS: dict[int, tuple[tuple[int, ...], ...]] = {
    3: ((1, 2, 3),),
    4: ((1, 2, 4), (3,)),
    5: ((1, 3, 5), (2, 4, 6)),
    6: ((1, 3, 6), (2, 4, 7), (5,)),
    7: ((1, 4, 7), (2, 5, 8), (3, 6, 9)),
}


def power_of_two_levels(bits: int) -> Tensor:
    """0 and ±2^−e for e = 0 to 2^(bits − 1) − 2, ascending: one code of 2^bits stays unused.

    >>> power_of_two_levels(3).tolist()
    [-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]
    """
    half = 2.0 ** -torch.arange((1 << (bits - 1)) - 1, dtype=torch.float32)
    return torch.cat((-half, torch.zeros(1), half.flip(0)))


def apot_levels(bits: int) -> Tensor:
    """All sums of one power of two (or 0) per term, both signs, ascending, scaled to a largest level of 1.

    >>> apot_levels(3).tolist()
    [-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]
    """
    terms = [(0.0, *(2.0**-e for e in exponents)) for exponents in APOT_EXPONENTS[bits]]
    sums = torch.tensor(sorted({sum(choice) for choice in itertools.product(*terms)}))
    half = sums[1:] / sums.max()
    return torch.cat((-half.flip(0), torch.zeros(1), half))


def edges_between(levels_k: Tensor, logarithmic: bool = False) -> Tensor:
    """Where one level's values end and the next one's begin: the middle, or for logarithmic levels √(product).

    The logarithmic rule is sign(r) · 2^round(log2 |r|). Next to 0, which has no logarithm, the middle is taken.
    """
    low, high = levels_k[:-1], levels_k[1:]
    middle = (low + high) / 2
    if not logarithmic:
        return middle
    product = low * high
    return torch.where(product > 0, product.clamp(min=0).sqrt() * torch.sign(low), middle)
