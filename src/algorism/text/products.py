"""Long multiplication written out, one line per digit of the second operand (Lee et al. 2023, arXiv 2307.03381)."""

import numpy as np

from algorism.tasks.numbers import Numbers
from algorism.tasks.solvers import add, multiply
from algorism.text.columns import list_planes, one_digit, written_length
from algorism.text.draft import Written, number_planes
from algorism.text.planes import Plane, constant, masked


def product_lines(a: Written, b: Written) -> list[Plane]:
    """`[1,2] * 6 , A=[7,2] , k=1 , B=[7,2] , C=0+72=72` for every digit of b, last digit first.

    A is a times the digit, B is A times the power k of ten, C adds up the B; the last line ends in `, END`.
    """
    a_length_n, b_length_n = written_length(a), written_length(b)
    places = int(b_length_n.max(initial=1))
    b_dn = b.numbers.widened(places).digits_dn
    total = Numbers(np.zeros((1, len(a.numbers)), dtype=np.uint8))
    planes: list[Plane] = []
    for place in range(places):
        here_n = None if int(b_length_n.min(initial=1)) > place else b_length_n > place
        partial = multiply(a.numbers, Numbers(b_dn[place : place + 1]))
        shifted = Numbers(np.concatenate([np.zeros((place, len(a.numbers)), dtype=np.uint8), partial.digits_dn]))
        before, total = total, add(total, shifted)
        line = [*list_planes(a.numbers, a_length_n), *constant(" * "), one_digit(b_dn[place], None)]
        line += [*constant(" , A="), *list_planes(partial, partial.length_n)]
        line += [*constant(f" , k={10**place} , B="), *list_planes(shifted, shifted.length_n)]
        line += [*constant(" , C="), *number_planes(before), *constant("+"), *number_planes(shifted)]
        line += [*constant("="), *number_planes(total)]
        planes += line if here_n is None else masked(line, here_n)
        planes += [*constant(" , END", b_length_n == place + 1), *constant("\n", here_n)]
    return planes
