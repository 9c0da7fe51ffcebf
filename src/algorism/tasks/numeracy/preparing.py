"""How pairs of numbers are drawn, and what each task does to a pair before it asks about it.

The rules are those of the number cookbook (arXiv 2411.03766). Where its code draws an item's further choices (an
exponent, a position) from a generator seeded with one operand, which leaves only a few values, ours are independent.
"""

from collections.abc import Callable
from typing import cast

from algorism.tasks.numeracy import operations as ops
from algorism.tasks.numeracy.draws import Draws
from algorism.tasks.numeracy.values import (
    Float,
    Ratio,
    Representation,
    Scientific,
    Value,
    draw,
    exact,
    to_float,
    to_ratio,
    to_scientific,
    write,
)

Prepare = Callable[[Draws, Value, Value, int], tuple[Value, ...]]


def drawn_pair(draws: Draws, representation: Representation, length: int) -> tuple[Value, Value]:
    """One number of the length, one of at least half of it; which comes first is a toss."""
    first = draw(draws, representation, length)
    second = draw(draws, representation, draws.between(max(1, length // 2), length))
    return (second, first) if draws.below(2) else (first, second)


def hard_pair(draws: Draws, representation: Representation, length: int) -> tuple[Value, Value]:
    """A pair that agrees in its first digits, so that comparing lengths or first digits does not decide."""
    a = draw(draws, representation, length)
    b: Value
    if isinstance(a, int):
        k = draws.below(length)
        b = int(str(a)[:k] + str(draw(draws, "integer", length))[k:])
    else:
        other = draw(draws, representation, draws.between(max(1, length // 2), length))
        if isinstance(a, Float):
            b = _alike(draws, a, cast(Float, other))
        else:
            b = _near(draws, cast(Scientific, a), cast(Scientific, other))
    return (b, a) if draws.below(2) else (a, b)


def _near(draws: Draws, a: Scientific, b: Scientific) -> Scientific:
    """`b`, mostly with the exponent of `a`, and with some first digits of its mantissa, or none."""
    exponent = a.exponent if draws.below(10) < 8 else b.exponent
    k = draws.between(-1, min(a.decimals, b.decimals) - 1)
    unscaled = b.unscaled if k < 0 else int(str(a.unscaled)[: k + 1] + str(b.unscaled)[k + 1 :])
    return Scientific(unscaled, b.decimals, exponent)


def _alike(draws: Draws, a: Float, b: Float) -> Float:
    """`b` with the integer part and some first decimals of `a`; three times of ten as it is."""
    if draws.below(10) < 3:
        return b
    whole, decimals_a = divmod(a.unscaled, 10**a.decimals)
    k = draws.below(min(a.decimals, b.decimals))
    tail = str(b.unscaled % 10**b.decimals).zfill(b.decimals)
    decimals = str(decimals_a).zfill(a.decimals)[:k] + tail[k:]
    return Float(whole * 10**b.decimals + int(decimals), b.decimals)


def as_drawn(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """No change."""
    return a, b


def near_exponents(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """Scientific numbers whose exponents differ by at most 5, so that both matter to the sum."""
    a, b = cast(Scientific, a), cast(Scientific, b)
    high = min(a.exponent, 98)
    return a._replace(exponent=high), b._replace(exponent=min(98, max(0, high + draws.between(-5, 5))))


def larger_first(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The larger one first: no difference is negative."""
    return (b, a) if ops.less(a, b) else (a, b)


def falling_exponents(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """Scientific numbers whose second is 1 to 5 powers of ten smaller, and whose difference is above 1."""
    a, b = cast(Scientific, a), cast(Scientific, b)
    high = max(2, a.exponent)
    a, b = a._replace(exponent=high), b._replace(exponent=max(0, high - draws.between(1, 5)))
    if exact(a) - exact(b) <= 1:
        b = b._replace(exponent=high - 2)
    return a, b


def short_second(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The longer one first, and of the other at most three digits in each part."""
    if len(write(a)) < len(write(b)):
        a, b = b, a
    if isinstance(b, int):
        return a, b % 1000
    if isinstance(b, Ratio):
        return a, to_ratio(b.numerator % 1000, b.denominator % 1000 or 1)
    decimals = min(b.decimals, 3)
    whole, rest = divmod(b.unscaled, 10**b.decimals)
    cut = whole % 1000 * 10**decimals + rest // 10 ** (b.decimals - decimals)
    if isinstance(b, Float):
        return a, to_float(cut, decimals)
    return a, to_scientific(cut, b.exponent - decimals)


def dividing(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """A divisor that is not 0."""
    return a, _not_zero(b)


def dividing_larger(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The larger one first, and a divisor that is not 0."""
    a, b = larger_first(draws, a, b, length)
    return a, _not_zero(b)


def modulo(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The larger one first, and of the other the last 0.7 of its digits and one more."""
    a, b = larger_first(draws, a, b, length)
    return a, _not_zero(cast(int, b) % 10 ** (len(str(a)) * 7 // 10 + 1))


def modulo_short(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The larger one first, and of the other the last three digits."""
    a, b = larger_first(draws, a, b, length)
    return a, _not_zero(cast(int, b) % 1000)


def _not_zero(b: Value) -> Value:
    if isinstance(b, Ratio):
        return b if b.numerator else Ratio(1, 1)
    return b or 1


def below_one(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """Fractions turned over if they are above 1."""
    turned = []
    for value in (cast(Ratio, a), cast(Ratio, b)):
        up, down = value
        turned.append(Ratio(down, up) if up > down else value)
    return tuple(turned)


def _longer(a: Value, b: Value) -> Value:
    return b if len(ops.digits_of(b)) > len(ops.digits_of(a)) else a


def only_longer(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The longer one alone."""
    return (_longer(a, b),)


def with_position(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The longer one, and a place in it, counted from 0 on the left."""
    value = _longer(a, b)
    return value, draws.below(len(ops.digits_of(value)))


def with_digit(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The longer one, and a digit to be counted in it."""
    return _longer(a, b), draws.below(10)


def with_figures(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """The longer one, and how many figures are to be kept: at least two, at most all."""
    value = _longer(a, b)
    return value, draws.between(2, max(2, len(ops.digits_of(value))))


def ending_fraction(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """A fraction whose decimals end: the larger part of the longer one over twos and fives."""
    up = max(cast(Ratio, _longer(a, b)))
    return (to_ratio(up, 2 ** draws.between(0, length) * 5 ** draws.between(0, length)),)


def small_exponent(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """A scientific number that is not much longer written out."""
    value = cast(Scientific, _longer(a, b))
    return (value._replace(exponent=draws.between(0, min(value.exponent, length))),)


def ending_zeros(draws: Draws, a: Value, b: Value, length: int) -> tuple[Value, ...]:
    """An integer whose last digits are zeros, up to half of them; never 0 itself."""
    value = cast(int, _longer(a, b))
    zeros = 10 ** draws.between(0, length // 2)
    return (value // zeros * zeros or 1,)
