"""Which studies there are: every module of this folder that defines `STUDY`. Adding a study is adding one file.

A study module must be importable without torch: listing the studies imports them all, and has to stay instant.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

import algorism.studies
from algorism.claims import SCALES, Measurements, Scale, Study
from algorism.errors import UsageError, nearest
from algorism.ledger import Ledger

_NOT_STUDIES = {"registry", "runner"}


def module_names() -> list[str]:
    """The modules that may hold a study, without importing them."""
    found = {m.name for m in pkgutil.iter_modules(algorism.studies.__path__)}
    return sorted(name for name in found - _NOT_STUDIES if not name.startswith("_"))


def _load(name: str) -> Study | None:
    study = getattr(importlib.import_module(f"algorism.studies.{name}"), "STUDY", None)
    return study if isinstance(study, Study) else None


def all_studies() -> list[Study]:
    """Every study, by slug."""
    return sorted((s for s in map(_load, module_names()) if s is not None), key=lambda s: s.slug)


def find(slug: str) -> Study:
    """The study of that name. Only its own module is imported when that is named like the slug.

    Raises:
        UsageError: no such study; the message names the nearest.
    """
    name = slug.replace("-", "_")
    study = _load(name) if name in module_names() else None
    if study is not None and study.slug == slug:
        return study
    known = {s.slug: s for s in all_studies()}
    if slug not in known:
        raise UsageError(f"There is no study {slug!r}. {nearest(slug, known)}")
    return known[slug]


def scale_of(study: Study, name: str) -> Scale:
    """The study's settings at a scale.

    Raises:
        UsageError: the study has no such scale.
    """
    if name not in study.scales:
        raise UsageError(f"Study {study.slug!r} has no scale {name!r}. {nearest(name, study.scales)}")
    return study.scales[name]


def measured(study: Study, ledger: Ledger) -> dict[str, Measurements]:
    """The newest measurements of each scale that the study offers; empty where it was never run."""
    names = sorted(study.scales, key=lambda s: SCALES.index(s) if s in SCALES else len(SCALES))
    return {name: ledger.latest(study.slug, name) for name in names}


def as_json(studies: Iterable[Study], ledger: Ledger) -> dict[str, Any]:
    """What `algorism studies --json` prints."""
    return {"studies": [study.as_json(measured(study, ledger)) for study in studies]}
