"""How numbers, intervals and wrong answers are put for people to read."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from algorism.pictures import percent

Row = Mapping[str, Any]


def wrong_parts(expected: str, got: str) -> list[tuple[str, bool]]:
    """Cut a wrong answer into parts, each with whether it is wrong; something left out shows as a wrong "␣".

    Answers of equal length are compared place by place, as one reads digits; others by the longest common parts.

    >>> wrong_parts("495", "485")
    [('4', False), ('8', True), ('5', False)]
    >>> wrong_parts("1234", "124")
    [('12', False), ('␣', True), ('4', False)]
    """
    parts: list[tuple[str, bool]] = []
    if len(expected) == len(got):
        parts = [(g, e != g) for e, g in zip(expected, got, strict=True)]
    else:
        matcher = difflib.SequenceMatcher(None, expected, got, autojunk=False)
        for tag, _, _, start, end in matcher.get_opcodes():
            parts.append((got[start:end] or "␣", tag != "equal"))
    joined: list[tuple[str, bool]] = []
    for text, wrong in parts:
        if joined and joined[-1][1] == wrong:
            joined[-1] = (joined[-1][0] + text, wrong)
        else:
            joined.append((text, wrong))
    return joined


def verdict(rows: Sequence[Row]) -> str:
    """Say whether the best row is clearly ahead, going by the intervals.

    >>> verdict([{"name": "plain", "low": 0.7, "high": 0.8}, {"name": "reverse", "low": 0.98, "high": 1.0}])
    'reverse is ahead: its interval lies above all others.'
    """
    if len(rows) < 2:
        return ""
    best = max(rows, key=lambda row: row["low"])
    if all(best["low"] > row["high"] for row in rows if row is not best):
        return f"{best['name']} is ahead: its interval lies above all others."
    return "The best intervals overlap: these runs do not show which is better."


def interval(row: Row) -> str:
    """The interval of a row with `low` and `high`; nothing where it has none."""
    if row.get("low") is None or row.get("high") is None:
        return ""
    return f"[{percent(row['low'])}, {percent(row['high'])}]"


def plain(value: Any) -> str:
    """A number with thousands separated, and anything else as text."""
    return f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(7.25), duration(134), duration(7300)
    ('7.2 s', '2 min 14 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
