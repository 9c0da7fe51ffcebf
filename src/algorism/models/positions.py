"""Position schemes: what is added to embeddings, rotated into queries and keys, or added to attention logits.

A scheme is one class with up to four hooks; `@position_scheme(name, summary)` makes its name a value of
`TransformerConfig.positions`. Names joined by `+` act together (`learned+penalty`); digits behind a name are its
argument (`clip2`). The transformer calls the hooks and knows no scheme by name.

What a scheme is told of a token is its index, a whole number. By default that is its place in the text; whoever feeds
the model may give others (a digit's place value, a random start), and no scheme can tell.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, l layer.
"""

import math
import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShapeError, UsageError
from .config import POSITIONS, TransformerConfig, scheme_parts


class PositionScheme(nn.Module):
    """How a model knows where a token stands; the base class adds nothing anywhere.

    A subclass overrides the hooks it needs. Its parameters, if it has any, train with the model and start from what
    `reset` gives them.

    Args:
        config: of the model; a subclass may refuse sizes that it cannot serve (ShapeError).
        argument: the number behind the scheme's name; None for none.

    Attributes:
        longest: most indices it can tell, counted from 0; None for no limit.
    """

    longest: int | None = None

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__()
        self.config, self.argument = config, argument

    def embed(self, index: Tensor) -> Tensor | None:
        """Vectors added to the token embeddings, (t, m) or (b, t, m), for indices (t,) or (b, t); None for none."""
        return None

    def angles(self, index: Tensor) -> Tensor | None:
        """Angles by which queries and keys are rotated, (t, d/2) or (b, t, d/2); None for none."""
        return None

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor | None:
        """What is added to a layer's attention logits, (h, t, s) or (b, h, t, s); None for none.

        Args:
            layer: counted from 0.
            query: indices of the queries, (t,) or (b, t).
            key: indices of the keys, (s,) or (b, s).
        """
        return None

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Set the first weights: matrices from N(0, std), all others 0."""
        for parameter in self.parameters(recurse=False):
            parameter.normal_(0.0, std, generator=generator) if parameter.dim() == 2 else parameter.fill_(0.0)


SCHEMES: dict[str, type[PositionScheme]] = {}


def position_scheme(name: str, summary: str = "") -> Callable[[type[PositionScheme]], type[PositionScheme]]:
    """Register a scheme class as a value of `TransformerConfig.positions`.

    Args:
        name: the value; letters and hyphens.
        summary: one line for people; by default the first line of the class's docstring.

    Raises:
        UsageError: another class has that name, or the name could not be told from an argument or a sum.
    """
    if not re.fullmatch(r"[a-z][a-z-]*", name):
        raise UsageError(f"position_scheme: expected small letters and hyphens, got {name!r}.")

    def register(cls: type[PositionScheme]) -> type[PositionScheme]:
        if name in SCHEMES:
            raise UsageError(f"position_scheme: {name!r} is taken by {SCHEMES[name].__name__}; choose another name.")
        SCHEMES[name] = cls
        POSITIONS.setdefault(name, summary or (cls.__doc__ or name).strip().splitlines()[0])
        return cls

    return register


def make_scheme(config: TransformerConfig) -> PositionScheme:
    """Make the scheme a config names, or all of them joined.

    >>> make_scheme(TransformerConfig(vocab=9, context=8, positions="clip2+penalty")).longest is None
    True
    """
    made = [SCHEMES[name](config, argument) for name, argument in scheme_parts(config.positions)]
    return made[0] if len(made) == 1 else Together(config, made)


class Together(PositionScheme):
    """Several schemes at once: what they add is added up; only one of them may rotate."""

    def __init__(self, config: TransformerConfig, parts: list[PositionScheme]) -> None:
        super().__init__(config)
        self.parts = nn.ModuleList(parts)
        limits = [part.longest for part in parts if part.longest is not None]
        self.longest = min(limits) if limits else None
        if sum(type(part).angles is not PositionScheme.angles for part in parts) > 1:
            raise UsageError(f"model.positions: two schemes of {config.positions!r} rotate; give only one of them.")

    def embed(self, index: Tensor) -> Tensor | None:
        """Sum of the parts'."""
        return added_up([part.embed(index) for part in self.parts])  # type: ignore[operator]

    def angles(self, index: Tensor) -> Tensor | None:
        """Of the part that rotates."""
        return added_up([part.angles(index) for part in self.parts])  # type: ignore[operator]

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor | None:
        """Sum of the parts'."""
        return added_up([part.bias(layer, query, key) for part in self.parts])  # type: ignore[operator]

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Each its own way."""
        for part in self.parts:
            part.reset(generator, std)  # type: ignore[operator]


def added_up(tensors: list[Tensor | None]) -> Tensor | None:
    """Sum of those that are there; None if none is."""
    total = None
    for tensor in tensors:
        if tensor is not None:
            total = tensor if total is None else total + tensor
    return total


def differences(query: Tensor, key: Tensor) -> Tensor:
    """Index of the key minus index of the query: (t, s) or (b, t, s)."""
    return key[..., None, :] - query[..., :, None]


@position_scheme("none")
class NoPositions(PositionScheme):
    """No position information but the causal mask."""


@position_scheme("learned")
class Learned(PositionScheme):
    """A table of vectors, one for each position of the context."""

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.weight = nn.Parameter(torch.zeros(config.context, config.width))
        self.longest = config.context

    def embed(self, index: Tensor) -> Tensor:
        """Look the indices up; the model has already refused those beyond `longest`."""
        return F.embedding(index, self.weight)


@position_scheme("sinusoidal")
class Sinusoidal(PositionScheme):
    """Fixed sines and cosines added to the embeddings."""

    def embed(self, index: Tensor) -> Tensor:
        """See `sinusoids`."""
        return sinusoids(index, self.config.width)


@position_scheme("rope")
class Rotary(PositionScheme):
    """Rotation of queries and keys."""

    def angles(self, index: Tensor) -> Tensor:
        """See `rotary_angles`."""
        return rotary_angles(index, self.config.head_width, self.config.rope_base)


@position_scheme("alibi")
class Alibi(PositionScheme):
    """A penalty linear in distance on attention logits."""

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Give −slope · |distance|, the slopes fixed."""
        slopes_h = alibi_slopes_h(self.config.heads).to(query.device)
        return -slopes_h[:, None, None] * differences(query, key).abs().float().unsqueeze(-3)


@position_scheme("penalty")
class Penalty(PositionScheme):
    """A penalty linear in distance on attention logits, its slope learned for each layer and head.

    It keeps the attention that all far tokens get together below a bound, whatever their number.
    """

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.slope = nn.Parameter(torch.zeros(config.layers, config.heads, 1, 1))

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Give −softplus(ρ) · |distance|."""
        return -F.softplus(self.slope[layer]) * differences(query, key).abs().float().unsqueeze(-3)

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Start from slope 1."""
        self.slope.fill_(math.log(math.e - 1))


@position_scheme("clip")
class Clip(PositionScheme):
    """A learned number for each layer, head and distance, distances beyond W (`clip2`) taken as W."""

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.reach = 2 if argument is None else argument
        self.weight = nn.Parameter(torch.zeros(config.layers, config.heads, 2 * self.reach + 1))

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Look the clipped distances up."""
        place = differences(query, key).clamp(-self.reach, self.reach) + self.reach
        return self.weight[layer].t()[place].movedim(-1, -3)


@position_scheme("window")
class Window(PositionScheme):
    """Only keys at most W indices away are seen (`window1`)."""

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Give −∞ beyond the window."""
        reach = 1 if self.argument is None else self.argument
        far = differences(query, key).abs() > reach
        return torch.zeros(far.shape, device=far.device).masked_fill_(far, -math.inf).unsqueeze(-3)


@position_scheme("fire")
class Fire(PositionScheme):
    """A small network of the distance relative to the query's index, FIRE (arXiv 2310.04418).

    The bias is f(ψ(i − j) / ψ(max(L, i))) with ψ(x) = log(c·x + 1), f a two-layer network shared by all layers with
    one output for each head, c and L learned.
    """

    HIDDEN = 32

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.first = nn.Parameter(torch.zeros(1, self.HIDDEN))
        self.first_bias = nn.Parameter(torch.zeros(self.HIDDEN))
        self.second = nn.Parameter(torch.zeros(self.HIDDEN, config.heads))
        self.c = nn.Parameter(torch.zeros(()))
        self.threshold = nn.Parameter(torch.zeros(()))

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Give f of the normalised distance; keys after the query get that of distance 0."""
        c = self.c.abs() + 1e-6
        distance = (-differences(query, key)).clamp(min=0).to(c.dtype)
        longest = torch.maximum(query.to(c.dtype), self.threshold.abs())[..., None]
        x = torch.log(c * distance + 1) / torch.log(c * longest + 1).clamp(min=1e-6)
        return ((x[..., None] @ self.first + self.first_bias).relu() @ self.second).movedim(-1, -3)

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Start c from 0.1 and L from 64, f from N(0, 1/√inputs)."""
        self.first.normal_(0.0, 1.0, generator=generator)
        self.second.normal_(0.0, self.HIDDEN**-0.5, generator=generator)
        self.first_bias.fill_(0.0)
        self.c.fill_(0.1)
        self.threshold.fill_(64.0)


@position_scheme("tags")
class Tags(PositionScheme):
    """A fixed random vector for each index: with random indices, tokens can be told apart but not put in order."""

    SIZE = 1 << 14

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        table = torch.randn(self.SIZE, config.width, generator=torch.Generator().manual_seed(0))
        self.register_buffer("table", table * config.width**-0.5, persistent=False)
        self.longest = self.SIZE

    def embed(self, index: Tensor) -> Tensor:
        """Look the indices up."""
        return F.embedding(index, self.table)  # type: ignore[arg-type]


def check_index(scheme: PositionScheme, start: int, t: int, index: Tensor | None) -> None:
    """Refuse a text that reaches beyond what the scheme can tell apart.

    Raises:
        ShapeError: says how far it reaches and what to do.
    """
    if scheme.longest is None:
        return
    end = start + t if index is None else int(index.max()) + 1
    if end > scheme.longest:
        raise ShapeError(
            f"A sequence of {end} tokens does not fit a model with context {scheme.longest}. "
            f"Shorten it, or train with model.context: {end}."
        )


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
