"""Recipes: everything a training run depends on, read from YAML into dataclasses. Needs no torch.

A key nobody knows is refused with the line it stands on and the nearest key that exists; what is impossible is refused
before anything is trained.
"""

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from ..errors import RecipeError, nearest
from ..files import write_text


@dataclass(frozen=True, kw_only=True)
class TaskRecipe:
    """What is asked.

    Args:
        name: a task of `algorism.tasks.TASKS` (numbers), or of `SEQUENCE_TASKS` (lists: "sort", "copy", "parity", …).
        digits: digits of the longest operand.
        min_digits: digits of the shortest; equal to `digits` for operands of one length.
        second: digits of the second operand where they differ from the first's (N × 2 products); None if not.
        length: of the longest list, for tasks on lists.
        min_length: of the shortest.
        values: number of different symbols in lists; None for the task's own default.
        hints: names in `algorism.tasks.HINTS`, each with its share of the training examples; for tasks on lists.
        hints_until: share of the steps after which no more hints are mixed in.
        sampler: how operands or lists are drawn; None for the task's own default.
        examples: size of a fixed training set; None for fresh examples at every step.
        test: held-out problems, none of them in the training data.
        decimals: of operand and answer, for sine and square root.
    """

    name: str = "addition"
    digits: int = 3
    min_digits: int = 1
    second: int | None = None
    length: int = 10
    min_length: int = 1
    values: int | None = None
    hints: dict[str, float] = field(default_factory=dict)
    hints_until: float = 1.0
    sampler: str | None = None
    examples: int | None = 10_000
    test: int = 2_000
    decimals: int | None = None


@dataclass(frozen=True, kw_only=True)
class TextRecipe:
    """How it is written down.

    Args:
        format: of `algorism.text`; None for "reverse", and for "plain" where the task is on lists.
        tokenizer: "char", "l2r3", "r2l3", …; lists are always read word by word.
        alphabet: what the tokenizer knows; lists have the words that their format needs.
        index: how tokens are numbered for the model: "absolute", "absolute400" (from a random start below 400),
            "randomized400", "coupled", "coupled220", "abacus60".
    """

    format: str | None = None
    tokenizer: str = "char"
    alphabet: str = "arithmetic"
    index: str = "absolute"


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """The transformer's shape; `context` None means just long enough. See `algorism.models.TransformerConfig`."""

    context: int | None = None
    layers: int = 2
    heads: int = 4
    width: int = 64
    hidden: int | None = None
    norm: str = "layer"
    activation: str = "gelu"
    positions: str = "learned"
    tie: bool = True
    bias: bool = False
    dropout: float = 0.0
    rope_base: float = 10_000.0
    init_std: float | None = None
    loops: int = 1
    norm_place: str = "before"
    embed_std: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """How it is trained.

    Args:
        objective: "answer": one example a row, loss on the answer only; "windows": random windows of one long stream
            of examples, loss on every character (the paper's regime); "packed": as "answer", but rows are full of
            examples, one after the other, from a random place in the first one.
        weigh: what counts alike in the loss: every "token" of the answers, or every "row".
        steps, batch: optimiser steps, and rows in each, over all processes.
        accumulate: parts a batch is split into, to save memory; the result is the same.
        learning_rate, min_learning_rate, schedule, warmup: the peak, the end, "cosine" | "linear" | "constant",
            steps of linear warm-up.
        betas, weight_decay, clip: AdamW's; decay acts on matrices only; largest gradient norm (0 for no clipping).
        precision: "fp32", "bf16" (autocast; weights and optimiser stay fp32).
        validate_every: steps between validations on held-out problems (0: only at the end).
        validate_on: held-out problems decoded at each validation.
        stop_at: end early once this exact-match accuracy is reached in two validations in a row; None never.
        checkpoint_every: steps between checkpoints (0: only at the end).
    """

    objective: Literal["answer", "windows", "packed"] = "answer"
    weigh: Literal["token", "row"] = "token"
    steps: int = 1_000
    batch: int = 192
    accumulate: int = 1
    learning_rate: float = 3e-3
    min_learning_rate: float = 3e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: int = 50
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.1
    clip: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    validate_every: int = 0
    validate_on: int = 500
    stop_at: float | None = None
    checkpoint_every: int = 200


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run: task, text, model, training, and the seed everything random follows from."""

    name: str = "run"
    seed: int = 0
    task: TaskRecipe = field(default_factory=TaskRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    model: ModelRecipe = field(default_factory=ModelRecipe)
    training: TrainingRecipe = field(default_factory=TrainingRecipe)

    def __post_init__(self) -> None:
        if self.text.format is None:
            form = "plain" if self.on_lists else "reverse"
            object.__setattr__(self, "text", dataclasses.replace(self.text, format=form))
        t = self.training
        for name in ("steps", "batch", "accumulate", "validate_on"):
            if getattr(t, name) < 1:
                raise RecipeError(f"training.{name}: expected at least 1, got {getattr(t, name)}.")
        for name in ("min_learning_rate", "warmup", "weight_decay", "clip", "validate_every", "checkpoint_every"):
            if not 0 <= getattr(t, name) < math.inf:
                raise RecipeError(f"training.{name}: expected 0 or more, got {getattr(t, name)}.")
        if not 0 < t.learning_rate < math.inf:
            raise RecipeError(f"training.learning_rate: expected more than 0, got {t.learning_rate}.")
        if not all(0 <= beta < 1 for beta in t.betas):
            raise RecipeError(f"training.betas: expected two numbers in [0, 1), got {list(t.betas)}.")
        if t.stop_at is not None and not 0 < t.stop_at <= 1:
            raise RecipeError(f"training.stop_at: expected a share in (0, 1], or null for never, got {t.stop_at}.")
        if self.seed < 0:
            raise RecipeError(f"seed: expected 0 or more, got {self.seed}.")
        if self.task.test < 1:
            raise RecipeError(f"task.test: expected at least 1, got {self.task.test}.")
        if t.batch % t.accumulate:
            raise RecipeError(f"training.accumulate: {t.accumulate} parts do not divide a batch of {t.batch}.")
        if not 1 <= self.task.min_digits <= self.task.digits:
            raise RecipeError(
                f"task.min_digits: expected 1 … task.digits ({self.task.digits}), got {self.task.min_digits}."
            )
        if not 1 <= self.task.min_length <= self.task.length:
            raise RecipeError(
                f"task.min_length: expected 1 … task.length ({self.task.length}), got {self.task.min_length}."
            )
        if not 0 <= self.task.hints_until <= 1:
            raise RecipeError(f"task.hints_until: expected a share of the steps, 0 to 1, got {self.task.hints_until}.")
        if self.task.hints and (not self.on_lists or self.task.examples is not None):
            raise RecipeError(
                "task.hints: hints are mixed into fresh lists; choose a task on lists, and examples: null."
            )
        if self.task.examples is not None and self.task.examples < 1:
            raise RecipeError(f"task.examples: expected at least 1, or null for a stream, got {self.task.examples}.")
        if t.objective == "windows" and self.task.examples is None:
            raise RecipeError("training.objective: 'windows' cuts a finite text; give task.examples a number.")
        if t.objective == "packed" and (self.task.examples is not None or self.model.context is None):
            raise RecipeError(
                "training.objective: 'packed' fills rows with fresh examples; set task.examples: null, and "
                "model.context to the length of a row."
            )

    @property
    def on_lists(self) -> bool:
        """Whether the task is on lists, not on numbers."""
        from ..tasks.sequences import SEQUENCE_TASKS

        return self.task.name in SEQUENCE_TASKS

    def replace(self, **changes: Any) -> "Recipe":
        """Return a copy with other values, sections by dotted name written with a double underscore.

        >>> Recipe().replace(seed=3, training__steps=10).training.steps
        10
        """
        flat = {k: v for k, v in changes.items() if "__" not in k}
        for key, value in changes.items():
            if "__" in key:
                section, name = key.split("__", 1)
                flat[section] = dataclasses.replace(flat.get(section, getattr(self, section)), **{name: value})
        return dataclasses.replace(self, **flat)

    def to_json(self) -> dict[str, Any]:
        """Return nested plain values."""
        return dataclasses.asdict(self)

    def to_yaml(self) -> str:
        """Return the resolved recipe as YAML, every value written out."""
        plain = self.to_json()
        plain["training"]["betas"] = list(plain["training"]["betas"])
        return yaml.safe_dump(plain, sort_keys=False)

    def save(self, path: Path | str) -> None:
        """Write the YAML atomically."""
        write_text(path, self.to_yaml())


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: unreadable YAML, an unknown key (named with its line and the nearest known key), a wrong type.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"Recipe {path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"Recipe {path}: not a text file in UTF-8 ({error.reason}).") from None
    return parse_recipe(text, path.name)


def parse_recipe(text: str, name: str = "recipe") -> Recipe:
    """Read a recipe from YAML text; see `load_recipe`.

    >>> parse_recipe("task: {digits: 2}").task.digits
    2
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise RecipeError(f"Recipe {name}: not valid YAML: {' '.join(str(error).split())}") from None
    if node is None:
        return Recipe()
    return typing.cast(Recipe, _read(Recipe, node, where="", name=name))


def _read(kind: type, node: yaml.Node, where: str, name: str) -> Any:
    """Read one mapping of the document into the dataclass `kind`."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        at = f"'{where}'" if where else "the document"
        raise RecipeError(f"Recipe {name}: {at} (line {line}) should hold 'key: value' pairs.")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key not in fields:
            under = f" under '{where}'" if where else ""
            hint = nearest(key, fields).replace("known:", "known key:")
            raise RecipeError(f"Recipe {name}: unknown key {key!r}{under} (line {line}). {hint}")
        if key in values:
            raise RecipeError(f"Recipe {name}: key {key!r} stands twice (line {line}).")
        if dataclasses.is_dataclass(hints[key]):
            values[key] = _read(typing.cast(type, hints[key]), value_node, key, name)
        else:
            dotted = f"{where}.{key}".lstrip(".")
            try:
                value = yaml.SafeLoader("").construct_object(value_node, deep=True)
            except (yaml.YAMLError, ValueError):  # a tag that is not plain data, a date that does not exist
                raise RecipeError(f"Recipe {name}: {dotted} (line {line}): not a plain value.") from None
            values[key] = _convert(value, hints[key], dotted, line, name)
    try:
        return kind(**values)
    except RecipeError as error:
        raise RecipeError(f"Recipe {name}: {error}") from None


def _convert(value: Any, hint: Any, key: str, line: int, name: str) -> Any:
    """Check one value against its annotation; YAML writes 3e-3 as a string, so numbers are read again."""
    options = typing.get_args(hint) if typing.get_origin(hint) is not typing.Literal else ()
    kinds = options if type(None) in options else (hint,)
    problem = f"Recipe {name}: {key} (line {line}): expected {{}}, got {value!r}."
    if value is None:
        if type(None) in kinds:
            return None
        raise RecipeError(problem.format("a value"))
    (kind,) = [k for k in kinds if k is not type(None)]
    if typing.get_origin(kind) is typing.Literal:
        if value not in typing.get_args(kind):
            raise RecipeError(problem.format(" or ".join(map(repr, typing.get_args(kind)))))
        return value
    if typing.get_origin(kind) is tuple:
        length = len(typing.get_args(kind))
        if not isinstance(value, list) or len(value) != length:
            raise RecipeError(problem.format(f"a list of {length} numbers"))
        return tuple(_convert(v, float, key, line, name) for v in value)
    if typing.get_origin(kind) is dict:
        if not isinstance(value, dict) or not all(isinstance(word, str) for word in value):
            raise RecipeError(problem.format("names with numbers, as in {successor: 0.5}"))
        return {word: _convert(share, float, f"{key}.{word}", line, name) for word, share in value.items()}
    if kind in (float, int) and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if kind is float and not math.isnan(number):
            return float(number)
        if kind is int and math.isfinite(number) and int(number) == number:
            return value if isinstance(value, int) else int(number)
    if kind in (str, bool) and isinstance(value, kind):
        return value
    raise RecipeError(
        problem.format({int: "a whole number", str: "a word", bool: "true or false"}.get(kind, "a number"))
    )
