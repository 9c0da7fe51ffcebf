"""Models behind an OpenAI-compatible server: completions or chat, many requests at a time.

Knows the protocol of models and HTTP; what is sent when is policy.py's business, what a response means wire.py's.
"""

import asyncio
import contextlib
import importlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any, get_args
from urllib.parse import urlsplit

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.endpoint.policy import Dispatch, Pace, Ticket
from algorism.evaluation.backends.endpoint.secrecy import Secrets
from algorism.evaluation.backends.endpoint.traffic import Give, Outcomes
from algorism.evaluation.backends.endpoint.verdicts import Answered, Faulty, Refused, Verdict
from algorism.evaluation.backends.endpoint.wire import Api, Form, verdict
from algorism.evaluation.backends.protocol import BOUNDARY, Failure, Reply, Request, Sampling, as_text

_LOG = logging.getLogger(__name__)
_CONNECT = 10.0  # seconds for a connection to be made
_KEPT = 4.0  # seconds that an idle connection is kept: servers close them after 5 s and more
_OURS = {"model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop"}
_NOT_HERE = {"stream": "answers are read whole", "n": "samples are requests of their own"}


@dataclass
class Endpoint:
    """A model behind an OpenAI-compatible server.

    Requests are sent over connections that are kept open, as many at a time as the server bears (`policy.Window`). What
    may pass (429, 5xx, timeouts, broken connections, damaged responses) is tried again. What every request would meet
    (401, an unknown model, no server, ten equal refusals before any answer) stops the run with a UsageError, after the
    answers that are there have been given. Any other error is that request's Failure, never a Reply; so is an answer
    that the server's content filter ended.

    Args:
        model: its name at the server.
        base_url: the server's address up to and without `/chat/completions`, e.g. "http://localhost:8000/v1".
        api: "chat" (texts become what the user says), "completions" (conversations become text), or "auto": texts are
            continued through completions, conversations answered through chat.
        key_variable: environment variable that holds the key, read when requests are made; none is sent if it is unset.
        headers: further headers; their values are kept as secret as the key.
        extra: further fields of every request, e.g. {"reasoning_effort": "low"}; part of the fingerprint.
        concurrency: most requests in flight.
        timeout: seconds for a whole response.
        attempts: most times that one request is sent.
        first_wait: seconds before the second attempt, doubled before each further one up to `longest_wait`.
        longest_wait: see there.
        patience: longest wait, in seconds, that the server may ask for by Retry-After before the run is stopped.
        largest: most bytes of a response.

    Raises:
        UsageError: an address that cannot be one, or holds a user or a query, where keys hide; numbers out of range.

    >>> Endpoint("my-model", "http://localhost:8000/v1").fingerprint()["api"]
    'chat'
    """

    model: str
    base_url: str
    api: Api = field(default="chat", kw_only=True)
    key_variable: str = field(default="OPENAI_API_KEY", kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    concurrency: int = field(default=16, kw_only=True)
    timeout: float = field(default=120.0, kw_only=True)
    attempts: int = field(default=8, kw_only=True)
    first_wait: float = field(default=0.5, kw_only=True)
    longest_wait: float = field(default=60.0, kw_only=True)
    patience: float = field(default=600.0, kw_only=True)
    largest: int = field(default=1 << 23, kw_only=True)

    def __post_init__(self) -> None:
        """Check what can be checked without the server."""
        if not self.model:
            raise UsageError("An endpoint needs the model's name at the server.")
        if self.api not in get_args(Api):
            raise UsageError(f"api: {self.api!r} is none. {nearest(self.api, get_args(Api))}")
        if not self.timeout > 0 or self.largest < 1:
            raise UsageError(f"Expected timeout > 0 and largest >= 1, got {self.timeout} and {self.largest}.")
        for name in self.extra:
            if name in _OURS or name in _NOT_HERE:
                why = _NOT_HERE.get(name, "it follows from the model, the question or the sampling")
                raise UsageError(f"extra: {name!r} cannot be set here: {why}.")
        try:
            json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"extra: expected values that JSON holds: {error}.") from None
        self.base_url = _checked(self.base_url)
        self.name = f"openai:{self.model}"
        self._pace = Pace(self.concurrency, self.attempts, self.first_wait, self.longest_wait, self.patience)

    def fingerprint(self) -> Mapping[str, Any]:
        """Model, address and form of the requests; of keys and headers nothing."""
        values = {"kind": "endpoint", "model": self.model, "base_url": self.base_url, "api": self.api}
        return values | ({"extra": dict(self.extra)} if self.extra else {})

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Reply | Failure]:
        """Answer every request once, each as soon as its answer is there; closing the iterator ends the requests.

        Raises:
            UsageError: what every request would meet: no such server, model or right to use it; or a prompt that
                forces boundaries between tokens.
        """
        if any(BOUNDARY in as_text(request.prompt) for request in requests):
            raise UsageError(f"{self.name}: a server cuts texts into tokens by itself; only hf: models can be forced.")
        secrets = Secrets(self.key_variable, self.headers)
        run = partial(_Run(self, _httpx(), secrets, sampling).run, list(requests))
        outcomes: Outcomes[Reply | Failure] = Outcomes(run)
        with outcomes as each:
            yield from each


class _Run:
    """One call of `generate`, in its loop."""

    def __init__(self, endpoint: Endpoint, httpx: ModuleType, secrets: Secrets, sampling: Sampling) -> None:
        self.endpoint, self.httpx, self.secrets, self.sampling = endpoint, httpx, secrets, sampling
        self.form = Form(endpoint.model, endpoint.api, endpoint.extra)

    async def run(self, requests: Sequence[Request], give: Give[Reply | Failure]) -> None:
        """Send all, and give each outcome away when it is there."""
        loop = asyncio.get_running_loop()
        dispatch = Dispatch([(r.key, r.sample) for r in requests], self.endpoint._pace)
        running: dict[asyncio.Task[tuple[Verdict, float]], Ticket] = {}
        async with self._client() as http:
            try:
                while not dispatch.finished:
                    while (ticket := dispatch.start(loop.time())) is not None:
                        running[loop.create_task(self._attempt(http, requests[ticket.index]))] = ticket
                    wait = dispatch.wait(loop.time())
                    if not running:
                        await asyncio.sleep(wait or 0)
                        continue
                    done, _ = await asyncio.wait(running, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                    ended = [(running.pop(task), *task.result()) for task in done]
                    self._settle(requests, dispatch, ended, loop.time(), give)
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    def _settle(
        self,
        requests: Sequence[Request],
        dispatch: Dispatch,
        ended: Sequence[tuple[Ticket, Verdict, float]],
        now: float,
        give: Give[Reply | Failure],
    ) -> None:
        """Give away what is decided. An error that stops the run is raised after the answers that came with it."""
        stop: UsageError | None = None
        for ticket, what, seconds in ended:
            request = requests[ticket.index]
            try:
                final = dispatch.end(ticket, what, now)
            except UsageError as error:
                stop = error
                continue
            if isinstance(final, Answered):
                give(Reply(request.key, request.sample, final.text, final.finish, final.tokens, seconds))
            elif isinstance(final, Refused):
                give(Failure(request.key, request.sample, final.reason, ticket.attempt))
            elif isinstance(what, Faulty):
                _LOG.info("%s, sample %d: attempt %d: %s", request.key, request.sample, ticket.attempt, what.reason)
        if stop is not None:
            raise UsageError(f"{self.endpoint.name} at {self.endpoint.base_url}: {stop}")

    async def _attempt(self, http: Any, request: Request) -> tuple[Verdict, float]:
        """Send a request once (twice, where the server wants its limit of tokens under the other name)."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                sent = self.form.limit_name
                status, headers, body = await self._post(http, request)
                if sent == "max_tokens" and Form.wants_other_limit(status, body):
                    self.form.limit_name = "max_completion_tokens"
                    status, headers, body = await self._post(http, request)
            what = verdict(status, headers, body, time.time(), self.sampling, self.secrets.hide)
        except (TimeoutError, self.httpx.HTTPError, _Unreadable) as error:
            what = self._broken(error)
        return self._discreet(what), time.perf_counter() - began

    async def _post(self, http: Any, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        url = self.endpoint.base_url + self.form.path(request.prompt)
        content = json.dumps(self.form.body(request, self.sampling)).encode()
        body = bytearray()
        async with http.stream("POST", url, content=content) as response:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise _Unreadable("the response is compressed, which was not asked for")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self.endpoint.largest:
                    raise _Unreadable(f"the response has more than {self.endpoint.largest} bytes")
            return response.status_code, response.headers, bytes(body)

    def _broken(self, error: Exception) -> Faulty:
        httpx = self.httpx
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Faulty(f"no connection ({str(error) or 'it took too long'})", "unreachable")
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return Faulty(f"no whole response within {self.endpoint.timeout:g} s", "overload")
        if isinstance(error, _Unreadable):
            return Faulty(str(error))
        return Faulty(f"the connection broke ({type(error).__name__}: {error})")

    def _discreet(self, what: Verdict) -> Verdict:
        """The verdict without secrets. An answer is never altered: one that holds the key is none."""
        if isinstance(what, Answered):
            echoed = self.secrets.echoed(what.text)
            return Refused("the answer held a secret header's value", own=True) if echoed else what
        return replace(what, reason=self.secrets.hide(what.reason))

    def _client(self) -> Any:
        endpoint, most = self.endpoint, self.endpoint.concurrency
        fixed = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        here = urlsplit(endpoint.base_url).hostname in ("localhost", "127.0.0.1", "::1")
        return self.httpx.AsyncClient(
            headers=self.secrets.headers | fixed,
            timeout=self.httpx.Timeout(endpoint.timeout, connect=min(_CONNECT, endpoint.timeout), pool=None),
            limits=self.httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=_KEPT),
            trust_env=not here,  # a proxy of the environment does not reach this machine's own servers
        )


class _Unreadable(Exception):
    """A response whose size cannot be bounded."""


def _httpx() -> ModuleType:
    """The HTTP library that came with huggingface_hub: httpx, or its successor."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module("httpx2")
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module("httpx")
    raise UsageError("Asking an endpoint needs httpx, which comes with transformers. Run: pip install httpx")


def _checked(address: str) -> str:
    """A base address without its last slash. What is wrong with it is said without showing it: it may hold a key."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("base_url: expected an address like http://localhost:8000/v1.") from None
    if parts.scheme not in ("http", "https") or not host or not address.isascii() or not address.isprintable():
        raise UsageError("base_url: expected an address like http://localhost:8000/v1.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            "base_url: expected no user, query or fragment. Give keys by the environment (key_variable) or by headers."
        )
    if parts.path.rstrip("/").endswith("/completions"):
        raise UsageError("base_url: expected the address up to and without /chat/completions or /completions.")
    return address.rstrip("/")
