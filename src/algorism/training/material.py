"""From a recipe to what is trained on and tested on: problems, texts, token ids. Needs no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import ShapeError, UsageError
from ..models.config import TransformerConfig
from ..tasks import Problems, Task, task
from ..tasks.sequences import Sequences, SequenceTask
from ..tasks.sequences.task import sequence_task
from ..text import (
    CharTokenizer,
    DigitTokenizer,
    Encoded,
    Format,
    Indexing,
    ListFormat,
    WordTokenizer,
    encoded_batch,
    format_by_name,
    indexing_by_name,
    list_format,
)
from .batches import Fresh, Packed, Rows, Source, Windows
from .recipe import Recipe

Tokenizer = CharTokenizer | DigitTokenizer | WordTokenizer
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

    task: Task | SequenceTask
    format: Format | ListFormat
    tokenizer: Tokenizer
    train: Problems | Sequences | None
    test: Problems | Sequences
    config: TransformerConfig
    indexing: Indexing | None = None

    def write(self, problems: Problems | Sequences, seed: int | tuple[int, ...] = 0) -> Any:
        """The texts of problems of this task; `seed` is for formats that draw."""
        form: Any = self.format  # of the same kind as the problems
        return form.write(problems, seed)

    def encode(self, problems: Problems | Sequences) -> Encoded:
        """Write problems in this format and tokenize them."""
        return self.tokenizer.encode_texts(self.write(problems))

    def numbered(
        self,
        problems: Problems | Sequences,
        rng: np.random.Generator | None = None,
        seed: int | tuple[int, ...] = 0,
    ) -> tuple[np.ndarray, ...]:
        """Encode problems: ids_nt, length_n, prompt_n and, unless tokens are numbered by place, index_nt.

        With `rng` the numbers are moved at random, as in training; `seed` is for formats that draw.
        """
        texts = self.write(problems, seed)
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
    asked, form, tokenizer = _lists(recipe) if recipe.on_lists else _numbers(recipe)
    train: Problems | Sequences | None
    if t.examples is None:
        train, test = None, asked.split(0, t.test, seed=recipe.seed)[1]
    else:
        train, test = asked.split(t.examples, t.test, seed=recipe.seed)
    indexing = _indexing(recipe, form)
    reach = None if indexing is None else indexing.reach
    config = TransformerConfig(vocab=tokenizer.vocab_size, **_shape(recipe, form, asked, reach))
    return Material(asked, form, tokenizer, train, test, config, indexing)


def _numbers(recipe: Recipe) -> tuple[Task, Format, Tokenizer]:
    """Read task, format and tokenizer of problems on numbers."""
    t = recipe.task
    options: dict[str, Any] = {"digits": (t.min_digits, t.digits)}
    if t.second is not None:
        options |= {"sampler": "by", "params": {"second": t.second}}
    if t.sampler is not None:
        options["sampler"] = t.sampler
    if t.decimals is not None:
        options["decimals"] = t.decimals
    asked = task(t.name, **options)
    tokenizer = make_tokenizer(recipe.text.tokenizer, recipe.text.alphabet)
    return asked, format_by_name(recipe.text.format or "reverse"), tokenizer


def _lists(recipe: Recipe) -> tuple[SequenceTask, ListFormat, Tokenizer]:
    """Read task, format and tokenizer of problems on lists."""
    t = recipe.task
    options: dict[str, Any] = {"length": (t.min_length, t.length), "hints": t.hints}
    options |= {name: getattr(t, name) for name in ("values", "sampler") if getattr(t, name) is not None}
    asked = sequence_task(t.name, **options)
    form = list_format(recipe.text.format or "plain", asked.rule, asked.symbols)
    return asked, form, form.tokenizer()


def _indexing(recipe: Recipe, form: Format | ListFormat) -> Indexing | None:
    """Read how tokens are numbered, and check that the text allows it."""
    indexing = indexing_by_name(recipe.text.index)
    if indexing == Indexing():
        return None
    if recipe.training.objective != "answer":
        raise UsageError("text.index: rows with many examples are numbered by place only; use objective 'answer'.")
    if isinstance(form, ListFormat):
        if indexing.needs_facts and not form.aligned:
            raise UsageError(
                f"text.index: {recipe.text.index!r} needs answers whose symbols belong to places of the question, and "
                f"no hints; rule {form.rule!r} as {form.name!r} has none. Use 'absolute' or 'randomized'."
            )
        return indexing
    if indexing.needs_facts and recipe.text.tokenizer != "char":
        raise UsageError(f"text.index: {recipe.text.index!r} numbers digits; use tokenizer 'char'.")
    if indexing.needs_facts and not any(part.name in ("pad", "reverse") for part in form.transforms):
        raise UsageError(
            f"text.index: {recipe.text.index!r} needs to know each digit's place before the answer is read. "
            f"Use format 'reverse' or 'pad', not {recipe.text.format!r}."
        )
    return indexing


def _shape(recipe: Recipe, form: Format | ListFormat, asked: Task | SequenceTask, reach: int | None) -> dict[str, Any]:
    """Read the model section, with the context filled in or checked."""
    shape = dict(recipe.to_json()["model"])
    if isinstance(form, ListFormat):
        longest, size, pieces = form.max_length(recipe.task.length), f"lists of {recipe.task.length}", "words"
    else:
        assert isinstance(asked, Task)
        longest = form.max_length(recipe.task.digits, asked.operator, recipe.task.decimals)
        size, pieces = f"{recipe.task.digits} digits", "characters"
    needed = max(reach or 0, longest)
    if shape["context"] is None:
        shape["context"] = needed
    elif shape["context"] < needed:
        raise ShapeError(
            f"Context of {shape['context']} is too short for '{recipe.text.format}' with {size}: "
            f"{needed} {pieces} are needed. Set model.context: {needed} or use a shorter format."
        )
    return shape


def source(recipe: Recipe, material: Material) -> Source:
    """Make the stream of batches that the recipe's objective asks for."""
    r, size = recipe.training, recipe.training.batch
    if material.train is None:
        make = fresh(recipe, material)
        if r.objective == "packed":
            return Packed(make, material.config.context, size, recipe.seed)
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


def fresh(recipe: Recipe, material: Material) -> Callable[[int, tuple[int, int]], tuple[np.ndarray, ...]]:
    """Make the function that draws, writes and encodes the new examples of a step, none of them held out."""
    exclude, asked = material.test.keys(), material.task
    last_hint = round(recipe.task.hints_until * recipe.training.steps)

    def make(n: int, seed: tuple[int, int]) -> tuple[np.ndarray, ...]:
        if isinstance(asked, SequenceTask):
            lists = asked.sample(n, seed, exclude, asked.hints if seed[1] < last_hint else None)
            return material.numbered(lists, np.random.default_rng([*seed, 5]), seed)
        if material.indexing is not None:
            problems = asked.sample(n, seed, exclude)
            return material.numbered(problems, np.random.default_rng([*seed, 5]), seed)
        assert isinstance(material.format, Format)
        e = encoded_batch(asked, material.format, material.tokenizer, n, seed=seed, exclude=exclude)
        return e.ids_nt, e.length_n, e.prompt_n

    return make
