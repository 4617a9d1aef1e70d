"""Share of right values by type of question."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.figure import Figure

from wattbench.report import formats
from wattbench.report.data import Group, ReportData
from wattbench.report.tables import KINDS, KindResult, by_kind, level
from wattbench.report.views import plotting
from wattbench.report.views.registry import NARROW, CannotDraw, view
from wattbench.report.views.svg import Canvas, fitted, text_width

ROW = 19
GAP = 20


def _panels(data: ReportData, group: Group) -> dict[str, list[KindResult]]:
    panels: dict[str, list[KindResult]] = {}
    for result in by_kind(data, group):
        panels.setdefault(result.kind, []).append(result)
    if not panels:
        raise CannotDraw("no question was scored")
    return panels


def _title(kind: str, results: list[KindResult]) -> str:
    name = fitted(KINDS.get(kind, kind), 150)
    return f"{name}  (n = {max(r.asked for r in results)})"


def draw_svg(data: ReportData, group: Group, width: int) -> Markup:
    """The plot for the page: one panel a type, two abreast where there is room."""
    panels = _panels(data, group)
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
    "question-types",
    title="Accuracy by question type",
    caption="Share of right values with Wilson intervals and the number of questions. "
    "A question of several types counts in each.",
    svg=draw_svg,
)
def draw_figure(data: ReportData, group: Group) -> Figure:
    """The plot for files."""
    panels = _panels(data, group)
    runs = max(len(r) for r in panels.values())
    lines = -(-len(panels) // 2)
    figure = Figure(
        figsize=(7.6, max(1.6, lines * (0.7 + 0.19 * runs))), dpi=plotting.DPI, layout="constrained"
    )
    for position, (kind, results) in enumerate(panels.items()):
        axes = figure.add_subplot(lines, 2, position + 1)
        plotting.plain(axes)
        for row, r in enumerate(results):
            axes.hlines(-row, r.low, r.high, color=r.run.colour, linewidth=2, alpha=0.55)
            axes.plot(
                [r.accuracy], [-row], linestyle="none", color=r.run.colour,
                marker="D" if r.run.is_ensemble else "o", markersize=5,
            )  # fmt: skip
        axes.set_yticks(
            [-i for i in range(len(results))],
            [plotting.literal(fitted(r.run.label, 100, 7.5)) for r in results],
            fontsize=7.5,
        )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-runs + 0.4, 0.6)
        axes.set_title(plotting.literal(_title(kind, results)), fontsize=9, loc="left")
    return figure
