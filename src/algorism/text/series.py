"""Sine by four Taylor terms and square root by four Newton steps, floored at every step, and their scratchpad lines.

Shape letters: n row. Numbers are integers in units of 10^-decimals. The paper's code does the same in floating point
and drops trailing zeros; here every value is exact and has all its decimals (Lee et al. 2023, arXiv 2307.03381).
"""

import math

import numpy as np

from algorism.errors import UsageError
from algorism.tasks.numbers import Bools, Numbers
from algorism.tasks.problem import Problems
from algorism.text.draft import number_planes
from algorism.text.planes import Plane, constant

STEPS = 4


def approximation(problems: Problems) -> Numbers:
    """x_4, the answer these scratchpads arrive at.

    >>> approximation(Problems.of("sqrt", [27174], decimals=4)).strings()
    ['1.6484']
    >>> approximation(Problems.of("sin", [10313], decimals=4)).strings()  # the sine itself floors to 0.8579
    ['0.8578']
    """
    return _values(problems)[-1]


def lines(problems: Problems) -> list[Plane]:
    """Planes of the lines `x_0=...` to `x_4: ... , END`."""
    values = _values(problems)
    if problems.operator == "sin":
        planes = [*constant("x_0="), *number_planes(values[0])]
        for k in range(1, STEPS + 1):
            power, sign = 2 * k + 1, "-" if k % 2 else "+"
            planes += constant(f"\nx_{k}: x_{k - 1} {sign} 1/{power}! * (x^{power}) , x_{k}=")
            planes += number_planes(values[k])
    else:
        x = number_planes(problems.operands[0])
        planes = [*constant("x_0="), *_start(values[0])]
        for k in range(1, STEPS + 1):
            last = _start(values[0]) if k == 1 else number_planes(values[k - 1])
            here = number_planes(values[k])
            planes += [*constant(f"\nx_{k}: 1/2*("), *last, *constant("+"), *x, *constant("/"), *last]
            planes += [*constant(")="), *here, *constant(f", x_{k}="), *here]
    return [*planes, *constant(" , END\n")]


def taylor(units: int, decimals: int) -> list[int]:
    """x_0 = x, then x_k = floor(x_(k-1) ± x^(2k+1)/(2k+1)!), in units.

    >>> taylor(10313, 4)
    [10313, 8484, 8581, 8578, 8578]
    """
    one, values = 10**decimals, [units]
    for k in range(1, STEPS + 1):
        power = 2 * k + 1
        whole = one ** (power - 1) * math.factorial(power)
        values.append((values[-1] * whole + (-1) ** k * units**power) // whole)
    return values


def newton(units: int, decimals: int) -> list[int]:
    """x_0 = floor(sqrt(x)), or 0.1 below 1, then x_k = floor((x_(k-1) + x/x_(k-1))/2), in units.

    >>> newton(27174, 4)
    [10000, 18587, 16603, 16484, 16484]
    """
    one = 10**decimals
    start = math.isqrt(units // one) * one
    values = [start or one // 10]
    for _ in range(STEPS):
        last = values[-1]
        # x = 0 halves down to 0, which then stays: there is nothing to divide by.
        values.append((last * last + units * one) // (2 * last) if last else 0)
    return values


def _values(problems: Problems) -> list[Numbers]:
    operand = problems.operands[0]
    if not operand.decimals:
        raise UsageError(f"format 'detailed' writes {problems.operator!r} with decimals; give the task decimals=4.")
    step = taylor if problems.operator == "sin" else newton
    rows = [step(units, operand.decimals) for units in operand.to_ints()]
    return [Numbers.from_ints([row[k] for row in rows], operand.decimals) for k in range(STEPS + 1)]


def _start(first: Numbers) -> list[Plane]:
    """x_0 without decimals, or 0.1."""
    whole = Numbers(first.digits_dn[first.decimals :])
    below_n: Bools = np.all(whole.digits_dn == 0, axis=0)
    return [*number_planes(whole), *constant(".1", below_n)] if below_n.any() else number_planes(whole)
