"""Explanations: their rules alone give the same certainty, and the words say what the structure says."""

import random

import pytest
import torch

from algorism.errors import AlgorismError
from algorism.symbolic.possibilistic import (
    Attribute,
    RuleBase,
    RuleInference,
    addition_rules,
    explain,
    iff,
    minimum_specificity,
    read_rules,
)

PARITY = read_rules(
    "attributes: {digit: 0..3, parity: [even, odd]}\n"
    "rules: [{name: halves, rule: 'iff digit is {0, 2} then parity is even'}]"
)


def random_sums(places, count, seed):
    g = torch.Generator().manual_seed(seed)
    p = torch.randn(2, places, count, 10, generator=g, dtype=torch.float64).mul(3).softmax(-1)
    return {f"{x}{j + 1}": minimum_specificity(p[i, j]) for i, x in enumerate("ab") for j in range(places)}, p.argmax(
        -1
    )


def test_the_rules_named_are_enough():
    """A base of only the rules that an explanation names gives the answer with the same necessity."""
    inputs, _ = random_sums(2, 20, 0)
    base = addition_rules(2)
    net = RuleInference(base)
    out = net(inputs)
    for sample in range(20):
        for rule_set in base.sets:
            name = rule_set.output.name
            found = explain(net, inputs, name, sample)
            assert 0 < len(found.reasons) <= 3
            known = inputs | out
            premises = [base.attributes[premise] for premise in rule_set.inputs]
            alone = RuleBase([*premises, rule_set.output], [reason.rule for reason in found.reasons])
            pi = RuleInference(alone)({premise: known[premise][sample, None] for premise in alone.inputs})[name][0]
            index = rule_set.output.index[found.value]
            others = torch.cat((pi[:index], pi[index + 1 :]))
            assert pi[index] == 1
            assert 1 - float(others.max()) == pytest.approx(found.necessity)
            excluded = [value for reason in found.reasons for value in reason.excluded]
            assert sorted([*excluded, found.value]) == sorted(rule_set.output.domain)  # each other value once


def test_concepts_are_the_recognised_digits():
    inputs, digits = random_sums(3, 10, 1)
    net = RuleInference(addition_rules(3))
    for sample in range(10):
        found = explain(net, inputs, "sum2", sample)
        pair = found.concepts["pair2"]
        leaves = {name: concept.value for name, concept in pair.concepts.items() if not concept.reasons}
        assert leaves == {"a2": digits[0, 1, sample], "b2": digits[1, 1, sample]}
        assert pair.concepts["carry3"].value == (digits[0, 2, sample] + digits[1, 2, sample] >= 10)
        assert sum(pair.value) % 10 == found.value
        assert found.necessity == pytest.approx(min(found.necessity, pair.necessity))


def test_words():
    net = RuleInference(PARITY)
    found = explain(net, {"digit": torch.tensor([[0.25, 0.25, 1.0, 0.0]])}, "parity")
    assert str(found) == (
        "parity is even (certain to 0.75): 'halves' (iff digit is {0, 2} then parity is {even}) excludes odd "
        "down to 0.25, since digit is 2 (certain to 0.75)."
    )
    odd = explain(net, {"digit": torch.tensor([[0.25, 1.0, 0.0, 0.0]])}, "parity")
    assert (odd.value, odd.reasons[0].holds, odd.reasons[0].excluded) == ("odd", False, ("even",))


def test_ties_disagreement_doubt_and_defaults_are_told():
    tie = explain(RuleInference(PARITY), {"digit": torch.tensor([[1.0, 1.0, 0.0, 0.0]])}, "parity")
    assert tie.is_ambiguous
    assert (tie.necessity, tie.reasons) == (0.0, ())
    assert str(tie) == "parity is undecided: even, odd are equally possible."
    doubtful = RuleInference(PARITY, {"parity": (torch.tensor([0.0]), torch.tensor([0.5]))})
    found = explain(doubtful, {"digit": torch.tensor([[1.0, 0.25, 0.0, 0.0]])}, "parity")
    assert found.reasons[0].doubt
    assert "excludes odd down to 0.5" in str(found)
    assert "its own r sets this limit" in str(found)
    base = read_rules(
        "attributes: {digit: 0..3, kind: [small, large]}\n"
        "rules: [iff digit is 3 then kind is large, otherwise kind is small]"
    )
    default = explain(RuleInference(base), {"digit": torch.tensor([[1.0, 0, 0, 0]])}, "kind")
    assert default.value == "small"
    both = read_rules(
        "attributes: {a: 0..1, b: 0..2}\n"
        "rules: [{rule: if a is 0 then b is 0, r: 1}, {rule: if a is 0 then b is 1, r: 1}]"
    )
    clash = RuleInference(both, {"b": (torch.ones(2), torch.tensor([0.25, 0.5]))})
    found = explain(clash, {"a": torch.tensor([[1.0, 0.0]])}, "b")
    assert found.possibility == 0.5
    assert "the rules disagree: its possibility is 0.5" in str(found)


def test_a_chain_of_thousands_needs_no_recursion():
    attributes = [Attribute(f"x{i}", [0, 1]) for i in range(2001)]
    base = RuleBase(attributes, [iff({f"x{i}": [0]}, {f"x{i + 1}": [0]}) for i in range(2000)])
    found = explain(RuleInference(base), {"x0": torch.tensor([[1.0, 0.5]])}, "x2000")
    assert len(found.sentence(depth=2).split(". ")) == 2
    assert repr(found)
    while found.concepts:
        assert (found.value, found.necessity) == (0, 0.5)
        (found,) = found.concepts.values()
    assert found.attribute == "x0"


def test_random_rules_never_break_it():
    rng = random.Random(0)
    for _ in range(50):
        size = rng.randint(2, 4)
        given = torch.rand(1, 3, generator=torch.Generator().manual_seed(rng.randrange(1 << 30)))
        a, out = Attribute("a", range(3)), Attribute("out", range(size))
        rules = [iff({"a": [rng.randrange(3)]}, {"out": [rng.randrange(size)]})]
        found = explain(RuleInference(RuleBase([a, out], rules)), {"a": given / given.max()}, "out")
        assert str(found).startswith("out is ")


@pytest.mark.parametrize(
    ("output", "sample", "message"),
    [
        ("part", 0, "No rule concludes about 'part'. Nearest known: 'parity'"),
        ("digit", 0, "No rule concludes about 'digit'"),
        ("parity", 1, "There is no sample 1; there are 1"),
    ],
)
def test_bad_questions(output, sample, message):
    with pytest.raises(AlgorismError, match=message):
        explain(RuleInference(PARITY), {"digit": torch.tensor([[1.0, 0, 0, 0]])}, output, sample)
