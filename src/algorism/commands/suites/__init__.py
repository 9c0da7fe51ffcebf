"""The sets of questions that `algorism suite` asks: one file for each, one row of `SUITES` in `commands/suite.py`."""
