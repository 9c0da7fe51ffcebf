"""Keys and values of a text read so far, so that reading on does not start again.

Shape letters: b batch, t new position, s position so far, h head, d head width.
"""

import torch
from torch import Tensor

from ..errors import ShapeError
from .config import TransformerConfig


class Cache:
    """Keys and values of the positions already read, one preallocated pair per layer and loop.

    Args:
        config: of the model that will fill it.
        batch: rows.
        length: most positions that will be held; None for the model's context.
        dtype, device: of the model.
    """

    def __init__(
        self,
        config: TransformerConfig,
        batch: int,
        length: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (batch, config.heads, length or config.context, config.head_width)
        self.k_bhsd = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers * config.loops)]
        self.v_bhsd = [torch.zeros_like(k_bhsd) for k_bhsd in self.k_bhsd]
        self.length = 0
        self.index: Tensor | None = None  # of every key so far, (s,) or (b, s)

    def indices(self, index: Tensor) -> Tensor:
        """Take up the indices of new positions; those of all positions."""
        self.index = index if self.index is None else torch.cat([self.index, index], -1)
        return self.index

    def append(self, layer: int, k_bhtd: Tensor, v_bhtd: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values of one layer (of one loop) and return all of it so far."""
        end = self.length + k_bhtd.shape[2]
        room = self.k_bhsd[layer].shape[2]
        if end > room:
            raise ShapeError(f"cache: {end} positions do not fit into {room}; make a longer Cache.")
        self.k_bhsd[layer][:, :, self.length : end] = k_bhtd
        self.v_bhsd[layer][:, :, self.length : end] = v_bhtd
        return self.k_bhsd[layer][:, :, :end], self.v_bhsd[layer][:, :, :end]

    def keep_rows(self, rows: Tensor) -> None:
        """Forget every row of the batch but these, in this order."""
        self.k_bhsd = [k.index_select(0, rows) for k in self.k_bhsd]
        self.v_bhsd = [v.index_select(0, rows) for v in self.v_bhsd]
        if self.index is not None and self.index.dim() == 2:
            self.index = self.index.index_select(0, rows)
