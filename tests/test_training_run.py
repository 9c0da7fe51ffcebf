"""Runs and their folders: what is written, what is refused, what a damaged file says, many at once."""

import json
import re
from pathlib import Path

import pytest
import torch

from algorism.errors import CheckpointError, UsageError
from algorism.training import Recipe, load_run, train, train_many
from algorism.training.material import prepare
from algorism.training.run import save_run

TINY = Recipe().replace(
    task__digits=2,
    task__examples=200,
    task__test=50,
    model__layers=1,
    model__heads=2,
    model__width=16,
    training__steps=12,
    training__batch=16,
    training__warmup=3,
    training__checkpoint_every=5,
    training__validate_on=20,
)


def weights(model: torch.nn.Module) -> dict[str, bytes]:
    """Every bit of a model."""
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


class Interrupted(Exception):
    """Stands for a kill, where the moment matters and the signal does not."""


def interrupt(folder: Path, recipe: Recipe = TINY, step: int = 8) -> None:
    """Train up to a step and stop there."""

    def stop(at: int, row: object) -> None:
        if at == step:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(recipe, folder, report=stop)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder; tests do not change it."""
    folder = tmp_path_factory.mktemp("run")
    train(TINY, folder)
    return folder


def test_the_folder_holds_all_of_the_run(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"recipe.yaml", "environment.json", "metrics.jsonl", "model.safetensors", "tokenizer.json"} <= names
    assert "checkpoint.safetensors" not in names
    assert not [name for name in names if name.endswith(".part")]
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert all(row["loss"] > 0 for row in rows)
    assert json.loads((finished / "finished.json").read_text())["steps"] == 12
    assert json.loads((finished / "environment.json").read_text())["processes"] == 1


def test_a_loaded_run_is_the_trained_one(finished: Path) -> None:
    loaded, again = load_run(finished), train(TINY)
    assert weights(loaded.model) == weights(again.model)
    assert (loaded.recipe, loaded.accuracy) == (TINY, again.accuracy)
    assert not loaded.model.training
    assert loaded.material.test.keys().tolist() == again.material.test.keys().tolist()


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    train(TINY.replace(model__dropout=0.1))
    assert torch.equal(torch.get_rng_state(), before)


def test_many_at_once_equal_one_after_another() -> None:
    recipes = [
        TINY.replace(seed=seed, text__format=name, model__width=width, training__steps=60)
        for seed, name, width in [(0, "plain", 16), (1, "reverse", 32), (2, "pad", 16), (3, "plain", 32)]
    ]
    threads = torch.get_num_threads()
    reports = []
    together = train_many(recipes, workers=3, report=lambda done, total: reports.append((done, total)))
    assert torch.get_num_threads() == threads
    assert reports == [(1, 4), (2, 4), (3, 4), (4, 4)]
    torch.set_num_threads(1)
    try:
        for run, recipe in zip(together, recipes, strict=True):
            assert run.recipe == recipe
            assert weights(run.model) == weights(train(recipe).model)
    finally:
        torch.set_num_threads(threads)
    assert len({weights(run.model)["norm.weight"] for run in together}) == 4


def test_a_finished_run_is_refused_and_overwritten_when_asked(tmp_path: Path) -> None:
    train(TINY, tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    for recipe in (TINY, TINY.replace(seed=9)):
        with pytest.raises(CheckpointError, match=r"a finished run is here\. .*--overwrite"):
            train(recipe, tmp_path)
    with pytest.raises(CheckpointError, match="a finished run is here"):
        save_run(train(TINY), tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    train(TINY.replace(seed=9), tmp_path, overwrite=True)
    assert (tmp_path / "model.safetensors").read_bytes() != before
    assert load_run(tmp_path).recipe.seed == 9


def test_a_run_can_be_watched_while_it_trains(tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(step: int, _: dict) -> None:
        lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["step"] == step
        seen.append(len(lines))

    train(TINY, tmp_path / "run", report=watch)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 2


def test_an_unfinished_run_is_continued_but_not_by_another_recipe(tmp_path: Path) -> None:
    interrupt(tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    with pytest.raises(CheckpointError, match="an unfinished run of another recipe is here"):
        train(TINY.replace(training__learning_rate=0.1), tmp_path)
    with pytest.raises(CheckpointError, match=r"not finished\. Continue it with: algorism train"):
        load_run(tmp_path)
    steps: list[int] = []
    train(TINY, tmp_path, report=lambda step, row: steps.append(step))
    assert steps == list(range(6, 13))  # from the checkpoint after step 5
    assert weights(load_run(tmp_path).model) == weights(train(TINY).model)


def test_overwrite_of_an_unfinished_run_starts_from_nothing(tmp_path: Path) -> None:
    interrupt(tmp_path)
    steps: list[int] = []
    other = TINY.replace(seed=4)
    train(other, tmp_path, overwrite=True, report=lambda step, row: steps.append(step))
    assert steps == list(range(1, 13))
    assert weights(load_run(tmp_path).model) == weights(train(other).model)


def test_halves_that_a_kill_left_are_cleaned_away(tmp_path: Path) -> None:
    interrupt(tmp_path)
    (tmp_path / ".checkpoint.safetensors.abc.part").write_bytes(b"half")
    (tmp_path / ".recipe.yaml.x1.part").write_bytes(b"")
    (tmp_path / "notes.part").write_text("the user's own")
    train(TINY, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == ["notes.part"]


@pytest.mark.parametrize("damage", ["truncated", "header", "empty", "text", "foreign", "other shape"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str) -> None:
    interrupt(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    data = path.read_bytes()
    if damage == "foreign":
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(3)}, path)
    elif damage == "other shape":
        interrupt(tmp_path / "other", TINY.replace(model__width=32))
        path.write_bytes((tmp_path / "other" / "checkpoint.safetensors").read_bytes())
    else:
        wrong = {
            "truncated": data[: len(data) // 2],
            "header": data[:8] + b"\xff" * 20 + data[28:],
            "empty": b"",
            "text": b"not a checkpoint at all",
        }
        path.write_bytes(wrong[damage])
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        train(TINY, tmp_path)
    assert "--overwrite" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "missing", "other shape"])
def test_damaged_weights_are_named(tmp_path: Path, finished: Path, damage: str) -> None:
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = tmp_path / "model.safetensors"
    if damage == "missing":
        model.unlink()
    elif damage == "truncated":
        model.write_bytes(model.read_bytes()[:-100])
    else:
        other = TINY.replace(model__width=32)
        other.save(tmp_path / "recipe.yaml")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: damaged or of another shape") as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["finished.json", "metrics.jsonl"])
def test_damaged_records_are_named(tmp_path: Path, finished: Path, name: str) -> None:
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text('{"step": 1, "lo')
    with pytest.raises(CheckpointError, match=re.escape(name)):
        load_run(tmp_path)


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no run here \(recipe\.yaml is missing\)"):
        load_run(tmp_path)
    with pytest.raises(CheckpointError, match="no run here"):
        load_run(tmp_path / "nowhere")


def test_devices_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="expected 'cpu' or 'cuda', got 'gpu'"):
        train(TINY, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="torch sees no GPU"):
            train(TINY, device="cuda")


@pytest.mark.parametrize("objective", ["answer", "windows"])
def test_every_objective_learns(objective: str) -> None:
    run = train(TINY.replace(training__objective=objective, training__steps=60))
    assert run.history[-1]["loss"] < 0.85 * run.history[0]["loss"]


def test_a_stream_of_fresh_examples_never_shows_a_test_problem() -> None:
    from algorism.training.material import source

    recipe = TINY.replace(task__examples=None, task__test=2000, training__batch=500)
    material = prepare(recipe)
    stream = source(recipe, material)
    held_out = {material.tokenizer.decode(row[:n]) for row, n in _rows(material)}
    assert len(held_out) == 2000
    shown = set()
    for step in range(20):
        batch = stream.batch(step)
        for ids, targets in zip(batch.ids_bt, batch.targets_bt, strict=True):
            end = int((targets != -100).nonzero()[0][-1])
            shown.add(material.tokenizer.decode([*ids[: end + 1], targets[end]]))
    assert len(shown) > 4000
    assert not shown & held_out


def _rows(material):  # type: ignore[no-untyped-def]
    encoded = material.encode(material.test)
    return zip(encoded.ids_nt, encoded.length_n, strict=True)
