"""The two request forms of OpenAI-compatible servers: a request as JSON, a response as a verdict.

Knows no network. What may come back is whatever a server, a proxy or a fault makes of it.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from algorism.evaluation.backends.endpoint.verdicts import Answered, Faulty, Hopeless, Refused, Verdict
from algorism.evaluation.backends.protocol import Finish, Prompt, Request, Sampling, as_messages, as_text

Api = Literal["chat", "completions", "auto"]

_MOST_STOPS = 4  # a server's limit; further stops are cut off here
_FINISH: dict[str | None, Finish] = {
    None: "stop",
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
}
_ABORTED = {"error", "abort", "aborted", "cancelled"}
_OVERLOAD = {408, 425, 429, 502, 503, 504, 529}
_OF_ALL = {401, 402, 405, 407}  # concern every request: key, money, method, proxy
_OWN = re.compile(r"context|length|too long|tokens|filter|moderat", re.IGNORECASE)  # refusals that name the prompt
_SETTINGS = {"model", "temperature", "top_p", "seed", "stop"}  # a request is refused for them as all others will be


@dataclass
class Form:
    """How requests are written for one server.

    Args:
        model: name at the server.
        api: "chat", "completions", or "auto": texts are continued, conversations are answered.
        extra: further fields of every request.
    """

    model: str
    api: Api = "chat"
    extra: Mapping[str, Any] = field(default_factory=dict)
    limit_name: str = "max_tokens"

    def is_chat(self, prompt: Prompt) -> bool:
        """Whether this prompt is asked as a conversation."""
        return self.api == "chat" or (self.api == "auto" and not isinstance(prompt, str))

    def path(self, prompt: Prompt) -> str:
        """Where it is asked, under the server's base address."""
        return "/chat/completions" if self.is_chat(prompt) else "/completions"

    def body(self, request: Request, sampling: Sampling) -> dict[str, Any]:
        """A request's JSON."""
        values: dict[str, Any] = {"model": self.model}
        if self.is_chat(request.prompt):
            values["messages"] = [{"role": m.role, "content": m.content} for m in as_messages(request.prompt)]
        else:
            values["prompt"] = as_text(request.prompt)
        values |= {self.limit_name: sampling.max_tokens, "temperature": sampling.temperature}
        if not sampling.greedy:  # which needs neither; some servers refuse them
            values |= {"top_p": sampling.top_p, "seed": request.seed}
        if sampling.stop:
            values["stop"] = list(sampling.stop[:_MOST_STOPS])
        return values | dict(self.extra)

    @staticmethod
    def wants_other_limit(status: int, body: bytes) -> bool:
        """Whether a request was refused for `max_tokens`, where the server wants `max_completion_tokens`."""
        return status in (400, 422) and b"max_completion_tokens" in body


def verdict(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
    sampling: Sampling,
    hide: Callable[[str], str] = str,
) -> Verdict:
    """What a response means.

    A `content_filter` is a refusal: the filter, not the model, ended the answer, and to grade what is left of it would
    blame the model. The separate reasoning of reasoning models is no part of the answer; if the limit of tokens was
    reached while reasoning, the answer is empty and its finish "length".

    Args:
        status: of HTTP.
        headers: with lower-case names.
        body: whole.
        now: seconds since 1970, for a Retry-After that is a date.
        sampling: what was asked for.
        hide: takes secrets out of a server's words; called before they are shortened, which could leave half a key.
    """
    if 200 <= status < 300:
        return _answer(body, sampling, hide)
    return _error(status, headers, _parsed(body), now, hide)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds that a server asks to be left alone, from a number or a date; 0 if it does not say.

    A date is measured against the response's own `Date`, so that a wrong clock on either side does not matter.

    >>> retry_after({"retry-after": "7"}, now=0.0), retry_after({}, now=0.0)
    (7.0, 0.0)
    >>> date = "Wed, 21 Oct 2026 07:28:{} GMT".format
    >>> retry_after({"retry-after": date(30), "date": date(10)}, now=0.0)
    20.0
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, "")) / unit
        if seconds > 0:
            return seconds
    until = _date(headers.get("retry-after", ""))
    sent = _date(headers.get("date", ""))
    if math.isnan(until):
        return 0.0
    return max(0.0, until - (now if math.isnan(sent) else sent))


def _answer(body: bytes, sampling: Sampling, hide: Callable[[str], str]) -> Verdict:
    there = _parsed(body)
    if not isinstance(there, dict):
        return Faulty(f"the response is no JSON object in UTF-8: {_excerpt(body, hide)}")
    if there.get("error"):  # gateways send it with status 200
        code = there["error"].get("code") if isinstance(there["error"], dict) else None
        return _error(code if isinstance(code, int) and 400 <= code < 600 else 500, {}, there, 0.0, hide)
    choices = there.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return Faulty("the response has no choices")
    choice = choices[0]
    reason = choice.get("finish_reason")
    if reason == "content_filter":
        return Refused("the server's content filter ended the answer (finish_reason content_filter)", own=True)
    if not isinstance(reason, str | None) or (reason not in _FINISH and reason not in _ABORTED):
        return Refused(f"unknown finish_reason {_clean(hide(str(reason)))!r}")
    if reason in _ABORTED:
        return Faulty(f"the server broke the answer off (finish_reason {reason})")
    text = _text(choice)
    if text is None:
        return Faulty("the response's choice has no text")
    tokens = _tokens(there)
    finish = _FINISH[reason]
    if reason is None and tokens is not None and tokens >= sampling.max_tokens:
        finish = "length"
    text, stopped = sampling.cut(text)
    return Answered(text, "stop" if stopped else finish, tokens)


def _text(choice: Mapping[str, Any]) -> str | None:
    """What was written, of either form; None if the choice is damaged."""
    if "message" not in choice:
        return choice["text"] if isinstance(choice.get("text"), str) else None
    message = choice["message"]
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # of parts
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(map(str, texts)) if all(isinstance(text, str) for text in texts) else None
    if content is not None:
        return None
    refusal = message.get("refusal")
    if isinstance(refusal, str):
        return refusal  # the model's own words
    said = "content" in message or {"reasoning", "reasoning_content", "tool_calls"} & message.keys()
    return "" if said else None


def _tokens(there: Mapping[str, Any]) -> int | None:
    usage = there.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return count if type(count) is int and count >= 0 else None


def _error(status: int, headers: Mapping[str, str], there: Any, now: float, hide: Callable[[str], str]) -> Verdict:
    error = there.get("error", there) if isinstance(there, dict) else {}
    details = error if isinstance(error, dict) else {"message": error}
    message = _clean(hide(str(details.get("message") or details.get("detail") or "no message")))
    code, param = str(details.get("code")), str(details.get("param"))
    reason = f"HTTP {status}: {message}"
    if 300 <= status < 400:
        where = _clean(hide(headers.get("location", "an unnamed place")))
        return Hopeless(f"HTTP {status}: the server has moved to {where}. Give that address as base_url.")
    if status == 404:
        return Hopeless(f"{reason}. Is the model's name right, and does the server offer this api at this base_url?")
    if status in _OF_ALL or code == "insufficient_quota":
        return Hopeless(f"{reason}. Every request would be refused; is the key right, and may it be used for this?")
    if status == 403:
        filtered = code == "content_filter" or "moderation" in message.lower()
        return Refused(reason, own=True) if filtered else Hopeless(f"{reason}. May the key be used for this model?")
    if status in (400, 422) and "chat template" in message:
        return Hopeless(f"{reason}. This model has no chat format: use api='completions'.")
    if status in (400, 422) and param in _SETTINGS:
        return Hopeless(f"{reason}. The setting {param!r} is the same in all requests.")
    if status in _OVERLOAD:
        return Faulty(reason, "overload", retry_after(headers, now))
    if status == 409 or (status >= 500 and status not in (501, 505)):
        return Faulty(reason, wait=retry_after(headers, now))
    return Refused(reason, own=status == 413 or code == "content_filter" or bool(_OWN.search(message)))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\s*[0-9]{1,12}(\.[0-9]{1,12})?\s*", text, re.ASCII) else 0.0


def _date(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return math.nan


def _excerpt(body: bytes, hide: Callable[[str], str]) -> str:
    return _clean(hide(body[:4096].decode("utf-8", "replace")), 80) or "it is empty"


def _clean(text: str, longest: int = 300) -> str:
    """One line of printable characters: a server's words must not drive a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."
