"""What the report is made from: the tables, grouped by environment and question set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wattbench.errors import InputError
from wattbench.report import palette
from wattbench.report.answers import LEFT_OUT, Answers, Contexts, Votes, by_run, of_place
from wattbench.study.layout import Layout
from wattbench.study.models import SMOKE, Study
from wattbench.study.reporting import Report
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.documents import CONTEXTS, QUESTIONS
from wattbench.tables.files import file_digest, read_arrow
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.verdicts import CALIBRATION, COMPARISONS, HISTOGRAMS, ROC, SCORES, VOTES

Row = dict[str, Any]

NEEDED = (RUNS, QUESTIONS, PREDICTIONS, SCORES)
OPTIONAL = (
    SEGMENTS, SAMPLES, COMPUTE, ENSEMBLES, VOTES, COMPARISONS, QUESTION_TYPES, REPEATS, SCALING,
    CALIBRATION, ROC, HISTOGRAMS, AUDIT,
)  # fmt: skip

COLUMNAR = (PREDICTIONS, SCORES, VOTES, SAMPLES)
"""Tables that may be long: they stay Arrow tables and never become rows as a whole."""


@dataclass(frozen=True)
class Run:
    """One run or ensemble as the report shows it.

    Args:
        row: Its row of the table `runs`.
        label: Its name for people, unique in the group.
        css: Class that carries its colour in the page.
        colour: Its colour on light ground, #rrggbb.
        dark_colour: Its colour on dark ground.
    """

    row: Row
    label: str
    css: str
    colour: str
    dark_colour: str

    @property
    def name(self) -> str:
        """Name of the run in every table."""
        return str(self.row["run"])

    @property
    def is_ensemble(self) -> bool:
        """Whether it votes over other runs."""
        return bool(self.row["kind"] == "ensemble")


@dataclass(frozen=True, eq=False)
class Group:
    """All that belongs to one question set in one environment; equal to itself alone."""

    environment: str
    questions: str
    label: str
    slug: str
    runs: tuple[Run, ...]
    question_rows: tuple[Row, ...]
    answers: Mapping[str, Answers]
    """By run, in the order of the questions, judged under the rule of the headline."""

    segments: tuple[Row, ...]
    samples: Mapping[str, pa.Table]
    """By run."""

    compute: tuple[Row, ...]
    ensembles: tuple[Row, ...]
    votes: Mapping[str, Votes]
    """By ensemble."""

    contexts: Mapping[str, Contexts]
    """By retrieval; one whose file is not there is left out."""

    comparisons: tuple[Row, ...]
    question_types: tuple[Row, ...]
    """Under the rule of the headline."""

    repeats: tuple[Row, ...]
    scaling: tuple[Row, ...]
    calibration: tuple[Row, ...]
    roc: tuple[Row, ...]
    histograms: tuple[Row, ...]
    audit: tuple[Row, ...]

    def label_of(self, run: str) -> str:
        """Label of a run; its name where the group has no such run."""
        return next((r.label for r in self.runs if r.name == run), run)

    def run_of(self, name: str) -> Run | None:
        """The run of that name."""
        return next((r for r in self.runs if r.name == name), None)


@dataclass(frozen=True)
class ReportData:
    """The tables, ready to be shown."""

    study: Study
    groups: tuple[Group, ...]
    filters: dict[str, Any]
    inputs: dict[str, str]
    """sha256 by path relative to the results folder."""

    absent: dict[str, str] = field(default_factory=dict)
    """Reason by name of a table that is not there."""

    analysis: str | None = None
    definition: Report = field(default_factory=Report)
    """What the report shows: the study's `report`, or one of its `reports`."""

    name: str | None = None
    """Name of the report; None for the default one."""

    @property
    def title(self) -> str:
        """Title of the report."""
        return self.definition.title or self.study.report.title or self.study.study.name


def read_report_data(study: Study) -> ReportData:
    """Read every table that the report shows.

    Raises:
        InputError: A table that the report cannot do without is missing or broken, the tables
            hold no run, or the study's analysis file cannot be read.
    """
    layout = Layout(Path(study.study.results))
    tables: dict[str, pa.Table] = {}
    inputs: dict[str, str] = {}
    absent: dict[str, str] = {}
    for table in (*NEEDED, *OPTIONAL):
        path = layout.table(table.name)
        if not path.is_file():
            if table in NEEDED:
                raise InputError(
                    f"the table '{table.name}' is missing.",
                    where=str(path),
                    mend="Run `wattbench aggregate --study <study>` first.",
                )
            absent[table.name] = "the file is not there"
            tables[table.name] = table.empty
            continue
        inputs[path.relative_to(layout.results).as_posix()] = file_digest(path)
        tables[table.name] = _finite(read_arrow(path, table, without=LEFT_OUT))
    if not tables["runs"].num_rows:
        raise InputError(
            "the table 'runs' holds no run, so there is nothing to report.",
            where=str(layout.table("runs")),
            mend="Run the workflow's 'infer' and 'score' stages first.",
        )
    rows = {
        name: data.to_pylist()
        for name, data in tables.items()
        if name not in {t.name for t in COLUMNAR}
    }
    smoke_only = all(str(r["questions"]).endswith(SMOKE) for r in rows["runs"])

    def keep(row: Row) -> bool:
        return smoke_only or not str(row["questions"]).endswith(SMOKE)

    dropped = sorted({str(r["questions"]) for r in rows["runs"] if not keep(r)})
    groups = tuple(
        _groups(
            study,
            {n: [r for r in found if keep(r)] for n, found in rows.items()},
            {t.name: tables[t.name] for t in COLUMNAR},
            _contexts(study, rows["runs"], inputs, absent),
        )
    )
    return ReportData(
        study=study,
        groups=groups,
        filters={
            "question_sets_left_out": dropped,
            "why": "smoke runs ask one question and are never mixed with results"
            if dropped
            else None,
        },
        inputs=inputs,
        absent=absent,
        analysis=analysis_of(study.report),
        definition=study.report,
    )


def _finite(data: pa.Table) -> pa.Table:
    """NaN and infinity as null: neither can be shown as a figure."""
    for position, column in enumerate(data.schema):
        if pa.types.is_floating(column.type):
            values = data.column(position)
            finite = pc.if_else(pc.is_finite(values), values, pa.scalar(None, column.type))
            data = data.set_column(position, column.with_nullable(True), finite)
    return data


def analysis_of(definition: Report) -> str | None:
    """The study's own words that a report shows.

    Raises:
        InputError: The file cannot be read.
    """
    if definition.analysis is None:
        return None
    try:
        return Path(definition.analysis).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the study's own analysis cannot be read: {error}.",
            where=definition.analysis,
            mend="Correct the report's key `analysis`, or leave it out.",
        ) from error


def _contexts(
    study: Study, runs: list[Row], inputs: dict[str, str], absent: dict[str, str]
) -> dict[tuple[str, str], pa.Table]:
    """Contexts by question set and retrieval; notes the files read and those not there.

    Only names of the study become paths.
    """
    layout = Layout(Path(study.study.results))
    found: dict[tuple[str, str], pa.Table] = {}
    for row in runs:
        key = (str(row["questions"]), str(row["retrieval"]))
        if key[0] not in study.questions or key[1] not in study.retrievals or key in found:
            continue
        path = layout.contexts(*key)
        name = path.relative_to(layout.results).as_posix()
        if not path.is_file():
            absent[name] = "the file is not there"
            continue
        inputs[name] = file_digest(path)
        found[key] = read_arrow(path, CONTEXTS)
    return found


def _groups(
    study: Study,
    rows: dict[str, list[Row]],
    columns: dict[str, pa.Table],
    contexts: dict[tuple[str, str], pa.Table],
) -> Iterable[Group]:
    names = list(study.questions)
    keys = sorted(
        {(str(r["environment"]), str(r["questions"])) for r in rows["runs"]},
        key=lambda k: (
            k[0] != study.study.environment,
            k[0],
            names.index(k[1]) if k[1] in names else len(names),
            k[1],
        ),
    )
    environments = {environment for environment, _ in keys}
    slugs = palette.slugs([q if len(environments) == 1 else f"{e}-{q}" for e, q in keys])
    for (environment, questions), slug in zip(keys, slugs, strict=True):
        mine = {
            name: [
                r
                for r in found
                if r["questions"] == questions and r.get("environment", environment) == environment
            ]
            for name, found in rows.items()
        }
        entry = study.questions.get(questions)
        label = (entry.label if entry else None) or questions
        runs = tuple(_runs(study, mine["runs"]))
        rule = {r.name: r.row["rule"] for r in runs}
        long = {
            name: by_run(of_place(data, environment, questions)) for name, data in columns.items()
        }
        asked = tuple(sorted(mine["questions"], key=lambda r: r["position"]))
        ids = pa.array([q["question_id"] for q in asked], pa.string())
        none = {name: data.slice(0, 0) for name, data in columns.items()}
        yield Group(
            environment=environment,
            questions=questions,
            label=label if len(environments) == 1 else f"{label} on {environment}",
            slug=slug,
            runs=runs,
            question_rows=asked,
            answers={
                name: Answers.of(
                    long["predictions"].get(name, none["predictions"]),
                    _under(long["scores"].get(name, none["scores"]), rule[name]),
                    ids,
                )
                for name in rule
            },
            segments=tuple(sorted(mine["segments"], key=lambda r: (r["run"], r["number"]))),
            samples={
                r.name: long["samples"].get(r.name, none["samples"])
                for r in runs
                if not r.is_ensemble
            },
            compute=tuple(sorted(mine["compute"], key=lambda r: r["run"])),
            ensembles=tuple(sorted(mine["ensembles"], key=lambda r: r["run"])),
            votes={name: Votes.of(votes, ids) for name, votes in long["votes"].items()},
            contexts={
                retrieval: Contexts.of(table, ids)
                for (asked_of, retrieval), table in contexts.items()
                if asked_of == questions
            },
            comparisons=_of_rules(mine["comparisons"], rule),
            question_types=_of_rules(mine["question_types"], rule),
            repeats=_of_rules(mine["repeats"], rule),
            scaling=tuple(mine["scaling"]),
            audit=tuple(mine["audit"]),
            calibration=_in_order(mine["calibration"], "bin"),
            roc=_in_order(mine["roc"], "point"),
            histograms=_in_order(mine["histograms"], "bin"),
        )


def _of_rules(rows: list[Row], rules: Mapping[str, str]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row["rule"] in set(rules.values()))


def _in_order(rows: list[Row], column: str) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda r: (r["form"], r["run"], r[column])))


def _under(scores: pa.Table, rule: str) -> pa.Table:
    return scores.filter(pc.equal(scores["rule"], rule))


def _runs(study: Study, rows: list[Row]) -> Iterable[Run]:
    order = [*study.models, *study.ensembles]
    shades = palette.assign(study, [str(r["run"]) for r in rows])
    labels: dict[str, str] = {}
    for row in rows:
        name = str(row["run"])
        entry = study.models.get(name) or study.ensembles.get(name)
        labels[name] = (entry.label if entry else None) or str(row["label"])
    twice = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    best_first = sorted(
        rows,
        key=lambda r: (
            r["score"] is None,
            -(r["score"] or 0.0),
            order.index(r["run"]) if r["run"] in order else len(order),
            r["run"],
        ),
    )
    for row in best_first:
        name = str(row["run"])
        label = labels[name]
        shade = shades[name]
        yield Run(
            row=row,
            label=f"{label} ({name})" if label in twice and label != name else label,
            css=shade.css,
            colour=shade.light,
            dark_colour=shade.dark,
        )
