"""Rules of arithmetic on written digits, as Python. What a model reads is the source of the functions below, so that
the rule in the prompt, the one that is executed and the one that is tested are the same text.

A rule takes and returns text. Each statement stands on one line of its own; nothing is set in a loop's head. The unit
step is one digit, and, as in the paper, the product of one digit with a whole number.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass


def add(a: str, b: str) -> str:
    """Add two whole numbers digit by digit from the right."""
    answer = ""
    carry = 0
    while a or b:
        total = int(a[-1:] or 0) + int(b[-1:] or 0) + carry
        answer = str(total % 10) + answer
        carry = total // 10
        a = a[:-1]
        b = b[:-1]
    if carry:
        answer = str(carry) + answer
    return answer


def subtract(a: str, b: str) -> str:
    """Subtract a whole number from a larger one digit by digit from the right."""
    answer = ""
    borrow = 0
    while a:
        digit = int(a[-1:]) - int(b[-1:] or 0) - borrow
        borrow = int(digit < 0)
        answer = str(digit % 10) + answer
        a = a[:-1]
        b = b[:-1]
    return answer.lstrip("0") or "0"


def multiply(a: str, b: str) -> str:
    """Multiply by the digits of the first number, from the left."""
    total = 0
    while a:
        part = int(a[:1]) * int(b)
        total = total * 10 + part
        a = a[1:]
    return str(total)


def divide(a: str, b: str) -> str:
    """Divide digit by digit from the left, by repeated subtraction."""
    answer = ""
    rest = 0
    while a:
        rest = rest * 10 + int(a[:1])
        a = a[1:]
        digit = 0
        while rest >= int(b):
            rest = rest - int(b)
            digit = digit + 1
        answer = answer + str(digit)
    return answer.lstrip("0") or "0"


def remainder(a: str, b: str) -> str:
    """Keep what division leaves, digit by digit from the left, by repeated subtraction."""
    rest = 0
    while a:
        rest = rest * 10 + int(a[:1])
        a = a[1:]
        while rest >= int(b):
            rest = rest - int(b)
    return str(rest)


def larger(a: str, b: str) -> str:
    """Compare the lengths of two whole numbers, then their digits from the left."""
    if len(a) > len(b):
        return a
    if len(a) < len(b):
        return b
    place = 0
    while place < len(a):
        if a[place] > b[place]:
            return a
        if a[place] < b[place]:
            return b
        place = place + 1
    return a


def smaller(a: str, b: str) -> str:
    """Compare the lengths of two whole numbers, then their digits from the left."""
    if len(a) < len(b):
        return a
    if len(a) > len(b):
        return b
    place = 0
    while place < len(a):
        if a[place] < b[place]:
            return a
        if a[place] > b[place]:
            return b
        place = place + 1
    return a


def digit_max(a: str, b: str) -> str:
    """Take the larger digit at every place, from the right."""
    answer = ""
    while a or b:
        digit = max(a[-1:] or "0", b[-1:] or "0")
        answer = digit + answer
        a = a[:-1]
        b = b[:-1]
    return answer


def get_digit(a: str, position: str) -> str:
    """Walk to a position, counted from 0 on the left."""
    left = int(position)
    while left > 0:
        a = a[1:]
        left = left - 1
    return a[:1]


def length(a: str) -> str:
    """Count the digits one by one."""
    count = 0
    while a:
        a = a[1:]
        count = count + 1
    return str(count)


def add_float(a: str, b: str) -> str:
    """Give both numbers equally many decimals, add as whole numbers, and put the point back."""
    a, tail = a.split(".")
    b, end = b.split(".")
    size = max(len(tail), len(end))
    a = a + tail.ljust(size, "0")
    b = b + end.ljust(size, "0")
    answer = ""
    carry = 0
    while a or b:
        total = int(a[-1:] or 0) + int(b[-1:] or 0) + carry
        answer = str(total % 10) + answer
        carry = total // 10
        a = a[:-1]
        b = b[:-1]
    if carry:
        answer = str(carry) + answer
    answer = answer[:-size] + "." + answer[-size:]
    while answer.endswith("0") and not answer.endswith(".0"):
        answer = answer[:-1]
    return answer


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        function: what it does, and the text that models read.
        longest: longest operand that the paper asks by this rule, so that a chain fits its window.

    >>> print(RULES["length-integer"].text)
    def length(a: str) -> str:
        \"\"\"Count the digits one by one.\"\"\"
        count = 0
        while a:
            a = a[1:]
            count = count + 1
        return str(count)
    """

    function: Callable[..., str]
    longest: int

    @property
    def text(self) -> str:
        """The rule as it is shown."""
        return inspect.getsource(self.function).rstrip()


# Rows of `tasks.numeracy.COMBINATIONS` that have a rule.
RULES: dict[str, Rule] = {
    "add-integer": Rule(add, 20),
    "add-float": Rule(add_float, 8),
    "sub-integer": Rule(subtract, 20),
    "multiply_hard-integer": Rule(multiply, 15),
    "floordiv-integer": Rule(divide, 6),
    "mod-integer": Rule(remainder, 6),
    "max-integer": Rule(larger, 100),
    "min-integer": Rule(smaller, 100),
    "digit_max-integer": Rule(digit_max, 20),
    "get_digit-integer": Rule(get_digit, 40),
    "length-integer": Rule(length, 50),
}
