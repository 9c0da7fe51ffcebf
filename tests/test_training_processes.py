"""Two processes train one network as one process would, and share its folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
name: shared
task: {digits: 2, examples: 400, test: 100}
model: {layers: 1, heads: 2, width: 16}
training:
  {steps: 100, batch: 32, accumulate: 2, warmup: 5, checkpoint_every: 20, validate_every: 25, validate_on: 50}
"""


def launch(recipe: Path, folder: Path, processes: int) -> subprocess.CompletedProcess[str]:
    """`algorism train` in one process, or in several started by Accelerate."""
    launcher: list[str] = []
    if processes > 1:
        # `accelerate launch --cpu --num_processes 2` starts one process unless MPI is there (accelerate 1.15); this
        # asks for the launcher that starts as many as it is told, and for no GPU.
        launcher = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
        launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
        launcher += ["--main_process_port", "0"]
    command = [sys.executable, *launcher, "-m", "algorism", "train", str(recipe), "--out", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="gloo between processes is tested on Linux")
def test_two_processes_reach_the_loss_of_one(tmp_path: Path) -> None:
    recipe = tmp_path / "shared.yaml"
    recipe.write_text(RECIPE)
    rows = {}
    for processes in (1, 2):
        folder = tmp_path / f"run{processes}"
        done = launch(recipe, folder, processes)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == str(folder)
        assert done.stdout.count("exact match") == 1  # one of them speaks
        assert "destroy_process_group() was not called" not in done.stderr
        assert json.loads((folder / "environment.json").read_text())["processes"] == processes
        assert not list(folder.glob(".*.part"))
        assert not (folder / "checkpoint.safetensors").exists()
        rows[processes] = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(rows[1]) == len(rows[2]) == 100
    for one, two in zip(rows[1], rows[2], strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
        assert two.get("accuracy") == pytest.approx(one.get("accuracy"), abs=0.02)
    assert rows[2][-1]["loss"] < rows[2][0]["loss"] - 0.3

    refused = launch(recipe, tmp_path / "run2", 2)
    assert refused.returncode != 0
    assert "a finished run is here" in refused.stderr
