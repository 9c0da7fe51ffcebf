"""A GPT-2 or Llama folder computed by our own transformer: the same answers, sooner, without `transformers`.

`own_reason` tells why a folder must be left to `transformers`: anything that could change an answer is refused here and
computed there. Shape letters: b row of a batch, t token, v vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from algorism.errors import AlgorismError, CheckpointError, DataError
from algorism.evaluation.prompts import read_prompts, rows_that_fit
from algorism.files import read_json
from algorism.models.export import load_hf, loadable

# Classes that take tokenizer.json as it is; others rebuild parts of it from their own settings.
PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")


def own_reason(folder: Path | str) -> str | None:
    """Why our transformer cannot stand in for `transformers` with this folder; None if it can.

    Args:
        folder: a checkpoint. One that cannot be read at all is left to `transformers`, which explains it.
    """
    folder = Path(folder)
    try:
        config = read_json(folder / "config.json")
        settings = read_json(folder / "tokenizer_config.json")
        added = read_json(folder / "tokenizer.json").get("added_tokens", [])
    except (OSError, ValueError, AttributeError, AlgorismError) as error:
        return f"a file is missing or damaged ({error})"
    if "chat_template" in settings or any((folder / name).exists() for name in TEMPLATES):
        return "it has a chat template"
    if settings.get("tokenizer_class") not in PLAIN_TOKENIZERS:
        return f"its tokenizer is of the class {settings.get('tokenizer_class')!r}"
    known = {token["content"] for token in added}
    names = [value for key, value in settings.items() if key.endswith("_token") and isinstance(value, str)]
    texts = {token["content"] for token in settings.get("added_tokens_decoder", {}).values()} | set(names)
    vocabulary = read_json(folder / "tokenizer.json")["model"].get("vocab", {})
    if not isinstance(vocabulary, dict) or any(text not in known and text not in vocabulary for text in texts):
        return "its tokenizer is given tokens that tokenizer.json does not have"
    if "quantization_config" in config or "auto_map" in config:
        return "its configuration asks for more than the weights"
    if config.get("dtype", config.get("torch_dtype", "float32")) != "float32":
        return "its weights are not float32"
    if config.get("architectures", ["GPT2LMHeadModel"])[0] not in ("GPT2LMHeadModel", "LlamaForCausalLM"):
        return f"its architecture is {config['architectures'][0]}"
    if not any((folder / name).exists() for name in ("model.safetensors", "model.safetensors.index.json")):
        return "it has no safetensors file"
    return loadable(config)


class FastTokens:
    """A tokenizer of the `tokenizers` library; see `engines.Tokens`.

    Args:
        tokens: `tokenizers.Tokenizer`.
    """

    def __init__(self, tokens: Any) -> None:
        self.tokens = tokens

    def encode(self, text: str, special: bool) -> list[int]:
        """See `Tokens`."""
        return list(self.tokens.encode(text, add_special_tokens=special).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """See `Tokens`."""
        return str(self.tokens.decode(list(ids), skip_special_tokens=True))

    def spans(self, text: str, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokens`."""
        coded = self.tokens.encode(text, add_special_tokens=special)
        return list(coded.ids), list(coded.offsets)

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
        from safetensors import SafetensorError

        folder = Path(path)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        try:
            self.model = load_hf(folder).to(self.device).eval()
        except (DataError, SafetensorError, OSError, RuntimeError) as error:
            raise CheckpointError(f"{folder}: no model that can be loaded ({error}).") from error
        super().__init__(tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")))
        self.tokens.no_padding()
        self.tokens.no_truncation()
        settings = read_json(folder / "tokenizer_config.json")
        # Named tokens are special there, whether tokenizer.json says so or not.
        named = [value for key, value in settings.items() if key.endswith("_token") and isinstance(value, str)]
        self.tokens.add_special_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in named])
        generation = folder / "generation_config.json"
        ends = read_json(generation if generation.exists() else folder / "config.json").get("eos_token_id")
        self.ends = frozenset([ends] if isinstance(ends, int) else ends or ())
        self.room: int | None = self.model.config.context
        # Products of small batches do not divide well over cores, whole batches do.
        self.side_by_side = torch.get_num_threads() if self.device.type == "cpu" else 1

    def conversation(self, turns: list[dict[str, str]]) -> str:
        """Never asked: a folder with a template is left to `transformers`."""
        raise NotImplementedError("conversations need a template")

    def most(self, length: int, new: int) -> int:
        """See `Engine`."""
        return rows_that_fit(self.model, length, new)

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
