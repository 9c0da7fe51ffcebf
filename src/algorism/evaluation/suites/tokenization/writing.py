"""How numbers and sums are written: groups of digits counted from either end, with what stands between them.

From arXiv 2402.14903 and its code. "l2r" counts groups from the left, as a tokenizer does that takes three digits
whenever it can; "r2l" from the right, as commas do.
"""

from dataclasses import dataclass
from typing import Literal

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import BOUNDARY

Direction = Literal["l2r", "r2l"]
SEPARATORS = {"comma": ",", "space": " ", "dec": ".", "hashtag": "#", "dollar": "$", "forced": BOUNDARY}


def groups(digits: str, direction: Direction, size: int = 3) -> list[str]:
    """Cut digits into groups; only the last one (l2r) or the first one (r2l) may be short.

    >>> groups("8302080", "l2r"), groups("8302080", "r2l")
    (['830', '208', '0'], ['8', '302', '080'])
    """
    if direction == "l2r":
        return [digits[at : at + size] for at in range(0, len(digits), size)]
    first = len(digits) % size
    return [digits[:first]] * bool(first) + [digits[at : at + size] for at in range(first, len(digits), size)]


@dataclass(frozen=True)
class Form:
    """A way of writing numbers; made by `form`.

    Args:
        name: "nosep", or SEPARATOR_DIRECTION such as "comma_r2l". "forced_l2r" and "forced_r2l" look like "nosep", but
            no token may reach over the end of a group; only models asked in this process can do that.
        direction: of the groups. Without separators, that in which tokenizers of three digits cut.
        separator: between groups.
        size: digits per group.
    """

    name: str
    direction: Direction
    separator: str
    size: int = 3

    def write(self, number: int) -> str:
        """Write a number.

        >>> form("comma_r2l").write(8302080), form("nosep").write(8302080), form("dec_l2r").write(8302080)
        ('8,302,080', '8302080', '830.208.0')
        """
        return self.separator.join(groups(str(number), self.direction, self.size)) if self.separator else str(number)

    def sum(self, first: int, second: int, spaces: int = 0) -> str:
        """Write the question.

        >>> form("nosep").sum(12, 7, spaces=1)
        '12 + 7 ='
        """
        gap = " " * spaces
        return f"{self.write(first)}{gap}+{gap}{self.write(second)}{gap}="


FORMS = ("nosep", *(f"{name}_{direction}" for name in SEPARATORS for direction in ("l2r", "r2l")))


def form(name: str, size: int = 3) -> Form:
    """The form of this name.

    Raises:
        UsageError: an unknown name, or a size below 1.
    """
    if name not in FORMS:
        raise UsageError(f"There is no way of writing {name!r}. {nearest(name, FORMS)}")
    if size < 1:
        raise UsageError(f"Groups have at least one digit, got size {size}.")
    separator, _, direction = name.partition("_")
    if name == "nosep":
        return Form(name, "l2r", "", size)
    return Form(name, "r2l" if direction == "r2l" else "l2r", SEPARATORS[separator], size)
