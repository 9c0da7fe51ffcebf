"""docs/graders.md is what the recorded results give, and our rows in them are what our grader does today."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORDED = json.loads((ROOT / "results" / "benchmarks" / "graders.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graders():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        spec = importlib.util.spec_from_file_location("graders", ROOT / "benchmarks" / "graders.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_the_page_follows_from_the_results(graders):
    assert (ROOT / "docs" / "graders.md").read_text(encoding="utf-8") == graders.page(RECORDED)


def test_every_peer_was_measured_on_the_same_answers(graders):
    assert list(RECORDED) == [peer.name for peer in graders.PEERS]
    asked = graders.cases()
    for kind in graders.KINDS:
        right = sum(case.right for case in asked if case.kind == kind)
        wrong = sum(not case.right for case in asked if case.kind == kind)
        for row in RECORDED.values():
            assert (row["kinds"][kind]["right"], row["kinds"][kind]["wrong"]) == (right, wrong)


def test_our_rows_are_those_of_today(graders):
    for peer in graders.PEERS[:2]:
        now = graders.measured(peer, graders.cases())
        assert (now["kinds"], now["shown"]) == (RECORDED[peer.name]["kinds"], RECORDED[peer.name]["shown"])
        assert all(counts["accepted wrong"] == 0 for counts in now["kinds"].values())
    assert all(counts["rejected right"] == 0 for counts in RECORDED["algorism lenient"]["kinds"].values())
