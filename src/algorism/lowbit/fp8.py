"""Eight-bit floating point: e4m3 (no infinity, largest 448) and e5m2 (largest 57344), to nearest even, saturating.

Source: FP8 formats for deep learning, arXiv 2209.05433.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Format:
    """Mantissa bits, exponent of the smallest normal number, and the largest finite value."""

    mantissa: int
    smallest: int
    largest: float


FP8: dict[str, Format] = {"e4m3": Format(3, -6, 448.0), "e5m2": Format(2, -14, 57344.0)}


def round_fp8(x: Tensor, form: Format) -> Tensor:
    """The nearest value of the format, ties to even; beyond the largest, the largest; NaN stays NaN.

    >>> round_fp8(torch.tensor([1.06, 1e9, 2.0**-10]), FP8["e4m3"]).tolist()
    [1.0, 448.0, 0.0]
    """
    _, exponent = torch.frexp(x)  # |x| in [2^(exponent − 1), 2^exponent)
    step = torch.ldexp(torch.ones_like(x), (exponent - 1).clamp(min=form.smallest) - form.mantissa)
    return (torch.round(x / step) * step).clamp(-form.largest, form.largest)


def fp8_levels(name: str) -> Tensor:
    """All finite values of the format, ascending, 0 once.

    >>> len(fp8_levels("e4m3")), len(fp8_levels("e5m2"))
    (253, 247)
    """
    form = FP8[name]
    steps = 1 << form.mantissa
    values = {0.0}
    exponent, below = form.smallest, 0
    while True:
        for fraction in range(below, 2 * steps):
            value = fraction * 2.0 ** (exponent - form.mantissa)
            if value > form.largest:
                return torch.tensor(sorted(values | {-v for v in values}))
            values.add(value)
        exponent, below = exponent + 1, steps
