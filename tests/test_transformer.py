"""The transformer against formulas written again as loops in float64, and against itself with a cache."""

import math

import numpy as np
import pytest
import torch

from algorism.errors import ShapeError, UsageError
from algorism.models.config import ACTIVATION_NAMES, POSITIONS, TransformerConfig, scheme_parts
from algorism.models.positions import alibi_slopes_h, rotary_angles, rotate, sinusoids
from algorism.models.transformer import Cache, Transformer, attend

TOTAL = "tempered-total"  # not causal, see tests/test_tempering.py
SCALES = ("tempered", TOTAL, "logn")  # know nothing of indices
PAIRS = ["clip2+penalty", "clip2+tempered"]
SHAPE = {"vocab": 11, "context": 16, "layers": 2, "heads": 3, "width": 12}


def noisy(**changes) -> Transformer:
    """Every parameter random and large, so that none can be left out unnoticed."""
    model = Transformer(TransformerConfig(**SHAPE | changes)).double().eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shift = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.normal_(shift, 0.4, generator=generator)
    return model


def some_ids(rows: int = 3, t: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, SHAPE["vocab"], (rows, t)))


def norm_by_hand(x: np.ndarray, weights: dict, name: str, kind: str) -> np.ndarray:
    if kind == "none":
        return x
    if kind == "rms":
        return x / math.sqrt((x**2).mean() + 1e-6) * weights[f"{name}.weight"]
    centred = x - x.mean()
    return centred / math.sqrt((centred**2).mean() + 1e-5) * weights[f"{name}.weight"] + weights.get(f"{name}.bias", 0)


def activation_by_hand(x: np.ndarray, kind: str) -> np.ndarray:
    one = {
        "gelu": lambda v: v * 0.5 * (1 + math.erf(v / math.sqrt(2))),
        "gelu_tanh": lambda v: 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
        "relu": lambda v: max(v, 0.0),
        "silu": lambda v: v / (1 + math.exp(-v)),
        "swiglu": lambda v: v / (1 + math.exp(-v)),
    }[kind]
    return np.array([one(float(v)) for v in x])


def turned_by_hand(x: np.ndarray, position: int, base: float) -> np.ndarray:
    """Rotate each pair (i, i + d/2) as a complex number."""
    half = len(x) // 2
    y = np.empty_like(x)
    for i in range(half):
        z = complex(x[i], x[i + half]) * np.exp(1j * position * base ** (-2 * i / len(x)))
        y[i], y[i + half] = z.real, z.imag
    return y


def bias_by_hand(w: dict, c: TransformerConfig, layer: int, h: int, query: int, key: int) -> float:
    """What each scheme adds to one attention logit, from its formula; all parts of a sum."""
    slopes = {1: [2**-8], 2: [2**-4, 2**-8], 3: [2**-4, 2**-8, 2**-2]}[c.heads]
    total = 0.0
    for number, (name, argument) in enumerate(scheme_parts(c.positions)):
        at = f"position.parts.{number}" if "+" in c.positions else "position"
        if name == "alibi":
            total -= slopes[h] * abs(query - key)
        if name == "penalty":
            total -= math.log1p(math.exp(w[f"{at}.slope"][layer, h, 0, 0])) * abs(query - key)
        if name == "clip":
            reach = 2 if argument is None else argument
            total += w[f"{at}.weight"][layer, h, min(max(key - query, -reach), reach) + reach]
        if name == "window" and abs(query - key) > (1 if argument is None else argument):
            total = -math.inf
        if name == "fire":
            c_, longest = abs(w[f"{at}.c"]) + 1e-6, max(query, abs(w[f"{at}.threshold"]))
            x = math.log(c_ * (query - key) + 1) / max(math.log(c_ * longest + 1), 1e-6)
            hidden = np.maximum(x * w[f"{at}.first"][0] + w[f"{at}.first_bias"], 0)
            total += float(hidden @ w[f"{at}.second"][:, h])
    return total


def scale_by_hand(w: dict, c: TransformerConfig, layer: int, h: int, seen: int, total: int) -> float:
    """What each scheme multiplies one query by, from its formula; all parts of a sum."""
    product = 1.0
    for number, (name, argument) in enumerate(scheme_parts(c.positions)):
        at = f"position.parts.{number}" if "+" in c.positions else "position"
        if name in ("tempered", "tempered-total"):
            tau = w[f"{at}.tau"][layer * c.heads + h]
            product *= 1 + tau * math.log(total if name == "tempered-total" else seen)
        if name == "logn":
            product *= max(1.0, math.log(seen) / math.log(c.context if argument is None else argument))
    return product


def logits_by_hand(model: Transformer, ids: list[int]) -> np.ndarray:
    """One row, one position, one head and one key at a time; NumPy and Python floats only."""
    c = model.config
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    m, d = c.width, c.width // c.heads
    schemes = [name for name, _ in scheme_parts(c.positions)]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0)

    def out(x: np.ndarray, name: str) -> np.ndarray:
        return norm_by_hand(x, w, name, c.norm) if c.norm_place == "both" else x

    xs = []
    for p, token in enumerate(ids):
        x = w["embed.weight"][token].copy()
        if "learned" in schemes:
            x += w["position.parts.0.weight" if len(schemes) > 1 else "position.weight"][p]
        if "tags" in schemes:
            x += model.position.table[p].numpy()
        if "sinusoidal" in schemes:
            for i in range(m):
                angle = p / 10_000 ** ((i - i % 2) / m)
                x[i] += math.cos(angle) if i % 2 else math.sin(angle)
        xs.append(x)
    embedded = [x.copy() for x in xs]
    for number in range(c.layers * c.loops):
        layer = number % c.layers
        block = f"blocks.{layer}"
        if number and layer == 0:
            xs = [x + again for x, again in zip(xs, embedded, strict=True)]
        rows = [linear(norm_by_hand(x, w, f"{block}.norm_attention", c.norm), f"{block}.attention.qkv") for x in xs]
        mixed = []
        for p in range(len(ids)):
            y = np.zeros(m)
            for h in range(c.heads):
                part = slice(h * d, (h + 1) * d)
                q = rows[p][:m][part]
                keys = [row[m : 2 * m][part] for row in rows[: p + 1]]
                if "rope" in schemes:
                    q = turned_by_hand(q, p, c.rope_base)
                    keys = [turned_by_hand(k, s, c.rope_base) for s, k in enumerate(keys)]
                q = q * scale_by_hand(w, c, layer, h, p + 1, len(ids))
                scores = [q @ k / math.sqrt(d) for k in keys]
                scores = [score + bias_by_hand(w, c, layer, h, p, s) for s, score in enumerate(scores)]
                shares = [math.exp(score - max(scores)) for score in scores]
                for s, share in enumerate(shares):
                    y[part] += share / sum(shares) * rows[s][2 * m :][part]
            mixed.append(y)
        for p, y in enumerate(mixed):
            x = xs[p] + out(linear(y, f"{block}.attention.out"), f"{block}.norm_attention_out")
            z = norm_by_hand(x, w, f"{block}.norm_mlp", c.norm)
            hidden = linear(z, f"{block}.mlp.up")
            if c.activation == "swiglu":
                hidden = activation_by_hand(linear(z, f"{block}.mlp.gate"), "swiglu") * hidden
            else:
                hidden = activation_by_hand(hidden, c.activation)
            xs[p] = x + out(linear(hidden, f"{block}.mlp.down"), f"{block}.norm_mlp_out")
    head = w["embed.weight"] if c.tie else w["head.weight"]
    return np.stack([head @ norm_by_hand(x, w, "norm", c.norm) for x in xs])


@pytest.mark.parametrize(
    "changes",
    [{"positions": p} for p in POSITIONS]
    + [{"activation": a} for a in ACTIVATION_NAMES]
    + [
        {"norm": "rms"},
        {"norm": "none", "bias": True, "tie": False},
        {"bias": True},
        {"tie": False},
        {"norm": "rms", "activation": "swiglu", "positions": "rope", "rope_base": 50.0, "tie": False, "hidden": 7},
        {"norm": "rms", "positions": "alibi", "bias": True},
        {"positions": "learned+penalty"},
        {"positions": "rope+clip3+window4"},
        {"positions": "clip2+penalty", "layers": 1},
        {"positions": "logn4"},
        {"positions": "learned+tempered"},
        {"positions": "clip2+logn3+tempered", "norm": "rms"},
        {"loops": 3},
        {"loops": 2, "positions": "rope+tempered", "tie": False},
        {"norm_place": "both"},
        {"norm_place": "both", "norm": "rms", "bias": True, "loops": 2, "positions": "clip2+penalty"},
    ],
)
def test_logits_equal_the_formulas(changes):
    model = noisy(**changes)
    ids = some_ids(rows=1)
    with torch.no_grad():
        ours = model(ids)[0].numpy()
    # The sines, angles and slopes are made in float32, whence the tolerance.
    np.testing.assert_allclose(ours, logits_by_hand(model, ids[0].tolist()), atol=3e-5)


@pytest.mark.parametrize(
    "changes",
    [{"positions": p} for p in [*POSITIONS, "learned+penalty", "clip2+penalty", "none+tempered", "logn3"] if p != TOTAL]
    + [{"loops": 3}, {"norm_place": "both"}, {"loops": 2, "positions": "clip2+tempered", "norm_place": "both"}],
)
@pytest.mark.parametrize("pieces", [[1] * 9, [4, 1, 1, 3], [8, 1]])
def test_reading_in_pieces_with_a_cache_equals_reading_at_once(changes, pieces):
    model, ids = noisy(**changes), some_ids()
    cache = Cache(model.config, len(ids), dtype=torch.float64)
    with torch.no_grad():
        whole, parts, start = model(ids), [], 0
        for size in pieces:
            parts.append(model(ids[:, start : start + size], cache))
            start += size
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-6)
    assert cache.length == 9


@pytest.mark.parametrize(
    "changes",
    [{"positions": p} for p in [*POSITIONS, "clip2+penalty", "alibi+logn3"]]
    + [{"loops": 2}, {"layers": 1, "loops": 3, "positions": "clip2+penalty"}, {"norm_place": "both"}],
)
@pytest.mark.parametrize("keep", [slice(-1, None), slice(3, None), slice(2, 5), slice(None)])
def test_keeping_some_positions_equals_cutting_the_full_logits(changes, keep):
    model, ids = noisy(**changes), some_ids()
    with torch.no_grad():
        assert torch.allclose(model(ids, keep=keep), model(ids)[:, keep], atol=1e-9)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("length", [9, 140])
def test_the_future_changes_nothing(positions, length):
    """Also above the length where another attention kernel takes over."""
    model = noisy(positions=positions, context=140)
    ids = some_ids(t=length)
    changed = ids.clone()
    changed[:, length // 2 :] = (changed[:, length // 2 :] + 1) % SHAPE["vocab"]
    with torch.no_grad():
        before, after = model(ids), model(changed)
    assert torch.allclose(before[:, : length // 2], after[:, : length // 2], atol=1e-10)
    assert not torch.allclose(before[:, length // 2 :], after[:, length // 2 :], atol=1e-2)


def test_long_and_short_attention_agree():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 150, 4, dtype=torch.float64, generator=generator) for _ in range(3))
    short = attend(q[:, :, :100], k[:, :, :100], v[:, :, :100], None)
    assert torch.allclose(attend(q, k, v, None)[:, :, :100], short, atol=1e-12)


def test_attention_without_keys_for_its_queries_is_refused():
    q = torch.zeros(1, 1, 12, 2)
    with pytest.raises(ShapeError, match="12 queries but only 10 keys"):
        attend(q, q[:, :, :10], q[:, :, :10], None)


def test_a_hook_on_the_heads_reads_and_replaces_single_heads():
    model, ids = noisy(), some_ids()
    attention = model.blocks[1].attention
    seen = []

    def silence(_module, _inputs, y_bthd):
        seen.append(tuple(y_bthd.shape))
        y_bthd = y_bthd.clone()
        y_bthd[:, :, 1] = 0
        return y_bthd

    handle = attention.heads_out.register_forward_hook(silence)
    with torch.no_grad():
        hooked = model(ids)
        handle.remove()
        attention.out.weight[:, 4:8] = 0  # the output layer's columns of head 1
        zeroed = model(ids)
    assert seen == [(3, 9, 3, 4)]
    assert torch.allclose(hooked, zeroed, atol=1e-12)


def test_initial_weights_have_the_documented_spread():
    config = TransformerConfig(vocab=500, context=200, layers=3, heads=4, width=128, bias=True, tie=False)
    for name, parameter in Transformer(config, seed=1).named_parameters():
        if parameter.dim() == 1:
            want = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            assert (parameter == want).all(), name
            continue
        residual = name.endswith(("attention.out.weight", "mlp.down.weight"))
        plain = 0.4 / math.sqrt(config.width)
        std = plain / math.sqrt(6) if residual else plain
        values, error = (
            parameter.detach(),
            std / math.sqrt(2 * parameter.numel()),
        )  # standard error of a standard deviation
        assert abs(float(values.std()) - std) < 5 * error, name
        assert abs(float(values.mean())) < 5 * std / math.sqrt(parameter.numel()), name


def test_a_seed_decides_the_weights():
    config = TransformerConfig(**SHAPE)
    first, again, other = (Transformer(config, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embed.weight"], other["embed.weight"])


def test_the_papers_model_has_its_size():
    """Six layers, six heads, width 384, as in arXiv 2307.03381: about 10.6 million parameters."""
    model = Transformer(TransformerConfig(vocab=96, context=256, layers=6, heads=6, width=384))
    count = sum(p.numel() for p in model.parameters())
    embeddings, block = (96 + 256) * 384, (3 + 1 + 4 + 4) * 384**2 + 2 * 384
    assert count == embeddings + 6 * block + 384
    assert 10.6e6 < count < 10.8e6


def test_rotation_keeps_lengths_and_depends_on_distance_only():
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 1, 1, 8, dtype=torch.float64, generator=generator) for _ in range(2))

    def product(p: int, s: int) -> float:
        turned = [rotate(x, rotary_angles(torch.tensor([at]), 8, 100.0)) for x, at in ((q, p), (k, s))]
        assert torch.allclose(turned[0].norm(), q.norm(), atol=1e-6)
        return float((turned[0] * turned[1]).sum())

    assert product(7, 3) == pytest.approx(product(14, 10), abs=1e-5)
    assert product(7, 3) != pytest.approx(product(7, 4), abs=1e-2)


@pytest.mark.parametrize("positions", [p for p in POSITIONS if p not in ("none", "sinusoidal", *SCALES)] + PAIRS)
def test_indices_of_rows_may_differ_and_the_cache_keeps_them(positions):
    model, ids = noisy(positions=positions, layers=1), some_ids(rows=4)
    index = torch.from_numpy(np.random.default_rng(1).integers(0, 16, (4, 9)))
    cache = Cache(model.config, 4, dtype=torch.float64)
    with torch.no_grad():
        whole = model(ids, positions=index)
        alone = torch.cat([model(ids[row : row + 1], positions=index[row]) for row in range(4)])
        parts = [model(ids[:, at], cache, positions=index[:, at]) for at in (slice(0, 5), slice(5, 6), slice(6, 9))]
        usual = model(ids)
    assert torch.allclose(whole, alone, atol=1e-6)
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-6)
    assert not torch.allclose(whole, usual, atol=1e-2)


def test_schemes_that_both_rotate_are_refused():
    with pytest.raises(UsageError, match="two schemes of 'rope\\+rope' rotate"):
        noisy(positions="rope+rope")


def test_an_index_beyond_the_table_is_refused():
    with pytest.raises(ShapeError, match="sequence of 17 tokens does not fit a model with context 16"):
        noisy()(some_ids(t=2), positions=torch.tensor([3, 16]))


def test_positions_of_rows_may_differ():
    model, ids = noisy(positions="rope"), some_ids(rows=2)
    shifted = torch.stack([torch.arange(9), torch.arange(9) + 5])
    with torch.no_grad():
        assert torch.allclose(model(ids, positions=shifted), model(ids), atol=1e-4)  # RoPE sees distances only


def test_sinusoids_are_the_papers():
    table = sinusoids(torch.arange(50), 6).numpy()
    for p in (0, 1, 17, 49):
        for i in range(3):
            assert table[p, 2 * i] == pytest.approx(math.sin(p / 10_000 ** (2 * i / 6)), abs=1e-5)
            assert table[p, 2 * i + 1] == pytest.approx(math.cos(p / 10_000 ** (2 * i / 6)), abs=1e-5)


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [
        (8, [2**-i for i in range(1, 9)]),
        (4, [2**-2, 2**-4, 2**-6, 2**-8]),
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
    ],
)
def test_alibi_slopes_are_the_papers(heads, slopes):
    assert alibi_slopes_h(heads).tolist() == slopes


def test_dropout_acts_in_training_only():
    model = Transformer(TransformerConfig(**SHAPE | {"dropout": 0.5}))
    ids = some_ids()
    assert not torch.equal(model.train()(ids), model(ids))
    assert torch.equal(model.eval()(ids), model(ids))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_ids_of_any_integer_type(dtype):
    model, ids = noisy(), some_ids()
    with torch.no_grad():
        assert torch.equal(model(ids.to(dtype)), model(ids))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"heads": 5}, ShapeError, "5 heads do not divide width 12. Set heads to 4, or width to 15"),
        ({"width": 0}, ShapeError, "model.width"),
        ({"layers": 1.5}, ShapeError, "model.layers"),
        ({"positions": "rop"}, UsageError, "Nearest known: 'rope'"),
        ({"activation": "swigli"}, UsageError, "Nearest known: 'swiglu'"),
        ({"norm": "rmss"}, UsageError, "Nearest known: 'rms'"),
        ({"positions": "rope", "heads": 4}, ShapeError, "even head width"),
        ({"positions": "sinusoidal", "width": 9}, ShapeError, "even width"),
        ({"dropout": 1.0}, UsageError, "model.dropout"),
        ({"loops": 0}, ShapeError, "model.loops"),
        ({"norm_place": "after"}, UsageError, "model.norm_place: unknown 'after'"),
        ({"norm_place": "both", "norm": "none"}, UsageError, "'both' has no norm to place"),
        ({"embed_std": 0.0}, UsageError, "model.embed_std"),
    ],
)
def test_impossible_shapes_say_what_to_change(changes, error, words):
    with pytest.raises(error, match=words.replace(".", r"\.")):
        TransformerConfig(**SHAPE | changes)


def test_a_sequence_longer_than_the_context_is_refused():
    with pytest.raises(ShapeError, match=r"17 tokens does not fit .* context 16.*model\.context: 17"):
        noisy()(some_ids(t=17))
    cache = Cache(TransformerConfig(**SHAPE), 3, 4, torch.float64)
    with pytest.raises(ShapeError, match="5 positions do not fit into 4"):
        noisy(positions="none")(some_ids(t=5), cache)
