"""Counting, in **Markdown**."""

import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from algorism.claims import Claim, Measurement, Paper, Picture, Scale, Study
from algorism.errors import UsageError
from algorism.studies.runner import note, remember


@dataclass(frozen=True)
class Size(Scale):
    steps: int = 3


STUDY = Study(
    slug="counting-things",
    paper=Paper("Counting | Things", year=1999, arxiv="9901.00001", authors="C. Ounter"),
    claims=[
        Claim(
            "up", "It counts up.", "figure 1", {"last": 3, "first": 1}, holds=lambda m: m["last"].low > m["first"].high
        ),
        Claim(
            "half",
            "It counts and sings.",
            "table 2",
            "it sings",
            value="first",
            parts={"counts": lambda m: m["last"].low > 0, "sings": lambda m: m["last"].low > 100},
        ),
        Claim("never", "It counts down.", "table 3", {"last": 0}, holds=lambda m: m["last"].high < m["first"].low),
        Claim("far", "It counts very far.", "table 4", {"far": 9}, holds=lambda m: m["far"].low > 8),
    ],
    scales={
        "quick": Size("quick", seeds=2),
        "cpu": Size("cpu", seeds=5, steps=6),
        "gpu": Size("gpu", needs_gpu=True),
    },
)


def count(step, seed):
    """The long work: says in a journal that it was begun, so that a test can see what was done twice."""
    with Path(os.environ["JOURNAL"]).open("a") as stream:
        stream.write(f"{step}\n")
    if os.environ.get("HANG") == str(step):
        time.sleep(600)  # until the test kills the process
    return {"value": step + seed, "pair": (1, 2)}


@STUDY.measures
def run(scale, seed):
    for step in range(1, scale.steps + 1):
        note(f"step {step}")
        result = remember({"step": step}, partial(count, step, seed))
        assert result["pair"] == [1, 2]
        if step == 2 and os.environ.get("BREAK"):
            raise {"bug": ZeroDivisionError, "ours": UsageError}[os.environ["BREAK"]]("no")
        if step in (1, scale.steps):
            name, value = "first" if step == 1 else "last", result["value"]
            yield Measurement(name, value, value - 0.4, value + 0.4, n=10, unit="steps", seeds=scale.seeds)
    encoding = {axis: {"field": axis, "type": "quantitative"} for axis in "xy"}
    spec = {"mark": "point", "data": {"values": [{"x": 1, "y": 2}]}, "encoding": encoding}
    yield Picture("climb", "The climb", spec, "up")
