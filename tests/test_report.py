"""report.html says what was measured, to anybody, with no network and no way in for foreign markup."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorism.atlas.report import (
    SHOWN_ERRORS,
    Comparison,
    RunReport,
    from_breakdown,
    write_comparison,
    write_report,
)
from algorism.atlas.wording import duration, verdict, wrong_parts

EVIL = "<script>alert('x')</script>&\"'"


class Page(HTMLParser):
    """Reads a page: its words, tags, ids, and everything it would fetch."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.ids, self.links, self.marked, self.open = [], [], [], [], [], []
        self.feed(text)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.links.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] == "mark":
            self.marked.append(data)


def run_report(**changes):
    cells = [{"digits": d, "carries": c, "n": 50, "correct": 50 - 9 * c} for d in (1, 2) for c in range(d + 1)]
    values = {
        "title": "add3",
        "headline": {"accuracy": 0.9824, "low": 0.976, "high": 0.987, "n": 2000, "parameters": 101888, "seconds": 134},
        "curve": [{"step": s, "accuracy": s / 300, "loss": 3 - s / 100} for s in (0, 100, 200)],
        "digits_by_carries": cells,
        "places": [{"place": k, "n": 50, "correct": 50 - k, "low": 0.9 - k / 50, "high": 1} for k in range(3)],
        "kinds": {"one_digit_wrong": 3, "missing digits": 1, "reversed": 0},
        "errors": [{"prompt": "128+367=", "expected": "495", "got": "485", "kind": "one_digit_wrong"}],
        "sets": [{"name": "all nines", "n": 30, "correct": 27, "low": 0.74, "high": 0.97}],
        "recipe": "steps: 500\nformat: reverse\n",
        "environment": {"torch": "2.13.0"},
    }
    return RunReport(**{**values, **changes})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    path = write_report(run_report(), folder)
    assert path == folder / "report.html"
    return path


def test_a_run_is_told_in_full(written):
    path = written
    page = Page(path.read_text())
    assert page.open == []
    for words in (
        "98.2% [97.6%, 98.7%] on 2,000 held-out problems",
        "101,888 parameters",
        "2 min 14 s",
        "Learning curve",
        "Training loss",
        "Accuracy by digits and carries",
        "Accuracy of each digit",
        "Kinds of errors",
        "all nines 30 90.0% [74.0%, 97.0%]",
        "128+367= 495 4 8 5 one digit wrong",
        "steps: 500 format: reverse",
        "torch 2.13.0",
    ):
        assert words in page.text
    assert page.marked == ["8"]
    assert page.tags.count("svg") == 5
    names = sorted(p.name for p in (path.parent / "pictures").glob("*.png"))
    assert names == [
        f"{n}.png" for n in ("digit-accuracy", "digits-by-carries", "error-types", "learning-curve", "loss")
    ]


def test_the_page_fetches_nothing_and_ids_are_its_own(written):
    text = written.read_text()
    page = Page(text)
    assert "script" not in page.tags
    assert not [link for link in page.links if not link.startswith("#")]
    assert not re.findall(r"url\((?!#)|@import", text)
    assert len(page.ids) == len(set(page.ids)) > 0
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(page.ids)
    for mode in ("prefers-color-scheme: dark", "@media print", "width=device-width", "max-width: 480px"):
        assert mode in text


def test_foreign_text_cannot_become_markup(tmp_path):
    error = {"prompt": EVIL, "expected": EVIL, "got": EVIL[1:], "kind": EVIL}
    report = run_report(
        title=EVIL,
        headline={"accuracy": 0.5, "format": EVIL},
        curve=[{"step": s, "accuracy": 0.5, "series": name} for name in (EVIL, "b") for s in (0, 1)],
        kinds={EVIL: 2},
        errors=[error],
        sets=[{"name": EVIL, "n": 1, "correct": 1}],
        recipe=EVIL,
        environment={EVIL: EVIL},
    )
    text = write_report(report, tmp_path).read_text()
    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert "alert('x')" in page.text
    rows = [{"name": EVIL, "accuracy": 0.5, "low": 0.4, "high": 0.6, "seeds": 3, "examples": 9, "seconds": 1.0}]
    table = {EVIL: run_report().digits_by_carries}
    second = write_comparison(
        Comparison(EVIL, rows, lead=EVIL, digits_by_carries=table, kinds={EVIL: {EVIL: 1}}), tmp_path / "c"
    )
    assert "script" not in Page(second.read_text()).tags
    assert all(p.parent == second.parent / "pictures" for p in second.parent.rglob("*.png"))


def test_a_report_with_little_in_it_is_still_a_page(tmp_path):
    page = Page(write_report(RunReport("empty", {}), tmp_path / "page.html").read_text())
    assert "None to show." in page.text
    assert "svg" not in page.tags
    assert not (tmp_path / "pictures").exists()


def test_a_long_list_of_errors_is_cut_and_says_so(tmp_path):
    errors = [{"prompt": f"p{i}", "expected": "12", "got": None} for i in range(SHOWN_ERRORS + 5)]
    page = Page(write_report(RunReport("r", {}, errors=errors, kinds={"unparsed": 1234}), tmp_path).read_text())
    assert f"{SHOWN_ERRORS} of 1,234." in page.text
    assert f"p{SHOWN_ERRORS - 1} 12 no answer" in page.text
    assert f"p{SHOWN_ERRORS} " not in page.text


def test_runs_side_by_side(tmp_path):
    rows = [
        {"name": "plain", "accuracy": 0.811, "low": 0.79, "high": 0.83, "seeds": 3, "examples": 3000, "seconds": 33.1},
        {"name": "reverse", "accuracy": 0.9996, "low": 0.99, "high": 1.0, "seeds": 3, "examples": 3000, "seconds": 70},
    ]
    base = run_report()
    comparison = Comparison(
        "Two ways",
        rows,
        lead="Only the order differs.",
        curve=[{**row, "series": name} for name in ("plain", "reverse") for row in base.curve],
        digits_by_carries={"plain": base.digits_by_carries, "reverse": base.digits_by_carries},
        places=[{**row, "series": name} for name in ("plain", "reverse") for row in base.places],
        kinds={"plain": {"a": 2}, "reverse": {}},
    )
    path = write_comparison(comparison, tmp_path)
    page = Page(path.read_text())
    assert "plain 81.1% [79.0%, 83.0%] 3 3,000 33.1 s reverse 99.9% [99.0%, 100%] 3 3,000 1 min 10 s" in page.text
    assert "reverse is ahead" in page.text
    assert len(page.ids) == len(set(page.ids))
    pngs = {p.stem for p in (tmp_path / "pictures").glob("*.png")}
    assert {"digits-by-carries-plain", "digits-by-carries-reverse", "learning-curve", "error-types-plain"} <= pngs
    assert "error-types-reverse" not in pngs


def test_a_breakdown_of_the_evaluation_fills_the_page(tmp_path):
    breakdown = pytest.importorskip("algorism.evaluation.breakdown").breakdown
    answers, gold = ["12", "13", None, "7"], ["12", "23", "9", "7"]
    parts = from_breakdown(breakdown(answers, gold, [2, 2, 1, 1], [0, 1, 0, 0]).to_json())
    assert parts["kinds"]["unparsed"] == 1
    assert sum(parts["kinds"].values()) == 2
    page = Page(write_report(RunReport("r", {"accuracy": 0.5}, **parts), tmp_path).read_text())
    assert page.tags.count("svg") == 3


@given(st.text("0123", min_size=1, max_size=8), st.text("0123", min_size=1, max_size=8))
def test_marking_keeps_the_answer_and_marks_exactly_when_it_is_wrong(expected, got):
    parts = wrong_parts(expected, got)
    assert "".join(text for text, _ in parts).replace("␣", "") == got
    assert any(wrong for _, wrong in parts) == (expected != got)
    if len(expected) == len(got):
        flags = [wrong for text, wrong in parts for _ in text]
        assert flags == [e != g for e, g in zip(expected, got, strict=True)]
    else:  # what is not marked must stand in the right answer, in this order
        rest = iter(expected)
        assert all(char in rest for text, wrong in parts if not wrong for char in text)


@pytest.mark.parametrize(
    ("bounds", "ahead"),
    [
        ([(0.1, 0.2), (0.3, 0.4)], "b"),
        ([(0.3, 0.4), (0.1, 0.29)], "a"),
        ([(0.1, 0.3), (0.3, 0.4)], None),
        ([(0.9, 1.0), (0.1, 0.2), (0.95, 1.0)], None),
    ],
)
def test_ahead_means_that_no_other_interval_reaches_it(bounds, ahead):
    said = verdict([{"name": n, "low": low, "high": high} for n, (low, high) in zip("abc", bounds, strict=False)])
    assert said.startswith(f"{ahead} is ahead") if ahead else "overlap" in said


def test_durations():
    assert [duration(s) for s in (0.04, 59.94, 60, 3599.7, 3600, 90061)] == [
        *("0.0 s", "59.9 s", "1 min 0 s", "1 h 0 min", "1 h 0 min", "25 h 1 min")
    ]
