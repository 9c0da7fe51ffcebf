"""checkup.html: what a check-up found, on a single page that needs no network and no other file.

The page takes the plain values of `checkup.json`. Everything a model wrote is escaped by the template.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from algorism.atlas.wording import interval, wrong_parts
from algorism.evaluation.checkup.wording import percent, whole
from algorism.files import write_text

Values = Mapping[str, Any]
_LIGHT, _DARK = (0xF2, 0xE3, 0xDF), (0x00, 0x5A, 0x8C)  # of 0 and 1; between them lies a blue that is lighter
_MIDDLE = (0xB5, 0xD4, 0xE9)
_MARKED = 300  # characters of an answer up to which wrong ones are marked


def write_checkup(found: Values, path: Path | str) -> Path:
    """Write the page of a check-up.

    Args:
        found: the values of `checkup.json`.
        path: the file, or the folder that gets `checkup.html`.

    Returns:
        the path of the page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    path = Path(path)
    path = path if path.suffix == ".html" else path / "checkup.html"
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    asked = [probe for probe in found["probes"] if any(level["n"] for level in probe["levels"])]
    page = environment.get_template("checkup.html.j2").render(
        model=found["model"],
        headline=found["headline"],
        tiles=_tiles(found["answers"]),
        groups=[(group, [_strip(p) for p in rows]) for group, rows in groupby(asked, lambda p: p["group"])],
        colour=_colour,
        weakest=[_spot(spot) for spot in found["weakest"]],
        causes=[_cause(cause) for cause in sorted(found["causes"], key=lambda cause: cause["verdict"] == "no")],
        advice=found["advice"],
        unasked=_unasked(found["unasked"]),
        thresholds=_thresholds(found["probes"]),
        method=_method(found["method"]),
        style={**found["style"], "of": max(trial["answers"] for trial in found["style"]["trials"])},
        facts=_facts(found),
        version=found["method"]["version"],
    )
    write_text(path, page)
    return path


def _tiles(answers: Values) -> list[tuple[str, str, str]]:
    given, failed = answers["given"], answers["failed"]
    if not given:
        return [("right answers", "none", f"{failed:,} requests failed")]
    rows = [
        ("right answers", "right", f"of {given:,}, which were chosen where accuracy changes; blind {_blind(answers)}"),
        ("written as asked", "strict", "right, and the bare answer"),
        ("no number found", "unparsed", "counted as wrong"),
        ("too long", "cut", "cut off at the limit"),
    ]
    tiles = [(what, percent(answers[key] / given), remark) for what, key, remark in rows]
    return [*tiles, ("failed requests", f"{failed:,}", "counted neither way")]


def _blind(answers: Values) -> str:
    return percent(answers["blind"])


def _strip(probe: Values) -> dict[str, Any]:
    asked = {level["level"]: level for level in probe["levels"]}
    cells = [_cell(level, asked.get(level), probe["unit"]) for level in probe["all_levels"]]
    return {"title": probe["title"], "unit": probe["unit"], "cells": cells}


def _cell(level: int, found: Values | None, unit: str) -> dict[str, Any]:
    if found is None:
        return {"level": level, "words": ""}
    blind = percent(found["blind"]["share"])
    words = (
        f"{count(level, unit)}: {found['right']} of {found['n']} right {interval(found)}, {found['strict']} as asked; "
        f"blind {blind} ({found['blind']['how']}); no number found {found['unparsed']}, too long {found['cut']}, "
        f"failed {found['failed']}"
    )
    if not found["n"]:
        grey = {"back": "#d9dde2", "ink": "#1f2328"}
        return {"level": level, "words": words, "share": "✕", "blind": "", "n": 0, **grey}
    share = found["value"]
    values = {"share": whole(share), "blind": whole(found["blind"]["share"]), "n": found["n"]}
    return {
        "level": level,
        "words": words,
        **values,
        "back": _colour(share),
        "ink": "#ffffff" if share > 0.72 else "#14181d",
    }


def count(n: int, unit: str) -> str:
    """A number with its unit.

    >>> count(1, "digits"), count(2, "digits")
    ('1 digit', '2 digits')
    """
    return f"{n} {unit.removesuffix('s') if n == 1 else unit}"


def _colour(share: float) -> str:
    low, high, part = (_LIGHT, _MIDDLE, 2 * share) if share < 0.5 else (_MIDDLE, _DARK, 2 * share - 1)
    mixed = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _spot(spot: Values) -> dict[str, Any]:
    words = f"{spot['right']} of {spot['n']} right {interval(spot)}; blind {percent(spot['blind']['share'])}"
    examples = [{**example, "parts": _parts(example)} for example in spot["examples"]]
    return {**spot, "where": count(spot["level"], spot["unit"]), "words": words, "examples": examples}


def _parts(example: Values) -> list[tuple[str, bool]]:
    text = example["answer"].strip()
    if not text:
        return [("(nothing)", True)]
    if len(text) > _MARKED or example["read"] is None:
        return [(text, False)]
    return wrong_parts(example["right"], text)


def _unasked(rows: Sequence[Values]) -> list[tuple[str, str, list[str]]]:
    """Reason, how much it concerns, and what; by the most frequent reason of each, those of the most things first."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        reason = next(iter(row["reasons"]), "no request was made")
        found.setdefault(reason, {"task": [], "cause": []})[row["kind"]].append(row["title"])
    lists = []
    for reason, titles in found.items():
        tasks, causes = titles["task"], titles["cause"]
        words = [count(len(some), unit) for some, unit in ((tasks, "tasks"), (causes, "contrasts")) if some]
        lists.append((reason, ", ".join(words), [*tasks, *causes]))
    return sorted(lists, key=lambda row: -len(row[2]))


def _cause(cause: Values) -> dict[str, Any]:
    effect = f"{_points(cause['effect'])} [{_points(cause['low'])}, {_points(cause['high'])}] points"
    p = "< 0.0001" if cause["holm"] < 0.0001 else f"{cause['holm']:.4f}"
    return {**cause, "effect": effect, "p": p, "n": f"{cause['n']:,}", "shown": cause["verdict"] != "no"}


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _thresholds(probes: Sequence[Values]) -> dict[str, Any]:
    heads = [f"{100 * t['threshold']:.0f} % up to" for t in probes[0]["thresholds"]]
    rows = [
        (f"{p['group']}: {p['title']}", [_threshold(t, p) for t in p["thresholds"]])
        for p in probes
        if any(level["n"] for level in p["levels"])
    ]
    return {"heads": heads, "rows": rows}


def _threshold(found: Values, probe: Values) -> tuple[str, str]:
    """What is estimated, and what is shown."""
    last, unit = probe["all_levels"][-1], probe["unit"]
    if found["estimate"] is None:
        main = "nowhere"
    else:
        main = count(found["estimate"], unit) + (" or more" if found["estimate"] == last else "")
        main += ", the most it could be asked" if found["estimate"] == probe["reach"] < last else ""
    parts = []
    if found["holds_up_to"] is not None:
        parts.append(f"holds at {found['holds_up_to']}")
    if found["fails_from"] is not None:
        parts.append(f"fails at {found['fails_from']}")
    if not found["consistent"]:
        return main, "harder questions are easier here: " + ", ".join(parts)
    return main, "shown: " + ", ".join(parts) if parts else "nothing shown yet"


def _method(method: Values) -> list[str]:
    sure = f"{100 * (1 - method['alpha']):.0f} %"
    return [
        f"{method['requests']:,} of at most {method['budget']:,} requests, seed {method['seed']}. Every task began "
        "with four questions at its easiest, middle and hardest level, and at all others too where the easiest seemed "
        "to fail; then questions went where they told most about the levels at which accuracy crosses 90, 50 and 10 %. "
        "No question was asked twice at one level.",
        "Right is an answer in which a careful reader finds exactly the right value; strict is the bare answer in "
        "canonical form. Failed requests are no answers and count neither way; an answer without a number is wrong.",
        "Because the answers decide what is asked next, intervals of levels are confidence sequences (Robbins 1970; "
        f"Waudby-Smith and Ramdas 2020), which hold at any stopping, with {sure} confidence each. Statements on where "
        "accuracy falls assume that a harder level is not easier, and are right together, for one task and one "
        "threshold, with the same confidence.",
        f"Causes were tested on at most {method['pairs']} pairs each, drawn apart and fixed beforehand, by McNemar's "
        "exact test with Agresti and Min's interval; marks of wrong answers against their rate by chance. Blind "
        "answers are the best of: the most frequent right answer, the answer to another question, a number of the "
        "question; on 100 questions drawn apart.",
    ]


def _facts(found: Values) -> list[tuple[str, str]]:
    method = found["method"]
    facts = [("model", found["model"]), ("fingerprint", json.dumps(found["fingerprint"], ensure_ascii=False))]
    facts += [("seed", str(method["seed"])), ("requests", f"{method['requests']:,}"), ("algorism", method["version"])]
    facts += [(f"failed {count:,} times", reason) for reason, count in list(method["failures"].items())[:5]]
    return facts
