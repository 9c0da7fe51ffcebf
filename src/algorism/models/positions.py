"""Position schemes: what is added to embeddings, rotated into queries and keys, or does something to attention logits.

A scheme is one class with up to four hooks (`schemes.PositionScheme`); `@position_scheme(name, summary)` makes its name
a value of `TransformerConfig.positions`. Names joined by `+` act together (`learned+penalty`); digits behind a name are
its argument (`clip2`). The transformer calls the hooks and knows no scheme by name.

What a scheme is told of a token is its index, a whole number. By default that is its place in the text; whoever feeds
the model may give others (a digit's place value, a random start), and no scheme can tell.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width, l layer.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError
from .config import TransformerConfig, scheme_parts
from .schemes import SCHEMES, PositionScheme, Together, check_index, position_scheme

__all__ = ["SCHEMES", "PositionScheme", "check_index", "make_scheme", "position_scheme"]


def differences(query: Tensor, key: Tensor) -> Tensor:
    """Index of the key minus index of the query: (t, s) or (b, t, s)."""
    return key[..., None, :] - query[..., :, None]


def make_scheme(config: TransformerConfig) -> PositionScheme:
    """Make the scheme a config names, or all of them joined.

    >>> make_scheme(TransformerConfig(vocab=9, context=8, positions="clip2+penalty")).longest is None
    True
    """
    made = [SCHEMES[name](config, argument) for name, argument in scheme_parts(config.positions)]
    return made[0] if len(made) == 1 else Together(config, made)


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

    It keeps the attention that all far tokens get together below a bound, whatever their number. Slopes start at 1;
    at 4 with `penalty4`, which trains longer and leaves less to far tokens.

    Raises:
        UsageError: slopes that would start at 0.
    """

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.start = 1 if argument is None else argument
        if self.start < 1:
            raise UsageError(
                "model.positions: the slopes of a penalty start at 1 or more, as in penalty4; got penalty0."
            )
        self.slope = nn.Parameter(torch.zeros(config.layers, config.heads, 1, 1))

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor:
        """Give −softplus(ρ) · |distance|."""
        return -F.softplus(self.slope[layer]) * differences(query, key).abs().float().unsqueeze(-3)

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Start every slope where the scheme's name says."""
        self.slope.fill_(math.log(math.expm1(self.start)))


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


@position_scheme("tempered")
class Tempered(PositionScheme):
    """Attention logits of a query that sees n keys times 1 + τ·ln n, τ learned for each layer and head.

    A softmax over n keys whose wanted logit leads by Δ keeps its weight with an inverse temperature of order ln(n)/Δ.
    Source: the tempered softmax of Task Hinting (arXiv 2310.00726) in the form of its authors' later code for Position
    Coupling (arXiv 2405.20671), which has one τ a layer and, as n, the length of the padded text (`tempered-total`).
    """

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        # One axis only: weight decay acts on tensors with more, and would pull the temperature back to that of n = 1.
        self.tau = nn.Parameter(torch.zeros(config.layers * config.heads))

    def scale(self, layer: int, seen: Tensor) -> Tensor:
        """Give 1 + τ·ln n, with n the keys that the query itself sees."""
        tau_h = self.tau.view(self.config.layers, self.config.heads)[layer]
        return 1 + tau_h[:, None, None] * seen.to(tau_h.dtype).log()[:, None]

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Start from N(0, 0.02)."""
        self.tau.normal_(0.0, 0.02, generator=generator)


@position_scheme("tempered-total")
class TemperedTotal(Tempered):
    """As `tempered`, but n is the length of the whole text, for every query.

    Not causal: what a token becomes depends on how much text comes after it, so that a continuation must be read anew
    with each token, and a text read at once (as in training) is not what is met in decoding. Here for comparison.
    """

    causal = False

    def scale(self, layer: int, seen: Tensor) -> Tensor:
        """Give 1 + τ·ln n, with n the keys that the last query sees."""
        return super().scale(layer, seen[-1:].expand_as(seen))


@position_scheme("logn")
class LogN(PositionScheme):
    """Attention logits of a query that sees n keys times max(1, ln n / ln N), N as in `logn20`, nothing learned.

    Without a number N is the model's context. Source: log-n scaling as released with Qwen (arXiv 2309.16609); logits
    times ln n stand in Chiang and Cholak (arXiv 2202.12172).
    """

    def __init__(self, config: TransformerConfig, argument: int | None = None) -> None:
        super().__init__(config, argument)
        self.start = max(2, config.context) if argument is None else argument
        if self.start < 2:
            raise UsageError(f"model.positions: logn divides by ln N and needs N of at least 2, got {argument}.")

    def scale(self, layer: int, seen: Tensor) -> Tensor:
        """Give max(1, ln n / ln N), the same for all heads."""
        return (seen.log() / math.log(self.start)).clamp(min=1.0)[None, :, None]


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
