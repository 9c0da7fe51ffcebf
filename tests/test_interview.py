"""Asking models and keeping the answers: nothing is lost, nothing is asked or counted twice."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import CheckpointError, DataError, UsageError
from algorism.evaluation.backends import Backend, Failure, Message, Reply, Sampling, Scripted, scripted
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question, data_hash, item_seed
from algorism.evaluation.records import Record, read_record, read_spec

QUESTIONS = [Question(f"q{i}", f"{i}+{i}=", str(2 * i), facts={"carries": i % 3}) for i in range(300)]
HOT = Sampling(temperature=1.0)


def texts(found):
    return [(a.reply.key, a.reply.sample, a.reply.text) for a in found.answers]


def test_scripted_models_are_backends_with_the_faults_they_are_named_for(tmp_path):
    shares = {}
    for name in ("oracle", "constant", "noisy", "dropped-carry", "format-breaker"):
        model = scripted(name)
        assert isinstance(model, Backend)
        found = interview(model, QUESTIONS, tmp_path / name)
        shares[name] = found.accuracy().value, found.accuracy("lenient").value
    assert shares["oracle"] == (1.0, 1.0)
    assert shares["constant"] == (1 / 300, 1 / 300)
    assert 0.75 < shares["noisy"][0] < 0.85
    assert shares["dropped-carry"] == (5 / 300, 5 / 300)  # only sums below ten are right
    assert shares["format-breaker"] == (0.0, 1.0)


def test_a_killed_run_continues_and_ends_as_one_that_was_not_killed(tmp_path):
    path = tmp_path / "run.jsonl"
    command = [sys.executable, Path(__file__).with_name("_killed_interview.py"), path]
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"asking\n"
        size = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + 30
        while (path.stat().st_size if path.exists() else 0) < size + 2000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = sum(1 for line in read_record(path)[1])
    assert 10 < before < 300
    with path.open("ab") as stream:
        stream.write(b'{"key": "q7", "prom')  # what a kill may leave of a line
    questions = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(300)]
    found = interview(scripted("noisy"), questions, path)
    assert found.asked == 300 - before
    assert texts(found) == texts(interview(scripted("noisy"), questions, tmp_path / "whole.jsonl"))
    keys = [line.reply.key for line in read_record(path)[1]]
    assert len(keys) == len(set(keys)) == 300


def test_failures_are_no_answers_and_are_asked_again(tmp_path):
    model = Scripted("oracle", fails=0.3, heals=True)
    first = interview(model, QUESTIONS, tmp_path / "run")
    assert 50 < len(first.failures) < 130
    assert len(first.answers) + len(first.failures) == 300
    assert first.accuracy().value == 1.0  # of the answers there are: errors of a server are not wrong answers
    second = interview(model, QUESTIONS, tmp_path / "run")
    assert second.asked == len(first.failures)
    assert second.failures == []
    assert len(second.answers) == 300
    lines = list(read_record(tmp_path / "run")[1])
    assert sum(isinstance(line, Failure) for line in lines) == len(first.failures)  # and the record tells of them


def test_samples_continue_too_and_seeds_depend_on_nothing_else(tmp_path):
    whole = interview(scripted("noisy"), QUESTIONS[:50], tmp_path / "a", sampling=HOT, samples=4)
    assert len(whole.answers) == 200
    assert len({a.reply.text for a in whole.answers if a.reply.key == "q49"}) > 0
    turned = interview(scripted("noisy"), QUESTIONS[49::-1], tmp_path / "b", sampling=HOT, samples=4)
    assert sorted(texts(turned)) == sorted(texts(whole))
    again = interview(scripted("noisy"), QUESTIONS[:50], tmp_path / "a", sampling=HOT, samples=4)
    assert again.asked == 0
    assert texts(again) == texts(whole)
    other = interview(scripted("noisy"), QUESTIONS[:50], tmp_path / "c", sampling=HOT, samples=4, seed=1)
    assert texts(other) != texts(whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backend": scripted("constant")}, "model"),
        ({"questions": QUESTIONS[:4]}, "data"),
        ({"sampling": Sampling(max_tokens=3)}, "sampling"),
        ({"seed": 5}, "seed"),
    ],
)
def test_another_run_does_not_touch_the_record(tmp_path, change, words):
    path = tmp_path / "run.jsonl"
    given = {"backend": scripted("oracle"), "questions": QUESTIONS[:5], "record": path}
    interview(**given)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=f"of another run: its {words} is"):
        interview(**given | change)
    assert path.read_bytes() == before


def test_what_is_no_record_is_refused_and_kept(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("chapter one\n")
    with pytest.raises(CheckpointError, match="no record of answers"):
        interview(scripted("oracle"), QUESTIONS[:5], path)
    assert path.read_text() == "chapter one\n"


def test_two_processes_cannot_write_one_record(tmp_path):
    with Record(tmp_path / "run", {}), pytest.raises(CheckpointError, match="another process"):
        Record(tmp_path / "run", {})


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "run"
    interview(scripted("oracle"), QUESTIONS[:5], path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], '{"key": 5}\n', *lines[3:]]))
    with pytest.raises(DataError, match=r"run, line 4: not a line of a record"):
        interview(scripted("oracle"), QUESTIONS[:5], path)


class Odd:
    """A backend that answers wrongly in another sense."""

    name = "odd"

    def __init__(self, outcomes):
        self.outcomes = outcomes

    def fingerprint(self):
        return {}

    def generate(self, requests, sampling):
        yield from self.outcomes


def test_answers_that_were_not_asked_for_stop_the_run_and_missing_ones_are_failures(tmp_path):
    with pytest.raises(DataError, match="not asked, or was answered before"):
        interview(Odd([Reply("q9", 0, "1")]), QUESTIONS[:2], tmp_path / "a")
    with pytest.raises(DataError, match="not asked, or was answered before"):
        interview(Odd([Reply("q1", 0, "1"), Reply("q1", 0, "1")]), QUESTIONS[:2], tmp_path / "b")
    found = interview(Odd([Reply("q1", 0, "1")]), QUESTIONS[:2], tmp_path / "c")
    assert [f.key for f in found.failures] == ["q0"]
    with pytest.raises(DataError, match="every request failed"):
        interview(Odd([]), QUESTIONS[:2], tmp_path / "d").accuracy()


def test_bad_requests_are_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(UsageError, match="several at a temperature above 0"):
        interview(scripted("oracle"), QUESTIONS, tmp_path / "a", samples=3)
    with pytest.raises(DataError, match="Two questions have the key 'q1'"):
        interview(scripted("oracle"), [*QUESTIONS, QUESTIONS[1]], tmp_path / "a")
    for bad in ({"max_tokens": 0}, {"temperature": -1}, {"temperature": float("nan")}, {"top_p": 0}, {"stop": ("",)}):
        with pytest.raises(UsageError):
            Sampling(**bad)
    with pytest.raises(UsageError, match="Nearest known: 'oracle'"):
        scripted("orcale")
    assert not (tmp_path / "a").exists()


anything = st.text(max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(anything, anything), min_size=1, max_size=5, unique_by=lambda x: x[0]), st.booleans())
def test_any_text_comes_back_from_the_disk(tmp_path_factory, rows, chat):
    path = tmp_path_factory.mktemp("any") / "run"
    questions = [Question(key, (Message("user", key),) if chat else key, "5") for key, _ in rows]
    outcomes = [Reply(key, 0, text) for key, text in rows]
    found = interview(Odd(outcomes), questions, path)
    assert [a.reply.text for a in found.answers] == [text for _, text in rows]
    kept = list(read_record(path)[1])
    assert [(a.question, a.reply.text) for a in kept] == [(q, t) for q, (_, t) in zip(questions, rows, strict=True)]
    for line in path.read_text("utf-8", "surrogatepass").split("\n")[:-1]:
        json.loads(line)


def test_a_lone_surrogate_survives(tmp_path):
    found = interview(Odd([Reply("q0", 0, "5\ud800")]), QUESTIONS[:1], tmp_path / "run")
    assert found.answers[0].reply.text == "5\ud800"
    assert next(iter(read_record(tmp_path / "run")[1])).reply.text == "5\ud800"


def test_seeds_and_fingerprints():
    seeds = {item_seed(s, k, n) for s in range(5) for k in "abcde" for n in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert data_hash(QUESTIONS) == data_hash(QUESTIONS[::-1]) != data_hash(QUESTIONS[1:])


def test_a_record_says_which_run_it_is(tmp_path):
    interview(scripted("oracle"), QUESTIONS[:5], tmp_path / "run")
    spec = read_spec(tmp_path / "run")
    assert spec["model"] == {"kind": "scripted", "script": "oracle"}
    assert spec["sampling"]["temperature"] == 0
