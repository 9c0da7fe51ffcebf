"""The parts of the three studies that take a given model, asked of a scripted one whose answers are known."""

import pytest

from algorism.claims import Measurements
from algorism.evaluation.backends import Reply
from algorism.evaluation.suites.process.chains import chain_of, questions, solution
from algorism.studies import _counting_tokenization, _false_positives, _false_positives_rows, _genius_paradox_rows
from algorism.studies.counting_tokenization import STUDY as STRINGS
from algorism.studies.false_positives import STUDY as CHAINS
from algorism.studies.genius_paradox import STUDY as WORDS


def claim(study, name):
    return next(c for c in study.claims if c.id == name)


@pytest.fixture
def oracle(monkeypatch):
    for module in (_counting_tokenization, _genius_paradox_rows):
        monkeypatch.setattr(module, "given", lambda name: "scripted:oracle")


def test_an_oracle_is_right_about_words_in_all_ways_but_writes_no_programs(oracle):
    found = Measurements(_genius_paradox_rows.given_model(WORDS.scales["quick"], 0))
    for way in ("open", "direct", "reasoning", "consistency", "refine"):
        assert found[f"model:{way}"].value == 1.0
    assert found["model:program"].value == 0.0
    assert found["model:reasoning - open"].value == 0.0
    assert claim(WORDS, "programs-solve-of-a-model").judge(found).verdict == "not reproduced"
    assert claim(WORDS, "forced-characters-of-a-model").judge(found).verdict == "not measured"


def test_an_oracle_is_right_about_strings_and_never_undercounts(oracle):
    found = Measurements(_counting_tokenization.given_model(STRINGS.scales["quick"], 0))
    assert all(m.value == 1.0 for name, m in found.items() if m.unit == "accuracy")
    assert found["model:z - e"].value == 0.0
    assert claim(STRINGS, "chunks-undercount-of-a-model").judge(found).verdict == "not measured"
    assert claim(STRINGS, "result-alone-collapses-of-a-model").judge(found).verdict == "not reproduced"


class Careless:
    """Writes right chains, the first line's result wrong in every second sample; judges that all is right."""

    name = "careless"

    def fingerprint(self):
        return {"kind": "careless"}

    def generate(self, requests, sampling):
        for request in requests:
            if request.key.startswith("judge/"):
                yield Reply(request.key, request.sample, "True")
                continue
            text = solution(chain_of(ASKED[request.key]))
            if request.sample % 2:
                text = text.replace("\n", "1\n", 1)
            yield Reply(request.key, request.sample, text)


SCALE = CHAINS.scales["quick"]
ASKED = {q.key: q for q in questions(SCALE.model_problems, 0, steps=SCALE.chain_steps, remainders=SCALE.remainders)}


def test_a_careless_model_is_found_out_and_a_judge_that_never_finds_one_has_no_score(monkeypatch, tmp_path):
    monkeypatch.setattr("algorism.evaluation.backends.names.backend", lambda spec: Careless())
    rows = _false_positives.given_rows("hf:somewhere", SCALE, tmp_path, 0)
    found = Measurements(_false_positives_rows.of_model(rows))
    assert found["model:false positives"].value == 0.5
    assert found["model:pass gap@1"].value == 0.5
    assert found["model:pass gap@8"].value == 0.0
    assert found["model:judge F1"].value == 0.0
    assert found["model:judge never"].value == 0.5
    assert claim(CHAINS, "judges-are-weak").judge(found).verdict == "reproduced"


def test_rows_become_measurements_that_claims_read():
    rows = []
    for problem in range(20):
        for sample in range(4):
            correct = (problem + sample) % 3 > 0
            valid = correct and problem % 2 == 0
            row = {"key": str(problem), "steps": (2, 4)[problem % 2], "remainder": (0, 10, 2)[problem % 3]}
            kind = None if valid else ("logical" if sample else "calculation")
            row |= {"answer": str(sample % 2), "correct": correct, "valid": valid, "kind": kind}
            rows.append(row | {"score": -float(sample)})
    found = Measurements(_false_positives_rows.measured("small", rows, SCALE))
    right = sum(r["correct"] for r in rows)
    assert found["small:correct"].value == pytest.approx(right / 80)
    assert found["small:false positives"].value == pytest.approx(1 - sum(r["valid"] for r in rows) / right)
    assert found["small:false positives, steps 4"].value == 1.0
    assert found["small:false positives, steps 2"].value == 0.0
    assert claim(CHAINS, "harder-more").judge(found).parts["more steps"] == "holds"
    same = Measurements(_false_positives_rows.compared(rows, rows, "same"))
    assert same["same:correct"].value == same["same:false positives"].value == 0.0
