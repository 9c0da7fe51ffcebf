"""Rule bases: what is read, in which order, and what is refused with which words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.errors import AlgorismError, UsageError
from algorism.symbolic.possibilistic import (
    ANY,
    Attribute,
    Condition,
    Rule,
    RuleBase,
    if_then,
    iff,
    load_rules,
    otherwise,
    parse_rule,
    read_rules,
)

A, B, C, D = (Attribute(name, range(3)) for name in "abcd")


def test_text_and_python_say_the_same():
    text = "if a1 is {3} and a2 is {4} then sum is {7}"
    rule = parse_rule(text)
    assert rule == if_then({"a1": [3], "a2": [4]}, {"sum": [7]})
    assert str(rule) == text
    assert parse_rule("iff a is 3 then pair is {(3, *)}") == iff({"a": [3]}, {"pair": [(3, ANY)]})
    assert parse_rule("otherwise sum is {-1, none}") == otherwise({"sum": [-1, "none"]})


@given(
    st.lists(st.integers(-99, 99) | st.sampled_from(["red", "x_1"]), min_size=1, max_size=5, unique=True),
    st.lists(st.tuples(st.just(ANY) | st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4, unique=True),
)
def test_text_is_read_back(values, patterns):
    rule = iff({"a": values}, {"c": patterns})
    assert parse_rule(str(rule)) == rule


def test_yaml_file(tmp_path):
    path = tmp_path / "add.yaml"
    path.write_text(
        "attributes:\n  a1: 0..2\n  a2: {values: [0, 1, 2], family: digits}\n  pair: {product: [a1, a2]}\n  sum: 0..4\n"
        "rules:\n  - iff a1 is {1} then pair is {(1, *)}\n"
        "  - {rule: 'if pair is {(1, 1), (0, 2)} then sum is 2', r: 0.25, name: two}\n"
        "  - otherwise sum is {0..4}\n".replace("{0..4}", "{0, 1}")
    )
    base = load_rules(path)
    assert (base.inputs, base.outputs) == (("a1",), ("sum",))
    assert [s.output.name for s in base.sets] == ["pair", "sum"]
    assert base.attributes["pair"].domain == tuple(itertools.product(range(3), repeat=2))
    assert base["pair"].conclusions == (frozenset({3, 4, 5}),)
    assert base["sum"].premises == ({"pair": frozenset({4, 2})}, {})
    assert (base["sum"].rules[0].r, base["sum"].rules[0].s, base["sum"].rules[0].name) == (0.25, 1.0, "two")
    assert base["sum"].rules[1].is_default


def test_sets_come_after_what_they_build_on():
    rules = [iff({"c": [0]}, {"d": [0]}), iff({"b": [0], "a": [0]}, {"c": [0]}), iff({"a": [0]}, {"b": [0]})]
    for order in itertools.permutations(rules):
        assert [s.output.name for s in RuleBase([A, B, C, D], order).sets] == ["b", "c", "d"]


def test_a_long_cascade_needs_no_recursion():
    attributes = [Attribute(f"x{i}", [0, 1]) for i in range(3001)]
    rules = [iff({f"x{i}": [0]}, {f"x{i + 1}": [1]}) for i in reversed(range(3000))]
    assert [s.output.name for s in RuleBase(attributes, rules).sets] == [f"x{i}" for i in range(1, 3001)]


def test_contradictions_are_exactly_the_pairs_that_leave_nothing():
    """Every pair of rules over two small attributes, against a search through all crisp inputs."""
    a, b, out = Attribute("a", range(2)), Attribute("b", range(3)), Attribute("out", range(3))
    subsets = [list(s) for k in (1, 2) for s in itertools.combinations(range(3), k)]
    premises = [{"a": [0]}, {"a": [1]}, {"b": [0]}, {"b": [1, 2]}, {"a": [0], "b": [0, 1]}]
    for p, o, q, q_other, kind, kind_other in itertools.product(
        premises, premises, subsets, subsets, (if_then, iff), (if_then, iff)
    ):
        rules = [kind(p, {"out": q}), kind_other(o, {"out": q_other})]
        stuck = False
        for x in itertools.product(range(2), range(3)):
            crisp = dict(zip("ab", x))
            left = set(range(3))
            for rule, premise, conclusion in zip(rules, (p, o), (q, q_other)):
                if all(crisp[name] in values for name, values in premise.items()):
                    left &= set(conclusion)
                elif rule.s == 0:
                    left -= set(conclusion)
            stuck |= not left
        try:
            RuleBase([a, b, out], rules)
            refused = False
        except UsageError as error:
            refused = "contradict" in str(error)
        assert refused == stuck, rules


YAML = "attributes: {a: 0..2, b: 0..2}\nrules:\n"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Attribute("a", []), "'a' has an empty domain"),
        (lambda: Attribute("a", [1, 2, 1]), "'a' lists the value 1 twice"),
        (lambda: Attribute("a b", [1]), "'a b': a name is one word"),
        (lambda: Attribute("a", [0.5]), "0.5 is no value"),
        (lambda: Attribute("a", [True]), "True is no value.*quote yes"),
        (lambda: Attribute("a", ["*"]), r"'\*' stands for any value"),
        (lambda: Attribute("a", iter(int, 1)), "more than 1,048,576 values"),
        (lambda: Attribute.product("p", *[Attribute("a", range(2000))] * 2), "'p' would have 4,000,000 values"),
        (lambda: Condition("a", "red"), r"needs a set of values, got 'red'; write \['red'\]"),
        (lambda: Condition("a", 3), "needs a set of values, got 3"),
        (lambda: Rule((), Condition("a", [1]), "x", r=1.5), "Rule 'x': r is a degree between 0 and 1, got 1.5"),
        (lambda: Rule((), Condition("a", [1]), "x", s=float("nan")), "Rule 'x': s is a degree .* got nan"),
        (lambda: Rule((), Condition("a", [1]), "x", s=True), "Rule 'x': s is a degree .* got True"),
        (lambda: if_then({"a": [1]}, {}), "one conclusion, got 0"),
        (lambda: RuleBase([A], []), "rule base is empty"),
        (lambda: RuleBase([A, A], []), "'a' is declared twice"),
        (lambda: RuleBase([A, B], [iff({"a": [7]}, {"b": [0]}, "x")]), "'x': in its premise, 7 is not a value of 'a'"),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"bb": [0]}, "x")]), "'x': unknown attribute 'bb' .*known: 'b'"),
        (
            lambda: RuleBase([], [iff({"a": [0]}, {"b": [0]}, "x")]),
            "'x': unknown attribute 'b' in its|No attribute is declared",
        ),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"a": [1]}, "x")]), "'x' is circular: 'a' is in its premise"),
        (
            lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [1]}, "x"), iff({"b": [0]}, {"a": [1]}, "y")]),
            "circular: 'b' needs 'a' needs 'b'. Rules at fault: 'x', 'y'",
        ),
        (lambda: RuleBase([A, B], [iff({"a": []}, {"b": [1]}, "x")]), "'x': its premise allows no value of 'a'"),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": []}, "x")]), "'x': its conclusion allows no value of 'b'"),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": range(3)}, "x")]), "'x': its conclusion allows every value"),
        (
            lambda: RuleBase([A, B], [Rule((Condition("a", [0]), Condition("a", [1])), Condition("b", [1]), "x")]),
            "'x' is contradictory: its conditions on 'a'",
        ),
        (
            lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [1]}, "x"), iff({"a": [0, 1]}, {"b": [0]}, "y")]),
            "Rules 'x' and 'y' contradict each other about 'b': both premises can hold",
        ),
        (
            lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [1]}, "x"), iff({"a": [1]}, {"b": [1]}, "y")]),
            "when only the premise of 'x' holds, no value is left",
        ),
        (
            lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [0, 1]}, "x"), iff({"a": [1]}, {"b": [2]}, "y")]),
            "when neither premise holds, no value is left",
        ),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [1]}, "x")] * 2), "Two rules are called 'x'"),
        (lambda: RuleBase([A, B], [otherwise({"b": [0]}, "x")]), "'x' is a default without any other rule"),
        (
            lambda: RuleBase(
                [A, B], [iff({"a": [0]}, {"b": [1]}), otherwise({"b": [0]}, "x"), otherwise({"b": [0]}, "y")]
            ),
            "Rules 'x' and 'y' are both the default for 'b'",
        ),
        (lambda: RuleBase([A, B], [iff({"a": [0]}, {"b": [1]})])["c"], "No rule concludes about 'c'"),
        (lambda: parse_rule("a is 1", "x"), "Rule 'x': expected 'if', 'iff' or 'otherwise', got 'a' at column 1"),
        (lambda: parse_rule("if a is {} then b is 1", "x"), r"'x': an empty set \{\} allows nothing"),
        (lambda: parse_rule("if a is {1 then b is 1", "x"), "'x': expected '}', got 'then' at column 12"),
        (lambda: parse_rule("if a is {1}", "x"), "'x': expected 'then', got the end"),
        (lambda: parse_rule("if a is {1} then b is 1 and c is 2", "x"), "expected the end, got 'and'"),
        (lambda: parse_rule("if a is {3..1} then b is 1", "x"), "3..1 is no range"),
        (lambda: parse_rule("if a is {0.5} then b is 1", "x"), "cannot read '.' at column 11"),
        (lambda: parse_rule("if then b is 1", "x"), "expected an attribute, got 'then'"),
        (lambda: read_rules("a: ]"), "rules: not YAML"),
        (lambda: read_rules("!!python/object/apply:os.getcwd []"), "not YAML"),
        (lambda: read_rules("[1]"), "the file must be a mapping"),
        (lambda: read_rules("attributes: {a: 0..2}"), "the file has no 'rules'"),
        (
            lambda: read_rules("attribute: {a: 0..2}\nrules: []"),
            "unknown key 'attribute' in the file. Nearest known: 'attributes'",
        ),
        (
            lambda: read_rules("attributes: {a: {valus: 0..2}}\nrules: []"),
            "unknown key 'valus' in attribute 'a'. Nearest known: 'values'",
        ),
        (lambda: read_rules("attributes: {a: 3}\nrules: []"), "attribute 'a': a domain is a list of values or a range"),
        (lambda: read_rules("attributes: {a: {}}\nrules: []"), "attribute 'a': give either 'values' or 'product'"),
        (lambda: read_rules("attributes: {a: {product: [b]}}\nrules: []"), "unknown attribute 'b' in its product"),
        (lambda: read_rules("attributes: {a: [yes, no]}\nrules: []"), "'a': True is no value"),
        (
            lambda: read_rules(YAML + "  - {rule: iff a is 0 then b is 1, nam: x}"),
            "unknown key 'nam' in rule 1. Nearest known: 'name'",
        ),
        (lambda: read_rules(YAML + "  - {rule: iff a is 0 then b is 1, r: high}"), "Rule 'rule 1': r is a degree"),
        (
            lambda: read_rules(YAML + "  - iff a is 0 then b is 5"),
            "rules: Rule 'rule 1': in its conclusion, 5 is not a value",
        ),
        (lambda: read_rules(YAML + "  - 17"), "rule 1 must be a mapping"),
        (lambda: read_rules("attributes: []\nrules: []"), "'attributes' must map names to domains"),
        (lambda: load_rules("/no/such/rules.yaml"), "/no/such/rules.yaml: cannot be read"),
    ],
)
def test_bad_rules(call, message):
    with pytest.raises(AlgorismError, match=message):
        call()
