"""Networks whose inductive bias is asked for. Any other module works too: see `NetworkSpace`.

Shape letters: b batch, d input, h height, w width, k channel.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from algorism.errors import ShapeError, UsageError


@dataclass(frozen=True)
class MLP:
    """Fully connected ReLU network: input → width, then `depth` further width → width layers, then the output.

    Args:
        width: units of every hidden layer.
        depth: hidden layers after the first, as the paper counts.

    >>> MLP(width=8, depth=1)((4,), 2)
    Sequential(
      (0): Flatten(start_dim=1, end_dim=-1)
      (1): Linear(in_features=4, out_features=8, bias=True)
      (2): ReLU()
      (3): Linear(in_features=8, out_features=8, bias=True)
      (4): ReLU()
      (5): Linear(in_features=8, out_features=2, bias=True)
    )
    """

    width: int = 32
    depth: int = 1

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 0:
            raise UsageError(f"MLP: expected width >= 1 and depth >= 0, got {self}.")

    def __call__(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """A network for inputs of this shape per point, with PyTorch's default initialisation."""
        sizes = [math.prod(shape), *[self.width] * (self.depth + 1)]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.width, outputs))


class _ChannelsFirst(nn.Module):
    """(b, h, w) and (b, h, w, k) become (b, k, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class CNN:
    """Blocks of 3 × 3 convolution, ReLU and 2 × 2 pooling, then a hidden layer and the output.

    Args:
        channels: of the first block; doubled in each further one.
        blocks: how many; each halves height and width.
        pool: "max" or "average".
        hidden: units of the ReLU layer behind the blocks; 0 for none.
    """

    channels: int = 8
    blocks: int = 2
    pool: str = "average"
    hidden: int = 64

    def __post_init__(self) -> None:
        if self.channels < 1 or self.blocks < 1 or self.hidden < 0 or self.pool not in ("max", "average"):
            raise UsageError(
                f"CNN: expected channels and blocks >= 1, hidden >= 0 and pool 'max' or 'average', got {self}."
            )

    def __call__(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """A network for images (h, w) or (h, w, k), with PyTorch's default initialisation.

        Raises:
            ShapeError: inputs that are no images, or too small for the blocks.
        """
        if len(shape) not in (2, 3) or min(shape[:2]) < 2**self.blocks:
            raise ShapeError(
                f"CNN: inputs have shape {shape} per point; expected (height, width[, channels]), with "
                f"at least {2**self.blocks} pixels a side for {self.blocks} blocks. Use MLP for vectors."
            )
        layers: list[nn.Module] = [_ChannelsFirst()]
        before = shape[2] if len(shape) == 3 else 1
        height, width = shape[:2]
        for block in range(self.blocks):
            after = self.channels * 2**block
            pool = nn.MaxPool2d(2) if self.pool == "max" else nn.AvgPool2d(2)
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), pool]
            before, height, width = after, height // 2, width // 2
        layers.append(nn.Flatten())
        units = before * height * width
        if self.hidden:
            layers += [nn.Linear(units, self.hidden), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(self.hidden or units, outputs))
