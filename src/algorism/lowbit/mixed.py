"""Mixed precision: how much each layer suffers from few bits, and the best bits within a budget, exactly.

Source: HAWQ-V2 (arXiv 1911.03852) for the sensitivity, HAWQ-V3 (arXiv 2011.10680) for the choice under a budget.
Shape letters: l layers, c choices of a layer, s partial solutions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, ShapeError, UsageError

MOST_STATES = 4_000_000
SLACK = 1e-12  # relative, so that a budget made by the same sum in another order is not missed by its last bit


@dataclass(frozen=True)
class Trace:
    """Trace of a Hessian, estimated.

    Args:
        value: mean of vᵀHv over random signs v.
        error: standard error of the mean; NaN for a single sample.
    """

    value: float
    error: float


def hutchinson(
    loss: Callable[[], Tensor], parameters: Sequence[Tensor], *, samples: int = 50, seed: int = 0
) -> list[Trace]:
    """Traces of the loss's Hessian, block by block: Tr H ≈ mean of vᵀHv over random signs v, by differentiating twice.

    Args:
        loss: computes the loss anew, as a scalar with a graph.
        parameters: one block each; they must require gradients.
        samples: how many v.
        seed: for the signs.

    Returns:
        A trace for each parameter.

    Raises:
        UsageError: no samples, or no parameters.
        DataError: the loss is NaN or infinite.

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> hutchinson(lambda: (w**2 * torch.tensor([1.0, 3.0])).sum(), [w], samples=2)
    [Trace(value=8.0, error=0.0)]
    """
    if samples < 1 or not parameters:
        raise UsageError(f"hutchinson: samples ≥ 1 and one parameter or more; got {samples} and {len(parameters)}.")
    generator = torch.Generator().manual_seed(seed)
    value = loss()
    if not bool(torch.isfinite(value)):
        raise DataError("hutchinson: the loss is NaN or infinite.")
    gradients = torch.autograd.grad(value, parameters, create_graph=True)
    found = np.empty((samples, len(parameters)))
    for sample in range(samples):
        signs = [(torch.randint(0, 2, p.shape, generator=generator) * 2 - 1).to(p) for p in parameters]
        # One product for all blocks: cross terms vanish in the mean, because the blocks' signs are independent.
        products = torch.autograd.grad(
            gradients, parameters, signs, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        found[sample] = [float((v * hv).sum()) for v, hv in zip(signs, products, strict=True)]
    errors = found.std(0, ddof=1) / np.sqrt(samples) if samples > 1 else np.full(len(parameters), np.nan)
    return [Trace(float(mean), float(error)) for mean, error in zip(found.mean(0), errors, strict=True)]


def sensitivity(trace: float, weight: Tensor, approximate: Tensor) -> float:
    """Ω = Tr(H) / n · ‖Q(W) − W‖²: the loss to be expected. Source: HAWQ-V2, equation 4."""
    return trace / weight.numel() * float((approximate - weight).double().square().sum())


@dataclass(frozen=True)
class Allocation:
    """The best choice for each layer.

    Args:
        choices: index of the choice of each layer.
        cost: sum of the costs.
        size: sum of the sizes; at most the budget.
    """

    choices: tuple[int, ...]
    cost: float
    size: float


def allocate(
    costs_lc: Sequence[Sequence[float]],
    sizes_lc: Sequence[Sequence[float]],
    budget: float,
    *,
    ties: Sequence[Sequence[int]] = (),
) -> Allocation:
    """Minimise Σ cost under Σ size ≤ budget, exactly.

    Layers are added one by one, and of all partial solutions those are kept that no other one beats in both size and
    cost. That is dynamic programming over the Pareto front, so sizes need not be integers.

    Args:
        costs_lc: cost of each choice of each layer, for example `sensitivity`.
        sizes_lc: what each choice uses of the budget: bytes, operations, milliseconds.
        budget: the most that may be used.
        ties: groups of layers that must take the same choice, as those that are added up.

    Raises:
        ShapeError: costs and sizes of different shapes, or a tie of layers that do not exist or are tied twice.
        DataError: NaN or infinity; or nothing fits into the budget.
        UsageError: too many partial solutions to be exact.

    >>> allocate([[9, 1], [5, 2], [4, 3]], [[1, 4], [1, 2], [1, 2]], budget=6)
    Allocation(choices=(1, 0, 0), cost=10.0, size=6.0)
    """
    blocks = _blocks(costs_lc, sizes_lc, ties)
    least = np.array([sizes.min() for _, _, sizes in blocks])
    limit = budget + SLACK * abs(budget)
    if not np.isfinite(budget) or least.sum() > limit:
        raise DataError(f"allocate: the smallest choices need {least.sum():g}, but the budget is {budget:g}.")
    size_s, cost_s = np.zeros(1), np.zeros(1)
    history = []
    for at, (_, costs, sizes) in enumerate(blocks):
        rest = least[at + 1 :].sum()
        grown = (size_s[:, None] + sizes).reshape(-1)
        worth = (cost_s[:, None] + costs).reshape(-1)
        kept = np.flatnonzero(grown + rest <= limit)
        kept = kept[np.lexsort((worth[kept], grown[kept]))]
        before = np.minimum.accumulate(np.concatenate(([np.inf], worth[kept][:-1])))
        kept = kept[worth[kept] < before]
        if len(kept) > MOST_STATES:
            raise UsageError(
                f"allocate: {len(kept):,} partial solutions after {at + 1} of {len(blocks)} layers. "
                "Tie layers together, or round sizes to fewer distinct values."
            )
        history.append((kept // len(costs), kept % len(costs)))
        size_s, cost_s = grown[kept], worth[kept]
    chosen = [0] * len(costs_lc)
    state = len(cost_s) - 1  # ascending in size, so the last one has the least cost
    cost, size = float(cost_s[state]), float(size_s[state])
    for (layers, _, _), (parent, choice) in zip(reversed(blocks), reversed(history), strict=True):
        for layer in layers:
            chosen[layer] = int(choice[state])
        state = int(parent[state])
    return Allocation(tuple(chosen), cost, size)


Block = tuple[tuple[int, ...], np.ndarray, np.ndarray]


def _blocks(
    costs_lc: Sequence[Sequence[float]], sizes_lc: Sequence[Sequence[float]], ties: Sequence[Sequence[int]]
) -> list[Block]:
    """Layers that are chosen together, with the sums of their costs and sizes."""
    if not len(costs_lc) or [len(row) for row in costs_lc] != [len(row) for row in sizes_lc]:
        raise ShapeError("allocate: costs and sizes must have as many layers (one or more), and choices of each.")
    tied = [layer for group in ties for layer in group]
    if len(set(tied)) != len(tied) or not set(tied) <= set(range(len(costs_lc))):
        raise ShapeError(f"allocate: ties name layers from 0 to {len(costs_lc) - 1}, each once; got {list(ties)}.")
    groups = [tuple(group) for group in ties] + [(layer,) for layer in range(len(costs_lc)) if layer not in set(tied)]
    blocks = []
    for group in groups:
        if len({len(costs_lc[layer]) for layer in group}) != 1 or not len(costs_lc[group[0]]):
            raise ShapeError(f"allocate: layers {list(group)} need the same number of choices, one or more.")
        costs, sizes = (np.array([rows[layer] for layer in group], float).sum(0) for rows in (costs_lc, sizes_lc))
        if not (np.isfinite(costs).all() and np.isfinite(sizes).all()):
            raise DataError(f"allocate: costs and sizes of layers {list(group)} must be finite.")
        blocks.append((group, costs, sizes))
    return blocks
