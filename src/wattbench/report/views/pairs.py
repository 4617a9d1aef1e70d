"""Differences of scores of every pair, with their paired intervals."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from wattbench.report import formats
from wattbench.report.data import Group, ReportData
from wattbench.report.metrics import Value
from wattbench.report.tables import level
from wattbench.report.views import plotting, rows
from wattbench.report.views.registry import NARROW, CannotDraw, Plot, view
from wattbench.report.views.svg import Canvas, fitted, linear_ticks, text_width
from wattbench.tables.verdicts import NOTHING_JUDGED

MOST = 60
"""Pairs drawn; the table holds all of them."""


def _pairs(group: Group) -> list[dict[str, Any]]:
    if not group.comparisons:
        raise CannotDraw("there is one run, so nothing to compare")
    found = [pair for pair in group.comparisons if pair["difference"] is not None]
    if not found:
        raise CannotDraw(f"no difference is known: null {NOTHING_JUDGED}")
    return sorted(found, key=lambda r: (-abs(r["difference"]), r["first"], r["second"]))[:MOST]


def _ordered(pair: dict[str, Any]) -> tuple[str, str, float, float, float, bool]:
    """The better first, so that every difference reads to the right; last, if they are distinct."""
    if pair["difference"] < 0:
        return (
            pair["second"], pair["first"], -pair["difference"],
            -pair["difference_high"], -pair["difference_low"], bool(pair["distinct"]),
        )  # fmt: skip
    return (
        pair["first"], pair["second"], pair["difference"],
        pair["difference_low"], pair["difference_high"], bool(pair["distinct"]),
    )  # fmt: skip


def draw_svg(data: ReportData, group: Group, width: int) -> Markup:
    """The plot for the page."""
    found = [_ordered(p) for p in _pairs(group)]
    narrow = width <= NARROW
    widest = 150.0 if narrow else 215.0
    names = [
        (fitted(group.label_of(a), widest), fitted(group.label_of(b), widest)) for a, b, *_ in found
    ]
    row = 38 if narrow else 26
    left = 8.0 if narrow else max(text_width(f"{a} over {b}") for a, b in names) + 14
    left = min(left, width * 0.55)
    low = min(0.0, *(f[3] for f in found)) - 0.02
    high = max(0.0, *(f[4] for f in found)) + 0.02
    height = len(found) * row + 44
    bottom = len(found) * row + 6
    canvas = Canvas(width, height, "Differences of scores; the table below holds the figures")

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - 14 - left)

    for tick in linear_ticks(low, high, 4 if narrow else 7):
        canvas.line(x(tick), 0, x(tick), bottom, "axis" if tick == 0 else "grid")
        canvas.text(
            x(tick),
            bottom + 16,
            f"{tick:+g}".replace("-", "\u2212") if tick else "0",
            "tick",
            "middle",
        )
    canvas.text((left + width) / 2, height - 4, "Difference of scores", "axis-label", "middle")
    for position, (first, second, middle, start, end, apart) in enumerate(found):
        y = position * row + (28 if narrow else 15)
        run = group.run_of(first)
        a, b = names[position]
        canvas.group(
            f"point {run.css if run else ''}{'' if apart else ' faint'}",
            f"{group.label_of(first)} over {group.label_of(second)}: {middle:+.3f} "
            f"({level(data)}: {start:+.3f} to {end:+.3f}); "
            + ("told apart" if apart else "not told apart, all pairs considered"),
        )
        if narrow:
            canvas.text(8, y - 11, f"{a} over {b}", "tick over")
        else:
            canvas.text(left - 10, y + 4, f"{a} over {b}", "tick", "end")
        canvas.line(x(start), y, x(end), y, "whisker thick")
        canvas.mark(x(middle), y, diamond=bool(run and run.is_ensemble), hollow=False, size=4.5)
        canvas.close()
    return canvas.markup()


@view(
    "comparisons",
    title="Pairwise differences",
    caption="Each pair on the same questions, the better one first, each with its own interval. A "
    "faint bar is a pair that the data cannot tell apart once all pairs are considered.",
    section="Agreement",
    svg=draw_svg,
)
def draw_figure(data: ReportData, group: Group) -> Plot:
    """The plot for files."""
    named = plotting.names(group.runs, 110)
    entries = []
    for first, second, middle, start, end, apart in (_ordered(p) for p in _pairs(group)):
        run = group.run_of(first)
        entries.append(
            rows.Entry(
                f"{named.get(first, first)} over {named.get(second, second)}",
                run.colour if run else plotting.INK, Value(middle, start, end),
                formats.signed(middle), diamond=bool(run and run.is_ensemble),
                faint=not apart,
            )
        )  # fmt: skip
    label = f"Difference of scores ({level(data)} paired bootstrap interval)"
    figure = rows.draw([rows.Panel("", tuple(entries), label)])
    figure.axes[0].axvline(0, color="#777777", linewidth=1)
    more = len(group.comparisons) - MOST
    if more > 0:
        note = f"{more:,} pairs that differ less are in the table of comparisons."
        plotting.foot(figure, (), notes=[note])
    return Plot(figure)
