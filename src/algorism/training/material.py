"""From a recipe to what is trained on and tested on: problems, texts, token ids. Needs no torch."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import ShapeError, UsageError
from ..models.config import TransformerConfig
from ..tasks import Problems, Task, task
from ..text import (
    CharTokenizer,
    DigitTokenizer,
    Encoded,
    Format,
    Indexing,
    encoded_batch,
    format_by_name,
    indexing_by_name,
)
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
        indexing: how tokens are numbered for the network; None by their place.
    """

    task: Task
    format: Format
    tokenizer: Tokenizer
    train: Problems | None
    test: Problems
    config: TransformerConfig
    indexing: Indexing | None = None

    def encode(self, problems: Problems) -> Encoded:
        """Write problems in this format and tokenize them."""
        return self.tokenizer.encode_texts(self.format.write(problems))

    def numbered(self, problems: Problems, rng: np.random.Generator | None = None) -> tuple[np.ndarray, ...]:
        """Encode problems: ids_nt, length_n, prompt_n and, unless tokens are numbered by place, index_nt.

        With `rng` the numbers are moved at random, as in training.
        """
        texts = self.format.write(problems)
        encoded = self.tokenizer.encode_texts(texts)
        plain = (encoded.ids_nt, encoded.length_n, encoded.prompt_n)
        if self.indexing is None:
            return plain
        index_nt = self.indexing.of(texts, encoded.ids_nt.shape[1])
        return (*plain, index_nt if rng is None else self.indexing.moved(index_nt, rng))


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
    indexing = _indexing(recipe, form)
    reach = None if indexing is None else indexing.reach
    config = TransformerConfig(vocab=tokenizer.vocab_size, **_shape(recipe, form, asked, reach))
    return Material(asked, form, tokenizer, train, test, config, indexing)


def _indexing(recipe: Recipe, form: Format) -> Indexing | None:
    """Read how tokens are numbered, and check that the text allows it."""
    indexing = indexing_by_name(recipe.text.index)
    if indexing == Indexing():
        return None
    if recipe.training.objective == "windows":
        raise UsageError("text.index: windows of a stream are numbered by place only; use objective 'answer'.")
    if indexing.needs_facts and recipe.text.tokenizer != "char":
        raise UsageError(f"text.index: {recipe.text.index!r} numbers digits; use tokenizer 'char'.")
    if indexing.needs_facts and not any(part.name in ("pad", "reverse") for part in form.transforms):
        raise UsageError(
            f"text.index: {recipe.text.index!r} needs to know each digit's place before the answer is read. "
            f"Use format 'reverse' or 'pad', not {recipe.text.format!r}."
        )
    return indexing


def _shape(recipe: Recipe, form: Format, asked: Task, reach: int | None) -> dict[str, Any]:
    """Read the model section, with the context filled in or checked."""
    shape = dict(recipe.to_json()["model"])
    needed = max(reach or 0, form.max_length(recipe.task.digits, asked.operator, recipe.task.decimals))
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

        def make(n: int, seed: tuple[int, int]) -> tuple[np.ndarray, ...]:
            if material.indexing is not None:
                problems = material.task.sample(n, seed, exclude)
                return material.numbered(problems, np.random.default_rng([*seed, 5]))
            e = encoded_batch(material.task, material.format, material.tokenizer, n, seed=seed, exclude=exclude)
            return e.ids_nt, e.length_n, e.prompt_n

        return Fresh(make, size, recipe.seed)
    encoded = material.encode(material.train)
    if r.objective == "answer":
        indexing = material.indexing
        if indexing is None:
            return Rows(encoded.ids_nt, encoded.length_n, encoded.prompt_n, size, recipe.seed)
        numbers_nt = material.numbered(material.train)[3]
        return Rows(
            encoded.ids_nt,
            encoded.length_n,
            encoded.prompt_n,
            size,
            recipe.seed,
            lambda rows, rng: indexing.moved(numbers_nt[rows], rng),
        )
    order = np.random.default_rng([recipe.seed, 3]).permutation(len(encoded.length_n))
    shown = np.arange(encoded.ids_nt.shape[1]) < encoded.length_n[:, None]
    stream_n = encoded.ids_nt[order][shown[order]]
    if len(stream_n) <= material.config.context:
        raise ShapeError(
            f"training.objective 'windows': the whole text has {len(stream_n)} tokens, too few for a context of "
            f"{material.config.context}. Raise task.examples, or lower model.context."
        )
    return Windows(stream_n, material.config.context, size, recipe.seed)
