"""Accuracy by length: a network written by hand that adds exactly to a chosen length, and the real recipe in small."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorism.errors import ShapeError, UsageError
from algorism.evaluation import asking
from algorism.evaluation.lengths import by_length, first_below, lengths_beyond
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.tasks import Task, task
from algorism.text import format_by_name
from algorism.training import load_recipe, train
from algorism.training.material import make_tokenizer

RECIPE = Path(__file__).parents[1] / "recipes" / "add-long.yaml"


def test_round_multiples():
    assert lengths_beyond(10) == [10, 12, 15, 20, 30, 50, 100, 200, 500, 1000]
    assert lengths_beyond(3, factor=5) == [3, 4, 6, 9, 15]


def test_what_a_network_gets_wrong_is_counted(monkeypatch: pytest.MonkeyPatch):
    """A "network" that adds exactly, but leaves out every carry beyond place 4."""
    form, tokenizer = format_by_name("pad+reverse+dollar"), make_tokenizer("char", "arithmetic")

    def generate(_model: Any, prompts: list[np.ndarray], **_: Any) -> list[np.ndarray]:
        said = []
        for ids in prompts:
            a, b = tokenizer.decode(ids)[1:-1].split("+")
            carry, digits = 0, ""
            for place, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=True)):
                total = int(x) + int(y) + (carry if place <= 4 else 0)
                digits, carry = digits + str(total % 10), total // 10
            said.append(np.array(tokenizer.encode(digits + str(carry))))
        return said

    monkeypatch.setattr(asking, "generate", generate)
    model = Transformer(TransformerConfig(vocab=tokenizer.vocab_size, context=8, layers=1, heads=1, width=4))
    results = list(by_length(model, form, tokenizer, Task("+"), [8, 3], n=60))
    assert [(r.digits, r.asked) for r in results] == [
        (3, "random"),
        (3, "longest carry"),
        (8, "random"),
        (8, "longest carry"),
    ]
    assert [r.accuracy.value for r in results[:2]] == [1, 1]
    assert 0 < results[2].accuracy.value < 0.7  # some sums carry nothing beyond place 4
    assert results[3].accuracy.value == 0
    assert results[3].first_wrong == 5
    assert results[1].first_wrong is None
    assert first_below(results, 0.99) == 8
    assert first_below(results[:2], 0.99) is None


def test_a_length_the_model_cannot_represent_is_refused_and_named():
    form, tokenizer = format_by_name("reverse"), make_tokenizer("char", "arithmetic")
    model = Transformer(TransformerConfig(vocab=tokenizer.vocab_size, context=20, layers=1, heads=1, width=4))
    rows = by_length(model, form, tokenizer, Task("+"), [3, 50], n=4)
    assert [next(rows).digits for _ in range(2)] == [3, 3]
    with pytest.raises(ShapeError, match=r"train with model\.context"):
        next(rows)
    with pytest.raises(UsageError, match="no operands of many digits"):
        next(by_length(model, form, tokenizer, task("sqrt"), [3]))


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe, cut to a few steps: enough to run, not to learn."""
    folder = tmp_path_factory.mktemp("lengths") / "run"
    train(load_recipe(RECIPE).replace(training__steps=3, training__validate_every=0, task__test=20), folder)
    return folder


def test_the_command(short_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from algorism.commands.lengths import run_lengths

    shutil.copytree(short_run, tmp_path / "other")
    run_lengths([short_run, tmp_path / "other"], "4,40", 5, tmp_path / "out", json=False)
    out = " ".join(capsys.readouterr().out.split())  # lines are broken where the folder's name is long
    assert "median" in out
    assert "first length below 99%: 4" in out
    assert out.endswith(str(tmp_path / "out"))
    assert (tmp_path / "out" / "lengths.png").stat().st_size > 1000
    run_lengths([short_run], "4", 5, None, json=True)
    (section,) = json.loads(capsys.readouterr().out)
    assert section["trained_digits"] == 10
    assert [row["digits"] for row in section["lengths"]] == [4, 4]
    assert section["refused"] is None
    with pytest.raises(UsageError, match="whole numbers with commas"):
        run_lengths([short_run], "4;5", 5, None, json=True)


def test_long_prompts_read_in_pieces_are_answered_the_same(short_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from algorism.evaluation import decoding, evaluate, prompts
    from algorism.tasks import Task
    from algorism.training import load_run

    run = load_run(short_run)
    m = run.material
    problems = Task("+", digits=(60, 60)).sample(9, seed=1)
    whole = evaluate(run.model, m.format, m.tokenizer, problems, indexing=m.indexing)
    monkeypatch.setattr(decoding, "PIECE", 50)
    monkeypatch.setattr(prompts, "PIECE", 50)
    monkeypatch.setattr(prompts, "MOST_LOGITS", 4 * 50 * 190 * 2)
    pieces = evaluate(run.model, m.format, m.tokenizer, problems, indexing=m.indexing)
    assert whole.completions == pieces.completions
    assert len(set(whole.completions)) > 1


def test_the_recipe_holds_ten_times_its_length() -> None:
    run = train(
        load_recipe(RECIPE).replace(training__steps=1200, training__validate_every=0, model__positions="clip2+penalty")
    )
    m = run.material
    results = list(by_length(run.model, m.format, m.tokenizer, Task("+"), [10, 100], n=40, indexing=m.indexing))
    assert all(result.accuracy.value == 1 for result in results)
