"""Recipes: what is read, what is refused, and what the refusal says."""

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.errors import DataError, RecipeError, ShapeError, UsageError
from algorism.training.material import prepare
from algorism.training.recipe import Recipe, load_recipe, parse_recipe

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
sizes = st.integers(1, 10**6)
shares = st.floats(0, 0.99)


def options(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


recipes = st.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "seed": st.integers(0, 2**63),
        "task": options(name=words, digits=st.integers(1, 40), examples=st.none() | sizes, decimals=st.none() | sizes),
        "text": options(format=words, tokenizer=words),
        "model": options(context=st.none() | sizes, width=sizes, tie=st.booleans(), dropout=shares, norm=words),
        "training": options(
            steps=sizes,
            learning_rate=st.floats(1e-300, 1e300),
            betas=st.tuples(shares, shares),
            schedule=st.sampled_from(["cosine", "linear", "constant"]),
            stop_at=st.none() | st.floats(0.001, 1),
        ),
    },
)


@given(recipes)
def test_yaml_round_trip(values: dict[str, Any]) -> None:
    recipe = Recipe()
    for key, value in values.items():
        if isinstance(value, dict):
            value = dataclasses.replace(getattr(recipe, key), **value)
        recipe = dataclasses.replace(recipe, **{key: value})
    assert parse_recipe(recipe.to_yaml()) == recipe


def test_an_empty_recipe_is_all_defaults() -> None:
    assert parse_recipe("") == Recipe() == parse_recipe("# nothing\n")


@pytest.mark.parametrize(
    ("text", "value"), [("3e-3", 0.003), ("0.003", 0.003), ("1", 1.0), ("1e-05", 1e-5), ("'0.5'", 0.5)]
)
def test_numbers_in_every_notation(text: str, value: float) -> None:
    # YAML 1.1 reads 3e-3 as a word: its exponent form needs a point and a sign.
    assert parse_recipe(f"training: {{learning_rate: {text}}}").training.learning_rate == value


def test_whole_numbers_written_as_powers_of_ten() -> None:
    recipe = parse_recipe("task: {examples: 1e4}\ntraining: {steps: 2.0}")
    assert (recipe.task.examples, recipe.training.steps) == (10_000, 2)
    assert isinstance(recipe.task.examples, int)
    assert isinstance(recipe.training.steps, int)


def test_unknown_key_names_line_and_nearest() -> None:
    text = "name: add\ntraining:\n  steps: 5\n  learning_rat: 0.1\n"
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "add.yaml")
    assert str(caught.value) == (
        "Recipe add.yaml: unknown key 'learning_rat' under 'training' (line 4). Nearest known key: 'learning_rate'."
    )
    with pytest.raises(RecipeError, match=r"unknown key 'trainin' \(line 2\). Nearest known key: 'training'"):
        parse_recipe("\ntrainin: {}", "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("training: {steps: many}", "training.steps (line 1): expected a whole number, got 'many'"),
        ("training: {steps: 1.5}", "training.steps (line 1): expected a whole number, got 1.5"),
        ("training: {steps: true}", "expected a whole number, got True"),
        ("training: {steps: .inf}", "expected a whole number, got inf"),
        ("training: {steps: null}", "training.steps (line 1): expected a value, got None"),
        ("training:\n  learning_rate: fast", "training.learning_rate (line 2): expected a number, got 'fast'"),
        ("training: {learning_rate: .nan}", "expected a number"),
        ("training: {betas: [0.9]}", "expected a list of 2 numbers"),
        ("training: {betas: [0.9, x]}", "expected a number"),
        ("training: {schedule: cosin}", "expected 'cosine' or 'linear' or 'constant', got 'cosin'"),
        ("training: {schedule: [1]}", "expected 'cosine' or"),
        ("model: {tie: maybe}", "expected true or false"),
        ("text: {format: 3}", "expected a word"),
        ("training: 5", "'training' (line 1) should hold 'key: value' pairs"),
        ("- 1", "the document (line 1) should hold"),
        ("seed: 1\nseed: 2", "key 'seed' stands twice (line 2)"),
        ("seed: !!python/object:os.system x", "seed (line 1): not a plain value"),
        ("name: 2024-99-99", "name (line 1): not a plain value"),
        ("seed: {a: 1, a: ", "not valid YAML"),
        ("a: b: c", "not valid YAML"),
        ("training: {steps: 0}", "training.steps: expected at least 1, got 0"),
        ("training: {batch: 10, accumulate: 3}", "3 parts do not divide a batch of 10"),
        ("training: {learning_rate: 0}", "training.learning_rate: expected more than 0"),
        ("training: {learning_rate: .inf}", "training.learning_rate: expected more than 0"),
        ("training: {clip: -1}", "training.clip: expected 0 or more, got -1"),
        ("training: {betas: [0.9, 1]}", "training.betas: expected two numbers in [0, 1)"),
        ("training: {stop_at: 1.5}", "training.stop_at: expected a share in (0, 1]"),
        ("task: {digits: 2, min_digits: 3}", "task.min_digits: expected 1 … task.digits (2), got 3"),
        ("task: {examples: 0}", "task.examples: expected at least 1"),
        ("task: {test: 0}", "task.test: expected at least 1"),
        ("seed: -1", "seed: expected 0 or more"),
        ("task: {examples: null}\ntraining: {objective: windows}", "'windows' cuts a finite text"),
    ],
)
def test_refused_in_one_line_that_names_the_file(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(says)) as caught:
        parse_recipe(text, "add.yaml")
    assert str(caught.value).startswith("Recipe add.yaml: ")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_recipe_or_a_recipe_error(text: str) -> None:
    said = ""
    try:
        parse_recipe(text)
    except RecipeError as error:
        said = str(error)
    assert "\n" not in said


def test_unreadable_files(tmp_path: Any) -> None:
    with pytest.raises(RecipeError, match=r"none\.yaml: cannot be read: No such file"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9t\xe9")
    with pytest.raises(RecipeError, match=r"latin\.yaml: not a text file in UTF-8"):
        load_recipe(tmp_path / "latin.yaml")


def test_saved_and_loaded(tmp_path: Any) -> None:
    recipe = Recipe().replace(seed=3, training__steps=7, model__width=32, model__heads=8)
    recipe.save(tmp_path / "r.yaml")
    assert load_recipe(tmp_path / "r.yaml") == recipe
    assert (recipe.model.width, recipe.model.heads, recipe.training.steps) == (32, 8, 7)


# What a recipe names has to fit together; found out before anything is trained.


def test_heads_that_do_not_divide_the_width() -> None:
    with pytest.raises(ShapeError, match=r"3 heads do not divide width 64\. Set heads to (2|4), or width to 66"):
        prepare(Recipe().replace(model__heads=3))


@pytest.mark.parametrize("name", ["plain", "reverse", "reverse+pad"])
def test_context_too_short_says_the_length(name: str) -> None:
    recipe = Recipe().replace(text__format=name, model__context=5, task__examples=50, task__test=10)
    # The longest 3-digit sum, written out by hand.
    longest = {"plain": "999+999=1998\n", "reverse": "$999+999=8991$", "reverse+pad": "999+999=8991\n"}[name]
    needed = len(longest)
    with pytest.raises(ShapeError, match=f"Context of 5 is too short for '{re.escape(name)}' with 3 digits: {needed} "):
        prepare(recipe)
    with pytest.raises(ShapeError, match="too short"):
        prepare(recipe.replace(model__context=needed - 1))
    assert prepare(recipe.replace(model__context=needed)).config.context == needed
    assert prepare(recipe.replace(model__context=None)).config.context == needed


def test_test_set_larger_than_the_problems_there_are() -> None:
    recipe = Recipe().replace(task__digits=1, task__examples=20, task__test=500)
    with pytest.raises(DataError) as caught:
        prepare(recipe)
    left = 100 - len(set(prepare(recipe.replace(task__test=1)).train.keys()))  # type: ignore[union-attr]
    assert "500" in str(caught.value)
    assert str(left) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task__name": "additon"}, "'addition'"),
        ({"task__sampler": "unifrom"}, "'uniform'"),
        ({"text__format": "revers"}, "'reverse'"),
        ({"text__tokenizer": "l2r9"}, "'r2l3'"),
        ({"model__positions": "rop"}, "'rope'"),
        ({"model__norm": "layr"}, "'layer'"),
    ],
)
def test_unknown_names(change: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare(Recipe().replace(task__examples=50, task__test=10).replace(**change))


def test_no_test_problem_is_trained_on() -> None:
    material = prepare(Recipe().replace(task__digits=2, task__examples=3000, task__test=1000))
    assert material.train is not None
    assert not set(material.train.keys()) & set(material.test.keys())
    assert len(set(material.test.keys())) == 1000
