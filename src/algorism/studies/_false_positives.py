"""The wiring of `false_positives`: small models that write chains of arithmetic, sampled and checked line by line."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..evaluation.backends.protocol import Sampling
from ..evaluation.interview import interview
from ..evaluation.questions import Question
from ..evaluation.records import Answer
from ..evaluation.suites.process.chains import chain_of, questions, solution
from ..evaluation.suites.process.samples import Samples
from ..evaluation.suites.process.scoring import Solved, solved
from ..models import Transformer
from ..text.pieces import PieceTokenizer
from ..training.pairs import fit_pairs_many
from ._small_language_models import Shape, as_backend, job

if TYPE_CHECKING:
    from .false_positives import Settings

HOT = 0.8
Texts = list[tuple[Any, str]]


def chains(scale: "Settings", n: int, seed: int) -> list[Question]:
    """Chains of every number of steps, with every remainder, as bare problems."""
    return questions(
        n, seed, steps=scale.chain_steps, remainders=scale.remainders, largest=scale.largest, signs="+-*", ask=""
    )


def training_texts(scale: "Settings") -> Texts:
    """Problems with their right solutions."""
    return [(q.prompt, solution(chain_of(q))) for q in chains(scale, scale.chains, 1000)]


def shape(scale: "Settings", width: int) -> Shape:
    """A network of that width."""
    return Shape(
        scale.layers,
        width,
        scale.heads,
        scale.steps,
        scale.batch,
        precision=scale.precision,
        context=160,
        device="cuda" if scale.needs_gpu else "cpu",
    )


def networks(scale: "Settings", seed: int) -> dict[str, Any]:
    """Two sizes, sampled; and the small one after more training on its own solutions with a right answer."""
    texts = training_texts(scale)
    tokenizer = PieceTokenizer([f"{prompt}\n{said}" for prompt, said in texts[:2000]], vocabulary=160)
    jobs = [job(texts, tokenizer, shape(scale, width), seed) for width in (scale.width, scale.wide)]
    small, large = fit_pairs_many(jobs)
    asked = chains(scale, scale.problems, 1)
    found: dict[str, Any] = {
        "small": sampled(small, tokenizer, asked, scale),
        "large": sampled(large, tokenizer, asked, scale),
    }
    learned = own_right_answers(small, tokenizer, scale)
    if learned:
        steps = min(scale.steps // 3, len(learned))
        more = job(learned, tokenizer, shape(scale, scale.width), seed, start=small, steps=max(1, steps))
        (tuned,) = fit_pairs_many([more])
        found["answer-only"] = sampled(tuned, tokenizer, asked, scale)
    return found


def own_right_answers(model: Transformer, tokenizer: PieceTokenizer, scale: "Settings") -> Texts:
    """Solutions of its own to other problems whose answer is right, whatever their steps: reward by answer alone."""
    asked = chains(scale, scale.practice, 2)
    with as_backend(model, tokenizer, chat=False) as (backend, folder):
        drawn = Sampling(max_tokens=scale.tokens, temperature=1.0)
        found = interview(backend, asked, folder / "own.jsonl", sampling=drawn, samples=scale.practice_samples)
    return [(one.answer.question.prompt, one.answer.reply.text) for one in solved(found.answers) if one.check.correct]


def sampled(
    model: Transformer, tokenizer: PieceTokenizer, asked: Sequence[Question], scale: "Settings"
) -> list[dict[str, Any]]:
    """Samples of every problem, checked; one row each, with the network's own likelihood as its score."""
    with as_backend(model, tokenizer, chat=False) as (backend, folder):
        drawn = Sampling(max_tokens=scale.tokens, temperature=HOT)
        found = interview(backend, asked, folder / "s.jsonl", sampling=drawn, samples=scale.samples)
    return rows_of(solved(found.answers), likelihoods(model, tokenizer, found.answers))


def rows_of(checked: Sequence[Solved], scores: Sequence[float] | None) -> list[dict[str, Any]]:
    """JSON-able rows."""
    made = []
    for at, one in enumerate(checked):
        facts, check = one.answer.question.facts, one.check
        row = {"key": one.answer.question.key, "steps": facts["steps_asked"], "remainder": facts["remainder"]}
        row |= {"answer": check.answer, "correct": check.correct, "valid": check.valid, "kind": check.kind}
        made.append({**row, "score": None if scores is None else scores[at]})
    return made


def groups(rows: Sequence[dict[str, Any]], scored: bool = True) -> list[Samples]:
    """Rows as the samples of each problem."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row["key"], []).append(row)
    return [
        Samples(
            key,
            tuple(r["answer"] for r in some),
            tuple(r["correct"] for r in some),
            tuple(r["valid"] for r in some),
            tuple(r["score"] for r in some) if scored else None,
        )
        for key, some in by_key.items()
    ]


@torch.inference_mode()
def likelihoods(model: Transformer, tokenizer: PieceTokenizer, answers: Sequence[Answer]) -> list[float]:
    """Mean log-likelihood per token of each answer under the network that wrote it."""
    device = next(model.parameters()).device
    coded = []
    for one in answers:
        prompt = tokenizer.encode(str(one.question.prompt))
        coded.append((prompt, [*tokenizer.encode(one.reply.text), tokenizer.end_id]))
    order = sorted(range(len(coded)), key=lambda at: sum(map(len, coded[at])))
    found = [0.0] * len(coded)
    for start in range(0, len(order), 256):
        some = order[start : start + 256]
        width = min(max(sum(map(len, coded[at])) for at in some), model.config.context)
        ids_bt = torch.zeros(len(some), width, dtype=torch.long)
        spoken_bt = torch.zeros(len(some), width, dtype=torch.bool)
        for row, at in enumerate(some):
            prompt, rest = coded[at]
            ids = np.array([*prompt, *rest])[:width]
            ids_bt[row, : len(ids)] = torch.from_numpy(ids)
            spoken_bt[row, len(prompt) : len(ids)] = True
        logits_btv = model(ids_bt.to(device)).float().log_softmax(-1).cpu()
        each_bt = logits_btv[:, :-1].gather(2, ids_bt[:, 1:, None])[..., 0] * spoken_bt[:, 1:]
        mean_b = each_bt.sum(1) / spoken_bt[:, 1:].sum(1).clamp(min=1)
        for at, value in zip(some, mean_b.tolist(), strict=True):
            found[at] = value
    return found


def given_rows(spec: str, scale: "Settings", folder: Path | None, seed: int) -> dict[str, Any]:
    """Samples of a given model to chains, and its own verdicts on its right answers."""
    from ..errors import DataError
    from ..evaluation.backends.names import backend
    from ..evaluation.suites.process.judge import detection, judge_questions

    asked = questions(scale.model_problems, seed, steps=scale.chain_steps, remainders=scale.remainders)
    model, kept = backend(spec), folder or Path(tempfile.mkdtemp())
    drawn = Sampling(max_tokens=512, temperature=0.7)
    found = interview(model, asked, kept / "chains.jsonl", sampling=drawn, samples=8, seed=seed)
    judged = interview(model, judge_questions(found.answers), kept / "judged.jsonl", sampling=Sampling(max_tokens=256))
    failures = found.failures + judged.failures
    if failures:
        raise DataError(f"{len(failures)} requests got no answer ({failures[0].reason}). The same command asks again.")
    counts = detection([(a.reply.text, a.question.gold) for a in judged.answers])
    held = {name: getattr(counts, name) for name in ("hits", "alarms", "misses", "passed", "unread")}
    return {"rows": rows_of(solved(found.answers), None), "judge": held}
