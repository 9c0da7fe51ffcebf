"""Banded decoding against decoding without a band, a full forward pass with a mask, and closed forms."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from algorism.errors import UsageError
from algorism.evaluation import banded
from algorism.evaluation.banded import BandedReader, band_error
from algorism.evaluation.decoding import generate
from algorism.evaluation.reader import Reader
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.tasks import Problems, task
from algorism.text import format_by_name
from algorism.text.indices import indexing_by_name
from algorism.training import load_recipe, train
from algorism.training.material import make_tokenizer

VOCAB = 16
RECIPE = Path(__file__).parents[1] / "recipes" / "add-long.yaml"


def small_model(positions: str = "clip2+penalty", seed: int = 3, **changes) -> Transformer:
    shape = {"vocab": VOCAB, "context": 64, "layers": 2, "heads": 4, "width": 32, "positions": positions, "tie": False}
    model = Transformer(TransformerConfig(**shape | changes), seed=seed)
    with torch.no_grad():  # larger weights than initial ones, so that tokens differ and far ones matter
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in model.named_parameters():
            if "slope" in name:
                parameter.fill_(-4.0)
            elif "tau" in name:
                parameter.fill_(0.3)
            elif parameter.dim() == 2:
                parameter.mul_(8)
            elif "position" in name:
                parameter.normal_(0, 0.5, generator=generator)
    return model.eval()


def coupled(n: int, digits: int, room: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Prompts of sums, and the `coupled` index of their tokens and of `room` more."""
    problems = task("addition", digits=(digits, digits)).sample(n, seed=digits)
    texts = format_by_name("pad+reverse+dollar").write(problems)
    encoded = make_tokenizer("char", "0123456789+=$").encode_texts(texts)
    prompts = [encoded.ids_nt[i, :p].astype(np.int64) for i, p in enumerate(encoded.prompt_n)]
    return prompts, list(indexing_by_name("coupled").of(texts, len(prompts[0]) + room))


def scattered(n: int, length: int, room: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Prompts with indices in no order, some of them equal, each row its own."""
    rng = np.random.default_rng(seed)
    prompts = list(rng.integers(0, VOCAB, (n, length)))
    return prompts, list(rng.integers(0, 25, (n, length + room)))


SHAPES = [
    {"positions": "clip2+penalty", "layers": 1},
    {"positions": "clip2+penalty", "norm": "rms"},
    {"positions": "rope", "activation": "swiglu"},
    {"positions": "learned+alibi", "layers": 1},
    {"positions": "sinusoidal", "bias": True},
    {"positions": "none"},
    {"positions": "fire", "layers": 3},
    {"positions": "window4", "loops": 2, "layers": 1},
    {"positions": "clip3+tempered", "loops": 2, "norm": "rms", "norm_place": "both"},
]


@pytest.mark.parametrize("changes", SHAPES, ids=str)
@pytest.mark.parametrize("numbering", ["places", "coupled", "scattered"])
def test_a_band_that_holds_all_keys_changes_nothing(changes, numbering, monkeypatch):
    monkeypatch.setattr(banded, "WIDER", 5)  # passes of several lengths, single positions among them
    model = small_model(**changes)
    prompts, indices = coupled(9, 7, 12) if numbering == "coupled" else scattered(9, 17, 12)
    indices = None if numbering == "places" else indices
    for stop in ((3, 7), ()):
        plain = generate(model, prompts, max_new=12, indices=indices, stop=stop)
        ours = generate(model, prompts, max_new=12, indices=indices, stop=stop, band=1000)
        assert [list(line) for line in ours] == [list(line) for line in plain]
    assert len({tuple(line) for line in ours}) > 1
    whole, places = torch.from_numpy(np.stack(prompts)), torch.arange(17 + 12)
    index = places if indices is None else torch.from_numpy(np.stack(indices))
    model.double()  # in float32 sums in another order differ by more than the tolerance
    with torch.inference_mode():
        readings = Reader(model, 9, 29), BandedReader(model, 9, index, 1000)
        for a, b in ((0, 6), (6, 7), (7, 17)):
            got = [reading(whole[:, a:b], index[..., a:b]) for reading in readings]
            torch.testing.assert_close(got[0], got[1], atol=1e-6, rtol=1e-6)


def masked_greedy(model: Transformer, prompt: np.ndarray, index: np.ndarray, band: int, max_new: int) -> list[int]:
    """One prompt, the whole text again for each token, every layer's far keys masked in a full matrix."""
    of_scheme = model.position.bias

    def bias(layer, query, key):
        far_ts = (query[:, None] - key[None, :]).abs() > band
        mask_ts = torch.zeros(far_ts.shape).masked_fill(far_ts, float("-inf"))
        found = of_scheme(layer, query, key)
        return mask_ts[None] if found is None else found + mask_ts

    ids, new = list(prompt), []
    model.position.bias = bias
    try:
        with torch.no_grad():
            for _ in range(max_new):
                new.append(int(model(torch.tensor([ids]), positions=torch.tensor(index[: len(ids)]))[0, -1].argmax()))
                ids.append(new[-1])
    finally:
        del model.position.bias
    return new


@pytest.mark.parametrize("changes", SHAPES, ids=str)
@pytest.mark.parametrize(("band", "wider"), [(2, 256), (5, 3)])
def test_a_narrow_band_equals_a_mask_over_all_keys(changes, band, wider, monkeypatch):
    monkeypatch.setattr(banded, "WIDER", wider)
    model, places = small_model(**changes), [np.arange(27)] * 4
    for prompts, indices in (coupled(4, 7, 10), scattered(4, 17, 10), (scattered(4, 17, 10)[0], None)):
        ours = generate(model, prompts, max_new=10, indices=indices, band=band)
        for prompt, index, line in zip(prompts, indices or places, ours, strict=True):
            assert list(line) == masked_greedy(model, prompt, index, band, 10)


def test_a_band_over_places_is_the_window_scheme():
    """The scheme `window` masks by the same rule inside the model; both must give one function."""
    with_window, without = small_model("alibi+window3"), small_model("alibi")
    without.load_state_dict(with_window.state_dict())
    prompts = [np.random.default_rng(n).integers(0, VOCAB, n) for n in (1, 2, 2, 5, 9, 30, 30)]
    ours = generate(without, prompts, max_new=15, band=3)
    assert [list(x) for x in ours] == [list(x) for x in generate(with_window, prompts, max_new=15)]


@pytest.mark.parametrize("scatter", [False, True])
def test_threads_stops_and_sampling_are_those_of_generate(scatter, monkeypatch):
    monkeypatch.setattr(banded, "SMALLEST_SHARE", 8)
    model, before = small_model(), torch.get_num_threads()
    prompts, indices = scattered(70, 11, 20) if scatter else coupled(70, 4, 20)
    settings = {"max_new": 20, "indices": indices, "band": 2}
    alone = [generate(model, [p], **settings | {"indices": [i]})[0] for p, i in zip(prompts, indices, strict=True)]
    stop = {int(line[4]) for line in alone[:3]}
    cut = [list(itertools.takewhile(lambda token: token not in stop, line)) for line in alone]
    assert len({len(line) for line in cut}) > 2  # rows leave the batch on the way
    sampled = []
    try:
        for threads, batch in ((1, 512), (2, 512), (2, 20)):
            torch.set_num_threads(threads)
            ours = generate(model, prompts, stop=stop, batch=batch, **settings)
            assert [list(line) for line in ours] == cut
            sampled.append(generate(model, prompts, temperature=1.0, seed=4, batch=batch, **settings))
    finally:
        torch.set_num_threads(before)
    for others in sampled[1:]:
        assert [list(line) for line in others] == [list(line) for line in sampled[0]]


def test_hooks_are_obeyed_and_the_model_is_left_as_it_was():
    model, (prompts, indices) = small_model(), coupled(9, 5, 6)
    free = generate(model, prompts, max_new=6, indices=indices, band=50)
    handle = model.blocks[0].attention.heads_out.register_forward_hook(lambda *args: args[2] * 0)
    hooked = [generate(model, prompts, max_new=6, indices=indices, band=band) for band in (None, 50)]
    handle.remove()
    assert [list(line) for line in hooked[0]] == [list(line) for line in hooked[1]]
    assert any(not np.array_equal(a, b) for a, b in zip(free, hooked[1], strict=True))
    assert "bias" not in vars(model.position)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_token_is_given_as_many_keys_after_a_long_text_as_after_a_short_one(layers, monkeypatch):
    given, append = [], banded.BandedCache.append

    def counted(cache, *args):
        keys, values = append(cache, *args)
        given.append(keys.shape[2])
        return keys, values

    monkeypatch.setattr(banded.BandedCache, "append", counted)
    monkeypatch.setattr(banded, "WIDER", 20)
    model, most = small_model(layers=layers), []
    for digits in (60, 600):
        prompts, indices = coupled(2, digits, 20)
        given.clear()
        generate(model, prompts, max_new=20, indices=indices, band=8)
        most.append((max(given), max(given[-10:])))
    band = 3 * (2 * 8 + 1) + 3  # both operands, the answer, and the three marks
    assert most[0][1] == most[1][1] <= band
    assert max(most[0][0], most[1][0]) <= 2 * (band + 20)  # reading the prompt: so many for several positions together


def test_the_error_of_a_band_in_closed_form():
    """Without queries, keys and positions attention is uniform; with a penalty alone it is a geometric series."""
    text, n, width = [[1] * 40], 40, 5
    model = small_model("none", layers=1)
    with torch.no_grad():
        model.blocks[0].attention.qkv.weight.zero_()
    assert band_error(model, text, width) == pytest.approx(1 - (width + 1) / n, abs=1e-6)
    assert band_error(model, text, width, first=20) == pytest.approx(1 - (width + 1) / n, abs=1e-6)
    assert band_error(model, [[1] * 21, [1] * 9], width) == pytest.approx(1 - (width + 1) / 21, abs=1e-6)
    steep = small_model("penalty", layers=1)
    with torch.no_grad():
        steep.blocks[0].attention.qkv.weight.zero_()
        steep.position.reset(torch.Generator(), 0.0)  # slope 1
    weights = np.exp(-np.arange(n, dtype=float))
    expected = weights[width + 1 :].sum() / weights.sum()
    assert band_error(steep, text, width) == pytest.approx(expected, rel=1e-4)
    spread = np.arange(n) * 3
    weights = np.exp(-spread.astype(float))
    assert band_error(steep, text, width, indices=[spread]) == pytest.approx(
        weights[2:].sum() / weights.sum(), rel=1e-4
    )


@pytest.mark.parametrize("positions", ["rope+tempered", "window3", "fire"])
def test_the_error_of_a_band_is_what_the_model_pays_to_far_keys(positions):
    """Two layers: where the model's own attention ends up, read from values that mark one key each."""
    model = small_model(positions, heads=1, width=32, layers=2)
    with torch.no_grad():  # far from all or nothing, so that a wrong logit shows
        for block in model.blocks:
            block.attention.qkv.weight.mul_(0.3)
    text = np.random.default_rng(1).integers(0, VOCAB, 30)
    seen: list[torch.Tensor] = []

    def marked(attention, args, y_btm):
        _, at, _, layer, first = args
        cache = Marks()
        with torch.no_grad():
            hook = attention.heads_out.register_forward_hook(lambda _m, _i, y_bthd: seen.append(y_bthd[0, :, 0]))
            type(attention).forward(attention, args[0], at, cache, layer, first)
            hook.remove()
        return y_btm

    class Marks:
        """A cache that replaces the values by an identity matrix: the attention's output is its weights."""

        def append(self, _layer, k_bhtd, v_bhtd):
            return k_bhtd, torch.eye(32)[: v_bhtd.shape[2]][None, None]

    for block in model.blocks:
        block.attention.register_forward_hook(marked)
    with torch.no_grad():
        model(torch.from_numpy(text)[None])
    for block in model.blocks:
        block.attention._forward_hooks.clear()
    weights_lts = torch.stack(seen)[:, :, :30]
    assert torch.allclose(weights_lts.sum(-1), torch.ones(2, 30), atol=1e-5)
    far_ts = (torch.arange(30)[:, None] - torch.arange(30)).abs() > 2
    expected = float((weights_lts * far_ts).sum(-1).max())
    assert 0.01 < expected < 0.99
    assert band_error(model, [text], 2) == pytest.approx(expected, abs=1e-5)
    assert model(torch.from_numpy(text)[None]).requires_grad  # hooks and gradients as before


@pytest.mark.parametrize("band", [-1, 2.5, True])
def test_impossible_bands_are_refused(band):
    with pytest.raises(UsageError, match="band: expected a whole number of at least 0"):
        generate(small_model(), [[1]], max_new=1, band=band)
    with pytest.raises(UsageError, match="whole number"):
        band_error(small_model(), [[1]], band)


def test_what_cannot_be_banded_or_measured_is_refused():
    with pytest.raises(UsageError, match="tempered-total"):
        generate(small_model("none+tempered-total"), [[1, 2]], max_new=1, band=3)
    with pytest.raises(UsageError, match="more than 2 tokens"):
        band_error(small_model(), [[1, 2]], 1, first=2)
    assert generate(small_model(), [], max_new=3, band=1) == []


def test_the_command_names_its_band(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    from algorism.cli import app

    train(load_recipe(RECIPE).replace(training__steps=3, training__validate_every=0, task__test=20), tmp_path / "run")
    arguments = ["lengths", str(tmp_path / "run"), "--lengths", "30", "-n", "4", "--band", "6"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "band 6" in " ".join(shown.output.split())
    (section,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert section["band"] == 6
    (section,) = json.loads(CliRunner().invoke(app, [*arguments[:-2], "--json"]).output)
    assert section["band"] is None


def test_sums_of_500_digits_are_asked_and_graded_within_a_band() -> None:
    """Answers of a network that learned nothing are graded as such; the answers' text is as long as the sums'."""
    from algorism.evaluation import evaluate

    run = train(load_recipe(RECIPE).replace(training__steps=3, training__validate_every=0, task__test=20))
    m = run.material
    numbers = [10**500 - 1, 10**499]
    found = evaluate(run.model, m.format, m.tokenizer, Problems.of("+", numbers, [1, 0]), indexing=m.indexing, band=4)
    assert found.gold == ["1" + "0" * 500, "1" + "0" * 499]
    assert found.settings["band"] == 4
    assert not found.correct_n.any()
