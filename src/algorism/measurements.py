"""Measured numbers: each with its interval, sample size, seeds, and where and when it was measured."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from algorism.errors import UsageError


class Missing(KeyError):
    """A predicate asked for a measurement that this run does not hold."""


@dataclass(frozen=True)
class Measurement:
    """One measured number with its interval and where it comes from.

    Args:
        name: how claims refer to it, e.g. "reverse@5000"; unique within a run.
        value, low, high: the number and its 95 % interval, in `unit`; low ≤ value ≤ high.
        n: sample size behind the interval (test problems, trials); at least 1.
        unit: "accuracy" (0 to 1), "seconds", "examples", ...
        seeds: number of independent seeds behind it.
        details: anything JSON-able worth keeping, e.g. the value of each seed.
        scale, device, date, version: filled in by the runner; date is UTC in ISO 8601.

    Raises:
        UsageError: for a number that is not finite, or an interval that does not hold its value.

    >>> Measurement("plain@5000", 0.81, 0.79, 0.83, n=1000, seeds=5).text()
    '0.81 [0.79, 0.83]'
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = "accuracy"
    seeds: int = 1
    details: dict[str, Any] = field(default_factory=dict)
    scale: str = ""
    device: str = ""
    date: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        for part in ("value", "low", "high"):
            number = float(getattr(self, part))  # NumPy scalars become Python's, which JSON and SQLite know
            if not math.isfinite(number):
                raise UsageError(f"Measurement {self.name!r}: {part} is {number}; only finite numbers can be recorded.")
            object.__setattr__(self, part, number)
        for part in ("n", "seeds"):
            count = getattr(self, part)
            if isinstance(count, (tuple, list, range)) or int(count) != count or count < 1:
                raise UsageError(f"Measurement {self.name!r}: {part} must be a whole number ≥ 1, got {count!r}.")
            object.__setattr__(self, part, int(count))
        # Interval formulas may end 1e-16 beside the value they belong to (Wilson at 100 %).
        slack = 1e-9 * max(1.0, abs(self.value))
        if not self.low - slack <= self.value <= self.high + slack:
            interval = f"[{self.low}, {self.high}]"
            raise UsageError(f"Measurement {self.name!r}: value {self.value} is outside its interval {interval}.")

    @classmethod
    def exact(cls, name: str, value: float, *, unit: str, n: int = 1, **details: Any) -> "Measurement":
        """A number without uncertainty: a count, a size, the outcome of an exhaustive check.

        >>> Measurement.exact("parameters", 10_600_000, unit="parameters").text()
        '10600000'
        """
        return cls(name, value, value, value, n=n, unit=unit, details=details)

    @classmethod
    def of(cls, name: str, interval: Any, **more: Any) -> "Measurement":
        """From anything that has `value`, `low`, `high` and `n`, such as an interval of `evaluation.statistics`."""
        return cls(name, interval.value, interval.low, interval.high, interval.n, **more)

    def text(self) -> str:
        """The number as people write it, shortened, with the interval where there is one."""
        interval = "" if self.low == self.high else f" [{short(self.low)}, {short(self.high)}]"
        return short(self.value) + interval


def short(number: float) -> str:
    """Whole numbers in full, shares with four decimals, other numbers with four significant digits.

    >>> short(0.99834), short(1200.0), short(0.5), short(0.001767), short(33.1234)
    ('0.9983', '1200', '0.5', '0.0018', '33.12')
    """
    if 0.001 <= abs(number) < 0.9999:
        return f"{number:.4f}".rstrip("0")
    return str(int(number)) if number == int(number) else f"{number:.4g}"


class Measurements(Mapping[str, Measurement]):
    """The measurements of one run by name. Asking for one that is not there raises `Missing`."""

    def __init__(self, items: Iterable[Measurement] = ()) -> None:
        self._items: dict[str, Measurement] = {}
        for item in items:
            if item.name in self._items:
                raise UsageError(f"Measurement {item.name!r} was yielded twice; names must be unique within a run.")
            self._items[item.name] = item

    def __getitem__(self, name: str) -> Measurement:
        if name not in self._items:
            raise Missing(name)
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def stamped(self, *, scale: str, device: str, date: str, version: str) -> "Measurements":
        """The same numbers with the provenance of their run; a device that the study itself named stays."""
        return Measurements(
            replace(m, scale=scale, device=m.device or device, date=date, version=version) for m in self.values()
        )
