"""A byte-pair tokenizer learned from given texts, for small models of natural-looking text.

Words are cut as GPT-2 cuts them (a space belongs to the word behind it) and then merged by frequency; digits stay
alone. Learning and encoding are those of the `tokenizers` library.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from algorism.errors import DataError, UsageError
from algorism.files import write_json, write_text

PAD, END = "<pad>", "<end>"


class PieceTokenizer:
    """A learned tokenizer with a token for padding (id 0) and one that ends an answer (id 1).

    Args:
        texts: what merges are learned from; every ASCII character has a token of its own in any case.
        vocabulary: most tokens; that of a text without merges is 97.

    Raises:
        UsageError: a vocabulary that is too small.

    >>> tokenizer = PieceTokenizer(["How many?", "How many more?"], vocabulary=120)
    >>> [tokenizer.piece(i) for i in tokenizer.encode("How many 12")]
    ['How', ' many', ' ', '1', '2']
    """

    pad_id, end_id = 0, 1

    def __init__(self, texts: Iterable[str], vocabulary: int = 512) -> None:
        import tokenizers
        from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

        printable = [chr(code) for code in range(33, 127)]
        alphabet = [*printable, "Ġ", "Ċ"]  # how a byte-level vocabulary writes a space and a line break
        if vocabulary < len(alphabet) + 2:
            raise UsageError(
                f"PieceTokenizer: expected a vocabulary of at least {len(alphabet) + 2}, got {vocabulary}."
            )
        self.fast = tokenizers.Tokenizer(models.BPE())
        self.fast.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self.fast.decoder = decoders.ByteLevel()
        special = [AddedToken(name, special=True, normalized=False) for name in (PAD, END)]
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
        self.fast.train_from_iterator(list(texts), trainer)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return int(self.fast.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Ids of a text.

        Raises:
            DataError: characters that are not ASCII.
        """
        if not text.isascii():
            raise DataError(f"PieceTokenizer: expected ASCII text, got {text[:40]!r}.")
        return list(self.fast.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, without padding and ends."""
        return str(self.fast.decode(list(ids), skip_special_tokens=True))

    def piece(self, token: int) -> str:
        """The text of one token."""
        return self.decode([token])

    def to_hf(self) -> Any:
        """The same as a `transformers.PreTrainedTokenizerFast`."""
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(
            tokenizer_object=self.fast,
            pad_token=PAD,
            eos_token=END,
            padding_side="left",
            clean_up_tokenization_spaces=False,
            model_input_names=["input_ids", "attention_mask"],
        )

    def save(self, folder: Path | str) -> None:
        """Write the files that `transformers` loads, generation_config.json with the end token among them."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "tokenizer.json", self.fast.to_str(pretty=True))
        write_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": PAD,
                "eos_token": END,
                "padding_side": "left",
                "clean_up_tokenization_spaces": False,
                "model_input_names": ["input_ids", "attention_mask"],
            },
        )
        write_json(folder / "generation_config.json", {"eos_token_id": self.end_id, "pad_token_id": self.pad_id})
