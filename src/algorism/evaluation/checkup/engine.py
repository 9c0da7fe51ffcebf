"""The check-up itself: find the style, spend the budget where it tells most, test the likely causes.

Everything that is asked follows from the answers so far, the seed and the budget. So the same command on the same
folder asks what is missing and no more, and a larger budget continues a smaller one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from algorism.errors import UsageError
from algorism.evaluation.backends.protocol import Backend
from algorism.evaluation.checkup import brackets, calibration, contrasts, signatures
from algorism.evaluation.checkup.arms import ARMS
from algorism.evaluation.checkup.brackets import CHUNK, Count, bracket
from algorism.evaluation.checkup.probes import PROBES, Probe, Stream
from algorism.evaluation.checkup.session import Asked, Outcome, Session, failures
from algorism.evaluation.checkup.styles import Style, worked_examples
from algorism.evaluation.questions import item_seed

BUDGET = 3000
ROUND = 128  # questions between two looks at the answers: enough for a batch, few enough to follow the answers
MOST = 16  # of them to one probe
PAIRS = (12, 60)  # fewest and most pairs of a contrast
_ALIKE = "the style in which this model is asked puts both questions alike"
SHARE = 0.35  # of the budget goes to contrasts


@dataclass
class Level:
    """One level of a probe: its questions and what came of them."""

    stream: Stream
    outcomes: list[Outcome] = field(default_factory=list)
    pending: list[Asked] = field(default_factory=list)
    used_up: bool = False

    @property
    def answers(self) -> list[Outcome]:
        """Outcomes without failures."""
        return [outcome for outcome in self.outcomes if outcome.reply is not None]

    @property
    def hopeless(self) -> bool:
        """Whether every request failed."""
        return len(self.outcomes) >= CHUNK and not self.answers

    @property
    def count(self) -> Count:
        """Right answers, answers, and whether more can be had."""
        answers = self.answers
        right = sum(outcome.right for outcome in answers)
        return Count(right, len(answers), len(self.pending), self.used_up or self.hopeless)


@dataclass(frozen=True)
class Result:
    """All that was asked and found.

    Attributes:
        style: the one that was used.
        trials: of all styles.
        levels: of each probe, easiest first.
        tested: contrasts, in the order of their table.
        untested: contrasts of which no pair was answered.
        marked: signatures, in the order of their table.
        session: record, specification and number of new requests.
        budget: most requests that were allowed.
        pairs: of each contrast.
    """

    style: Style
    trials: list[calibration.Trial]
    levels: Mapping[str, list[Level]]
    tested: list[contrasts.Tested]
    untested: list[contrasts.Untested]
    marked: list[signatures.Marked]
    session: Session
    budget: int
    pairs: int

    @property
    def outcomes(self) -> list[Outcome]:
        """Of all probes, in the order of the table."""
        return [outcome for levels in self.levels.values() for level in levels for outcome in level.outcomes]


def pairs_within(budget: int) -> int:
    """How many pairs each contrast gets."""
    low, high = PAIRS
    return max(low, min(high, int(SHARE * budget / _arms())))


def smallest_budget() -> int:
    """The fewest requests that a check-up can do with."""
    first = sum(len(brackets.start(len(probe.levels))) for probe in PROBES.values()) * CHUNK
    return calibration.requests() + first + PAIRS[0] * _arms()


def checkup(
    backend: Backend,
    record: Path | str,
    *,
    budget: int = BUDGET,
    seed: int = 0,
    extra_tokens: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Ask a model, adaptively, and find where its arithmetic breaks.

    Args:
        backend: the model.
        record: file of all answers; the same call continues one that was stopped.
        budget: most requests.
        seed: of the questions.
        extra_tokens: more room for every answer, for models that think aloud.
        progress: called with answers there are, and the budget.

    Raises:
        UsageError: a budget too small for a first look at every probe.
        DataError: nothing was answered.
        CheckpointError: the record is of another model, seed or version.
    """
    if budget < smallest_budget():
        raise UsageError(f"budget: expected at least {smallest_budget()} requests, got {budget}.")
    with Session(
        backend, Path(record), seed=seed, extra_tokens=extra_tokens, most=budget, progress=progress
    ) as session:
        style, trials = calibration.calibrate(session)
        pairs = pairs_within(budget)
        levels = _explore(session, style, budget - calibration.requests() - pairs * _arms())
        found, untested = _contrasted(session, style, levels, pairs)
        wrong = signatures.wrong_integers([o for name in signatures.WHERE for k in levels[name] for o in k.outcomes])
        marks = [mark for row in signatures.SIGNATURES if (mark := signatures.marked(row, wrong)) is not None]
    return Result(style, trials, levels, found, untested, marks, session, budget, pairs)


def first_questions(style: Style, seed: int) -> list[Asked]:
    """What every probe is asked at the start, whatever the answers."""
    levels = _opened(seed)
    _begin(levels, style)
    return [asked for rows in levels.values() for level in rows for asked in level.pending]


def _arms() -> int:
    """Requests that one pair of every contrast makes, at most: an arm may be asked at two levels."""
    return len(ARMS) + 3


def _opened(seed: int) -> dict[str, list[Level]]:
    return {
        probe.name: [Level(Stream(probe, level, item_seed(seed, "probes", 0))) for level in probe.levels]
        for probe in PROBES.values()
    }


def _explore(session: Session, style: Style, budget: int) -> dict[str, list[Level]]:
    """Spend the probes' budget, round by round."""
    levels = _opened(session.seed)
    spent = _begin(levels, style)
    _collect(session, levels)
    spent += _look_further(levels, style, budget - spent)
    _collect(session, levels)
    while spent < budget:
        planned = _plan(levels, style, min(ROUND, budget - spent))
        if not planned:
            break
        spent += planned
        _collect(session, levels)
    return levels


def _begin(levels: Mapping[str, list[Level]], style: Style) -> int:
    return sum(_queue(rows[at], style, CHUNK) for rows in levels.values() for at in brackets.start(len(rows)))


def _look_further(levels: Mapping[str, list[Level]], style: Style, quota: int) -> int:
    """Where the easiest level seems to fail, look once at all others too; returns how many questions that makes.

    Brackets take it that harder is not easier. A network that learned one length alone is wrong below it as well.
    """
    queued = 0
    for rows in levels.values():
        counts = _counts(rows)
        if not counts[0].n or 2 * counts[0].right >= counts[0].n:
            continue
        for level, count in zip(rows, counts, strict=True):
            if not count.n and not count.closed and queued + CHUNK <= quota:
                queued += _queue(level, style, CHUNK)
    return queued


def _plan(levels: Mapping[str, list[Level]], style: Style, quota: int) -> int:
    """Queue a round's questions, a few at a time for the level that is worth most; returns how many."""
    best = {name: brackets.wanted(_counts(rows)) for name, rows in levels.items()}
    planned, left = 0, dict.fromkeys(levels, MOST)
    while planned < quota:
        name = max(best, key=lambda name: best[name][0] if best[name] else 0.0)  # type: ignore[index]
        choice = best[name]
        if choice is None:
            break
        queued = _queue(levels[name][choice[1]], style, min(CHUNK, quota - planned))
        planned, left[name] = planned + queued, left[name] - queued
        best[name] = brackets.wanted(_counts(levels[name])) if left[name] > 0 else None
    return planned


def _counts(rows: Sequence[Level]) -> list[Count]:
    """What is known of each level. From one at which everything fails on (prompts too long), nothing more is asked."""
    failing = next((at for at, level in enumerate(rows) if level.hopeless), len(rows))
    counts = [level.count for level in rows]
    return counts[:failing] + [replace(count, closed=True) for count in counts[failing:]]


def _queue(level: Level, style: Style, n: int) -> int:
    """Queue the next questions of a level; returns how many there were."""
    stream = level.stream
    taken = stream.take(n)
    level.used_up = len(taken) < n
    for index, item in taken:
        examples = worked_examples(stream.probe.make, stream.level, style, item, stream.seed)
        key = f"probe/{stream.probe.name}/{stream.level}/{index}/{style.name}"
        level.pending.append(Asked(key, item, style, examples))
    return len(taken)


def _collect(session: Session, levels: Mapping[str, list[Level]]) -> None:
    waiting = [(level, asked) for rows in levels.values() for level in rows for asked in level.pending]
    for (level, _), outcome in zip(waiting, session.ask([asked for _, asked in waiting]), strict=True):
        level.outcomes.append(outcome)
        level.pending.clear()


def holds_at(probe: Probe, levels: list[Level], threshold: float = 0.5) -> int:
    """The level up to which a probe seems to reach an accuracy; 0 for none."""
    estimate = bracket([level.count for level in levels], threshold).estimate
    return probe.levels[estimate] if estimate >= 0 else 0


def _contrasted(
    session: Session, style: Style, levels: Mapping[str, list[Level]], pairs: int
) -> tuple[list[contrasts.Tested], list[contrasts.Untested]]:
    """Ask all pairs at once, then test every contrast; those that could not be tested come with the reasons."""
    seed = item_seed(session.seed, "contrasts", 0)
    plans = []
    for contrast in contrasts.CONTRASTS:
        probe = PROBES[contrast.probe]
        level = contrasts.level_of(contrast, holds_at(probe, levels[probe.name]), probe.levels)
        plans.append((contrast, level, _pairs(contrast, level, pairs, seed, style)))
    wanted = {asked.key: asked for _, _, rows in plans for pair in rows for asked in pair}
    session.ask(list(wanted.values()))
    found, untested = [], []
    for contrast, level, rows in plans:
        outcomes = [(session.outcomes[a.key], session.outcomes[b.key]) for a, b in rows]
        answered = [(a.right, b.right) for a, b in outcomes if a.reply is not None and b.reply is not None]
        tested = contrasts.tested(contrast, level, answered)
        if tested is not None:
            found.append(tested)
        else:
            reasons = failures(outcome for pair in outcomes for outcome in pair)
            untested.append(contrasts.Untested(contrast, reasons or {_ALIKE: 0}))
    return found, untested


def _pairs(contrast: contrasts.Contrast, level: int, n: int, seed: int, style: Style) -> list[tuple[Asked, Asked]]:
    """The first n pairs, none twice; fewer if there are no more, none if this style asks both arms alike."""
    found: dict[tuple[str, str], tuple[Asked, Asked]] = {}
    for index in range(20 * n):
        arms = []
        for name in (contrast.a, contrast.b):
            make = ARMS[name]
            item = make(level, index, seed)
            examples = worked_examples(make, level, style, item, seed)
            arms.append(Asked(f"contrast/{name}/{level}/{index}/{style.name}", item, style, examples))
        if arms[0].question().prompt == arms[1].question().prompt:
            break
        found.setdefault((arms[0].item.formula, arms[1].item.formula), (arms[0], arms[1]))
        if len(found) == n:
            break
    return list(found.values())
