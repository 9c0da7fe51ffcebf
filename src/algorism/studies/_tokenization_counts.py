"""The wiring of `tokenization_counts`: networks that read sums in tokens of two digits, and what they are asked."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..evaluation.backends.protocol import BOUNDARY
from ..evaluation.suites import tokenization as t
from ..evaluation.suites.tokenization.sums import Lengths, Sum
from ..models import Transformer, TransformerConfig
from ..text import DigitTokenizer
from ..training import TrainingRecipe
from ._lines import Line, Lines, Trained, batch_of, continuations, train_lines

if TYPE_CHECKING:
    from .tokenization_counts import Settings

SIZE = 2
TELLING = "abcdefghij"  # a letter in front of a line says which way of answering is wanted
# One vocabulary serves both directions: every group of one or two digits is a token.
TOKENIZER = DigitTokenizer(SIZE, "l2r", "0123456789+=,\n" + TELLING)
STOP = TOKENIZER.vocab["\n"]
DIRECTIONS = {name: t.Arm(f"forced_{name}", f"forced_{name}") for name in ("l2r", "r2l")}
N, C = "nosep", "comma_r2l"
# Two ways of writing in, two out, and repeats from one into the other or within one.
MIXED = (t.Arm(N, N), t.Arm(C, C), t.Arm(N, C), t.Arm(C, N), t.Arm(N, C, C), t.Arm(C, N, N), t.Arm(N, N, N))


def line(arm: t.Arm, given: Sum, telling: str = "") -> Line:
    r"""A sum as ids, its answer behind it.

    >>> ids, prompt = line(DIRECTIONS["r2l"], (123, 45))
    >>> [TOKENIZER.tokens[i] for i in ids[:prompt]], [TOKENIZER.tokens[i] for i in ids[prompt:]]
    (['1', '23', '+', '45', '='], ['1', '68', '\n'])
    """
    query, answer = t.form(arm.query, SIZE), t.form(arm.answer, SIZE)
    asked = _ids(telling + query.sum(*given))
    said = t.form(arm.repeat, SIZE).sum(*given) if arm.repeat else ""
    return [*asked, *_ids(said + answer.write(sum(given))), STOP], len(asked)


@cache
def _piece(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.vocab[token] for token in re.findall(rf"[0-9]{{1,{SIZE}}}|[^0-9]", text))


def _ids(text: str) -> list[int]:
    return [i for piece in re.split(f"{BOUNDARY}|(?<=[=+])|(?=[=+])", text) if piece for i in _piece(piece)]


def asked_sums(scale: "Settings", seed: int) -> dict[Lengths, list[Sum]]:
    """The sums that are asked: of each triple of lengths so many; never trained on."""
    return {lengths: t.distinct(lengths, scale.test, f"{seed}/test") for lengths in t.triples(scale.lengths)}


class Drawn:
    """Draws lines of some arms, on sums of all triples of lengths alike, none of which is asked."""

    def __init__(self, arms: Sequence[t.Arm], tested: dict[Lengths, list[Sum]], told: bool) -> None:
        self.arms, self.triples, self.told = arms, list(tested), told
        self.tested = {given for some in tested.values() for given in some}

    def __call__(self, n: int, rng: np.random.Generator) -> list[Line]:
        """Draw n lines."""
        lines: list[Line] = []
        while len(lines) < n:
            kind = rng.integers(0, len(self.triples), n)
            sums = np.empty((n, 2), np.int64)
            for at, lengths in enumerate(self.triples):
                sums[kind == at] = t.draw_many(lengths, int((kind == at).sum()), rng)
            arm = rng.integers(0, len(self.arms), n)
            for (a, b), which in zip(sums.tolist(), arm.tolist(), strict=True):
                if (a, b) not in self.tested:
                    lines.append(line(self.arms[which], (a, b), TELLING[which] if self.told else ""))
        return lines[:n]


def recipe(scale: "Settings", steps: int) -> TrainingRecipe:
    """How all networks of this study are trained."""
    return TrainingRecipe(
        steps=steps,
        batch=scale.batch,
        learning_rate=scale.learning_rate,
        min_learning_rate=scale.learning_rate / 20,
        warmup=min(100, steps),
        betas=(0.9, 0.98),
        weight_decay=0.01,
        precision=scale.precision,
    )


def _job(scale: "Settings", seed: int, arms: Sequence[t.Arm], steps: int, told: bool) -> Lines:
    tested = asked_sums(scale, 0)
    longest = max(len(line(arm, tested[k][0])[0]) for arm in arms for k in tested) + 4
    config = TransformerConfig(
        vocab=TOKENIZER.vocab_size, context=longest, layers=scale.layers, heads=scale.heads, width=scale.width
    )
    watched: dict[str, list[Line]] = {}
    for lengths, sums in tested.items():
        name = "match" if lengths[2] in lengths[:2] else "mismatch"
        for which, arm in enumerate(arms):
            lines = [line(arm, given, TELLING[which] if told else "") for given in sums[: scale.watched]]
            watched.setdefault(f"{arm.name} {name}" if told else name, []).extend(lines)
    device = "cuda" if scale.needs_gpu else "cpu"
    return Lines(config, Drawn(arms, tested, told), recipe(scale, steps), seed, watched, scale.looks, device)


def directions(scale: "Settings", seed: int) -> dict[str, Any]:
    """Both directions, all seeds: answers to the tested sums, curves, and entropies of the answers' tokens."""
    jobs = [
        _job(scale, seed + k, [arm], scale.steps, told=False) for k in range(scale.seeds) for arm in DIRECTIONS.values()
    ]
    trained = train_lines(jobs)
    found: dict[str, Any] = {"test": scale.test, "parameters": sum(p.numel() for p in trained[0].model.parameters())}
    for at, (name, arm) in enumerate(DIRECTIONS.items()):
        found[name] = [_asked(one, [arm], scale, told=False) for one in trained[at :: len(DIRECTIONS)]]
    return found


def mixture(scale: "Settings", seed: int) -> list[dict[str, Any]]:
    """One network for each seed that knows all ways of MIXED; its answers in each."""
    jobs = [_job(scale, seed + 100 + k, MIXED, scale.mixed_steps, told=True) for k in range(scale.mixed_seeds)]
    return [_asked(one, MIXED, scale, told=True) for one in train_lines(jobs)]


def _asked(trained: Trained, arms: Sequence[t.Arm], scale: "Settings", told: bool) -> dict[str, Any]:
    responses: dict[str, list[str]] = {}
    entropies: dict[str, list[list[float]]] = {}
    tested = asked_sums(scale, 0)
    for which, arm in enumerate(arms):
        lines = [line(arm, given, TELLING[which] if told else "") for some in tested.values() for given in some]
        written = continuations(trained.model, lines, STOP)
        responses[arm.name] = [TOKENIZER.decode(ids) for ids in written]
        if not told:
            entropies[arm.name] = _entropies(trained.model, lines)
    return {"responses": responses, "curve": trained.curve, "entropies": entropies}


@torch.inference_mode()
def _entropies(model: Transformer, lines: Sequence[Line]) -> list[list[float]]:
    """Entropy of each token of the right answers, given those before it, in nats; the stop left out."""
    found = []
    batch = batch_of(lines)
    device = model.embed.weight.device
    for start in range(0, len(lines), 512):
        ids = torch.from_numpy(batch.ids_bt[start : start + 512]).to(device)
        logs_btv = model(ids).float().log_softmax(-1)
        entropy_bt = -(logs_btv.exp() * logs_btv).sum(-1).cpu()
        for row, (whole, prompt) in enumerate(lines[start : start + 512]):
            found.append([round(float(x), 4) for x in entropy_bt[row, prompt - 1 : len(whole) - 2]])
    return found


def cases(arm: t.Arm, responses: Sequence[str], scale: "Settings") -> list[t.Case]:
    """Responses to the tested sums, read and compared."""
    given = [one for some in asked_sums(scale, 0).values() for one in some]
    return [
        t.case(t.Answered(one, text, arm.name, arm.query, arm.answer, arm.repeat, SIZE))
        for one, text in zip(given, responses, strict=True)
    ]
