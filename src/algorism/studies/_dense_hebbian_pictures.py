"""The pictures of `dense_hebbian` alone: retrieved images, accuracy tables."""

from collections.abc import Sequence
from typing import Any

from ..pictures import table_heatmap
from ._pictures import Row, finished


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
    return finished(chart)
