"""Inference against the definition, worked examples, and the deterministic algorithm it must become."""

import importlib.util
import itertools
import random
from pathlib import Path

import pytest
import torch

from algorism.errors import AlgorismError
from algorism.symbolic.possibilistic import (
    Attribute,
    Condition,
    Rule,
    RuleBase,
    RuleInference,
    antipignistic,
    decide,
    iff,
    minimum_specificity,
    normalise,
    otherwise,
)
from algorism.symbolic.possibilistic.addition import addition_rules
from algorism.symbolic.possibilistic.partition import members, partition

_spec = importlib.util.spec_from_file_location(
    "_possibilistic_definitions", Path(__file__).with_name("_possibilistic_definitions.py")
)
definition = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(definition)


def random_set(rng):
    """A rule set with one to five rules over up to three attributes; soft, so that contradictions are allowed."""
    inputs = [Attribute(name, range(rng.randint(2, 4))) for name in "abc"]
    out = Attribute("out", range(rng.randint(2, 6)))

    def some(attribute):
        return rng.sample(attribute.domain, rng.randint(1, len(attribute.domain) - 1))

    rules = []
    for _ in range(rng.randint(1, 5)):
        chosen = rng.sample(inputs, rng.randint(1, 3))
        premise = tuple(Condition(a.name, some(a)) for a in chosen)
        rules.append(Rule(premise, Condition("out", some(out)), r=1.0, s=1.0))
    if rng.random() < 0.3:
        rules.insert(rng.randint(0, len(rules)), otherwise({"out": some(out)}, r=1.0))
    return RuleBase([*inputs, out], rules)


def random_inputs(base, batch, generator, dtype=torch.float64):
    grid = {
        name: torch.randint(0, 11, (batch, len(base.attributes[name].domain)), generator=generator).to(dtype) / 10
        for name in base.inputs
    }
    return {name: normalise(pi) for name, pi in grid.items()}


def test_worked_example():
    rules = [Rule((Condition(n, [0]),), Condition("out", q)) for n, q in (("p", [1, 2]), ("q", [2, 3]))]
    base = RuleBase([Attribute("p", [0, 1]), Attribute("q", [0, 1]), Attribute("out", [1, 2, 3])], rules)
    degrees = torch.tensor([[0.1, 0.0], [0.2, 0.5]], dtype=torch.float64)
    net = RuleInference(base, {"out": (degrees[0], degrees[1])})
    out = net({"p": torch.tensor([[1, 0.4]], dtype=torch.float64), "q": torch.tensor([[0.3, 1]], dtype=torch.float64)})
    assert out["out"].tolist() == [[1, 0.3, 0.3]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_definition(dtype):
    rng, generator = random.Random(0), torch.Generator().manual_seed(0)
    kinds = set()
    for _ in range(150):
        base = random_set(rng)
        rule_set = base.sets[0]
        s, r = (torch.randint(0, 11, (len(rule_set.rules),), generator=generator).double() / 10 for _ in "sr")
        inputs = random_inputs(base, 4, generator, dtype)
        got = RuleInference(base, {"out": (s, r)})(inputs)["out"]
        for b in range(4):
            known = {name: pi[b].tolist() for name, pi in inputs.items()}
            expected = definition.infer(rule_set, known, s.to(dtype).tolist(), r.to(dtype).tolist())
            assert got[b].tolist() == expected
        kinds.add((len(rule_set.inputs), any(rule.is_default for rule in rule_set.rules)))
    assert got.dtype == dtype
    assert kinds == set(itertools.product((1, 2, 3), (False, True)))


def test_partition_is_the_non_empty_part_of_the_power_set():
    rng = random.Random(0)
    for _ in range(100):
        size, n = rng.randint(1, 7), rng.randint(1, 5)
        sets = [frozenset(v for v in range(size) if rng.random() < 0.5) for _ in range(n)]
        parts = partition(members(sets, size))
        cells = {}
        for signs in itertools.product((False, True), repeat=n):  # the power set, which the package never walks through
            inside = [v for v in range(size) if all((v in q) == sign for q, sign in zip(sets, signs))]
            if inside:
                cells[signs] = inside
        assert {
            tuple(row): [v for v in range(size) if parts.cell_v[v] == c] for c, row in enumerate(parts.sign_cn.tolist())
        } == cells


def test_many_rules_have_few_cells():
    rng = random.Random(0)
    sets = [frozenset(v for v in range(50) if rng.random() < 0.5) for _ in range(300)]  # 2^300 sign vectors
    assert len(partition(members(sets, 50)).sign_cn) == 50


@pytest.mark.parametrize("transform", [antipignistic, minimum_specificity])
@pytest.mark.parametrize("places", [1, 3, 30])
def test_the_sum_is_that_of_the_most_probable_digits(places, transform):
    generator = torch.Generator().manual_seed(places)
    p = torch.randn(2, places, 64, 10, generator=generator).mul(2).softmax(-1)
    digits = p.argmax(-1)
    base = addition_rules(places)
    inputs = {f"{x}{j + 1}": transform(p[i, j]) for i, x in enumerate("ab") for j in range(places)}
    out = RuleInference(base)(inputs)
    for b in range(64):
        a, c = (int("".join(map(str, digits[i, :, b].tolist()))) for i in range(2))
        decided = [decide(out[f"sum{j}"][b]) for j in range(places + 1)]
        assert int("".join(str(int(value)) for value, _ in decided)) == a + c
        assert not any(bool(tie) for _, tie in decided)


def test_cascades_in_batches_equal_cascades_by_hand():
    generator = torch.Generator().manual_seed(0)
    base = addition_rules(2, base=3)
    inputs = random_inputs(base, 5, generator)
    out = RuleInference(base)(inputs)
    for b in range(5):
        known = {name: pi[b].tolist() for name, pi in inputs.items()}
        for rule_set in base.sets:
            zeros = [0.0] * len(rule_set.rules)
            name = rule_set.output.name
            known[name] = definition.infer(rule_set, known, zeros, zeros)
            assert out[name][b].tolist() == known[name]


def test_disagreement_is_shown_and_does_not_spread():
    """A set whose rules disagree says so by a maximum below 1; the next set is given the normalised distribution."""
    a, b, c = (Attribute(name, [0, 1]) for name in "abc")
    rules = [
        Rule((Condition("a", [0]),), Condition("b", [0]), "x", r=1.0),
        Rule((Condition("a", [0]),), Condition("b", [1]), "y", r=1.0),
        iff({"b": [0]}, {"c": [0]}),
    ]
    net = RuleInference(RuleBase([a, b, c], rules), {"b": (torch.ones(2), torch.tensor([0.2, 0.4]))})
    out = net({"a": torch.tensor([[1.0, 0.0]])})
    assert out["b"].tolist() == [[pytest.approx(0.4), pytest.approx(0.2)]]
    assert out["c"].tolist() == [[1, pytest.approx(0.2)]]


def test_gradients_are_those_of_the_min_and_max():
    generator = torch.Generator().manual_seed(1)
    base = addition_rules(2, base=3)
    net = RuleInference(base).double()
    logits = [torch.randn(1, 3, dtype=torch.float64, generator=generator) for _ in base.inputs]

    def run(*logits):
        out = net({name: minimum_specificity(z.softmax(-1)) for name, z in zip(base.inputs, logits)})
        return torch.cat([out[name] for name in base.outputs], 1)

    assert torch.autograd.gradcheck(run, [z.requires_grad_() for z in logits])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_moves_to_a_gpu():
    base = addition_rules(3)
    inputs = random_inputs(base, 8, torch.Generator().manual_seed(0))
    here = RuleInference(base)(inputs)
    there = RuleInference(base).cuda()({name: pi.cuda() for name, pi in inputs.items()})
    assert all(torch.equal(here[name], there[name].cpu()) for name in here)


GOOD = torch.tensor([[1.0, 0.0, 0.5]])
BASE = RuleBase([Attribute("a", range(3)), Attribute("b", range(3)), Attribute("c", [0, 1])],
                [iff({"a": [0], "b": [1]}, {"c": [0]})])  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": GOOD}, "need a distribution of 'b'; given: a"),
        ({}, "need a distribution of 'a'; given: none"),
        ({"a": GOOD, "b": GOOD, "d": GOOD}, "know no attribute 'd'"),
        ({"a": GOOD, "b": GOOD[:, :2]}, r"'b' has 3 values: its distribution has shape \(b, 3\), got \(1, 2\)"),
        ({"a": GOOD, "b": GOOD[0]}, r"got \(3,\)"),
        ({"a": GOOD, "b": GOOD.repeat(2, 1)}, "'b' has 2 samples, but 'a' has 1"),
        ({"a": GOOD, "b": GOOD.double()}, "'b' is torch.float64, but 'a' is torch.float32"),
        ({"a": GOOD, "b": GOOD * torch.nan}, "The distribution of 'b' holds NaN"),
        ({"a": GOOD, "b": GOOD / 2}, "The distribution of 'b' is not normalised"),
        ({"a": GOOD, "b": GOOD.log()}, "The distribution of 'b' holds NaN or infinity"),
    ],
)
def test_bad_inputs(inputs, message):
    with pytest.raises(AlgorismError, match=message):
        RuleInference(BASE)(inputs)


@pytest.mark.parametrize(
    ("s", "message"),
    [
        (torch.zeros(2), r"s must have shape \(1,\), one for each rule, got \(2,\)"),
        (torch.tensor([1.5]), r"s of the rules about 'c' must lie in \[0, 1\]"),
        (torch.tensor([torch.nan]), "s of the rules about 'c' holds NaN"),
    ],
)
def test_bad_parameters(s, message):
    with pytest.raises(AlgorismError, match=message):
        RuleInference(BASE, {"c": (s, torch.zeros(1))})


def test_sums_need_places():
    with pytest.raises(AlgorismError, match="got 0 places in base 10"):
        addition_rules(0)
