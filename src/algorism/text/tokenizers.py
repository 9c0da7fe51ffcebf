"""Tokenizers: text to ids and back, for whole columns of texts at once.

Both kinds save as Hugging Face fast tokenizers (see `huggingface`) and load again with no code of ours.
Shape letters: n row, w character, t token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError
from algorism.text.planes import Lengths, Plane, Texts, pack, squeeze

PAD = "<pad>"

# The paper's 96 symbols: letters, digits, the 32 ASCII punctuation marks, space and newline (arXiv 2307.03381, code).
# Index hints: capitals, the letters of Latin-1, small letters; in this order.
HINTS = "".join(chr(c) for c in (*range(65, 91), *range(0xC0, 0x100), *range(97, 123)))
ALPHABETS: dict[str, str] = {
    "arithmetic": "\n$()*+-.0123456789=inqrst",
    "hinted": "$*+-0123456789=" + HINTS,
    "ascii": "\n" + "".join(chr(c) for c in range(32, 127)),
}


@dataclass(frozen=True, eq=False)
class Encoded:
    """n token sequences.

    Args:
        ids_nt: uint8 or uint16 (n, t), filled up on the right with the pad id; t is the longest row.
        length_n: tokens per row, int32 (n,).
        prompt_n: tokens of the prompt per row, int32 (n,).
    """

    ids_nt: NDArray[Any]
    length_n: Lengths
    prompt_n: Lengths

    def __len__(self) -> int:
        return len(self.ids_nt)


def alphabet_of(alphabet: str) -> str:
    """The characters meant by a preset name or a string of characters: sorted by code point, each once.

    Raises:
        DataError: for characters above U+00FF or the NUL character, which a plane cannot hold.
    """
    chars = ALPHABETS.get(alphabet, alphabet)
    wrong = [c for c in chars if not 0 < ord(c) < 256]
    if wrong:
        raise DataError(f"alphabet: expected characters U+0001 to U+00FF, got {wrong[0]!r}.")
    return "".join(sorted(set(chars)))


class Tokenizer:
    """What both tokenizers share: a vocabulary of tokens, and decoding by joining them. Id 0 is padding."""

    kind: str = ""
    pad_id: int = 0

    def __init__(self, alphabet: str, tokens: Sequence[str]) -> None:
        self.alphabet = alphabet
        self.tokens: tuple[str, ...] = (PAD, *tokens)
        self.vocab: dict[str, int] = {token: i for i, token in enumerate(self.tokens)}
        self.dtype: type[np.unsignedinteger] = np.uint8 if len(self.tokens) <= 256 else np.uint16

    @property
    def vocab_size(self) -> int:
        """Number of ids, padding included."""
        return len(self.tokens)

    def encode(self, text: str) -> NDArray[Any]:
        """Ids of one text.

        Raises:
            DataError: for a character outside the alphabet.
        """
        self._check_string(text)
        chars = np.frombuffer(text.encode("latin-1"), dtype=np.uint8)
        return self.encode_texts(Texts([*chars[:, None]], 0, 1)).ids_nt[0]

    def encode_texts(self, texts: Texts, into_nt: NDArray[Any] | None = None) -> Encoded:
        """Ids of all texts.

        Args:
            texts: what to encode.
            into_nt: rows of an array of ours to write into if they are wide enough (the ids are then a view of it).

        Raises:
            DataError: for a character outside the alphabet, naming it.
        """
        raise NotImplementedError

    def decode(self, ids: Sequence[int] | NDArray[Any]) -> str:
        """Text of the ids; padding gives nothing.

        Raises:
            DataError: for an id outside the vocabulary.
        """
        values = [int(i) for i in ids]
        for value in values:
            if not 0 <= value < len(self.tokens):
                raise DataError(f"decode: expected ids 0 to {len(self.tokens) - 1}, got {value}.")
        return "".join(self.tokens[v] for v in values if v != self.pad_id)

    def decode_batch(self, ids_nt: NDArray[Any] | Sequence[Sequence[int]]) -> list[str]:
        """Texts of the rows of ids."""
        return [self.decode(row) for row in ids_nt]

    def settings(self) -> dict[str, Any]:
        """What makes this tokenizer again; saved beside the Hugging Face files."""
        return {"kind": self.kind, "alphabet": self.alphabet}

    def to_hf(self) -> Any:
        """The same tokenizer as a `transformers.PreTrainedTokenizerFast`."""
        from algorism.text.huggingface import to_hf

        return to_hf(self)

    def save(self, folder: Path | str) -> None:
        """Write Hugging Face files (tokenizer.json, tokenizer_config.json) into a folder.

        `transformers.AutoTokenizer.from_pretrained(folder)` and `load(folder)` read them.
        """
        from algorism.text.huggingface import save

        save(self, folder)

    @staticmethod
    def load(folder: Path | str) -> "Tokenizer":
        """The tokenizer that `save` wrote into this folder.

        Raises:
            CheckpointError: if the folder holds no tokenizer of this package.
        """
        from algorism.text.huggingface import load

        return load(folder)

    def _check_string(self, text: str) -> None:
        for char in text:
            if char not in self.vocab:
                raise outside(char, self.alphabet)


class CharTokenizer(Tokenizer):
    """One token per character; ids 1, 2, ... follow the code points.

    Args:
        alphabet: the characters, or "arithmetic" (25 symbols) or "ascii" (the paper's 96).

    >>> tokenizer = CharTokenizer("0123456789+=")
    >>> tokenizer.encode("1+2=3").tolist(), tokenizer.decode(tokenizer.encode("1+2=3"))
    ([3, 1, 4, 12, 5], '1+2=3')
    """

    kind = "char"

    def __init__(self, alphabet: str = "arithmetic") -> None:
        chars = alphabet_of(alphabet)
        super().__init__(chars, chars)

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        table = np.zeros(256, dtype=np.uint8)
        for char, i in self.vocab.items():
            if char != PAD:
                table[ord(char)] = i
        return table

    @cached_property
    def _digit_shift(self) -> np.uint8 | None:
        """What to subtract from a digit's code point to get its id, if all ten digits have ids in a row."""
        ids = [self.vocab.get(d) for d in "0123456789"]
        in_a_row = ids[0] is not None and ids == list(range(ids[0], ids[0] + 10))
        return np.uint8(48 - ids[0] if ids[0] is not None else 0) if in_a_row else None

    def encode_texts(self, texts: Texts, into_nt: NDArray[Any] | None = None) -> Encoded:
        """Ids of all texts: planes are mapped first, then squeezed, then stored as rows."""
        planes = squeeze(
            [self._ids(p, *b) for p, b in zip(texts.planes, texts.bounds, strict=True)], texts.holes, texts.n
        )
        return Encoded(pack(planes, texts.n, into_nt), texts.length_n, texts.prompt_n)

    def _ids(self, plane: Plane, low: int, high: int) -> Plane:
        """Ids of a plane whose codes lie between low and high."""
        if isinstance(plane, int):
            if not self._table[plane]:
                raise outside(chr(plane), self.alphabet)
            return int(self._table[plane])
        shift = self._digit_shift
        # A plane of digits only, the usual case, needs a few whole-plane operations instead of a look-up per character.
        if shift is not None and len(plane) and high <= 57:
            if low >= 48:
                return plane - shift
            # Less one, a hole is 255: so this finds the lowest character that is there.
            if low == 0 and (plane - np.uint8(1)).min() >= 47:
                return (plane - shift) * (plane != 0).view(np.uint8)
        ids = self._table[plane]
        wrong = (ids == 0) & (plane != 0)
        if wrong.any():
            raise outside(chr(int(plane[wrong][0])), self.alphabet)
        return ids


def outside(char: str, alphabet: str) -> DataError:
    """The error for a character that a tokenizer does not have."""
    return DataError(
        f"tokenizer: character {char!r} is outside the alphabet {alphabet!r}. "
        "Make the tokenizer with that character, e.g. CharTokenizer('ascii')."
    )
