"""Two thousand requests to a server that fails in every way: none lost, none counted twice, killed or not."""

import json
import runpy
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from algorism.evaluation.backends.endpoint import Endpoint
from algorism.evaluation.backends.protocol import Failure, Reply, Request, Sampling
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question

books = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("_misbehaving_server.py"))))
FAULTS, SLOW, Server, added, fault_of = books.FAULTS, books.SLOW, books.Server, books.added, books.fault_of
QUICK = {"first_wait": 0.005, "longest_wait": 0.05, "timeout": 0.5, "largest": 1 << 18}


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_is_got_over_or_is_a_failure_and_never_an_answer(fault: str, api) -> None:
    ask = [Request("a", "1+1="), Request("b", "2+2=")]
    with Server(lambda prompt, n: fault if n == 1 else "ok") as server:
        model = Endpoint("adder", server.url, api=api, **(QUICK | {"timeout": 0.2 if fault in SLOW else 30.0}))
        got = list(model.generate(ask, Sampling()))
    assert sorted((r.key, r.text) for r in got if isinstance(r, Reply)) == [("a", "2"), ("b", "4")]
    assert server.did == {fault: 2, "ok": 2}

    with Server(lambda prompt, n: fault if prompt == "1+1=" else "ok") as server:
        model = Endpoint(
            "adder", server.url, api=api, attempts=2, **(QUICK | {"timeout": 0.2 if fault in SLOW else 30.0})
        )
        got = {r.key: r for r in model.generate(ask, Sampling())}
    assert isinstance(got["a"], Failure)
    assert got["a"].attempts == 2
    assert got["b"].text == "4"


def test_two_thousand_requests_with_a_fifth_of_faults(tmp_path: Path) -> None:
    questions = [Question(f"q{i}", f"{i}+{7 * i}=", str(8 * i)) for i in range(2000)]
    with Server(fault_of) as server:
        model = Endpoint("adder", server.url, concurrency=12, **QUICK)
        found = interview(model, questions, tmp_path / "run.jsonl")
    assert not found.failures
    assert [a.reply.text for a in found.answers] == [added(q.prompt) for q in questions]
    assert found.accuracy().value == 1.0
    assert set(server.did) == {"ok", *FAULTS}
    faults = sum(server.did.values()) - server.did["ok"]
    assert 0.17 < faults / sum(server.did.values()) < 0.23
    assert 2 <= server.most_at_once <= 12
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()[1:]]
    assert Counter(line["key"] for line in lines) == {q.key: 1 for q in questions}


def test_a_run_killed_twice_ends_as_one_that_was_not(tmp_path: Path) -> None:
    program, count = Path(__file__).with_name("_killed_endpoint.py"), 150
    with Server(fault_of, delay=0.01) as server:
        command = [sys.executable, program, server.url]
        path = tmp_path / "killed.jsonl"
        for lines in (60, 150):
            server.choose = fault_of
            process = subprocess.Popen([*command, path, str(count)])
            end = time.monotonic() + 60
            while (path.read_bytes().count(b"\n") if path.exists() else 0) < lines:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < end
                time.sleep(0.002)
            server.choose = lambda prompt, n: "hang"  # so that it does not end before the kill
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        server.choose = fault_of
        before = set(path.read_text().splitlines())
        subprocess.run([*command, path, str(count)], check=True)
        here = runpy.run_path(str(program))
        here["ask"](server.url, tmp_path / "whole.jsonl", count)

    def answers(name: str) -> list[tuple[str, int, str]]:
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()[1:]]
        return sorted((row["key"], row["sample"], row["text"]) for row in rows)

    assert answers("killed.jsonl") == answers("whole.jsonl")
    assert len(answers("killed.jsonl")) == len(set(answers("killed.jsonl"))) == 2 * count
    assert 150 <= len(before) < 2 * count
    assert before <= set(path.read_text().splitlines())  # what was there was kept, not asked again
