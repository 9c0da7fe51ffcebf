"""Possibility distributions: checks, measures of events, and the ways to and from probabilities.

A possibility distribution gives each value a degree in [0, 1]; 1 means nothing speaks against it, and at least one
value has 1. Everything here works on the last dimension of a tensor, keeps dtype and device, and
passes gradients on.

Shape letters: b any leading dimensions, v value, e event.

Source: Π-NeSy: A Possibilistic Neuro-Symbolic Approach (arXiv 2504.07055).
"""

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError

ROUNDING = 1e-4  # how far a maximum or a sum may be from 1: half-precision softmax outputs pass, mistakes do not


def check_possibility(pi_bv: Tensor, name: str = "the distribution", *, normalised: bool = True) -> Tensor:
    """Return the tensor if each row is a possibility distribution.

    Args:
        pi_bv: degrees in [0, 1].
        name: what the message calls it.
        normalised: whether the greatest degree must be 1.

    Raises:
        ShapeError: there are no values.
        DataError: not floating point, NaN or infinite, outside [0, 1], or no degree is 1.
    """
    _check_degrees(pi_bv, name)
    if normalised and pi_bv.numel():
        top_b = pi_bv.amax(-1)
        if bool((top_b < 1 - ROUNDING).any()):
            raise DataError(
                f"{name} is not normalised: the greatest degree must be 1, got {float(top_b.min()):.4g} in row "
                f"{_first(top_b < 1 - ROUNDING)}. Make it normalised with normalise() or with one of TRANSFORMS."
            )
    return pi_bv


def check_probability(p_bv: Tensor, name: str = "the distribution") -> Tensor:
    """Return the tensor if each row is a probability distribution.

    Raises:
        ShapeError: there are no values.
        DataError: not floating point, NaN or infinite, outside [0, 1], or a row does not sum to 1.
    """
    _check_degrees(p_bv, name)
    wrong_b = (p_bv.sum(-1) - 1).abs() > ROUNDING * max(1, p_bv.shape[-1] / 10)
    if bool(wrong_b.any()):
        row = _first(wrong_b)
        total = float(p_bv.sum(-1).flatten()[row])
        raise DataError(f"{name}: probabilities must sum to 1, got {total:.4g} in row {row}. Apply a softmax first.")
    return p_bv


def normalise(pi_bv: Tensor) -> Tensor:
    """Raise the greatest degree of each row to 1 and leave the others: the order, all that min and max see, is kept.

    A row of zeros, which says that everything is impossible, becomes a row of ones: nothing is known.

    >>> normalise(torch.tensor([0.2, 0.8, 0.1]))
    tensor([0.2000, 1.0000, 0.1000])
    """
    return torch.where(pi_bv == pi_bv.amax(-1, keepdim=True), pi_bv + (1 - pi_bv).detach(), pi_bv)


def possibility_of(pi_bv: Tensor, event: Tensor) -> Tensor:
    """Degree to which an event is possible: the greatest degree of its values; 0 for the empty event.

    Args:
        pi_bv: possibility distributions.
        event: boolean, (v,) for one event or (e, v) for several.

    Returns:
        (b,), or (b, e) for several events.

    Raises:
        ShapeError: the event has other values than the distribution.
        UsageError: the event is not boolean.

    >>> possibility_of(torch.tensor([1.0, 0.5, 0.3]), torch.tensor([False, True, True]))
    tensor(0.5000)
    """
    if event.dtype != torch.bool:
        raise UsageError(f"An event is a boolean tensor that marks its values, got {event.dtype}.")
    if event.dim() not in (1, 2) or event.shape[-1] != pi_bv.shape[-1]:
        raise ShapeError(
            f"An event over {pi_bv.shape[-1]} values has shape (v,) or (e, v) with v = {pi_bv.shape[-1]}, "
            f"got {tuple(event.shape)}."
        )
    if event.dim() == 1:
        return pi_bv.masked_fill(~event, 0).amax(-1)
    return pi_bv.unsqueeze(-2).masked_fill(~event, 0).amax(-1)


def necessity_of(pi_bv: Tensor, event: Tensor) -> Tensor:
    """Degree to which an event is certain: 1 minus the possibility of its opposite. See `possibility_of`.

    >>> necessity_of(torch.tensor([1.0, 0.5, 0.3]), torch.tensor([True, True, False]))
    tensor(0.7000)
    """
    return 1 - possibility_of(pi_bv, ~event if event.dtype == torch.bool else event)


def antipignistic(p_bv: Tensor) -> Tensor:
    """Possibilities π(i) = Σ_j min(p_j, p_i) of probabilities ("Π-NeSy-1").

    Computed after sorting, in v log v instead of v² steps. `pignistic` is its inverse.

    Raises:
        ShapeError, DataError: see `check_probability`.

    >>> antipignistic(torch.tensor([0.25, 0.625, 0.125])).tolist()
    [0.625, 1.0, 0.375]
    """
    p_bv, order_bv = check_probability(p_bv).sort(-1, descending=True)
    rank_v = torch.arange(1, p_bv.shape[-1] + 1, dtype=p_bv.dtype, device=p_bv.device)
    return _unsorted(rank_v * p_bv + _sums_from_below(p_bv) - p_bv, p_bv, order_bv)


def minimum_specificity(p_bv: Tensor) -> Tensor:
    """Possibilities π(i) = Σ of the p_j ≤ p_i: the most specific that keep the order ("Π-NeSy-2").

    Values of equal probability get equal possibility. `from_minimum_specificity` is its inverse.

    Raises:
        ShapeError, DataError: see `check_probability`.

    >>> minimum_specificity(torch.tensor([0.25, 0.25, 0.5])).tolist()
    [0.5, 0.5, 1.0]
    """
    p_bv, order_bv = check_probability(p_bv).sort(-1, descending=True)
    return _unsorted(_sums_from_below(p_bv), p_bv, order_bv)


def pignistic(pi_bv: Tensor) -> Tensor:
    """Probabilities of possibilities: each step π_(j) − π_(j+1) is shared equally by the j values above it.

    The inverse of `antipignistic`; every normalised distribution has one.

    Raises:
        ShapeError, DataError: see `check_possibility`.

    >>> pignistic(torch.tensor([1.0, 0.5, 0.5, 0.0])).tolist()
    [0.6666666865348816, 0.1666666716337204, 0.1666666716337204, 0.0]
    """
    pi_bv, order_bv = check_possibility(pi_bv).sort(-1, descending=True)
    rank_v = torch.arange(1, pi_bv.shape[-1] + 1, dtype=pi_bv.dtype, device=pi_bv.device)
    p_bv = _sums_from_below(_steps(pi_bv) / rank_v)
    return torch.zeros_like(p_bv).scatter(-1, order_bv, p_bv)


def from_minimum_specificity(pi_bv: Tensor) -> Tensor:
    """Probabilities whose `minimum_specificity` is given.

    Raises:
        ShapeError: there are no values.
        DataError: not a normalised distribution, or one that no probabilities lead to (`pignistic` takes all).

    >>> from_minimum_specificity(torch.tensor([0.5, 0.5, 1.0])).tolist()
    [0.25, 0.25, 0.5]
    """
    pi_bv, order_bv = check_possibility(pi_bv).sort(-1, descending=True)
    last_bv = _last_of_ties(pi_bv)
    size_bv = (last_bv - _first_of_ties(pi_bv) + 1).to(pi_bv.dtype)
    p_bv = _steps(pi_bv).gather(-1, last_bv) / size_bv
    if bool((p_bv[..., 1:] > p_bv[..., :-1] + ROUNDING).any()):
        raise DataError(
            "No probability distribution has this minimum-specificity transform: a less possible value would have to "
            "be the more probable one. Use pignistic(), which accepts every normalised distribution."
        )
    return torch.zeros_like(p_bv).scatter(-1, order_bv, p_bv)


TRANSFORMS = {"antipignistic": antipignistic, "minimum-specificity": minimum_specificity}
INVERSES = {"antipignistic": pignistic, "minimum-specificity": from_minimum_specificity}


def _check_degrees(x_bv: Tensor, name: str) -> None:
    if x_bv.dim() == 0 or x_bv.shape[-1] == 0:
        raise ShapeError(f"{name} must have at least one value in its last dimension, got shape {tuple(x_bv.shape)}.")
    if not x_bv.is_floating_point():
        raise DataError(f"{name} must be of floating point, got {x_bv.dtype}; convert it with .float().")
    if not bool(x_bv.isfinite().all()):
        row = _first(~x_bv.isfinite().all(-1))
        raise DataError(f"{name} holds NaN or infinity, first in row {row}; look for it in the network's output.")
    if bool(((x_bv < 0) | (x_bv > 1 + ROUNDING)).any()):
        raise DataError(
            f"{name} must lie in [0, 1], got values from {float(x_bv.min()):.4g} to {float(x_bv.max()):.4g}. "
            "Are these logits? Apply a softmax and one of TRANSFORMS."
        )


def _first(wrong_b: Tensor) -> int:
    return int(wrong_b.flatten().nonzero()[0, 0])


def _sums_from_below(x_bv: Tensor) -> Tensor:
    """Σ_{j ≥ i} x_j, smallest first, so that small terms are not lost."""
    return x_bv.flip(-1).cumsum(-1).flip(-1)


def _steps(x_bv: Tensor) -> Tensor:
    """x_i − x_{i+1} of a falling row, and the last x itself."""
    return x_bv - torch.cat((x_bv[..., 1:], torch.zeros_like(x_bv[..., :1])), -1)


def _first_of_ties(x_bv: Tensor) -> Tensor:
    """Index of the first of the equal neighbours of each entry of a sorted row."""
    place_bv = torch.arange(x_bv.shape[-1], device=x_bv.device).expand(x_bv.shape)
    starts_bv = torch.ones_like(x_bv, dtype=torch.bool)
    starts_bv[..., 1:] = x_bv[..., 1:] != x_bv[..., :-1]
    return torch.where(starts_bv, place_bv, 0).cummax(-1).values


def _last_of_ties(x_bv: Tensor) -> Tensor:
    return x_bv.shape[-1] - 1 - _first_of_ties(x_bv.flip(-1)).flip(-1)


def _unsorted(pi_bv: Tensor, p_bv: Tensor, order_bv: Tensor) -> Tensor:
    """Give ties the first one's degree, make the greatest exactly 1, and put all back in their places."""
    pi_bv = pi_bv.gather(-1, _first_of_ties(p_bv))
    pi_bv = pi_bv / pi_bv[..., :1]
    return torch.zeros_like(pi_bv).scatter(-1, order_bv, pi_bv)
