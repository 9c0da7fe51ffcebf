"""What is estimated from several samples: against enumeration, closed forms, the paper's counts, and known models."""

import itertools
import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from algorism.cli import app
from algorism.errors import DataError, UsageError
from algorism.evaluation.backends import Reply
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question
from algorism.evaluation.records import Answer
from algorism.evaluation.suites.process.chains import chain_of, questions, solution
from algorism.evaluation.suites.process.fits import power_law, saturating
from algorism.evaluation.suites.process.judge import Detection, detection, judge_questions, true_rate, verdict
from algorism.evaluation.suites.process.samples import (
    Samples,
    best_of,
    curve,
    false_positive_rate,
    first_of,
    majority_of,
    pass_of,
)
from algorism.evaluation.suites.process.scoring import by_fact, samples, solved, tally

VERDICTS = st.lists(st.sampled_from([(True, True), (True, False), (False, False)]), min_size=1, max_size=7)


def made(rows, answers=None, scores=None):
    correct, valid = zip(*rows, strict=True)
    return Samples("p", tuple(answers or ("1" if c else "0" for c in correct)), correct, valid, scores)


@settings(max_examples=60, deadline=None)
@given(VERDICTS, st.data())
def test_estimators_are_means_over_all_subsets(rows, data):
    k = data.draw(st.integers(1, len(rows)))
    scores = tuple(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))))
    one = made(rows, scores=scores)
    for checked in (False, True):
        right = one.valid if checked else one.correct
        subsets = list(itertools.combinations(range(len(rows)), k))
        passed = sum(any(right[i] for i in s) for s in subsets) / len(subsets)
        assert pass_of(one, k, checked) == pytest.approx(passed)
        best = 0.0
        for subset in subsets:
            top = max(scores[i] for i in subset)
            ties = [right[i] for i in subset if scores[i] == top]
            best += sum(ties) / len(ties)
        assert best_of(one, k, checked) == pytest.approx(best / len(subsets))
        assert first_of(one, k, checked) == float(any(right[:k]))


def test_votes_against_all_orders():
    one = Samples(
        "v", ("7", "7", "3", None, "3"), (True, True, False, False, False), (True, False, False, False, False)
    )
    for k in (1, 3, 5):
        wins = {False: 0, True: 0}
        orders = list(itertools.permutations(range(5), k))
        for order in orders:
            votes = [one.answers[i] for i in order if one.answers[i] is not None]
            chosen = max(dict.fromkeys(votes), key=votes.count) if votes else None
            first = next((i for i in order if one.answers[i] == chosen), None)
            for checked in wins:
                wins[checked] += first is not None and (one.valid if checked else one.correct)[first]
        for checked, won in wins.items():
            drawn = majority_of(one, k, checked, draws=4000)
            assert drawn == pytest.approx(won / len(orders), abs=4 * 0.5 / math.sqrt(4000))


def test_the_closed_form_of_right_and_lucky_answers():
    """A problem is solved with chance p, hit by luck with chance q; for half of the problems p is 0."""
    rng = np.random.default_rng(3)
    problems, n, some = 400, 64, []
    for at in range(problems):
        p, q = (0.0, 0.05) if at % 2 else (0.3, 0.05)
        draws = rng.random(n)
        valid = tuple((draws < p).tolist())
        correct = tuple((draws < p + q).tolist())
        some.append(Samples(str(at), tuple("1" if c else None for c in correct), correct, valid))
    for point in curve(some, "pass", [1, 4, 16, 64]):
        automatic = np.mean([1 - 0.95**point.k, 1 - 0.65**point.k])
        checked = np.mean([0, 1 - 0.7**point.k])
        assert point.automatic.low - 0.01 < automatic < point.automatic.high + 0.01
        assert point.checked.low - 0.01 < checked < point.checked.high + 0.01
        assert point.gap.low - 0.01 < automatic - checked < point.gap.high + 0.01
        assert point.gap.value == pytest.approx(point.automatic.value - point.checked.value)
    rate = false_positive_rate(some)
    assert rate.low < (0.05) / np.mean([0.05, 0.35]) < rate.high
    first = curve(some, "first", [16])[0]
    assert first.automatic.value == pytest.approx(curve(some, "pass", [16])[0].automatic.value, abs=0.06)
    with pytest.raises(UsageError, match="at least 65 samples"):
        curve(some, "pass", [65])


def test_the_paper_s_detection_counts():
    judges = {"GPT-4o": (45, 59, 18, 331, 0.433, 0.714, 0.539), "Llama-70B": (11, 6, 52, 384, 0.647, 0.175, 0.275)}
    judges["Qwen-72B"] = (17, 4, 46, 386, 0.810, 0.270, 0.405)
    for hits, alarms, misses, passed, precision, recall, f1 in judges.values():
        found = Detection(hits, alarms, misses, passed)
        assert found.precision == pytest.approx(precision, abs=5e-4)
        assert found.recall == pytest.approx(recall, abs=5e-4)
        assert found.f1 == pytest.approx(f1, abs=5e-4)
        assert found.never == pytest.approx(390 / 453)  # "never" is right in 86 %
    assert Detection(0, 0, 0, 5).f1 is None


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0.55, 1), st.floats(0.55, 1))
def test_the_true_rate_is_found_behind_a_judge_s_errors(rate, sensitivity, specificity):
    n = 10**7
    observed = round(n * (rate * sensitivity + (1 - rate) * (1 - specificity)))
    found = true_rate(observed, n, sensitivity, specificity)
    assert found.value == pytest.approx(rate, abs=1e-4)
    assert found.low <= found.value <= found.high


def test_a_useless_judge_is_refused():
    with pytest.raises(UsageError, match="tells nothing"):
        true_rate(3, 10, 0.5, 0.5)
    with pytest.raises(UsageError, match="12 of 10"):
        true_rate(12, 10, 0.9, 0.9)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("True", True),
        ("**False**", False),
        ("True or False? I say False.", False),
        ("It is incorrect", False),
        ("falsehood", None),
        ("", None),
    ],
)
def test_verdicts_of_judges(reply, said):
    assert verdict(reply) is said


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 4), st.floats(0.1, 1.2))
def test_a_power_law_is_found_again(a, b):
    ks = [1, 4, 16, 64, 256]
    fit = power_law(ks, [math.exp(-a * k**-b) for k in ks])
    assert (fit.a, fit.b) == (pytest.approx(a, rel=1e-3), pytest.approx(b, rel=1e-3))


def test_a_ceiling_is_found_again_and_short_ranges_are_warned_of():
    ks = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    fit = saturating(ks, [0.4 * (1 - (1 + k / 3) ** -0.9) for k in ks])
    assert fit.ceiling.value == pytest.approx(0.4, abs=2e-3)
    assert fit.ceiling.low <= 0.4001
    assert fit.at(16) == pytest.approx(0.4 * (1 - (1 + 16 / 3) ** -0.9), abs=1e-3)
    with pytest.warns(UserWarning, match="decades"):
        power_law([1, 2], [0.1, 0.2])
    with pytest.raises(DataError, match="at least 4 points"):
        saturating([1, 100], [0.1, 0.2])


class Lucky:
    """Writes right solutions; in some of them the first line's result is wrong, and the rest as if it were right."""

    name = "lucky"

    def __init__(self, asked, wrong):
        self.asked, self.wrong = {q.key: q for q in asked}, wrong

    def fingerprint(self):
        return {"kind": "lucky"}

    def generate(self, requests, sampling):
        for request in requests:
            rng = random.Random(f"{request.key} {request.sample}")
            text = solution(chain_of(self.asked[request.key]))
            if rng.random() < self.wrong:
                first, _, rest = text.partition("\n")
                text = f"{first}1\n{rest}"  # one digit more
            yield Reply(request.key, request.sample, text)


def test_from_answers_to_rates_and_a_judge(tmp_path):
    from algorism.evaluation.backends import Sampling

    asked = questions(30, steps=(2, 3), remainders=(None, 2))
    found = interview(Lucky(asked, 0.25), asked, tmp_path / "r", sampling=Sampling(temperature=1.0), samples=4)
    checked = solved(found.answers)
    made_tally = tally(checked)
    assert made_tally.automatic.value == 1.0
    assert made_tally.right == 480
    assert made_tally.kinds == {"calculation": made_tally.wrong_reason}
    assert made_tally.lines == {0: made_tally.wrong_reason}
    assert abs(made_tally.false_positives.value - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 480)
    assert made_tally.false_positives.value == made_tally.wrong_reason / 480
    assert set(by_fact(checked, "remainder")) == {"0", "2"}
    assert [one.n for one in samples(checked)] == [4] * 120
    judged = judge_questions(found.answers)
    assert len(judged) == 480
    assert sum(q.gold == "False" for q in judged) == made_tally.wrong_reason
    rng = random.Random(0)
    replies = [(q.gold if rng.random() < 0.8 else ("True" if q.gold == "False" else "False"), q.gold) for q in judged]
    counts = detection(replies)
    assert counts.hits + counts.misses == made_tally.wrong_reason
    assert counts.recall == pytest.approx(0.8, abs=0.15)
    called = counts.hits + counts.alarms
    corrected = true_rate(called, 480, 0.8, 0.8)
    assert corrected.low < made_tally.wrong_reason / 480 < corrected.high


def test_a_valid_sample_is_correct_and_answers_are_asked_for():
    with pytest.raises(UsageError, match="cannot be valid"):
        made([(False, True)])
    with pytest.raises(UsageError, match="no scores"):
        best_of(made([(True, True)]), 1, checked=False)
    with pytest.raises(DataError, match="no answers"):
        tally([])


def test_the_command_tells_both_accuracies(tmp_path):
    path = str(tmp_path / "r.jsonl")
    command = ["suite", "process", "scripted:oracle", "-n", "3", "--lengths", "2", "--record", path]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found["tasks"]) == {"value", "mod10", "mod2"}
    for row in found["tasks"].values():
        assert row["automatic"]["value"] == 1.0
        assert row["checked"]["value"] == 0.0  # it shows no steps
        assert row["kinds"] == {"jump": 24}
    assert [p["k"] for p in found["curves"]["pass"]] == [1, 2, 4, 8]
    text = CliRunner().invoke(app, command).stdout
    assert "jump" in text
    wrong = CliRunner().invoke(app, [*command, "--tasks", "mod1O"])
    assert "Nearest known: 'mod10'" in str(wrong.exception)


def test_answers_that_ended_early_are_counted():
    one = questions(1, steps=(2,), remainders=(None,))[0]
    rows = solved([Answer(one, Reply(one.key, 0, "7 + ", "length"))])
    assert tally(rows).cut == 1
    assert isinstance(one, Question)
