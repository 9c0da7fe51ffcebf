"""report.html: one run, or several side by side, on a single page that needs no network and no other file.

The page takes plain JSON-able values, so whoever has numbers can fill it. Pictures stand in the page as SVG, and as
PNG beside it. Every text from outside is escaped by the template; only drawings made here go in as they are.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import algorism
from algorism import pictures
from algorism.atlas.wording import duration, interval, plain, verdict, wrong_parts
from algorism.files import write_text
from algorism.pictures import percent, share_of

Row = Mapping[str, Any]
SHOWN_ERRORS = 60


@dataclass
class RunReport:
    """Everything that the page of one run says. Accuracies run from 0 to 1, intervals are 95 %.

    Args:
        title: e.g. the run's name.
        headline: {accuracy, low, high, n, parameters?, seconds?}, and any other words or numbers worth a tile.
        curve: {step, accuracy?, low?, high?, loss?, series?}.
        digits_by_carries: {digits, carries, n, correct or value, low?, high?}.
        places: accuracy of each digit of the answer, {place, n, correct or value, low?, high?}; place 0 is
            the last digit.
        kinds: how often each kind of error was made.
        errors: {prompt, expected, got, kind}.
        sets: further test sets, {name, n, correct or value, low, high}.
        recipe: the settings as text.
        environment: versions, device.
    """

    title: str
    headline: dict[str, Any]
    curve: list[dict[str, Any]] = field(default_factory=list)
    digits_by_carries: list[dict[str, Any]] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    sets: list[dict[str, Any]] = field(default_factory=list)
    recipe: str = ""
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass
class Comparison:
    """Everything that the page of several runs says.

    Args:
        title: of the page.
        rows: {name, accuracy, low, high, seeds, examples, seconds}, the interval over seeds.
        lead: one sentence on what was compared.
        curve: as in `RunReport`, with the name of the row as `series`.
        digits_by_carries: the table of `RunReport` for each name.
        places: the same, each row with its `series`.
        kinds: how often each kind of error was made, for each name.
        errors: {prompt, expected, got, kind}; `kind` may carry the name of the row.
        recipe: the settings as text.
        environment: versions, device.
    """

    title: str
    rows: list[dict[str, Any]]
    lead: str = ""
    curve: list[dict[str, Any]] = field(default_factory=list)
    digits_by_carries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    recipe: str = ""
    environment: dict[str, Any] = field(default_factory=dict)


def from_breakdown(breakdown: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `RunReport` that an evaluation's breakdown fills: `RunReport(title, headline, **these)`.

    Args:
        breakdown: `evaluation.breakdown.Breakdown.to_json()`.
    """
    return {
        "digits_by_carries": breakdown["table"],
        "places": breakdown["by_place"],
        "kinds": {e["kind"]: e["count"] for e in breakdown["errors"] if e["kind"] != "correct"},
    }


def write_report(report: RunReport, path: Path | str) -> Path:
    """Write the page of one run, and its pictures as PNG in `pictures/` beside it.

    Args:
        report: what it says.
        path: the file, or the folder that gets `report.html`.

    Returns:
        the path of the page.
    """
    page = _Page(path)
    page.curves(report.curve)
    page.heatmap("digits-by-carries", "Accuracy by digits and carries", report.digits_by_carries)
    page.digits(report.places)
    page.kinds("error-types", "Kinds of errors", report.kinds)
    return page.write(
        title=report.title,
        tiles=_tiles(report.headline),
        sets=[_set(row) for row in report.sets],
        **_common(report),
    )


def write_comparison(comparison: Comparison, path: Path | str) -> Path:
    """Write the page that sets several runs side by side, and its pictures as PNG in `pictures/` beside it.

    Args:
        comparison: what it says.
        path: the file, or the folder that gets `report.html`.

    Returns:
        the path of the page.
    """
    page = _Page(path)
    page.curves(comparison.curve)
    page.digits(comparison.places)
    for name, table in comparison.digits_by_carries.items():
        page.heatmap(f"digits-by-carries-{name}", f"Accuracy by digits and carries: {name}", table)
    for name, counts in comparison.kinds.items():
        page.kinds(f"error-types-{name}", f"Kinds of errors: {name}", counts)
    return page.write(
        title=comparison.title,
        lead=comparison.lead,
        verdict=verdict(comparison.rows),
        rows=[_compared(row) for row in comparison.rows],
        **_common(comparison),
    )


class _Page:
    """Collects figures, drawing each once for the page and once as PNG, and fills the template."""

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        self.path = path if path.suffix == ".html" else path / "report.html"
        self.figures: list[dict[str, Any]] = []

    def curves(self, rows: Sequence[Row]) -> None:
        shares = [row for row in rows if row.get("accuracy") is not None]
        losses = [{k: v for k, v in r.items() if k not in ("low", "high")} for r in rows if r.get("loss") is not None]
        banded = any(row.get("low") is not None for row in shares)
        caption = "Exact match on held-out problems." + (" The bands are 95 % intervals." if banded else "")
        if shares:
            self._add("learning-curve", "Learning curve", caption, pictures.learning_curves(shares))
        if losses:
            self._add("loss", "Training loss", "Cross-entropy in nats.", pictures.learning_curves(losses, y="loss"))

    def heatmap(self, name: str, title: str, rows: Sequence[Row]) -> None:
        if any(row["n"] for row in rows):
            caption = "Long problems with many carries are the hard ones; n is the number of problems in a cell."
            numbers = [[r["digits"], r["carries"], r["n"], _share(r)] for r in rows if r["n"]]
            table = {"head": ["digits", "carries", "n", "accuracy"], "rows": numbers}
            self._add(name, title, caption, pictures.digits_by_carries(rows), table)

    def digits(self, rows: Sequence[Row]) -> None:
        if any(row["n"] for row in rows):
            caption = "How often each digit is right, most significant left. 10⁰ is the last digit."
            numbers = [[f"{r.get('series', '')} 10^{r['place']}".strip(), r["n"], _share(r)] for r in rows if r["n"]]
            table = {"head": ["place", "n", "accuracy"], "rows": numbers}
            self._add("digit-accuracy", "Accuracy of each digit", caption, pictures.digit_accuracy(rows), table)

    def kinds(self, name: str, title: str, counts: Mapping[str, int]) -> None:
        counts = {kind: n for kind, n in counts.items() if n}
        if counts:
            self._add(name, title, "What the wrong answers have in common.", pictures.error_types(counts))

    def _add(self, name: str, title: str, caption: str, chart: Any, table: Any = None) -> None:
        safe = re.sub(r"[^\w.-]+", "-", name)
        pictures.save(chart, self.path.parent / "pictures" / safe)
        drawing = inline_svg(chart, f"f{len(self.figures)}", f"{title}. {caption}")
        self.figures.append({"title": title, "caption": caption, "svg": drawing, "table": table})

    def write(self, **values: Any) -> Path:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        folder = Path(__file__).parent / "templates"
        environment = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        defaults = {"lead": "", "verdict": "", "tiles": [], "rows": [], "sets": []}
        page = environment.get_template("report.html.j2").render(
            {**defaults, **values, "figures": self.figures, "version": algorism.__version__}
        )
        write_text(self.path, page)
        return self.path


def inline_svg(chart: Any, prefix: str, label: str) -> Any:
    """Draw a chart as SVG that can stand in a page: scaling with it, in its colours, with ids of its own.

    Args:
        chart: an Altair chart.
        prefix: goes before every id; ids of two drawings in one page would otherwise be the same.
        label: read out by screen readers.

    Returns:
        `markupsafe.Markup`, which the template does not escape again.
    """
    from markupsafe import Markup, escape

    specification = copy.deepcopy(chart.to_dict())
    specification["config"]["background"] = "transparent"
    text = pictures.svg(specification)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'url\(#([^)"]+)\)|href="#([^"]+)"', lambda m: _referring(m, prefix), text)
    width, height = (float(re.search(rf'<svg[^>]*\b{side}="([\d.]+)"', text)[1]) for side in ("width", "height"))  # type: ignore[index]
    inner = text[text.index(">", text.index("<svg")) + 1 :]
    # Drawn for a phone; on a wide page it may grow by a third, so that small tables do not become posters.
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label)}" style="width:100%;max-width:{width * 1.33:.0f}px">'
    )
    return Markup(opening + inner)


def _referring(match: re.Match[str], prefix: str) -> str:
    return f"url(#{prefix}-{match[1]})" if match[1] else f'href="#{prefix}-{match[2]}"'


def _common(report: RunReport | Comparison) -> dict[str, Any]:
    errors = [{"kind": "", **e, "parts": _parts(e)} for e in report.errors[:SHOWN_ERRORS]]
    return {
        "errors": errors,
        "errors_total": max(len(report.errors), _total(report.kinds)),
        "recipe": report.recipe,
        "environment": report.environment,
    }


def _total(kinds: Mapping[str, Any]) -> int:
    return sum(_total(n) if isinstance(n, Mapping) else n for n in kinds.values())


def _parts(error: Row) -> list[tuple[str, bool]]:
    if error["got"] in (None, ""):
        return [("no answer", True)]
    return wrong_parts(str(error["expected"]), str(error["got"]))


def _tiles(headline: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, value, remark) for each tile; the accuracy comes first."""
    rest = {k: v for k, v in headline.items() if k not in ("accuracy", "low", "high", "n", "parameters", "seconds")}
    tiles = []
    if headline.get("accuracy") is not None:
        remark = interval(headline)
        remark += f" on {headline['n']:,} held-out problems" if headline.get("n") else ""
        tiles.append(("exact match", percent(headline["accuracy"]), remark.strip()))
    if headline.get("parameters") is not None:
        tiles.append(("model size", f"{headline['parameters']:,}", "parameters"))
    if headline.get("seconds") is not None:
        tiles.append(("training time", duration(headline["seconds"]), ""))
    return tiles + [(key.replace("_", " "), plain(value), "") for key, value in rest.items()]


def _compared(row: Row) -> list[str]:
    cells = [str(row["name"]), percent(row["accuracy"]), interval(row), str(row.get("seeds", ""))]
    return [*cells, plain(row.get("examples", "")), duration(row["seconds"]) if "seconds" in row else ""]


def _set(row: Row) -> list[str]:
    return [str(row["name"]), plain(row["n"]), percent(share_of(row)) if row["n"] else "", interval(row)]


def _share(row: Row) -> str:
    return f"{percent(share_of(row))} {interval(row)}".strip()
