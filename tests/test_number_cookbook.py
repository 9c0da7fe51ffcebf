"""The wiring of `number-cookbook`: nothing asked is trained, arms differ in writing alone, claims read measurements."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.claims import Measurement, Measurements
from algorism.evaluation.suites.nupa import questions
from algorism.evaluation.suites.rules import Problem, chain
from algorism.models import Transformer
from algorism.studies import _given_model
from algorism.studies import _number_cookbook as parts
from algorism.studies import _number_cookbook_exact as exact
from algorism.studies import _number_cookbook_late as late
from algorism.studies import _number_cookbook_model as model
from algorism.studies import _number_cookbook_rows as rows
from algorism.studies._number_cookbook_rules import ChainTokens
from algorism.studies.number_cookbook import STUDY, SWITCHES
from algorism.tasks.numeracy import combination

QUICK = STUDY.scales["quick"]
ARMS = [arm for arms in parts.GROUPS.values() for arm in arms]


def claim(name):
    return next(c for c in STUDY.claims if c.id == name)


@pytest.mark.parametrize(
    "name", ["add-integer", "add-float", "multiply_hard-integer", "max-scientific", "get_digit-float"]
)
def test_nothing_that_is_asked_is_trained(name):
    scale = replace(QUICK, trained=2, floats=2, pool=2000)
    asked = {item.body for item in parts.asked(name, scale)}
    trained = [item for some in parts.pool(name, scale, 5, 2000) for item in some]
    assert len(trained) > 100
    assert not asked & {item.body for item in trained}
    shortest, longest = min(i.length for i in trained), max(i.length for i in trained)
    assert (shortest, longest) == (1, parts.lengths(name, scale)[0])


def test_arms_have_names_of_their_own_and_see_the_same_questions():
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    jobs = [parts._job(arm, QUICK, 0) for arm in parts.FORMATS]
    answers = []
    for arm, job in zip(parts.FORMATS, jobs, strict=True):
        tokens = arm.tokens()
        lines = job.make(40, np.random.default_rng(3))
        answers.append([tokens.read(ids[prompt:], "integer", arm.writing) for ids, prompt in lines])
        assert (job.config.layers, job.config.width, job.recipe) == (QUICK.layers, QUICK.width, jobs[0].recipe)
    assert all(some == answers[0] for some in answers)
    assert len(set(answers[0])) > 5


def test_every_length_is_drawn_alike_often():
    make = parts.drawn([[([0], 0)] * 3, [([1], 0)] * 900, []])
    lines = make(4000, np.random.default_rng(0))
    assert 0.45 < np.mean([ids == [0] for ids, _ in lines]) < 0.55


def test_what_needs_no_network_reproduces():
    found = Measurements(exact.measured(replace(QUICK, labels=4000), 0))
    for name in ("combinations", "scores", "released-labels"):
        assert claim(name).judge(found).verdict == "reproduced", found


def test_a_switch_of_positions_keeps_all_weights():
    base = Transformer(parts.config(QUICK, 20, 12), seed=1)
    ids = torch.randint(1, 20, (2, 9), generator=torch.Generator().manual_seed(0))
    assert torch.equal(late._with(base, "rope")(ids), base(ids))
    for positions in ("none", "alibi"):
        other = late._with(base, positions)
        assert other.config.positions == positions
        assert not torch.allclose(other(ids), base(ids))
        assert all(
            torch.equal(a, b) for a, b in zip(other.state_dict().values(), base.state_dict().values(), strict=True)
        )


def test_switches_are_those_of_the_claim():
    assert tuple(late.SWITCHES) == ("unchanged", *SWITCHES)
    assert set(claim("tricks-hurt-late").parts) == set(SWITCHES)
    assert len(late.ROWS) == 41


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_chains_become_tokens_and_text_again(a, b):
    tokens = ChainTokens("add-integer")
    asked = Problem("add-integer", (str(a), str(b)))
    ids, prompt = tokens.line(asked)
    assert tokens.text(ids[prompt:-1]) == chain(asked)
    at_once, prompt = tokens.at_once(asked)
    assert tokens.text(at_once) == f"{a}+{b}={a + b}"
    assert max(ids) < tokens.vocab_size


def results(arm, right, curve):
    """Answers of one seed: right up to a length, one digit off beyond it."""
    row = combination(arm.combination)
    items = [item for length in range(2, 7) for item in row.items(length, 20, 1)]
    answers = []
    for item in items:
        off = str((int(item.answer[0]) + 1) % 10) + item.answer[1:]
        answers.append([item.length, item.answer if item.length <= right else off, item.answer])
    return [{"answers": answers, "curve": curve, "parameters": 1}]


def test_measurements_of_arms_follow_from_the_answers():
    scale = replace(STUDY.scales["cpu"], trained=4, steps=100, looks=2, batch=10)
    learned, not_learned = [{"step": 50, "trained": 0.95}], [{"step": 50, "trained": 0.2}]
    found = {arm.name: results(arm, 2, not_learned) for arm in ARMS}
    for name in ("add reverse", "add pad", "add reverse+pad+hint"):
        arm = next(a for a in ARMS if a.name == name)
        found[name] = results(arm, 6 if name == "add reverse" else 5, learned)
    m = Measurements(rows.measured_arms(found, scale))
    assert m["add reverse: trained"].value == m["add reverse: beyond"].value == 1.0
    assert m["add plain: trained"].value == pytest.approx(1 / 3)
    assert m["add plain: beyond"].value == 0.0
    assert 0.7 < m["add plain: digits beyond"].value < 0.9
    assert m["add plain: length beyond"].value == 0.0
    assert (m["add reverse: preserving digits"].value, m["add plain: preserving digits"].value) == (6, 2)
    assert m["add reverse: examples to 90 %"].value == 500
    assert m["add plain: examples to 90 %"].value == 1500  # never
    formats = claim("formats").judge(m)
    assert formats.verdict == "partly"
    assert formats.parts["reverse: sooner"] == formats.parts["pad: further"] == "holds"
    assert formats.parts["hint: sooner"] == formats.parts["hint: further"] == "fails"
    assert claim("one-digit-tokens").judge(m).verdict == "reproduced"
    assert claim("position-encodings").judge(m).verdict == "partly"
    joined = claim("formats-join").judge(m).parts
    assert (joined["further than plain"], joined["as far as any alone"]) == ("holds", "fails")


def test_measurements_of_fine_tuning_follow_from_the_counts():
    four = {name: [30, 40, 0, 40] for name in late.FOUR}
    before = {name: [0, 40, 0, 40] for name in late.ROWS}
    after = {name: [20 if at < 25 else 1, 40, 2, 40] for at, name in enumerate(late.ROWS)}
    found = {"late": {"unchanged": [four]}, "before": [before], "after": [after]}
    found["late"] |= {name: [{k: [10, 40, 0, 40] for k in four}] for name in SWITCHES}
    m = Measurements(rows.measured_late(found))
    assert m["late: unchanged"].value == 0.75
    assert m["tuned: combinations raised"].value == 25
    assert claim("tricks-hurt-late").judge(m).verdict == "reproduced"
    assert claim("finetuning-raises-most").judge(m).verdict == "reproduced"


def test_rules_are_measured_from_checked_chains():
    found = {
        "chain": [[[2, True, True, None]] * 60 + [[3, True, False, "value"]] * 3 + [[4, False, False, "missing"]] * 20],
        "direct": [[[2, False]] * 60 + [[3, True]] * 3 + [[4, False]] * 20],
        "tokens": [80.0, 4.0],
    }
    m = Measurements(rows.measured_rules(found, replace(QUICK, rule_digits=3)))
    assert (m["rules: trained"].value, m["rules: every line"].value) == (1.0, pytest.approx(60 / 63))
    assert m["rules: every line beyond"].details["wrong_first"] == {"missing": 20}
    assert m["rules: tokens per direct token"].value == 20
    assert claim("rule-following").judge(m).parts["near exact"] == "holds"


def test_an_oracle_is_exact_everywhere_and_follows_no_rule(monkeypatch):
    monkeypatch.setattr(_given_model, "given", lambda name: "scripted:oracle")
    m = Measurements(model.asked(QUICK, 0))
    assert {r for r in ("integer", "float", "fraction", "scientific") if m[f"model: {r} S"].value == 1.0} == {
        "integer", "float", "fraction", "scientific",
    }  # fmt: skip
    assert m["model: by rule"].value == m["model: the same at once"].value == 1.0
    assert m["model: by rule, every line"].value == 0.0
    for name in ("length", "representations", "digits", "rules"):
        assert claim(f"a-model: {name}").judge(m).verdict == "not reproduced"
    without = Measurements([Measurement.exact("x", 1, unit="x")])
    assert claim("a-model: rules").judge(without).verdict == "not measured"


def test_released_labels_differ_in_rounding_alone():
    names = ["add-integer", "sig-integer", "sig-float"]
    right, released = (questions(names, [6, 9], 100, released=flag) for flag in (False, True))
    assert [q.prompt for q in right] == [q.prompt for q in released]
    assert not {q.key for q in right} & {q.key for q in released}
    other = [a.facts["combination"] for a, b in zip(right, released, strict=True) if a.gold != b.gold]
    assert set(other) == {"sig-integer", "sig-float"}
    assert 20 <= len(other) <= 70  # of 400; about one in ten
