"""Every definition as a task of lighteval; lengths are part of the name, because its tasks take no parameters.

    lighteval accelerate "model_name=MODEL" "algorism_addition:8|0" --custom-tasks algorism.adapters.lighteval_tasks

`algorism_addition|0` runs all lengths. Lighteval reads data sets from folders, so importing this module writes one
(some megabytes) to the user's cache, once for each version of the questions. Needs lighteval; release 0.13.0 lists its
own tasks only with a network, huggingface_hub below 2 and xxhash below 4.
"""

import hashlib
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lighteval.metrics.metrics_sample import SampleLevelComputation
from lighteval.metrics.utils.metric_utils import SampleLevelMetricGrouping
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

from algorism.adapters.definitions import DEFINITIONS
from algorism.adapters.grades import LEVELS, grades
from algorism.adapters.huggingface import rows
from algorism.adapters.lm_eval import task_name
from algorism.files import write_text

LENGTHS = (1, 2, 3, 4, 8, 16)
N = 100  # questions of each task and length


class ExactGrades(SampleLevelComputation):
    """Our grader's two verdicts on the first answer."""

    def compute(self, doc: Doc, model_response: Any, **_: Any) -> dict[str, float]:
        """Both levels: 1.0 or 0.0."""
        return grades(model_response.final_text[0], doc.choices[0], (doc.specific or {})["kind"])


METRIC = SampleLevelMetricGrouping(
    metric_name=list(LEVELS),
    higher_is_better=dict.fromkeys(LEVELS, True),  # type: ignore[arg-type]  # as the library's own metrics have it
    category=SamplingMethod.GENERATIVE,
    sample_level_fn=ExactGrades(),
    corpus_level_fn=dict.fromkeys(LEVELS, np.mean),
)


def to_doc(line: dict[str, Any], task_name: str) -> Doc:
    """A row as lighteval's document."""
    return Doc(
        task_name=task_name, query=line["prompt"], choices=[line["gold"]], gold_index=0, specific={"kind": line["kind"]}
    )


def write_questions() -> Path:
    """The folder with all questions; written if this version's is not there.

    `ALGORISM_BARE=1` in the environment asks figures only (`123+456=`), for models that continue text.
    """
    bare = os.environ.get("ALGORISM_BARE") == "1"
    lines = [
        json.dumps({"task": f"{task_name(row)}:{digits}", **line})
        for row in DEFINITIONS.values()
        for digits in LENGTHS
        if row.shortest <= digits <= row.longest
        for line in rows(row.questions(N, digits=digits, bare=bare))
    ]
    text = "\n".join(lines) + "\n"
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "algorism" / "lighteval" / digest
    if not (folder / "test.jsonl").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "test.jsonl", text)
    return folder


def _is_of(name: str, line: dict[str, Any]) -> bool:
    return bool(line["task"] == name)


def _tasks() -> list[LightevalTaskConfig]:
    folder = str(write_questions())
    return [
        LightevalTaskConfig(
            name=f"{task_name(row)}:{digits}",
            prompt_function=to_doc,
            hf_repo=folder,
            hf_subset="default",
            hf_filter=partial(_is_of, f"{task_name(row)}:{digits}"),
            hf_avail_splits=["test"],
            evaluation_splits=["test"],
            metrics=[METRIC],
            generation_size=256,
            stop_sequence=[],
            version=1,
        )
        for row in DEFINITIONS.values()
        for digits in LENGTHS
        if row.shortest <= digits <= row.longest
    ]


TASKS_TABLE = _tasks()
