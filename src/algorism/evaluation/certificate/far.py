"""Bounds of what places that are not known can add: sums of a function of token and place over a side of any length.

A side is open from some place on: digits go on for any number of places, then the text's end on that side follows. A
function g(token) · decay(place) is added up over all that stands there. Its least value is found from the far end
towards the query: at each place either the number ends there, or the best digits stand there and the rest follows.
Places from the circuit's reach on are a geometric series.

Shape letters: x any leading dimensions, h head, u token, k place.
"""

import torch
from torch import Tensor

from .circuit import DOLLAR, EQUALS, PLUS, Circuit
from .contexts import ENDED, OF_CARRY, Shape

MOST_KEYS = {1: 2, -1: 3}  # at one place: both operands' digits, and below the query the printed digit


def open_sides(shape: Shape) -> list[tuple[int, int, int]]:
    """The sides not known to their end: side, first open place, state."""
    sides = [(-1, shape.low, shape.below), (1, shape.high, shape.above)]
    return [side for side in sides if side[2] != ENDED]


def least(circuit: Circuit, value_xhu: Tensor, shape: Shape) -> Tensor:
    """Least sum over heads, keys on open sides, of value · decay; (x).

    Args:
        circuit: of the network.
        value_xhu: what a token adds for each head where nothing decays.
        shape: which places are open.
    """
    total_x = value_xhu.new_zeros(value_xhu.shape[:-2])
    for side, first, state in open_sides(shape):
        decay_kh = torch.stack([circuit.decay(side * k) for k in range(first, circuit.reach + 1)])
        place_kxu = torch.einsum("kh,...hu->k...u", decay_kh, value_xhu)
        total_x = total_x + _least_side(place_kxu, _tail(circuit, value_xhu, side), side, state)
    return total_x


def least_by_head(circuit: Circuit, value_qhxu: Tensor, shape: Shape) -> Tensor:
    """As `least`, for each head alone: values (q, h, x, u), result (q, h, x)."""
    total_qhx = value_qhxu.new_zeros(value_qhxu.shape[:-1])
    for side, first, state in open_sides(shape):
        decay_kh = torch.stack([circuit.decay(side * k) for k in range(first, circuit.reach + 1)])
        place_kqhxu = value_qhxu * decay_kh[:, None, :, None, None]
        worst_qhx = MOST_KEYS[side] * value_qhxu.amin(-1).clamp(max=0) * circuit.tail_h[side][:, None]
        total_qhx = total_qhx + _least_side(place_kqhxu, worst_qhx, side, state)
    return total_qhx


def most_decay(circuit: Circuit, shape: Shape) -> Tensor:
    """Sum of the decays of as many keys as can stand on open sides, (h,)."""
    total_h = torch.zeros_like(circuit.tail_h[1])
    for side, first, _ in open_sides(shape):
        near_h = sum((circuit.decay(side * k) for k in range(first, circuit.reach)), torch.zeros_like(total_h))
        total_h = total_h + MOST_KEYS[side] * (near_h + circuit.tail_h[side])
    return total_h


def _tail(circuit: Circuit, value_xhu: Tensor, side: int) -> Tensor:
    """Lower bound of all that stands at `reach` and beyond, (x)."""
    return MOST_KEYS[side] * (value_xhu.amin(-1).clamp(max=0) * circuit.tail_h[side]).sum(-1)


def _least_side(place_kxu: Tensor, tail_x: Tensor, side: int, state: int) -> Tensor:
    """Least sum over one side.

    Args:
        place_kxu: what each token adds at each open place up to `reach`.
        tail_x: lower bound of the sum from `reach` on.
        side: 1 above the query, −1 below.
        state: below, the carry that must come out of the first open place.
    """
    least_kx = place_kxu[..., :10].amin(-1)
    rest_x = tail_x
    if side > 0:
        for k in range(len(place_kxu) - 2, -1, -1):
            rest_x = torch.minimum(2 * least_kx[k] + rest_x, place_kxu[k + 1, ..., DOLLAR])
        return rest_x
    ended_kx = place_kxu[..., PLUS] + place_kxu[..., EQUALS]
    for k in range(len(place_kxu) - 2, 0, -1):  # the printed digit is taken as free of the two others: a wider set
        rest_x = torch.minimum(3 * least_kx[k] + rest_x, ended_kx[k])
    rows = OF_CARRY[state]
    first_xr = place_kxu[0][..., rows[:, 0]] + place_kxu[0][..., rows[:, 1]] + place_kxu[0][..., rows[:, 3]]
    rest_x = first_xr.amin(-1) + rest_x
    return torch.minimum(rest_x, ended_kx[0]) if state == 0 else rest_x
