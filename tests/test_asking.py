"""Asking a network: what it is counted right for, with networks made to say a given text."""

import numpy as np
import pytest
import torch

from algorism.evaluation import asking, evaluate
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.tasks import task
from algorism.text import format_by_name
from algorism.training.material import make_tokenizer


def asked(form: str, says, monkeypatch: pytest.MonkeyPatch):
    """Evaluate on 40 sums a "network" that says `says(gold completion)` up to the stop character."""
    fmt = format_by_name(form)
    tokenizer = make_tokenizer("char", "ascii")
    problems = task("addition", digits=3).sample(40, seed=1)
    texts = fmt.write(problems)
    spoken = [says(text) for text in texts.completions()]

    def generate(_model, prompts, **_settings):
        return [np.array(tokenizer.encode(text.split("$")[0] if fmt.stop == "$" else text)) for text in spoken]

    monkeypatch.setattr(asking, "generate", generate)
    model = Transformer(TransformerConfig(vocab=tokenizer.vocab_size, context=8, layers=1, heads=1, width=4))
    return evaluate(model, fmt, tokenizer, problems)


@pytest.mark.parametrize("form", ["reverse", "pad+reverse+dollar", "simplified", "detailed"])
def test_the_right_completion_is_right_strictly(form, monkeypatch):
    found = asked(form, lambda text: text, monkeypatch)
    assert found.accuracy.value == found.strict.value == 1
    assert found.errors() == []


def test_wrong_working_before_a_right_answer_is_right_but_not_strictly(monkeypatch):
    found = asked("simplified", lambda text: text.replace("A->", "A-> ", 1), monkeypatch)
    assert found.accuracy.value == 1
    assert found.strict.value == 0
    assert found.records()[0]["correct"]
    assert not found.records()[0]["strict"]


def test_a_wrong_digit_is_wrong_both_ways(monkeypatch):
    swap = str.maketrans("0123456789", "1234567890")
    found = asked("reverse", lambda text: text.translate(swap), monkeypatch)
    assert found.accuracy.value == found.strict.value == 0
    assert len(found.errors()) == 40


def test_a_real_network_goes_all_the_way():
    torch.manual_seed(0)
    fmt, tokenizer = format_by_name("reverse"), make_tokenizer("char", "arithmetic")
    model = Transformer(TransformerConfig(vocab=tokenizer.vocab_size, context=20, layers=1, heads=1, width=8))
    found = evaluate(model, fmt, tokenizer, task("addition", digits=3).sample(30, seed=2))
    assert len(found.completions) == len(found.gold) == 30
    assert found.strict_n.sum() <= found.correct_n.sum()
