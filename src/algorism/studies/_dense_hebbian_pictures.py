"""The pictures of the Hebbian studies: theory lines through Monte Carlo points, retrieved images, accuracy tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..pictures import HEIGHT, THEME, WIDTH, table_heatmap

Row = Mapping[str, Any]


def lines_and_points(lines: Sequence[Row], points: Sequence[Row], x_title: str, y_title: str) -> dict[str, Any]:
    """Lines from the theory, points with intervals from Monte Carlo; one colour a series.

    Args:
        lines: {x, y, series}.
        points: {x, y, low, high, series}.
        x_title: words under the horizontal axis.
        y_title: words beside the vertical one.
    """
    import altair as alt

    names = list(dict.fromkeys(str(row["series"]) for row in (*lines, *points)))
    colour = alt.Color("series:N", scale=alt.Scale(domain=names), legend=alt.Legend(symbolType="stroke"))
    x = alt.X("x:Q", title=x_title, scale=alt.Scale(zero=False))
    y_scale = alt.Scale(domain=[0, 1])

    def base(rows: Sequence[Row]) -> Any:
        return alt.Chart(alt.Data(values=[dict(row) for row in rows])).encode(x=x, color=colour)

    curve = base(lines).mark_line(strokeWidth=2).encode(y=alt.Y("y:Q", title=y_title, scale=y_scale))
    dots = base(points).mark_circle(size=40, opacity=1).encode(y=alt.Y("y:Q", title=y_title, scale=y_scale))
    low = alt.Y("low:Q", title=y_title, scale=y_scale)
    bars = base(points).mark_rule(strokeWidth=1.5, clip=True).encode(y=low, y2="high:Q")
    return _finished(alt.layer(curve, bars, dots).properties(width=WIDTH, height=HEIGHT))


def accuracy_by_order(rows: Sequence[Row]) -> dict[str, Any]:
    """Heat map of accuracy over interaction order and examples per class; rows {P, M, accuracy}."""
    return table_heatmap(rows, x="M", y="P", x_title="examples per class M", y_title="interaction order P").to_dict()


def retrieved(shown: Sequence[Row]) -> dict[str, Any]:
    """Start and end images side by side; rows {image, order, start, end}, images as lists of their (row, column) on."""
    import altair as alt

    orders = list(dict.fromkeys(row["order"] for row in shown))
    titles = ["start", *(f"P = {order}" for order in orders)]
    pixels = []
    for row in shown:
        if row["order"] == orders[0]:
            pixels += [{"image": row["image"], "state": "start", "r": r, "c": c} for r, c in row["start"]]
        pixels += [{"image": row["image"], "state": f"P = {row['order']}", "r": r, "c": c} for r, c in row["end"]]
    size = 1 + max(max(p["r"], p["c"]) for p in pixels)
    edge = 64
    places = alt.Scale(domain=[-0.5, size - 0.5], nice=False, zero=False)
    chart = (
        alt.Chart(alt.Data(values=pixels))
        .mark_square(size=(edge / size) ** 2, opacity=1, color="#1f2328")
        .encode(
            x=alt.X("c:Q", axis=None, scale=places),
            y=alt.Y("r:Q", axis=None, scale=places.copy()).scale(reverse=True),
            row=alt.Row("image:O", title=None, header=alt.Header(labels=False)),
            column=alt.Column("state:N", title=None, sort=titles, header=alt.Header(labelFontSize=12)),
        )
        .properties(width=edge, height=edge)
    )
    return _finished(chart)


def _finished(chart: Any) -> dict[str, Any]:
    return {**chart.to_dict(), "config": THEME}
