"""Models by name."""

import sys
from types import SimpleNamespace

import pytest

from algorism.errors import UsageError
from algorism.evaluation.backends.endpoint import Endpoint
from algorism.evaluation.backends.names import KINDS, OPENAI_URL, backend
from algorism.evaluation.backends.protocol import Backend
from algorism.evaluation.backends.scripted import Scripted


def test_scripted_models_with_their_options() -> None:
    model = backend("scripted:noisy", fails=0.5, seconds=None)
    assert model == Scripted("noisy", fails=0.5)
    assert isinstance(model, Backend)


def test_endpoints_and_where_their_address_comes_from(monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert backend("openai:m").base_url == OPENAI_URL
    monkeypatch.setenv("OPENAI_BASE_URL", "http://of-the-environment/v1/")
    assert backend("openai:m", base_url=None).base_url == "http://of-the-environment/v1"
    assert backend("openai:org/m:free@https://in-the-name:8000/v1").base_url == "https://in-the-name:8000/v1"
    model = backend("openai:org/m:free@http://in-the-name/v1", base_url="http://given/v1", api="auto", timeout=3)
    assert model == Endpoint("org/m:free", "http://given/v1", api="auto", timeout=3)
    assert model.name == "openai:org/m:free"
    assert isinstance(model, Backend)


def test_local_models_are_imported_when_they_are_asked_for(monkeypatch) -> None:
    def made(path, *, batch=1):
        return path, batch

    monkeypatch.setitem(sys.modules, "algorism.evaluation.backends.huggingface", SimpleNamespace(HuggingFace=made))
    assert backend("hf:./a:b", batch=7) == ("./a:b", 7)
    with pytest.raises(UsageError, match=r"no option 'bach'\. Nearest known: 'batch'"):
        backend("hf:x", bach=7)


def test_other_kinds_can_be_added() -> None:
    kinds = {**KINDS, "run": lambda name, options: (name, options)}
    assert backend("run:runs/add3", kinds, batch=None, device="cpu") == ("runs/add3", {"device": "cpu"})
    with pytest.raises(UsageError, match="write hf:runs/add3 or run:runs/add3"):
        backend("runs/add3", kinds)
    with pytest.raises(UsageError, match=r"A run is asked by the commands .* or as `commands.models.run_model`"):
        backend("run:runs/add3")


@pytest.mark.parametrize(
    ("spec", "options", "says"),
    [
        ("opnai:m", {}, "Nearest known: 'openai'"),
        ("vllm:m", {}, "Known: 'hf', 'openai', 'scripted'"),
        ("./my-model", {}, "write hf:./my-model."),
        ("", {}, "expected KIND:NAME"),
        ("openai:", {}, "expected a name behind 'openai:'"),
        ("openai:@http://h/v1", {}, "model's name"),
        ("scripted:orcale", {}, "Nearest known: 'oracle'"),
        ("scripted:oracle", {"base_url": "http://h"}, "no option 'base_url'"),
        ("openai:m", {"time_out": 3}, "Nearest known: 'timeout'"),
        ("openai:m", {"model": "n"}, "no option 'model'"),
        ("openai:m", {"api": "chatt"}, "Nearest known: 'chat'"),
    ],
)
def test_what_cannot_be_is_refused(spec: str, options: dict, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        backend(spec, **options)
    assert says in str(refused.value)


def test_the_kinds_are_those_of_the_documentation() -> None:
    assert list(KINDS) == ["scripted", "openai", "hf"]
