"""report.html of `algorism quantize`: what became smaller, what it cost, and which layers paid for it.

The page takes the plain values of the `report.json` beside it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import algorism
from algorism import pictures
from algorism.atlas.report import inline_svg
from algorism.files import write_text
from algorism.pictures import percent

Values = Mapping[str, Any]


def write_quantization(found: Values, path: Path | str) -> Path:
    """Write the page of a quantization, and its pictures in `pictures/` beside it.

    Args:
        found: the values of `report.json`.
        path: the file, or the folder that gets `report.html`.

    Returns:
        the path of the page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    path = Path(path)
    path = path if path.suffix == ".html" else path / "report.html"
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("quantization.html.j2").render(
        title=f"{found['model']} in {found['bits']} bits",
        lead=lead(found),
        tiles=_tiles(found),
        tables=_tables(found),
        figures=_figures(found, path.parent / "pictures"),
        version=algorism.__version__,
    )
    write_text(path, page)
    return path


def lead(found: Values) -> str:
    """What was done, in one sentence.

    >>> lead({"method": "gptq", "bits": 4, "group": 128, "layers": [0, 0], "activations": 8})
    '2 layers: weights in 4 bits by gptq, one scale per 128 inputs; activations in 8 bits, integer arithmetic.'
    """
    scales = f"one scale per {found['group']} inputs" if found["group"] else "one scale per output"
    said = f"{len(found['layers'])} layers: weights in {found['bits']} bits by {found['method']}, {scales}"
    if found["activations"]:
        said += f"; activations in {found['activations']} bits, integer arithmetic"
    return said + "."


def _tiles(found: Values) -> list[tuple[str, str, str]]:
    size = found["size"]
    smaller = f"{size_text(size['before'])} before; {size['before'] / size['after']:.1f} times smaller"
    tiles = [("weights on disk", size_text(size["after"]), smaller)]
    tiles += [("bits per weight", f"{found['bits_per_weight']:.2f}", "of the quantized layers, scales included")]
    for row in found["accuracy"][:1]:
        remark = f"{percent(row['before'])} before; {row['lost']} lost, {row['gained']} gained of {row['n']:,}"
        tiles.append((f"right answers, {row['set']}", percent(row["after"]), remark))
    if found.get("next_tokens"):
        t = found["next_tokens"]
        remark = f"at {t['positions']:,} places of the calibration texts; KL divergence {t['kl']:.2g} nats"
        tiles.append(("same next token", percent(t["agreement"]), remark))
    return tiles


def size_text(count: int) -> str:
    """A number of bytes as people write it.

    >>> size_text(65_456), size_text(1_234_567), size_text(497_774_208)
    ('65 kB', '1.23 MB', '498 MB')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1000:.0f} kB"


def _tables(found: Values) -> list[dict[str, Any]]:
    tables = []
    if found["accuracy"]:
        tables.append(_before_and_after(found))
    tables.append(_layers(found))
    if found["left_out"]:
        rows = [[name, reason] for name, reason in found["left_out"].items()]
        tables.append({"title": "Left in full precision", "note": "", "head": ["module", "because"], "rows": rows})
    if found["integer_layers"] and not found["float_parts"]:
        rows = [["nothing: embeddings, norms, softmax and activations are integer arithmetic as well"]]
        tables.append({"title": "Integer arithmetic", "note": "", "head": ["in float"], "rows": rows})
    if found["float_parts"]:
        note = f"{len(found['integer_layers'])} layers multiply, add and rescale integers only. In float remain:"
        rows = [[part] for part in found["float_parts"]]
        tables.append({"title": "Integer arithmetic", "note": note, "head": ["in float"], "rows": rows})
    if found.get("not_measured"):
        rows = [[what, why] for what, why in found["not_measured"].items()]
        tables.append({"title": "Not measured", "note": "", "head": ["what", "why"], "rows": rows})
    return tables


def _layers(found: Values) -> dict[str, Any]:
    """Errors of every layer; what no layer has gets no column."""
    columns = {
        "layer": [r["name"] for r in found["layers"]],
        "weights": [f"{r['weights']:,}" for r in found["layers"]],
        "bits": [f"{r['bits']:.2f}" for r in found["layers"]],
        "SQNR in dB": [f"{r['sqnr_db']:.1f}" for r in found["layers"]],
        "output error": [_short(r["error"]) for r in found["layers"]],
        "by rounding": [_short(r["rtn_error"]) for r in found["layers"]],
        "note": [r["note"] for r in found["layers"]],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    note = "SQNR: power of the weights over that of their errors."
    if "output error" in columns:
        note += (
            " Output error: mean square on the calibration set, summed over outputs; of rounding to nearest beside it."
        )
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    return {"title": "Error of each layer", "note": note, "head": list(columns), "rows": rows}


def _before_and_after(found: Values) -> dict[str, Any]:
    """Accuracies of every set; strict ones have columns of their own where they are others."""
    rows = found["accuracy"]
    strict = any(r[f"strict_{when}"] != r[when] for r in rows for when in ("before", "after"))
    head = ["problems", "n", "before", "after", *(["strict before", "strict after"] if strict else [])]
    lines = []
    for r in rows:
        cells = [r["set"], f"{r['n']:,}", percent(r["before"]), percent(r["after"])]
        cells += [percent(r["strict_before"]), percent(r["strict_after"])] if strict else []
        lines.append([*cells, changed(r), str(r["lost"]), str(r["gained"]), p_value(r)])
    note = "Lost and gained: problems that only one of both answers right. p: McNemar's exact test of the difference."
    if strict:
        note += " Strict: the right answer and nothing else."
    if found.get("asked"):
        asked = found["asked"]
        note = f"Questions of the check-up, in the style that suits the model best: {asked['title']}. {note}"
        if asked["failed"]:
            note += f" {asked['failed']} of {asked['questions']} questions got no answer and are left out."
        if not asked["easy_sums"]:
            note += " It solves none of the easiest sums in any style: these questions are not what it was made for."
    head = [*head, "change in points", "lost", "gained", "p"]
    return {"title": "Right answers before and after", "note": note, "head": head, "rows": lines}


def changed(row: Values) -> str:
    """The change of an accuracy with its paired 95 % interval, in percentage points.

    >>> changed({"change": -0.015, "change_low": -0.03, "change_high": 0.0, "lost": 4, "gained": 1})
    '−1.5 (−3.0 to 0.0)'
    >>> changed({"change": 0.0, "change_low": 0.0, "change_high": 0.0, "lost": 0, "gained": 0})
    'none'
    """
    if not row["lost"] and not row["gained"]:
        return "none"  # the bootstrap of equal outcomes has no width, which would look like certainty
    value, low, high = (f"{100 * row[k]:+.1f}".replace("-", "−") for k in ("change", "change_low", "change_high"))
    plain = [text.replace("+0.0", "0.0").replace("−0.0", "0.0") for text in (value, low, high)]
    return f"{plain[0]} ({plain[1]} to {plain[2]})"


def p_value(row: Values) -> str:
    """McNemar's p, where anything changed.

    >>> p_value({"lost": 3, "gained": 0, "p": 0.25}), p_value({"lost": 0, "gained": 0, "p": 1.0})
    ('0.25', '')
    """
    return f"{row['p']:.2g}" if row["lost"] or row["gained"] else ""


def _figures(found: Values, folder: Path) -> list[dict[str, Any]]:
    figures: list[dict[str, Any]] = []

    def add(name: str, title: str, caption: str, chart: Any, table: Any = None) -> None:
        pictures.save(chart, folder / name)
        drawing = inline_svg(chart, f"f{len(figures)}", f"{title}. {caption}")
        figures.append({"title": title, "caption": caption, "svg": drawing, "table": table})

    if found["sensitivity"]:
        rows = [{"label": r["layer"], "kl": r["kl"], "text": f"{r['kl']:.2g}{_lost(r)}"} for r in found["sensitivity"]]
        caption = (
            "Only this layer is rounded, all others are as they were: divergence of the next token's distribution."
        )
        chart = pictures.bars(rows, value="kl", value_title="KL divergence in nats")
        add("sensitivity", "Sensitivity, one layer at a time", caption, chart)
    else:
        rows = [{"label": r["name"], "sqnr": r["sqnr_db"]} for r in found["layers"][:60]]
        caption = "The weights' power over that of their errors: low is bad." + (
            f" The first 60 of {len(found['layers'])} layers." if len(found["layers"]) > 60 else ""
        )
        if rows:
            add("layers", "Error of each layer", caption, pictures.bars(rows, value="sqnr", value_title="SQNR in dB"))
    if found["sweep"]:
        rows = [{"series": r["method"], **r} for r in found["sweep"]]
        exact = found["accuracy"][0]["before"]
        caption = f"Filled: nothing with as few bits is as often right. Dashes across: before, {percent(exact)}."
        table = {
            "head": ["method", "bits", "bits per weight", "exact match"],
            "rows": [[r["method"], r["nominal"], f"{r['bits']:.2f}", percent(r["accuracy"])] for r in found["sweep"]],
        }
        add("bits-by-accuracy", "Bits and accuracy", caption, pictures.bits_by_accuracy(rows, exact=exact), table)
    return figures


def _lost(row: Values) -> str:
    """The change of accuracy beside a bar, where it was measured."""
    return "" if row.get("accuracy") is None else f", {percent(row['accuracy'])} right"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
