"""The pictures of `quantization_survey`: the taxonomy, accuracy against bits, tables, and the ladder with its seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..lowbit.taxonomy import NEEDS, tree
from ..pictures import INK, PALETTE, THEME, WIDTH, table_heatmap

Row = Mapping[str, Any]
ROW = 17  # pixels of a line of the taxonomy


def taxonomy() -> dict[str, Any]:
    """The registered parts as an indented list: branches, and leaves with their source and a mark of what they need."""
    import altair as alt

    rows = []
    for at, (depth, words, leaf) in enumerate(tree()):
        rows.append({
            "row": at, "depth": depth, "words": words, "leaf": leaf is not None,
            "needs": leaf.needs if leaf else "", "source": leaf.source if leaf else "",
        })  # fmt: skip
    y = alt.Y("row:O", axis=None)
    x = alt.X("depth:Q", axis=None, scale=alt.Scale(domain=[0, 18], nice=False))
    right = alt.X("end:Q", axis=None, scale=alt.Scale(domain=[0, 18], nice=False))
    base = alt.Chart(alt.Data(values=rows)).transform_calculate(end="18")
    branches = base.transform_filter("!datum.leaf")
    leaves = base.transform_filter("datum.leaf")
    legend = alt.Legend(symbolType="circle", columns=2)
    colour = alt.Color("needs:N", scale=alt.Scale(domain=list(NEEDS), range=PALETTE[: len(NEEDS)]), legend=legend)
    layers = [
        branches.mark_text(align="left", fontWeight=600, fontSize=12).encode(x=x, y=y, text="words:N"),
        leaves.mark_circle(size=45, opacity=1, xOffset=4).encode(x=x, y=y, color=colour),
        leaves.mark_text(align="left", dx=13, fontSize=11).encode(x=x, y=y, text="words:N"),
        leaves.mark_text(align="right", fontSize=10, opacity=0.65).encode(x=right, y=y, text="source:N"),
    ]
    return _finished(alt.layer(*layers).properties(width=WIDTH, height=ROW * len(rows)))


def pareto(cells: Sequence[Row], exact: float) -> dict[str, Any]:
    """Accuracy over bits per weight: a point a method and width, a line through what nothing smaller equals.

    Args:
        cells: {method, bits, accuracy}.
        exact: accuracy of the float network.
    """
    import altair as alt

    ordered = sorted(cells, key=lambda cell: (cell["bits"], -cell["accuracy"]))
    front, best = [], -1.0
    for cell in ordered:
        if cell["accuracy"] > best:
            front.append(dict(cell))
            best = cell["accuracy"]
    named: dict[str, str] = {}
    for cell in front:
        named.setdefault(cell["method"], "")
    x = alt.X("bits:Q", title="bits per weight", scale=alt.Scale(zero=False, nice=False, padding=8))
    y = alt.Y("accuracy:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"))
    points = alt.Chart(alt.Data(values=[dict(cell) for cell in cells])).mark_circle(size=36, opacity=0.55)
    line = alt.Chart(alt.Data(values=front)).mark_line(interpolate="step-after", color=INK, strokeWidth=1.5)
    dots = alt.Chart(alt.Data(values=front)).mark_circle(size=60, opacity=1)
    order = alt.Scale(domain=list(named), range=PALETTE[: len(named)])
    rule = alt.Chart(alt.Data(values=[{"accuracy": exact}])).mark_rule(strokeDash=[4, 3], color=INK)
    layers = [
        rule.encode(y=y),
        line.encode(x=x, y=y),
        points.encode(x=x, y=y, color=alt.value("#9aa1a9")),
        dots.encode(x=x, y=y, color=alt.Color("method:N", scale=order)),
    ]
    return _finished(alt.layer(*layers).properties(width=WIDTH, height=240))


def heatmap(cells: Sequence[Row]) -> dict[str, Any]:
    """Accuracy by method and width of the weights."""
    rows = [{"method": c["method"], "width": str(c["width"]), "accuracy": c["accuracy"]} for c in cells]
    return table_heatmap(rows, x="width", y="method", x_title="bits", y_title=" ").to_dict()


def ladder(rows: Sequence[Row]) -> dict[str, Any]:
    """One line a method, one dot a seed, a bar at the mean; rows {method, seed, accuracy} in order."""
    import altair as alt

    names = list(dict.fromkeys(row["method"] for row in rows))
    base = alt.Chart(alt.Data(values=[dict(row) for row in rows]))
    y = alt.Y("method:N", sort=names, title=None)
    axis = alt.Axis(format=".0%", tickCount=6)
    x = alt.X("accuracy:Q", scale=alt.Scale(domain=[0, 1]), axis=axis, title="accuracy")
    dots = base.mark_circle(size=42, opacity=0.75, color=PALETTE[0]).encode(x=x, y=y)
    means = base.mark_tick(thickness=2.5, size=18, color=PALETTE[1]).encode(
        x=alt.X("mean(accuracy):Q", title="accuracy", scale=alt.Scale(domain=[0, 1]), axis=axis), y=y
    )
    return _finished(alt.layer(means, dots).properties(width=WIDTH - 70, height={"step": 30}))


def _finished(chart: Any) -> dict[str, Any]:
    return {**chart.to_dict(), "config": THEME}
