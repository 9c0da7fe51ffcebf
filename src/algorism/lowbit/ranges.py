"""How a clipping range [low, high] is found from values. Source: arXiv 2103.13630, section III-D.

Shape letters: b blocks that share no scale, n values of a block, c candidates.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from . import aciq
from .spec import QuantSpec
from .uniform import grid_of_range, to_integers, to_values

BINS = 2048  # of the histogram that the entropy method cuts, as TensorRT has it
SHRINKS = 100  # candidates of the error search: 1, 0.99, ..., 0.01 of the largest range
SMOOTHING = 1e-10
IN_CACHE = 1 << 16  # values that are worked on at once


def minmax(x_bn: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value."""
    return x_bn.amin(1), x_bn.amax(1)


def percentile(x_bn: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """The k-th smallest and k-th largest value, k = round(n · p / 100): by order, so of any size, unlike quantile.

    >>> percentile(torch.arange(1.0, 101.0)[None], QuantSpec(range="percentile", percentile=90.0))
    (tensor([11.]), tensor([90.]))
    """
    n = x_bn.shape[1]
    k = min(max(round(n * spec.percentile / 100), 1), n)
    return x_bn.kthvalue(n - k + 1, dim=1).values, x_bn.kthvalue(k, dim=1).values


def mse(x_bn: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """The fraction of the min-max range with the least squared error; the whole range is among the candidates."""
    low_b, high_b = minmax(x_bn, spec)
    shrink_c = (torch.arange(SHRINKS, 0, -1, device=x_bn.device) / SHRINKS).to(x_bn.dtype)
    low_bc, high_bc = low_b[:, None] * shrink_c, high_b[:, None] * shrink_c
    scale_bc, zero_bc = grid_of_range(low_bc, high_bc, spec)
    at_once = max(IN_CACHE // x_bn.numel(), 1)
    errors = [
        squared_error(x_bn[:, None], scale_bc1, zero_bc1, spec)
        for scale_bc1, zero_bc1 in zip(
            scale_bc[..., None].split(at_once, 1), zero_bc[..., None].split(at_once, 1), strict=True
        )
    ]
    # The first of equals is the widest; where an error is beyond float32, no range is better than the whole one.
    best_b1 = torch.cat(errors, dim=1).nan_to_num(nan=torch.inf, posinf=torch.inf).argmin(1, keepdim=True)
    return low_bc.gather(1, best_b1)[:, 0], high_bc.gather(1, best_b1)[:, 0]


def squared_error(x: Tensor, scale: Tensor, zero_point: Tensor, spec: QuantSpec) -> Tensor:
    """Sum over the last axis of the squared error that rounding to nearest makes on a grid, for shapes that broadcast.

    Rounded to nearest even if the spec rounds stochastically: a range is not chosen by one draw of the noise.
    """
    if spec.binary:
        q = to_integers(x, scale, zero_point, replace(spec, rounding="nearest"))
        return (to_values(q, scale, zero_point) - x).square().sum(-1)
    # As `to_integers` and `to_values`, in one piece of memory: clamping first, the zero point need not be added.
    y = x * (1.0 / scale)
    y.round_()
    y.clamp_(spec.qmin, spec.qmax) if spec.symmetric else y.clamp_(spec.qmin - zero_point, spec.qmax - zero_point)
    return y.mul_(scale).sub_(x).square_().sum(-1)


def entropy(x_bn: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """The threshold on |x| that keeps the distribution closest in Kullback-Leibler divergence, TensorRT's way.

    Source: Migacz, 8-bit inference with TensorRT, GTC 2017.
    """
    low_b, high_b = minmax(x_bn, spec)
    levels = 1 << (spec.bits - 1 if spec.signed else spec.bits)
    threshold_b = torch.stack([torch.tensor(entropy_threshold(x_n.abs(), levels)) for x_n in x_bn.cpu()]).to(x_bn)
    return torch.maximum(low_b, -threshold_b), torch.minimum(high_b, threshold_b)


def entropy_threshold(size_n: Tensor, levels: int) -> float:
    """The threshold that `entropy` cuts at, for magnitudes and so many levels of magnitude."""
    top = float(size_n.max())
    if top == 0.0 or levels >= BINS:
        return top
    counts_h = torch.histc(size_n, bins=BINS, min=0.0, max=top).double().numpy()
    tail_h = counts_h.sum() - np.cumsum(counts_h)
    best, chosen = np.inf, BINS
    for kept in range(max(levels, 1), BINS + 1):
        divergence = _divergence(counts_h[:kept], tail_h[kept - 1], levels)
        if divergence < best:
            best, chosen = divergence, kept
    return (chosen + 0.5) * top / BINS


def _divergence(counts_h: np.ndarray, beyond: float, levels: int) -> float:
    """KL(P‖Q): P is the histogram with all that lies beyond in its last bin, Q what so many levels keep of it."""
    p_h = counts_h.copy()
    p_h[-1] += beyond  # into P and not into Q: otherwise a tiny threshold would cost nothing
    starts = np.arange(levels) * (len(counts_h) // levels)
    sizes = np.diff(np.append(starts, len(counts_h)))
    filled_h = counts_h > 0
    share = np.add.reduceat(counts_h, starts) / np.maximum(np.add.reduceat(filled_h.astype(float), starts), 1)
    q_h = np.repeat(share, sizes) * filled_h
    if q_h.sum() == 0:
        return np.inf
    p_h, q_h = p_h / p_h.sum(), np.maximum(q_h / q_h.sum(), SMOOTHING)
    used = p_h > 0
    return float((p_h[used] * np.log(p_h[used] / q_h[used])).sum())


def analytic(x_bn: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """ACIQ: the best clip for the Gaussian or Laplace distribution that fits the block better (arXiv 1810.05723)."""
    low_b, high_b = minmax(x_bn, spec)
    if not spec.signed or bool((low_b >= 0).all()):
        # Rectified values: their positive half is half of a symmetric distribution around 0.
        centre_b = torch.zeros_like(low_b)
        weight_bn = (x_bn > 0).to(x_bn.dtype)
    else:
        centre_b = torch.zeros_like(low_b) if spec.symmetric else x_bn.mean(1)
        weight_bn = torch.ones_like(x_bn)
    count_b = weight_bn.sum(1).clamp(min=1)
    away_bn = (x_bn - centre_b[:, None]).abs() * weight_bn
    sigma_b = (away_bn.square().sum(1) / count_b).sqrt()
    laplace_b = away_bn.sum(1) / count_b
    # Log-likelihoods per value at the fitted widths are −ln(σ√(2π)) − 1/2 and −ln(2b) − 1.
    gaussian = sigma_b.clamp(min=1e-30).log() + 0.5 * np.log(2 * np.pi) + 0.5
    heavy = laplace_b.clamp(min=1e-30).log() + np.log(2.0) + 1
    reach_b = torch.where(
        gaussian <= heavy, sigma_b * aciq.best_clip("gaussian", spec), laplace_b * aciq.best_clip("laplace", spec)
    )
    return torch.maximum(low_b, centre_b - reach_b).clamp(max=0), torch.minimum(high_b, centre_b + reach_b).clamp(min=0)


RANGES: dict[str, Callable[[Tensor, QuantSpec], tuple[Tensor, Tensor]]] = {
    "minmax": minmax,
    "moving-average": minmax,  # of a single batch
    "percentile": percentile,
    "entropy": entropy,
    "mse": mse,
    "aciq": analytic,
}
