"""The report's tables for a paper: LaTeX that fits the text of an A4 page."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from wattbench.report import formats, measures
from wattbench.report.data import Group, Run
from wattbench.report.findings import nulls
from wattbench.report.grids import Cell
from wattbench.report.latex import Notes, defined, escaped, ruled
from wattbench.tables.runs import RUNS

_BREAKS = re.compile(r"(\\_|[/:])(?=.)")
_NAME = r"p{0.2\linewidth}"
_MACROS = (
    (
        r"\providecommand{\withbelow}[2]{\begin{tabular}[t]{@{}r@{}}"
        r"#1\\[-1pt]{\scriptsize\rule[-1.2ex]{0pt}{1ex}#2}\end{tabular}}"
    ),
    (
        r"\providecommand{\narrow}[1]{\parbox[t]{4.8em}"
        r"{\scriptsize\raggedleft\hyphenpenalty=10000 #1}}"
    ),
)
"""A figure with its interval beneath, and words that are wider than the figures of a column."""
_NULLS = r"@{}p{0.30\linewidth}lp{0.30\linewidth}p{0.17\linewidth}@{}"


def models_latex(group: Group, level: str) -> str:
    """The model table: score, accuracy, energy, latency and memory, intervals beneath.

    Args:
        group: The runs.
        level: The level of the intervals, such as '95 %'.
    """
    notes = Notes()
    interval = escaped(f"{level} CI")
    heads = [
        "Model",
        _below("Score", interval),
        _below("Value acc.", interval),
        _below("J/correct", interval),
        _below("Energy", "Wh"),
        _below("Time", "s/question"),
        _below("VRAM", "GiB"),
    ]
    rows = [
        [_name(run), *(_cell(cell, notes, unit) for cell, unit in _figures(run))]
        for run in group.runs
    ]
    said = [f"Intervals are at the {level} level; energy is given with its standard uncertainty."]
    if any(measures.is_estimate(run) for run in group.runs):
        said.append("A tilde marks an estimate, which is no measurement.")
    return defined(
        [
            r"\par\begingroup\footnotesize\setlength{\tabcolsep}{2.5pt}\noindent",
            *ruled(rf"@{{}}{_NAME}{'r' * (len(heads) - 1)}@{{}}", heads, rows),
            *notes.lines(escaped(" ".join(said))),
            r"\endgroup",
        ],
        *_MACROS,
    )


def _figures(run: Run) -> list[tuple[Cell, str]]:
    """The cells of a run, each with its unit, which stands in the head."""
    return [
        (measures.rated(run, "score", title=""), ""),
        (measures.rated(run, "value_accuracy", title=""), ""),
        (measures.per_correct(run), " J"),
        (measures.gross_wh(run), " Wh"),
        (replace(measures.latency(run), detail=None), " s"),
        (replace(measures.peak_memory(run), detail=None), " GiB"),
    ]


def _name(run: Run) -> str:
    name = _breakable(run.label)
    return r"\raggedright " + (rf"\textbf{{{name}}}" if run.row["headline"] else name)


def _breakable(text: str) -> str:
    """Text that may go on in the next line behind the marks that join names."""
    return _BREAKS.sub(r"\1\\allowbreak{}", escaped(text))


def _cell(cell: Cell, notes: Notes, unit: str) -> str:
    if cell.missing is not None:
        return rf"\narrow{{{notes.mark(cell.text, cell.missing)}}}"
    shown = escaped(cell.text.removesuffix(unit))
    return _below(shown, escaped(cell.detail.removesuffix(unit))) if cell.detail else shown


def _below(above: str, beneath: str) -> str:
    return rf"\withbelow{{{above}}}{{{beneath}}}"


def not_measured_latex(group: Group) -> str:
    r"""Every null of the runs with its reason, over as many pages as it takes (`longtable`)."""
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (table, column, reason), runs in nulls(group).items():
        if table == RUNS.name:
            merged[reason, tuple(dict.fromkeys(runs))].append(column)
    rows = [
        [
            _breakable(", ".join(columns)),
            escaped(formats.NOT_MEASURED),
            _breakable(reason),
            "all" if len(runs) == len(group.runs) else ", ".join(
                _breakable(group.label_of(run)) for run in runs
            ),
        ]
        for (reason, runs), columns in merged.items()
    ]  # fmt: skip
    return defined(
        [
            r"\begingroup\footnotesize\setlength{\tabcolsep}{4pt}",
            rf"\begin{{longtable}}{{{_NULLS}}}",
            r"\toprule",
            r"Columns & Figure & Reason & Runs \\",
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
            *(
                " & ".join(rf"\raggedright {cell}" for cell in row)
                + r" \tabularnewline\addlinespace[2pt]"
                for row in rows
            ),
            r"\end{longtable}",
            r"\endgroup",
        ]
    )
