"""Numbers in tokens of one to three digits, cut from the left or from the right, for whole columns of texts.

Shape letters: n row, w character, t token.
"""

from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError, UsageError, nearest
from algorism.text.planes import Lengths, Texts
from algorism.text.tokenizers import Encoded, Tokenizer, alphabet_of, outside


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
            raise outside(chr(int(chars_wn[wrong_wn][0])), self.alphabet)
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
