"""What a paper claims, what a run measured, and the verdict that follows from the two.

A verdict is computed, never typed: a claim carries predicates over measured intervals, written before the run.
This file knows nothing of models or training, and imports nothing heavy.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeVar

from algorism.errors import UsageError

Verdict = Literal["reproduced", "partly", "not reproduced", "not measured"]


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

    def text(self) -> str:
        """The number as people write it: four significant digits, with the interval where there is one."""
        interval = "" if self.low == self.high else f" [{short(self.low)}, {short(self.high)}]"
        return short(self.value) + interval


def short(number: float) -> str:
    """Four significant digits, whole numbers in full.

    >>> short(0.99834), short(1200.0), short(0.5)
    ('0.9983', '1200', '0.5')
    """
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


Predicate = Callable[[Measurements], Any]  # returns a truth value, or "partly"


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons: what each named part said, and which measurements were missing."""

    verdict: Verdict
    parts: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One checkable sentence of a paper.

    Args:
        id: short name, unique within the study.
        text: the sentence.
        source: where it stands in the paper ("table 3", "sample-efficiency figure").
        paper: the paper's values by measurement name, or a sentence where it gives no number.
        holds: one predicate over the measurements; returns True, False or "partly". Compare intervals, not values.
        parts: several named predicates instead: all hold → reproduced, some → partly, none → not reproduced.
        value: name of the headline measurement; by default the first name in `paper`.

    Raises:
        UsageError: if neither or both of `holds` and `parts` are given.

    >>> claim = Claim("faster", "A beats B.", "table 1", {"a": 0.9, "b": 0.5}, holds=lambda m: m["a"].low > m["b"].high)
    >>> a, b = Measurement("a", 0.9, 0.85, 0.95, n=100), Measurement("b", 0.5, 0.4, 0.6, n=100)
    >>> claim.judge(Measurements([a, b])).verdict, claim.judge(Measurements([a])).verdict
    ('reproduced', 'not measured')
    """

    id: str
    text: str
    source: str
    paper: Mapping[str, float] | str
    holds: Predicate | None = None
    parts: Mapping[str, Predicate] = field(default_factory=dict)
    value: str = ""

    def __post_init__(self) -> None:
        if (self.holds is None) == (not self.parts):
            raise UsageError(f"Claim {self.id!r} needs either holds= or parts=, not both and not none.")
        if not self.value and isinstance(self.paper, Mapping):
            object.__setattr__(self, "value", next(iter(self.paper), ""))

    def judge(self, measured: Measurements) -> Judgement:
        """Compute the verdict. One missing measurement makes the whole claim "not measured"."""
        said: dict[str, str] = {}
        missing: list[str] = []
        predicates = {"holds": self.holds} if self.holds else self.parts
        for name, predicate in predicates.items():
            try:
                said[name] = _outcome(predicate(measured), f"claim {self.id!r}, part {name!r}")
            except Missing as gap:
                said[name] = "not measured"
                missing.append(str(gap.args[0]))
        if missing:
            return Judgement("not measured", said, tuple(missing))
        outcomes = set(said.values())
        pure: dict[str, Verdict] = {"holds": "reproduced", "fails": "not reproduced"}
        return Judgement(pure[outcomes.pop()] if outcomes in ({"holds"}, {"fails"}) else "partly", said)

    def as_json(self, measured: Mapping[str, Measurements]) -> dict[str, Any]:
        """The claim as `algorism studies --json` prints it, with one entry for each scale in `measured`."""
        return {
            "id": self.id,
            "text": self.text,
            "source": self.source,
            "paper": self.paper if isinstance(self.paper, str) else dict(self.paper),
            "scales": {scale: self._at_scale(found) for scale, found in measured.items()},
        }

    def _at_scale(self, measured: Measurements) -> dict[str, Any]:
        headline = measured.get(self.value)
        witness = headline or next(iter(measured.values()), None)  # says device and date even without a headline
        return {
            "verdict": self.judge(measured).verdict,
            **{key: getattr(headline, key, None) for key in ("value", "low", "high", "seeds")},
            **{key: getattr(witness, key, None) for key in ("device", "date", "version")},
        }


def _outcome(answer: Any, where: str) -> str:
    if answer is None or (isinstance(answer, str) and answer != "partly"):
        raise UsageError(f"{where}: a predicate returns True, False or 'partly', got {answer!r}.")
    if isinstance(answer, str):
        return answer
    return "holds" if bool(answer) else "fails"


@dataclass(frozen=True)
class Paper:
    """A paper, as it is cited."""

    title: str
    year: int
    arxiv: str
    authors: str = ""


@dataclass(frozen=True)
class Scale:
    """How large a study is run: "quick" (≤ 15 s), "cpu" (≤ 10 min) or "gpu". Studies subclass it for their settings.

    Args:
        seeds: how many seeds are trained; a run with base seed s uses s … s + seeds − 1.
        needs_gpu: refuse to start where torch sees no GPU.
    """

    name: str
    seeds: int = 1
    needs_gpu: bool = False

    def settings(self) -> dict[str, Any]:
        """Every field, as JSON-able values: what a recorded run was made with."""
        return asdict(self)


SCALES = ("quick", "cpu", "gpu")


@dataclass(frozen=True)
class Picture:
    """A Vega-Lite picture that a study yields between its measurements; the runner writes it as JSON, SVG and PNG."""

    name: str
    title: str
    spec: dict[str, Any]
    caption: str = ""


Measure = TypeVar("Measure", bound=Callable[..., Iterator[Measurement | Picture]])


@dataclass
class Study:
    """A paper, its claims, and the one function that measures them.

    Args:
        slug: its name on the command line; the module is the same name with underscores.
        text: what a reader should know, in Markdown; by default the docstring of the module.
        scales: the settings of each scale by name.

    Raises:
        UsageError: if two claims share an id.
    """

    slug: str
    paper: Paper
    claims: list[Claim]
    title: str = ""
    text: str = ""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    measure: Callable[..., Iterator[Measurement | Picture]] | None = None

    def __post_init__(self) -> None:
        self.title = self.title or self.paper.title
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise UsageError(f"Study {self.slug!r}: two claims share an id; ids are {ids}.")

    def measures(self, function: Measure) -> Measure:
        """Decorator for `run(scale, seed)`, which yields measurements and pictures."""
        self.measure = function
        self.text = self.text or (sys.modules[function.__module__].__doc__ or "")
        return function

    def as_json(self, measured: Mapping[str, Measurements]) -> dict[str, Any]:
        """The study as `algorism studies --json` prints it."""
        return {
            "slug": self.slug,
            "title": self.title,
            "paper": {"authors": self.paper.authors, "year": self.paper.year, "arxiv": self.paper.arxiv},
            "claims": [claim.as_json(measured) for claim in self.claims],
        }
