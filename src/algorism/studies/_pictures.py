"""Pictures that several studies draw: theory lines through measured points."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..pictures import HEIGHT, THEME, WIDTH

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
    return finished(alt.layer(curve, bars, dots).properties(width=WIDTH, height=HEIGHT))


def finished(chart: Any) -> dict[str, Any]:
    """A chart as a specification in the look of all pictures."""
    return {**chart.to_dict(), "config": THEME}
