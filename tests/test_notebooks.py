"""Every notebook of docs/ runs from its first to its last cell, and prints what it shows."""

import json
import runpy
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs_and_prints_what_it_shows(path, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    program = tmp_path / "notebook.py"
    program.write_text("\n".join("".join(cell["source"]) for cell in cells), encoding="utf-8")
    runpy.run_path(str(program))
    shown = "".join("".join(output["text"]) for cell in cells for output in cell["outputs"])
    assert notebook["nbformat"] == 4
    assert shown.strip()
    printed = capsys.readouterr().out
    # numbers may differ in their last places between versions of the libraries; words may not
    assert [line.split(":")[0] for line in printed.splitlines()] == [line.split(":")[0] for line in shown.splitlines()]


def test_rules_over_a_classifier_take_thirty_lines():
    (path,) = [p for p in NOTEBOOKS if p.stem == "rules_over_your_classifier"]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"] if line.strip()]
    assert len(lines) <= 30
