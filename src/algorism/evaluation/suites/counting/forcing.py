"""A Hugging Face model that reads the word of a counting question letter by letter (arXiv 2410.14166, section 4.1).

The prompt is cut into tokens as always; then the tokens of the word alone are replaced by those of its single
characters, so that the text is the same and only its cutting differs.
"""

import re
from collections.abc import Mapping
from typing import Any

from algorism.errors import UsageError
from algorism.evaluation.backends.engines import Tokens
from algorism.evaluation.backends.huggingface import HuggingFace
from algorism.evaluation.backends.protocol import Prompt, as_messages, as_text

_QUOTED = re.compile(r'"([^"\n]*)"')


def quoted(text: str) -> tuple[int, int] | None:
    """Where the word of a question stands: what is in the last pair of double quotes; None if there is none.

    >>> quoted('Is substring "an" part of the word "banana"?')
    (36, 42)
    """
    found = list(_QUOTED.finditer(text))
    return found[-1].span(1) if found else None


def forced(tokens: Tokens, text: str, span: tuple[int, int], special: bool = True) -> list[int]:
    """Ids of a text of which one part is read character by character.

    Args:
        tokens: the tokenizer.
        text: the whole text.
        span: the part; a token that reaches over its ends is read by characters altogether.
        special: whether the tokens that the model wants around every text are added.

    Raises:
        UsageError: the vocabulary lacks one of the characters, or the ids do not give the text back.
    """
    ids, spans = tokens.spans(text, special)
    touched = [at for at, (a, b) in enumerate(spans) if a < span[1] and b > span[0]]
    if not touched:
        return ids
    first, last = spans[touched[0]][0], spans[touched[-1]][1]
    pieces = [character_id(tokens, character) for character in text[first:last]]
    made = ids[: touched[0]] + pieces + ids[touched[-1] + 1 :]
    if tokens.decode(made) != tokens.decode(ids):
        raise UsageError(f"Read by characters, {text[first:last]!r} is another text to this tokenizer.")
    return made


def character_id(tokens: Tokens, character: str) -> int:
    """The id of a character alone, without any mark of a word's beginning.

    Raises:
        UsageError: the vocabulary has no such token.
    """
    # Byte-level vocabularies write a space as Ġ, SentencePiece's as ▁; other ASCII characters stand for themselves.
    for name in (character,) if character != " " else (" ", "Ġ", "▁"):
        found = tokens.token_id(name)
        if found is not None:
            return found
    raise UsageError(f"This vocabulary has no token for {character!r} alone; its words cannot be read by characters.")


class ForcedCharacters(HuggingFace):
    """The same model, reading the last quoted word of every prompt by characters; arguments as for `HuggingFace`."""

    def fingerprint(self) -> Mapping[str, Any]:
        """The model's, and that characters are forced."""
        return {**super().fingerprint(), "forced": "characters"}

    def encode(self, prompt: Prompt) -> list[int]:
        """A prompt's tokens, those of its last quoted word one per character."""
        text = as_text(prompt)
        if self.chat:
            text = self.engine.conversation([{"role": m.role, "content": m.content} for m in as_messages(prompt)])
        span = quoted(text)
        return super().encode(prompt) if span is None else forced(self.engine, text, span, special=not self.chat)
