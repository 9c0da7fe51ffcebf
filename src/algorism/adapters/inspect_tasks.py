"""Every definition as a task of inspect_ai, found through the entry point group `inspect_ai`.

    inspect eval algorism/addition -T digits=8 --model openai/gpt-4o

`strict` and `lenient` are two scorers, so that a log has both accuracies. Needs inspect_ai.
"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate

from algorism.adapters.definitions import DEFINITIONS, Definition
from algorism.evaluation.grading import Level, grade
from algorism.evaluation.questions import Question


def _score(state: TaskState, target: Target, level: Level) -> Score:
    text = state.output.completion
    found = grade(text, target.text, kind=state.metadata["kind"], level=level)
    return Score(value=CORRECT if found.correct else INCORRECT, answer=found.extracted, explanation=found.reason)


@scorer(metrics=[accuracy(), stderr()])
def strict() -> Scorer:
    """The whole answer is the right number in its canonical form, and nothing else."""

    async def score(state: TaskState, target: Target) -> Score:
        return _score(state, target, "strict")

    return score


@scorer(metrics=[accuracy(), stderr()])
def lenient() -> Scorer:
    """What a careful reader takes for the answer is exactly the right number."""

    async def score(state: TaskState, target: Target) -> Score:
        return _score(state, target, "lenient")

    return score


def sample(question: Question) -> Sample:
    """A question as a sample."""
    return Sample(
        input=str(question.prompt),
        target=question.gold,
        id=question.key,
        metadata={"kind": question.kind, **question.facts},
    )


def make(row: Definition) -> Task:
    """The registered task of a definition, with its default parameters."""
    made: Task = TASKS[row.name]()
    return made


def _registered(row: Definition):  # type: ignore[no-untyped-def]  # whatever the decorator of inspect_ai returns
    def build(digits: int = row.usual, n: int = 100, seed: int = 0, bare: bool = False) -> Task:
        asked = row.questions(n, digits=digits, seed=seed, bare=bare)
        dataset = MemoryDataset([sample(question) for question in asked], name=row.name)
        return Task(dataset=dataset, solver=generate(), scorer=[strict(), lenient()], version=1)

    build.__name__ = build.__qualname__ = row.name.replace("-", "_")
    build.__doc__ = row.about
    return task(name=row.name)(build)


TASKS = {name: _registered(row) for name, row in DEFINITIONS.items()}
