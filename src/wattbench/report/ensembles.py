"""The report's tables of ensembles: how each votes, and what its members take together."""

from __future__ import annotations

from typing import Any

from wattbench.report import formats, measures
from wattbench.report.data import Group
from wattbench.report.grids import Cell, Grid, Head, count, text, unknown, why_null
from wattbench.report.tables import run_cell
from wattbench.tables.runs import ENSEMBLES

Row = dict[str, Any]

NONE = "The study has no ensemble."


def votes(group: Group) -> Grid:
    """How each ensemble votes, and what that buys."""
    return Grid(
        name="ensembles",
        caption="How each ensemble votes and what that buys. Gain: its score over that of its best "
        "member. Decided by order: questions on which the votes were even.",
        heads=(
            Head("Ensemble"),
            Head("Strategy"),
            Head("Weight of a vote", broad=True),
            Head("Members", broad=True),
            Head("Score", numeric=True),
            Head("Best member", numeric=True),
            Head("Gain", numeric=True),
            Head("Unanimous", numeric=True),
            Head("Decided by order", numeric=True),
        ),
        rows=tuple(_voting(group, row) for row in group.ensembles),
        empty=NONE,
    )


def _voting(group: Group, row: Row) -> tuple[Cell, ...]:
    gain = row["score"] - row["best_member_score"]
    blanks = "blanks dropped" if row["ignore_blank"] else "blanks counted"
    return (
        run_cell(group, row["run"]),
        Cell(
            formats.clean(row["strategy"].replace("_", " ")),
            sort=row["strategy"],
            detail=formats.clean(f"{blanks}, {row['votes']} votes"),
            title="Canonical votes are values, raw votes texts.",
        ),
        text(row["weighed_by"]),
        text(", ".join(group.label_of(m) for m in row["members"])),
        Cell(formats.share(row["score"]), sort=row["score"]),
        Cell(
            formats.share(row["best_member_score"]),
            sort=row["best_member_score"],
            detail=formats.clean(group.label_of(row["best_member"])),
        ),
        Cell(formats.signed(gain), sort=gain),
        count(row["unanimous"]),
        count(row["decided_by_order"]),
    )


def costs(group: Group) -> Grid:
    """What the members of each ensemble take together."""
    return Grid(
        name="ensemble-costs",
        caption="Sums over the members, with \u00b1 one standard uncertainty: what meters have in "
        "common does not average out, what each member has of its own does. Seconds a question "
        "depend on whether members run one after another or side by side.",
        heads=(
            Head("Ensemble"),
            Head("Energy", numeric=True, title="Of all segments of all members"),
            Head("Uncertainty in common", numeric=True, title="Calibration of shared meters"),
            Head("Uncertainty of their own", numeric=True),
            Head("Answering energy", numeric=True),
            Head("Wall time", numeric=True),
            Head("Tokens read", numeric=True),
            Head("Tokens generated", numeric=True),
            Head("Price of tokens", numeric=True),
            Head("Time a question, in turn", numeric=True),
            Head("Side by side", numeric=True, title="Time a question, members side by side"),
        ),
        rows=tuple(_costing(group, row) for row in group.ensembles),
        empty=NONE,
    )


def _costing(group: Group, row: Row) -> tuple[Cell, ...]:
    return (
        run_cell(group, row["run"]),
        _energy(group, row, "energy_gross_j", badge=True),
        _spread(row, "energy_correlated_j"),
        _spread(row, "energy_independent_j"),
        _energy(group, row, "energy_answer_j"),
        Cell(formats.seconds(row["wall_s"]), sort=row["wall_s"]),
        _tokens(row, "prompt_tokens"),
        _tokens(row, "completion_tokens"),
        _price(row),
        _latency(row, "latency_sequential_s"),
        _latency(row, "latency_parallel_s"),
    )


def _energy(group: Group, row: Row, column: str, *, badge: bool = False) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(ENSEMBLES, row, column))
    run = group.run_of(row["run"])
    spread = row[column.replace("_j", "_uncertainty_j")]
    watt_hours = value / formats.JOULES_PER_WH
    return Cell(
        f"{formats.figures(watt_hours)} Wh"
        if run is None
        else measures.energy_text(run, watt_hours, "Wh"),
        sort=value,
        detail=measures.standard_uncertainty(spread),
        badge=measures.energy_badge(run) if badge and run is not None else None,
    )


def _spread(row: Row, column: str) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(ENSEMBLES, row, column))
    return Cell(measures.standard_uncertainty(value), sort=value)


def _tokens(row: Row, column: str) -> Cell:
    value = row[column]
    return unknown(why_null(ENSEMBLES, row, column)) if value is None else count(value)


def _price(row: Row) -> Cell:
    if row["token_price"] is None:
        return unknown(why_null(ENSEMBLES, row, "token_price"))
    return Cell(measures.token_price(row), sort=row["token_price"])


def _latency(row: Row, column: str) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(ENSEMBLES, row, column))
    return Cell(f"{formats.figures(value)} s", sort=value)
