"""A GPT-2 or Llama folder computed by our own transformer: the same answers, sooner, without `transformers`.

`own_folder.own_reason` tells why a folder must be left to `transformers`: anything that could change an answer is
refused there. Shape letters: b row of a batch, t token, v vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from algorism.errors import AlgorismError, CheckpointError, UsageError
from algorism.evaluation.backends.own_folder import ends_of, made_special
from algorism.evaluation.prompts import read_prompts, rows_that_fit
from algorism.models.loading import load_hf

MOST_REMEMBERED = 4 << 30  # bytes of keys and values that all batches together may need


class FastTokens:
    """A tokenizer of the `tokenizers` library; see `engines.Tokens`.

    Args:
        tokens: `tokenizers.Tokenizer`.
    """

    def __init__(self, tokens: Any) -> None:
        self.tokens = tokens

    def encode(self, text: str, special: bool) -> list[int]:
        """See `Tokens`."""
        return list(self._coded(text, special).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """See `Tokens`."""
        return str(self.tokens.decode(list(ids), skip_special_tokens=True))

    def spans(self, text: str, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokens`."""
        coded = self._coded(text, special)
        return list(coded.ids), list(coded.offsets)

    def _coded(self, text: str, special: bool) -> Any:
        # As a batch, like `transformers`: what cannot be encoded is refused in the same words.
        return self.tokens.encode_batch([text], add_special_tokens=special)[0]

    def token_id(self, token: str) -> int | None:
        """See `Tokens`."""
        found: int | None = self.tokens.token_to_id(token)
        return found


class OwnEngine(FastTokens):
    """Our transformer with a folder's weights; see `engines.Engine`.

    Args:
        path: a folder for which `own_reason` gives None.
        device: "cpu", "cuda", …; default: a GPU if there is one.

    Raises:
        CheckpointError: weights that are missing or damaged.
    """

    kind, dtype, template = "algorism", "float32", False

    def __init__(self, path: Path | str, *, device: str | None = None) -> None:
        import tokenizers

        folder = Path(path)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        try:
            self.model = load_hf(folder).to(self.device).eval()
        except AlgorismError as error:
            raise CheckpointError(f"{folder}: no model that can be loaded ({error})") from error
        try:
            tokens = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises nothing narrower for a damaged file
            raise CheckpointError(f"{folder}: no tokenizer that can be loaded ({error}).") from error
        tokens.no_padding()
        tokens.no_truncation()
        special = [tokenizers.AddedToken(text, special=True, normalized=False) for text in made_special(folder)]
        tokens.add_special_tokens(special)
        super().__init__(tokens)
        self.ends = ends_of(folder)
        self.room: int | None = self.model.config.context
        self.vocab = self.model.config.vocab
        # Products of small batches do not divide well over cores, whole batches do.
        self.side_by_side = torch.get_num_threads() if self.device.type == "cpu" else 1

    def conversation(self, turns: list[dict[str, str]]) -> str:
        """Always refused: a folder with a template is left to `transformers`.

        Raises:
            UsageError: this folder has none.
        """
        raise UsageError("This checkpoint has no chat template; ask it without chat.")

    def most(self, length: int, new: int) -> int:
        """See `Engine`."""
        config = self.model.config
        each = 2 * config.layers * config.width * (length + new) * self.model.embed.weight.element_size()
        return max(1, min(rows_that_fit(self.model, length, new), MOST_REMEMBERED // self.side_by_side // each))

    def start(self, rows: Sequence[list[int]], new: int) -> "EqualReading":
        """See `Engine`; prompts of one length."""
        return EqualReading(self, rows, new)

    def logits(self, ids: list[int]) -> Tensor:
        """See `Engine`."""
        found: Tensor = self.model(torch.tensor([ids], device=self.device))[0].float()
        return found


class EqualReading:
    """Prompts of one length, read by our transformer; what they share at the beginning is read once."""

    def __init__(self, engine: OwnEngine, rows: Sequence[list[int]], new: int) -> None:
        prompt_bt = torch.tensor(rows, device=engine.device)
        self.reader: Any
        self.reader, self.logits_bv = read_prompts(engine.model, prompt_bt, prompt_bt.shape[1] + new)

    def read(self, chosen_b: Tensor) -> None:
        """See `Reading`."""
        self.logits_bv = self.reader(chosen_b[:, None])

    def keep(self, rows: Sequence[int]) -> None:
        """See `Reading`."""
        self.reader.keep_rows(torch.tensor(rows, device=self.logits_bv.device))
