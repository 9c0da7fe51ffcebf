"""Pictures: what is drawn is what was given, and files appear whole."""

import copy
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from algorism import pictures
from algorism.errors import UsageError

CELLS = [
    {"digits": d, "carries": c, "n": 40 * d + c, "correct": 40 * d - 7 * c} for d in (1, 2, 3) for c in range(d + 1)
]
CURVE = [
    {"step": 100 * i, "accuracy": i / 10, "low": i / 12, "high": i / 10, "series": s}
    for s in ("plain", "reverse")
    for i in range(11)
]


def words(chart):
    """The texts of the drawn picture, in order."""
    root = ET.fromstring(pictures.svg(chart))
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text") if element.text]


ALL = {
    "curves": lambda: pictures.learning_curves(CURVE, title="T"),
    "examples": lambda: pictures.accuracy_by_examples([{"examples": 10**k, "accuracy": k / 9} for k in range(2, 6)]),
    "completion": lambda: pictures.completion_curve(
        [{"revealed": 1000, "success": 0.0}, {"revealed": 2000, "success": 1}]
    ),
    "carries": lambda: pictures.digits_by_carries(CELLS),
    "table": lambda: pictures.table_heatmap([{"a": "x", "b": "y", "accuracy": 0.25}], x="a", y="b"),
    "digits": lambda: pictures.digit_accuracy([{"place": k, "n": 9, "correct": 9 - k} for k in range(4)]),
    "errors": lambda: pictures.error_types({"one_digit": 3, "length": 5}),
}


@pytest.mark.parametrize("name", ALL)
def test_every_picture_is_written_as_json_svg_and_png(tmp_path, name):
    chart = ALL[name]()
    paths = pictures.save(chart, tmp_path / "deep" / "picture.v1")
    assert [p.name for p in paths] == ["picture.v1.json", "picture.v1.svg", "picture.v1.png"]
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == sorted(p.name for p in paths)
    specification = json.loads(paths[0].read_text())
    assert specification["config"]["range"]["category"] == pictures.PALETTE
    assert ET.fromstring(paths[1].read_text()).tag.endswith("svg")
    assert paths[2].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert pictures.svg(specification) == paths[1].read_text()


@pytest.mark.parametrize("name", ALL)
def test_every_picture_fits_a_phone(name):
    width = float(re.search(r'width="([\d.]+)"', pictures.svg(ALL[name]()))[1])
    assert width <= 430


def test_a_learning_curve_goes_through_its_points():
    root = ET.fromstring(pictures.svg(pictures.learning_curves([r for r in CURVE if r["series"] == "plain"])))
    lines = [e.get("d") for e in root.iter() if "mark-line" in (e.get("class") or "") for e in e if e.get("d")]
    points = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+),([\d.]+)", lines[0])]
    assert len(points) == 11
    for i, (x, y) in enumerate(points):
        assert x == pytest.approx(pictures.WIDTH * i / 10, abs=0.01)
        assert y == pytest.approx(pictures.HEIGHT * (1 - i / 10), abs=0.01)


def test_one_legend_names_each_series_once_and_a_single_series_has_none():
    both = words(pictures.learning_curves(CURVE))
    assert [both.count(name) for name in ("plain", "reverse")] == [1, 1]
    without_band = [{k: v for k, v in row.items() if k not in ("low", "high")} for row in CURVE]
    assert words(pictures.learning_curves(without_band)).count("plain") == 1
    assert "plain" not in words(pictures.learning_curves(CURVE[:11]))


def test_series_keep_the_order_in_which_they_come():
    drawn = words(pictures.learning_curves(CURVE[11:] + CURVE[:11]))
    assert drawn.index("reverse") < drawn.index("plain")


def test_a_heat_map_shows_share_and_sample_size_of_every_cell():
    drawn = words(pictures.digits_by_carries(CELLS))
    for cell in CELLS:
        exact = 1000 * cell["correct"] // cell["n"] / 10
        assert ("100%" if exact == 100 else f"{exact:.1f}%") in drawn
        assert f"n = {cell['n']}" in drawn


def test_cells_without_problems_stay_empty():
    drawn = words(pictures.digits_by_carries([*CELLS, {"digits": 4, "carries": 0, "n": 0, "correct": 0}]))
    assert "n = 0" not in drawn


def test_the_cells_of_a_large_heat_map_carry_no_labels():
    cells = [{"digits": d, "carries": c, "n": 50, "correct": 25} for d in range(1, 21) for c in range(d + 1)]
    drawn = words(pictures.digits_by_carries(cells))
    assert "50.0%" not in drawn
    assert "20" in drawn


def test_an_interval_row_serves_as_well_as_counts():
    by_count = pictures.digit_accuracy([{"place": 0, "n": 8, "correct": 6}]).to_dict()
    by_value = pictures.digit_accuracy([{"place": 0, "n": 8, "value": 0.75}]).to_dict()
    assert by_count["data"]["values"][0]["accuracy"] == by_value["data"]["values"][0]["accuracy"] == 0.75


def test_digits_stand_as_they_are_written_and_errors_by_frequency():
    drawn = words(ALL["digits"]())
    assert [w for w in drawn if w.startswith("10") and "%" not in w] == ["10³", "10²", "10¹", "10⁰"]
    drawn = words(pictures.error_types({"rare_one": 1, "often": 9, "some": 4}))
    assert [w for w in drawn if w in ("rare one", "often", "some")] == ["often", "some", "rare one"]


@pytest.mark.parametrize("share", [0, 1, 0.9999999, 0.5, 1 / 3, 0.0004, 0.29, 0.999])
def test_a_percentage_never_claims_more_than_was_measured(share):
    text = pictures.percent(share)
    shown = float(text.rstrip("%"))
    assert shown <= 100 * share + 1e-9
    assert 100 * share - shown < 0.1 + 1e-9
    assert (text == "100%") == (share == 1)
    assert (text == "0%") == (share == 0)


def test_numpy_numbers_are_drawn_and_what_is_no_number_is_refused():
    rows = [{"step": np.int64(i), "accuracy": np.float32(i)} for i in range(2)]
    assert pictures.learning_curves(rows).to_dict()["data"]["values"][1] == {"series": "", "step": 1, "accuracy": 1.0}
    with pytest.raises(ValueError, match="JSON"):
        pictures.learning_curves([{"step": 0, "accuracy": math.nan}])


@pytest.mark.parametrize("draw", [pictures.learning_curves, pictures.digits_by_carries, pictures.digit_accuracy])
def test_nothing_to_draw_is_an_error_that_says_so(draw):
    with pytest.raises(UsageError, match="nothing to draw"):
        draw([])


def test_drawing_does_not_change_the_specification_and_escapes_text():
    specification = pictures.learning_curves([{**r, "series": f"<b>{r['series']}"} for r in CURVE]).to_dict()
    before = copy.deepcopy(specification)
    drawn = pictures.svg(specification)
    assert specification == before
    assert "<b>" not in drawn
    assert "&lt;b&gt;plain" in drawn


def test_importing_pictures_does_not_import_altair():
    code = "import sys, algorism.pictures; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"] * 2


def test_a_row_without_its_value_is_refused():
    """It would be drawn as nothing, and nobody would notice."""
    with pytest.raises(UsageError, match="expected 'step' and 'accuracy' in every row"):
        pictures.learning_curves([{"step": 1, "accuracy": 0.5}, {"step": 2, "value": 0.6}])
