"""What is asked, computed exactly on values of `values`: sums, products, comparisons, single digits, conversions."""

from collections.abc import Callable
from typing import cast

from algorism.tasks.numeracy.values import Float, Ratio, Scientific, Value, to_float, to_ratio, to_scientific, write


def add(a: Value, b: Value) -> Value:
    """The sum of two numbers of one representation.

    >>> write(add(Scientific(40009, 4, 1), Scientific(7609, 3, 1)))
    '1.16099e2'
    """
    return _summed(a, b, 1)


def subtract(a: Value, b: Value) -> Value:
    """The difference, which must not be negative."""
    return _summed(a, b, -1)


def _summed(a: Value, b: Value, sign: int) -> Value:
    if isinstance(a, int):
        return a + sign * cast(int, b)
    if isinstance(a, Ratio):
        b = cast(Ratio, b)
        total = a.numerator * b.denominator + sign * b.numerator * a.denominator
        return to_ratio(total, a.denominator * b.denominator)
    if isinstance(a, Float):
        b = cast(Float, b)
        decimals = max(a.decimals, b.decimals)
        shift_a, shift_b = decimals - a.decimals, decimals - b.decimals
        return to_float(a.unscaled * 10**shift_a + sign * b.unscaled * 10**shift_b, decimals)
    b = cast(Scientific, b)
    power_a, power_b = a.exponent - a.decimals, b.exponent - b.decimals
    power = min(power_a, power_b)
    return to_scientific(a.unscaled * 10 ** (power_a - power) + sign * b.unscaled * 10 ** (power_b - power), power)


def multiply(a: Value, b: Value) -> Value:
    """The product.

    >>> write(multiply(Float(73514, 4), Float(790694, 3)))
    '5812.7078716'
    """
    if isinstance(a, int):
        return a * cast(int, b)
    if isinstance(a, Ratio):
        b = cast(Ratio, b)
        return to_ratio(a.numerator * b.numerator, a.denominator * b.denominator)
    if isinstance(a, Float):
        b = cast(Float, b)
        return to_float(a.unscaled * b.unscaled, a.decimals + b.decimals)
    b = cast(Scientific, b)
    return to_scientific(a.unscaled * b.unscaled, a.exponent + b.exponent - a.decimals - b.decimals)


def divide(a: Value, b: Value) -> Value:
    """The quotient as a reduced fraction.

    >>> write(divide(Ratio(9614, 7897), Ratio(165, 218)))
    '190532/118455'
    """
    if isinstance(a, int):
        return to_ratio(a, cast(int, b))
    a, b = cast(Ratio, a), cast(Ratio, b)
    return to_ratio(a.numerator * b.denominator, a.denominator * b.numerator)


def less(a: Value, b: Value) -> bool:
    """Whether a < b, exactly.

    >>> less(Float(911, 2), Float(99, 1))
    True
    """
    if isinstance(a, int):
        return a < cast(int, b)
    if isinstance(a, Ratio):
        b = cast(Ratio, b)
        return a.numerator * b.denominator < b.numerator * a.denominator
    if isinstance(a, Float):
        b = cast(Float, b)
        return a.unscaled * 10**b.decimals < b.unscaled * 10**a.decimals
    b = cast(Scientific, b)
    if a.exponent != b.exponent:
        return a.exponent < b.exponent
    return a.unscaled * 10**b.decimals < b.unscaled * 10**a.decimals


def larger(a: Value, b: Value) -> Value:
    """The larger of two."""
    return b if less(a, b) else a


def smaller(a: Value, b: Value) -> Value:
    """The smaller of two."""
    return a if less(a, b) else b


def digitwise(a: Value, b: Value, choose: Callable[[int, int], int]) -> Value:
    """Digit by digit, decimal points under each other; a missing digit counts as 0.

    Args:
        a: an integer or a float.
        b: one of the same representation.
        choose: the resulting digit of two digits, all three as ASCII codes: the larger of two codes is that of the
            larger digit.

    >>> digitwise(8032, 318, max), digitwise(2070, 842, min), digitwise(5182, 476, digit_sum)
    (8338, 40, 5558)
    """
    if isinstance(a, int):
        return int(_digitwise(str(a), str(b), choose))
    a, b = cast(Float, a), cast(Float, b)
    decimals = max(a.decimals, b.decimals)
    text_a, text_b = (str(v.unscaled * 10 ** (decimals - v.decimals)) for v in (a, b))
    return to_float(int(_digitwise(text_a, text_b, choose)), decimals)


def digit_sum(x: int, y: int) -> int:
    """The sum of two digits without its carry, as ASCII codes."""
    return (x + y - 96) % 10 + 48


def _digitwise(a: str, b: str, choose: Callable[[int, int], int]) -> bytes:
    width = max(len(a), len(b))
    return bytes(map(choose, a.zfill(width).encode(), b.zfill(width).encode()))


def digits_of(value: Value) -> str:
    """The digits of a number as it is written, without its point."""
    return write(value).replace(".", "")


def rounded(value: Value, figures: int) -> Value:
    """So many significant figures, a half rounded up; zeros at the end of the mantissa are figures and stay.

    >>> write(rounded(Float(793434, 4), 3)), write(rounded(90026041, 2)), write(rounded(Float(996, 2), 2))
    ('7.93e1', '9.0e7', '1.0e1')
    """
    digits, exponent = _leading(value)
    kept = int(digits[:figures].ljust(figures, "0"))
    if digits[figures : figures + 1] >= "5":
        kept += 1
    if kept == 10**figures:
        kept, exponent = kept // 10, exponent + 1
    return Scientific(kept, figures - 1, exponent)


def rounded_as_released(value: Value, figures: int) -> str:
    """The text that the cookbook's own generator writes, with its three faults (about one label in ten differs).

    A next digit of exactly 5 is dropped; a mantissa whose decimals are all 0 gets another; a carry into a new digit
    leaves the exponent as it was.

    >>> [rounded_as_released(v, 2) for v in (Float(1256, 2), 90026041, Float(996, 2))]
    ['1.2e1', '9.00e7', '1.000e0']
    """
    digits, exponent = _leading(value)
    kept = int(digits[:figures].ljust(figures, "0")) + (digits[figures : figures + 1] > "5")
    text = f"{str(kept)[0]}.{str(kept)[1:]}"
    return f"{text}{'' if text[2:].strip('0') else '0'}e{exponent}"


def _leading(value: Value) -> tuple[str, int]:
    """Digits from the first that is not 0, and the power of ten of that one."""
    if isinstance(value, int):
        text = str(value)
        return text, len(text) - 1
    value = cast(Float, value)
    text = str(value.unscaled)
    return text, len(text) - 1 - value.decimals


def as_float(value: Value) -> Value:
    """A fraction whose decimals end, or a scientific number, as a float.

    >>> write(as_float(Ratio(1979, 1000))), write(as_float(Scientific(57514, 4, 4)))
    ('1.979', '57514.0')
    """
    if isinstance(value, Ratio):
        decimals, rest, unscaled = 0, value.denominator, value.numerator
        while rest % 10 == 0:
            decimals, rest = decimals + 1, rest // 10
        while rest > 1:  # only twos or only fives are left
            factor = 5 if rest % 2 == 0 else 2
            unscaled, decimals, rest = unscaled * factor, decimals + 1, rest * factor // 10
        return to_float(unscaled, decimals)
    value = cast(Scientific, value)
    decimals = value.decimals - value.exponent
    return to_float(value.unscaled, decimals)


def as_scientific(value: Value) -> Value:
    """An integer, or a float of at least 1, in scientific notation.

    >>> write(as_scientific(7410)), write(as_scientific(Float(125, 1)))
    ('7.41e3', '1.25e1')
    """
    if isinstance(value, int):
        return to_scientific(value, 0)
    value = cast(Float, value)
    return to_scientific(value.unscaled, -value.decimals)
