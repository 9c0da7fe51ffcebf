"""Tempered attention, looped blocks and norms on both sides: what formulas and equalities elsewhere do not show."""

import math

import numpy as np
import pytest
import torch

from algorism.errors import ShapeError, UsageError
from algorism.evaluation import reader
from algorism.evaluation.decoding import generate
from algorism.models.config import TransformerConfig
from algorism.models.export import exportable
from algorism.models.positions import make_scheme
from algorism.models.transformer import Cache, Transformer
from algorism.training.learner import Learner
from algorism.training.recipe import TrainingRecipe, parse_recipe

SHAPE = {"vocab": 11, "context": 16, "layers": 2, "heads": 3, "width": 12}


def noisy(**changes) -> Transformer:
    """Every parameter random and large, in float64."""
    model = Transformer(TransformerConfig(**SHAPE | changes)).double().eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.5, 0.4, generator=generator)
    return model


def some_ids(rows: int = 3, t: int = 9) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, SHAPE["vocab"], (rows, t)))


def test_enough_sharpening_keeps_the_weight_of_one_key_at_every_length():
    """A logit ahead by Δ among n equal others: with β = 1 + τ·ln n its weight is 1 / (1 + (n − 1)·e^(−βΔ))."""
    scheme, lead = make_scheme(TransformerConfig(**SHAPE, positions="tempered")), 2.0
    with torch.no_grad():
        scheme.tau.fill_(1 / lead)  # then (n − 1) · e^(−βΔ) stays below e^(−Δ)
    seen = torch.tensor([1, 2, 20, 100, 10_000])
    for n, beta in zip(seen.tolist(), scheme.scale(1, seen)[2, :, 0].tolist(), strict=True):
        logits = torch.zeros(n, dtype=torch.float64)
        logits[0] = lead
        assert float((beta * logits).softmax(0)[0]) >= 1 / (1 + math.exp(-lead)) - 1e-6
        assert n < 20 or float(logits.softmax(0)[0]) < 0.3


def test_tau_starts_small_and_differs_by_layer_head_and_seed():
    config = TransformerConfig(**SHAPE | {"layers": 50, "heads": 6}, positions="learned+tempered")
    first, other = (Transformer(config, seed).position.parts[1].tau.detach() for seed in (0, 1))
    assert first.shape == (300,)
    assert 0.017 < float(first.std()) < 0.023  # three standard errors of a standard deviation
    assert len(set(first.tolist())) == 300
    assert not torch.equal(first, other)


def test_tau_is_not_decayed_and_is_trained():
    model = Transformer(TransformerConfig(**SHAPE, positions="none+tempered"))
    learner = Learner([model], TrainingRecipe(weight_decay=0.5))
    tau = model.position.parts[1].tau
    (group,) = [g for g in learner.optimizer.param_groups if any(p is tau for p in g["params"])]
    assert group["weight_decay"] == 0
    model(some_ids()).logsumexp(-1).sum().backward()
    assert (tau.grad != 0).all()


def test_the_number_of_keys_is_counted_and_not_read_off_the_index():
    model, ids = noisy(positions="none+tempered"), some_ids()
    index = torch.from_numpy(np.random.default_rng(1).integers(-3, 10_000, (3, 9)))
    with torch.no_grad():
        assert torch.equal(model(ids), model(ids, positions=index))


def test_only_the_total_makes_earlier_tokens_depend_on_the_length():
    ids = some_ids()
    for positions, same in (("tempered", True), ("logn3", True), ("tempered-total", False)):
        model = noisy(positions=positions)
        with torch.no_grad():
            assert torch.allclose(model(ids)[:, :5], model(ids[:, :5]), atol=1e-9) is same
            # the last query sees every key, so that in one layer the two ways of counting agree on it
            assert torch.isfinite(model(ids)).all()
    counted, total = (noisy(positions=p, layers=1) for p in ("tempered", "tempered-total"))
    with torch.no_grad():
        assert torch.allclose(counted(ids)[:, -1], total(ids)[:, -1], atol=1e-12)
        assert not torch.allclose(counted(ids)[:, 3], total(ids)[:, 3], atol=1e-3)


def test_a_cache_is_refused_where_earlier_tokens_change():
    model = noisy(positions="learned+tempered-total")
    with pytest.raises(UsageError, match="A cache cannot be used with positions 'learned\\+tempered-total'"):
        model(some_ids(), Cache(model.config, 3, dtype=torch.float64))


def test_qwens_scale():
    """As released: log of i to the base N beyond N, and 1 up to it."""
    scale = make_scheme(TransformerConfig(**SHAPE, positions="logn20")).scale(0, torch.arange(1, 200))
    want = [math.log(i, 20) if i > 20 else 1.0 for i in range(1, 200)]
    np.testing.assert_allclose(scale[0, :, 0].numpy(), want, rtol=1e-6)
    assert make_scheme(TransformerConfig(**SHAPE, positions="logn")).start == SHAPE["context"]
    with pytest.raises(UsageError, match="N of at least 2, got 1"):
        make_scheme(TransformerConfig(**SHAPE, positions="logn1"))


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": "none+tempered"},
        {"positions": "clip2+logn3+tempered", "loops": 2},
        {"positions": "tempered-total", "loops": 2},
        {"positions": "clip2+tempered", "norm_place": "both", "norm": "rms"},
        {"loops": 3, "norm_place": "both", "bias": True},
    ],
)
@pytest.mark.parametrize("numbered", [False, True])
def test_reading_token_by_token_equals_the_whole_text(changes, numbered):
    """In float64, where nothing hides behind rounding; rows are dropped and doubled on the way."""
    model, ids = noisy(**changes), some_ids(rows=5, t=16)
    index = torch.from_numpy(np.random.default_rng(1).integers(0, 16, (5, 16))) if numbered else None
    assert reader.readable(model)
    rows = torch.arange(5)
    with torch.inference_mode():
        reading, start = reader.Reader(model, 5, 16), 0
        for end in (3, 4, 5, 11, 12, 16):
            part = None if index is None else index[rows, start:end]
            got = reading(ids[rows, start:end], part)
            whole = model(ids[rows, :end], positions=None if index is None else index[rows, :end])[:, -1]
            torch.testing.assert_close(got, whole, atol=1e-6, rtol=1e-6)
            start = end
            if end in (4, 11):
                kept = torch.tensor([2, 0, 2])
                reading.keep_rows(kept)
                rows = rows[kept]


def test_greedy_decoding_with_the_total_reads_the_text_anew():
    model, prompts = noisy(positions="learned+tempered-total"), some_ids(rows=4, t=6)
    for prompt, line in zip(prompts.tolist(), generate(model, prompts.numpy(), max_new=8), strict=True):
        text = list(prompt)
        with torch.no_grad():
            for _ in range(8):
                text.append(int(model(torch.tensor([text]))[0, -1].argmax()))
        assert text[6:] == line.tolist()


def test_loops_share_their_weights_and_inject_the_input():
    """Against the blocks called one after another: x, B(x), B(B(x) + x)."""
    once, twice = noisy(), noisy(loops=2)
    assert {n: p.shape for n, p in once.named_parameters()} == {n: p.shape for n, p in twice.named_parameters()}
    ids = some_ids()
    for model in (once, twice):
        model.norm = torch.nn.Identity()
        model.embed.weight.data.copy_(torch.eye(11, 12))  # tied: logits are the first 11 numbers of the stream
    with torch.no_grad():
        embedded = once.embed(ids) + once.position.embed(torch.arange(9))
        x = embedded
        none = (None, None, None)
        for number in range(4):
            x = once.blocks[number % 2](x if number != 2 else x + embedded, none, None, number)
            if number == 1:
                torch.testing.assert_close(once(ids), x[..., :11])
        torch.testing.assert_close(twice(ids), x[..., :11])
    assert len(Cache(twice.config, 1).k_bhsd) == 4


def test_norms_on_both_sides_bound_what_a_sublayer_adds():
    model = Transformer(TransformerConfig(**SHAPE, norm="rms", norm_place="both"))
    block, x = model.blocks[0], torch.randn(2, 9, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        block.mlp.down.weight.mul_(1000)
        block.attention.out.weight.mul_(1000)
        added = block(x, (None, None, None), None, 0) - x
    assert float(added.square().mean(-1).sqrt().max()) <= 2.001  # two sublayers, each of root mean square 1


def test_the_embedding_may_have_a_spread_of_its_own():
    plain, wide = (Transformer(TransformerConfig(**SHAPE, tie=False, embed_std=std)) for std in (None, 1.0))
    for (name, one), (_, other) in zip(plain.named_parameters(), wide.named_parameters(), strict=True):
        factor = math.sqrt(12) / 0.4 if name == "embed.weight" else 1.0  # the same draws, another spread
        torch.testing.assert_close(one * factor, other)


def test_output_projections_start_smaller_the_more_often_they_are_added():
    plain, looped = (Transformer(TransformerConfig(**SHAPE, loops=loops)) for loops in (1, 4))
    for name in ("blocks.0.attention.out.weight", "blocks.1.mlp.down.weight"):
        torch.testing.assert_close(plain.get_parameter(name) / 2, looped.get_parameter(name))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loops": 2}, "model.loops: 2"),
        ({"norm_place": "both"}, "model.norm_place: 'both'"),
        ({"positions": "learned+tempered"}, "model.positions: 'learned+tempered'"),
        ({"positions": "rope+logn20", "norm": "rms", "activation": "swiglu"}, "model.positions: 'rope+logn20'"),
    ],
)
def test_what_transformers_has_not_is_not_exported(changes, words):
    config = {"vocab": 16, "context": 8, "heads": 4, "width": 64}
    assert exportable(TransformerConfig(**config)) is None
    assert (exportable(TransformerConfig(**config | changes)) or "").startswith(words)


def test_a_length_beyond_the_table_is_refused_with_every_addition():
    model = noisy(positions="learned+tempered", loops=2)
    with pytest.raises(ShapeError, match="sequence of 17 tokens does not fit a model with context 16"):
        model(some_ids(t=17))
    assert noisy(positions="none+tempered", loops=2)(some_ids(t=17)).shape == (3, 17, 11)


def test_recipes_know_the_new_settings():
    model = parse_recipe("model: {loops: 3, norm_place: both, embed_std: 1, positions: none+tempered}").model
    assert (model.loops, model.norm_place, model.embed_std) == (3, "both", 1.0)


def test_a_penalty_starts_where_its_name_says():
    for name, start in (("penalty", 1.0), ("penalty4", 4.0)):
        model = Transformer(TransformerConfig(**SHAPE, positions=name))
        index = torch.arange(5)
        bias_hts = model.position.bias(0, index, index).expand(3, 5, 5)
        torch.testing.assert_close(bias_hts, -start * (index[:, None] - index).abs().float().expand(3, 5, 5))
    with pytest.raises(UsageError, match="penalty4"):
        make_scheme(TransformerConfig(**SHAPE, positions="penalty0"))
