"""Numbering of tokens: places read off the strings character by character, and the brief worked example."""

import numpy as np
import pytest
import torch

from algorism.errors import DataError, ShapeError, UsageError
from algorism.evaluation import evaluate
from algorism.evaluation.decoding import generate
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.tasks import Problems, Task, task
from algorism.text import Texts, format_by_name, indexing_by_name
from algorism.training import Recipe, prepare, train
from algorism.training.material import source

# name → (operands reversed, answer reversed)
FORMATS = {
    "plain": (False, False),
    "plain+dollar": (False, False),
    "pad+dollar": (False, False),
    "reverse": (False, True),
    "pad+reverse+dollar": (False, True),
    "reverse-operands+reverse+dollar": (True, True),
}


def places_by_hand(text: str, operands_reversed: bool, answer_reversed: bool) -> list[int]:
    """Place of every character of `$a+b=c$`, -1 for what is no digit."""
    places, start = [-1] * len(text), 0
    while start < len(text):
        if not text[start].isdigit():
            start += 1
            continue
        end = start
        while end < len(text) and text[end].isdigit():
            end += 1
        reverse = answer_reversed if "=" in text[:start] else operands_reversed
        run = list(range(end - start))
        places[start:end] = run if reverse else run[::-1]
        start = end
    return places


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("operator", ["+", "-", "*"])
def test_places_are_those_of_the_digits(name, operator):
    texts = format_by_name(name).write(Task(operator, digits=(1, 4)).sample(200, seed=3))
    part_nw, place_nw = texts.facts_nw
    for row, text in enumerate(texts.strings()):
        assert place_nw[row, : len(text)].tolist() == places_by_hand(text, *FORMATS[name])
        assert (place_nw[row, len(text) :] == -1).all()
        parts = part_nw[row, : len(text)].tolist()
        assert parts == sorted(parts)  # opening, first, symbol, second, equals, answer, closing
        assert parts[text.index("=")] == 4


def test_the_worked_example():
    texts = format_by_name("pad+reverse+dollar").write(Problems.of("+", [54], [37]))
    assert texts.strings() == ["$54+37=190$"]
    # Digits by significance; the symbols one below the units, the ends one above the highest digit of the row.
    assert indexing_by_name("coupled").of(texts, 11).tolist() == [[4, 2, 1, 0, 2, 1, 0, 1, 2, 3, 4]]
    assert indexing_by_name("abacus").of(texts, 11).tolist() == [[0, 2, 1, 0, 2, 1, 0, 1, 2, 3, 0]]
    assert indexing_by_name("absolute").of(texts, 11).tolist() == [list(range(11))]


def test_moves_keep_what_they_should():
    rng = np.random.default_rng(0)
    texts = format_by_name("pad+reverse+dollar").write(Task("+", digits=(1, 3)).sample(500, seed=1))
    width = int(texts.length_n.max())
    base = indexing_by_name("coupled").of(texts, width)
    moved = indexing_by_name("coupled20").moved(base, rng)
    starts = (moved - base)[:, 0]
    assert ((moved - base) == starts[:, None]).all()
    assert len(set(starts.tolist())) == 20 - base.max()
    assert moved.max() == 19
    abacus = indexing_by_name("abacus").of(texts, width)
    spread = indexing_by_name("abacus20").moved(abacus, rng)
    assert ((spread == 0) == (abacus == 0)).all()
    plain = indexing_by_name("absolute").of(texts, width)
    random = indexing_by_name("randomized40").moved(plain, rng)
    assert (np.diff(random, axis=1) > 0).all()
    assert random.min() >= 0
    assert 38 <= random.max() < 40
    assert len({tuple(row) for row in random.tolist()}) > 490


@pytest.mark.parametrize("name", ["coupled", "abacus", "absolute"])
def test_without_a_reach_nothing_moves(name):
    texts = format_by_name("pad+reverse").write(Task("+", digits=(1, 3)).sample(20, seed=1))
    base = indexing_by_name(name).of(texts, 12)
    assert indexing_by_name(name).moved(base, np.random.default_rng(0)) is base


def test_what_cannot_be_numbered_is_refused():
    problems = Task("+", digits=(1, 3)).sample(5, seed=1)
    with pytest.raises(DataError, match="digits of a scratchpad"):
        indexing_by_name("coupled").of(format_by_name("simplified").write(problems), 40)
    with pytest.raises(DataError, match="not written by a format"):
        indexing_by_name("coupled").of(Texts([49, 61], 2, 1), 2)
    with pytest.raises(ShapeError, match=r"'coupled3' cannot number 5 tokens\. Use 'coupled5' or more"):
        indexing_by_name("coupled3").moved(np.array([[4, 0]]), np.random.default_rng(0))
    with pytest.raises(UsageError, match="Nearest known: 'coupled'"):
        indexing_by_name("couple")
    with pytest.raises(UsageError, match="needs a reach"):
        indexing_by_name("randomized")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text__format": "plain", "text__index": "coupled"}, "Use format 'reverse' or 'pad', not 'plain'"),
        ({"text__tokenizer": "l2r3", "text__index": "coupled"}, "use tokenizer 'char'"),
        ({"text__index": "absolute99", "training__objective": "windows"}, "use objective 'answer'"),
    ],
)
def test_recipes_that_cannot_be_numbered_are_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        prepare(Recipe().replace(**changes))


@pytest.mark.parametrize("positions", ["learned", "rope", "clip2+penalty", "alibi"])
def test_decoding_with_indices_equals_a_loop(positions):
    config = TransformerConfig(vocab=12, context=30, layers=2, heads=2, width=16, positions=positions)
    model = Transformer(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(6)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(0, 12, int(rng.integers(2, 6))) for _ in range(30)]
    indices = [rng.integers(0, 30, len(prompt) + 7) for prompt in prompts]
    ours = generate(model, prompts, max_new=7, indices=indices)
    for prompt, index, line in zip(prompts, indices, ours, strict=True):
        ids = list(prompt)
        for _ in range(7):
            with torch.no_grad():
                ids.append(
                    int(model(torch.tensor([ids]), positions=torch.from_numpy(index[None, : len(ids)]))[0, -1].argmax())
                )
        assert line.tolist() == ids[len(prompt) :]
    assert len({tuple(line) for line in ours}) > 10


def test_batches_carry_their_numbers_and_training_uses_them():
    recipe = Recipe().replace(
        task__examples=None,
        task__sampler="one-length",
        task__digits=4,
        task__test=50,
        text__format="pad+reverse+dollar",
        text__index="coupled",
        model__positions="clip2+penalty",
        model__layers=1,
        model__width=16,
        training__steps=4,
        training__batch=8,
    )
    material = prepare(recipe)
    batch = source(recipe, material).batch(0)
    assert batch.index_bt is not None
    assert batch.index_bt.shape == batch.ids_bt.shape
    assert batch.index_bt[0, 0] == batch.index_bt.max()  # the opening stands above the highest digit
    run = train(recipe)
    long = Task("+", digits=(30, 30)).sample(10, seed=1)  # seven times longer than anything trained on
    found = evaluate(run.model, material.format, material.tokenizer, long, indexing=material.indexing)
    assert len(found.completions) == 10


def test_one_length_a_batch():
    asked = task("addition", digits=(2, 6), sampler="one-length")
    lengths = {asked.sample(20, seed=seed).operands[0].places for seed in range(40)}
    assert lengths == {2, 3, 4, 5, 6}
    problems = asked.sample(500, seed=1)
    assert problems.operands[0].places == problems.operands[1].places
    sums = [a + b for a, b in zip(*(o.to_ints() for o in problems.operands), strict=True)]
    assert problems.answer.to_ints() == sums


@pytest.mark.parametrize(("size", "reach"), [(3, 6), (2, 8)])
def test_random_subsets_are_all_alike_likely(size: int, reach: int):
    """Both ways of drawing: by choice among all, and by drawing again what came twice."""
    from itertools import combinations

    from algorism.text.indices import _subsets

    drawn = _subsets(np.random.default_rng(1), 20_000, size, reach)
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    assert [tuple(row) for row in found.tolist()] == sorted(combinations(range(reach), size))
    assert abs(counts / counts.mean() - 1).max() < 0.15
