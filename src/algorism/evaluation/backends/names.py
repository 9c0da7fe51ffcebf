"""A model by its name: "scripted:oracle", "openai:my-model", "run:runs/add3", "hf:./model".

Knows which kinds of models there are; each is imported when it is asked for.
"""

import importlib
import inspect
import os
from collections.abc import Callable
from typing import Any

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Backend

OPENAI_URL = "https://api.openai.com/v1"


def backend(spec: str, **options: Any) -> Backend:
    """The model that a name means.

    Args:
        spec: KIND:NAME. An endpoint may have its address behind its name: "openai:my-model@http://localhost:8000/v1".
        options: of the kind's class. `base_url` of an endpoint defaults to the environment's OPENAI_BASE_URL, then to
            OpenAI's own server; any option that is None counts as not given.

    Raises:
        UsageError: an unknown kind, name or option.

    >>> backend("scripted:oracle").name
    'scripted:oracle'
    >>> backend("openai:my-model", base_url="http://localhost:8000/v1").name
    'openai:my-model'
    """
    kind, colon, name = spec.partition(":")
    if not colon or kind not in KINDS:
        hint = f" For a folder, write hf:{spec} or run:{spec}." if not colon else ""
        raise UsageError(f"Model {spec!r}: expected KIND:NAME. {nearest(kind, KINDS)}{hint}")
    if not name:
        raise UsageError(f"Model {spec!r}: expected a name behind '{kind}:'.")
    return KINDS[kind](name, {key: value for key, value in options.items() if value is not None})


def _scripted(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.scripted import Scripted

    return _made(Scripted, "scripted", (name,), options)


def _openai(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.endpoint import Endpoint

    for scheme in ("@http://", "@https://"):
        if scheme in name:
            name, _, rest = name.partition(scheme)
            options = {"base_url": scheme[1:] + rest} | options
    address = options.pop("base_url", None) or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    return _made(Endpoint, "openai", (name, address), options)


def _run(name: str, options: dict[str, Any]) -> Backend:
    try:
        module = importlib.import_module("algorism.evaluation.backends.run")
    except ModuleNotFoundError as error:
        if error.name != "algorism.evaluation.backends.run":
            raise  # something that the module itself needs
        raise UsageError("Models of the kind 'run:' cannot be asked in this version; export one for 'hf:'.") from None
    return _made(module.Run, "run", (name,), options)


def _hf(name: str, options: dict[str, Any]) -> Backend:
    from algorism.evaluation.backends.huggingface import HuggingFace

    return _made(HuggingFace, "hf", (name,), options)


KINDS: dict[str, Callable[[str, dict[str, Any]], Backend]] = {
    "scripted": _scripted,
    "openai": _openai,
    "run": _run,
    "hf": _hf,
}


def _made(make: Callable[..., Backend], kind: str, given: tuple[str, ...], options: dict[str, Any]) -> Backend:
    known = list(inspect.signature(make).parameters)[len(given) :]
    for option in options:
        if option not in known:
            raise UsageError(f"Models of the kind '{kind}:' have no option {option!r}. {nearest(option, known)}")
    return make(*given, **options)
