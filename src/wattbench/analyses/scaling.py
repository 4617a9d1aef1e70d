"""Scaling over model size: rows of the table `scaling`, and the guide's comparison."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from wattbench.analyses.joint import Joint
from wattbench.analyses.joint_pairs import half_width
from wattbench.scoring.intervals import influence_on_mean
from wattbench.scoring.resamples import Clusters, Reals
from wattbench.tables.spreadsheets import safe_text

Row = dict[str, Any]
J_PER_WH = 3600.0
GIB = 2.0**30
DOLLARS = "USD"

MEASURES = {
    "score": False,
    "value_accuracy": False,
    "energy_per_question_j": True,
    "energy_per_correct_j": True,
    "latency_mean_s": True,
}
"""Columns of `runs` that are fitted, and whether as a power law."""

LEAST_FOR_INTERVAL = 3
"""Two sizes always lie on a line."""

ROUNDING = 1e-12
"""What rounding may leave of a difference that is 0, as a share of the figures."""


@dataclass(frozen=True)
class Line:
    """A least-squares line.

    Args:
        intercept: At x = 0.
        slope: Its slope.
        half: Half of the slope's interval; None where nothing tells it.
        residual_sd: Standard deviation about the line; None likewise.
        r_squared: Share of the variance it explains; None likewise.
    """

    intercept: float
    slope: float
    half: float | None
    residual_sd: float | None
    r_squared: float | None


def fit(x: Reals, y: Reals, level: float) -> Line:
    """Least squares with Student's interval of the slope.

    Args:
        x: At least two different values.
        y: As many values.
        level: Confidence level.
    """
    centred, varied = x - x.mean(), y - y.mean()
    # The mean of equal figures may be another number: what rounding leaves is no variation.
    varied[np.abs(varied) <= ROUNDING * np.abs(y).max()] = 0.0
    spread = float((centred**2).sum())
    slope = float((centred * varied).sum()) / spread
    intercept = float(y.mean()) - slope * float(x.mean())
    if len(np.unique(x)) < LEAST_FOR_INTERVAL:
        return Line(intercept, slope, None, None, None)
    freedom = len(x) - 2
    rest = float(((varied - slope * centred) ** 2).sum())
    total = float((varied**2).sum())
    sd = float(np.sqrt(rest / freedom))
    half = float(special.stdtrit(freedom, 0.5 + level / 2)) * sd / float(np.sqrt(spread))
    return Line(intercept, slope, half, sd, 1 - rest / total if total > 0 else None)


def scaling(runs: Sequence[Mapping[str, Any]], draws: Joint, level: float) -> list[Row]:
    """How figures change with size, within each family of at least two sizes.

    Args:
        runs: Rows of the table `runs` of one question set.
        draws: Their scores and energy, drawn together; runs in the same order.
        level: Confidence level.
    """
    families: dict[str, list[int]] = {}
    for place, row in enumerate(runs):
        if row["kind"] == "model" and row["family"] is not None:
            families.setdefault(row["family"], []).append(place)
    moved = _moved(draws)
    rows: list[Row] = []
    for family, places in families.items():
        for measure in MEASURES:
            line = _fitted(runs, places, measure, moved.get(measure), level)
            if line is not None:
                rows.append({"family": family, **line})
    return rows


@dataclass(frozen=True)
class _Moved:
    """What a measure of the runs varies with, to the first order.

    Args:
        clusters: Which questions belong together.
        questions: How far each question moves it, of shape (questions, runs).
        pseudo: The same of the two pseudo-questions together, squared, of shape (runs,).
        errors: Log of the meters' errors, of shape (draws, runs); 0 where no meter moves it.
    """

    clusters: Clusters
    questions: Reals
    pseudo: Reals
    errors: Reals


def _moved(draws: Joint) -> dict[str, _Moved]:
    """What the measures vary with; those that are powers on the scale of the natural log.

    There are two pseudo-questions, one right and one wrong, as in `paired.differences`: without
    them runs that are all right would have a slope beyond doubt.
    """
    found = draws.standing
    judged = found.verdicts.judged
    hits = found.verdicts.value * judged
    count = np.maximum(judged.sum(axis=0), 1.0)
    share = (hits.sum(axis=0) + 1) / (count + 2)
    value = influence_on_mean(found.verdicts.value, found.whole.value[0], judged)
    joules = len(hits) * draws.parts
    one, none = np.ones(len(count)), np.zeros_like(draws.errors)
    return {
        "score": _Moved(found.clusters, found.influence, one, none),
        "value_accuracy": _Moved(found.clusters, value, one, none),
        "energy_per_question_j": _Moved(found.clusters, joules, none[0], draws.errors),
        "energy_per_correct_j": _Moved(
            found.clusters,
            joules - value / share,
            (share**2 + (1 - share) ** 2) / share**2,
            draws.errors,
        ),
    }


def _fitted(
    runs: Sequence[Mapping[str, Any]],
    places: Sequence[int],
    measure: str,
    moved: _Moved | None,
    level: float,
) -> Row | None:
    power = MEASURES[measure]

    def usable(row: Mapping[str, Any]) -> bool:
        known = row["parameters_b"] is not None and row[measure] is not None
        return known and (not power or row[measure] > 0)

    used = sorted((p for p in places if usable(runs[p])), key=lambda p: runs[p]["parameters_b"])
    sizes = [runs[place]["parameters_b"] for place in used]
    if len(set(sizes)) < LEAST_FOR_INTERVAL - 1:
        return None
    x = np.log10(np.array(sizes, dtype=np.float64))
    y = np.array([runs[place][measure] for place in used], dtype=np.float64)
    line = fit(x, np.log10(y) if power else y, level)
    half = None if moved is None else _sampling(x, used, moved, level)
    if half is not None and power:
        half /= np.log(10)
    return {
        "measure": measure,
        "transform": "log10" if power else "none",
        "runs": [runs[place]["run"] for place in used],
        "excluded": [runs[place]["run"] for place in places if place not in used],
        "size_count": len(set(sizes)),
        "parameters_min_b": sizes[0],
        "parameters_max_b": sizes[-1],
        "intercept": line.intercept,
        "slope": line.slope,
        "slope_low": None if line.half is None else line.slope - line.half,
        "slope_high": None if line.half is None else line.slope + line.half,
        "slope_sampling_low": None if half is None else line.slope - half,
        "slope_sampling_high": None if half is None else line.slope + half,
        "residual_sd": line.residual_sd,
        "r_squared": line.r_squared,
    }


def _sampling(x: Reals, used: Sequence[int], moved: _Moved, level: float) -> float | None:
    """Half of the slope's interval over questions and meters; None where there is but one cluster.

    The slope is a contrast of the runs' figures, so its variance needs no resampling.
    """
    clusters = moved.clusters
    if clusters.count == 1:
        return None
    centred = x - x.mean()
    contrast = centred / (centred**2).sum()
    each = moved.questions[:, used] @ contrast
    squares, single = float((clusters.sums(each[:, None]) ** 2).sum()), float((each**2).sum())
    # A pseudo-question weighs as many questions as its like move as one.
    size = min(max(squares / single, 1.0), clusters.sizes.max()) if single > 0 else 1.0
    pseudo = size**2 * float(moved.pseudo[used] @ contrast**2)
    asking = np.array((squares + pseudo) / len(each) ** 2)
    metering = np.array((moved.errors[:, used] @ contrast).var())
    return float(half_width(asking, metering, clusters, level))


GUIDE = (
    "model", "params_b", "quantization", "run_environment", "hostname", "overall_score",
    "value_accuracy", "ref_overlap", "na_accuracy", "avg_latency_s", "avg_retrieval_s",
    "avg_generation_s", "total_time_s", "vram_allocated_gb", "vram_reserved_gb", "vram_total_gb",
    "gpu_name", "gpu_count", "model_disk_gb", "model_load_time_s", "llm_load_time_s",
    "embedder_load_time_s", "energy_wh", "energy_method", "avg_power_w", "peak_power_w",
    "cpu_rss_peak_gb", "questions", "correct", "wrong", "errors", "input_tokens",
    "output_tokens", "est_cost_usd",
)  # fmt: skip
"""Columns of the guide's comparison over model sizes."""

OWN = ("question_set", "family")
"""Columns in front of the guide's: its table holds one family and one question set."""

DIGITS = {
    "overall_score": 4, "value_accuracy": 4, "ref_overlap": 4, "na_accuracy": 4,
    "avg_latency_s": 2, "avg_retrieval_s": 2, "avg_generation_s": 2, "total_time_s": 1,
    "vram_allocated_gb": 2, "vram_reserved_gb": 2, "vram_total_gb": 1, "energy_wh": 3,
    "avg_power_w": 1, "peak_power_w": 1, "est_cost_usd": 4,
}  # fmt: skip


def guide_row(row: Mapping[str, Any], summary: Mapping[str, Any]) -> Row:
    """A run in the guide's columns; what is not measured is None.

    Args:
        row: Its row of the table `runs`.
        summary: Content of its summary.json.
    """

    def gib(amount: float | None) -> float | None:
        return None if amount is None else amount / GIB

    gross = row["energy_gross_j"]
    in_dollars = row["token_price_currency"] == DOLLARS
    hardware = summary.get("hardware") or {}
    found: Row = dict.fromkeys((*OWN, *GUIDE))
    found |= {
        "question_set": row["questions"],
        "family": row["family"],
        "model": row["run"],
        "params_b": row["parameters_b"],
        "quantization": row["precision"],
        "run_environment": row["environment"],
        "hostname": "; ".join(row["hosts"]) or None,
        "overall_score": row["score"],
        "value_accuracy": row["value_accuracy"],
        "ref_overlap": row["ref_overlap"],
        "na_accuracy": row["na_recall"],
        "avg_latency_s": row["latency_mean_s"],
        "avg_retrieval_s": summary.get("avg_retrieval_seconds"),
        "avg_generation_s": summary.get("avg_generation_seconds"),
        "total_time_s": row["wall_s"],
        "vram_allocated_gb": gib(row["vram_peak_bytes"]),
        "vram_total_gb": gib(hardware.get("gpu_vram_total_bytes")),
        "gpu_name": "; ".join(row["gpu_names"]) or None,
        "gpu_count": hardware.get("gpu_count"),
        "model_disk_gb": gib(row["weights_bytes"]),
        "model_load_time_s": row["load_s"],
        "energy_wh": None if gross is None else gross / J_PER_WH,
        "energy_method": row["energy_method"],
        "avg_power_w": None if gross is None or not row["wall_s"] else gross / row["wall_s"],
        "peak_power_w": hardware.get("gpu_peak_power_watts"),
        "cpu_rss_peak_gb": gib(row["rss_peak_bytes"]),
        "questions": row["question_count"],
        "correct": row["correct"],
        "wrong": row["question_count"] - row["correct"],
        "errors": row["failed"],
        "input_tokens": row["prompt_tokens"],
        "output_tokens": row["completion_tokens"],
        "est_cost_usd": row["token_price"] if in_dollars else None,
    }
    return {
        name: round(value, DIGITS[name]) if name in DIGITS and value is not None else value
        for name, value in found.items()
    }


def guide_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The comparison as CSV; an empty cell is unknown."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*OWN, *GUIDE), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: safe_text(v) if isinstance(v, str) else v for k, v in row.items()})
    return stream.getvalue()


def guide_json(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Row]]]:
    """The comparison by question set, family and size; of two runs of one size the better.

    A run whose size is not known stands under its name.
    """
    found: dict[str, dict[str, dict[str, Row]]] = {}
    for row in sorted(rows, key=lambda row: row["overall_score"]):
        size = row["model"] if row["params_b"] is None else f"{row['params_b']:g}"
        family = found.setdefault(row["question_set"], {}).setdefault(row["family"], {})
        family[size] = dict(row)
    return found
