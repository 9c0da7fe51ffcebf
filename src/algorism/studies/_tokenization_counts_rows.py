"""What `tokenization_counts` reports: measurements and pictures from answers, ours, a given model's or the authors'."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..evaluation import seeds_interval, wilson
from ..evaluation.statistics import mean_interval
from ..evaluation.suites import tokenization as t
from ._given_model import answers
from ._runs import accuracy
from ._tokenization_counts import DIRECTIONS, MIXED, SIZE, cases

if TYPE_CHECKING:
    from .tokenization_counts import Settings

KINDS = {True: "match", False: "mismatch"}


def _of(name: str, right: int, n: int, **details: Any) -> Measurement:
    return Measurement.of(name, wilson(right, n), unit="share", details=details)


def _per_seed(name: str, profiles: Sequence[t.Profile], **details: Any) -> Measurement:
    counts = [round(p.accuracy.value * p.accuracy.n) for p in profiles]
    return accuracy(name, counts, profiles[0].accuracy.n, **details)


def measured_directions(found: dict[str, Any], scale: "Settings") -> Iterator[Measurement]:
    """Accuracies by direction and length, wrong digits, entropies, and what errors remain."""
    wrong: dict[str, list[t.Case]] = {}
    for name, arm in DIRECTIONS.items():
        seeds = [cases(arm, one["responses"][arm.name], scale) for one in found[name]]
        yield _per_seed(name, [t.profile(some) for some in seeds], parameters=found["parameters"])
        for same, kind in KINDS.items():
            parts = [[c for c in some if c.matched == same] for some in seeds]
            yield _per_seed(f"{name} {kind}", [t.profile(some) for some in parts])
            everything = [c for some in parts for c in some]
            wrong[f"{name} {kind}"] = everything
            if not same:
                yield from _digits(f"{name} {kind}", everything)
                told = [
                    row
                    for one, some in zip(found[name], seeds, strict=True)
                    for row, c in zip(one["entropies"][arm.name], some, strict=True)
                    if not c.matched
                ]
                yield from _entropies(f"{name} {kind}", told)
    yield from _remaining("r2l", wrong["r2l match"] + wrong["r2l mismatch"])
    yield from _remaining("l2r match", wrong["l2r match"])


def _digits(name: str, some: Sequence[t.Case]) -> Iterator[Measurement]:
    """How often the digit behind the first whole group is wrong, and those before, in answers of the right length."""
    level = [c.errors for c in some if c.errors is not None and c.errors.length]
    if not level:
        return
    before = sum(any(d <= SIZE for d in e.digits) for e in level)
    yield _of(f"{name}: bottleneck digit wrong", sum(SIZE + 1 in e.digits for e in level), len(level))
    yield _of(f"{name}: digits before wrong", before, len(level))
    profile = t.profile(some)
    chi = profile.uniform()
    if chi is not None:
        details = {"offsets": list(profile.guesses), "p": chi[1]}
        yield Measurement.exact(f"{name}: χ² of the guess", chi[0], unit="χ², 9 degrees", n=len(level), **details)


def _entropies(name: str, rows: Sequence[list[float]]) -> Iterator[Measurement]:
    """Mean entropy of the first and the second token of right answers."""
    for token in (1, 2):
        values = [row[token - 1] for row in rows if len(row) >= token]
        if len(values) > 1:
            yield Measurement.of(f"{name}: entropy of token {token}", mean_interval(values), unit="nats")


def _remaining(name: str, some: Sequence[t.Case]) -> Iterator[Measurement]:
    """Of the wrong answers: how many are off by one, and of these how many at the end of a token."""
    profile = t.profile(some)
    if profile.wrong:
        yield _of(f"{name}: off by one", profile.off_by_one, profile.wrong)
    if profile.off_by_one:
        yield _of(f"{name}: of these at a boundary", profile.at_boundary, profile.off_by_one)


def measured_mixture(runs: Sequence[dict[str, Any]], scale: "Settings") -> Iterator[Measurement]:
    """Accuracy of each way of writing, by length too, and how often the question was copied rightly."""
    for arm in MIXED:
        seeds = [cases(arm, one["responses"][arm.name], scale) for one in runs]
        yield _per_seed(arm.name, [t.profile(some) for some in seeds])
        for same, kind in KINDS.items():
            yield _per_seed(f"{arm.name} {kind}", [t.profile([c for c in some if c.matched == same]) for some in seeds])
        if arm.repeat:
            copied = [sum(bool(c.reading.copied) for c in some) for some in seeds]
            interval = seeds_interval(copied, len(seeds[0]))
            yield Measurement.of(f"{arm.name}: copied", interval, seeds=len(seeds))


def published(path: str) -> Iterator[Measurement]:
    """The paper's figures of section 4, from the authors' responses at eight examples."""
    rows = [row for row in t.read_published(path) if row.shots in (None, 8) and row.arm in ("nosep", "comma_r2l")]
    read = [t.case(row) for row in rows]
    found = t.by_match(read)
    short = {"nosep": "l2r", "comma_r2l": "r2l"}
    for (arm, same), profile in found.items():
        share, name = profile.accuracy, f"csv: {short[arm]} {KINDS[same]}"
        yield Measurement.of(name, share, details={"wrong": profile.wrong})
    if ("nosep", False) in found:
        yield Measurement.of("csv: digit 4 wrong", found["nosep", False].digits[4])
        yield from _published_entropies([c for c in read if c.answered.arm == "nosep" and not c.matched])
    if ("nosep", True) in found:
        yield from _counts("csv: l2r", found["nosep", True])
    grouped = [c for c in read if c.answered.arm == "comma_r2l"]
    if grouped:
        yield from _counts("csv: r2l", t.profile(grouped))


def _counts(name: str, profile: t.Profile) -> Iterator[Measurement]:
    n = max(1, profile.wrong)
    yield Measurement.exact(f"{name} off by one", profile.off_by_one, unit="answers", n=n)
    yield Measurement.exact(f"{name} at boundary", profile.at_boundary, unit="answers", n=n)


def _published_entropies(some: Sequence[t.Case]) -> Iterator[Measurement]:
    """Lower bounds of the entropy at each token, of wrong answers of the right length."""
    rows = []
    for c in some:
        if c.errors is not None and c.errors.length and c.errors.any:
            found = t.token_entropies(c.answered, str(c.reading.value))
            rows += [found] if found is not None else []
    for token in range(3):
        values = [row[token] for row in rows if len(row) > token]
        if len(values) > 1:
            yield Measurement.of(f"csv: entropy of token {token + 1}", mean_interval(values), unit="nats")


def asked(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """What the model that was handed over answers to the paper's prompts."""
    from ..evaluation.backends.protocol import Sampling

    questions = t.questions(
        ("direction", "separators", "controls", "lengths", "repeat", "grid"), n=scale.asked, seed=seed
    )
    given = answers(questions, Sampling(max_tokens=t.longest_answer(questions) + 8))
    if given is None:
        return
    parts: dict[str, list[t.Case]] = {"pairs": [], "triples": []}
    for answer in given:
        parts[answer.question.facts["sums"]].append(t.case(t.Answered.of(answer)))
    for arm, profile in t.by_arm(parts["pairs"]).items():
        yield Measurement.of(f"model: {arm}", profile.accuracy, details={"as asked": profile.formed.value})
    for (arm, same), profile in t.by_match(parts["triples"]).items():
        yield Measurement.of(f"model: {arm} {KINDS[same]}", profile.accuracy)
        if arm == "nosep" and not same and profile.wrong:
            yield _of("model: only digit 4", profile.only_behind, profile.wrong)


def curves(found: dict[str, Any]) -> tuple[list[Measurement], Picture]:
    """The gap between the directions over training, and its picture."""
    from ..pictures import learning_curves

    points: list[dict[str, Any]] = []
    gaps: dict[int, list[float]] = {}
    for left, right in zip(found["l2r"], found["r2l"], strict=True):
        for a, b in zip(left["curve"], right["curve"], strict=True):
            gaps.setdefault(a["step"], []).append(_mean(b) - _mean(a))
            for name, row in (("l2r", a), ("r2l", b)):
                for kind, share in row.items():
                    if kind != "step":
                        points.append({"step": row["step"], "accuracy": share, "series": f"{name}, {kind}"})
    mean = {step: sum(values) / len(values) for step, values in gaps.items()}
    widest, last = max(mean, key=lambda step: mean[step]), max(mean)
    measurements = [
        Measurement.exact("gap: largest", mean[widest], unit="accuracy", n=len(gaps[widest]), step=widest),
        Measurement.exact("gap: at the end", mean[last], unit="accuracy", n=len(gaps[last]), step=last),
    ]
    chart = learning_curves(points, title="")
    caption = "Exact match on the asked sums in training. match: the sum is as long as an addend; mismatch: longer."
    return measurements, Picture("curves", "Tokens from the left and from the right", chart.to_dict(), caption)


def _mean(row: dict[str, Any]) -> float:
    shares = [share for kind, share in row.items() if kind != "step"]
    return sum(shares) / len(shares)


def digits(found: dict[str, Any], scale: "Settings") -> Picture:
    """Which digit is wrong, by direction and length."""
    from ..pictures import table_heatmap

    rows = []
    for name, arm in DIRECTIONS.items():
        some = [c for one in found[name] for c in cases(arm, one["responses"][arm.name], scale)]
        for same, kind in KINDS.items():
            profile = t.profile([c for c in some if c.matched == same])
            rows += [
                {"digit": d, "asked": f"{name}, {kind}", "wrong": share.value} for d, share in profile.digits.items()
            ]
    chart = table_heatmap(rows, x="digit", y="asked", value="wrong", x_title="digit, from the left", y_title="")
    caption = (
        "Share of answers in which a digit is wrong. Tokens have two digits, so that digit 3 begins the second one."
    )
    return Picture("digits", "Which digit is wrong", chart.to_dict(), caption)
