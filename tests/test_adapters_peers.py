"""One of our tasks, run from end to end by the real harnesses on a model of 2,106 weights, without a network.

The model writes "+9" behind every question, so that each harness must find no strict success, and as many lenient ones
as there are questions whose sum is 9.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from algorism.adapters import definition

sys.path.insert(0, str(Path(__file__).parent))
from _answering_model import answering

N = 60
SHARE = sum(q.gold == "9" for q in definition("addition").questions(N, digits=1)) / N


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return answering(tmp_path_factory.mktemp("answering") / "model", "+9")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Offline, and with caches of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def ran(code: str, *arguments: object) -> dict:
    """The last line, as JSON, of a fresh interpreter that runs `code`: harnesses set much for their whole process."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_there_is_something_to_find():
    assert 0 < SHARE < 0.5


OURS = """
import sys
from algorism.cli import main
sys.argv = ["algorism", "ask", "addition", "hf:" + sys.argv[1], "--digits", "1", "-n", sys.argv[2], "--bare", "--json"]
main()
"""


def test_our_own_command(model):
    found = ran(OURS, model, N)
    assert (found["strict"]["value"], found["lenient"]["value"]) == (0.0, pytest.approx(SHARE))


LM_EVAL = """
import json, sys
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from algorism.adapters.lm_eval import FOLDER
metadata = {"digits": 1, "n": int(sys.argv[2]), "bare": True}
manager = TaskManager(include_path=str(FOLDER), include_defaults=False, metadata=metadata)
assert len(manager.all_subtasks) == 56, manager.all_subtasks
found = simple_evaluate(
    model="hf", model_args={"pretrained": sys.argv[1], "device": "cpu"}, tasks=["algorism_addition"],
    task_manager=manager, batch_size=16, gen_kwargs="max_gen_toks=4", bootstrap_iters=0,
)
print(json.dumps({k: v for k, v in found["results"]["algorism_addition"].items() if isinstance(v, int | float)}))
"""


def test_lm_eval(model):
    pytest.importorskip("lm_eval")
    found = ran(LM_EVAL, model, N)
    assert found["sample_len"] == N
    assert (found["strict,none"], found["lenient,none"]) == (0.0, pytest.approx(SHARE))


INSPECT = """
import json, sys
from inspect_ai import eval
plain = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
log = eval(
    "algorism/addition", model="hf/local", task_args={"digits": 1, "n": int(sys.argv[2]), "bare": True},
    model_args={"model_path": sys.argv[1], "device": "cpu", "do_sample": False, "chat_template": plain},
    log_dir="logs", display="none", max_tokens=4, max_connections=int(sys.argv[2]),
)[0]
assert log.status == "success", log.error
found = {score.name: score.metrics["accuracy"].value for score in log.results.scores}
print("\\n" + json.dumps(found | {"n": log.results.total_samples}))
"""


def test_inspect_ai_finds_our_tasks_by_the_entry_point(model):
    pytest.importorskip("inspect_ai")
    assert ran(INSPECT, model, N) == {"strict": 0.0, "lenient": pytest.approx(SHARE), "n": N}


def test_inspect_ai_has_every_definition_with_its_parameters():
    pytest.importorskip("inspect_ai")
    code = """
import json
from algorism.adapters.inspect_tasks import TASKS
made = TASKS["sub-float"](digits=6, n=7, seed=3)
first = made.dataset[0]
print(json.dumps([len(TASKS), len(made.dataset), first.input, first.target, first.metadata["kind"], made.name]))
"""
    asked = definition("sub-float").questions(7, digits=6, seed=3)[0]
    assert ran(code) == [56, 7, asked.prompt, asked.gold, "decimal", "algorism/sub-float"]


LIGHTEVAL = """
import json, sys
from lighteval.tasks.registry import Registry
# Release 0.13.0 fetches a file from the network, and asks the hub for models, while it lists its own tasks.
Registry._load_from_files = staticmethod(lambda *_: {})
Registry._load_from_subdirs = staticmethod(lambda *_: {})
from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.models.model_input import GenerationParameters
from lighteval.models.transformers.transformers_model import TransformersModelConfig
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
pipeline = Pipeline(
    tasks="algorism_addition:1|0",
    pipeline_parameters=PipelineParameters(
        launcher_type=ParallelismManager.ACCELERATE, custom_tasks_directory="algorism.adapters.lighteval_tasks"
    ),
    evaluation_tracker=EvaluationTracker(output_dir="out"),
    model_config=TransformersModelConfig(
        model_name=sys.argv[1], batch_size=16, device="cpu", cache_dir="cache",
        generation_parameters=GenerationParameters(max_new_tokens=4),
    ),
)
pipeline.evaluate()
found = pipeline.get_results()["results"]["algorism_addition:1:0"]
print("\\n" + json.dumps({level: float(found[level]) for level in ("strict", "lenient")}))
"""


def test_lighteval(model, monkeypatch):
    pytest.importorskip("lighteval")
    monkeypatch.setenv("ALGORISM_BARE", "1")
    found = ran(LIGHTEVAL, model)
    asked = definition("addition").questions(100, digits=1)
    assert found == {"strict": 0.0, "lenient": pytest.approx(sum(q.gold == "9" for q in asked) / len(asked))}
