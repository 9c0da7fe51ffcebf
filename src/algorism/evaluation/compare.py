"""Compare two runs on the problems that both were asked."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from algorism.errors import DataError
from algorism.evaluation.statistics import Interval, McNemar, mcnemar, paired_bootstrap, wilson


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired result of two runs.

    Attributes:
        a, b: accuracy of each run on the shared problems.
        difference: a minus b, with a paired bootstrap interval.
        test: McNemar's exact test; `only_a` are the wins of a, `only_b` its losses.
        wins, losses: keys of the problems only a, only b solved, in the order of run a.
        unmatched_a, unmatched_b: problems that only one run was asked; they are not compared.
    """

    a: Interval
    b: Interval
    difference: Interval
    test: McNemar
    wins: tuple[str, ...]
    losses: tuple[str, ...]
    unmatched_a: int
    unmatched_b: int

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, for JSON."""
        return asdict(self)


def compare(
    a_records: Iterable[Mapping[str, Any]],
    b_records: Iterable[Mapping[str, Any]],
    *,
    seed: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Compare two runs problem by problem.

    Args:
        a_records: one mapping per problem, with "correct" and "key" (or "prompt" where there is no key).
        b_records: the same for the other run; order does not matter.
        seed: of the bootstrap.
        level: confidence level.

    Raises:
        DataError: if a record lacks a field, a key occurs twice in a run, or the runs share no problem.

    >>> a = [{"key": "1+1", "correct": True}, {"key": "2+2", "correct": True}]
    >>> b = [{"key": "2+2", "correct": False}, {"key": "1+1", "correct": True}]
    >>> compare(a, b).wins
    ('2+2',)
    """
    a_outcomes, b_outcomes = _outcomes(a_records, "first"), _outcomes(b_records, "second")
    shared = [key for key in a_outcomes if key in b_outcomes]
    if not shared:
        raise DataError(
            "The two runs share no problem: their keys (or prompts) never match. Compare runs of one test set."
        )
    a_n = np.array([a_outcomes[key] for key in shared])
    b_n = np.array([b_outcomes[key] for key in shared])
    return Comparison(
        a=wilson(int(a_n.sum()), len(shared), level),
        b=wilson(int(b_n.sum()), len(shared), level),
        difference=paired_bootstrap(a_n, b_n, seed, level),
        test=mcnemar(a_n, b_n),
        wins=tuple(key for key, x, y in zip(shared, a_n, b_n) if x and not y),
        losses=tuple(key for key, x, y in zip(shared, a_n, b_n) if y and not x),
        unmatched_a=len(a_outcomes) - len(shared),
        unmatched_b=len(b_outcomes) - len(shared),
    )


def _outcomes(records: Iterable[Mapping[str, Any]], which: str) -> dict[str, bool]:
    outcomes: dict[str, bool] = {}
    for at, record in enumerate(records):
        key = record.get("key", record.get("prompt"))
        if key is None or "correct" not in record:
            raise DataError(
                f"Record {at} of the {which} run needs 'correct' and 'key' (or 'prompt'); it has {sorted(record)}."
            )
        if str(key) in outcomes:
            raise DataError(
                f"Problem {str(key)[:60]!r} occurs twice in the {which} run; give each record its own 'key'."
            )
        outcomes[str(key)] = bool(record["correct"])
    return outcomes
