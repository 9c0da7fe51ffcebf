"""A run killed with SIGKILL at random moments and resumed each time ends with the bits of the uninterrupted run."""

import multiprocessing
import os
import random
import runpy
import signal
import time
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from algorism.training import Recipe, load_run, train
from algorism.training.checkpoint import load_checkpoint

KILLS = 20
RECIPE = Recipe().replace(
    task__digits=2,
    task__examples=300,
    task__test=50,
    model__layers=1,
    model__heads=2,
    model__width=16,
    model__dropout=0.1,  # random numbers are drawn at every step, and must be the same ones again
    training__steps=150,
    training__batch=16,
    training__accumulate=2,
    training__warmup=10,
    training__checkpoint_every=5,
    training__validate_every=50,
)


@pytest.fixture(scope="module")
def start() -> object:
    """Start a training process from a server that has imported torch already: a start costs little."""
    context = multiprocessing.get_context("forkserver")
    # torch imports _dynamo when the first optimizer is made, for a second of processor time in every process.
    context.set_forkserver_preload(
        ["torch", "torch._dynamo", "tokenizers", "safetensors.torch", "algorism.training.run"]
    )
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # as the server is started: threads fighting for two cores are slow

    def run(folder: Path, seen: Path) -> ForkServerProcess:
        given = {"recipe": RECIPE, "folder": str(folder), "seen": str(seen)}
        script = str(Path(__file__).with_name("_killed_training.py"))
        process = context.Process(target=runpy.run_path, args=(script,), kwargs={"init_globals": given}, daemon=True)
        process.start()
        return process

    yield run
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before


def wait_for(path: Path, process: ForkServerProcess, seconds: float = 60) -> bool:
    """Wait until the file is there; False if the process ended before."""
    end = time.monotonic() + seconds
    while not path.exists():
        if not process.is_alive():
            return path.exists()
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.002)
    return True


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and the fork server are of POSIX systems")
def test_twenty_kills_change_no_bit(tmp_path: Path, start) -> None:  # type: ignore[no-untyped-def]
    whole = start(tmp_path / "whole", tmp_path / "whole-seen")
    whole.join(120)
    assert whole.exitcode == 0
    wanted = (tmp_path / "whole" / "model.safetensors").read_bytes()

    rng = random.Random(20)
    kills = between = writing = runs = 0
    compared = 0
    folder = tmp_path / "run0"
    seen = tmp_path / "seen"
    while kills < KILLS or compared < runs + 1:
        seen.unlink(missing_ok=True)
        process = start(folder, seen)
        if kills < KILLS and wait_for(seen, process):
            time.sleep(rng.uniform(0, 0.12))
            with suppress(ProcessLookupError):  # it got through just now
                os.kill(process.pid, signal.SIGKILL)
        process.join(120)
        if process.exitcode == 0:
            assert (folder / "model.safetensors").read_bytes() == wanted
            compared += 1
            if kills < KILLS:  # it got through before the kill: go on with another one
                runs += 1
                folder = tmp_path / f"run{runs}"
            continue
        assert process.exitcode == -signal.SIGKILL
        if (folder / "finished.json").exists():  # the kill came after the end
            assert (folder / "model.safetensors").read_bytes() == wanted
            compared += 1
            runs += 1
            folder = tmp_path / f"run{runs}"
            continue
        kills += 1
        checkpoint = folder / "checkpoint.safetensors"
        saved = load_checkpoint(checkpoint)[1]["step"] if checkpoint.exists() else 0  # whole, whatever the moment
        between += int(seen.read_text() or 0) > saved
        writing += bool(list(folder.glob(".*.part")))

    assert kills == KILLS
    assert between >= 1
    assert writing >= 1
    assert not list(tmp_path.glob("run*/.*.part"))
    histories = [
        [(row["step"], row["loss"], row.get("accuracy")) for row in load_run(tmp_path / name).history]
        for name in ("whole", folder.name)
    ]
    assert histories[0] == histories[1]
    assert len(histories[0]) == RECIPE.training.steps


def test_in_this_process_as_in_a_child(tmp_path: Path, start) -> None:  # type: ignore[no-untyped-def]
    """The child's slow flushing and the server's threads change nothing either."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(RECIPE, tmp_path / "here")
    finally:
        torch.set_num_threads(threads)
    child = start(tmp_path / "there", tmp_path / "seen")
    child.join(120)
    here, there = (tmp_path / name / "model.safetensors" for name in ("here", "there"))
    assert here.read_bytes() == there.read_bytes()
