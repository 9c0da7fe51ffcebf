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
    smaller = f"{size['before'] / 1e6:,.2f} MB before; {size['before'] / size['after']:.1f} times smaller"
    tiles = [("weights on disk", f"{size['after'] / 1e6:,.2f} MB", smaller)]
    tiles += [("bits per weight", f"{found['bits_per_weight']:.2f}", "of the quantized layers, scales included")]
    for row in found["accuracy"][:1]:
        tiles.append((f"exact match, {row['set']}", percent(row["after"]), f"{percent(row['before'])} before"))
    return tiles


def _tables(found: Values) -> list[dict[str, Any]]:
    tables = []
    if found["accuracy"]:
        rows = [
            [
                r["set"],
                f"{r['n']:,}",
                percent(r["before"]),
                percent(r["after"]),
                f"{percent(r['low'])} to {percent(r['high'])}",
            ]
            for r in found["accuracy"]
        ]
        head = ["problems", "n", "before", "after", "95 % interval after"]
        tables.append({"title": "Exact match before and after", "note": "", "head": head, "rows": rows})
    head = ["layer", "weights", "bits", "SQNR", "output error", "by rounding", "note"]
    rows = [
        [
            r["name"],
            f"{r['weights']:,}",
            f"{r['bits']:.2f}",
            f"{r['sqnr_db']:.1f} dB",
            _short(r["error"]),
            _short(r["rtn_error"]),
            r["note"],
        ]
        for r in found["layers"]
    ]
    note = "Output error: mean squared, summed over outputs, on the calibration set. SQNR: weights over errors."
    tables.append({"title": "Error of each layer", "note": note, "head": head, "rows": rows})
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
    return tables


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
        caption = "Filled points: nothing with as few bits is as often right."
        table = {
            "head": ["method", "bits", "bits per weight", "exact match"],
            "rows": [[r["method"], r["nominal"], f"{r['bits']:.2f}", percent(r["accuracy"])] for r in found["sweep"]],
        }
        add("bits-by-accuracy", "Bits and accuracy", caption, pictures.bits_by_accuracy(rows), table)
    return figures


def _lost(row: Values) -> str:
    """The change of accuracy beside a bar, where it was measured."""
    return "" if row.get("accuracy") is None else f", {percent(row['accuracy'])} right"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
