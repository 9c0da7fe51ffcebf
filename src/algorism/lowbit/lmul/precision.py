"""How far approximate products are from exact ones: surveys over operand distributions, and the expected error.

Errors are against the exact product of the operands as given, before anything is cut or rounded, in float64.

Shape letters: t query, s key, d head width.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import UsageError, nearest
from .arithmetic import Arithmetic, to_format
from .formats import Rounding, offset_exponent
from .multiply import multiply

Multiplier = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ProductError:
    """Errors of approximate products.

    Args:
        bias: mean relative error.
        mean: mean absolute relative error.
        worst: largest absolute relative error.
        mse: mean squared error (not relative).
        mse_deviation: standard deviation of the squared errors, for an interval of `mse`.
        n: pairs; those whose exact product is 0 have no relative error and are left out.
    """

    bias: float
    mean: float
    worst: float
    mse: float
    mse_deviation: float
    n: int


# Operand distributions by name: a seed and a size give a float32 tensor.
DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "gaussian": lambda rng, n: rng.standard_normal(n),
    "uniform": lambda rng, n: rng.uniform(-1.0, 1.0, n),
    "student-t3": lambda rng, n: rng.standard_t(3, n),
    "peaky": lambda rng, n: 2.5 * rng.standard_normal(n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 1.0, n),
}


def operands(distribution: str, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two float32 tensors of `n` numbers drawn independently.

    Raises:
        UsageError: unknown distribution.

    >>> x, y = operands("uniform", 5, seed=1)
    >>> bool((x.abs() <= 1).all()), x.dtype
    (True, torch.float32)
    """
    if distribution not in DISTRIBUTIONS:
        raise UsageError(f"lmul.operands: unknown distribution. {nearest(distribution, DISTRIBUTIONS)}")
    rng = np.random.default_rng(seed)
    x, y = (torch.from_numpy(DISTRIBUTIONS[distribution](rng, n)).float() for _ in range(2))
    return x, y


def multipliers() -> dict[str, Multiplier]:
    """The products that are compared, by name.

    "e4m3" rounds both operands and keeps the product exact; "e4m3, product rounded" rounds it again. The bit form with
    all bits is "L-Mul"; "value form" is the paper's equation 2 read literally, without the carry.
    """
    table: dict[str, Multiplier] = {"exact": torch.mul, "value form": value_form}
    for bits in (1, 2, 3, 4, 5, 6, 7, 8, 10):
        table[f"L-Mul-{bits}"] = functools.partial(multiply, bits=bits)
        table[f"L-Mul-{bits}, rounded"] = functools.partial(multiply, bits=bits, rounding="rne")
    table["L-Mul"] = multiply
    table["no offset"] = functools.partial(multiply, offset="none")
    for name in ("bfloat16", "float16", "e4m3", "e5m2"):
        table[name] = functools.partial(rounded_operands, name=name)
        table[f"{name}, product rounded"] = functools.partial(rounded_operands, name=name, product=True)
    return table


def rounded_operands(x: Tensor, y: Tensor, name: str, product: bool = False) -> Tensor:
    """The product of operands rounded to a format; it is rounded too if `product`."""
    z = to_format(x, name) * to_format(y, name)
    return to_format(z, name) if product else z


def value_form(x: Tensor, y: Tensor, exponent: int = 4) -> Tensor:
    """Equation 2 read literally: (1 + x_m + y_m + 2^−l) · 2^(x_e + y_e), whatever the mantissas' sum.

    Not what an adder computes: there the sum's carry goes into the exponent, and what is left counts double.

    >>> value_form(torch.tensor([1.75]), torch.tensor([1.75])).item()  # the adder gives 3.125, exact is 3.0625
    2.5625
    """
    (mx, ex), (my, ey) = torch.frexp(x), torch.frexp(y)
    size = 2 * mx.abs() + 2 * my.abs() - 1 + 2.0**-exponent  # frexp's mantissas are from 1/2 to 1
    return torch.ldexp(mx.sign() * my.sign() * size, ex + ey - 2)


def product_error(multiplier: Multiplier, x: Tensor, y: Tensor) -> ProductError:
    """Measure a multiplier against the exact product of every pair.

    Raises:
        UsageError: no pairs.
    """
    if not x.numel():
        raise UsageError("lmul.product_error: expected at least one pair of operands, got none.")
    exact = x.double() * y.double()
    error = multiplier(x, y).double() - exact
    there = exact != 0
    relative = error[there] / exact[there]
    squared = error.square()
    deviation = float(squared.std()) if len(squared) > 1 else 0.0
    return ProductError(
        bias=float(relative.mean()),
        mean=float(relative.abs().mean()),
        worst=float(relative.abs().max()),
        mse=float(squared.mean()),
        mse_deviation=deviation,
        n=int(there.sum()),
    )


def survey(
    names: list[str] | None = None, distribution: str = "gaussian", n: int = 1_000_000, seed: int = 0
) -> Iterator[tuple[str, ProductError]]:
    """Measure multipliers, all of them by default, on the same pairs.

    Raises:
        UsageError: unknown multiplier or distribution.
    """
    table = multipliers()
    x, y = operands(distribution, n, seed)
    for name in names or list(table):
        if name not in table:
            raise UsageError(f"lmul.survey: unknown product {name!r}. {nearest(name, table)}")
        yield name, product_error(table[name], x, y)


def mse_by_l(bits: int, x: Tensor, y: Tensor, rounding: Rounding = "trunc", most: int = 6) -> dict[int | None, float]:
    """Mean squared error of L-Mul with each offset 2^−l, l from 1 to `most`, and with none (None).

    >>> found = mse_by_l(3, *operands("gaussian", 20_000))
    >>> min(found, key=found.get)  # the paper's l(3)
    3
    """
    offsets: list[int | None] = [None, *range(1, most + 1)]
    return {
        exponent: product_error(
            functools.partial(multiply, bits=bits, rounding=rounding, offset="none" if exponent is None else exponent),
            x,
            y,
        ).mse
        for exponent in offsets
    }


def attention_error(
    arithmetic: Arithmetic, distribution: str = "gaussian", length: int = 96, width: int = 64, seed: int = 0
) -> float:
    """Relative error, in the Frobenius norm, of one attention head whose two matrix products are approximate.

    Queries, keys and values are drawn independently; softmax over all positions, no mask; against float64.

    >>> from .arithmetic import LMul
    >>> 0.03 < attention_error(LMul()) < 0.06
    True
    """
    if distribution not in DISTRIBUTIONS:
        raise UsageError(f"lmul.attention_error: unknown distribution. {nearest(distribution, DISTRIBUTIONS)}")
    rng = np.random.default_rng(seed)
    drawn = DISTRIBUTIONS[distribution](rng, 3 * length * width).reshape(3, length, width)
    q_td, k_sd, v_sd = torch.from_numpy(drawn).float()
    exact_td = (q_td.double() @ k_sd.double().t() * width**-0.5).softmax(-1) @ v_sd.double()
    weights_ts = (arithmetic.matmul(q_td, k_sd.t()) * width**-0.5).softmax(-1)
    error_td = arithmetic.matmul(weights_ts, v_sd).double() - exact_td
    return float(error_td.norm() / exact_td.norm())


def expected_error(bits: int, exponent: int | None = None, carry: bool = True, mantissa: int = 23) -> float:
    """Expected error of L-Mul for uniform mantissas, in units of 2^(x_e + y_e), exact minus approximate.

    The paper's expectation is e_mul + (x_k·y_k − 2^−l), where e_mul is what cutting the operands loses. It leaves out
    that an adder carries: where s = x_k + y_k + 2^−l reaches 1, the result is 2s (from 2 on: 4(s − 1)), not 1 + s.

    Args:
        bits: k, mantissa bits kept, by truncation.
        exponent: l; the paper's by default.
        carry: what an adder computes; False for the paper's formula.
        mantissa: m, bits of the operands.

    Raises:
        UsageError: bits outside 1 … mantissa.

    >>> round(expected_error(23, 4, carry=False), 4)  # 1/4 − 1/16
    0.1875
    """
    if not 1 <= bits <= mantissa:
        raise UsageError(f"lmul.expected_error: expected bits from 1 to {mantissa}, got {bits}.")
    offset = 2.0 ** -(offset_exponent(bits) if exponent is None else exponent)
    kept, rest = (1 - 2.0**-bits) / 2, (2.0**-bits - 2.0**-mantissa) / 2
    lost = 2 * rest + 2 * kept * rest + rest**2
    expected = lost + kept**2 - offset
    if not carry:
        return expected
    # Exact over all pairs of kept mantissas; beyond 16 bits the sum of two uniform numbers is smooth enough.
    steps = 1 << min(bits, 16)
    total = np.arange(2 * steps - 1)
    weight = np.minimum(total + 1, 2 * steps - 1 - total) / steps**2
    s = total / steps + offset
    return float(expected - (weight * np.where(s < 1, 0.0, np.where(s < 2, s - 1, 3 * s - 5))).sum())
