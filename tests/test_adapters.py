"""The table that all adapters follow, the adapters that need no harness, and the commands."""

import json
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from algorism.adapters import DEFINITIONS, definition
from algorism.adapters.grades import grades
from algorism.adapters.huggingface import to_dataset, write_folder
from algorism.adapters.lm_eval import FOLDER, files
from algorism.cli import app
from algorism.errors import UsageError
from algorism.tasks.numeracy import COMBINATIONS

RUN = CliRunner()
NAMES = sorted(DEFINITIONS)


def test_the_table_has_the_cookbooks_rows_and_three_more():
    assert set(DEFINITIONS) == {"addition", "subtraction", "multiplication", *COMBINATIONS}
    assert sum(not row.variant for row in COMBINATIONS.values()) == 41


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["addition", "subtraction", "multiplication"]), st.integers(1, 60), st.integers(0, 10**6))
def test_gold_is_what_python_computes(name, digits, index):
    asked = definition(name).question(index, digits=digits, bare=True)
    symbol = {"addition": "+", "subtraction": "-", "multiplication": "*"}[name]
    a, b = (int(part) for part in asked.prompt.removesuffix("=").split(symbol))
    assert int(asked.gold) == {"+": a + b, "-": a - b, "*": a * b}[symbol]
    assert {len(str(a)), len(str(b))} == {digits}
    spaced = definition(name).question(index, digits=digits)
    assert spaced.gold == asked.gold
    assert spaced.prompt.endswith(f": {a} {symbol} {b} =")


@pytest.mark.parametrize("name", NAMES)
def test_gold_passes_at_both_levels_and_a_neighbour_at_none(name):
    row = definition(name)
    for asked in row.questions(8, digits=min(row.longest, 7)):
        assert grades(asked.gold, asked.gold, asked.kind) == {"strict": 1.0, "lenient": 1.0}
        last = (int(asked.gold[-1]) + 1) % 10
        wrong = asked.gold[:-1] + str(last)
        if asked.kind != "fraction" or Fraction(wrong.replace("/0", "/10")) != Fraction(asked.gold):
            assert grades(wrong, asked.gold, asked.kind) == {"strict": 0.0, "lenient": 0.0}


@pytest.mark.parametrize("name", NAMES)
def test_a_question_depends_on_nothing_but_its_own_numbers(name):
    row = definition(name)
    some = row.questions(12, digits=row.usual, seed=3)
    order = list(range(len(some)))
    Random(0).shuffle(order)
    alone = {at: row.question(int(some[at].key.rpartition("/")[2]), digits=row.usual, seed=3) for at in order}
    assert [alone[at] for at in range(len(some))] == some
    assert len({q.prompt for q in some}) == len(some)


def test_fewer_questions_where_there_are_no_more():
    assert len(definition("addition").questions(500, digits=1)) <= 100
    assert len(definition("addition").questions(2000, digits=3)) == 2000


def test_mistakes_are_explained():
    with pytest.raises(UsageError, match="Nearest known: 'addition'"):
        definition("additoin")
    with pytest.raises(UsageError, match="expected 1 to 20 digits, got 21"):
        definition("add-float").question(0, digits=21)
    with pytest.raises(UsageError, match="n=0"):
        definition("addition").questions(0)


def test_the_folder_for_lm_eval_is_what_the_table_gives():
    there = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix == ".yaml" or "_yaml" in path.name}
    assert there == files()
    assert len(there) == len(DEFINITIONS) + 1


def test_a_folder_loads_as_a_data_set(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    assert write_folder(tmp_path / "sums", "addition", 40, digits=5, seed=2) == 40
    loaded = datasets.load_dataset(str(tmp_path / "sums"), cache_dir=str(tmp_path / "cache"), split="test")
    made = to_dataset("addition", 40, digits=5, seed=2)
    assert loaded.to_list() == made.to_list()
    assert loaded.column_names == ["key", "prompt", "gold", "kind", "definition", "digits"]
    with pytest.raises(UsageError, match="There is no task"):
        write_folder(tmp_path / "x", "sums")
    assert not (tmp_path / "x").exists()


def test_ask_grades_both_ways_and_continues(tmp_path):
    record = ["--record", str(tmp_path / "r"), "--json"]
    ask = ["ask", "addition", "scripted:format-breaker", "--digits", "2", "-n", "20", *record]
    first = json.loads(RUN.invoke(app, ask).stdout)
    assert first["answers"] == 20
    assert first["strict"]["value"] < first["lenient"]["value"] == 1.0
    before = (tmp_path / "r").read_bytes()
    assert json.loads(RUN.invoke(app, ask).stdout) == first
    assert (tmp_path / "r").read_bytes() == before


def test_ask_says_what_it_found(tmp_path):
    result = RUN.invoke(app, ["ask", "sig-float", "scripted:oracle", "-n", "5", "--record", str(tmp_path / "r")])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["strict", "100.0%", "(56.6%", "to", "100.0%)"]
    assert result.stdout.splitlines()[-1] == str(tmp_path / "r")


def test_commands_list_and_write(tmp_path):
    lines = RUN.invoke(app, ["dataset"]).stdout.splitlines()
    assert len(lines) == len(DEFINITIONS)
    out = tmp_path / "d"
    assert RUN.invoke(app, ["dataset", "mod-integer", "-n", "3", "--out", str(out)]).stdout.strip() == str(out)
    assert len((out / "test.jsonl").read_text().splitlines()) == 3
    assert RUN.invoke(app, ["lm-eval-path"]).stdout.strip() == str(FOLDER)
