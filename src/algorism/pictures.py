"""Every picture as an Altair chart with one look: colour-blind safe, readable at phone width, light background.

One Vega-Lite specification serves the page (SVG), the PNG and whoever wants to draw it again (JSON). Accuracies run
from 0 to 1. Drawing needs no network. Altair is imported only when something is drawn.
"""

import copy
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorism.errors import UsageError
from algorism.files import write_atomic, write_json, write_text

if TYPE_CHECKING:
    import altair as alt

Row = Mapping[str, Any]

INK, GRID, PAPER = "#1f2328", "#d9dde2", "#ffffff"
# Okabe and Ito's palette (2008), told apart with any common colour blindness; yellow is too light for lines.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"]
WIDTH, HEIGHT = 330, 220  # a phone is 390 px wide, and legends stand above: the labels stay readable there

_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_AXIS = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8}
_LEGEND = {"orient": "top", "direction": "horizontal", "columns": 2, "title": None, "labelFontSize": 12}
THEME: dict[str, Any] = {
    "background": PAPER,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        **_AXIS,
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
    },
    "legend": {**_LEGEND, "labelColor": INK, "labelLimit": 150, "symbolStrokeWidth": 2.5, "symbolSize": 240},
    "title": {"fontSize": 14, "fontWeight": 600, "anchor": "start", "color": INK, "offset": 10},
    "range": {"category": PALETTE},
    "line": {"strokeWidth": 2.5},
    "text": {"fontSize": 12, "color": INK},
}


def learning_curves(
    rows: Sequence[Row],
    *,
    x: str = "step",
    y: str = "accuracy",
    x_title: str = "training steps",
    y_title: str = "",
    title: str = "",
    log_x: bool = False,
) -> "alt.LayerChart":
    """Lines of `y` over `x`, one per `series`, with a band from `low` to `high` where rows have them.

    Args:
        rows: {x, y, series?, low?, high?}; an accuracy is drawn on the full scale from 0 to 100 %.
        x: key of the horizontal value.
        y: key of the vertical value.
        x_title: words under the horizontal axis.
        y_title: words beside the vertical axis; the key by default.
        title: above the picture.
        log_x: logarithmic horizontal axis, for numbers of examples that double.

    Raises:
        UsageError: no rows.

    >>> chart = learning_curves([{"step": 0, "accuracy": 0.0}, {"step": 100, "accuracy": 0.9}])
    >>> [layer["mark"]["type"] for layer in chart.to_dict()["layer"]]
    ['line', 'circle']
    """
    import altair as alt

    share = y in ("accuracy", "success")
    without = next((row for row in rows if x not in row or y not in row), None)
    if without is not None:
        raise UsageError(f"learning_curves: expected {x!r} and {y!r} in every row, got {dict(without)}.")
    data = _data([{"series": "", **row} for row in rows], "learning_curves")
    names = list(dict.fromkeys(str(row.get("series", "")) for row in rows))
    places = sorted({row[x] for row in rows})
    ticks = {"values": places} if log_x and len(places) <= 10 else {"tickCount": 6}
    number = ",d" if places[-1] < 100_000 else "~s"
    x_scale = alt.Scale(type="log", nice=False) if log_x else alt.Scale(zero=False, nice=len(places) < 20)
    y_scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=False)

    def vertical(key: str) -> alt.Y:
        return alt.Y(f"{key}:Q", title=y_title or y, axis=alt.Axis(format=".0%" if share else "~g"), scale=y_scale)

    x_axis = alt.Axis(format=number, labelOverlap="greedy", labelSeparation=6, **ticks)
    base = alt.Chart(data).encode(x=alt.X(f"{x}:Q", title=x_title, scale=x_scale, axis=x_axis))
    # One legend, of colour and dash together: lines come first and own it, bands and points are filled without one.
    # The order is given as a domain; given as a sort it would split the legend in two.
    order = alt.Scale(domain=names)
    fill = alt.Fill("series:N", scale=order, legend=None)
    legend = alt.Legend(symbolType="stroke") if len(names) > 1 else None
    stroke = alt.Stroke("series:N", scale=order, legend=legend)
    dash = alt.StrokeDash("series:N", scale=order, legend=legend)  # says the same to whoever prints in grey
    layers: list[Any] = [base.mark_line().encode(y=vertical(y), stroke=stroke, strokeDash=dash)]
    if any("low" in row for row in rows):
        layers.append(base.mark_area(opacity=0.18, clip=True).encode(y=vertical("low"), y2="high:Q", fill=fill))
    if len(rows) <= 16 * len(names):
        layers.append(base.mark_circle(size=34, opacity=1).encode(y=vertical(y), fill=fill))
    return _finished(alt.layer(*layers), title)


def accuracy_by_examples(rows: Sequence[Row], *, title: str = "") -> "alt.LayerChart":
    """Accuracy over the number of training examples (log axis). Rows: {examples, accuracy, series, low?, high?}."""
    return learning_curves(rows, x="examples", x_title="training examples", title=title, log_x=True)


def completion_curve(rows: Sequence[Row], *, title: str = "") -> "alt.LayerChart":
    """Share of tables completed over the revealed entries. Rows: {revealed, success, series?, low?, high?}."""
    words: dict[str, Any] = {"x_title": "revealed entries", "y_title": "tables completed", "title": title}
    return learning_curves(rows, x="revealed", y="success", **words)


def digits_by_carries(table: Sequence[Row], *, title: str = "") -> "alt.LayerChart":
    """Heat map of accuracy over number of digits × number of carries, each cell with its sample size.

    Args:
        table: {digits, carries, n, correct or value}.
        title: above the picture.
    """
    rows = [{**row, "accuracy": share_of(row)} for row in table if row["n"]]
    return table_heatmap(
        rows, x="carries", y="digits", x_title="carries in the sum", y_title="digits of the longer operand", title=title
    )


def table_heatmap(
    rows: Sequence[Row],
    *,
    x: str,
    y: str,
    value: str = "accuracy",
    x_title: str = "",
    y_title: str = "",
    title: str = "",
) -> "alt.LayerChart":
    """Heat map of a share, 0 to 1, over two categories. Small tables get the number in each cell, and `n` below it.

    Args:
        rows: {x, y, value, n?}; combinations that are missing stay empty.
        x: key of the columns.
        y: key of the lines.
        value: key of the share.
        x_title: words under the columns; the key by default.
        y_title: words beside the lines; the key by default.
        title: above the picture.

    Raises:
        UsageError: no rows.
    """
    import altair as alt

    columns = list(dict.fromkeys(row[x] for row in rows))
    lines = list(dict.fromkeys(row[y] for row in rows))
    order: Any = "ascending" if all(isinstance(c, (int, float)) for c in columns + lines) else None
    labelled = [{**r, "label": percent(r[value]), "count": f"n = {r['n']}" if "n" in r else ""} for r in rows]
    wide = max(18, min(86, WIDTH // max(1, len(columns))))
    tall = max(18, min(52, 320 // max(1, len(lines))))
    base = alt.Chart(_data(labelled, "table_heatmap")).encode(
        x=alt.X(f"{x}:O", title=x_title or x, sort=order, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        y=alt.Y(f"{y}:O", title=y_title or y, sort=order),
    )
    legend = alt.Legend(format=".0%", gradientLength=160, gradientThickness=10)
    colour = alt.Color(f"{value}:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"), legend=legend)
    layers: list[Any] = [base.mark_rect(stroke=PAPER, strokeWidth=2).encode(color=colour)]
    ink = alt.when(f"datum['{value}'] > 0.55").then(alt.value("#ffffff")).otherwise(alt.value("#111111"))
    both = tall >= 40 and wide >= 50 and any("n" in row for row in rows)
    if wide >= 36 and tall >= 18:
        layers.append(base.mark_text(fontSize=12, dy=-7 if both else 0).encode(text="label:N", color=ink))
    if both:
        layers.append(base.mark_text(fontSize=10, dy=9).encode(text="count:N", color=ink))
    finished = _finished(alt.layer(*layers).properties(width={"step": wide}, height={"step": tall}), title, sized=True)
    finished.config = {**THEME, "axis": {**THEME["axis"], "domain": False, "ticks": False, "grid": False}}
    return finished


def digit_accuracy(rows: Sequence[Row], *, title: str = "") -> "alt.LayerChart":
    """Accuracy of each digit of the answer, most significant left.

    Args:
        rows: {place, n, correct or value, low?, high?, series?}; place 0 is the last digit.
        title: above the picture.
    """
    import altair as alt

    named = [{"series": "", **r, "accuracy": share_of(r), "digit": _power(r["place"])} for r in rows if r["n"]]
    order = [_power(place) for place in sorted({row["place"] for row in rows}, reverse=True)]
    names = list(dict.fromkeys(row["series"] for row in named))
    base = alt.Chart(_data(named, "digit_accuracy")).encode(
        x=alt.X("digit:N", sort=order, title="place of the digit in the answer", axis=alt.Axis(labelAngle=0)).scale(
            paddingInner=0.25, paddingOuter=0.15
        ),
    )
    if len(names) > 1:
        base = base.encode(xOffset=alt.XOffset("series:N", sort=names))
    axis = alt.Y("accuracy:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"), title="accuracy")
    whisker = alt.Y("low:Q", title="accuracy")
    colour = alt.Color("series:N", sort=names, legend=alt.Legend() if len(names) > 1 else None)
    layers: list[Any] = [base.mark_bar().encode(y=axis, color=colour)]
    if any("low" in row for row in rows):
        layers.append(base.mark_rule(color=INK, strokeWidth=1.5).encode(y=whisker, y2="high:Q"))
    return _finished(alt.layer(*layers), title)


def error_types(counts: Mapping[str, int], *, title: str = "") -> "alt.LayerChart":
    """Bars of how often each kind of error was made, most frequent on top."""
    import altair as alt

    rows = [{"kind": kind.replace("_", " "), "count": n} for kind, n in counts.items()]
    base = alt.Chart(_data(rows, "error_types")).encode(
        y=alt.Y("kind:N", sort="-x", title=None, axis=alt.Axis(labelLimit=150, grid=False)),
        x=alt.X("count:Q", title="wrong answers", axis=alt.Axis(tickMinStep=1, tickCount=5)),
    )
    bars = base.mark_bar(color=PALETTE[1])
    labels = base.mark_text(align="left", dx=5).encode(text="count:Q")
    return _finished(alt.layer(bars, labels).properties(width=WIDTH - 60, height={"step": 30}), title, sized=True)


def bars(rows: Sequence[Row], *, value: str, value_title: str, title: str = "") -> "alt.LayerChart":
    """One horizontal bar for each row, in the order given, with its number.

    Args:
        rows: {label, value, text?}; `text` stands at the bar's end instead of the number.
        value: key of the length.
        value_title: words under the axis.
        title: above the picture.
    """
    import altair as alt

    named = [{"text": f"{row[value]:.3g}", **row} for row in rows]
    base = alt.Chart(_data(named, "bars")).encode(
        x=alt.X(f"{value}:Q", title=value_title, axis=alt.Axis(tickCount=4, format="~g")),
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=190, grid=False)),
    )
    words = base.mark_text(align="left", dx=4).encode(text="text:N")
    layers = alt.layer(base.mark_bar(color=PALETTE[0]), words)
    return _finished(layers.properties(width=WIDTH - 100, height={"step": 24}), title, sized=True)


def bits_by_accuracy(rows: Sequence[Row], *, exact: float | None = None, title: str = "") -> "alt.LayerChart":
    """Accuracy over bits per weight, a line for each method, and the front: what nothing smaller reaches.

    Args:
        rows: {bits, accuracy, series, front}; points of the front are filled.
        exact: accuracy in full precision, as a line across; None for none.
        title: above the picture.
    """
    import altair as alt

    names = list(dict.fromkeys(str(row["series"]) for row in rows))
    order = alt.Scale(domain=names)
    legend = alt.Legend(symbolType="stroke") if len(names) > 1 else None
    y = alt.Y("accuracy:Q", title="exact match", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    x = alt.X(
        "bits:Q", title="bits per weight, scales included", scale=alt.Scale(zero=False), axis=alt.Axis(format="~g")
    )
    base = alt.Chart(_data(rows, "bits_by_accuracy")).encode(x=x, y=y)
    stroke = alt.Stroke("series:N", scale=order, legend=legend)
    lines = base.mark_line().encode(stroke=stroke, strokeDash=alt.StrokeDash("series:N", scale=order, legend=legend))
    points = base.mark_point(size=40, fill=PAPER, opacity=1).encode(
        stroke=alt.Stroke("series:N", scale=order, legend=None)
    )
    front = base.transform_filter("datum.front").mark_circle(size=70, opacity=1)
    filled = front.encode(fill=alt.Fill("series:N", scale=order, legend=None))
    across = [] if exact is None else [alt.Chart(_data([{"exact": exact}], "bits_by_accuracy")).mark_rule(
        color=INK, strokeDash=[2, 3], opacity=0.6
    ).encode(y=alt.Y("exact:Q"))]  # fmt: skip
    return _finished(alt.layer(*across, lines, points, filled), title)


def share_of(row: Row) -> float:
    """The accuracy of a row: `correct` of `n`, or the `value` of an interval."""
    return row["correct"] / row["n"] if "correct" in row else row["value"]


def percent(share: float) -> str:
    """A share as a percentage that is never rounded up to 100 %.

    >>> percent(0.99996), percent(1.0), percent(0.8125)
    ('99.9%', '100%', '81.2%')
    """
    tenths = math.floor(share * 1000 + 1e-9) / 10
    return f"{tenths:.0f}%" if tenths in (0.0, 100.0) and share in (0, 1) else f"{tenths:.1f}%"


def svg(chart: Any) -> str:
    """Draw a chart, or its specification, as SVG text: the words escaped, the same text for the same chart."""
    import vl_convert

    text = vl_convert.vegalite_to_svg(_specification(chart))
    # The renderer counts clip paths and gradients through the life of the process; here they are counted per drawing.
    for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', text))):
        text = re.sub(rf'(\bid="|url\(#|href="#){re.escape(name)}(?=["\)])', rf"\g<1>part{number}", text)
    return text


def save(chart: Any, path: Path | str) -> list[Path]:
    """Write a chart, or its specification, as PATH.json (Vega-Lite), PATH.svg and PATH.png, each atomically.

    Args:
        chart: an Altair chart or a Vega-Lite dict.
        path: without suffix; a dot in the name belongs to the name.

    Returns:
        the three paths.
    """
    import vl_convert

    specification = _specification(chart)
    text, image = svg(specification), vl_convert.vegalite_to_png(specification, scale=2.0)
    stem = Path(path)
    targets = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("json", "svg", "png")]
    write_json(targets[0], specification)
    write_text(targets[1], text)
    write_atomic(targets[2], lambda stream: stream.write(image))
    return targets


def _specification(chart: Any) -> dict[str, Any]:
    specification = copy.deepcopy(dict(chart)) if isinstance(chart, Mapping) else chart.to_dict()
    specification.setdefault("config", THEME)
    return specification


def _data(rows: Sequence[Row], who: str) -> "alt.Data":
    import altair as alt

    if not rows:
        raise UsageError(f"{who}: there is nothing to draw; expected at least one row.")
    # Through JSON, so that NumPy numbers are plain ones; NaN is refused here and not drawn as zero later.
    plain = json.loads(json.dumps([dict(row) for row in rows], default=lambda v: v.tolist(), allow_nan=False))
    return alt.Data(values=plain)


def _finished(chart: Any, title: str, *, sized: bool = False) -> Any:
    chart = chart if sized else chart.properties(width=WIDTH, height=HEIGHT)
    chart = chart.properties(title=title) if title else chart
    chart.config = copy.deepcopy(THEME)
    return chart


def _power(place: int) -> str:
    return "10" + str(place).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
