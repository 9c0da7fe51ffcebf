"""A task: which problems are asked, how they are drawn by seed, and whether an answer is right."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

from algorism.errors import DataError, UsageError, nearest
from algorism.tasks import balanced, filters
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problem, Problems
from algorism.tasks.samplers import check_params, sampler_named
from algorism.tasks.sequences import SEQUENCE_TASKS
from algorism.tasks.space import allowed_operands, every_problem

Seed = int | tuple[int, ...]
Keys = NDArray[np.uint64]

BLOCK = 8_192  # rows drawn at once: small enough that all their planes stay in the processor's cache
_ENUMERABLE = 4_000_000  # largest problem space that is listed in full when drawing fails to find the rest


@dataclass(frozen=True)
class Task:
    """Problems of one operator, drawn by a sampler, graded exactly.

    Args:
        operator: "+", "-", "*", "sin" or "sqrt".
        digits: longest operand in digits, or (shortest, longest).
        sampler: a name in `SAMPLERS`.
        params: further arguments of that sampler.
        decimals: places after the point of operands and answers.
        without_numbers: operands that never occur.
        without_digit: (digit, place): that digit never stands at that place of an operand; place 1 is the units.

    Raises:
        UsageError: for an unknown operator, sampler or parameter, or impossible digits.

    >>> Task("+", digits=2).space()
    10000
    >>> Task("+", digits=3).sample(5, seed=0).answer.strings() == Task("+", digits=3).sample(5, seed=0).answer.strings()
    True
    """

    operator: str = "+"
    digits: int | tuple[int, int] = 3
    sampler: str = "uniform"
    params: Mapping[str, Any] = field(default_factory=dict)
    decimals: int = 0
    without_numbers: tuple[int, ...] = ()
    without_digit: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        operator_named(self.operator)
        check_params(self.sampler, dict(self.params))
        low, high = self.lengths
        if not 1 <= low <= high:
            raise UsageError(f"task: expected 1 <= shortest <= longest number of digits, got digits={self.digits!r}.")

    @property
    def lengths(self) -> tuple[int, int]:
        """(shortest, longest) operand in digits."""
        return (1, self.digits) if isinstance(self.digits, int) else (self.digits[0], self.digits[1])

    @property
    def name(self) -> str:
        """A short name for tables: "addition, 1-3 digits, uniform"."""
        low, high = self.lengths
        span = f"{high} digits" if low == high else f"{low}-{high} digits"
        what = f"{self.decimals} decimals" if self.decimals else span
        return f"{operator_named(self.operator).name}, {what}, {self.sampler}"

    def sample(self, n: int, seed: Seed = 0, exclude: Keys | None = None) -> Problems:
        """Draw n problems; the same seed gives the same problems.

        Args:
            n: how many.
            seed: an integer or a tuple of integers such as (seed, step).
            exclude: `keys()` of problems that must not be drawn.

        Raises:
            DataError: if everything that can be drawn is excluded.
        """
        return Problems.concat(list(self.blocks(n, seed, exclude)))

    def blocks(self, n: int, seed: Seed = 0, exclude: Keys | None = None) -> Iterator[Problems]:
        """The rows of `sample(n, seed, exclude)`, in pieces that fit the processor's cache."""
        if n < 0:
            raise UsageError(f"sample: expected a number of problems that is not negative, got {n}.")
        rng = Generator(SFC64(seed))
        chosen = sampler_named(self.sampler)
        size = BLOCK if chosen.independent else max(n, 1)
        banned = None if exclude is None or not len(exclude) else np.sort(exclude)
        for start in range(0, max(n, 1), size):
            count = min(size, n - start)
            block = self._filtered(chosen.draw(rng, count, *self._where, **self.params), rng)
            yield block if banned is None else self._replaced(block, banned, rng)

    def batch(self, step: int, size: int, seed: int = 0, exclude: Keys | None = None) -> Problems:
        """Batch number `step` of an endless stream: depends on (seed, step) only, so it resumes anywhere."""
        return self.sample(size, (seed, step), exclude)

    def stream(self, size: int, seed: int = 0, exclude: Keys | None = None, start: int = 0) -> Iterator[Problems]:
        """The batches start, start+1, ... without end."""
        step = start
        while True:
            yield self.batch(step, size, seed, exclude)
            step += 1

    def space(self) -> int:
        """Number of distinct problems that can be drawn: all tuples of allowed operands.

        >>> Task("sqrt", sampler="interval", decimals=4).space()
        90000
        """
        return allowed_operands(self) ** operator_named(self.operator).arity

    def split(
        self,
        n_train: int,
        n_test: int,
        seed: int = 0,
        *,
        test_sampler: str | None = None,
        distinct_test: bool = True,
    ) -> tuple[Problems, Problems]:
        """A training set, and a test set that shares no problem with it.

        Args:
            n_train: training problems, drawn by the task's sampler (duplicates possible, as the sampler has them).
            n_test: test problems.
            seed: of both draws.
            test_sampler: how the test set is drawn; default: the task's sampler, at its longest length where it draws
                one length at a time, or "uniform" ("interval" for sin and sqrt) where it builds whole sets, such as
                "balanced".
            distinct_test: no test problem twice.

        Raises:
            DataError: if fewer distinct problems are left than the test set needs.

        >>> train, test = Task("+", digits=2).split(1000, 500, seed=1)
        >>> bool(np.isin(test.keys(), train.keys()).any()), len(np.unique(test.keys()))
        (False, 500)
        """
        train = self.sample(n_train, (seed, 0))
        task = self._tested(test_sampler)
        seen = np.unique(train.keys())
        left = task.space() - len(seen)
        counted = not sampler_named(task.sampler).one_length  # of those `space` knows no number
        if counted and left < (n_test if distinct_test else min(n_test, 1)):
            raise DataError(
                f"split: a test set of {n_test} problems was asked for, but only {max(left, 0)} distinct problems are "
                f"left of {task.space()} after a training set with {len(seen)} distinct ones ({task.name}). "
                "Use more digits, or smaller sets."
            )
        if not distinct_test:
            return train, task.sample(n_test, (seed, 1), exclude=seen)
        return train, task._distinct(n_test, (seed, 1), seen)

    def grade(self, problem: Problem, text: str | None) -> bool:
        """Whether a canonical answer text ("495", "-2", "0.8578") is exactly right; None never is.

        >>> task = Task("+")
        >>> problem = task.sample(1)[0]
        >>> task.grade(problem, problem.answer_text), task.grade(problem, problem.answer_text + "0")
        (True, False)
        """
        return text is not None and text == problem.answer_text

    def _tested(self, test_sampler: str | None) -> "Task":
        """The task that a test set is drawn from."""
        chosen = sampler_named(self.sampler)
        if test_sampler is None and chosen.one_length:
            return dataclasses.replace(self, digits=(self.lengths[1], self.lengths[1]))
        if test_sampler is None and chosen.independent:
            return self
        other = test_sampler or ("interval" if self.operator in ("sin", "sqrt") else "uniform")
        return dataclasses.replace(self, sampler=other, params={})

    @property
    def _where(self) -> tuple[str, tuple[int, int], int]:
        return self.operator, self.lengths, self.decimals

    def _filtered(self, problems: Problems, rng: Generator) -> Problems:
        if not self.without_numbers and self.without_digit is None:
            return problems
        chosen = sampler_named(self.sampler)
        if not chosen.independent:
            return filters.redraw(rng, problems, self.lengths, self.without_numbers, self.without_digit)
        bad_n = filters.touches(problems, self.without_numbers, self.without_digit)
        for _ in range(1000):
            rows = np.flatnonzero(bad_n)
            if not len(rows):
                return problems
            fresh = chosen.draw(rng, len(rows), *self._where, **self.params)
            order = np.arange(len(problems))
            order[rows] = len(problems) + np.arange(len(rows))
            problems = Problems.concat([problems, fresh])[order]
            bad_n[rows] = filters.touches(fresh, self.without_numbers, self.without_digit)
        raise DataError(f"sample: the exclusions leave almost no problem of this task ({self.name}).")

    def _replaced(self, block: Problems, banned: Keys, rng: Generator) -> Problems:
        """The block with every banned problem replaced by fresh draws."""
        bad_n = _contains(banned, block.keys())
        if not bad_n.any():
            return block
        refill, where = sampler_named(self.sampler), self._where
        params: Mapping[str, Any] = self.params
        if refill.one_length:
            places = block.operands[0].places
            where = (self.operator, (places, places), self.decimals)
        elif not refill.independent:
            # A sampler that builds a whole set cannot draw one more row of it: the gaps are filled uniformly.
            refill, params = sampler_named("interval" if self.operator in ("sin", "sqrt") else "uniform"), {}
        good = [block[~bad_n]]
        missing = int(bad_n.sum())
        for _ in range(200):
            fresh = self._filtered(refill.draw(rng, max(64, 2 * missing), *where, **params), rng)
            fresh = fresh[np.flatnonzero(~_contains(banned, fresh.keys()))[:missing]]
            good.append(fresh)
            missing -= len(fresh)
            if not missing:
                break
        else:
            raise DataError(
                f"sample: nearly all of the {self.space()} problems of this task are excluded ({self.name})."
            )
        # Fresh rows take the places of the banned ones, so the order of the others does not change.
        order = np.empty(len(block), dtype=np.int64)
        order[~bad_n] = np.arange(len(good[0]))
        order[bad_n] = np.arange(len(good[0]), len(block))
        return Problems.concat(good)[order]

    def _distinct(self, n: int, seed: Seed, seen: Keys) -> Problems:
        """Draw n problems that differ from each other and from `seen`."""
        parts: list[Problems] = []
        missing = n
        for attempt in range(60):
            if not missing:
                break
            fresh = self.sample(missing + missing // 4 + 64, (*_as_tuple(seed), attempt))
            keys = fresh.keys()
            _, first = np.unique(keys, return_index=True)
            first.sort()
            fresh = fresh[first[~_contains(seen, keys[first])][:missing]]
            seen = np.sort(np.concatenate([seen, fresh.keys()]))
            parts.append(fresh)
            missing -= len(fresh)
            listed = not sampler_named(self.sampler).one_length  # which asks only some of the problems of its digits
            if listed and len(fresh) * 50 < missing and self.space() <= _ENUMERABLE:
                # The rest is rare: list every problem instead of waiting for it to be drawn.
                everything = every_problem(self)
                rest = everything[~_contains(seen, everything.keys())]
                rows = Generator(SFC64((*_as_tuple(seed), 1 << 20))).permutation(len(rest))[:missing]
                parts.append(rest[rows])
                missing -= len(rows)
        if missing:
            raise DataError(
                f"split: only {n - missing} of {n} distinct test problems could be drawn by sampler {self.sampler!r} "
                f"({self.name}). Use more digits, a smaller test set, or test_sampler='uniform'."
            )
        return Problems.concat(parts) if parts else self.sample(0, seed)


# Importing `balanced` registers its samplers; naming one here keeps that import visible.
SET_SAMPLERS = (balanced.balanced, balanced.multi_digit)

TASKS: dict[str, Task] = {
    "addition": Task("+", digits=3),
    "subtraction": Task("-", digits=3),
    "multiplication": Task("*", digits=2),
    "sine": Task("sin", digits=1, sampler="interval", decimals=4),
    "sqrt": Task("sqrt", digits=1, sampler="interval", decimals=4),
}


def task(name: str, **changes: Any) -> Task:
    """A named task with some of its fields changed.

    Raises:
        UsageError: for an unknown task or field, with the nearest known one.

    >>> task("addition", digits=2).space()
    10000
    """
    if name not in TASKS:
        raise UsageError(f"Unknown task {name!r}. {nearest(name, [*TASKS, *SEQUENCE_TASKS])}")
    known = [f.name for f in dataclasses.fields(Task)]
    for key in changes:
        if key not in known:
            raise UsageError(f"task {name!r} has no field {key!r}. {nearest(key, known)}")
    return dataclasses.replace(TASKS[name], **changes)


def _contains(sorted_keys: Keys, keys: Keys) -> NDArray[np.bool_]:
    """Which keys occur in a sorted array of keys."""
    if not len(sorted_keys):
        return np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return sorted_keys[at] == keys


def _as_tuple(seed: Seed) -> tuple[int, ...]:
    return (seed,) if isinstance(seed, int) else tuple(seed)
