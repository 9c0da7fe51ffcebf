"""A task on lists: which problems are asked, how they are drawn by seed, with hints mixed in where wanted."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

from algorism.errors import DataError, UsageError, nearest
from algorism.tasks.sequences.hints import HINTS, Hint
from algorism.tasks.sequences.lists import Lists
from algorism.tasks.sequences.problems import Sequences
from algorism.tasks.sequences.rules import Draw, Rule
from algorism.tasks.sequences.rules import rule as rule_named

Seed = int | tuple[int, ...]
Keys = NDArray[np.uint64]
_TRIES = 100  # rounds of replacing what may not be drawn
SAMPLERS = {
    "uniform": "every list's length uniform between the shortest and the longest",
    "one-length": "one length for the whole batch, so that no row is filled up",
}


@dataclass(frozen=True)
class SequenceTask:
    """Problems on lists by one rule, graded exactly.

    Args:
        rule: a name in `RULES`.
        length: longest list, or (shortest, longest).
        values: number of different symbols, 0 to values − 1; ignored by rules on bits.
        sampler: a key of SAMPLERS, or a name in the rule's `hard`.
        hints: names in `HINTS` with the share of the training examples that ask them.

    Raises:
        UsageError: an unknown name, impossible lengths or shares.

    >>> task = SequenceTask("sort", length=(2, 5), values=20)
    >>> [tuple(sorted(p.question)) == p.answer for p in (task.sample(3, seed=0)[i] for i in range(3))]
    [True, True, True]
    """

    rule: str = "sort"
    length: int | tuple[int, int] = 10
    values: int = 50
    sampler: str = "uniform"
    hints: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = self.lengths
        if not 1 <= low <= high:
            raise UsageError(f"task: expected 1 <= shortest <= longest list, got length={self.length!r}.")
        if not 2 <= self.symbols < 2**14:
            raise UsageError(f"task.values: expected 2 to 16383 different symbols, got {self.values}.")
        self._check_length(high)
        known = {**SAMPLERS, **dict(self._rule.hard)}
        if self.sampler not in known:
            raise UsageError(f"Unknown sampler {self.sampler!r} of {self.rule!r}. {nearest(self.sampler, known)}")
        for name in self.hints:
            if name not in HINTS:
                raise UsageError(f"Unknown hint {name!r}. {nearest(name, HINTS)}")
            if self.rule not in HINTS[name].rules:
                fit = [hint.name for hint in HINTS.values() if self.rule in hint.rules]
                raise UsageError(f"Hint {name!r} is not for {self.rule!r}; that rule has {', '.join(fit) or 'none'}.")
        if any(share < 0 for share in self.hints.values()) or sum(self.hints.values()) >= 1:
            raise UsageError(f"task.hints: expected shares from 0 with a sum below 1, got {dict(self.hints)}.")

    @property
    def lengths(self) -> tuple[int, int]:
        """(shortest, longest) list."""
        return (1, self.length) if isinstance(self.length, int) else (self.length[0], self.length[1])

    @property
    def symbols(self) -> int:
        """Number of different symbols."""
        return self._rule.symbols or self.values

    @property
    def name(self) -> str:
        """A short name for tables: "sort, length 2-10"."""
        low, high = self.lengths
        return f"{self.rule}, length {high if low == high else f'{low}-{high}'}"

    @property
    def _rule(self) -> Rule:
        return rule_named(self.rule)

    def sample(
        self, n: int, seed: Seed = 0, exclude: Keys | None = None, hints: Mapping[str, float] | None = None
    ) -> Sequences:
        """Draw n problems; the same seed gives the same problems.

        Args:
            n: how many.
            seed: an integer or a tuple of integers such as (seed, step).
            exclude: `keys()` of problems that must not be drawn.
            hints: shares of hints among them; none by default, whatever the task's own shares are.

        Raises:
            DataError: if nearly everything that can be drawn is excluded.
        """
        if n < 0:
            raise UsageError(f"sample: expected a number of problems that is not negative, got {n}.")
        rng = Generator(SFC64(seed))
        banned = np.sort(exclude) if exclude is not None else np.empty(0, dtype=np.uint64)
        for _ in range(_TRIES):
            problems = self._without(self._drawn(rng, n), banned, rng)
            if problems is not None:
                return self._hinted(problems, hints, rng) if hints else problems
        raise DataError(f"sample: nearly all problems of this task are excluded ({self.name}). Use a smaller test set.")

    def split(
        self,
        n_train: int,
        n_test: int,
        seed: int = 0,
        *,
        test_sampler: str | None = None,
        distinct_test: bool = True,
    ) -> tuple[Sequences, Sequences]:
        """A training set, and a test set of distinct problems that shares none with it.

        Args:
            n_train: training problems (duplicates possible).
            n_test: test problems.
            seed: of both draws.
            test_sampler: how the test set is drawn; default: as the training set where the sampler is one of the
                rule's hard ways, else with uniform lengths.
            distinct_test: no test problem twice.

        Raises:
            DataError: if fewer distinct problems are left than the test set needs.
        """
        train = self.sample(n_train, (seed, 0))
        own = self.sampler if self.sampler in self._rule.hard else "uniform"
        asked = dataclasses.replace(self, sampler=test_sampler or own, hints={})
        seen, parts, missing = np.unique(train.keys()), [], n_test
        for attempt in range(60):
            if not missing:
                break
            fresh = asked.sample(3 * missing + 64, (seed, 1, attempt))
            keys = fresh.keys()
            first = np.arange(len(keys)) if not distinct_test else np.sort(np.unique(keys, return_index=True)[1])
            # Every second problem, by its key, is never held out: of short lists some must be left to train on.
            first = first[(keys[first] % np.uint64(2) == 0) & ~np.isin(keys[first], seen)]
            fresh = fresh[first[:missing]]
            if distinct_test:
                seen = np.concatenate([seen, fresh.keys()])
            parts.append(fresh)
            missing -= len(fresh)
        if missing:
            raise DataError(
                f"split: only {n_test - missing} of {n_test} distinct test problems could be drawn ({self.name}). "
                "Use longer lists, more symbols, or a smaller test set."
            )
        return train, Sequences.concat(parts) if parts else asked.sample(0, seed)

    def at_length(self, length: int, n: int, seed: int = 0) -> Iterator[tuple[str, Sequences]]:
        """Problems of one length, of each kind the rule knows: how it draws them itself, then its hard ways.

        Raises:
            UsageError: a length that these symbols do not allow.
        """
        self._check_length(length)
        for kind in ("random", *self._rule.hard):
            sampler = "uniform" if kind == "random" else kind
            asked = dataclasses.replace(self, length=(length, length), sampler=sampler, hints={})
            yield kind, asked.sample(n, (seed, length))

    def _check_length(self, longest: int) -> None:
        most = None if self._rule.most is None else self._rule.most(self.symbols)
        if most is not None and longest > most:
            raise UsageError(
                f"task: {self.symbols} symbols allow lists of at most {most} for {self.rule!r}, got {longest}. "
                "Raise task.values."
            )

    def _main(self, rng: Generator, length_n: NDArray[np.int32], draw: Draw) -> Sequences:
        question, argument = draw(rng, length_n, self.symbols)
        answer = self._rule.columns(question, argument, self.symbols)
        asked = (self.rule, *(hint.name for hint in HINTS.values() if self.rule in hint.rules))
        return Sequences(self.rule, question, argument, answer, asked, np.zeros(len(length_n), dtype=np.int8), length_n)

    def _drawn(self, rng: Generator, n: int) -> Sequences:
        """Problems of the task's own lengths, drawn its own way."""
        low, high = self.lengths
        if self.sampler == "one-length":
            length_n = np.full(n, rng.integers(low, high + 1), dtype=np.int32)
        else:
            length_n = rng.integers(low, high + 1, n, dtype=np.int32)
        return self._main(rng, length_n, self._rule.hard.get(self.sampler, self._rule.draw))

    def _without(self, problems: Sequences, banned: Keys, rng: Generator) -> Sequences | None:
        """The problems, every banned one replaced by a fresh one; None if there seems to be no other."""
        bad_n = _contains(banned, problems.keys())
        for _ in range(_TRIES):
            rows = np.flatnonzero(bad_n)
            if not len(rows):
                return problems
            if self.sampler == "one-length":  # of the batch's length
                fresh = self._main(rng, problems.size_n[rows], self._rule.draw)
            else:
                fresh = self._drawn(rng, len(rows))
            order_n = np.arange(len(problems))
            order_n[rows] = len(problems) + np.arange(len(rows))
            problems = Sequences.concat([problems, fresh])[order_n]
            bad_n[rows] = _contains(banned, fresh.keys())
        return None

    def _hinted(self, problems: Sequences, shares: Mapping[str, float], rng: Generator) -> Sequences:
        """The problems, some of them turned into hints; a list that allows no such hint keeps its main question."""
        names = list(shares)
        limits = np.cumsum([shares[name] for name in names])
        kind_n = np.searchsorted(limits, rng.random(len(problems)), side="right")
        parts, origin = [problems], np.arange(len(problems))
        for k, name in enumerate(names):
            rows = np.flatnonzero(kind_n == k)
            turned, possible_n = self._asked(HINTS[name], problems[rows], rng)
            rows, turned = rows[possible_n], turned[possible_n]
            origin[rows] = sum(map(len, parts)) + np.arange(len(rows))
            parts.append(turned)
        return Sequences.concat(parts)[origin]

    def _asked(self, hint: Hint, problems: Sequences, rng: Generator) -> tuple[Sequences, NDArray[np.bool_]]:
        argument, answer, possible_n = hint.ask(rng, problems.question, self.symbols)
        kind_n = np.full(len(problems), problems.asked.index(hint.name), dtype=np.int8)
        turned = dataclasses.replace(problems, argument=argument, answer=answer, asked_n=kind_n)
        return turned, possible_n


def _contains(sorted_keys: Keys, keys: Keys) -> NDArray[np.bool_]:
    if not len(sorted_keys):
        return np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return sorted_keys[at] == keys


SEQUENCE_TASKS: dict[str, SequenceTask] = {
    "copy": SequenceTask("copy"),
    "copy-distinct": SequenceTask("copy-distinct"),
    "reverse": SequenceTask("reverse"),
    "reverse-distinct": SequenceTask("reverse-distinct"),
    "sort": SequenceTask("sort"),
    "sort-distinct": SequenceTask("sort-distinct"),
    "count": SequenceTask("count"),
    "mode": SequenceTask("mode", values=8),
    "parity": SequenceTask("parity"),
    "and": SequenceTask("and"),
    "increment": SequenceTask("increment", values=10),
    "recall": SequenceTask("recall"),
}


def sequence_task(name: str, **changes: Any) -> SequenceTask:
    """A named task on lists with some of its fields changed.

    Raises:
        UsageError: for an unknown task.
    """
    if name not in SEQUENCE_TASKS:
        raise UsageError(f"Unknown task {name!r}. {nearest(name, SEQUENCE_TASKS)}")
    return dataclasses.replace(SEQUENCE_TASKS[name], **changes)


__all__ = ["SAMPLERS", "SEQUENCE_TASKS", "Lists", "SequenceTask", "sequence_task"]
