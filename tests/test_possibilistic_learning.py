"""Learning against dense systems built from the definitions, and through cascades."""

import importlib.util
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
    accuracy,
    antipignistic,
    iff,
    learn,
    learn_with_thresholds,
    minimum_specificity,
    normalise,
    otherwise,
    read_rules,
)
from algorism.symbolic.possibilistic.addition import addition_labels, addition_rules
from algorism.symbolic.possibilistic.thresholds import grid

_spec = importlib.util.spec_from_file_location(
    "_possibilistic_definitions", Path(__file__).with_name("_possibilistic_definitions.py")
)
definition = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(definition)


def dense_learning(rule_set, samples, targets, threshold):
    """The six steps on dense systems with a row for every value (cells with several values only repeat rows)."""
    distances, rows, sides = [], [], []
    for known, target in zip(samples, targets):
        gamma = definition.gamma(rule_set, definition.premise_degrees(rule_set, known))
        true = torch.tensor(target)
        same_cell = torch.tensor(
            [all((u in q) == (target in q) for q in rule_set.conclusions) for u in range(len(gamma))]
        )
        b = same_cell.double()
        assert b[true] == 1
        nabla = definition.distances(gamma, b).amax()
        distances.append(nabla)
        if nabla < threshold:
            rows.append(gamma)
            sides.append(definition.product(gamma, definition.lowest(gamma, b, nabla)))
    if not rows:
        return None
    gamma, b = torch.cat(rows), torch.cat(sides)
    all_rows = definition.distances(gamma, b)
    below = all_rows[all_rows < threshold]
    shift = below.amax() if len(below) else torch.tensor(0.0)
    x = definition.lowest(gamma, b, shift)
    return torch.stack(distances), float(shift), x[0::2], x[1::2]


def random_problem(rng):
    inputs = [Attribute(name, range(rng.randint(2, 4))) for name in "ab"]
    out = Attribute("out", range(rng.randint(2, 5)))

    def some(attribute):
        return rng.sample(attribute.domain, rng.randint(1, len(attribute.domain) - 1))

    rules = []
    for _ in range(rng.randint(1, 4)):
        premise = tuple(Condition(a.name, some(a)) for a in rng.sample(inputs, rng.randint(1, 2)))
        rules.append(Rule(premise, Condition("out", some(out)), r=1.0))
    if rng.random() < 0.3:
        rules.append(otherwise({"out": some(out)}, r=1.0))
    base = RuleBase([*inputs, out], rules)
    count = rng.randint(1, 6)
    given = {}
    for name in base.inputs:
        size = len(base.attributes[name].domain)
        given[name] = normalise(
            torch.tensor([[rng.randint(0, 10) / 10 for _ in range(size)] for _ in range(count)]).double()
        )
    return base, given, torch.tensor([rng.randrange(len(out.domain)) for _ in range(count)])


def test_the_worked_example():
    rules = [Rule((Condition(n, [0]),), Condition("out", q), r=1.0) for n, q in (("p", [1, 2]), ("q", [2, 3]))]
    base = RuleBase([Attribute("p", [0, 1]), Attribute("q", [0, 1]), Attribute("out", [1, 2, 3])], rules)
    given = {"p": torch.tensor([[1, 0.4]], dtype=torch.float64), "q": torch.tensor([[0.3, 1]], dtype=torch.float64)}
    learned = learn(base, given, {"out": [1]})
    assert learned.sets["out"].distance_b.tolist() == pytest.approx([0.3])
    assert learned.inference(given)["out"].tolist() == [pytest.approx([1, 0.3, 0.3])]
    assert learned.sets["out"].s_n.tolist() == learned.sets["out"].r_n.tolist() == [0, 0]
    assert learned.doubts() == {}


def test_equals_dense_learning():
    rng = random.Random(0)
    uncertain = 0
    for _ in range(250):
        base, given, target = random_problem(rng)
        samples = [{name: pi[b].tolist() for name, pi in given.items()} for b in range(len(target))]
        for threshold in (1.01, 0.45):
            rule_set = base.sets[0]
            expected = dense_learning(rule_set, samples, target.tolist(), threshold)
            if expected is None:
                with pytest.raises(AlgorismError, match="leaves no sample"):
                    learn(base, given, {"out": target}, threshold)
                continue
            learned = learn(base, given, {"out": target}, threshold).sets["out"]
            distances, shift, s, r = expected
            assert torch.allclose(learned.distance_b, distances)
            assert learned.shift == pytest.approx(shift, abs=1e-9)
            assert torch.allclose(learned.s_n, s, atol=1e-9)
            assert torch.allclose(learned.r_n, r, atol=1e-9)
            uncertain += bool((s > 0).any() or (r > 0).any())
    assert uncertain > 50  # so that zeros everywhere would not pass


def softmax_digits(count, places, base, seed, sharpness=3.0):
    """Digits, and noisy probabilities that mostly favour them."""
    g = torch.Generator().manual_seed(seed)
    digits = torch.randint(0, base, (2, count, places), generator=g)
    logits = torch.randn(2, count, places, base, generator=g, dtype=torch.float64)
    return digits, logits.scatter_add(-1, digits[..., None], torch.full_like(logits, sharpness)).softmax(-1)


def addition_problem(count, places, base, seed, transform=minimum_specificity, sharpness=3.0):
    digits, p = softmax_digits(count, places, base, seed, sharpness)
    inputs = {f"{x}{j + 1}": transform(p[i, :, j]) for i, x in enumerate("ab") for j in range(places)}
    return inputs, addition_labels(*digits, base=base)


def test_cascades_are_learned_in_order():
    """Each set is trained on what the learned sets before it conclude, as dense learning does it set by set."""
    inputs, labels = addition_problem(4, 2, 3, seed=0, sharpness=2.0)
    base = addition_rules(2, base=3)
    learned = learn(base, inputs, labels, 0.6)
    samples = [{name: pi[b].tolist() for name, pi in inputs.items()} for b in range(4)]
    for rule_set in base.sets:
        name = rule_set.output.name
        target = [rule_set.output.index[tuple(v) if isinstance(v, list) else v] for v in labels[name].tolist()]
        _, shift, s, r = dense_learning(rule_set, samples, target, 0.6)
        assert learned.sets[name].shift == pytest.approx(shift)
        assert torch.allclose(learned.sets[name].s_n, s)
        assert torch.allclose(learned.sets[name].r_n, r)
        for known in samples:
            degrees = definition.infer(rule_set, known, s.tolist(), r.tolist())
            known[name] = [1.0 if d == max(degrees) else d for d in degrees]


@pytest.mark.parametrize("transform", [antipignistic, minimum_specificity])
def test_thresholds_never_cost_validation_accuracy(transform):
    base = addition_rules(2)
    inputs, labels = addition_problem(200, 2, 10, 0, transform)
    validation = addition_problem(200, 2, 10, 1, transform)
    learned, thresholds, score = learn_with_thresholds(base, inputs, labels, validation)
    assert set(thresholds) == {"pair", "carry", "sum"}
    assert score == accuracy(learned.inference, *validation)
    assert score >= accuracy(RuleInference(base), *validation) - 0.01
    again, same, _ = learn_with_thresholds(base, inputs, labels, validation)
    assert same == thresholds
    assert all(torch.equal(learned.sets[n].s_n, again.sets[n].s_n) for n in learned.sets)


def test_reuse_changes_nothing_but_the_time():
    base = addition_rules(2, base=4)
    inputs, labels = addition_problem(30, 2, 4, 0)
    first = learn(base, inputs, labels, {"pair": 0.3, "carry": 0.4, "sum": 0.5})
    wanted = {"pair": 0.3, "carry": 0.45, "sum": 0.5}
    fresh, reused = learn(base, inputs, labels, wanted), learn(base, inputs, labels, wanted, reuse=first)
    for name in fresh.sets:
        assert torch.equal(fresh.sets[name].s_n, reused.sets[name].s_n)
        assert torch.equal(fresh.sets[name].r_n, reused.sets[name].r_n)
    assert reused.sets["pair2"] is first.sets["pair2"]
    assert reused.sets["pair1"] is not first.sets["pair1"]  # a carry comes in


def test_what_a_rule_leaves_open_is_learned():
    """Of two rules about odd digits each has exceptions: odd without its premise. One rule about both has none.

    The digit 1 asks for s = 1 of the rule about 3, and the reverse, but then nothing
    would forbid that 0 is odd: they meet at 1/2.
    """
    digits, parity = torch.eye(4, dtype=torch.float64), ["even", "odd", "even", "odd"]
    head = "attributes: {digit: 0..3, parity: [even, odd]}\nrules: "
    apart = read_rules(head + "[if digit is 1 then parity is odd, if digit is 3 then parity is odd]")
    learned = learn(apart, {"digit": digits}, {"parity": parity})
    assert learned.doubts() == {"rule 1": (0.5, 0.0), "rule 2": (0.5, 0.0)}
    assert learned.sets["parity"].shift == 0.5
    assert learned.inference({"digit": digits})["parity"].tolist() == [[1, 0.5], [0, 0.5]] * 2
    together = read_rules(head + "['if digit is {1, 3} then parity is odd']")
    learned = learn(together, {"digit": digits}, {"parity": parity})
    assert learned.doubts() == {}
    assert learned.inference({"digit": digits})["parity"].tolist() == [[1, 0], [0, 1]] * 2


def test_float32_learns_what_float64_learns():
    base = addition_rules(1)
    inputs, labels = addition_problem(300, 1, 10, 0)
    high = learn(base, inputs, labels, 0.5)
    low = learn(base, {name: pi.float() for name, pi in inputs.items()}, labels, 0.5)
    for name in high.sets:
        assert low.sets[name].s_n.dtype == torch.float32
        assert torch.allclose(high.sets[name].s_n.float(), low.sets[name].s_n, atol=1e-5)
        assert torch.allclose(high.sets[name].r_n.float(), low.sets[name].r_n, atol=1e-5)


PAIR = RuleBase([Attribute("a", [0, 1, 2]), Attribute("b", ["no", "yes"])], [iff({"a": [0]}, {"b": ["no"]})])
TWO = {"a": torch.tensor([[1.0, 0.2, 0.0], [0.3, 1.0, 0.3]])}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learn(PAIR, TWO, {}), "Labels of 'b', which rules conclude about, are missing; given: none"),
        (lambda: learn(PAIR, TWO, {"b": ["no"]}), "'b' has 1 labels for 2 samples"),
        (lambda: learn(PAIR, TWO, {"b": ["no", "maybe"]}), "label maybe is not a value of 'b'; its values: no, yes"),
        (lambda: learn(PAIR, TWO, {"b": torch.tensor([0, 1])}), "label 0 is not a value of 'b'"),
        (lambda: learn(PAIR, TWO, {"b": torch.tensor([0.0, 1])}), "must be whole numbers, got torch.float32"),
        (lambda: learn(PAIR, TWO, {"b": torch.zeros(2, 1, 1).long()}), r"got \(2, 1, 1\)"),
        (
            lambda: learn(PAIR, TWO, {"b": ["no", "yes"]}, 1e-9),
            r"'b': the threshold 1e-09 leaves no sample \(the small.* 0.2",
        ),
        (lambda: learn(PAIR, TWO, {"b": ["no", "yes"]}, 0.0), "'b': a threshold is above 0, got 0.0"),
        (lambda: learn(PAIR, TWO, {"b": ["no", "yes"]}, {"c": 1.0}), "No threshold for the families b"),
        (lambda: learn(PAIR, {"a": torch.zeros(0, 3)}, {"b": []}), "there are no samples"),
        (lambda: learn(PAIR, {"a": TWO["a"] * torch.nan}, {"b": ["no", "yes"]}), "'a' holds NaN"),
        (lambda: learn(PAIR, {"a": TWO["a"] / 2}, {"b": ["no", "yes"]}), "'a' is not normalised"),
        (lambda: grid(0), "at least one point"),
        (
            lambda: learn_with_thresholds(
                PAIR, TWO, {"b": ["no", "yes"]}, (TWO, {"b": ["no", "yes"]}), thresholds=[0.5, 0.1]
            ),
            "Thresholds must rise",
        ),
        (
            lambda: learn_with_thresholds(
                PAIR, TWO, {"b": ["no", "yes"]}, (TWO, {"b": ["no", "yes"]}), thresholds=[0.1]
            ),
            "leaves no sample",
        ),
        (lambda: addition_labels(torch.zeros(2, 1), torch.zeros(2, 2)), "digits of one shape"),
    ],
)
def test_bad_training_data(call, message):
    with pytest.raises(AlgorismError, match=message):
        call()
