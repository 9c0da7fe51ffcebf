"""Verdicts follow from measured intervals, and from nothing else."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.claims import Claim, Measurement, Measurements, Paper, Study
from algorism.errors import UsageError
from algorism.measurements import Missing


def number(name, value, low=None, high=None, **more):
    return Measurement(name, value, value if low is None else low, value if high is None else high, n=100, **more)


FASTER = Claim("faster", "A beats B.", "table 1", {"a": 0.9, "b": 0.5}, holds=lambda m: m["a"].low > m["b"].high)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_a_verdict_on_intervals_is_reproduced_only_when_they_do_not_overlap(ends):
    (a_low, a, a_high), (b_low, b, b_high) = sorted(ends[:3]), sorted(ends[3:])
    judged = FASTER.judge(Measurements([number("a", a, a_low, a_high), number("b", b, b_low, b_high)]))
    assert judged.verdict == ("reproduced" if a_low > b_high else "not reproduced")


@pytest.mark.parametrize("outcomes", list(product([True, False, "partly"], repeat=3)))
def test_parts_all_some_none(outcomes):
    claim = Claim("c", "t", "s", "words", parts={str(i): (lambda m, o=o: o) for i, o in enumerate(outcomes)})
    if all(o is True for o in outcomes):
        expected = "reproduced"
    elif all(o is False for o in outcomes):
        expected = "not reproduced"
    else:
        expected = "partly"
    judged = claim.judge(Measurements())
    assert judged.verdict == expected
    assert [judged.parts[str(i)] for i in range(3)] == [
        {True: "holds", False: "fails", "partly": "partly"}[o] for o in outcomes
    ]


def test_one_missing_measurement_makes_the_claim_not_measured_and_is_named():
    claim = Claim("c", "t", "s", {"a": 1.0}, parts={"has": lambda m: m["a"].low > 0, "lacks": lambda m: m["b"].low > 0})
    judged = claim.judge(Measurements([number("a", 1.0)]))
    assert (judged.verdict, judged.missing) == ("not measured", ("b",))
    assert judged.parts == {"has": "holds", "lacks": "not measured"}


def test_a_single_predicate_may_say_partly_and_nothing_else():
    def claim(answer):
        return Claim("c", "t", "s", "words", holds=lambda m: answer)

    assert claim("partly").judge(Measurements()).verdict == "partly"
    assert claim(np.True_).judge(Measurements()).verdict == "reproduced"
    for wrong in ("yes", None):
        with pytest.raises(UsageError, match="'partly'"):
            claim(wrong).judge(Measurements())


def test_an_error_inside_a_predicate_is_not_taken_for_a_missing_measurement():
    claim = Claim("c", "t", "s", "words", holds=lambda m: {}["typo"])
    with pytest.raises(KeyError):
        claim.judge(Measurements())


def test_a_claim_needs_exactly_one_kind_of_predicate():
    with pytest.raises(UsageError, match="holds= or parts="):
        Claim("c", "t", "s", "words")
    with pytest.raises(UsageError, match="holds= or parts="):
        Claim("c", "t", "s", "words", holds=lambda m: True, parts={"p": lambda m: True})


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(math.nan, 0, 1), (0.5, -math.inf, 1), (0.5, 0, math.inf), (0.5, 0.6, 0.7), (0.5, 0.3, 0.4), (0.5, 0.6, 0.4)],
)
def test_a_number_that_is_no_number_or_outside_its_interval_is_refused(value, low, high):
    with pytest.raises(UsageError):
        Measurement("m", value, low, high, n=1)


@pytest.mark.parametrize("more", [{"n": 0}, {"n": 1.5}, {"n": 1, "seeds": (1, 2)}, {"n": 1, "seeds": 0}])
def test_counts_are_whole_and_positive(more):
    with pytest.raises(UsageError, match="whole number"):
        Measurement("m", 0.5, 0.4, 0.6, **more)


def test_numpy_numbers_become_plain_ones_and_rounding_at_the_edge_is_allowed():
    m = Measurement("m", np.float32(1.0), np.float64(0.9), 1.0 - 1e-16, n=np.int64(5), seeds=np.int32(2))
    assert [type(x) for x in (m.value, m.low, m.high, m.n, m.seeds)] == [float, float, float, int, int]


def test_measurements_is_a_mapping_that_refuses_a_name_used_twice():
    found = Measurements([number("a", 1.0), number("b", 2.0)])
    assert list(found) == ["a", "b"]
    assert "c" not in found
    assert found.get("c") is None
    with pytest.raises(Missing):
        found["c"]
    with pytest.raises(UsageError, match="'a' was yielded twice"):
        Measurements([number("a", 1.0), number("a", 1.0)])


def test_json_has_exactly_the_agreed_keys():
    study = Study("sums", Paper("Sums", 2023, "2307.03381", "A. Uthor"), [FASTER], title="About sums")
    origin = {"device": "a cpu", "date": "2024-01-01T00:00:00Z", "version": "1"}
    a, b = number("a", 0.9, 0.8, 1.0, seeds=5, **origin), number("b", 0.5, **origin)
    nothing = dict.fromkeys(["value", "low", "high", "seeds"])
    assert study.as_json({"quick": Measurements(), "cpu": Measurements([a, b]), "gpu": Measurements([b])}) == {
        "slug": "sums",
        "title": "About sums",
        "paper": {"authors": "A. Uthor", "year": 2023, "arxiv": "2307.03381"},
        "claims": [
            {
                "id": "faster",
                "text": "A beats B.",
                "source": "table 1",
                "paper": {"a": 0.9, "b": 0.5},
                "scales": {
                    "quick": {"verdict": "not measured", **nothing, **dict.fromkeys(origin)},
                    "cpu": {"verdict": "reproduced", "value": 0.9, "low": 0.8, "high": 1.0, "seeds": 5, **origin},
                    "gpu": {"verdict": "not measured", **nothing, **origin},
                },
            }
        ],
    }


def test_two_claims_may_not_share_an_id():
    with pytest.raises(UsageError, match="share an id"):
        Study("s", Paper("P", 2020, "2001.00001"), [FASTER, FASTER])


def test_a_study_takes_its_text_from_its_module():
    study = Study("s", Paper("P", 2020, "2001.00001"), [FASTER])

    @study.measures
    def run(scale, seed):
        yield number("a", 1.0)

    assert study.measure is run
    assert study.text == __doc__
    assert study.title == "P"
