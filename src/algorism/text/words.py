"""Texts made of words (one word, one token), and their tokenizer. Used for problems on lists.

Shape letters: n row, w word of a row, t token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorism.errors import DataError
from algorism.text.planes import NO_PLACE, Lengths, Part
from algorism.text.tokenizers import Encoded, Tokenizer

GAP = -1


@dataclass(frozen=True, eq=False)
class Block:
    """Some neighbouring columns of a table of words, before rows are closed up.

    Args:
        words_nk: int16 (n, k), places in the vocabulary; −1 for nothing.
        part: which part of the row this is.
        place_nk: int16 (n, k), place of each word in its list; None for no place.
        prompt: whether this belongs to the prompt.
    """

    words_nk: NDArray[np.int16]
    part: Part
    place_nk: NDArray[np.int16] | None = None
    prompt: bool = False


@dataclass(frozen=True, eq=False)
class WordTexts:
    """n texts in words of one vocabulary, each a prompt and a completion.

    Args:
        vocabulary: the words.
        words_nw: int16 (n, w), places in the vocabulary; −1 behind a row's end.
        prompt_n: words of each prompt.
        facts_nw: part and place of every word, int32 (n, w) each, −1 behind a row's end (as `planes.Texts` has them).
    """

    vocabulary: tuple[str, ...]
    words_nw: NDArray[np.int16]
    prompt_n: Lengths
    facts_nw: tuple[NDArray[np.int32], NDArray[np.int32]]

    @classmethod
    def of(cls, vocabulary: tuple[str, ...], blocks: Sequence[Block]) -> "WordTexts":
        """Put blocks side by side and close the gaps."""
        wide_nk = np.concatenate([b.words_nk for b in blocks], axis=1)
        there_nk = wide_nk != GAP
        place_nk = np.concatenate([_places(b) for b in blocks], axis=1)
        part_k = np.concatenate([np.full(b.words_nk.shape[1], b.part, dtype=np.int16) for b in blocks])
        of_prompt_k = np.concatenate([np.full(b.words_nk.shape[1], b.prompt) for b in blocks])
        length_n = there_nk.sum(axis=1, dtype=np.int32)
        kept_nw = np.arange(int(length_n.max(initial=0))) < length_n[:, None]

        def closed(table_nk: NDArray[Any]) -> NDArray[np.int32]:
            closed_nw = np.full(kept_nw.shape, GAP, dtype=np.int32)
            closed_nw[kept_nw] = np.broadcast_to(table_nk, wide_nk.shape)[there_nk]
            return closed_nw

        prompt_n = (there_nk & of_prompt_k).sum(axis=1, dtype=np.int32)
        return cls(vocabulary, closed(wide_nk).astype(np.int16), prompt_n, (closed(part_k), closed(place_nk)))

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.words_nw)

    @cached_property
    def length_n(self) -> Lengths:
        """Words per row: int32 (n,)."""
        return (self.words_nw != GAP).sum(axis=1, dtype=np.int32)

    def strings(self) -> list[str]:
        """Whole rows, words separated by a space."""
        return self._cut(np.zeros(self.n, dtype=np.int32), self.length_n)

    def prompts(self) -> list[str]:
        """The prompt of each row."""
        return self._cut(np.zeros(self.n, dtype=np.int32), self.prompt_n)

    def completions(self) -> list[str]:
        """What follows the prompt in each row."""
        return self._cut(self.prompt_n, self.length_n)

    def __len__(self) -> int:
        return self.n

    def _cut(self, start_n: Lengths, end_n: Lengths) -> list[str]:
        words = self.vocabulary
        rows = zip(self.words_nw.tolist(), start_n.tolist(), end_n.tolist(), strict=True)
        return [" ".join(words[w] for w in row[start:end]) for row, start, end in rows]


def _places(block: Block) -> NDArray[np.int16]:
    if block.place_nk is None:
        return np.full(block.words_nk.shape, NO_PLACE, dtype=np.int16)
    return block.place_nk


class WordTokenizer(Tokenizer):
    """One token per word of a fixed vocabulary; ids 1, 2, ... in its order, 0 for padding.

    Args:
        words: the vocabulary: no word twice, none empty or with a space in it.

    Raises:
        DataError: a vocabulary that is none.

    >>> tokenizer = WordTokenizer(("<", ">", ".", "0", "1"))
    >>> tokenizer.encode("< 1 0 >").tolist(), tokenizer.decode([5, 4, 3])
    ([1, 5, 4, 2], '1 0 .')
    """

    kind = "words"

    def __init__(self, words: Sequence[str]) -> None:
        wrong = next((w for w in words if not w or w.split() != [w]), None)
        if wrong is not None or len(set(words)) != len(words):
            raise DataError(f"WordTokenizer: expected different words without spaces, got {wrong or list(words)!r}.")
        super().__init__("", words)
        self.words = tuple(words)

    def encode(self, text: str) -> NDArray[Any]:
        """Ids of one text, words separated by spaces.

        Raises:
            DataError: for a word outside the vocabulary.
        """
        unknown = next((w for w in text.split() if w not in self.vocab), None)
        if unknown is not None:
            raise DataError(f"tokenizer: word {unknown!r} is outside the vocabulary of {len(self.words)} words.")
        return np.array([self.vocab[w] for w in text.split()], dtype=self.dtype)

    def encode_texts(self, texts: Any, into_nt: NDArray[Any] | None = None) -> Encoded:
        """Ids of all texts, which must be of this vocabulary.

        Raises:
            DataError: texts in other words.
        """
        if texts.vocabulary != self.words:
            raise DataError(
                "tokenizer: these texts were written in another vocabulary; use the format's own tokenizer."
            )
        return Encoded((texts.words_nw + 1).astype(self.dtype), texts.length_n, texts.prompt_n)

    def decode(self, ids: Sequence[int] | NDArray[Any]) -> str:
        """Words of the ids, separated by spaces; padding gives nothing.

        Raises:
            DataError: for an id outside the vocabulary.
        """
        values = [int(i) for i in ids]
        wrong = next((v for v in values if not 0 <= v < len(self.tokens)), None)
        if wrong is not None:
            raise DataError(f"decode: expected ids 0 to {len(self.tokens) - 1}, got {wrong}.")
        return " ".join(self.tokens[v] for v in values if v != self.pad_id)

    def settings(self) -> dict[str, Any]:
        """What makes this tokenizer again."""
        return {"kind": self.kind, "words": list(self.words)}
