"""A number that came from data, with how it came about."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """One input of the formula.

    Attributes:
        value: what is put in.
        low, high: 95 % interval where there is one; else the value itself.
        how: how it was found, in words for a newcomer.
    """

    value: float
    low: float
    high: float
    how: str

    @classmethod
    def exact(cls, value: float, how: str) -> "Estimate":
        """A count, or something that was chosen."""
        return cls(value, value, value, how)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)
