"""Our tokenizers as Hugging Face fast tokenizers, and back. `tokenizers` and `transformers` are imported when used."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorism.errors import CheckpointError
from algorism.files import read_json, write_json
from algorism.text.chunks import DigitTokenizer
from algorism.text.tokenizers import PAD, CharTokenizer, Tokenizer
from algorism.text.words import WordTokenizer

if TYPE_CHECKING:
    import tokenizers

SETTINGS = "algorism_tokenizer.json"


def fast(tokenizer: Tokenizer) -> "tokenizers.Tokenizer":
    """A `tokenizers.Tokenizer` with the same ids: split by a regular expression, look every piece up, join to decode.

    A character outside the alphabet raises there too (the vocabulary has no token for unknown text).
    """
    import tokenizers
    from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers

    if isinstance(tokenizer, DigitTokenizer):
        chunk = f"[0-9]{{1,{tokenizer.size}}}"
        if tokenizer.direction == "r2l":
            # A chunk from the right is followed by whole chunks only, up to the end of its run of digits.
            chunk += f"(?=(?:[0-9]{{{tokenizer.size}}})*(?![0-9]))"
        pattern = f"{chunk}|[^0-9]"
    else:
        pattern = r"[\s\S]"  # any character alone
    made = tokenizers.Tokenizer(models.WordLevel(tokenizer.vocab, unk_token="<unknown>"))
    if isinstance(tokenizer, WordTokenizer):
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # without a decoder words are joined by spaces
    else:
        made.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        made.decoder = decoders.Fuse()
    made.add_special_tokens([AddedToken(PAD, special=True, normalized=False)])
    return made


def to_hf(tokenizer: Tokenizer) -> Any:
    """The tokenizer as a `transformers.PreTrainedTokenizerFast` that never tidies spaces.

    >>> CharTokenizer("0123456789+= ").to_hf().decode([2, 1])
    '+ '
    """
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=fast(tokenizer),
        pad_token=PAD,
        padding_side="left",  # prompts are padded on the left for generation
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def save(tokenizer: Tokenizer, folder: Path | str) -> None:
    """Write tokenizer.json, tokenizer_config.json and our settings.

    The first two are written as `transformers` would, but without importing it: half a second instead of five.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    from algorism.files import write_text

    write_text(folder / "tokenizer.json", fast(tokenizer).to_str(pretty=True))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": PAD,
            "padding_side": "left",
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
        },
    )
    write_json(folder / SETTINGS, tokenizer.settings())


def load(folder: Path | str) -> Tokenizer:
    """The tokenizer saved in a folder.

    Raises:
        CheckpointError: if our settings are missing, damaged, or do not fit the vocabulary beside them.
    """
    path = Path(folder) / SETTINGS
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: no tokenizer of this package here ({SETTINGS} is missing); load it with transformers instead."
        )
    try:
        settings = read_json(path)
        made: Tokenizer
        if settings["kind"] == CharTokenizer.kind:
            made = CharTokenizer(settings["alphabet"])
        elif settings["kind"] == DigitTokenizer.kind:
            made = DigitTokenizer(settings["size"], settings["direction"], settings["alphabet"])
        elif settings["kind"] == WordTokenizer.kind:
            made = WordTokenizer(settings["words"])
        else:
            raise KeyError(settings["kind"])
        beside = Path(folder) / "tokenizer.json"
        stored = read_json(beside)["model"]["vocab"] if beside.is_file() else made.vocab
    except (ValueError, KeyError, TypeError) as problem:
        raise CheckpointError(f"{folder}: the tokenizer files are damaged ({problem!r}).") from problem
    if stored != made.vocab:
        raise CheckpointError(f"{folder}: tokenizer.json and {SETTINGS} do not hold the same vocabulary.")
    return made
