"""Every study's whole wiring runs at the quick scale, and what its claims read is what it measures."""

import json

import pytest

from algorism.claims import SCALES
from algorism.ledger import Ledger
from algorism.studies.registry import all_studies
from algorism.studies.runner import run_study


@pytest.mark.parametrize("study", all_studies(), ids=lambda s: s.slug)
def test_quick_scale_runs_and_is_recorded(study, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    finished = run_study(study, "quick", seed=3, ledger=ledger)
    assert finished.measurements
    recorded = ledger.latest(study.slug, "quick")
    assert set(recorded) == set(finished.measurements)
    for name in finished.pictures:
        spec = json.loads((finished.folder / f"{name}.json").read_text())
        assert "vega-lite" in spec["$schema"]
        assert (finished.folder / f"{name}.png").stat().st_size > 1000


@pytest.mark.parametrize("study", all_studies(), ids=lambda s: s.slug)
def test_study_is_complete(study):
    assert set(study.scales) == set(SCALES)
    assert len(study.text) > 200
    for claim in study.claims:
        assert claim.text.endswith(".")
        assert claim.source
        assert claim.paper
