"""Calibration without data: ranges, or whole inputs, from what batch norms remember of the training set.

Source: arXiv 2103.13630, section III-G3; DFQ (arXiv 1906.04721) for ranges, ZeroQ (arXiv 2001.00281) for inputs and
sensitivity. Shape letters: n samples, c channels, p places of a sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ShapeError, UsageError
from .graph import LAYERS, NORMS, Graph

SIGMAS = 6.0
EPSILON = 1e-6


def norm_ranges(
    model: nn.Module, *, sigmas: float = SIGMAS, input_range: tuple[float, float] | None = None
) -> dict[str, tuple[float, float]]:
    """The range of each layer's inputs that a batch norm promises: [β − 6|γ|, β + 6|γ|] over channels, then ReLU.

    Args:
        model: with batch norms, before they are folded; traced.
        sigmas: deviations on either side.
        input_range: of the model's own inputs, which no norm knows.

    Returns:
        Ends for every layer with a norm before it (and, with `input_range`, the first ones): for `quantize_inputs`.

    Raises:
        UsageError: the model cannot be traced, no layer has a norm before it, or sigmas is not above 0.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    >>> norm_ranges(model)
    {'3': (0.0, 6.0)}
    """
    if not sigmas > 0:
        raise UsageError(f"norm_ranges: sigmas is above 0; got {sigmas!r}.")
    graph = Graph(model)
    modules = dict(model.named_modules())
    found = dict.fromkeys(graph.first_layers(), input_range) if input_range is not None else {}
    for name, module in modules.items():
        before = graph.norm_before(name) if isinstance(module, LAYERS) else None
        if before is None:
            continue
        norm: Any = modules[before[0]]
        if norm.weight is None:  # without scale and shift: mean 0, deviation 1
            gamma_c, beta_c = torch.ones(norm.num_features), torch.zeros(norm.num_features)
        else:
            gamma_c, beta_c = norm.weight.detach().abs(), norm.bias.detach()
        low, high = float((beta_c - sigmas * gamma_c).min()), float((beta_c + sigmas * gamma_c).max())
        if before[1] != "none":
            low, high = max(low, 0.0), max(high, 0.0)
        found[name] = (min(low, 6.0), min(high, 6.0)) if before[1] == "relu6" else (low, high)
    if not found:
        raise UsageError("norm_ranges: no layer has a batch norm before it; calibrate with data instead.")
    return found


@dataclass(frozen=True, eq=False)
class Distilled:
    """Inputs made from a network alone.

    Args:
        inputs: in the network's own input shape.
        losses: after each step.
    """

    inputs: Tensor
    losses: list[float]


def distil_inputs(
    model: nn.Module,
    shape: Sequence[int],
    *,
    count: int = 64,
    steps: int = 500,
    learning_rate: float = 0.5,
    input_mean: float | None = 0.0,
    input_deviation: float = 1.0,
    clip: tuple[float, float] | None = None,
    seed: int = 0,
) -> Distilled:
    """ZeroQ's data: noise, changed by gradient descent until every batch norm sees what it saw while training.

    The loss is ‖μ(x) − mean‖² + ‖σ(x) − √(variance + 1e-6)‖² over all norms, with the statistics of each sample where
    it has several places (convolutions), of the whole batch where it has one; and the same for the input itself.

    Args:
        model: in evaluation; its weights stay as they are.
        shape: of one input.
        count: inputs to make.
        steps: of Adam; the learning rate falls where nothing improves for 100 steps.
        learning_rate: at first.
        input_mean: what is known of the training set's inputs; None for nothing.
        input_deviation: the same; also the noise's.
        clip: the values that inputs can have, enforced after each step.
        seed: of the noise.

    Raises:
        UsageError: no batch norm with running statistics, or counts below 1.
    """
    norms: list[Any] = [m for m in model.modules() if isinstance(m, NORMS) and m.running_mean is not None]
    if not norms:
        raise UsageError("distil_inputs: the model has no batch norm with running statistics, which this needs. "
                         "Were they folded? Keep a copy from before.")  # fmt: skip
    if count < 1 or steps < 1:
        raise UsageError(f"distil_inputs: count and steps of 1 or more; got {count} and {steps}.")
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *shape, generator=generator) * input_deviation + (input_mean or 0.0)
    x = x.to(device).requires_grad_(True)
    optimizer = torch.optim.Adam([x], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=100, min_lr=1e-4)
    seen: list[tuple[Any, Tensor]] = []  # in the order of use; a norm may be used more than once
    handles = [norm.register_forward_pre_hook(lambda used, given: seen.append((used, given[0]))) for norm in norms]
    was_training = model.training
    model.eval()
    losses = []
    try:
        for _ in range(steps):
            seen.clear()
            model(x)
            loss = x.new_zeros(())
            for norm, given in seen:
                loss = loss + _distance(given, norm.running_mean, (norm.running_var + EPSILON).sqrt())
            if input_mean is not None:
                loss = loss + _distance(x, torch.tensor(input_mean), torch.tensor(input_deviation))
            (x.grad,) = torch.autograd.grad(loss, [x])
            optimizer.step()
            losses.append(loss.item())
            schedule.step(losses[-1])
            if clip is not None:
                with torch.no_grad():
                    x.clamp_(*clip)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return Distilled(x.detach(), losses)


def _distance(given: Tensor, mean_c: Tensor, deviation_c: Tensor) -> Tensor:
    """Squared distance of means and deviations from what they should be, per sample where it has several places."""
    if given.dim() < 2:
        raise ShapeError(f"distil_inputs: expected samples with channels; got shape {tuple(given.shape)}.")
    x_ncp = given.flatten(2) if given.dim() > 2 else given.T[None]
    mean_nc = x_ncp.mean(2)
    deviation_nc = (x_ncp.var(2, unbiased=False) + EPSILON).sqrt()
    return ((mean_nc - mean_c).square() + (deviation_nc - deviation_c).square()).sum() / len(x_ncp)
