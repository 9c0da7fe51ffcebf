"""What a paper claims, what a run measured, and the verdict that follows from the two.

A verdict is computed, never typed: a claim carries predicates over measured intervals, written before the run.
This file knows nothing of models or training, and imports nothing heavy.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from algorism.errors import UsageError
from algorism.measurements import Measurement, Measurements, Missing

__all__ = [
    "SCALES",
    "Claim",
    "Judgement",
    "Measurement",
    "Measurements",
    "Paper",
    "Picture",
    "Scale",
    "Study",
    "Verdict",
]

Verdict = Literal["reproduced", "partly", "not reproduced", "not measured"]

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
        takes: what a person may hand to it beyond a scale, "model" or "file", and what for; see `runner.given`.

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
    takes: Mapping[str, str] = field(default_factory=dict)

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
