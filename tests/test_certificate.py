"""Certificates against brute force: every sum of few digits, and long sums through the network itself."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from scipy import special

from algorism.errors import UsageError
from algorism.evaluation import evaluate
from algorism.evaluation.certificate import certify
from algorism.evaluation.certificate.circuit import TOKENS, circuit_of
from algorism.evaluation.certificate.contexts import ENDED, PLACES, Shape, children, described, operands, roots
from algorism.evaluation.certificate.curvature import remainder, second, slope
from algorism.evaluation.certificate.far import least
from algorism.evaluation.certificate.margins import Margins, typical
from algorism.models.config import TransformerConfig
from algorism.models.transformer import Transformer
from algorism.tasks import Numbers, Problems
from algorism.text import CharTokenizer, format_by_name, indexing_by_name

FORM, TOKENIZER, INDEXING = format_by_name("pad+reverse+dollar"), CharTokenizer(TOKENS), indexing_by_name("coupled")
SHAPES = {
    "penalty": {"positions": "clip2+penalty", "norm": "rms"},
    "window": {"positions": "clip2+window1", "norm": "layer", "bias": True, "activation": "silu"},
    "two slopes": {"positions": "clip3+penalty+alibi", "norm": "layer", "activation": "gelu_tanh", "tie": False},
    "no norm": {"positions": "clip1+penalty", "norm": "none", "activation": "relu", "bias": True},
}


def network(seed=0, std=0.4, **shape):
    """An untrained network whose positions are random too, in float64."""
    config = TransformerConfig(
        **{"vocab": TOKENIZER.vocab_size, "context": 40, "layers": 1, "heads": 2, "width": 16, "init_std": std} | shape
    )
    model = Transformer(config, seed).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("position."):
                parameter += 0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            elif name.endswith("bias"):
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def sums(pairs, places):
    """Problems whose operands are written with so many digits."""
    columns = [Numbers.from_ints(column, places=places) for column in zip(*pairs, strict=True)]
    return Problems.solve("+", (columns[0], columns[1]))


@torch.no_grad()
def forced(model, problems):
    """Logits where an answer's tokens are due, and those tokens, for each problem."""
    texts = FORM.write(problems)
    encoded = TOKENIZER.encode_texts(texts)
    ids_nt = torch.from_numpy(encoded.ids_nt.astype(np.int64))
    logits_ntv = model(ids_nt, positions=torch.from_numpy(INDEXING.of(texts, ids_nt.shape[1])))
    first = int(encoded.prompt_n[0])
    return logits_ntv[:, first - 1 : -1], ids_nt[:, first:]


def leaves(circuit, most):
    """Every context of sums of up to `most` digits."""
    waiting = list(roots(circuit))
    while waiting:
        nodes = waiting.pop()
        if (nodes.digit_nko[0] >= 0).all(1).sum() > most:
            continue
        if nodes.shape.exact:
            yield nodes
        elif nodes.shape.above != ENDED:
            waiting += [child for child, _ in children(circuit, nodes, 1)]
        else:
            waiting += [child for child, _ in children(circuit, nodes, -1)]


def context_key(operand_pair, printed):
    """Contexts do not tell the two digits of a place apart."""
    return (*[tuple(sorted(place)) for place in zip(*operand_pair, strict=True)], printed)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_contexts_are_those_of_all_small_sums_with_the_logits_of_the_model(shape):
    model = network(**shape)
    circuit = circuit_of(model, FORM, TOKENIZER, INDEXING)
    found, rights = {}, {}
    for nodes in leaves(circuit, 2):
        logits_nv = circuit.logits(nodes.query_n, nodes.numerator_nhd, nodes.denominator_nh)
        for row in range(len(nodes)):
            pair = operands(nodes, row)
            printed = -1 if int(nodes.query_n[row]) == TOKENS.index("=") else nodes.shape.low - 1
            key = context_key(pair, printed)
            assert key not in found, described(nodes, row)
            found[key], rights[key] = logits_nv[row], int(circuit.ids_u[nodes.right_n[row]])
    assert len(found) == 55 * 3 + 55**2 * 4  # no context is missing, and none is made up
    for places in (1, 2):
        pairs = list(itertools.product(range(10**places), repeat=2))
        pairs = [pairs[i] for i in np.random.default_rng(0).permutation(len(pairs))[:4000]]
        logits_ntv, right_nt = forced(model, sums(pairs, places))
        written = [(str(a).zfill(places), str(b).zfill(places)) for a, b in pairs]
        keys = [context_key(pair, t - 1) for pair in written for t in range(places + 2)]
        assert [rights[key] for key in keys] == right_nt.flatten().tolist()
        found_ntv = torch.stack([found[key] for key in keys]).view_as(logits_ntv)
        torch.testing.assert_close(found_ntv, logits_ntv, rtol=1e-9, atol=1e-9)


class Sum:
    """One sum, seen place by place: 1 holds the units."""

    def __init__(self, a, b, places):
        self.pair, self.places = (a, b), places
        self.digits = [tuple(sorted((a // 10**p % 10, b // 10**p % 10))) for p in range(places)]
        self.printed = [(a + b) // 10**p % 10 for p in range(places + 1)]

    def carry(self, place):
        """What is carried out of a place."""
        a, b = (number % 10**place for number in self.pair)
        return (a + b) // 10**place

    def fits(self, nodes, place):
        """Rows of nodes that know nothing wrong of this sum, seen from a place."""
        shape, fits_n = nodes.shape, torch.ones(len(nodes), dtype=torch.bool)
        token = TOKENS.index("=") if place == 0 else self.printed[place - 1]
        below, top = place - shape.low, place + shape.high
        if shape.below == ENDED:
            lower = place == 0 or below == 0
        else:
            lower = below >= 0 and shape.below == self.carry(below)
        ends_at = self.places + 1 + (place >= self.places)
        upper = top == ends_at if shape.above == ENDED else top <= self.places + 1
        if not (lower and upper):
            return fits_n[:0].nonzero()[:, 0]
        for k in range(-PLACES, PLACES + 1):
            known = -shape.low < k < shape.high and 1 <= place + k <= self.places
            expected = self.digits[place + k - 1] if known else (-1, -1)
            fits_n &= (nodes.digit_nko[:, k + PLACES] == torch.tensor(expected)).all(1)
        return (fits_n & (nodes.query_n == token)).nonzero()[:, 0]


def walk(circuit, groups, asked, place, rng, most=4):
    """What is known of one context of a sum, more and more of it, in a random order."""
    level = groups
    while True:
        found = [nodes.take(rows) for nodes in level if len(rows := asked.fits(nodes, place))]
        assert sum(map(len, found)) == 1, (asked.pair, place)  # just one child of a node is true
        yield found[0]
        low, below, high, above = found[0].shape
        sides = [-1] * (below != ENDED and low < most) + [1] * (above != ENDED and high < most)
        if not sides:
            return
        level = [child for child, _ in children(circuit, found[0], int(rng.choice(sides)))]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("std", [0.1, 0.4])
def test_bounds_hold_in_real_sums(shape, std):
    model = network(seed=3, std=std, **shape)
    circuit = circuit_of(model, FORM, TOKENIZER, INDEXING)
    groups = list(roots(circuit))
    margins, rng = Margins(circuit, typical(circuit, groups)), np.random.default_rng(0)
    looseness = []
    for places, pair in [(30, None), (30, (10**30 - 1, 1)), (2, None), (1, (9, 9)), (5, (0, 0))]:
        a, b = pair or (int("".join(map(str, rng.integers(0, 10, places)))) for _ in range(2))
        logits_ntv, right_nt = forced(model, sums([(a, b)], places))
        for place in sorted({0, 1, 2, places // 2, places - 1, places, places + 1} & set(range(places + 2))):
            right = right_nt[0, place]
            margin_v = logits_ntv[0, place, right] - logits_ntv[0, place]
            rival_i = (torch.arange(len(margin_v)) != right).nonzero()[:, 0]
            for nodes in walk(circuit, groups, Sum(a, b, places), place, rng):
                assert circuit.ids_u[nodes.right_n] == right
                bound_i = margins.lowest(margins.middle(nodes), torch.zeros_like(rival_i), rival_i, math.inf)
                assert (margin_v[rival_i] >= bound_i - 1e-9).all()
                looseness.append((nodes.shape.exact, float((margin_v[rival_i] - bound_i).max())))
    assert max(loose for exact, loose in looseness if exact) < 1e-9  # where all is known, the bound is the margin
    assert len(looseness) > 50


@pytest.mark.parametrize("positions", ["clip2+penalty", "clip3+penalty+alibi", "clip2+window1"])
def test_least_sums_over_far_keys_by_brute_force(positions):
    circuit = circuit_of(network(positions=positions), FORM, TOKENIZER, INDEXING)
    generator = torch.Generator().manual_seed(0)
    value_xhu = torch.randn(5, 2, len(TOKENS), generator=generator, dtype=torch.float64)
    for shape, most in ((Shape(2, ENDED, 2, 0), 5), (Shape(2, 0, 2, ENDED), 4), (Shape(3, 1, 2, ENDED), 5)):
        bound_x = least(circuit, value_xhu, shape)
        nodes = next(roots(circuit)).take(slice(0, 1), shape)
        tokens = list(far_tokens(circuit, nodes, most))
        sum_sx = torch.stack([sum(circuit.decay(k) @ value_xhu[:, :, u].T for u, k in keys) for keys in tokens])
        assert (sum_sx >= bound_x - 1e-9).all()


def far_tokens(circuit, nodes, most):
    """All that can stand on the open side of a shape, as keys (token, difference), numbers of up to `most` places."""
    low, below, high, above = nodes.shape
    if above != ENDED:
        for end in range(high, most):
            for digits in itertools.product(range(10), repeat=end - high):
                yield [(d, k) for k, d in enumerate(digits, high) for _ in range(2)] + [(12, end + 1)]
        return
    for end in range(low, most):
        for places in itertools.product(itertools.product(range(10), repeat=2), repeat=end - low):
            carry, keys = 0, [(10, -end), (11, -end)]
            for k, (a, b) in zip(range(end - 1, low - 1, -1), reversed(places), strict=True):
                keys += [(a, -k), (b, -k), ((a + b + carry) % 10, -k)]
                carry = (a + b + carry) // 10
            if carry == below:
                yield keys


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "relu"])
def test_remainders_hold_on_a_grid(name):
    rng = np.random.default_rng(0)
    exact = {
        "gelu": lambda x: x * special.ndtr(x),
        "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "silu": lambda x: x * special.expit(x),
        "relu": lambda x: np.maximum(x, 0),
    }[name]
    centre, radius = rng.normal(0, 2, 300), rng.exponential(1, 300)
    low, high = centre - radius * rng.random(300), centre + radius * rng.random(300)
    x = low + (high - low) * np.linspace(0, 1, 401)[:, None]
    tangent = slope(name, torch.from_numpy(centre)).numpy()
    np.testing.assert_allclose(tangent, (exact(centre + 1e-6) - exact(centre - 1e-6)) / 2e-6, atol=1e-6)
    left = exact(x) - exact(centre) - tangent * (x - centre)
    below, above = (bound.numpy() for bound in remainder(name, *map(torch.from_numpy, (centre, low, high))))
    assert (left >= below - 1e-12).all()
    assert (left <= above + 1e-12).all()
    small = radius < 0.3
    assert np.median((above - below)[small] - np.ptp(left, axis=0)[small]) < 0.01  # and they are not idle
    if name != "relu":
        bend = second(name, torch.from_numpy(x)).numpy()
        numeric = (exact(x + 1e-4) - 2 * exact(x) + exact(x - 1e-4)) / 1e-8
        np.testing.assert_allclose(bend, numeric, atol=1e-5)


def adder(gap=30.0):
    """A network by hand that adds, if far keys weigh little next to e to the `gap`.

    Head 0 takes the mean of the operands' digits one place up (of `$` where there are none), head 1 that of the place
    itself, printed digit s included, head 2 sees whether `$` is next. With n₁ the sum one place up and v = a + b − s,
    which is −1 or 0 without a carry and 9 or 10 with one, round(n₁ + v / 10) mod 10 is the next digit.
    """
    config = TransformerConfig(
        vocab=TOKENIZER.vocab_size, context=40, layers=1, heads=3, width=15, hidden=60, norm="none", activation="relu",
        positions="clip2+penalty", tie=False, bias=True,
    )  # fmt: skip
    model = Transformer(config).eval()
    block, ids = model.blocks[0], [TOKENIZER.vocab[token] for token in TOKENS]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("slope"):
                parameter.zero_()
        model.embed.weight[ids[:10], 0] = torch.arange(10.0)
        model.embed.weight[ids[12], 4] = 1
        clip = next(part for part in model.position.parts if hasattr(part, "reach")).weight[0]
        clip[:] = torch.tensor([[-2, -2, -2, 2, 1], [-1, -1, 1, -1, -1], [-2, -2, 1, 2, -2]]) * gap
        value = block.attention.qkv.weight[30:].view(3, 5, 15)
        value[0, 0, 0] = value[1, 0, 0] = value[2, 0, 4] = 1
        out = block.attention.out.weight.view(15, 3, 5)
        out[1, 0, 0], out[2, 1, 0], out[3, 2, 0] = 2, 3, 1
        for hidden in range(60):
            total, part = divmod(hidden, 3)
            block.mlp.up.weight[hidden, :3] = torch.tensor([-0.2, 1.0, 0.1])
            block.mlp.up.bias[hidden] = -total + (0.5, 0.0, -0.5)[part]
            block.mlp.down.weight[5 + total % 10, hidden] = (1.0, -2.0, 1.0)[part]
        for digit in range(10):
            model.head.weight[ids[digit], 5 + digit] = 50
        model.head.weight[ids[12], 3] = 100
    return model


def ask(model, pairs, places):
    return evaluate(model, FORM, TOKENIZER, sums(pairs, places), indexing=INDEXING).strict_n


def test_a_network_that_adds_is_certified_and_does_add():
    found = certify(adder(), FORM, TOKENIZER, INDEXING)
    assert found.verdict == "certified"
    assert found.counterexample is None
    assert 5 < found.margin < 25  # 50 · (0.4 − 0.1) is the least lead by the network's making
    assert max(found.far_share_h) < 1e-9 or found.far_share_h[0] > 0.9  # `$` two places up is what head 0 looks for
    for places in (1, 2):
        assert ask(adder(), list(itertools.product(range(10**places), repeat=2)), places).all()
    rng = np.random.default_rng(0)
    pairs = [tuple(int("".join(map(str, rng.integers(0, 10, 30)))) for _ in range(2)) for _ in range(50)]
    assert ask(adder(), [*pairs, (10**30 - 1, 1), (10**30 - 1, 10**30 - 1)], 30).all()


def test_a_damaged_network_is_refuted_by_a_sum_that_it_gets_wrong():
    rng = np.random.default_rng(0)
    wide = [tuple(int("".join(map(str, rng.integers(0, 10, 12)))) for _ in range(2)) for _ in range(50)]
    damages = {
        "one total": lambda m: m.blocks[0].mlp.down.weight[:, 57:60].zero_(),  # 9 + 9 with a carry only
        "end mark": lambda m: m.head.weight[TOKENIZER.vocab["$"]].zero_(),
        "carry": lambda m: m.blocks[0].mlp.up.weight[:, 0].mul_(0.5),
    }
    for name, damage in damages.items():
        model = adder()
        with torch.no_grad():
            damage(model)
        found = certify(model, FORM, TOKENIZER, INDEXING)
        assert found.verdict == "refuted", name
        wrong = found.counterexample
        a, b = map(int, wrong.operands)
        assert wrong.expected == str(a + b)
        assert not ask(model, [(a, b)], len(wrong.operands[0])).any()
        if name == "one total":  # which random sums do not find
            assert ask(model, wide, 12).mean() > 0.7


@pytest.mark.parametrize("gap", [1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
def test_verdicts_agree_with_sums(gap):
    found = certify(adder(gap), FORM, TOKENIZER, INDEXING, seconds=2)
    rng = np.random.default_rng(0)
    pairs = [tuple(int("".join(map(str, rng.integers(0, 10, 15)))) for _ in range(2)) for _ in range(200)]
    right = ask(adder(gap), [*pairs, (10**15 - 1, 10**15 - 1), (0, 0)], 15).all()
    if found.verdict == "certified":
        assert right
    if found.verdict == "refuted":  # perhaps by a sum of a kind that is rare among random ones
        digits = found.counterexample.operands
        assert not ask(adder(gap), [tuple(map(int, digits))], len(digits[0])).any()
    if gap <= 2:
        assert found.verdict == "refuted"
    if gap >= 6:
        assert found.verdict == "certified"


def test_time_that_is_up_leaves_contexts_undecided():
    found = certify(adder(), FORM, TOKENIZER, INDEXING, seconds=0)
    assert found.verdict == "undecided"
    assert found.left == 55 + 2 * (55 * 55 + 55 + 1)
    assert found.undecided[0].startswith("after ")
    assert found.to_json()["left"] == found.left


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": 2}, "one layer"),
        ({"positions": "learned"}, "positions made of"),
        ({"positions": "clip2"}, "far keys do not lose weight"),
        ({"activation": "swiglu"}, "without a gate"),
        ({"form": "reverse"}, "pad\\+reverse\\+dollar"),
        ({"form": "pad3+reverse+dollar"}, "own length"),
        ({"index": "abacus"}, "index: coupled"),
        ({"index": None}, "index: coupled"),
    ],
)
def test_what_cannot_be_certified_is_refused(change, words):
    form, index = change.pop("form", FORM.name), change.pop("index", "coupled")
    model = network(**({"positions": "clip2+penalty"} | change))
    with pytest.raises(UsageError, match=words):
        certify(model, format_by_name(form), TOKENIZER, index and indexing_by_name(index))


def test_the_command_says_what_was_found(tmp_path, monkeypatch, capsys):
    from types import SimpleNamespace

    from algorism import training
    from algorism.commands.certify import run_certify
    from algorism.tasks import Task

    damaged = adder()
    with torch.no_grad():
        damaged.blocks[0].mlp.down.weight[:, 57:60].zero_()
    for model, words in ((adder(), "certified. Greedy decoding adds any two numbers"), (damaged, "but the network")):
        material = SimpleNamespace(format=FORM, tokenizer=TOKENIZER, indexing=INDEXING, task=Task("+"))
        run = SimpleNamespace(model=model, material=material)
        monkeypatch.setattr(training, "load_run", lambda _, run=run: run, raising=False)
        run_certify(tmp_path, json=False)
        assert words in capsys.readouterr().out
        run_certify(tmp_path, json=True)
        printed = json.loads(capsys.readouterr().out)
        assert printed["verdict"] == ("refuted" if model is damaged else "certified")
    material.task = Task("-")
    with pytest.raises(UsageError, match="addition"):
        run_certify(tmp_path, json=True)
