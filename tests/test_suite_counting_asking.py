"""Ways of asking that take several answers or turns, programs that are run, strings in formats, forced characters."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends import Reply, Scripted, scripted
from algorism.evaluation.backends.own_engine import FastTokens
from algorism.evaluation.questions import Question
from algorism.evaluation.records import Answer
from algorism.evaluation.suites.counting.asking import ask, cells, requests, scored, strategy_path
from algorism.evaluation.suites.counting.forcing import forced, quoted
from algorism.evaluation.suites.counting.strategies import program_in, program_output, question, questions
from algorism.evaluation.suites.counting.strings import (
    FORMATS,
    MODES,
    purity,
    result,
    shifts,
    string_questions,
    strings,
)
from algorism.evaluation.suites.counting.tasks import items
from algorism.evaluation.turns import conversations, turn_path
from algorism.text.pieces import PieceTokenizer

RUN = CliRunner()
WAYS = ["open", "direct", "reasoning", "consistency", "refine"]


class Writer:
    """A model that answers with a function of (prompt, request)."""

    name = "writer"

    def __init__(self, write):
        self.write, self.seen = write, []

    def fingerprint(self):
        return {"kind": "writer"}

    def generate(self, requests, sampling):
        for request in requests:
            self.seen.append(request)
            yield Reply(request.key, request.sample, self.write(request))


def test_an_oracle_is_right_in_every_way_and_nothing_is_asked_twice(tmp_path):
    asked = questions(items("letter", 6), WAYS) + questions(items("substring", 6), WAYS)
    found = ask(scripted("oracle"), asked, tmp_path / "a.jsonl")
    assert requests(asked) == found.asked == 12 * (1 + 1 + 1 + 5 + 3)
    assert len(found.answers) == 12 * (1 + 1 + 1 + 5 + 1)
    for made in cells(scored(found.answers), "strategy").values():
        assert made.accuracy.value == 1.0
        assert made.accuracy.n == 12
    names = {"a.jsonl", "a.consistency.jsonl", "a.refine.jsonl", "a.refine.turn2.jsonl", "a.refine.turn3.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == names
    again = ask(scripted("oracle"), asked, tmp_path / "a.jsonl")
    assert again.asked == 0
    assert [a.reply.text for a in again.answers] == [a.reply.text for a in found.answers]


def test_a_vote_counts_once_and_refining_sees_the_whole_conversation(tmp_path):
    asked = questions(items("letter", 1), ["consistency"])
    texts = ["Answer: 9", "no idea", "Answer: 8", f"Answer: {asked[0].gold}", f"So {asked[0].gold}."]
    model = Writer(lambda r: texts[r.sample])
    (one,) = scored(ask(model, asked, tmp_path / "v").answers)
    assert one.reading.correct
    refining = questions(items("letter", 2), ["refine"])
    model = Writer(lambda r: f"turn {1 if isinstance(r.prompt, str) else len(r.prompt) // 2 + 1}")
    ask(model, refining, tmp_path / "r")
    last = next(r for r in model.seen if r.key == f"{refining[1].key}#0/turn3")
    assert [m.role for m in last.prompt] == ["user", "assistant", "user", "assistant", "user"]
    assert [m.content for m in last.prompt if m.role == "assistant"] == ["turn 1", "turn 2"]
    assert last.prompt[0].content == refining[1].prompt


def test_a_killed_conversation_continues_where_it_was(tmp_path):
    path = tmp_path / "run.jsonl"
    command = [sys.executable, Path(__file__).with_name("_killed_conversation.py"), path]
    for turn in (1, 2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"asking\n"
        file, deadline = turn_path(path, turn), time.monotonic() + 60
        while (file.stat().st_size if file.exists() else 0) < 3000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    asked = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(60)]
    then = ["Check.", "Again."]
    found = conversations(scripted("noisy"), asked, path, then)
    assert 0 < sum(turn.asked for turn in found) < 180
    whole = conversations(scripted("noisy"), asked, tmp_path / "whole.jsonl", then)
    for turn, other in zip(found, whole, strict=True):
        assert [(a.question, a.reply.text) for a in turn.answers] == [(a.question, a.reply.text) for a in other.answers]


def test_failed_conversations_go_on_later_and_lost_beginnings_are_noticed(tmp_path):
    asked = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(40)]
    model = Scripted("noisy", fails=0.3, heals=True)
    for _ in range(5):
        found = conversations(model, asked, tmp_path / "c", ["Check."])
    assert [len(turn.answers) for turn in found] == [40, 40]
    assert not any(turn.failures for turn in found)
    (tmp_path / "c").unlink()  # the first answers are lost, and other ones come
    with pytest.raises(CheckpointError, match="an answer to another question under the key"):
        conversations(Renamed(), asked, tmp_path / "c", ["Check."])


class Renamed(Writer):
    """Says that it is the noisy model, and answers otherwise."""

    def __init__(self):
        super().__init__(lambda r: "something else")

    def fingerprint(self):
        return scripted("noisy").fingerprint()


def test_programs_are_run_and_what_they_print_is_the_answer(tmp_path):
    asked = questions(items("letter", 3), ["program"]) + questions(items("substring", 2), ["program"])

    def write(request):
        letter = re.search(r"How many (\w)'s in the word \"(\w+)\"", request.prompt)
        if letter:
            return f"Sure:\n```python\nprint({letter[2]!r}.count({letter[1]!r}))\n```"
        piece = re.search(r'substring "(\w+)" part of the word "(\w+)"', request.prompt)
        return f"```python\nprint('Yes' if {piece[1]!r} in {piece[2]!r} else 'No')\n```\nThat is all."

    found = scored(ask(Writer(write), asked, tmp_path / "p").answers)
    assert all(one.reading.correct for one in found)
    assert program_output("```python\nopen('/etc/passwd')\nprint(3)\n```") == ""
    assert program_in("print(1)") == "print(1)"
    assert program_in("```\nprint(1)\n```\nor\n```python\nprint(2)\n```") == "print(2)\n"


@settings(max_examples=60, deadline=None)
@given(st.text("abez", min_size=1, max_size=40), st.sampled_from("abez"))
def test_formats_hold_the_same_letters(text, letter):
    for form, write in FORMATS.items():
        shown = write(text)
        assert [c for c in shown if c.isalpha()] == list(text)
        assert shown.count(letter) == text.count(letter), form
    assert FORMATS["d"](text) == repr(list(text))


def test_the_brief_s_examples_of_formats():
    shown = {form: write("abbab") for form, write in FORMATS.items()}
    assert shown["b"] == "a b b a b"
    assert shown["c"] == "a, b, b, a, b"
    assert shown["d"] == "['a', 'b', 'b', 'a', 'b']"
    assert [len(shown[form]) for form in "abcd"] == [5, 9, 13, 25]
    assert len(shown["d-double"]) == 23


def test_strings_are_different_and_of_the_asked_lengths():
    made = strings(500, 10, 20)
    assert len(set(made)) == 500
    assert {len(text) for text in made} == set(range(10, 21))
    assert strings(50, 10, 20) == made[:50]
    with pytest.raises(DataError, match="too few strings"):
        strings(20, 1, 3, "ab")
    asked = string_questions(3, [(5, 6)], "ab", formats=FORMATS, modes=MODES)
    assert len(asked) == len({q.key for q in asked}) == 3 * 5 * 3 * 2
    for one in asked:
        assert int(one.gold) == one.facts["string"].count(one.facts["letter"])
    with pytest.raises(UsageError, match="no format or mode 'e'"):
        string_questions(1, formats=["e"])


@pytest.mark.parametrize(
    ("response", "paper", "tolerant"),
    [
        ("Result: 12", 12, 12),
        ("steps ... Result: 3\nResult: 12", 12, 12),
        ("**Result:** 12", None, 12),
        ("Result: 12.", None, 12),
        ("Result:\n12", None, 12),
        ("Result: 12.5", None, None),
        ("Result: twelve", None, None),
        ("12", None, 12),
        ("I counted.", None, None),
    ],
)
def test_results_by_both_rules(response, paper, tolerant):
    assert (result(response, "paper"), result(response)) == (paper, tolerant)


def test_a_reader_of_chunks_undercounts_as_predicted():
    tokenizer = PieceTokenizer(strings(300, 10, 20), vocabulary=160)
    asked = string_questions(100, [(20, 30)], formats=["a", "d"], modes=["none"], asked="a")
    predicted, rows = [], {"a": [], "d": []}
    for one in asked:
        shown = FORMATS[one.facts["format"]](one.facts["string"])
        tokens = [tokenizer.piece(i) for i in tokenizer.encode(shown)]
        seen = sum("a" in token for token in tokens)  # every token counts as one item, whatever it holds
        rows[one.facts["format"]].append((f"Result: {seen}", one.gold))
        if one.facts["format"] == "a":
            predicted.append(seen - int(one.gold))
    chunks, items_alone = shifts(rows["a"]), shifts(rows["d"])
    assert items_alone.accuracy.value == 1.0
    assert chunks.under.value == 1.0
    assert chunks.mean == pytest.approx(sum(p for p in predicted if p) / sum(1 for p in predicted if p))
    assert sum(chunks.shifts.values()) == 100
    pure = purity([tokenizer.piece(i) for i in tokenizer.encode(FORMATS["d"]("abbab"))], "ab")
    assert pure[0] == 1.0
    assert purity([tokenizer.piece(i) for i in tokenizer.encode("abbaabab" * 3)], "ab")[1] < 0.6


TEXTS = [f'How many a\'s in the word "{word}"?' for word in ("banana", "bandana", "ananas", "cabana")]


@settings(max_examples=60, deadline=None)
@given(st.text(string_letters := "abcnds", min_size=1, max_size=12))
def test_forced_characters_are_the_same_text(word):
    tokenizer = _hf()
    text = f'How many {random.Random(word).choice(string_letters)}\'s in the word "{word}"?'
    ids = forced(FastTokens(tokenizer.backend_tokenizer), text, quoted(text), special=False)
    assert tokenizer.decode(ids) == text
    pieces = [tokenizer.decode([i]) for i in ids]
    assert all(letter in pieces for letter in word)
    assert len(ids) >= len(tokenizer(text, add_special_tokens=False)["input_ids"])
    joined, spans = 0, []
    for piece in pieces:
        spans.append((joined, joined + len(piece)))
        joined += len(piece)
    a, b = quoted(text)
    assert all(end - start == 1 for start, end in spans if start < b and end > a)


_MADE = []


def _hf():
    if not _MADE:
        _MADE.append(PieceTokenizer(TEXTS * 3, vocabulary=200).to_hf())
    return _MADE[0]


def test_a_tokenizer_of_pieces_comes_back_and_ends_answers(tmp_path):
    tokenizer = PieceTokenizer(TEXTS, vocabulary=200)
    tokenizer.save(tmp_path)
    from transformers import AutoTokenizer

    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "How many 12's\n in the 'word' ['b', 'a']?"
    assert again(text, add_special_tokens=False)["input_ids"] == tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert (again.pad_token_id, again.eos_token_id) == (tokenizer.pad_id, tokenizer.end_id)
    assert [tokenizer.piece(i) for i in tokenizer.encode("123")] == ["1", "2", "3"]
    with pytest.raises(DataError, match="ASCII"):
        tokenizer.encode("é")
    with pytest.raises(UsageError, match="at least"):
        PieceTokenizer(TEXTS, vocabulary=20)


def test_the_command_asks_everything(tmp_path):
    path = str(tmp_path / "r.jsonl")
    command = ["suite", "counting", "scripted:oracle", "-n", "4", "--record", path]
    found = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    assert set(found["words"]) == {"open", "reasoning"}
    assert set(found["words"]["open"]) == {"letter", "substring", "length", "distinct", "letter, balanced"}
    assert all(row["accuracy"]["value"] == 1 for rows in found["words"].values() for row in rows.values())
    text = RUN.invoke(
        app, [*command, "--lengths", "5-6", "--tasks", "letter,rewrites,strings,open", "--record", path + "2"]
    )
    assert text.exit_code == 0, text.output
    assert "comma" in text.stdout
    assert "quoted list" in text.stdout
    assert "told how" in text.stdout
    dry = json.loads(RUN.invoke(app, [*command, "--dry-run", "--json", "--tasks", "letter,consistency,refine"]).stdout)
    assert dry["requests"] == 4 * 5 + 4 * 3
    wrong = RUN.invoke(app, [*command, "--tasks", "reasonin"])
    assert "Nearest known: 'reasoning'" in str(wrong.exception)


def test_files_of_strategies_are_beside_the_record():
    assert strategy_path("x/a.jsonl", "program") == Path("x/a.jsonl")
    assert question(items("letter", 1)[0], "program").prompt.startswith("How many")
    one = question(items("letter", 1)[0])
    assert scored([Answer(one, Reply(one.key, 0, one.gold, "length"))])[0].cut
