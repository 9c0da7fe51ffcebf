"""The check-up of a model behind a real server, killed in the middle: the same command again ends as if nothing was.

The tables are cut to a few rows, so that a server that takes one request after the other is done in seconds.
"""

import json
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from algorism.cli import app
from algorism.evaluation.checkup import contrasts, smallest_budget
from algorism.evaluation.checkup.arms import ARMS
from algorism.evaluation.checkup.probes import PROBES
from algorism.evaluation.records import read_record
from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.text import CharTokenizer

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("openai")
serve = pytest.importorskip("transformers.cli.serve")
server = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("_served.py"))))
program = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("_killed_served_checkup.py"))))


@pytest.fixture
def few(monkeypatch):
    """The tables as the killed program has them."""
    for table, kept in ((PROBES, program.KEPT_PROBES), (ARMS, program.KEPT_ARMS)):
        for name in set(table) - kept:
            monkeypatch.delitem(table, name)
    monkeypatch.setattr(contrasts, "CONTRASTS", program.KEPT_CONTRASTS)


@pytest.fixture
def folder(tmp_path):
    """A small model with large random weights, so that its answers differ."""
    tokenizer = CharTokenizer("ascii")
    config = TransformerConfig(vocab=tokenizer.vocab_size, context=640, layers=1, heads=1, width=16)
    model = Transformer(config, seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(8)
    export(model, tmp_path / "model", tokenizer)
    (tmp_path / "model" / "chat_template.jinja").write_text(server.TEMPLATE)
    return tmp_path / "model"


def texts(out):
    return {line.reply.key: (line.question, line.reply.text) for line in read_record(out / "answers.jsonl")[1]}


def test_a_killed_checkup_of_a_server_ends_as_one_that_was_not(few, folder, tmp_path):
    with server.served(folder, serve) as url:

        def command(out):
            return [f"openai:{folder}", "--base-url", url, "--budget", str(smallest_budget()), "--out", str(out)]

        def run(out):
            result = CliRunner().invoke(app, ["checkup", *command(out), "--json"])
            assert result.exit_code == 0, (result.output, result.exception)
            found = json.loads(result.stdout)
            assert Path(found.pop("page")).read_text().startswith("<!doctype html>")
            return found, found["method"].pop("new_requests")

        killed, whole = tmp_path / "killed", tmp_path / "whole"
        process = subprocess.Popen([sys.executable, program.__file__, *command(killed)], stdout=subprocess.DEVNULL)
        answers = killed / "answers.jsonl"
        deadline = time.monotonic() + 60
        while (answers.stat().st_size if answers.exists() else 0) < 20_000 and time.monotonic() < deadline:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(texts(killed))
        assert not (killed / "checkup.json").exists()
        continued, new = run(killed)
        uninterrupted, asked = run(whole)
    assert 30 < before < asked
    assert new == asked - before
    assert continued == uninterrupted
    assert texts(killed) == texts(whole)
    assert len({text for _, text in texts(whole).values()}) > 20
    assert continued["answers"]["failed"] == 0
    assert {probe["name"] for probe in continued["probes"]} == program.KEPT_PROBES
    again, new = run(whole)
    assert (again, new) == (uninterrupted, 0)
