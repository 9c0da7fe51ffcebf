"""Judged answers summed up: bands, roundness, a curve over tolerances; and whether a hint changes anything.

A score of approximations alone would punish exact answers, so that both stand side by side everywhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from algorism.evaluation.records import Answer
from algorism.evaluation.statistics import Interval, McNemar, mcnemar, mean_interval, wilson
from algorism.evaluation.suites.street.judging import BANDS, CURVE, Band, Judged, judge


@dataclass(frozen=True)
class Profile:
    """The answers of one class.

    Attributes:
        bands: E, A, M, W, none → share.
        within: tolerance → share of answers with at most that relative error; no number counts as beyond all.
        whole, five: of the good approximations, shares that are whole numbers, and multiples of 5: what people say who
            estimate. None without approximations.
        near: of the good approximations, share within half a percent: failed or rounded computations.
        figures: mean number of significant figures of the good approximations.
        tokens: mean length of the completions, where it is known.
    """

    bands: Mapping[Band, Interval]
    within: Mapping[Fraction, Interval]
    whole: Interval | None
    five: Interval | None
    near: Interval | None
    figures: Interval | None
    tokens: Interval | None

    @property
    def estimating(self) -> Interval:
        """Share of all answers that are exact or a good approximation: what helps a person."""
        n = self.bands["E"].n
        return wilson(round((self.bands["E"].value + self.bands["A"].value) * n), n)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        approximations = {
            name: None if (share := getattr(self, name)) is None else share.to_json()
            for name in ("whole", "five", "near", "figures")
        }
        return {
            "bands": {band: share.to_json() for band, share in self.bands.items()},
            "within": {str(float(tolerance)): share.value for tolerance, share in self.within.items()},
            "of_approximations": approximations,
            "completion_tokens": None if self.tokens is None else self.tokens.to_json(),
        }


def profile(judged: Sequence[Judged], tokens: Sequence[int | None] = ()) -> Profile:
    """Sum up some answers; at least one.

    >>> found = profile([judge(text, Fraction(2538, 100)) for text in ("25.38", "25", "25.4", "90", "?")])
    >>> [round(found.bands[band].value, 1) for band in BANDS], found.whole.value, found.near.value
    ([0.2, 0.4, 0.0, 0.2, 0.2], 0.5, 0.5)
    """
    n, counts = len(judged), Counter(one.band for one in judged)
    good = [one for one in judged if one.band == "A"]
    known = [float(count) for count in tokens if count is not None]

    def share(name: str) -> Interval | None:
        return wilson(sum(getattr(one, name) for one in good), len(good)) if good else None

    return Profile(
        bands={band: wilson(counts[band], n) for band in BANDS},
        within={
            tolerance: wilson(sum(one.error is not None and one.error <= tolerance for one in judged), n)
            for tolerance in CURVE
        },
        whole=share("whole"),
        five=share("five"),
        near=share("near"),
        figures=mean_interval([one.figures for one in good]) if len(good) > 1 else None,
        tokens=mean_interval(known) if len(known) > 1 else None,
    )


def judged_answers(answers: Iterable[Answer], *, compat: bool = False) -> dict[str, dict[str, tuple[Answer, Judged]]]:
    """Condition → item → its answer and what it is worth."""
    found: dict[str, dict[str, tuple[Answer, Judged]]] = {}
    for answer in answers:
        facts = answer.question.facts
        one = judge(answer.reply.text, Fraction(facts["exact"]), compat=compat)
        found.setdefault(facts["condition"], {})[facts["item"]] = (answer, one)
    return found


def profiles(answers: Iterable[Answer], *, compat: bool = False) -> dict[tuple[str, str], Profile]:
    """(condition, topic) → profile; topic "all" for all of a condition, which come first."""
    found: dict[tuple[str, str], Profile] = {}
    parts: dict[tuple[str, str], list[tuple[Answer, Judged]]] = {}
    for condition, by_item in judged_answers(answers, compat=compat).items():
        for answer, one in by_item.values():
            parts.setdefault((condition, "all"), []).append((answer, one))
            parts.setdefault((condition, answer.question.facts["topic"]), []).append((answer, one))
    for key in sorted(parts, key=lambda key: key[1] != "all"):
        rows = parts[key]
        found[key] = profile([one for _, one in rows], [answer.reply.tokens for answer, _ in rows])
    return found


def hint_effect(answers: Iterable[Answer], band: Band = "E", *, compat: bool = False) -> McNemar | None:
    """Whether the hint changes the share of a band: McNemar's test on the items asked in both conditions.

    `only_a` counts items in the band without the hint only, `only_b` with it only. None if none was asked twice.
    """
    found = judged_answers(answers, compat=compat)
    both = sorted(set(found.get("plain", {})) & set(found.get("hint", {})))
    if not both:
        return None
    plain, hint = ([found[condition][item][1].band == band for item in both] for condition in ("plain", "hint"))
    return mcnemar(plain, hint)
