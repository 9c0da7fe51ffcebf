"""What a position scheme is: its hooks, the table of schemes by name, and several schemes acting as one.

The schemes themselves are in `positions`.

Shape letters: b batch, t query position, s key position, h head, d head width, m model width.
"""

import functools
import re
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import ShapeError, UsageError
from .config import POSITIONS, TransformerConfig


class PositionScheme(nn.Module):
    """How a model knows where a token stands; the base class adds nothing anywhere.

    A subclass overrides the hooks it needs. Its parameters, if it has any, train with the model and start from what
    `reset` gives them.

    Args:
        config: of the model; a subclass may refuse sizes that it cannot serve (ShapeError).
        argument: the number behind the scheme's name; None for none.

    Attributes:
        longest: most indices it can tell, counted from 0; None for no limit.
        causal: whether what a token becomes is settled once it is read; if not, there is no reading with a cache.
    """

    longest: int | None = None
    causal: bool = True

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

    def scale(self, layer: int, seen: Tensor) -> Tensor | None:
        """What a layer's queries, and so their attention logits before any bias, are multiplied by.

        Args:
            layer: counted from 0.
            seen: how many keys each query sees, (t,): its place in the text + 1, whatever its index.

        Returns:
            (1 or h, t, 1), or None for nothing.
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


class Together(PositionScheme):
    """Several schemes at once: what they add is added up, scales are multiplied; only one of them may rotate."""

    def __init__(self, config: TransformerConfig, parts: list[PositionScheme]) -> None:
        super().__init__(config)
        self.parts = nn.ModuleList(parts)
        limits = [part.longest for part in parts if part.longest is not None]
        self.longest = min(limits) if limits else None
        self.causal = all(part.causal for part in parts)
        if sum(type(part).angles is not PositionScheme.angles for part in parts) > 1:
            raise UsageError(f"model.positions: two schemes of {config.positions!r} rotate; give only one of them.")

    def embed(self, index: Tensor) -> Tensor | None:
        """Sum of the parts'."""
        return joined([part.embed(index) for part in self.parts])  # type: ignore[operator]

    def angles(self, index: Tensor) -> Tensor | None:
        """Of the part that rotates."""
        return joined([part.angles(index) for part in self.parts])  # type: ignore[operator]

    def bias(self, layer: int, query: Tensor, key: Tensor) -> Tensor | None:
        """Sum of the parts'."""
        return joined([part.bias(layer, query, key) for part in self.parts])  # type: ignore[operator]

    def scale(self, layer: int, seen: Tensor) -> Tensor | None:
        """Product of the parts'."""
        return joined([part.scale(layer, seen) for part in self.parts], torch.mul)  # type: ignore[operator]

    def reset(self, generator: torch.Generator, std: float) -> None:
        """Each its own way."""
        for part in self.parts:
            part.reset(generator, std)  # type: ignore[operator]


def joined(tensors: list[Tensor | None], join: Callable[[Tensor, Tensor], Tensor] = torch.add) -> Tensor | None:
    """Sum (or what `join` makes) of those that are there; None if none is."""
    there = [tensor for tensor in tensors if tensor is not None]
    return functools.reduce(join, there) if there else None


def check_causal(scheme: PositionScheme) -> None:
    """Refuse a cache for a scheme with which earlier tokens change when more are read.

    Raises:
        UsageError: says what to do.
    """
    if not scheme.causal:
        raise UsageError(
            f"A cache cannot be used with positions {scheme.config.positions!r}: what earlier tokens become depends on "
            "the length of the whole text. Read the whole text at each step, or use 'tempered' for 'tempered-total'."
        )


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
