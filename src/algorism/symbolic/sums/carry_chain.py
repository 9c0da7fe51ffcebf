"""The exact probability of a sum whose digits are uncertain and independent: a layer, in log space.

In each place the digits of all numbers add up to a total, whose distribution is a convolution. Totals of different
places are independent; what joins them is the carry. Given the digit y of the sum, a carry c that comes in and a carry
d that goes out leave one total, y + base · d − c, so that a place is a small matrix over (d, c), and the probability of
the sum is one entry of the matrices' product. The product is a walk along the places, or for long numbers a tree: both
only need as many numbers as there are possible carries, one for each number that is added.

Everything is exact up to rounding. A probability of 0 is −∞ and has the gradient 0, never NaN.

Shape letters: b any leading dimensions, k number, l place (most significant first), v digit value, t total of a place,
c carry in, d carry out, s place of a sum (the lead, then l digits; see `digits`).

Source: the step of the exact sum likelihood in our notes on Π-NeSy (arXiv 2504.07055), for two numbers in base 10; here
for any base, number of operands and length.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError

NEVER = float("-inf")
TREE_ABOVE = 8  # places: below, the walk is as fast


def log_probability(log_p_bklv: Tensor, sum_bs: Tensor) -> Tensor:
    """Log-probability that numbers with uncertain digits have a given sum, (b,). Differentiable in the digits.

    Args:
        log_p_bklv: log-probabilities of the digit values of k numbers of l places; the base is v.
        sum_bs: the sums, as a lead and l digits (`digits_of_sum`).

    Raises:
        ShapeError: shapes that do not fit.
        DataError: NaN, or a sum that is none.

    >>> log_p = torch.full((2, 1, 10), 0.1).log()                # two numbers of one digit, nothing known
    >>> log_probability(log_p, torch.tensor([1, 8])).exp()       # only 9 + 9 is 18
    tensor(0.0100)
    """
    check_digits(log_p_bklv)
    _check_sum(log_p_bklv, sum_bs)
    totals_blt = place_totals(log_p_bklv)
    numbers, base = log_p_bklv.shape[-3], log_p_bklv.shape[-1]
    step_bldc = _steps(totals_blt, sum_bs[..., 1:], numbers, base)
    lead_b1 = sum_bs[..., :1]
    if log_p_bklv.shape[-2] > TREE_ABOVE and numbers <= TREE_ABOVE:
        return _product(step_bldc)[..., 0].gather(-1, lead_b1)[..., 0]  # no carry comes in at the end
    carry_bd = step_bldc[..., -1, :, 0]
    for place in range(step_bldc.shape[-3] - 2, -1, -1):
        carry_bd = log_sum(step_bldc[..., place, :, :] + carry_bd.unsqueeze(-2))
    return carry_bd.gather(-1, lead_b1)[..., 0]


def sum_marginals(log_p_bklv: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of every place of the sum on its own.

    Returns:
        Of the lead, (b, k), and of the digits, (b, l, v).

    Raises:
        ShapeError, DataError: see `log_probability`.

    >>> lead, digits = sum_marginals(torch.full((2, 1, 10), 0.1).log())
    >>> lead.exp(), digits.exp()[0, :2]                          # 45 of 100 pairs carry
    (tensor([0.5500, 0.4500]), tensor([0.1000, 0.1000]))
    """
    check_digits(log_p_bklv)
    numbers, base = log_p_bklv.shape[-3], log_p_bklv.shape[-1]
    totals_blt = place_totals(log_p_bklv)
    every_yl = torch.arange(base, device=log_p_bklv.device)[:, None].expand(-1, totals_blt.shape[-2])
    # (y, b, l, d, c): one matrix for each digit that the sum may have
    shape = (base, *totals_blt.shape[:-1])
    digit_ybl = every_yl.view(base, *[1] * (totals_blt.dim() - 2), -1).expand(shape)
    step_ybldc = _steps(totals_blt.expand(base, *totals_blt.shape), digit_ybl, numbers, base)
    any_bldc = log_sum(step_ybldc, 0)
    carry_bc = torch.full_like(any_bldc[..., 0, 0, :], NEVER)
    carry_bc[..., 0] = 0.0
    found = []
    for place in range(totals_blt.shape[-2] - 1, -1, -1):
        joint_ybdc = step_ybldc[..., place, :, :] + carry_bc.unsqueeze(-2)
        found.append(log_sum(joint_ybdc.flatten(-2)).movedim(0, -1))
        carry_bc = log_sum(any_bldc[..., place, :, :] + carry_bc.unsqueeze(-2))
    return carry_bc, torch.stack(found[::-1], -2)


def digit_posteriors(log_p_bklv: Tensor, sum_bs: Tensor) -> Tensor:
    """Probabilities of the digits once the sum is known, (b, k, l, v); all 0 where the sum is impossible.

    The probability of the sum is linear in those of one digit, so the posterior of a digit is the derivative of the
    log-probability of the sum by that of the digit.

    Raises:
        ShapeError, DataError: see `log_probability`.

    >>> log_p = torch.tensor([[[0.5, 0.5]], [[0.25, 0.75]]]).log()   # one binary digit each
    >>> digit_posteriors(log_p, torch.tensor([0, 1]))[0, 0]          # a in a + b = 1: either 0 + 1 or 1 + 0
    tensor([0.7500, 0.2500])
    """
    with torch.enable_grad():
        leaf_bklv = log_p_bklv.detach().requires_grad_()
        total = log_probability(leaf_bklv, sum_bs)
        (found,) = torch.autograd.grad(total[total > NEVER].sum(), leaf_bklv)
    return found


def place_totals(log_p_bklv: Tensor) -> Tensor:
    """Log-distribution of the total of each place, (b, l, t): the log-convolution of its digits, t = 0 … k (v − 1)."""
    base = log_p_bklv.shape[-1]
    totals_blt, *others = log_p_bklv.unbind(-3)
    for digit_blv in others:
        # window t of the padded totals holds total t − v for v from large to small
        windows_bltv = F.pad(totals_blt, (base - 1, base - 1), value=NEVER).unfold(-1, base, 1)
        totals_blt = log_sum(windows_bltv + digit_blv.flip(-1).unsqueeze(-2))
    return totals_blt


def log_sum(x: Tensor, dim: int = -1) -> Tensor:
    """The logarithm of Σ exp along a dimension; of nothing but −∞ it is −∞, with the gradient 0."""
    top = x.detach().amax(dim, keepdim=True)
    top = top.masked_fill(top == NEVER, 0.0)
    total = (x - top).exp().sum(dim)
    some = total > 0
    return torch.where(some, total.masked_fill(~some, 1.0).log() + top.squeeze(dim), NEVER)


def check_digits(log_p_bklv: Tensor) -> None:
    """Refuse what cannot be log-probabilities of digits.

    Raises:
        ShapeError: fewer than three dimensions, or an empty one.
        UsageError: a base below 2.
        DataError: no floating point, NaN or +∞.
    """
    if log_p_bklv.dim() < 3 or 0 in log_p_bklv.shape[-3:]:
        raise ShapeError(f"Digits have shape (…, numbers, places, base), got {tuple(log_p_bklv.shape)}.")
    if log_p_bklv.shape[-1] < 2:
        raise UsageError("A number system has a base of at least 2; the last dimension of the digits is 1.")
    if not log_p_bklv.is_floating_point() or bool((log_p_bklv.isnan() | (log_p_bklv == float("inf"))).any()):
        raise DataError("Digits must be log-probabilities without NaN or +inf; apply log_softmax to the network first.")


def _check_sum(log_p_bklv: Tensor, sum_bs: Tensor) -> None:
    *leading, numbers, places, base = log_p_bklv.shape
    if tuple(sum_bs.shape) != (*leading, places + 1):
        raise ShapeError(
            f"The sum of numbers of {places} places has shape {(*leading, places + 1)}, a lead and {places} digits, "
            f"got {tuple(sum_bs.shape)}."
        )
    if sum_bs.is_floating_point() or sum_bs.dtype == torch.bool:
        raise DataError(f"Digits of a sum must be whole numbers, got {sum_bs.dtype}; convert with .long().")
    lead_b, digit_bl = sum_bs[..., 0], sum_bs[..., 1:]
    if bool(((digit_bl < 0) | (digit_bl >= base)).any() or ((lead_b < 0) | (lead_b >= numbers)).any()):
        raise DataError(f"A sum of {numbers} numbers has a lead of 0 … {numbers - 1} and digits of 0 … {base - 1}.")


def _steps(totals_blt: Tensor, digit_bl: Tensor, numbers: int, base: int) -> Tensor:
    """Log-probability of the total that a digit of the sum and two carries leave, (b, l, d, c)."""
    carry = torch.arange(numbers, device=totals_blt.device)
    total_bldc = digit_bl[..., None, None] + base * carry[:, None] - carry
    most = totals_blt.shape[-1] - 1
    possible_bldc = (total_bldc >= 0) & (total_bldc <= most)
    found_bldc = totals_blt.gather(-1, total_bldc.clamp(0, most).flatten(-2)).view(total_bldc.shape)
    return found_bldc.masked_fill(~possible_bldc, NEVER)


def _product(step_bldc: Tensor) -> Tensor:
    """Log of the product of the places' matrices, (b, d, c), by neighbours."""
    while (places := step_bldc.shape[-3]) > 1:
        left_bldc, right_bldc = step_bldc[..., 0 : places - 1 : 2, :, :], step_bldc[..., 1:places:2, :, :]
        pair_bldc = log_sum(left_bldc.unsqueeze(-2) + right_bldc.mT.unsqueeze(-3))
        step_bldc = pair_bldc if places % 2 == 0 else torch.cat((pair_bldc, step_bldc[..., -1:, :, :]), -3)
    return step_bldc[..., 0, :, :]
