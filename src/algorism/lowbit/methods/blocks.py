"""Chains of blocks: the part of a network where each module takes over what the one before it gave, and nothing else.

A network with such a chain is calibrated block by block, in time linear in its depth (see `walk`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

Forward = Callable[..., Any]


class Store(Protocol):
    """Where parameters lie that are not all in memory at once."""

    def load(self, names: Collection[str]) -> None:
        """Make the parameters that these modules own themselves real."""

    def drop(self, names: Collection[str]) -> None:
        """Free them again; changes are lost."""


class Reached(Exception):
    """Ends a forward pass at the place of interest."""


def run(model: nn.Module, batch: Any) -> Any:
    """A forward pass without gradient: a tensor is the argument, a tuple arguments, a mapping keywords."""
    with torch.no_grad():
        if isinstance(batch, Mapping):
            return model(**batch)
        return model(*batch) if isinstance(batch, tuple) else model(batch)


def run_until_reached(model: nn.Module, batch: Any) -> None:
    """A forward pass that ends where something raises `Reached`, if anything does."""
    with suppress(Reached):
        run(model, batch)


def first_rows(batch: Any) -> Any:
    """A batch's first example, where all of its tensors have as many: enough to see how a network is wired."""
    tensors = [x for x in tree_leaves(batch) if isinstance(x, Tensor)]
    counts = {len(x) for x in tensors if x.dim() > 1}
    if len(counts) != 1 or any(x.dim() < 2 for x in tensors):
        return batch
    return tree_map_only(Tensor, lambda x: x[:1], batch)


def within(model: nn.Module, name: str) -> list[str]:
    """Names of a module and of all modules inside it."""
    return [f"{name}.{inner}".strip(".") for inner, _ in model.get_submodule(name).named_modules()]


@contextmanager
def forwards(modules: Sequence[nn.Module], replacements: Sequence[Forward]) -> Iterator[None]:
    """Let modules compute something else for a while. Everything that looks into them still finds their parts."""
    before = [module.__dict__.get("forward") for module in modules]
    for module, replacement in zip(modules, replacements, strict=True):
        module.__dict__["forward"] = replacement
    try:
        yield
    finally:
        for module, old in zip(modules, before, strict=True):
            if old is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = old


def widest_chain(model: nn.Module, layers: Collection[str]) -> list[str]:
    """Names of the children of the list or sequence of modules that holds most of the layers; [] if there is none."""
    best: list[str] = []
    most = 0
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList | nn.Sequential) or len(module) < 2:
            continue
        if len({id(child) for child in module}) < len(module):
            continue  # one module at two places
        names = [f"{name}.{child}" if name else child for child, _ in module.named_children()]
        held = sum(layer == child or layer.startswith(f"{child}.") for layer in layers for child in names)
        if (held, len(names)) > (most, len(best)) and held:
            best, most = names, held
    return best


def is_chain(model: nn.Module, names: Sequence[str], batch: Any, store: Store | None = None) -> bool:
    """Whether a batch passes these modules once each, in order, and sees of each only what the next one is given.

    The second is tried, not read off: with outputs that are NaN except the last one, what follows must stay free of
    NaN. A network that adds the output of an early block to a late one fails, as it should.

    Args:
        model: in evaluation mode.
        names: of the modules.
        batch: inputs of the model.
        store: of parameters that are not in memory; those outside the modules must be there.
    """
    blocks = [model.get_submodule(name) for name in names]
    order: list[int] = []
    shapes: dict[int, Any] = {}

    def traced(at: int) -> Forward:
        forward = blocks[at].forward

        def call(*arguments: Any, **keywords: Any) -> Any:
            order.append(at)
            inside = within(model, names[at])
            if store is not None:
                store.load(inside)
            output = forward(*arguments, **keywords)
            if store is not None:
                store.drop(inside)
            shapes[at] = tree_map_only(Tensor, lambda x: x.to("meta"), output)
            return output

        return call

    with forwards(blocks, [traced(at) for at in range(len(blocks))]):
        run(model, batch)
    if order != list(range(len(blocks))):
        return False
    return all(_sees_only_last(model, blocks, shapes, at, batch) for at in range(1, len(blocks) + 1))


def _sees_only_last(model: nn.Module, blocks: list[nn.Module], shapes: Mapping[int, Any], at: int, batch: Any) -> bool:
    """Whether what enters block `at` (or leaves the model) stays free of NaN if all outputs but the last one are."""
    met: list[Any] = []

    def given(index: int) -> Forward:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if index == at:
                met.append((arguments, keywords))
                raise Reached
            value = 0.0 if index == at - 1 else torch.nan
            return tree_map_only(Tensor, lambda x: _filled(x, value), shapes[index])

        return call

    with forwards(blocks, [given(index) for index in range(len(blocks))]), suppress(Reached):
        met.append(run(model, batch))
    tensors = [x for x in tree_leaves(met) if isinstance(x, Tensor) and x.is_floating_point()]
    return not any(bool(torch.isnan(x).any()) for x in tensors)


def _filled(like: Tensor, value: float) -> Tensor:
    return torch.full(like.shape, value if like.is_floating_point() else 0, dtype=like.dtype)
