"""L-Mul from its formula on values, sharing nothing with the package: no bit patterns are added here.

s = x_m + y_m + 2^−l with mantissas in [0, 1); the result is (1 + s), 2s or 4(s − 1) times 2^(x_e + y_e), for s below
1, below 2, and from 2 on. `by_fractions` does one pair in rational numbers, `by_values` many in float64, in which
every step is exact: mantissas have at most 24 bits, and exponents stay within ±300.
"""

from fractions import Fraction

import numpy as np

# exponent bits, mantissa bits, has an infinity
LAYOUTS = {
    "float32": (8, 23, True),
    "bfloat16": (8, 7, True),
    "float16": (5, 10, True),
    "e4m3": (4, 3, False),
    "e5m2": (5, 2, True),
}


def limits(name):
    """Smallest normal number and largest finite one."""
    e, m, infinite = LAYOUTS[name]
    bias = 2 ** (e - 1) - 1
    if infinite:
        return Fraction(2) ** (1 - bias), Fraction(2) ** bias * (2 - Fraction(1, 2**m))
    return Fraction(2) ** (1 - bias), Fraction(2) ** (bias + 1) * (2 - Fraction(2, 2**m))  # all ones is the NaN


def paper_l(m):
    return m if m <= 3 else 3 if m == 4 else 4


def decode(pattern, name):
    """A pattern as (sign, value): the value a Fraction ≥ 0, or "inf" or "nan"."""
    e, m, infinite = LAYOUTS[name]
    sign, field, rest = pattern >> (e + m), (pattern >> m) % 2**e, pattern % 2**m
    bias = 2 ** (e - 1) - 1
    if field == 2**e - 1 and (infinite or rest == 2**m - 1):
        return sign, "nan" if rest or not infinite else "inf"
    if field == 0:
        return sign, Fraction(rest, 2**m) * Fraction(2) ** (1 - bias)
    return sign, (1 + Fraction(rest, 2**m)) * Fraction(2) ** (field - bias)


def by_fractions(x, y, name, bits=None, rounding="trunc", ell="paper", saturate=False):
    """The product of two patterns as (sign, value): a Fraction, "inf", or (0, "nan")."""
    m = LAYOUTS[name][1]
    bits = m if bits is None else bits
    ell = paper_l(bits) if ell == "paper" else ell
    smallest, largest = limits(name)
    (sx, vx), (sy, vy) = decode(x, name), decode(y, name)
    sign = sx ^ sy
    if "nan" in (vx, vy) or {vx, vy} == {"inf", 0}:
        return 0, "nan"
    if "inf" in (vx, vy):
        return sign, "inf"
    if vx < smallest or vy < smallest:
        return sign, Fraction(0)
    (ex, fx), (ey, fy) = split(vx, bits, rounding), split(vy, bits, rounding)
    s = fx + fy + (0 if ell is None else Fraction(1, 2**ell))
    value = (1 + s if s < 1 else 2 * s if s < 2 else 4 * (s - 1)) * Fraction(2) ** (ex + ey)
    if value < smallest:
        return sign, Fraction(0)
    top = largest - largest % (Fraction(2) ** (exponent(largest) - bits))  # the largest with so many bits
    if saturate or not LAYOUTS[name][2]:
        return sign, min(value, top)
    return sign, value if value <= largest else "inf"


def exponent(value):
    e = 0
    while Fraction(2) ** (e + 1) <= value:
        e += 1
    while Fraction(2) ** e > value:
        e -= 1
    return e


def split(value, bits, rounding):
    """Exponent and mantissa of a positive Fraction with so many bits."""
    e = exponent(value)
    scaled = value / Fraction(2) ** e * 2**bits
    whole = round(scaled) if rounding == "rne" else scaled.numerator // scaled.denominator
    return (e, Fraction(whole, 2**bits) - 1) if whole < 2 ** (bits + 1) else (e + 1, Fraction(0))


def by_values(x, y, name, bits=None, rounding="trunc", ell="paper", saturate=False):
    """Products of float64 arrays that hold numbers of the format; float64, NaN where there is no number."""
    m = LAYOUTS[name][1]
    bits = m if bits is None else bits
    ell = paper_l(bits) if ell == "paper" else ell
    smallest, largest = (float(limit) for limit in limits(name))
    fx, ex = np.frexp(np.abs(x))
    fy, ey = np.frexp(np.abs(y))
    cut = np.rint if rounding == "rne" else np.floor
    with np.errstate(invalid="ignore", over="ignore"):
        fx, fy = cut(fx * 2.0 ** (bits + 1)) / 2.0**bits - 1, cut(fy * 2.0 ** (bits + 1)) / 2.0**bits - 1
        carried_x, carried_y = fx == 1, fy == 1
        fx, fy = np.where(carried_x, 0.0, fx), np.where(carried_y, 0.0, fy)
        s = fx + fy + (0.0 if ell is None else 2.0**-ell)
        value = np.where(s < 1, 1 + s, np.where(s < 2, 2 * s, 4 * (s - 1)))
        value = np.ldexp(value, ex + ey - 2 + carried_x + carried_y)
        top = np.floor(largest / 2.0 ** (exponent(Fraction(largest)) - bits)) * 2.0 ** (
            exponent(Fraction(largest)) - bits
        )
        if saturate or not LAYOUTS[name][2]:
            value = np.minimum(value, top)
        else:
            value = np.where(value > largest, np.inf, value)
        value = np.where(value < smallest, 0.0, value)
        value = np.where((np.abs(x) < smallest) | (np.abs(y) < smallest), 0.0, value)
        value = np.where(np.isinf(x) | np.isinf(y), np.inf, value)
        sign = np.where(np.signbit(x) ^ np.signbit(y), -1.0, 1.0)
        lost = np.isnan(x) | np.isnan(y) | (np.isinf(x) & (y == 0)) | (np.isinf(y) & (x == 0))
    return np.where(lost, np.nan, sign * value)


def mismatches(found, expected):
    """How many numbers differ, in sign as well; NaN equals NaN."""
    same = (found == expected) & (np.signbit(found) == np.signbit(expected)) | (np.isnan(found) & np.isnan(expected))
    return int((~same).sum())
