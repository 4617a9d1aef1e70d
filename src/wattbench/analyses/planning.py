"""What it took to let a model plan the searches: beside a run's own energy, never in it.

Planning is done once for a retrieval and a question set, and every run on them uses its queries.
What one run alone would have taken is `energy_gross_j` and `energy_planning_j` together; what a
study took is the sum over runs of the first and, once for each retrieval, of the second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wattbench.analyses.costs import measured
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import reason_for, unknown
from wattbench.tables.files import read_json, read_rows
from wattbench.telemetry.energy import run_energy

ENERGY, UNCERTAINTY = "energy_planning_j", "energy_planning_uncertainty_j"
NO_PLANNER = "no model plans the searches of its retrieval"


def planning_columns(
    study: Study, questions: str, models: Iterable[str]
) -> tuple[dict[str, float | None], list[dict[str, str]]]:
    """Planning energy of a run or of an ensemble's members, and flags.

    A retrieval that several members share was planned once. Uncertainties are added, not squared:
    the jobs are read by meters of one kind, so their errors of calibration go one way.

    Args:
        study: The study.
        questions: Name of the question set.
        models: The run's model, or an ensemble's members.

    Returns:
        Gross energy of all planning in J and its standard uncertainty in J, both None with a flag
        where no model plans or one's energy is unknown.
    """
    retrievals = dict.fromkeys(study.retrieval_of(model) for model in models)
    planned = [name for name in retrievals if study.retrievals[name].planner.model is not None]
    found = [_planning(study, questions, name) for name in planned]
    reason = next((why for why in found if isinstance(why, str)), None)
    if not found:
        reason = NO_PLANNER
    if reason is not None:
        columns = (ENERGY, UNCERTAINTY)
        return dict.fromkeys(columns), [unknown(column, reason) for column in columns]
    known = [one for one in found if not isinstance(one, str)]
    energy, uncertainty = (math.fsum(part) for part in zip(*known, strict=True))
    return {ENERGY: energy, UNCERTAINTY: uncertainty}, []


def _planning(study: Study, questions: str, retrieval: str) -> tuple[float, float] | str:
    """Gross energy of planning and its standard uncertainty, or why they are unknown."""
    layout = Layout(Path(study.study.results))
    segments = layout.queries_segments(questions, retrieval)
    job = layout.queries_job(questions, retrieval)
    if not segments.exists() or not job.exists():
        return f"the planning of retrieval '{retrieval}' left no ledger"
    energy = run_energy(read_rows(segments, SEGMENTS), study.energy)
    row: dict[str, Any]
    row, flags = measured(energy, read_json(job))
    gross, uncertainty = row["energy_gross_j"], row["energy_gross_uncertainty_j"]
    if gross is None or uncertainty is None:
        return reason_for({"flags": flags}, "energy_gross_j") or "the energy was not measured"
    return gross, uncertainty
