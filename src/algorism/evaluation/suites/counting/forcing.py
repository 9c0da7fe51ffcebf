"""A Hugging Face model that reads the word of a counting question letter by letter (arXiv 2410.14166, section 4.1).

The prompt is cut into tokens as always; then the tokens of the word alone are replaced by those of its single
characters, so that the text is the same and only its cutting differs.
"""

import re
from collections.abc import Mapping
from typing import Any

from algorism.errors import UsageError
from algorism.evaluation.backends.huggingface import HuggingFace
from algorism.evaluation.backends.protocol import Prompt, as_text

_QUOTED = re.compile(r'"([^"\n]*)"')


def quoted(text: str) -> tuple[int, int] | None:
    """Where the word of a question stands: what is in the last pair of double quotes; None if there is none.

    >>> quoted('Is substring "an" part of the word "banana"?')
    (36, 42)
    """
    found = list(_QUOTED.finditer(text))
    return found[-1].span(1) if found else None


def forced(tokenizer: Any, text: str, span: tuple[int, int], **settings: Any) -> list[int]:
    """Ids of a text of which one part is read character by character.

    Args:
        tokenizer: a fast one of `transformers`.
        text: the whole text.
        span: the part; a token that reaches over its ends is read by characters altogether.
        settings: of the tokenizer's call, e.g. add_special_tokens.

    Raises:
        UsageError: the vocabulary lacks one of the characters, or the ids do not give the text back.
    """
    coded = tokenizer(text, return_offsets_mapping=True, **settings)
    ids, first, last = list(coded["input_ids"]), span[1], span[0]
    touched = [at for at, (a, b) in enumerate(coded["offset_mapping"]) if a < span[1] and b > span[0]]
    if not touched:
        return ids
    first, last = coded["offset_mapping"][touched[0]][0], coded["offset_mapping"][touched[-1]][1]
    pieces = [character_id(tokenizer, character) for character in text[first:last]]
    made = ids[: touched[0]] + pieces + ids[touched[-1] + 1 :]
    plain = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    if tokenizer.decode(made, **plain) != tokenizer.decode(ids, **plain):
        raise UsageError(f"Read by characters, {text[first:last]!r} is another text to this tokenizer.")
    return made


def character_id(tokenizer: Any, character: str) -> int:
    """The id of a character alone, without any mark of a word's beginning.

    Raises:
        UsageError: the vocabulary has no such token.
    """
    vocabulary = tokenizer.get_vocab()
    # Byte-level vocabularies write a space as Ġ, SentencePiece's as ▁; other ASCII characters stand for themselves.
    for name in (character,) if character != " " else (" ", "Ġ", "▁"):
        if name in vocabulary:
            return int(vocabulary[name])
    raise UsageError(f"This vocabulary has no token for {character!r} alone; its words cannot be read by characters.")


class ForcedCharacters(HuggingFace):
    """The same model, reading the last quoted word of every prompt by characters; arguments as for `HuggingFace`."""

    def fingerprint(self) -> Mapping[str, Any]:
        """The model's, and that characters are forced."""
        return {**super().fingerprint(), "forced": "characters"}

    def encode(self, prompt: Prompt) -> list[int]:
        """A prompt's tokens, those of its last quoted word one per character."""
        text, settings = as_text(prompt), {}
        if self.chat:
            from algorism.evaluation.backends.protocol import as_messages

            turns = [{"role": m.role, "content": m.content} for m in as_messages(prompt)]
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            settings = {"add_special_tokens": False}
        span = quoted(text)
        return super().encode(prompt) if span is None else forced(self.tokenizer, text, span, **settings)
