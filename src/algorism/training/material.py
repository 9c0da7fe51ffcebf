"""From a recipe to what is trained on and tested on: problems, texts, token ids. Needs no torch."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import ShapeError, UsageError
from ..models.config import TransformerConfig
from ..tasks import Problems, Task, task
from ..text import CharTokenizer, DigitTokenizer, Encoded, Format, encoded_batch, format_by_name
from .batches import Fresh, Rows, Source, Windows
from .recipe import Recipe

Tokenizer = CharTokenizer | DigitTokenizer
DIRECTIONS: tuple[Literal["l2r"], Literal["r2l"]] = ("l2r", "r2l")


@dataclass(frozen=True)
class Material:
    """What a recipe names, made real.

    Args:
        task, format, tokenizer: the objects behind the recipe's names.
        train: the fixed training problems; None when every step makes fresh ones.
        test: held-out problems; none of them is ever trained on.
        config: the network's shape, with the context that the texts need.
    """

    task: Task
    format: Format
    tokenizer: Tokenizer
    train: Problems | None
    test: Problems
    config: TransformerConfig

    def encode(self, problems: Problems) -> Encoded:
        """Write problems in this format and tokenize them."""
        return self.tokenizer.encode_texts(self.format.write(problems))


def make_tokenizer(name: str, alphabet: str) -> Tokenizer:
    """Make a tokenizer from its short name: "char", or direction and group size as in "l2r3", "r2l2".

    >>> make_tokenizer("char", "arithmetic").decode([])
    ''
    """
    if name == "char":
        return CharTokenizer(alphabet)
    for direction in DIRECTIONS:
        if name in (f"{direction}1", f"{direction}2", f"{direction}3"):
            return DigitTokenizer(size=int(name[-1]), direction=direction, alphabet=alphabet)
    raise UsageError(
        f"text.tokenizer: expected 'char', or 'l2r' or 'r2l' with a group size 1-3 ('r2l3'), got {name!r}."
    )


def prepare(recipe: Recipe) -> Material:
    """Make the problems and check that everything fits, before anything is trained.

    Raises:
        ShapeError: a context too short for the format; says the length that is needed.
        DataError: more test problems than distinct ones exist.
        UsageError: unknown names.
    """
    t = recipe.task
    options: dict[str, Any] = {"digits": (t.min_digits, t.digits)}
    if t.sampler is not None:
        options["sampler"] = t.sampler
    if t.decimals is not None:
        options["decimals"] = t.decimals
    asked = task(t.name, **options)
    form = format_by_name(recipe.text.format)
    tokenizer = make_tokenizer(recipe.text.tokenizer, recipe.text.alphabet)
    if t.examples is None:
        train, test = None, asked.split(0, t.test, seed=recipe.seed)[1]
    else:
        train, test = asked.split(t.examples, t.test, seed=recipe.seed)
    config = TransformerConfig(vocab=tokenizer.vocab_size, **_shape(recipe, form, asked))
    return Material(asked, form, tokenizer, train, test, config)


def _shape(recipe: Recipe, form: Format, asked: Task) -> dict[str, Any]:
    """Read the model section, with the context filled in or checked."""
    shape = dict(recipe.to_json()["model"])
    needed = form.max_length(recipe.task.digits, asked.operator, recipe.task.decimals)
    if shape["context"] is None:
        shape["context"] = needed
    elif shape["context"] < needed:
        raise ShapeError(
            f"Context of {shape['context']} is too short for '{recipe.text.format}' with {recipe.task.digits} digits: "
            f"{needed} characters are needed. Set model.context: {needed} or use a shorter format."
        )
    return shape


def source(recipe: Recipe, material: Material) -> Source:
    """Make the stream of batches that the recipe's objective asks for."""
    r, size = recipe.training, recipe.training.batch
    if material.train is None:
        exclude = material.test.keys()

        def make(n: int, seed: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            e = encoded_batch(material.task, material.format, material.tokenizer, n, seed=seed, exclude=exclude)
            return e.ids_nt, e.length_n, e.prompt_n

        return Fresh(make, size, recipe.seed)
    encoded = material.encode(material.train)
    if r.objective == "answer":
        return Rows(encoded.ids_nt, encoded.length_n, encoded.prompt_n, size, recipe.seed)
    order = np.random.default_rng([recipe.seed, 3]).permutation(len(encoded.length_n))
    shown = np.arange(encoded.ids_nt.shape[1]) < encoded.length_n[:, None]
    stream_n = encoded.ids_nt[order][shown[order]]
    if len(stream_n) <= material.config.context:
        raise ShapeError(
            f"training.objective 'windows': the whole text has {len(stream_n)} tokens, too few for a context of "
            f"{material.config.context}. Raise task.examples, or lower model.context."
        )
    return Windows(stream_n, material.config.context, size, recipe.seed)
