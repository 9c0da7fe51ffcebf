"""Values in the residual stream: numbers in single channels, and their linear combinations."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Atom:
    """One channel of the residual stream, written once.

    Attributes:
        time: when it is there: 0 in the embedding, 2ℓ − 1 after the attention and 2ℓ after the MLP of block ℓ ≥ 1.
        at_bos: its number at the BOS position, which is the same for every input.
    """

    time: int
    at_bos: float


@dataclass(frozen=True)
class Form:
    """A linear combination of channels, and a constant. Linear layers compute it, so it costs no channel of its own."""

    terms: tuple[tuple[Atom, float], ...] = ()
    constant: float = 0.0

    @property
    def at_bos(self) -> float:
        """Its number at the BOS position."""
        return self.constant + sum(weight * atom.at_bos for atom, weight in self.terms)


def combine(parts: Iterable[tuple[float, Form]], constant: float = 0.0) -> Form:
    """Add up weighted forms.

    >>> atom = Atom(0, 0.0)
    >>> x = Form(((atom, 1.0),), 2.0)
    >>> combine([(3.0, x), (-1.0, x)], 1.0) == Form(((atom, 2.0),), 5.0)
    True
    """
    weights: dict[Atom, float] = {}
    for scale, form in parts:
        constant += scale * form.constant
        for atom, weight in form.terms:
            weights[atom] = weights.get(atom, 0.0) + scale * weight
    return Form(tuple((atom, weight) for atom, weight in weights.items() if weight), constant)


def after_mlp(time: int) -> int:
    """When an MLP can have used what is there at `time`; it reads what attention in its own block wrote.

    >>> [after_mlp(t) for t in (0, 1, 2, 3)]
    [2, 2, 4, 4]
    """
    return time + 2 - time % 2


def after_attention(time: int) -> int:
    """When attention can have used what is there at `time`.

    >>> [after_attention(t) for t in (0, 1, 2, 3)]
    [1, 3, 3, 5]
    """
    return time + 1 + time % 2


def block_of(time: int) -> int:
    """The block, from 0, that writes at `time` ≥ 1."""
    return (time + 1) // 2 - 1
