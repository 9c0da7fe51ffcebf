"""Weights that matter for one kind of text and not for another, and a network without them.

MathNeuro (as in arXiv 2510.25776, section on pruning): a weight's importance is its size times the norm of its input,
summed over texts; per matrix, the most important share for the first kind that is not among the most important for the
second kind is set to 0. Embeddings and the output layer are left alone.

Shape letters: b text, t token, i input, o output of a linear layer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from algorism.errors import UsageError


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """Every `nn.Linear` of a model by name, but for its output layer."""
    heads = (getattr(model, "head", None), getattr(model, "lm_head", None))
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not any(module is head for head in heads)
    }


@torch.no_grad()
def importance(model: nn.Module, texts: Sequence[Tensor]) -> dict[str, Tensor]:
    """|W|·‖x‖₂ summed over texts, (o, i) for each linear layer; the norm runs over a text's tokens.

    Args:
        model: takes ids (b, t) and no padding.
        texts: batches of ids (b, t); within one, all texts are equally long.

    Raises:
        UsageError: no texts, or a model without linear layers.
    """
    layers = linear_layers(model)
    if not texts or not layers:
        raise UsageError("importance: expected at least one batch of texts and a model with linear layers.")
    sums: dict[str, Tensor] = {}

    def look(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            norm_i = args[0].float().norm(dim=-2).reshape(-1, args[0].shape[-1]).sum(0)
            sums[name] = sums[name] + norm_i if name in sums else norm_i

        return hook

    hooks = [module.register_forward_pre_hook(look(name)) for name, module in layers.items()]
    was_training = model.training
    model.eval()
    try:
        for ids_bt in texts:
            model(ids_bt)
    finally:
        for one in hooks:
            one.remove()
        model.train(was_training)
    return {name: layers[name].weight.detach().abs().float() * norm_i for name, norm_i in sums.items()}


def specific(first: Mapping[str, Tensor], second: Mapping[str, Tensor] | None, share: float) -> dict[str, Tensor]:
    """Masks of the most important share for the first kind, less those for the second; per matrix.

    Args:
        first: importances for the first kind.
        second: for the second kind; None takes nothing away (Wanda's choice alone).
        share: of each matrix's weights, above 0; at least one weight.

    >>> a, b = {"w": torch.tensor([[1.0, 2.0, 3.0, 4.0]])}, {"w": torch.tensor([[4.0, 3.0, 2.0, 1.0]])}
    >>> specific(a, b, 0.75)["w"].tolist()
    [[False, False, False, True]]
    """
    if not 0 < share <= 1:
        raise UsageError(f"specific: expected a share above 0 and up to 1, got {share}.")
    found = {name: _top(score, share) for name, score in first.items()}
    return found if second is None else {name: mask & ~_top(second[name], share) for name, mask in found.items()}


def random_masks(masks: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Masks of as many weights in each matrix, drawn at random: the control."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, mask in masks.items():
        order = torch.randperm(mask.numel(), generator=generator)[: int(mask.sum())]
        flat = torch.zeros(mask.numel(), dtype=torch.bool)
        flat[order] = True
        found[name] = flat.view(mask.shape).to(mask.device)
    return found


@contextmanager
def without(model: nn.Module, masks: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with masked weights at 0; they are put back afterwards, to the bit."""
    layers = linear_layers(model)
    kept: dict[str, Tensor] = {}
    for name, mask in masks.items():
        kept[name] = layers[name].weight.detach().clone()
        with torch.no_grad():
            layers[name].weight.masked_fill_(mask, 0.0)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, old in kept.items():
                layers[name].weight.copy_(old)


def _top(score: Tensor, share: float) -> Tensor:
    count = max(1, round(share * score.numel()))
    flat = torch.zeros(score.numel(), dtype=torch.bool, device=score.device)
    flat[score.flatten().topk(count).indices] = True
    return flat.view(score.shape)
