"""Random whole numbers for one item, from the item's name alone.

Leaving items out, or drawing them in another order or process, changes no other item.
"""

from hashlib import shake_128

_BYTES = 168  # one block of the hash
_SPARE = 1 << 64  # what is left of a block's range is given up below this: every draw's bias is under 2^-64


class Draws:
    """A stream of random whole numbers: the digits of long numbers in mixed radix.

    Args:
        name: of the item; the same name gives the same numbers.

    >>> draws, again = Draws("add/integer/3/0"), Draws("add/integer/3/0")
    >>> [draws.below(10) for _ in range(5)] == [again.below(10) for _ in range(5)]
    True
    """

    __slots__ = ("block", "name", "room", "state")

    def __init__(self, name: str) -> None:
        self.name, self.block, self.room, self.state = name, 0, 0, 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound − 1, each equally likely."""
        if self.room < bound * _SPARE:
            size = max(_BYTES, bound.bit_length() // 8 + 16)
            self.state = int.from_bytes(shake_128(f"{self.name}\0{self.block}".encode()).digest(size), "big")
            self.room, self.block = 1 << (8 * size), self.block + 1
        self.room //= bound
        self.state, drawn = divmod(self.state, bound)
        return drawn

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)
