"""The most probable sum of numbers with uncertain digits.

A sum can come about in several ways (1·10 + 10 and 2·10 + 0), and its probability adds them up; the most probable sum
is therefore not always that of the most probable digits. Sums are built from the least significant place. A beginning
is a vector: the probability of its digits together with each carry out. What is still to come weighs these linearly
and never negatively, so that a beginning with which no weights are best can never lead to the answer and is dropped.
That is exact. Where digits are fairly certain, one or two beginnings are left at a time.

Shape letters: b problem, k number, l place, v digit value, t total of a place, c carry, n beginning, y digit of the
sum, x beginning with one more digit.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import DataError
from .carry_chain import NEVER, check_digits, place_totals
from .digits import digits_of_sum

MOST_BEGINNINGS = 4096
Floats = npt.NDArray[np.float64]


def most_probable_sum(log_p_bklv: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the greatest probability, and the logarithm of that probability.

    Args:
        log_p_bklv: log-probabilities of the digit values of k numbers of l places; the base is v.

    Returns:
        The sums as a lead and l digits, (b, l + 1), and (b,). Of equally probable sums any one.

    Raises:
        ShapeError, DataError: see `carry_chain.log_probability`; also where the digits leave nothing possible, or, with
            three numbers or more, leave so much open that beginnings cannot be told apart.

    >>> log_p = torch.tensor([[[0.0, 1.0]], [[0.75, 0.25]]]).log()   # 1 + 0 or 1 + 1, in base 2
    >>> sums, log_p = most_probable_sum(log_p)
    >>> sums, log_p.exp()
    (tensor([0, 1]), tensor(0.7500))
    """
    check_digits(log_p_bklv)
    leading, (numbers, places, base) = log_p_bklv.shape[:-3], log_p_bklv.shape[-3:]
    with torch.no_grad():
        totals_blt = place_totals(log_p_bklv.double()).reshape(-1, places, numbers * (base - 1) + 1)
    found = [_search(totals_lt, numbers, base) for totals_lt in totals_blt.cpu().numpy()]
    sums = torch.tensor([digits for digits, _ in found], dtype=torch.long, device=log_p_bklv.device)
    log_p = torch.tensor([score for _, score in found], dtype=log_p_bklv.dtype, device=log_p_bklv.device)
    return sums.view(*leading, places + 1), log_p.view(leading)


def digitwise_sum(log_p_bklv: Tensor) -> Tensor:
    """The sum of the most probable digits, (b, l + 1): what most people compute; see `most_probable_sum`.

    >>> digitwise_sum(torch.tensor([[[0.0, 1.0]], [[0.75, 0.25]]]).log())
    tensor([0, 1])
    """
    check_digits(log_p_bklv)
    return digits_of_sum(log_p_bklv.argmax(-1), log_p_bklv.shape[-1])


def _search(totals_lt: Floats, numbers: int, base: int) -> tuple[list[int], float]:
    digit, out, into = np.ogrid[:base, :numbers, :numbers]
    total_ydc = digit + base * out - into
    possible_ydc = (total_ydc >= 0) & (total_ydc < totals_lt.shape[1])
    total_ydc = total_ydc.clip(0, totals_lt.shape[1] - 1)

    begin_nc = np.array([[0.0] + [NEVER] * (numbers - 1)])
    scale = 0.0
    trail: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for totals_t in totals_lt[::-1]:
        step_ydc = np.where(possible_ydc, totals_t[total_ydc], NEVER)
        next_nyd = _log_sum(step_ydc + begin_nc[:, None, None, :])
        next_xd = next_nyd.reshape(-1, numbers)
        top = float(next_xd.max())
        if top == NEVER:
            raise DataError(
                "The digits of a problem leave no sum possible: a place has no value of probability above 0."
            )
        scale += top
        column_d = next_xd.max(0)  # a scale of its own for each carry changes no comparison, and nothing underflows
        kept_x = _undominated(np.exp(next_xd - np.where(column_d == NEVER, 0.0, column_d)))
        if len(kept_x) > MOST_BEGINNINGS:
            raise DataError(
                f"More than {MOST_BEGINNINGS:,} beginnings of a sum are possible; the digits are too uncertain for the "
                "most probable sum of so many numbers. Use digitwise_sum, or sum_marginals."
            )
        begin_nc = next_xd[kept_x] - top
        trail.append((kept_x // base, kept_x % base))
    at, lead = np.unravel_index(int(begin_nc.argmax()), begin_nc.shape)
    score = scale + float(begin_nc[at, lead])
    digits = []
    for parent_n, digit_n in reversed(trail):
        digits.append(int(digit_n[at]))
        at = parent_n[at]
    return [int(lead), *digits], score


def _undominated(p_xc: Floats) -> npt.NDArray[np.int64]:
    """Places of the rows that some non-negative weights may prefer; of equal rows one."""
    order_x = np.lexsort(-p_xc.T[::-1])  # by the first carry, falling; then by the second …
    if p_xc.shape[1] == 1:
        return order_x[:1]
    if p_xc.shape[1] == 2:
        return _upper_right_hull(p_xc, order_x)
    kept: list[int] = []
    for x in order_x[(p_xc[order_x] > 0).any(1)]:
        if not kept or not (p_xc[kept] >= p_xc[x]).all(1).any():
            kept.append(int(x))
            if len(kept) > MOST_BEGINNINGS:
                break
    return np.array(kept)


def _upper_right_hull(p_x2: Floats, order_x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Corners of the convex hull that lie farthest in some direction of the first quadrant."""
    hull: list[int] = []
    for x in order_x:
        first, second = p_x2[x]
        if hull and second <= p_x2[hull[-1], 1]:
            continue
        while len(hull) > 1:
            (a1, a2), (b1, b2) = p_x2[hull[-2]], p_x2[hull[-1]]
            if (a1 - b1) * (second - b2) < (b1 - first) * (b2 - a2):  # b lies outside the line from a to x
                break
            hull.pop()
        hull.append(int(x))
    return np.array(hull)


def _log_sum(x: Floats) -> Floats:
    top = x.max(-1, keepdims=True)
    top[top == NEVER] = 0.0
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - top).sum(-1)) + top[..., 0]
