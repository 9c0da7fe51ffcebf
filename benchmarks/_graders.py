"""The peers' graders behind one signature: right answer and response in, credit from 0 to 1 out.

Each is called through its public entry, with the settings that its own arithmetic tasks or its manual use.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Grader = Callable[[str, str, str], float]  # right answer, response, kind


@dataclass(frozen=True)
class Peer:
    """A grader: how it is shown, which distribution it comes from, how it was set."""

    name: str
    distribution: str
    setting: str
    make: Callable[[], Grader]


def _ours(level: Any) -> Callable[[], Grader]:
    def make() -> Grader:
        from algorism.evaluation.grading import grade

        return lambda gold, response, kind: float(grade(response, gold, kind=kind, level=level).correct)  # type: ignore[arg-type]

    return make


def _math_verify() -> Grader:
    from math_verify import parse, verify

    return lambda gold, response, kind: float(verify(parse(f"${gold}$"), parse(response)))


def _lm_eval(pattern: str | None, select: int = 0) -> Callable[[], Grader]:
    def make() -> Grader:
        from lm_eval.api.metrics import exact_match_fn
        from lm_eval.filters.extraction import RegexFilter

        ignored = [",", "\\$", "(?s).*#### ", "\\.$"]  # as its gsm8k has them
        extract = None if pattern is None else RegexFilter(pattern, select)

        def graded(gold: str, response: str, kind: str) -> float:
            text = response if extract is None else next(iter(extract.apply([[response]], [{}])))[0]
            found = exact_match_fn(predictions=[text], references=[gold], regexes_to_ignore=ignored, ignore_case=True)
            return float(found["exact_match"])

        return graded

    return make


def _inspect(numeric: bool) -> Callable[[], Grader]:
    def make() -> Grader:
        from inspect_ai.model import ModelName, ModelOutput
        from inspect_ai.scorer import Target, match
        from inspect_ai.solver import TaskState

        scorer = match(numeric=numeric)
        loop = asyncio.new_event_loop()

        def graded(gold: str, response: str, kind: str) -> float:
            output = ModelOutput.from_content("none/none", response)
            state = TaskState(model=ModelName("none/none"), sample_id=1, epoch=1, input="", messages=[], output=output)
            score = loop.run_until_complete(scorer(state, Target(gold)))
            return float(score is not None and score.value == "C")

        return graded

    return make


def _lighteval() -> Grader:
    from lighteval.metrics.metrics import Metrics
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc

    metric: Any = Metrics.expr_gold_metric.value.sample_level_fn  # type: ignore[attr-defined]

    def graded(gold: str, response: str, kind: str) -> float:
        doc = Doc(query="", choices=[gold], gold_index=0, task_name="graders", specific={})
        return float(metric.compute(doc=doc, model_response=ModelResponse(text=[response])))

    return graded


def _gym_decimal() -> Grader:
    from reasoning_gym.utils import compute_decimal_reward

    return lambda gold, response, kind: float(compute_decimal_reward(response, gold))


def _gym_default() -> Grader:
    from reasoning_gym.dataset import ProceduralDataset

    class Plain(ProceduralDataset):
        def __getitem__(self, idx: int) -> dict[str, Any]:
            raise IndexError(idx)

    data = Plain(config=None, seed=0)
    return lambda gold, response, kind: float(data.score_answer(response, {"answer": gold}))


PEERS = (
    Peer("algorism strict", "algorism", "`grade(level='strict')`", _ours("strict")),
    Peer("algorism lenient", "algorism", "`grade(level='lenient')`", _ours("lenient")),
    Peer("math-verify", "math-verify", "`verify(parse(gold), parse(answer))`", _math_verify),
    Peer("lm-eval exact", "lm-eval", "`exact_match` as in its gsm8k, no filter", _lm_eval(None)),
    Peer(
        "lm-eval flexible",
        "lm-eval",
        "the same behind gsm8k's filter `flexible-extract`",
        _lm_eval(r"(-?[$0-9.,]{2,})|(-?[0-9]+)", -1),
    ),
    Peer("inspect match", "inspect-ai", "`match()`", _inspect(False)),
    Peer("inspect numeric", "inspect-ai", "`match(numeric=True)`", _inspect(True)),
    Peer("lighteval", "lighteval", "`Metrics.expr_gold_metric`", _lighteval),
    Peer("reasoning-gym decimal", "reasoning-gym", "`compute_decimal_reward`", _gym_decimal),
    Peer("reasoning-gym default", "reasoning-gym", "`ProceduralDataset.score_answer`", _gym_default),
)
