"""A checkpoint of a few hundred parameters that answers every question ending in "=" with the same text.

Its weights are set by hand: attention and MLP write nothing, so that each token decides the next one. What a harness
must find is then known without it: the share of the questions whose right answer that text is.
"""

import json
from pathlib import Path

import torch

from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.text import CharTokenizer

ALPHABET = "0123456789+=-* $"


def answering(folder: Path, answer: str) -> Path:
    """Write the checkpoint, which has an end-of-text token; `answer` holds no character twice and no "="."""
    tokenizer = CharTokenizer(ALPHABET)
    size = tokenizer.vocab_size + tokenizer.vocab_size % 2
    config = TransformerConfig(
        vocab=size,
        context=64,
        layers=1,
        heads=1,
        width=size,
        hidden=2,
        tie=False,
        positions="rope",
        norm="rms",
        activation="swiglu",
    )
    model = Transformer(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.zero_()
        model.embed.weight.copy_(torch.eye(size))
        for here, there in zip("=" + answer, answer + "$"):
            model.head.weight[tokenizer.encode(there)[0], tokenizer.encode(here)[0]] = 10.0
    export(model, folder, tokenizer)
    for name, value in (("config.json", int(tokenizer.encode("$")[0])), ("tokenizer_config.json", "$")):
        settings = json.loads((folder / name).read_text())
        settings["eos_token_id" if name == "config.json" else "eos_token"] = value
        (folder / name).write_text(json.dumps(settings))
    return folder
