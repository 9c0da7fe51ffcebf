"""Keys: read from the environment when they are needed, sent, and shown nowhere."""

import os
from collections.abc import Mapping

from algorism.errors import UsageError

_SHORTEST_SECRET = 6  # shorter ones ("EMPTY", "1") are placeholders; hiding them would only garble messages
_SHORTEST_ECHO = 12


class Secrets:
    """The headers that hold keys, and the means to keep their values out of texts.

    Args:
        key_variable: environment variable of the key; unset or empty for none.
        headers: further headers, whose values are treated as secrets too.

    Raises:
        UsageError: a key or header that HTTP cannot carry; the message does not show it.

    >>> Secrets("NO_SUCH_VARIABLE", {"X-Key": "hunter2hunter2"}).hide("bad key hunter2hunter2")
    'bad key ***'
    """

    def __init__(self, key_variable: str, headers: Mapping[str, str]) -> None:
        key = os.environ.get(key_variable, "").strip()
        if not _sendable(key):
            raise UsageError(f"The environment variable {key_variable} holds characters that no key has.")
        for name, value in headers.items():
            if not name or not _sendable(name) or any(c in ' :"(),/;<=>?@[\\]{}' for c in name):
                raise UsageError("headers: a name is empty, or has characters that HTTP does not allow in one.")
            if not _sendable(value):
                raise UsageError(f"headers: the value of {name!r} has characters that HTTP does not allow.")
        self.headers = ({"Authorization": f"Bearer {key}"} if key else {}) | dict(headers)
        self._values = sorted({key, *headers.values()}, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """A text for people, without the secrets."""
        for value in self._values:
            if len(value) >= _SHORTEST_SECRET:
                text = text.replace(value, "***")
        return text

    def echoed(self, text: str) -> bool:
        """Whether a model's answer holds a secret. Numbers are no secrets here: they may be the answer."""
        return any(len(v) >= _SHORTEST_ECHO and not v.isdigit() and v in text for v in self._values)

    def __repr__(self) -> str:
        """Nothing of it."""
        return "Secrets(...)"


def _sendable(text: str) -> bool:
    return text.isascii() and (not text or text.isprintable())
