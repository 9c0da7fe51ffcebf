"""The command line: a recipe is trained and evaluated, and every wrong use is answered in one line."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from algorism import __version__, cli

RECIPE = """
name: tiny
task: {digits: 2, examples: 200, test: 50}
model: {layers: 1, heads: 2, width: 16}
training: {steps: 20, batch: 16, warmup: 3, checkpoint_every: 5, validate_on: 20}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that trains in a moment."""
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder."""
    from algorism.training import parse_recipe, train

    folder = tmp_path_factory.mktemp("cli") / "run"
    train(parse_recipe(RECIPE), folder)
    return folder


@pytest.fixture
def algorism(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line in this process: exit status, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["algorism", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


def test_train_then_eval(algorism: Any, recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    status, out, _ = algorism("train", recipe, "--out", folder)
    assert status == 0
    assert out.splitlines()[-1] == str(folder)
    assert "exact match" in out
    records = tmp_path / "answers.jsonl"
    status, out, _ = algorism("eval", folder, "--n", 40, "--records", records, "--json")
    assert status == 0
    (held_out,) = json.loads(out)["sets"]
    assert (held_out["set"], held_out["n"]) == ("held-out", 40)
    assert 0 <= held_out["low"] <= held_out["accuracy"] <= held_out["high"] <= 1
    rows = [json.loads(line) for line in records.read_text().splitlines()]
    assert len(rows) == 40
    for row in rows:
        a, b = row["prompt"].strip("$=").split("+")
        assert int(row["gold"]) == int(a) + int(b)


def test_train_json_is_one_value_and_the_seed_can_be_changed(algorism: Any, recipe: Path, tmp_path: Path) -> None:
    status, out, _ = algorism("train", recipe, "--out", tmp_path / "run", "--seed", 5, "--json")
    result = json.loads(out)
    assert status == 0
    assert result["folder"] == str(tmp_path / "run")
    assert result["history"][-1]["step"] == 20
    assert "seed: 5" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_the_default_folder_is_named_after_the_recipe(
    algorism: Any, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert algorism("train", recipe)[1].splitlines()[-1] == str(Path("runs") / "tiny")


def test_eval_of_the_hard_sets(algorism: Any, run: Path) -> None:
    status, out, _ = algorism("eval", run, "--n", 20, "--hard", "--json")
    sets = json.loads(out)["sets"]
    assert status == 0
    assert len(sets) > 1
    assert all(0 <= s["accuracy"] <= 1 and s["n"] > 0 for s in sets)


def test_sample_prints_true_sums(algorism: Any) -> None:
    status, out, _ = algorism("sample", "addition", "--digits", 5, "-n", 20)
    assert status == 0
    assert len(out.splitlines()) == 20
    for line in out.splitlines():
        question, answer = line.split("=")
        a, b = question.split("+")
        assert int(answer) == int(a) + int(b)


def one_line(err: str) -> bool:
    """Whether standard error ends in one line of error, after a progress bar at most."""
    *before, last = err.splitlines()
    return last.startswith("Error: ") and not [line for line in before if line.strip() and "left" not in line]


def test_bad_recipes_exit_with_2_and_one_line(algorism: Any, recipe: Path, tmp_path: Path) -> None:
    for text, says in [
        (RECIPE.replace("batch", "bach"), "Nearest known key: 'batch'"),
        (RECIPE.replace("16}", "wide}"), "model.width (line 4): expected a whole number"),
        ("a: b: c", "not valid YAML"),
    ]:
        recipe.write_text(text)
        status, out, err = algorism("train", recipe, "--out", tmp_path / "run")
        assert (status, out) == (2, "")
        assert one_line(err)
        assert says in err
    assert not (tmp_path / "run").exists()
    status, _, err = algorism("train", tmp_path / "none.yaml")
    assert status == 2
    assert one_line(err)


def test_what_cannot_be_done_exits_with_1_and_one_line(algorism: Any, recipe: Path, run: Path, tmp_path: Path) -> None:
    for arguments, says in [
        (("train", recipe, "--out", run), "a finished run is here"),
        (("eval", tmp_path / "nowhere"), "no run here"),
        (("train", recipe, "--out", recipe), "exists"),
    ]:
        status, out, err = algorism(*arguments)
        assert (status, out) == (1, "")
        assert one_line(err), err
        assert says in err


def test_a_device_that_is_not_there(algorism: Any, recipe: Path, tmp_path: Path) -> None:
    status, _, err = algorism("train", recipe, "--out", tmp_path / "run", "--device", "tpu")
    assert status == 2
    assert "Error: device: expected 'cpu' or 'cuda', got 'tpu'" in err


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["nonsense"], ["train", "--nonsense"], ["eval", "x", "--n", "0"], ["sample", "--digits", "x"], []],
)
def test_wrong_usage_exits_with_2(algorism: Any, arguments: list[str]) -> None:
    status, out, err = algorism(*arguments)
    assert status == 2
    assert "Traceback" not in out + err
    assert out + err


def test_version_and_help(algorism: Any) -> None:
    assert algorism("--version")[:2] == (0, f"algorism {__version__}\n")
    status, out, _ = algorism("--help")
    assert status == 0
    assert all(command in out for command in ("train", "eval", "sample", "study", "studies", "report", "export"))


def test_a_full_disk_is_one_line(algorism: Any, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = os.fsync

    def full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size > 10_000:  # the checkpoint, not the small files before it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    folder = tmp_path / "run"
    monkeypatch.setattr(os, "fsync", full)
    status, out, err = algorism("train", recipe, "--out", folder, "--json")
    assert (status, out) == (1, "")
    assert err == f"Error: No space left on device: {folder / 'checkpoint.safetensors'}\n"
    assert {path.name for path in folder.iterdir()} == {"recipe.yaml", "environment.json", "metrics.jsonl"}
    monkeypatch.setattr(os, "fsync", flush)
    assert algorism("train", recipe, "--out", folder, "--json")[0] == 0  # room again: the same command goes on


def test_an_interrupted_training_says_how_to_go_on(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace("steps: 20", "steps: 1000000"))
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "algorism", "train", str(recipe), "--out", str(folder)]

    def listen() -> None:  # a shell starts what it runs in the background with interrupts ignored, and so on to here
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=listen)
    end = time.monotonic() + 120
    while not (folder / "checkpoint.safetensors").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Stopped. The same command continues where it was."
    assert "Traceback" not in err
