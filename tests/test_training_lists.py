"""Training on lists: hints by schedule, packed rows, rows that weigh alike, and a run that is learned to the end."""

from pathlib import Path

import numpy as np
import pytest
import torch

from algorism.errors import RecipeError, UsageError
from algorism.training import Recipe, load_run, parse_recipe, prepare, train
from algorism.training.batches import IGNORE, Batch, Packed
from algorism.training.learner import Learner
from algorism.training.material import fresh, source

SORT = Recipe().replace(
    task__name="sort",
    task__length=6,
    task__min_length=2,
    task__values=20,
    task__examples=None,
    task__test=50,
    text__format="plain",
    model__positions="none",
    model__layers=1,
    model__width=32,
    training__steps=10,
    training__batch=32,
)


def test_a_recipe_on_lists_from_yaml():
    recipe = parse_recipe(
        "task: {name: sort, length: 8, min_length: 2, values: 30, examples: null, "
        "hints: {successor: 0.5}, hints_until: 0.7}"
    )
    assert recipe.text.format == "plain"
    assert recipe.task.hints == {"successor": 0.5}
    assert prepare(recipe).config.context == 19
    assert parse_recipe(recipe.to_yaml()) == recipe
    assert parse_recipe("task: {digits: 2}").text.format == "reverse"
    for text, said in [
        ("task: {hints: {successor: 0.5}, examples: null}", "choose a task on lists"),
        ("task: {name: sort, hints: {successor: 0.5}}", "examples: null"),
        ("task: {name: sort, length: 3, min_length: 4}", r"1 … task\.length \(3\)"),
        ("task: {name: sort, hints: 3}", "names with numbers"),
        ("task: {name: sort, hints: {successor: a}}", "a number"),
        ("task: {name: sort, hints_until: 2}", "share of the steps"),
        ("training: {objective: packed}", r"model\.context"),
    ]:
        with pytest.raises(RecipeError, match=said):
            parse_recipe(text)
    with pytest.raises(UsageError, match="Use 'absolute' or 'randomized'"):
        prepare(SORT.replace(text__index="coupled"))


def test_hints_stop_when_the_schedule_says():
    recipe = SORT.replace(task__hints={"successor": 0.5}, task__hints_until=0.5)
    material = prepare(recipe)
    marker = material.tokenizer.vocab["successor?"]
    make = fresh(recipe, material)
    shares = [(make(200, (0, step))[0] == marker).any(axis=1).mean() for step in range(10)]
    assert all(0.35 < share < 0.65 for share in shares[:5])
    assert shares[5:] == [0] * 5


def test_held_out_lists_are_never_trained_on():
    material = prepare(SORT.replace(task__length=3, task__values=6))
    make = fresh(SORT.replace(task__length=3, task__values=6), material)
    held_out = {tuple(row) for row in material.test.question.to_lists()}
    decode = material.tokenizer.decode
    for step in range(5):
        ids_nt, _, prompt_n = make(300, (0, step))
        rows = {tuple(map(int, decode(ids[:p]).split()[1:-1])) for ids, p in zip(ids_nt, prompt_n)}
        assert not rows & held_out


def test_packed_rows_are_a_stream_of_whole_examples():
    """Examples 1 2 | 9 and 3 | 8 8, alternating; answers are what carries loss."""
    ids_nt = np.array([[1, 2, 9, 0], [3, 8, 8, 0]])

    def make(n: int, seed: tuple[int, int]) -> tuple[np.ndarray, ...]:
        return np.tile(ids_nt, (n, 1))[:n], np.full(n, 3), np.tile([2, 1], n)[:n]

    packed = Packed(make, context=10, size=4, seed=0)
    stream = "129388" * 40
    starts = set()
    for step in range(30):
        batch = packed.batch(step)
        assert batch.ids_bt.shape == (4, 10)
        text = "".join(map(str, np.concatenate([batch.ids_bt, batch.targets_bt.clip(0)[:, -1:]], 1)[0][:10]))
        starts.add(stream.index(text) % 6)
        assert text in stream
        spoken = batch.targets_bt != IGNORE
        following = np.concatenate([batch.ids_bt[:, 1:], batch.targets_bt[:, -1:]], axis=1)
        assert set(batch.targets_bt[spoken].tolist()) == {8, 9}
        assert (following[:, :-1][spoken[:, :-1]] == batch.targets_bt[:, :-1][spoken[:, :-1]]).all()
        assert not np.isin(following[:, :-1][~spoken[:, :-1]], [8, 9]).any()
        again = Packed(make, context=10, size=4, seed=0).batch(step)
        assert (again.ids_bt == batch.ids_bt).all()
    assert starts == set(range(6))


def test_packed_training_runs():
    recipe = SORT.replace(training__objective="packed", model__context=32, model__positions="learned")
    assert isinstance(source(recipe, prepare(recipe)), Packed)
    assert np.isfinite(train(recipe).history[-1]["loss"])


def test_rows_weigh_alike_however_long_their_answers():
    recipe = SORT.replace(training__weigh="row").training
    model = train(SORT).model
    ids = torch.randint(1, 20, (2, 6), generator=torch.Generator().manual_seed(1)).numpy().astype(np.int32)
    targets = np.full((2, 6), IGNORE)
    targets[0, 2:] = [3, 4, 5, 6]
    targets[1, 5] = 7
    with torch.no_grad():
        logits = model(torch.from_numpy(ids)).log_softmax(-1)
    each = [
        [-logits[row, t, targets[row, t]].item() for t in range(6) if targets[row, t] != IGNORE] for row in range(2)
    ]
    wanted = (np.mean(each[0]) + np.mean(each[1])) / 2
    learner = Learner([model], recipe)
    assert learner.step(Batch(ids, targets, 0), 0, 0.0)[0] == pytest.approx(wanted, rel=1e-5)
    half = Learner([model], SORT.replace(training__weigh="row", training__accumulate=2).training)
    assert half.step(Batch(ids, targets, 0), 0, 0.0)[0] == pytest.approx(wanted, rel=1e-5)
    plain = Learner([model], SORT.training)
    assert plain.step(Batch(ids, targets, 0), 0, 0.0)[0] == pytest.approx(np.mean(each[0] + each[1]), rel=1e-5)


def test_sorting_is_learned_saved_loaded_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from algorism.commands.evaluate import run_eval
    from algorism.commands.lengths import run_lengths

    recipe = SORT.replace(
        task__name="sort-distinct",
        task__sampler="one-length",
        training__steps=300,
        training__batch=64,
        model__norm="rms",
    )
    run = train(recipe, tmp_path / "run")
    assert run.accuracy is not None
    assert run.accuracy > 0.9
    again = load_run(tmp_path / "run")
    assert again.accuracy == run.accuracy
    run_eval(tmp_path / "run", 50, True, 0.0, None, False)
    assert "held-out" in capsys.readouterr().out
    run_lengths([tmp_path / "run"], "4,8,30", 20, None, json=False)
    out = capsys.readouterr().out
    assert "trained to 6" in out
    assert "allow lists of at most 20" in out  # 20 symbols allow no list of 30 different ones
