"""Position schemes: what is added to embeddings, rotated into queries and keys, or added to attention logits.

A scheme is one class with up to three hooks; `@position_scheme(name, summary)` makes its name a value of
`TransformerConfig.positions`. The transformer calls the hooks and knows no scheme by name.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError
from .config import POSITIONS, TransformerConfig


class PositionScheme(nn.Module):
    """How a model knows where a token stands; the base class adds nothing anywhere.

    A subclass overrides the hooks it needs. Its parameters, if it has any, train with the model: matrices start from
    N(0, 0.02), the rest from 0.

    Args:
        config: of the model; a subclass may refuse sizes that it cannot serve (ShapeError).

    Attributes:
        longest: most positions it can tell; None for no limit.
    """

    longest: int | None = None

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config

    def embed(self, positions: Tensor) -> Tensor | None:
        """Vectors added to the token embeddings, (t, m) or (b, t, m), for positions (t,) or (b, t); None for none."""
        return None

    def angles(self, positions: Tensor) -> Tensor | None:
        """Angles by which queries and keys are rotated, (t, d/2) or (b, t, d/2); None for none."""
        return None

    def bias(self, t: int, s: int, device: torch.device) -> Tensor | None:
        """What is added to the attention logits of the last t of s positions, (h, t, s); None for none."""
        return None


SCHEMES: dict[str, type[PositionScheme]] = {}


def position_scheme(name: str, summary: str = "") -> Callable[[type[PositionScheme]], type[PositionScheme]]:
    """Register a scheme class as a value of `TransformerConfig.positions`.

    Args:
        name: the value.
        summary: one line for people; by default the first line of the class's docstring.

    Raises:
        UsageError: another class has that name.
    """

    def register(cls: type[PositionScheme]) -> type[PositionScheme]:
        if name in SCHEMES:
            raise UsageError(f"position_scheme: {name!r} is taken by {SCHEMES[name].__name__}; choose another name.")
        SCHEMES[name] = cls
        POSITIONS.setdefault(name, summary or (cls.__doc__ or name).strip().splitlines()[0])
        return cls

    return register


@position_scheme("none")
class NoPositions(PositionScheme):
    """No position information but the causal mask."""


@position_scheme("learned")
class Learned(PositionScheme):
    """A table of vectors, one for each position of the context."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.weight = nn.Parameter(torch.zeros(config.context, config.width))
        self.longest = config.context

    def embed(self, positions: Tensor) -> Tensor:
        """Look the positions up; the model has already refused sequences beyond `longest`."""
        return F.embedding(positions, self.weight)


@position_scheme("sinusoidal")
class Sinusoidal(PositionScheme):
    """Fixed sines and cosines added to the embeddings."""

    def embed(self, positions: Tensor) -> Tensor:
        """See `sinusoids`."""
        return sinusoids(positions, self.config.width)


@position_scheme("rope")
class Rotary(PositionScheme):
    """Rotation of queries and keys."""

    def angles(self, positions: Tensor) -> Tensor:
        """See `rotary_angles`."""
        return rotary_angles(positions, self.config.head_width, self.config.rope_base)


@position_scheme("alibi")
class Alibi(PositionScheme):
    """A penalty linear in distance on attention logits."""

    def bias(self, t: int, s: int, device: torch.device) -> Tensor:
        """See `alibi_bias_hts`."""
        return alibi_bias_hts(self.config.heads, t, s, device)


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Sines (even channels) and cosines (odd channels) of the positions, (..., width).

    Source: Attention Is All You Need, section 3.5: sin(p / 10000^(2i/width)), and the cosine of the same.

    >>> sinusoids(torch.tensor([0]), 4).tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """
    frequency = 10_000.0 ** (-torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width)
    angle = positions[..., None].float() * frequency
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


def rotary_angles(positions: Tensor, head_width: int, base: float) -> Tensor:
    """Rotation angles of RoPE, (..., t, d/2): p · base^(−2i/d)."""
    frequency = base ** (-torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width)
    return positions[..., None].float() * frequency


def rotate(x_bhtd: Tensor, angles: Tensor) -> Tensor:
    """Rotate channel i together with channel i + d/2 by the angle of its position (Llama's pairing).

    Args:
        x_bhtd: queries or keys.
        angles: (t, d/2), or (b, t, d/2).
    """
    if angles.dim() == 3:
        angles = angles[:, None]
    cos, sin = angles.cos().to(x_bhtd.dtype), angles.sin().to(x_bhtd.dtype)
    first, second = x_bhtd.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def alibi_slopes_h(heads: int) -> Tensor:
    """One slope per head, the geometric series 2^(−8/h), 2^(−16/h) and so on.

    For a number of heads that is no power of two: the slopes of the next lower power, then every second slope of
    the double, as its authors released it.

    >>> alibi_slopes_h(8)[:3].tolist()
    [0.5, 0.25, 0.125]
    """
    power = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8.0 * (i + 1) / power) for i in range(power)]
    slopes += [2.0 ** (-8.0 * (2 * i + 1) / (2 * power)) for i in range(heads - power)]
    return torch.tensor(slopes)


def alibi_bias_hts(heads: int, t: int, s: int, device: torch.device) -> Tensor:
    """Give −slope · distance for every head, query and key; the last query stands at the last key."""
    query = torch.arange(s - t, s, device=device)
    key = torch.arange(s, device=device)
    distance_ts = (query[:, None] - key[None, :]).abs().float()
    return -alibi_slopes_h(heads).to(device)[:, None, None] * distance_ts
