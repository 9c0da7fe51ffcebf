"""What happens at one position: token-wise functions, and the predicates by which attention selects.

A function is applied to whole arrays. One that a person wrote for single integers is tabulated over the values that
occur, so that it may use `if`, and is called once for each value (RASP-L's maps are tables over a small domain).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError

Ints = NDArray[np.int64]


class Role(Enum):
    """What a function does to positions, which is what RASP-L restricts."""

    ORDER = "compares in order"
    MOVE = "adds or subtracts"
    CHOOSE = "chooses between two sequences"
    OTHER = "anything else"


@dataclass(frozen=True)
class Function:
    """A token-wise function of one to three sequences: what one MLP computes.

    Args:
        name: what people read.
        array: from arrays of one shape to an array of that shape.
        role: what the checker needs to know of it.
        infix: written between its two arguments.
    """

    name: str
    array: Callable[..., Any]
    role: Role = Role.OTHER
    infix: bool = False

    def __call__(self, *arrays: Ints) -> Ints:
        """Apply to integer arrays of one shape; truths become 0 and 1."""
        return np.asarray(self.array(*arrays)).astype(np.int64, copy=False)


@dataclass(frozen=True)
class Predicate:
    """Decides whether a query selects a key: `array(key, query)`, the key first.

    Args:
        name: what people read, as "key name query".
        array: from two broadcastable arrays to truths.
        ordered: depends on the order of its arguments only, so that positions may be compared by it.
    """

    name: str
    array: Callable[[Any, Any], Any]
    ordered: bool = True

    def __call__(self, key: Ints, query: Ints) -> NDArray[np.bool_]:
        """Apply to broadcastable arrays; the result has the shape they broadcast to."""
        # A constant predicate gives one truth; without the broadcast it would select the first column alone.
        shape = np.broadcast_shapes(key.shape, query.shape)
        return np.broadcast_to(np.asarray(self.array(key, query), dtype=bool), shape)


@dataclass(frozen=True)
class Tabulated:
    """A function of single integers, called once for every combination of values that occurs.

    Args:
        function: from integers to an integer or a truth.

    Raises:
        UsageError: on calling, when the result is no integer: RASP-L has no floats.
    """

    function: Callable[..., Any]

    def __call__(self, *arrays: Any) -> Ints:
        """Apply to broadcastable arrays."""
        full = np.broadcast_arrays(*(np.asarray(a, dtype=np.int64) for a in arrays))
        code = np.zeros(full[0].shape, dtype=np.int64)
        uniques = []
        for array in full:
            values, inverse = np.unique(array, return_inverse=True)
            uniques.append(values)
            code = code * len(values) + inverse.reshape(code.shape)
        codes, inverse = np.unique(code, return_inverse=True)
        table = np.empty(len(codes), dtype=np.int64)
        for row, number in enumerate(codes.tolist()):
            arguments: list[int] = []
            for values in reversed(uniques):
                number, place = divmod(number, len(values))
                arguments.insert(0, int(values[place]))
            result = self.function(*arguments)
            if not isinstance(result, int | np.integer | np.bool_):
                name = getattr(self.function, "__name__", "function")
                raise UsageError(
                    f"{name}({', '.join(map(str, arguments))}) gave {result!r}; expected an integer. RASP-L has no "
                    "floats: round inside the function."
                )
            table[row] = result
        return table[inverse.reshape(code.shape)]


def custom_function(function: Callable[..., Any]) -> Function:
    """Make a token-wise function from one on integers.

    >>> custom_function(lambda v: 1 if v > 2 else 0)(np.array([1, 3])).tolist()
    [0, 1]
    """
    return Function(getattr(function, "__name__", "function"), Tabulated(function))


def custom_predicate(function: Callable[[int, int], Any]) -> Predicate:
    """Make a predicate from a function of key and query, in this order.

    >>> custom_predicate(lambda k, q: k == 2 * q)(np.array([[4]]), np.array([[1], [2]])).tolist()
    [[False], [True]]
    """
    return Predicate(getattr(function, "__name__", "function"), Tabulated(function), ordered=False)


equals = Predicate("=", np.equal)
differs = Predicate("≠", np.not_equal)
leq = Predicate("≤", np.less_equal)
lt = Predicate("<", np.less)
geq = Predicate("≥", np.greater_equal)
gt = Predicate(">", np.greater)
always = Predicate("always", lambda k, q: True)

ADD = Function("+", np.add, Role.MOVE, infix=True)
SUBTRACT = Function("-", np.subtract, Role.MOVE, infix=True)
MULTIPLY = Function("*", np.multiply, infix=True)
MODULO = Function("%", np.mod, infix=True)
EQUAL = Function("==", np.equal, Role.ORDER, infix=True)
UNEQUAL = Function("!=", np.not_equal, Role.ORDER, infix=True)
LESS = Function("<", np.less, Role.ORDER, infix=True)
LESS_EQUAL = Function("<=", np.less_equal, Role.ORDER, infix=True)
GREATER = Function(">", np.greater, Role.ORDER, infix=True)
GREATER_EQUAL = Function(">=", np.greater_equal, Role.ORDER, infix=True)
AND = Function("&", np.logical_and, infix=True)
OR = Function("|", np.logical_or, infix=True)
NOT = Function("~", np.logical_not)
CHOOSE = Function("where", lambda c, a, b: np.where(c != 0, a, b), Role.CHOOSE)
