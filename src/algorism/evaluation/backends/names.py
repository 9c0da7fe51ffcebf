"""A model by its name: "scripted:oracle", "openai:my-model", "hf:./model".

Knows which kinds of models there are; each is imported when it is asked for. Runs of ours are loaded by `training`, of
which this room knows nothing: who may load them adds a kind "run" to the table (`algorism.commands.models`).
"""

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Backend

OPENAI_URL = "https://api.openai.com/v1"
Maker = Callable[[str, dict[str, Any]], Backend]


def backend(spec: str, kinds: Mapping[str, Maker] | None = None, /, **options: Any) -> Backend:
    """The model that a name means.

    Args:
        spec: KIND:NAME. An endpoint may have its address behind its name: "openai:my-model@http://localhost:8000/v1".
        kinds: what there is; KINDS by default.
        options: of the kind's class. `base_url` of an endpoint defaults to the environment's OPENAI_BASE_URL, then to
            OpenAI's own server; any option that is None counts as not given.

    Raises:
        UsageError: an unknown kind, name or option.

    >>> backend("scripted:oracle").name
    'scripted:oracle'
    >>> backend("openai:my-model", base_url="http://localhost:8000/v1").name
    'openai:my-model'
    """
    kinds = KINDS if kinds is None else kinds
    kind, colon, name = spec.partition(":")
    if not colon or kind not in kinds:
        folders = " or ".join(f"{known}:{spec}" for known in ("hf", "run") if known in kinds)
        hint = f" For a folder, write {folders}." if not colon else ""
        if kind == "run" and colon:
            hint = " A run is asked by the commands `ask`, `suite` and `checkup`, or as `commands.models.run_model`."
        raise UsageError(f"Model {spec!r}: expected KIND:NAME. {nearest(kind, kinds)}{hint}")
    if not name:
        raise UsageError(f"Model {spec!r}: expected a name behind '{kind}:'.")
    return kinds[kind](name, {key: value for key, value in options.items() if value is not None})


def _scripted(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.scripted import Scripted

    return made(Scripted, "scripted", (name,), options)


def _openai(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.endpoint import Endpoint

    for scheme in ("@http://", "@https://"):
        if scheme in name:
            name, _, rest = name.partition(scheme)
            options = {"base_url": scheme[1:] + rest} | options
    address = options.pop("base_url", None) or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    return made(Endpoint, "openai", (name, address), options)


def _hf(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.huggingface import HuggingFace

    return made(HuggingFace, "hf", (name,), options)


KINDS: dict[str, Maker] = {
    "scripted": _scripted,
    "openai": _openai,
    "hf": _hf,
}


def made(make: Callable[..., Backend], kind: str, given: tuple[str, ...], options: dict[str, Any]) -> Backend:
    """A model made by its class or function, which knows what options there are.

    Raises:
        UsageError: an option that is none, with the nearest one.
    """
    known = list(inspect.signature(make).parameters)[len(given) :]
    for option in options:
        if option not in known:
            raise UsageError(f"Models of the kind '{kind}:' have no option {option!r}. {nearest(option, known)}")
    return make(*given, **options)
