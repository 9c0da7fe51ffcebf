"""Calibration batches on their way through a network, one part after another, so that each part runs a fixed number of
times however deep the network is: before the blocks, each block, and after them.

Shape letters: i inputs, n samples.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from ...errors import DataError
from ...memory import give_back
from .blocks import Forward, Reached, Store, first_rows, forwards, is_chain, run_until_reached, widest_chain, within
from .layers import input_rows

Layer = nn.Linear | nn.Conv2d


class LayerInputs:
    """What methods need to know of a layer's inputs, gathered batch by batch.

    Args:
        keep_rows: also keep the inputs themselves.
    """

    def __init__(self, keep_rows: bool = False) -> None:
        self.count = 0
        self.keep_rows = keep_rows
        self.rows: list[Tensor] = []

    def add(self, x_ni: Tensor) -> None:
        """Take a batch into account."""
        if not self.count:
            width = x_ni.shape[1]
            self.product_ii = x_ni.new_zeros(width, width, dtype=torch.float64)
            self.sum_i, self.size_i = (x_ni.new_zeros(width, dtype=torch.float64) for _ in range(2))
        wide_ni = x_ni.double()
        self.product_ii.addmm_(wide_ni.T, wide_ni)
        self.sum_i += wide_ni.sum(0)
        self.size_i += wide_ni.abs_().sum(0)
        self.count += len(x_ni)
        if self.keep_rows:
            self.rows.append(x_ni)

    def finish(self) -> None:
        """No more batches: sums become means. H = 2 XᵀX / n."""
        self.hessian_ii = self.product_ii.mul_(2 / self.count)
        self.mean_i = (self.sum_i / self.count).float()
        self.mean_size_i = (self.size_i / self.count).float()

    @property
    def rows_ni(self) -> Tensor:
        """All inputs, where they were kept."""
        return torch.cat(self.rows)


class Walk:
    """Batches on their way through a network.

    Args:
        model: in evaluation mode; must not change but by what the walk has passed already.
        batches: inputs of the model.
        layers: those whose inputs are asked for, by name.
        store: where parameters lie that are not in memory.
    """

    def __init__(
        self, model: nn.Module, batches: Sequence[Any], layers: Mapping[str, Layer], store: Store | None = None
    ) -> None:
        self.model, self.batches, self.layers, self.store = model, batches, layers, store
        names = widest_chain(model, layers)
        self._load(self._outside(names))
        if names and not is_chain(model, names, first_rows(batches[0]), store):
            names = []
            self._load(self._outside(names))
        self.names = names
        self.blocks = [model.get_submodule(name) for name in names]
        self.outputs: list[Any] = [None] * len(batches)

    def parts(self) -> Iterator[list[str]]:
        """Names of the layers of each part. After a part was taken, batches have passed it as it is then."""
        outside = set(self._outside(self.names))
        if not self.blocks:
            self.part = -1
            yield list(self.layers)
            return
        # Layers outside are met before the first block or after the last one; which, only a forward pass knows.
        self.part = -1
        yield [name for name in self.layers if name in outside]
        for part, block in enumerate(self.names):
            self.part = part
            inside = within(self.model, block)
            self._load(inside)
            held = set(inside)
            yield [name for name in self.layers if name in held]
            self._pass_block()
            self._drop(inside)
        self.part = len(self.blocks)
        yield [name for name in self.layers if name in outside]

    def inputs(self, names: Collection[str], keep_rows: bool = False) -> tuple[list[str], LayerInputs | None]:
        """Of these layers, those that the batches meet next, all with the same inputs; and these inputs.

        Returns:
            Names, and statistics; none and None if the part holds none of these layers.
        """
        group: list[str] = []
        found = LayerInputs(keep_rows)
        for at, batch in enumerate(self.batches):
            x = self._next_input(at, batch, group or names, group)
            if x is None:
                if group:
                    raise DataError(f"Calibration: {group[0]!r} was given no input by batch {at}, but by others.")
                return [], None
            found.add(input_rows(self.layers[group[0]], x))
        found.finish()
        return group, found

    def _next_input(self, at: int, batch: Any, names: Collection[str], group: list[str]) -> Tensor | None:
        """What the first of some layers is given; the first batch also says which layers are given the same."""
        first: list[Tensor] = []

        def met(name: str) -> Any:
            def note(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
                if first and arguments[0] is not first[0]:
                    raise Reached
                first.append(arguments[0])
                if not at and name not in group:
                    group.append(name)
                if at:
                    raise Reached

            return note

        handles = [self.layers[name].register_forward_pre_hook(met(name)) for name in names]
        try:
            with self._replayed(at):
                run_until_reached(self.model, batch)
        finally:
            for handle in handles:
                handle.remove()
        return first[0] if first else None

    def _pass_block(self) -> None:
        """Let all batches pass the block, and keep what it gives."""
        block = self.blocks[self.part]
        for at, batch in enumerate(self.batches):

            def keep(_: nn.Module, __: Any, output: Any, at: int = at) -> None:
                self.outputs[at] = output
                raise Reached

            handle = block.register_forward_hook(keep)
            try:
                with self._replayed(at):
                    run_until_reached(self.model, batch)
            finally:
                handle.remove()

    @contextmanager
    def _replayed(self, at: int) -> Iterator[None]:
        """Blocks that were passed give what was kept of a batch; those to come end the pass."""

        def passed(*_: Any, **__: Any) -> Any:
            return tree_map_only(Tensor, torch.clone, self.outputs[at])  # a copy: what follows may work in place

        def to_come(*_: Any, **__: Any) -> Any:
            raise Reached

        chosen: list[Forward] = []
        for index, block in enumerate(self.blocks):
            if index == self.part:
                chosen.append(block.forward)
            else:
                chosen.append(passed if index < self.part else to_come)
        with forwards(self.blocks, chosen):
            yield

    def _outside(self, names: Sequence[str]) -> list[str]:
        """Modules that are in none of the blocks."""
        inside = {inner for name in names for inner in within(self.model, name)}
        return [name for name, _ in self.model.named_modules() if name not in inside]

    def _load(self, names: Collection[str]) -> None:
        if self.store is not None:
            self.store.load(names)

    def _drop(self, names: Collection[str]) -> None:
        if self.store is not None:
            self.store.drop(names)
            give_back()


def capture(model: nn.Module, name: str, batches: Sequence[Any]) -> Tensor:
    """All inputs (n, i) that a layer gets when it is first met; the rest of the model is not computed.

    Raises:
        DataError: the layer gets none.
    """
    layer = cast(Layer, model.get_submodule(name))
    rows: list[Tensor] = []

    def keep(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        rows.append(input_rows(layer, arguments[0]))
        raise Reached

    handle = layer.register_forward_pre_hook(keep)
    try:
        for batch in batches:
            run_until_reached(model, batch)
    finally:
        handle.remove()
    if not rows:
        raise DataError(f"Calibration: {name!r} was given no input.")
    return torch.cat(rows)
