"""Seconds, energy and tokens of a result folder, each None where nothing says it."""

from __future__ import annotations

import math

from wattbench.analyses.artifact_files import plain_number
from wattbench.analyses.artifact_tables import ledger_of, row_of
from wattbench.analyses.artifacts import Experiment
from wattbench.analyses.audit.facts import Power, Times, Tokens
from wattbench.analyses.audit.meters import gap_seconds, gpus_of
from wattbench.tables.contract import reason_for

LOCAL = frozenset({"", "hf_local", "local"})
"""The guide's providers that run the model on the job's own machine."""

J_PER_WH = 3600.0
NO_TABLE = (
    "summary.json holds the energy of GPUs alone, and no table 'runs' of this run and version is "
    "there to tell more; `wattbench aggregate` writes it"
)


def times_of(experiment: Experiment) -> Times:
    """Seconds that an experiment's files tell."""
    summary = experiment.summary
    known = [a.latency_s for a in experiment.answers.values() if a.latency_s is not None]
    whole = bool(known) and len(known) == len(experiment.answers)
    mean = (
        math.fsum(known) / len(known) if whole else plain_number(summary.get("avg_latency_seconds"))
    )
    retrieval = plain_number(summary.get("avg_retrieval_seconds"))
    generation = plain_number(summary.get("avg_generation_seconds"))
    # Our latency begins when the contexts are there, the guide's when the search begins.
    parts = [generation] if experiment.ours else [retrieval, generation]
    at_once = (summary.get("config_snapshot") or {}).get("max_concurrent")
    seconds = {
        name: plain_number(value) for name, value in summary.items() if name.endswith("_seconds")
    }
    lowest = min(known, default=0.0)
    return Times(
        latency_mean_s=mean,
        latency_sum_s=None if mean is None else mean * len(experiment.answers),
        latency_max_s=max(known, default=None),
        parts_mean_s=None if None in parts else math.fsum(part or 0.0 for part in parts),
        wall_s=plain_number(summary.get("total_time_seconds")),
        load_s=plain_number((summary.get("hardware") or {}).get("model_load_time_seconds")),
        concurrency=at_once if isinstance(at_once, int) and at_once > 0 else None,
        negative=(
            *(name for name, value in seconds.items() if value is not None and value < 0),
            *(("latency_seconds",) if lowest < 0 else ()),
        ),
    )


def _charged(experiment: Experiment) -> bool:
    if experiment.ours:
        backend = (experiment.summary.get("made_by") or {}).get("backend") or {}
        return bool(backend.get("elsewhere"))
    return str(experiment.summary.get("llm_provider") or "") not in LOCAL


def power_of(experiment: Experiment) -> Power:
    """Energy that an experiment's files tell, or the table `runs` of our results."""
    row = row_of(experiment)
    segments, jobs = ledger_of(experiment)
    given, measured = gpus_of(segments, jobs)
    lost_s = math.fsum(segment["lost_s"] for segment in segments)
    if row is not None:
        return Power(
            energy_j=row["energy_gross_j"],
            uncertainty_j=row["energy_gross_uncertainty_j"],
            reason=reason_for(row, "energy_gross_j"),
            method=row["energy_method"],
            gpus=given,
            measured_gpus=measured,
            lost_s=lost_s,
            gap_s=gap_seconds(segments),
        )
    hardware = experiment.summary.get("hardware") or {}
    energy_wh = plain_number(hardware.get("gpu_energy_wh"))
    count = plain_number(hardware.get("gpu_count"))
    gpus = None if count is None else int(count)
    if not energy_wh or energy_wh < 0 or hardware.get("gpu_energy_method") == "none":
        if experiment.ensemble:
            reason = "an ensemble's folder holds no energy; it is the sum of its members'"
        elif _charged(experiment):
            reason = "the model runs on another machine"
        elif energy_wh is not None:
            reason = f"{energy_wh:g} Wh are not measured"
        else:
            reason = NO_TABLE if experiment.ours else "the folder holds none"
        return Power(reason=reason, gpus=gpus)
    if not experiment.ours:
        # The guide's scripts read device 0 alone, however many GPUs the model is spread over.
        given, measured = gpus, None if gpus is None else 1
    return Power(
        energy_j=energy_wh * J_PER_WH,
        method=hardware.get("gpu_energy_method"),
        mean_w=plain_number(hardware.get("gpu_avg_power_watts")),
        gpus=given,
        measured_gpus=measured,
        lost_s=lost_s,
        gap_s=gap_seconds(segments),
    )


def tokens_of(experiment: Experiment) -> Tokens:
    """Tokens and their price that an experiment's files tell; 0 of either is no count."""
    summary = experiment.summary
    prompt, completion = (plain_number(summary.get(f"{x}_tokens")) for x in ("input", "output"))
    price = plain_number(summary.get("estimated_cost_usd"))
    return Tokens(
        prompt=None if prompt is None else int(prompt),
        completion=None if completion is None else int(completion),
        reason="the folder holds none" if prompt is None else None,
        price=price or None,
        price_reason="it is written as 0" if price == 0 else "the folder holds none",
        charged=_charged(experiment) and not experiment.ensemble,
    )
