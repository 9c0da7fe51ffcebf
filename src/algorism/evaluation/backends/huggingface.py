"""A Hugging Face checkpoint, asked in this process: a folder, or a name if downloads are allowed.

Greedy by default. Prompts are sorted by length and padded on the left; rows that have ended leave the batch; drawing is
seeded per request, so that neither order nor batch size decides an answer, but for the rounding of matrix products,
which `invariance` measures. Nothing is unpickled and no code of a checkpoint is run.

Shape letters: b row of a batch, t token, v vocabulary.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from algorism.errors import AlgorismError, CheckpointError, ShapeError, UsageError
from algorism.evaluation.backends.checkpoints import checkpoint_hash
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
from algorism.evaluation.backends.tokens import Stopper, choose


class HuggingFace:
    """A causal language model of `transformers`.

    Args:
        path: a checkpoint's folder, or a name on the hub with `download`.
        chat: send prompts as a conversation through the model's template; default: if it has one.
        batch: most prompts at once.
        dtype: "auto" for the checkpoint's own, "float32", "bfloat16" or "float16".
        device: "cpu", "cuda", …; default: a GPU if there is one.
        download: allow a name that is not a folder here.

    Raises:
        CheckpointError: no such folder, or it holds no model that can be loaded from safetensors.
        UsageError: `chat` for a model without a template.
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
    ) -> None:
        import transformers

        self.path, self.batch, self.name = str(path), batch, f"hf:{path}"
        if not Path(path).is_dir() and not download:
            raise CheckpointError(f"{path} is no folder. Give a checkpoint's folder, or allow downloads by name.")
        settings = {"local_files_only": not download, "trust_remote_code": False}
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path, padding_side="left", **settings)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                path, dtype=dtype, use_safetensors=True, **settings
            )
        except (OSError, ValueError, KeyError) as error:
            first = (str(error) or type(error).__name__).strip().splitlines()[0]
            raise CheckpointError(f"{path}: no model that can be loaded without running its code ({first}).") from error
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device).eval()
        template = bool(getattr(self.tokenizer, "chat_template", None))
        if chat and not template:
            raise UsageError(f"{path} has no chat template; ask it without chat.")
        self.chat = template if chat is None else chat
        ends = self.model.generation_config.eos_token_id
        self.ends = {ends} if isinstance(ends, int) else set(ends or ())
        self.room = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def fingerprint(self) -> Mapping[str, Any]:
        """Hashes of configuration, tokenizer and weights; chat or not; precision. Not the path: it may move."""
        dtype = str(next(self.model.parameters()).dtype).removeprefix("torch.")
        return {"kind": "hf", "files": checkpoint_hash(self.path), "chat": self.chat, "dtype": dtype}

    def tokenize(self, text: str) -> list[str]:
        """The text's tokens, as pieces of it."""
        spans = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
        return [text[start:end] for start, end in spans]

    def encode(self, prompt: Prompt) -> list[int]:
        """A prompt's tokens, through the chat template or as text.

        Raises:
            UsageError: the prompt forces boundaries between tokens, and this tokenizer cannot cut there without
                changing the text.
        """
        if self.chat:
            turns = [{"role": m.role, "content": m.content} for m in as_messages(prompt)]
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        else:
            text = as_text(prompt)
        first, *others = text.split(BOUNDARY)
        ids = list(self.tokenizer(first, add_special_tokens=not self.chat)["input_ids"])
        for piece in others:
            ids += self.tokenizer(piece, add_special_tokens=False)["input_ids"]
        if others and not self._decoded(ids).endswith(text.replace(BOUNDARY, "")):
            raise UsageError(f"{self.path}: its tokenizer changes a text that is cut into pieces; do not force tokens.")
        return ids

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))

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
            else:
                fitting.append((ids, request))
        fitting.sort(key=lambda row: len(row[0]))
        stopper = Stopper(self.tokenizer, sampling.stop)
        for start in range(0, len(fitting), self.batch):
            yield from self._batch(fitting[start : start + self.batch], sampling, stopper)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Logarithm of P(continuation | prompt) for each pair, in nats.

        Prompt and continuation are cut into tokens together; a token that spans both counts as the continuation's.

        Raises:
            ShapeError: a pair too long for the model, or a continuation without tokens of its own.
        """
        found = []
        for prompt, continuation in pairs:
            coded = self.tokenizer(prompt + continuation, return_offsets_mapping=True)
            ids_bt = torch.tensor([coded["input_ids"]], device=self.device)
            first = next((i for i, (_, end) in enumerate(coded["offset_mapping"]) if end > len(prompt)), None)
            if not first or (self.room is not None and ids_bt.shape[1] > self.room):
                raise ShapeError(
                    "loglikelihood: expected a prompt and a continuation of at least a token each, at most "
                    f"{self.room} together, got {prompt[-40:]!r} and {continuation[:40]!r}, {ids_bt.shape[1]} tokens."
                )
            with torch.inference_mode():
                logits_tv = self.model(input_ids=ids_bt).logits[0, first - 1 : -1].float()
            chosen = logits_tv.log_softmax(-1).gather(1, ids_bt[0, first:, None])
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
    def _batch(
        self, rows: list[tuple[list[int], Request]], sampling: Sampling, stopper: Stopper
    ) -> Iterator[Reply | Failure]:
        began = time.perf_counter()
        lengths = [len(ids) for ids, _ in rows]
        longest = lengths[-1]
        pad = self.tokenizer.pad_token_id or 0
        ids_bt = torch.tensor([[pad] * (longest - len(ids)) + ids for ids, _ in rows], device=self.device)
        mask_bt = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids, _ in rows], device=self.device)
        place_bt = (mask_bt.cumsum(1) - 1).clamp(min=0)
        most = [sampling.max_tokens if self.room is None else min(sampling.max_tokens, self.room - n) for n in lengths]
        draws = None if sampling.greedy else [torch.Generator().manual_seed(request.seed) for _, request in rows]
        alive, done, cache = list(range(len(rows))), set[int](), None
        written: list[list[int]] = [[] for _ in rows]
        for step in range(max(most)):
            found = self.model(
                input_ids=ids_bt,
                attention_mask=mask_bt,
                position_ids=place_bt,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache = found.past_key_values
            chosen_b = choose(found.logits[:, -1], sampling, draws and [draws[row] for row in alive])
            for row, token in zip(alive, chosen_b.tolist(), strict=True):
                if row in done:
                    continue
                ended = token in self.ends
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
                kept = torch.tensor(going, device=self.device)
                cache.batch_select_indices(kept)
                alive = [alive[at] for at in going]
                mask_bt, place_bt, chosen_b = mask_bt[kept], place_bt[kept], chosen_b[kept]
            ids_bt = chosen_b[:, None]
            place_bt = (place_bt[:, -1:] + 1).clamp(max=self.room and self.room - 1)  # of rows that have ended
            mask_bt = torch.cat([mask_bt, mask_bt.new_ones(len(mask_bt), 1)], 1)

    def _reply(self, request: Request, ids: list[int], sampling: Sampling, ended: bool, seconds: float) -> Reply:
        written = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        text, stopped = sampling.cut(written)
        return Reply(request.key, request.sample, text, "stop" if ended or stopped else "length", len(ids), seconds)
