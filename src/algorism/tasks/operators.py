"""The table of operators: everything else (sampling, grading, formats, tests) follows from its rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorism.errors import ShapeError, UsageError, nearest
from algorism.tasks import functions, solvers
from algorism.tasks.numbers import U8, Numbers

Scalar = Callable[[tuple[int, ...], int], int]


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        symbol: as written in a problem: "+", "sin".
        name: the English name of the task: "addition".
        arity: number of operands.
        exact: (operands, decimals) -> answer, all Python integers in units of 10^-decimals (for "*" the answer has
            twice the decimals). The definition; the columnar solver must agree with it.
        columns: the same for whole columns of non-negative operands ("sin" takes any sign).
        flags: planes of carries (or borrows) of two columns; None where the operator has no carry count.
        answer_digits: most digits an answer has when operands have n (before the decimals for sin and sqrt).
        signed: whether `columns` takes negative operands.
    """

    symbol: str
    name: str
    arity: int
    exact: Scalar
    columns: Callable[..., Numbers]
    answer_digits: Callable[[int], int]
    flags: Callable[[Numbers, Numbers], U8] | None = None
    signed: bool = False

    def solve(self, operands: tuple[Numbers, ...]) -> Numbers:
        """Exact answers for columns of operands.

        Raises:
            ShapeError: for a wrong number of operands, or columns that differ in rows or decimals.
        """
        if len(operands) != self.arity:
            raise ShapeError(f"operator {self.symbol!r} takes {self.arity} operands, got {len(operands)}.")
        if len({(len(o), o.decimals) for o in operands}) != 1:
            got = ", ".join(f"{len(o)} rows with {o.decimals} decimals" for o in operands)
            raise ShapeError(f"operator {self.symbol!r}: operands must agree in rows and decimals, got {got}.")
        if self.signed or all(o.negative_n is None or not o.negative_n.any() for o in operands):
            return self.columns(*operands)
        decimals = operands[0].decimals
        rows = zip(*(o.to_ints() for o in operands), strict=True)
        answers = [self.exact(row, decimals) for row in rows]
        return Numbers.from_ints(answers, decimals * 2 if self.symbol == "*" else decimals)

    def carries(self, operands: tuple[Numbers, ...]) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        """Number of carries, and the longest run of neighbouring columns that carry; None if it has no carries."""
        if self.flags is None:
            return None
        flags_dn = self.flags(operands[0], operands[1])
        return flags_dn.sum(axis=0, dtype=np.int32), solvers.longest_run(flags_dn)


OPERATORS: dict[str, Operator] = {
    "+": Operator(
        symbol="+",
        name="addition",
        arity=2,
        exact=lambda x, decimals: x[0] + x[1],
        columns=solvers.add,
        answer_digits=lambda n: n + 1,
        flags=lambda a, b: solvers.carry_flags("+", a, b),
    ),
    "-": Operator(
        symbol="-",
        name="subtraction",
        arity=2,
        exact=lambda x, decimals: x[0] - x[1],
        columns=solvers.subtract,
        answer_digits=lambda n: n,
        flags=lambda a, b: solvers.carry_flags("-", a, b),
    ),
    "*": Operator(
        symbol="*",
        name="multiplication",
        arity=2,
        exact=lambda x, decimals: x[0] * x[1],
        columns=solvers.multiply,
        answer_digits=lambda n: 2 * n,
    ),
    "sin": Operator(
        symbol="sin",
        name="sine",
        arity=1,
        exact=lambda x, decimals: functions.sin_units(x[0], decimals),
        columns=functions.sin_numbers,
        answer_digits=lambda n: 1,
        signed=True,
    ),
    "sqrt": Operator(
        symbol="sqrt",
        name="sqrt",
        arity=1,
        exact=lambda x, decimals: functions.sqrt_units(x[0], decimals),
        columns=functions.sqrt_numbers,
        answer_digits=lambda n: (n + 1) // 2,
    ),
}


def operator(symbol: str) -> Operator:
    """The operator with this symbol.

    Raises:
        UsageError: for an unknown symbol, with the nearest known one.

    >>> operator("+").name
    'addition'
    """
    try:
        return OPERATORS[symbol]
    except KeyError:
        raise UsageError(f"Unknown operator {symbol!r}. {nearest(symbol, OPERATORS)}") from None
