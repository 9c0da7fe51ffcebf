"""Questions as a Hugging Face data set: a folder that `datasets.load_dataset` reads, or the object itself."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from algorism.adapters.definitions import definition
from algorism.evaluation.questions import Question
from algorism.files import write_text

_CARD = """\
---
license: mit
configs:
- config_name: default
  data_files:
  - split: test
    path: test.jsonl
---
# {name}, {digits} digits

{n} questions: {about}. Exact answers; drawn by algorism with seed {seed}.

- `prompt`: what is asked; `gold`: the exact answer, in canonical form; `kind`: how it is read.
- `key`: the same whenever this question is drawn again.
"""


def rows(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """One flat row for each question.

    >>> rows(definition("addition").questions(1, digits=2, bare=True))[0]["gold"]
    '83'
    """
    return [{"key": q.key, "prompt": q.prompt, "gold": q.gold, "kind": q.kind, **q.facts} for q in questions]


def to_dataset(name: str, n: int = 1000, *, digits: int | None = None, seed: int = 0, bare: bool = False) -> Any:
    """A `datasets.Dataset` with columns key, prompt, gold, kind, definition and digits.

    Args:
        name: of the definition.
        n: how many questions.
        digits: of the longer operand.
        seed: of the set.
        bare: only the figures.

    Raises:
        UsageError: an unknown name or digits it does not ask.
    """
    import datasets

    return datasets.Dataset.from_list(rows(definition(name).questions(n, digits=digits, seed=seed, bare=bare)))


def write_folder(
    folder: Path, name: str, n: int = 1000, *, digits: int | None = None, seed: int = 0, bare: bool = False
) -> int:
    """Write test.jsonl and a card; `datasets.load_dataset(FOLDER)` reads them, and the hub takes them as they are.

    Arguments as for `to_dataset`; returns how many questions there were. Needs no library.
    """
    row = definition(name)
    found = rows(row.questions(n, digits=digits, seed=seed, bare=bare))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "test.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found))
    shown = row.usual if digits is None else digits
    write_text(folder / "README.md", _CARD.format(name=name, digits=shown, n=len(found), about=row.about, seed=seed))
    return len(found)
