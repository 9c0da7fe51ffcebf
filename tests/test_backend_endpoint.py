"""Models behind a server: what is asked, what is read, what stops a run, what is kept secret."""

import asyncio
import contextlib
import json
import logging
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import UsageError
from algorism.evaluation.backends.endpoint import Endpoint
from algorism.evaluation.backends.endpoint.secrecy import Secrets
from algorism.evaluation.backends.endpoint.verdicts import Answered, Faulty, Hopeless, Refused
from algorism.evaluation.backends.endpoint.wire import retry_after, verdict
from algorism.evaluation.backends.protocol import Backend, Failure, Message, Reply, Request, Sampling
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question

books = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("_misbehaving_server.py"))))
Server, response, completion = books.Server, books.response, books.completion
KEY = "sk-test-0123456789abcdef"
TALK = (Message("system", "Add."), Message("user", "1+1="))
SUMS = [Request(f"q{i}", f"{i}+{i}=") for i in range(60)]


def error(status: int, message: str, **more: str) -> bytes:
    return response(status, json.dumps({"error": {"message": message} | more}).encode())


def ask(server, requests=SUMS, sampling=None, **options) -> list:
    options = {"first_wait": 0.005, "longest_wait": 0.05, "timeout": 60.0} | options
    return list(Endpoint("adder", server.url, **options).generate(requests, sampling or Sampling()))


def one(body: bytes, sampling=None, status: int = 200, **headers: str):
    return verdict(status, headers, body, 0.0, sampling or Sampling())


# What is asked


def test_a_greedy_conversation_and_a_sampled_text_as_they_go_over_the_wire() -> None:
    with Server() as server:
        ask(server, [Request("a", TALK, seed=5)], Sampling(max_tokens=9, top_p=0.5))
        hot = Sampling(max_tokens=7, temperature=0.5, top_p=0.9, stop=("\n", "=", ";", "#", "!"))
        ask(server, [Request("b", "2+2=", seed=5)], hot, api="completions", extra={"reasoning_effort": "low"})
    (path, headers, body), (other_path, _, other_body) = server.requests
    assert (path, other_path) == ("/v1/chat/completions", "/v1/completions")
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    talk = [{"role": "system", "content": "Add."}, {"role": "user", "content": "1+1="}]
    assert body == {"model": "adder", "messages": talk, "max_tokens": 9, "temperature": 0.0}
    assert other_body == {
        "model": "adder",
        "prompt": "2+2=",
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 5,
        "stop": ["\n", "=", ";", "#"],  # a server takes four; all five are cut at
        "reasoning_effort": "low",
    }


def test_auto_continues_texts_and_answers_conversations() -> None:
    with Server() as server:
        got = ask(server, [Request("a", TALK), Request("b", "2+2=")], api="auto")
    assert sorted(path for path, *_ in server.requests) == ["/v1/chat/completions", "/v1/completions"]
    assert {r.key: r.text for r in got} == {"a": "2", "b": "4"}


def test_a_text_that_utf8_cannot_hold_is_asked_all_the_same() -> None:
    with Server(lambda prompt, n: response(200, completion(prompt))) as server:
        got = ask(server, [Request("a", "7\ud800\U0001f600")])
    assert got[0].text == "7\ud800\U0001f600"


def test_the_limit_s_other_name_is_learned_once() -> None:
    def choose(prompt: str, n: int):
        if "max_tokens" in server.requests[-1][2]:
            return error(
                400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"
            )
        return "ok"

    with Server(choose) as server:
        got = ask(server)
    assert sorted(int(r.text) for r in got) == [2 * i for i in range(60)]
    assert all("max_completion_tokens" in body for *_, body in server.requests[20:])
    assert len(server.requests) <= 60 + 4  # those of the first window


# What is read


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, Answered("42", "stop", 2)),
        ({"finish_reason": "length"}, Answered("42", "length", 2)),
        ({"finish_reason": "eos_token"}, Answered("42", "stop", 2)),
        ({"finish_reason": None}, Answered("42", "stop", 2)),
        ({"finish_reason": "content_filter"}, Refused),
        ({"finish_reason": "whatever"}, Refused),
        ({"finish_reason": ["stop"]}, Refused),
        ({"finish_reason": "error"}, Faulty),
        ({"message": {"content": "42", "reasoning_content": "41? no"}}, Answered("42", "stop", 2)),
        ({"message": {"content": None, "reasoning": "so"}, "finish_reason": "length"}, Answered("", "length", 2)),
        ({"message": {"reasoning": "so"}}, Answered("", "stop", 2)),
        (
            {"message": {"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]}},
            Answered("42", "stop", 2),
        ),
        ({"message": {"content": None, "refusal": "I will not."}}, Answered("I will not.", "stop", 2)),
        ({"message": {"content": 42}}, Faulty),
        ({"message": {}}, Faulty),
        ({"message": "42"}, Faulty),
    ],
)
def test_choices(choice: dict, expected) -> None:
    got = one(completion("42", **choice))
    assert got == expected if isinstance(expected, Answered) else type(got) is expected


def test_usage_stops_and_bodies_that_are_no_answers() -> None:
    def body(**values) -> bytes:
        return json.dumps({"choices": [{"text": "579; so", "finish_reason": None}]} | values).encode()

    assert one(body()) == Answered("579; so", "stop", None)
    assert one(body(usage={"completion_tokens": 8}), Sampling(max_tokens=8)) == Answered("579; so", "length", 8)
    assert one(body(usage={"completion_tokens": 8}), Sampling(max_tokens=8, stop=(";",))) == Answered("579", "stop", 8)
    for usage in ([], {"completion_tokens": True}, {"completion_tokens": "8"}, {"completion_tokens": -1}, None):
        assert one(body(usage=usage)).tokens is None
    assert one(b"\xef\xbb\xbf" + body()) == Answered("579; so", "stop", None)
    for bad in (
        b"",
        b"[]",
        b"null",
        b"<html>",
        body()[:-1],
        body().decode().encode("utf-16"),
        b"[" * 100_000,
        body().replace(b"579", b"\xb5"),
        b'{"choices": 1}',
    ):
        assert isinstance(one(bad), Faulty), bad[:20]
    assert one(body(error={"message": "slow down", "code": 429})) == Faulty("HTTP 429: slow down", "overload")
    assert isinstance(one(body(error={"message": "no key", "code": 401})), Hopeless)


FIELDS = ["choices", "message", "content", "text", "finish_reason", "usage", "error", "code", "param", "detail"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()), st.integers(200, 599), st.text())
def test_whatever_comes_is_a_verdict(body: bytes, status: int, header: str) -> None:
    got = one(body, status=status, **{"retry-after": header, "date": header, "location": header})
    assert isinstance(got, Answered | Refused | Faulty | Hopeless)
    if status >= 300:
        assert not isinstance(got, Answered)
    if not isinstance(got, Answered):
        assert got.reason.isprintable()
        assert len(got.reason) < 600


def test_retry_after() -> None:
    hour = 3600.0
    assert retry_after({"retry-after": "3600"}, 0) == hour
    assert retry_after({"retry-after": "1.5"}, 0) == 1.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}, 0) == 0.25
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 02:00:00 GMT"}, hour) == hour
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, hour) == 0
    # The server's clock is ten years ahead: its own Date says so.
    late = {"retry-after": "Tue, 01 Jan 1980 01:00:00 GMT", "date": "Tue, 01 Jan 1980 00:00:00 GMT"}
    assert retry_after(late, 0) == hour
    for nothing in ("", "-5", "nan", "inf", "1e9", "soon", "٣", "Thu, 99 Jan 1970"):
        assert retry_after({"retry-after": nothing}, 0) == 0


def test_a_wait_that_the_server_asks_for_is_kept() -> None:
    busy = response(429, b"", "Retry-After: 0.3")
    times = []

    def choose(prompt: str, n: int):
        times.append(time.monotonic())
        return busy if n == 1 else "ok"

    with Server(choose) as server:
        assert ask(server, SUMS[:1])[0].text == "0"
    assert times[1] - times[0] >= 0.3


# What stops a run, and what does not


@pytest.mark.parametrize(
    ("status", "message", "more", "says"),
    [
        (401, "Incorrect API key", {}, "is the key right"),
        (402, "Pay first", {}, "may it be used"),
        (403, "Not for you", {}, "May the key be used"),
        (404, "The model `adder` does not exist", {}, "model's name right"),
        (405, "Method not allowed", {}, "HTTP 405"),
        (429, "You exceeded your quota", {"code": "insufficient_quota"}, "exceeded your quota"),
        (400, "'temperature' does not support 0", {"param": "temperature"}, "the same in all requests"),
        (400, "the tokenizer has no chat template", {}, "api='completions'"),
        (307, "", {}, "has moved to an unnamed place"),
    ],
)
def test_an_error_that_every_request_would_meet_stops_the_run(status, message, more, says) -> None:
    with Server(lambda prompt, n: error(status, message, **more)) as server, pytest.raises(UsageError) as stopped:
        ask(server)
    assert says in str(stopped.value)
    assert str(stopped.value).startswith(f"openai:adder at {server.url}: HTTP {status}")
    assert len(server.requests) <= 4  # the first window


def test_the_answers_that_are_there_are_kept_when_the_run_stops(tmp_path: Path) -> None:
    questions = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(60)]
    with Server(lambda prompt, n: error(401, "expired") if len(server.requests) > 30 and n == 1 else "ok") as server:
        model = Endpoint("adder", server.url)
        with pytest.raises(UsageError, match="expired"):
            interview(model, questions, tmp_path / "run.jsonl")
        server.choose = lambda prompt, n: "ok"
        found = interview(model, questions, tmp_path / "run.jsonl")
    assert found.accuracy().value == 1.0
    assert 60 - 30 <= found.asked <= 60 - 12


@pytest.mark.parametrize("status", [400, 413, 422, 501])
def test_an_error_of_one_request_is_its_failure_and_is_not_tried_again(status: int) -> None:
    with Server(lambda prompt, n: error(status, "context too long") if prompt == "7+7=" else "ok") as server:
        got = {r.key: r for r in ask(server)}
    assert got.pop("q7") == Failure("q7", 0, f"HTTP {status}: context too long", 1)
    assert all(isinstance(r, Reply) for r in got.values())
    assert len(server.requests) == 60


def test_a_filtered_answer_is_a_failure() -> None:
    with Server(lambda prompt, n: response(200, completion("4", finish_reason="content_filter"))) as server:
        got = ask(server, SUMS[:1])
    assert isinstance(got[0], Failure)
    assert "content_filter" in got[0].reason


def test_no_server() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # taken, but nobody listens
        address = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(UsageError, match=r"no connection.*Is the server running"):
            list(Endpoint("adder", address, first_wait=0.01).generate(SUMS, Sampling()))


# How it runs


def test_answers_come_as_they_finish_over_few_connections() -> None:
    with Server(lambda prompt, n: 59 if prompt == "0+0=" else "ok", delay=0.005) as server:
        model = Endpoint("adder", server.url, concurrency=5)
        assert isinstance(model, Backend)
        got = [r.key for r in model.generate(SUMS, Sampling())]
    assert "q0" in got[-5:]  # those that were in flight together may come together
    assert sorted(got) == sorted(r.key for r in SUMS)
    assert 2 <= server.most_at_once <= 5
    assert server.connections <= 5


def test_inside_a_running_loop() -> None:
    async def notebook() -> list:
        return ask(server, SUMS[:3])

    with Server() as server:
        assert sorted(r.text for r in asyncio.run(notebook())) == ["0", "2", "4"]


def ended(server) -> bool:
    """Whether within a moment nothing is in flight any more, and no thread of ours is left."""
    end = time.monotonic() + 30
    while server.at_once and time.monotonic() < end:
        time.sleep(0.01)
    return not server.at_once and not any(t.name == "algorism-endpoint" for t in threading.enumerate())


def test_closing_the_iterator_ends_the_requests() -> None:
    with Server(lambda prompt, n: "ok" if prompt == "0+0=" else "hang") as server:
        answers = Endpoint("adder", server.url).generate(SUMS, Sampling())
        assert next(answers).key == "q0"
        answers.close()
        assert ended(server)
        assert len(server.requests) < 10


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to itself")
def test_ctrl_c_ends_the_requests() -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals come to the main thread only")

    def press(prompt: str, n: int) -> str:
        if len(server.requests) == 1:  # the main thread now waits for an answer
            os.kill(os.getpid(), signal.SIGINT)
        return "hang"

    with Server(press) as server:
        with pytest.raises(KeyboardInterrupt):
            ask(server)
        assert ended(server)


def test_nothing_is_asked_before_the_first_answer_is_wanted() -> None:
    with Server() as server:
        Endpoint("adder", server.url).generate(SUMS, Sampling())
        assert ask(server, []) == []
    assert not server.requests


# What is kept secret


def test_the_key_is_sent_and_shown_nowhere(tmp_path, monkeypatch, caplog, capfd) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    header = "Bearer-of-another-0xdeadbeef"
    caplog.set_level(logging.DEBUG)
    questions = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(4)]
    echo = {
        "0+0=": error(400, f"bad request, key {KEY} and {header}" + "." * 205 + KEY),  # where a message is cut
        "1+1=": response(200, completion(f"your key is {KEY}")),
        "2+2=": error(500, f"crashed with {KEY}"),
    }
    with Server(lambda prompt, n: echo.get(prompt, "ok")) as server:
        model = Endpoint(
            "adder", server.url, key_variable="MY_KEY", headers={"X-Other": header}, attempts=2, first_wait=0.01
        )
        found = interview(model, questions, tmp_path / "run.jsonl")
        assert {h["authorization"] for _, h, _ in server.requests} == {f"Bearer {KEY}"}
        assert {h["x-other"] for _, h, _ in server.requests} == {header}
        server.choose = lambda prompt, n: error(401, f"Incorrect API key provided: {KEY}")
        with pytest.raises(UsageError) as stopped:
            interview(model, questions, tmp_path / "run.jsonl")
    assert [a.reply.key for a in found.answers] == ["q3"]
    assert len(found.failures) == 3
    assert "***" in str(found.failures)
    shown = [repr(model), str(model.fingerprint()), (tmp_path / "run.jsonl").read_text(), caplog.text]
    shown += ["".join(traceback.format_exception(stopped.value)), str(found), *capfd.readouterr()]
    assert caplog.text
    for text in shown:
        assert KEY[:12] not in text
        assert header[:12] not in text


def test_a_placeholder_is_no_secret_and_numbers_are_no_echo(monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "EMPTY")
    assert Secrets("MY_KEY", {}).hide("EMPTY prompt") == "EMPTY prompt"
    monkeypatch.setenv("MY_KEY", "123456789012")
    assert not Secrets("MY_KEY", {}).echoed("123456789012")
    assert "123456789012" not in repr(Secrets("MY_KEY", {}))


@pytest.mark.parametrize("key", ["sk-a\nX-Evil: 1", "sk-\u00e4bcdef", "sk-a\x00bcd"])
def test_a_key_that_http_cannot_carry_is_refused_unseen(monkeypatch, key: str) -> None:
    with contextlib.suppress(ValueError):  # an environment holds no NUL
        monkeypatch.setenv("MY_KEY", key)
        with pytest.raises(UsageError) as refused:
            next(Endpoint("m", "http://localhost/v1", key_variable="MY_KEY").generate(SUMS, Sampling()))
        assert "sk-" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": ""}, "model's name"),
        ({"base_url": "localhost:8000/v1"}, "like http://"),
        ({"base_url": "http://"}, "like http://"),
        ({"base_url": "http://h:port/v1"}, "like http://"),
        ({"base_url": "http://h/v1\n"}, "like http://"),
        ({"base_url": f"http://me:{KEY}@h/v1"}, "no user"),
        ({"base_url": f"http://h/v1?key={KEY}"}, "no user"),
        ({"base_url": "http://h/v1/chat/completions"}, "up to and without"),
        ({"api": "responses"}, "Known: 'auto', 'chat', 'completions'"),
        ({"timeout": 0}, "timeout > 0"),
        ({"largest": 0}, "largest >= 1"),
        ({"concurrency": 0}, "concurrency"),
        ({"extra": {"stream": True}}, "read whole"),
        ({"extra": {"temperature": 1}}, "sampling"),
        ({"extra": {"top_k": {1}}}, "JSON holds"),
        ({"headers": {"X Y": "a"}}, "a name"),
        ({"headers": {"X-Y": "a\r\nb"}}, "value of 'X-Y'"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        next(Endpoint(**({"model": "m", "base_url": "http://localhost:1/v1"} | options)).generate(SUMS, Sampling()))
    assert says in str(refused.value)
    assert KEY not in str(refused.value)


def test_without_httpx(monkeypatch) -> None:
    for name in ("httpx", "httpx2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="pip install httpx"):
        next(Endpoint("m", "http://localhost/v1").generate(SUMS, Sampling()))


def test_the_module_is_light() -> None:
    code = (
        "import sys, algorism.evaluation.backends.endpoint, algorism.evaluation.backends.names\n"
        "sys.exit(bool({'torch', 'transformers', 'httpx', 'httpx2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
