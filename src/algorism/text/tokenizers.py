"""Tokenizers: text to ids and back, for whole columns of texts at once.

Both kinds save as Hugging Face fast tokenizers (see `huggingface`) and load again with no code of ours.
Shape letters: n row, w character, t token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError, UsageError, nearest
from algorism.text.planes import Lengths, Plane, Texts, pack, squeeze

PAD = "<pad>"

# The paper's 96 symbols: letters, digits, the 32 ASCII punctuation marks, space and newline (arXiv 2307.03381, code).
ALPHABETS: dict[str, str] = {
    "arithmetic": "\n$()*+-.0123456789=inqrst",
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
                raise _outside(char, self.alphabet)


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
    def _digit_shift(self) -> int | None:
        """What to subtract from a digit's code point to get its id, if all ten digits have ids in a row."""
        ids = [self.vocab.get(d) for d in "0123456789"]
        return 48 - ids[0] if ids[0] is not None and ids == list(range(ids[0], ids[0] + 10)) else None

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
                raise _outside(chr(plane), self.alphabet)
            return int(self._table[plane])
        shift = self._digit_shift
        # A plane of digits only, the usual case, needs a few whole-plane operations instead of a look-up per character.
        if shift is not None and len(plane) and high <= 57:
            if low >= 48:
                return plane - np.uint8(shift)
            # Less one, a hole is 255: so this finds the lowest character that is there.
            if low == 0 and (plane - np.uint8(1)).min() >= 47:
                return (plane - np.uint8(shift)) * (plane != 0).view(np.uint8)
        ids = self._table[plane]
        wrong = (ids == 0) & (plane != 0)
        if wrong.any():
            raise _outside(chr(int(plane[wrong][0])), self.alphabet)
        return ids


class DigitTokenizer(Tokenizer):
    """Digits in chunks of up to `size`; every other character is a token of its own.

    Args:
        size: digits per chunk, 1 to 3.
        direction: from which end of a run of digits the chunks are counted: "l2r" cuts 1234567 into 123 456 7, "r2l"
            into 1 234 567.
        alphabet: the characters, or a preset name; its digits must be all ten.

    >>> tokenizer = DigitTokenizer(3, "r2l")
    >>> [tokenizer.tokens[i] for i in tokenizer.encode("1234+5=")]
    ['1', '234', '+', '5', '=']
    """

    kind = "digits"

    def __init__(self, size: int = 3, direction: Literal["l2r", "r2l"] = "l2r", alphabet: str = "arithmetic") -> None:
        if size not in (1, 2, 3):
            raise UsageError(f"DigitTokenizer: expected size 1, 2 or 3, got {size}.")
        if direction not in ("l2r", "r2l"):
            raise UsageError(f"DigitTokenizer: unknown direction {direction!r}. {nearest(direction, ['l2r', 'r2l'])}")
        chars = alphabet_of(alphabet)
        others = [c for c in chars if c not in "0123456789"]
        if len(chars) - len(others) != 10:
            raise UsageError("DigitTokenizer: the alphabet must contain all ten digits.")
        self.size, self.direction = size, direction
        chunks = [str(v).zfill(length) for length in range(1, size + 1) for v in range(10**length)]
        super().__init__(chars, [*chunks, *others])

    @cached_property
    def _table(self) -> NDArray[np.uint16]:
        table = np.zeros(256, dtype=np.uint16)
        for char in self.alphabet:
            table[ord(char)] = self.vocab[char]
        return table

    def settings(self) -> dict[str, Any]:
        """What makes this tokenizer again."""
        return {**super().settings(), "size": self.size, "direction": self.direction}

    def encode_texts(self, texts: Texts, into_nt: NDArray[Any] | None = None) -> Encoded:
        """Ids of all texts, by passes over the characters' columns.

        Raises:
            DataError: for a character outside the alphabet, naming it; if a run of digits crosses the prompt's end.
        """
        chars_wn = np.ascontiguousarray(texts.chars_nw.T)
        wrong_wn = (self._table[chars_wn] == 0) & (chars_wn != 0)
        if wrong_wn.any():
            raise _outside(chr(int(chars_wn[wrong_wn][0])), self.alphabet)
        ids_wn = self._chunked(chars_wn)
        length_n = (ids_wn != 0).sum(axis=0, dtype=np.int32)
        width = int(length_n.max(initial=0))
        ids_nt = np.zeros((texts.n, width), dtype=self.dtype)
        ids_nt[np.arange(width) < length_n[:, None]] = ids_wn.T[(ids_wn != 0).T]
        return Encoded(ids_nt, length_n, self._prompt(chars_wn, ids_wn, texts.prompt_n))

    def _chunked(self, chars_wn: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """The id of every chunk at the place of its last digit, of every other character at its own; else 0."""
        w, n = chars_wn.shape
        digit_wn = (chars_wn >= 48) & (chars_wn <= 57)
        last_wn = self._chunk_ends(digit_wn)
        ids_wn = self._table[chars_wn] * ~digit_wn
        # Ids of chunks with k digits start after those of fewer digits: 1, 11, 111.
        first_id = np.array([0, 1, 11, 111], dtype=np.uint16)
        value_n, count_n = np.zeros(n, dtype=np.uint16), np.zeros(n, dtype=np.uint8)
        for k in range(w):
            value_n = value_n * np.uint16(10) + (chars_wn[k] - np.uint8(48)) * digit_wn[k]
            count_n = count_n + digit_wn[k]
            ids_wn[k] += (first_id[count_n] + value_n) * last_wn[k]
            keep_n = digit_wn[k] & ~last_wn[k]
            value_n, count_n = value_n * keep_n, count_n * keep_n
        return ids_wn

    def _chunk_ends(self, digit_wn: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which characters are the last digit of their chunk."""
        w, n = digit_wn.shape
        end_wn = np.zeros((w, n), dtype=np.bool_)
        run_n = np.zeros(n, dtype=np.uint16)
        following = np.concatenate([digit_wn[1:], np.zeros((1, n), dtype=np.bool_)])
        if self.direction == "l2r":
            for k in range(w):
                run_n = (run_n + np.uint16(1)) * digit_wn[k]
                end_wn[k] = digit_wn[k] & ((run_n % np.uint16(self.size) == 0) | ~following[k])
        else:
            for k in range(w - 1, -1, -1):
                run_n = (run_n + np.uint16(1)) * digit_wn[k]
                end_wn[k] = digit_wn[k] & (run_n % np.uint16(self.size) == (1 % self.size))
        return end_wn

    def _prompt(self, chars_wn: NDArray[np.uint8], ids_wn: NDArray[np.uint16], prompt_n: Lengths) -> Lengths:
        """Tokens in the prompts: those whose last character lies there."""
        place_w1 = np.arange(len(ids_wn))[:, None]
        cut_n = (prompt_n > 0) & (prompt_n < (chars_wn != 0).sum(axis=0))
        rows = np.flatnonzero(cut_n)
        before, after = chars_wn[prompt_n[rows] - 1, rows], chars_wn[prompt_n[rows], rows]
        if ((before >= 48) & (before <= 57) & (after >= 48) & (after <= 57)).any():
            raise DataError(
                "DigitTokenizer: a prompt ends and its completion begins with a digit, which may share a token."
            )
        return ((ids_wn != 0) & (place_w1 < prompt_n)).sum(axis=0, dtype=np.int32)


def _outside(char: str, alphabet: str) -> DataError:
    return DataError(
        f"tokenizer: character {char!r} is outside the alphabet {alphabet!r}. "
        "Make the tokenizer with that character, e.g. CharTokenizer('ascii')."
    )
