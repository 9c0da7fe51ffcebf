"""How far an activation can be from its tangent: f(x) = f(c) + f'(c)·(x − c) + r with r between two bounds.

Taylor with Lagrange's remainder: r = ½ f''(ξ)·(x − c)², so the bounds follow from the range of f'' on the interval,
which is at its ends or at a place where f'' turns.
"""

import functools
import math

import torch
from torch import Tensor

from ...models.activations import A, B

END, STEP, SLACK = 14.0, 1e-3, 1e-5  # f'' is sought for turning points up to END; SLACK covers the grid between them


def slope(name: str, x: Tensor) -> Tensor:
    """First derivative of an activation."""
    if name == "relu":
        return (x > 0).to(x.dtype)
    if name == "gelu":
        return 0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * _normal(x)
    s, inner = _logistic(name, x)
    return s + x * s * (1 - s) * inner


def second(name: str, x: Tensor) -> Tensor:
    """Second derivative of a smooth activation."""
    if name == "gelu":
        return _normal(x) * (2 - x.square())
    s, inner = _logistic(name, x)
    bend = 6 * B * x if name == "gelu_tanh" else torch.zeros_like(x)
    return s * (1 - s) * (2 * inner + x * ((1 - 2 * s) * inner.square() + bend))


def _normal(x: Tensor) -> Tensor:
    return (-0.5 * x.square()).exp() / math.sqrt(2 * math.pi)


def _logistic(name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """SiLU and GELU's tanh form are x · σ(v); gives σ(v) and dv/dx."""
    if name == "silu":
        return torch.sigmoid(x), torch.ones_like(x)
    return torch.sigmoid(x * (A + B * x.square())), A + 3 * B * x.square()


@functools.cache
def turning_points(name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Places where f'' is locally highest, and lowest, with its values there."""
    x = torch.arange(-END, END, STEP, dtype=torch.float64)
    y = second(name, x)
    rising = y[1:] > y[:-1]
    turns = (rising[1:] != rising[:-1]).nonzero()[:, 0]
    found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for turn in turns.tolist():
        found[0 if rising[turn] else 1].append((float(x[turn + 1]), float(y[turn + 1])))
    return found


def remainder(name: str, centre: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds of f(x) − tangent at the centre, for x between low and high.

    Args:
        name: of the activation.
        centre: where the tangent touches.
        low: least x, ≤ centre.
        high: largest x, ≥ centre.

    Returns:
        Lower bounds (≤ 0) and upper bounds (≥ 0).

    >>> c = torch.zeros(1, dtype=torch.float64)
    >>> [round(float(bound), 3) for bound in remainder("gelu", c, c - 0.1, c + 0.1)]
    [0.0, 0.004]
    """
    if name == "relu":  # convex: the tangent touches from below, and is furthest away at an end
        tangent = slope(name, centre)
        gaps = [x.relu() - centre.relu() - tangent * (x - centre) for x in (low, high)]
        return torch.zeros_like(centre), torch.maximum(*gaps).clamp(min=0)
    at_low, at_high = second(name, low), second(name, high)
    highest, lowest = torch.maximum(at_low, at_high), torch.minimum(at_low, at_high)
    tops, bottoms = turning_points(name)
    for place, value in tops:
        highest = torch.where((low <= place + STEP) & (high >= place - STEP), highest.clamp(min=value), highest)
    for place, value in bottoms:
        lowest = torch.where((low <= place + STEP) & (high >= place - STEP), lowest.clamp(max=value), lowest)
    radius = torch.maximum(high - centre, centre - low)
    # A slope of these activations lies between −0.13 and 1.13, so that two slopes differ by less than 1.3.
    return (
        torch.maximum(0.5 * (lowest - SLACK).clamp(max=0) * radius.square(), -1.3 * radius),
        torch.minimum(0.5 * (highest + SLACK).clamp(min=0) * radius.square(), 1.3 * radius),
    )
