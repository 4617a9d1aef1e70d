"""Score against joules per question, with intervals on both axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from wattbench.analyses.frontier import frontier
from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.metrics import Value
from wattbench.report.views import plotting, scatter
from wattbench.report.views.placing import Anchor, Box, Placed, place
from wattbench.report.views.registry import NARROW, CannotDraw, Plot, view
from wattbench.report.views.svg import FONT, Canvas, fitted, linear_ticks, log_ticks, text_width

X_LABEL = "Energy per question (J, log scale; less is better)"
FEW = 6
"""Points beside which there is room for the whole sentence of their chance."""

CHANCE = (
    "Halos and percentages: how often a run is on the frontier when questions and meters' errors "
    "are drawn anew."
)
OF_ALL = "How often a run is on the frontier is known among all runs, not among those selected."


@dataclass(frozen=True)
class Point:
    """A run on the plot; joules a question, `high_j` None where the interval has no upper end."""

    run: Run
    energy_j: float
    low_j: float
    high_j: float | None
    score: float
    score_low: float
    score_high: float
    chance: float | None = None
    """Share of resamples in which it is on the frontier, from 0 to 1."""

    @property
    def estimate(self) -> bool:
        """Whether the energy is no measurement."""
        return measures.is_estimate(self.run)

    def label(self, *, short: bool = False) -> str:
        """What stands beside it."""
        if short:
            name = fitted(self.run.label, 130)
            return f"{name} (est.)" if self.estimate else name
        return fitted(self.run.label, 280) + measures.estimate_mark(self.run)

    def chance_text(self, *, short: bool = True) -> str:
        """How often it is on the frontier; empty where nobody knows."""
        if self.chance is None:
            return ""
        share = formats.percent(100 * self.chance)
        return share if short else f"on the frontier in {share} of resamples"

    @property
    def title(self) -> str:
        """All there is to say of it."""
        badge = measures.energy_badge(self.run)
        how = f"{badge.text}: {badge.explanation}" if badge else ""
        return (
            f"{self.run.label}\n"
            f"score {formats.share(self.score)} "
            f"({formats.interval(self.score_low, self.score_high)})\n"
            f"{measures.energy_text(self.run, self.energy_j, 'J')} per question "
            f"({formats.interval(self.low_j, self.high_j, 'figures')})\n{how}"
            f"\n{self.chance_text(short=False)}"
        ).rstrip()


def points(group: Group, *, chances: bool = True) -> list[Point]:
    """Runs whose energy is known.

    It is per question, which is how runs are set on the frontier, and not per correct answer: that
    has the score in it already.

    Args:
        group: The question set.
        chances: Whether they know how often they are on the frontier.
    """
    found = []
    for run in group.runs:
        row = run.row
        energy = row["energy_per_question_j"]
        score = row["score"]
        if energy is None or score is None:
            continue
        low, high = row["energy_per_question_low_j"], row["energy_per_question_high_j"]
        found.append(
            Point(
                run, energy, _or(low, energy), high,
                score, _or(row["score_low"], score), _or(row["score_high"], score),
                row["frontier_probability"] if chances else None,
            )
        )  # fmt: skip
    return found


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value


def without_energy(group: Group) -> list[tuple[Run, str]]:
    """Runs that cannot stand on the plot, with the reason."""
    shown = {p.run.name for p in points(group)}
    return [
        (
            run,
            "its score is not known"
            if run.row["score"] is None
            else formats.clean(measures.no_per_question(run)),
        )
        for run in group.runs
        if run.name not in shown
    ]


def front(found: list[Point]) -> list[Point]:
    """Points that no other beats on both axes, the cheapest first."""
    on = frontier([(p.score, p.energy_j) for p in found])
    kept = [p for p, best in zip(found, on, strict=True) if best]
    return sorted(kept, key=lambda p: (p.energy_j, p.score))


@dataclass(frozen=True)
class Scale:
    """Ends of both axes, and where a value stands on them."""

    box: Box
    low_j: float
    high_j: float
    bottom: float
    top: float

    def x(self, energy: float) -> float:
        """Pixel of an energy."""
        place = math.log(energy / self.low_j) / math.log(self.high_j / self.low_j)
        return self.box.left + min(max(place, 0), 1) * (self.box.right - self.box.left)

    def y(self, score: float) -> float:
        """Pixel of a score."""
        place = (score - self.bottom) / (self.top - self.bottom)
        return self.box.bottom - min(max(place, 0), 1) * (self.box.bottom - self.box.top)


def scale_of(found: list[Point], box: Box) -> Scale:
    """Axes that hold every point and interval with some air."""
    low = min(p.low_j for p in found)
    high = max(max(p.high_j or 0, p.energy_j) for p in found)
    air = max((high / low) ** 0.08, 1.25)
    bottom = max(math.floor((min(p.score_low for p in found) - 0.04) * 10) / 10, 0.0)
    top = min(math.ceil((max(p.score_high for p in found) + 0.02) * 10) / 10, 1.0)
    return Scale(box, low / air, high * air, bottom, max(top, bottom + 0.1))


def _beside(point: Point, *, short: bool) -> str:
    """Its name and chance on one line."""
    return _with_chance(point.label(short=short), point)


def _with_chance(name: str, point: Point) -> str:
    if point.chance is None:
        return name
    # A name that is read from right to left must not take the figure into its order.
    mark = "\u200e" if plotting.literal(name).startswith("\u200e") else ""
    return f"{name}{mark}, {point.chance_text()}"


def lay_out(
    found: list[Point], scale: Scale, size: float, *, short: bool = False, unit: float = 1.0
) -> list[Placed]:
    """Places of the labels."""
    lines: list[Box] = []
    for p in found:
        x, y = scale.x(p.energy_j), scale.y(p.score)
        right = scale.box.right if p.high_j is None else scale.x(p.high_j)
        lines.append(Box(scale.x(p.low_j), y - 2, right, y + 2))
        lines.append(Box(x - 2, scale.y(p.score_high), x + 2, scale.y(p.score_low)))
    anchors = []
    for p in found:
        bold = 1.1 if p.run.row["headline"] else 1.0
        wide = text_width(_beside(p, short=short), size) * bold + 4
        anchors.append(Anchor(scale.x(p.energy_j), scale.y(p.score), wide, size * 1.3))
    air = 10 * unit
    bounds = Box(scale.box.left, scale.box.top, scale.box.right + air, scale.box.bottom)
    return place(anchors, lines, bounds, unit)


def _selected(data: ReportData, group: Group) -> bool:
    """Whether the report shows some of the group's runs only."""
    return any(
        (left["environment"], left["questions"]) == (group.environment, group.questions)
        for left in data.filters.get("runs_left_out", ())
    )


def _needed(data: ReportData, group: Group) -> list[Point]:
    found = points(group, chances=not _selected(data, group))
    if not found:
        raise CannotDraw("no run has a known energy; the reasons are listed below")
    return found


def draw_svg(data: ReportData, group: Group, width: int) -> Markup:
    """The plot for the page."""
    found = _needed(data, group)
    narrow = width <= NARROW
    height = 400 if narrow else 410
    canvas = Canvas(
        width, height,
        "Score against energy per question: "
        + "; ".join(p.title.replace("\n", ", ") for p in found),
    )  # fmt: skip
    box = Box(46 if narrow else 58, 14, width - 12, height - 52)
    scale = scale_of(found, box)
    last = -1e9
    for tick in log_ticks(scale.low_j, scale.high_j):
        x = scale.x(tick)
        canvas.line(x, box.top, x, box.bottom, "grid")
        shown = formats.figures(tick, 2)
        if x - last > text_width(shown) + 8:
            canvas.text(x, box.bottom + 20, shown, "tick", "middle")
            last = x
    for tick in linear_ticks(scale.bottom, scale.top):
        y = scale.y(tick)
        canvas.line(box.left, y, box.right, y, "grid")
        canvas.text(
            box.left - 8,
            y + 4,
            f"{tick:.1f}" if tick * 10 % 1 < 1e-9 else f"{tick:.2f}",
            "tick",
            "end",
        )
    canvas.line(box.left, box.bottom, box.right, box.bottom, "axis")
    canvas.text(
        (box.left + box.right) / 2, height - 8,
        "Energy per question (J, log)" if narrow else X_LABEL, "axis-label", "middle",
    )  # fmt: skip
    canvas.vertical_text(13, (box.top + box.bottom) / 2, "Score", "axis-label")
    best = front(found)
    if len(best) > 1:
        steps = [(scale.x(best[0].energy_j), scale.y(best[0].score))]
        for one, other in pairwise(best):
            steps.append((scale.x(other.energy_j), scale.y(one.score)))
            steps.append((scale.x(other.energy_j), scale.y(other.score)))
        canvas.polyline(steps, "front")
    placed = lay_out(found, scale, FONT, short=narrow)
    for point, spot in zip(found, placed, strict=True):
        x, y = scale.x(point.energy_j), scale.y(point.score)
        canvas.group(f"point {point.run.css}", point.title, tabindex="0")
        _intervals(canvas, scale, point)
        if spot.leader:
            canvas.line(x, y, *_near(spot.box, x, y), "leader")
        canvas.mark(x, y, diamond=point.run.is_ensemble, hollow=point.estimate)
        before = spot.box.right <= x
        canvas.text(
            spot.box.right - 2 if before else spot.box.left + 2,
            spot.box.bottom - FONT * 0.36,
            _beside(point, short=narrow),
            "point-label strong" if point.run.row["headline"] else "point-label",
            "end" if before else "start",
        )  # fmt: skip
        canvas.close()
    return canvas.markup()


def _near(box: Box, x: float, y: float) -> tuple[float, float]:
    return min(max(x, box.left), box.right), min(max(y, box.top + 3), box.bottom - 3)


def _intervals(canvas: Canvas, scale: Scale, point: Point) -> None:
    x, y = scale.x(point.energy_j), scale.y(point.score)
    left = scale.x(point.low_j)
    right = scale.box.right if point.high_j is None else scale.x(point.high_j)
    upper, lower = scale.y(point.score_high), scale.y(point.score_low)
    canvas.line(left, y, right, y, "whisker")
    canvas.line(left, y - 4, left, y + 4, "whisker")
    if point.high_j is None:
        canvas.path(
            f"M{right - 6:.1f} {y - 4:.1f}L{right:.1f} {y:.1f}L{right - 6:.1f} {y + 4:.1f}",
            "whisker",
        )
    else:
        canvas.line(right, y - 4, right, y + 4, "whisker")
    canvas.line(x, upper, x, lower, "whisker")
    canvas.line(x - 4, upper, x + 4, upper, "whisker")
    canvas.line(x - 4, lower, x + 4, lower, "whisker")


@view(
    "frontier",
    title="Accuracy against energy",
    caption="Up and to the left is better. Whiskers are intervals on both axes; the dashed line "
    "joins the runs that no other beats on both; a percentage is how often a run is among them as "
    "questions and meters' errors are drawn anew. Diamonds are ensembles. Hollow marks are "
    "estimates, not measurements.",
    section="Energy and cost",
    svg=draw_svg,
)
def draw_figure(data: ReportData, group: Group) -> Plot:
    """The plot for files."""
    found = _needed(data, group)
    scale = scale_of(found, Box(0, 0, 1, 1))
    marks = [
        scatter.Mark(
            _drawn_beside(p, few=len(found) <= FEW), p.run.colour,
            Value(p.energy_j, p.low_j, p.high_j), Value(p.score, p.score_low, p.score_high),
            scatter.shape_of(p.run), open_right=p.high_j is None, hollow=p.estimate,
            strong=bool(p.run.row["headline"]), halo=p.chance,
        )
        for p in found
    ]  # fmt: skip
    notes = [CHANCE] if any(p.chance is not None for p in found) else []
    if _selected(data, group):
        notes = [OF_ALL]
    thresholds = data.definition.thresholds
    left_out = tuple((run.label, why) for run, why in without_energy(group))
    figure = scatter.draw(
        marks,
        scatter.Axis(X_LABEL, True, (scale.low_j, scale.high_j), thresholds.energy_per_question_j),
        scatter.Axis("Score", ends=(scale.bottom, scale.top), threshold=thresholds.score),
        left_out=left_out, notes=notes, front=True,
    )  # fmt: skip
    return Plot(figure, left_out)


def _drawn_beside(point: Point, *, few: bool) -> str:
    """Name and chance: on two lines where there is room, else cut to one."""
    if few or point.chance is None:
        said = point.chance_text(short=False)
        return plotting.literal(point.label()) + f"\n{said}" * bool(said)
    estimate = " (est.)" if point.estimate else ""
    return _with_chance(plotting.literal(fitted(point.run.label, 190) + estimate), point)
