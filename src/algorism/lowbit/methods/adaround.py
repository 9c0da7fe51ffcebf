"""AdaRound: learn for each weight whether to round it up or down, so that the layer's outputs change least.

Source: arXiv 2004.10568; default settings as AIMET has them. Shape letters: o outputs, i inputs, n samples.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...errors import ShapeError, UsageError
from ..layout import spread
from ..spec import QuantSpec
from ..uniform import Quantized, storage_dtype
from .layers import check_inputs, check_spec
from .rtn import rtn

STRETCH_HIGH, STRETCH_LOW = 1.1, -0.1  # ζ and γ: the sigmoid is stretched beyond [0, 1], so that its ends are reached


def adaround(
    weight_oi: Tensor,
    inputs_ni: Tensor,
    spec: QuantSpec,
    *,
    targets_no: Tensor | None = None,
    bias_o: Tensor | None = None,
    activation: Callable[[Tensor], Tensor] | None = None,
    iterations: int = 10_000,
    batch: int = 32,
    learning_rate: float = 1e-2,
    regulariser: float = 0.01,
    warm_up: float = 0.2,
    beta: tuple[float, float] = (20.0, 2.0),
    seed: int = 0,
) -> Quantized:
    """Quantize a weight by learned rounding on the grid that is deployed.

    Never worse than rounding to nearest in its own objective, the squared error of the outputs on all samples: outputs
    do not depend on each other, so each keeps the better of the two.

    Args:
        weight_oi: the weight.
        inputs_ni: the layer's inputs; of the network as quantized so far for asymmetric reconstruction.
        spec: grid.
        targets_no: outputs to reconstruct, before the activation and with the bias; the float layer's on `inputs_ni`
            where None.
        bias_o: the layer's bias; matters with `targets_no` or `activation`.
        activation: applied to both outputs before they are compared.
        iterations: steps of Adam.
        batch: samples per step.
        learning_rate: of Adam.
        regulariser: λ, weight of the term that pulls h to 0 or 1. It is in units of the loss, which grows with the
            square of the inputs: where inputs are large and nothing is learned, take a larger λ.
        warm_up: share of the steps without that term.
        beta: the term's exponent at its start and end, cosine in between.
        seed: for the choice of samples.

    Raises:
        DataError: NaN, infinity, or an empty calibration set.
        ShapeError: inputs or targets of another width.
    """
    check_spec(spec)
    if spec.binary:
        raise UsageError("AdaRound: a grid of {−1, +1} has no up and down next to a weight; use bits ≥ 2.")
    rounded = rtn(weight_oi, spec)
    weight_oi = weight_oi.detach().float()
    inputs_ni = check_inputs(weight_oi, inputs_ni)
    finish = activation or (lambda y: y)
    bias_o = weight_oi.new_zeros(len(weight_oi)) if bias_o is None else bias_o.detach().float()
    if targets_no is None:
        targets_no = inputs_ni @ weight_oi.T + bias_o
    if tuple(targets_no.shape) != (len(inputs_ni), len(weight_oi)):
        raise ShapeError(f"AdaRound: targets of shape {tuple(targets_no.shape)}; expected (samples, outputs).")
    targets_no = finish(targets_no.detach())

    scale, zero = (spread(v, weight_oi.shape[1], spec) for v in (rounded.scale_og, rounded.zero_point_og))
    position_oi = weight_oi * (1.0 / scale)
    floor_oi = torch.floor(position_oi)
    fraction_oi = (position_oi - floor_oi).clamp(1e-4, 1 - 1e-4)
    v_oi = -torch.log((STRETCH_HIGH - STRETCH_LOW) / (fraction_oi - STRETCH_LOW) - 1)
    v_oi.requires_grad_(True)

    def values(h_oi: Tensor) -> Tensor:
        return ((floor_oi + h_oi + zero).clamp(spec.qmin, spec.qmax) - zero) * scale

    optimizer = torch.optim.Adam([v_oi], lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    for step in range(iterations):
        chosen = torch.randint(len(inputs_ni), (batch,), generator=generator).to(inputs_ni.device)
        h_oi = stretched_sigmoid(v_oi)
        outputs_no = finish(inputs_ni[chosen] @ values(h_oi).T + bias_o)
        loss = (outputs_no - targets_no[chosen]).square().sum(1).mean()
        progress = (step / iterations - warm_up) / (1 - warm_up)
        if progress >= 0:
            exponent = beta[1] + 0.5 * (beta[0] - beta[1]) * (1 + math.cos(math.pi * progress))
            loss = loss + regulariser * (1 - (2 * h_oi - 1).abs().pow(exponent)).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=[v_oi])
        optimizer.step()

    q_oi = (floor_oi + (v_oi.detach() >= 0) + zero).clamp(spec.qmin, spec.qmax).to(storage_dtype(spec))

    def errors(q: Tensor) -> Tensor:
        approximate_oi = (q.float() - zero) * scale
        return (finish(inputs_ni @ approximate_oi.T + bias_o) - targets_no).double().square().sum(0)

    learned_o = errors(q_oi) <= errors(rounded.q)
    q_oi = torch.where(learned_o[:, None], q_oi, rounded.q)
    return Quantized(q_oi, rounded.scale_og, rounded.zero_point_og, spec)


def stretched_sigmoid(v: Tensor) -> Tensor:
    """h(V) = clip(σ(V)(ζ − γ) + γ, 0, 1). Source: equation 23 of the paper."""
    return (torch.sigmoid(v) * (STRETCH_HIGH - STRETCH_LOW) + STRETCH_LOW).clamp(0, 1)
