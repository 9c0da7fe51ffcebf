"""Hidden states against those of transformers, probes against labels whose answer is known."""

import numpy as np
import pytest
import torch

from algorism.errors import DataError
from algorism.interpretability import (
    importance,
    layer_states,
    probe,
    probe_layers,
    random_masks,
    span_states,
    specific,
    transfer,
    without,
)
from algorism.interpretability.probes import _parts
from algorism.models import Transformer, TransformerConfig
from algorism.models.export import export
from algorism.tasks.street import SENTENCES, TOLERANCES, base_rate, in_words, mention, near_multiple
from algorism.text import CharTokenizer


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One network as ours and as transformers loads it, and its tokenizer there."""
    import transformers

    folder = tmp_path_factory.mktemp("hf") / "llama"
    tokenizer = CharTokenizer("ascii")
    config = TransformerConfig(
        vocab=tokenizer.vocab_size, context=64, layers=3, heads=2, width=16, positions="rope", norm="rms",
        activation="swiglu",
    )  # fmt: skip
    ours = Transformer(config, seed=1).eval()
    export(ours, folder, tokenizer)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return ours, theirs, transformers.AutoTokenizer.from_pretrained(folder)


def test_states_are_those_of_transformers(pair):
    ours, theirs, _ = pair
    ids = torch.randint(1, 90, (4, 9), generator=torch.Generator().manual_seed(0))
    a, b = layer_states(ours, ids), layer_states(theirs, ids)
    assert a.shape == b.shape == (4, 4, 9, 16)
    torch.testing.assert_close(a[:-1], b[:-1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.norm(a[-1]), b[-1], atol=1e-4, rtol=1e-4)  # theirs have passed the norm


def test_looped_layers_give_a_state_for_every_pass():
    model = Transformer(TransformerConfig(vocab=9, context=8, layers=2, heads=2, width=8, loops=2))
    assert layer_states(model, torch.tensor([[1, 2, 3]])).shape == (5, 1, 3, 8)


def test_span_states_are_means_over_the_tokens_of_the_number(pair):
    ours, theirs, tokenizer = pair
    found = [mention(n, s) for n, s in ((7, 0), (4321, 3), (98, 8))]
    spans = [(m.start, m.end) for m in found]
    states = span_states(theirs, tokenizer, [m.text for m in found], spans, batch=2)
    assert states.shape == (4, 3, 16)
    for row, m in enumerate(found):
        ids = torch.tensor([tokenizer(m.text)["input_ids"]])  # one character a token: places are indices
        alone = layer_states(ours, ids)[:-1, 0, m.start : m.end].mean(1)
        np.testing.assert_allclose(states[:-1, row], alone.numpy(), atol=1e-4)
    with pytest.raises(DataError, match="no token covers"):
        span_states(theirs, tokenizer, ["ab"], [(2, 3)])
    with pytest.raises(DataError, match="one for each"):
        span_states(theirs, tokenizer, ["ab"], [])


def test_near_multiples_by_looking_at_all_multiples():
    numbers = np.arange(600)
    for k, tolerance in TOLERANCES.items():
        multiples = np.arange(0, 700, k)
        distance = np.abs(numbers[:, None] - multiples).min(1)
        assert (near_multiple(numbers, k) == (distance <= tolerance)).all()
    # The base rates of the paper's k = 2 to 10.
    assert [round(base_rate(k), 2) for k in TOLERANCES] == [0.5, 0.67, 0.75, 0.6, 0.5, 0.57, 0.62, 0.67, 0.7]


def test_words_are_read_back_by_the_grader():
    from algorism.evaluation import grade

    for number in [*range(130), 900, 1000, 1001, 2020, 3115, 7305, 9999]:
        assert grade(in_words(number), number, level="lenient").correct, in_words(number)
    m = mention(7305, 4, "words")
    assert m.text[m.start : m.end] == in_words(7305)
    assert m.text == SENTENCES[4].format(in_words(7305))


def states_with_a_layer_that_knows(n=600, layers=4, knows=2, seed=0):
    rng = np.random.default_rng(seed)
    number_n = rng.integers(0, 200, n)
    label_n = near_multiple(number_n, 2)
    x = rng.normal(size=(layers, n, 6))
    x[knows:, :, 3] += 4.0 * label_n
    return x, label_n, number_n


def test_the_layer_that_knows_is_found():
    x, label, number = states_with_a_layer_that_knows()
    found = probe_layers(x, label, number)
    assert found.best >= 2
    assert found.first_within(0.03) == 2
    assert found.chosen.accuracy > 0.93
    assert all(p.accuracy < 0.65 for p in found.layers[:2])
    assert sum(p.n for p in found.layers[:1]) + found.validation[0].n == len(label)


def test_shuffled_labels_tell_nothing():
    x, label, number = states_with_a_layer_that_knows()
    shuffled = np.random.default_rng(1).permutation(label)
    assert abs(probe_layers(x, shuffled, number).chosen.gain) < 0.1


def test_groups_are_never_on_both_sides():
    """Labels by number at random: features that name the number tell everything, unless numbers are kept apart."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(60), 10)
    label = rng.random(60)[number] > 0.5
    x = np.eye(60)[number]
    assert probe(x, label).accuracy > 0.99
    assert probe(x, label, number).accuracy < 0.7
    parts = _parts(number, 5, 0)
    assert all(len(set(parts[number == g])) == 1 for g in range(60))
    assert sorted(np.bincount(parts)) == [120] * 5


def test_transfer_and_refusals():
    x, label, _ = states_with_a_layer_that_knows(seed=3)
    other, truth, _ = states_with_a_layer_that_knows(seed=4)
    assert transfer(x[3], label, other[3], truth).accuracy > 0.93
    with pytest.raises(DataError, match="both labels"):
        probe(x[0], np.ones(len(label)))
    with pytest.raises(DataError, match="folds"):
        probe(x[0], label, np.zeros(len(label)))
    with pytest.raises(DataError, match="finite"):
        probe(x[0], label[:-1])


def test_importance_is_the_sum_over_texts_of_weight_times_norm():
    model = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    found = importance(model, [ids[:1], ids[1:]])
    assert set(found) == {"1", "3"}
    embedding, weight = model[0].weight.detach(), model[1].weight.detach()
    for out in range(3):
        for into in range(4):
            norms = [sum(embedding[i, into] ** 2 for i in row) ** 0.5 for row in ids.tolist()]
            assert found["1"][out, into] == pytest.approx(float(abs(weight[out, into]) * sum(norms)), rel=1e-4)
    together = importance(model, [ids])
    torch.testing.assert_close(together["3"], found["3"])


def test_masks_and_putting_back():
    model = Transformer(TransformerConfig(vocab=9, context=8, layers=2, heads=2, width=8))
    generator = torch.Generator().manual_seed(0)
    a, b = (importance(model, [torch.randint(0, 9, (5, 6), generator=generator)]) for _ in range(2))
    masks = specific(a, None, 0.25)
    assert not any("head" in name or "embed" in name for name in masks)
    for name, mask in masks.items():
        kept = a[name][~mask].max()
        assert int(mask.sum()) == round(0.25 * mask.numel())
        assert a[name][mask].min() >= kept
    only = specific(a, b, 0.25)
    assert all(int((only[n] & specific(b, None, 0.25)[n]).sum()) == 0 for n in only)
    assert all(int(random_masks(masks, 1)[n].sum()) == int(m.sum()) for n, m in masks.items())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    with without(model, masks):
        assert all((dict(model.named_modules())[n].weight[m] == 0).all() for n, m in masks.items())
        with pytest.raises(RuntimeError), without(model, masks):
            raise RuntimeError
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
