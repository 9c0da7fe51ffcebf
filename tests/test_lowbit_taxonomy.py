"""The table of all parts: nothing is missing in it, and every row names something that is there."""

import re
from collections import Counter

import algorism.lowbit as lowbit
from algorism.lowbit.methods import METHODS
from algorism.lowbit.nonuniform import KINDS
from algorism.lowbit.observers import OBSERVERS
from algorism.lowbit.published import RESNET18
from algorism.lowbit.qat import QAT_METHODS
from algorism.lowbit.spec import GRANULARITIES, RANGE_METHODS, ROUNDINGS
from algorism.lowbit.taxonomy import NEEDS, TAXONOMY, tree

# What is offered and is no way to quantize: results, specifications, tables.
NOT_PARTS = {
    "METHODS", "OBSERVERS", "TAXONOMY", "CodebookSpec", "QuantSpec", "VectorSpec", "Coded", "Quantized", "ModelReport",
    "quantize_model", "quantize_on", "observer", "prepare", "prepare_with", "convert", "sensitivity", "load_quantized",
}  # fmt: skip


def test_every_name_of_every_table_has_a_row():
    keys = Counter(leaf.key for leaf in TAXONOMY if leaf.key)
    expected = {*RANGE_METHODS, *GRANULARITIES, *ROUNDINGS, *KINDS, *QAT_METHODS, *METHODS, *OBSERVERS}
    assert set(keys) == expected
    assert set(keys.values()) == {1}


def test_everything_that_is_offered_has_a_row():
    parts = {leaf.part.__name__ for leaf in TAXONOMY}
    missing = {name for name in lowbit.__all__ if name not in NOT_PARTS and name not in parts}
    assert not missing


def test_rows_say_what_they_should():
    names = [leaf.name for leaf in TAXONOMY]
    assert len(set(names)) == len(names)
    for leaf in TAXONOMY:
        assert callable(leaf.part)
        assert leaf.part.__module__.startswith("algorism.lowbit")
        assert leaf.part.__doc__
        assert leaf.needs in NEEDS
        assert re.fullmatch(r"\d{4}\.\d{5}|\d{4}\.\d{4}|PyTorch|Migacz, GTC 2017", leaf.source)


def test_the_tree_holds_every_leaf_once_under_its_branch():
    lines, path, found = tree(), [], []
    for depth, words, leaf in lines:
        path[depth:] = [words]
        if leaf is not None:
            assert tuple(path[:-1]) == leaf.branch
            found.append(leaf)
    assert found == list(TAXONOMY)
    branches = [words for _, words, leaf in lines if leaf is None]
    assert len(set(branches)) == len(branches)  # rows of one branch stand together


def test_published_numbers_are_those_that_the_brief_quotes():
    costs = RESNET18.costs()
    assert round(sum(row[0] for row in costs), 5) == 1.30771
    assert round(sum(row[1] for row in costs), 6) == 0.004258
    assert sum(RESNET18.weights) == 11_166_912 - 9_408  # all convolutions of ResNet-18 but the first
    assert sum(RESNET18.products) == 1_813_561_344 - 118_013_952  # likewise, for one image of 224 × 224
    assert {len(bits) for rows in RESNET18.published.values() for bits in rows.values()} == {19}
