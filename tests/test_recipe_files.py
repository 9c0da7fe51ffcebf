"""The recipes that come with the package: readable, possible, and what their comments say they are."""

from pathlib import Path

import numpy as np
import pytest

from algorism.models import Transformer
from algorism.training import load_recipe, prepare

FOLDER = Path(__file__).parents[1] / "recipes"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_recipes():
    assert {"add3", "add3-plain", "paper-add3"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parses_and_prepares(path):
    recipe = load_recipe(path)
    assert recipe.name == path.stem  # the run's folder is named for the file
    material = prepare(recipe)
    assert len(material.test) == recipe.task.test
    if material.train is not None:
        assert len(material.train) == recipe.task.examples
        assert not np.isin(material.test.keys(), material.train.keys()).any()
    encoded = material.encode(material.test[:100])
    assert encoded.ids_nt.shape[1] <= material.config.context
    assert encoded.ids_nt.max() < material.config.vocab


def test_the_two_small_recipes_differ_in_the_order_of_digits_only():
    reverse, plain = load_recipe(FOLDER / "add3.yaml"), load_recipe(FOLDER / "add3-plain.yaml")
    assert reverse != plain
    assert reverse.replace(name="x", text__format="plain2") == plain.replace(name="x")
    texts = [prepare(r) for r in (reverse, plain)]
    assert np.array_equal(texts[0].train.keys(), texts[1].train.keys())
    one, other = (m.format.write(m.test[:50]).strings() for m in texts)
    assert all(a[0] == b[0] == "$" and a[-1] == b[-1] == "$" and sorted(a) == sorted(b) for a, b in zip(one, other))


def test_the_paper_s_recipe_is_the_paper_s_size():
    recipe = load_recipe(FOLDER / "paper-add3.yaml")
    material = prepare(recipe)
    weights = sum(p.numel() for p in Transformer(material.config).parameters())
    assert 10.55e6 < weights < 10.85e6  # the paper: 10.6M (it does not count its positions)
    assert np.bincount(material.train.carries_n).tolist() == [2500] * 4
    t = recipe.training
    assert t.steps * t.batch * material.config.context == 327_680_000
