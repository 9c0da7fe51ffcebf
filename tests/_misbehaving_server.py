"""A server on the loopback that speaks the OpenAI form, adds two numbers, and fails in every way that servers fail in.

It also keeps the books: every request as it came, how often each prompt came and was answered, most requests at once.
"""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

CHOICE = {"finish_reason": "stop", "message": {"role": "assistant"}}


def fault_of(prompt: str, attempt: int, share: float = 0.2) -> str:
    """A fault for this share of requests, every kind of them, from prompt and attempt alone; "ok" otherwise."""
    rng = random.Random(f"{prompt} {attempt}")
    if rng.random() >= share:
        return "ok"
    # Those that cost their timeout are rarer, so that the test is short.
    return rng.choices(sorted(FAULTS), [0.1 if name in SLOW else 1.0 for name in sorted(FAULTS)])[0]


def added(prompt: str) -> str:
    """What a right model answers to "a+b="."""
    a, b = prompt.rstrip("=").split("+")
    return str(int(a) + int(b))


def response(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """A whole response."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def completion(text: str, **choice: Any) -> bytes:
    """The JSON of an answer, readable as either form."""
    whole = CHOICE | {"text": text, "message": {"role": "assistant", "content": text}} | choice
    return json.dumps({"choices": [whole], "usage": {"completion_tokens": len(text)}}).encode()


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


FAULTS: dict[str, Callable[[str], bytes]] = {
    "busy": lambda prompt: response(429, _error("too many requests")),
    "busy-wait": lambda prompt: response(429, _error("too many requests"), "Retry-After: 0.02"),
    "busy-date": lambda prompt: response(429, b"", f"Retry-After: {formatdate(0, usegmt=True)}"),
    "unavailable": lambda prompt: response(503, b"<h1>Service Unavailable</h1>"),
    "broken": lambda prompt: response(500, _error("internal error")),
    "truncated": lambda prompt: response(200, completion(added(prompt))[:-7]),
    "cut": lambda prompt: response(200, completion(added(prompt))[:-7], length=len(completion(added(prompt)))),
    "encoding": lambda prompt: response(200, completion(added(prompt)).decode().encode("utf-16")),
    "empty": lambda prompt: response(200, b'{"choices": []}'),
    "html": lambda prompt: response(200, b"<html><body>Log in to the network 42</body></html>"),
    "error-200": lambda prompt: response(200, _error("upstream error")),
    "slam": lambda prompt: b"",
    "hang": lambda prompt: b"",
    "drip": lambda prompt: response(200, completion(added(prompt))),
    "huge": lambda prompt: b"HTTP/1.1 200 X\r\n\r\n" + b" " * 1000,
}
CLOSING = {"cut", "slam"}
SLOW = {"hang", "drip"}


class Server:
    """The server, in a thread, while the context lasts.

    Args:
        choose: what to do with a prompt that comes for the n-th time (from 1): "ok", a name of FAULTS, the bytes of a
            response, or a number: it is answered after so many others.
        delay: seconds that an answer takes.
    """

    def __init__(
        self, choose: Callable[[str, int], str | bytes | int] = lambda prompt, n: "ok", delay: float = 0.0
    ) -> None:
        self.choose, self.delay = choose, delay
        self.came: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.did: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.connections = self.at_once = self.most_at_once = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._end.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._answer(head[0].split()[1], headers, body, reader, writer)
                finally:
                    self.at_once -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:  # the server ends
            pass
        finally:
            writer.close()

    async def _answer(
        self,
        path: str,
        headers: dict[str, str],
        body: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.requests.append((path, headers, body))
        prompt = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        self.came[prompt] += 1
        what = self.choose(prompt, self.came[prompt])
        await asyncio.sleep(self.delay)
        if isinstance(what, bytes):
            writer.write(what)
            return
        if isinstance(what, int):
            while sum(self.answered.values()) < what:
                await asyncio.sleep(0.005)
            what = "ok"
        self.did[what] += 1
        if what == "ok":
            writer.write(response(200, completion(added(prompt))))
            await writer.drain()
            self.answered[prompt] += 1
            return
        raw = FAULTS[what](prompt)
        if what == "hang":
            await reader.read(1)  # until the client leaves
        elif what == "drip":
            for at in range(len(raw)):
                writer.write(raw[at : at + 1])
                await writer.drain()
                await asyncio.sleep(0.02)
        elif what == "huge":
            writer.write(raw)
            while True:  # until the client leaves
                writer.write(b" " * 65536)
                await writer.drain()
        else:
            writer.write(raw)
            await writer.drain()
        if what in CLOSING:
            raise ConnectionError
