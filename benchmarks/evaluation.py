"""A whole evaluation of a checkpoint: ours against lm-eval's and inspect's, the same 2,000 questions and model.

Each run is a fresh process from its start to its end: imports, questions, model, answers, grades, files. The task is
ours in all three (`algorism.adapters`), graded by our grader; greedy, at most 8 new tokens, 64 prompts at once, two
threads. The model is a GPT-2 of 4 layers and width 128 that answers in digits which hang on its random weights, so that
some answers are right. Accuracies must be identical, or the benchmark stops.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from _harness import Comparison, compare, main
from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.text import CharTokenizer

TASK, DIGITS, N, BATCH, NEW = "floordiv-integer", 3, 2000, 64, 8
ALPHABET = "0123456789+-*/= $."

INSPECT = """
import json, sys
from inspect_ai import eval
settings = json.loads(sys.argv[1])
plain = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
log = eval(
    "algorism/" + settings["task"], task_args=settings["args"], model="hf/local",
    model_args={"model_path": settings["model"], "device": "cpu", "do_sample": False, "chat_template": plain},
    log_dir="logs", display="none", max_tokens=settings["new"], max_connections=settings["batch"],
    max_samples=settings["batch"],
)[0]
if log.status != "success":
    raise SystemExit(str(log.error))
print("\\n" + json.dumps({score.name: score.metrics["accuracy"].value for score in log.results.scores}))
"""


class Run(NamedTuple):
    """One process: how long it took, how long processors worked, its peak memory, what it found."""

    seconds: float
    worked: float
    megabytes: float
    found: dict[str, float]


def checkpoint(folder: Path) -> Path:
    """A GPT-2 that writes one digit behind "=", and then ends; which digit, its random weights decide."""
    tokenizer = CharTokenizer(ALPHABET)
    config = TransformerConfig(
        vocab=tokenizer.vocab_size, context=64, layers=4, heads=4, width=128,
        bias=True, activation="gelu_tanh", tie=False,
    )  # fmt: skip
    model, draws = Transformer(config, seed=0), torch.Generator().manual_seed(0)
    digits = [int(tokenizer.encode(digit)[0]) for digit in "0123456789"]
    equals, end = int(tokenizer.encode("=")[0]), int(tokenizer.encode("$")[0])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("blocks") and weight.dim() == 2:
                weight.mul_(6)  # initial weights answer every prompt alike; these do not
        model.embed.weight.zero_()
        model.embed.weight[:, : config.vocab] = 4 * torch.eye(config.vocab)
        assert model.head is not None
        head_vm = model.head.weight.zero_()
        head_vm[digits, config.vocab :] = torch.randn(10, config.width - config.vocab, generator=draws)
        head_vm[digits, equals] = 20.0
        head_vm[digits[1:4], equals] += 4.0  # the commoner quotients
        head_vm[end, digits], head_vm[end, equals] = 40.0, -40.0
    export(model, folder, tokenizer)
    for name, key, value in (("config.json", "eos_token_id", end), ("tokenizer_config.json", "eos_token", "$")):
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(settings | {key: value}))
    return folder


def process(command: list[str]) -> tuple[float, float, float, str]:
    """Run a command in an empty folder: seconds, processor seconds, peak resident megabytes, standard output."""
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OMP_NUM_THREADS": "2",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        began = time.perf_counter()
        started = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=os.environ | offline)
        _, status, used = os.wait4(started.pid, 0)
        seconds = time.perf_counter() - began
        started.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if started.returncode:
            raise SystemExit(f"{' '.join(command)[:200]} failed:\n{err.read()[-3000:]}")
        return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read()


def ours(model: Path) -> Run:
    """`algorism ask`."""
    asked = ["ask", TASK, f"hf:{model}", "--digits", str(DIGITS), "-n", str(N), "--bare", "--json"]
    command = [sys.executable, "-m", "algorism", *asked, "--max-tokens", str(NEW), "--batch", str(BATCH)]
    seconds, worked, megabytes, out = process(command)
    values = json.loads(out)
    return Run(seconds, worked, megabytes, {level: values[level]["value"] for level in ("strict", "lenient")})


def lm_eval(model: Path) -> Run:
    """`lm-eval run --model hf` on the YAML folder."""
    from algorism.adapters import definition
    from algorism.adapters.lm_eval import FOLDER, task_name

    name = task_name(definition(TASK))
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model}"]
    command += ["--tasks", name, "--include_path", str(FOLDER), "--device", "cpu", "--batch_size", str(BATCH)]
    command += ["--metadata", json.dumps({"digits": DIGITS, "n": N, "bare": True})]
    command += ["--gen_kwargs", f"max_gen_toks={NEW}", "--output_path", "out", "--log_samples"]
    with tempfile.TemporaryDirectory() as folder:
        command[command.index("out")] = folder
        seconds, worked, megabytes, _ = process(command)
        (path,) = Path(folder).rglob("results_*.json")
        values = json.loads(path.read_text())["results"][name]
    return Run(seconds, worked, megabytes, {level: values[f"{level},none"] for level in ("strict", "lenient")})


def inspect(model: Path) -> Run:
    """`inspect_ai.eval` with its `hf/` provider, log written."""
    settings = {"task": TASK, "args": {"digits": DIGITS, "n": N, "bare": True}, "model": str(model)}
    seconds, worked, megabytes, out = process(
        [sys.executable, "-c", INSPECT, json.dumps(settings | {"new": NEW, "batch": BATCH})]
    )
    return Run(seconds, worked, megabytes, json.loads(out.splitlines()[-1]))


def comparisons() -> Iterator[Comparison]:
    """Time and memory against both, the runs made in turn."""
    with tempfile.TemporaryDirectory() as folder:
        model = checkpoint(Path(folder) / "model")
        ours(model)  # the page cache is warm for all from here on
        for peer, name, target, runs in ((lm_eval, "lm-eval hf", 3.0, 3), (inspect, "inspect hf/", 10.0, 2)):
            pairs = [(ours(model), peer(model)) for _ in range(runs)]
            found = {tuple(sorted((k, round(v, 9)) for k, v in run.found.items())) for pair in pairs for run in pair}
            if len(found) != 1 or not 0.005 < pairs[0][0].found["lenient"] < 0.995:
                raise SystemExit(f"accuracies differ, or say nothing: {found}")
            packages = ("torch", "transformers", "lm-eval" if peer is lm_eval else "inspect-ai")
            rows = (("time", "s", 0, target), ("processor time", "s", 1, None), ("peak memory", "MB", 2, 1.0))
            for what, unit, at, goal in rows:
                mine, theirs = iter([p[0][at] for p in pairs]), iter([p[1][at] for p in pairs])
                yield compare(
                    f"{N} questions, whole command: {what}",
                    lambda mine=mine: next(mine),  # type: ignore[misc]
                    lambda theirs=theirs: next(theirs),  # type: ignore[misc]
                    peer_name=name,
                    unit=unit,
                    runs=runs,
                    warmups=0,
                    quantity="value",
                    packages=packages,
                    target=goal,
                )


if __name__ == "__main__":
    main(__doc__, comparisons)
