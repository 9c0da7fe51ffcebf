"""Every Python block of the README and of docs/ runs, alone, in an empty folder."""

import re
import runpy
from pathlib import Path

import pytest

from algorism.models.config import POSITIONS
from algorism.models.positions import SCHEMES
from algorism.tasks import OPERATORS, SAMPLERS, TASKS
from algorism.text import TRANSFORMS

ROOT = Path(__file__).parents[1]
PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if page.exists()]
FENCE = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LONGEST = 20  # code lines that docs/extending.md may take to show one addition


def blocks(page: Path) -> list[tuple[int, str]]:
    """Line number and code of each block."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, match.start(1)) + 1, match.group(1)) for match in FENCE.finditer(text)]


CASES = [pytest.param(code, id=f"{page.name}:{line}") for page in PAGES for line, code in blocks(page)]
EXTENDING = [pytest.param(code, id=f"line {line}") for line, code in blocks(ROOT / "docs" / "extending.md")]


@pytest.fixture
def tables_kept():
    """What a block registers is gone after it: other tests iterate over these tables."""
    tables = (OPERATORS, TASKS, SAMPLERS, TRANSFORMS, SCHEMES, POSITIONS)
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)


def run(code: str, folder: Path) -> dict:
    path = folder / "block.py"
    path.write_text(code, encoding="utf-8")
    return runpy.run_path(str(path), run_name="block")


@pytest.mark.parametrize("code", CASES)
def test_block_runs(code, tmp_path, monkeypatch, tables_kept):
    monkeypatch.chdir(tmp_path)
    run(code, tmp_path)


def test_every_addition_of_the_table_is_shown():
    assert len(EXTENDING) == 5


@pytest.mark.parametrize("code", EXTENDING)
def test_an_addition_takes_few_lines(code):
    assert sum(bool(line.strip()) for line in code.splitlines()) <= LONGEST


def test_a_failing_block_is_noticed(tmp_path):
    with pytest.raises(AssertionError):
        run("assert 1 + 1 == 3\n", tmp_path)


def block_with(word: str) -> str:
    (code,) = [p.values[0] for p in EXTENDING if word in p.values[0]]
    return code


def test_the_study_shown_can_be_run_and_reproduces(tmp_path):
    from algorism.ledger import Ledger
    from algorism.studies.runner import run_study

    study = run(block_with("STUDY ="), tmp_path)["STUDY"]
    finished = run_study(study, "quick", ledger=Ledger(tmp_path / "ledger.sqlite"))
    assert finished.measurements["rarest"].value == 0.25
    assert study.claims[0].judge(finished.measurements).verdict == "reproduced"


def test_the_position_scheme_shown_trains_and_decodes(tmp_path, tables_kept):
    import torch

    from algorism.models import Cache, Transformer
    from algorism.training import Recipe, train

    run(block_with("@position_scheme"), tmp_path)
    recipe = Recipe().replace(
        model__positions="relative", training__steps=3, training__batch=16, task__examples=100, task__test=50
    )
    trained = train(recipe).model
    start = Transformer(trained.config, seed=recipe.seed)
    assert not torch.equal(trained.position.weight, start.position.weight)
    ids = torch.randint(0, trained.config.vocab, (3, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, cache = trained(ids), Cache(trained.config, 3)
        pieces = torch.cat([trained(ids[:, :4], cache), trained(ids[:, 4:], cache)], 1)
    torch.testing.assert_close(pieces, whole)


def test_two_schemes_cannot_share_a_name():
    from algorism.errors import UsageError
    from algorism.models.positions import PositionScheme, position_scheme

    with pytest.raises(UsageError, match="'rope' is taken by Rotary"):
        position_scheme("rope")(PositionScheme)
    assert SCHEMES.keys() == POSITIONS.keys()
