"""Ask a network of ours, grade its answers exactly, and say where it errs.

Knows models, formats and problems; does not know how the network was trained.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..models.transformer import Transformer
from ..tasks import Problems, Sequences
from ..text import Format, Indexing, ListFormat
from .breakdown import Breakdown, breakdown
from .decoding import generate
from .list_errors import ListBreakdown, list_breakdown
from .statistics import Interval, wilson


@dataclass(frozen=True)
class Evaluation:
    """Answers of one network to one set of problems, graded.

    Args:
        name: of the problem set.
        prompts, gold, answers, completions: text per problem; an answer is None when the completion cannot be parsed.
        correct_n: exact equality of answer and gold, the answer read leniently: whatever else is written, as long as
            the format finds one answer in it.
        strict_n: the whole completion, working and padding included, is what the format would write.
        breakdown: by digits, carries, output place and kind of error; of lists by length, place and kind.
        seconds: of decoding.
    """

    name: str
    prompts: list[str]
    gold: list[str]
    answers: list[str | None]
    completions: list[str]
    correct_n: np.ndarray
    strict_n: np.ndarray
    breakdown: Breakdown | ListBreakdown
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def accuracy(self) -> Interval:
        """Exact match with its Wilson interval."""
        return wilson(int(self.correct_n.sum()), len(self.correct_n))

    @property
    def strict(self) -> Interval:
        """Share of completions that are letter by letter what the format would write, with its Wilson interval."""
        return wilson(int(self.strict_n.sum()), len(self.strict_n))

    def errors(self, most: int = 50) -> list[dict[str, Any]]:
        """The first wrong answers: prompt, expected, got."""
        wrong = np.flatnonzero(~self.correct_n)[:most]
        return [
            {"prompt": self.prompts[i], "expected": self.gold[i], "got": self.answers[i] or self.completions[i]}
            for i in wrong
        ]

    def records(self) -> list[dict[str, Any]]:
        """One row per problem, for JSONL files and paired comparisons."""
        return [
            {"prompt": p, "completion": c, "answer": a, "gold": g, "correct": bool(ok), "strict": bool(same)}
            for p, c, a, g, ok, same in zip(
                self.prompts, self.completions, self.answers, self.gold, self.correct_n, self.strict_n, strict=True
            )
        ]


def evaluate(
    model: Transformer,
    form: Format | ListFormat,
    tokenizer: Any,
    problems: Problems | Sequences,
    *,
    name: str = "held-out",
    temperature: float = 0.0,
    top_k: int | None = None,
    seed: int = 0,
    batch: int = 512,
    indexing: Indexing | None = None,
    band: int | None = None,
) -> Evaluation:
    """Decode an answer to every problem and grade it exactly.

    Args:
        model: a transformer of ours.
        form: how problems are written; its `read_answer` turns a completion into a canonical answer.
        tokenizer: ours; text ↔ ids.
        problems: what is asked.
        name: of this problem set, for tables.
        temperature: 0 for greedy decoding.
        top_k: sample among the k likeliest tokens only.
        seed: of sampling.
        batch: most prompts decoded at once.
        indexing: how the model is told where tokens stand; None by their places.
        band: see `generate`; None for the model as it is.

    Raises:
        ShapeError: a problem too long for the model's context.
    """
    import time

    texts = form.write(problems)  # type: ignore[arg-type]
    encoded = tokenizer.encode_texts(texts)
    prompts = [encoded.ids_nt[i, :p].astype(np.int64) for i, p in enumerate(encoded.prompt_n)]
    room = int((encoded.length_n - encoded.prompt_n).max())
    stop = [int(tokenizer.encode(form.stop)[0])]
    started = time.perf_counter()
    new = generate(
        model,
        prompts,
        max_new=room,
        stop=stop,
        temperature=temperature,
        top_k=top_k,
        seed=seed,
        batch=batch,
        indices=None if indexing is None else list(indexing.of(texts, int(encoded.prompt_n.max()) + room)),
        band=band,
    )
    seconds = time.perf_counter() - started
    completions = tokenizer.decode_batch(new)
    answers = [form.read_answer(completion) for completion in completions]
    gold = form.reference(problems).strings()  # type: ignore[arg-type]
    correct_n = np.array([a == g for a, g in zip(answers, gold, strict=True)], dtype=bool)
    written = [completion.partition(form.stop)[0].rstrip(" ") for completion in texts.completions()]
    strict_n = np.array([c == w for c, w in zip(completions, written, strict=True)], dtype=bool)
    if isinstance(problems, Sequences):
        parts: Breakdown | ListBreakdown = list_breakdown(answers, gold, problems.size_n)
    else:
        carries_n = np.zeros(len(gold), np.int32) if problems.carries_n is None else problems.carries_n
        parts = breakdown(answers, gold, problems.digits_n, carries_n)
    return Evaluation(
        name,
        texts.prompts(),
        gold,
        answers,
        completions,
        correct_n,
        strict_n,
        parts,
        seconds,
        {"temperature": temperature, "top_k": top_k, "seed": seed, "band": band},
    )
