"""What the YAML files of this folder call. Lm-eval loads this file by its path; `datasets` comes with it."""

from typing import Any

from algorism.adapters.definitions import definition
from algorism.adapters.grades import grades
from algorism.adapters.huggingface import rows


def custom_dataset(
    definition: str,
    digits: int | None = None,
    n: int = 100,
    seed: int = 0,
    bare: bool = False,
    **_: Any,  # whatever else a run writes into its tasks' metadata
) -> dict[str, Any]:
    """The questions of a task, drawn when lm-eval asks for them; `--metadata '{"digits": 8}'` sets the arguments."""
    import datasets

    asked = _definition(definition).questions(n, digits=digits, seed=seed, bare=bare)
    return {"test": datasets.Dataset.from_list(rows(asked))}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Grade one answer."""
    return grades(results[0], doc["gold"], doc["kind"])


_definition = definition
