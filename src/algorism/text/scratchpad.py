"""Scratchpads: the working written out before the answer, as in Lee et al. 2023 (arXiv 2307.03381).

The prompt is "Input:", the question, "Target:"; the completion is the working and the answer. The paper's rows end
with a newline, which also stands inside the working, so a decoder could not tell where to stop: ours end with `$`.
"""

import re

import numpy as np
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

from algorism.errors import UsageError
from algorism.tasks.numbers import Bools, Numbers
from algorism.tasks.problem import Problems
from algorism.text import series
from algorism.text.columns import (
    Lengths,
    Steps,
    answer_list,
    list_planes,
    one_digit,
    small_number,
    steps,
    written_length,
)
from algorism.text.draft import Draft, number_planes
from algorism.text.planes import Plane, constant
from algorism.text.products import product_lines
from algorism.text.transforms import Transform, transform

_SPACED = re.compile(r"-?[0-9](?: [0-9])*-?|-?[0-9]+\.[0-9]+-?")


class Scratchpad(Transform):
    """What all scratchpads share: the frame around the question, and the answer on the last line."""

    stage = 2

    def write(self, draft: Draft) -> None:
        """Put the frame around the question and the working before the answer."""
        draft.opening, draft.equals, draft.closing = "Input:\n", "\nTarget:\n", "$"
        draft.work = self.working(draft)

    def working(self, draft: Draft) -> list[Plane]:
        """Planes of the working."""
        raise NotImplementedError

    def read(self, completion: str) -> str | None:
        """The last line."""
        return completion.removesuffix("\n").rpartition("\n")[2]


@transform
class Simplified(Scratchpad):
    """One line per column, last digit first, `A->5 , C->1`; sums and differences.

    After a difference's columns comes `-300+61=-239.`, as in the authors' code.
    """

    name = "simplified"

    def working(self, draft: Draft) -> list[Plane]:
        symbol = draft.problems.operator
        if symbol not in ("+", "-"):
            raise UsageError(f"format 'simplified' writes + and -, not {symbol!r}; use 'detailed'.")
        worked = steps(symbol, *draft.operands)
        shown_dn, carry_dn = noisy(worked, draft)
        planes: list[Plane] = []
        for place in range(worked.places):
            here_n = worked.present(place)
            minus_n = None
            if symbol == "-" and "a" not in draft.noise:
                minus_n = worked.top(place) & (worked.carry_out_dn[place] == 1)
            planes += constant("A->", here_n)
            planes += small_number(shown_dn[place], here_n, minus_n)
            planes += constant(" , C->", here_n)
            planes += _carry(symbol, carry_dn[place], here_n)
            if symbol == "+":
                planes += constant(".", worked.top(place))
            planes += constant("\n", here_n)
        if symbol == "-":
            planes += [*_regrouping(worked, draft.problems.answer), *constant(".\n")]
        return planes


@transform
class Detailed(Scratchpad):
    """Every list, carry and intermediate sum written out; Taylor and Newton steps for sin and sqrt."""

    name = "detailed"

    def working(self, draft: Draft) -> list[Plane]:
        symbol = draft.problems.operator
        if symbol in ("sin", "sqrt"):
            lines = series.lines(draft.problems)
            draft.answer.numbers = self.reference(draft.problems) or draft.answer.numbers
        else:
            draft.answer.gap = " "
            lines = []
            for operand in draft.operands:
                length_n = written_length(operand)
                lines += [*list_planes(operand.numbers, length_n), *constant(" has "), *small_number(length_n, None)]
                lines += constant(" digits.\n")
            lines += product_lines(*draft.operands) if symbol == "*" else _column_lines(symbol, draft)
        return [*constant("<scratch>\n"), *lines, *constant("</scratch>\n")]

    def read(self, completion: str) -> str | None:
        """The last line, whose digits stand apart; None if they do not."""
        last = super().read(completion) or ""
        return last.replace(" ", "") if _SPACED.fullmatch(last) else None

    def reference(self, problems: Problems) -> Numbers | None:
        """The fourth Taylor or Newton step, which need not be the floored function."""
        return series.approximation(problems) if problems.operator in ("sin", "sqrt") else None


class _Noise(Transform):
    """Replaces printed values of a simplified scratchpad by random ones; the answer stays right."""

    random = True
    requires = "simplified"

    def write(self, draft: Draft) -> None:
        """Mark the values to replace."""
        draft.noise.add(self.name[-1])


@transform
class NoisyA(_Noise):
    """Every printed A of the simplified scratchpad is a random digit."""

    name = "noisy-a"


@transform
class NoisyC(_Noise):
    """Every printed C of the simplified scratchpad is randomly 0 or 1 (0 or -1 in differences)."""

    name = "noisy-c"


def noisy(worked: Steps, draft: Draft) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The digits and carries to print: the true ones, or random ones where the draft asks for noise."""
    seed = draft.seed if isinstance(draft.seed, tuple) else (draft.seed,)
    rng = Generator(SFC64((*seed, 0xA)))
    shape = worked.digit_dn.shape
    digit_dn = rng.integers(0, 10, shape, dtype=np.uint8) if "a" in draft.noise else worked.digit_dn
    carry_dn = rng.integers(0, 2, shape, dtype=np.uint8) if "c" in draft.noise else worked.carry_out_dn
    return digit_dn, carry_dn


def _carry(symbol: str, carry_n: NDArray[np.uint8], here_n: Bools | None) -> list[Plane]:
    """A carry as 0 or 1, a borrow as 0 or -1."""
    digit = one_digit(carry_n, here_n)
    if symbol == "+":
        return [digit]
    minus_n = (carry_n == 1) if here_n is None else (carry_n == 1) & here_n
    return [*constant("-", minus_n), digit]


def _column_lines(symbol: str, draft: Draft) -> list[Plane]:
    """`[1,2] + [3,6] , A=[5] , C=1 , 2+6+1=9 , A->9 , C->0` for every column, then the closing lines."""
    worked = steps(symbol, *draft.operands)
    lengths = [written_length(operand) for operand in draft.operands]
    planes: list[Plane] = []
    for place in range(worked.places):
        here_n = worked.present(place)
        negative_n = worked.carry_out_dn[place] == 1
        planes += _both_lists(symbol, draft, lengths, place, here_n)
        planes += [*constant(" , A=", here_n), *answer_list(worked, place, False, here_n)]
        planes += [*constant(" , C=", here_n), *_carry(symbol, worked.carry_in_dn[place], here_n)]
        planes += [*constant(" , ", here_n), one_digit(worked.a_dn[place], here_n), *constant(symbol, here_n)]
        planes += [one_digit(worked.b_dn[place], here_n), *constant(symbol, here_n)]
        planes += [one_digit(worked.carry_in_dn[place], here_n)]
        if symbol == "+":
            total_n = worked.digit_dn[place] + np.uint8(10) * worked.carry_out_dn[place]
            planes += [*constant("=", here_n), *small_number(total_n, here_n)]
            planes += [*constant(" , A->", here_n), one_digit(worked.digit_dn[place], here_n)]
        else:
            borrows_n = negative_n & (worked.length_n > place + 1)
            digit = small_number(worked.digit_dn[place], here_n, negative_n & worked.top(place))
            planes += [*constant("+10", borrows_n), *constant("=", here_n), *digit]
            planes += [*constant(" , A->", here_n), *digit]
        planes += [*constant(" , C->", here_n), *_carry(symbol, worked.carry_out_dn[place], here_n)]
        planes += constant("\n", here_n)
    planes += [*constant(f"[] {symbol} [] , A="), *answer_list(worked, worked.places, symbol == "-")]
    if symbol == "+":
        # The last carry has no line of its own: it stands in C here and in front of the answer.
        row = np.arange(len(worked.length_n))
        planes += [*constant(" C="), one_digit(worked.carry_out_dn[worked.length_n - 1, row], None)]
    else:
        planes += [*constant("\n"), *_regrouping(worked, draft.problems.answer)]
    return [*planes, *constant(" , END\n")]


def _both_lists(symbol: str, draft: Draft, lengths: list[Lengths], place: int, here_n: Bools | None) -> list[Plane]:
    """`[1,2] + [3,6]`: what is left of both operands before this column."""
    first, second = (
        list_planes(operand.numbers, length_n, place, here_n)
        for operand, length_n in zip(draft.operands, lengths, strict=True)
    )
    return [*first, *constant(f" {symbol} ", here_n), *second]


def _regrouping(worked: Steps, answer: Numbers) -> list[Plane]:
    """`-300+61=-239`: the top digit with its zeros, the rest, and what they make."""
    row = np.arange(len(worked.length_n))
    top_n = worked.digit_dn[worked.length_n - 1, row]
    negative_n = worked.carry_out_dn[worked.length_n - 1, row] == 1
    planes = small_number(top_n, None, negative_n)
    for place in range(worked.places - 1):
        planes += constant("0", (worked.length_n > place + 1) & (top_n > 0))
    rest_dn = worked.digit_dn * (np.arange(len(worked.digit_dn))[:, None] < worked.length_n - 1)
    rest = number_planes(Numbers(rest_dn.astype(np.uint8)))
    return [*planes, *constant("+"), *rest, *constant("="), *number_planes(answer)]
