"""What a checkpoint's backend computes with: its tokens, and a batch of texts that is continued step by step.

Two engines know how. `TransformersEngine` takes any causal language model of `transformers`; `own_engine.OwnEngine`
takes GPT-2 and Llama folders that our own transformer computes exactly, without importing `transformers` at all.

Shape letters: b row of a batch, t token, v vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from algorism.errors import CheckpointError


class Reading(Protocol):
    """A batch of texts that a model has read, and what it expects next."""

    logits_bv: Tensor

    def read(self, chosen_b: Tensor) -> None:
        """Read one more token of each row."""

    def keep(self, rows: Sequence[int]) -> None:
        """Forget every row but these."""


class Tokens(Protocol):
    """A tokenizer."""

    def encode(self, text: str, special: bool) -> list[int]:
        """A text's tokens, with those that the model wants around every text or without."""

    def decode(self, ids: Sequence[int]) -> str:
        """A text of these tokens; special ones are left out."""

    def spans(self, text: str, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """As `encode`, and where in the text each token begins and ends."""

    def token_id(self, token: str) -> int | None:
        """The id of a token by its name in the vocabulary; None if there is none."""


class Engine(Tokens, Protocol):
    """A model and its tokenizer.

    Attributes:
        kind: name of the engine, part of a run's fingerprint.
        device: where the model is.
        dtype: of its weights, such as "float32".
        ends: tokens that end an answer.
        room: positions that the model has; None for no bound.
        vocab: tokens that the model knows; a tokenizer may have more.
        template: whether conversations have a form of their own.
        side_by_side: how many batches are worth reading at once.
    """

    kind: str
    device: torch.device
    dtype: str
    ends: frozenset[int]
    room: int | None
    vocab: int
    template: bool
    side_by_side: int

    def conversation(self, turns: list[dict[str, str]]) -> str:
        """Turns in the model's own form, ready to be answered."""

    def most(self, length: int, new: int) -> int | None:
        """How many prompts of one length a batch may hold at most; None if prompts of any lengths may share one."""

    def start(self, rows: Sequence[list[int]], new: int) -> Reading:
        """Read a batch of prompts, which `new` tokens at most will follow; in inference mode."""

    def logits(self, ids: list[int]) -> Tensor:
        """What is expected after every token of one text, (t, v), float32; in inference mode."""


class TransformersEngine:
    """A causal language model of `transformers`; arguments as for `HuggingFace`.

    Raises:
        CheckpointError: no such folder, or it holds no model that can be loaded from safetensors.
    """

    kind, side_by_side = "transformers", 1

    def __init__(
        self, path: Path | str, *, dtype: str = "auto", device: str | None = None, download: bool = False
    ) -> None:
        import transformers

        settings = {"local_files_only": not download, "trust_remote_code": False}
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path, padding_side="left", **settings)
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                path, dtype=dtype, use_safetensors=True, output_loading_info=True, **settings
            )
        except Exception as error:  # damaged files and wrong settings end in many kinds of errors there
            first = (str(error) or type(error).__name__).strip().splitlines()[0]
            raise CheckpointError(f"{path}: no model that can be loaded without running its code ({first}).") from error
        model, found = loaded
        if found["missing_keys"]:  # they would be drawn at random
            missing = sorted(found["missing_keys"])
            raise CheckpointError(
                f"{path}: no model that can be loaded: {len(missing)} tensors are missing, such as {missing[0]!r}. "
                "Is the folder complete?"
            )
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.to(self.device).eval()
        self.dtype = str(next(self.model.parameters()).dtype).removeprefix("torch.")
        self.template = bool(getattr(self.tokenizer, "chat_template", None))
        ends = self.model.generation_config.eos_token_id
        self.ends = frozenset([ends] if isinstance(ends, int) else ends or ())
        self.vocab = int(self.model.get_input_embeddings().num_embeddings)
        self.room: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def encode(self, text: str, special: bool) -> list[int]:
        """See `Engine`."""
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """See `Engine`."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def token_id(self, token: str) -> int | None:
        """See `Engine`."""
        found: int | None = self.tokenizer.get_vocab().get(token)
        return found

    def spans(self, text: str, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Engine`."""
        coded = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=special)
        return list(coded["input_ids"]), list(coded["offset_mapping"])

    def conversation(self, turns: list[dict[str, str]]) -> str:
        """See `Engine`."""
        return str(self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def most(self, length: int, new: int) -> None:
        """See `Engine`; prompts of any lengths are padded."""

    def start(self, rows: Sequence[list[int]], new: int) -> "PaddedReading":
        """See `Engine`; prompts are padded on the left."""
        return PaddedReading(self, rows)

    def logits(self, ids: list[int]) -> Tensor:
        """See `Engine`."""
        found: Tensor = self.model(input_ids=torch.tensor([ids], device=self.device)).logits[0].float()
        return found


class PaddedReading:
    """Prompts padded on the left, read by a model of `transformers`."""

    def __init__(self, engine: TransformersEngine, rows: Sequence[list[int]]) -> None:
        self.engine, self.cache = engine, None
        longest, pad = max(map(len, rows)), engine.tokenizer.pad_token_id or 0
        ids_bt = torch.tensor([[pad] * (longest - len(ids)) + ids for ids in rows], device=engine.device)
        self.mask_bt = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in rows], device=engine.device)
        self.place_bt = (self.mask_bt.cumsum(1) - 1).clamp(min=0)
        self._forward(ids_bt)

    def read(self, chosen_b: Tensor) -> None:
        """See `Reading`."""
        room = self.engine.room
        self.place_bt = (self.place_bt[:, -1:] + 1).clamp(max=room and room - 1)  # of rows that have ended
        self.mask_bt = torch.cat([self.mask_bt, self.mask_bt.new_ones(len(self.mask_bt), 1)], 1)
        self._forward(chosen_b[:, None])

    def keep(self, rows: Sequence[int]) -> None:
        """See `Reading`."""
        kept = torch.tensor(rows, device=self.engine.device)
        assert self.cache is not None
        self.cache.batch_select_indices(kept)
        self.mask_bt, self.place_bt = self.mask_bt[kept], self.place_bt[kept]

    def _forward(self, ids_bt: Tensor) -> None:
        found = self.engine.model(
            input_ids=ids_bt,
            attention_mask=self.mask_bt,
            position_ids=self.place_bt,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = found.past_key_values
        self.logits_bv: Tensor = found.logits[:, -1]
