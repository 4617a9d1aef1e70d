"""Share of right values by type of question."""

from __future__ import annotations

from markupsafe import Markup

from wattbench.report import formats
from wattbench.report.data import Group, ReportData
from wattbench.report.metrics import Value
from wattbench.report.tables import KINDS, KindResult, by_kind, level
from wattbench.report.views import plotting, rows
from wattbench.report.views.registry import NARROW, CannotDraw, Plot, view
from wattbench.report.views.svg import Canvas, fitted, text_width

ROW = 19
GAP = 20
FEW = 10
"""Questions of a type below which its shares are marked as hardly telling."""


def _panels(group: Group) -> dict[str, list[KindResult]]:
    panels: dict[str, list[KindResult]] = {}
    for result in by_kind(group):
        panels.setdefault(result.kind, []).append(result)
    if not panels:
        raise CannotDraw("no question was scored")
    return panels


def _title(kind: str, results: list[KindResult]) -> str:
    name = fitted(KINDS.get(kind, kind), 150)
    asked = max(r.asked for r in results)
    return f"{name}  (n = {asked}{', (!)' if asked < FEW else ''})"


def draw_svg(data: ReportData, group: Group, width: int) -> Markup:
    """The plot for the page: one panel a type, two abreast where there is room."""
    panels = _panels(group)
    narrow = width <= NARROW
    abreast = 1 if narrow else 2
    column = (width - (abreast - 1) * 40) / abreast
    runs = max(len(r) for r in panels.values())
    widest = 125.0 if narrow else 165.0
    longest = max(text_width(fitted(r.run.label, widest)) for rs in panels.values() for r in rs)
    left = min(longest + 10, column * 0.42)
    panel_height = 24 + runs * ROW + 24
    lines = -(-len(panels) // abreast)
    height = lines * (panel_height + GAP)
    canvas = Canvas(
        width, height,
        f"Share of right values by type of question with {level(data)} Wilson intervals; the table "
        "below holds the figures",
    )  # fmt: skip
    for position, (kind, results) in enumerate(panels.items()):
        x0 = (position % abreast) * (column + 40)
        y0 = (position // abreast) * (panel_height + GAP)
        right = x0 + column - 10

        def x(value: float, x0: float = x0, right: float = right) -> float:
            return x0 + left + value * (right - x0 - left)

        canvas.text(x0, y0 + 13, _title(kind, results), "panel-title")
        bottom = y0 + 24 + runs * ROW
        for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
            canvas.line(x(tick), y0 + 22, x(tick), bottom, "grid")
            canvas.text(x(tick), bottom + 15, f"{tick:g}", "tick", "middle")
        for row, r in enumerate(results):
            y = y0 + 24 + row * ROW + ROW / 2
            canvas.group(
                f"point {r.run.css}",
                f"{r.run.label}: {r.right} of {r.asked} right, {formats.share(r.accuracy)} "
                f"({formats.interval(r.low, r.high)})",
            )
            canvas.text(x0 + left - 8, y + 4, fitted(r.run.label, widest), "tick", "end")
            canvas.line(x(r.low), y, x(r.high), y, "whisker thick")
            canvas.mark(x(r.accuracy), y, diamond=r.run.is_ensemble, hollow=False, size=4.5)
            canvas.close()
    return canvas.markup()


@view(
    "accuracy_by_type",
    title="Accuracy by question type",
    caption="Share of right values with Wilson intervals and the number of questions; (!) marks "
    "types with fewer than ten. A question of several types counts in each.",
    section="Accuracy",
    svg=draw_svg,
)
def draw_figure(data: ReportData, group: Group) -> Plot:
    """The plot for files."""
    named = plotting.names(group.runs, 120)
    panels = [
        rows.Panel(
            _title(kind, results),
            tuple(
                rows.Entry(
                    named[r.run.name], r.run.colour, Value(r.accuracy, r.low, r.high),
                    f"{r.right}/{r.asked}", diamond=r.run.is_ensemble,
                    strong=bool(r.run.row["headline"]),
                )
                for r in results
            ),
            f"Share right ({level(data)} interval)",
            share=True,
        )
        for kind, results in _panels(group).items()
    ]  # fmt: skip
    return Plot(rows.draw(panels, columns=2))
