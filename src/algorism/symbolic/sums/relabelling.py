"""Classes that a network has named wrongly, but consistently, while it learned from sums.

Let every digit be taken for the one that is k places further, modulo the base. If the number of operands times k is a
multiple of the base, all sums keep their digits but for the carries: two numbers in base 10 can be learned with each
digit 5 too high. A network that has settled there does not leave by small steps, since every digit would have to change
its name at once. Sums tell the namings apart by their carries, and so the naming is treated as one more unknown: what
is trained is the likelihood under all of them together, and the best is chosen at the end. No digit's label is needed.

Shape letters: b problem, k number, l place, v digit value, s place of a sum, r naming.
"""

import torch
from torch import Tensor

from ...errors import ShapeError
from .carry_chain import check_digits, log_probability, log_sum


def namings(numbers: int, base: int) -> list[int]:
    """How far all digits can be shifted so that sums of so many numbers keep their digits modulo the base.

    >>> namings(2, 10), namings(2, 7), namings(5, 10)
    ([0, 5], [0], [0, 2, 4, 6, 8])
    """
    return [shift for shift in range(base) if shift * numbers % base == 0]


def log_probability_under_any_naming(log_p_bklv: Tensor, sum_bs: Tensor) -> Tensor:
    """Log-likelihood of all problems together when one naming, of unknown kind, holds for all: one number.

    Args:
        log_p_bklv: log-probabilities of classes, of one or more problems.
        sum_bs: their sums.

    Raises:
        ShapeError, DataError: see `carry_chain.log_probability`; or there is no dimension of problems.

    >>> one_hot = torch.eye(10)[[[8, 7], [6, 5]], :].log()[None]       # 32 + 10 with digits 5 too high
    >>> log_probability_under_any_naming(one_hot, torch.tensor([[0, 4, 2]])).exp()
    tensor(0.5000)
    """
    log_p_r = _log_likelihoods(log_p_bklv, sum_bs)
    return log_sum(log_p_r) - torch.tensor(float(len(log_p_r))).log().to(log_p_r)


def best_naming(log_p_bklv: Tensor, sum_bs: Tensor) -> int:
    """How far classes must be shifted to be digits: `log_p.roll(best, -1)` are the digits' log-probabilities.

    Raises:
        ShapeError, DataError: see `log_probability_under_any_naming`.

    >>> one_hot = torch.eye(10)[[[8, 7], [6, 5]], :].log()[None]
    >>> best_naming(one_hot, torch.tensor([[0, 4, 2]]))
    5
    """
    numbers, base = log_p_bklv.shape[-3], log_p_bklv.shape[-1]
    return namings(numbers, base)[int(_log_likelihoods(log_p_bklv, sum_bs).argmax())]


def _log_likelihoods(log_p_bklv: Tensor, sum_bs: Tensor) -> Tensor:
    check_digits(log_p_bklv)
    if log_p_bklv.dim() < 4:
        raise ShapeError(f"Problems have shape (problems, numbers, places, base), got {tuple(log_p_bklv.shape)}.")
    shifts = namings(log_p_bklv.shape[-3], log_p_bklv.shape[-1])
    return torch.stack([log_probability(log_p_bklv.roll(shift, -1), sum_bs).sum() for shift in shifts])
