"""A program for test_checkup_server.py: a check-up with a few rows of its tables, until it is killed."""

import sys

from algorism.cli import app
from algorism.evaluation.checkup import contrasts
from algorism.evaluation.checkup.arms import ARMS
from algorism.evaluation.checkup.probes import PROBES
from algorism.evaluation.checkup.signatures import WHERE

KEPT_PROBES = {*WHERE, "count-word", "chain"}
KEPT_CONTRASTS = tuple(row for row in contrasts.CONTRASTS if row.name in ("words", "steps"))
KEPT_ARMS = {arm for row in KEPT_CONTRASTS for arm in (row.a, row.b)}

if __name__ == "__main__":
    for table, kept in ((PROBES, KEPT_PROBES), (ARMS, KEPT_ARMS)):
        for name in set(table) - kept:
            del table[name]
    contrasts.CONTRASTS = KEPT_CONTRASTS
    app(["checkup", *sys.argv[1:]])
