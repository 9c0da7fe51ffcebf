"""Decoding against loops without a cache, against Hugging Face, and against probabilities computed by hand."""

import numpy as np
import pytest
import torch

from algorism.errors import ShapeError, UsageError
from algorism.evaluation import reader
from algorism.evaluation.blocks import compiled, read_blocks
from algorism.evaluation.decoding import generate, sample
from algorism.evaluation.prompts import shared_prefixes
from algorism.models.config import POSITIONS, TransformerConfig
from algorism.models.transformer import Transformer

VOCAB = 16


def small_model(positions: str = "learned", seed: int = 3, **changes) -> Transformer:
    config = TransformerConfig(
        **{"vocab": VOCAB, "context": 24, "layers": 2, "heads": 4, "width": 32, "positions": positions} | changes
    )
    model = Transformer(config, seed=seed)
    with torch.no_grad():  # weights of 0.02 give nearly constant outputs; larger ones make the tokens differ
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 or name.endswith("tau"):
                parameter.mul_(8)
    return model


def mixed_prompts(count: int = 24, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, VOCAB, size=rng.integers(1, 12)) for _ in range(count)]


def naive_greedy(model: Transformer, prompt: np.ndarray, max_new: int, stop: tuple[int, ...] = ()) -> list[int]:
    """One prompt at a time, the whole sequence again for each token."""
    ids, new = list(prompt), []
    with torch.no_grad():
        for _ in range(max_new):
            token = int(model(torch.tensor([ids]))[0, -1].argmax())
            if token in stop:
                break
            ids.append(token)
            new.append(token)
    return new


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("batch", [3, 512])
def test_greedy_equals_a_loop_without_cache(positions, batch):
    model = small_model(positions)
    prompts = mixed_prompts()
    ours = generate(model, prompts, max_new=9, batch=batch)
    assert [list(line) for line in ours] == [naive_greedy(model, prompt, 9) for prompt in prompts]
    assert len({tuple(line) for line in ours}) > 10  # the model does not say the same thing to everyone


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": True},
        {"norm": "rms", "activation": "swiglu", "positions": "rope", "tie": False},
        {"activation": "gelu_tanh", "bias": True},
        {"activation": "relu", "norm": "rms"},
        {"activation": "silu", "bias": True, "norm": "rms"},
        {"loops": 3},
        {"loops": 2, "positions": "clip2+tempered", "norm": "rms", "norm_place": "both"},
        {"norm_place": "both", "bias": True},
        {"positions": "none+tempered"},
        {"positions": "none+tempered-total"},
        {"positions": "alibi+logn3"},
    ],
)
def test_greedy_equals_a_loop_for_other_shapes(changes):
    model = small_model(**changes)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(len(name)))
    prompts = mixed_prompts(20)
    ours = generate(model, prompts, max_new=6)
    assert [list(line) for line in ours] == [naive_greedy(model, prompt, 6) for prompt in prompts]


@pytest.mark.parametrize("positions", POSITIONS)
def test_plain_models_take_the_fast_path(positions):
    model = small_model(positions)
    assert reader.readable(model)
    model.blocks[0].mlp.up = torch.nn.Sequential(model.blocks[0].mlp.up)
    assert not reader.readable(model)


@pytest.mark.parametrize("rows", [3, 80, 300])  # below and above the thresholds of the fused forms
@pytest.mark.parametrize(
    "changes",
    [
        {"bias": True},
        {"activation": "gelu_tanh"},
        {"activation": "relu", "norm": "rms", "bias": True},
        {"norm": "rms", "activation": "swiglu", "positions": "rope"},
        {"positions": "alibi", "activation": "silu"},
        {"positions": "none+tempered"},
        {"positions": "learned+tempered-total"},
        {"positions": "rope+logn5", "loops": 2},
        {"loops": 3, "layers": 1, "positions": "clip2+tempered", "norm_place": "both", "norm": "rms"},
        {"norm_place": "both", "bias": True},
    ],
)
def test_reader_equals_the_model_compiled_or_not(rows, changes, monkeypatch):
    model = small_model(**changes).eval()
    ids = torch.randint(0, VOCAB, (rows, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        want = {end: model(ids[:, : end + 1])[:, -1] for end in (6, 7, 18, 19)}
    assert compiled() is not read_blocks
    for compile_it in (compiled, lambda: read_blocks):
        monkeypatch.setattr(reader, "compiled", compile_it)
        with torch.inference_mode():
            reading = reader.Reader(model, rows, 20)
            got = [reading(part) for part in (ids[:, :7], ids[:, 7:8], ids[:, 8:19], ids[:, 19:])]
            for (_, want_bv), logits_bv in zip(want.items(), got, strict=True):
                torch.testing.assert_close(logits_bv, want_bv, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("worth", [1, 20, 10_000])
def test_shared_prefixes_read_every_prompt_once(worth):
    rng = np.random.default_rng(worth)
    for _ in range(40):
        prompts = rng.integers(0, rng.integers(1, 4), (int(rng.integers(1, 50)), int(rng.integers(1, 9))))
        held, start = [()], 0
        for end, first, parent in shared_prefixes(prompts, worth):
            held = [held[p] + tuple(prompts[row, start:end]) for row, p in zip(first, parent, strict=True)]
            start = end
        assert held == [tuple(row) for row in prompts]


def test_prompts_that_share_their_beginning_are_answered_as_if_alone():
    model = small_model()
    shots = np.random.default_rng(2).integers(0, VOCAB, 9)
    prompts = [np.concatenate([shots, tail]) for tail in np.random.default_rng(3).integers(0, VOCAB, (300, 4))]
    ours = generate(model, prompts, max_new=5)
    assert [list(line) for line in ours[:40]] == [naive_greedy(model, prompt, 5) for prompt in prompts[:40]]


def test_a_hook_on_the_heads_is_obeyed():
    model, prompts = small_model(), mixed_prompts(20)

    def silence(_module, _inputs, y_bthd):
        y_bthd = y_bthd.clone()
        y_bthd[:, :, 1] = 0
        return y_bthd

    free = generate(model, prompts, max_new=6)
    handle = model.blocks[0].attention.heads_out.register_forward_hook(silence)
    ours = generate(model, prompts, max_new=6)
    assert [list(line) for line in ours] == [naive_greedy(model, prompt, 6) for prompt in prompts]
    assert any(not np.array_equal(a, b) for a, b in zip(free, ours, strict=True))
    handle.remove()
    assert all(np.array_equal(a, b) for a, b in zip(free, generate(model, prompts, max_new=6), strict=True))


def test_threads_change_nothing_and_their_number_comes_back():
    model, before = small_model(), torch.get_num_threads()
    prompts = list(np.random.default_rng(0).integers(0, VOCAB, (200, 9)))
    answers = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            answers.append(np.stack(generate(model, prompts, max_new=7)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_stop_ids_end_a_continuation_and_are_left_out():
    model = small_model()
    prompts = mixed_prompts(60)
    free = generate(model, prompts, max_new=10)
    stop = tuple(int(line[3]) for line in free[:4])
    ours = generate(model, prompts, max_new=10, stop=stop)
    assert [list(line) for line in ours] == [naive_greedy(model, prompt, 10, stop) for prompt in prompts]
    assert {len(line) for line in ours} >= {0, 10}  # some stop at once, some never: rows left the batch on the way


def test_sampling_is_reproducible_and_independent_of_the_batch():
    model = small_model()
    prompts = mixed_prompts(50)
    settings = {"max_new": 8, "temperature": 1.3, "stop": (0,)}
    one = generate(model, prompts, seed=5, batch=512, **settings)
    for other in (
        generate(model, prompts, seed=5, batch=1, **settings),
        generate(model, prompts, seed=5, batch=7, **settings),
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    different = generate(model, prompts, seed=6, **settings)
    assert any(not np.array_equal(a, b) for a, b in zip(one, different, strict=True))


def test_sampling_does_not_touch_the_global_generator():
    model = small_model()
    before = torch.random.get_rng_state()
    generate(model, [[1, 2]], max_new=3, temperature=1.0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_sample_follows_the_probabilities():
    logits = torch.tensor([0.1, 2.0, -1.0, 0.7])
    grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    for temperature, top_k in ((1.0, None), (0.5, None), (2.0, 2)):
        got = sample(logits.expand(len(grid), -1), temperature, top_k, grid).bincount(minlength=4).numpy() / len(grid)
        weight = np.exp(logits.numpy().astype(float) / temperature)
        if top_k:
            weight[np.argsort(weight)[:-top_k]] = 0
        np.testing.assert_allclose(got, weight / weight.sum(), atol=2e-5)


def test_top_1_and_low_temperature_are_greedy():
    model, prompts = small_model(), mixed_prompts(20)
    greedy = generate(model, prompts, max_new=5)
    for settings in ({"temperature": 1.0, "top_k": 1}, {"temperature": 1e-4}):
        sampled = generate(model, prompts, max_new=5, **settings)
        assert all(np.array_equal(a, b) for a, b in zip(greedy, sampled, strict=True))


def test_dropout_is_off_while_decoding_and_the_mode_comes_back():
    model = small_model(dropout=0.5)
    model.train()
    assert all(
        np.array_equal(a, b)
        for a, b in zip(generate(model, [[1, 2, 3]], max_new=8), generate(model, [[1, 2, 3]], max_new=8), strict=True)
    )
    assert model.training


def test_a_continuation_that_does_not_fit_says_the_needed_context():
    with pytest.raises(ShapeError, match="need a context of 26, but the model has 24"):
        generate(small_model(), [[1] * 20], max_new=6)
    assert len(generate(small_model("rope"), [[1] * 20], max_new=6)[0]) == 6  # no table to run out of


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ShapeError, {"prompts": [[1], []], "max_new": 2}),
        (UsageError, {"prompts": [[1]], "max_new": 0}),
        (UsageError, {"prompts": [[1]], "max_new": 1, "temperature": -1.0}),
        (UsageError, {"prompts": [[1]], "max_new": 1, "batch": 0}),
        (UsageError, {"prompts": [[1]], "max_new": 1, "temperature": 1.0, "top_k": 0}),
    ],
)
def test_impossible_requests_are_refused(error, arguments):
    with pytest.raises(error):
        generate(small_model(), **arguments)


def test_no_prompts_give_no_continuations():
    assert generate(small_model(), [], max_new=3) == []
