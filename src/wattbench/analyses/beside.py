"""What was paid beside answering: planning the searches and judging the answers, by a model.

Both are done once for several runs: planning for a retrieval and a question set, judging for a
question set. So neither is in a run's own energy, time, tokens or price, nor in what is made of
these. What one run alone would have taken is `energy_gross_j` and `energy_planning_j` together;
what a study took is the sum over runs of the first and, once for each retrieval, of the second,
and, once for each question set, of `energy_judging_j`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wattbench.analyses.costs import measured
from wattbench.analyses.prices import summed_prices, token_price
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import reason_for, unknown
from wattbench.tables.files import read_json, read_rows
from wattbench.tables.runs import NOT_JUDGED, NOT_PLANNED
from wattbench.telemetry.energy import run_energy

Row = dict[str, Any]
Flags = list[dict[str, str]]
Columns = tuple[Row, Flags]

SOURCES = {
    "energy_{}_j": "energy_gross_j",
    "energy_{}_uncertainty_j": "energy_gross_uncertainty_j",
    "energy_{}_method": "energy_method",
    "{}_s": "wall_s",
    "{}_prompt_tokens": "prompt_tokens",
    "{}_completion_tokens": "completion_tokens",
    "{}_price": "token_price",
    "{}_price_currency": "token_price_currency",
}
"""Columns of a stage, and those of a run that say the same of answering."""

SUMMED = (
    "energy_gross_j", "energy_gross_uncertainty_j", "wall_s", "prompt_tokens", "completion_tokens",
)  # fmt: skip
TOKENS = ("prompt_tokens", "completion_tokens")
NOT_COUNTED = "the tokens of a reply were not counted, or no reply came"


class Beside:
    """What was paid beside answering a question set; each ledger is read once.

    Args:
        study: The study.
        questions: Name of the question set.
    """

    def __init__(self, study: Study, questions: str) -> None:
        self._study = study
        self._questions = questions
        self._layout = Layout(Path(study.study.results))
        self._planned: dict[str, Row | str] = {}
        self._judging = self._judged()

    def columns(self, models: Iterable[str]) -> Columns:
        """Columns of the table `runs` of a run or an ensemble, and their flags.

        Args:
            models: The run's model, or an ensemble's members.

        Returns:
            The columns; what is unknown, or was not done, is None with a flag.
        """
        planning, flags = self._planning(models)
        judging, more = self._judging
        return planning | judging, [*flags, *more]

    def _planning(self, models: Iterable[str]) -> Columns:
        """Of a retrieval that several members share, planning counts once."""
        names = dict.fromkeys(self._study.retrieval_of(model) for model in models)
        found = []
        for name in names:
            planner = self._study.retrievals[name].planner.model
            if planner is None:
                continue
            if name not in self._planned:
                self._planned[name] = self._taken(
                    planner,
                    self._layout.queries_segments(self._questions, name),
                    self._layout.queries_job(self._questions, name),
                    f"the planning of retrieval '{name}'",
                )
            found.append(self._planned[name])
        return _together("planning", found, NOT_PLANNED)

    def _judged(self) -> Columns:
        judge = self._study.scoring.judge_asked()
        if judge is None:
            return _together("judging", [], NOT_JUDGED)
        place = self._study.study.environment, self._questions
        taken = self._taken(
            judge.model,
            self._layout.judge_segments(*place),
            self._layout.judge_job(*place),
            "judging",
        )
        return _together("judging", [taken], NOT_JUDGED)

    def _taken(self, model: str, segments: Path, job: Path, what: str) -> Row | str:
        """What a stage's job took, in the columns of a run; or why nothing is known of it."""
        if not segments.exists() or not job.exists():
            return f"{what} left no ledger"
        rows, said = read_rows(segments, SEGMENTS), read_json(job)
        energy, flags = measured(run_energy(rows, self._study.energy), said)
        price, told = token_price(self._study, model, said)
        counted = said.get("tokens") or {}
        tokens = {name: counted.get(name.removesuffix("_tokens")) for name in TOKENS}
        flags += [unknown(name, NOT_COUNTED) for name in TOKENS if tokens[name] is None]
        wall = {"wall_s": math.fsum(row["duration_s"] for row in rows)}
        return {"run": what, **energy, **price, **tokens, **wall, "flags": [*flags, *told]}


def _together(stage: str, found: Sequence[Row | str], none: str) -> Columns:
    """The columns of a stage, summed over its jobs.

    Uncertainties are added, not squared: the jobs are read by meters of one kind, so their errors
    of calibration go one way.

    Args:
        stage: Name of the stage.
        found: What each job took, or why that is not known.
        none: Reason where there are no jobs.
    """
    jobs = [one for one in found if not isinstance(one, str)]
    why = next((one for one in found if isinstance(one, str)), None if found else none)
    if why is not None:
        columns = [column.format(stage) for column in SOURCES]
        return dict.fromkeys(columns), [unknown(column, why) for column in columns]
    price, told = summed_prices(jobs)
    row: Row = {name: _sum([job[name] for job in jobs]) for name in SUMMED} | price
    methods = {job["energy_method"] for job in jobs}
    row["energy_method"] = (
        None if None in methods else methods.pop() if len(methods) == 1 else "mixed"
    )
    for source in SOURCES.values():
        if row[source] is None and source not in price:
            job = next(job for job in jobs if job[source] is None)
            reason = reason_for(job, source) or reason_for(job, "energy_gross_j")
            told.append(unknown(source, reason or "it was not measured"))
    told += [flag for job in jobs for flag in job["flags"] if flag["kind"] == "warning"]
    names = {source: column.format(stage) for column, source in SOURCES.items()}
    flags: Flags = []
    for flag in told:
        named = {**flag, "column": names.get(flag["column"], "")}
        if named["column"] and named not in flags:
            flags.append(named)
    return {names[source]: row[source] for source in names}, flags


def _sum(values: Sequence[Any]) -> Any:
    """Sum of values; None where one is unknown."""
    if None in values:
        return None
    return math.fsum(values) if any(isinstance(value, float) for value in values) else sum(values)
