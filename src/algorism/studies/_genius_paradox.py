"""The wiring of `genius_paradox`: words, small models trained on questions about them, and what they are asked.

Holds no claim and no algorithm; everything here calls the counting suite, training and evaluation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..evaluation.backends.huggingface import HuggingFace
from ..evaluation.backends.own_engine import FastTokens
from ..evaluation.backends.protocol import Sampling
from ..evaluation.interview import interview
from ..evaluation.questions import Question
from ..evaluation.suites.counting.asking import scored
from ..evaluation.suites.counting.forcing import ForcedCharacters, forced, quoted
from ..evaluation.suites.counting.reading import MARKER
from ..evaluation.suites.counting.rewrites import REWRITES
from ..evaluation.suites.counting.strategies import question
from ..evaluation.suites.counting.tasks import TASKS, Item, balanced_items, items
from ..evaluation.suites.counting.traces import trace
from ..evaluation.suites.counting.words import made_up_words
from ..models import Transformer
from ..text.pieces import PieceTokenizer
from ..training.pairs import fit_pairs_many
from ._small_language_models import Shape, as_backend, job

if TYPE_CHECKING:
    from .genius_paradox import Settings

TOKENS = {"open": 8, "reasoning": 160}
Texts = list[tuple[Any, str]]


def words(scale: "Settings", seed: int) -> tuple[list[str], list[str]]:
    """Made-up words to train on, and others to ask about."""
    made = made_up_words(scale.words + scale.test, seed, range(3, 13))
    return made[: scale.words], made[scale.words :]


def said(one: Item, how: str) -> str:
    """What a model is trained to answer."""
    if how == "open":
        return one.gold
    return f"Reasoning: {trace(one.written.bare, one.written.asked)} {MARKER} {one.gold}"


def training_texts(scale: "Settings", seed: int, tasks: Sequence[str], ways: Sequence[str]) -> Texts:
    """Questions about the training words with their answers, several about each word; letters also in balanced sets."""
    known, _ = words(scale, seed)
    made: list[Item] = []
    for task in tasks:
        for again in range(scale.rounds):
            made += items(task, len(known) * (2 if task == "substring" else 1), 7000 + again, words=known)
        if task == "letter":
            made += balanced_items(len(known) * scale.rounds, seed=7000)
    return [(question(one, how).prompt, said(one, how)) for one in made for how in ways]


def tokenizer_of(scale: "Settings", seed: int) -> PieceTokenizer:
    """Chunks learned from the training words in their questions."""
    texts = training_texts(scale, seed, list(TASKS), ["open", "reasoning"])
    return PieceTokenizer([f"{prompt}\n{answer}" for prompt, answer in texts], scale.vocabulary)


def asked(scale: "Settings", seed: int, tasks: Sequence[str], ways: Sequence[str], rewrites: bool) -> list[Question]:
    """Questions about words that no model was trained on."""
    _, unseen = words(scale, seed)
    made = []
    for how in ways:
        for task in tasks:
            made += [question(one, how) for one in items(task, scale.test, 0, words=unseen)]
        if "letter" in tasks:
            made += [question(one, how, subset="balanced") for one in balanced_items(scale.test, seed=1)]
        if rewrites:
            for way in REWRITES:
                if way != "none":
                    some = items("letter", scale.test, 0, words=unseen, way=way)
                    made += [question(one, how) for one in some]
    return made


def answers(
    model: Transformer, tokenizer: PieceTokenizer, questions: Sequence[Question], kind: type[HuggingFace] = HuggingFace
) -> list[dict[str, Any]]:
    """Ask a model; one row per question, JSON-able."""
    with as_backend(model, tokenizer, kind, chat=False) as (backend, folder):
        return rows(backend, questions, folder)


def rows(backend: Any, questions: Sequence[Question], folder: Path) -> list[dict[str, Any]]:
    """Ask a backend each question in its way; one row per question."""
    found = []
    for how in dict.fromkeys(one.facts["strategy"] for one in questions):
        some = [one for one in questions if one.facts["strategy"] == how]
        done = interview(backend, some, folder / f"{how}.jsonl", sampling=Sampling(max_tokens=TOKENS[how]))
        for one in scored(done.answers):
            facts = one.question.facts
            row = {k: facts[k] for k in ("task", "strategy", "subset", "rewrite", "index", "length", "distinct")}
            found.append({**row, "gold": one.question.gold, "correct": one.reading.correct, "cut": one.cut})
    return found


def reading(scale: "Settings", seed: int) -> dict[str, Any]:
    """Networks that read words as chunks, and as characters: trained to answer both ways, asked everything."""
    tokenizer = tokenizer_of(scale, seed)

    def by_characters(text: str) -> list[int]:
        span = quoted(text)
        return tokenizer.encode(text) if span is None else forced(tokens, text, span, special=False)

    tokens = FastTokens(tokenizer.to_hf().backend_tokenizer)
    texts = training_texts(scale, seed, ["letter"], ["open", "reasoning"])
    jobs = [
        job(texts, tokenizer, shape(scale), seed + k, encode=encode)
        for k in range(scale.seeds)
        for encode in (None, by_characters)
    ]
    trained = fit_pairs_many(jobs)
    both = ["open", "reasoning"]
    found: dict[str, Any] = {"chunks": [], "forced": [], "characters": []}
    for chunks, characters in zip(trained[::2], trained[1::2], strict=True):
        found["chunks"].append(answers(chunks, tokenizer, asked(scale, seed, ["letter"], both, rewrites=True)))
        plain = asked(scale, seed, ["letter"], both, rewrites=False)
        found["forced"].append(answers(chunks, tokenizer, plain, ForcedCharacters))
        found["characters"].append(answers(characters, tokenizer, plain, ForcedCharacters))
    return found


def finetuning(scale: "Settings", seed: int) -> dict[str, Any]:
    """Networks trained on all four tasks, and what more training on one of them does to all."""
    tokenizer = tokenizer_of(scale, seed)
    every = list(TASKS)
    texts = training_texts(scale, seed, every, ["open"])
    steps = max(1, scale.steps * 2 // 3)
    bases = fit_pairs_many([job(texts, tokenizer, shape(scale), seed + k, steps=steps) for k in range(scale.seeds)])
    questions = [one for one in asked(scale, seed, every, ["open"], rewrites=False) if one.facts["subset"] == "words"]
    found = {"base": [answers(base, tokenizer, questions) for base in bases]}
    jobs = [
        job(
            training_texts(scale, seed, [task], ["open"]),
            tokenizer,
            shape(scale),
            seed + k,
            start=base,
            steps=scale.finetune,
        )
        for task in every
        for k, base in enumerate(bases)
    ]
    tuned = iter(fit_pairs_many(jobs))
    for task in every:
        found[task] = [answers(next(tuned), tokenizer, questions) for _ in bases]
    return found


def shape(scale: "Settings") -> Shape:
    """The networks' shape."""
    return Shape(
        scale.layers,
        scale.width,
        scale.heads,
        scale.steps,
        scale.batch,
        precision=scale.precision,
        device="cuda" if scale.needs_gpu else "cpu",
    )
