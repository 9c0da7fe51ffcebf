"""The wiring of `counting_tokenization`: one small model for each format, trained and asked on the same strings."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..claims import Measurement, Picture
from ..errors import DataError
from ..evaluation.backends.names import backend
from ..evaluation.backends.protocol import Sampling
from ..evaluation.interview import interview
from ..evaluation.questions import Question
from ..evaluation.records import Answer
from ..evaluation.suites.counting.strings import MARKER, NAMES, Shifts, purity, shifts, string_questions, strings
from ..evaluation.suites.counting.traces import trace
from ..text.pieces import PieceTokenizer
from ..training.pairs import fit_pairs_many
from ._genius_paradox_rows import gain, share
from ._small_language_models import Shape, as_backend, job
from .runner import given, note, work_folder

if TYPE_CHECKING:
    from .counting_tokenization import Settings

FORMS, MODES = ("a", "b", "c", "d"), ("none", "supervised")
Row = dict[str, Any]


def trained_on(scale: "Settings", form: str) -> list[Question]:
    """Questions to learn from: the same strings for every format."""
    return string_questions(scale.strings, [scale.trained], formats=[form], modes=MODES, asked="a", seed=1)


def said(question: Question) -> str:
    """What a model is trained to answer: the result, after the count letter by letter where steps are asked for."""
    facts = question.facts
    result = f"{MARKER} {question.gold}"
    return result if facts["mode"] == "none" else f"{trace(facts['string'], facts['letter'])} {result}"


def tokenizer_of(scale: "Settings") -> PieceTokenizer:
    """Learned from the training strings in all formats, so that all networks have one vocabulary."""
    texts = [f"{q.prompt}\n{said(q)}" for form in FORMS for q in trained_on(scale, form)[: scale.strings]]
    return PieceTokenizer(texts, scale.vocabulary)


def asked(scale: "Settings", form: str) -> list[Question]:
    """Held-out strings: none of those trained on."""
    known = set(strings(scale.strings, *scale.trained, "ab", 1))
    found = string_questions(2 * scale.test, scale.asked, formats=[form], modes=MODES, asked="a", seed=2)
    kept: dict[tuple[str, str], list[Question]] = {}
    for one in found:
        if one.facts["string"] not in known:
            kept.setdefault((one.facts["range"], one.facts["mode"]), []).append(one)
    return [one for some in kept.values() for one in some[: scale.test]]


def formats(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train a network for each format and seed; ask all of them."""
    tokenizer = tokenizer_of(scale)
    shape = Shape(
        scale.layers, scale.width, scale.heads, scale.steps, scale.batch, precision=scale.precision, context=512,
        device="cuda" if scale.needs_gpu else "cpu",
    )  # fmt: skip
    jobs = []
    for form in FORMS:
        texts = [(q.prompt, said(q)) for q in trained_on(scale, form)]
        jobs += [job(texts, tokenizer, shape, seed + k) for k in range(scale.seeds)]
    trained = iter(fit_pairs_many(jobs))
    found: dict[str, Any] = {"rows": {}, "purity": {}}
    for form in FORMS:
        questions = asked(scale, form)
        found["rows"][form] = []
        for _ in range(scale.seeds):
            with as_backend(next(trained), tokenizer, chat=False) as (model, folder):
                sampling = Sampling(max_tokens=scale.tokens)
                found["rows"][form].append(rows(interview(model, questions, folder / "a", sampling=sampling).answers))
        shown = [[tokenizer.piece(i) for i in tokenizer.encode(_shown(q))] for q in questions]
        pure = [purity(tokens, "ab") for tokens in shown]
        found["purity"][form] = [sum(part) / len(pure) for part in zip(*pure, strict=True)]
    return found


def _shown(question: Question) -> str:
    """The line of the string."""
    return next(line for line in str(question.prompt).splitlines() if line.startswith("String:"))[8:]


def rows(answers: Sequence[Answer]) -> list[Row]:
    """What measurements need of each answer."""
    keep = ("range", "mode", "format", "letter", "index")
    return [
        {**{k: a.question.facts[k] for k in keep}, "text": a.reply.text[-60:], "gold": a.question.gold} for a in answers
    ]


def summed(found: Sequence[Row], **facts: str) -> Shifts:
    """Answers with these facts."""
    some = [(r["text"], r["gold"]) for r in found if all(r[k] == v for k, v in facts.items())]
    return shifts(some)


def outcomes(found: Sequence[Row], **facts: str) -> dict[int, bool]:
    """Number of the string → right or wrong."""
    some = [r for r in found if all(r[k] == v for k, v in facts.items())]
    return {r["index"]: bool(shifts([(r["text"], r["gold"])]).accuracy.value) for r in some}


def measured(found: dict[str, Any], scale: "Settings") -> Iterator[Measurement]:
    """Accuracy, gain of steps and direction of errors of each format, by range of lengths."""
    names = dict(zip((f"{low}-{high}" for low, high in scale.asked), ("short", "trained", "long"), strict=True))
    for form, seeds in found["rows"].items():
        pure, per_letter = found["purity"][form]
        yield Measurement.exact(f"{form}:letters alone", pure, unit="share of letters")
        yield Measurement.exact(f"{form}:tokens per letter", per_letter, unit="tokens per letter")
        for span, name in names.items():
            by_mode = {m: [outcomes(one, range=span, mode=m) for one in seeds] for m in MODES}
            for mode, some in by_mode.items():
                yield share(f"{form}:{mode}@{name}", some, letters=span)
                every = summed([row for one in seeds for row in one], range=span, mode=mode)
                if every.under is not None:
                    yield Measurement.of(f"{form}:{mode} too few@{name}", every.under, unit="share of wrong results")
            yield gain(f"{form}:steps - none@{name}", by_mode["supervised"], by_mode["none"])


def picture(found: dict[str, Any], scale: "Settings") -> Picture:
    """Accuracy by the string's range, for each format, told how to count."""
    from ..pictures import learning_curves

    table = []
    for form, seeds in found["rows"].items():
        for low, high in scale.asked:
            for mode in MODES:
                made = summed([row for one in seeds for row in one], range=f"{low}-{high}", mode=mode).accuracy
                series = f"{NAMES[form]}, {'step by step' if mode == 'supervised' else 'result alone'}"
                row = {"letters": (low + high) / 2, "accuracy": made.value, "low": made.low, "high": made.high}
                table.append({**row, "series": series})
    chart = learning_curves(table, x="letters", x_title="letters of the string, middle of the range", title="")
    return Picture(
        "formats",
        "Letters counted right, by how the string is written",
        chart.to_dict(),
        "One small network per format and seed, trained on the same strings; bands are 95 % intervals.",
    )


def given_model(scale: "Settings", seed: int) -> Iterator[Measurement]:
    """Claims about a given model: four formats, three ways of asking, letters of either frequency."""
    spec = given("model") or ""
    folder = work_folder() or Path(tempfile.mkdtemp())
    modes = ("none", "unsupervised", "supervised")
    questions = string_questions(scale.model_strings, [(10, 20), (30, 40)], "ab", modes=modes, asked="a")
    questions += string_questions(scale.model_strings, [(30, 40)], "ez", formats=["d"], modes=["supervised"])
    note(f"{len(questions):,} questions about strings to {spec}")
    done = interview(backend(spec), questions, folder / "strings.jsonl", sampling=Sampling(max_tokens=1200), seed=seed)
    if done.failures:
        raise DataError(
            f"{len(done.failures)} requests got no answer ({done.failures[0].reason}). The same command asks again."
        )
    found = rows(done.answers)
    for span in ("10-20", "30-40"):
        some = {(f, m): outcomes(found, range=span, format=f, mode=m, letter="a") for f in FORMS for m in modes}
        for (form, mode), right in some.items():
            yield share(f"model:{form}:{mode}@{span}", [right])
        for form in FORMS:
            yield gain(f"model:{form}:steps - none@{span}", [some[form, "supervised"]], [some[form, "none"]])
            told = [some[form, "supervised"]], [some[form, "unsupervised"]]
            yield gain(f"model:{form}:told - untold@{span}", *told)
        yield gain(f"model:d - a@{span}", [some["d", "supervised"]], [some["a", "supervised"]])
        under = summed(found, range=span, format="a", mode="supervised", letter="a").under
        if under is not None:
            yield Measurement.of(f"model:a too few@{span}", under, unit="share of wrong results")
    rare, common = (outcomes(found, range="30-40", format="d", letter=letter) for letter in "ze")
    yield gain("model:z - e", [rare], [common])
