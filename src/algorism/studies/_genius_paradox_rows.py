"""What the rows of `_genius_paradox` come to: measurements, the picture, and the questions to a given model."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..errors import DataError
from ..evaluation.backends.names import backend
from ..evaluation.statistics import mean_interval, paired_bootstrap, seeds_interval, wilson
from ..evaluation.suites.counting.asking import ask, scored
from ..evaluation.suites.counting.effects import effects
from ..evaluation.suites.counting.forcing import ForcedCharacters
from ..evaluation.suites.counting.rewrites import REWRITES
from ..evaluation.suites.counting.strategies import STRATEGIES, questions
from ..evaluation.suites.counting.tasks import TASKS, balanced_items, best_constant, items
from ..evaluation.suites.counting.words import word_list
from .runner import given, note, work_folder

if TYPE_CHECKING:
    from .genius_paradox import Settings


def right(found: Sequence[Mapping[str, Any]], **facts: str) -> dict[int, bool]:
    """Item number → right or wrong, of the rows with these facts."""
    return {r["index"]: r["correct"] for r in found if all(r[key] == value for key, value in facts.items())}


def share(name: str, seeds: Sequence[dict[int, bool]], **details: Any) -> Measurement:
    """Accuracy over seeds."""
    counts, n = [sum(one.values()) for one in seeds], len(seeds[0])
    interval = seeds_interval(counts, n)
    return Measurement(
        name, interval.value, interval.low, interval.high, n=n * len(seeds), seeds=len(seeds), details=details
    )


def gain(name: str, to: Sequence[dict[int, bool]], base: Sequence[dict[int, bool]]) -> Measurement:
    """Mean difference on the same items: over seeds a t interval, with one seed a bootstrap over items."""
    pairs = [([a[i] for i in a], [b[i] for i in a]) for a, b in zip(to, base, strict=True)]
    each = [(sum(a) - sum(b)) / len(a) for a, b in pairs]
    if len(set(each)) > 1:
        interval = mean_interval(each)
    else:
        interval = paired_bootstrap([x for a, _ in pairs for x in a], [x for _, b in pairs for x in b])
    low, high = max(-1.0, interval.low), min(1.0, interval.high)
    n = sum(len(a) for a, _ in pairs)
    return Measurement(name, interval.value, low, high, n=n, seeds=len(pairs), unit="difference of accuracies",
                       details={"seeds": each})  # fmt: skip


def reading_measured(found: dict[str, Any]) -> Iterator[Measurement]:
    """Claims 1, 2, 3, 5 and 8 of the small models."""
    base = {"task": "letter", "rewrite": "none"}
    for way in ("open", "reasoning"):
        for subset in ("words", "balanced"):
            for arm, seeds in found.items():
                some = [right(one, strategy=way, subset=subset, **base) for one in seeds]
                yield share(f"{arm}:{way}{'' if subset == 'words' else ' balanced'}", some)
    for arm in ("chunks", "characters"):
        for subset in ("words", "balanced"):
            ways = [
                [right(one, strategy=w, subset=subset, **base) for one in found[arm]] for w in ("reasoning", "open")
            ]
            yield gain(f"{arm}:reasoning - open{'' if subset == 'words' else ' balanced'}", *ways)
    for way in ("open", "reasoning"):
        pairs = [
            [right(one, strategy=way, subset="balanced", **base) for one in found[arm]] for arm in ("forced", "chunks")
        ]
        yield gain(f"forced - chunks:{way}", *pairs)
    for way in ("open", "reasoning"):
        plain = [right(one, strategy=way, subset="words", **base) for one in found["chunks"]]
        for name in REWRITES:
            if name != "none":
                some = [
                    right(one, strategy=way, subset="words", task="letter", rewrite=name) for one in found["chunks"]
                ]
                yield gain(f"{name} - none:{way}", some, plain)
    yield from slopes([row for one in found["chunks"] for row in one if row["strategy"] == "open"], "chunks")


def slopes(found: Sequence[Mapping[str, Any]], name: str) -> Iterator[Measurement]:
    """What decides whether a letter is counted right: length, different letters, how often it is there."""
    some = [row for row in found if row["task"] == "letter" and row["rewrite"] == "none"]
    properties = {
        "length": [row["length"] for row in some],
        "distinct": [row["distinct"] for row in some],
        "count": [int(row["gold"]) for row in some],
    }
    try:
        fitted = effects([row["correct"] for row in some], properties)
    except DataError:
        return  # all right or all wrong: nothing to explain
    for key, effect in fitted.items():
        yield Measurement.of(f"{name}:slope of {key}", effect.slope, unit="log odds per unit")


def finetuning_measured(found: dict[str, Any]) -> Iterator[Measurement]:
    """Claim 7: accuracy of each task before and after training on one."""
    for trained, seeds in found.items():
        for task in TASKS:
            yield share(f"{trained}→{task}", [right(one, task=task) for one in seeds])
            if trained != "base":
                base = [right(one, task=task) for one in found["base"]]
                yield gain(f"{trained}→{task} - base", [right(one, task=task) for one in seeds], base)


def constants(seed: int) -> Iterator[Measurement]:
    """What answering the same always scores on the package's words and on a balanced set."""
    for name, some in (
        ("words", items("letter", len(word_list()), seed)),
        ("balanced", balanced_items(500, seed)),
    ):
        answer, best = best_constant([one.gold for one in some])
        yield Measurement.exact(f"always {name}", best, unit="accuracy", n=len(some), answer=answer)


def given_model(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Claims about a given model: asked in all six ways, and with forced characters where it is a local one."""
    spec = given("model") or ""
    folder = work_folder() or Path(tempfile.mkdtemp())
    some = items("letter", scale.model_words, seed)
    note(f"{len(some)} words, {len(STRATEGIES)} ways of asking, to {spec}")
    found = ask(backend(spec), questions(some, list(STRATEGIES), seed), folder / "answers.jsonl", seed=seed)
    _whole(found.failures)
    ways: dict[str, dict[int, bool]] = {}
    for one in scored(found.answers):
        ways.setdefault(one.question.facts["strategy"], {})[one.question.facts["index"]] = one.reading.correct
    for way, outcomes in ways.items():
        yield share(f"model:{way}", [outcomes])
        if way != "open":
            yield gain(f"model:{way} - open", [outcomes], [ways["open"]])
    yield gain("model:consistency - reasoning", [ways["consistency"]], [ways["reasoning"]])
    if not spec.startswith("hf:"):
        return
    note("the same words by characters")
    forced_model = ForcedCharacters(spec.removeprefix("hf:"))
    again = ask(forced_model, questions(some, ["open"], seed), folder / "forced.jsonl", seed=seed)
    forced = {one.question.facts["index"]: one.reading.correct for one in scored(again.answers)}
    yield share("model:forced", [forced])
    yield gain("model:forced - open", [forced], [ways["open"]])


def _whole(failures: Sequence[Any]) -> None:
    if failures:
        raise DataError(f"{len(failures)} requests got no answer ({failures[0].reason}). The same command asks again.")


def ways_picture(found: dict[str, Any]) -> Picture:
    """Accuracy by length of the word, for each way of reading and asking."""
    from ..pictures import learning_curves

    table = []
    for arm, seeds in found.items():
        some = [r for one in seeds for r in one if r["subset"] == "words" and r["rewrite"] == "none"]
        for way in dict.fromkeys(r["strategy"] for r in some):
            for length in sorted({r["length"] for r in some}):
                right_n = [r["correct"] for r in some if r["length"] == length and r["strategy"] == way]
                share = wilson(sum(right_n), len(right_n))
                row = {"length": length, "accuracy": share.value, "low": share.low, "high": share.high}
                table.append({**row, "series": f"{arm}, {way}"})
    chart = learning_curves(table, x="length", x_title="letters of the word", title="")
    return Picture(
        "ways",
        "Letters counted right, by length of the word",
        chart.to_dict(),
        "Small networks on words that they were not trained on, all seeds together; bands are 95 % intervals.",
    )
