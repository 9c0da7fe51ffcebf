"""Weights of a checkpoint with 124 million parameters to int4, group 128: time and memory of a whole process.

The checkpoint is a GPT-2 of the original small size with seeded random weights, written once and never downloaded.
Each row is a process of its own, from its start to its end, imports and writing included. Where torchao runs, it
quantizes the same weights beside ours, in a process of its own as well.

    python benchmarks/quantize.py [--json] [--folder FOLDER] [--samples 64] [--length 256] [--threads 2]
                                   [--only rtn,gptq,torchao]
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _harness import device, versions

BARS = {"rtn": (10.0, 2.5), "gptq": (600.0, 2.5), "torchao": (None, None)}  # seconds, multiples of the fp32 checkpoint


def make_checkpoint(folder: Path) -> None:
    """GPT-2 small with random weights, its calibration set of random tokens, and nothing else."""
    import torch
    from safetensors.torch import save_file
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config())
    model.save_pretrained(folder)
    tokens = torch.randint(0, 50257, (512, 512), generator=torch.Generator().manual_seed(1))
    save_file({"input_ids": tokens}, folder / "calibration.tokens")


def work(what: str, folder: Path, out: Path, samples: int, length: int, threads: int) -> None:
    """What one process does."""
    import torch

    torch.set_num_threads(threads)
    if what == "torchao":
        from torchao.quantization import IntxWeightOnlyConfig, PerGroup, quantize_
        from transformers import AutoModelForCausalLM
        from transformers.pytorch_utils import Conv1D

        model = AutoModelForCausalLM.from_pretrained(folder)
        for module in list(model.modules()):  # torchao knows nn.Linear only
            for name, child in module.named_children():
                if isinstance(child, Conv1D):
                    linear = torch.nn.Linear(child.nx, child.nf)
                    linear.weight, linear.bias = torch.nn.Parameter(child.weight.T.contiguous()), child.bias
                    setattr(module, name, linear)

        def inside(module: torch.nn.Module, name: str) -> bool:
            return isinstance(module, torch.nn.Linear) and "lm_head" not in name

        int4 = torch.int4  # type: ignore[attr-defined]  # torch has it, its stubs have not
        config = IntxWeightOnlyConfig(weight_dtype=int4, granularity=PerGroup(128))
        quantize_(model, config, filter_fn=inside)
        return
    from safetensors.torch import load_file

    from algorism.lowbit import QuantSpec
    from algorism.lowbit.folders import Job, quantize_folder

    batches = None
    if what == "gptq":
        ids = load_file(folder / "calibration.tokens")["input_ids"][:samples, :length].clone()
        batches = [{"input_ids": part, "use_cache": False} for part in ids.split(4)]
    spec = QuantSpec(bits=4, granularity="group", group_size=128)
    report = quantize_folder(folder, out, Job(spec, what, batches))
    better = sum(row.error < row.rtn_error for row in report.layers if row.error is not None and row.rtn_error)
    print(
        json.dumps(
            {"layers": len(report.layers), "weights": sum(row.weights for row in report.layers), "better": better}
        )
    )


def measure(what: str, folder: Path, samples: int, length: int, threads: int) -> dict[str, Any]:
    """Run one process; its wall time, processor time and largest resident memory, as the system counted them."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--work", what, "--folder", str(folder), "--out", out]
        command += ["--samples", str(samples), "--length", str(length), "--threads", str(threads)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stderr is not None
        said, complaint = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        written = sum(file.stat().st_size for file in Path(out).glob("*.safetensors"))
    row: dict[str, Any] = {"what": what, "seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    if status:
        last = (complaint.strip().splitlines() or ["no message"])[-1]
        return row | {"failed": last}
    before = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    bytes_used = usage.ru_maxrss * 1024
    row |= {
        "memory": bytes_used,
        "memory_per_checkpoint": bytes_used / before,
        "checkpoint": before,
        "written": written,
    }
    return row | (json.loads(said.splitlines()[-1]) if said.strip() else {})


def sentence(row: dict[str, Any]) -> str:
    """One line for people."""
    if "failed" in row:
        return f"{row['what']:<8} does not run here: {row['failed']}"
    line = (
        f"{row['what']:<8} {row['seconds']:7.1f} s wall, {row['cpu_seconds']:7.1f} s of processor; "
        f"{row['memory'] / 1e6:,.0f} MB at most, {row['memory_per_checkpoint']:.2f} × the checkpoint"
    )
    if row["written"]:
        line += f"; {row['checkpoint'] / 1e6:.0f} MB in, {row['written'] / 1e6:.0f} MB out"
    if row.get("better"):
        line += f"; less output error than rounding in {row['better']} of {row['layers']} layers"
    seconds, memory = BARS[row["what"]]
    if seconds is not None:
        met = [row["seconds"] <= seconds, row["memory_per_checkpoint"] <= memory]
        line += f". Bars: {seconds:g} s {'met' if met[0] else 'missed'}, {memory} × {'met' if met[1] else 'missed'}"
    return line


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print a JSON value instead of lines")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "algorism-gpt2-124m")
    parser.add_argument("--samples", type=int, default=64, help="calibration sequences")
    parser.add_argument("--length", type=int, default=256, help="tokens of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="rtn,gptq,torchao")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.folder, options.out, options.samples, options.length, options.threads)
        return
    if not (options.folder / "calibration.tokens").exists():
        make_checkpoint(options.folder)
    settings = (options.samples, options.length, options.threads)
    rows = [measure(what, options.folder, *settings) for what in options.only.split(",")]
    about: dict[str, Any] = {
        "device": device(),
        "load": os.getloadavg()[0],
        "versions": versions(("torch", "transformers", "torchao")),
    }
    about |= {"calibration": f"{options.samples} × {options.length} tokens"}
    if options.json:
        print(json.dumps({**about, "rows": rows}, indent=2))
        return
    about["device"] += f", {options.threads} threads; load {about['load']:.1f} at the end"
    print(f"int4, group 128, 124 M parameters; {about['device']}")
    print("\n".join(sentence(row) for row in rows))
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()), "·", about["calibration"])
    if importlib.metadata.packages_distributions().get("torchao") is None:
        print("torchao is not installed: pip install torchao")


if __name__ == "__main__":
    main()
