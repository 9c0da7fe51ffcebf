"""Elementary symmetric polynomials from power sums: what makes energies of order P linear in the number of neurons.

A sum over all groups of P different neurons, e_P(u) = Σ_{i₁<…<i_P} u_{i₁}…u_{i_P}, needs only the power sums
p_l = Σ_i u_i^l (Newton's identities). Everything here works on u/N, so that no order over- or underflows.

Shape letters: l power, j order of the polynomial; the dimensions behind them are free.
"""

from typing import Any


def elementary(power_l: list[Any], highest: int) -> list[Any]:
    """e_0, …, e_highest by Newton's identities, e_j = (1/j) Σ_{l=1..j} (−1)^{l−1} e_{j−l} p_l.

    Args:
        power_l: p_1, p_2, …, at least `highest` of them, at index l − 1; tensors that broadcast, or numbers.
        highest: largest order.

    >>> elementary([6.0, 14.0, 36.0], 3)  # of 1, 2, 3
    [1.0, 6.0, 11.0, 6.0]
    """
    e_j: list[Any] = [1.0]
    for j in range(1, highest + 1):
        total = sum((e_j[j - power] * power_l[power - 1] * (-1) ** (power - 1) for power in range(2, j + 1)), 0.0)
        e_j.append((e_j[j - 1] * power_l[0] + total) / j)
    return e_j
