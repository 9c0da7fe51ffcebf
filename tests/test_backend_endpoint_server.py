"""A model of ours behind `transformers serve`: the same answers as in this process."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from algorism.errors import UsageError
from algorism.evaluation.backends.endpoint import Endpoint
from algorism.evaluation.backends.huggingface import HuggingFace
from algorism.evaluation.backends.protocol import Message, Reply, Request, Sampling
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question
from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.text import CharTokenizer

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("openai")
serve = pytest.importorskip("transformers.cli.serve")
server = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("_served.py"))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with large random weights, so that its answers differ."""
    place = tmp_path_factory.mktemp("served") / "model"
    tokenizer = CharTokenizer("0123456789+=$ \n;")
    model = Transformer(TransformerConfig(vocab=tokenizer.vocab_size, context=48, layers=2, heads=2, width=32), seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(8)
    export(model, place, tokenizer)
    (place / "chat_template.jinja").write_text(server.TEMPLATE)
    return place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The address of a server that serves it."""
    with server.served(folder, serve) as address:
        yield address


def answers(outcomes) -> dict[str, tuple[str, str, int | None]]:
    outcomes = list(outcomes)
    assert all(isinstance(outcome, Reply) for outcome in outcomes), outcomes
    return {reply.key: (reply.text, reply.finish, reply.tokens) for reply in outcomes}


@pytest.mark.parametrize("api", ["completions", "chat"])
def test_answers_are_those_of_the_same_model_in_this_process(folder: Path, url: str, api, tmp_path: Path) -> None:
    questions = [Question(f"q{i}", f"{i}+{37 * i}=", str(38 * i)) for i in range(24)]
    sampling = Sampling(max_tokens=12)
    there = interview(
        Endpoint(str(folder), url, api=api, concurrency=4), questions, tmp_path / "there", sampling=sampling
    )
    here = interview(HuggingFace(folder, chat=api == "chat"), questions, tmp_path / "here", sampling=sampling)
    assert not there.failures
    assert answers(a.reply for a in there.answers) == answers(a.reply for a in here.answers)
    assert len({a.reply.text for a in there.answers}) > 5


def test_sampled_answers_and_a_model_that_is_not_there(folder: Path, url: str) -> None:
    talk = (Message("user", "1+1="),)
    asked = [Request("a", talk, sample, seed=sample) for sample in range(4)]
    got = list(Endpoint(str(folder), url).generate(asked, Sampling(max_tokens=5, temperature=1.0, top_p=0.9)))
    assert sorted(reply.sample for reply in got) == [0, 1, 2, 3]
    assert all(isinstance(reply, Reply) for reply in got), got
    many = [Request(f"q{i}", "1+1=") for i in range(50)]
    with pytest.raises(UsageError, match="pinned to"):
        list(Endpoint("another", url).generate(many, Sampling()))
