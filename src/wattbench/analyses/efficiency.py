"""What energy buys: tokens, questions and right values per joule, and intelligence per watt.

docs/decisions/0008 says how the two definitions of intelligence per watt differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattbench.analyses.unpacked import Answers, Reals
from wattbench.tables.contract import reason_for

Row = dict[str, Any]

IDLE_SHARE = 0.01
"""Where no question was in flight for less than this share of answering, idling is left in."""

FROM_ENERGY = (
    "energy_prefill_j", "energy_decode_j", "energy_per_prompt_token_j",
    "energy_per_output_token_j", "tokens_per_j", "questions_per_j", "correct_per_j",
    "power_answer_w", "intelligence_per_joule", "intelligence_per_watt",
    "intelligence_per_joule_reference", "intelligence_per_watt_reference",
)  # fmt: skip
NO_SECONDS = "the backend does not say how long prefill and decode took"
NO_BASELINE = "no idle baseline was measured, and no question was in flight for a while"
NO_TIMES = "no question was asked"


@dataclass(frozen=True)
class Answering:
    """The time of answering.

    Args:
        wall_s: All phases of answering.
        busy_s: Of that, with a question in flight.
        idle_w: Idle power of the devices that the energy covers; None where not measured.
    """

    wall_s: float
    busy_s: float
    idle_w: float | None


def efficiency(
    row: Mapping[str, Any], answers: Answers, segments: Sequence[Row]
) -> tuple[Row, dict[str, str]]:
    """Columns of `runs` that set energy against what it bought, and reasons of nulls.

    Args:
        row: The run's row so far: its energy, tokens, counts and accuracy.
        answers: Its answers.
        segments: Its rows of `segments`.
    """
    energy = row["energy_answer_j"]
    if energy is None:
        why = reason_for(row, "energy_answer_j") or "the answering energy is unknown"
        return dict.fromkeys(FROM_ENERGY), dict.fromkeys(FROM_ENERGY, why)
    rows = answers.of_model
    times = _answering(rows, segments, row)
    found, reasons = _by_phase(energy, rows)
    tokens = row["prompt_tokens"], row["completion_tokens"]
    found["tokens_per_j"] = None if None in tokens or not energy else sum(tokens) / energy
    found["questions_per_j"] = row["answered"] / energy if energy else None
    found["correct_per_j"] = row["correct"] / energy if energy else None
    found["power_answer_w"] = energy / times.wall_s if times.wall_s else None
    intelligence, why_not = _intelligence(energy, row, rows, times)
    return found | intelligence, reasons | why_not


def _by_phase(energy: float, rows: Answers) -> tuple[Row, dict[str, str]]:
    """Answering energy by what the engine did: shared by the seconds of prefill and decode."""
    names = FROM_ENERGY[:4]
    prefill, decode = (float(rows.numbers[name].sum()) for name in ("prefill_s", "decode_s"))
    if not len(rows) or np.isnan(prefill + decode) or prefill + decode <= 0:
        return dict.fromkeys(names), dict.fromkeys(names, NO_SECONDS)
    prefill_j = energy * prefill / (prefill + decode)
    parts = prefill_j, energy - prefill_j
    read = rows.numbers["prompt_tokens"] - np.nan_to_num(rows.numbers["cached_tokens"])
    counts = float(read.sum()), float(rows.numbers["completion_tokens"].sum())
    each = [
        None if np.isnan(count) or not count else part / count
        for part, count in zip(parts, counts, strict=True)
    ]
    return dict(zip(names, (*parts, *each), strict=True)), {}


def _intelligence(
    energy: float, row: Mapping[str, Any], rows: Answers, times: Answering
) -> tuple[Row, dict[str, str]]:
    names = FROM_ENERGY[8:]
    found: Row = dict.fromkeys(names)
    accuracy, count = row["value_accuracy"], row["question_count"]
    if not len(rows) or times.busy_s <= 0 or energy <= 0:
        return found, dict.fromkeys(names, NO_TIMES)
    found["intelligence_per_joule_reference"] = accuracy / (energy / count)
    watts = _watts_by_query(energy, rows)
    found["intelligence_per_watt_reference"] = None if watts is None else accuracy / watts
    idle_s = max(0.0, times.wall_s - times.busy_s)
    if row["energy_method"] == "estimated" or idle_s <= IDLE_SHARE * times.wall_s:
        busy_j = energy
    elif times.idle_w is None:
        return found, dict.fromkeys(names[:2], NO_BASELINE)
    else:
        busy_j = max(0.0, energy - times.idle_w * idle_s)
    if busy_j <= 0:
        return found, dict.fromkeys(names[:2], "all of the answering energy is idling")
    found["intelligence_per_joule"] = accuracy / (busy_j / count)
    found["intelligence_per_watt"] = accuracy / (busy_j / times.busy_s)
    return found, {}


def _watts_by_query(energy: float, rows: Answers) -> float | None:
    """Mean over queries of the energy since the last one ended, over the query's latency."""
    spans = _spans(rows)
    if spans is None:
        return None
    starts, ends = spans
    since = np.diff(ends, prepend=starts.min())
    lasting = ends > starts
    if not lasting.any():
        return None
    watts = energy * since[lasting] / (ends[-1] - starts.min()) / (ends - starts)[lasting]
    mean = float(watts.mean())
    return mean if mean > 0 else None


def _spans(rows: Answers) -> tuple[Reals, Reals] | None:
    """When each question was in flight, in the order they ended; None where one is unknown."""
    waited = np.nan_to_num(rows.numbers["queue_s"])
    starts = rows.end - np.maximum(0.0, rows.numbers["total_s"] - waited)
    if not len(rows) or np.isnan(starts).any() or rows.end.max() <= starts.min():
        return None
    order = np.argsort(rows.end, kind="stable")
    return starts[order], rows.end[order]


def _answering(rows: Answers, segments: Sequence[Row], run: Mapping[str, Any]) -> Answering:
    phases = [p for s in segments for p in s["phases"] if p["phase"] == "answer"]
    wall = math.fsum(phase["wall_s"] for phase in phases)
    ledger = np.unique(rows.segment)
    parts = [rows] if len(ledger) == 1 else [rows.of(rows.segment == one) for one in ledger]
    busy = math.fsum(_union(part) for part in parts)
    kinds = {"gpu"} if run["energy_scope"] == "device" else {"cpu", "memory"}
    idle: list[float | None] = []
    for phase in phases:
        watts = [d["idle_w"] for d in phase["devices"] if d["kind"] in kinds]
        idle.append(None if not watts or None in watts else math.fsum(watts) * phase["wall_s"])
    known = wall > 0 and None not in idle
    mean = math.fsum(one or 0.0 for one in idle) / wall if known else None
    return Answering(wall, min(wall, busy), mean)


def _union(rows: Answers) -> float:
    """Seconds with at least one question of a segment in flight."""
    spans = _spans(rows)
    if spans is None:
        return 0.0
    order = np.argsort(spans[0], kind="stable")
    starts, ends = spans[0][order], spans[1][order]
    reached = np.maximum.accumulate(ends)
    before = np.concatenate(([-np.inf], reached[:-1]))
    return float(np.maximum(0.0, ends - np.maximum(starts, before)).sum())
