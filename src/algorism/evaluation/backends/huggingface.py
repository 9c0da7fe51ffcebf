"""A Hugging Face checkpoint, asked in this process: a folder, or a name if downloads are allowed.

Greedy by default. Prompts are sorted by length, and padded on the left or grouped by length, as the engine wants; rows
that have ended leave the batch; drawing is seeded per request, so that neither order nor batch size decides an answer,
but for the rounding of matrix products, which `invariance` measures. Nothing is unpickled and no code of a checkpoint
is run.

Shape letters: b row of a batch, t token, v vocabulary.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import torch

from algorism.errors import AlgorismError, CheckpointError, ShapeError, UsageError
from algorism.evaluation.backends.checkpoints import checkpoint_hash
from algorism.evaluation.backends.engines import Engine, TransformersEngine
from algorism.evaluation.backends.own_engine import OwnEngine
from algorism.evaluation.backends.own_folder import own_reason
from algorism.evaluation.backends.protocol import (
    BOUNDARY,
    Failure,
    Prompt,
    Reply,
    Request,
    Sampling,
    as_messages,
    as_text,
)
from algorism.evaluation.backends.side_by_side import side_by_side
from algorism.evaluation.backends.tokens import Stopper, choose

Row = tuple[list[int], Request]


class HuggingFace:
    """A causal language model in the form of `transformers`.

    Args:
        path: a checkpoint's folder, or a name on the hub with `download`.
        chat: send prompts as a conversation through the model's template; default: if it has one.
        batch: most prompts at once.
        dtype: "auto" for the checkpoint's own, "float32", "bfloat16" or "float16".
        device: "cpu", "cuda", …; default: a GPU if there is one.
        download: allow a name that is not a folder here.
        engine: "transformers"; "algorism" for our own transformer, which computes GPT-2 and Llama folders in float32
            several times sooner; "auto" for ours where it computes the same function (`own_folder.own_reason`).

    Raises:
        CheckpointError: no such folder, or it holds no model that can be loaded from safetensors.
        UsageError: `chat` for a model without a template, or our engine for a folder that it cannot compute.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        chat: bool | None = None,
        batch: int = 256,
        dtype: str = "auto",
        device: str | None = None,
        download: bool = False,
        engine: Literal["auto", "transformers", "algorism"] = "auto",
    ) -> None:
        self.path, self.batch, self.name = str(path), batch, f"hf:{path}"
        if not Path(path).is_dir() and not download:
            raise CheckpointError(f"{path} is no folder. Give a checkpoint's folder, or allow downloads by name.")
        reason = own_reason(path) if dtype in ("auto", "float32") else f"{dtype} was asked for"
        if engine == "algorism" and reason is not None:
            raise UsageError(f"{path}: our own engine cannot compute it ({reason}); use the engine 'transformers'.")
        self.engine: Engine
        if engine != "transformers" and reason is None:
            self.engine = OwnEngine(path, device=device)
        else:
            self.engine = TransformersEngine(path, dtype=dtype, device=device, download=download)
        if chat and not self.engine.template:
            raise UsageError(f"{path} has no chat template; ask it without chat.")
        self.chat = self.engine.template if chat is None else chat
        self.room = self.engine.room

    def fingerprint(self) -> Mapping[str, Any]:
        """Hashes of configuration, tokenizer and weights; chat or not; precision. Not the path: it may move."""
        files, engine = checkpoint_hash(self.path), self.engine
        return {"kind": "hf", "files": files, "chat": self.chat, "dtype": engine.dtype, "engine": engine.kind}

    def tokenize(self, text: str) -> list[str]:
        """The text's tokens, as pieces of it."""
        return [text[start:end] for start, end in self.engine.spans(text, special=False)[1]]

    def encode(self, prompt: Prompt) -> list[int]:
        """A prompt's tokens, through the chat template or as text.

        Raises:
            UsageError: the prompt forces boundaries between tokens, and this tokenizer cannot cut there without
                changing the text.
        """
        if self.chat:
            turns = [{"role": m.role, "content": m.content} for m in as_messages(prompt)]
            text = self.engine.conversation(turns)
        else:
            text = as_text(prompt)
        first, *others = text.split(BOUNDARY)
        ids = self.engine.encode(first, special=not self.chat)
        for piece in others:
            ids += self.engine.encode(piece, special=False)
        if others and not self.engine.decode(ids).endswith(text.replace(BOUNDARY, "")):
            raise UsageError(f"{self.path}: its tokenizer changes a text that is cut into pieces; do not force tokens.")
        return ids

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Reply | Failure]:
        """Answer batch by batch, shortest prompts first; a row is given as soon as its batch no longer needs it."""
        fitting = []
        for request in requests:
            try:
                ids = self.encode(request.prompt)
            except AlgorismError:
                raise
            except Exception as error:  # what `tokenizers` raises where a character has no token is nothing narrower
                yield Failure(request.key, request.sample, f"the tokenizer refuses a prompt: {error}")
                continue
            if not ids or (self.room is not None and len(ids) + 1 > self.room):
                why = f"a prompt of {len(ids)} tokens; this model has {self.room} positions, and starts from one"
                yield Failure(request.key, request.sample, why)
            elif max(ids) >= self.engine.vocab:
                why = f"a prompt with token {max(ids)}; this model knows {self.engine.vocab}, fewer than its tokenizer"
                yield Failure(request.key, request.sample, why)
            else:
                fitting.append((ids, request))
        fitting.sort(key=lambda row: len(row[0]))
        stopper = Stopper(self.engine.decode, sampling.stop)

        def answers(rows: list[Row]) -> Iterator[Reply]:
            return self._batch(rows, sampling, stopper)

        yield from side_by_side(answers, list(self._batches(fitting, sampling)), self.engine.side_by_side)

    def _batches(self, rows: list[Row], sampling: Sampling) -> Iterator[list[Row]]:
        """Rows that are read together: neighbours in length, or of one length if the engine wants that."""
        of_length = [list(group) for _, group in groupby(rows, key=lambda row: len(row[0]))]
        mixed = not rows or self.engine.most(1, sampling.max_tokens) is None
        for group in [rows] if mixed else of_length:
            most = None if mixed else self.engine.most(len(group[0][0]), self._new(group[0], sampling))
            size = min(self.batch, most or self.batch)
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _new(self, row: Row, sampling: Sampling) -> int:
        """How many tokens may follow a prompt."""
        return sampling.max_tokens if self.room is None else min(sampling.max_tokens, self.room - len(row[0]))

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Logarithm of P(continuation | prompt) for each pair, in nats.

        Prompt and continuation are cut into tokens together; a token that spans both counts as the continuation's.

        Raises:
            ShapeError: a pair too long for the model, or a continuation without tokens of its own.
        """
        found = []
        for prompt, continuation in pairs:
            ids, spans = self.engine.spans(prompt + continuation, special=True)
            first = next((i for i, (_, end) in enumerate(spans) if end > len(prompt)), None)
            if not first or (self.room is not None and len(ids) > self.room):
                raise ShapeError(
                    "loglikelihood: expected a prompt and a continuation of at least a token each, at most "
                    f"{self.room} together, got {prompt[-40:]!r} and {continuation[:40]!r}, {len(ids)} tokens."
                )
            with torch.inference_mode():
                logits_tv = self.engine.logits(ids)[first - 1 : -1]
                chosen = logits_tv.log_softmax(-1).gather(
                    1, torch.tensor(ids[first:], device=logits_tv.device)[:, None]
                )
            found.append(float(chosen.double().sum()))
        return found

    def invariance(self, requests: Sequence[Request], sampling: Sampling) -> list[str]:
        """Keys of requests that are answered otherwise alone than in a batch: rounding decides between tokens there."""
        together = {r.key: r.text for r in self.generate(requests, sampling) if isinstance(r, Reply)}
        alone: dict[str, str] = {}
        for request in requests:
            alone |= {r.key: r.text for r in self.generate([request], sampling) if isinstance(r, Reply)}
        return [key for key, text in alone.items() if together.get(key) != text]

    @torch.inference_mode()
    def _batch(self, rows: list[Row], sampling: Sampling, stopper: Stopper) -> Iterator[Reply]:
        """Answer rows together; each is given as soon as it has ended."""
        began = time.perf_counter()
        most = [self._new(row, sampling) for row in rows]
        draws = None if sampling.greedy else [torch.Generator().manual_seed(request.seed) for _, request in rows]
        alive, done = list(range(len(rows))), set[int]()
        written: list[list[int]] = [[] for _ in rows]
        reading = self.engine.start([ids for ids, _ in rows], max(most))
        for step in range(max(most)):
            chosen_b = choose(reading.logits_bv, sampling, draws and [draws[row] for row in alive])
            for row, token in zip(alive, chosen_b.tolist(), strict=True):
                if row in done:
                    continue
                ended = token in self.engine.ends
                if not ended:
                    written[row].append(token)
                if ended or stopper.found(written[row]) or step == most[row] - 1:
                    done.add(row)
                    seconds = time.perf_counter() - began
                    yield self._reply(rows[row][1], written[row], sampling, ended, seconds)
            going = [at for at, row in enumerate(alive) if row not in done]
            if not going:
                return
            if len(going) <= len(alive) * 3 // 4:  # so many fewer rows are worth a copy of the cache
                reading.keep(going)
                alive, chosen_b = [alive[at] for at in going], chosen_b[going]
            reading.read(chosen_b)

    def _reply(self, request: Request, ids: list[int], sampling: Sampling, ended: bool, seconds: float) -> Reply:
        text, stopped = sampling.cut(self.engine.decode(ids))
        return Reply(request.key, request.sample, text, "stop" if ended or stopped else "length", len(ids), seconds)
